"""vmap: equal to a loop over the members, within other transforms and around them; errors name what has no batch."""

import tracemalloc

import numpy as np
import pytest
from cases import PAGES
from hypothesis import given
from hypothesis import strategies as st
from numpy.lib.stride_tricks import sliding_window_view
from strategies import drawn

import tinygrad_edu as tg

EVERY = pytest.mark.parametrize(
    "fun", [pytest.param(f, id=f"{page}-{f.__name__}") for page, cases in PAGES.items() for f in cases]
)
CASES = {f: case for cases in PAGES.values() for f, case in cases.items()}
RNG = np.random.default_rng(0)
X, W, V = RNG.normal(size=(6, 3)), RNG.normal(size=(3, 4)), RNG.normal(size=(4, 4))
CLASSES = RNG.integers(0, 4, 6)


def loss(W, x, c):
    z = np.tanh(x @ W) @ V
    return tg.logsumexp(z) - z[c]


def each(f, *arrays):
    return np.stack([f(*members) for members in zip(*arrays, strict=True)])


@EVERY
@drawn(2, 125)
@given(data=st.data())
def test_a_batch_of_each_function_equals_a_loop(fun, data):
    """The last member is one that the function was drawn with, and stays in its domain when it shrinks a little."""
    f, args = data.draw(CASES[fun])
    stacks = [np.stack([np.asarray(a, float) * scale for scale in (0.99, 1.0)]) for a in args]
    try:
        expected = each(f, *[[x[0, ...], x[1, ...]] for x in stacks])  # arrays: NumPy 2.0 takes no numbers in astype
    except (ValueError, IndexError, np.linalg.LinAlgError):
        return  # 0.99 leaves the domain
    y = tg.vmap(f, fallback=True)(*stacks)
    np.testing.assert_allclose(y, expected, rtol=1e-12, atol=1e-12)


def test_gradients_of_each_example():
    expected = each(lambda x, c: tg.grad(loss)(W, x, c), X, CLASSES)
    for f in (tg.grad(loss), tg.jit(tg.grad(loss))):
        np.testing.assert_allclose(tg.vmap(f, (None, 0, 0))(W, X, CLASSES), expected, atol=1e-14)
    recorded = tg.jit(tg.vmap(tg.grad(loss), (None, 0, 0)))
    for _ in range(3):
        np.testing.assert_allclose(recorded(W, X, CLASSES), expected, atol=1e-14)
    np.testing.assert_allclose(
        tg.grad(lambda W: np.mean(tg.vmap(loss, (None, 0, 0))(W, X, CLASSES)))(W), expected.mean(0)
    )


@pytest.mark.parametrize("repeats", [1, 3])
def test_products_of_a_column_and_a_row_of_each_member(repeats):
    """Those of long rows are computed element by element, which would also take shapes that no matrix product has."""
    column, row = lambda x: x[:, None], lambda x: np.stack([np.concatenate([x] * repeats)[None] * k for k in (1, 2)])
    np.testing.assert_array_equal(tg.vmap(lambda x: column(x) @ row(x))(X), each(lambda x: column(x) @ row(x), X))
    with pytest.raises(ValueError, match="matmul"):
        tg.vmap(lambda x: column(x) @ column(x))(X)


def test_axes_of_arguments_and_results():
    rows = tg.vmap(lambda a, b: a * b, in_axes=(0, 1))(X, X.T.copy())
    np.testing.assert_array_equal(rows, X * X)
    np.testing.assert_array_equal(tg.vmap(lambda x: x * 2, in_axes=1, out_axes=1)(X), X * 2)
    np.testing.assert_array_equal(tg.vmap(lambda x: np.ones(2))(X), np.ones((6, 2)))
    low, high = tg.vmap(lambda x: (x.min(), {"high": x.max()}))(X)
    np.testing.assert_array_equal(low, X.min(1))
    np.testing.assert_array_equal(high["high"], X.max(1))


def test_trees_of_arguments_and_results():
    params = {"W": W, "b": [np.ones(4), 0.5]}

    def f(p, x):
        return {"z": np.tanh(x @ p["W"] + p["b"][0]) * p["b"][1], "norm": np.sum(x**2)}

    y = tg.vmap(f, (None, 0))(params, X)
    np.testing.assert_allclose(y["z"], np.tanh(X @ W + 1) * 0.5)
    np.testing.assert_allclose(y["norm"], np.sum(X**2, axis=1))
    per_example = tg.vmap(tg.grad(lambda p, x: np.sum(f(p, x)["z"])), (None, 0))(params, X)
    total = tg.grad(lambda p: np.sum(f(p, X)["z"]))(params)
    np.testing.assert_allclose(per_example["W"].sum(0), total["W"])
    np.testing.assert_allclose(per_example["b"][1].sum(), total["b"][1])
    shared = tg.vmap(lambda p, x: p["a"] * p["c"] * x, ({"a": 0, "c": None}, 0))({"a": X[:, 0], "c": 2.0}, X)
    np.testing.assert_allclose(shared, X[:, :1] * 2 * X)


def test_gradients_of_each_example_by_a_module():
    model = tg.nn.Sequential(tg.nn.Linear(3, 4, rng=RNG), tg.nn.Tanh(), tg.nn.Linear(4, 1, rng=RNG))
    g = tg.vmap(tg.grad(lambda model, x: np.sum(model(x))), (None, 0))(model, X)
    for name, p in tg.grad(lambda model: np.sum(model(X)))(model).items():
        np.testing.assert_allclose(g[name].sum(0), p, atol=1e-12)


