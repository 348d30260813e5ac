"""Module, the base class of layers and models: an object that holds parameters and is called like a function."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from threading import get_ident
from typing import TYPE_CHECKING, Any, Self
from weakref import ref

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from ..engine.arguments import switch
from ..engine.errors import kind_of
from ..engine.habits import FREEZING, instead, names_keywords
from ..engine.rules.foreign import PACKAGE, library
from ..engine.rules.registry import Array
from ..engine.spans import tag
from ..engine.tape import next_place
from ..engine.tensor import Tensor
from ..state import IncompatibleKeys, copy_state
from .summary import Summary, model_html, model_text, observers, summarize


class Module:
    """A model or a part of one: a subclass sets attributes in `__init__` and defines `forward`.

    >>> class Scale(tg.nn.Module):
    ...     def __init__(self):
    ...         self.factor = tg.Tensor(2.0)
    ...     def forward(self, x):
    ...         return self.factor * x
    >>> model = Scale()
    >>> model(np.ones(2)).data, [name for name, _ in model.named_parameters()]
    (array([2., 2.]), ['factor'])
    """

    training: bool = True

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "__init__" in vars(cls) and cls.__module__.partition(".")[0] == PACKAGE:
            cls.__init__ = names_keywords(cls.__init__)  # type: ignore[method-assign]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Return `forward(*args, **kwargs)`, and tag its nodes with this module, for pictures."""
        start = next_place()
        if len(args) == 1 and not kwargs:  # the usual call, faster than the general one
            y = self.forward(args[0])
            tag(y, ref(self), type(self), start, id(args[0]))
        else:
            y = self.forward(*args, **kwargs)
            tag(y, ref(self), type(self), start, tuple(map(id, (*args, *kwargs.values()))))
        if observers and (observe := observers.get(get_ident())):
            observe(self, y)
        return y

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            text = f"{type(self).__name__!r} object has no attribute {name!r}{instead(name, of_module=True)}"
            raise AttributeError(text, name=name, obj=self)

    def __setattr__(self, name: str, value: object) -> None:
        old = vars(self).get(name)
        if isinstance(old, Tensor) and old.fun is None and not isinstance(value, (Tensor, type(None))):
            change = f"{old._describe()} would no longer be a parameter, but {kind_of(value)}"
            remedy = f"write new numbers into it, {name}.data[...] = value, or assign a Tensor"
            raise TypeError(f"{type(self).__name__}.{name} = ...: {change}; {remedy}")
        if isinstance(value, (np.ndarray, np.generic, float, int)) and _has_parameters(old):
            change = f"{kind_of(old)} with parameters would be replaced by {kind_of(value)}"
            raise TypeError(f"{type(self).__name__}.{name} = ...: {change}; assign Tensors or layers, or None")
        if name in _METHODS:
            raise TypeError(f"{type(self).__name__}.{name} = ...: {name} is a method of every Module; use another name")
        if name in ("requires_grad", "trainable") and library(self) == PACKAGE:
            raise TypeError(f"{type(self).__name__}.{name} = ...: only parameters have this switch; write {FREEZING}")
        objects = value.flat if isinstance(value, np.ndarray) and value.dtype.hasobject else ()
        if any(map(_is_trained, value if type(value) in _UNSEARCHED else objects)):  # type: ignore[call-overload]
            remedy = "parameters are searched for in lists, tuples and dicts"
            raise TypeError(
                f"{type(self).__name__}.{name} = ...: nothing finds the layers in {kind_of(value)}; {remedy}"
            )
        object.__setattr__(self, name, value)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Return the output for an input; every subclass defines it."""
        raise TypeError(f"{type(self).__name__} has no method forward(self, x): a Module defines one")

    def parameters(self) -> list[Tensor]:
        """Return the Tensors to train, each once, in the order of the attributes.

        Frozen ones, with requires_grad=False, are not in it: keep the list to set this to True again.
        """
        return [p for _, p in self.named_parameters()]

    def named_parameters(self) -> list[tuple[str, Tensor]]:
        """Return (name, Tensor) pairs of the parameters; a shared one has the first of its names."""
        return [(name, t) for name, t in self.tensors().items() if t.requires_grad]

    def tensors(self) -> dict[str, Tensor]:
        """Return all leaf Tensors by name, each once: the parameters, and state that takes no gradient."""
        return self._leaves(every_name=False)

    def _leaves(self, every_name: bool) -> dict[str, Tensor]:
        # A Tensor with a `fun` is the result of an operation, kept as an attribute; it is neither.
        leaves = [(name, t) for name, t in members_of(self, every_name) if isinstance(t, Tensor) and t.fun is None]
        found = dict(leaves)
        if len(found) < len(leaves):
            repeated = next(name for name, t in leaves if found[name] is not t)
            raise ValueError(f"{type(self).__name__} has two tensors named {repeated!r}: rename a dict key")
        return found

    def modules(self) -> list[Module]:
        """Return this module and all modules inside it, each once."""
        return [m for _, m in self.named_modules()]

    def named_modules(self) -> list[tuple[str, Module]]:
        """Return (name, module) pairs of this module, whose name is "", and of all modules inside it, each once."""
        return [(name, m) for name, m in members_of(self) if isinstance(m, Module)]

    def _members(self) -> list[tuple[str, object]]:
        """Return (name, member) pairs of all leaf Tensors and modules, this one included, each once."""
        return [(name, x) for name, x in members_of(self) if not isinstance(x, Tensor) or x.fun is None]

    def state_dict(self) -> dict[str, Array]:
        """Return a copy of every parameter and of all other state, by name; `tg.save` stores it.

        A Tensor that several layers share is there under each of its names, as in PyTorch.
        """
        return {name: t.data.copy() for name, t in self._leaves(every_name=True).items()}

    def load_state_dict(self, state: Mapping[str, ArrayLike], strict: bool = True) -> IncompatibleKeys:
        """Copy the arrays of a `state_dict()` into those of this module, which keep their dtypes.

        Raises ValueError that lists all missing and unexpected names and wrong shapes, with nothing changed. With
        `strict=False` names may be missing or unexpected. Returns these names: `missing_keys` and `unexpected_keys`.
        Of a shared Tensor one name suffices.
        """
        targets = {name: t.data for name, t in self._leaves(every_name=True).items()}
        return copy_state(f"{type(self).__name__}.load_state_dict", targets, state, strict)

    def astype(self, dtype: DTypeLike) -> Self:
        """Convert all parameters, other state and gradients to float16, float32 or float64, and return this module.

        Complex ones become complex64, or for float64 complex128. The Tensors stay the same objects, so an optimizer
        that was made before goes on with them; all are converted or, after an error, none. Plain arrays among the
        attributes are constants of the model and stay as they are.
        """
        kind = float_dtype(f"{type(self).__name__}.astype", dtype)
        tensors = list(self.tensors().values())
        kinds = [np.result_type(kind, np.complex64) if t.dtype.kind == "c" else kind for t in tensors]
        converted = [t.data.astype(k) for t, k in zip(tensors, kinds, strict=True)]  # before the first is exchanged
        given = [getattr(t.grad, "_value", t.grad) for t in tensors]  # a Tensor after create_graph=True
        gradients = [None if g is None else g.astype(k, copy=False) for g, k in zip(given, kinds, strict=True)]
        for t, data, g in zip(tensors, converted, gradients, strict=True):
            t._value, t._grad = data, g
        return self

    def train(self, mode: bool = True) -> Self:
        """Put this module and all inside it in training mode (or, with False, in evaluation mode)."""
        switch(f"{type(self).__name__}.train", "mode", mode)
        for m in self.modules():
            m.training = mode
        return self

    def eval(self) -> Self:
        """Put this module and all inside it in evaluation mode."""
        return self.train(False)

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Set the gradients of all parameters to None; without `set_to_none`, those that are there to zeros."""
        for p in self.parameters():
            p.zero_grad(set_to_none)

    def describe(self) -> str:
        """Return the module's line in a repr, for example "Linear(2 -> 16)"."""
        return f"{type(self).__name__}()"

    def summary(self, *inputs: Any, **options: Any) -> Summary:
        """Print a table of the layers: names, output shapes, parameters and their bytes; return its text.

        The shapes are those of `forward(*inputs, **options)`, which runs once, in evaluation mode and without
        recording; state, gradients, random numbers and modes stay as they are. Without inputs there are no shapes. A
        layer that is called repeatedly has one row with all of its shapes; shared parameters count in the first row
        that has them. The result also has the `.rows`, and the totals `.parameters` and `.bytes`.

        >>> from tinygrad_edu.nn import MLP
        >>> text = MLP([2, 16, 1]).summary(np.zeros((32, 2)))
        MLP(2 -> 16 -> 1)
        ------------------------------------------------------
        name  layer            output shape  parameters  bytes
        ------------------------------------------------------
        0     Linear(2 -> 16)  (32, 16)              48    384
        1     ReLU()           (32, 16)               0      0
        2     Linear(16 -> 1)  (32, 1)               17    136
        ------------------------------------------------------
        Parameters: 65 (520 bytes)
        """
        found = summarize(self, inputs, options)
        print(found)
        return found

    def __repr__(self) -> str:
        return model_text(self)

    def _repr_html_(self) -> str:
        return model_html(self)


