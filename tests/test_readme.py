"""The Python code of the README runs, from the first block to the last."""

import linecache
import re
from pathlib import Path

import numpy as np
import pytest

README = (Path(__file__).parents[1] / "README.md").read_text("utf-8")


def test_the_readmes_python_runs_and_does_what_it_says(tmp_path, monkeypatch):
    pytest.importorskip("pygraphviz")
    monkeypatch.chdir(tmp_path)
    names = {}
    for block in re.findall(r"```python\n(.*?)```", README, re.DOTALL):
        # jit shows the source lines of its calls, and reads them from linecache.
        monkeypatch.setitem(linecache.cache, "README.md", (len(block), None, block.splitlines(True), "README.md"))
        exec(compile(block, "README.md", "exec"), names)
        if "@tg.jit" in block:
            assert names["step"].source.endswith(re.search(r"```text\n(def step.*?)```", README, re.DOTALL)[1])
    np.testing.assert_allclose(
        names["x"].grad,
        np.cos([1, 2, 3]) * 2.5 + [0, *[np.sin([1, 2, 3]).sum() / 2] * 2],
    )
    assert (names["a"].grad, names["b"].grad, names["c"].grad) == (9.0, -2.0, -3.0)
    np.testing.assert_allclose(names["matrix"].grad, 2 * np.linalg.inv(np.eye(3) + 0.1).T)
    table = names["table"]
    assert [table[f"np.{f}"] for f in ("einsum", "linalg.inv", "argsort", "gcd")] == (
        ["composition", "rule", "constant", "refused"]
    )
    assert (tmp_path / "graph.svg").exists()
    assert (tmp_path / "backprop.html").exists()
    assert names["history"].train_loss[-1] < names["history"].train_loss[0] / 3


def test_every_file_that_the_readme_names_is_there():
    for path in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (Path(__file__).parents[1] / path).exists(), path


def test_the_reading_list_has_the_lengths_of_the_files():
    listed = re.findall(r"^\| \[`engine/[^`]+`\]\((\S+)\) \| (\d+) \|", README, re.MULTILINE)
    lengths = {path: len((Path(__file__).parents[1] / path).read_text("utf-8").splitlines()) for path, _ in listed}
    assert {path: int(n) for path, n in listed} == lengths
    assert len(listed) == 4
    assert sum(lengths.values()) <= 950
    assert lengths["tinygrad_edu/engine/backward.py"] <= 150
    assert lengths["tinygrad_edu/engine/tape.py"] <= 200
