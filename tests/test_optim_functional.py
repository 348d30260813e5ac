"""Optimizers as functions of a gradient and a tree: the steps of the optimizers of Tensors."""

import numpy as np

import tinygrad_edu as tg
from tinygrad_edu.optim.functional import adam, sgd

PARAMS = {"w": [np.array([[1.0, -2.0]]), 0.5], "n": 3, "b": (np.array([4.0]),)}


def objective(p, i):
    return np.sum(p["w"][0] ** 2) * (1 + i % 2) + (p["w"][1] - p["b"][0][0]) ** 2


def test_the_module_is_a_name_of_optim():
    assert tg.optim.functional.adam is adam


def test_adam_takes_the_steps_of_the_optimizer():
    seen = []
    found = adam(
        tg.grad(objective),
        PARAMS,
        lambda p, i, g: seen.append((i, p, g)),
        num_iters=20,
        step_size=0.1,
        b1=0.8,
        eps=1e-6,
    )
    x, n, y = (tg.Tensor(a) for a in (PARAMS["w"][0], PARAMS["w"][1], PARAMS["b"][0]))
    optimizer = tg.optim.Adam([x, n, y], lr=0.1, betas=(0.8, 0.999), eps=1e-6)
    for i in range(20):
        optimizer.minimize(objective({"w": [x, n], "b": (y,)}, i))
    np.testing.assert_allclose(found["w"][0], x.data)
    np.testing.assert_allclose(found["w"][1], n.data)
    np.testing.assert_allclose(found["b"][0], y.data)
    assert found["n"] == 3
    assert [i for i, _, _ in seen] == [*range(20)]
    np.testing.assert_array_equal(seen[0][1]["w"][0], PARAMS["w"][0])  # later steps do not write into it
    assert seen[0][2]["n"] is None


def test_sgd_follows_a_mean_of_the_gradients():
    path = []
    found = sgd(lambda x, i: 2 * x, np.array([1.0]), lambda x, i, g: path.append(float(x[0])), num_iters=3, mass=0.5)
    velocity, x = 0.0, 1.0
    for expected in path:
        assert expected == x
        velocity = 0.5 * velocity - 0.5 * 2 * x
        x += 0.1 * velocity
    np.testing.assert_allclose(found, [x])
