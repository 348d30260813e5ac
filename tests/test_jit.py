"""jit: what a replay changes and gives, what is recorded anew, what is refused."""

import threading
import tracemalloc

import numpy as np
import pytest
from checks import message

import tinygrad_edu as tg
from tinygrad_edu.jit import JitError
from tinygrad_edu.jit.passes import NAMES

X = np.random.default_rng(0).uniform(-1, 1, (20, 3))
T = np.sin(X[:, :1]) - X[:, 1:2]


def training(optimizer, jit=None, seed=0, dtype=None):
    """A model, its optimizer, and a step that trains it."""
    model = tg.nn.MLP([3, 8, 4, 1], activation="tanh", rng=seed)
    opt = optimizer(model.parameters())

    def step(x, t):
        loss = tg.mse_loss(model(x), t)
        opt.minimize(loss)
        return loss

    return model, opt, step if jit is None else tg.jit(step, optimize=jit)


OPTIMIZERS = [
    lambda ps: tg.optim.SGD(ps, lr=0.1),
    lambda ps: tg.optim.SGD(ps, lr=0.05, momentum=0.9, nesterov=True, weight_decay=1e-3),
    lambda ps: tg.optim.Adam(ps, lr=0.01, weight_decay=1e-3),
]


@pytest.mark.parametrize("optimize", [True, False, *[(name,) for name in NAMES], ("memory", "flat"), ("memory", "blocks")])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_200_steps_end_where_the_eager_ones_end(optimizer, optimize):
    model, opt, step = training(optimizer)
    other, other_opt, jitted = training(optimizer, optimize)
    for i in range(200):
        x, t = (X, T) if i % 3 else (X[:13] * 0.5, T[:13])
        assert float(jitted(x, t)) == pytest.approx(float(step(x, t)), rel=1e-11)
    assert jitted.cache_info().misses <= 3
    assert opt.steps == other_opt.steps == 200
    for p, q in zip(model.parameters(), other.parameters(), strict=True):
        np.testing.assert_allclose(q.data, p.data, rtol=1e-11)
        np.testing.assert_allclose(q.grad, p.grad, rtol=1e-9, atol=1e-12)
    for name, arrays in opt.state.items():
        for a, b in zip(arrays, other_opt.state[name], strict=True):
            np.testing.assert_allclose(b, a, rtol=1e-9, atol=1e-14)
