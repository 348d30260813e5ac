"""The names of towns for the lessons on language: 1,995 towns of the United States that have an airport.

This module is not a lesson itself. The names are a column of the data set `airports`, which the package vega_datasets
ships. Only names of one word are used, in small letters.
"""

import re
from typing import Any

import numpy as np
import pandas as pd
from vega_datasets import local_data

CHARACTERS = ".abcdefghijklmnopqrstuvwxyz"  # the dot marks the beginning and the end of a name
VOCABULARY = len(CHARACTERS)


def town_names() -> tuple[list[str], list[str]]:
    """Return the names in random order, in two parts: 90 % to train with, and 10 % to validate."""
    cities = pd.read_csv(local_data.airports.filepath)["city"].dropna().str.lower().unique()
    names = [str(city) for city in cities if re.fullmatch("[a-z]+", city)]
    np.random.default_rng(0).shuffle(names)
    cut = len(names) * 9 // 10
    return names[:cut], names[cut:]


def encode(name: str) -> list[int]:
    """Return the numbers of the characters: 0 for the dot, 1 for a, ..., 26 for z."""
    return [CHARACTERS.index(character) for character in name]


def contexts(names: list[str], length: int) -> tuple[Any, Any]:
    """Return the `length` characters before each character (n, length), and that character (n,), as numbers."""
    x, y = [], []
    for name in names:
        padded = [0] * length + encode(name + ".")
        for i in range(len(name) + 1):
            x.append(padded[i : i + length])
            y.append(padded[i + length])
    return np.array(x), np.array(y)


def sample(probabilities: Any, count: int, rng: Any) -> list[str]:
    """Return `count` new names. `probabilities` takes the numbers written so far, [0, ...], and returns (27,)."""
    names = []
    for _ in range(count):
        written = [0]
        while len(written) == 1 or (written[-1] and len(written) < 20):
            written.append(int(rng.choice(VOCABULARY, p=probabilities(written))))
        names.append("".join(CHARACTERS[i] for i in written).strip("."))
    return names


def sequences(names: list[str], length: int) -> tuple[Any, Any]:
    """Return each name as a row: a dot and its characters (n, length), and the characters that follow (n, length).

    The places after the end of a name hold 0 in the first array, and -1 in the second: cross_entropy ignores them.
    Longer names are cut.
    """
    x, y = np.zeros((len(names), length), int), np.full((len(names), length), -1)
    for row, name in enumerate(names):
        x[row, 1 : len(name) + 1] = encode(name)[: length - 1]
        y[row, : len(name) + 1] = encode(name + ".")[:length]
    return x, y