@pytest.mark.parametrize("transform", [tg.grad, tg.hessian, lambda f: lambda x: tg.jvp(f, [x], [x])[1]])
def test_within_no_grad_results_are_arrays_whatever_the_function_closes_over(transform):
    w = tg.Tensor(W)
    of_each = transform(lambda x: np.sum(np.sin(x @ w)))
    with tg.no_grad():
        y = tg.vmap(of_each)(X)
        np.testing.assert_allclose(y, each(of_each, X), atol=1e-14)
        shared = tg.vmap(lambda x: w)(X)
    assert type(y) is type(shared) is np.ndarray


def test_batches_nest():
    outer = tg.vmap(tg.vmap(lambda a, b: np.sum(np.exp(a * b)), (None, 0)), (0, None))
    np.testing.assert_allclose(outer(X, X), np.exp(X[:, None] * X).sum(-1))


@pytest.mark.parametrize("transform", [tg.jacobian, lambda f: tg.hessian(lambda x: np.sum(f(x)))])
def test_transforms_work_on_each_member(transform):
    g = transform(lambda x: np.tanh(x @ W))
    np.testing.assert_allclose(tg.vmap(g)(X), each(g, X), atol=1e-14)


def test_gradients_go_through_a_batch():
    def total(W):
        return np.sum(tg.vmap(tg.grad(loss), (None, 0, 0))(W, X, CLASSES) ** 2)

    def looped(W):
        return sum(np.sum(tg.grad(loss)(W, x, c) ** 2) for x, c in zip(X, CLASSES, strict=True))

    np.testing.assert_allclose(tg.grad(total)(W), tg.grad(looped)(W), atol=1e-13)


def rounded(make):
    """Return a function with a straight-through rule: its derivative is 1, and that of what it computes 0."""
    if make is tg.primitive:
        f = tg.primitive(lambda x: np.round(x))
        tg.defvjp(f, lambda g, y, x: g)
        return f
    f = tg.custom_vjp(lambda x: np.round(x))
    f.defvjp(lambda x: (np.round(x), None), lambda saved, g: (g,))
    return f


@pytest.mark.parametrize("make", [tg.primitive, tg.custom_vjp])
def test_gradients_through_a_batch_use_the_rules_of_functions_with_rules(make):
    f = rounded(make)
    for g in (tg.grad(lambda X: np.sum(tg.vmap(f, fallback=True)(X))), tg.vmap(tg.grad(lambda x: np.sum(f(x))))):
        np.testing.assert_array_equal(g(X), np.ones_like(X))


def test_constants_within_a_batch_stay_constants():
    f = lambda x: np.sum(tg.stop_gradient(x) * x)
    for g in (tg.grad(lambda X: np.sum(tg.vmap(f)(X))), tg.vmap(tg.grad(f))):
        np.testing.assert_array_equal(g(X), X)


def written(x):
    y = x * 1.0
    z = y[1:]
    z[[0, 1]] = x[:2]
    y[0] = 7
    return y


def added(x):
    y = x * 1.0
    z = y[1:]
    y += 1
    return z * 1.0


def halved(x):
    y = x * 1
    y *= 0.5
    return y


def test_writes_into_members_are_seen_by_views():
    for f in (written, added):
        np.testing.assert_array_equal(tg.vmap(f)(X), each(f, X))
    with pytest.raises(TypeError, match="same_kind"):
        tg.vmap(halved)(X.astype(int))

    def assigned(x):
        y = x * 1.0
        y[0] = y[1] * y[2]
        return np.sum(y**2)

    np.testing.assert_allclose(tg.vmap(tg.grad(assigned))(X), each(tg.grad(assigned), X))
    np.testing.assert_allclose(tg.grad(lambda X: np.sum(tg.vmap(assigned)(X)))(X), each(tg.grad(assigned), X))


FALLBACK = {
    "branch": lambda x: x if x[0] > 0 else -x, "float": lambda x: float(x[0]) * x,
    "array": lambda x: np.array([x[0], x[1]]),
    "interp": tg.grad(lambda x: np.sum(np.interp(x, [0, 2, 9], [0, 1, 5]))),
    "mask": lambda x: np.sum(x[x > 0]), "method": lambda x: np.eye(3).dot(x),
}  # fmt: skip


@pytest.mark.parametrize("f", FALLBACK.values(), ids=FALLBACK)
def test_a_fallback_loops_over_the_members_whatever_stands_in_the_way(f):
    np.testing.assert_allclose(tg.vmap(f, fallback=True)(X), each(f, X))


def test_directions_go_through_batches():
    along = tg.vmap(lambda x: tg.jvp(np.sin, [x], [x])[1])
    np.testing.assert_allclose(tg.grad(lambda X: np.sum(along(X)))(X), np.cos(X) - X * np.sin(X))
    twice = tg.vmap(lambda x: tg.hvp(lambda y: np.sum(y**3))(x, x))
    np.testing.assert_allclose(tg.jvp(twice, [X], [X])[1], 12 * X * X)


def test_what_has_no_batch_is_named_and_looped_over_on_request():
    def f(x):
        return np.unwrap(3 * x)

    with pytest.raises(TypeError, match=r"vmap\(f\): np\.\w+ computes no batch at once; pass fallback=True"):
        tg.vmap(f)(X)
    np.testing.assert_allclose(tg.vmap(f, fallback=True)(X), f(X))


