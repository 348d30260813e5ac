"""Conventions for special cases: the gradient where a derivative does not exist, or a formula would fail."""

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_edu as tg
from tinygrad_edu.engine import passes


def slope(f, x):
    """Return the gradient of sum(f) at x; warnings in the backward pass are errors."""
    x = tg.Tensor(x)
    y = np.sum(f(x))
    if not isinstance(y, tg.Tensor):
        return np.zeros(x.shape)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        y.backward()
    return x.grad


@pytest.mark.parametrize(
    "f",
    [abs, tg.relu, np.sign, np.std, np.linalg.norm, lambda x: tg.leaky_relu(x, 0.0)],
    ids=["abs", "relu", "sign", "std", "norm", "leaky_relu"],
)
def test_kinks_at_zero_have_gradient_zero(f):
    np.testing.assert_array_equal(slope(f, np.zeros(3)), np.zeros(3))


def test_std_of_equal_numbers_has_gradient_zero_and_std_elsewhere_is_untouched():
    x = np.array([[2.0, 2.0], [1.0, 3.0]])
    np.testing.assert_allclose(slope(lambda x: x.std(axis=1), x), [[0, 0], [-0.5, 0.5]])


@pytest.mark.parametrize("f", [np.maximum, np.minimum])
def test_maximum_and_minimum_share_a_tie_equally(f):
    a, b = tg.Tensor([1.0, 2.0, 3.0]), tg.Tensor([3.0, 2.0, 1.0])
    f(a, b).sum().backward()
    np.testing.assert_array_equal(a.grad + b.grad, np.ones(3))
    assert a.grad[1] == b.grad[1] == 0.5


@pytest.mark.parametrize("f", [np.maximum, np.minimum, np.fmax, np.fmin])
def test_a_tie_shares_whatever_gradient_arrives(f):
    a, b = tg.Tensor([2.0, 2.0]), tg.Tensor(2.0)
    f(a, b).backward([3.0, -5.0])
    np.testing.assert_array_equal(a.grad, [1.5, -2.5])
    np.testing.assert_array_equal(b.grad, -1)


@pytest.mark.parametrize("f", [np.max, np.min])
def test_max_and_min_share_ties_equally_and_the_total_is_one(f):
    np.testing.assert_allclose(slope(f, [4.0, 4.0, 4.0]), np.full(3, 1 / 3))
    x = np.array([[1.0, 1.0, 5.0, 5.0], [2.0, 3.0, 4.0, 5.0]])
    np.testing.assert_array_equal(slope(lambda x: f(x, axis=1), x).sum(axis=1), [1, 1])


def test_clip_passes_the_gradient_at_its_bounds():
    x = [-0.5, 0.0, 0.5, 1.0, 1.5]
    np.testing.assert_array_equal(slope(lambda x: x.clip(0, 1), x), [0, 1, 1, 1, 0])
    np.testing.assert_array_equal(slope(lambda low: np.clip(x, low, 1.0), 0.0), 1)
    np.testing.assert_array_equal(slope(lambda high: np.clip(x, 0.0, high), 1.0), 1)


@pytest.mark.parametrize(("n", "expected"), [(0, 0), (1, 1), (2, 0), (3, 0), (0.0, 0), (1.0, 1), (2.5, 0)])
@pytest.mark.parametrize("exponent", [lambda n: n, np.array, lambda n: np.array([n]), tg.Tensor])
def test_powers_at_zero_have_the_gradient_of_the_limit(n, expected, exponent):
    np.testing.assert_array_equal(slope(lambda x: x ** exponent(n), [0.0]), [expected])


def test_a_gradient_that_happens_to_be_zero_keeps_its_own_derivative():
    """The repeat of the pass without NaN must not treat x = 0 as masked, although its gradient is 0 there too."""

    def f(x):
        return np.sum(x * np.exp(x) + np.where(x > 5, np.sqrt(x - 5), 0))

    with np.errstate(invalid="ignore"):
        np.testing.assert_allclose(tg.hessian(f)(np.array([0.0, 1.0])), np.diag([2, 3 * np.e]))


