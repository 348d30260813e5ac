"""A small reverse-mode automatic differentiation engine: a tape of NumPy calls.

>>> import numpy as np
>>> import tinygrad_edu as tg
>>> x = tg.Tensor([1.0, 2.0, 3.0])
>>> y = np.sum(x * x)
>>> y.backward()
>>> x.grad
array([2., 4., 6.])

The engine is imported at once; each layer above it when one of its names is first used.
"""

from typing import TYPE_CHECKING, Any

from .engine.conversions import LostGradientError
from .engine.mode import no_grad
from .engine.rules.registry import defvjp, nondifferentiable, primitive
from .engine.rules.supported import supported
from .engine.tensor import Tensor
from .engine.value import Value

if TYPE_CHECKING:
    from . import data, distributed, integrate, linalg, nn, optim, signal, special, stats
    from .anomaly import AnomalyError, detect_anomaly
    from .check import GradientError, check_grad
    from .functions import (
        adaptive_avg_pool1d, adaptive_avg_pool2d, avg_pool1d, avg_pool2d, binary_cross_entropy,
        binary_cross_entropy_with_logits, celu, conv1d, conv2d, conv_transpose1d, conv_transpose2d, cosine_similarity,
        cross_entropy, elu, erf, gammaln, gaussian_nll_loss, gelu, glu, hardsigmoid, hardswish, hardtanh, hinge_loss,
        huber_loss, kl_div, l1_loss, leaky_relu, log_softmax, logsigmoid, logsumexp, margin_ranking_loss, max_pool1d,
        max_pool2d, mish, mse_loss, nll_loss, poisson_nll_loss, prelu, relu, relu6, scaled_dot_product_attention, selu,
        sigmoid, silu, smooth_l1_loss, softmax, softplus, softsign, triplet_margin_loss,
    )  # fmt: skip
    from .integrate import odeint
    from .jit import JitError, Jitted, jit
    from .state import load, save
    from .train import DivergenceError, History, accuracy, confusion_matrix, evaluate, fit, lr_finder, predict, r2_score
    from .transforms import (
        checkpoint, custom_vjp, elementwise_grad, ggnvp, grad, gradients, hessian, hvp, jacobian, jvp, stop_gradient,
        tree, value_and_grad, vjp, vmap,
    )  # fmt: skip
    from .viz import plot
    from .viz.draw import Drawing, draw
    from .viz.explain import Explanation, explain

__version__ = "0.1.0"
__all__ = [
    "AnomalyError", "DivergenceError", "Drawing", "Explanation", "GradientError", "History", "JitError", "Jitted",
    "LostGradientError", "Tensor", "Value", "accuracy", "adaptive_avg_pool1d", "adaptive_avg_pool2d", "avg_pool1d",
    "avg_pool2d", "binary_cross_entropy", "binary_cross_entropy_with_logits", "celu", "check_grad", "checkpoint",
    "confusion_matrix", "conv1d", "conv2d", "conv_transpose1d", "conv_transpose2d", "cosine_similarity",
    "cross_entropy", "custom_vjp", "data", "defvjp", "detect_anomaly", "distributed", "draw", "elementwise_grad", "elu",
    "erf", "evaluate", "explain", "fit", "gammaln", "gaussian_nll_loss", "gelu", "ggnvp", "glu", "grad", "gradients",
    "hardsigmoid", "hardswish", "hardtanh", "hessian", "hinge_loss", "huber_loss", "hvp", "integrate", "jacobian",
    "jit", "jvp", "kl_div", "l1_loss", "leaky_relu", "linalg", "load", "log_softmax", "logsigmoid", "logsumexp",
    "lr_finder", "margin_ranking_loss", "max_pool1d", "max_pool2d", "mish", "mse_loss", "nll_loss", "nn", "no_grad",
    "nondifferentiable", "odeint", "optim", "plot", "poisson_nll_loss", "predict", "prelu", "primitive", "r2_score",
    "relu", "relu6", "save", "scaled_dot_product_attention", "selu", "sigmoid", "signal", "silu", "smooth_l1_loss",
    "softmax", "softplus", "softsign", "special", "stats", "stop_gradient", "supported", "tree", "triplet_margin_loss",
    "value_and_grad", "vjp", "vmap",
]  # fmt: skip

if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        from .layers import load

        globals()[name] = value = load(name)
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
