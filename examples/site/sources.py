"""The sources of the site: from pages/*.md, the README, the lessons, the exercises, the engine and the docstrings."""

import ast
import os
import re
import runpy
from functools import partial
from pathlib import Path

import nbformat
from reference import PAGES, page_text
from relink import ROOT, Site, between, readme, with_headings

EXAMPLES, ENGINE = ROOT / "examples", ROOT / "tinygrad_edu" / "engine"
PAGES_BY_HAND = Path(__file__).parent / "pages"
DOCUMENTS = {f"examples/{path.name}": path.name for path in sorted(EXAMPLES.glob("*.md"))}  # file: page
SECTIONS = {  # heading of the README: page
    "Lessons on gradient descent": "lessons/index.md",
    "A tour": "guide.md",
    "Conventions for special cases": "conventions.md",
    "Reading the engine": "engine/index.md",
    "Start": "index.md",
}
FILES = {"examples/cheat_sheet.html": "files/cheat_sheet.html"}  # what pages link to as it is
SPEED = ("The table shows the time of one step.", "**When it goes wrong.**")
READ_FIRST = ("rules/elementwise.py", "backward.py", "tape.py", "tensor.py")


def lessons() -> list[str]:
    """Return the names of the lessons, in the order of the README's table."""
    text = (ROOT / "README.md").read_text("utf-8")
    return re.findall(r"^\| \d+ \| `(\w+)\.py` \|", text, re.MULTILINE)


def exercises() -> list[str]:
    """Return the names of the exercises: first those of lessons, in the lessons' order, then the others."""
    names = [path.stem for path in sorted((EXAMPLES / "exercises" / "solutions").glob("*.txt"))]
    order = lessons()
    return sorted(names, key=lambda name: order.index(name) if name in order else len(order))


def engine_files() -> list[str]:
    """Return the files of the engine, those first that the README says to read first."""
    others = sorted(path.relative_to(ENGINE).as_posix() for path in ENGINE.rglob("*.py"))
    return [*READ_FIRST, *(name for name in others if name not in READ_FIRST and not name.endswith("__init__.py"))]


def engine_file_page(name: str) -> str:
    """Return the page of a file of the engine."""
    return f"engine/{name.removesuffix('.py')}.md"


def site(folder: Path) -> Site:
    """Return the map of the site: which file of the repository is on which of its pages."""
    pages = dict(DOCUMENTS) | {
        "README.md": "index.md",
        "examples": "lessons/index.md",
        "examples/tour.ipynb": "tour.ipynb",
    }
    pages |= {f"examples/{name}.py": f"lessons/{name}.ipynb" for name in lessons()}
    pages |= {f"examples/exercises/{name}.py": f"exercises/{name}.md" for name in exercises()}
    pages |= {f"tinygrad_edu/engine/{name}": engine_file_page(name) for name in engine_files()}
    pages |= FILES | {"examples/exercises": "exercises/index.md", "tinygrad_edu/engine/rules": "engine/index.md"}
    anchors = {re.sub(r"[^\w ]", "", title).lower().replace(" ", "-"): page for title, page in SECTIONS.items()}
    return Site(folder, pages, anchors)


def make(folder: Path, notebooks: dict[str, nbformat.NotebookNode], playground: bool) -> None:
    """Write all sources of the site to a folder: pages, pictures, and the notebooks of lessons, which have been run."""
    made = site(folder)
    text = (ROOT / "README.md").read_text("utf-8")
    exercises_said = between(text, "**Exercises.**", "## A tour")
    tour, speed = readme(text, "A tour"), between(text, *SPEED)
    parts = {
        "readme": readme(text, ""), "start": readme(text, "Start"), "speed": speed,
        "tour": with_headings(tour.replace(speed, "How fast a step is, also in other libraries: [Speed](#speed).")),
        "lessons": readme(text, "Lessons on gradient descent").replace(exercises_said, ""),
        "exercises": exercises_said.replace("**Exercises.** ", ""),
        "conventions": readme(text, "Conventions for special cases"), "engine": readme(text, "Reading the engine"),
    }  # fmt: skip
    made.sections["speed"] = "speed.md"
    first = (PAGES_BY_HAND / "index.md").read_text("utf-8")
    lists = {
        "list of lessons": "\n".join(f"{n}. {titled(name)}" for n, name in enumerate(lessons(), 1)),
        "list of exercises": "\n".join(map(titled, exercises())),
        "list of engine files": "\n".join(name.removesuffix(".py") for name in engine_files()),
        "list of reference pages": "\n".join(page.file for page in PAGES),
        "table of exercises": table_of_exercises(made), "table of the reference": table_of_the_reference(),
        "list of other documents": "\n".join(page for page in DOCUMENTS.values() if f"\n{page[:-3]}\n" not in first),
        "playground": PLAYGROUND if playground else "",
    }  # fmt: skip
    for path in sorted(PAGES_BY_HAND.rglob("*.md")):
        page = path.relative_to(PAGES_BY_HAND).as_posix()
        values = {name: partial(made.convert, part, "", page) for name, part in parts.items()}
        values |= {name: partial(str, part) for name, part in lists.items()}
        made.write(page, with_paths(made.fill(path.read_text("utf-8"), values), folder / page))
    for document, page in DOCUMENTS.items():
        made.write(page, made.convert((ROOT / document).read_text("utf-8"), "examples", page))
    for name, notebook in notebooks.items():
        page = "tour.ipynb" if name == "tour" else f"lessons/{name}.ipynb"
        for cell in notebook.cells:
            if cell.cell_type == "markdown":
                cell.source = made.convert(cell.source, "examples", page)
        if name != "tour":
            finish_lesson(name, notebook)
        made.write(page, nbformat.writes(notebook))
    for name in exercises():
        made.write(f"exercises/{name}.md", exercise_page(made, name))
    for name in engine_files():
        made.write(engine_file_page(name), engine_page(folder, name))
    for group in PAGES:
        made.write(f"reference/{group.file}.rst", page_text(group))
    made.finish(FILES)


