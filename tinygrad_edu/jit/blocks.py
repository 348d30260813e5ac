"""Long elementwise stretches over large arrays, a cache-sized block at a time, on all cores.

What is computed and used again within a stretch never leaves the cache. NumPy releases the interpreter's lock while
it computes, so blocks run side by side in threads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ..engine.threads import LARGE, pool
from ..trace.ir import Call, Home, Var

BLOCK = 16384  # elements: some ten arrays of float64 in a core's own cache


def spread(block: Callable[..., None], size: int, temporaries: list[Any], given: tuple[Any, ...]) -> None:
    """Call block(temporaries of a thread, start, stop, *given) for every block of `size` elements."""
    starts = iter(range(0, size, BLOCK))
    waiting = [pool().submit(work, block, starts, size, t, given) for t in temporaries[1:]]
    try:
        work(block, starts, size, temporaries[0], given)
    finally:
        for other in waiting:
            other.result()


def work(block: Callable[..., None], starts: Iterator[int], size: int, temporaries: list[Any], given: Any) -> None:
    """What one thread does: the next block, until there is none."""
    for start in starts:
        if start + BLOCK <= size:
            block(temporaries, start, start + BLOCK, *given)
        else:
            block([t[: size - start] for t in temporaries], start, size, *given)


def block_text(plan: Any, name: str, start: int, stop: int) -> tuple[str, int, list[Any], list[str], list[Any], str]:
    """The calls of a stretch as a function of one block: its text, the size of a block, the dtypes of its temporaries.

    And what the block is handed, by its text outside; the sums, each with the array of its parts; and the phase.
    """
    calls, layout, home = plan.program.calls[start:stop], plan.layout, plan.home
    size = next(c.out.size for c in calls if c.out.shape)
    last = {v: i for i, call in enumerate(calls) for v in call.uses}
    given: dict[str, str] = {}  # by the name there, the text here
    cut: dict[Var, str] = {}
    slices: list[str] = []
    body: list[str] = []
    temporaries: list[Any] = []
    idle: dict[Any, list[str]] = {}  # temporaries of a dtype that are free again
    sums: list[Any] = []

    def handed(text: str) -> str:
        given[f"g{len(given)}"] = text
        return f"g{len(given) - 1}"

    def part_of(v: Var) -> str:
        """The part of an array that belongs to the block."""
        array = home[v].array
        if array is not None and array.flags.c_contiguous:
            whole = plan.name(array.reshape(-1), "f")
        else:
            whole = handed(f"{home[v].text}.reshape(-1)")
        slices.append(f"x{len(slices)} = {whole}[start:stop]")
        return f"x{len(slices) - 1}"

    def operand(a: Any, call: Call) -> str:
        if type(a) is not Var or a.shape == ():
            text: str = plan.operand(a, call)
            return text if type(a) is not Var or home[a].array is not None else handed(text)
        if a not in cut:
            plan.ref(a)
            cut[a] = part_of(a)
        return cut[a]

    for i, call in enumerate(calls):
        out = call.out
        args = [operand(a, call) for a in call.args]
        if not out.shape:
            partial = plan.name(np.zeros(-(-size // BLOCK), out.dtype), "partial")
            body.append(f"{partial}[start // {BLOCK}] = {plan.reduce(np.sum)}({args[0]})")
            sums.append((out, partial))
            continue
        place = layout.outside(call, start + i)
        for v in set(call.uses):  # whose temporary is free again, for the result too
            if last[v] == i and cut.get(v, "").startswith("t"):
                idle.setdefault(v.dtype, []).append(cut[v])
        within = layout.last.get(out, -1) < stop and out not in layout.leaving and out not in layout.joined
        if place is None and within:
            free = idle.setdefault(out.dtype, [])
            if not free:
                free.append(f"t{len(temporaries)}")
                temporaries.append(out.dtype)
            cut[out] = free.pop()
        else:
            if out in layout.leaving:
                home[out] = Home(plan.variable())
                dtype = plan.name(out.dtype, "dtype")
                plan.emit(f"{home[out].text} = {plan.fun(np.empty)}({out.shape}, {dtype})", call.phase)
            else:
                place = layout.joined.get(out) if place is None else place
                place = layout.array(out) if place is None else place
                home[out] = Home(plan.name(place, "b"), place)
            cut[out] = part_of(out)
        body.append(f"{plan.fun(call.fun)}({', '.join(args)}, {plan.out(call.fun)}{cut[out]})")
    lines = [f"def {name}(t, start, stop{''.join(f', {g}' for g in given)}):"]
    lines += [f"    {', '.join(f't{i}' for i in range(len(temporaries)))}, = t"] if temporaries else []
    lines += [f"    {line}" for line in slices]
    indent = "    "
    if any(call.phase == "backward" for call in calls):
        lines.append(f"    with {plan.fun(np.errstate)}(divide='ignore', invalid='ignore'):")
        indent += "    "
    text = "\n".join([*lines, *[indent + line for line in body], ""])
    return text, BLOCK, temporaries, list(given.values()), sums, calls[-1].phase


def stretches(calls: list[Call], asked: int) -> tuple[list[Call], dict[int, int]]:
    """The calls, with those of a stretch behind each other; and where each stretch starts and stops.

    A stretch is made of elementwise calls on arrays of one large shape, and of sums of their results. The first
    `asked` calls stay before the others.
    """
    order: list[Call] = []
    spans: dict[int, int] = {}
    for section in (calls[:asked], calls[asked:]):
        gather(section, order, spans)
    return order, spans


def gather(calls: list[Call], order: list[Call], spans: dict[int, int]) -> None:
    """Add the calls to `order`, and the stretches among them to `spans`."""
    before: list[Call] = []  # what the stretch does not need to have been done
    group: list[Call] = []
    after: list[Call] = []  # what needs the stretch
    members: set[Var] = set()
    later: set[Var] = set()

    def close() -> None:
        order.extend(before)
        if len([c for c in group if c.out.shape]) > 1:
            spans[len(order)] = len(order) + len(group)
        order.extend(group)
        order.extend(after)
        for each in (before, group, after, members, later):
            each.clear()

    for call in calls:
        uses = call.uses
        joins = _joins(call, members)
        if call.draws or (joins and any(v in later for v in uses)):
            close()  # random numbers are drawn in their order
            joins = _joins(call, members)
        elif joins and group and call.out.shape and call.out.shape != group[0].out.shape:
            close()
        if joins:
            group.append(call)
            members.add(call.out)
            if not call.out.shape:
                later.add(call.out)  # a sum is there when all blocks are done
        elif any(v in members or v in later for v in uses):
            after.append(call)
            later.add(call.out)
        else:
            before.append(call)
    close()


def _joins(call: Call, members: set[Var]) -> bool:
    if call.fun is np.sum and len(call.args) == 1 and call.out.shape == () and not call.kwargs:
        return call.args[0] in members
    return (
        call.elementwise and call.out.size >= LARGE and call.out.dtype.kind in "fb"
        and all(v.shape in ((), call.out.shape) for v in call.uses)
    )  # fmt: skip
