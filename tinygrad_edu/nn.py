"""Layers: objects that hold parameters and are called like functions.

A `Module` is any object with Tensors among its attributes; there is nothing to register. Tensors are found
inside lists, tuples, dicts and other modules, and named by the way to them ("layers.0.weight"). Those that
take gradients are the parameters; those that do not are state, saved with them but never trained. Random
numbers come from the `rng` that is passed: a Generator, a seed, or None for fresh ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Self
from weakref import ref

import numpy as np

from . import functions
from .tape import note, place
from .tensor import Tensor

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]
    Rng = np.random.Generator | int | None
    Init = Callable[[tuple[int, int], Rng], Array]


class Module:
    """A model or a part of one: write `__init__` that sets attributes, and `forward`."""

    training: bool = True

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Give what `forward` gives, noted on the tape as this module's work, for pictures."""
        start = place()
        if len(args) == 1 and not kwargs:  # as nearly always, and quicker than the general call
            y = self.forward(args[0])
            note(y, ref(self), type(self), start, id(args[0]))
        else:
            y = self.forward(*args, **kwargs)
            note(y, ref(self), type(self), start, tuple(map(id, (*args, *kwargs.values()))))
        return y

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Give the output for an input; every kind of module defines its own."""
        raise TypeError(f"{type(self).__name__} has no method forward(self, x): a Module defines one")

    def parameters(self) -> list[Tensor]:
        """Give the Tensors to train, each once, in the order of the attributes."""
        return [p for _, p in self.named_parameters()]

    def named_parameters(self) -> list[tuple[str, Tensor]]:
        """Give (name, Tensor) of every parameter; one that is shared has the name that comes first."""
        return [(name, t) for name, t in self.tensors().items() if t.requires_grad]

    def tensors(self) -> dict[str, Tensor]:
        """Give all leaf Tensors by name: the parameters, and state that takes no gradient."""
        # A result that is kept as an attribute, which has a `fun`, is neither.
        leaves = [(name, t) for name, t in _members(self) if isinstance(t, Tensor) and t.fun is None]
        found = dict(leaves)
        if len(found) < len(leaves):
            twice = next(name for name, t in leaves if found[name] is not t)
            raise ValueError(f"{type(self).__name__} has two tensors named {twice!r}: rename a dict key")
        return found

    def modules(self) -> list[Module]:
        """Give this module and all those inside it, each once."""
        return [m for _, m in self.named_modules()]

    def named_modules(self) -> list[tuple[str, Module]]:
        """Give (name, module) of this module, whose name is "", and of all those inside it, each once."""
        return [(name, m) for name, m in _members(self) if isinstance(m, Module)]

    def state_dict(self) -> dict[str, Array]:
        """Give a copy of every parameter and of all other state, by name; `tg.save` stores it."""
        return {name: t.data.copy() for name, t in self.tensors().items()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Copy what `state_dict` gave into this module, keeping its arrays and their dtypes.

        Raises ValueError that lists all missing and unexpected names and wrong shapes, with nothing changed.
        """
        targets = {name: t.data for name, t in self.tensors().items()}
        copy_state(f"{type(self).__name__}.load_state_dict", targets, state)

    def train(self, mode: bool = True) -> Self:
        """Put this module and all inside it in training mode (or, with False, in evaluation mode)."""
        for m in self.modules():
            m.training = mode
        return self

    def eval(self) -> Self:
        """Put this module and all inside it in evaluation mode."""
        return self.train(False)

    def zero_grad(self) -> None:
        """Forget the gradients of all parameters."""
        for p in self.parameters():
            p.zero_grad()

    def describe(self) -> str:
        """Give the module's own line in a repr, for example "Linear(2 -> 16)"."""
        return f"{type(self).__name__}()"

    def __repr__(self) -> str:
        inner = self.named_modules()[1:]
        pad = max((len(name) for name, _ in inner), default=0)
        left = [self.describe()] + [f"  {name:{pad}}  {m.describe()}" for name, m in inner]
        sizes = [sum(p.size for p in m.parameters()) for m in self.modules()]
        right = [f"{sizes[0]:,}"] + [f"{n:,}" if n else "" for n in sizes[1:]]
        width, digits = max(map(len, left)), len(right[0])
        lines = [f"{a:{width}}  {n:>{digits}}".rstrip() for a, n in zip(left, right, strict=True)]
        return "\n".join([lines[0] + " parameters", *lines[1:]])

    def _repr_html_(self) -> str:
        from .viz import reprs

        return reprs.module(self)


def _members(value: object, name: str = "", seen: set[int] | None = None) -> Iterator[tuple[str, object]]:
    """Every Tensor and Module in `value`, itself included, each once, with its dotted name."""
    seen = set() if seen is None else seen
    if not isinstance(value, (Tensor, Module, list, tuple, dict)) or id(value) in seen:
        return
    seen.add(id(value))
    if isinstance(value, Tensor):
        yield name, value
        return
    if isinstance(value, Module):
        yield name, value
        value = vars(value)
    for key, member in value.items() if isinstance(value, dict) else enumerate(value):
        yield from _members(member, f"{name}.{key}" if name else str(key), seen)


