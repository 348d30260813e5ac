"""Long elementwise stretches over large arrays, a cache-sized block at a time, on all cores.

What is computed and used again within a stretch never leaves the cache. NumPy releases the interpreter's lock while
it computes, so blocks run side by side in threads.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from .program import Call, Var

LARGE = 100_000  # elements from which on blocks are worth their calls
BLOCK = 8192  # elements: some ten arrays of float64 in a core's own cache

_pool: list[ThreadPoolExecutor] = []


def cores() -> int:
    """How many this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


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


def pool() -> ThreadPoolExecutor:
    """The threads beside the caller's own, started when first needed."""
    if not _pool:
        _pool.append(ThreadPoolExecutor(max(cores() - 1, 1), thread_name_prefix="tinygrad_edu"))
    return _pool[0]


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pool.clear)  # a fork has none of its parent's threads


def stretches(calls: list[Call], elementwise: Callable[[Call], bool], asked: int) -> tuple[list[Call], list[tuple[int, int]]]:
    """The calls, with those of a stretch behind each other, and where stretches start and stop.

    A stretch is made of elementwise calls on arrays of one large shape, and of sums of their results. The first
    `asked` calls stay before the others.
    """
    order: list[Call] = []
    spans: list[tuple[int, int]] = []
    for part in (calls[:asked], calls[asked:]):
        before: list[Call] = []
        group: list[Call] = []
        after: list[Call] = []
        members: set[Var] = set()
        later: set[Var] = set()

        def close() -> None:
            order.extend(before)
            if len([c for c in group if c.out.shape]) > 1:
                spans.append((len(order), len(order) + len(group)))
            order.extend(group)
            order.extend(after)
            for each in (before, group, after, members, later):
                each.clear()

        for call in part:
            uses = call.uses()
            joins = _joins(call, elementwise, members)
            if joins and group and call.out.shape and call.out.shape != group[0].out.shape:
                close()
            if joins and any(v in later for v in uses):
                close()
                joins = _joins(call, elementwise, members)
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
    return order, spans


def _joins(call: Call, elementwise: Callable[[Call], bool], members: set[Var]) -> bool:
    if call.fun is np.sum and len(call.args) == 1 and call.out.shape == () and not call.kwargs:
        return call.args[0] in members
    return (
        elementwise(call) and call.out.size >= LARGE and call.out.dtype.kind in "fb"
        and all(v.shape in ((), call.out.shape) for v in call.uses())
    )  # fmt: skip
