"""The places of arrays in the memory of a stretch."""

from ...trace.ir import Var

ALIGNED = 64  # bytes: a line of the cache


def layout_scratch(intervals: dict[Var, tuple[int, int]]) -> tuple[dict[Var, int], int]:
    """Return the place of each array in the scratch memory, in bytes, and its size: arrays of different times share."""
    placed: list[tuple[int, int, int, int]] = []  # start and end in bytes, first and last group
    found: dict[Var, int] = {}
    for v, (first, last) in sorted(intervals.items(), key=lambda item: item[1]):
        size = -(-v.size * v.dtype.itemsize // ALIGNED) * ALIGNED
        at = 0
        for begin, end, f, t in sorted(placed):
            if not (t < first or last < f) and begin < at + size and at < end:
                at = end
        placed.append((at, at + size, first, last))
        found[v] = at
    return found, max([end for _, end, *_ in placed], default=0)
