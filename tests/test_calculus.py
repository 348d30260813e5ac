"""Differences, integrals, convolutions, interpolation: cases that random tests rarely reach, and errors."""

import itertools

import numpy as np
import pytest
from checks import X, check, message

import tinygrad_edu as tg
from tinygrad_edu.engine.rules import calculus

rng = np.random.default_rng(0)
LINE = rng.uniform(-1, 1, 7)
POINTS = np.array([-1.0, 0.0, 0.5, 2.0])
HEIGHTS = np.array([3.0, -1.0, 2.0, 0.5])


@pytest.mark.parametrize("axis", [0, 1, 2, -1, -2, -3])
def test_differences_and_integrals_along_every_axis(axis):
    coordinates = np.sort(rng.uniform(0, 5, X.shape[axis]))
    check(lambda x: np.diff(x, 2, axis), np.concatenate([X, X**2], axis))
    check(lambda x: np.diff(x, axis=axis, prepend=0.0, append=X), X)
    check(lambda x: np.gradient(x, axis=axis), X)
    check(lambda x, h: np.gradient(x, h, axis=axis), X, coordinates)
    check(lambda x: np.trapezoid(x, dx=0.5, axis=axis), X)
    check(lambda x, at: np.trapezoid(x, at, axis=axis), X, coordinates)
    check(lambda x, at: np.trapezoid(x, at, axis=axis), X, np.cumsum(X, axis))


@pytest.mark.parametrize("spacing", [(), (2.0,), (np.arange(7.0),), (np.arange(7.0) ** 2,)])
@pytest.mark.parametrize("edge_order", [1, 2])
def test_a_gap_spreads_no_further_than_in_numpy(spacing, edge_order):
    f = np.array([1.0, np.nan, 2.0, 4.0, 8.0, 5.0, 3.0])
    y = np.gradient(tg.Tensor(f), *spacing, edge_order=edge_order)
    np.testing.assert_allclose(y.data, np.gradient(f, *spacing, edge_order=edge_order), rtol=1e-14)


def test_a_gap_beside_even_coordinates_spreads_no_further_in_transforms():
    f, even = np.array([1.0, np.nan, 2.0, 4.0, 8.0, 5.0]), np.arange(6.0)
    slopes = tg.jit(np.gradient)
    for at in (even, 2 * even, even**2):
        for given in (f, tg.Tensor(f), tg.Tensor(2 * f)):
            y = slopes(given, at)
            np.testing.assert_array_equal(np.isnan(np.asarray(y.data)), np.isnan(np.gradient(f, at)))
    of_even = tg.jit(lambda f: np.gradient(f, even))
    for _ in range(3):
        np.testing.assert_array_equal(of_even(tg.Tensor(f)).data, np.gradient(f, even))
    np.testing.assert_array_equal(np.gradient(f, tg.Tensor(even).detach()).data, np.gradient(f, even))
    both = np.stack([even, 2 * even])
    np.testing.assert_array_equal(tg.vmap(lambda at: np.gradient(f, at))(both), [np.gradient(f, at) for at in both])
    for members in ((even, even**2), (even**2, even**2), (even**2, 2 * even)):
        mixed = tg.vmap(lambda at: np.gradient(f[2:], at[2:]))(np.stack(members))
        np.testing.assert_allclose(mixed, [np.gradient(f[2:], at[2:]) for at in members])


def test_knots_of_an_interpolation_beside_a_gap_keep_their_values():
    x = np.array([-1.0, 0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0])
    for heights in ([np.nan, 1.0, np.nan, 4.0], [1.0, np.nan, 3.0, np.nan], [1.0, np.inf, 2.0, -np.inf]):
        wanted = np.interp(x, range(4), heights)
        np.testing.assert_array_equal(np.interp(tg.Tensor(x), range(4), heights).data, wanted)
        np.testing.assert_array_equal(np.interp(x, range(4), tg.Tensor(heights)).data, wanted)
    g = tg.grad(lambda fp: np.sum(np.interp([1.0, 7.0, 3.0], range(4), fp)))(np.array([np.nan, 1.0, np.nan, 4.0]))
    np.testing.assert_array_equal(g, [0, 1, 0, 2])


