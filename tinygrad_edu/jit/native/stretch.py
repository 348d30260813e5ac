"""A stretch: calls in a row that all have a C form, as one C function.

`Stretch` puts the calls into groups (`fusion`) and says where each array is; `source` writes the text. Arrays that
nothing outside of the stretch reads are places in one block of memory, `scratch`, and those that only one loop reads
are no arrays at all. What comes in and goes out is passed in two tuples of Python objects (`binding`).
"""

import itertools
from collections.abc import Collection

import numpy as np

from ...engine.rules.finite import all_finite
from ...engine.rules.indexing import setitem
from ...engine.rules.registry import Array
from ...trace.functional import add_at
from ...trace.ir import Call, Guard, Var, variables
from ..simplify import constant_value
from .access import Access, Accesses, chosen, rearranged, rearranges, squeezed
from .fusion import Check, Element, Fusion, Group, Operand, Statement
from .indexing import INTEGER, Indexed, index_arrays, is_part
from .narrow import Term, narrow_terms
from .operations import RAISING, Operation, operation
from .products import Product, as_matrices, is_product, matrix, stacked
from .reductions import Reduction, is_joined, joined_parts, reduction


class Stretch:
    """Calls in a row with a C form; `arrays` are those from outside whose memory is the same at every call."""

    def __init__(self, arrays: dict[Var, Array]) -> None:
        self.fixed = arrays
        self.accesses = Accesses()
        self.fusion = Fusion(self.accesses)
        self.outside: dict[Var, None] = {}  # what is read from outside, in order
        self.unsure: list[Var] = []  # numbers that may not be finite, where Python raises an error

    def find(self, v: Var) -> None:
        """Note a Var from outside when it is first read."""
        if v in self.accesses or v in self.fusion.places or v in self.outside:
            return
        self.outside[v] = None
        if v.shape != ():
            self.accesses.add(v, self.fixed.get(v))

    def find_operands(self, call: Call) -> None:
        """Note what a call reads from outside, but for constants that are written as numbers."""
        for v in call.uses:
            if constant_value(v) is None:
                self.find(v)

    def like(self, call: Call) -> Array | None:
        """Return an array with the strides of a result, its axes in the order of an operand; None if contiguous."""
        self.find_operands(call)
        for v in call.uses if len(call.out.shape) > 1 else ():
            array = self.accesses.likes.get(v)
            if array is not None and call.fun is np.transpose:
                return np.empty_like(rearranged(call, array))
            if array is not None and call.elementwise and v.shape == call.out.shape:
                return np.empty_like(array, call.out.dtype)
        return None

    def add(self, call: Call, leaves: bool = False, into: Array | None = None, target: Var | None = None) -> None:
        """Place a call. If its result `leaves` the stretch, it is written into an array that is passed.

        That has the strides of `into`, or is contiguous; `target` is the Var that is found there until then.
        """
        self.find_operands(call)
        if target is not None:
            self.check_finite()
        out = call.out
        is_view = rearranges(call) and out.shape != () and not leaves and call.args[0] in self.accesses
        if is_view and self.accesses.view(call):
            return
        if out.shape == ():
            self.scalar(call)
            return
        self.accesses.add(out, self.like(call) if into is None else into)
        if rearranges(call) or call.fun in (np.reshape, np.broadcast_to):
            self.copy(call, target)
        elif (found := operation(call)) is not None:
            operands = self.fusion.operands(call.args, found.dtypes, out.shape)
            self.fusion.place(Statement(found, operands, out, self.accesses.of(out)), out.shape, target)
        elif (reduced := reduction(call)) is not None:
            self.reduce(call, reduced, target)
        elif is_product(call):
            self.product(call, target)
        elif is_joined(call):
            self.join(call)
        else:
            self.index(call)

    def scalar(self, call: Call) -> None:
        """Place a call whose result is a number."""
        if (reduced := reduction(call)) is not None:
            self.reduce(call, reduced)
            return
        out, found = call.out, operation(call)
        if found is not None:
            operands = self.fusion.operands(call.args, found.dtypes, ())
        else:  # an element of an array
            found, x = Operation("a", (out.dtype,), out.dtype), call.args[0]
            if x.shape != () and constant_value(x) is None:
                self.find(x)
                operands = [Element(self.accesses.part(x, rearranged(call, self.accesses.likes[x])), x.dtype)]
            else:
                operands = self.fusion.operands([x], found.dtypes, ())
        self.fusion.place_scalar(Statement(found, operands, out))
        if call.fun in RAISING:
            self.unsure.append(out)

    def check_finite(self) -> None:
        """Place a check of the numbers for which Python's floats may raise an error: the function itself tells."""
        if self.unsure:
            self.check(Guard(all_finite, tuple(self.unsure), True))
            self.unsure = []

    def copy(self, call: Call, target: Var | None) -> None:
        """Place a copy of an array into another order, or of a number into an array."""
        x, out = call.args[0], call.out
        if x not in self.accesses:
            found, operand = Operation("a", (out.dtype,), out.dtype), self.fusion.operand(x, out.dtype, out.shape)
            self.fusion.place(Statement(found, [operand], out, self.accesses.of(out)), out.shape, target)
        elif call.fun is np.reshape:  # element by element in the order of x
            self.write(out, self.accesses.likes[out].reshape(x.shape), self.fusion.operand(x, out.dtype, x.shape))
        else:
            array = rearranged(call, self.accesses.likes[x])
            access = self.accesses.part(x, array).broadcast(array.shape, out.shape)
            self.write(out, self.accesses.likes[out], Element(access, out.dtype))

    def reduce(self, call: Call, reduced: Reduction, target: Var | None = None) -> None:
        """Place a reduction: its result has a stride of 0 along the axes that are reduced."""
        x, out = call.args[0], call.out
        operands = self.fusion.operands(reduced.operands, reduced.operation.dtypes, x.shape)
        write = None
        if out.shape != ():
            strides = iter(self.accesses.of(out).strides)
            found = [0 if k in reduced.axes else next(strides) for k, n in enumerate(x.shape) if n != 1]
            write = Access(out, 0, tuple(found))
        statement = Statement(reduced.operation, operands, out, write, reduced.ufunc)
        self.fusion.place(statement, x.shape, target)

    def product(self, call: Call, target: Var | None) -> None:
        """Place a product of matrices."""
        places = (*call.args, call.out)
        for v in call.args:
            self.find(v)
        arrays = as_matrices(*[self.accesses.likes[v] for v in places])
        terms = narrow_terms(call.out.dtype, *arrays)
        for term in terms:
            self.term(call, term, target)
        if not terms:
            a, b, out = [matrix(self.accesses.part(v, x), x) for v, x in zip(places, stacked(*arrays), strict=True)]
            self.fusion.add(Product(a=a, b=b, out=out, stack=arrays[-1].shape[:-2]))

    def term(self, call: Call, term: Term, target: Var | None) -> None:
        """Place a term of a product of narrow matrices."""
        out, sums = call.out, term.into is not None

        def access(v: Var, part: Array) -> Access:
            return self.accesses.part(v, part).broadcast(part.shape, term.shape)

        ends = itertools.cycle(call.args)
        operands = [Element(access(v, part), v.dtype) for v, part in zip(ends, term.operands, strict=False)]
        write = access(out, term.into) if term.into is not None else self.accesses.of(out)
        statement = Statement(term.operation, [*operands], out, write, np.add if sums else None)
        self.fusion.place(statement, term.shape, target)

    def join(self, call: Call) -> None:
        """Place np.concatenate or np.stack: a copy of each part into its place."""
        out = call.out
        for x, where in joined_parts(call, self.accesses.likes[out]):
            self.write(out, where, self.fusion.operand(x, out.dtype, x.shape))

    def write(self, out: Var, where: Array, value: Operand, text: str = "a") -> None:
        """Place a copy of a value into a part of a result, or another operation of the part's old elements and it."""
        access = self.accesses.part(out, where)
        operands = [value] if text == "a" else [Element(access, out.dtype), value]
        found = Operation(text, (out.dtype,) * len(operands), out.dtype)
        self.fusion.add(Group(squeezed(where.shape), [Statement(found, operands, out, access)], False))

    def index(self, call: Call) -> None:
        """Place what reads, sets or adds to elements of an array."""
        out, x = call.out, call.args[0]
        if call.fun in (setitem, add_at):
            like = self.accesses.likes[out]
            self.write(out, like, self.fusion.operand(x, out.dtype, out.shape))
            if is_part(call):
                where = chosen(like, call.args[1])
                value = self.fusion.operand(call.args[2], out.dtype, where.shape)
                self.write(out, where, value, "a + b" if call.fun is add_at else "a")
                return
            x = out
        index = index_arrays(call)
        assert index is not None
        shape = np.broadcast_shapes(*[i.shape for i in index if isinstance(i, Var)])
        rest = x.shape[len(index) :]
        self.find(x)
        group = Indexed(
            array=self.accesses.of(x), shape=x.shape, lead=len(squeezed(shape)), adds=call.fun is add_at,
            index=self.fusion.operands(index, [INTEGER] * len(index), shape),
            full=(*squeezed(shape), *squeezed(rest)),
        )  # fmt: skip
        if x is out:
            group.value = self.fusion.operand(call.args[2], out.dtype, (*shape, *rest))
        else:
            group.out = self.accesses.of(out)
        self.fusion.add(group)

    def check(self, guard: Guard) -> None:
        """Place a guard."""
        arrays, numbers = [], []
        for v in variables(guard.args):
            self.find(v)
            if v.shape == ():
                numbers.append(v)
            else:
                arrays.append((self.accesses.of(v), squeezed(v.shape)))
        self.fusion.add(Check(guard, arrays, numbers))

    def lifetimes(self, exported: Collection[Var]) -> dict[Var, tuple[int, int]]:
        """Leave out writes that only their own loop reads; return the first and last group that use each other array.

        Arrays that are `exported` are not among them: they have memory of their own.
        """
        first: dict[Var, int] = {}
        last = {v: at for at, group in enumerate(self.fusion.groups) for v in group.reads()}
        for at, group in enumerate(self.fusion.groups):
            for s in group.statements:
                s.local = s.write
                if group.is_open and s.reduction is None and s.out not in last and s.out not in exported:
                    s.write = None
            for v in group.writes():
                first.setdefault(v, at)
                last[v] = max(at, last.get(v, -1))
        return {v: (at, last[v]) for v, at in first.items() if v not in exported}
