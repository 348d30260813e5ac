"""Data on its way to a model: split it, standardise it, hand it out in batches; and toy sets to learn on.

All functions take arrays whose first axis counts the examples, and keep rows of several arrays together.
Arrays come back as NumPy arrays. What is empty, unequal in length or not finite is an error here rather than
a strange loss later.
"""

from .batches import Standardizer, batches, one_hot, train_valid_test_split
from .toys import drug_dosage, make_circles, make_linear, make_moons, make_spirals, xor

__all__ = [
    "Standardizer", "batches", "drug_dosage", "make_circles", "make_linear", "make_moons", "make_spirals", "one_hot",
    "train_valid_test_split", "xor",
]  # fmt: skip
