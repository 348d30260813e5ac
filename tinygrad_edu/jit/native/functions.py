"""The text of a C function: its parameters, the elements of arrays in it, and expressions of them."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...trace.ir import Var
from .access import Access
from .far import indented
from .fusion import Element, Group, Number, Operand, Scalar, Statement
from .operations import TYPES, c_type, literal, with_operands


class Function:
    """The text of one group's function, and the arrays and numbers that it is called with.

    Names are those of the function alone, and a pointer is to the first of the elements that it uses: so the text is
    the same for each step of a recurrence, and is written once.
    """

    def __init__(self, group: Group, names: Callable[[Var], str], allocate: Callable[[int], int]) -> None:
        self.group, self.names = group, names
        self.allocate = allocate  # returns where in `slots` so many numbers are free
        self.parameters: dict[str, str] = {}  # C declaration of a parameter: the argument in the main function
        self.inner: dict[str, str] = {}  # the name of an array or a number in the main function: that in this one
        self.writes = {names(v) for v in group.writes()}
        self.starts: dict[str, int] = {}
        for access in group.accesses():
            name = names(access.base)
            self.starts[name] = min(access.offset, self.starts.get(name, access.offset))
        self.lines: list[str] = []
        self.parts = 1  # how many threads may compute at once
        self.end: Function | None = None  # adds up the sums of the parts

    def own(self, letter: str, given: str) -> str:
        """Return the name in this function of an array or a number of the main function."""
        return self.inner.setdefault(given, f"{letter}{len(self.inner)}")

    def pointer(self, base: Var) -> str:
        """Return the name of an array, as a parameter."""
        given = self.names(base)
        name, start = self.own("p", given), self.starts.get(given)
        const = "" if given in self.writes else "const "
        self.parameters[f"{const}{scalar_type(base)} *restrict {name}"] = f"{given} + {start}" if start else given
        return name

    def place(self, access: Access, indices: Sequence[str], strides: Sequence[int]) -> str:
        """Write an element of an array."""
        offset = access.offset - self.starts.get(self.names(access.base), 0)
        return f"{self.pointer(access.base)}[{index_text(strides, indices, offset)}]"

    def number(self, v: Var) -> str:
        """Return the name of a number, as a parameter."""
        given = self.names(v)
        name = self.own("s", given)
        self.parameters[f"const {scalar_type(v)} {name}"] = given
        return name

    def returned(self, v: Var) -> str:
        """Return the name under which a number is given back."""
        given = self.names(v)
        name = self.own("r", given)
        self.parameters[f"{scalar_type(v)} *restrict {name}"] = f"&{given}"
        return f"*{name}"

    def text(self, kind: str, lines: Sequence[str], more: Sequence[str] = ()) -> str:
        """Return the C text, with FUNCTION for the name."""
        head = f"static TG_NOINLINE {kind} FUNCTION({', '.join([*self.parameters, *more]) or 'void'}) {{"
        return "\n".join([head, *indented(lines), "}", ""])


def scalar_type(v: Var) -> str:
    """Return the C type of a number, or of the elements of an array; Python's numbers are doubles."""
    return "double" if v.dtype is None else c_type(v.dtype) or ""


def index_text(strides: Sequence[int], indices: Sequence[str], offset: int = 0) -> str:
    """Write offset + i0 * stride0 + i1 * stride1."""
    terms = [i if s == 1 else f"{i} * {s}" for i, s in zip(indices, strides, strict=True) if s]
    return " + ".join([*([str(offset)] if offset or not terms else []), *terms])


def read(text: str, dtype: np.dtype[Any] | None) -> str:
    """Write an element in memory as a value: the byte of a truth value may be any, as in `integers.view(bool)`."""
    return f"({text} != 0)" if dtype is not None and dtype.kind == "b" else text


def converted(text: str, given: np.dtype[Any] | None, wanted: np.dtype[Any]) -> str:
    """Write a number of one dtype as one of another."""
    if given == wanted:
        return text
    if given is not None and given.kind == "b":
        one, zero = (literal(n, wanted) for n in (1, 0))
        return f"({text} ? {one} : {zero})"
    if wanted.kind == "b":
        return f"({text} != 0)"
    return f"(({TYPES[wanted.name]}){text})"


def operand_text(
    o: Operand, wanted: np.dtype[Any], number: Callable[[Var], str], element: Callable[[Element], str]
) -> str:
    """Write an operand as one of a dtype; `number` and `element` return the texts of those that are not known."""
    if isinstance(o, Number):
        return o.text
    if isinstance(o, Scalar):
        return converted(number(o.var), o.var.dtype, wanted)
    return converted(element(o), o.dtype, wanted)


def expression(s: Statement, number: Callable[[Var], str], element: Callable[[Element], str]) -> str:
    """Write the expression of a statement."""
    pairs = zip(s.operands, s.operation.dtypes, strict=True)
    return with_operands(s.operation.text, [operand_text(o, dtype, number, element) for o, dtype in pairs])


def local_type(dtype: np.dtype[Any]) -> str:
    """Return the C type of a variable; truth values are as wide as an int, or they would be packed and unpacked."""
    return "int" if dtype.kind == "b" else TYPES[dtype.name]
