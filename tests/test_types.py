"""What type checkers say of a user's code: here pyright; tests/installed.py adds mypy, and the README's Python."""

import importlib.util
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import tinygrad_edu

ROOT = Path(__file__).parents[1]
USER = ROOT / "tests" / "typed" / "user.py"
# As an install does; the path comes first, so that this checkout is what is checked.
SOURCE = os.environ | {"MYPYPATH": str(Path(tinygrad_edu.__file__).parents[1])}


def run(*command, **options):
    process = subprocess.run([sys.executable, *command], capture_output=True, text=True, check=False, **options)
    return process.returncode, process.stdout + process.stderr


def test_the_typed_program_runs():
    assert run(USER, env=SOURCE | {"PYTHONPATH": SOURCE["MYPYPATH"]}) == (0, "")


@pytest.mark.skipif(not importlib.util.find_spec("pyright"), reason="pip install 'tinygrad-edu[types]'")
def test_pyright_accepts_a_users_program(tmp_path):
    shutil.copy(USER, tmp_path)
    (tmp_path / "pyrightconfig.json").write_text(
        f'{{"extraPaths": ["{Path(SOURCE["MYPYPATH"]).as_posix()}"]}}', "utf-8"
    )
    code, said = run("-m", "pyright", "--pythonpath", sys.executable, "user.py", cwd=tmp_path, env=SOURCE)
    if code and run("-m", "pyright", "--version")[0]:
        pytest.skip("pyright needs node, and the network at its first run: python -m pyright --version")
    assert code == 0, said


def test_an_editable_install_is_a_path_file(tmp_path):
    shutil.copytree(ROOT / "tinygrad_edu", tmp_path / "tinygrad_edu", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tmp_path)
    build = "from setuptools.build_meta import build_editable; build_editable('out')"
    (tmp_path / "out").mkdir()
    code, said = run("-c", build, cwd=tmp_path)
    assert code == 0, said
    with zipfile.ZipFile(*(tmp_path / "out").glob("*.whl")) as wheel:
        paths = {name: wheel.read(name).decode().strip() for name in wheel.namelist() if "dist-info" not in name}
    assert list(paths.values()) == [str(tmp_path)]
