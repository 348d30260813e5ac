"""backend="c" where programs go wrong in silence: integers that overflow, NaN, layouts of memory, threads.

Each test records some dozen calls as one function, so that they are compiled together, and replays it for all cases.
"""

import itertools
import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from test_native import close
from test_native_rules import little_optimization

import tinygrad_edu as tg
from tinygrad_edu.jit.native import compiler

__all__ = ["little_optimization"]
pytestmark = [
    pytest.mark.skipif(compiler.find() is None, reason="needs a C compiler"),
    pytest.mark.filterwarnings("ignore"),
]
OF_TWO = [
    np.add, np.subtract, np.multiply, np.divide, np.floor_divide, np.remainder, np.power, np.greater, np.equal,
    np.bitwise_and, np.bitwise_or, np.bitwise_xor, np.left_shift, np.right_shift, np.logical_xor, np.fmod, np.gcd,
]  # fmt: skip
OF_ONE = [
    np.negative, np.absolute, np.sign, np.invert, np.square, np.logical_not, np.isnan, np.sqrt, np.sum, np.prod, np.max,
    np.min, np.mean, np.any, np.all, np.argmax, np.cumsum, np.diff,
]  # fmt: skip


def known(f, *args):
    """Whether NumPy has a function of these arrays."""
    try:
        f(*args)
    except (TypeError, ValueError):
        return False
    return True


def agree(f, *calls, rtol=1e-14):
    """Check that replays in C give what f gives, values and errors."""
    jitted = tg.jit(f, backend="c", check=False)
    with np.errstate(all="ignore"):
        for args in (calls[0], *calls):
            for a, b in zip(jitted(*args), f(*args), strict=True):
                close(a, b, rtol)
    assert jitted.cache_info().hits
    return jitted


def extremes(dtype):
    if dtype == "?":
        return np.array([True, False, True])
    info = np.iinfo(dtype)
    return np.array([info.min, info.max, 0, 1, 2, 7, 100], dtype)


PAIRS = ["bb", "ii", "ll", "BB", "HH", "LL", "bB", "iI", "lL", "bl", "?b", "??", "LB"]


@pytest.mark.parametrize("pair", PAIRS)
def test_integers_wrap_around_divide_by_zero_and_shift_as_numpys(pair):
    x, y = (np.ascontiguousarray(a.ravel()) for a in np.meshgrid(*map(extremes, pair)))
    z = np.abs(y // 2) if pair[1] != "?" else y  # exponents that are not negative
    with np.errstate(all="ignore"):
        two = [f for f in OF_TWO if known(f, x, z if f is np.power else y)]
        one = [f for f in OF_ONE if known(f, x)]

    def every(x, y, z):
        found = [f(x, z if f is np.power else y) for f in two] + [f(x) for f in one]
        found += [x * 3, x + 1, x > 1, x * 2.5, np.where(x > y, x, y), np.clip(x, 0, 2), x.astype(np.float32)]
        return [*found, *[x.astype(d) for d in "bilBIL?"]]

    agree(every, (x, y, z), (x[::-1].copy(), y[::-1].copy(), z[::-1].copy()))


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16])
def test_numbers_are_clipped_chosen_converted_and_raised_to_powers_as_numpys(dtype):
    x = np.array([0.0, -0.0, 1, -1, 0.5, 2, np.inf, -np.inf, np.nan, 6e4, 5e-5, -2.5, 100.7]).astype(dtype)
    numbers = [2, 3, -1, 0, 0.5, -0.0, np.inf, np.nan, 1 / 3]

    def every(x, y):
        found = [
            g for c in numbers for g in (x + c, c - x, x * c, x**c, c**x, np.where(x > c, x, c), np.clip(x, -c, c))
        ]
        found += [np.clip(x, y, None), np.clip(x, None, y), np.clip(x, y, 1), np.where(x, y, x), np.heaviside(x, y)]
        return [*found, *[np.clip(x, -9, 99).astype(d) for d in "bil"], x.astype(np.float32), x.astype(bool)]

    agree(every, (x, x[::-1].copy()), (x[::-1].copy(), x), rtol={8: 1e-14, 4: 4e-6, 2: 2e-3}[x.itemsize])


