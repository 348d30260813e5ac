"""Augmented assignment: within no_grad it writes into a leaf, as PyTorch does; it never trains nothing in silence."""

import operator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_edu as tg

IN_PLACE = {
    "+=": (operator.iadd, operator.add), "-=": (operator.isub, operator.sub), "*=": (operator.imul, operator.mul),
    "/=": (operator.itruediv, operator.truediv), "**=": (operator.ipow, operator.pow),
    "//=": (operator.ifloordiv, operator.floordiv), "%=": (operator.imod, operator.mod),
}  # fmt: skip
SHAPES = st.sampled_from([((), ()), ((3,), ()), ((3,), (3,)), ((2, 3), (3,)), ((2, 3), (2, 1)), ((2, 3), (2, 3))])
DTYPES = st.sampled_from([np.float16, np.float32, np.float64])


def operands(shape, dtype, kind, seed):
    rng = np.random.default_rng(seed)
    b = np.asarray(rng.uniform(0.5, 2, shape), dtype)
    constant = tg.Tensor(b, requires_grad=False)
    return {"array": b, "tensor": constant, "parameter": tg.Tensor(b), "list": b.tolist(), "integer": 2}[kind]


@pytest.mark.parametrize("name", IN_PLACE)
@given(SHAPES, DTYPES, DTYPES, st.sampled_from(["array", "tensor", "parameter", "list", "integer"]), st.booleans())
def test_within_no_grad_a_leaf_is_written_into(name, shapes, dtype, other, kind, takes_gradients):
    op, plain = IN_PLACE[name]
    p = tg.Tensor(np.random.default_rng(0).uniform(1, 2, shapes[0]), dtype=dtype, requires_grad=takes_gradients)
    model, before, array, b = [p], p.data.copy(), p.data, operands(shapes[1], other, kind, 1)
    with tg.no_grad():
        for q in model:
            expected = plain(before, b.data if isinstance(b, tg.Tensor) else b).astype(dtype)
            q = op(q, b)
            assert q is p
    assert p.data is array
    assert (p.dtype, p.shape) == (dtype, shapes[0])
    np.testing.assert_allclose(p.data, expected, rtol=1e-2 if np.float16 in (dtype, other) else 1e-6)
    assert p.requires_grad is takes_gradients
    assert p.fun is None


def test_the_loop_of_pytorchs_tutorial_trains():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(50, 3))
    y = X @ [[1.0], [-2.0], [0.5]] + 0.3
    model = tg.nn.Linear(3, 1, rng=0)
    for _ in range(200):
        tg.mse_loss(model(X), y).backward()
        with tg.no_grad():
            for p in model.parameters():
                p -= 0.1 * p.grad
            model.bias += 0.0
        for p in model.parameters():
            p.zero_grad()
    np.testing.assert_allclose(model.weight.data, [[1.0, -2.0, 0.5]], atol=1e-6)
    np.testing.assert_allclose(model.bias.data, [0.3], atol=1e-6)


def test_a_matrix_product_writes_as_well():
    w, r = tg.Tensor(np.arange(4.0).reshape(2, 2)), np.array([[0.0, 1.0], [1.0, 0.0]])
    with tg.no_grad():
        v = w
        v @= r
    assert v is w
    np.testing.assert_array_equal(w.data, [[1, 0], [3, 2]])


@pytest.mark.parametrize("name", [*IN_PLACE, "@="])
def test_outside_no_grad_a_leaf_that_takes_gradients_raises(name):
    op = IN_PLACE.get(name, (operator.imatmul,))[0]
    p = tg.Tensor(np.eye(2), label="p")
    for b in (np.eye(2), tg.Tensor(np.eye(2))):
        with pytest.raises(ValueError, match=r"^Tensor 'p' .*= \.\.\.: this leaf takes gradients.*no_grad\(\)"):
            op(p, b)
    np.testing.assert_array_equal(p.data, np.eye(2))


