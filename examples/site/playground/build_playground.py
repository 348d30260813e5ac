"""Build the playground: a folder of files that any web server can serve, and that asks no other server for anything.

    python examples/site/playground/build_playground.py --browser FOLDER

makes build/site/playground from the page, this checkout's own wheel, npm's `pyodide` and `@viz-js/viz` (versions and
checksums are in package-lock.json), and the NumPy wheel for Pyodide in FOLDER (numpy-*.whl; the environment variable
TINYGRAD_EDU_BROWSER names it too). With `--pyodide ADDRESS`, such as that of a public copy of Pyodide 0.27.7, Python
and NumPy come from there when the page is opened, and no FOLDER is needed. To try it, serve the folder:

    python -m http.server --directory build/site/playground
"""

import argparse
import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
PACKAGED = ("tinygrad_edu", "pyproject.toml", "README.md", "LICENSE")  # what the library's wheel is built from
RUNTIME = ("pyodide.mjs", "pyodide.asm.js", "pyodide.asm.wasm", "python_stdlib.zip", "pyodide-lock.json")
FETCHED = ("pyodide.asm.wasm", "python_stdlib.zip", "pyodide-lock.json")
NUMPY_SIZE = 3_061_133  # bytes of the wheel where it is not beside the page
VARIABLE = "TINYGRAD_EDU_BROWSER"
BUILD_WHEEL = """
import sys, setuptools.build_meta as backend
backend.build_wheel(sys.argv[1])
"""


class BuildError(RuntimeError):
    """Something that the build needs is missing; the message says what to do."""


def build(
    output: Path, browser: Path | None = None, pyodide: str = "", home: str = "", npm: Path | None = None
) -> Path:
    """Build the playground into the folder `output`, which is emptied first, and return its page, index.html.

    `browser` is the folder of the NumPy wheel, `pyodide` the address of Pyodide instead of files beside the page, and
    `home` the address that the page's title links to. `npm` keeps the packages of npm, for the next build.
    """
    wheel = None if pyodide else numpy_wheel(browser)
    modules = npm_packages(npm or ROOT / "build" / "npm")
    shutil.rmtree(output, ignore_errors=True)
    shutil.copytree(HERE / "page", output)
    (output / "wheels").mkdir()
    wheels = [graphviz_wheel(output / "wheels"), library_wheel(output / "wheels")]
    shutil.copyfile(modules / "@viz-js" / "viz" / "dist" / "viz.js", output / "viz.js")
    if wheel:
        (output / "pyodide").mkdir()
        for path in (*(modules / "pyodide" / name for name in RUNTIME), wheel):
            shutil.copyfile(path, output / "pyodide" / path.name)
    with zipfile.ZipFile(output / "playground.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted((HERE / "playground").glob("*.py")):
            archive.write(path, f"playground/{path.name}")
    fetched = [*wheels, *(modules / "pyodide" / name for name in FETCHED)]  # by the page's worker, which shows a bar
    config = {
        "pyodide": pyodide or "./pyodide/", "wheels": [f"wheels/{path.name}" for path in wheels], "home": home,
        "bytes": sum(path.stat().st_size for path in fetched) + (wheel.stat().st_size if wheel else NUMPY_SIZE),
    }  # fmt: skip
    (output / "config.json").write_text(json.dumps(config, indent=1) + "\n", encoding="utf-8")
    return output / "index.html"


def numpy_wheel(browser: Path | None) -> Path:
    """Return the NumPy wheel for Pyodide in the folder `browser`, or in the one that the environment names."""
    folder = browser or (Path(os.environ[VARIABLE]) if os.environ.get(VARIABLE) else None)
    found = sorted(folder.glob("numpy-*wasm32.whl")) if folder else []
    if not found:
        remedy = f"set {VARIABLE} (or --browser) to the folder of a numpy-*wasm32.whl of Pyodide 0.27.7"
        raise BuildError(f"the playground needs NumPy for the browser: {remedy}, or --pyodide to a public address")
    return found[-1]


def npm_packages(cache: Path) -> Path:
    """Return the folder of npm's packages, installed by `npm ci`, which compares checksums, unless they are there."""
    lock, done = HERE / "package-lock.json", cache / "node_modules" / ".package-lock.json"
    copied = cache / lock.name
    if not (done.exists() and copied.exists() and copied.read_bytes() == lock.read_bytes()):
        if not (npm := shutil.which("npm")):
            raise BuildError("the playground's build needs npm: install Node.js (https://nodejs.org) with it")
        cache.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copyfile(HERE / name, cache / name)
        run([npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cache)
    return cache / "node_modules"


def library_wheel(folder: Path) -> Path:
    """Build this checkout's wheel, from a copy of its source, into a folder."""
    with tempfile.TemporaryDirectory() as source:
        for name in PACKAGED:
            if (ROOT / name).is_dir():
                shutil.copytree(ROOT / name, Path(source) / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copyfile(ROOT / name, Path(source) / name)
        run([sys.executable, "-c", BUILD_WHEEL, str(folder.resolve())], Path(source))
    return next(folder.glob("tinygrad_edu-*.whl"))


def graphviz_wheel(folder: Path) -> Path:
    """Write the installed package `graphviz`, which is pure Python, as a wheel into a folder."""
    installed = importlib.metadata.distribution("graphviz")
    path = folder / f"graphviz-{installed.version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in installed.files or ():
            if file.suffix != ".pyc" and file.parts[0] != ".." and file.name not in ("INSTALLER", "REQUESTED"):
                archive.write(str(file.locate()), file.as_posix())
    return path


def run(command: list[str], folder: Path) -> None:
    """Run a command; raises BuildError with what it said if it fails."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, encoding="utf-8")
    if done.returncode:
        raise BuildError(f"{' '.join(command[:2])} failed: {(done.stderr or done.stdout).strip()[-800:]}")


def main() -> None:
    """Build with the options of the command line."""
    parser = argparse.ArgumentParser(description="Build the playground, which runs the library in a browser.")
    add = parser.add_argument
    add("output", nargs="?", type=Path, default=ROOT / "build/site/playground", help="default: build/site/playground")
    add("--browser", type=Path, help=f"the folder of the NumPy wheel; default: the environment variable {VARIABLE}")
    add("--pyodide", default="", help="an address of Pyodide 0.27.7, ending in /, instead of files beside the page")
    add("--home", default="", help="an address that the page links to; default: ../index.html if that exists")
    given = parser.parse_args()
    given.home = given.home or ("../index.html" if (given.output.parent / "index.html").exists() else "")
    try:
        page = build(given.output, given.browser, given.pyodide, given.home)
    except BuildError as error:
        parser.exit(1, f"{error}\n")
    print(f"{page}: serve the folder, for example: python -m http.server --directory {page.parent}")


if __name__ == "__main__":
    main()
