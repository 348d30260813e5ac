"""Arrays and tables of other libraries on either side of a Tensor, and who asks for a plain array."""

import math
import operator
import re
import subprocess
import sys

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
import scipy.linalg
import scipy.sparse
import scipy.stats

import tinygrad_edu as tg

mpl.use("Agg")
import matplotlib.pyplot as plt


@pytest.fixture(autouse=True)
def _figures_are_closed():
    yield
    plt.close("all")


OPERATORS = [
    operator.add, operator.sub, operator.mul, operator.truediv, operator.pow, operator.mod, operator.floordiv,
    operator.lt, operator.ge, operator.eq, operator.ne,
]  # fmt: skip
COLUMNS = {
    "Series": pd.Series([4.0, 5.0, 6.0], index=[7, 8, 9]), "Index": pd.Index([4.0, 5.0, 6.0]),
    "integers": pd.Series([4, 5, 6]), "booleans": pd.Series([True, True, True]),
    "nullable": pd.Series([4, 5, 6], dtype="Int64"), "float32": pd.Series([4, 5, 6], dtype=np.float32),
}  # fmt: skip


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("op", OPERATORS, ids=lambda op: op.__name__)
@pytest.mark.parametrize("x", [[1.0, 2.0, 3.0], 2.0])
def test_a_column_computes_as_its_array_does_on_either_side(op, column, x):
    c = COLUMNS[column]
    a = c.to_numpy().astype(float)
    for f, expected in ((lambda t: op(t, c), lambda t: op(t, a)), (lambda t: op(c, t), lambda t: op(a, t))):
        s, t = tg.Tensor(x), tg.Tensor(x)
        y, z = f(s), expected(t)
        assert type(y) is type(z)
        if isinstance(y, tg.Tensor):
            assert type(y.data) is np.ndarray
            y.sum().backward()
            z.sum().backward()
            np.testing.assert_allclose(s.grad, t.grad)
            y, z = y.data, z.data
        np.testing.assert_array_equal(y, z)


@pytest.mark.parametrize("column", COLUMNS)
def test_a_column_is_an_argument_of_functions(column):
    c, t = COLUMNS[column], tg.Tensor([1.0, 2.0, 3.0])
    a = c.to_numpy().astype(float)
    calls = [
        lambda c: np.add(t, c), lambda c: np.maximum(t, c), lambda c: np.where(t > 1, t, c), lambda c: np.dot(t, c),
        lambda c: np.concatenate([t, c]), lambda c: np.stack([c, t]), lambda c: np.clip(t, 0, c), lambda c: t @ c,
        lambda c: np.einsum("i,i->", c, t), lambda c: tg.mse_loss(t, c), lambda c: np.outer(t, c),
    ]  # fmt: skip
    for f in calls:
        y = f(c)
        assert type(y.data) is np.ndarray
        np.testing.assert_allclose(y.data, f(a).data)
    y = t * 1.0
    y[...] = c
    np.testing.assert_array_equal(y.data, a)
    (t * 1.0).backward(c)
    np.testing.assert_array_equal(t.grad, a)
    x = tg.Tensor(c)
    x.data -= 1
    np.testing.assert_array_equal(c.to_numpy(), a)
    np.testing.assert_array_equal(t[c > 4.5 if column != "booleans" else [False, True, True]].data, [2, 3])
    np.testing.assert_array_equal(tg.grad(lambda v: np.sum(v * v))(c * 1.0), 2 * a)


def test_a_table_computes_as_its_array_does():
    table, w = pd.DataFrame({"a": [1.0, 2.0], "b": [3, 4]}), tg.Tensor([[1.0], [2.0]])
    a = table.to_numpy()
    row = tg.Tensor([1.0, 2.0])
    for y, z in ((table * row, a * row), (row - table, row - a), (w.T @ table, w.T @ a), (table + w, a + w)):
        np.testing.assert_array_equal(y.data, z.data)
    for f in (lambda: table @ w, lambda: np.matmul(table, w), lambda: table.dot(w)):
        with pytest.raises(TypeError, match=r"pandas takes arrays: Tensor takes gradients.*table\.to_numpy\(\)"):
            f()


@pytest.mark.parametrize("symbol", ["add", "sub", "mul", "truediv", "floordiv", "mod", "pow"])
def test_a_table_is_left_as_it_is_where_a_tensor_would_be_written_into_it(symbol):
    op = getattr(operator, f"i{symbol}")
    column, table = pd.Series([1.0, 2.0]), pd.DataFrame({"a": [1.0, 2.0], "b": [3.0, 4.0]})
    for x in (tg.Tensor([1.0, 2.0]), tg.Tensor(2.0).detach(), tg.Value(2.0)):
        for given in (column, table):
            before = given.copy()
            with pytest.raises(TypeError, match=r"pandas takes arrays: .*table\.to_numpy\(\)"):
                op(given, x)
            assert given.equals(before)
    assert isinstance(getattr(operator, symbol)(pd.Index([1.0, 2.0]), tg.Tensor([1.0, 2.0])), (tg.Tensor, np.ndarray))


