"""Running a model without a trace: what its modules hold is put back afterwards."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
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
    members: Any = ()
    if hasattr(type(value), "named_modules"):
        restore.append(_dict_restored(vars(value)))
        members = vars(value).values()
    elif isinstance(value, dict):
        restore.append(_dict_restored(value))
        members = value.values()
    elif isinstance(value, list):
        restore.append(_list_restored(value))
        members = value
    elif isinstance(value, tuple):
        members = value
    elif isinstance(value, Tensor):
        restore.append(_tensor_restored(value))
    elif isinstance(value, np.ndarray):
        restore.append(_array_restored(value))
    elif isinstance(value, np.random.Generator):
        restore.append(_generator_restored(value))
    for member in members:
        _collect(member, restore, seen)


def _dict_restored(held: dict[Any, Any]) -> Callable[[], None]:
    before = dict(held)

    def put_back() -> None:
        if list(held) != list(before) or any(held[k] is not v for k, v in before.items()):
            held.clear()
            held.update(before)

    return put_back


def _list_restored(held: list[Any]) -> Callable[[], None]:
    before = list(held)

    def put_back() -> None:
        held[:] = before

    return put_back


def _tensor_restored(t: Tensor) -> Callable[[], None]:
    data, grad, takes = t.data, t.grad, t.requires_grad
    numbers = _array_restored(data)
    slopes = None if grad is None else _array_restored(grad)

    def put_back() -> None:
        t.data, t.requires_grad = data, takes
        numbers()
        t.grad = grad
        if slopes:
            slopes()

    return put_back


def _array_restored(a: Any) -> Callable[[], None]:
    before = a.copy()

    def put_back() -> None:
        if a.flags.writeable:
            a[...] = before

    return put_back


def _generator_restored(rng: np.random.Generator) -> Callable[[], None]:
    before = rng.bit_generator.state

    def put_back() -> None:
        rng.bit_generator.state = before

    return put_back