def test_diff_takes_tensors_before_and_after():
    check(lambda a, p, q: np.diff(a, prepend=p, append=q), LINE, np.array(2.0), LINE[:2])
    check(lambda p: np.diff([1.0, 4.0], append=p), LINE)
    check(lambda p: np.diff([[1, 4], [9, 16]], n=2, axis=0, prepend=p), np.array(0.5))
    check(lambda a: np.diff(a, prepend=[0.0, 1.0], append=5), LINE)


def test_more_differences_than_elements_leave_nothing_and_a_zero_gradient():
    x = tg.Tensor(LINE)
    y = np.diff(x, 9)
    assert y.shape == (0,)
    y.sum().backward()
    np.testing.assert_array_equal(x.grad, np.zeros(7))


def test_diff_of_order_zero_is_the_array_whatever_is_put_before_it():
    np.testing.assert_array_equal(np.diff(tg.Tensor(LINE), 0, prepend=1.0).data, LINE)


def test_ediff1d_flattens_and_keeps_the_dtype():
    check(lambda x, e, b: np.ediff1d(x, e, b), X[0], X[1], np.array(1.0))
    check(lambda e: np.ediff1d([1.0, 4.0, 9.0], to_end=e, to_begin=[-1, -2]), LINE)
    x = tg.Tensor(LINE, dtype=np.float32)
    assert np.ediff1d(x, to_end=1.5).dtype == np.float32
    assert np.ediff1d([1, 2], to_end=x).data[-1] == x.data[-1]  # not truncated to an integer, as in NumPy


@pytest.mark.parametrize("edge_order", [1, 2])
def test_gradient_of_a_parabola_is_exact_where_numpys_is(edge_order):
    at = np.array([0.0, 1.0, 3.0, 3.5])
    slopes = np.gradient(tg.Tensor(at**2), at, edge_order=edge_order).data
    inside = slice(None) if edge_order == 2 else slice(1, -1)
    np.testing.assert_allclose(slopes[inside], 2 * at[inside], rtol=1e-13)
    np.testing.assert_allclose(slopes, np.gradient(at**2, at, edge_order=edge_order), rtol=1e-13)


def test_gradient_gives_an_array_for_one_axis_and_a_tuple_for_several():
    x = tg.Tensor(X)
    assert isinstance(np.gradient(x, axis=1), tg.Tensor)
    assert isinstance(np.gradient(x, axis=(1,)), tg.Tensor)
    assert [type(y) for y in np.gradient(x)] == [tg.Tensor] * 3
    assert type(np.gradient(x)) is type(np.gradient(X))
    assert np.gradient(tg.Tensor(1.0)) == np.gradient(1.0) == ()


@pytest.mark.parametrize(
    "spacings", [(), (0.5,), (0.5, 2, np.float64(3.0)), ([0, 3], 1.0, np.array([0, 1, 5, 4]) - 0.5), (-1,)]
)
def test_gradient_takes_numbers_lists_and_arrays_as_spacings(spacings):
    check(lambda x: np.stack(np.gradient(x, *spacings)), X)
    check(lambda x: np.stack(np.gradient(x, *spacings[::-1], axis=(-1, 1, 0))), X)


def test_gradient_of_plain_numbers_over_a_tensors_coordinates():
    check(lambda h: np.gradient([1, 4, 9, 25], h, edge_order=2), np.array([0.0, 1.0, 3.0, 3.5]))
    check(lambda h: np.gradient(X, h, axis=1), np.array(0.3))
    check(lambda x: np.gradient(x, np.array([9, 4, 2, 0], np.uint8), axis=2), X)  # their differences are negative


def test_gradient_stays_float32_with_spacings_of_float64():
    x = tg.Tensor(X, dtype=np.float32)
    for spacing in (0.1, np.float64(0.1), np.array(0.1), np.arange(4.0) ** 2):
        assert np.gradient(x, spacing, axis=2).dtype == np.gradient(x.data, spacing, axis=2).dtype == np.float32


def test_gradients_errors_name_what_is_wrong():
    x = tg.Tensor(X)
    assert "2 spacings for 3 axes" in message(TypeError, lambda: np.gradient(x, 1.0, 1.0))
    assert "coordinates of shape (3,)" in message(ValueError, lambda: np.gradient(x, np.ones(3), axis=2))
    assert "needs more elements" in message(ValueError, lambda: np.gradient(x, axis=0, edge_order=2))
    assert "edge_order is 1 or 2" in message(ValueError, lambda: np.gradient(x, edge_order=3))


