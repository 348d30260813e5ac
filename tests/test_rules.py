"""Every rule of the table against finite differences, at first and second order, over drawn shapes and axes.

`CASES` names what is drawn for each function. A function with a rule and no case fails the first test, so a rule
cannot enter untested. What drawn cases meet too rarely, three axes of unequal lengths above all, stands below them.
"""

import inspect
import operator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from strategies import arrays, axes, broadcastable, distinct, shapes

import tinygrad_edu as tg
from tinygrad_edu.rules import activations, compositions, elementwise, indexing, linalg, shaping, vjps


def unary(fun, **values):
    return st.tuples(st.just(fun), st.tuples(arrays(**values)))


def binary(fun, **values):
    return st.tuples(st.just(fun), broadcastable(**values))


@st.composite
def apart(draw, fun):
    """Two arrays of one shape that nowhere come close to each other."""
    a = draw(arrays())
    gap = draw(arrays(shape=a.shape, away=[0.0], gap=0.1))
    return fun, (a, a + gap)


@st.composite
def power(draw):
    a, b = draw(broadcastable(low=0.2, high=2.0))
    exponent = draw(st.sampled_from([None, -2, -1, 0, 1, 2, 3, 0.5, 2.5]))
    return (np.power, (a, b)) if exponent is None else (lambda a: a**exponent, (a,))


@st.composite
def remainder(draw):
    """a = (2 + part) b, with a part that keeps away from the jumps at whole multiples."""
    part, b = draw(broadcastable(low=0.2, high=0.8))
    b = b + 1
    return np.remainder, ((draw(st.sampled_from([2, -3])) + part) * b, b)


@st.composite
def reduction(draw, fun, source=arrays, min_side=1, **values):
    x = draw(source(shape=draw(shapes(min_side=min_side)), **values))
    axis, keepdims = draw(axes(x.ndim)), draw(st.booleans())
    return (lambda x: fun(x, axis=axis, keepdims=keepdims)), (x,)


@st.composite
def spread_out(draw, fun):
    """var and std need two elements to each result, and std some distance between them."""
    x = draw(distinct(shape=draw(shapes(min_side=2, min_dims=1))))
    axis, keepdims, ddof = draw(axes(x.ndim)), draw(st.booleans()), draw(st.sampled_from([0, 1, 0.5]))
    return (lambda x: fun(x, axis=axis, keepdims=keepdims, ddof=ddof)), (x,)


@st.composite
def clip(draw):
    x, low, gap = draw(arrays()), draw(st.sampled_from([-1.0, None])), draw(st.sampled_from([1.5, None]))
    high = None if gap is None else gap - 1
    x = np.where(abs(x + 1) < 0.05, 0, np.where(abs(x - 0.5) < 0.05, 0, x))
    if low is None and high is None:
        low = -1.0
    if draw(st.booleans()) and low is not None and high is not None:
        return np.clip, (x, np.full(x.shape, low), np.full(x.shape, high))
    return (lambda x: np.clip(x, low, high)), (x,)


@st.composite
def where(draw):
    a, b, c = draw(broadcastable(n=3))
    return (lambda a, b: np.where(c > 0, a, b)), (a, b)


@st.composite
def reshaped(draw, fun):
    x = draw(arrays())
    order = draw(st.sampled_from("CF"))
    if fun is np.ravel:
        return (lambda x: np.ravel(x, order=order)), (x,)
    shape = draw(st.sampled_from([(-1,), x.shape[::-1], (1, *x.shape)])) if x.size else x.shape[::-1]
    return (lambda x: np.reshape(x, shape, order=order)), (x,)


@st.composite
def permuted(draw, fun):
    x = draw(arrays())
    order = draw(st.permutations(range(x.ndim)))
    if fun is np.transpose:
        axes = draw(st.sampled_from([None, tuple(order), tuple(i - x.ndim for i in order)]))
        return (lambda x: np.transpose(x, axes)), (x,)
    x = draw(arrays(shape=shapes(min_dims=1)))
    one = st.integers(-x.ndim, x.ndim - 1)
    i, j = draw(one), draw(one)
    return (lambda x: fun(x, i, j)), (x,)


@st.composite
def squeezed(draw):
    x = draw(arrays(shape=shapes(max_side=2)))
    ones = [i for i, n in enumerate(x.shape) if n == 1]
    axis = draw(st.none() | st.sets(st.sampled_from(ones)).map(tuple)) if ones else None
    return (lambda x: np.squeeze(x, axis=axis)), (x,)


@st.composite
def expanded(draw):
    x = draw(arrays())
    axis = draw(st.integers(-x.ndim - 1, x.ndim) | st.just((0, -1)))
    return (lambda x: np.expand_dims(x, axis)), (x,)


