"""Formulas of an explanation: a derivative rule, and the call that it belongs to, as one would write them.

This module knows no derivatives. It records a rule on symbolic arguments, as `jit` records a function, and prints the
recorded calls as one expression. A rule that needs plain arrays cannot be recorded; its own source is shown instead.
"""

import ast
import inspect
import linecache
import re
from collections.abc import Callable, Mapping, Sequence
from itertools import repeat
from typing import Any, NamedTuple

import numpy as np

from ..engine.backward import parent
from ..engine.rules.containers import Flattened, rebuilt
from ..engine.rules.registry import Function, Rule, is_elementwise
from ..engine.tape import Node
from ..engine.tensor import Tensor
from ..engine.value import Value
from ..trace.expressions import ATOM, Expressions
from ..trace.ir import Call, Input, Var, use_counts
from ..trace.recorder import Recorder
from ..trace.traced import Traced
from ..transforms.tree import paths
from .values import SMALL, Number, format_value, user_keywords

LONG = 72  # characters; in longer formulas repeated terms get names, and values are left out
MINUS = 7  # the binding strength of a minus sign


class Formula(NamedTuple):
    """`text` in the rule's own names, `numbers` with values instead ("" if long), and whether it was `recorded`.

    `shapes` has shapes instead, where a call is not an elementwise one: a product of matrices, a sum, ("" elsewhere).
    """

    text: str
    numbers: str
    shapes: str
    recorded: bool


