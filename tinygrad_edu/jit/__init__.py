"""jit: record a function once, print it as NumPy, replay it with its memory laid out."""

from .compiled import Jitted, jit
from .traced import JitError

__all__ = ["JitError", "Jitted", "jit"]