@st.composite
def broadcast(draw):
    drawn = draw(hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=3, max_side=3, min_side=0))
    x = draw(arrays(shape=drawn.input_shapes[0]))
    return (lambda x: np.broadcast_to(x, drawn.result_shape)), (x,)


@st.composite
def joined(draw):
    shape = draw(shapes(min_dims=1))
    fun = draw(st.sampled_from([np.concatenate, np.stack, np.vstack, np.hstack]))
    parts = [draw(arrays(shape=shape)) for _ in range(draw(st.integers(1, 3)))]
    if fun in (np.vstack, np.hstack):
        return (lambda *xs: fun(xs)), parts
    axis = draw(st.integers(-len(shape), len(shape) - 1))
    if fun is np.concatenate:
        sides = draw(st.lists(st.integers(0, 3), min_size=len(parts), max_size=len(parts)))
        parts = [
            np.repeat(p.take([0], axis=axis), n, axis=axis) if p.size else p for p, n in zip(parts, sides, strict=True)
        ]
        axis = draw(st.just(axis) | st.none())
    return (lambda *xs: fun(list(xs), axis=axis)), parts


@st.composite
def indexed(draw):
    x = draw(arrays(shape=shapes(min_dims=1, min_side=1)))
    index = draw(
        hnp.basic_indices(x.shape, allow_newaxis=True)
        | hnp.integer_array_indices(x.shape)
        | hnp.arrays(bool, x.shape)
        | st.tuples(st.integers(-x.shape[0], x.shape[0] - 1), st.just(...))
        | st.lists(st.integers(-x.shape[0], x.shape[0] - 1), min_size=1, max_size=4)
    )
    return (lambda x: x[index]), (x,)


@st.composite
def scattered(draw):
    x = draw(arrays(shape=shapes(min_dims=1, min_side=1)))
    index = draw(hnp.integer_array_indices(x.shape) | hnp.basic_indices(x.shape))
    v = draw(arrays(shape=x[index].shape))
    return (lambda v: indexing.scatter(v, index, x.shape)), (v,)


@st.composite
def assigned(draw):
    x = draw(arrays(shape=shapes(min_dims=1, min_side=1)))
    index = draw(hnp.integer_array_indices(x.shape) | hnp.basic_indices(x.shape) | hnp.arrays(bool, x.shape))
    v = draw(arrays(shape=draw(st.sampled_from([x[index].shape, ()]))))
    return (lambda x, v: indexing.setitem(x, index, v)), (x, v)


@st.composite
def matrices(draw, fun):
    """Every pair of numbers of dimensions, stacks broadcasting against each other in matmul."""
    side = st.integers(0, 3)
    n, k, m = draw(side), draw(side), draw(side)
    a = draw(st.sampled_from([(k,), (n, k), (2, n, k), (2, 1, n, k)]))
    b = draw(st.sampled_from([(k,), (k, m), (2, k, m), (1, k, m)]))
    if fun is np.dot and draw(st.booleans()):
        a, b = draw(st.sampled_from([((), (k,)), ((n, k), ()), ((), ())]))
    return fun, (draw(arrays(shape=a)), draw(arrays(shape=b)))


@st.composite
def along(draw, fun):
    x = draw(arrays(shape=shapes(min_dims=1, min_side=1), low=-3, high=3))
    axis = draw(st.integers(-x.ndim, x.ndim - 1) | st.none())
    return (lambda x: fun(x, axis=axis)), (x,)


@st.composite
def logsumexp(draw):
    fun, args = draw(along(activations.logsumexp))
    return (lambda x: activations.logsumexp(x, axis=0, keepdims=True)) if draw(st.booleans()) else fun, args


