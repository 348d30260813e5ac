"""The notebook runs and its outputs are current; `jupyter execute --inplace examples/tour.ipynb` updates them."""

import re
import shutil
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

TOUR = Path(__file__).parents[2] / "examples" / "tour.ipynb"
NUMBER = re.compile(r"-?\d+(?:\.\d*)?(?:e[+-]?\d+)?")


@pytest.fixture(scope="module")
def stored():
    return nbformat.read(TOUR, as_version=4)


@pytest.fixture(scope="module")
def fresh(tmp_path_factory):
    """Run the notebook from top to bottom in a new folder; raise an error if a cell fails."""
    folder = tmp_path_factory.mktemp("tour")
    notebook = nbformat.read(shutil.copy(TOUR, folder), as_version=4)
    resources = {"metadata": {"path": str(folder)}}
    return NotebookClient(notebook, timeout=60, coalesce_streams=True, resources=resources).execute()


def outputs(notebook):
    """Return [(tags of the cell, {kind of output: output})] of all code cells."""
    found = []
    for cell in notebook.cells:
        if cell.cell_type == "code":
            shown = {}
            for output in cell.outputs:
                shown |= {output.name: output.text} if output.output_type == "stream" else output.data
            found.append((cell.metadata.get("tags", []), shown))
    return found


def test_the_stored_outputs_are_of_one_run_in_order_and_the_file_is_small(stored):
    cells = [cell for cell in stored.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    assert TOUR.stat().st_size < 400_000
    kinds = [kind for _, shown in outputs(stored) for kind in shown]
    assert (kinds.count("image/svg+xml"), kinds.count("image/png")) == (2, 3)
    assert "stderr" not in kinds


def test_it_runs_and_gives_the_stored_outputs(stored, fresh):
    pytest.importorskip("pygraphviz")
    for (tags, before), (_, now) in zip(outputs(stored), outputs(fresh), strict=True):
        assert before.keys() == now.keys()
        if "time" in tags:  # its times differ from run to run
            continue
        for kind in before.keys() & {"stdout", "text/plain"}:
            then, today = (re.sub(r"\S*?\d+\.py:", "cell:", shown[kind]) for shown in (before, now))
            assert NUMBER.sub("#", then).split() == NUMBER.sub("#", today).split()
            numbers = [[float(number) for number in NUMBER.findall(text)] for text in (then, today)]
            assert numbers[1] == pytest.approx(numbers[0], rel=1e-4, abs=1e-12)
