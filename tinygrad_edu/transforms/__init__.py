"""Functions of functions: gradients, products with Jacobians, Jacobians and Hessians."""

from .forward import jvp
from .jacobians import hessian, hvp, jacobian
from .reverse import grad, gradients, value_and_grad, vjp

__all__ = ["grad", "gradients", "hessian", "hvp", "jacobian", "jvp", "value_and_grad", "vjp"]
