"""The C text of one group: a function whose loops compute each statement of it, element by element.

Axes along which all arrays go on in the same way are joined, so that most loops run over one axis. What is reduced
along the innermost axis is not combined one by one: elements go into a block of BLOCK numbers, and those are combined
eight at a time (`accumulation`). A long loop that calls no function stores no block: it adds its elements to eight
plain sums, and after each block adds these to the accurate ones. To store each element, or to add it up accurately,
would take as long as to compute it.
"""

import math
import re
from collections.abc import Sequence

import numpy as np

from .access import Access
from .accumulation import COMBINE, is_sum, start
from .far import guarded, has_sines, indented
from .functions import Function, expression, index_text, local_type, read
from .fusion import Element, Statement
from .operations import TYPES
from .sharing import added, part_function, shared_call, step

BLOCK = 128  # elements; as in NumPy's pairwise sums
LONG = 1024  # elements; a longer loop adds up its elements as it computes them


def joined(space: Sequence[int], accesses: Sequence[Sequence[int]]) -> tuple[list[int], list[list[int]]]:
    """Join axes along which all strides go on; return the lengths of the loops, and the strides of each access."""
    lengths: list[int] = []
    strides: list[list[int]] = [[] for _ in accesses]
    for axis, n in enumerate(space):
        if lengths and all(s[-1] == a[axis] * n for s, a in zip(strides, accesses, strict=True)):
            lengths[-1] *= n
            for s, a in zip(strides, accesses, strict=True):
                s[-1] = a[axis]
        else:
            lengths.append(n)
            for s, a in zip(strides, accesses, strict=True):
                s.append(a[axis])
    return lengths, strides


def loop_text(function: Function) -> str:
    """Return the C function of a loop; of a shared one, also those that compute a part and add up the parts' sums."""
    lines = loop_lines(function)
    f, end = function, function.end
    text = f.text("void", lines, ["int64_t part"] * (f.parts > 1))
    text += part_function("FUNCTION", [*f.parameters]) if f.parts > 1 else ""
    return text + (end.text("void", end.lines).replace("FUNCTION", "FUNCTION_end") if end and end.lines else "")


def loop_calls(name: str, function: Function) -> list[str]:
    """Return the lines of the main function that compute a loop."""
    f, end = function, function.end
    if f.parts == 1:
        return [f"{name}({', '.join(f.parameters.values())});"]
    after = [f"{name}_end({', '.join(end.parameters.values())});"] if end and end.lines else []
    return [shared_call(name, f.parameters, f.parts), *after]


def loop_lines(function: Function) -> list[str]:
    """Return the loops of a group, and note what they need as parameters of the function."""
    group = function.group
    wheres = group.accesses()
    scalar_outs = any(s.reduction is not None and s.write is None for s in group.statements)
    shapes = [list(a.strides) for a in wheres] + [[0] * len(group.space)] * scalar_outs
    space: Sequence[int] = group.space
    if not any(s.reduction for s in group.statements):  # a reduction adds up in the order of the axes
        inwards = sorted(range(len(space)), key=lambda axis: -sum([abs(s[axis]) for s in shapes]))
        space, shapes = [space[axis] for axis in inwards], [[s[axis] for axis in inwards] for s in shapes]
    lengths, strides = joined(space, shapes)
    layout = dict(zip(wheres, strides, strict=False))
    return _Writer(function, lengths, layout).lines()