@pytest.mark.parametrize("x", [None, [3.0], [[3.0], [4.0]]])
def test_trapezoid_of_one_sample_is_zero(x):
    y = tg.Tensor([[np.inf], [2.0]])
    z = np.trapezoid(y, x, axis=1)
    np.testing.assert_array_equal(z.data, np.trapezoid(y.data, x, axis=1))
    z.sum().backward()
    np.testing.assert_array_equal(y.grad, np.zeros((2, 1)))


@pytest.mark.parametrize(("axis", "shape"), [(-1, (3,)), (0, (4,)), (0, (1, 4)), (1, (4, 1)), (1, (2, 3, 1))])
def test_lengths_of_intervals_broadcast_as_in_numpy(axis, shape):
    lengths = rng.uniform(1, 2, shape)
    samples = rng.uniform(-1, 1, (4, 4) if len(shape) < 3 else (2, 4, 3))
    value = np.trapezoid(tg.Tensor(samples), dx=lengths, axis=axis)
    np.testing.assert_allclose(value.data, np.trapezoid(samples, dx=lengths, axis=axis), rtol=1e-14)
    check(lambda y, dx: np.trapezoid(y, dx=dx, axis=axis), samples, lengths)
    check(lambda dx: np.trapezoid(samples, dx=dx, axis=axis), lengths)


def test_trapezoid_takes_lists_and_tensors_anywhere():
    check(lambda at: np.trapezoid([1.0, 4.0, 9.0], at), np.array([0.0, 2.0, 3.0]))
    check(lambda y: np.trapezoid(y, x=[0, 1, 5, 6]), X)
    check(lambda y: np.trapezoid(y, x=np.array([0, 60, 100, 127], np.int8)), X)  # neighbors of 60 are 100 apart
    check(lambda y, dx: np.trapezoid(y, dx=dx), X, np.array(0.7))
    check(lambda at: np.trapezoid(X, at, axis=0), X[:, 0, 0])
    check(lambda at: np.trapezoid(X, at, axis=0), X[:, :1])
    y = tg.Tensor(X, dtype=np.float32)
    assert np.trapezoid(y).dtype == np.trapezoid(y, dx=0.5).dtype == np.float32


@pytest.mark.parametrize("dtype", [bool, np.int8, np.int32, np.float16, np.float64])
def test_areas_have_the_dtype_of_numpys(dtype):
    samples, at = np.array([0, 1, 1], dtype), np.float32([1, 2, 4])
    y = np.trapezoid(samples, tg.Tensor(at))
    assert y.dtype == np.trapezoid(samples, at).dtype
    assert y.data == 2.5
    for dx in (np.diff(at), np.float32(2)):
        y = tg.vmap(lambda samples: np.trapezoid(samples, dx=dx))(samples[None])  # noqa: B023
        assert y.dtype == np.trapezoid(samples, dx=dx).dtype
        assert y == (3 if np.ndim(dx) == 0 else 2.5)


@pytest.mark.parametrize("n", [0, 1])
def test_trapezoid_of_no_interval_is_zero(n):
    y = tg.Tensor(np.ones(n))
    area = np.trapezoid(y)
    assert area.data == 0
    area.backward()
    np.testing.assert_array_equal(y.grad, np.zeros(n))


def test_trapezoid_names_points_and_samples_that_do_not_match():
    assert "x holds 2 points for 4 samples" in message(ValueError, lambda: np.trapezoid(tg.Tensor(X), [0.0, 1.0]))
    assert "np.trapezoid: axis 3" in message(ValueError, lambda: np.trapezoid(tg.Tensor(X), axis=3))


@pytest.mark.parametrize("mode", ["full", "same", "valid"])
@pytest.mark.parametrize("fun", [np.convolve, np.correlate])
def test_convolutions_of_every_pair_of_lengths(fun, mode):
    for m, n in itertools.product(range(1, 6), repeat=2):
        check(lambda a, v: fun(a, v, mode), LINE[:m], LINE[-n:])


def test_a_correlation_is_its_sum_at_every_shift():
    a, v = LINE[:4], LINE[4:]
    sums = [sum(a[n + k] * v[n] for n in range(3) if 0 <= n + k < 4) for k in range(-8, 8)]
    for low, high in itertools.combinations(range(-8, 8), 2):
        np.testing.assert_allclose(calculus.correlation(a, v, low, high), sums[low + 8 : high + 8], atol=1e-15)
        np.testing.assert_allclose(
            calculus.correlation(v, a, 1 - high, 1 - low)[::-1], sums[low + 8 : high + 8], atol=1e-15
        )


