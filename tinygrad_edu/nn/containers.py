"""Models that apply layers one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from ..engine.arguments import generator
from ..engine.errors import kind_of
from .activations import ELU, GELU, SELU, LeakyReLU, Mish, ReLU, Sigmoid, SiLU, Softplus, Tanh
from .init import Rng, he_uniform, xavier_uniform
from .layers import Linear
from .module import Module

Layer = Callable[[Any], Any]


class Sequential(Module):
    """Layers (modules or functions), each called with the output of the previous one.

    `Sequential(Linear(2, 8), Tanh())` names them "0" and "1"; `Sequential({"hidden": Linear(2, 8), "act": Tanh()})`
    takes the names from the dict. Each layer is an attribute of that name. `len`, iteration and `[i]` are those of the
    layers, also `["hidden"]`; a slice is a Sequential that shares them. Raises TypeError for a layer that cannot be
    called, and ValueError for a name that means something else.

    >>> model = tg.nn.Sequential(tg.nn.Linear(2, 8, rng=0), tg.nn.Tanh(), tg.nn.Linear(8, 1, rng=1))
    >>> model(np.ones((5, 2))).shape
    (5, 1)
    """

    names: tuple[str, ...] = ()

    def __init__(self, *layers: Layer | Mapping[str, Layer]) -> None:
        named: Mapping[str, object] = {str(i): layer for i, layer in enumerate(layers)}
        if len(layers) == 1 and isinstance(layers[0], Mapping):
            named = layers[0]
        for name, layer in named.items():
            if not isinstance(name, str) or "." in name or hasattr(self, name):
                raise ValueError(f"Sequential: {name!r} cannot name a layer: it holds a dot, or means something else")
            if isinstance(layer, type):
                raise TypeError(f"Sequential: layer {name} is the class {layer.__name__}; write {layer.__name__}()")
            if not callable(layer):
                remedy = "; a star unpacks it: Sequential(*layers)" if isinstance(layer, (list, tuple)) else ""
                given = f"layer {name} is {kind_of(layer)}, not a layer or function"
                raise TypeError(f"Sequential: {given}{remedy}")
        self.names = tuple(named)
        vars(self).update(named)
        for name, p in self.named_parameters():
            if name.endswith(p.label or ""):  # a label that the user chose stays
                p.label = name

    def forward(self, x: Any) -> Any:
        """Return the last layer's output."""
        layers = vars(self)
        for name in self.names:
            x = layers[name](x)
        return x

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The layers in order."""
        return tuple([vars(self)[name] for name in self.names])

    def __len__(self) -> int:
        return len(self.names)

    def __iter__(self) -> Iterator[Layer]:
        return iter(self.layers)

    def __getitem__(self, i: int | slice | str) -> Any:
        if isinstance(i, slice):
            return Sequential({name: vars(self)[name] for name in self.names[i]})
        if isinstance(i, str):
            if i not in self.names:
                raise KeyError(f"Sequential: no layer has the name {i!r}; the names are {', '.join(self.names)}")
            return vars(self)[i]
        if not -len(self) <= i < len(self):
            raise IndexError(f"Sequential: there is no layer {i} among {len(self)}")
        return self.layers[i]


_ACTIVATIONS: dict[str, type[Module]] = {
    "relu": ReLU, "leaky_relu": LeakyReLU, "gelu": GELU, "silu": SiLU, "softplus": Softplus, "elu": ELU,
    "selu": SELU, "mish": Mish, "tanh": Tanh, "sigmoid": Sigmoid,
}  # fmt: skip


class MLP(Sequential):
    """A multilayer perceptron: Linear layers of these sizes with an activation between them and none after the last.

    `MLP([2, 16, 16, 1])` maps (..., 2) to (..., 1). `activation`: "relu", "leaky_relu", "gelu", "silu", "softplus",
    "elu", "selu" or "mish" (with He's initial weights), "tanh" or "sigmoid" (with Xavier's). Raises ValueError for
    fewer than two sizes and for another activation.

    >>> model = tg.nn.MLP([2, 16, 1], rng=0)
    >>> model(np.ones((5, 2))).shape, sum(p.size for p in model.parameters())
    ((5, 1), 65)
    """

    def __init__(
        self, sizes: Sequence[int], activation: str = "relu", rng: Rng = None, *, dtype: DTypeLike = np.float64
    ) -> None:
        if not isinstance(sizes, Sequence) or len(sizes) < 2:
            raise ValueError(
                f"MLP({sizes}): give a list of the sizes of the input and of every layer, as MLP([2, 16, 1])"
            )
        if activation not in tuple(_ACTIVATIONS):  # a dict would raise for a list
            raise ValueError(f"MLP: activation is one of {', '.join(map(repr, _ACTIVATIONS))}, not {activation!r}")
        init = xavier_uniform if activation in ("tanh", "sigmoid") else he_uniform  # keeps the variance of the signal
        rng = generator("MLP", rng)
        layers: list[Module] = []
        for k, m in pairwise(sizes):
            layers += [Linear(k, m, rng=rng, init=init, dtype=dtype), _ACTIVATIONS[activation]()]
        super().__init__(*layers[:-1])
        self.sizes = tuple(sizes)

    def describe(self) -> str:
        """Return "MLP(in -> ... -> out)"."""
        return f"MLP({' -> '.join(map(str, self.sizes))})"
