"""The tape: a `Node` holds data, its gradient, and the recipe that made it.

The forward pass records: an operator or a NumPy function on nodes computes on their data, and returns a new node that
remembers the call. `backward` reads these recipes from a root back to the leaves, and gives each node its gradient.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from .backward import Gradient, Pair, is_leaf
from .growth import CHECKED, check_growth
from .habits import instead
from .hooks import Hookable
from .mode import mode, no_grad, watchers
from .passes import PLAIN, RECORDED, reverse_pass
from .rules.registry import array_likes, conj

__all__ = ["Node", "constant", "no_grad", "record"]

Function = Callable[..., Any]
NO_KEYWORDS: dict[str, Any] = {}
MADE: dict[str, Any] = {}  # marks a node that a user made: within no_grad, `x += 1` writes into such a node
next_place = itertools.count(-1, -1).__next__  # places on the tape count down: a heap gives the latest node first
_new = object.__new__


class Node(Hookable):
    """What Tensor and Value share: data, a gradient, a place on the tape, a recipe, and `backward`."""

    __slots__ = (
        "__weakref__", "_grad", "_value", "argnums", "args", "argvals", "curves", "fun", "kwargs", "label", "order",
        "passes", "requires_grad", "span", "tangents", "trail",
    )  # fmt: skip
    fun: Any  # the function that made this node; None for a leaf or a constant
    args: tuple[Any, ...]  # its arguments; the nodes among them are the parents of this node
    argvals: tuple[Any, ...]  # the same arguments, with the data of nodes in their place
    kwargs: dict[str, Any]  # its keywords
    argnums: tuple[int, ...]  # the positions of the arguments that take gradients
    order: int  # the place on the tape: smaller than that of every argument
    passes: int  # how many backward passes have added up to a leaf's gradient; unset before the first
    span: tuple[Any, ...]  # the module's call that made this node, see `spans.tag`; unset for most
    curves: bool  # set on a result of `kinks.change`, so that its other calls take it for a constant; unset for others
    tangents: dict[Any, Any]  # in forward mode: the derivatives along directions; unset for most
    trail: Any  # what a watcher noted; unset for most
    _kind: ClassVar[type[Node]]  # Tensor or Value, also of their subclasses

    def __init__(self, data: Any, requires_grad: bool, label: str | None) -> None:
        self._value: Any = data  # not `_data`: masked arrays take an attribute of that name for their own data
        self._grad: Any = None
        self.requires_grad, self.label = True if requires_grad is True else bool(requires_grad), label or ""
        self.order, self.fun, self.kwargs = next_place(), None, MADE
        self.args = self.argvals = self.argnums = ()

    if not TYPE_CHECKING:  # with it, type checkers would accept any name

        def __getattr__(self, name: str) -> Any:
            if name == "_grad":  # a watcher emptied the slot, which held None, to know whether it is read
                for watcher in watchers():
                    watcher.gradient_read(self)
                return None
            text = f"{type(self).__name__!r} object has no attribute {name!r}{instead(name)}"
            raise AttributeError(text, name=name, obj=self)

    def _free(self) -> None:
        """Forget the arguments, and with them the graph behind this node."""
        self.args = self.argvals = self.argnums = ()
        self.kwargs = NO_KEYWORDS

    def backward(self, gradient: Any = None, retain_graph: bool = True, create_graph: bool = False) -> None:
        """Give every node behind this one that takes gradients its `.grad`: d(self)/d(node), times `gradient`.

        Without `gradient` this must be a single number. Leaves add to the gradient that they have, until
        `zero_grad`; the others hold the gradient of the last pass. `retain_graph=False` frees the graph after the
        pass, and keeps gradients for leaves alone. `create_graph=True` makes each `.grad` a node that has gradients.
        After an error leaves have the gradients that they had.
        """
        if not self.requires_grad:
            raise ValueError(
                f"backward: {self._describe()} depends on nothing that takes gradients; wrap the values that you "
                "want gradients of in Tensor(...), and look for no_grad, detach() and .data on the way"
            )
        interior: list[Node] = []

        def keep(pairs: Iterable[Pair[Node]]) -> list[Pair[Node]]:
            """Keep the gradients of results; return the leaves with theirs, as these are added up over passes."""
            leaves = []
            for y, g in pairs:
                if not y.argnums and is_leaf(y):
                    leaves.append((y, g))
                elif retain_graph:
                    y._grad = g
                else:
                    interior.append(y)
            return leaves

        seed = self._seed(None) if gradient is None and not create_graph else self._start(gradient, create_graph)
        leaves = reverse_pass(self, seed, keep, RECORDED if create_graph else PLAIN)
        sums = [x._sum(g) for x, g in leaves]  # all of them before the first is stored: an error changes no leaf
        for x, g, passes in sums:
            x._grad, x.passes = g, passes
        for y in interior:
            y._free()
        for x, _, passes in sums:
            if passes in CHECKED:
                check_growth(self, x)

    def _sum(self, g: Gradient) -> tuple[Node, Gradient, int]:
        """Return this leaf, the sum of its gradient and g, and how many passes have added up to that."""
        earlier = self._grad
        if earlier is None:
            return self, g, 1
        if isinstance(earlier, Node) and not isinstance(g, Node):  # the sum has a graph if that of both passes has
            earlier = earlier._value
        return self, earlier + g, getattr(self, "passes", 1) + 1

    def _start(self, gradient: Any, create_graph: bool) -> Gradient:
        """Return the gradient that a backward pass from this node starts with; with `create_graph` a node."""
        if create_graph and isinstance(gradient, Node) and np.shape(gradient._value) == np.shape(self._value):
            g = conj(gradient._as_base())
            return self._fit(g, self.fun) if isinstance(g, self._kind) else g  # the rules name the remedy for others
        seed = self._seed(gradient._value if isinstance(gradient, Node) else gradient)
        return constant(self._kind, seed) if create_graph else seed

    def _as_base(self) -> Any:
        """Return this node as a Tensor or a Value, so that no method that a subclass redefines computes gradients."""
        if type(self) is self._kind:
            return self
        if not self.requires_grad:
            return constant(self._kind, self._value)
        return record(self._kind, self._value, np.positive, (self,), (self._value,), NO_KEYWORDS, (0,))

    def detach(self) -> Self:
        """Return a constant with the same data."""
        value = self._value
        y: Self = constant(type(self), value.detached if type(value) in array_likes else value)
        y.label = self.label
        return y

    def zero_grad(self) -> None:
        """Forget the gradient."""
        self._grad = None

    def _describe(self) -> str:
        return f"{type(self).__name__}{f' {self.label!r}' if self.label else ''}"

    # Methods that Tensor and Value implement
    def _seed(self, gradient: Any) -> Gradient: ...  # the gradient that a backward pass from this node starts with
    def _fit(self, g: Gradient, fun: Function) -> Gradient: ...  # a rule's result in the shape and dtype of this node
    @classmethod
    def _constant(cls, b: Any, node: Any = None) -> Any: ...  # an operand that is not a node as data, or NotImplemented
    @classmethod
    def _result(cls, data: Any, fun: Function) -> Any: ...  # a function's result as data of a node, or TypeError


def record(
    kind: type[Node], data: Any, fun: Function, args: tuple[Any, ...], argvals: tuple[Any, ...],
    kwargs: dict[str, Any], argnums: tuple[int, ...],
) -> Any:  # fmt: skip
    """Return a node that holds `data`, the result of fun(*args, **kwargs), and remembers the call unless in no_grad."""
    if (state := mode()) and state.paused:
        return constant(kind, data)
    y = _new(kind)
    y._value = data
    y._grad = None
    y.label = ""
    y.requires_grad = True
    y.order = next_place()
    y.fun = fun
    y.args = args
    y.argvals = argvals
    y.kwargs = kwargs
    y.argnums = argnums
    if state:
        for watcher in state.watchers:
            watcher.recorded(y)
    return y


def constant(kind: type[Node], data: Any) -> Any:
    """Return a node that holds `data`, takes no gradient, and remembers no call."""
    y = _new(kind)
    y._value = data
    y._grad = y.fun = None
    y.label = ""
    y.requires_grad = False
    y.order = next_place()
    y.args = y.argvals = y.argnums = ()
    y.kwargs = NO_KEYWORDS
    return y
