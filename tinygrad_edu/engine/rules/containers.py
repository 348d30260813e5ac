"""Functions of lists, tuples and dicts of arrays, as functions of separate arrays.

The tape records separate arguments. So a call with arrays inside containers is recorded as a call of `Flattened`, which
takes the members of all containers one by one, and gives them to the function in their containers again.
"""

import functools
from collections.abc import Callable, Iterator
from typing import Any

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


class Flattened:
    """A function whose positional arguments are the members of the containers in a call of `fun`."""

    def __init__(self, fun: Function, nesting: Structure) -> None:
        self.fun, self.nesting = fun, nesting
        self.__name__ = name(fun)
        self.last: tuple[Any, Any, int, list[Array]] | None = None  # g, y, argument and result of the last rule
        sizes = [sum(1 for _ in leaves(rebuilt(part, iter(int, 1)))) for part in nesting[2]]
        rules = vjps[fun]
        self.rules: list[Rule | None] = []
        for k, size in enumerate(sizes):
            rule = rules[k] if k < len(rules) else None
            for i in range(size):
                self.rules.append(rule and self.rule_of_member(k, rule, i, i == size - 1))

    def __call__(self, *members: Any, **kwargs: Any) -> Any:
        """Call the function with the members in their containers."""
        return self.fun(*rebuilt(self.nesting, iter(members)), **kwargs)

    def rule_of_member(self, k: int, rule: Rule, i: int, is_last: bool) -> Rule:
        """Return the rule of the i-th member of argument k."""

        @functools.wraps(rule)  # so that the table knows its keywords
        def member_rule(g: Array, y: Array, *members: Any, **kwargs: Any) -> Array:
            return self.member(k, rule, i, is_last, g, y, members, kwargs)

        return member_rule

    def member(self, k: int, rule: Rule, i: int, is_last: bool, g: Array, y: Array, members: tuple[Any, ...],
               kwargs: dict[str, Any]) -> Array:
        """Return the i-th member of what the rule of argument k returns; the rule runs once for all of them."""
        if (last := self.last) is None or last[0] is not g or last[1] is not y or last[2] != k:
            result = rule(g, y, *rebuilt(self.nesting, iter(members)), **kwargs)
            try:
                self.last = last = (g, y, k, list(matched(self.nesting[2][k], result)))
            except ValueError:
                raise TypeError(
                    f"the rule of {name(self.fun)} for argument {k} returns gradients in another structure than the "
                    "argument has; return one for each member of a list, a dict with the same keys for a dict"
                ) from None
        if is_last:
            self.last = None
        return last[3][i]


@functools.cache
def flattened(fun: Function, nesting: Structure) -> Flattened:
    """Return the function of separate members, with its rules in the table."""
    flat = Flattened(fun, nesting)
    vjps[flat] = tuple(flat.rules)
    return flat


def separated(fun: Function, args: tuple[Any, ...]) -> tuple[Callable[..., Any], tuple[Any, ...]]:
    """Return a function of separate members, and the members, for a call of `fun` with containers."""
    return flattened(fun, structure(args)), tuple(leaves(args))
