import ast
import shutil
from pathlib import Path

import numpy as np
import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(scope="module")
def shown(lesson):
    return lesson("gpt")


def read_by(folder):
    """The text that the lesson reads as a notebook in a folder: it runs up to the line that makes the text."""
    before, _, _ = (EXAMPLES / "gpt.py").read_text("utf-8").partition("characters = ")
    names = {"__file__": str(folder / "gpt.ipynb")}
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(EXAMPLES)
        exec(before, names)
    return names["text"]


def test_its_notebook_reads_the_lessons_where_they_are_and_otherwise_the_library(tmp_path):
    beside, alone = tmp_path / "examples", tmp_path / "alone"
    beside.mkdir()
    alone.mkdir()
    for program in EXAMPLES.glob("*.py"):
        shutil.copy(program, beside)
    shutil.copy(EXAMPLES / "transformer.py", alone)  # which the notebook itself writes
    for i in range(20):
        (alone / f"own{i}.py").write_bytes(b"name = '\xe9'  # coding: latin-1")
    assert ast.get_docstring(ast.parse((EXAMPLES / "gpt.py").read_text("utf-8"))) in read_by(beside)
    assert "def backpropagate" in read_by(alone)


def test_it_predicts_the_next_character_better_than_pairs_do(shown):
    assert shown["valid_loss"] < shown["pairs_loss"] - 0.3
    assert shown["pairs_loss"] < np.log(len(shown["characters"])) - 1
    assert np.mean(shown["losses"][-50:]) < np.mean(shown["losses"][:50]) / 1.5


def test_the_recorded_step_is_faster(shown):
    assert shown["seconds"]["recorded"] < 1.1 * shown["seconds"]["not recorded"]


def test_the_maps_are_weights_of_earlier_places(shown):
    maps = shown["maps"]
    assert maps.shape == (2, 4, len(shown["line"]), len(shown["line"]))
    np.testing.assert_allclose(maps.sum(axis=-1), 1, rtol=1e-5)
    assert not np.triu(maps, 1).any()


def test_it_writes_on(shown):
    assert shown["sample"].startswith("The gradient ")
    assert len(shown["sample"]) == 313
    assert [path.name for path in shown["OUTPUT"].iterdir()] == ["gpt_attention.png"]
