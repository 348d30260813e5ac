"""The places of a stretch's intermediate arrays in one block of memory: those of different times share a place."""

from ...trace.ir import Var

ALIGNED = 64  # bytes: a line of the cache


def layout_scratch(intervals: dict[Var, tuple[int, int]]) -> tuple[dict[Var, int], int]:
    """Return the place of each array in the scratch memory, in bytes, and its size: arrays of different times share."""
    placed: list[tuple[int, int, int]] = []  # start and end in bytes, and last group, of those in use
    found: dict[Var, int] = {}
    total = 0
    for v, (first, last) in sorted(intervals.items(), key=lambda item: item[1]):
        size = -(-v.size * v.dtype.itemsize // ALIGNED) * ALIGNED
        at = 0
        placed = [p for p in placed if p[2] >= first]  # nobody reads the others any more
        for begin, end, _ in sorted(placed):
            if begin < at + size and at < end:
                at = end
        placed.append((at, at + size, last))
        found[v] = at
        total = max(total, at + size)
    return found, total
