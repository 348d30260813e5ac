"""Storing results after all of them are computed, so that an operation changes all that it changes, or nothing."""

import operator
from collections import deque
from collections.abc import Iterable
from itertools import starmap
from typing import Any

Calls = list[tuple[Any, ...]]


def store(calls: Iterable[tuple[Any, ...]]) -> None:
    """Make calls, (function, *arguments), of functions in C that cannot fail, such as `setattr`.

    Python looks for Ctrl-C between instructions of its own code, and none of it runs between two of these calls.
    """
    deque(starmap(operator.call, [*calls]), maxlen=0)
