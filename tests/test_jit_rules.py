"""Each function of the table, recorded and replayed: with other values of the same shapes, results equal eager ones.

The random cases are in `cases/`, as for test_rules. Some results depend on decisions (is a coefficient 0? does a matrix
have full rank?). If a decision differs from the recorded one, jit runs the function eagerly; the result is the same.
"""

import operator
import warnings

import numpy as np
import pytest
from cases import CASES
from cases import PAGES as ALL_PAGES
from hypothesis import given
from hypothesis import strategies as st
from strategies import arrays, axes, drawn, seeds, shapes

import tinygrad_edu as tg
from tinygrad_edu.engine.rules import eigenvalues, special
from tinygrad_edu.jit import JitError, passes
from tinygrad_edu.jit.codegen import Plan
from tinygrad_edu.trace.capture import capture
from tinygrad_edu.trace.ir import Snapshot

# SciPy's ufuncs are recorded as NumPy's are; a sample of them is in test_scipy_special.py. Its functions of matrices
# take arrays alone, so jit refuses them.
PAGES = {page: cases for page, cases in ALL_PAGES.items() if not page.startswith(("scipy", "matrix_functions"))}
CANNOT = {np.trim_zeros}  # these cannot be recorded, because the size of their result depends on values
# These are not given infinities or NaN:
FINITE = {
    *[
        f for page in ("linalg", "norms", "decompositions", "polynomials") for f in PAGES[page]
    ],  # LAPACK may treat NaN anyhow
    *[np.geomspace, np.average],  # these raise errors at 0
    *[eigenvalues.eig, np.linalg.eig, np.linalg.eigvals],  # and these at NaN
    *[special.finite, np.nan_to_num],  # their replacements of infinities may overflow when summed
}
EVERY = pytest.mark.parametrize(
    "fun",
    [pytest.param(f, id=f"{page}-{f.__name__}") for page, cases in PAGES.items() for f in cases if f not in CANNOT],
)


def first_order(f, args):
    """Return a function that computes the weighted sum of f and its gradients."""
    y = f(*args)
    weights = np.cos(np.arange(np.size(y))).reshape(np.shape(y))
    return tg.value_and_grad(lambda *xs: np.sum(f(*xs) * weights), argnums=tuple(range(len(args))))


def second_order(f, args):
    """Return a function that computes the sum of the squared gradients of f, and its gradients."""
    first = first_order(f, args)
    return tg.value_and_grad(lambda *xs: sum([np.sum(g * g) for g in first(*xs)[1]]), argnums=tuple(range(len(args))))


def moved(args):
    """Return other values in reversed order, a little larger, which are as far from kinks as the first."""
    return [np.asarray(np.flip(a) * 1.01) for a in args]


def same(found, expected):
    """Check equality to rounding of a value and its gradients."""
    y, gradients = found
    for a, b in zip((y, *gradients), (expected[0], *expected[1]), strict=True):
        assert (a.shape, a.dtype) == (b.shape, b.dtype)
        if not np.array_equal(a, b, equal_nan=True):  # which is faster than the next comparison
            scale = np.max(abs(b), initial=1, where=np.isfinite(b))
            np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12 * scale)


def agree(both, args, others, optimize, nasty=None, backend="numpy"):
    """Check that one recording serves all arguments, and gives the eager results.

    For the nasty arguments there may be a second recording where a NaN arrives in the gradients: this is compared, and
    recorded anew.
    """
    args = list(map(np.asarray, args))
    eager = both(*args)
    check = optimize is True  # the check runs `both` again, as is done here
    jitted = tg.jit(both, optimize=optimize, check=check, backend=backend)
    for values, expected in ((args, eager), (others, both(*others)), (args, eager)):
        same(jitted(*values), expected)
    assert jitted.cache_info().misses == 1
    if nasty is not None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            same(jitted(*nasty), both(*nasty))
            same(jitted(*args), eager)
        assert jitted.cache_info().misses <= 2


def each_alone_agrees(both, args, others):
    """Check that a recording without optimizations, and with each one alone that changes it, gives the eager results.

    The function is recorded once, and this recording is optimized and laid out in each way, as `jit` does it.
    """
    args = list(map(np.asarray, args))
    captured, eager = capture(both, "both", tuple(args), {})
    recorded = Snapshot(captured.rec.program)
    runs = {name: Plan(program, captured, {name} - {""}).run for name, program in each_alone(recorded)}
    for values, expected in ((args, eager), (others, both(*others)), (args, both(*args))):
        for name, run in runs.items():
            found = run(values, {})
            assert isinstance(found, tuple), f"optimize={name!r}: {found}"
            same(found, expected)