Y = np.random.default_rng(1).normal(size=(3, 3, 4))
BY_RULES_OF_PRIMITIVES = {
    "sort": lambda x: np.sort(x, axis=0) * np.sort(x, axis=None)[3], "partition": lambda x: np.partition(x, 1),
    "quantile": lambda x: np.quantile(x, [0.2, 0.5], axis=0), "quantiles": lambda x: np.quantile(x, [[0.2], [0.9]]),
    "median": lambda x: np.median(x, axis=-1, keepdims=True), "nanmedian": lambda x: np.nanmedian(x),
    "vander": lambda x: np.vander(x[0], 3, increasing=True), "polyval": lambda x: np.polyval(x[0], x),
    "polyval at": lambda x: np.polyval([1.0, 2.0, 3.0], x), "pad": lambda x: np.pad(x, ((1, 2), (0, 1))),
    "pad with": lambda x: np.pad(x, 1, constant_values=((1, 2), (3, 4))), "wrap": lambda x: np.pad(x, 1, mode="wrap"),
    "ramp": lambda x: np.pad(x, 1, mode="linear_ramp", end_values=2),
    "select": lambda x: np.select([x > 1, x[0] > 0], [x, x[0]], 7.0),
    "choose": lambda x: np.choose((x > 0).astype(int), [x[0], x * 2]),
    "maximum": lambda x: np.maximum.accumulate(x, axis=1), "logaddexp": lambda x: np.logaddexp.accumulate(x),
    "reduceat": lambda x: np.maximum.reduceat(x, [0, 2]), "outer": lambda x: np.add.outer(x, x[0]),
    "take": lambda x: np.take(x, (x[0] > 0).astype(int), axis=0), "take flat": lambda x: np.take(x, [5, -1, 5]),
    "softmax": lambda x: tg.softmax(x, axis=0) * tg.logsumexp(x) - tg.log_softmax(x, axis=(0, 1)),
    "diag": lambda x: np.diag(x, 1), "vector on a diagonal": lambda x: np.diag(x[0]), "k": lambda x: np.diag(x[0], -2),
    "diagflat": lambda x: np.diagflat(x, k=1), "diagonal": lambda x: np.linalg.diagonal(x, offset=-1),
    "flipud": lambda x: np.flipud(x) * x[0], "fliplr": lambda x: np.fliplr(x) * x[:, :1], "fix": lambda x: np.fix(x),
    "outer vectors": lambda x: np.linalg.outer(x[0], x[:, 0]), "delete": lambda x: np.delete(x, [0, 2], axis=1),
    "windows": lambda x: sliding_window_view(x, (2, 3)), "expm": lambda x: tg.linalg.expm(x[:, 1:]),
    "convolve": lambda x: np.convolve(x[0], x[:, 1]), "same": lambda x: np.convolve(x[:, 0], x[1], "same"),
    "correlate": lambda x: np.correlate(x[0], [1.0, 2.0]), "shorter": lambda x: np.correlate([1.0, 2.0], x[0], "full"),
    "polymul": lambda x: np.polymul(x[0], x[:, 2]), "of images": lambda x: tg.signal.convolve(x, x[:2, :2], "valid"),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:numpy.fix is deprecated")  # from NumPy 2.5 on
@pytest.mark.parametrize("f", BY_RULES_OF_PRIMITIVES.values(), ids=BY_RULES_OF_PRIMITIVES)
def test_the_librarys_own_operations_compute_batches_at_once_forwards_and_backwards(f):
    np.testing.assert_allclose(tg.vmap(f)(Y), each(f, Y), atol=1e-14)
    gradient = tg.grad(lambda x: np.sum(np.sin(f(x))))
    np.testing.assert_allclose(tg.vmap(gradient, fallback=True)(Y), expected := each(gradient, Y), atol=1e-13)
    np.testing.assert_allclose(tg.grad(lambda Y: np.sum(np.sin(tg.vmap(f)(Y))))(Y), expected, atol=1e-13)


def test_indices_of_each_member_into_a_table_that_all_share():
    """Plain arrays ask no index; one that is repeated along the members, without a copy, is a batch."""
    table, at = np.arange(12.0).reshape(4, 3), np.array([[0, -1], [2, 2]])
    tables = np.broadcast_to(table, (2, 4, 3))
    np.testing.assert_array_equal(tg.vmap(lambda t, i: np.take(t, i, axis=0))(tables, at), table[at])
    np.testing.assert_array_equal(tg.vmap(lambda t, i: t[i], (None, 0), fallback=True)(table, at), table[at])
    g = tg.vmap(tg.grad(lambda t, i: np.sum(np.take(t, i, axis=0))))(tables, at)
    np.testing.assert_array_equal(g[:, :, 0], [[1, 0, 0, 1], [0, 0, 2, 0]])


def test_a_diagonal_and_a_convolution_keep_infinities_and_dtypes_apart():
    x = np.array([[np.inf, 1, 2], [1, np.nan, 2]])
    y = np.array([[1, np.inf], [2, 3]])
    np.testing.assert_array_equal(tg.vmap(np.diag)(x), each(np.diag, x))
    np.testing.assert_array_equal(tg.vmap(np.convolve)(x, y), each(np.convolve, x, y))
    for dtype in (bool, int, np.float32, complex):
        assert tg.vmap(lambda x: np.diag(x, -1))(X.astype(dtype)).dtype == dtype
    assert tg.vmap(np.convolve)(X.astype(np.float32), X.astype(np.float32)).dtype == np.float32


@pytest.mark.parametrize("dtype", [np.int64, np.int8, np.uint8])
def test_integers_are_no_dtype_of_lengths_areas_and_samples(dtype):
    n = np.array([[0, 100, 3], [4, 0, 7], [1, 0, 0]], dtype)
    for f in (
        np.linalg.norm, lambda n: np.linalg.norm(n, 3), np.linalg.vector_norm, np.trapezoid, np.poly,
        lambda n: np.linspace(n[0], n[1], 4), lambda n: np.logspace(n[2], n[2] + 2, 3), lambda n: np.linspace(0, n, 3),
        lambda n: np.geomspace(n[0] + 1, n[1] + 5, 3), lambda n: np.polydiv(n, np.array([2, 1]))[0],
    ):  # fmt: skip
        y = tg.vmap(f)(n)
        assert y.dtype == np.float64
        np.testing.assert_allclose(y, each(f, n.astype(float)))
    assert tg.vmap(lambda x: np.linspace(0, x, 3))(X.astype(np.float32)).dtype == np.float32
    for f in (np.argmax, np.argmin):
        assert tg.vmap(lambda x, f=f: f(x, keepdims=True))(Y).shape == (3, 1, 1)


def test_members_that_are_vectors_are_no_stack_of_matrices():
    """NumPy would take the members for the rows of one matrix."""
    of_matrices = (
        np.linalg.inv, np.linalg.det, np.linalg.cholesky, np.linalg.eigh, np.linalg.eigvals, np.linalg.svd,
        np.linalg.svdvals, np.linalg.qr, np.linalg.pinv, np.linalg.diagonal, np.matrix_transpose, tg.linalg.expm,
    )  # fmt: skip
    for f in of_matrices:
        with pytest.raises(ValueError, match=r"matri|dimension"):
            tg.vmap(f)(np.eye(3) + 0.1)
    with pytest.raises(ValueError, match=r"vmap\(inv\): np\.linalg\.inv takes matrices, and a member has shape \(3,\)"):
        tg.vmap(np.linalg.inv)(np.eye(3))
    with pytest.raises(ValueError, match=r"np\.linalg\.outer takes vectors"):
        tg.vmap(lambda x: np.linalg.outer(x, x))(Y)


def test_an_operation_that_calls_scipy_or_lapack_for_one_matrix_is_named():
    square = Y @ np.swapaxes(Y, 1, 2) + np.eye(3)
    for f, name in {
        tg.linalg.sqrtm: "sqrtm",
        lambda x: tg.linalg.solve_sylvester(x, x, x): "solve_sylvester",
        lambda x: np.linalg.lstsq(x, x)[0]: r"np\.linalg\.lstsq",
    }.items():
        with pytest.raises(TypeError, match=rf"{name} computes no batch at once; pass fallback=True"):
            tg.vmap(f)(square)
        np.testing.assert_allclose(tg.vmap(f, fallback=True)(square), each(f, square), atol=1e-12)


def assigned(y, index, v):
    y[index] = v
    return y


def test_a_plain_array_that_meets_a_batch_is_answered_by_what_takes_it():
    table = np.arange(12.0).reshape(4, 3)
    constant = lambda: tg.Tensor(table, requires_grad=False)
    number = r"compute with NumPy functions, choose with np\.where"
    instead = [
        (lambda x: table[np.argmax(x)], r"read and write tg\.Tensor", lambda x: constant()[np.argmax(x)]),
        (lambda x: table[np.argsort(x), 1], r"read and write tg\.Tensor", lambda x: constant()[np.argsort(x), 1]),
        (lambda x: assigned(table.copy(), np.argmax(x), 1.0), r"read and write tg\.Tensor",
         lambda x: assigned(constant(), np.argmax(x), 1.0)),
        (lambda x: assigned(table.copy(), (0, 1), x[0]), r"read and write tg\.Tensor",
         lambda x: assigned(constant(), (0, 1), x[0])),
        (lambda x: np.diag([x[0], x[1]]), r"np\.stack", lambda x: np.diag(np.stack([x[0], x[1]]))),
        (lambda x: np.array([x[0], x[1]]), r"np\.stack", lambda x: np.stack([x[0], x[1]])),
        (lambda x: x if x[0] > 2 else -x, number, lambda x: np.where(x[0] > 2, x, -x)),
        (lambda x: np.sin(float(x[0])), number, lambda x: np.sin(x[0])),
    ]  # fmt: skip
    for refused, remedy, f in instead:
        with pytest.raises(TypeError, match=rf"^vmap\(<lambda>\): a plain number or array differs .*{remedy}"):
            tg.vmap(refused)(X)
        np.testing.assert_array_equal(tg.vmap(f)(X), [refused(x) for x in X])


def test_errors_name_the_argument_and_the_remedy():
    for f, words in {
        lambda x: np.max(x, where=x < 3, initial=0.0): r"an argument of np\.max differs.*fallback=True",
        lambda x: np.reshape(x, (3, 1), order="F"): r"np\.reshape .*order of C; pass fallback=True",
        lambda x: np.hypot.at(x, 0, 1.0): r"np\.hypot\.at computes no batch",
        lambda x: np.where(x > 0): r"np\.nonzero computes no batch.*fallback=True",
        lambda x: x[x > 0]: "an index .* takes integers alone; pass fallback=True",
        lambda x: np.stack([x, x], dtype=np.float32): r"np\.stack\(\.\.\., dtype=\.\.\.\).*astype.*fallback=True",
        lambda x: np.add(x, 1, out=np.zeros(3)): r"np\.add writes .* plain array; pass fallback=True",
        lambda x: np.outer(x, x, out=np.zeros((3, 3))): r"np\.outer writes .* plain array; pass fallback=True",
        lambda x: x.take([0, 1], 0, np.zeros(2)): r"np\.take writes .* plain array; pass fallback=True",
        lambda x: np.median(x, 0, np.zeros(())): r"np\.median\(\.\.\., out=\.\.\.\).*fallback=True",
        lambda x: np.add.reduce(x, out=np.zeros(())): r"np\.sum writes .* plain array; pass fallback=True",
        lambda x: x.nonzero(): r"ndarray\.nonzero computes no batch.*fallback=True",
    }.items():
        with pytest.raises(TypeError, match=rf"^vmap\(<lambda>\): {words}"):
            tg.vmap(f)(X)
    for f in (np.sum, lambda x: 1.0, lambda x: tg.Tensor(2.0)):
        with pytest.raises(ValueError, match=r"shape \(\) for each member have no place for out_axes=1"):
            tg.vmap(f, out_axes=1)(X)
    with pytest.raises(ValueError, match="no members to loop over"):
        tg.vmap(np.unwrap, fallback=True)(np.zeros((0, 3)))
    with pytest.raises(TypeError, match=r"members of a batch differ in .*, or there are none"):
        tg.vmap(lambda x: np.polymul(x, x))(np.zeros((0, 3)))


OPTIONS = {
    "ravel": lambda x: np.ravel(x.reshape(3, 1) * x, "F"),
    "flatten": lambda x: (x.reshape(3, 1) * x).flatten("F"),
    "concatenate": lambda x: np.concatenate([x, x], dtype=np.float32),
    "stack": lambda x: np.stack([x, x], dtype=np.float32),
    "matmul": lambda x: np.matmul(x[None], W, dtype=np.float32),
    "matmul_wide": lambda x: np.matmul(np.full_like(x, 99, np.int8), np.full(3, 99, np.int8), dtype=np.int64),
    "matmul_axes": lambda x: np.matmul(x[None], W, axes=[(0, 1), (0, 1), (1, 0)]),
    "matmul_out": lambda x: np.matmul(x, W, out=np.zeros(4)),
    "outer_out": lambda x: (y := np.zeros((3, 3)), np.outer(x, x, y))[0],
    "take_out": lambda x: (y := np.zeros(2), x.take([0, 1], out=y))[0],
    "compress_out": lambda x: (y := np.zeros(2), np.compress([1, 0, 1], x, None, y))[0],
    "reduce_out": lambda x: (y := np.zeros(()), np.add.reduce(x, out=y))[0],
    "polyfit": lambda x: np.polyfit([0.0, 1.0, 2.0], x, 1, None, False),
    "add_out": lambda x: np.add(x, 1, where=[True, False, True], out=np.zeros(3)),
    "diff": lambda x: np.diff(x, prepend=[1.0, 2.0], append=x[:1]),
    "names": lambda x: np.outer(b=np.broadcast_to(array=x, shape=(2, 3)), a=x),
    "sort": lambda x: (y := x.copy(), y.sort())[0],
    "copyto": lambda x: (y := np.zeros(3), np.copyto(y, x))[0],
}


def test_a_product_with_a_list_and_into_an_array_of_each_member():
    f = lambda x: np.matmul(x[:, None] > 0, [[True, False]], out=x[:, None] > np.ones(2))
    np.testing.assert_array_equal(tg.vmap(f)(X), each(f, X))
    with pytest.raises(ValueError, match="matmul takes no single numbers"):
        tg.vmap(lambda x: x[0] @ x[:, None])(X)


def test_the_tangent_of_a_constant_that_differs_from_member_to_member_is_0():
    y, t = tg.vmap(lambda x: tg.jvp(lambda z: x, [1.0], [1.0]))(X)
    np.testing.assert_array_equal(y, X)
    np.testing.assert_array_equal(t, 0 * X)


def test_arguments_by_name_are_those_by_position():
    for f in (
        lambda x: np.broadcast_to(x, shape=(2, 3)), lambda x: np.broadcast_to(x, shape=3),
        lambda x: np.outer(x, b=x[:2]), lambda x: np.linalg.solve(V[:3, :3], b=x),
        lambda x: np.linspace(x, 1, 5, True, False, None, 1),
    ):  # fmt: skip
        np.testing.assert_allclose(tg.vmap(f)(X), each(f, X))


@pytest.mark.parametrize("name", OPTIONS)
def test_options_of_functions_hold_for_each_member(name):
    y, expected = tg.vmap(OPTIONS[name], fallback=True)(X), each(OPTIONS[name], X)
    assert y.dtype == expected.dtype
    np.testing.assert_allclose(y, expected, rtol=1e-5)


def test_a_batch_of_no_members():
    for f in (np.sum, tg.grad(lambda x: np.sum(x * 2)), lambda x: 3.0):
        assert tg.vmap(f)(np.zeros((0, 3))).shape == (0, *np.shape(f(np.zeros(3))))


def test_branching_on_a_member_is_refused():
    for f in (lambda x: x if x.sum() > 0 else -x, lambda x: float(x[0]), lambda x: x[x > 0]):
        with pytest.raises(TypeError, match="member to member"):
            tg.vmap(f)(X)


def test_wrong_numbers_of_members_are_refused():
    with pytest.raises(
        ValueError, match=r'\[2, 3\] members: argument 0\["a"\] has 2, argument 0\["b"\]\[0\] has 3; they'
    ):
        tg.vmap(lambda p: p["a"] + p["b"][0])({"a": np.ones(2), "b": [np.ones(3)]})
    with pytest.raises(ValueError, match=r"hold no members; they need the same number"):
        tg.vmap(lambda x: x, None)(np.ones(3))
    with pytest.raises(ValueError, match=r"hold \[5, 6\] members"):
        tg.vmap(np.add)(X, X[:5])
    with pytest.raises(ValueError, match="2 in_axes for 1 arguments"):
        tg.vmap(np.sin, (0, 0))(X)
    with pytest.raises(ValueError, match=r'argument 0\["b"\] of shape \(\) has no axis 0'):
        tg.vmap(lambda p: p["a"])({"a": X, "b": 1.0})
    for axes in ({"a": 0}, [0, 0], True, {"a": 0, "c": 0}):
        with pytest.raises(ValueError, match="argument 0 needs an axis with the keys"):
            tg.vmap(lambda p: p["a"], (axes,))({"a": X, "b": X})
    with pytest.raises(ValueError, match="results of different shapes"):
        tg.vmap(lambda x: x[x > 0], fallback=True)(X)


def test_written_values_lose_leading_axes_of_length_1_as_in_numpy():
    def f(x, v):
        y = x * 1
        y[1] = v
        return y

    x, v = np.ones((4, 2, 3)), np.arange(12.0).reshape(4, 1, 1, 3)
    expected = np.stack([f(a, b) for a, b in zip(x, v, strict=True)])
    np.testing.assert_array_equal(tg.vmap(f)(x, v), expected)
    gradients = tg.vmap(tg.grad(lambda x, v: np.sum(f(x, v) ** 2), argnums=(0, 1)))(x, v)
    np.testing.assert_array_equal(gradients[1], 2 * v)


def test_products_of_vectors_within_two_vmaps():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(5, 3)), rng.normal(size=(4, 3)) * 1j

    def kernel(a, b):
        return np.sin(a) @ np.cos(a * np.abs(b))

    products = (lambda a, b: (a * b) @ (a + b), np.vecdot, lambda a, b: np.vecdot(b, a, axis=-1))
    for f in (kernel, tg.grad(kernel), *products):
        found = tg.vmap(tg.vmap(f, (None, 0)), (0, None))(x, y)
        np.testing.assert_allclose(found, [[f(a, b) for b in y] for a in x])
    with pytest.raises(TypeError, match=r"np\.vecdot of a batch takes axis= alone"):
        tg.vmap(lambda a: np.vecdot(a, a, axis=0))(x)
    for options, kind in (({}, TypeError), ({"fallback": True}, ValueError)):  # as NumPy does for single numbers
        with pytest.raises(kind, match="vecdot"):
            tg.vmap(lambda a: np.vecdot(a, np.ones(1)), **options)(x[:, 0])


