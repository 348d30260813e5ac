"""Calls as expressions that a person reads, with no more parentheses than they need."""

from __future__ import annotations

import math
import operator
import re
from typing import Any

import numpy as np

from ..engine.rules.registry import name as name_of
from .functional import astype, part, retyped
from .ir import Call, Constant, Var
from .names import identifier

INFIX = {  # by how strongly they bind
    np.less: ("<", 1), np.less_equal: ("<=", 1), np.greater: (">", 1), np.greater_equal: (">=", 1),
    np.equal: ("==", 1), np.not_equal: ("!=", 1), np.bitwise_or: ("|", 2), np.bitwise_xor: ("^", 3),
    np.bitwise_and: ("&", 4), np.add: ("+", 5), np.subtract: ("-", 5), operator.add: ("+", 5), operator.sub: ("-", 5),
    np.multiply: ("*", 6), np.divide: ("/", 6), np.matmul: ("@", 6), np.remainder: ("%", 6),
    np.floor_divide: ("//", 6), operator.mul: ("*", 6), operator.truediv: ("/", 6), operator.mod: ("%", 6),
    operator.floordiv: ("//", 6), np.power: ("**", 8), operator.pow: ("**", 8),
}  # fmt: skip
PREFIX = {np.negative: ("-", 7), np.invert: ("~", 7), np.positive: ("+", 7)}
ATOM = 9


