"""Make a notebook of each lesson, from its cells (`# %%`).

    python examples/site/notebooks.py [FOLDER]

The notebooks are written to FOLDER (default: build/notebooks), without outputs. A notebook needs no other file: its
first cell installs what is missing, and it writes the modules that the lesson imports. The site uses the same function.
The first cell of `examples/tour.ipynb` is updated too, for when the address in pyproject.toml has changed.
"""

import ast
import re
import sys
import tomllib
from pathlib import Path
from typing import Any

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

ROOT = Path(__file__).resolve().parents[2]
REPOSITORY: str = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["urls"]["Repository"]
TOUR = ROOT / "examples" / "tour.ipynb"
PUBLISHED = "blob/gh-pages/notebooks"  # where the repository holds the notebooks that the site is published with
PACKAGES = {"matplotlib": "matplotlib", "pandas": "pandas", "sklearn": "scikit-learn", "vega_datasets": "vega_datasets"}

INSTALL = """\
# Install what is missing. The library comes from a wheel beside this notebook, from the checkout that holds this
# folder, or else from its repository.
from importlib.util import find_spec
from pathlib import Path

REPOSITORY = "{repository}"{remark}
library = ".." if Path("../tinygrad_edu").is_dir() else "git+" + REPOSITORY
library = max(map(str, Path().glob("tinygrad_edu-*.whl")), default=library)
packages = {{"tinygrad_edu": library{others}}}
missing = [source for name, source in packages.items() if not find_spec(name)]
if "git+" in missing:
    raise FileNotFoundError("put a wheel of tinygrad_edu beside this notebook, or set REPOSITORY to its address")
if missing:
    %pip install --quiet {{" ".join(missing)}}"""
NO_ADDRESS = "  # none yet: it is set in pyproject.toml before notebooks are made; you can also set it here"

PICTURES = """\
# The lesson saves its pictures in the folder `output`. This shows each one below the cell that saves it.
from html import escape

from IPython.display import Image, display

__file__ = str(Path("{name}.ipynb").resolve())


def saved_pictures():
    found = [path for path in Path("output").glob("*") if path.suffix in (".png", ".gif", ".html")]
    return sorted((path.stat().st_mtime_ns, path) for path in found)


def show_pictures(result, shown=set(saved_pictures())):
    for time, path in saved_pictures():
        if (time, path) not in shown:
            shown.add((time, path))
            if path.suffix == ".html":
                page = escape(path.read_text("utf-8"))
                frame = f'<iframe title="{{path.name}}" width="100%" height="600" srcdoc="{{page}}"></iframe>'
                display({{"text/html": frame}}, raw=True)
            else:
                display(Image(path))


get_ipython().events.register("post_run_cell", show_pictures)"""


def markdown(text: str) -> str:
    """Return plain text as Markdown that shows the same characters; code between backticks stays code."""
    parts = re.split(r"(`[^`\n]+`)", text)
    return "".join(part if i % 2 else re.sub(r"([\\*_<$~\[\]])", r"\\\1", part) for i, part in enumerate(parts))


def cells(source: str) -> tuple[str, list[tuple[str, str, str]]]:
    """Return a lesson's docstring, and for each of its cells the title, the text below the title, and the code.

    Code above the first `# %%` is a cell without a title.
    """
    start, *parts = re.split(r"^# %%[ ]*", re.sub(r"  # noqa.*", "", source), flags=re.MULTILINE)
    above = "\n".join(start.splitlines()[ast.parse(start).body[0].end_lineno :]).strip("\n")
    found = [("", "", above)] if above else []
    for part in parts:
        title, _, rest = part.partition("\n")
        text = re.match(r"(?:#(?!:).*\n)*", rest)
        assert text is not None
        lines = [line.removeprefix("#").removeprefix(" ") for line in text[0].splitlines()]
        found.append((title, "\n".join(lines), rest[text.end() :].strip("\n")))
    return ast.get_docstring(ast.parse(source)) or "", found


def modules(source: str, folder: Path) -> list[str]:
    """Return the names of the modules beside the lesson that it imports."""
    names = re.findall(r"^(?:from|import) (\w+)", source, re.MULTILINE)
    return [name for name in dict.fromkeys(names) if (folder / f"{name}.py").exists()]


def install_cell(source: str, repository: str = REPOSITORY) -> str:
    """Return the code of a first cell, which installs the library and the packages that this source imports."""
    imported = dict.fromkeys(re.findall(r"^(?:from|import) (\w+)", source, re.MULTILINE))
    needed = {name: PACKAGES[name] for name in imported if name in PACKAGES}
    needed |= {"pygraphviz": "pygraphviz"} if re.search(r"tg\.(draw|explain)\b", source) else {}
    others = "".join(f', "{name}": "{package}"' for name, package in needed.items())
    set_ = not is_placeholder(repository)
    return INSTALL.format(repository=repository if set_ else "", remark="" if set_ else NO_ADDRESS, others=others)


