"""Layers: objects that hold parameters and are called like functions.

A `Module` finds the Tensors among its attributes, also inside lists, tuples, dicts and other modules; there is nothing
to register. Their names are dotted paths ("0.weight"). `self.layers = [Linear(2, 8), Linear(8, 1)]` does what PyTorch's
`ModuleList` does, with the same names ("layers.0.weight"), and a dict does what `ModuleDict` does. Tensors that take
gradients are the parameters; the others are state, saved with the parameters but never trained. Random numbers come
from the argument `rng`: a Generator, a seed, or None for an unpredictable one.
"""

from typing import TYPE_CHECKING, Any

from ..layers import missing
from .activations import (
    CELU, ELU, GELU, SELU, Hardsigmoid, Hardswish, Hardtanh, LeakyReLU, LogSigmoid, Mish, PReLU, ReLU, ReLU6, SiLU,
    Sigmoid, Softplus, Softsign, Tanh,
)  # fmt: skip
from .along_axis import GLU, LogSoftmax, Softmax
from .attention import MultiheadAttention, PositionalEncoding
from .containers import MLP, Sequential
from .convolution import Conv1d, Conv2d, ConvTranspose1d, ConvTranspose2d
from .init import (
    calculate_gain, constant, eye, he_normal, he_uniform, kaiming_normal, kaiming_uniform, normal, ones, orthogonal,
    trunc_normal, uniform, xavier_normal, xavier_uniform, zeros,
)  # fmt: skip
from .layers import Dropout, Embedding, Flatten, Identity, Linear
from .module import Module
from .normalization import BatchNorm1d, BatchNorm2d, GroupNorm, LayerNorm, RMSNorm
from .pooling import AdaptiveAvgPool1d, AdaptiveAvgPool2d, AvgPool1d, AvgPool2d, MaxPool1d, MaxPool2d
from .recurrent import GRU, LSTM, RNN

__all__ = [
    "CELU", "ELU", "GELU", "GLU", "GRU", "LSTM", "MLP", "RNN", "SELU", "AdaptiveAvgPool1d", "AdaptiveAvgPool2d",
    "AvgPool1d", "AvgPool2d", "BatchNorm1d", "BatchNorm2d", "Conv1d", "Conv2d", "ConvTranspose1d",
    "ConvTranspose2d", "Dropout", "Embedding", "Flatten", "GroupNorm", "Hardsigmoid", "Hardswish", "Hardtanh",
    "Identity", "LayerNorm", "LeakyReLU", "Linear", "LogSigmoid", "LogSoftmax", "MaxPool1d", "MaxPool2d", "Mish",
    "Module", "MultiheadAttention", "PReLU", "PositionalEncoding", "RMSNorm", "ReLU", "ReLU6", "Sequential", "SiLU",
    "Sigmoid", "Softmax", "Softplus", "Softsign", "Tanh", "calculate_gain", "constant", "eye", "he_normal",
    "he_uniform", "kaiming_normal", "kaiming_uniform", "normal", "ones", "orthogonal", "trunc_normal", "uniform",
    "xavier_normal", "xavier_uniform", "zeros",
]  # fmt: skip


if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        raise missing(__name__, name)