def each_alone(recorded):
    """Yield "" and the recorded program, and the name and the changed program for each optimization that changes it.

    The optimization "memory" changes the plan of each program.
    """

    def parts(program):
        return [*[x for call in program.calls for x in (call.fun, call.args, call.kwargs)], *program.outputs()]

    for name in ("", *passes.NAMES):
        program = recorded.restore()
        before = parts(program)
        passes.optimize(program, {name})
        after = parts(program)
        if name in ("", "memory") or len(before) != len(after) or not all(map(operator.is_, before, after)):
            yield name, program


def zeros_ties_infinities_and_nan(draw, args):
    """Return the arguments with 0, 1, infinity or NaN in some of their elements."""
    value = draw(st.sampled_from([0.0, 1.0, np.inf, -np.inf, np.nan]))
    rng = np.random.default_rng(draw(seeds))
    return [np.asarray(np.where(rng.random(np.shape(a)) < 0.4, value, a)) for a in args]


@EVERY
@drawn(3, 200)
@given(data=st.data())
def test_a_replay_agrees_with_eager_also_for_zeros_ties_infinities_and_nan(fun, data):
    """One recording serves both: to record a case takes longer than all replays of it."""
    f, args = data.draw(CASES[fun])
    nasty = None if fun in FINITE else zeros_ties_infinities_and_nan(data.draw, args)
    agree(first_order(f, args), args, moved(args), True, nasty=nasty)


@EVERY
@drawn(2, 200)
@given(data=st.data())
def test_no_optimization_each_alone_and_a_gradient_of_a_gradient_agree_with_eager(fun, data):
    f, args = data.draw(CASES[fun])
    each_alone_agrees(first_order(f, args), args, moved(args))
    agree(second_order(f, args), args, moved(args), True)


# More than the cases: arrays large enough for optimizations, and functions that use one array in several places


@drawn(30, 2000)
@given(data=st.data())
def test_larger_arrays_agree_with_eager(data):
    x = data.draw(arrays(shape=shapes(min_dims=1, min_side=4, max_side=9)))
    fun = data.draw(st.sampled_from([np.sum, np.mean, np.max, np.std]))
    axis, keepdims = data.draw(axes(x.ndim)), data.draw(st.booleans())
    inner = data.draw(st.sampled_from([np.sin, np.square, np.negative, lambda x: 3 * x, lambda x: x * x[::-1]]))
    agree(first_order(lambda x: fun(inner(x), axis=axis, keepdims=keepdims), [x]), [x], moved([x]), True)


def transposed(x):
    y = x * x
    return y + y.T


def product_with_itself(x):
    y = 3 * x
    return y[:1] @ y @ y[:, :1]


def written(x):
    y = np.exp(x)
    row, total = y[1], np.sum(y)
    y[0] = total
    y[2:] *= row
    return y * row + total


def named_twice(x):
    return np.sin(x[np.array([0, -8, 1])]) + x[np.array([1, 1, 0]), np.array([-8, 0, 2])][:, None]


def joined_and_cut(x):
    a, b = np.split(np.concatenate([x, -x, x * x]), [4])
    return np.stack([np.sum(a, axis=0), np.sum(b, axis=0)]) @ b.T


@pytest.mark.parametrize(
    "f", [transposed, product_with_itself, written, named_twice, joined_and_cut], ids=lambda f: f.__name__
)
@pytest.mark.parametrize("order", [first_order, second_order], ids=lambda order: order.__name__)
def test_one_array_in_several_ways(f, order):
    x = np.random.default_rng(0).normal(size=(8, 8))
    agree(order(f, [x]), [x], moved([x]), True)
    each_alone_agrees(order(f, [x]), [x], moved([x]))


# Arguments that take no gradients are recorded too

SOME = np.array([3, 1, 2, 1])
RECORDED = {
    "getitem": lambda x, i: x[i, 1:],
    "setitem": lambda x, i: put(x * x, i, 2.0),
    "mask": lambda x, i: put(x * x, i[:, None] > x, 2.0),
    "take": lambda x, i: np.take(x, 2 * i, axis=1, mode="wrap"),
    "take_along_axis": lambda x, i: np.take_along_axis(x, np.argsort(np.sin(i))[:, None], axis=0),
    "insert": lambda x, i: np.insert(x, i, 7.0, axis=0),
    "roll": lambda x, i: np.roll(x, i[0], axis=0),
    "choose": lambda x, i: np.choose(i, [x, -x, x * x, x + 1]),
    "select": lambda x, i: np.select([i > 2, x > 0], [x, x * x], 0.5),
    "where": lambda x, i: np.where(i > 1, x, 0),
    "ldexp": lambda x, i: np.ldexp(x, i),
    "clip": lambda x, i: np.clip(x, -i / 3, i / 3),
    "sum where": lambda x, i: np.sum(x, axis=0, where=x > i - 2),
    "max initial": lambda x, i: np.max(x, axis=0, initial=i[0]),
    "quantile": lambda x, i: np.quantile(x, i / 4, axis=0),
    "average": lambda x, i: np.average(x, axis=0, weights=i),
    "cov": lambda x, i: np.cov(x, fweights=i, aweights=i),
    "interp": lambda x, i: np.interp(x, np.cumsum(i), i * x[0]),
    "polymul": lambda x, i: np.polymul(np.polymul(i, i), x[0]),
    "polyfit": lambda x, i: np.polyfit(np.cumsum(i), x, 1),
    "lstsq": lambda x, i: np.linalg.lstsq(x[:, :2] + i[:, None] / 9, x[0])[1],
    "slogdet": lambda x, i: np.stack(np.linalg.slogdet(x @ x.T + np.diag(i))),
    "divmod": lambda x, i: x * divmod(i, 2)[1],
    "cross_entropy": lambda x, i: tg.cross_entropy(x, i),
    "vjp": lambda x, i: tg.vjp(np.sin, x)[1](x * i)[0],
    "jacobian": lambda x, i: tg.jacobian(lambda v: np.sin(v) * i)(x[0]),
    "hvp": lambda x, i: tg.hvp(lambda v: np.sum(v**3))(x, x * i),
}


