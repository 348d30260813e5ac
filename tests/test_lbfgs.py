"""L-BFGS: PyTorch's steps, its state, and errors."""

import json
from pathlib import Path

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import Tensor, optim

EXPECTED = json.loads((Path(__file__).parent / "expected" / "optim.json").read_text("utf-8"))[
    "lbfgs"
]  # made by optim.py


def rosenbrock(x):
    return np.sum((1 - x[:-1]) ** 2 + 100 * (x[1:] - x[:-1] ** 2) ** 2)


def valley(**settings):
    x = Tensor(np.linspace(-1.5, 1.5, 4))
    optimizer = optim.LBFGS([x], **settings)
    return x, optimizer, closure_of(optimizer, lambda: rosenbrock(x))


def closure_of(optimizer, objective):
    def closure():
        optimizer.zero_grad()
        loss = objective()
        loss.backward()
        return loss

    return closure


@pytest.mark.parametrize(("settings", "expected", "counts"), EXPECTED)
def test_ten_steps_equal_pytorch(settings, expected, counts):
    x, optimizer, closure = valley(**settings)
    found = []
    for _ in range(10):
        loss = optimizer.step(closure)
        found.append([*x.data, float(loss)])
    np.testing.assert_allclose(found, expected, rtol=1e-7, atol=1e-8)
    assert [optimizer.iterations, optimizer.evaluations] == counts
    assert optimizer.steps == 10


@pytest.mark.parametrize("settings", [settings for settings, _, _ in EXPECTED])
@pytest.mark.parametrize("done", [0, 1, 3])
def test_loaded_state_resumes_bit_for_bit(settings, done, tmp_path):
    (x, straight, closure), (y, resumed, other) = valley(**settings), valley(**settings)
    for _ in range(done):
        straight.step(closure)
    straight.lr = 0.7
    tg.save(straight.state_dict(), tmp_path / "lbfgs.npz")
    resumed.load_state_dict(tg.load(tmp_path / "lbfgs.npz"))
    y.data[...] = x.data
    for _ in range(3):
        straight.step(closure)
        resumed.step(other)
    assert y.data.tobytes() == x.data.tobytes()
    assert (resumed.steps, resumed.iterations, resumed.lr) == (straight.steps, straight.iterations, 0.7)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_a_model_of_several_parameters_finds_least_squares(dtype):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(40, 3)).astype(dtype), rng.normal(size=(40, 1)).astype(dtype)
    model = tg.nn.Linear(3, 1, rng=0).astype(dtype)
    unused = Tensor([1.0], dtype=dtype)
    optimizer = optim.LBFGS([*model.parameters(), unused], line_search_fn="strong_wolfe")
    for _ in range(5):
        optimizer.step(closure_of(optimizer, lambda: tg.mse_loss(model(x), y)))
    best = np.linalg.lstsq(np.column_stack([x, np.ones(40)]).astype(float), y.astype(float), rcond=None)[0]
    tolerance = {np.float16: 0.02, np.float32: 1e-3, np.float64: 1e-6}[dtype]
    np.testing.assert_allclose(np.append(model.weight.data, model.bias.data), best.ravel(), atol=tolerance)
    assert model.weight.data.dtype == dtype
    assert unused.data == 1


def test_a_closure_that_fails_leaves_everything_as_it_was():
    x, optimizer, closure = valley(line_search_fn="strong_wolfe", max_iter=3)
    optimizer.step(closure)
    before, state, calls = x.data.copy(), optimizer.state_dict(), []

    def failing():
        calls.append(0)
        if len(calls) > 2:
            raise RuntimeError("no data")
        return closure()

    with pytest.raises(RuntimeError, match="no data"):
        optimizer.step(failing)
    np.testing.assert_array_equal(x.data, before)
    after = optimizer.state_dict()
    assert all(np.array_equal(after[name], value) for name, value in state.items())


def test_at_the_bottom_nothing_moves():
    x = Tensor(np.ones(3))
    optimizer = optim.LBFGS([x])
    optimizer.step(closure_of(optimizer, lambda: rosenbrock(x)))
    assert (x.data.tolist(), optimizer.evaluations, optimizer.iterations) == ([1, 1, 1], 1, 0)


