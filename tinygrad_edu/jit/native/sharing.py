"""Loops over large arrays, shared out to the cores of the processor: which loops, and the C text around them.

A loop is cut along its outermost axis into parts, whose number follows from the loop alone. Each part has its own
accumulators, and those are added up in the order of the parts; so the results do not depend on how many threads there
are, or on which thread computes which part. `threads` hands parts to threads.
"""

import math
from collections.abc import Sequence

from .accumulation import is_sum
from .fusion import Element, Group

SERIAL = 300_000  # nanoseconds, about: a shorter loop is not worth waking a thread
PART = 50_000  # the shortest part
MOST = 64  # parts of one loop
SHARE = """
static void (*tg_share)(void (*)(void *const *, int64_t), void *const *, int64_t);
void set_share(void *share) { tg_share = share; }
"""


def step(group: Group, lengths: Sequence[int], sums: int, block: int) -> int:
    """Return how far along the outermost axis one part of a loop goes: all of it, if the loop is not shared.

    Each part is of whole blocks, where the loop has one axis. `sums` is the number of sums that the loop computes:
    parts whose sums need much memory are few.
    """
    n = lengths[0] if lengths else 1
    time = cost(group, lengths)
    parts = min(time // PART, MOST, n, math.prod(lengths) // (32 * sums + 1)) if time >= SERIAL else 1
    if parts < 2 or not all(s.reduction is None or is_sum(s.reduction, s.out.dtype) for s in group.statements):
        return n
    unit = block if len(lengths) == 1 else 1
    return min(-(-n // (parts * unit)) * unit, n)


def cost(group: Group, lengths: Sequence[int]) -> int:
    """Return about how many nanoseconds a loop takes: for arrays in memory, arithmetic, and functions."""
    made = {s.out for s in group.statements}
    arrays = {o.access for s in group.statements for o in s.operands if isinstance(o, Element)}
    moved = sum(access.base not in made for access in arrays) + sum(s.write is not None for s in group.statements)
    functions = sum(len(s.operation.functions) for s in group.statements)
    width = max([s.out.dtype.itemsize for s in group.statements], default=8)  # twice as many floats fit a vector
    return int(math.prod(lengths) * width / 8 * (0.4 * moved + 0.1 * len(group.statements) + 1.5 * functions))


def added(name: str, size: int, parts: int) -> list[str]:
    """Return the lines that add up the accumulators of all parts: `size` sums, and what rounding lost in each."""
    other = f"{name}[part * {2 * size} + j]"
    return [
        f"for (int64_t part = 1; part < {parts}; part++) for (int64_t j = 0; j < {size}; j++) {{",
        f"    tg_add(&{name}[j], &{name}[j + {size}], {other});",
        f"    {name}[j + {size}] += {other.replace('j]', f'j + {size}]')};",
        "}",
    ]


def part_function(name: str, parameters: Sequence[str]) -> str:
    """Return the C function that computes one part, with the loop's parameters in an array of addresses."""
    given = [f"args[{k}]" if "*" in p else f"*({p.rsplit(' ', 1)[0]} *)args[{k}]" for k, p in enumerate(parameters)]
    call = f"{name}({', '.join([*given, 'part'])});"
    return f"static void {name}_part(void *const *args, int64_t part) {{ {call} }}\n"


def shared_call(name: str, parameters: dict[str, str], parts: int) -> str:
    """Return the line that shares out all parts of a loop."""
    addresses = [f"(void *)({given})" if "*" in p else f"(void *)&{given}" for p, given in parameters.items()]
    return f"{{ void *args[] = {{{', '.join(addresses)}}}; tg_share({name}_part, args, {parts}); }}"
