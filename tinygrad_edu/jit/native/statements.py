"""The C statements of each call of a program, for a reader: a loop over the elements of the result.

`Statements` keeps the names and the lines; `printer` writes the file. A view is a copy here, so that each array has its
elements in C's order.
"""

import operator
import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...engine.errors import format_line
from ...engine.rules.indexing import setitem
from ...engine.rules.registry import Array, name
from ...trace.functional import add_at
from ...trace.ir import Call, Var
from ...trace.traced import JitError
from ..simplify import constant_value
from .access import address, chosen, rearranged, rearranges
from .accumulation import COMBINE, start
from .far import indented
from .functions import converted, index_text
from .indexing import index_arrays, is_indexed, is_part
from .operations import PLAIN_TEXTS, PYTHON, TYPES, Operation, literal, operation, with_operands
from .polynomials import LIBM
from .products import as_matrices, is_product, stacked
from .reductions import Reduction, is_joined, joined_parts, reduction

PLAIN = {f"tg_{name}{end}" for name in LIBM for end in ("", "f")}  # functions that math.h has too
SIGNS: dict[Any, str] = {np.add: "+=", np.multiply: "*="}
INDICES = "ijklmnrst"
DOUBLE = np.dtype(np.float64)


class Statements:
    """The lines of C for calls, one call after the other."""

    def __init__(self) -> None:
        self.names: dict[Var, str] = {}
        self.lines: list[str] = []

    def reference(self, v: Var) -> str:
        """Return the name of a Var."""
        return self.names[v]

    def dtype(self, v: Var) -> np.dtype[Any]:
        """Return the dtype of an array or a number; Python's numbers are doubles."""
        found = DOUBLE if v.dtype is None else v.dtype
        if not isinstance(found, np.dtype) or found.name not in TYPES or not v.size:
            remedy = "use float64 or float32" if v.size else "leave empty arrays out of the recorded function"
            raise JitError(f"jit.c: an array of {found} of shape {v.shape} has no C form; {remedy}")
        return found

    # Loops
    def loop(self, shape: Sequence[int], line: Callable[[Sequence[str]], str]) -> None:
        """Write nested loops over a shape, around a line of their indices or several."""
        if len(shape) >= len(INDICES):
            raise JitError(f"jit.c: an array of shape {tuple(shape)} has too many axes for the C text; join some")
        indices = INDICES[: len(shape)]
        self.lines += nested(indices, shape, line(indices).splitlines())

    def element(self, v: Var, indices: Sequence[str], shape: Sequence[int] | None = None) -> str:
        """Write the element of v at the indices of a loop over `shape`, to which v is broadcast, or over all of v."""
        text, shape = self.reference(v), v.shape if shape is None else tuple(shape)
        if not v.shape:
            return text
        if shape == (v.size,):
            return f"{text}[{indices[0]}]"
        like = np.empty(v.shape[max(len(v.shape) - len(shape), 0) :], np.int8)  # x[0] = [[1]]
        return f"{text}[{index_text(np.broadcast_to(like, shape).strides, indices)}]"

    def operand(self, a: Any, wanted: np.dtype[Any], indices: Sequence[str], shape: Sequence[int]) -> str:
        """Write an argument of an elementwise call."""
        if (value := constant_value(a)) is not None:
            return literal(value, wanted)
        return converted(self.element(a, indices, shape), self.dtype(a), wanted)

    # Calls
    def call(self, call: Call) -> None:
        """Write one call as a loop."""
        out = call.out
        x: Any = call.args[0] if call.args else None
        if call.draws:
            raise self.no_form(call, "draw outside, and pass the numbers as an argument")
        if out.dtype is None or (call.fun in PYTHON and all([v.dtype is None for v in call.uses])):
            self.number(call)
        elif rearranges(call) or (call.fun in (np.broadcast_to, np.reshape) and type(x) is Var):
            self.view(call)
        elif call.fun is np.mean and (total := reduction(Call(np.sum, call.args, call.kwargs, out.example))):
            whole = literal(x.size // out.size, out.dtype)
            self.reduce(call, total, f" / {whole}")
        elif (found := operation(call)) is not None and PLAIN.issuperset(found.functions):
            self.elementwise(call, found)
        elif found is not None and found.functions[0] in PLAIN_TEXTS:
            self.elementwise(call, found._replace(text=PLAIN_TEXTS[found.functions[0]]))
        elif (reduced := reduction(call)) is not None:
            self.reduce(call, reduced)
        elif is_product(call) or (call.fun in (np.matmul, np.dot) and all(len(v.shape) == 1 for v in call.args)):
            self.product(call)
        elif is_joined(call):
            self.join(call)
        elif is_indexed(call) or is_part(call):
            self.index(call)
        else:
            raise self.no_form(call, "leave it out of the recorded function")

    def no_form(self, call: Call, why: str) -> JitError:
        """Return the error for a call that has no C form."""
        where = f" ({format_line(call.line)})" if call.line else ""
        shapes = ", ".join(str(v.shape) for v in call.uses)
        shown = f"Generator.{call.fun.__name__}" if call.draws else f"{name(call.fun)} of shapes {shapes}"
        return JitError(f"jit.c: {shown} has no C form{where}; {why}")

    def elementwise(self, call: Call, found: Operation) -> None:
        """Write an elementwise call; one loop is enough where nothing is broadcast but numbers."""
        out = call.out
        arrays = [a for a in call.args if type(a) is Var and a.shape != () and constant_value(a) is None]
        shape = (out.size,) if out.shape != () and all(a.shape == out.shape for a in arrays) else out.shape

        def line(indices: Sequence[str]) -> str:
            given = [self.operand(a, d, indices, shape) for a, d in zip(call.args, found.dtypes, strict=False)]
            return f"{self.element(out, indices, shape)} = {filled(found.text, given)};"

        self.loop(shape, line)

    def number(self, call: Call) -> None:
        """Write a call about Python numbers."""
        found = operation(call)
        text = PYTHON.get(call.fun) if found is None else found.text
        if text is None:
            raise self.no_form(call, "compute this number outside of the recorded function")
        given = [self.operand(a, DOUBLE, [], ()) for a in call.args]
        self.lines.append(f"{self.names[call.out]} = {filled(text, given)};")

    def view(self, call: Call) -> None:
        """Write a copy of an array in another order."""
        x, out = call.args[0], call.out
        base = np.empty(x.shape, np.int8)
        where = rearranged(call, base)
        offset = distance(where, base)

        def line(indices: Sequence[str]) -> str:
            at = index_text(where.strides, indices, offset)
            text = f"{self.reference(x)}[{at}]" if x.shape else self.operand(x, out.dtype, [], ())
            return f"{self.element(out, indices)} = {text};"

        self.loop(out.shape, line)

    def reduce(self, call: Call, reduced: Reduction, after: str = "") -> None:
        """Write a sum or another reduction, one number of the result after the other."""
        x, out = reduced.operands[0], call.out
        kept = [n for axis, n in enumerate(x.shape) if axis not in reduced.axes]
        real = TYPES[out.dtype.name]

        def line(indices: Sequence[str]) -> str:
            free, inner = iter(indices), iter(INDICES[len(kept) :])
            every = [next(inner) if axis in reduced.axes else next(free) for axis in range(len(x.shape))]
            pairs = zip(reduced.operands, reduced.operation.dtypes, strict=True)
            text = filled(reduced.operation.text, [self.operand(a, d, every, x.shape) for a, d in pairs])
            if reduced.ufunc in SIGNS:
                inside = [f"acc {SIGNS[reduced.ufunc]} {text};"]
            else:
                combined = re.sub(r"\b[ab]\b", lambda m: {"a": "acc", "b": "next"}[m[0]], COMBINE[reduced.ufunc])
                inside = [f"const {real} next = {text};", f"acc = {combined};"]
            axes = sorted(reduced.axes)
            loops = nested([every[a] for a in axes], [x.shape[a] for a in axes], inside)
            strides = np.empty(kept, np.int8).strides
            target = f"{self.names[out]}[{index_text(strides, indices)}]" if out.shape else self.names[out]
            begin = f"{real} acc = {start(reduced.ufunc, out.dtype)};"
            return "\n".join([begin, *loops, f"{target} = acc{after};"])

        self.loop(kept, line)

    def product(self, call: Call) -> None:
        """Write a product of matrices or vectors."""
        out = call.out
        a, b, whole = stacked(*as_matrices(*[np.empty(v.shape, np.int8) for v in (*call.args, out)]))
        depth, real = a.shape[-1], TYPES[out.dtype.name]

        def line(indices: Sequence[str]) -> str:
            *first, i, j = indices
            k = INDICES[len(indices)]
            target = f"{self.names[out]}[{index_text(whole.strides, indices)}]" if out.shape else self.names[out]
            left = f"{self.reference(call.args[0])}[{index_text(a.strides, [*first, i, k])}]"
            right = f"{self.reference(call.args[1])}[{index_text(b.strides, [*first, k, j])}]"
            loop = nested([k], [depth], [f"acc += {left} * {right};"])
            return "\n".join([f"{real} acc = 0;", *loop, f"{target} = acc;"])

        self.loop(whole.shape, line)

    def join(self, call: Call) -> None:
        """Write np.concatenate or np.stack."""
        like = np.empty(call.out.shape, np.int8)
        for x, where in joined_parts(call, like):
            self.assign(call.out, where, like, x)

    def assign(self, out: Var, where: Array, like: Array, value: Any, sign: str = "=") -> None:
        """Write a value into a part of a result; `where` is that part of `like`, an array of the result's shape."""
        offset = distance(where, like)

        def line(indices: Sequence[str]) -> str:
            given = self.operand(value, out.dtype, indices, where.shape)
            return f"{self.names[out]}[{index_text(where.strides, indices, offset)}] {sign} {given};"

        self.loop(where.shape, line)

    def copy(self, target: Var, value: Var) -> None:
        """Write one array, or a number, over another."""
        size = (target.size,) if target.shape else ()

        def line(indices: Sequence[str]) -> str:
            given = self.operand(value, self.dtype(target), indices, size)
            return f"{self.element(target, indices, size)} = {given};"

        self.loop(size, line)

    def index(self, call: Call) -> None:
        """Write what reads, sets or adds to elements of an array."""
        out, x = call.out, call.args[0]
        like = np.empty(out.shape, np.int8)
        sign = "+=" if call.fun is add_at else "="
        if call.fun in (setitem, add_at):
            self.assign(out, like, like, x)
            if is_part(call):
                self.assign(out, chosen(like, call.args[1]), like, call.args[2], sign)
                return
        index = index_arrays(call) or []
        shape = np.broadcast_shapes(*[i.shape for i in index if isinstance(i, Var)])
        lead, full = len(shape), (*shape, *x.shape[len(index) :])
        strides = np.empty(x.shape, np.int8).strides

        def line(indices: Sequence[str]) -> str:
            given = [self.element(i, indices[:lead], shape) if isinstance(i, Var) else str(i) for i in index]
            numbers = [f"({i} < 0 ? {i} + {n} : {i})" for i, n in zip(given, x.shape, strict=False)]
            where = index_text(strides, [*numbers, *indices[lead:]])
            if call.fun is operator.getitem:
                return f"{self.element(out, indices)} = {self.reference(x)}[{where}];"
            return f"{self.names[out]}[{where}] {sign} {self.operand(call.args[2], out.dtype, indices, full)};"

        self.loop(full, line)


def nested(indices: Sequence[str], shape: Sequence[int], lines: Sequence[str]) -> list[str]:
    """Return nested loops over a shape around lines, with braces if there are several."""
    braces, found = len(lines) > 1, list(lines)
    for i, n in reversed(list(zip(indices, shape, strict=True))):
        head, end = f"for (int {i} = 0; {i} < {n}; {i}++)", ["}"] * braces
        found, braces = [head + " {" * braces, *indented(found), *end], False
    return ["{", *indented(found), "}"] if braces else found


def filled(text: str, operands: Sequence[str]) -> str:
    """Write the operands into an expression in a, b and c, with functions of math.h."""
    text = re.sub(r"\btg_(\w+?)(f?)(?=\()", lambda m: LIBM.get(m[1] + m[2], LIBM.get(m[1], m[1]) + m[2]), text)
    return with_operands(text, operands)


def distance(part: Array, whole: Array) -> int:
    """Return how many bytes after the beginning of an array a view of it begins."""
    return address(part) - address(whole)
