"""jit: record a function once, print it as NumPy, replay it with its memory laid out.

`tg.jit` is the function. Python also binds this package's own name to `tg.jit` once it is imported, so the package can
be called too, and is the same function.
"""

import sys
from types import ModuleType
from typing import Any

from ..trace.traced import JitError
from .compiled import Jitted, jit

__all__ = ["JitError", "Jitted", "jit"]


class _Callable(ModuleType):
    def __call__(self, *args: Any, **kwargs: Any) -> Jitted:
        jitted: Jitted = jit(*args, **kwargs)
        return jitted


sys.modules[__name__].__class__ = _Callable