def titled(name: str) -> str:
    """Return the short title of a lesson or an exercise, and its page, as a list of pages takes them."""
    words = name.replace("_", " ").replace("mlp", "MLP").replace("gpt", "GPT")
    return f"{words[0].upper()}{words[1:]} <{name}>"


PLAYGROUND = (
    '- <a href="playground/index.html">The playground</a>: the library in your browser, with nothing to install.'
    " (From a folder on your disk it needs a server: `python -m http.server --directory build/site`.)"
)


def with_paths(text: str, page: Path) -> str:
    """Return a page in which `<tinygrad_edu/...>` of literalinclude is the path from the page to that file."""
    there = os.path.relpath(ROOT, page.parent).replace(os.sep, "/")
    return re.sub(r"(\{literalinclude\} )(?=tinygrad_edu/|examples/)", rf"\g<1>{there}/", text)


def finish_lesson(name: str, notebook: nbformat.NotebookNode) -> None:
    """Give the page of a lesson its links: to the lesson as a notebook at its start, to the exercise at its end."""
    first = notebook.cells[0]
    shown = [s for s in first.source.split("\n\n") if "colab." not in s or "colab.research.google.com/github/" in s]
    link = f'<a href="../notebooks/{name}.ipynb" download>This lesson as a notebook</a>, for Jupyter or Colab.'
    first.source = "\n\n".join([*shown, link])
    if name not in exercises():
        return
    text = f"## Try it yourself\n\nThe [exercise of this lesson](../exercises/{name}.md), with checks that answer."
    notebook.cells.append(nbformat.v4.new_markdown_cell(text, id=f"{name}-exercise"))


def described(program: str) -> tuple[str, str]:
    """Return the first line and the rest of a program's docstring."""
    title, _, rest = (ast.get_docstring(ast.parse(program)) or "").partition("\n")
    return title, rest.strip("\n")


def exercise_page(made: Site, name: str) -> str:
    """Return the page of an exercise: what to do, the program with blanks, and, folded away, with them filled."""
    page = f"exercises/{name}.md"
    program = (EXAMPLES / "exercises" / f"{name}.py").read_text("utf-8")
    solutions = runpy.run_path(str(EXAMPLES / "exercises" / "solutions" / "__main__.py"), run_name="solutions")
    filled = solutions["filled"](program, solutions["solution"](name))
    title, rest = described(program)
    title = re.sub(r"^Exercise( of the lesson \S+\.py)?: ", "", title).rstrip(".")
    lesson = made.convert(f"The lesson: `{name}.py`.", "examples", page) if name in lessons() else ""
    return f"""# {title[0].upper()}{title[1:]}

{lesson}

{made.convert(rest, "examples/exercises", page)}

```python
{without_docstring(program)}
```

<details>
<summary>The same program with its blanks filled</summary>

```python
{without_docstring(filled)}
```

</details>
"""


def without_docstring(program: str) -> str:
    """Return a program without its docstring, which the page shows as text."""
    return re.sub(r'\A""".*?"""\n+', "", program, flags=re.DOTALL).rstrip("\n")


def engine_page(folder: Path, name: str) -> str:
    """Return the page of a file of the engine: its first sentence and its source."""
    title, _ = described((ENGINE / name).read_text("utf-8"))
    text = (
        f"# engine/{name}\n\n{title.replace('*', chr(92) + '*')}\n\n```{{literalinclude}} tinygrad_edu/engine/{name}\n"
    )
    return with_paths(f"{text}:language: python\n:linenos:\n```\n", folder / engine_file_page(name))


def table_of_exercises(made: Site) -> str:
    """Return the table of all exercises with their titles."""
    rows = ["| exercise | you do |", "| --- | --- |"]
    for name in exercises():
        title = described((EXAMPLES / "exercises" / f"{name}.py").read_text("utf-8"))[0]
        rows.append(f"| [`{name}.py`]({name}.md) | {title.partition(': ')[2].rstrip('.')} |")
    return "\n".join(rows)


def table_of_the_reference() -> str:
    """Return the table of all names, by pages of the reference."""
    rows = ["| page | names |", "| --- | --- |"]
    for page in PAGES:
        names = [name for group in page.names().values() for name in group]
        rows.append(f"| [{page.title}]({page.file}.rst) | {', '.join(f'{{py:obj}}`tg.{name}`' for name in names)} |")
    return "\n".join(rows)