def float_dtype(where: str, dtype: DTypeLike) -> np.dtype[Any]:
    """Return the dtype of a layer's parameters, float64 for None; raises TypeError unless they can have it."""
    try:
        kind = np.dtype(dtype).newbyteorder("=")
    except TypeError:  # for a dtype of another library, or a misspelled name
        kind = None
    if kind is None or kind.kind != "f" or kind.itemsize > 8:
        given = dtype if kind is None else kind
        raise TypeError(f"{where}: parameters are float16, float32 or float64, not {given}")
    return np.dtype(kind.type)  # NumPy's own object of this dtype, as other arrays have it


_METHODS = frozenset(vars(Module)) - {"__doc__", "training", "forward", "describe", "summary"}
_UNSEARCHED = frozenset([set, frozenset, deque, type({}.values()), type({}.keys())])


def _has_parameters(value: object) -> bool:
    """Return whether a value is a Module or a container with parameters inside."""
    if not isinstance(value, (Module, list, tuple, dict)):  # as most attributes that are set again
        return False
    return any(isinstance(t, Tensor) and _is_trained(t) for _, t in members_of(value))


def _is_trained(value: object) -> bool:
    """Return whether a value is a Module or a parameter."""
    return isinstance(value, Module) or (isinstance(value, Tensor) and value.requires_grad and value.fun is None)


@contextmanager
def mode(modules: Iterable[Module], training: bool) -> Iterator[None]:
    """Put modules in training or evaluation mode, and restore the mode that each had when the block ends."""
    before = [(m, m.training) for m in modules]
    try:
        for m, _ in before:
            m.training = training
        yield
    finally:
        for m, was_training in before:
            m.training = was_training


def members_of(
    value: object, every_name: bool = False, name: str = "", seen: set[int] | None = None
) -> Iterator[tuple[str, object]]:
    """Yield every Tensor and Module in `value`, itself included, with its dotted name: the first, or every one."""
    seen = set() if seen is None else seen
    if not isinstance(value, (Tensor, Module, list, tuple, dict)) or id(value) in seen:
        return
    seen.add(id(value))
    if isinstance(value, (Tensor, Module)):
        yield name, value
    members = vars(value) if isinstance(value, Module) else value
    if not isinstance(value, Tensor):
        for key, member in members.items() if isinstance(members, dict) else enumerate(members):
            yield from members_of(member, every_name, f"{name}.{key}" if name else str(key), seen)
    if every_name:  # but never of something inside itself
        seen.discard(id(value))
