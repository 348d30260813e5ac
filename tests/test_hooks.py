"""Hooks on gradients, `backward(create_graph=True)`, and graphs that grow without end."""

import gc
import warnings

import numpy as np
import pandas as pd
import pytest

import tinygrad_edu as tg
from tinygrad_edu.engine.hooks import hooks


@pytest.mark.parametrize("kind", [tg.Tensor, tg.Value])
def test_a_hook_sees_the_complete_gradient_and_may_replace_it(kind):
    x, seen = kind(3.0), []
    y = x * x
    z = y * 2.0 + y * 3.0
    y.register_hook(seen.append)
    handle = y.register_hook(lambda g: g * 10.0)
    x.register_hook(lambda g: seen.append(float(g)))
    z.backward()
    assert seen == [5.0, 300.0]
    assert (y.grad, x.grad) == (50.0, 300.0)
    handle.remove()
    handle.remove()
    z.backward()
    assert seen == [5.0, 300.0, 5.0, 30.0]  # a leaf's hook sees the gradient of one pass
    assert (y.grad, x.grad) == (5.0, 330.0)


def test_a_pass_with_a_nan_runs_again_and_calls_its_hooks_again():
    x, seen = tg.Tensor([0.0, 1.0]), []
    y = x * 1
    y.register_hook(lambda g: seen.append(g.tolist()))
    np.sum(np.where(y > 0, np.sqrt(y), 0)).backward()
    np.testing.assert_array_equal(seen, [[np.nan, 0.5], [0, 0.5]])
    assert x.grad.tolist() == [0, 0.5]


def test_hooks_run_in_order_and_each_sees_what_the_one_before_it_gave():
    x = tg.Tensor([1.0, 2.0])
    x.register_hook(lambda g: g + 1)
    with x.register_hook(lambda g: 2 * g):
        (x * 3.0).sum().backward()
    np.testing.assert_array_equal(x.grad, [8, 8])
    x.zero_grad()
    (x * 3.0).sum().backward()
    np.testing.assert_array_equal(x.grad, [4, 4])


def test_a_hook_changes_transforms_and_second_order_as_well():
    x = tg.Tensor(2.0)
    x.register_hook(lambda g: g * 3)
    (g,) = tg.gradients(x**3, [x], create_graph=True)
    assert g.data == 36
    assert tg.gradients(g, [x])[0] == 3 * 36
    (x**3).backward()
    assert x.grad == 36


def test_what_a_hook_gives_is_checked():
    x = tg.Tensor([1.0, 2.0], label="x", dtype=np.float32)
    with x.register_hook(lambda g: np.ones(3)), pytest.raises(ValueError, match=r"hook on Tensor 'x' .*\(2,\).*\(3,\)"):
        x.sum().backward()
    assert x.grad is None
    with x.register_hook(lambda g: [5, 6]):
        x.sum().backward()
    assert x.grad.dtype == np.float32
    x.grad *= 2
    np.testing.assert_array_equal(x.grad, [10, 12])
    x.zero_grad()
    with x.register_hook(lambda g: np.multiply(g, 2, out=g)), pytest.raises(ValueError, match="read-only"):
        x.sum().backward()
    with x.register_hook(lambda g: g):
        x.sum().backward()
    x.grad += 1
    with pytest.raises(TypeError, match="register_hook takes a function of the gradient, not int"):
        tg.Tensor(1.0).register_hook(3)
    z = tg.Tensor(1 + 2j)
    for gradient, kept in ((z, 1j), (tg.Tensor([[1.0]]), pd.DataFrame([[5.0]]))):
        with gradient.register_hook(lambda g, kept=kept: kept):
            np.sum(np.real(gradient)).backward()
        np.testing.assert_array_equal(gradient.grad, kept)
    with pytest.raises(ValueError, match="takes no gradient"):
        x.detach().register_hook(print)


def test_hooks_end_with_their_node():
    gc.collect()
    before = len(hooks)
    for _ in range(3):
        x = tg.Tensor([1.0])
        handle = x.register_hook(print)
    del x
    gc.collect()
    assert len(hooks) == before
    handle.remove()
    y = tg.Tensor([1.0])
    y.register_hook(lambda g: None).remove()
    assert len(hooks) == before


