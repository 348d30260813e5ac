"""Exercise of the lesson gpt.py: what a language model reads, and how it writes.

    python examples/exercises/gpt.py

Fill each blank (...) and run the file again. The text is a list of numbers, one for each character.
"""

import numpy as np
from checks import run_checks

import tinygrad_edu as tg


def example(text, i, length):  # 1. the piece of this length that begins at i, and for each character the next one
    return text[i : i + length], ...


def number_of_starts(text, length):  # 2. how many such pieces has the text? The last needs a next character
    return ...


def seen(length):  # 3. row i: 1 at the places that place i may see, else 0: itself and those before it
    return ...


def sharpened(logits, temperature):  # 4. below 1 the most likely character becomes more likely, above 1 less
    return tg.softmax(...)


def warm_up(step, rate, warm):  # 5. grows in equal parts: rate / warm in step 0, rate in step warm - 1 and later
    return ...


run_checks(globals())
