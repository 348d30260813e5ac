"""Checks of ../digits.py."""

import numpy as np
from checks import check, explore

import tinygrad_edu as tg

logits = np.array([[2.0, 0.0, 1.0], [0.0, 1.0, 3.0], [1.0, 0.2, 2.5], [0.5, 1.5, 1.0]])
y = np.array([0, 1, 2, 1])
e, p = np.exp(logits), tg.softmax(logits)
whole = (e / e.sum(), "Each row has a sum of its own: axis=1, keepdims=True.")
check("1. probabilities", lambda: softmax(logits), p, whole, (e / e.sum(axis=0), "These are sums of columns: axis=1."))
loss = tg.cross_entropy(logits, y)
minus = (-loss, "The minus is missing: a surprise is positive.")
total, every = (4 * loss, "This is the sum: take the mean."), (-np.log(p).mean(), "Take the true class alone.")
raw = (-p[np.arange(4), y].mean(), "Take the logarithm.")
check("2. the loss, equal to tg.cross_entropy", lambda: cross_entropy(p, y), loss, minus, total, every, raw)
slopes = tg.grad(lambda logits: tg.cross_entropy(logits, y))(logits)
uphill = (-slopes, "The sign: the loss falls when the logit of the true class rises.")
many = (4 * slopes, "The loss is a mean: divide by the number of rows.")
check("3. its gradient, equal to autodiff", lambda: gradient(p, y), slopes, uphill, many)
columns = ([0, 3, 1], "This is the largest of each column. Take that of each row: axis=1.")
highest = ([2, 3, 2.5, 1.5], "These are the largest logits. Return their places: argmax, not max.")
check("4. the predicted classes", lambda: predicted(logits), [0, 2, 2, 1], columns, highest)
table = np.array([[8.0, 2.0], [1.0, 9.0]])
count, share = (17, "This is the number. Divide it by that of all."), (0.15, "This is the share of mistakes.")
check("5. the accuracy", lambda: accuracy(table), 0.85, count, share)
explore("Which two digits are most alike? Find the largest number outside the diagonal of the lesson's table.")