def test_a_recorded_function_calls_a_hook_that_was_registered_later():
    x = tg.Tensor([1.0, 2.0], label="x")

    @tg.jit
    def step():
        (x * x).sum().backward()

    for _ in range(3):
        x.zero_grad()
        step()
    with x.register_hook(lambda g: 10 * g):
        x.zero_grad()
        step()
        np.testing.assert_array_equal(x.grad, [20, 40])
    x.zero_grad()
    step()
    np.testing.assert_array_equal(x.grad, [2, 4])


def test_retain_grad_does_nothing_for_every_gradient_is_kept():
    x = tg.Tensor([1.0, 2.0])
    y = x * 2.0
    y.retain_grad()
    y.sum().backward()
    np.testing.assert_array_equal(y.grad, [1, 1])
    assert "every node" in tg.Tensor.retain_grad.__doc__


@pytest.mark.parametrize("kind", [tg.Tensor, tg.Value])
def test_backward_can_create_a_graph(kind):
    x = kind(2.0)
    (x**4).backward(create_graph=True)
    for expected in (32.0, 48.0, 48.0):
        g = x.grad
        assert isinstance(g, kind)
        assert g.data == expected
        x.zero_grad()
        g.backward(create_graph=True)


def test_a_gradient_penalty_adds_to_the_gradient_of_the_loss():
    rng = np.random.default_rng(0)
    w, X = tg.Tensor(rng.normal(size=(3, 1))), rng.normal(size=(5, 3))

    def loss():
        return np.mean(np.tanh(X @ w) ** 2)

    loss().backward(create_graph=True)
    (w.grad**2).sum().backward()
    both = w.grad
    assert type(both) is np.ndarray
    value_and_penalty = lambda v: (
        np.mean(np.tanh(X @ v) ** 2) + np.sum(tg.grad(lambda v: np.mean(np.tanh(X @ v) ** 2))(v) ** 2)
    )
    np.testing.assert_allclose(both, tg.grad(value_and_penalty)(w.data), rtol=1e-12)
    tg.optim.SGD([w], lr=0.1).step(accumulated=True)


@pytest.mark.parametrize("kind", [tg.optim.SGD, tg.optim.Adam, tg.optim.RMSprop])
def test_optimizers_and_clipping_take_gradients_that_have_a_graph(kind):
    results = []
    for create_graph in (False, True):
        w = tg.Tensor([1.0, 2.0])
        optimizer = kind([w], lr=0.1)
        np.sum(w**3).backward(create_graph=create_graph)
        tg.optim.clip_grad_norm([w], 1.0)
        tg.optim.clip_grad_value([w], 0.5)
        w.grad = tg.Tensor(w.grad)
        optimizer.step()
        results.append(w.data)
    np.testing.assert_array_equal(*results)


def test_a_gradient_of_a_weighted_pass_depends_on_the_weights():
    x, u = tg.Tensor([1.0, 2.0]), tg.Tensor([3.0, 4.0])
    (x * x).backward(u, create_graph=True)
    np.testing.assert_array_equal(x.grad.data, [6, 16])
    x.grad.sum().backward()
    np.testing.assert_array_equal(u.grad, [2, 4])


@pytest.mark.parametrize("kind", [tg.Tensor, tg.Value])
def test_a_graph_that_grows_with_every_step_is_told(kind):
    def descend(w):
        for _ in range(100):
            ((w - 1.0) ** 2).backward()
            w = w - 0.1 * w.grad
        return w

    with pytest.warns(UserWarning, match=r"graph grew from \d+ to \d+ nodes.*w\.data -= lr \* w\.grad") as caught:
        w = descend(kind(3.0))
    assert len(caught) == 1
    assert caught[0].filename == __file__
    assert abs(w.data - 1) < 1e-6


@pytest.mark.parametrize("kind", [tg.Tensor, tg.Value])
def test_zero_grad_begins_the_count_of_passes_anew(kind):
    w, loss = kind(1.0), 0.0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(70):
            loss = loss + w * w  # one term more in each step, as where more data arrive
            loss.backward()
            loss.backward()
            w.zero_grad()


def test_accumulation_and_graphs_of_one_size_are_quiet():
    x, w = tg.Tensor([1.0, 2.0]), tg.Tensor(3.0)
    trunk = np.sin(x) * w
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for i in range(100):
            (trunk.sum() * (i + 1.0)).backward()
        v = tg.Value(1.0)
        for _ in range(100):
            (v * v).backward()
            v.grad = 0.0
        for _ in range(100):
            ((w - 1.0) ** 2).backward()
            w = tg.Tensor(w.data - 0.1 * w.grad)
