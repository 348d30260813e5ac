"""Work on all cores: NumPy releases the interpreter's lock while it computes, so parts of an array go side by side."""

import os
from collections.abc import Callable
from contextvars import copy_context
from functools import wraps
from typing import Any

import numpy as np

LARGE = 100_000  # elements from which on it is worth handing some to another thread

_pool: list[Any] = []


def cores() -> int:
    """How many this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def pool() -> Any:
    """The threads beside the caller's own, started when first needed."""
    if not _pool:
        from concurrent.futures import ThreadPoolExecutor

        _pool.append(ThreadPoolExecutor(max(cores() - 1, 1), thread_name_prefix="tinygrad_edu"))
    return _pool[0]


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pool.clear)  # a fork has none of its parent's threads


def shared(fun: np.ufunc) -> Callable[[Any], Any]:
    """`fun`, with the elements of a large array of float64 shared out to all cores."""

    @wraps(fun)
    def call(x: Any) -> Any:
        if type(x) is not np.ndarray or x.size < LARGE or x.dtype != np.float64 or not x.flags.forc or cores() == 1:
            return fun(x)
        out = np.empty_like(x)
        parts = zip(*[np.array_split(a.ravel("K"), cores()) for a in (x, out)], strict=True)
        given, result = next(parts)
        # A thread has its own idea of what NumPy warns of, unless it is told the caller's.
        others = [pool().submit(copy_context().run, fun, *part) for part in parts]
        try:
            fun(given, result)
        finally:
            for other in others:
                other.result()
        return out

    return call
