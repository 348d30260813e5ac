"""jit: record a function once, print it as NumPy, replay it with its memory laid out.

`tg.jit` is the function. Importing this package binds the package to the same name `tg.jit`, so it can be called too.

How jit works
-------------
*Recording* (`trace/`). `closure` walks from the arguments, the closure and the globals that the function names to every
Tensor, optimizer, Generator and array in reach. `captured` exchanges their values for recording ones, `Traced`;
`capture` runs the function and puts the values back. A Traced wraps an array that is never written, or the number of a
Value. Each NumPy call on
it is computed and added to a `Program` (`ir`), in which each variable is assigned once: a write in place makes a new
variable, and what parameters and optimizers hold in the end is stored after the last call.

*Guards* (`guards`). Before each replay the plan checks that it is given the same objects, shapes and dtypes as the
recording saw; else it is a cache miss, and the function is recorded anew. While it computes it checks the answers on
which the function branched, such as that no gradient holds NaN, and the shapes of results that may have other shapes
for other values (`effects` tells which). A replay that fails has changed nothing.

*Passes* (`passes` has their order) make the program shorter. `simplify` drops dead, equal and constant calls and those
without effect. `sums` turns sums into products of BLAS. An optimizer makes the same calls for each parameter: `joining`
makes one call of those for several small parameters, on all of their elements.

*Memory* (`memory`). Each array that stays within the program gets a buffer. A buffer serves again when nobody reads its
array any more (`effects` tells whose memory a result shares). New values of parameters are computed in place.

*The plan*. `lowering` writes each call as a line of Python, `emitter` collects the lines, and `codegen` adds the
guards, the stores and the result. `verifier` knows nothing of the layout. It follows what each array holds from line to
line, and rejects a plan that reads a value after it was overwritten, hands out memory that is used again, or changes
state before the last line that can fail. A rejected plan is written again without shared buffers.

*Self-check* (`selfcheck`). The first replay is compared with the function itself, which runs from the same state: what
it returns, what it changes, what it draws. A difference raises JitError.

*In C* (`native/`). With `backend="c"` the steps of recurrences become calls of the program, and calls in a row that
have a C form become one call of a compiled function in the plan. Sums are not turned into products, and an optimizer's
calls are not joined: a loop in C needs neither. Guards, stores, the verifier and the self-check are the same.

`recording` joins one program with its plan, and `compiled` is what `decorator` gives the user: a function that keeps
recordings.
"""

import sys
from types import ModuleType

from ..trace.traced import JitError
from .compiled import Jitted
from .decorator import jit

__all__ = ["JitError", "Jitted", "jit"]


class _CallableModule(ModuleType):
    __call__ = staticmethod(jit)


sys.modules[__name__].__class__ = _CallableModule
