"""Sources of random numbers: their states, which are compared and put back."""

import ctypes
import random
from collections.abc import Hashable
from functools import lru_cache
from typing import Any, cast

import numpy as np

SOURCES = (np.random.Generator, np.random.RandomState, random.Random, np.random.BitGenerator)
MEMORY = 625 * 4  # bytes of the state of MT19937: 624 words and a position


@lru_cache(maxsize=1)
def legacy_state(*memory: bytes) -> Any:
    """Return the state of np.random, whose bit generator, and whose RandomState, have this memory.

    get_state gives the interpreter lock away for a moment, which CPython takes for a change of threads: a thread that
    recorded one function after another would keep all others waiting for seconds. So an unchanged state is not read.
    """
    return np.random.get_state(legacy=False)  # noqa: NPY002


def source_state(source: Any) -> Any:
    """Return the state of a source of random numbers."""
    if source is np.random and isinstance(bits := np.random.get_bit_generator(), np.random.MT19937):
        held = cast(Any, np.random.get_state).__self__  # the RandomState, which may hold a normal number
        memory = ctypes.string_at(id(held) + 16, type(held).__basicsize__ - 16)  # behind its count of references
        return legacy_state(ctypes.string_at(bits.ctypes.state_address, MEMORY), memory)
    if isinstance(bits := getattr(source, "bit_generator", source), np.random.BitGenerator):
        return bits.state
    return source.get_state(legacy=False) if hasattr(source, "get_state") else source.getstate()


def set_source_state(source: Any, state: Any) -> None:
    """Put a source of random numbers back into a state."""
    if isinstance(bits := getattr(source, "bit_generator", source), np.random.BitGenerator):
        bits.state = state
    else:
        (source.set_state if hasattr(source, "set_state") else source.setstate)(state)


def comparable(state: Any) -> Hashable:
    """Return a state of random numbers in a form that can be compared."""
    if isinstance(state, dict):
        return tuple([comparable(v) for v in state.values()])
    return state.tobytes() if isinstance(state, np.ndarray) else state