@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.tile(x, 2), lambda x: np.tile(x[:2], (3, 2, 1)), lambda x: np.tile(np.outer(x, x), 2),
        lambda x: np.interp(x, np.array([-1.0, 0.0, 1.0]), np.array([0.0, 2.0, 1.0])),
        lambda x: x * np.digitize(x, np.array([-1.0, 0.0])),
        lambda x: np.searchsorted(np.array([-1.0, 0.0]), x, side="right") * x[0],
    ],
)  # fmt: skip
def test_functions_that_compute_all_members_at_once(f):
    x = np.random.default_rng(0).normal(size=(5, 3))
    np.testing.assert_allclose(tg.vmap(f)(x), [f(row) for row in x])
    slope = tg.grad(lambda row: np.sum(np.sin(f(row))))
    np.testing.assert_allclose(tg.vmap(slope)(x), [slope(row) for row in x], atol=1e-14)


def test_counts_and_their_weights_are_those_of_each_member():
    w, i, at = X[:3], np.array([2, 0, 2]), np.array([[0, 1, 1], [3, 3, 3], [2, 0, 3]])
    segments = lambda w, i: np.bincount(i, w, 4)
    loss = lambda w, i: np.sum(np.bincount(i, np.sin(w), minlength=6) ** 3)
    for f, axes, args in (
        (segments, (0, None), (w, i)), (segments, (None, 0), (w[0], at)), (segments, 0, (w, at)),
        (lambda i: np.bincount(i, [1, 2, 3], 5), 0, (at,)), (lambda i: np.bincount(i > 1, None, 2), 0, (at,)),
        (lambda w: np.bincount(i, w.astype(np.float32)), 0, (w,)), (tg.grad(loss), (0, None), (w, i)),
        (tg.grad(loss), 0, (w, at)), (lambda w: tg.hvp(lambda w: loss(w, i))(w, w), 0, (w,)),
    ):  # fmt: skip
        axes = axes if isinstance(axes, tuple) else (axes,) * len(args)
        expected = [f(*[a if n is None else a[k] for a, n in zip(args, axes, strict=True)]) for k in range(3)]
        y = tg.vmap(f, axes)(*args)
        assert y.dtype == expected[0].dtype
        np.testing.assert_allclose(y, expected, rtol=1e-14)
    np.testing.assert_array_equal(tg.jacobian(lambda w: segments(w, i))(w[0]), np.eye(4)[:, i])
    for f in (lambda i: np.bincount(-i), lambda i: np.bincount(i, minlength=-1), lambda i: np.bincount(i, [1.0, 2.0])):
        with pytest.raises(ValueError, match=r"negative|same length"):
            tg.vmap(f)(at)
    with pytest.raises(TypeError, match=r"np\.bincount gives the members no results of one shape"):
        tg.vmap(np.bincount)(at)


