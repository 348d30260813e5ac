"""Activations and losses in plain NumPy; their derivatives follow from those of the NumPy functions.

A loss compares a prediction with a target of the same shape and returns the mean over all elements (`cross_entropy`:
over all rows), their sum with `reduction="sum"`, or all of them with `reduction="none"`. Different shapes raise
ValueError, because broadcasting would silently compare every prediction with every target. Results are Tensors if an
argument is a Tensor, and otherwise arrays or NumPy numbers. Integers and booleans are taken as float64, and tables and
columns of pandas and polars as the arrays that they hold.
"""

from ..engine.rules.activations import erf, log_softmax, logsumexp, sigmoid, softmax
from ..engine.rules.gamma import gammaln
from .activations import (
    celu, elu, gelu, glu, hardsigmoid, hardswish, hardtanh, leaky_relu, logsigmoid, mish, prelu, relu, relu6, selu,
    silu, softplus, softsign,
)  # fmt: skip
from .attention import scaled_dot_product_attention
from .classification import cross_entropy, nll_loss
from .convolution import conv1d, conv2d, conv_transpose1d, conv_transpose2d
from .likelihoods import (
    binary_cross_entropy, binary_cross_entropy_with_logits, gaussian_nll_loss, kl_div, poisson_nll_loss,
)  # fmt: skip
from .losses import hinge_loss, huber_loss, l1_loss, mse_loss, smooth_l1_loss
from .margins import cosine_similarity, margin_ranking_loss, triplet_margin_loss
from .pooling import adaptive_avg_pool1d, adaptive_avg_pool2d, avg_pool1d, avg_pool2d, max_pool1d, max_pool2d

__all__ = [
    "adaptive_avg_pool1d", "adaptive_avg_pool2d", "avg_pool1d", "avg_pool2d", "binary_cross_entropy",
    "binary_cross_entropy_with_logits", "celu", "conv1d", "conv2d", "conv_transpose1d", "conv_transpose2d",
    "cosine_similarity", "cross_entropy", "elu", "erf", "gammaln", "gaussian_nll_loss", "gelu", "glu", "hardsigmoid",
    "hardswish", "hardtanh", "hinge_loss", "huber_loss", "kl_div", "l1_loss", "leaky_relu", "log_softmax", "logsigmoid",
    "logsumexp", "margin_ranking_loss", "max_pool1d", "max_pool2d", "mish", "mse_loss", "nll_loss", "poisson_nll_loss",
    "prelu", "relu", "relu6", "scaled_dot_product_attention", "selu", "sigmoid", "silu", "smooth_l1_loss", "softmax",
    "softplus", "softsign", "triplet_margin_loss",
]  # fmt: skip
LOSSES = (  # those that compare a prediction with a target, without a third argument
    "binary_cross_entropy", "binary_cross_entropy_with_logits", "cross_entropy", "hinge_loss", "huber_loss", "kl_div",
    "l1_loss", "mse_loss", "nll_loss", "poisson_nll_loss", "smooth_l1_loss",
)  # fmt: skip