anywhere, positive = {}, {"low": 0.2, "high": 3.0}
CASES = {
    np.add: binary(np.add),
    np.subtract: binary(np.subtract),
    np.multiply: binary(np.multiply),
    np.divide: binary(np.divide, away=[0.0], gap=0.3),
    np.remainder: remainder(),
    np.negative: unary(operator.neg),
    np.positive: unary(operator.pos),
    np.absolute: unary(abs, away=[0.0]),
    np.square: unary(np.square),
    np.sqrt: unary(np.sqrt, **positive),
    np.power: power(),
    np.exp: unary(np.exp),
    np.expm1: unary(np.expm1),
    np.log: unary(np.log, **positive),
    np.log1p: unary(np.log1p, low=-0.7, high=2.0),
    np.sin: unary(np.sin),
    np.cos: unary(np.cos),
    np.tan: unary(np.tan, low=-1.2, high=1.2),
    np.tanh: unary(np.tanh),
    np.logaddexp: binary(np.logaddexp),
    np.maximum: apart(np.maximum),
    np.minimum: apart(np.minimum),
    np.where: where(),
    elementwise.clip: clip(),
    np.sum: reduction(np.sum, min_side=0),
    np.mean: reduction(np.mean),
    np.prod: reduction(np.prod, min_side=0, low=-1.2, high=1.2),
    np.max: reduction(np.max, source=distinct),
    np.min: reduction(np.min, source=distinct),
    np.var: spread_out(np.var),
    np.std: spread_out(np.std),
    np.cumsum: along(np.cumsum),
    np.cumprod: along(np.cumprod),
    np.reshape: reshaped(np.reshape),
    np.ravel: reshaped(np.ravel),
    np.transpose: permuted(np.transpose),
    np.swapaxes: permuted(np.swapaxes),
    np.moveaxis: permuted(np.moveaxis),
    np.squeeze: squeezed(),
    np.expand_dims: expanded(),
    np.broadcast_to: broadcast(),
    np.copy: unary(np.copy),
    shaping.astype: unary(lambda x: shaping.astype(x, np.float64)),
    shaping.concatenate: joined(),
    operator.getitem: indexed(),
    indexing.scatter: scattered(),
    indexing.setitem: assigned(),
    np.matmul: matrices(np.matmul),
    linalg.length: reduction(linalg.length, low=0.2),
    np.dot: matrices(np.dot),  # a composition, which has many cases
    activations.relu: unary(activations.relu, away=[0.0]),
    activations.sigmoid: unary(activations.sigmoid, low=-4, high=4),
    activations.softmax: along(activations.softmax),
    activations.log_softmax: along(activations.log_softmax),
    activations.logsumexp: logsumexp(),
}
REGISTERED = set(vjps)  # before the tests of users' own functions add theirs
KEYS = pytest.mark.parametrize("fun", CASES, ids=lambda fun: fun.__name__)


def test_every_rule_has_a_case():
    assert set(CASES) >= REGISTERED


@KEYS
@given(data=st.data())
def test_derivatives_match_finite_differences_to_second_order(fun, data):
    f, args = data.draw(CASES[fun])
    tg.check_grad(f, *args)
    tg.check_grad(lambda *args: np.square(f(*args)), *args)  # where f is linear, so that there is a second derivative


@KEYS
@given(data=st.data())
def test_values_are_numpys_own(fun, data):
    f, args = data.draw(CASES[fun])
    y = f(*[tg.Tensor(a) for a in args])
    np.testing.assert_allclose(y.data, f(*args), rtol=1e-12, atol=1e-13)
    assert y.shape == f(*args).shape
    assert y.data.dtype == np.float64


@KEYS
@given(data=st.data())
def test_float32_stays_float32_and_gradients_have_their_tensors_shapes(fun, data):
    f, args = data.draw(CASES[fun])
    if fun is shaping.astype:
        f = abs
    xs, doubles = [tg.Tensor(a, dtype=np.float32) for a in args], [tg.Tensor(a) for a in args]
    y = f(*xs)
    assert y.dtype == np.float32
    y.backward(np.ones(y.shape))
    double = f(*doubles)
    double.backward(np.ones(double.shape))
    for x, d in zip(xs, doubles, strict=True):
        assert x.grad.dtype == np.float32
        assert x.grad.shape == x.shape
        np.testing.assert_allclose(x.grad, d.grad, rtol=2e-3, atol=2e-3)


X = np.random.default_rng(0).uniform(0.5, 1.5, (2, 3, 4))


def check(f, *args):
    """Values by NumPy, first derivatives by finite differences."""
    np.testing.assert_allclose(f(*map(tg.Tensor, args)).data, f(*args), rtol=1e-12, strict=True)
    tg.check_grad(lambda *args: 3 * f(*args), *args, order=1)  # a gradient other than 1 arrives at single numbers too


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("axis", [None, 0, 1, 2, -2, (0, 2), (-1, 0), (2, 0, 1)])
@pytest.mark.parametrize(
    "fun", [np.sum, np.mean, np.prod, np.max, np.min, np.var, np.std, linalg.length, activations.logsumexp]
)
def test_reductions_of_three_axes_along_any_of_them(fun, axis, keepdims):
    check(lambda x: fun(x, axis=axis, keepdims=keepdims), X)


