"""Holders: the objects whose members a function may replace, and the places that are exchanged for a recording."""

from collections import deque
from operator import is_
from types import CellType
from typing import Any

EMPTY = object()  # what an empty slot holds


class Place:
    """A member of a holder, or a slot of a Tensor, that holds something else while the function is recorded.

    `found` is what it held before, `given` what it holds at first meanwhile, `last` what it held when the function
    had returned.
    """

    def __init__(self, owner: Any, key: Any, title: str, given: Any) -> None:
        self.owner, self.key, self.title, self.given = owner, key, title, given
        self.var: Any = None  # of the program, if another array is put here
        self.found = self.last = self.get()

    def get(self) -> Any:
        """Return what the place holds now, or EMPTY."""
        if isinstance(self.owner, (dict, list)):
            return self.owner[self.key]
        try:
            return object.__getattribute__(self.owner, self.key)
        except AttributeError:
            return EMPTY

    def put(self, value: Any) -> None:
        """Let the place hold a value."""
        assign(self.owner, self.key, value)


class Holder:
    """An object whose members can be replaced: a cell, a dict, a list, a class, an object with slots.

    `before` are its members as they were found. Replays check those with a key in `checked`, or all if it is None.
    `absent` are keys without a member, such as an attribute that a class has. Of globals only those with `names` are
    looked at: the others belong to other code.
    """

    def __init__(self, owner: Any, title: str, checked: set[str] | None, names: set[str] | None = None) -> None:
        self.owner, self.title, self.checked, self.names = owner, title, checked, names
        self.absent: set[str] = set()
        self.is_namespace = False  # whether the members are attributes
        self.before = members(owner)

    @property
    def is_scope(self) -> bool:
        """Whether it holds a function's variables: a cell, or globals."""
        return self.names is not None or isinstance(self.owner, CellType)

    def member(self, key: Any) -> str:
        """Return a name for the member with this key."""
        if isinstance(self.owner, CellType):
            return self.title.removeprefix("the variable ")
        return key if isinstance(key, str) else f"{self.title.removeprefix('a ')}_{key}"

    def seen(self) -> dict[Any, Any]:
        """Return the members as they were found that replays check."""
        return {key: value for key, value in self.before.items() if self.checked is None or key in self.checked}

    def now(self) -> dict[Any, Any]:
        """Return the present members."""
        now = members(self.owner)
        return now if self.names is None else {k: v for k, v in now.items() if k in self.names or k in self.before}

    def changed(self) -> bool:
        """Return whether any member was added, removed or replaced."""
        now, before = self.now(), self.before
        if self.names is not None:
            now, before = ({k: v for k, v in each.items() if k in self.names} for each in (now, before))
        return not are_same(now, before)

    def restore(self) -> None:
        """Put back the members that were found."""
        owner, now = self.owner, self.now()
        if isinstance(owner, (list, deque, set)):
            owner.clear()
            (owner.update if isinstance(owner, set) else owner.extend)(self.before.values())
            return
        for key in now.keys() - self.before.keys():
            remove(owner, key)
        for key, value in self.before.items():
            if now.get(key, self) is not value:
                assign(owner, key, value)


def are_same(now: dict[Any, Any], before: dict[Any, Any]) -> bool:
    """Return whether members have the same keys in the same order, and are the same objects."""
    return list(now) == list(before) and all(map(is_, now.values(), before.values()))


def members(owner: Any) -> dict[Any, Any]:
    """Return the members of a holder by their keys."""
    if isinstance(owner, CellType):
        try:
            return {"cell_contents": owner.cell_contents}
        except ValueError:  # a variable without a value
            return {}
    if isinstance(owner, dict):
        return dict(owner)
    if isinstance(owner, (list, set, deque)):
        return dict(enumerate(owner))
    if isinstance(owner, type):
        return dict(vars(owner))
    slots = {name for kind in type(owner).__mro__ for name in getattr(kind, "__slots__", ())}
    return {name: getattr(owner, name) for name in sorted(slots) if hasattr(owner, name)}


def assign(owner: Any, key: Any, value: object) -> None:
    """Replace a member of a holder, or a slot of a Tensor."""
    if isinstance(owner, (dict, list, deque)):
        owner[key] = value
    elif isinstance(owner, (type, CellType)):
        setattr(owner, key, value)
    else:
        object.__setattr__(owner, key, value)  # which a frozen dataclass allows


def remove(owner: Any, key: Any) -> None:
    """Remove a member of a holder."""
    if isinstance(owner, dict):
        del owner[key]
    else:
        delattr(owner, key)
