"""Checks of ../names_transformer.py."""

import numpy as np
from checks import check, explore

import tinygrad_edu as tg

q, k, v = np.random.default_rng(0).normal(size=(3, 4, 3))


x = np.array([[1.0, 2.0, 3.0], [1.0, 1.0, 1.0], [0.0, 5.0, 5.0]])
e, root = np.exp(x), np.sqrt(3)
check(
    "1. scores",
    lambda: scores(q, k),
    q @ k.T / root,
    (q @ k.T, "Divide by the root of 3, or large scores make softmax too sure."),
    (q @ k.T / 3, "Divide by the root of 3, not by 3."),
    (k @ q.T / root, "This is transposed: rows are for queries, columns for keys."),
)
check(
    "2. softmax", lambda: softmax(x), e / e.sum(axis=1)[:, None],
    (e / e.sum(), "Each row has a sum of its own: axis=1."),
    (e / e.sum(axis=1), "Each number is divided by the sum of another row: use keepdims=True."),
    (e / e.sum(axis=0), "These are sums of columns: axis=1 gives those of rows."),
)  # fmt: skip
seen = np.where(np.tri(4, dtype=bool), 1.0, -np.inf)
check(
    "3. later places are hidden", lambda: hide_later(np.ones((4, 4))), seen,
    (seen.T, "This hides earlier places: the column is the place that is seen."),
    (np.where(np.eye(4), -np.inf, seen), "A place may see itself: hide only larger columns."),
)  # fmt: skip
check(
    "4. attention", lambda: attention(q, k, v), tg.scaled_dot_product_attention(q, k, v, causal=True),
    (tg.softmax(np.where(np.tri(4), q @ k.T / root, -np.inf), axis=1).T @ v, "The weights are transposed."),
    (tg.scaled_dot_product_attention(q, k, k, causal=True), "Take the mean of the values, not of the keys."),
)  # fmt: skip
check("4. the first place sees itself alone", lambda: attention(q, k, v)[0], v[0])
explore("Change v of the last place. Which results change? Then take two heads: each works on a part of the columns.")
