"""Functions that may tell a recording value from an array: their first call is compared, too, and changes nothing."""

from collections.abc import Hashable

import numpy as np
import pytest

import tinygrad_edu as tg

K = np.ones(2)
BY_ID = {id(K): 3.0}
TELL = {
    "type": lambda x: x / 255 if type(x) is np.ndarray else x,
    "the name of the type": lambda x: x * len(type(x).__name__),
    "id": lambda x: x * K * BY_ID.get(id(K), 1.0),
    "hasattr": lambda x: x * 2 if hasattr(np.sum(x), "__setitem__") else x,
    "Hashable": lambda x: x * 2 if isinstance(x, Hashable) else x,
}


@pytest.mark.parametrize("tell", TELL.values(), ids=TELL)
@pytest.mark.parametrize("optimize", [True, False])
def test_a_function_that_tells_them_apart_is_refused_at_once_and_has_changed_nothing(tell, optimize):
    w, rng, buffer = tg.Tensor([1.0, 2.0]), np.random.default_rng(0), np.zeros(2)
    opt = tg.optim.Adam([w], lr=0.1)

    @tg.jit(optimize=optimize)
    def step(x, seen):
        buffer[...] += rng.random(2)
        seen.append(x)
        loss = np.sum((w * tell(x)) ** 2)
        opt.minimize(loss)
        return loss

    for _ in range(2):
        seen, state = [], rng.bit_generator.state
        with pytest.raises(tg.JitError, match="isinstance"):
            step(np.array([255.0, 510.0]), seen)
        assert (w.data.tolist(), w.grad, opt.steps, buffer.tolist(), seen) == ([1.0, 2.0], None, 0, [0.0, 0.0], [])
        assert rng.bit_generator.state == state


def test_a_function_that_only_could_runs_as_without_jit():
    found = []
    for jit in (lambda f: f, tg.jit):
        w, rng = tg.Tensor([1.0, 2.0]), np.random.default_rng(0)
        opt = tg.optim.Adam([w], lr=0.1)

        @jit
        def step(x, log, w=w, rng=rng, opt=opt):
            if not isinstance(x, np.ndarray):
                raise TypeError(f"x is a {type(x)}")
            loss = np.sum((w * x + rng.random(2)) ** 2)
            opt.minimize(loss)
            log.append(1)
            return loss

        logs = [[], [], [], []]
        losses = [float(step(np.full(2, i + 1.0), log)) for i, log in enumerate(logs)]
        found.append((losses, logs, w.data.tolist(), w.grad.tolist(), opt.steps, rng.random()))
    assert found[0] == found[1]


def test_a_checkpoint_that_draws_again_is_refused_as_without_jit():
    w, drop = tg.Tensor(1.0), tg.nn.Dropout(0.9, rng=np.random.default_rng(0))
    opt = tg.optim.SGD([w], lr=1.0)
    step = tg.jit(lambda x: opt.minimize(tg.checkpoint(lambda x: drop(x * w))(x).sum()))
    for _ in range(2):
        with pytest.raises(ValueError, match="computed again in the backward pass"):
            step(tg.Tensor(np.ones(10)))
        assert w.data == 1


def test_a_checkpoint_that_draws_again_is_refused_also_if_it_was_recorded_with_zeros():
    rng = np.random.default_rng(0)
    slope = tg.jit(tg.grad(lambda w: np.sum(tg.checkpoint(lambda w: w * rng.random(2))(w))), check=False)
    slope(np.zeros(2))
    with pytest.raises(ValueError, match="computed again in the backward pass"):
        slope(np.ones(2))
