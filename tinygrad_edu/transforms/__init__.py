"""Functions of functions: gradients, products with Jacobians, Jacobians and Hessians."""

from . import tree
from .custom import checkpoint, custom_vjp, stop_gradient
from .forward import jvp
from .jacobians import hessian, hvp, jacobian
from .products import elementwise_grad, ggnvp
from .reverse import grad, gradients, value_and_grad, vjp
from .vmap import vmap

__all__ = [
    "checkpoint", "custom_vjp", "elementwise_grad", "ggnvp", "grad", "gradients", "hessian", "hvp", "jacobian", "jvp",
    "stop_gradient", "tree", "value_and_grad", "vjp", "vmap",
]  # fmt: skip