@pytest.mark.parametrize("lengths", [(2, 7), (7, 2)])
def test_a_correlation_moves_the_shorter_along_the_longer(lengths, monkeypatch):
    moved, correlate = [], np.correlate
    monkeypatch.setattr(np, "correlate", lambda a, v: moved.append(v.size) or correlate(a, v))
    calculus.correlation(*(LINE[:n] for n in lengths), -1, 2)
    assert moved == [2]


@pytest.mark.parametrize("fun", [np.convolve, np.correlate])
def test_convolutions_take_lists_and_numbers_and_their_modes_are_numpys(fun):
    for v in ([1, 2, 3], np.array([1, -1]), 2.0)[: 2 if fun is np.correlate else 3]:
        check(lambda a: fun(a, v), LINE)  # noqa: B023
        check(lambda a: fun(v, a), LINE)  # noqa: B023
    check(lambda a: fun(a, v=LINE[:3], mode="same"), LINE)
    check(lambda a: fun(a, a), LINE)
    x = tg.Tensor(LINE, dtype=np.float32)
    assert fun(x, x).dtype == np.float32


def test_convolutions_errors_name_shapes_and_modes():
    a = tg.Tensor(LINE)
    assert "shapes (7,), (0,)" in message(ValueError, lambda: np.convolve(a, []))
    assert "shapes (2, 3, 4), (7,)" in message(ValueError, lambda: np.correlate(X, a))
    assert "shapes (7,), ()" in message(ValueError, lambda: np.correlate(a, 2.0))
    assert "'valid'" in message(ValueError, lambda: np.convolve(a, a, "some"))


def test_third_derivatives_of_a_convolution():
    def second(a, v):
        return tg.grad(lambda a: (np.convolve(a, v, "same") ** 3).sum())(a)

    tg.check_grad(second, LINE[:4], LINE[4:])


def slopes(x, **ends):
    return tg.grad(lambda x: np.interp(x, POINTS, HEIGHTS, **ends).sum())(np.asarray(x, float))


def test_interpolation_has_the_slope_of_the_interval_to_the_right_of_a_knot_and_to_the_left_of_the_last():
    np.testing.assert_allclose(slopes(POINTS), [-4, 6, -1, -1])
    assert tg.grad(np.interp)(1.0, [0.0, 1.0], [2.0, 5.0]) == 3


def test_interpolation_outside_has_slope_zero_and_the_gradient_of_the_end_point():
    np.testing.assert_array_equal(slopes([-1.5, 2.5]), [0, 0])
    np.testing.assert_array_equal(slopes([-1.5, 2.5], left=0.0, right=1.0), [0, 0])

    def gradients(*ends):
        return tg.grad(lambda fp: np.interp([-9.0, 9.0, 9.0], POINTS, fp, *ends).sum())(HEIGHTS)

    np.testing.assert_array_equal(gradients(), [1, 0, 0, 2])
    np.testing.assert_array_equal(gradients(7.0), [0, 0, 0, 2])
    np.testing.assert_array_equal(gradients(7.0, 8.0), [0, 0, 0, 0])


def test_interpolation_takes_tensors_and_lists_anywhere():
    check(lambda fp: np.interp(0.25, POINTS, fp), HEIGHTS)
    check(lambda xp: np.interp([[0.25], [1.5]], xp, [1, 2, 3, 5]), POINTS)
    check(lambda x, a, b: np.interp(x, POINTS, HEIGHTS, left=a, right=b), 3 * LINE, np.array(5.0), np.array(-5.0))
    check(lambda x: np.interp(x, [0, 1], [3, 4], period=4), LINE)
    check(lambda x, p: np.interp(x, POINTS, HEIGHTS, period=p), 3 * LINE, np.array(-3.5))


def test_interpolation_repeats_points_that_lie_anywhere():
    for move in (-9, 0, 2):
        check(lambda x: np.interp(x, POINTS + move, HEIGHTS, period=3.5), np.linspace(-6.1, 5.9, 24))  # noqa: B023


def test_interpolation_between_small_integers_does_not_wrap_around():
    for kind in (bool, np.int8, np.uint8, np.uint16):
        xp, x = np.unique(np.array([0, 1, 100], kind)), np.array([-3.0, 0.5, 50, 350])
        for period in (None, 400):
            f = tg.value_and_grad(lambda x, xp: np.interp(x, xp, HEIGHTS[: xp.size], period=period).sum())  # noqa: B023
            for got, expected in zip(f(x, xp), f(x, xp * 1.0), strict=True):
                np.testing.assert_allclose(got, expected)


