"""Data for training: splits, standardization, batches and one-hot classes; and toy data sets to learn on.

All functions take arrays, or tables, whose first axis counts the examples; they keep rows of several arrays together
and return NumPy arrays. Data that is empty or of unequal lengths raises an error, and so does, in `Standardizer`, data
that is not finite.
"""

from typing import TYPE_CHECKING, Any

from ..layers import missing
from .batches import batches, one_hot
from .splits import k_fold, train_test_split, train_valid_test_split
from .standardizer import Standardizer
from .toys import drug_dosage, make_circles, make_linear, make_moons, make_spirals, xor

__all__ = [
    "Standardizer", "batches", "drug_dosage", "k_fold", "make_circles", "make_linear", "make_moons", "make_spirals",
    "one_hot", "train_test_split", "train_valid_test_split", "xor",
]  # fmt: skip


if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        raise missing(__name__, name)
