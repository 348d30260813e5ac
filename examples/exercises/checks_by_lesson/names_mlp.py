"""Checks of ../names_mlp.py."""

import numpy as np
from checks import check, explore

import tinygrad_edu as tg

rng = np.random.default_rng(0)
letters, g = np.array([0, 2, 2, 1]), rng.normal(size=(4, 3))
embedding, w, b, x = rng.normal(size=(3, 3)), rng.normal(size=(3, 3)), rng.normal(size=3), rng.normal(size=(4, 3))


def autodiff(f, x):
    return tg.grad(lambda x: np.sum(g * f(x)))(x)


y = np.tanh(x)
inner, twice = (1 - y**2, "The chain rule: multiply by g."), (g * (1 - np.tanh(y) ** 2), "y is tanh(x) already.")
check("1. tanh", lambda: by_tanh(g, y), autodiff(np.tanh, x), inner, twice)
crossed = ((x.T @ g).T, "This is transposed: a row of w belongs to a column of x.")
check("2. weight", lambda: by_weight(g, x), autodiff(lambda w: x @ w, w), crossed)
mean = (g.mean(axis=0), "Contributions add up: the sum, not the mean.")
columns = (g.sum(axis=1), "There is a bias for each column: add the rows, axis=0.")
check(
    "3. bias", lambda: by_bias(g), autodiff(lambda b: x @ w + b, b), mean, columns, (g, "Add the rows: b is one row.")
)
direct = (g, "Two paths: through x itself, and through the mean. The second path is missing.")
plus = (g + g.mean(axis=0), "The mean is subtracted: a minus.")
whole = (g - g.sum(axis=0), "Each row is only a fourth of the mean.")
check("4. centered", lambda: by_centered(g), autodiff(lambda x: x - x.mean(axis=0), x), direct, plus, whole)
lost = np.array([g[0], g[3], g[2]])
last = (lost, "The letter 2 occurs twice, and its first contribution is lost: add, do not overwrite.")
check("5. embedding", lambda: by_embedding(g, letters), autodiff(lambda e: e[letters], embedding), last)
explore("Write the gradient of x * s, where s (3,) is used in every row. Then that of BatchNorm. See the lesson.")