def test_a_tensor_that_members_wrote_into_differs_from_member_to_member():
    w = tg.Tensor(np.ones(3))
    constant = lambda: tg.Tensor(np.zeros(3), requires_grad=False)
    for f in (
        lambda x: assigned(constant(), 0, x[0]), lambda x: x * assigned(constant(), 0, x[0]),
        lambda x: x * assigned(w * 1, 0, x[0]), lambda x: tg.Tensor(x).detach() * x,
    ):  # fmt: skip
        expected = [np.asarray(tg.stop_gradient(f(x))) for x in X]
        np.testing.assert_allclose(np.asarray(tg.stop_gradient(tg.vmap(f)(X))), expected)
        nested = tg.vmap(lambda X: tg.vmap(lambda x: f(x) * np.sum(X))(X))(X[None])  # noqa: B023
        np.testing.assert_allclose(np.asarray(tg.stop_gradient(nested))[0], np.array(expected) * X.sum())


def test_members_may_write_into_one_array():
    for write in (lambda x, y: np.add(x, 1, out=y), lambda x, y: np.round(x, 1, y), lambda x, y: y.put(range(3), x)):
        y = np.zeros(3)
        f = lambda x: (write(x, y), {"y": y, "view": y[:2]})[1]  # noqa: B023
        expected = [f(x)["y"].copy() for x in X]
        results = tg.vmap(f, fallback=True)(X)
        np.testing.assert_array_equal(results["y"], expected)
        np.testing.assert_array_equal(results["view"], np.array(expected)[:, :2])


