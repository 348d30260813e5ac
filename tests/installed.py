"""The package as users install it, from a wheel, from a checkout and from the sdist: checks that take minutes.

    python -m pytest tests/installed.py

Each installation is a new virtual environment. Its pip asks the package index for NumPy and graphviz.
"""

import os
import re
import shutil
import subprocess
import sys
import tarfile
import venv
from importlib.util import find_spec
from pathlib import Path

import pytest
from test_archives import IGNORED, ROOT, built  # noqa: F401

LESSONS = sorted((ROOT / "examples").glob("*.py"))
CLEAN = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "MYPYPATH")}


def run(*command, **options):
    process = subprocess.run([*map(str, command)], capture_output=True, text=True, env=CLEAN, **options)
    assert process.returncode == 0, process.stdout + process.stderr
    return process.stdout


@pytest.fixture(scope="module", params=["wheel", "checkout"])
def installed(request, built, tmp_path_factory):  # noqa: F811
    """Return the Python of an environment in which the package is installed, from a wheel, or with `pip install -e`."""
    folder = tmp_path_factory.mktemp(request.param)
    venv.create(folder / "venv", with_pip=True)
    python = next(path for path in (folder / "venv/bin/python", folder / "venv/Scripts/python.exe") if path.exists())
    if request.param == "wheel":
        source = [*built[1].glob("*.whl")]
    else:
        source = [
            "-e",
            shutil.copytree(ROOT, folder / "checkout", ignore=shutil.ignore_patterns(".git", "build", ".*_cache")),
        ]
    run(python, "-m", "pip", "install", "--quiet", *source)
    return python


@pytest.fixture(scope="module")
def programs(tmp_path_factory):
    """Return a folder with the README's Python, a typed program and the lessons: the files of a user."""
    folder = tmp_path_factory.mktemp("programs")
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL)
    (folder / "readme.py").write_text("\n".join(blocks), "utf-8")
    for path in [ROOT / "tests" / "typed" / "user.py", *LESSONS]:
        shutil.copy(path, folder)
    return folder


def test_the_base_installation_is_small_and_computes(installed, tmp_path):
    packages = run(installed, "-m", "pip", "list", "--format=freeze").lower().replace("_", "-").split()
    names = {package.partition("==")[0] for package in packages}
    assert names - {"pip", "setuptools"} == {"tinygrad-edu", "numpy", "graphviz"}
    code = "import tinygrad_edu as tg; x = tg.Value(3.0); (x * x).backward(); print(x.grad)"
    assert run(installed, "-c", code, cwd=tmp_path) == "6.0\n"
    assert "matplotlib   missing" in run(installed, "-m", "tinygrad_edu", cwd=tmp_path)


@pytest.mark.skipif(not find_spec("mypy"), reason="pip install 'tinygrad-edu[types]'")
def test_mypy_finds_the_installed_types_and_accepts_the_readme_and_the_lessons(installed, programs, tmp_path):
    options = ["--strict", "--ignore-missing-imports", "--python-executable", installed, "--cache-dir", tmp_path]
    run(sys.executable, "-m", "mypy", *options, *sorted(programs.glob("*.py")), cwd=programs)


@pytest.mark.skipif(not find_spec("pyright"), reason="pip install 'tinygrad-edu[types]'")
def test_pyright_finds_the_installed_types_and_accepts_the_readme(installed, programs):
    if subprocess.run([sys.executable, "-m", "pyright", "--version"], capture_output=True).returncode:
        pytest.skip("pyright needs node, and the network at its first run: python -m pyright --version")
    (programs / "pyrightconfig.json").write_text('{"reportMissingImports": false}', "utf-8")  # of optional packages
    run(sys.executable, "-m", "pyright", "--pythonpath", installed, "user.py", "readme.py", cwd=programs)


def test_the_sdist_runs_its_own_tests(built, tmp_path):  # noqa: F811
    (sdist,) = built[1].glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path, filter="data")
    (source,) = tmp_path.iterdir()
    pytest_ = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-n0"]
    code = f"import sys; sys.path.insert(0, {str(source)!r}); import tinygrad_edu; print(tinygrad_edu.__file__)"
    assert Path(run(sys.executable, "-c", code, cwd=source).strip()).is_relative_to(source)
    names = ("test_value", "test_readme", "test_pages_made", "test_layout", "test_portable", "lessons/test_pages")
    run(*pytest_, *[f"tests/{name}.py" for name in names], cwd=source)
    run(*pytest_, "--collect-only", cwd=source)
