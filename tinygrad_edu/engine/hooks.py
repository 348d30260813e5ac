"""Hooks on the gradient of a node: functions that see the complete gradient, and may replace it.

A backward pass keeps its gradients in a dictionary that calls the hooks, if there are any; other passes pay nothing.
"""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np

from .errors import kind_of
from .rules.registry import conj

Hook = Callable[[Any], Any]
hooks: dict[int, dict[int, Hook]] = {}  # by the identity of a living node, in the order of registration
_next_id = itertools.count().__next__


class RemovableHandle:
    """The handle of a hook: `remove()` ends the hook, as does the end of a `with` block."""

    def __init__(self, node: Any, hook: Hook) -> None:
        self._place, self.id = id(node), _next_id()
        if self._place not in hooks:  # the finalizer first: no hooks outlive their node
            weakref.finalize(node, hooks.pop, self._place, None).atexit = False
        self._of_node = hooks.get(self._place, {})
        self._of_node[self.id] = hook
        hooks[self._place] = self._of_node

    def remove(self) -> None:
        """End the hook; do nothing if it has ended."""
        self._of_node.pop(self.id, None)
        if not self._of_node and hooks.get(self._place) is self._of_node:
            del hooks[self._place]

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *error: object) -> None:
        self.remove()


class HookedGradients(dict[Any, Any]):
    """The gradients of a backward pass: the hooks of a node are called where its complete gradient is taken out."""

    def pop(self, y: Any, *default: Any) -> Any:
        """Return the gradient of y, as its hooks leave it."""
        g = super().pop(y, *default)
        for hook in list(hooks.get(id(y), {}).values()):
            g = _hooked(y, g, hook)
        return g


class Hookable:
    """The methods of a node for hooks."""

    __slots__ = ()
    requires_grad: bool

    def register_hook(self, hook: Hook) -> RemovableHandle:
        """Call `hook(gradient)` in each backward pass, when the gradient of this node is complete; return its handle.

        What the hook returns, unless None, takes the gradient's place: in `.grad`, and on the way to the arguments.
        A leaf's hook sees the gradient of the pass, not the sum. A pass at whose end a gradient is NaN runs again, for
        rules that made it by 0 * inf, and calls its hooks again. `handle.remove()` ends it.
        """
        if not callable(hook):
            raise TypeError(f"register_hook takes a function of the gradient, not {type(hook).__name__}")
        if not self.requires_grad:
            raise ValueError(f"register_hook: {self._describe()} takes no gradient; only a node that does has hooks")
        return RemovableHandle(self, hook)

    def retain_grad(self) -> None:
        """Do nothing: `backward` keeps the gradient of every node, not only of leaves (unless retain_graph=False)."""

    def _describe(self) -> Any: ...


def _hooked(y: Any, g: Any, hook: Hook) -> Any:
    """Return the gradient that a hook gives in place of g, or g if it gives None; the hook sees a read-only array."""
    recorded, shown = hasattr(g, "_value"), conj(g)
    if not recorded and type(g) is not float:
        if not issubclass(type(g), (np.ndarray, np.generic)):
            raise TypeError(
                f"{y._describe()} has a hook on its gradient, which jit cannot replay; remove() it, or call the "
                "function without jit"
            )
        shown = np.asarray(shown).view()
        shown.flags.writeable = False
    try:
        r = hook(shown)
    except ValueError as error:
        if "read-only" not in str(error):
            raise
        raise ValueError(
            f"a hook on {y._describe()} wrote into its gradient, which is read-only, as others share it; return the "
            "new one, g * 2"
        ) from error
    if r is None or r is shown:
        return g
    if np.ndim(r) == 0 and not (hasattr(r, "__float__") or isinstance(r, complex)):
        raise TypeError(f"a hook on {y._describe()} returned {kind_of(r)}; return a gradient, or None to leave it")
    if np.shape(r) != np.shape(y._value):
        raise ValueError(
            f"a hook on {y._describe()} of shape {np.shape(y._value)} returned a gradient of shape {np.shape(r)}; "
            "return one of the same shape, or None to leave it"
        )
    return conj(y._as_gradient(r, recorded))
