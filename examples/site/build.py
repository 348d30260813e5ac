"""Build the site: `python examples/site/build.py` writes it to build/site, to be opened as a file or served.

It needs the extra `site` (`python -m pip install -e ".[site]"`). Every warning is an error, and links inside the site
are checked. With `--browser FOLDER` or `--pyodide ADDRESS` the playground, which playground/build_playground.py
explains, is built too, and the first page links to it; without them, one that was built before stays.
Lessons are run, two at a time, and kept in build/lessons until a lesson or the library changes.
"""

import argparse
import hashlib
import json
import os
import re
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
README = ROOT / "README.md"
sys.path[:0] = [str(HERE), str(HERE / "playground")]

import build_playground  # noqa: E402
import links  # noqa: E402
import nbformat  # noqa: E402
import sources  # noqa: E402
from nbclient import NotebookClient  # noqa: E402
from notebooks import notebook  # noqa: E402
from sphinx.cmd.build import build_main  # noqa: E402

TIMEOUT = 600  # seconds for one cell of a lesson, on a slow machine


def fingerprint() -> str:
    """Return a hash of all that the result of a lesson depends on."""
    files = [
        *(ROOT / "tinygrad_edu").rglob("*.py"),
        *(ROOT / "examples").glob("*.py"),
        README,
        HERE / "notebooks.py",
        HERE / "build.py",
    ]
    return hashlib.sha256(b"".join(path.read_bytes() for path in sorted(files))).hexdigest()[:16]


def run(name: str, kept: Path) -> nbformat.NotebookNode:
    """Return the notebook of a lesson with its outputs: run now in a folder of its own, or earlier and kept."""
    path = kept / f"{name}.ipynb"
    if path.exists():
        done: nbformat.NotebookNode = nbformat.read(path, as_version=4)
        return done
    made: nbformat.NotebookNode = notebook(ROOT / "examples" / f"{name}.py")
    folder = kept / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for program in (ROOT / "examples").glob("*.py"):
        shutil.copy(program, folder)
    shutil.copy(README, kept)  # which the lesson gpt.py reads
    NotebookClient(made, timeout=TIMEOUT, resources={"metadata": {"path": str(folder)}}).execute()
    text = nbformat.writes(made).replace(json.dumps(str(folder))[1:-1], "examples")  # where a reader would run it
    path.write_text(text, "utf-8")
    run_now: nbformat.NotebookNode = nbformat.reads(text, as_version=4)
    return run_now


def run_all(build: Path, keep: bool) -> dict[str, nbformat.NotebookNode]:
    """Return the notebooks of all lessons with their outputs."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # the kernels inherit it; each has a core
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    os.environ["PYTHONPATH"] = os.pathsep.join(paths)
    kept = build / "lessons" / fingerprint()
    earlier = [folder for folder in (build / "lessons").glob("*") if folder != kept]
    if keep and earlier and not kept.exists():
        kept = earlier.pop()
    for old in earlier:
        shutil.rmtree(old)
    kept.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(min(os.cpu_count() or 1, 4)) as pool:
        return dict(zip(sources.lessons(), pool.map(lambda name: run(name, kept), sources.lessons()), strict=True))


def described() -> dict[str, str]:
    """Return what the README says of each picture of a lesson, by the name of its file."""
    found = re.findall(r"!\[([^]]+)\]\(examples/gallery/(?:weather_)?(\w+\.(?:png|gif))\)", README.read_text("utf-8"))
    return {name: words for words, name in found}


def shown(made: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Return a notebook for its page: without the cells that only prepare, and with names for its pictures."""
    title, words = "", described()
    for cell in made.cells:
        if cell.cell_type == "markdown":
            title = cell.source.partition("\n")[0].lstrip("# ")
        elif "hide-input" in cell.metadata.get("tags", []):
            cell.metadata["tags"] = ["remove-cell"]
        else:
            saved = [words[name] for name in re.findall(r"\w+\.(?:png|gif)", cell.source) if name in words]
            cell.metadata["mystnb"] = {"image": {"alt": saved[0] if saved else f"Picture: {title}"}}
    return made


def clear(out: Path) -> None:
    """Remove the site of an earlier build from its folder, but not the playground; raise SystemExit for another one."""
    there = [path for path in out.glob("*") if path.name != "playground"]
    if there and not (out / "searchindex.js").exists():
        raise SystemExit(f"{out} holds something else than a site; give the path of a new folder")
    for path in there:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def add_playground(out: Path, browser: Path | None, pyodide: str) -> None:
    """Build the playground into the site's folder, if it is asked for; raise SystemExit if something is missing."""
    if not (browser or pyodide or os.environ.get(build_playground.VARIABLE)):
        return
    try:
        build_playground.build(out / "playground", browser, pyodide, home="../index.html")
    except build_playground.BuildError as error:
        raise SystemExit(str(error)) from None


def build(out: Path, keep: bool = False, browser: Path | None = None, pyodide: str = "") -> int:
    """Build the site in a folder, with `keep` from lessons run earlier; return 0 if that succeeds.

    `browser` and `pyodide` are those of `build_playground.build`; with one of them the playground is built too.
    """
    clear(out)
    add_playground(out, browser, pyodide)  # first, because it tells within a minute what is missing
    work = out.parent
    tour = nbformat.read(ROOT / "examples" / "tour.ipynb", as_version=4)
    made = {name: shown(notebook) for name, notebook in run_all(work, keep).items()} | {"tour": tour}
    source, doctrees = str(work / "site-source"), str(work / "site-doctrees")
    sources.make(Path(source), made, playground=(out / "playground" / "index.html").exists())
    options = ["-b", "html", "-q", "-j", "auto", "-W", "--keep-going"]
    options += ["-E", "-a"]  # anew: the place that a page links to may have moved
    if failed := build_main([*options, "-c", str(HERE), "-d", doctrees, source, str(out)]):
        return int(failed)
    for name in sources.lessons():
        (out / "notebooks").mkdir(exist_ok=True)
        nbformat.write(notebook(ROOT / "examples" / f"{name}.py"), out / "notebooks" / f"{name}.ipynb")
    found = [*links.broken(out)]
    print("\n".join(found) or f"built {out / 'index.html'}")
    if (out / "playground").exists():
        print(f"with the playground, which needs a web server: python -m http.server --directory {out}")
    else:
        print(f"without the playground: --browser FOLDER, {build_playground.VARIABLE} or --pyodide ADDRESS adds it")
    return int(bool(found))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", nargs="?", default=ROOT / "build" / "site", type=Path, help="default: build/site")
    parser.add_argument("--keep", action="store_true", help="do not run lessons anew because the library has changed")
    parser.add_argument("--browser", type=Path, help="the folder of the NumPy wheel for Pyodide: build the playground")
    parser.add_argument("--pyodide", default="", help="or an address of Pyodide 0.27.7, ending in /")
    given = parser.parse_args()
    sys.exit(build(given.out.resolve(), given.keep, given.browser, given.pyodide))