def test_interpolation_with_a_single_point_is_constant():
    check(lambda x, fp: np.interp(x, [0.5], fp), np.array([0.1, 0.5, 0.7]), np.array([2.0]))
    check(lambda x, fp: np.interp(x, [0.5], fp, -1, 1), np.array([0.1, 0.7]), np.array([2.0]))


def test_interpolation_is_exact_at_the_points_and_follows_steps_and_nan_as_numpy_does():
    xp, fp = np.array([0.0, 1.0, 1.0, 2.0]), np.array([1e16, 1.0, 5.0, -1e-16])
    x = np.array([0.0, 0.5, 1.0, 1.5, 2.0, np.nan])
    np.testing.assert_array_equal(np.interp(tg.Tensor(x), xp, fp).data, np.interp(x, xp, fp))


def test_interpolations_errors_name_what_is_wrong():
    x = tg.Tensor(LINE)
    assert "shapes (2,) and (3,)" in message(ValueError, lambda: np.interp(x, [0, 1], [1, 2, 3]))
    assert "shapes (0,) and (0,)" in message(ValueError, lambda: np.interp(x, [], []))
    assert "period=0" in message(ValueError, lambda: np.interp(x, POINTS, HEIGHTS, period=0))


@pytest.mark.parametrize("fun", [np.linspace, np.geomspace, np.logspace])
def test_samples_between_take_numbers_lists_and_tensors(fun):
    one = np.array(1.5)
    check(lambda a: fun(a, 3), one)
    check(lambda b: fun(2, b, 5, endpoint=False), one)
    check(lambda a, b: fun(a, stop=b, num=3), one, X)
    check(lambda a: fun(a, [1.0, 2.0], 3, axis=-1), X[0, :, :2])
    check(lambda a: fun([[1.0], [2.0]], a, 3, axis=1), one)
    assert fun(tg.Tensor(1.0), 2.0).shape == (50,)
    assert fun(tg.Tensor(X, dtype=np.float32), 2.0).dtype == np.float32
    assert "cannot be negative" in message(ValueError, lambda: fun(tg.Tensor(1.0), 2.0, -1))
    assert ".astype(...)" in message(TypeError, lambda: fun(tg.Tensor(1.0), 2.0, dtype=int))


@pytest.mark.parametrize("fun", [np.linspace, np.geomspace])
@pytest.mark.parametrize("num", [2, 7, 49])
def test_the_last_sample_is_the_end_itself(fun, num):
    y = fun(tg.Tensor(0.1), tg.Tensor(0.7), num)
    assert y.data[0] == 0.1
    assert y.data[-1] == 0.7


@pytest.mark.parametrize("num", [0, 1, 2])
@pytest.mark.parametrize("endpoint", [True, False])
def test_linspace_gives_the_step_that_numpy_gives(num, endpoint):
    y, step = np.linspace(tg.Tensor(1.0), 4.0, num, endpoint, True)
    expected, size = np.linspace(1.0, 4.0, num, endpoint, True)
    np.testing.assert_array_equal(y.data, expected)
    np.testing.assert_array_equal(step.data if isinstance(step, tg.Tensor) else step, size)


def test_bases_of_logspace_broadcast_against_the_ends():
    check(lambda base: np.logspace(0, 2, 4, base=base), np.array([2.0, 3.0]))
    check(lambda base: np.logspace([[0.0], [1.0]], 2, 4, base=base, axis=-1), np.array([2.0, 3.0]))
    check(lambda a, base: np.logspace(a, 2, 4, base=base, axis=1), X[0, :, :2], np.array([2.0, 3.0]))
    check(lambda a: np.logspace(a, 2, 4, base=[2.0, 3.0]), np.array(1.5))
    check(lambda base: np.logspace(0, 2, 4, base=base), np.array(2.0))


def test_geomspace_runs_between_negative_numbers_and_not_from_zero():
    check(lambda a, b: np.geomspace(a, b, 4), np.array([-2.0, 3.0]), np.array([-5.0, 0.1]))
    for ends in ((tg.Tensor(1.0), 0.0), (tg.Tensor([2.0, 0.0]), 1.0)):
        assert "start beside it" in message(ValueError, lambda ends=ends: np.geomspace(*ends))
