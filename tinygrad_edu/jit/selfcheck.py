"""The self-check: a recording's first replay is compared with the function itself.

The replay runs, all that it changed is put back, and the function runs. What came out of both, what they changed and
which random numbers they drew must agree to rounding.
"""

from collections.abc import Iterable
from typing import Any, Self

import numpy as np

from ..engine.errors import kind_of
from ..engine.tape import Node
from ..optim import Optimizer
from ..trace.captured import Captured
from ..trace.closure import PLAIN
from ..trace.containers import leaves, members, nested, refill
from ..trace.holders import Holder, assign
from ..trace.ir import ARRAYS, State
from ..trace.randomness import comparable, set_source_state, source_state
from ..transforms import tree

# Sums may be added up in another order: the tolerance relative to the largest element, by bytes of a real number.
TOLERANCE = {2: 3e-2, 4: 1e-4, 8: 1e-7, 16: 1e-7}
SCALING = ("the result", "the argument", "the data", "the gradient")  # not the squares that an optimizer keeps
ROUNDED = 1e-2  # times the tolerance and the largest number of all: what is left of sums that cancel


class SavedState:
    """Copies of all state that a replay changes: `outcome` lists its values, `restore` puts it back.

    An error that leaves a `with` block of it puts everything back, too.
    """

    def __init__(self, captured: Captured, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.arguments = {"args": args, "kwargs": kwargs}
        changeable = [x for x in nested(self.arguments) if not isinstance(x, tuple)]
        self.containers = [(x, tree.like(x, [*members(x).values()])) for x in changeable]
        given = [(path[1:], a) for path, a in leaves("", self.arguments)]
        known = [(x, captured.within.get(id(x))) for x in captured.requires_grad]
        reached = [
            (captured.name_of(x) or f"a Tensor of shape {np.shape(x._value)}", place.get() if place else x)
            for x, place in known
        ]
        self.tensors = by_name([(name, x) for name, x in (*given, *reached) if isinstance(x, Node)])
        self.holders = [Holder(x, "", None) for x in self.tensors.values()]
        self.held = [(place, place.get()) for place in captured.places]
        self.within = captured.within.values()
        names = {id(x): name for name, x in self.tensors.items()}
        optimizers = {v.source.owner for v in captured.rec.program.states if isinstance(v.source.owner, Optimizer)}
        self.titles = {  # of what an optimizer keeps
            (id(kept), i): f"the {kind} of {names.get(id(p))}"
            for each in optimizers for kind, kept in each.state.items() for i, p in enumerate(each.params)
        }  # fmt: skip
        states = [target for target, _ in captured.rec.program.stores if isinstance(target.source, State)]
        arrays = [v for v in states if v.source.kind == "array" and not v.source.place]  # which `held` has
        self.written = by_name([(v.name, v.source.array) for v in arrays])
        found = [*self.written.values(), *[a for _, a in (*given, *self.held)]]
        found += [a for holder in self.holders for a in holder.before.values()]
        self.arrays = [(a, a.copy()) for a in found if isinstance(a, np.ndarray) and a.flags.writeable]
        self.sources = [(source, source_state(source)) for source in captured.drawn]

    def outcome(self, result: Any) -> dict[str, Any]:
        """Return copies of the result and of all state, by names for an error."""
        parts = by_name(leaves("the result", result))
        found = {name: data_of(a) for name, a in parts.items()}
        found |= {f"the argument {name[1:]}": data_of(a) for name, a in by_name(leaves("", self.arguments)).items()}
        for name, x in [*[part for part in parts.items() if isinstance(part[1], Node)], *self.tensors.items()]:
            g = None if x._grad is None else np.asarray(data_of(x._grad))  # a Tensor after create_graph=True
            found |= {f"the data of {name}": np.asarray(x._value), f"the gradient of {name}": g}
        found |= {f"the array {name}": array for name, array in self.written.items()}
        found |= {f"the data of {place.title} ({i})": data_of(place.get()) for i, place in enumerate(self.within)}
        for i, (place, _) in enumerate(self.held):
            found[self.titles.get((id(place.owner), place.key), f"{place.title} ({i})")] = data_of(place.get())
        for i, (source, _) in enumerate(self.sources):
            found[f"the hash of the state of {type(source).__name__} {i}"] = hash(comparable(source_state(source)))
        return {name: np.array(a) if isinstance(a, np.ndarray) else a for name, a in found.items()}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, error: object, *_: object) -> None:
        if error:
            self.restore()

    def restore(self) -> None:
        """Put everything back."""
        for holder in self.holders:
            holder.restore()
        for place, value in self.held:
            assign(place.owner, place.key, value)
        for array, copy in self.arrays:
            array[...] = copy
        for container, content in self.containers:
            refill(container, content)
        for source, state in self.sources:
            set_source_state(source, state)


