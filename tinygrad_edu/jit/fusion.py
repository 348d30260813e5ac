"""Fusing elementwise calls on large arrays into groups, each of which runs as one loop over blocks of elements."""

import numpy as np

from ..engine.threads import LARGE
from ..trace.ir import Call, Var


def fuse(calls: list[Call], first_write: int) -> tuple[list[Call], dict[int, int]]:
    """Return the calls with those of each group in a row, and {start: stop} of the groups.

    A group is made of elementwise calls on arrays of one large shape, and of sums of their results. The first
    `first_write` calls stay before the others.
    """
    order: list[Call] = []
    spans: dict[int, int] = {}
    for section in (calls[:first_write], calls[first_write:]):
        _collect(section, order, spans)
    return order, spans


def _collect(calls: list[Call], order: list[Call], spans: dict[int, int]) -> None:
    """Append the calls to `order`, and the groups among them to `spans`."""
    before: list[Call] = []  # calls that do not depend on the group
    group: list[Call] = []
    after: list[Call] = []  # calls that use the group's results
    computed: set[Var] = set()  # what the group computes, a block at a time
    complete: set[Var] = set()  # what is known only when all blocks are done: sums, and the results of `after`

    def close() -> None:
        order.extend(before)
        if len([c for c in group if c.out.shape]) > 1:
            spans[len(order)] = len(order) + len(group)
        order.extend(group)
        order.extend(after)
        for each in (before, group, after, computed, complete):
            each.clear()

    for call in calls:
        uses = call.uses
        fits = _fits(call, computed)
        if call.draws or (fits and any(v in complete for v in uses)):
            close()  # random numbers are drawn in their order
            fits = _fits(call, computed)
        elif fits and group and call.out.shape and call.out.shape != group[0].out.shape:
            close()
        if fits:
            group.append(call)
            computed.add(call.out)
            if not call.out.shape:
                complete.add(call.out)
        elif any(v in computed or v in complete for v in uses):
            after.append(call)
            complete.add(call.out)
        else:
            before.append(call)
    close()


def _fits(call: Call, computed: set[Var]) -> bool:
    """Whether a call can be computed a block at a time, in a group that computes `computed`."""
    if call.fun is np.sum and len(call.args) == 1 and call.out.shape == () and not call.kwargs:
        return call.args[0] in computed
    return (
        call.elementwise and call.out.size >= LARGE and call.out.dtype.kind in "fb"
        and all(v.shape in ((), call.out.shape) for v in call.uses)
    )  # fmt: skip