def put(y, index, value):
    y[index] = value
    return y


@pytest.mark.parametrize("f", RECORDED.values(), ids=RECORDED)
@pytest.mark.parametrize("optimize", [True, False])
def test_indices_masks_and_weights_may_be_arguments(f, optimize):
    x = np.random.default_rng(0).normal(size=(4, 4))
    both = tg.value_and_grad(lambda x, i: np.sum(np.sin(f(x, i))))
    agree(lambda x, i: (lambda y, g: (y, (g,)))(*both(x, i)), [x, SOME], [x[::-1] * 1.01, SOME[::-1].copy()], optimize)


# NumPy's operators, which are not always the function of their name


OPERATORS = {
    "square of bool": (lambda x: x**2.0, [True, False]),
    "complex reciprocal": (lambda x: x**-1, [1 + 2j, complex(np.inf, 1), 0]),
    "complex power": (lambda x: x**-1.0, [1 + 2j, complex(np.inf, 1), 3]),
    "complex number": (
        lambda x: (1j * x.sum(), abs(2j / x.max()), x.astype(np.complex64) * (1j * x.sum())),
        [1.0, 2.0],
    ),
    "conjugate": (lambda x: (2j * x.sum()).conjugate() * x.astype(np.complex64), [1.0, 2.0]),
    "inner product": (lambda x: (np.vdot(x, x), np.vdot(x.real, x), np.vecdot(x, x)), [1 + 2j, 2 - 1j, 3]),
    "infinite product": (
        lambda x: x.reshape(-1, 1) @ x.reshape(1, -1),
        [complex(np.inf, 0), 1 - 1j, complex(0, np.nan)],
    ),
    "imaginary part dropped": (lambda x: put(np.abs(x), slice(2), x[::-1][:2]), [1 + 2j, 2 - 1j, 3]),
    "polynomials": (lambda x: np.polydiv(np.polymul(x, x), x[:2]), np.float32([1.7, 0.3, 0.1])),
}


@pytest.mark.parametrize("optimize", [True, False])
@pytest.mark.parametrize("name", OPERATORS)
@pytest.mark.filterwarnings("ignore")
def test_operators_of_numpy_give_the_same_numbers_and_types(name, optimize):
    f, x = OPERATORS[name]
    jitted = tg.jit(f, optimize=optimize, check=False)
    for factor in (1, 3, -2):
        given = np.array(x) if np.array(x).dtype == bool else np.array(x) * np.array(factor, np.array(x).dtype)
        expected, found = f(given.copy()), jitted(given.copy())
        for a, b in zip(*[y if isinstance(y, tuple) else (y,) for y in (expected, found)], strict=True):
            assert (type(a), np.asarray(a).dtype) == (type(b), np.asarray(b).dtype)
            np.testing.assert_array_equal(a, b)


REFUSED = {
    "mask": lambda x, i: x[i > 1],
    "if": lambda x, i: x if (x > 0).all() else -x,
    "float": lambda x, i: x * float(i[0]),
    "item": lambda x, i: x * i[0].item(),
    "asarray": lambda x, i: x * np.asarray(i),
    "trim_zeros": lambda x, i: np.trim_zeros(x[0]),
}


@pytest.mark.parametrize("f", REFUSED.values(), ids=REFUSED)
def test_what_depends_on_values_to_come_cannot_be_recorded(f):
    x = np.random.default_rng(0).normal(size=(4, 4))
    jitted = tg.jit(tg.grad(lambda x, i: np.sum(f(x, i))))
    with pytest.raises(JitError, match=r"the same at every call|later calls would not"):
        jitted(x, SOME)


