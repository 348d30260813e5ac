"""The engine, complete in itself: the derivative table, the tape, the backward pass, and Tensor and Value on them.

Read it in this order: `rules/elementwise.py`, `backward.py`, `tape.py`, `tensor.py`. It imports NumPy alone.
"""

from .rules.registry import defvjp, nondifferentiable, primitive
from .rules.supported import supported
from .tape import no_grad
from .tensor import Tensor
from .value import Value

__all__ = ["Tensor", "Value", "defvjp", "no_grad", "nondifferentiable", "primitive", "supported"]