@pytest.mark.parametrize("f", [np.i0, np.sinc, tg.sigmoid])
def test_functions_other_than_ufuncs_give_no_gradient_where_none_arrives(f):
    x = np.array([1.0, np.inf])
    expected = [tg.grad(f)(1.0), 0]
    with np.errstate(all="ignore"):
        gradient = tg.grad(lambda x: np.sum(np.where(np.isfinite(x), f(x), 0)))(x)
    np.testing.assert_allclose(gradient, expected)


def test_a_square_at_zero_has_its_second_derivative():
    np.testing.assert_array_equal(tg.hessian(lambda x: (x**2).sum())(np.zeros(2)), 2 * np.eye(2))


def test_the_gradient_by_an_exponent_is_zero_where_the_base_is():
    b = tg.Tensor([0.0, 2.0])
    (np.zeros(2) ** b).sum().backward()
    np.testing.assert_array_equal(b.grad, [0, 0])


@given(st.lists(st.sampled_from([0.0, 0.0, 2.0, -3.0, 0.5]), min_size=1, max_size=6))
def test_prod_is_exact_with_zeros(x):
    expected = [np.prod(x[:i] + x[i + 1 :]) for i in range(len(x))]
    np.testing.assert_allclose(slope(np.prod, x), expected, rtol=1e-15)
    tg.check_grad(np.prod, np.array(x))


@given(st.lists(st.sampled_from([0.0, 0.0, 2.0, -3.0, 0.5]), min_size=1, max_size=6))
def test_cumprod_is_exact_with_zeros(x):
    expected = [sum(np.prod(x[:i] + x[i + 1 : k]) for k in range(i + 1, len(x) + 1)) for i in range(len(x))]
    np.testing.assert_allclose(slope(np.cumprod, x), expected, rtol=1e-15)
    tg.check_grad(np.cumprod, np.array(x))


def test_sqrt_at_zero_is_infinite_without_a_warning():
    assert slope(np.sqrt, [0.0]) == np.inf
    for root in (np.sqrt, lambda v: v**0.5):
        v = tg.Value(0.0)
        root(v).backward()
        assert v.grad == np.inf


@pytest.mark.filterwarnings("ignore:.*encountered:RuntimeWarning")  # NumPy's own warnings in the forward pass
@pytest.mark.parametrize(
    ("f", "x"),
    [
        (lambda x: np.where(x > 0, np.sqrt(x), 0), [-1.0, 0.0, 4.0]),
        (lambda x: np.where(x > 0, 1 / x, 0), [0.0, 0.0, 2.0]),
        (lambda x: np.where(x > 0, np.log(x) * x, 0), [-1.0, 0.0, 3.0]),
        (lambda x: np.where(x < 9, np.exp(x), 0), [1000.0, 1.0, 2.0]),
        (lambda x: np.where(x > 0, np.exp(np.sqrt(x)) / x, 0), [-1.0, 0.0, 1.0]),
        (lambda x: np.where(x > 0, np.sqrt(x), 0) @ np.ones((len(x), 2)), [-1.0, 0.0, 4.0]),
        (lambda x: 0 * np.sqrt(x), [0.0, 1.0]),
    ],
)
def test_where_no_gradient_arrives_none_leaves(f, x):
    x = np.array(x)
    for masked in (slope(f, x), np.diag(tg.hessian(lambda x: f(x).sum())(x))):
        assert np.isfinite(masked).all()
        np.testing.assert_array_equal(masked[~(x > 0) | (x > 9)], 0)
    inside = (x > 0) & (x < 9)
    np.testing.assert_array_equal(slope(f, x)[inside], slope(f, x[inside]))


def test_where_no_gradient_arrives_at_a_value_none_leaves():
    v = tg.Value(0.0)
    (0 * np.sqrt(v)).backward()
    assert v.grad == 0.0