def test_results_constants_and_variables_of_transforms_rebind():
    x = tg.Tensor([1.0, 2.0])
    total = tg.Tensor(0.0, requires_grad=False)
    start = total
    for _ in range(2):
        total += (x * x).sum()
        total /= 2.0
    total.backward()
    assert start.data == 0
    np.testing.assert_array_equal(x.grad, [1.5, 3])

    def euler(y):
        for _ in range(3):
            y += 0.1 * y
            y *= 1.0
        return y

    np.testing.assert_allclose(tg.grad(euler)(2.0), 1.1**3)
    np.testing.assert_allclose(tg.hessian(lambda y: euler(y) ** 2)(2.0), 2 * 1.1**6)


def test_a_shape_or_dtype_that_does_not_fit_raises_and_changes_nothing():
    p = tg.Tensor([1.0, 2.0], label="p")
    with tg.no_grad():
        with pytest.raises(ValueError, match=r"np.add\(p of shape \(2,\), array of shape \(3, 2\)\)"):
            p += np.ones((3, 2))
        with pytest.raises(TypeError, match="complex"):
            p += 1j
        with pytest.raises(TypeError, match="unsupported operand"):
            p += "a"
    np.testing.assert_array_equal(p.data, [1, 2])


def test_a_value_within_no_grad_is_written_into_and_a_sum_of_values_rebinds():
    v, w = tg.Value(3.0), tg.Value(2.0)
    total = tg.Value(0.0)
    for _ in range(2):
        total += v * w
        total *= 1.0
    total.backward()
    assert (v.grad, w.grad) == (4.0, 6.0)
    with tg.no_grad():
        for p in (v, w):
            p -= 0.5 * p.grad
            p **= 2
    assert (v.data, w.data) == (1.0, 1.0)
    assert type(v.data) is float
    with pytest.raises(ValueError, match="this leaf takes gradients"):
        v -= 0.5 * v.grad


def test_elements_of_a_leaf_are_written_within_no_grad():
    w = tg.Tensor(np.arange(4.0), label="w")
    with tg.no_grad():
        w[0] = 5.0
        w[1:3] -= 1
        w[[3]] = tg.Tensor([7.0])
    np.testing.assert_array_equal(w.data, [5, 0, 1, 7])
    assert w.requires_grad
    for kind in (ValueError, TypeError):  # as for an array that is read-only, and for an object without elements
        with pytest.raises(kind, match="this leaf takes gradients"):
            w[0] = 1.0


def test_jit_records_what_is_written():
    def step(p, x):
        loss = np.sum((p * x - 1.0) ** 2)
        loss.backward()
        with tg.no_grad():
            p -= 0.01 * p.grad
            p *= 0.9
        p.zero_grad()
        return loss

    results = []
    for compiled in (lambda f: f, tg.jit):
        p, f = tg.Tensor([1.0, 2.0]), None
        f = compiled(step)
        losses = [float(f(p, np.array([1.0, 3.0]))) for _ in range(4)]
        results.append((losses, p.data.tolist()))
    np.testing.assert_allclose(results[0][0], results[1][0])
    np.testing.assert_allclose(results[0][1], results[1][1])


def test_results_rebind_within_no_grad_as_they_do_where_they_are_recorded():
    def trajectory(y):
        found = []
        y = y * 1.0
        for _ in range(3):
            found.append(y)
            y += 0.1 * y
            y *= 2.0
        return [float(v) for v in found]

    for kind in (tg.Tensor, tg.Value):
        recorded = trajectory(kind(1.0))
        with tg.no_grad():
            np.testing.assert_array_equal(trajectory(kind(1.0)), recorded)
    x = tg.Tensor([1.0, 2.0])
    with tg.no_grad():
        y = x.reshape(2, 1)
        y += 1.0
    np.testing.assert_array_equal(x.data, [1, 2])


def test_averages_of_parameters_are_written_into():
    parameters = tg.nn.Linear(3, 2, rng=0).parameters()
    averages = [[p.detach().clone() for p in parameters], [p.detach().copy() for p in parameters]]
    averages.append([tg.Tensor(p.data, requires_grad=False) for p in parameters])
    before = [p.data.copy() for p in parameters]
    for p in parameters:
        p.data += 1.0
    with tg.no_grad():
        for average in averages:
            for e, p in zip(average, parameters, strict=True):
                e *= 0.9
                e += 0.1 * p
    for average in averages:
        for e, p, b in zip(average, parameters, before, strict=True):
            np.testing.assert_allclose(e.data, 0.9 * b + 0.1 * p.data)
            assert not e.requires_grad
