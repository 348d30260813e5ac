"""Names and expressions in the programs that are printed, and names in those that jit compiles."""

import functools
import inspect
import keyword
import math
import operator
import re
import unicodedata
from collections.abc import Callable, Hashable, Iterable, Mapping
from enum import Enum
from typing import Any

import numpy as np

from ..engine.rules.floats import positive_part
from ..engine.rules.notation import INFIX, PREFIX
from ..engine.rules.registry import Function
from ..engine.rules.registry import name as name_of
from .closure import PLAIN
from .containers import leaves
from .functional import astype, part, retyped
from .ir import Call, Constant, Var

Container = tuple[Any, ...] | list[Any] | dict[Any, Any]
Write = Callable[[Any], str]
SHOWN_AS: dict[Any, tuple[Any, ...]] = {  # what Values use: NumPy's function, and further arguments
    math.exp: (np.exp,), math.log: (np.log,), math.sqrt: (np.sqrt,), math.tanh: (np.tanh,),
    positive_part: (np.maximum, 0.0),
}  # fmt: skip
INDEXING = (operator.getitem, part)
METHODS: dict[Any, str] = {np.transpose: "transpose", np.reshape: "reshape", astype: "astype", retyped: "view"}
BUILTINS = (float, operator.abs)
UNARY, ATOM = 7, 9  # how strongly a sign binds, and a name, a call or an index


@functools.lru_cache(1000)
def identifier(text: str) -> str:
    """Return the text as a Python name; it begins with "v" where the text alone is none."""
    if numbered := re.fullmatch(r"(\d[\d_.]*)[._](\D.*)", text):  # a layer's number comes last
        text = f"{numbered[2]}_{numbered[1]}"
    letters = [c if f"_{c}".isidentifier() else "_" for c in unicodedata.normalize("NFKC", text)]
    name = "".join(letters).strip("_")
    return name if name.isidentifier() and not keyword.iskeyword(name) else f"v{name}"


