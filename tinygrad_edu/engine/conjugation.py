"""Gradients with respect to complex numbers: what the backward pass carries, and what users get.

For a real L and z = x + i y, users get PyTorch's gradient, dL/dx + i dL/dy: z - lr * gradient descends. The backward
pass carries its conjugate g = dL/dx - i dL/dy, for which dL is the real part of g dz. So the chain rule of a
holomorphic function f is that of real calculus, g f'(z), and that of a linear function, such as g @ b.T, is the same
too. Nearly all lines of the table hold for complex numbers as they are, and none says which of its factors to
conjugate. Only `conj`, `real`, `abs` and others that are not holomorphic have rules of their own. A real argument gets
the real part, in `Tensor._fit`. Forward mode and second derivatives use the same rules, because the real part of g dz
is symmetric in g and dz.

The alternative, to conjugate around each holomorphic rule, would ask each node what kind of function made it. Instead,
gradients are conjugated where they enter or leave the pass: in `Tensor._seed`, in hooks, and in `outgoing`.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

complex_seen: set[Any] = set()  # the complex dtypes of Tensors so far; where it is empty, real programs pay nothing

REAL = np.dtype(float)


def outgoing(pairs: Iterable[tuple[Any, Any]]) -> Iterator[tuple[Any, Any]]:
    """Yield (node, gradient) pairs with the gradients that users get."""
    for y, g in pairs:  # g has the dtype of y; is_complex would take longer, which real nodes should not pay
        yield y, np.conjugate(g) if getattr(y._value, "dtype", REAL).kind == "c" else g
