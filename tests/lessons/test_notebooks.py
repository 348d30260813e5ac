"""The notebooks made of the lessons: their cells, their links and their pictures; every_notebook.py runs them all."""

import ast
import importlib.util
import re
import shutil
from pathlib import Path

import nbformat
import pytest
from IPython.core.inputtransformer2 import TransformerManager
from nbclient import NotebookClient

EXAMPLES = Path(__file__).parents[2] / "examples"
spec = importlib.util.spec_from_file_location("notebooks", EXAMPLES / "site" / "notebooks.py")
notebooks = importlib.util.module_from_spec(spec)
spec.loader.exec_module(notebooks)


def hidden(cell):
    return "hide-input" in cell.metadata.get("tags", [])


@pytest.mark.parametrize("lesson", notebooks.lessons(), ids=lambda path: path.stem)
def test_a_notebook_has_the_code_and_the_text_of_its_lesson(lesson):
    notebook = notebooks.notebook(lesson)
    nbformat.validate(notebook)
    assert notebook == notebooks.notebook(lesson)
    own = [cell.source for cell in notebook.cells if cell.cell_type == "code" and not hidden(cell)]
    program = ast.parse(lesson.read_text("utf-8"))
    assert ast.unparse(ast.parse("\n".join(own))) == ast.unparse(program.body[1:])
    for cell in notebook.cells:
        if hidden(cell) and not cell.source.startswith("%%"):
            ast.parse(TransformerManager().transform_cell(cell.source))
    text = "\n".join(re.sub(r"\\(.)", r"\1", cell.source) for cell in notebook.cells if cell.cell_type == "markdown")
    comments = re.findall(r"^# (?:%% )?(.+)$", lesson.read_text("utf-8"), re.MULTILINE)
    assert [comment for comment in comments if comment not in text and comment not in "\n".join(own)] == []
    for paragraph in ast.get_docstring(program).split("\n\n")[1:]:
        if not paragraph.startswith("    python examples/"):
            assert paragraph in text
        for command in paragraph.splitlines()[1:] if paragraph.startswith("    python examples/") else ():
            assert f" by `{command.strip()}`." in text  # as code, with --, not as a dash


def test_text_shows_the_characters_that_it_has():
    assert notebooks.markdown("2 * a_b < `c * d_e` [1]") == r"2 \* a\_b \< `c * d_e` \[1\]"


@pytest.mark.parametrize(
    "address", ["https://github.com/a-b/c.d", "https://github.com/a-b/c.d/", "https://github.com/a-b/c.d.git"]
)
def test_the_one_address_gives_the_link_to_colab_and_the_installation(address):
    notebook = notebooks.notebook(EXAMPLES / "names.py", address)
    link = "(https://colab.research.google.com/github/a-b/c.d/blob/gh-pages/notebooks/names.ipynb)"
    assert link in notebook.cells[0].source
    assert f'REPOSITORY = "{address}"\n' in notebook.cells[1].source


def test_without_an_address_the_notebook_says_what_to_set_and_how_to_go_on(tmp_path, monkeypatch):
    address = "https://example.org/tinygrad_edu"
    notebook = notebooks.notebook(EXAMPLES / "names.py", address)
    assert "(https://colab.research.google.com/), upload this notebook" in notebook.cells[0].source
    assert "set it in `pyproject.toml`" in notebook.cells[0].source
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "tinygrad_edu" else name)
    with pytest.raises(FileNotFoundError, match="put a wheel of tinygrad_edu beside this notebook, or set REPOSITORY"):
        exec(TransformerManager().transform_cell(notebook.cells[1].source), {})


def test_the_tour_has_the_same_first_cell():
    assert nbformat.read(notebooks.TOUR, 4) == notebooks.tour(), "run python examples/site/notebooks.py"


def test_a_notebook_needs_no_file_beside_it_and_shows_the_lessons_pictures(tmp_path, monkeypatch):
    pytest.importorskip("pygraphviz")
    monkeypatch.setattr(notebooks, "TOUR", shutil.copy(notebooks.TOUR, tmp_path.parent / "tour.ipynb"))
    notebooks.main(tmp_path)
    assert {path.stem for path in tmp_path.iterdir()} == {path.stem for path in notebooks.lessons()}
    notebook = nbformat.read(tmp_path / "scalar_backprop.ipynb", as_version=4)
    NotebookClient(notebook, timeout=60, resources={"metadata": {"path": str(tmp_path)}}).execute()
    shown = [kind for cell in notebook.cells for o in cell.get("outputs", ()) for kind in o.get("data", ())]
    assert sorted(kind for kind in shown if kind != "text/plain") == ["image/png", "image/png", "text/html"]
    errors = [o.text for cell in notebook.cells for o in cell.get("outputs", ()) if o.get("name") == "stderr"]
    assert errors == []