class _RuleRecorder(Recorder):
    """A recorder that keeps a primitive as one call, under its own name, and takes no source lines."""

    def primitive(self, fun: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return self.call(fun, args, kwargs)

    def place(self) -> tuple[None, str]:
        return None, "backward"


def formula(rule: Rule, g: Number, y: Tensor | Value) -> Formula:
    """Return the formula of `rule` at the call that made `y`, whose gradient is `g`."""
    names = parameters(rule, y)
    recorder = _RuleRecorder("explain")
    symbols: dict[Var, str] = {}

    def symbol(name: str, value: Number) -> Traced:
        var = Var(Input(len(symbols)), value)
        symbols[var] = name
        return Traced(recorder, np.float64(value) if type(value) is float else value, var)

    args = [
        symbol(name, value) if isinstance(a, Node) or isinstance(value, (np.ndarray, np.generic)) else value
        for name, a, value in zip(names[2:], y.args, y.argvals, strict=False)
    ]
    try:
        with np.errstate(all="ignore"):
            result: Any = rule(symbol(names[0], g), symbol(names[1], y.data), *args, **y.kwargs)
    except Exception:  # the rule refuses symbolic arguments; the engine has just run it on arrays
        result = None
    if type(result) is not Traced:
        return Formula(source(rule, names), "", "", False)
    calls, out = _calls_to(result.variable, recorder.program.calls), result.variable
    text, numbers, shapes = expression(calls, out, symbols, names), "", ""
    used = {out, *(v for call in calls for v in call.uses)}
    read = sorted(used & symbols.keys(), key=lambda v: names.index(symbols[v]))
    if not all(is_elementwise(call.fun) for call in calls):
        shapes = _in_shapes(calls, out, {v: symbols[v] for v in read})
    elif all(np.size(v.example) <= SMALL for v in read):
        numbers = expression(calls, out, {}, (), {v: _operand(format_value(v.example)) for v in read})
    return Formula(text, numbers if len(numbers) <= LONG else "", shapes, True)


def _in_shapes(calls: Sequence[Call], out: Var, read: Mapping[Var, str]) -> str:
    """Return the formula in shapes: "(3, 8) @ (8, 4) = (3, 4)"; of a long one, the shapes of all that it reads.

    A transposed operand has the shape that it enters the product with.
    """
    if not any(np.ndim(v.example) for v in (out, *read)):
        return ""
    transposed = {call.out for call in calls if call.fun is np.transpose and call.out is not out}
    operands = {v: (shape(v.example), ATOM) for v in [*read, *transposed]}
    text = expression([call for call in calls if call.out not in transposed], out, {}, (), operands)
    if len(text) <= LONG and ";" not in text:
        return f"{text} = {shape(out.example)}"
    return f"{', '.join(f'{name} {shape(v.example)}' for v, name in read.items())} -> {shape(out.example)}"


def shape(x: Any) -> str:
    """Return the shape of an array or a number as NumPy writes it."""
    return str(np.shape(x))


def _calls_to(out: Var, calls: Sequence[Call]) -> list[Call]:
    """Return the calls, in order, that `out` depends on."""
    wanted, found = {out}, []
    for call in reversed(calls):
        if call.out in wanted:
            wanted.update(call.uses)
            found.append(call)
    return found[::-1]


def expression(
    calls: Sequence[Call], out: Var, names: Mapping[Var, str], taken: Sequence[str],
    operands: Mapping[Var, tuple[str, int]] | None = None,
) -> str:  # fmt: skip
    """Return `out` as one expression; if that is long, repeated terms get names in front of it ("t = ...; ...").

    `operands` are texts of variables with their binding strength; `taken` are names that a term must not get.
    """
    counts = use_counts(calls, [out])
    for naming in (False, True):
        printer = Expressions(dict(names), {"np", *taken})
        printer.text = dict(operands or {})
        lines = []
        for call in calls:
            text, strength = printer.call(call)
            if naming and counts[call.out] > 1 and call.out is not out:
                printer.names[call.out] = printer.new("t")
                lines.append(f"{printer.names[call.out]} = {text}")
            else:
                printer.text[call.out] = text, strength
        lines.append(printer.expression(out))
        if len(lines[0]) <= LONG:
            break
    return "; ".join(lines)


def _operand(text: str) -> tuple[str, int]:
    """Return a value's text with its binding strength, from which the printer decides about parentheses."""
    return text, MINUS if text.startswith("-") else ATOM


def operation(
    y: Tensor | Value, names: Mapping[Tensor | Value, str], shown: Callable[[Any], str] = format_value
) -> str:
    """Return the call that made `y`, with its arguments' names or, without `names`, what `shown` makes of them."""
    printer = Expressions({}, {"np"})

    def argument(a: Any, x: Tensor | Value | None = None) -> Any:
        if isinstance(a, (tuple, list)):  # an index or a list of conditions may hold arrays
            return (tuple if isinstance(a, tuple) else list)(map(argument, a))
        if not isinstance(a, (Node, np.ndarray, np.generic)):
            return a
        value: Any = a if x is None else x.data
        var = Var(Input(len(printer.text)), value)
        name = names.get(x) or x.label if names and x is not None else None
        printer.text[var] = (name, ATOM * is_word(name)) if name else _operand(shown(value))
        return var

    args = [argument(a, parent(y, i) if isinstance(a, Node) else None) for i, a in enumerate(y.args)]
    return printer.call(Call(y.fun, tuple(args), user_keywords(y.kwargs), y.data))[0]


def is_word(label: str) -> bool:
    """Whether a label reads as one name, also with dots; others, such as "a + b", need parentheses as a sum does."""
    return f"_{label}".replace(".", "_").isidentifier()


def parameters(rule: Rule, y: Tensor | Value) -> list[str]:
    """Return the rule's names of its positional arguments: g, y and those of the function, or members of containers."""
    n = 2 + len(y.args)
    try:
        signature = inspect.signature(rule)
    except ValueError:  # a ufunc has none
        return ["g", "y", *[f"x{i}" for i in range(1, n - 1)]]
    names: list[str] = []
    for p in signature.parameters.values():
        names += [f"{p.name}[{i}]" for i in range(n - len(names))] if p.kind is p.VAR_POSITIONAL else [p.name]
    if isinstance(y.fun, Flattened):
        given = rebuilt(y.fun.nesting, repeat(None))
        names[2:] = [path for name, x in zip(names[2:], given, strict=False) for path in paths(x, name)]
    return names


def source(rule: Rule, names: Sequence[str]) -> str:
    """Return the source of a rule that is one expression; of a longer rule, or without its file, a call of it."""
    rule = inspect.unwrap(rule)
    while hasattr(rule, "func"):  # a partial, as are the rules of functions of any number of arguments
        rule = rule.func
    code = getattr(rule, "__code__", None)
    own_name = getattr(rule, "__name__", "rule")
    call = f"{own_name if own_name.isidentifier() else 'rule'}({', '.join(names)})"
    if code is None:
        return call
    positions = [(line, column) for line, _, column, _ in code.co_positions() if line and column]
    text = "".join(linecache.getlines(code.co_filename))
    try:
        tree = ast.parse(text)
    except SyntaxError:  # a notebook's cell may hold more than Python
        return call
    for node in ast.walk(tree):
        body: ast.expr | None = None
        if isinstance(node, ast.Lambda):
            body = node.body
        elif isinstance(node, ast.FunctionDef) and len(node.body) == 1 + bool(ast.get_docstring(node)):
            body = getattr(node.body[-1], "value", None)
        if body is not None and (body.lineno, body.col_offset) in positions:
            return re.sub(r"\s+", " ", ast.get_source_segment(text, body) or call)
    return call