COUNTED = {
    "nonzero": lambda x, i: x[np.nonzero(i > 1)],
    "where": lambda x, i: x[np.where(i > 1)],
    "flatnonzero": lambda x, i: x[np.flatnonzero(i > 1)],
    "argwhere": lambda x, i: x * len(np.argwhere(i > 1)),
    "compress": lambda x, i: np.compress(i > 1, x, axis=0),
    "extract": lambda x, i: np.extract(x > 0, x),
    "piecewise": lambda x, i: np.piecewise(x, [x < 0, x >= 0], [np.square, np.sin]),
    "repeat": lambda x, i: np.repeat(x, i, axis=0),
    "repeats": lambda x, i: np.repeat(x, repeats=i, axis=0),
    "tile": lambda x, i: np.tile(x, i),
    "delete": lambda x, i: np.delete(x, i, axis=0),
    "insert": lambda x, i: np.insert(x, i > 1, 0.0, axis=0),
    "unique": lambda x, i: x[np.unique(i)],
    "setdiff1d": lambda x, i: x[np.setdiff1d(np.arange(4), i)],
    "bincount": lambda x, i: np.bincount(i, x[0]),
    "split": lambda x, i: np.split(x, np.sort(i))[0],
    "sum": lambda x, i: np.sum(x, axis=i[0] - i[0] % 2 if i.size else 0),
    "broadcast_to": lambda x, i: np.broadcast_to(x, (i[0] + 1, 4, 4)),
    "padded": lambda x, i: np.pad(x, i[0]),
    "diff": lambda x, i: np.diff(x, i[0]),
    "linspace": lambda x, i: np.linspace(0.0, x, 2 + i[0]),
}
MANY = [np.array(i) for i in ([1, 0, 2, 2], [0, 1, 2, 2], [0, 0, 0, 3], [1, 1, 1, 1], [1, 0, 2, 2], [0, 0, 2, 1])]


DIFFERENTIATED = {"where", "compress", "argwhere", "repeat", "delete", "insert", "unique", "bincount", "broadcast_to"}


@pytest.mark.parametrize("name", COUNTED)
@pytest.mark.filterwarnings("ignore:jit:UserWarning")
def test_the_size_of_a_result_that_depends_on_values_is_checked_at_each_call(name):
    x, f = np.random.default_rng(0).normal(size=(4, 4)), COUNTED[name]
    slope = tg.grad(lambda x, i: np.sum(np.sin(f(x, i))))
    for optimize in (True, False):
        for eager in (f, slope) if name in DIFFERENTIATED else (f,):
            jitted = tg.jit(eager, optimize=optimize)
            for i in (MANY[0], *MANY, *MANY):
                np.testing.assert_allclose(jitted(x, i), eager(x, i))
            assert jitted.cache_info().hits > 2


# Decisions that depend on values: checked again at each replay


def test_leading_zeros_are_left_out_of_polynomials_at_each_call():
    f = tg.jit(np.polymul)
    for p in ([1.0, 2.0], [0.0, 2.0], [0.0, 0.0], [3.0, 0.0]):
        for q in ([1.0, 2.0, 0.0], [0.0, 2.0, 1.0]):
            np.testing.assert_allclose(f(np.array(p), np.array(q)), np.polymul(p, q))


def test_weights_that_add_up_to_nothing_are_refused_at_each_call():
    f = tg.jit(tg.grad(lambda x, w: np.average(x, weights=w)))
    f(np.ones(2), np.ones(2))
    with pytest.raises(ZeroDivisionError, match="add up to 0"):
        f(np.ones(2), np.array([1.0, -1.0]))


def test_bounds_of_zero_are_refused_at_each_call():
    f = tg.jit(tg.grad(lambda a, b: np.sum(np.geomspace(a, b, 3))))
    f(np.array(1.0), np.array(2.0))
    with pytest.raises(ValueError, match="no constant factor"):
        f(np.array(1.0), np.array(0.0))


def test_the_rank_decides_about_residuals_at_each_call():
    f = tg.jit(tg.grad(lambda a, b: np.sum(np.linalg.lstsq(a, b)[1] ** 2)))
    full, lacking = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 7.0]]), np.array([[1.0, 2.0], [2.0, 4.0], [3.0, 6.0]])
    assert np.any(f(full, np.array([1.0, 0.0, 0.0])))
    assert not np.any(f(lacking, np.array([1.0, 0.0, 0.0])))


def test_the_table_of_interp_may_be_made_within():
    f = tg.value_and_grad(lambda x: np.interp(x, [0.0, 1.0, 3.0], np.arange(3) ** 2.0).sum())
    jitted = tg.jit(f)
    for x in (np.array([0.5, 2.0]), np.array([2.5, 0.1]), np.array([1.0, 4.0])):
        for found, expected in zip(jitted(x), f(x), strict=True):
            np.testing.assert_array_equal(found, expected)
