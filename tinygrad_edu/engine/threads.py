"""Sharing the elements of large arrays out to all cores: NumPy releases the interpreter's lock while it computes."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextvars import copy_context
from functools import wraps
from typing import TYPE_CHECKING

import numpy as np

from .rules.registry import Array

if TYPE_CHECKING:
    from concurrent.futures import Executor

LARGE = 100_000  # elements; a smaller array is not worth a second thread

_pool: list[Executor] = []


def cpu_count() -> int:
    """Return the number of cores that this process may use: at most OMP_NUM_THREADS, if that is set."""
    if hasattr(os, "process_cpu_count"):
        cores = os.process_cpu_count() or 1  # Python 3.13 has an option for it
    else:
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    limit = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip()
    return min(cores, int(limit)) if limit.isdecimal() and int(limit) else cores


def pool() -> Executor:
    """Return the threads beside the caller's own; they start at the first call."""
    if not _pool:
        from concurrent.futures import ThreadPoolExecutor

        _pool.append(ThreadPoolExecutor(max(cpu_count() - 1, 1), thread_name_prefix="tinygrad_edu"))
    return _pool[0]


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pool.clear)  # a forked process has none of its parent's threads


def threaded(fun: np.ufunc) -> Callable[[Array], Array]:
    """Return `fun`, which computes a large array of float64 on all cores."""

    @wraps(fun)
    def call(x: Array) -> Array:
        large = type(x) is np.ndarray and x.size >= LARGE and x.dtype == np.float64 and x.flags.forc
        if not large or cpu_count() == 1:
            return fun(x)  # type: ignore[no-any-return]
        out = np.empty_like(x)
        first, *rest = zip(*[np.array_split(a.ravel("K"), cpu_count()) for a in (x, out)], strict=True)
        # The context holds the caller's np.errstate, which a new thread would not know.
        try:
            futures = [pool().submit(copy_context().run, fun, *part) for part in rest]
        except RuntimeError:  # no thread can start: the process may have no more of them, or Python is about to end
            return fun(x)  # type: ignore[no-any-return]
        try:
            fun(*first)
        finally:
            for future in futures:
                future.result()
        return out

    return call
