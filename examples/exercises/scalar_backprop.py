"""Exercise of the lesson scalar_backprop.py: write your own Value.

    python examples/exercises/scalar_backprop.py

Fill each blank (...) and run the file again. In the end your Value passes this library's own tests of Value.
"""

import math

from arithmetic import Arithmetic, latest_first
from checks import run_checks


class Value(Arithmetic):  # Arithmetic makes - and / from the operators below
    """A number, the parents from which it was computed, and its slope by each parent."""

    def __init__(self, data, parents=(), slopes=()):
        self.data, self.parents, self.slopes, self.grad = float(data), parents, slopes, 0.0

    def __add__(self, other):  # 1. how much does a + b grow when a grows by 1?
        other = other if isinstance(other, Value) else Value(other)
        return Value(self.data + other.data, (self, other), (..., 1.0))

    def __mul__(self, other):  # 2. how much does a * b grow when a grows by 1?
        other = other if isinstance(other, Value) else Value(other)
        return Value(self.data * other.data, (self, other), (..., self.data))

    def relu(self):  # 3. relu(a) is a if a is positive, else 0
        return Value(max(self.data, 0.0), (self,), (...,))

    def __pow__(self, n):  # 4. n is a plain number
        return Value(self.data**n, (self,), (...,))

    def tanh(self):
        return Value(math.tanh(self.data), (self,), (1 - math.tanh(self.data) ** 2,))

    def backward(self):
        self.grad = ...  # 5. how much does the result grow when the result grows by 1?
        for value in latest_first(self):
            for parent, slope in zip(value.parents, value.slopes, strict=True):
                parent.grad = ...  # 6. the chain rule: what it has already, and value.grad times the slope

    def zero_grad(self):
        self.grad = 0.0


run_checks(globals())
