"""A rule, and the call whose rule it is, as the formulas that one would write.

Nothing here knows a derivative. A rule is run on stand-ins for `g`, `y` and the function's arguments that note every
NumPy call made on them (jit's, named as the rule names them), and what they noted is printed by jit's printer of
expressions. A rule that needs plain arrays cannot be run so, and is shown by its own source instead.
"""

import ast
import inspect
import linecache
import re
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ..engine.backward import ARGS, elementwise, parent
from ..engine.tensor import Node
from ..trace.expressions import ATOM, Expressions
from ..trace.ir import Call, Input, Var, use_counts
from ..trace.recorder import Recorder
from ..trace.traced import Traced
from .values import SMALL, format_value

LONG = 72  # characters of a formula, beyond which parts that occur twice get names, and numbers are left out
NEGATIVE = 7  # how strongly a minus sign binds


class Formula(NamedTuple):
    """`text` with the rule's own names, `numbers` with values in their place ("" where they are long)."""

    text: str
    numbers: str
    recorded: bool


class _Recorder(Recorder):
    """A recorder to read from: a primitive is one call, under the name that a reader knows, and lines do not matter."""

    def primitive(self, fun: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return self.call(fun, args, kwargs)

    def place(self) -> tuple[Any, str]:
        return None, "backward"


def formula(rule: Callable[..., Any], g: Any, y: Any) -> Formula:
    """`rule` at the call that made `y`, where `g` arrives."""
    names = parameters(rule, 2 + len(y.args))
    recorder = _Recorder("explain")
    symbols: dict[Var, str] = {}
    values: dict[Var, Any] = {}

    def stand_in(name: str, value: Any) -> Any:
        var = Var(Input(len(symbols)), value)
        symbols[var], values[var] = name, value
        return Traced(recorder, np.float64(value) if type(value) is float else value, var)

    given = [
        stand_in(name, v) if isinstance(a, Node) or isinstance(v, (np.ndarray, np.generic)) else v
        for name, a, v in zip(names[2:], y.args, y.call[ARGS - 1], strict=False)
    ]
    try:
        with np.errstate(all="ignore"):
            result = rule(stand_in(names[0], g), stand_in(names[1], y.data), *given, **y.kwargs)
    except Exception:  # whatever it is that the rule needs plain arrays for: with them, the engine has just run it
        result = None
    if type(result) is not Traced:
        return Formula(source(rule, names), "", False)
    calls, end = recorder.program.calls, result.variable
    text, numbers = printed(calls, end, symbols, set(names)), ""
    calls = needed(calls, end)
    read = {v for call in calls for v in call.uses if v in values} | ({end} & values.keys())
    if all(elementwise(call.fun) for call in calls) and all(np.size(values[v]) <= SMALL for v in read):
        numbers = printed(calls, end, {}, set(), {v: atom(format_value(values[v])) for v in read})
    return Formula(text, numbers if len(numbers) <= LONG else "", True)


def needed(calls: list[Call], end: Var) -> list[Call]:
    """The calls, in order, that lead to `end`."""
    wanted, found = {end}, []
    for call in reversed(calls):
        if call.out in wanted:
            wanted.update(call.uses)
            found.append(call)
    return found[::-1]


def printed(
    calls: list[Call], end: Var, names: dict[Var, str], taken: set[str], text: dict[Var, tuple[str, int]] | None = None
) -> str:
    """What `calls` compute at `end`, as one expression; where that is long, what occurs twice gets a name before it."""
    calls = needed(calls, end)
    counts = use_counts(calls, [end])
    for naming in (False, True):
        expressions = Expressions(dict(names), {"np", *taken})
        expressions.text = dict(text or {})
        lines = []
        for call in calls:
            line, strength = expressions.call(call)
            if naming and counts[call.out] > 1 and call.out is not end:
                expressions.names[call.out] = expressions.new("t")
                lines.append(f"{expressions.names[call.out]} = {line}")
            else:
                expressions.text[call.out] = line, strength
        lines.append(expressions.expression(end))
        if len(lines[0]) <= LONG:
            break
    return "; ".join(lines)


def atom(text: str) -> tuple[str, int]:
    """A number's text and how strongly it binds, for the printer to set parentheses by."""
    return text, NEGATIVE if text.startswith("-") else ATOM


def operation(y: Any, names: dict[Any, str], numbers: bool = False) -> str:
    """The call that made `y`, its arguments by their names or, with `numbers`, by what they hold."""
    expressions = Expressions({}, {"np"})
    args = []
    for i, a in enumerate(y.args):
        if isinstance(a, Node):
            x = parent(y, i)
            args.append(Var(Input(i), x.data))
            expressions.text[args[-1]] = (names.get(x) or x.label or format_value(x.data), ATOM)
            if numbers:
                expressions.text[args[-1]] = atom(format_value(x.data))
        elif isinstance(a, (np.ndarray, np.generic)):
            args.append(Var(Input(i), a))
            expressions.text[args[-1]] = atom(format_value(a))
        else:
            args.append(a)
    return expressions.call(Call(y.fun, tuple(args), y.kwargs, y.data))[0]


def parameters(rule: Callable[..., Any], n: int) -> list[str]:
    """What `rule` calls the n arguments that it is given: g, y and the function's own."""
    names: list[str] = []
    try:
        signature = inspect.signature(rule)
    except ValueError:  # a ufunc, say, has none
        return ["g", "y", *[f"x{i}" for i in range(1, n - 1)]]
    for p in signature.parameters.values():
        if p.kind is p.VAR_POSITIONAL:
            names += [f"{p.name}[{i}]" for i in range(n - len(names))]
        else:
            names.append(p.name)
    return names


def source(rule: Callable[..., Any], names: list[str]) -> str:
    """The expression that a lambda is, as it stands in its file; of a longer rule, or without the file, its call."""
    while hasattr(rule, "func"):  # partial, as the rules of functions of any number of arguments are
        rule = rule.func
    code: Any = getattr(rule, "__code__", None)
    own = getattr(rule, "__name__", "rule")
    call = f"{own if own.isidentifier() else 'rule'}({', '.join(names)})"
    if code is None:
        return call
    places = [(line, column) for line, _, column, _ in code.co_positions() if line and column]
    text = "".join(linecache.getlines(code.co_filename))
    try:
        tree = ast.parse(text)
    except SyntaxError:  # what a notebook takes is not all Python
        return call
    for node in ast.walk(tree):
        body: Any = None
        if isinstance(node, ast.Lambda):
            body = node.body
        elif isinstance(node, ast.FunctionDef) and len(node.body) == 1 + bool(ast.get_docstring(node)):
            body = getattr(node.body[-1], "value", None)
        if body is not None and (body.lineno, body.col_offset) in places:
            return re.sub(r"\s+", " ", ast.get_source_segment(text, body) or call)
    return call
