"""Layers: objects that hold parameters and are called like functions.

A `Module` finds the Tensors among its attributes, also inside lists, tuples, dicts and other modules; there is nothing
to register. Their names are dotted paths ("0.weight"). Those that take gradients are the parameters; the others are
state, saved with the parameters but never trained. Random numbers come from the argument `rng`: a Generator, a seed,
or None for an unpredictable one.
"""

from typing import TYPE_CHECKING, Any

from ..engine.habits import instead
from .attention import MultiheadAttention, PositionalEncoding
from .containers import MLP, Sequential
from .convolution import Conv1d, Conv2d, ConvTranspose1d, ConvTranspose2d
from .init import constant, he_normal, he_uniform, orthogonal, xavier_normal, xavier_uniform, zeros
from .module import Module

from .layers import (  # isort: skip
    GELU, Dropout, Embedding, Flatten, LeakyReLU, Linear, ReLU, Sigmoid, SiLU, Softplus, Tanh,
)  # fmt: skip
from .normalization import BatchNorm1d, BatchNorm2d, GroupNorm, LayerNorm, RMSNorm
from .pooling import AdaptiveAvgPool1d, AdaptiveAvgPool2d, AvgPool1d, AvgPool2d, MaxPool1d, MaxPool2d
from .recurrent import GRU, LSTM, RNN

__all__ = [
    "GELU", "GRU", "LSTM", "MLP", "RNN", "AdaptiveAvgPool1d", "AdaptiveAvgPool2d", "AvgPool1d", "AvgPool2d",
    "BatchNorm1d", "BatchNorm2d", "Conv1d", "Conv2d", "ConvTranspose1d", "ConvTranspose2d", "Dropout", "Embedding",
    "Flatten", "GroupNorm", "LayerNorm", "LeakyReLU", "Linear", "MaxPool1d", "MaxPool2d", "Module",
    "MultiheadAttention", "PositionalEncoding", "RMSNorm", "ReLU", "Sequential", "SiLU", "Sigmoid", "Softplus", "Tanh",
    "constant", "he_normal", "he_uniform", "orthogonal", "xavier_normal", "xavier_uniform", "zeros",
]  # fmt: skip


if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}{instead(name)}")
