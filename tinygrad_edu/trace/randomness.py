"""Sources of random numbers: their states, which are compared and put back."""

import random
from collections.abc import Hashable
from typing import Any

import numpy as np

SOURCES = (np.random.Generator, np.random.RandomState, random.Random, np.random.BitGenerator)


def source_state(source: Any) -> Any:
    """Return the state of a source of random numbers."""
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