def test_all_attributes_are_readable_in_the_outermost_lines_of_a_program():
    """Where no function has called: the priority among tables asks who reads it."""
    program = "import tinygrad_edu as tg\nfor x in (tg.Tensor(1.0), tg.Value(1.0)): print(x.__pandas_priority__)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["5000", "5000"]


def test_values_that_are_no_numbers_are_refused():
    x = tg.Tensor([1.0, 2.0])
    for c in (pd.Series(["a", "b"]), pd.Series(["a", "b"], dtype="category"), pd.to_datetime(["2020", "2021"])):
        with pytest.raises(TypeError, match="with a Tensor"):
            x * c
    y = x * pd.Series([1, None], dtype="Int64")
    np.testing.assert_array_equal(y.data, [1, np.nan])
    masked = np.ma.array([1.0, 2.0], mask=[0, 1])
    for f in (
        lambda: x * masked, lambda: masked * x, lambda: np.maximum(x, masked), lambda: np.where(x > 1, x, masked),
        lambda: np.concatenate([x, masked]), lambda: np.stack([masked, x]), lambda: np.einsum("i,i", x, masked),
        lambda: tg.mse_loss(x, masked), lambda: tg.grad(np.sum)(masked),
    ):  # fmt: skip
        with pytest.raises(TypeError, match=r"would lose its mask: choose with np\.where.*, \.filled\(value\)"):
            f()
    with pytest.raises(TypeError, match="a Value is one number, and this is an array"):
        tg.Value(1.0) * pd.Series([1.0, 2.0])


@pytest.mark.filterwarnings("ignore:the matrix subclass")
def test_a_matrix_of_numpy_is_refused_as_its_operators_compute_something_else():
    m, x = np.matrix([[1.0, 2.0], [3.0, 4.0]]), tg.Tensor(np.eye(2))
    for f in (lambda: m * x, lambda: x * m, lambda: x**m, lambda: np.multiply(m, x), lambda: np.where(x > 0, x, m)):
        with pytest.raises(TypeError, match=r"an np\.matrix with a Tensor: .* write np\.asarray\(a\)"):
            f()
    assert type(tg.Tensor(m).data) is np.ndarray


class Foreign:
    """An array of another library: it becomes NumPy's in silence wherever NumPy meets it."""

    shape = (2,)

    def __array__(self, dtype=None, copy=None):
        return np.ones(2)


@pytest.mark.parametrize(
    "module", ["cupy", "torch", "jaxlib._jax", "tensorflow", "array_api_strict._array_object", "other"]
)
def test_arrays_of_other_libraries_are_refused_by_name(module):
    members = {"__array_namespace__": None} if module == "other" else {}
    a = type("ndarray", (Foreign,), {"__module__": module, **members})()
    x = tg.Tensor([1.0, 2.0])
    calls = [
        lambda: x * a, lambda: a - x, lambda: x**a, lambda: x < a, lambda: np.add(x, a), lambda: np.maximum(a, x),
        lambda: np.concatenate([x, a]), lambda: np.where(x > 1, x, a), lambda: tg.Tensor(a), lambda: x.backward(a),
        lambda: np.dot(x, a), lambda: tg.grad(np.sum)(a), lambda: x.detach().__setitem__(0, a), lambda: a @ x,
        lambda: tg.Value(1.0) * a, lambda: x @ a, lambda: np.clip(x, a, 2.0), lambda: setattr(x, "data", a),
        lambda: tg.mse_loss(x, a),
    ]  # fmt: skip
    for f in calls:
        with pytest.raises(TypeError, match=rf"a {module.partition('.')[0]}\.ndarray with a Tensor.*convert it first"):
            f()


def test_a_sparse_matrix_is_refused_with_the_remedy():
    with pytest.raises(TypeError, match=r"a sparse .* write a\.toarray\(\)"):
        tg.Tensor(np.ones(3)) * scipy.sparse.eye(3)
    with pytest.raises(TypeError, match=r"sparse arrays take arrays: .* write a\.toarray\(\)"):
        scipy.sparse.eye(3) @ tg.Tensor(np.ones(3))


def test_a_list_of_tensors_beside_an_operator_is_answered_with_stack():
    x = tg.Tensor([1.0, 2.0])
    with pytest.raises(TypeError, match=r"^Tensor takes gradients, and an array would lose them; np\.stack"):
        x * [x[0], x[1]]


