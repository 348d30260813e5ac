"""Running a model without a trace: what its modules hold is put back afterwards."""

import operator
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np

from ..engine.stores import Calls, store
from ..engine.tensor import Tensor


@contextmanager
def preserved(model: object) -> Iterator[None]:
    """Restore, when the block ends, all that the modules in a model hold, also in lists, tuples and dicts.

    Attributes and members of containers are put back as the same objects; the numbers in Tensors, their gradients, and
    arrays as they were; and Generators at the place of their stream where they were.
    """
    restore: list[Callable[[], Calls]] = []
    _collect(model, restore, set())
    try:
        yield
    finally:
        store([call for put_back in restore for call in put_back()])


def _collect(value: Any, restore: list[Callable[[], Calls]], seen: set[int]) -> None:
    """Append functions that return the calls that put back what `value` and all inside it hold now."""
    if id(value) in seen:
        return
    seen.add(id(value))
    held = vars(value) if hasattr(type(value), "named_modules") else value
    members: Any = ()
    if isinstance(held, dict):
        restore.append(partial(_refill, held, dict(held)))
        members = held.values()
    elif isinstance(held, list):
        members = list(held)
        restore.append(partial(_call, operator.setitem, held, slice(None), members))
    elif isinstance(held, tuple):
        members = held
    elif isinstance(held, Tensor):
        members = held.data, held._grad
        restore.append(partial(_reset, held, held.data, held._grad, held.requires_grad))
    elif isinstance(held, np.ndarray):
        restore.append(partial(_rewrite, held, held.copy()))
    elif isinstance(held, np.random.Generator):
        restore.append(partial(_call, setattr, held.bit_generator, "state", held.bit_generator.state))
    for member in members:
        _collect(member, restore, seen)


def _call(*call: Any) -> Calls:
    return [call]


def _refill(held: dict[Any, Any], before: dict[Any, Any]) -> Calls:
    if list(held) != list(before) or any(held[k] is not v for k, v in before.items()):
        return [(held.clear,), (held.update, before)]
    return []


def _reset(t: Tensor, data: Any, grad: Any, requires_grad: bool) -> Calls:
    return [(setattr, t, "_value", data), (setattr, t, "_grad", grad), (setattr, t, "requires_grad", requires_grad)]


def _rewrite(a: Any, before: Any) -> Calls:
    return [(operator.setitem, a, ..., before)] if a.flags.writeable else []