def test_histograms_take_a_loop():
    x = np.random.default_rng(0).normal(size=(5, 8))

    def counts(row):
        return np.histogram(row, bins=3, range=(-2, 2))[0]

    np.testing.assert_array_equal(tg.vmap(counts, fallback=True)(x), [counts(row) for row in x])
    with pytest.raises(TypeError, match=r"np\.histogram computes no batch at once; pass fallback=True"):
        tg.vmap(counts)(x)


def test_a_number_of_a_member_written_into_a_plain_array_takes_a_loop():
    def f(x):
        y = np.zeros(2)
        y[1] = x[0]
        return y

    np.testing.assert_array_equal(tg.vmap(f, fallback=True)(X), each(f, X))
    with pytest.raises(TypeError, match=r"plain number or array differs.*fallback=True"):
        tg.vmap(f)(X)


def test_a_primitive_of_a_numpy_function_has_the_users_rule():
    straight_through = tg.primitive(np.round)
    tg.defvjp(straight_through, lambda g, y, x: g)
    x = np.array([0.3, 1.7])
    batched = tg.vmap(lambda x: 2 * straight_through(x), fallback=True)
    np.testing.assert_array_equal(tg.grad(lambda x: np.sum(batched(x)))(x), [2.0, 2.0])
    np.testing.assert_array_equal(tg.vmap(tg.grad(straight_through))(x), [1.0, 1.0])
    remainder, w = tg.primitive(np.fmod), tg.Tensor(0.7)
    tg.defvjp(remainder, lambda g, y, a, b: g, lambda g, y, a, b: 10 * g)
    np.sum(tg.vmap(lambda x: remainder(x, w), fallback=True)(x)).backward()
    assert w.grad == 20


