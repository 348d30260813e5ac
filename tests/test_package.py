"""The package as a whole: what an import costs and brings, what the names are, and that examples in docstrings run."""

import doctest
import importlib
import pkgutil
import subprocess
import sys

import pytest

import tinygrad_edu as tg

MODULES = [m.name for m in pkgutil.walk_packages(tg.__path__, "tinygrad_edu.")]


def modules_after(statement):
    code = f"import sys; {statement}; print(*sys.modules)"
    return set(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split())


def test_an_import_brings_numpy_and_nothing_heavy():
    brought = modules_after("import tinygrad_edu") - modules_after("import numpy")
    heavy = {"matplotlib", "pygraphviz", "graphviz", "tqdm", "pandas", "sklearn", "numpy.random", "inspect", "zipfile"}
    assert not brought & (heavy | {"tempfile", "subprocess", "shutil"})


@pytest.mark.parametrize("name", ["tinygrad_edu", *MODULES])
def test_docstrings_teach_what_is_true(name):
    module = importlib.import_module(name)
    assert module.__doc__
    assert doctest.testmod(module).failed == 0


def test_every_public_name_is_there():
    assert [n for n in tg.__all__ if not hasattr(tg, n)] == []


def test_layers_are_imported_when_they_are_first_used():
    assert "tinygrad_edu.nn" not in modules_after("import tinygrad_edu")
    assert "tinygrad_edu.nn" in modules_after("import tinygrad_edu; tinygrad_edu.nn.Linear")
    with pytest.raises(AttributeError, match="module 'tinygrad_edu' has no attribute 'nothing'"):
        tg.nothing  # noqa: B018
    assert set(tg.__all__) <= set(dir(tg))
