"""Running a model without a trace: what its modules hold is put back afterwards."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np

from ..engine.tensor import Tensor


@contextmanager
def preserved(model: object) -> Iterator[None]:
    """Restore, when the block ends, all that the modules in a model hold, also in lists, tuples and dicts.

    Attributes and members of containers are put back as the same objects; the numbers in Tensors, their gradients, and
    arrays as they were; and Generators at the place of their stream where they were.
    """
    restore: list[Callable[[], None]] = []
    _collect(model, restore, set())
    try:
        yield
    finally:
        for put_back in restore:
            put_back()


def _collect(value: Any, restore: list[Callable[[], None]], seen: set[int]) -> None:
    """Append functions that put back what `value` and all inside it hold now."""
    if id(value) in seen:
        return
    seen.add(id(value))
    held = vars(value) if hasattr(type(value), "named_modules") else value
    members: Any = ()
    if isinstance(held, dict):
        restore.append(partial(_refill, held, dict(held)))
        members = held.values()
    elif isinstance(held, list):
        restore.append(partial(held.__setitem__, slice(None), members := list(held)))
    elif isinstance(held, tuple):
        members = held
    elif isinstance(held, Tensor):
        members = held.data, held._grad
        restore.append(partial(_reset, held, held.data, held._grad, held.requires_grad))
    elif isinstance(held, np.ndarray):
        restore.append(partial(_rewrite, held, held.copy()))
    elif isinstance(held, np.random.Generator):
        restore.append(partial(setattr, held.bit_generator, "state", held.bit_generator.state))
    for member in members:
        _collect(member, restore, seen)


def _refill(held: dict[Any, Any], before: dict[Any, Any]) -> None:
    if list(held) != list(before) or any(held[k] is not v for k, v in before.items()):
        held.clear()
        held.update(before)


def _reset(t: Tensor, data: Any, grad: Any, requires_grad: bool) -> None:
    t.data, t._grad, t.requires_grad = data, grad, requires_grad  # t.grad = grad would take the array of a Tensor


def _rewrite(a: Any, before: Any) -> None:
    if a.flags.writeable:
        a[...] = before