@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.transpose(x, (1, 2, 0)),
        lambda x: np.transpose(x, (0, -1, 1)),
        lambda x: np.moveaxis(x, 0, -1),
        lambda x: np.moveaxis(x, (0, 1), (1, -1)),
        lambda x: np.swapaxes(x, 0, -1),
        lambda x: np.reshape(x, (4, 6), order="F"),
        lambda x: np.ravel(x, order="F"),
        lambda x: np.squeeze(x[:, None, :1], axis=1),
        lambda x: np.expand_dims(x, (0, 2)),
        lambda x: np.broadcast_to(x[:, :1], (5, 2, 3, 4)),
        lambda x: np.prod(x[0, 0], axis=-1),
        lambda x: np.cumsum(x),
        lambda x: np.cumsum(x, axis=1),
        lambda x: np.cumprod(x),
        lambda x: np.cumprod(x, axis=-2),
        lambda x: activations.softmax(x, axis=1),
        lambda x: activations.log_softmax(x, axis=1),
        activations.softmax,
        activations.log_softmax,
    ],
)
def test_arrangements_and_scans_of_three_axes(f):
    check(f, X)


@pytest.mark.parametrize("fun", [np.matmul, operator.matmul, np.dot])
@pytest.mark.parametrize("b", [(3,), (3, 2), (4, 3, 2)])
@pytest.mark.parametrize("a", [(3,), (2, 3), (4, 2, 3), (5, 1, 2, 3)])
def test_products_of_every_pair_of_dimensions(fun, a, b):
    rng = np.random.default_rng(0)
    check(fun, rng.uniform(-1, 1, a), rng.uniform(-1, 1, b))


@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.dot(x, [1.0, 2.0, 3.0, 4.0]),
        lambda x: np.dot([[1.0, 2.0]], x[:, 0]),
        lambda x: np.dot(2.0, x),
        lambda x: np.dot(x, x[0, 0, 0]),
        lambda x: np.concatenate([x[0, 0], [1.0, 2.0], x[0, 0]]),
        lambda x: np.concatenate([x, x[0, 0], [[5.0]]], axis=None),
        lambda x: np.concatenate([x[:1], x, x[:1] ** 2], axis=-3),
        lambda x: np.stack([x, x * x]),
        lambda x: np.stack([x[0], np.ones((3, 4)), x[1]], axis=-1),
        lambda x: np.stack([x[0, 0, 0], 2.0]),
        lambda x: np.vstack([x[0], x[0, 0], [1.0, 2.0, 3.0, 4.0]]),
        lambda x: np.vstack([x, x]),
        lambda x: np.hstack([x[0, 0, 0], 2.0, x[0, 0]]),
        lambda x: np.hstack([x[0], x[1, :, :2]]),
    ],
)
def test_products_and_joins_take_numbers_lists_and_arrays_among_tensors(f):
    check(f, X)


@pytest.mark.parametrize(
    "index",
    [
        (slice(None), [2, 2, 0]),
        (..., [1, 1], None),
        ([0, 0, 1], slice(1, None), [3, 3, 0]),
        (np.array([[0, 0], [1, 0]]), 1),
        (slice(None), np.array([True, False, True])),
        (1, np.int64(2)),
    ],
)
def test_an_index_of_several_parts_may_name_an_element_twice(index):
    check(lambda x: x[index], X)
    v = X[index] + 1
    check(lambda x, v: indexing.setitem(x, index, v), X, v)
    check(lambda v: indexing.scatter(v, index, X.shape), v)


def test_clip_gives_its_bounds_the_gradient_of_what_they_replace():
    low, high = np.array([0.8, 0.7, 0.6, 0.75]), np.array(1.2)
    check(lambda x, low, high: np.clip(x, low, high), X, low, high)
    check(lambda x, low, high: x.clip(min=low, max=high), X, low, high)
    check(lambda x, high: x.clip(max=high), X, high)


@pytest.mark.parametrize("fun", [np.sum, np.mean, np.prod, np.cumsum, np.cumprod, np.max])
def test_the_gradient_of_nothing_is_nothing(fun):
    x = tg.Tensor(np.zeros((0, 3)))
    y = fun(x, axis=1)
    y.backward(np.zeros(y.shape))
    assert x.grad.shape == (0, 3)


@pytest.mark.parametrize("fun", [*sorted(REGISTERED, key=str), *compositions], ids=lambda fun: fun.__name__)
def test_a_rules_defaults_are_its_functions_own(fun):
    table = vjps.get(fun, [compositions.get(fun)])
    own = inspect.signature(fun).parameters
    for rule in table if isinstance(table, (tuple, list)) else [table[0]]:
        for parameter in inspect.signature(rule).parameters.values() if rule else ():
            if parameter.default is not parameter.empty:
                default = own[parameter.name].default
                assert parameter.default == default or (default is np._NoValue and not parameter.default)