class Expressions:
    """Writes calls as expressions that a person reads, with no more parentheses than they need.

    `names` are the names of Vars, and `taken` those of anything else.
    """

    def __init__(self, names: dict[Var, str], taken: Iterable[str]) -> None:
        self.names = names
        self.text: dict[Var, tuple[str, int]] = {}  # for Vars without a name: expression, and how strongly it binds
        self.values: dict[str, Any] = {}  # the objects that the text is handed by name
        self.taken = {"np", *taken}
        self.known: dict[Hashable, str] = {}  # the names of values, by their identity or key
        self.counts: dict[str, int] = {}  # how many names begin alike

    # Names
    def name(self, value: object, hint: str = "c", key: Hashable = None) -> str:
        """Return the name of a value that the text is handed; values of the same `key` are alike."""
        key = id(value) if key is None else key
        if key not in self.known:
            self.known[key] = self.new(hint)
            self.values[self.known[key]] = value
        return self.known[key]

    def variable(self, hint: str = "v") -> str:
        """Return the name of a new variable: the hint and a number."""
        return self.new(hint, numbered=True)

    def new(self, hint: str, numbered: bool = False) -> str:
        """Return a name that nothing has yet: the hint, with a number after it if `numbered` or if it is taken."""
        base = identifier(hint)
        n, stem = self.counts.get(base, 0) + 1, f"{base}_" if base[-1].isdigit() else base
        while (name := f"{stem}{n}" if numbered or n > 1 else base) in self.taken:
            n += 1
        self.counts[base] = n
        self.taken.add(name)
        return name

    def fun(self, f: Function) -> str:
        """Return the name of a function: a draw's is a method of the generator, and users' are passed."""
        name = name_of(f)
        if isinstance(owner := getattr(f, "__self__", None), np.random.Generator):
            return f"{self.name(owner, 'rng')}.{f.__name__}"
        return name if name.startswith("np.") or f in BUILTINS else self.name(f, name)

    # Arguments
    def expression(self, x: object, binding: int = 0) -> str:
        """Write an argument, in parentheses if it binds less strongly than `binding`."""
        if type(x) is Var:
            text, strength = self.text.get(x) or (self.var(x), ATOM)
            return text if strength >= binding else f"({text})"
        if isinstance(x, slice) or (isinstance(x, tuple) and any([isinstance(i, slice) for i in x])):
            return f"np.s_[{self.subscript(x)}]"
        if isinstance(x, (tuple, list, dict)):
            return self.container(x, self.expression)
        text = self.value(x)
        return text if not text.startswith("-") or binding < UNARY else f"({text})"

    def container(self, x: Container, write: Write) -> str:
        """Write a list, a tuple or a dict, and its members by `write`."""
        if isinstance(x, dict):
            return f"{{{', '.join([f'{self.expression(k)}: {write(v)}' for k, v in x.items()])}}}"
        members = ", ".join(map(write, x))
        return f"[{members}]" if isinstance(x, list) else f"({members}{',' if len(x) == 1 else ''})"

    def subscript(self, index: Any) -> str:
        """Write an index, as it stands in brackets."""
        if isinstance(index, slice):
            parts = (index.start, index.stop) if index.step is None else (index.start, index.stop, index.step)
            return ":".join(["" if p is None else self.expression(p) for p in parts])
        if not isinstance(index, tuple) or not index:
            return self.expression(index)
        written = [self.subscript(i) if isinstance(i, slice) else self.expression(i) for i in index]
        return f"{written[0]}," if len(index) == 1 and type(index[0]) is tuple else ", ".join(written)

    def value(self, x: object) -> str:
        """Write a plain value or a function; an object that Python has no literal for is passed by name."""
        if isinstance(x, Enum):
            return self.value(x.value)
        if isinstance(x, (np.dtype, type)):
            dtype = np.dtype(x)
            return f"np.{dtype.name}" if dtype.isnative and hasattr(np, dtype.name) else f"np.dtype({dtype.str!r})"
        if isinstance(x, np.generic):
            return repr(x) if x.dtype.char in "mMgG" else f"np.{type(x).__name__}({self.value(x.item())})"
        if isinstance(x, complex) and not np.isfinite(x.imag):
            return f"complex({self.value(x.real)}, {self.value(x.imag)})"
        if x is ...:
            return "..."
        if isinstance(x, (float, complex)):  # Python has no literals for inf and nan
            return repr(x).replace("inf", "np.inf").replace("nan", "np.nan")
        if isinstance(x, (*PLAIN, range)):
            return repr(x)
        return self.fun(x) if callable(x) else self.name(x, type(x).__name__)

    def var(self, v: Var) -> str:
        """Return the name of a Var; a constant is written out if it is short or regular, or else is passed."""
        if v in self.names:
            return self.names[v]
        a = v.source.array
        if not isinstance(a, np.ndarray):
            return self.expression(a, UNARY)
        dtype = "" if a.dtype == np.float64 else f", {self.value(a.dtype)}"
        first = a.flat[0] if a.size else np.zeros((), a.dtype)[()]
        if a.ndim and a.dtype.kind in "fciub" and a.tobytes() == first.tobytes() * a.size:
            shape, element = self.expression(a.shape if a.ndim > 1 else a.shape[0]), self.value(first.item())
            filled = {"0": f"zeros({shape}", "1": f"ones({shape}"}.get(element.removesuffix(".0"))
            return f"np.{filled or f'full({shape}, {element}'}{dtype})"
        if a.dtype.kind == "i" and a.ndim == 1 and np.array_equal(a, np.arange(len(a))):
            return f"np.arange({len(a)}{'' if a.dtype == np.int_ else dtype.replace(' ', ' dtype=')})"
        if a.size <= 8 and a.dtype.kind in "biufcUS":
            return f"np.array({self.expression(a.tolist())}{dtype})"
        self.names[v] = self.name(a, "c" if v.name in ("", "ones") else v.name)
        return self.names[v]

    # Calls
    def shown(self, call: Call) -> tuple[Any, list[Any], bool]:
        """Return the function and its arguments as they are shown, and whether an operator is shown by its sign.

        Constants without axes are shown as numbers where that gives the same dtype.
        """
        f, *more = SHOWN_AS.get(call.fun, (call.fun,))
        others = [v.dtype for v in call.uses if v.shape] if isinstance(f, np.ufunc) or f in INFIX else []

        def operand(a: Any) -> Any:
            if type(a) is not Var or not isinstance(a.source, Constant) or a.shape != () or not others:
                return a
            n = a.example.item()
            return n if np.result_type(*others, a.dtype) == np.result_type(*others, n) else a

        by_sign = not call.kwargs and list not in map(type, call.args)  # lists have other operators than arrays
        return f, [*map(operand, call.args), *more], by_sign

    def call(self, call: Call) -> tuple[str, int]:
        """Write a call as an expression; return it with how strongly it binds."""
        f, args, by_sign = self.shown(call)
        if by_sign and f in INFIX:
            symbol, strength = INFIX[f]
            right, left = strength + 1, strength + (symbol == "**")  # a * (b * c) rounds otherwise than a * b * c
            return f"{self.expression(args[0], left)} {symbol} {self.expression(args[1], right)}", strength
        if by_sign and f in PREFIX:
            symbol, strength = PREFIX[f]
            return f"{symbol}{self.expression(args[0], strength + 1)}", strength  # no --x
        if f in INDEXING:
            return f"{self.expression(args[0], ATOM)}[{self.subscript(args[1])}]", ATOM
        if f in METHODS and type(args[0]) is Var and args[0].dtype is not None and len(args) < 3 and not call.kwargs:
            reverses = f is np.transpose and (*args[1:], None)[0] in (None, tuple(range(len(args[0].shape)))[::-1])
            method = "T" if reverses else f"{METHODS[f]}({self.expression(args[1])})"
            return f"{self.expression(args[0], ATOM)}.{method}", ATOM
        given = [*map(self.expression, args), *[f"{k}={self.expression(v)}" for k, v in call.kwargs.items()]]
        return f"{self.fun(f)}({', '.join(given)})", ATOM


def argument_names(fun: Function, args: tuple[object, ...], kwargs: Mapping[str, object]) -> list[str]:
    """Return a name for each leaf of the arguments: the parameter's, and the keys on the way to the leaf."""
    try:
        named: Mapping[str, object] = inspect.signature(fun).bind_partial(*args).arguments
    except (TypeError, ValueError):
        named = {"x": args}
    return [path for name, value in (*named.items(), *kwargs.items()) for path, _ in leaves(name, value)]
