"""Make a notebook of a lesson: each of its `# %%` cells becomes a cell of text and a cell of code."""

import ast
import re
from pathlib import Path

import nbformat
from nbformat import NotebookNode, v4

# Lessons save their pictures. Run in the first cell of a notebook, this code also shows each picture below the cell
# that saves it. `__file__` and the arguments are then what they are when the lesson runs as a program.
SHOW_PICTURES = """
import html, sys
from pathlib import Path
from IPython.display import HTML, SVG, Image, display

__file__ = str(Path({program!r}).resolve())
sys.argv, shown = [__file__], {{}}
sys.path.insert(0, str(Path(__file__).parent))


def picture(path):
    if path.suffix == ".html":
        page = html.escape(path.read_text(encoding="utf-8"))
        return HTML(f'<iframe srcdoc="{{page}}" title="{{path.name}}" width="100%" height="620"></iframe>')
    return SVG(path) if path.suffix == ".svg" else Image(path)


def show_new_pictures(result=None):
    for path in sorted((Path(__file__).parent / "output").glob("*"), key=lambda p: p.stat().st_mtime_ns):
        if shown.get(path) != (changed := path.stat().st_mtime_ns) and path.suffix in {kinds!r}:
            shown[path] = changed
            if not (path.suffix == ".png" and path.with_suffix(".svg") in shown):  # the same picture
                display(picture(path))


get_ipython().events.register("post_run_cell", show_new_pictures)
""".strip()
KINDS = (".gif", ".html", ".png", ".svg")


def show_pictures(program: str) -> str:
    """Return the first cell of a notebook that runs the lesson at this path as a program and shows its pictures."""
    return SHOW_PICTURES.format(program=program, kinds=KINDS)


def parts(source: str) -> list[tuple[str, str]]:
    """Return (text, code) of each cell of a lesson: text in Markdown, and the code that follows it.

    The first text is the docstring of the lesson. The comments at the start of each later cell are its text.
    """
    head, *cells = re.split(r"^# %% ?", source, flags=re.MULTILINE)
    title, _, text = (ast.get_docstring(ast.parse(source)) or "").partition("\n")
    found = [(f"# {title.removesuffix('.')}\n{text}", re.sub(r'\A""".*?"""\n', "", head, flags=re.DOTALL))]
    for cell in cells:
        title, _, rest = cell.partition("\n")
        comments = re.match(r"(?:#.*\n)*", rest)
        assert comments
        text = re.sub(r"^# ?", "", comments[0], flags=re.MULTILINE)
        found.append((f"## {title}\n\n{text}", rest[comments.end() :]))
    return [(text.strip(), code.strip()) for text, code in found]


def notebook(lesson: Path, *first: NotebookNode) -> NotebookNode:
    """Return the notebook of a lesson, a path of examples/*.py; the cells `first` come before its own."""
    cells = list(first)
    for text, code in parts(lesson.read_text("utf-8")):
        cells.append(v4.new_markdown_cell(text))
        if code:
            cells.append(v4.new_code_cell(code))
    for n, cell in enumerate(cells):
        cell.id = f"{lesson.stem}-{n}"  # the same in each build
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    made: NotebookNode = v4.new_notebook(cells=cells, metadata=metadata)
    nbformat.validate(made)
    return made
