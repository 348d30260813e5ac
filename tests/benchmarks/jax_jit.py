"""JAX: the whole step in one jit, which reuses (donates) the memory of the old state."""

import functools

import jax

jax.config.update("jax_enable_x64", True)  # must run before jax.numpy makes its first array

import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402


def mlp(params, x):
    for i in range(0, len(params) - 2, 2):
        x = jax.nn.relu(x @ params[i] + params[i + 1])
    return x @ params[-2] + params[-1]


def training(w, loss, start, update, batches):
    @functools.partial(jax.jit, donate_argnums=0)
    def replace(state, x, y):
        value, grads = jax.value_and_grad(loss)(state[0], x, y)
        return update(state, grads), value

    state, count = [start], [0]
    batches = [(jnp.array(x), jnp.array(y)) for x, y in batches]

    def step():
        state[0], value = replace(state[0], *batches[count[0] % len(batches)])
        count[0] += 1
        return float(value)

    return step, lambda: np.concatenate([np.asarray(p).ravel() for p in state[0][0]])


def sgd(w):
    return lambda state, grads: ([p - w.lr * g for p, g in zip(state[0], grads, strict=True)],)


def moons(w):
    def loss(params, x, y):
        return jax.nn.relu(1 - y * mlp(params, x)).mean() + w.alpha * sum((p * p).sum() for p in params)

    return training(w, loss, ([jnp.array(p) for p in w.params],), sgd(w), [(w.x, w.y)])


def line(w):
    loss = lambda params, x, y: ((mlp(params, x) - y) ** 2).mean()
    return training(w, loss, ([jnp.array(p) for p in w.params],), sgd(w), [(w.x, w.y)])


def classifier(w):
    b1, b2 = w.betas

    def loss(params, x, y):
        return -jnp.take_along_axis(jax.nn.log_softmax(mlp(params, x)), y[:, None], axis=1).mean()

    def adam(state, grads):
        params, ms, vs, t = state
        t += 1
        ms = [b1 * m + (1 - b1) * g for m, g in zip(ms, grads, strict=True)]
        vs = [b2 * v + (1 - b2) * g * g for v, g in zip(vs, grads, strict=True)]
        moved = [
            p - w.lr * (m / (1 - b1**t)) / (jnp.sqrt(v / (1 - b2**t)) + w.eps)
            for p, m, v in zip(params, ms, vs, strict=True)
        ]
        return moved, ms, vs, t

    zeros = lambda: [jnp.zeros_like(p) for p in w.params]
    start = [jnp.array(p) for p in w.params], zeros(), zeros(), jnp.float32(0)
    return training(w, loss, start, adam, w.batches)


def images(w):
    def loss(params, x, y):
        for weight, bias in zip(params[0:-2:2], params[1:-2:2], strict=True):
            x = jax.nn.relu(jax.lax.conv(x, weight, (1, 1), "SAME") + bias[:, None, None])
            n, c, height, width = x.shape
            x = x.reshape(n, c, height // 2, 2, width // 2, 2).max((3, 5))
        z = x.reshape(len(x), -1) @ params[-2].T + params[-1]
        return -jnp.take_along_axis(jax.nn.log_softmax(z), y[:, None], axis=1).mean()

    def momentum(state, grads):
        velocity = [w.momentum * v + g for v, g in zip(state[1], grads, strict=True)]
        return [p - w.lr * v for p, v in zip(state[0], velocity, strict=True)], velocity

    start = [jnp.array(p) for p in w.params], [jnp.zeros_like(p) for p in w.params]
    return training(w, loss, start, momentum, w.batches)


def function(f, x):
    f, x, last = jax.jit(f), jnp.array(x), []

    def step():
        last[:] = [jax.block_until_ready(f(x))]

    return step, lambda: last[0]


def curve(w):
    step, last = function(jax.value_and_grad(lambda x: (jnp.tanh(x) * jnp.exp(-x * x) + jnp.sin(x) * x).sum()), w.x)
    return step, lambda: last()[1]


def hessian(w):
    return function(jax.hessian(lambda x: (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()), w.x)


TASKS = {
    "moons": moons, "line": line, "digits": classifier, "wide": classifier, "images": images, "curve": curve,
    "hessian": hessian,
}  # fmt: skip
