"""The reference: NumPy code with gradients derived by hand and all arrays allocated in advance."""

import numpy as np
from by_hand_images import images
from flattening import flat


class Network:
    """An MLP with relu: forward pass and backward pass, in preallocated arrays."""

    def __init__(self, params, n):
        dtype = params[0].dtype
        self.p, parts = flat(params)
        self.g, grads = flat([np.zeros_like(a) for a in params])
        self.w, self.b, self.dw, self.db = parts[0::2], parts[1::2], grads[0::2], grads[1::2]
        self.h = [np.empty((n, w.shape[1]), dtype) for w in self.w]
        self.d = [np.empty_like(h) for h in self.h]
        self.live = [np.empty(h.shape, bool) for h in self.h]
        self.zeros, self.ones = [np.zeros_like(h) for h in self.h], np.ones(n, dtype)

    def forward(self, x):
        last = len(self.w) - 1
        for i, (w, b, h) in enumerate(zip(self.w, self.b, self.h, strict=True)):
            np.dot(x, w, h)
            np.add(h, b, h)
            if i < last:
                np.maximum(h, self.zeros[i], out=h)
            x = h
        return x

    def backward(self, x):
        """Compute all gradients from the gradient of the output, which is in `d[-1]`."""
        for i in reversed(range(len(self.w))):
            np.dot((self.h[i - 1] if i else x).T, self.d[i], self.dw[i])
            np.dot(self.ones, self.d[i], self.db[i])
            if i:
                np.dot(self.d[i], self.w[i].T, self.d[i - 1])
                np.greater(self.h[i - 1], 0, self.live[i - 1])
                np.multiply(self.d[i - 1], self.live[i - 1], self.d[i - 1])


def moons(w):
    net, n = Network(w.params, len(w.x)), len(w.x)
    d, margin = net.d[-1], np.empty((n, 1))

    def step():
        np.subtract(1, np.multiply(w.y, net.forward(w.x), margin), margin)
        np.multiply(margin > 0, w.y, d)
        np.multiply(d, -1 / n, d)
        loss = np.maximum(margin, 0).sum() / n + w.alpha * np.dot(net.p, net.p)
        net.backward(w.x)
        np.multiply(net.g, w.lr, net.g)
        np.multiply(net.p, 1 - 2 * w.alpha * w.lr, net.p)
        np.subtract(net.p, net.g, net.p)
        return float(loss)

    return step, lambda: net.p


def line(w):
    x, xt, y, n = w.x, w.x.T, w.y.ravel(), len(w.x)
    p, r, ones = np.zeros(4), np.empty(n), np.ones(n)

    def step():
        np.subtract(np.add(np.dot(x, p[:3], r), p[3], r), y, r)
        loss = np.dot(r, r) / n
        p[:3] -= np.dot(xt, r) * (2 * w.lr / n)
        p[3] -= np.dot(ones, r) * (2 * w.lr / n)
        return float(loss)

    return step, lambda: p


def classifier(w):
    n = len(w.batches[0][0])
    net, count = Network(w.params, n), [0]
    m, v, tmp = np.zeros_like(net.p), np.zeros_like(net.p), np.empty_like(net.p)
    (b1, b2), rows, scalar = w.betas, np.arange(n), net.p.dtype.type

    def step():
        x, y = w.batches[count[0] % len(w.batches)]
        count[0] += 1
        z = net.forward(x)
        np.subtract(z, z.max(1, keepdims=True), z)
        own = z[rows, y]
        np.exp(z, z)
        total = z.sum(1, keepdims=True)
        loss = (np.log(total).sum() - own.sum()) / n
        np.divide(z, total * scalar(n), net.d[-1])
        net.d[-1][rows, y] -= scalar(1 / n)
        net.backward(x)
        scale = ((1 - b2) / (1 - b2 ** count[0])) ** 0.5
        np.multiply(m, scalar(b1), m)
        np.add(m, net.g, m)
        np.multiply(v, scalar(b2), v)
        np.add(v, np.multiply(net.g, net.g, tmp), v)
        np.add(np.sqrt(v, tmp), scalar(w.eps / scale), tmp)
        np.divide(m, tmp, tmp)
        np.multiply(tmp, scalar(w.lr * (1 - b1) / (1 - b1 ** count[0]) / scale), tmp)
        np.subtract(net.p, tmp, net.p)
        return float(loss)

    return step, lambda: net.p


def curve(w):
    x = w.x
    a, b, c, d, g = (np.empty_like(x) for _ in range(5))

    def step():
        np.tanh(x, a)
        np.exp(np.negative(np.multiply(x, x, b), b), b)
        np.multiply(a, b, c)
        np.sin(x, d)
        np.add(np.multiply(np.cos(x, g), x, g), d, g)
        value = c.sum() + np.dot(d, x)
        np.subtract(1, np.multiply(a, a, a), a)
        np.add(g, np.multiply(a, b, a), g)
        np.multiply(np.multiply(c, x, c), 2, c)
        np.subtract(g, c, g)
        return float(value)

    return step, lambda: g


def hessian(w):
    x, n = w.x, len(w.x)
    h = np.zeros((n, n))
    diagonal, above, below = h.ravel()[:: n + 1], h.ravel()[1 :: n + 1], h.ravel()[n :: n + 1]

    def step():
        above[:] = below[:] = -400 * x[:-1]
        diagonal[:-1] = 1200 * x[:-1] ** 2 - 400 * x[1:] + 2
        diagonal[-1] = 0
        diagonal[1:] += 200
        return h

    return step, lambda: h


TASKS = {
    "moons": moons, "line": line, "digits": classifier, "wide": classifier, "images": images, "curve": curve,
    "hessian": hessian,
}  # fmt: skip