def by_name(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Return a dict of (name, value) pairs, in which names that are there twice differ by a number."""
    found: dict[str, Any] = {}
    for name, value in pairs:
        found[name if name not in found else f"{name} ({len(found)})"] = value
    return found


def data_of(x: Any) -> Any:
    """Return the data of a Tensor, and anything else as it is."""
    return np.asarray(x._value) if isinstance(x, Node) else x


def first_difference(expected: dict[str, Any], given: dict[str, Any]) -> tuple[str, str] | None:
    """Return (name, description) of the first value that differs, or None."""
    if list(expected) != list(given):
        name = next((k for k in [*expected, *given] if (k in expected) != (k in given)), "the order of the result")
        return name, "is only in one of both"
    scale = max([size_of(a) for name, a in expected.items() if name.startswith(SCALING)], default=0.0)
    floats = [a.dtype for a in expected.values() if isinstance(a, ARRAYS) and a.dtype.kind in "fc"]
    most = max(map(tolerance, floats), default=0.0)  # of the narrowest
    for name in expected:
        a, b = (np.array(x)[()] if isinstance(x, (float, complex)) else x for x in (expected[name], given[name]))
        kinds = [form_of(x) for x in (a, b)]
        if kinds[0] != kinds[1]:
            return name, f"is {kinds[0]}, and {kinds[1]} at a replay"
        noise = has_no_gradient(name, expected, scale) & has_no_gradient(name, given, scale)
        same = np.ravel(agree(a, b, scale, most) | noise)
        if not same.all():
            at = int(same.argmin())
            return name, f"is {np.ravel(a)[at]!r:.60}, and {np.ravel(b)[at]!r:.60} at a replay"
    return None


def form_of(x: Any) -> str:
    """Return what must be equal of two values beside their numbers."""
    if not isinstance(x, ARRAYS):
        return kind_of(x)
    return f"{'an array' if isinstance(x, np.ndarray) else 'a number'} of shape {x.shape} and dtype {x.dtype}"


def has_no_gradient(name: str, values: dict[str, Any], scale: float) -> Any:
    """Return which elements have a gradient that is 0 but for rounding; False for values that have none.

    They are a Tensor's data, or what an optimizer keeps for it. Adam and its like divide such a gradient by its own
    size, Rprop takes its sign: the data then moves by as much as with any other.
    """
    g = values.get(f"the gradient of {name.partition(' of ')[2]}")
    if g is None or g.shape != np.shape(values[name]):
        return False
    return np.abs(g).astype(np.float64) < tolerance(g.dtype) * ROUNDED * scale


def tolerance(dtype: np.dtype[Any]) -> float:
    """Return how far numbers may differ, relative to the largest of them."""
    return TOLERANCE.get(np.finfo(dtype).dtype.itemsize, 1e-7)


def size_of(a: Any) -> float:
    """Return the largest finite absolute value in an array or a number; 0 for anything else."""
    is_number = isinstance(a, ARRAYS) and a.dtype.kind in "biufc"
    return float(np.max(np.abs(a), initial=0, where=np.isfinite(a))) if is_number else 0.0


def agree(a: Any, b: Any, scale: float, most: float) -> Any:
    """Return which elements agree to rounding; plain values and other numbers than floats must be equal."""
    if not isinstance(a, ARRAYS):
        return not isinstance(a, PLAIN) or a == b
    if a.dtype.kind not in "fc":
        return a.dtype.kind == "O" or (a == b) | (a.tobytes() == b.tobytes())  # objects come singly; NaT != NaT
    most = max(most, tolerance(a.dtype))
    with np.errstate(all="ignore"):
        return np.isclose(a, b, 0, most * size_of(a) + most * ROUNDED * scale, equal_nan=True)
