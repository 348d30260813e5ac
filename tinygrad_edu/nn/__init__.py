"""Layers: objects that hold parameters and are called like functions.

A `Module` is any object with Tensors among its attributes; there is nothing to register. Tensors are found
inside lists, tuples, dicts and other modules, and named by the way to them ("0.weight"). Those that
take gradients are the parameters; those that do not are state, saved with them but never trained. Random
numbers come from the `rng` that is passed: a Generator, a seed, or None for fresh ones.
"""

from .activations import GELU, LeakyReLU, ReLU, Sigmoid, SiLU, Softplus, Tanh
from .containers import MLP, Sequential
from .init import constant, he_normal, he_uniform, orthogonal, xavier_normal, xavier_uniform, zeros
from .layers import Dropout, Embedding, Flatten, Linear
from .module import Module
from .norms import BatchNorm1d, LayerNorm

__all__ = [
    "GELU", "MLP", "BatchNorm1d", "Dropout", "Embedding", "Flatten", "LayerNorm", "LeakyReLU", "Linear", "Module",
    "ReLU", "Sequential", "SiLU", "Sigmoid", "Softplus", "Tanh", "constant", "he_normal", "he_uniform", "orthogonal",
    "xavier_normal", "xavier_uniform", "zeros",
]  # fmt: skip
