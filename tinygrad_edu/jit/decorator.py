"""`jit(f)`, or `@jit` above its def: record f as a program of NumPy calls, and replay it."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import overload

from .compiled import Jitted


@overload
def jit(
    fun: Callable[..., object],
    *,
    optimize: bool | Iterable[str] = True,
    check: bool | int = True,
    backend: str = "numpy",
) -> Jitted: ...
@overload
def jit(
    *, optimize: bool | Iterable[str] = True, check: bool | int = True, backend: str = "numpy"
) -> Callable[[Callable[..., object]], Jitted]: ...
def jit(
    fun: Callable[..., object] | None = None,
    *,
    optimize: bool | Iterable[str] = True,
    check: bool | int = True,
    backend: str = "numpy",
) -> Jitted | Callable[[Callable[..., object]], Jitted]:
    """Record the NumPy calls that `fun` makes at its first call, and replay them at later calls.

    `fun` may be a loss, a `value_and_grad`, or a whole training step; its arguments are arrays, Tensors, Values, and
    lists, tuples, dicts and dataclasses of them. A replay changes Tensors, Values, optimizers, Modules and arguments in
    place as `fun` does, and returns what it returns; a Tensor comes without its graph, and refuses gradients (a
    Value keeps the `grad` that `fun` gave it). Inside a transform `fun` is called instead, so `grad(jit(f))` is the
    gradient of f. Also a decorator, `@jit`.

    *Seen*: the arguments, and every Tensor, Value, Module, Optimizer, schedule, Generator and array that `fun` reaches
    through its arguments, the variables it closes over, the globals it names, and attributes and elements of those.
    Their values are read anew at each call. Before each replay jit checks that they are the same objects with the same
    settings; if not, `fun` is recorded anew. *Frozen*: any other Python state, such as attributes of plain objects that
    `fun` does not name, long lists of data, files and the time. It is read once, when `fun` is recorded. *Checked*:
    the first replay is compared with `fun` itself, and a difference raises JitError; `check=False` leaves that out,
    `check=n` repeats it every n calls. `optimize=False` replays the recorded calls as they are; a list of names chooses
    optimisations. Copies and forked processes make their own recordings; threads may share them.

    `backend="c"` compiles the recorded calls that have a C form: elementwise calls, sums, products and indexing become
    loops of one C function, and others stay NumPy calls between them. Results are those of NumPy to rounding, and a
    replay gives no warnings of floating point; sums are at least as accurate as NumPy's. Loops over large arrays use
    all cores, but no more than OMP_NUM_THREADS says; the number of cores changes no bit of a result. This backend needs
    a C compiler, and raises CompilerError without one. `backend="auto"` stays with NumPy where there is no compiler, or
    where few of the calls have a C form.

    >>> import numpy as np
    >>> import tinygrad_edu as tg
    >>> slope = tg.jit(tg.grad(lambda x: np.sum(x**3)))
    >>> slope(np.array([1.0, 2.0]))
    array([ 3., 12.])

    Raises JitError where `fun` turns a recorded value into a plain one (`float(x)`, `if x > 0`, `x[x > 0]`), and where
    it has an effect that a replay would not repeat (`losses.append(x)`); TypeError for what is no function, and
    ValueError for options that do not exist.
    """
    if fun is None:
        return functools.partial(jit, optimize=optimize, check=check, backend=backend)
    return Jitted(fun, optimize, check, backend)
