"""Change a number and run it again, the README says: a lesson takes fewer steps than it prints, and other sizes."""

import runpy
import shutil
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
CHANGES = [
    ("four_steps", "0.06, 40", "2.0, 3"),
    ("line_fit", "0.01, 1_000", "0.01, 2"),
    ("scalar_backprop", "range(50)", "range(5)"),
    ("moons", "100, 5, 1e-4", "1, 5, 1e-4"),
    ("names_mlp", "3, 10, 100, 3_000, 64", "5, 2, 8, 2, 8"),
]


@pytest.mark.parametrize(("name", "before", "after"), CHANGES)
def test_a_lesson_with_another_number_runs_to_its_end(name, before, after, tmp_path, monkeypatch):
    pytest.importorskip("pygraphviz")
    text = (EXAMPLES / f"{name}.py").read_text("utf-8")
    assert text.count(before) == 1
    shutil.copy(EXAMPLES / "towns.py", tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / f"{name}.py").write_text(text.replace(before, after), "utf-8")
    runpy.run_path(str(tmp_path / f"{name}.py"), run_name="__main__")
    assert list((tmp_path / "output").iterdir())


def test_names_longer_than_a_row_are_cut():
    pytest.importorskip("vega_datasets")
    x, y = runpy.run_path(str(EXAMPLES / "towns.py"))["sequences"](["abcd", "a"], 3)
    assert x.tolist() == [[0, 1, 2], [0, 1, 0]]
    assert y.tolist() == [[1, 2, 3], [1, 0, -1]]
