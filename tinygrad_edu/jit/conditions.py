"""Conditions: how a guard's single checks are written."""

from typing import Any
from weakref import ref

import numpy as np

from ..engine.tape import Node
from ..trace.closure import MANY
from ..trace.holders import EMPTY, ITEMS, base, is_plain, is_same, slot
from .emitter import Emitter
from .simplify import value_key

FLAGS = 0x505  # of an array: in memory order, its memory's owner, aligned and writeable
FEW = 4  # names that are looked for one by one


def items_text(emitter: Emitter, owner: Any, method: str = "__iter__") -> str:
    """Write what a holder of items yields by a method of Python's class; a user's class may have another."""
    held, is_plain = emitter.name(owner, "held"), type(owner) in ITEMS and method == "__iter__"
    return held if is_plain else f"[*{emitter.fun(getattr(base(owner), method))}({held})]"


def keys_text(emitter: Emitter, text: str, keys: list[Any]) -> str:
    """Write the check that a dict has these keys, in this order."""
    if not keys:
        return f"not {text}"
    if {*map(type, keys)} == {str}:
        return f"[*{text}] == {emitter.name(keys, 'keys')}"
    known = emitter.name([*map(value_key, keys)], "keys")  # 1, 1.0 and True are equal, and == of Tensors is not a bool
    return f"[*map({emitter.fun(value_key)}, {text})] == {known}"


def absent_text(emitter: Emitter, owner: Any, names: frozenset[str]) -> str:
    """Write the check that a dict or an object with slots has no members with some names."""
    held = emitter.name(owner, "held")
    if not isinstance(owner, dict):
        empty = emitter.name(EMPTY, "EMPTY")
        return " and ".join([f"{emitter.fun(slot)}({held}, {name!r}) is {empty}" for name in sorted(names)])
    if len(names) > FEW:
        return f"{held}.keys().isdisjoint({emitter.name(names, 'absent')})"
    return " and ".join([f"{name!r} not in {held}" for name in sorted(names)])


def same_text(emitter: Emitter, text: str, value: Any) -> str:
    """Write the check that something is the same object, or, of a plain value, an equal one."""
    if value is None or isinstance(value, bool):
        return f"{text} is {value}"
    plain = is_plain(value)
    before = emitter.name(value, "t" if isinstance(value, Node) else "seen" if plain else type(value).__name__.lower())
    if not plain:
        is_alive = isinstance(value, ref) and value() is not None
        return f"{text} is {before}" + f" and {text}() is not None" * is_alive
    return f"({text} is {before} or {emitter.fun(is_same)}({text}, {before}))"


def array_text(emitter: Emitter, text: str, value: Any, has_content: bool = False) -> str:
    """Write the check of an array's dtype and shape, of its memory order if the function could tell, and of texts."""
    same = f"{text}.dtype == {emitter.name(value.dtype, 'dtype')}"
    if isinstance(value, np.ndarray):
        same += f" and {text}.shape == {value.shape}"
        if emitter.captured.rec.order_matters:
            same += f" and {text}.flags.num & {FLAGS} == {value.flags.num & FLAGS}"
            same += "" if value.flags.c_contiguous else f" and {text}.strides == {value.strides}"
        if has_content and value.dtype.kind not in "biufcO" and value.size <= MANY:  # texts, dates, records
            objects = value.dtype.hasobject  # their bytes are addresses
            same += f" and {f'repr({text}.tolist())' if objects else f'{text}.tobytes()'} == "
            same += emitter.name(repr(value.tolist()) if objects else value.tobytes(), "content")
    return same