def test_schedules_go_with_it():
    _, optimizer, closure = valley()
    schedule = optim.lr_scheduler.ExponentialLR(optimizer, 0.5)
    optimizer.step(closure)
    schedule.step()
    assert optimizer.lr == 0.5


def test_jit_refuses_the_step_and_records_a_closure_without_the_optimizer():
    _, optimizer, closure = valley(line_search_fn="strong_wolfe")
    with pytest.raises(tg.JitError):
        tg.jit(lambda: optimizer.step(closure))()

    def trained(compiled):
        x, optimizer, _ = valley(line_search_fn="strong_wolfe")

        def closure():
            x.zero_grad()
            loss = rosenbrock(x)
            loss.backward()
            return loss

        closure = compiled(closure)
        for _ in range(3):
            optimizer.step(closure)
        return x.data

    np.testing.assert_allclose(trained(tg.jit), trained(lambda closure: closure), rtol=1e-6)


def test_mistakes_are_named():
    x, optimizer, closure = valley()
    for use, error, text in [
        (lambda: optimizer.step(), TypeError, "takes a closure"),
        (
            lambda: optimizer.step(lambda: closure() and None),
            TypeError,
            "the closure returned None; it returns the loss",
        ),
        (lambda: optimizer.step(lambda: 1.0), ValueError, "no gradient"),
        (lambda: optimizer.minimize(rosenbrock(x)), TypeError, r"call step\(closure\)"),
        (lambda: optimizer.add_param_group({"params": []}), ValueError, "one group"),
        (
            lambda: optim.LBFGS([{"params": [x]}, {"params": [Tensor(1.0)]}]),
            ValueError,
            "one group of parameters, not 2",
        ),
        (lambda: optim.LBFGS([x], line_search_fn="wolfe"), ValueError, "'wolfe'"),
        (lambda: optim.LBFGS([x], max_iter=0), ValueError, "max_iter is a whole number of iterations"),
        (lambda: optimizer.load_state_dict({"lr": [1.0]}), ValueError, "missing 'changes'"),
    ]:
        x.grad = None
        with pytest.raises(error, match=text):
            use()


@pytest.mark.parametrize("kind", [optim.SGD, optim.Adam])
def test_other_optimizers_take_a_closure_too_and_return_its_loss(kind):
    x, y = Tensor([3.0]), Tensor([3.0])
    first, second = kind([x], lr=0.1), kind([y], lr=0.1)
    for _ in range(3):
        loss = first.step(closure_of(first, lambda: (x * x).sum()))
        second.minimize((y * y).sum())
        assert float(loss) > float((x * x).sum())
    assert x.data.tolist() == y.data.tolist()


def test_what_is_no_closure_is_named():
    with pytest.raises(TypeError, match=r"SGD\.step takes a closure, a function .*, not float"):
        optim.SGD([Tensor([1.0])], lr=0.1).step(Tensor([1.0]).sum().item())


def test_a_state_with_a_rate_that_makes_no_sense_changes_nothing():
    _, optimizer, closure = valley()
    state = optimizer.state_dict()
    optimizer.step(closure)
    after = repr(optimizer.state_dict())
    with pytest.raises(ValueError, match="lr must be a finite number"):
        optimizer.load_state_dict(state | {"lr": [np.nan]})
    assert repr(optimizer.state_dict()) == after


def test_the_line_search_steps_back_from_an_infinite_loss():
    def closure():
        x.grad = 2 * x.data
        return float(x.data.item() ** 2) if abs(x.data.item()) < 2 else np.inf

    x = Tensor([1.9])
    optim.LBFGS([x], lr=10, line_search_fn="strong_wolfe").step(closure)
    assert abs(x.data.item()) < 1e-6


def test_read_only_parameters_are_named_before_the_loss_is_computed():
    x, optimizer, closure = valley()
    x.data.flags.writeable = False
    with pytest.raises(ValueError, match=r"data of a parameter of shape .* are read-only; write p.data"):
        optimizer.step(closure)
    assert optimizer.evaluations == 0
