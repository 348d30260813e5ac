"""Exercise of the lesson scalar_backprop.py: write your own Value.

    python examples/exercises/scalar_backprop.py

Fill each blank (...) and run the file again. In the end your Value passes this library's own tests of Value.
"""

import math

from arithmetic import Arithmetic, latest_first
from checks import check, explore, passes


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

    def backward(self):  # 5. the chain rule: the gradient of a value times its slope goes to the parent
        self.grad = 1.0
        for value in latest_first(self):
            for parent, slope in zip(value.parents, value.slopes, strict=True):
                parent.grad = ...

    def zero_grad(self):
        self.grad = 0.0


def gradients(f, *numbers):
    """Return the slope of f by each number."""
    values = [Value(number) for number in numbers]
    f(*values).backward()
    return [value.grad for value in values]


twice = "b is used twice. Both paths count: add to parent.grad, do not overwrite it."
check("1. slopes of a + b", lambda: (Value(2) + Value(3)).slopes, (1, 1), ((2, 1), "The slope of a + b by a is not a."))
check("2. slopes of a * b", lambda: (Value(2) * Value(3)).slopes, (3, 2), ((2, 2), "By a, a * b grows as fast as b."))
check("3. slope of relu at 2", lambda: Value(2).relu().slopes, (1,), ((2,), "This is relu itself, not its slope."))
check("3. slope of relu at -2", lambda: Value(-2).relu().slopes, (0,), ((1,), "Left of 0 relu is flat."))
check("4. slope of a ** 3 at 2", lambda: (Value(2) ** 3).slopes, (12,), ((8,), "This is a ** 3."), ((4,), "Times 3."))
check("5. one path", lambda: gradients(lambda a, b: a * b * 2, 3, 4), [8, 6], ([4, 3], "Multiply by value.grad."))
check("5. two paths", lambda: gradients(lambda a, b: a * b + b, 3, 4), [4, 4], ([4, 3], twice), ([4, 1], twice))
micrograd, neuron = "test_the_expression_of_micrograds_readme", "test_a_neuron_learns_by_the_lectures_loop"
for test in (micrograd, neuron, "test_gradients_add_up_until_zero_grad"):
    check(f"6. {test} of this library", lambda: passes("test_value.py", test, Value=Value), True)
explore("Give your Value exp() and log(). How can you check their slopes without a formula? See the lesson.")
