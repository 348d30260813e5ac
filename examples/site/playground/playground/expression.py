"""Expressions that somebody types: evaluated as in a notebook's cell, and explained."""

import ast
import contextlib
import io
import linecache
import symtable
import traceback
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np

import tinygrad_edu as tg
from tinygrad_edu.engine.backward import toposort

FILE = "<expression>"
RESULT = "result"
MAX_OUTPUT = 20_000  # characters
MAX_NODES = 500  # of a graph whose backward pass is shown step by step
HEAD = "import numpy as np\nimport tinygrad_edu as tg\nfrom tinygrad_edu import Tensor, Value\n\n"
LABEL = """
for name, node in {{{names}}}.items():
    if isinstance(node, Tensor | Value):
        node.label = node.label or name  # for the picture
"""
SHOW = {"error": "", "page": "print(tg.explain({}))", "picture": 'tg.draw({}).save("graph.svg")'}
Node = (tg.Tensor, tg.Value)
ALONE = (
    "In the browser there are Python, NumPy and tinygrad_edu, and nothing else can be installed. "
    "Show the code, and run it where you have the rest."
)


class Output(io.StringIO):
    """What an expression prints, up to a limit."""

    def write(self, text: str) -> int:
        """Keep the text, and raise ValueError where it becomes too long."""
        if self.tell() + len(text) > MAX_OUTPUT:
            super().write(text[: max(0, MAX_OUTPUT - self.tell())])
            raise ValueError(f"the output is longer than {MAX_OUTPUT} characters; print less")
        return super().write(text)


def prepared(text: str) -> tuple[str, str]:
    """Return a program whose last expression is assigned, and the name of its result; no line changes its number."""
    body = ast.parse(text, FILE).body
    last = body[-1] if body else None
    if isinstance(last, ast.Expr):
        lines = text.encode().splitlines(keepends=True)  # offsets of the syntax tree count bytes
        before = b"".join(lines[: last.lineno - 1]) + lines[last.lineno - 1][: last.col_offset]
        return (before + f"{RESULT} = ".encode() + text.encode()[len(before) :]).decode(), RESULT
    if isinstance(last, ast.Assign) and isinstance(last.targets[0], ast.Name):
        return text, last.targets[0].id
    if isinstance(last, (ast.AnnAssign, ast.AugAssign)) and isinstance(last.target, ast.Name):
        return text, last.target.id
    return text, ""


def evaluate(text: str) -> dict[str, Any]:
    """Evaluate a program and return what there is to show, by name; of an error, its `error` and `line`.

    What it sets by `np.seterr` and `np.set_printoptions` ends with it, as the code shown runs in a new Python.

    `output` is what it printed, `text` its result as text, `page` the steps of its backward pass as an HTML page,
    `picture` its graph as SVG, `show` the call that shows a result which is a page or a picture itself, and `note` why
    something is missing.
    """
    names: dict[str, Any] = {"__name__": "__main__", "np": np, "tg": tg, "Tensor": tg.Tensor, "Value": tg.Value}
    names["input"] = _no_input
    output = Output()
    redirected = contextlib.redirect_stdout(output), contextlib.redirect_stderr(output)
    with redirected[0], redirected[1], np.errstate(), np.printoptions(), _warnings() as caught:
        try:
            source, result = prepared(text)
            linecache.cache[FILE] = (len(source), None, source.splitlines(keepends=True), FILE)
            exec(compile(source, FILE, "exec"), names)
            _name_nodes(names)
            shown = _shown(names.get(result), result)
        except BaseException as error:  # exit() too: nothing that is typed may stop the page
            shown = described(error)
    said = [f"{w.category.__name__}: {w.message}" for w in caught]
    return shown | {"output": "\n".join(filter(None, [output.getvalue().rstrip(), *said]))}


def code(text: str, shown: Mapping[str, Any]) -> str:
    """Return a program that does the same in Python elsewhere; `shown` is what `evaluate` returned."""
    try:
        source, result = prepared(text)
        table = symtable.symtable(source, FILE, "exec")
    except (SyntaxError, ValueError):
        return HEAD + text
    assigned = [s.get_name() for s in table.get_symbols() if s.is_assigned() and not s.is_imported()]
    names = ", ".join(f'"{name}": {name}' for name in assigned if name != RESULT and not name.startswith("_"))
    calls = (call for key, call in SHOW.items() if key in shown)
    show = shown.get("show") or next(calls, "print({})") if result else ""
    if show == SHOW["error"]:
        return HEAD + text
    label = LABEL.format(names=names) if names and "picture" in shown else ""
    return HEAD + source.rstrip() + "\n" + label + show.format(result) + "\n" * bool(show)


def described(error: BaseException) -> dict[str, Any]:
    """Return the message of an error and the line of the program where it happened, 0 if it has none."""
    if isinstance(error, SyntaxError) and error.filename == FILE:
        return {"error": f"{type(error).__name__}: {error.msg}", "line": error.lineno or 0}
    frames = [frame.lineno or 0 for frame in traceback.extract_tb(error.__traceback__) if frame.filename == FILE]
    # With Python's suggestions for misspelled names
    words = "".join(traceback.TracebackException.from_exception(error).format_exception_only()).strip()
    module = type(error).__module__
    words = words.removeprefix(f"{module}.") if module.startswith("tinygrad_edu.") else words
    missing = isinstance(error, ImportError) or "pip install" in words
    return {"error": words, "line": frames[-1] if frames else 0} | ({"note": ALONE} if missing else {})


def _no_input(prompt: object = "") -> str:
    raise EOFError("input: nobody can answer while Python runs here; assign the value in the program")


def _warnings() -> Any:
    return warnings.catch_warnings(record=True, action="always")


def _name_nodes(names: dict[str, Any]) -> None:
    """Give each Tensor or Value without a label the name of its variable."""
    for name, x in names.items():
        if isinstance(x, Node) and not x.label and name != RESULT and not name.startswith("_"):
            x.label = name


def _shown(x: Any, name: str) -> dict[str, Any]:
    """Return what the page shows of a result."""
    if not name:
        return {"note": "The last line has no value to show. End with an expression, such as y."}
    text = repr(x)
    shown: dict[str, Any] = {"text": text if len(text) <= MAX_OUTPUT else f"{text[:MAX_OUTPUT]} ..."}
    if isinstance(x, Node) or (isinstance(x, (list, tuple)) and x and all(isinstance(v, Node) for v in x)):
        return shown | _graph(x)
    if isinstance(x, tg.Drawing):
        return shown | {"picture": x._repr_svg_(), "show": '{}.save("graph.svg")'}
    if isinstance(x, tg.Explanation):
        return shown | {"page": x._repr_html_(), "show": "print({})"}
    return shown


def _graph(x: Any) -> dict[str, Any]:
    """Return the picture of a graph, and the steps of its backward pass if it has any."""
    shown: dict[str, Any] = {"picture": tg.draw(x)._repr_svg_()}
    if not isinstance(x, Node):
        return shown
    if (nodes := len(toposort(x))) > MAX_NODES:
        return shown | {"note": f"The graph has {nodes} nodes; the steps of up to {MAX_NODES} are shown one by one."}
    try:
        explanation = tg.explain(x)
    except ValueError as error:
        return shown | {"note": str(error)}
    if not len(explanation):
        return shown | {"note": "A leaf alone has no backward pass; compute something with it."}
    return shown | {"page": explanation._repr_html_()}