class Expressions:
    """Calls as one would write them; `names` says what is called how, `taken` what nothing else may be called."""

    def __init__(self, names: dict[Var, str], taken: set[str]) -> None:
        self.names, self.taken = names, taken
        self.values: dict[str, Any] = {}  # what the text is handed by name
        self.text: dict[Var, tuple[str, int]] = {}  # of what stands within another expression

    def new(self, hint: str) -> str:
        """A name that nothing has yet."""
        if numbered := re.fullmatch(r"(\d[\d_.]*)[._](\D.*)", hint):  # a layer's number comes last
            hint = f"{numbered[2]}_{numbered[1]}"
        base = identifier(hint, "v")
        name, n = base, 1
        while name in self.taken:
            n += 1
            name = f"{base}{n}" if not base[-1].isdigit() else f"{base}_{n}"
        self.taken.add(name)
        return name

    def expression(self, x: Any, binding: int = 0) -> str:
        """An argument, in parentheses where it binds less than `binding`."""
        if type(x) is Var:
            if x in self.names:
                return self.names[x]
            if isinstance(x.source, Constant):
                return self.constant(x)
            text, strength = self.text[x]
            return text if strength >= binding else f"({text})"
        if isinstance(x, slice):
            parts = ["" if p is None else self.expression(p) for p in (x.start, x.stop)]
            return ":".join([*parts, *([] if x.step is None else [self.expression(x.step)])])
        if isinstance(x, tuple):
            return f"({', '.join(map(self.expression, x))}{',' if len(x) == 1 else ''})"
        if isinstance(x, list):
            return f"[{', '.join(map(self.expression, x))}]"
        if isinstance(x, float) and not isinstance(x, np.generic):
            text = repr(x) if math.isfinite(x) else {"inf": "np.inf", "-inf": "-np.inf"}.get(repr(x), "np.nan")
            return text if not text.startswith("-") or binding < 7 else f"({text})"
        if isinstance(x, np.dtype):
            return f"np.{x.name}" if x.kind != "b" else "bool"
        if isinstance(x, np.generic):
            return f"np.{x.dtype.name}({x.item()!r})" if np.isfinite(x) else f"np.{x.dtype.name}('{x}')"
        if x is ...:
            return "..."
        if isinstance(x, dict):
            return f"{{{', '.join(f'{k!r}: {self.expression(v)}' for k, v in x.items())}}}"
        text = repr(x)
        return text if not text.startswith("-") or binding < 7 else f"({text})"

    def constant(self, v: Var) -> str:
        """An array that was there: written out where it is short or regular, else one of the arguments."""
        a = v.source.array
        if not isinstance(a, np.ndarray):
            return self.expression(a)
        dtype = "" if a.dtype == np.float64 else f", {self.expression(a.dtype)}"
        if a.size and a.ndim and a.dtype.kind in "fiub" and (a == a.flat[0]).all():
            first = a.flat[0].item()
            shape = self.expression(a.shape if a.ndim > 1 else a.shape[0])
            if first in (0, 1):
                return f"np.{'ones' if first else 'zeros'}({shape}{dtype})"
            return f"np.full({shape}, {self.expression(first)}{dtype})"
        if a.dtype.kind == "i" and a.ndim == 1 and np.array_equal(a, np.arange(len(a))):
            return f"np.arange({len(a)})"
        if a.size <= 8:
            return f"np.array({a.tolist()!r}{dtype})".replace("inf", "np.inf").replace("nan", "np.nan")
        self.names[v] = self.new(v.name if v.name not in ("", "ones") else "c")
        self.values[self.names[v]] = a
        return self.names[v]

    def plain(self, call: Call) -> tuple[Any, ...]:
        """The arguments of a ufunc, constants without axes as numbers where that gives the same dtype."""
        others = [v.dtype for v in call.uses if v.shape]

        def number(a: Any) -> Any:
            if type(a) is not Var or not isinstance(a.source, Constant) or a.shape != () or not others:
                return a
            n = a.example.item()
            return n if np.result_type(*others, a.dtype) == np.result_type(*others, n) else a

        return tuple([number(a) for a in call.args])

    def call(self, call: Call) -> tuple[str, int]:
        """A call as an expression, and how strongly it binds."""
        f, args = call.fun, call.args
        if f in INFIX and not call.kwargs:
            symbol, strength = INFIX[f]
            args = self.plain(call)
            right, left = strength + 1, strength + (symbol == "**")  # a * (b * c) keeps its brackets: it rounds so
            return f"{self.expression(args[0], left)} {symbol} {self.expression(args[1], right)}", strength
        if f in PREFIX and not call.kwargs:
            symbol, strength = PREFIX[f]
            return f"{symbol}{self.expression(args[0], strength + 1)}", strength  # no --x
        if isinstance(f, np.ufunc):
            args = self.plain(call)
        if f is operator.getitem or f is part:
            index = args[1] if isinstance(args[1], tuple) and args[1] else (args[1],)
            return f"{self.expression(args[0], ATOM)}[{', '.join(map(self.expression, index))}]", ATOM
        if f is np.transpose and (args[1:] in ((), (None,)) or args[1] == tuple(range(len(args[0].shape)))[::-1]):
            return f"{self.expression(args[0], ATOM)}.T", ATOM
        if f in (np.transpose, np.reshape, astype, retyped) and len(args) == 2 and not call.kwargs:
            method = {astype: "astype", retyped: "view"}.get(f) or f.__name__
            rest = self.expression(args[1])
            return f"{self.expression(args[0], ATOM)}.{method}({rest})", ATOM
        given = [self.expression(a) for a in args]
        given += [f"{k}={self.expression(v)}" for k, v in call.kwargs.items()]
        own = getattr(f, "__self__", None)
        if isinstance(own, np.random.Generator):
            name = f"{self.outside(own, 'rng')}.{f.__name__}"
        elif isinstance(own, np.ufunc):
            name = f"np.{own.__name__}.{f.__name__}"
        else:
            name = name_of(f)
            if not name.startswith("np."):
                name = self.outside(f, name)
        return f"{name}({', '.join(given)})", ATOM

    def outside(self, thing: Any, hint: str) -> str:
        """The name of something that the text is handed: a Generator, a function of the user's own."""
        for name, value in self.values.items():
            if value is thing:
                return name
        name = self.new(hint)
        self.values[name] = thing
        return name
