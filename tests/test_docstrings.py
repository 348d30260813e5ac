"""The docstring of every public name: an example that is run, and the errors that the function itself raises.

tests/test_package.py runs the examples of all modules, with `np` and `tg` at hand.
"""

import ast
import doctest
import inspect
import sys
import textwrap
from dataclasses import is_dataclass
from pathlib import Path
from types import FunctionType

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "examples" / "site"))

import reference

from tinygrad_edu.stats import docs

PUBLIC = {name: o for name, o in reference.public().items() if type(o).__module__ != "builtins" or callable(o)}
COLOURS = [name for name in reference.public() if name not in PUBLIC]


def documented(o):
    """Return the function or class that holds the docstring of a public object: an instance has its class's."""
    o = inspect.unwrap(o) if isinstance(o, FunctionType) else o
    return o if hasattr(o, "__name__") else type(o)


def raised(o):
    """Return the names of the errors that a function, or the __init__ of a class, raises in its own lines."""
    body = vars(o).get("__init__") if isinstance(o, type) else o
    if not isinstance(body, FunctionType) or body.__module__ != o.__module__ or is_dataclass(o):
        return set()
    tree = ast.parse(textwrap.dedent(inspect.getsource(body)))
    calls = [node.exc for node in ast.walk(tree) if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call)]
    return {call.func.id for call in calls if isinstance(call.func, ast.Name) and call.func.id.endswith("Error")}


def test_constants_alone_have_no_docstrings():
    assert [f"plot.{name}" for name in reference.MODULES["plot"].__all__ if name.isupper()] == COLOURS


@pytest.mark.parametrize("name", PUBLIC)
def test_a_docstring_has_an_example_that_is_run_and_names_the_errors(name):
    o = PUBLIC[name]
    assert doctest.DocTestParser().get_examples(inspect.getdoc(o) or "")
    holder = documented(o)
    if holder.__doc__ == o.__doc__:
        assert vars(sys.modules[holder.__module__])[holder.__name__] is not None  # where doctest.testmod finds it
    else:
        assert o.__doc__ in docs.__test__.values()
    assert raised(holder) - set(inspect.getdoc(holder).replace(".", " ").replace(",", " ").split()) == set()
