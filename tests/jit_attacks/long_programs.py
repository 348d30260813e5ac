"""Programs of many calls."""

import numpy as np

from .harness import X, attack


@attack
def loop_of_2000_operations(J):
    def f(x):
        for i in range(1000):
            x = np.tanh(x) + 0.001
        return x

    f = J(f)
    return [f(X), f(X + 1)]


@attack
def reshapes_in_a_row(J):
    def f(x):
        for _ in range(700):
            x = x.reshape(2, 3).T.reshape(-1)
        return x * 2

    f = J(f)
    return [f(np.arange(6.0)), f(np.arange(6.0) * 2)]


@attack
def factors_1200_times(J):
    """A sum of many scaled sums: each factor is moved by a recursive call of the pass."""

    def f(x):
        total = 0.0
        for i in range(1200):
            total = total + np.sum(np.sin(x + i) * 0.5)
        return total

    f = J(f)
    x = np.ones(16)
    return [f(x), f(x * 2)]


@attack
def deep_recursion(J):
    def deep(x, n):
        return x if n == 0 else deep(x + 1, n - 1)

    f = J(lambda x: deep(x, 400))
    return [f(X), f(X + 1)]
