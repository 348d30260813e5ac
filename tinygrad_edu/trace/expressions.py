"""Calls as expressions that a person reads, with no more parentheses than they need."""

import math
import operator
from collections.abc import Iterable

import numpy as np

from ..engine.rules.registry import name as name_of
from ..engine.rules.symbols import INFIX, PREFIX
from .functional import astype, part, retyped
from .ir import Call, Constant, Var
from .names import Names, identifier

UNARY, ATOM = 7, 9  # how strongly a sign binds, and a name, a call or an index


class Expressions(Names):
    """Writes calls as expressions; `names` are the names of Vars, and `taken` those of anything else."""

    def __init__(self, names: dict[Var, str], taken: Iterable[str]) -> None:
        super().__init__({}, taken)
        self.names = names
        self.text: dict[Var, tuple[str, int]] = {}  # for Vars without a name: expression, and how strongly it binds

    def new(self, hint: str) -> str:
        """Return a name that nothing has yet."""
        return self.unused(identifier(hint, "v"))

    def expression(self, x: object, binding: int = 0) -> str:
        """Write an argument, in parentheses if it binds less strongly than `binding`."""
        if type(x) is Var:
            if x in self.names:
                return self.names[x]
            if isinstance(x.source, Constant):
                return self.literal(x)
            text, strength = self.text[x]
            return text if strength >= binding else f"({text})"
        if isinstance(x, slice):
            parts = ["" if p is None else self.expression(p) for p in (x.start, x.stop)]
            return ":".join([*parts, *([] if x.step is None else [self.expression(x.step)])])
        if isinstance(x, tuple):
            return f"({', '.join(map(self.expression, x))}{',' if len(x) == 1 else ''})"
        if isinstance(x, list):
            return f"[{', '.join(map(self.expression, x))}]"
        if isinstance(x, dict):
            return f"{{{', '.join(f'{k!r}: {self.expression(v)}' for k, v in x.items())}}}"
        if isinstance(x, np.dtype):
            return f"np.{x.name}" if x.kind != "b" else "bool"
        if isinstance(x, np.generic):
            return f"np.{x.dtype.name}({x.item()!r})" if np.isfinite(x) else f"np.{x.dtype.name}('{x}')"
        if x is ...:
            return "..."
        text = repr(x)
        if isinstance(x, float) and not math.isfinite(x):
            text = {"inf": "np.inf", "-inf": "-np.inf"}.get(text, "np.nan")
        return text if not text.startswith("-") or binding < UNARY else f"({text})"

    def literal(self, v: Var) -> str:
        """Write out a constant array if it is short or regular; else it becomes a value that the text is handed."""
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

    def operands(self, call: Call) -> tuple[object, ...]:
        """Return the arguments of a ufunc, constants without axes as numbers where that gives the same dtype."""
        others = [v.dtype for v in call.uses if v.shape]

        def operand(a: object) -> object:
            if type(a) is not Var or not isinstance(a.source, Constant) or a.shape != () or not others:
                return a
            n = a.example.item()
            return n if np.result_type(*others, a.dtype) == np.result_type(*others, n) else a

        return tuple([operand(a) for a in call.args])

    def call(self, call: Call) -> tuple[str, int]:
        """Write a call as an expression; return it with how strongly it binds."""
        f, args = call.fun, call.args
        if isinstance(f, np.ufunc) or f in INFIX:
            args = self.operands(call)
        if f in INFIX and not call.kwargs:
            symbol, strength = INFIX[f]
            right, left = strength + 1, strength + (symbol == "**")  # a * (b * c) rounds otherwise than a * b * c
            return f"{self.expression(args[0], left)} {symbol} {self.expression(args[1], right)}", strength
        if f in PREFIX and not call.kwargs:
            symbol, strength = PREFIX[f]
            return f"{symbol}{self.expression(call.args[0], strength + 1)}", strength  # no --x
        if f is operator.getitem or f is part:
            index = args[1] if isinstance(args[1], tuple) and args[1] else (args[1],)
            return f"{self.expression(args[0], ATOM)}[{', '.join(map(self.expression, index))}]", ATOM
        if f is np.transpose and (args[1:] in ((), (None,)) or args[1] == tuple(range(len(args[0].shape)))[::-1]):
            return f"{self.expression(args[0], ATOM)}.T", ATOM
        if f in (np.transpose, np.reshape, astype, retyped) and len(args) == 2 and not call.kwargs:
            method = {astype: "astype", retyped: "view"}.get(f) or f.__name__
            return f"{self.expression(args[0], ATOM)}.{method}({self.expression(args[1])})", ATOM
        given = [*map(self.expression, args), *[f"{k}={self.expression(v)}" for k, v in call.kwargs.items()]]
        owner = getattr(f, "__self__", None)
        if isinstance(owner, np.random.Generator):
            name = f"{self.name(owner, 'rng')}.{f.__name__}"
        elif isinstance(owner, np.ufunc):
            name = f"np.{owner.__name__}.{f.__name__}"
        else:
            name = name_of(f)
            if not name.startswith("np."):
                name = self.name(f, name)
        return f"{name}({', '.join(given)})", ATOM