class _Writer:
    """Writes the loops of one group."""

    def __init__(self, function: Function, lengths: list[int], layout: dict[Access, list[int]]) -> None:
        self.f, self.lengths, self.layout = function, lengths, layout
        self.indices = [f"i{k}" for k in range(len(lengths))]
        self.body: list[str] = []
        self.before: list[str] = []  # the function's first lines
        self.after: list[str] = []  # the function's last lines
        self.prologue: list[str] = []  # before the innermost loop
        self.epilogue: list[str] = []  # after the innermost loop
        self.starts: list[str] = []  # before each block of the innermost loop
        self.blocks: list[str] = []  # after each block of the innermost loop
        self.loaded: dict[Access, str] = {}
        self.reductions = self.values = 0  # how many there are
        self.bounds = [("0", str(n)) for n in lengths]  # of the loops
        kept = [self.strides(s) for s in function.group.statements if s.reduction is not None]
        sums = sum(math.prod([n for n, stride in zip(lengths, k, strict=True) if stride]) for k in kept)
        length = step(function.group, lengths, sums, BLOCK)
        if lengths and length < lengths[0]:
            function.parts = -(-lengths[0] // length)
            function.end = Function(function.group, function.names, function.allocate)
            last = f"begin + {length} < {lengths[0]} ? begin + {length} : {lengths[0]}"
            self.before.append(f"const int64_t begin = part * {length}, end = {last};")
            self.bounds[0] = "begin", "end"
        statements = function.group.statements
        inner = [s for s in statements if s.reduction is not None and lengths and not self.strides(s)[-1]]
        self.inner = bool(inner)  # whether the innermost axis is reduced
        known = all(is_sum(s.reduction, s.out.dtype) for s in inner)
        simple = not any(s.operation.functions for s in statements)
        self.eight = self.inner and lengths[-1] > LONG and known and simple  # whether it adds to eight sums

    def strides(self, s: Statement) -> Sequence[int]:
        """Return the strides of a statement's result."""
        return [0] * len(self.lengths) if s.write is None else self.layout[s.write]

    def lines(self) -> list[str]:
        """Return the lines of the loops."""
        for s in self.f.group.statements:
            self.statement(s)
        body, n = self.body, self.lengths[-1] if self.lengths else 1
        if self.lengths:
            i, (first, last) = self.indices[-1], self.bounds[-1]
            blocks = n > BLOCK and (self.inner or has_sines(body))
            begin = [f"for (int64_t {i} = {first}; {i} < {last}; {i}++) {{"]
            if blocks:
                begin = ["for (int64_t k = 0; k < count; k++) {", f"    const int64_t {i} = first + k;"]
            body = self.by_eight(body) if self.eight else guarded(body, lambda lines: [*begin, *indented(lines), "}"])
            body += self.blocks
            if blocks:
                count = f"const int64_t count = {last} - first < {BLOCK} ? {last} - first : {BLOCK};"
                head = f"for (int64_t first = {first}; first < {last}; first += {BLOCK}) {{"
                body = [head, *indented([count, *self.starts, *body]), "}"]
        body = [*self.prologue, *body, *self.epilogue]
        for i, (first, last) in reversed(list(zip(self.indices[:-1], self.bounds[:-1], strict=True))):
            body = [f"for (int64_t {i} = {first}; {i} < {last}; {i}++) {{", *indented(body), "}"]
        return [*self.before, *body, *self.after]

    def by_eight(self, body: list[str]) -> list[str]:
        """Return the loop over a block as one over eights, whose elements go to eight sums, and one over the rest."""
        element = [f"    const int64_t {self.indices[-1]} = first + j + k;", *indented(body), "}"]
        return [
            "int64_t j = 0;", "for (; j + 8 <= count; j += 8) {", "    #pragma omp simd",
            *indented(["for (int64_t k = 0; k < 8; k++) {", *element]), "}",
            "for (int64_t k = 0; k < count - j; k++) {", *element,
        ]  # fmt: skip

    def element(self, o: Element) -> str:
        """Return the variable that holds an element; it is read when it is first used."""
        if o.access not in self.loaded:
            name = f"x{len(self.loaded)}"
            element = read(self.f.place(o.access, self.indices, self.layout[o.access]), o.dtype)
            self.body.append(f"const {local_type(o.dtype)} {name} = {element};")
            self.loaded[o.access] = name
        return self.loaded[o.access]

    def statement(self, s: Statement) -> None:
        """Write one call."""
        text = expression(s, self.f.number, self.element)
        if s.reduction is not None:
            self.reduction(s, text)
            return
        name = f"v{self.values}"
        self.values += 1
        self.body.append(f"const {local_type(s.out.dtype)} {name} = {text};")
        if s.write is not None:
            self.body.append(f"{self.f.place(s.write, self.indices, self.layout[s.write])} = {name};")
            self.loaded[s.write] = name
        else:
            self.loaded[s.local or Access(s.out, 0, ())] = name

    def reduction(self, s: Statement, text: str) -> None:
        """Write a reduction, such as a maximum: in blocks along the innermost axis, else into the result."""
        fun, dtype = s.reduction, s.out.dtype
        assert fun is not None
        real, name, strides = TYPES[dtype.name], str(self.reductions), self.strides(s)
        self.reductions += 1
        end = self.f.end if self.f.end and not strides[0] else None  # where each part has sums of its own
        f = end or self.f
        target = f.returned(s.out) if s.write is None else f.place(s.write, self.indices, strides)
        if is_sum(fun, dtype):
            self.sum(s, text, target, name, end)
            return
        begin = start(fun, dtype)
        combine = re.sub(r"\b[ab]\b", lambda m: {"a": "old", "b": "new"}[m[0]], COMBINE[fun])
        is_inner, is_alone = bool(self.lengths) and not strides[-1], [*strides].count(0) == 1
        if not (is_inner and is_alone):
            self.fill(strides, f"{target} = {begin};", self.before)
        if not is_inner:
            self.body.append(f"{{ const {real} old = {target}, new = {text}; {target} = {combine}; }}")
            return
        block = f"tg_{fun.__name__}_{real}({self.block(s, text, name)})"
        if self.lengths[-1] > BLOCK:
            self.prologue.append(f"{real} a{name} = {begin};")
            self.blocks.append(f"{{ const {real} old = a{name}, new = {block}; a{name} = {combine}; }}")
            block = f"a{name}"
        if is_alone:
            self.epilogue.append(f"{target} = {block};")
        else:
            self.epilogue.append(f"{{ const {real} old = {target}, new = {block}; {target} = {combine}; }}")

    def block(self, s: Statement, text: str, name: str) -> str:
        """Write elements along the innermost axis into a block of memory; return that and their number."""
        name, n = f"b{name}", self.lengths[-1]
        real = "double" if is_sum(s.reduction, s.out.dtype) else TYPES[s.out.dtype.name]
        self.prologue.append(f"{real} {name}[{min(n, BLOCK)}];")
        self.body.append(f"{name}[{'k' if n > BLOCK else self.indices[-1]}] = {text};")
        return f"{name}, {'count' if n > BLOCK else n}"

    def sum(self, s: Statement, text: str, target: str, name: str, end: Function | None) -> None:
        """Write a sum of floats: in blocks along the innermost axis, else number by number into accumulators.

        A block, and an accumulator for each number of the result, holds doubles.
        """
        strides = self.strides(s)
        kept = [n for n, stride in zip(self.lengths, strides, strict=True) if stride]
        if len(kept) == len(self.lengths):
            self.body.append(f"{target} = 0.0 + {text};")
            return
        is_inner = not strides[-1]
        if is_inner:
            text = self.inner_sum(s, text, name, is_row=bool(kept))
        if not kept and end:
            self.accumulate(name, 8, end)
            self.after.append(f"*(tg_sums *)q{name} = t{name};")
            end.lines.append(f"{target} = tg_total((tg_sums *)q{name});")
            return
        if not kept or (is_inner and 0 not in strides[:-1]):
            (self.epilogue if kept else self.after).append(f"{target} = {text};")
            return
        size = math.prod(kept)
        self.accumulate(name, size, end)
        steps = iter(np.empty(kept, np.int8).strides)
        at = index_text([next(steps) if stride else 0 for stride in strides], self.indices)
        total, lost = f"q{name}[{at}]", f"q{name}[{at} + {size}]"
        self.fill(strides, f"{{ {total} = {lost} = 0.0; }}", self.before)
        line = f"{total} += {text};" if s.out.dtype == np.float32 else f"tg_add(&{total}, &{lost}, {text});"
        (self.epilogue if is_inner else self.body).append(line)
        self.fill(strides, f"{target} = tg_end({total}, {lost});", end.lines if end else self.after)

    def inner_sum(self, s: Statement, text: str, name: str, is_row: bool) -> str:
        """Add up elements along the innermost axis: those of one row, or of all rows; return the sum."""
        if self.eight:
            self.starts.append(f"double u{name}[8] = {{0}};")
            self.body.append(f"u{name}[k] += {text};")
            self.blocks.append(f"tg_eight(&t{name}, u{name});")
        else:
            block = self.block(s, text, name)
            if self.lengths[-1] >= 8:
                self.blocks.append(f"tg_block(&t{name}, {block});")
            elif is_row:
                return f"tg_few({block})"
            else:
                self.epilogue.append(f"tg_add(&t{name}.s[0], &t{name}.c[0], tg_few({block}));")
        (self.prologue if is_row else self.before).append(f"tg_sums t{name}; tg_clear(&t{name});")
        return f"tg_total(&t{name})"

    def accumulate(self, name: str, size: int, end: Function | None) -> None:
        """Ask for memory for so many sums and what rounding lost in them: for each part, if its sums are its own."""
        where = f"slots + {self.f.allocate(2 * size * (self.f.parts if end else 1))}"
        self.f.parameters[f"double *restrict q{name}"] = where
        if end:
            self.before.append(f"q{name} += part * {2 * size};")
            end.parameters[f"double *restrict q{name}"] = where
            end.lines += added(f"q{name}", size, self.f.parts)

    def fill(self, strides: Sequence[int], line: str, lines: list[str]) -> None:
        """Add a line for each number of a result."""
        kept = [(i, *ends) for i, ends, stride in zip(self.indices, self.bounds, strides, strict=True) if stride]
        for i, first, last in reversed(kept):
            line = f"for (int64_t {i} = {first}; {i} < {last}; {i}++) {line}"
        lines.append(line)
