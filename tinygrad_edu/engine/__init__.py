"""The engine, complete in itself: the derivative table, the tape, the backward pass, and Tensor and Value on them.

Read it in this order: `rules/elementwise.py`, `backward.py`, `tape.py`, `tensor.py`. It imports NumPy alone.
"""

from .rules import defvjp, nondifferentiable, primitive, supported
from .tensor import Tensor, Value, no_grad

__all__ = ["Tensor", "Value", "defvjp", "no_grad", "nondifferentiable", "primitive", "supported"]
