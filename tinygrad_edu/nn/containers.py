"""Layers one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from .activations import GELU, LeakyReLU, ReLU, Sigmoid, SiLU, Softplus, Tanh
from .init import he_uniform, xavier_uniform
from .layers import Linear
from .module import Module

if TYPE_CHECKING:
    from .init import Init, Rng


class Sequential(Module):
    """Layers (modules or functions), each called with the output of the one before.

    `Sequential(Linear(2, 8), Tanh())` names them "0" and "1"; `Sequential({"hidden": Linear(2, 8), "act": Tanh()})` as
    the dict does. Each is an attribute of that name; `len`, iteration and `[i]` give layers, a slice gives a Sequential
    that shares them.
    """

    names: tuple[str, ...] = ()

    def __init__(self, *layers: Callable[[Any], Any] | Mapping[str, Callable[[Any], Any]]) -> None:
        named: Any = layers[0] if len(layers) == 1 and isinstance(layers[0], Mapping) else None
        if named is None:
            named = {str(i): layer for i, layer in enumerate(layers)}
        for name, layer in named.items():
            if not isinstance(name, str) or "." in name or hasattr(self, name):
                raise ValueError(f"Sequential: {name!r} cannot name a layer: it holds a dot, or means something else")
            if isinstance(layer, type):
                raise TypeError(f"Sequential: layer {name} is the class {layer.__name__}; write {layer.__name__}()")
            if not callable(layer):
                raise TypeError(f"Sequential: layer {name} is a {type(layer).__name__}, not a layer or function")
        self.names = tuple(named)
        vars(self).update(named)
        for name, p in self.named_parameters():
            if name.endswith(p.label or ""):  # a label of the user's own stays
                p.label = name

    def forward(self, x: Any) -> Any:
        """Give the last layer's output."""
        mine = vars(self)
        for name in self.names:
            x = mine[name](x)
        return x

    @property
    def layers(self) -> tuple[Any, ...]:
        """The layers in order."""
        return tuple([vars(self)[name] for name in self.names])

    def __len__(self) -> int:
        return len(self.names)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.layers)

    def __getitem__(self, i: int | slice) -> Any:
        if isinstance(i, slice):
            return Sequential({name: vars(self)[name] for name in self.names[i]})
        return self.layers[i]


# The activation's layer, and the initialiser that keeps the signal's size through it.
_ACTIVATIONS: dict[str, tuple[type[Module], Init]] = {
    "relu": (ReLU, he_uniform),
    "leaky_relu": (LeakyReLU, he_uniform),
    "gelu": (GELU, he_uniform),
    "silu": (SiLU, he_uniform),
    "softplus": (Softplus, he_uniform),
    "tanh": (Tanh, xavier_uniform),
    "sigmoid": (Sigmoid, xavier_uniform),
}


class MLP(Sequential):
    """Linear layers of these sizes with an activation between them and none after the last.

    `MLP([2, 16, 16, 1])` takes (..., 2) to (..., 1). `activation`: "relu", "leaky_relu", "gelu", "silu" or "softplus"
    (He's initial weights), "tanh" or "sigmoid" (Xavier's).
    """

    def __init__(self, sizes: Sequence[int], activation: str = "relu", rng: Rng = None) -> None:
        if not isinstance(sizes, Sequence) or len(sizes) < 2:
            raise ValueError(f"MLP({sizes}): give the sizes of the input and of every layer, two or more")
        if activation not in _ACTIVATIONS:
            raise ValueError(f"MLP: activation is one of {', '.join(map(repr, _ACTIVATIONS))}, not {activation!r}")
        between, init = _ACTIVATIONS[activation]
        rng = np.random.default_rng(rng)
        layers: list[Module] = []
        for k, m in pairwise(sizes):
            layers += [Linear(k, m, rng=rng, init=init), between()]
        super().__init__(*layers[:-1])
        self.sizes = tuple(sizes)

    def describe(self) -> str:
        """Give "MLP(in -> ... -> out)"."""
        return f"MLP({' -> '.join(map(str, self.sizes))})"
