"""Names and expressions in the programs that are printed, and names in those that jit compiles."""

import functools
import inspect
import keyword
import math
import operator
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from typing import Any

import numpy as np

from ..engine.rules.floats import positive_part
from ..engine.rules.notation import INFIX, PREFIX
from ..engine.rules.registry import name as name_of
from .containers import leaves
from .functional import astype, part, retyped
from .ir import Call, Constant, Var

Container = tuple[Any, ...] | list[Any] | dict[Any, Any]
Write = Callable[[Any], str]
NUMPYS: dict[Any, Any] = {math.exp: np.exp, math.log: np.log, math.sqrt: np.sqrt, math.tanh: np.tanh}  # what Values use
BUILTINS = (float, operator.abs)
UNARY, ATOM = 7, 9  # how strongly a sign binds, and a name, a call or an index


@functools.lru_cache(1000)
def identifier(text: str, first: str) -> str:
    """Return the text as a Python name; it begins with `first` where the text alone is none."""
    if numbered := re.fullmatch(r"(\d[\d_.]*)[._](\D.*)", text):  # a layer's number comes last
        text = f"{numbered[2]}_{numbered[1]}"
    letters = [c if f"_{c}".isidentifier() else "_" for c in unicodedata.normalize("NFKC", text)]
    name = "".join(letters).strip("_")
    return name if name.isidentifier() and not keyword.iskeyword(name) else first + name


class Names:
    """The names of one text; `taken` are those that it uses for something else."""

    def __init__(self, taken: Iterable[str]) -> None:
        self.values: dict[str, Any] = {}  # the objects that the text is handed by name
        self.taken = set(taken)
        self.known: dict[int, str] = {}  # the names of values, by their identity
        self.counts: dict[str, int] = {}  # how many names begin alike

    def name(self, value: object, hint: str = "c") -> str:
        """Return the name of a value that the text is handed."""
        name = self.known.get(id(value))
        if name is None:
            name = self.known[id(value)] = self.unused(identifier(hint, "c"))
            self.values[name] = value
        return name

    def variable(self, hint: str = "v") -> str:
        """Return the name of a new variable: the hint and a number."""
        return self.unused(hint, numbered=True)

    def unused(self, base: str, numbered: bool = False) -> str:
        """Return a name that nothing has yet: `base`, with a number after it if `numbered` or if it is taken."""
        n = self.counts.get(base, 0)
        name, separator = "", "_" if base[-1].isdigit() else ""
        while not name or name in self.taken:
            n += 1
            name = f"{base}{separator}{n}" if numbered or n > 1 else base
        self.counts[base] = n
        self.taken.add(name)
        return name

    def container(self, x: Container, write: Write, write_key: Write = repr) -> str:
        """Write a list, a tuple or a dict: its members by `write`, the keys of a dict by `write_key`."""
        if isinstance(x, dict):
            return f"{{{', '.join(f'{write_key(k)}: {write(v)}' for k, v in x.items())}}}"
        members = ", ".join(map(write, x))
        return f"[{members}]" if isinstance(x, list) else f"({members}{',' if len(x) == 1 else ''})"

    def fun(self, f: Callable[..., object]) -> str:
        """Return the name of a function."""
        if known := self.known.get(id(f)):
            return known
        owner, name = getattr(f, "__self__", None), getattr(f, "__name__", "f")
        return self.name(f, f"{owner.__name__}_{name}" if isinstance(owner, np.ufunc) else name)


class Expressions(Names):
    """Writes calls as expressions that a person reads, with no more parentheses than they need.

    `names` are the names of Vars, and `taken` those of anything else.
    """

    def __init__(self, names: dict[Var, str], taken: Iterable[str]) -> None:
        super().__init__(taken)
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
        if isinstance(x, slice) or (isinstance(x, tuple) and any(isinstance(i, slice) for i in x)):
            return f"np.s_[{self.subscript(x)}]"
        if isinstance(x, (tuple, list, dict)):
            return self.container(x, self.expression)
        if isinstance(x, Enum):
            return self.expression(x.value, binding)
        if isinstance(x, (np.dtype, type)):
            dtype = np.dtype(x)
            return f"np.{dtype.name}" if dtype.kind != "b" else "bool"
        if isinstance(x, np.generic):
            return f"np.{x.dtype.name}({x.item()!r})" if np.isfinite(x) else f"np.{x.dtype.name}('{x}')"
        if x is ...:
            return "..."
        text = with_np(repr(x)) if isinstance(x, float) else repr(x)
        return text if not text.startswith("-") or binding < UNARY else f"({text})"

    def subscript(self, index: object) -> str:
        """Write an index, as it stands in brackets."""
        if isinstance(index, slice):
            parts = (index.start, index.stop) if index.step is None else (index.start, index.stop, index.step)
            return ":".join(["" if p is None else self.expression(p) for p in parts])
        whole = not isinstance(index, tuple) or not index
        return self.expression(index) if whole else ", ".join(map(self.subscript, index))  # type: ignore[call-overload]

    def literal(self, v: Var) -> str:
        """Write out a constant array if it is short or regular; else it becomes a value that the text is handed."""
        a = v.source.array
        if not isinstance(a, np.ndarray):
            return self.expression(a)
        dtype = "" if a.dtype == np.float64 else f", {self.expression(a.dtype)}"
        uniform = a.dtype.kind in "fiub" and (not a.size or (a == a.flat[0]).all() or np.isnan(a).all())
        if a.ndim and uniform:
            first = a.flat[0].item() if a.size else 0
            shape = self.expression(a.shape if a.ndim > 1 else a.shape[0])
            if first in (0, 1):
                return f"np.{'ones' if first else 'zeros'}({shape}{dtype})"
            return f"np.full({shape}, {self.expression(first)}{dtype})"
        if a.dtype.kind == "i" and a.ndim == 1 and np.array_equal(a, np.arange(len(a))):
            return f"np.arange({len(a)})"
        if a.size <= 8:
            return with_np(f"np.array({a.tolist()!r}{dtype})")
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
        f, args = NUMPYS.get(call.fun, call.fun), call.args
        if f is positive_part:
            f, args = np.maximum, (*args, 0.0)
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
            return f"{self.expression(args[0], ATOM)}[{self.subscript(args[1])}]", ATOM
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
            if f in BUILTINS:
                name = f.__name__
            elif not name.startswith("np."):
                name = self.name(f, name)
        return f"{name}({', '.join(given)})", ATOM


def with_np(text: str) -> str:
    """Write the numbers inf and nan, which Python has no literals for, as NumPy's."""
    return text.replace("inf", "np.inf").replace("nan", "np.nan")


def argument_names(fun: Callable[..., object], args: tuple[object, ...], kwargs: Mapping[str, object]) -> list[str]:
    """Return a name for each leaf of the arguments: the parameter's, and the keys on the way to the leaf."""
    try:
        parameters = list(inspect.signature(fun).parameters.values())
    except (TypeError, ValueError):
        parameters = []
    names = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    rest = next((p.name for p in parameters if p.kind is p.VAR_POSITIONAL), "x")
    names += [f"{rest}_{i}" for i in range(len(args) - len(names))]
    given = [*zip(names, args, strict=False), *kwargs.items()]
    return [path for name, value in given for path, _ in leaves(name, value)]
