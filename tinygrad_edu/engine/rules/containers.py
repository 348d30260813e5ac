"""Functions of lists, tuples and dicts of arrays, as functions of separate arrays.

The tape records separate arguments. So a call with arrays inside containers is recorded as a call of `Flattened`, which
takes the members of all containers one by one, and gives them to the function in their containers again.
"""

import functools
import threading
from collections.abc import Callable, Iterator, Sequence
from itertools import repeat
from typing import Any
from weakref import ref

from .registry import CONTAINERS, Array, Function, Rule, leaves, name, vjps

Structure = Any  # None for a leaf, or (container's class, keys or None, structures of the members)


def structure(tree: Any) -> Structure:
    """Return the nesting of containers without their members, which can be hashed and compared."""
    if not isinstance(tree, CONTAINERS):
        return None
    keys = tuple(tree) if isinstance(tree, dict) else None
    return type(tree), keys, tuple(map(structure, tree.values() if isinstance(tree, dict) else tree))


def rebuilt(nesting: Structure, members: Iterator[Any]) -> Any:
    """Return containers of the given nesting that hold the next members of an iterator."""
    if nesting is None:
        return next(members)
    kind, keys, parts = nesting
    values = [rebuilt(part, members) for part in parts]
    if keys is not None:
        return kind(zip(keys, values, strict=True))
    return kind(*values) if hasattr(kind, "_fields") else kind(values)  # a namedtuple takes its fields one by one


def matched(nesting: Structure, tree: Any) -> Iterator[Any]:
    """Yield the members of a tree in the order of a nesting; raise ValueError if they do not match."""
    if nesting is None:
        if isinstance(tree, CONTAINERS):
            raise ValueError
        yield tree
        return
    _, keys, parts = nesting
    if isinstance(tree, dict) != (keys is not None) or not isinstance(tree, CONTAINERS) or len(tree) != len(parts):
        raise ValueError
    for k, part in zip(range(len(parts)) if keys is None else keys, parts, strict=True):
        if keys is not None and k not in tree:
            raise ValueError
        yield from matched(part, tree[k])


class JointRule:
    """A rule for several arguments: it runs once for all of them, and its gradients are handed out one by one."""

    latest = threading.local()  # a weak reference to the one with gradients: those that nobody asked for are dropped

    def __init__(self, gradients: Callable[..., Sequence[Any]]) -> None:
        self.gradients = gradients
        self.last: tuple[Any, Any, Sequence[Any]] | None = None  # g, y and the gradients

    def argument(self, i: int, g: Array, y: Array, *args: Any, **kwargs: Any) -> Any:
        """Return the gradient of the i-th argument."""
        last = self.last
        if last is None or last[0] is not g or last[1] is not y or type(g) is float:  # nodes share equal Python floats
            if (before := getattr(JointRule.latest, "rule", lambda: None)()) is not None:
                before.last = None
            last = self.last = (g, y, self.gradients(g, y, *args, **kwargs))
            JointRule.latest.rule = ref(self)
        if i == len(last[2]) - 1:
            self.last = None
        return last[2][i]


class Flattened:
    """A function whose positional arguments are the members of the containers in a call of `fun`."""

    def __init__(self, fun: Function, nesting: Structure) -> None:
        self.fun, self.nesting = fun, nesting
        self.__name__ = name(fun)
        rules = vjps[fun]
        self.rules: list[Rule | None] = []
        for k, part in enumerate(nesting[2]):
            rule = rules[k] if k < len(rules) else None
            self.rules += self.rules_of_members(k, rule, sum(1 for _ in leaves(rebuilt(part, repeat(None)))))

    def __call__(self, *members: Any, **kwargs: Any) -> Any:
        """Call the function with the members in their containers."""
        return self.fun(*rebuilt(self.nesting, iter(members)), **kwargs)

    def rules_of_members(self, k: int, rule: Rule | None, n: int) -> list[Rule | None]:
        """Return the rules of the n members of argument k."""
        if rule is None:
            return [None] * n

        def gradients(g: Array, y: Array, *members: Any, **kwargs: Any) -> list[Array]:
            result = rule(g, y, *rebuilt(self.nesting, iter(members)), **kwargs)
            try:
                return list(matched(self.nesting[2][k], result))
            except ValueError:
                raise TypeError(
                    f"the rule of {name(self.fun)} for argument {k} returns gradients in another structure than the "
                    "argument has; return one for each member of a list, a dict with the same keys for a dict"
                ) from None

        joint = JointRule(gradients)
        # Wrapped, so that the table knows the keywords of the rule
        return [functools.update_wrapper(functools.partial(joint.argument, i), rule) for i in range(n)]


@functools.cache
def flattened(fun: Function, nesting: Structure) -> Flattened:
    """Return the function of separate members, with its rules in the table."""
    flat = Flattened(fun, nesting)
    vjps[flat] = tuple(flat.rules)
    return flat


def separated(fun: Function, args: tuple[Any, ...]) -> tuple[Callable[..., Any], tuple[Any, ...]]:
    """Return a function of separate members, and the members, for a call of `fun` with containers."""
    return flattened(fun, structure(args)), tuple(leaves(args))