@pytest.mark.filterwarnings("ignore:.*encountered:RuntimeWarning")
def test_missing_numbers_that_are_masked_leave_the_weights_their_gradient():
    X, w = np.array([1.0, np.nan, 3.0]), tg.Tensor([1.0, 1.0, 1.0])
    np.where(np.isnan(X), 0, X * w).sum().backward()
    np.testing.assert_array_equal(w.grad, [1, 0, 3])


@pytest.mark.parametrize(
    "cut", [tg.relu, lambda x: np.clip(x, 0, 5), lambda x: np.maximum(x, 0), lambda x: -np.minimum(-x, 0.0)],
    ids=["relu", "clip", "maximum", "minimum"],
)  # fmt: skip
def test_what_is_cut_off_gets_no_infinite_gradient(cut):
    f, x = lambda x: np.sqrt(cut(x)), np.array([-1.0, 4.0])
    assert slope(f, x).tolist() == [0, 0.25]
    for mode in ("forward", "reverse"):
        assert tg.jacobian(f, mode=mode)(x).tolist() == [[0, 0], [0, 0.25]]
    assert tg.hessian(lambda x: np.sum(f(x)))(x).tolist() == [[0, 0], [0, -1 / 32]]
    assert tg.jit(tg.grad(lambda x: np.sum(f(x))))(x).tolist() == [0, 0.25]


def test_a_nan_that_does_reach_the_result_is_kept():
    assert np.isnan(slope(lambda x: x * np.nan, [1.0])).all()


FAR = [-1000.0, -750.0, -40.0, -1e-9, 0.0, 1e-9, 40.0, 750.0, 1000.0]


@pytest.mark.parametrize(
    ("f", "gradient"),
    [
        (tg.sigmoid, lambda x: np.exp(-abs(x)) / (1 + np.exp(-abs(x))) ** 2),
        (tg.softplus, lambda x: np.where(x < 0, np.exp(-abs(x)), 1) / (1 + np.exp(-abs(x)))),
    ],
)
def test_sigmoid_and_softplus_are_exact_far_out(f, gradient):
    x = np.array(FAR)
    np.testing.assert_allclose(slope(f, x), gradient(x), rtol=1e-14, atol=5e-324)