def test_augmented_assignment_and_shared_tensors_in_a_batch_of_tensors_give_those_of_a_loop():
    def member(row, w):
        y = row * w
        y *= np.sin(row)
        y[0] = w
        y[1:] *= w
        return np.sum(y)

    batch, loop = (lambda x, w: np.sum(tg.vmap(member, (0, None))(x, w))), lambda x, w: sum(member(row, w) for row in x)
    for result, expected in zip(tg.grad(batch, (0, 1))(X, 2.0), tg.grad(loop, (0, 1))(X, 2.0), strict=True):
        np.testing.assert_allclose(result, expected)
    along = tg.vmap(lambda w: tg.grad(batch, 1)(X, w))(np.array([1.0, 2.0]))
    np.testing.assert_allclose(along, [tg.grad(loop, 1)(X, w) for w in (1.0, 2.0)])


def test_a_custom_vjp_of_trees_in_a_batch_has_its_rule_for_each_member():
    def f(x):
        return {"a": (np.sum(x), [x * 2]), "n": None}

    ruled = tg.custom_vjp(f)
    ruled.defvjp(lambda x: (f(x), x), lambda x, g: (3 * g["a"][0] + 2 * g["a"][1][0],))
    np.testing.assert_array_equal(tg.grad(lambda x: np.sum(tg.vmap(ruled)(x)["a"][0]))(X), np.full(X.shape, 3.0))
    y = tg.vmap(lambda x: tg.jvp(ruled, [x], [0 * x])[1]["a"][1][0])(X)  # no gradient arrives at most leaves
    np.testing.assert_array_equal(y, 0 * X)


