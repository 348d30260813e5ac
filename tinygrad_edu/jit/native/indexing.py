"""Reading and writing elements by arrays of integers: `x[i, j]`, `x[i, j] = v` and `np.add.at(x, (i, j), v)` in C.

Numbers below 0 count from the end, as in NumPy. A number that is out of range ends the step before it has changed
anything: the function itself then runs, and raises NumPy's error.
"""

import operator
from dataclasses import dataclass

import numpy as np

from ...engine.rules.indexing import is_basic, setitem
from ...trace.functional import add_at
from ...trace.ir import Call, Var
from .access import Access
from .far import indented
from .functions import Function, operand_text
from .fusion import Element, Group, Operand, Scalar
from .operations import c_type

INTEGER = np.dtype(np.int64)  # what C counts with


@dataclass(eq=False, kw_only=True)
class Indexed(Group):
    """A loop over an index: it reads elements of `array` into `out`, or writes `value` to those of `out`."""

    array: Access  # of what is indexed
    shape: tuple[int, ...]  # of what is indexed
    index: list[Operand]
    value: Operand | None = None  # what is written, or None where elements are read
    out: Access | None = None  # what elements are read into
    full: tuple[int, ...] = ()  # the lengths of the loops: the index's axes, and the axes that are not indexed
    lead: int = 0  # how many of them are the index's
    adds: bool = False
    is_open: bool = False
    fails: bool = True

    def reads(self) -> set[Var]:
        """Return the bases of the arrays that are read."""
        found = {e.access.base for e in self.index if isinstance(e, Element)} | {self.array.base}
        return found | ({self.value.access.base} if isinstance(self.value, Element) else set())

    def writes(self) -> list[Var]:
        """Return the base of what is written."""
        return [self.array.base if self.out is None else self.out.base]

    def scalars(self) -> set[Var]:
        """Return the number that is written, if it is one."""
        return {self.value.var} if isinstance(self.value, Scalar) else set()


def index_arrays(call: Call) -> list[Var | int] | None:
    """Return the arrays and numbers that index the first axes of an array, or None if the index is something else."""
    if call.fun not in (operator.getitem, setitem, add_at) or call.kwargs:
        return None
    index = call.args[1] if isinstance(call.args[1], tuple) else (call.args[1],)
    x = call.args[0]
    if type(x) is not Var or not x.shape or len(index) > len(x.shape):
        return None
    arrays = [i for i in index if type(i) is Var]
    if not arrays or not all(type(i) is int or type(i) is Var for i in index):
        return None
    if not all(_is_integers(i) for i in arrays) or 0 in np.broadcast_shapes(*[i.shape for i in arrays]):
        return None
    return list(index)


def _is_integers(i: Var) -> bool:
    """Whether a part of an index is an array of integers that C can count with."""
    known = isinstance(i.dtype, np.dtype) and i.dtype.kind in "iu" and i.dtype != np.uint64
    return known and c_type(i.dtype) is not None and isinstance(i.example, np.ndarray) and i.shape != ()


def is_indexed(call: Call) -> bool:
    """Whether a call reads or writes by arrays of integers, in a way that has a C form."""
    index = index_arrays(call)
    if index is None or c_type(call.out.dtype) is None or call.args[0].dtype != call.out.dtype:
        return False
    if call.fun is operator.getitem:
        return True
    return _is_written(call) and (call.fun is setitem or call.out.dtype.kind in "fi")


def is_part(call: Call) -> bool:
    """Whether a call sets, or adds to, a part of an array that slices and numbers choose."""
    if call.fun not in (setitem, add_at) or call.kwargs or not is_basic(call.args[1]):
        return False
    return c_type(call.out.dtype) is not None and call.args[0].shape != () and _is_written(call)


def _is_written(call: Call) -> bool:
    """Whether the value that a call writes is converted to the array's dtype in C as by NumPy."""
    out, v = call.out.dtype, call.args[2]
    if type(call.args[0]) is not Var or call.args[0].dtype != out:
        return False
    if type(v) is not Var:
        return isinstance(v, (bool, int, float)) and (out.kind == "f" or type(v) is not float) and (
            out.kind != "i" or abs(v) < 2 ** (8 * out.itemsize - 1)) and out.kind != "u"  # fmt: skip
    if v.dtype is None:
        return bool(out.kind == "f")
    return c_type(v.dtype) is not None and (v.dtype == out or (out.kind == "f" and v.dtype.kind in "fiub"))


def indexed_lines(g: Indexed, f: Function) -> list[str]:
    """Return the lines of a group's function; it returns 1 if a number of the index is out of range."""
    loops = [f"i{k}" for k in range(len(g.full))]
    lead, rest = loops[: g.lead], loops[g.lead :]
    body = []
    for k, e in enumerate(g.index):
        text = operand_text(e, INTEGER, f.number, lambda o: f.place(o.access, lead, o.access.strides))
        body += [f"int64_t j{k} = {text};", f"if (j{k} < 0) j{k} += {g.shape[k]};",
                 f"if (j{k} < 0 || j{k} >= {g.shape[k]}) return 1;"]  # fmt: skip
    others = iter(rest)
    at = [f"j{k}" if k < len(g.index) else next(others) for k, n in enumerate(g.shape) if n != 1]
    element = f.place(g.array, at, g.array.strides)
    if g.value is None:
        assert g.out is not None
        line = f"{f.place(g.out, loops, g.out.strides)} = {element};"
    else:
        value = operand_text(
            g.value, g.array.base.dtype, f.number, lambda o: f.place(o.access, loops, o.access.strides)
        )
        line = f"{element} {'+' if g.adds else ''}= {value};"
    for i, n in reversed(list(zip(rest, g.full[g.lead :], strict=True))):
        line = f"for (int64_t {i} = 0; {i} < {n}; {i}++) {line}"
    body.append(line)
    for i, n in reversed(list(zip(lead, g.full[: g.lead], strict=True))):
        body = [f"for (int64_t {i} = 0; {i} < {n}; {i}++) {{", *indented(body), "}"]
    return [*body, "return 0;"]