@pytest.mark.parametrize("shift", [-1e4, 0.0, 1e4])
def test_softmax_and_logsumexp_do_not_overflow_and_a_shift_changes_nothing(shift):
    x = np.array([[0.0, 1000.0, -1000.0], [1.0, 2.0, 3.0]])
    p = np.exp(x - x.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(tg.softmax(x + shift), p, rtol=1e-11)
    np.testing.assert_allclose(slope(lambda x: tg.logsumexp(x, axis=1), x + shift), p, rtol=1e-11)
    np.testing.assert_allclose(tg.log_softmax(x + shift)[0], [-1000, 0, -2000], atol=1e-9)
    expected = (p - np.eye(3)[[0, 2]]) / 2
    np.testing.assert_allclose(slope(lambda x: tg.cross_entropy(x, [0, 2]), x + shift), expected, atol=1e-11)


@pytest.mark.parametrize(
    ("x", "shares"),
    [
        ([-np.inf, -np.inf], [0.5, 0.5]), ([np.inf, 0.0], [1, 0]), ([np.inf, -np.inf], [1, 0]),
        ([np.inf, np.inf], [0.5, 0.5]), ([-np.inf, 0.0], [0, 1]),
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    "f",
    [
        tg.logsumexp, tg.special.logsumexp, np.logaddexp.reduce, np.logaddexp2.reduce,
        lambda x: np.logaddexp.accumulate(x)[-1], lambda x: np.logaddexp(*x),
        lambda x: tg.logsumexp(np.stack([x, 0 * np.isinf(x)]), axis=1)[0],
    ],
)  # fmt: skip
def test_equal_infinities_share_the_gradient_of_a_logarithm_of_a_sum(f, x, shares):
    x = np.array(x)
    assert f(x) == x.max()
    np.testing.assert_array_equal(slope(f, x), shares)
    assert tg.jvp(f, [x], [np.array([1.0, 3.0])])[1] == shares @ np.array([1.0, 3.0])
    np.testing.assert_array_equal(tg.jit(tg.grad(f))(x), shares)
    np.testing.assert_array_equal(tg.vmap(tg.grad(f))(np.stack([x, [0.0, 0.0]])), [shares, [0.5, 0.5]])
    assert not tg.hessian(lambda x: np.sum(np.where(np.isinf(f(x)), f(x), 0)))(x).any()


def test_numbers_of_float16_beside_an_infinity_do_not_overflow():
    x = np.array([[-65504, 300], [-65504, 65504], [-np.inf, -np.inf]], np.float16)
    np.testing.assert_array_equal(slope(lambda x: tg.logsumexp(x, axis=1), x), [[0, 1], [0, 1], [0.5, 0.5]])


def test_alignments_that_start_from_minus_infinity_have_a_hessian():
    def forward(x, nothing=-np.inf):  # the sum over all paths that stay, or go to the next state, from the first one
        a = np.where([True, False, False], x[0], nothing)
        for row in x[1:]:
            a = tg.logsumexp(np.stack([a, np.append(nothing, a[:-1])]), axis=0) + row
        return a[-1]

    x = np.sin(np.arange(12.0)).reshape(4, 3)
    np.testing.assert_allclose(tg.hessian(forward)(x), tg.hessian(lambda x: forward(x, -1e5))(x), atol=1e-14)


@pytest.mark.parametrize("f", [np.sum, np.mean, np.prod, np.max, np.min, np.cumsum, np.cumprod])
def test_a_single_number_has_the_axis_that_numpy_lets_pass(f):
    try:
        f(np.array(2.0), axis=0)
    except np.exceptions.AxisError:
        with pytest.raises(ValueError, match="axis"):
            f(tg.Tensor(2.0), axis=0)
    else:
        assert slope(lambda x: f(x, axis=0), 2.0) == 1


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_variance_with_nothing_to_divide_by_has_no_number_for_a_gradient():
    x = tg.Tensor([1.0, 1.0])
    x.var(ddof=2).backward()
    assert np.isnan(x.grad).all()
    empty = tg.Tensor(np.zeros((0, 3)))
    empty.var(axis=1).backward(np.zeros(0))
    assert empty.grad.shape == (0, 3)


@pytest.mark.parametrize(
    ("f", "x"),
    [
        (np.linalg.norm, [np.inf, 1.0]), (np.std, [np.inf, 1.0]), (np.prod, [np.inf, 0.0]), (np.max, [np.nan, 1.0]),
        (tg.logsumexp, [-np.inf, -np.inf]), (lambda x: tg.softmax(x)[0], [np.inf, 1.0]),
        (lambda x: x @ x, [np.inf, 0.0]), (lambda x: np.einsum("i,i", np.log(x), x), [0.0, 1.0]),
        (lambda x: np.linalg.slogdet(x * np.eye(2))[1], [1e-320, 1.0]),
    ],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore:.*encountered:RuntimeWarning")  # of the values
def test_a_masked_result_of_a_reduction_or_a_product_passes_no_gradient(f, x):
    x, v = np.array(x), np.ones(2)
    for masked in (lambda x: np.where(False, f(x), 1.0), lambda x: f(x) * 0.0):
        assert not tg.grad(masked)(x).any()
        assert not tg.hessian(masked)(x).any()
        assert not tg.hvp(masked)(x, v).any()
        assert tg.jvp(masked, [x], [v])[1] == 0
        assert not tg.vmap(tg.grad(masked))(np.stack([x, x])).any()


def test_a_repeated_pass_copies_no_gradient_of_a_function_that_is_not_elementwise():
    x = tg.Tensor(np.arange(4.0))
    y, r = x[:2], np.ones(4)
    assert passes.masked(r, y, np.ones(2), x) is r
    assert passes.masked(r * np.nan, y, np.zeros(2), x).tolist() == [0, 0, 0, 0]
