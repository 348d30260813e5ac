"""Run every notebook, and the first cell in a fresh environment, which takes minutes.

    python -m pytest tests/lessons/every_notebook.py

The first cell is run as a newcomer runs it: in a virtual environment that has Jupyter's kernel and nothing else, with a
wheel of this checkout beside the notebook. Its pip asks the package index for the other packages.
"""

import json
import subprocess
import sys
import venv

import nbformat
import pytest
from nbclient import NotebookClient
from test_notebooks import EXAMPLES, notebooks


def run(notebook, folder, **options):
    resources = {"metadata": {"path": str(folder)}}
    return NotebookClient(notebook, timeout=600, resources=resources, **options).execute()


def pictures(notebook):
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    return [kind for output in outputs for kind in output.get("data", ()) if kind.startswith("image/")]


@pytest.mark.parametrize("lesson", notebooks.lessons(), ids=lambda path: path.stem)
def test_every_notebook_runs_alone_in_its_folder_and_shows_each_picture_once(lesson, tmp_path):
    notebook = run(notebooks.notebook(lesson), tmp_path)
    saved = [path for path in (tmp_path / "output").iterdir() if path.suffix in (".png", ".gif")]
    assert len(pictures(notebook)) == len(saved) > 0
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    assert [o.data["text/plain"] for o in outputs if o.output_type == "execute_result"] == []  # of a cell's last line


@pytest.fixture(scope="module")
def newcomer(tmp_path_factory):
    """Return a folder with a wheel of this checkout, and the name of a kernel whose environment lacks the library."""
    folder = tmp_path_factory.mktemp("newcomer")
    wheel = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, EXAMPLES.parent]
    subprocess.run(wheel, check=True)
    venv.create(folder / "venv", with_pip=True)
    python = next(path for path in (folder / "venv/bin/python", folder / "venv/Scripts/python.exe") if path.exists())
    subprocess.run([python, "-m", "pip", "install", "--quiet", "ipykernel"], check=True)
    kernel = folder / "kernels" / "newcomer"
    kernel.mkdir(parents=True)
    command = [str(python), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    (kernel / "kernel.json").write_text(json.dumps({"argv": command, "display_name": "newcomer"}), "utf-8")
    return folder


@pytest.mark.parametrize("name", ["four_steps", "weather", "tour"])
def test_the_first_cell_installs_what_a_notebook_needs(newcomer, name, monkeypatch):
    monkeypatch.setenv("JUPYTER_PATH", str(newcomer))
    monkeypatch.delenv("PYTHONPATH", raising=False)
    notebook = notebooks.tour() if name == "tour" else notebooks.notebook(EXAMPLES / f"{name}.py")
    cell = nbformat.v4.new_code_cell("import tinygrad_edu\nprint(tinygrad_edu.__file__)")
    notebook.cells.append(cell)
    run(notebook, newcomer, kernel_name="newcomer")
    assert str(newcomer / "venv") in cell.outputs[0].text
    assert pictures(notebook)