@pytest.mark.parametrize(
    "fun",
    [lambda x: x[0] + [1.0, 2.0], lambda x: np.where([True, False], x[0], 0.0), lambda x: np.logaddexp([1.0, 2], x[0]),
     lambda x: np.clip([0.1, 2.0], 0.2, x[0]), lambda x: np.outer(x, 2.0), lambda x: np.outer([1.0, 2.0], x[0]),
     lambda x: np.linalg.solve([[2.0, 1.0], [0.0, 3.0]], x[:2])],
)  # fmt: skip
def test_lists_and_numbers_of_python_are_operands_of_each_member(fun):
    x = np.array([[0.3, 1.4, 0.2], [0.5, 0.1, 0.7]])
    np.testing.assert_allclose(tg.vmap(fun)(x), each(fun, x))
    g = tg.grad(lambda x: np.sum(fun(x)))
    np.testing.assert_allclose(tg.vmap(g)(x), each(g, x))


def test_a_jitted_function_that_closes_over_a_member_is_called():
    def f(row):
        return tg.jit(lambda z: np.sin(z) * row)(np.ones(3))

    x = np.array([[0.3, 1.4, 0.2], [0.5, 0.1, 0.7]])
    np.testing.assert_allclose(tg.vmap(f)(x), each(f, x))


FOUR = tg.Tensor(np.ones((4, 3)), label="w")


@pytest.mark.parametrize(
    "f",
    [
        lambda x: x + np.ones(2),
        lambda x: np.ones((2, 2)) * x,
        lambda x: np.add(x, np.ones(2), dtype=float),
        lambda x: x @ FOUR,
        lambda x: np.einsum("i,ij->j", x, FOUR),
        lambda x: np.concatenate([x, np.ones((2, 2))]),
        lambda x: np.stack([x, np.ones(2)]),
        lambda x: x.reshape(2, 2),
        lambda x: x[4],
        lambda x: np.where(x > 0, x, np.ones(2)),
        lambda x: np.linalg.solve(np.ones((2, 2)), x),
        lambda x: np.sum(x, axis=1),
        lambda x: tg.vmap(lambda y: y + np.ones(2))(np.ones((5, 3))) + x,
    ],
)
def test_errors_of_a_batch_are_those_of_a_member(f):
    def message(run):
        with pytest.raises((ValueError, IndexError, TypeError)) as caught:
            run()
        return type(caught.value), str(caught.value)

    assert message(lambda: tg.vmap(f)(np.ones((5, 3)))) == message(lambda: f(np.ones(3)))
    gradient = message(lambda: tg.vmap(tg.grad(lambda x: np.sum(f(x))))(np.ones((5, 3))))
    assert gradient == message(lambda: tg.grad(lambda x: np.sum(f(x)))(np.ones(3)))


def test_too_many_arguments_are_refused():
    with pytest.raises(TypeError, match="softmax takes 2 positional arguments at most, not 3"):
        tg.vmap(lambda x: tg.softmax(x, 0, 1))(X)
    with pytest.raises(TypeError, match="expm takes 1 positional arguments at most, not 2"):
        tg.vmap(lambda x: tg.linalg.expm(x, x[0]))(np.ones((2, 3, 3)))


def test_errors_of_a_users_primitive_and_of_this_library_are_kept():
    calls = []

    @tg.primitive
    def looked_up(x):
        calls.append(x)
        try:
            return {}[x.shape]
        except KeyError as error:
            raise ValueError("no such shape") from error

    with pytest.raises(ValueError, match="no such shape") as caught:
        tg.vmap(looked_up)(X)
    assert isinstance(caught.value.__cause__, KeyError)
    assert len(calls) == 1
    with pytest.raises(ValueError, match=r"np\.split: axis 0 of length 3 does not make 2 equal parts; np\.array_split"):
        tg.vmap(lambda x: np.split(x, 2))(np.ones((5, 3)))
    with pytest.raises(ValueError, match=r"Input must be >= 2-d"):
        tg.vmap(np.fliplr)(np.ones((5, 3)))
    with pytest.raises(ValueError, match=r"np\.diag takes vectors and matrices, and a member has shape \(2, 2, 2\)"):
        tg.vmap(np.diag)(np.ones((2, 2, 2, 2)))


@pytest.mark.parametrize("dtype", [bool, np.int8, np.uint8, np.int64, np.float16, np.complex64])
def test_a_convolution_has_numpys_dtype(dtype):
    x = RNG.uniform(0, 9, (4, 7)).astype(dtype)
    y = tg.vmap(np.convolve)(x, x[:, :3])
    np.testing.assert_allclose(y, each(np.convolve, x, x[:, :3]), rtol=1e-2)
    assert y.dtype == dtype
    np.testing.assert_array_equal(tg.vmap(lambda x: np.diag(x, np.uint8(1)))(x), each(lambda x: np.diag(x, 1), x))


def test_a_convolution_of_long_arrays_takes_no_memory_for_windows():
    x, v = RNG.normal(size=(3, 2000)), RNG.normal(size=(3, 50))
    f = lambda x, v: np.convolve(x, v, "same")
    derivative = tg.grad(lambda x, v: np.sum(f(x, v) ** 2), 1)
    tracemalloc.start()
    try:
        y = tg.vmap(f)(x, v)
        assert tracemalloc.get_traced_memory()[1] < 10 * y.nbytes
    finally:
        tracemalloc.stop()
    np.testing.assert_allclose(y, each(f, x, v), rtol=1e-12)
    np.testing.assert_allclose(tg.vmap(derivative)(x, v), each(derivative, x, v), rtol=1e-12)
    assert tg.vmap(f)(x[:0], v[:0]).shape == (0, 2000)
