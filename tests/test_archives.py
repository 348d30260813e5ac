"""The archives that are published: the wheel holds the package alone, and the sdist what its own tests need."""

import email
import functools
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from importlib.util import find_spec
from pathlib import Path

import pytest

import tinygrad_edu as tg

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
CONTENTS = ("tinygrad_edu", "tests", "examples", ".ci", ".gitignore", "CHANGELOG.md", "CITATION.cff", "LICENSE",
            "MANIFEST.in", "README.md", "pyproject.toml")  # fmt: skip
IGNORED = shutil.ignore_patterns("__pycache__", ".*_cache", ".hypothesis", "output")
BUILD = """
import sys, setuptools.build_meta as backend
archives = sys.argv[1]  # setuptools changes sys.argv
backend.build_sdist(archives), backend.build_wheel(archives)
"""


def files(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Return the names of the files of the source, and the folder with both archives."""
    pytest.importorskip("setuptools", minversion="77")
    source, archives = tmp_path_factory.mktemp("source") / "tinygrad_edu", tmp_path_factory.mktemp("archives")
    source.mkdir()
    for name in CONTENTS:
        copy = functools.partial(shutil.copytree, ignore=IGNORED) if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, source / name)
    before = files(source)
    command = [sys.executable, "-c", BUILD, str(archives)]
    run = subprocess.run(command, cwd=source, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return before, archives


def test_the_wheel_holds_the_package_and_its_license_and_nothing_else(built):
    source, archives = built
    (wheel,) = archives.glob("*.whl")
    assert wheel.name == f"tinygrad_edu-{tg.__version__}-py3-none-any.whl"
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        metadata = email.message_from_bytes(archive.read(f"tinygrad_edu-{tg.__version__}.dist-info/METADATA"))
    info = {name for name in names if ".dist-info/" in name}
    assert names - info == {name for name in source if name.startswith("tinygrad_edu/")}
    assert {name.partition(".dist-info/")[2] for name in info} == (
        {"METADATA", "RECORD", "WHEEL", "top_level.txt", "licenses/LICENSE"}
    )
    needed = [name for name in metadata.get_all("Requires-Dist") if "extra ==" not in name]
    assert sorted(re.split(r"\W", name)[0] for name in needed) == ["graphviz", "numpy"]
    assert metadata["Project-URL"] == f"Repository, {PROJECT['urls']['Repository']}"


def test_the_sdist_holds_the_whole_source_with_its_tests_and_the_files_that_they_read(built):
    source, archives = built
    (sdist,) = archives.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames() if archive.getmember(name).isfile()}
    assert {name for name in names if ".egg-info/" not in name} - {"PKG-INFO", "setup.cfg"} == source
    assert {"tests/test_archives.py", "tests/images/losses.png", "examples/tour.ipynb", ".ci/run"} <= names


@pytest.mark.skipif(not find_spec("twine"), reason='pip install "tinygrad-edu[dev]" has twine')
def test_twine_finds_no_fault(built):
    command = [sys.executable, "-m", "twine", "check", "--strict", *map(str, built[1].iterdir())]
    run = subprocess.run(command, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr


def test_versions_agree_and_classifiers_name_each_python():
    citation = (ROOT / "CITATION.cff").read_text("utf-8")
    assert {PROJECT["version"], re.search(r"^version: (\S+)", citation, re.MULTILINE)[1]} == {tg.__version__}
    pythons = [c.rpartition(" ")[2] for c in PROJECT["classifiers"] if re.search(r":: 3\.\d+$", c)]
    assert pythons == ["3.11", "3.12", "3.13", "3.14", "3.15"]
    assert PROJECT["requires-python"] == f">={pythons[0]}"