def test_arrays_of_any_order_in_memory_are_read_also_where_another_was_recorded():
    x = np.arange(24.0).reshape(4, 6) / 7
    fixed = x.copy()
    fixed.flags.writeable = False
    layouts = [
        x, np.asfortranarray(x), x[::-1, ::-1], np.repeat(x, 3, axis=1)[:, ::3], np.broadcast_to(x[0], (4, 6)),
        x.astype(">f8"), fixed, x.reshape(6, 4).T, np.lib.stride_tricks.as_strided(x, (4, 6), (8, 8)),
    ]  # fmt: skip

    def every(x):
        found = [np.sum(x, 0), np.sum(x, 1), np.exp(-x) * x, x @ x.T, x.T * 2, x[1:, ::2] - x[:-1, 1::2]]
        joined = np.concatenate([x, x[::-1]])
        return [*found, tg.softmax(x, axis=1), joined, x.reshape(3, 8) + 1, np.ravel(x * 2), np.max(x, 0)]

    for first in layouts[:2]:
        agree(every, *[(a,) for a in (first, *layouts)], rtol=1e-13)


@pytest.mark.parametrize("shape", [(0,), (0, 3), (3, 0), (), (1,), (1, 1, 1), (2, 0, 2)], ids=str)
def test_arrays_without_elements_or_axes_are_recorded(shape):
    def every(x):
        found = [np.exp(x) * 2, np.sum(x), x.T * 1, np.prod(x), np.any(x), np.outer(x, x), x == 1]
        return [*found, np.concatenate([np.ravel(x), np.ones(2)]), tg.grad(lambda x: np.sum(x * x))(x)]

    agree(every, (np.ones(shape),), (np.full(shape, 3.0),), (np.full(shape, np.nan),))


def test_arguments_that_share_memory_with_each_other_and_with_parameters():
    x, results = np.arange(8.0), []
    for backend in ("numpy", "c"):
        w = tg.Tensor(np.arange(2.0, 10.0))

        def step(x, y, w=w):
            with tg.no_grad():
                w.data[...] = w.data[::-1] * 0.5 + x * y
                y *= 2
            return np.sum(w * x), x + 0

        jitted = tg.jit(step, backend=backend, check=False) if backend == "c" else step
        for args in [
            (x, x.copy()),
            (x, x.copy()),
            (w.data, w.data.copy()),
            (w.data[::-1], x.copy()),
            (w.data, w.data),
        ]:
            try:
                results.append([backend, np.array(jitted(*args)[1]), w.data.copy()])
            except ValueError as error:  # jit may refuse what shares memory, and says so
                results.append([backend, str(error), w.data.copy()])
    half = len(results) // 2
    for (_, *eager), (_, *ours) in zip(results[:half], results[half:], strict=True):
        if not isinstance(ours[0], str):
            for a, b in zip(ours, eager, strict=True):
                close(a, b, 1e-15)


def test_threads_replay_one_function_and_a_copy_by_pickle_records_its_own():
    jitted = tg.jit(tg.softmax, backend="c")
    arrays = [np.random.default_rng(k).normal(size=(64, 32)) for k in range(4)]
    jitted(arrays[0])

    def agrees(k):
        every = itertools.product(range(50), arrays[k:] + arrays[:k])
        return all(np.allclose(jitted(a), tg.softmax(a), rtol=1e-13, atol=0) for _, a in every)

    with ThreadPoolExecutor(4) as threads:
        assert all(threads.map(agrees, range(4)))
    copy = pickle.loads(pickle.dumps(jitted))
    np.testing.assert_allclose(copy(arrays[1]), jitted(arrays[1]), rtol=1e-15)


@pytest.mark.parametrize("optimize", [True, False])
def test_a_parameter_in_another_order_that_a_later_stretch_reads_first(optimize):
    """The clipped norm is a NumPy call, so the velocity is read in one stretch and its sum made in the next."""
    x, found = np.random.default_rng(0).normal(size=(4, 3)), []
    for backend in (None, "c"):
        model = tg.nn.Linear(3, 2, rng=0)
        opt = tg.optim.SGD(model.parameters(), lr=0.1, momentum=0.5, nesterov=True)

        def step(x, model=model, opt=opt):
            opt.zero_grad()
            np.sum(model(x)).backward()
            tg.optim.clip_grad_norm(opt.params, 0.5)
            opt.step()

        replayed = tg.jit(step, backend=backend, optimize=optimize, check=False) if backend else step
        for _ in range(4):
            replayed(x)
        found.append([p.data for p in opt.params] + opt.state["velocity"])
    for a, b in zip(*found, strict=True):
        close(a, b, 1e-14)


def test_truth_values_of_any_byte_are_true():
    def f(a, b, c):
        return a & b, a ^ b, a == b, a < b, c & a, a[1] == b[1], a[::-1] & True, a * 2.0, a.sum()

    a, b = (np.array(bytes_, np.uint8).view(bool) for bytes_ in ([0, 1, 2, 255], [4, 4, 4, 0]))
    c = np.array(6, np.uint8).view(bool)
    jitted = tg.jit(f, backend="c", check=False)
    for _ in range(2):
        for got, expected in zip(jitted(a, b, c), f(a, b, c), strict=True):
            np.testing.assert_array_equal(got, expected)
