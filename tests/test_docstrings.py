"""The docstring of every public name: an example that is run, and the errors that the function itself raises.

tests/test_package.py runs the examples of all modules, with `np` and `tg` at hand.
"""

import ast
import builtins
import doctest
import inspect
import re
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
COLORS = [name for name in reference.public() if name not in PUBLIC]


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
    assert [f"plot.{name}" for name in reference.MODULES["plot"].__all__ if name.isupper()] == COLORS


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


@pytest.mark.parametrize("name", [name for name, o in PUBLIC.items() if isinstance(o, type)])
def test_each_method_of_a_public_class_has_a_docstring_and_its_own_name(name):
    """Python gives an attribute that is plain data the docstring of its type: these are left out."""
    members = {n: getattr(PUBLIC[name], n) for n in dir(PUBLIC[name]) if not n.startswith("_")}
    bare = [n for n, o in members.items() if isinstance(o, (FunctionType, property)) and not inspect.getdoc(o)]
    assert bare == []
    assert "method" not in [getattr(o, "__name__", "") for o in members.values()]


@pytest.mark.parametrize("name", [name for name, o in PUBLIC.items() if callable(o) and not name.endswith("Error")])
def test_the_signature_that_help_shows_has_the_types_as_they_are_written(name):
    """Evaluated, what is taken as an array has three lines."""
    shown = str(inspect.signature(PUBLIC[name]))
    assert "numpy._typing" not in shown
    assert "numpy.ndarray[" not in shown


def unknown(source):
    """Return the names that a program reads and that neither it nor Python defines, except `np` and `tg`."""
    nodes = list(ast.walk(ast.parse(source)))
    read = {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}
    made = {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    made |= {n.name for n in nodes if isinstance(n, (ast.FunctionDef, ast.ClassDef, ast.ExceptHandler))}
    made |= {n.arg for n in nodes if isinstance(n, ast.arg)}
    made |= {n.asname or n.name.partition(".")[0] for n in nodes if isinstance(n, ast.alias)}
    return read - made - {"np", "tg"} - set(dir(builtins))


def test_an_example_runs_where_a_reader_copies_it_to_with_np_and_tg_imported():
    docs_of = {name: inspect.getdoc(o) or "" for name, o in PUBLIC.items()}
    sources = {name: doctest.script_from_examples(text) for name, text in docs_of.items()}
    assert {name: unknown(source) for name, source in sources.items() if unknown(source)} == {}


SHAPES = re.compile(
    r"\([^()]*,[^()]*\)|elementwise|shape|along|axis|each window|matri(x|ces)|vector|rows?\b|columns?|same for signals|"
    r"initializer|numbers? of|(?<!\w)arrays?\b"
)
OF_ARRAYS = [page for page in reference.PAGES if page.file in ("functions", "losses", "nn", "data", "scipy", "stats")]


@pytest.mark.parametrize("page", OF_ARRAYS, ids=lambda page: page.file)
def test_docstrings_of_functions_of_arrays_and_of_layers_say_shapes_or_elementwise(page):
    names = {name for group in page.names().values() for name in group} - {"nn.Module", "nn.calculate_gain"}
    texts = {name: inspect.getdoc(PUBLIC[name]).partition(">>>")[0] for name in names if callable(PUBLIC[name])}
    for name in texts:
        forward = vars(PUBLIC[name]).get("forward") if isinstance(PUBLIC[name], type) else None
        texts[name] += inspect.getdoc(forward) or "" if isinstance(forward, FunctionType) else ""
    assert [name for name, text in texts.items() if not SHAPES.search(text)] == []