def copy_state(where: str, targets: Mapping[str, Array], state: Mapping[str, Any]) -> None:
    """Copy each array of `state` into its target: all, or none and a ValueError with all the reasons."""
    if not isinstance(state, Mapping):
        raise TypeError(f"{where} takes a dict of names and arrays, as state_dict() gives, not {type(state).__name__}")
    given = {name: np.asarray(state[name]) for name in targets if name in state}
    problems = [f"missing {name!r}" for name in targets if name not in given]
    problems += [f"unexpected {name!r}" for name in state if name not in targets]
    for name, value in given.items():
        target = targets[name]
        if value.shape != target.shape:
            problems.append(f"{name!r} has shape {value.shape}, not {target.shape}")
        elif not np.can_cast(value.dtype, target.dtype, "same_kind"):
            problems.append(f"{name!r} has dtype {value.dtype}, not {target.dtype}")
    if problems:
        raise ValueError(f"{where}: nothing was loaded: " + "; ".join(problems))
    for name, value in given.items():
        np.copyto(targets[name], value)


def xavier_uniform(shape: tuple[int, int], rng: Rng = None) -> Array:
    """Give weights (out, in), uniform within sqrt(6 / (in + out)), for tanh (Glorot & Bengio 2010)."""
    return _uniform(shape, (6 / sum(shape)) ** 0.5, rng)


def xavier_normal(shape: tuple[int, int], rng: Rng = None) -> Array:
    """Give weights (out, in), normal with standard deviation sqrt(2 / (in + out)) (Glorot & Bengio 2010)."""
    return _normal(shape, (2 / sum(shape)) ** 0.5, rng)


def he_uniform(shape: tuple[int, int], rng: Rng = None) -> Array:
    """Give weights (out, in), uniform within sqrt(6 / in): for relu (He et al. 2015)."""
    return _uniform(shape, (6 / shape[-1]) ** 0.5, rng)


def he_normal(shape: tuple[int, int], rng: Rng = None) -> Array:
    """Give weights (out, in), normal with standard deviation sqrt(2 / in): for relu (He et al. 2015)."""
    return _normal(shape, (2 / shape[-1]) ** 0.5, rng)


def _uniform(shape: tuple[int, int], bound: float, rng: Rng) -> Array:
    return np.random.default_rng(rng).uniform(-bound, bound, shape)


def _normal(shape: tuple[int, int], std: float, rng: Rng) -> Array:
    return np.random.default_rng(rng).normal(0.0, std, shape)


class Linear(Module):
    """`x @ weight.T + bias` along the last axis: (..., in_features) gives (..., out_features).

    `weight` is (out_features, in_features), as in PyTorch, drawn by `init` (shape, rng); `bias` starts at
    zero.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        rng: Rng = None,
        *,
        init: Init = xavier_uniform,
    ) -> None:
        for size in (in_features, out_features):
            if not isinstance(size, (int, np.integer)) or isinstance(size, bool) or size < 1:
                raise ValueError(f"Linear({in_features} -> {out_features}): sizes are whole numbers from 1")
        self.in_features, self.out_features = int(in_features), int(out_features)
        weight = init((self.out_features, self.in_features), rng)
        # Column by column in memory, so that its transpose and the gradient that comes back through it lie row by row.
        self.weight = Tensor(np.asfortranarray(weight), label="weight")
        self.bias = Tensor(np.zeros(self.out_features), label="bias") if bias else None

    def forward(self, x: Tensor | Array) -> Tensor:
        """Give the layer's output; raises ValueError if the last axis of `x` is not in_features long."""
        shape = getattr(x, "shape", None)
        if shape is None:
            raise TypeError(f"{self.describe()} takes an array or Tensor, not {type(x).__name__}")
        if shape[-1:] != (self.in_features,):
            raise ValueError(f"{self.describe()} got {shape}: the last axis must hold {self.in_features} features")
        y: Tensor = x @ self.weight.T
        return y if self.bias is None else y + self.bias

    def describe(self) -> str:
        """Give "Linear(in -> out)"."""
        return f"Linear({self.in_features} -> {self.out_features}{', bias=False' if self.bias is None else ''})"


class ReLU(Module):
    """`max(x, 0)`."""

    def forward(self, x: Tensor | Array) -> Any:
        """Give `relu(x)`."""
        return functions.relu(x)


class Tanh(Module):
    """`tanh(x)`."""

    def forward(self, x: Tensor | Array) -> Any:
        """Give `np.tanh(x)`."""
        return np.tanh(x)


class Sigmoid(Module):
    """`1 / (1 + exp(-x))`."""

    def forward(self, x: Tensor | Array) -> Any:
        """Give `sigmoid(x)`."""
        return functions.sigmoid(x)


class Sequential(Module):
    """Layers (modules or functions), each called with the output of the one before."""

    def __init__(self, *layers: Callable[[Any], Any]) -> None:
        for i, layer in enumerate(layers):
            if isinstance(layer, type):
                raise TypeError(f"Sequential: layer {i} is the class {layer.__name__}; write {layer.__name__}()")
            if not callable(layer):
                raise TypeError(f"Sequential(*layers): layer {i} is a {type(layer).__name__}, not a layer or function")
        self.layers = list(layers)
        for name, p in self.named_parameters():
            if name.endswith(p.label or ""):  # a label of the user's own stays
                p.label = name

    def forward(self, x: Any) -> Any:
        """Give the last layer's output."""
        for layer in self.layers:
            x = layer(x)
        return x


# The activation's layer, and the initialiser that keeps the signal's size through it.
_ACTIVATIONS: dict[str, tuple[type[Module], Init]] = {
    "relu": (ReLU, he_uniform),
    "tanh": (Tanh, xavier_uniform),
    "sigmoid": (Sigmoid, xavier_uniform),
}


class MLP(Sequential):
    """Linear layers of these sizes with an activation between them and none after the last.

    `MLP([2, 16, 16, 1])` takes (..., 2) to (..., 1). `activation`: "relu" (He's initial weights), "tanh" or
    "sigmoid" (Xavier's).
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
