"""Running a group of elementwise calls on large arrays as one loop over blocks that fit the cache, on all cores.

Results that are used within the group alone never leave the cache. NumPy releases the interpreter's lock while it
computes, so blocks run side by side in threads.
"""

from collections.abc import Callable, Iterator

import numpy as np

from ..engine.threads import cpu_count, pool
from ..trace.ir import Call, Var
from .lowering import Emitter, operand, ufunc_call
from .memory import Location

BLOCK = 16384  # elements: some ten arrays of float64 in the cache of one core


Block = Callable[..., None]  # a function of (temporaries of a thread, start, stop, *args)


def run_blocks(block: Block, size: int, workers: list[list[np.ndarray]], args: tuple[object, ...]) -> None:
    """Compute all blocks of `size` elements, each worker in a thread with its own temporaries."""
    starts = iter(range(0, size, BLOCK))
    pending = [pool().submit(run_worker, block, starts, size, temporaries, args) for temporaries in workers[1:]]
    try:
        run_worker(block, starts, size, workers[0], args)
    finally:
        for future in pending:
            future.result()


def run_worker(
    block: Block, starts: Iterator[int], size: int, temporaries: list[np.ndarray], args: tuple[object, ...]
) -> None:
    """Run blocks in one thread until none is left."""
    for start in starts:
        if start + BLOCK <= size:
            block(temporaries, start, start + BLOCK, *args)
        else:
            block([t[: size - start] for t in temporaries], start, size, *args)


def lower_group(emitter: Emitter, start: int, stop: int) -> None:
    """Write the calls of a group as a function of one block, and the call that runs it for all blocks."""
    calls = emitter.program.calls[start:stop]
    block, phase = BlockWriter(emitter, start, stop), calls[-1].phase
    for i, call in enumerate(calls, start):
        block.add(call, i)
    name = f"block{len(emitter.functions)}"
    emitter.functions.append(block.text(name, quiet=any(call.phase == "backward" for call in calls)))
    workers = [[np.empty(BLOCK, dtype) for dtype in block.temporaries] for _ in range(cpu_count())]
    given = list(block.parameters.values())
    args = f"({', '.join(given)}{',' if given else ''})"
    run = emitter.fun(run_blocks)
    emitter.emit(f"{run}({name}, {block.size}, {emitter.name(workers, 'T')}, {args})", phase)
    for out, partial in block.sums:
        emitter.assign(out, f"{emitter.reduce(np.sum)}({partial})", phase)


class BlockWriter:
    """The text of a function that computes one block of a group's arrays."""

    def __init__(self, emitter: Emitter, start: int, stop: int) -> None:
        self.emitter, self.stop = emitter, stop
        calls = emitter.program.calls[start:stop]
        self.size: int = next(c.out.size for c in calls if c.out.shape)
        self.last_use = {v: i for i, call in enumerate(calls, start) for v in call.uses}
        self.parameters: dict[str, str] = {}  # name in the function: text in the plan
        self.names: dict[Var, str] = {}  # of the block's part of each array
        self.slices: list[str] = []
        self.body: list[str] = []
        self.temporaries: list[np.dtype] = []
        self.free: dict[np.dtype, list[str]] = {}  # names of free temporaries
        self.sums: list[tuple[Var, str]] = []  # (a sum of the group, the name of the array of its blocks' sums)

    def parameter(self, text: str) -> str:
        """Pass the value of an expression in the plan, and return its name in the function."""
        name = f"g{len(self.parameters)}"
        self.parameters[name] = text
        return name

    def slice(self, v: Var) -> str:
        """Name the block's part of an array."""
        location = self.emitter.locations[v]
        if location.array is not None and location.array.flags.c_contiguous:
            flat = self.emitter.name(location.array.reshape(-1), "f")
        else:
            flat = self.parameter(f"{location.text}.reshape(-1)")
        self.slices.append(f"x{len(self.slices)} = {flat}[start:stop]")
        return f"x{len(self.slices) - 1}"

    def operand(self, a: object, call: Call) -> str:
        """Write an operand of a call in the function."""
        if not isinstance(a, Var) or a.shape == ():
            text = operand(self.emitter, a, call)
            in_plan = isinstance(a, Var) and self.emitter.locations[a].array is None
            return self.parameter(text) if in_plan else text
        if a not in self.names:
            self.emitter.ref(a)
            self.names[a] = self.slice(a)
        return self.names[a]

    def add(self, call: Call, i: int) -> None:
        """Write the program's i-th call."""
        args = [self.operand(a, call) for a in call.args]
        if call.out.shape:
            self.body.append(ufunc_call(self.emitter, call, args, self.result(call, i)))
        else:
            partial = self.emitter.name(np.zeros(-(-self.size // BLOCK), call.out.dtype), "partial")
            self.body.append(f"{partial}[start // {BLOCK}] = {self.emitter.reduce(np.sum)}({args[0]})")
            self.sums.append((call.out, partial))

    def result(self, call: Call, i: int) -> str:
        """Name what a call writes into: a temporary if only the group uses the result, else a part of an array."""
        emitter, layout, out = self.emitter, self.emitter.layout, call.out
        array = layout.store_target(call, i)
        for v in dict.fromkeys(call.uses):  # the result may replace an operand that is not used again
            if self.last_use[v] == i and self.names.get(v, "").startswith("t"):
                self.free.setdefault(v.dtype, []).append(self.names[v])
        local = layout.last_use.get(out, -1) < self.stop and out not in layout.escaping and out not in layout.packed
        if array is None and local:
            free = self.free.setdefault(out.dtype, [])
            if not free:
                free.append(f"t{len(self.temporaries)}")
                self.temporaries.append(out.dtype)
            self.names[out] = free.pop()
            return self.names[out]
        if out in layout.escaping:
            dtype = emitter.name(out.dtype, "dtype")
            emitter.assign(out, f"{emitter.fun(np.empty)}({out.shape}, {dtype})", call.phase)
        else:
            array = layout.packed.get(out) if array is None else array
            array = layout.allocate(out) if array is None else array
            emitter.locations[out] = Location(emitter.name(array, "b"), array)
        self.names[out] = self.slice(out)
        return self.names[out]

    def text(self, name: str, quiet: bool) -> str:
        """Return the function's text; `quiet` if NumPy is not to warn in it."""
        lines = [f"def {name}(t, start, stop{''.join(f', {p}' for p in self.parameters)}):"]
        if self.temporaries:
            lines.append(f"    {', '.join(f't{i}' for i in range(len(self.temporaries)))}, = t")
        lines += [f"    {line}" for line in self.slices]
        if quiet:
            lines.append(f"    with {self.emitter.fun(np.errstate)}(divide='ignore', invalid='ignore'):")
        indent = "        " if quiet else "    "
        return "\n".join([*lines, *[indent + line for line in self.body], ""])
