"""What the exercise scalar_backprop.py gets for nothing: operators that come from + * **, and the order of a graph."""

from typing import Any


class Arithmetic:
    """A base class: subtraction, division and operators with a number on the left, made from +, * and **."""

    def __radd__(self: Any, other: Any) -> Any:
        return self + other

    def __rmul__(self: Any, other: Any) -> Any:
        return self * other

    def __neg__(self: Any) -> Any:
        return self * -1

    def __sub__(self: Any, other: Any) -> Any:
        return self + other * -1

    def __rsub__(self: Any, other: Any) -> Any:
        return self * -1 + other

    def __truediv__(self: Any, other: Any) -> Any:
        return self * other**-1

    def __rtruediv__(self: Any, other: Any) -> Any:
        return self**-1 * other


def latest_first(result: Any) -> list[Any]:
    """Return all values from which `result` was computed, each before its parents: the reverse topological order."""
    order, seen, stack = [], set(), [(result, False)]
    while stack:
        value, parents_done = stack.pop()
        if parents_done:
            order.append(value)
        elif value not in seen:
            seen.add(value)
            stack.append((value, True))
            stack += [(parent, False) for parent in value.parents]
    return order[::-1]
