"""The reference for the conv net: matrix products with the windows of images, in arrays allocated in advance.

Images lie in memory as (channels, height, width, n), so that rows are long however small an image is.
"""

import numpy as np
from flattening import flat

CORNERS = [(..., slice(i, None, 2), slice(j, None, 2), slice(None)) for i in (0, 1) for j in (0, 1)]


class Stage:
    """Convolution 3 x 3 with padding 1, relu, and the largest of each 2 x 2: (c, side, side, n) to half the side."""

    def __init__(self, w, b, dw, db, side, n):
        out, c = w.shape[:2]
        self.w, self.b, self.dw, self.db = w.reshape(out, -1), b.reshape(-1, 1), dw.reshape(out, -1), db
        self.padded = np.zeros((c, side + 2, side + 2, n), w.dtype)
        self.shifts = [(slice(None), slice(i, i + side), slice(j, j + side)) for i in range(3) for j in range(3)]
        self.columns = np.empty((c, 9, side, side, n), w.dtype)
        self.y, self.dy = (np.empty((out, side, side, n), w.dtype) for _ in range(2))
        self.p = np.empty((out, side // 2, side // 2, n), w.dtype)
        self.live, self.chosen = (np.empty(self.p.shape, bool) for _ in range(2))
        self.dcolumns, self.dx = np.empty_like(self.columns), np.empty_like(self.padded)
        self.rows, self.ones = len(self.w[0]), np.ones(side * side * n, w.dtype)
        self.zeros = np.zeros_like(self.y)

    def forward(self, x):
        self.padded[:, 1:-1, 1:-1] = x
        for k, shift in enumerate(self.shifts):
            self.columns[:, k] = self.padded[shift]
        y = self.y.reshape(len(self.w), -1)
        np.dot(self.w, self.columns.reshape(self.rows, -1), y)
        np.add(y, self.b, y)
        np.maximum(self.y, self.zeros, out=self.y)
        first, *others = [self.y[corner] for corner in CORNERS]
        np.maximum(first, others[0], out=self.p)
        for other in others[1:]:
            np.maximum(self.p, other, out=self.p)
        return self.p

    def backward(self, dp, inputs):
        """Compute gradients from that of the pooled images; return the gradient of the images if `inputs`.

        The first of equal elements gets it. `live` are the windows with an element above 0 whose place is to come.
        """
        np.greater(self.p, 0, self.live)
        for corner in CORNERS:
            np.equal(self.y[corner], self.p, self.chosen)
            np.logical_and(self.chosen, self.live, self.chosen)
            np.logical_xor(self.live, self.chosen, self.live)
            np.multiply(dp, self.chosen, self.dy[corner])
        dy = self.dy.reshape(len(self.w), -1)
        np.dot(dy, self.columns.reshape(self.rows, -1).T, self.dw)
        np.dot(dy, self.ones, self.db)
        if inputs:
            np.dot(self.w.T, dy, self.dcolumns.reshape(self.rows, -1))
            self.dx.fill(0)
            for k, shift in enumerate(self.shifts):
                self.dx[shift] += self.dcolumns[:, k]
        return self.dx[:, 1:-1, 1:-1]


def images(w):
    n, scalar = len(w.batches[0][0]), w.params[0].dtype.type
    p, parts = flat(w.params)
    g, grads = flat([np.zeros_like(a) for a in w.params])
    velocity, tmp, rows, count = np.zeros_like(p), np.empty_like(p), np.arange(n), [0]
    stages, side = [], 8
    for i in range(0, len(parts) - 2, 2):
        stages.append(Stage(*parts[i : i + 2], *grads[i : i + 2], side, n))
        side //= 2
    weight, bias, dweight, dbias = *parts[-2:], *grads[-2:]
    ones = np.ones(n, p.dtype)

    def step():
        x, y = w.batches[count[0] % len(w.batches)]
        count[0] += 1
        x = x.transpose(1, 2, 3, 0)
        for stage in stages:
            x = stage.forward(x)
        x = x.reshape(-1, n)
        z = x.T @ weight.T + bias
        z -= z.max(1, keepdims=True)
        own = z[rows, y]
        np.exp(z, z)
        total = z.sum(1, keepdims=True)
        loss = (np.log(total).sum() - own.sum()) / n
        np.divide(z, total * scalar(n), z)
        z[rows, y] -= scalar(1 / n)
        np.dot(z.T, x.T, dweight)
        np.dot(ones, z, dbias)
        dx = (weight.T @ z.T).reshape(stages[-1].p.shape)
        for i, stage in reversed(list(enumerate(stages))):
            dx = stage.backward(dx, i > 0)
        np.multiply(velocity, scalar(w.momentum), velocity)
        np.add(velocity, g, velocity)
        np.subtract(p, np.multiply(velocity, scalar(w.lr), tmp), p)
        return float(loss)

    return step, lambda: p
