"""jit: record a function once, print it as NumPy, replay it with its memory laid out.

`tg.jit` is the function. Importing this package binds the package to the same name `tg.jit`, so it can be called too.
"""

import sys
from types import ModuleType

from ..trace.traced import JitError
from .compiled import Jitted, jit

__all__ = ["JitError", "Jitted", "jit"]


class _CallableModule(ModuleType):
    __call__ = staticmethod(jit)


sys.modules[__name__].__class__ = _CallableModule