def is_placeholder(repository: str) -> bool:
    """Tell whether an address is one of those that nobody can own (RFC 2606)."""
    return re.match(r"https?://(\w+\.)*example\.(com|net|org)\b", repository) is not None


def colab_link(path: str, repository: str = REPOSITORY) -> str:
    """Return Markdown with a link that opens a notebook in Colab; `path` begins at the repository, "blob/main/..."."""
    if place := re.fullmatch(r"https://github\.com/([\w.-]+/[\w.-]+?)(?:\.git)?/?", repository):
        return f"[Open in Colab](https://colab.research.google.com/github/{place[1]}/{path})"
    return (
        "[Open Colab](https://colab.research.google.com/), upload this notebook, and in *Files* a wheel of tinygrad_edu"
        " (`python -m pip wheel --no-deps .` makes one): the first cell installs it. When the project has an address on"
        " GitHub, set it in `pyproject.toml` and make the notebooks again: then this link opens the notebook itself."
    )


def notebook(lesson: Path, repository: str = REPOSITORY) -> Any:
    """Return the notebook of a lesson, a nbformat NotebookNode without outputs. It is the same at each call.

    Three kinds of cells are not the lesson's, and have the tag "hide-input": they install packages, write the modules
    that the lesson imports, and show its pictures.
    """
    source = lesson.read_text("utf-8")
    about, parts = cells(source)
    # The notebook is the lesson: its command is left out, but for options. In code, -- stays two characters.
    about = re.sub(r"^    python examples/\w+\.py\n", "", about, flags=re.MULTILINE)
    options = r"With options, the program is run by `\1`."
    about = re.sub(r"^    ((?:python|mpiexec) .*)$", options, about, flags=re.MULTILINE)
    title, _, text = about.partition("\n")
    link = colab_link(f"{PUBLISHED}/{lesson.stem}.ipynb", repository)
    beside = {name: (lesson.parent / f"{name}.py").read_text("utf-8") for name in modules(source, lesson.parent)}
    hidden = {"metadata": {"tags": ["hide-input"]}}
    found = [new_markdown_cell(f"# {markdown(title.rstrip('.'))}\n\n{markdown(text.strip())}\n\n{link}")]
    found.append(new_code_cell(install_cell("\n".join([source, *beside.values()]), repository), **hidden))
    found += [new_code_cell(f"%%writefile {name}.py\n{code.rstrip()}", **hidden) for name, code in beside.items()]
    found.append(new_code_cell(PICTURES.format(name=lesson.stem), **hidden))
    for title, text, code in parts:
        found += [new_markdown_cell(f"## {markdown(title)}\n\n{markdown(text)}".strip())] if title else []
        found += [new_code_cell(code)] if code else []
    for i, cell in enumerate(found):
        cell["id"] = f"{lesson.stem}-{i}"
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return new_notebook(cells=found, metadata={"kernelspec": kernel, "language_info": {"name": "python"}})


def lessons() -> list[Path]:
    """Return the paths of the lessons: the programs in `examples` that have cells."""
    return [path for path in sorted((ROOT / "examples").glob("*.py")) if "\n# %%" in path.read_text("utf-8")]


def tour(repository: str = REPOSITORY) -> Any:
    """Return the notebook `examples/tour.ipynb`, with the link and the installation in its first cells updated."""
    found = nbformat.read(TOUR, as_version=4)
    text, first, *rest = found.cells
    start = "%matplotlib inline\n"
    code = start + first.source.partition(start)[2]
    needed = "\n".join([code, *(cell.source for cell in rest if cell.cell_type == "code")])
    first.source = install_cell(needed, repository) + "\n\n" + code
    paragraphs = [p for p in text.source.split("\n\n") if not p.startswith("[Open ")]
    text.source = "\n\n".join([*paragraphs, colab_link("blob/main/examples/tour.ipynb", repository)])
    return found


def main(folder: Path) -> None:
    """Write the notebooks of all lessons to a folder, and update the tour."""
    nbformat.write(tour(), TOUR)
    folder.mkdir(parents=True, exist_ok=True)
    for lesson in lessons():
        nbformat.write(notebook(lesson), folder / f"{lesson.stem}.ipynb")
    print(f"wrote {len(lessons())} notebooks to {folder}")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if sys.argv[1:] else ROOT / "build" / "notebooks")
