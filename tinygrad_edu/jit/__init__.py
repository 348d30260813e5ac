"""jit: record a function once, print it as NumPy, replay it with its memory laid out.

`tg.jit` is the function. Importing this package binds the package to the same name `tg.jit`, so it can be called too.

How jit works
-------------
*Recording* (`trace/`). `closure` walks from the arguments, the closure and the globals that the function names to every
Tensor, optimizer, Generator and array in reach. `captured` exchanges their values for recording ones, `Traced`;
`capture` runs the function and puts the values back. A Traced wraps an array that is never written, or the number of a
Value. Each NumPy call on it is computed and added to a `Program` (`ir`), in which each variable is assigned once: a
write in place makes a new variable, and what parameters and optimizers hold in the end is stored after the last call.

*Guards* (`guards`, `conditions`). Before each replay the plan checks that it is given the same objects, shapes and
dtypes as the recording saw; else it is a cache miss, and the function is recorded anew. While it computes it checks the
answers on which the function branched, such as that no gradient holds NaN, and the shapes of results that may have
other shapes for other values (`effects` tells which). A replay that fails has changed nothing; after an error the
function itself runs, and raises it or catches it.

*Passes* (`passes` has their order) make the program shorter. `simplify` drops dead, equal and constant calls and those
without effect. `sums` turns sums into products of BLAS. An optimizer makes the same calls for each parameter: `joining`
makes one call of those for several small parameters, on the concatenation of their arrays.

*Memory* (`memory`). Each array that stays within the program gets a buffer. A buffer serves again when nobody reads its
array any more (`effects` tells whose memory a result shares). New values of parameters are computed in place.

*The plan*. `lowering` writes each call as a line of Python, `emitter` collects the lines, and `codegen` adds the
guards, the stores and the result. `verifier` knows nothing of the layout. It follows what each array holds from line to
line, and rejects a plan that reads a value after it was overwritten, hands out memory that is used again, or changes
state before the last line that can fail. A rejected plan is a JitError.

*Self-check* (`selfcheck`). The first replay is compared with the function itself, which runs from the same state: what
it returns, what it changes, what it draws. A difference raises JitError.

*In C* (`native/`). With `backend="c"` the steps of recurrences become calls of the program, and calls in a row that
have a C form become one call of a compiled function in the plan. Sums are not turned into products, and an optimizer's
calls are not joined: a loop in C needs neither. Guards, stores, the verifier and the self-check are the same.

`recording` joins one program with its plan, and `compiled` is what `jit` returns: a function that keeps recordings.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterable
from types import ModuleType
from typing import overload

from ..trace.traced import JitError
from .compiled import Jitted

__all__ = ["JitError", "Jitted", "jit"]


@overload
def jit(
    fun: Callable[..., object],
    *,
    optimize: bool | Iterable[str] = True,
    check: bool | int = True,
    backend: str = "numpy",
) -> Jitted:
    """Record `fun`, and replay it."""


@overload
def jit(
    *, optimize: bool | Iterable[str] = True, check: bool | int = True, backend: str = "numpy"
) -> Callable[[Callable[..., object]], Jitted]:
    """Return a decorator with these options."""


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
    place as `fun` does, and returns what it returns. Arrays that it returns are new ones, also where `fun` returns the
    array of an argument or a parameter; a list, dict or dataclass that is an argument, or that `fun` reaches, is
    returned itself, and an array that `fun` puts elsewhere, as in `self.last = x`, is put there itself. A Tensor comes
    without its graph, and refuses gradients. Inside a transform `fun` is called instead, so `grad(jit(f))` is the
    gradient of f. Also a decorator, `@jit`.

    *Seen*: the arguments, and every Tensor, Value, Module, Optimizer, schedule, Generator and array that `fun` reaches
    through its arguments, the variables it closes over, the globals it names, and attributes and elements of those.
    Their values are read anew at each call. Before each replay jit checks that they are the same objects with the same
    settings; if not, `fun` is recorded anew, and a variable or attribute that held another array is then read anew.
    *Frozen*: any other Python state, such as attributes of plain objects that `fun` does not name, lists, and arrays of
    texts or dates, of more than 1,000 members, files and the time. It is read once, when `fun` is recorded; what `fun`
    prints, it prints only then and when it is compared. *Checked*: the first replay is compared with `fun` itself (if
    `fun` asks for the `type` or the `id` of an object, the first call too), and a difference raises JitError;
    `check=False` leaves that out, `check=n` repeats it every n calls. `optimize=False` replays the recorded calls as
    they are; a list of names chooses optimizations. Copies and forked processes make their own recordings; threads may
    share them.

    `backend="c"` compiles the recorded calls that have a C form: elementwise calls, sums, products and indexing become
    loops of one C function, and others stay NumPy calls between them. Results are those of NumPy to rounding, and a
    replay gives no warnings of floating point; sums are at least as accurate as NumPy's. Loops over large arrays use
    all cores, but no more than OMP_NUM_THREADS says; the number of cores changes no bit of a result. It needs a C
    compiler, which takes seconds at the first call; without one it raises RuntimeError. `backend="auto"` stays with
    NumPy where there is no compiler, or where few of the calls have a C form.

    >>> import numpy as np
    >>> import tinygrad_edu as tg
    >>> slope = tg.jit(tg.grad(lambda x: np.sum(x**3)))
    >>> slope(np.array([1.0, 2.0]))
    array([ 3., 12.])

    Raises JitError where `fun` turns a recorded value into a plain one (`float(x)`, `if x > 0`, `x[x > 0]`), and where
    it has an effect that a replay would not repeat (`losses.append(x)`), unless an attribute, a variable or a key gets
    its first value, where there was none or None: then `fun` itself runs, for at most four calls in a row. Raises
    TypeError unless `fun` is a function, and ValueError for options that do not exist.
    """
    if fun is None:
        return functools.partial(jit, optimize=optimize, check=check, backend=backend)
    return Jitted(fun, optimize, check, backend)


class _CallableModule(ModuleType):
    __call__ = staticmethod(jit)


sys.modules[__name__].__class__ = _CallableModule