@pytest.mark.parametrize(
    ("f", "remedy"),
    [
        (lambda x: np.sum([x[0], x[1]]), "np.stack"), (lambda x: np.where(x > 1, x, [x[0], x[1]]), "np.stack"),
        (lambda x: np.outer(x, [x[0]]), "np.stack"), (lambda x: np.full(3, x[0]), "np.broadcast_to(value, shape)"),
        (lambda x: np.float32(x), ".astype"),
    ],
)  # fmt: skip
def test_functions_that_make_arrays_of_tensors_say_what_to_write(f, remedy):
    with pytest.raises(TypeError, match=rf"np\.(sum|where|outer|full|float32)\(.*{re.escape(remedy)}"):
        f(tg.Tensor([1.0, 2.0]))


def test_a_value_refuses_complex_numbers_on_either_side():
    x = tg.Value(1.0)
    for f in (lambda: 1j * x, lambda: x + 1j, lambda: x / 1j, lambda: np.complex64(1j) * x):
        with pytest.raises(TypeError, match=r"complex.* real number|complex128"):
            f()


X = tg.Tensor([1.0, 2.0, 3.0], label="x")
ARRAYS_WANTED = {
    r"^np\.array\(\.\.\.\): Tensor .*np\.stack": lambda: np.array([X[0], X[1]]),
    r"^np\.asarray\(\.\.\.\): Tensor 'x'.*np\.stack": lambda: np.asarray(X),
    r"^tg\.Tensor\(\.\.\.\): Tensor .*np\.stack": lambda: tg.Tensor([X[0], X[1]]),
    r"^np\.vectorize\(\.\.\.\): Tensor 'x'.*all elements at once": lambda: np.vectorize(math.sin)(X),
    r"^np\.r_\[\.\.\.\]: .*np\.stack": lambda: np.r_[[X[0], 1.0], X],
    r"^np\.c_\[\.\.\.\]: .*np\.stack": lambda: np.c_[[X[0], 1.0], X[:2]],
    r"^np\.arange\(\.\.\.\): .*it has no rule": lambda: np.arange(X[0]),
    r"\.normal\(\.\.\.\): .*loc \+ scale \*": lambda: np.random.default_rng(0).normal(X),
    r"^array\[\.\.\.\] = \.\.\.: .*np\.stack": lambda: operator.setitem(np.zeros(3), slice(None), X) or store(X),
    r"^scipy takes arrays: .*@tg\.primitive": lambda: scipy.linalg.logm(np.outer(X, X)),
    r"^scipy\.linalg\.expm takes arrays: .*tg\.linalg\.expm takes Tensors": lambda: scipy.linalg.expm(np.outer(X, X)),
    r"^scipy\.stats' pdf takes arrays: Tensor 'x'": lambda: scipy.stats.norm.pdf(X),
    r"^matplotlib takes arrays: .*\.data to draw it": lambda: plt.scatter(X, X),
}


def store(x):
    np.zeros(3)[:] = x


@pytest.mark.parametrize("words", ARRAYS_WANTED)
def test_who_asks_for_an_array_is_named(words):
    with pytest.raises(TypeError, match=words) as error:
        store(X) if words.startswith("^array") else ARRAYS_WANTED[words]()
    assert "takes gradients" in str(error.value)
    assert ".detach()" in str(error.value)


def test_matplotlib_draws_constants_and_names_the_remedy_for_others():
    for t in (X, X * 2):
        with pytest.raises(TypeError, match=r"matplotlib draws arrays, and Tensor.* is not one; pass its \.data"):
            plt.plot(t)
        plt.plot(t.detach())
    plt.close("all")


def test_a_value_outside_a_functions_domain_says_which():
    for f, kind, words in (
        (lambda v: v.log(), ValueError, r"np\.log\(v = -1\.0\): .*take numbers above 0"),
        (lambda v: v.sqrt(), ValueError, r"np\.sqrt\(v = -1\.0\)"),
        (lambda v: v**0.5, ValueError, r"np\.power\(v = -1\.0, 0\.5\): \(-1\.0\) \*\* 0\.5 is not a real number"),
        (lambda v: (v * -1000).exp(), OverflowError, r"np\.exp\(Value = 1000\.0\): .*too large for a float"),
        (lambda v: (v * -10) ** 400, OverflowError, r"np\.power\(Value = 10\.0, 400\)"),
        (lambda v: v / 0, ZeroDivisionError, r"np\.divide\(v = -1\.0, 0\)"),
        (lambda v: (v + 1) ** -1, ZeroDivisionError, r"np\.power\(Value = 0\.0, -1\)"),
    ):
        with pytest.raises(kind, match=words):
            f(tg.Value(-1.0, label="v"))


def test_what_an_array_is_asks_for_no_import_of_masked_arrays():
    code = """
import sys, numpy as np, tinygrad_edu as tg
x = tg.Tensor([1.0, 2.0])
w, rows = x * np.int32(2), np.ones((4, 2), np.float32)
tg.jit(lambda a: np.sum(a * x))(rows)
tg.predict(tg.nn.Linear(2, 1, rng=0), rows)
print("numpy.ma" in sys.modules)
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "False\n"
