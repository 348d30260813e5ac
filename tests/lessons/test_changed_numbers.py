"""Change a number and run it again, the README says: fewer steps than a lesson prints and draws are no error."""

import runpy
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
CHANGES = [
    ("four_steps", "0.06, 40", "2.0, 3"),
    ("moons", "100, 5, 1e-4", "1, 5, 1e-4"),
    ("line_fit", "0.01, 1_000", "0.01, 2"),
    ("scalar_backprop", "range(50)", "range(5)"),
]


@pytest.mark.parametrize(("name", "before", "after"), CHANGES)
def test_a_lesson_with_fewer_steps_runs_to_its_end(name, before, after, tmp_path):
    pytest.importorskip("pygraphviz")
    text = (EXAMPLES / f"{name}.py").read_text("utf-8")
    assert text.count(before) == 1
    (tmp_path / f"{name}.py").write_text(text.replace(before, after), "utf-8")
    runpy.run_path(str(tmp_path / f"{name}.py"), run_name="__main__")
    assert list((tmp_path / "output").iterdir())
