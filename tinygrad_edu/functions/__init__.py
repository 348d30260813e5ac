"""Activations and losses in plain NumPy; their derivatives follow from those of the NumPy functions.

A loss compares a prediction with a target of the same shape and returns the mean over all elements (`cross_entropy`:
over all rows), their sum with `reduction="sum"`, or all of them with `reduction="none"`. Different shapes raise
ValueError, because broadcasting would silently compare every prediction with every target. Results are Tensors if an
argument is a Tensor, and otherwise arrays or NumPy numbers. Integers and booleans are taken as float64, and tables and
columns of pandas and polars as the arrays that they hold.
"""

from ..engine.rules.activations import erf, log_softmax, logsumexp, sigmoid, softmax
from ..engine.rules.gamma import gammaln
from .activations import gelu, leaky_relu, relu, silu, softplus
from .attention import scaled_dot_product_attention
from .classification import cross_entropy
from .losses import binary_cross_entropy_with_logits, hinge_loss, huber_loss, l1_loss, mse_loss

__all__ = [
    "binary_cross_entropy_with_logits", "cross_entropy", "erf", "gammaln", "gelu", "hinge_loss", "huber_loss",
    "l1_loss", "leaky_relu", "log_softmax", "logsumexp", "mse_loss", "relu", "scaled_dot_product_attention",
    "sigmoid", "silu", "softmax", "softplus",
]  # fmt: skip
