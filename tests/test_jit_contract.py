"""The cache, threads and errors of `jit`: what its contract promises beside the numbers."""

import asyncio
import contextlib
import functools
import gc
import inspect
import io
import os
import random
import sys
import threading
import time
import tracemalloc
import warnings
import weakref
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pytest
from jit_attacks.scripts import alone

import tinygrad_edu as tg
from tinygrad_edu.jit import compiled

X, T = np.linspace(-1.0, 1.0, 6).reshape(3, 2), np.ones((3, 1))


def training(seed=0, jit=True, **options):
    """Return a model, its optimizer and a step that trains it."""
    model = tg.nn.MLP([2, 4, 1], rng=seed)
    opt = tg.optim.Adam(model.parameters(), lr=0.05)

    def step(x, t):
        loss = tg.mse_loss(model(x), t)
        opt.minimize(loss)
        return loss.data

    return model, opt, tg.jit(step, **options) if jit else step


def state_of(model, opt, *arrays):
    """Return copies of all that a step may change."""
    found = [np.array(a) for p in model.parameters() for a in (p.data, p.grad) if a is not None]
    return [*found, *[np.array(a) for arrays in opt.state.values() for a in arrays], np.array(opt.steps), *arrays]


def assert_same(found, expected):
    assert len(found) == len(expected)
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_array_equal(a, b)


def replays(jitted, *args):
    """Return whether a call with these arguments is a replay."""
    before = jitted.cache_info().hits
    jitted(*args)
    return jitted.cache_info().hits > before


# Guards of values


def test_another_outcome_of_a_comparison_is_recorded_anew_and_both_recordings_serve():
    mask, rows = np.array([True, False]), np.array([[True, False], [False, True]])
    jitted = tg.jit(lambda x: x[:, mask] if mask.any() else x)
    for i in (0, 1, 0, 1, 1):
        mask[:] = rows[i]
        np.testing.assert_array_equal(jitted(X), X[:, mask])
    assert jitted.cache_info()[:2] == (3, 2)


def test_a_function_that_is_called_while_it_runs_does_not_wait_for_itself(monkeypatch):
    seen = []
    f = tg.jit(lambda x: np.log(x) * 2 + np.sin(x), check=False)
    monkeypatch.setattr(warnings, "showwarning", lambda *_, **__: seen.append(f(X + 9)))
    x = np.array([0.0, 1.0, 2.0])
    with warnings.catch_warnings(), np.errstate(divide="ignore"):
        warnings.simplefilter("always")
        expected = f(x), f(x)
        with np.errstate(divide="warn"):
            np.testing.assert_array_equal(f(x), expected[1])
            np.testing.assert_array_equal(f(x), expected[1])
    np.testing.assert_allclose(seen, [np.log(X + 9) * 2 + np.sin(X + 9)] * len(seen))
    assert seen


@pytest.mark.parametrize("words", [(), ("too large",)], ids=str)
def test_an_error_of_the_function_holds_plain_arrays(words):
    class Diverged(Exception):
        pass

    @tg.jit
    def f(x, limit):
        if limit == 0:
            error = Diverged(x * 2, *words)
            error.at = w + x
            raise error
        return x

    w = tg.Tensor(X)
    for _ in range(2):
        np.testing.assert_array_equal(f(X, 1), X)
        with pytest.raises(Diverged) as raised:
            f(X, 0)
        array, at = raised.value.args[0], raised.value.at.data
        np.testing.assert_array_equal([array, at], [X * 2, X * 2])
        assert type(array) is type(at) is np.ndarray


def test_the_cause_of_an_error_of_the_function_holds_plain_arrays():
    def f(x):
        raise RuntimeError("diverged") from ValueError(x * 2)

    with pytest.raises(RuntimeError) as raised:
        tg.jit(f)(X)
    assert type(raised.value.__cause__.args[0]) is np.ndarray


def test_a_complex_number_that_is_nan_is_no_difference():
    f = tg.jit(lambda x, c: x * c)
    for c in (complex(5, np.nan), complex(5, np.nan), complex(np.nan, 1.0)):
        np.testing.assert_array_equal(f(X, c), X * c)


def test_a_first_call_with_nan_gradients_does_not_leave_the_function_eager():
    model, _, step = training()
    twin, _, plain = training(jit=False)
    for x in (X * np.nan, X, X, X):
        for m in (model, twin):
            m.load_state_dict(tg.nn.MLP([2, 4, 1], rng=1).state_dict())
        step(x, T), plain(x, T)
        for p, q in zip(model.parameters(), twin.parameters(), strict=True):
            np.testing.assert_allclose(p.data, q.data, rtol=1e-12)
    assert replays(step, X, T)


def test_a_guard_that_fails_draws_no_random_numbers():
    flag = np.array(True)

    def f(x, rng):
        noise = rng.normal(size=2)
        return noise * 2 if flag else noise + x

    jitted, a, b = tg.jit(f), np.random.default_rng(0), np.random.default_rng(0)
    for i in range(8):
        flag[()] = i % 2
        np.testing.assert_array_equal(jitted(np.ones(2), a), f(np.ones(2), b))
    assert a.random() == b.random()
    assert jitted.cache_info().hits == 6


def test_guards_that_fail_at_every_call_end_in_eager_calls_with_one_warning():
    mask = np.zeros(8, bool)
    jitted = tg.jit(lambda x: x[mask])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for i in range(1, 41):
            mask[:] = [i >> k & 1 for k in range(8)]
            np.testing.assert_array_equal(jitted(np.arange(8.0)), np.flatnonzero(mask))
    assert jitted.cache_info().misses <= 5
    (warning,) = [str(w.message) for w in caught]
    assert warning.startswith("jit(<lambda>): the outcome of a comparison, the size of a result, or which parameters ")


def test_where_the_other_outcome_cannot_be_recorded_the_function_itself_runs():
    logits = tg.Tensor(np.zeros((2, 3)))
    jitted = tg.jit(lambda classes: tg.cross_entropy(logits, classes).data)
    for _ in range(2):
        jitted(np.array([0, 2]))
    for _ in range(8):
        with pytest.raises(ValueError, match="class numbers go from 0 to 2"):
            jitted(np.array([0, 3]))
    assert replays(jitted, np.array([0, 2]))


# The cache


@dataclass(frozen=True)
class Options:
    rate: float


@pytest.mark.parametrize(
    "new", [float, str, range, lambda i: lambda x: x * i, lambda i: Options(i), lambda i: i], ids=range(6)
)
def test_an_argument_that_is_another_one_at_each_call_ends_in_eager_calls_with_one_warning(new):
    def f(x, option):
        return x * len(type(option).__name__)

    jitted, kept = tg.jit(f), []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for i in range(100, 140):
            kept.append(new(i))
            np.testing.assert_array_equal(jitted(X, kept[-1]), f(X, kept[-1]))
    assert jitted.cache_info().misses <= 5
    assert [str(w.message).split(" is ")[0] for w in caught] == ["jit(f): the argument option"]


class Batch:
    def __init__(self, x):
        self.x = x


class Slotted:
    __slots__ = ("x",)

    def __init__(self, x):
        self.x = x


@pytest.mark.parametrize("kind", [Batch, Slotted, tg.nn.ReLU, tg.Tensor])
@pytest.mark.parametrize("is_given", [True, False])
def test_an_object_that_gets_another_class_is_refused_and_keeps_its_class(kind, is_given):
    other = type("Other", (kind,), {"__slots__": ()} if kind in (Slotted, tg.Tensor) else {})
    held = kind() if kind is tg.nn.ReLU else kind(np.ones(2))

    def f(x, given):
        (held if given is None else given).__class__ = other
        return x * 2

    with pytest.raises(tg.JitError, match="the attribute __class__ of"):
        tg.jit(f)(X, (held if is_given else None))
    assert type(held) is kind


def test_an_argument_that_is_gone_after_each_call_ends_in_eager_calls_with_one_warning():
    for f, new in [(lambda batch: batch.x * 2, Batch), (lambda read: read() * 2, lambda x: lambda: x)]:
        jitted = tg.jit(f)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            for i in range(40):
                np.testing.assert_array_equal(jitted(new(X * i)), X * 2 * i)
        assert jitted.cache_info().misses <= 5
        assert ["is a different one at each call" in str(w.message) for w in caught] == [True]


def test_arguments_that_serve_for_a_while_are_recorded_each():
    jitted = tg.jit(lambda batch: batch.x * 2)
    for i in range(12):
        batch = Batch(X * i)
        assert not replays(jitted, batch)
        assert replays(jitted, batch)


def test_a_replay_in_between_lets_further_arguments_be_recorded():
    jitted = tg.jit(lambda x, n: x * n)
    for n in range(12):
        assert not replays(jitted, X, n)
        assert replays(jitted, X, n)


def test_a_function_whose_argument_comes_to_rest_is_recorded_again():
    jitted = tg.jit(lambda x, n: x * n)
    for n in range(5):  # the first is not counted
        jitted(X, n)
    with pytest.warns(UserWarning, match="argument n"):
        jitted(X, 5)
    for _ in range(64):
        jitted(X, 1000)
    assert replays(jitted, X, 1000)


@pytest.mark.parametrize(
    ("name", "grow"), [("log", lambda net, i: net.log.append(i)), ("counts", lambda net, i: net.counts.update({i: 1}))]
)
def test_a_container_that_grows_from_call_to_call_is_named(name, grow):
    class Net(tg.nn.Module):
        def __init__(self):
            self.layer, self.log, self.counts = tg.nn.Linear(2, 1, rng=0), [], {}

        def forward(self, x):
            return self.layer(x)

    net = Net()
    jitted = tg.jit(lambda x: net(x))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for i in range(8):
            grow(net, i)
            jitted(X)
    assert [str(w.message).split(" is ")[0] for w in caught] == [f"jit(<lambda>): the length of {name}"]
    assert "Keep growing containers outside of the models, lists and dicts" in str(caught[0].message)


def count_iterations(opt, i):
    opt.iterations = i


def change_options(options, i):
    options.scale = float(i)


@pytest.mark.parametrize(
    ("make", "change", "name"),
    [
        (lambda w: tg.optim.LBFGS([w]), count_iterations, "iterations of LBFGS"),
        (lambda w: SimpleNamespace(zero_grad=w.zero_grad, scale=1.0), change_options, "scale of SimpleNamespace"),
    ],
)
def test_an_attribute_that_is_another_one_at_each_call_is_named_with_its_owner(make, change, name):
    w = tg.Tensor(np.ones(2))
    owner = make(w)

    def loss():
        owner.zero_grad()
        y = np.mean((X @ w) ** 2) * getattr(owner, "scale", 1.0)
        y.backward()
        return y

    jitted = tg.jit(loss)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for i in range(8):
            change(owner, i)
            jitted()
    assert [str(w.message).split(" is ")[0] for w in caught] == [f"jit(loss): the attribute {name}"]


def test_a_variable_that_is_another_one_at_each_call_is_named_in_one_warning():
    mask = SimpleNamespace(data=np.ones(2))
    jitted = tg.jit(lambda x: x * mask.data)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for i in range(40):
            mask = SimpleNamespace(data=np.full(2, float(i)))
            np.testing.assert_array_equal(jitted(X), X * i)
    assert jitted.cache_info().misses <= 5
    assert [str(w.message).split(" is ")[0] for w in caught] == ["jit(<lambda>): the variable or attribute mask"]


@pytest.mark.parametrize("n", [2, 3, 4])
def test_arrays_that_are_replaced_in_turns_end_in_replays_without_a_warning(n):
    held = {k: np.zeros_like(X) for k in range(n)}

    def f(x, k):
        held[k] = held[k] + x
        return held[k] * 2

    jitted = tg.jit(f)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for i in range(6 * n):
            np.testing.assert_allclose(jitted(X, i % n), X * 2 * (i // n + 1))
    assert jitted.cache_info().misses <= 3 * n


def test_sixteen_shapes_are_kept_and_the_least_recently_used_goes():
    jitted = tg.jit(lambda x: x * 2)
    for n in range(16):
        jitted(np.ones(n))
    assert all(replays(jitted, np.ones(n)) for n in range(16))
    jitted(np.ones(0))
    jitted(np.ones(99))
    assert jitted.cache_info().currsize == 16
    assert replays(jitted, np.ones(0))
    assert not replays(jitted, np.ones(1))


GROWING = {
    "cache": (lambda x, cache: np.concatenate([cache, x]), lambda n: (np.ones((1, 2)), np.zeros((n, 2)))),
    "list": (lambda xs: sum(x.sum() for x in xs), lambda n: ([np.ones(2)] * n,)),
    "moves": (lambda x, moves: x * len(moves), lambda n: (np.ones(2), (1,) * n)),
}


@pytest.mark.parametrize("kind", list(GROWING))
def test_arguments_that_grow_at_each_call_are_recorded_a_few_times(kind):
    f, arguments = GROWING[kind]
    jitted = tg.jit(f)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for n in range(100):
            np.testing.assert_array_equal(jitted(*arguments(n)), f(*arguments(n)))
    assert jitted.cache_info().misses == 21
    assert [str(w.message).split(" is ")[0] for w in caught] == [
        "jit(<lambda>): the number of the arguments, or the shape or dtype of an array among them,"
    ]
    assert all(replays(jitted, *arguments(n)) for n in range(5, 20))  # those that were recorded stay


def test_new_shapes_are_recorded_if_replays_paid_for_them():
    jitted = tg.jit(lambda x: x * 2)
    for n in range(40):
        for _ in range(65):
            jitted(np.ones(n))
    assert jitted.cache_info().misses == 40


def test_a_shape_that_comes_to_stay_is_recorded_in_the_end():
    jitted = tg.jit(lambda x: x * 2)
    for n in range(30):
        jitted(np.ones(n))
    with pytest.warns(UserWarning, match="runs without jit"):
        [jitted(np.ones(50)) for _ in range(70)]
    assert replays(jitted, np.ones(50))


def test_cache_clear_forgets_recordings_and_counts():
    jitted = tg.jit(lambda x: x * 2)
    jitted(X), jitted(X)
    jitted.cache_clear()
    assert tuple(jitted.cache_info()) == (0, 0, 16, 0)
    np.testing.assert_array_equal(jitted(X), X * 2)


@pytest.mark.parametrize("calls", [1, 2])
def test_parameters_that_are_rebound_do_not_pile_up(calls):
    w = tg.Tensor(np.ones(1_000_000))
    opt = tg.optim.SGD([w], lr=0.1)
    step = tg.jit(lambda x: opt.minimize((w * x).sum()), check=False)
    gc.collect()
    gc.disable()
    tracemalloc.start()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for _ in range(40):
                w.data = np.ones(1_000_000)
                for _ in range(calls):
                    step(2.0)
        held = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
        gc.enable()
    assert held < 5 * 4 * 8_000_000


def test_evicted_recordings_free_their_arrays_without_the_cycle_collector():
    jitted = tg.jit(lambda x: np.sin(np.cos(x) * x).sum(), check=False)
    gc.collect()
    gc.disable()
    tracemalloc.start()
    try:
        for n in range(60):
            jitted(np.ones(100_000 + n))
        most = tracemalloc.get_traced_memory()[0]
        jitted.cache_clear()
        held = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
        gc.enable()
    assert most < 17 * 3 * 800_000
    assert held < 800_000


# The self-check


@pytest.mark.parametrize("options", [{}, {"check": 1}, {"check": False}, {"optimize": False}], ids=str)
def test_a_warning_of_numpy_is_given_once_also_by_a_call_that_is_compared(options):
    jitted = tg.jit(lambda x: np.log(x) / x, **options)
    for _ in range(4):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            jitted(np.array([1.0, 0.0]))
        assert [str(w.message) for w in caught] == ["divide by zero encountered in log"]


RUN = []  # an entry for each event of this name, that a recording does not see
WAITS = []  # functions to call at another event


@pytest.fixture(scope="module", autouse=True)
def hear_events():
    """Hear of events once these tests run: the hook stays, and each `id` and each frame that is read calls it."""

    def hook(event, _):
        if event == "tests.f":
            RUN.append(event)
        elif event == "tests.wait":
            for wait in WAITS.copy():
                wait()

    sys.addaudithook(hook)


@pytest.mark.parametrize(("check", "compared"), [(False, []), (True, [1]), (1, [1, 2, 3, 4, 5, 6]), (3, [1, 4])])
def test_check_says_which_replays_are_compared(check, compared):
    jitted = tg.jit(lambda x: (sys.audit("tests.f"), x * 2)[1], check=check)
    jitted(X)
    found = []
    for i in range(1, 7):
        RUN.clear()
        jitted(X)
        found += [i] * len(RUN)
    assert found == compared


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
@pytest.mark.parametrize("collects", [True, False])
def test_garbage_is_collected_after_a_recording_and_in_a_forked_process_if_it_was_before(collects):
    during, forked = [], []

    def look():
        during.append(gc.isenabled())
        if hasattr(os, "fork") and not (pid := os.fork()):
            os._exit(gc.isenabled())
        forked.append(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) if hasattr(os, "fork") else collects)

    def f(x, fails):
        tg.jit(np.tanh)(np.ones(2))
        sys.audit("tests.wait")
        return float(x) if fails else x

    WAITS.append(look)
    (gc.enable if collects else gc.disable)()
    try:
        for fails in (False, True):
            with contextlib.suppress(tg.JitError):
                tg.jit(f)(np.array(1.0), fails)
            assert gc.isenabled() == collects
    finally:
        gc.enable()
        WAITS.clear()
    assert during == [False, False]
    assert forked == [collects, collects]


FILE = io.BytesIO()
UNSEEN = {
    "time": lambda: 1.0 + time.perf_counter_ns() % 10**6,  # its last digits: in days of uptime nothing else moves
    "a counter of another language": lambda: FILE.write(b"1") + FILE.tell(),
    "random numbers of another source": random.SystemRandom().random,
    "random numbers of the system": lambda: int.from_bytes(os.urandom(4), "little") / 2**32,
}


@pytest.mark.parametrize("unseen", UNSEEN.values(), ids=UNSEEN)
def test_what_a_recording_does_not_see_is_an_error_that_changes_nothing(unseen):
    model = tg.nn.MLP([2, 4, 1], rng=0)
    opt = tg.optim.Adam(model.parameters(), lr=0.05)
    rng, x = np.random.default_rng(0), X.copy()

    @tg.jit
    def step(x, rng):
        loss = tg.mse_loss(model(x + rng.normal(size=2)) * unseen(), T)
        opt.minimize(loss)
        x += 1.0
        return loss.data

    step(x, rng)
    before, drawn = state_of(model, opt, x.copy()), rng.bit_generator.state
    with pytest.raises(tg.JitError, match="does not see"):
        step(x, rng)
    assert_same(state_of(model, opt, x), before)
    assert rng.bit_generator.state == drawn


def test_an_error_of_the_function_within_a_check_leaves_everything_as_it_was():
    model, opt, _ = training()

    def f(x):
        opt.minimize(tg.mse_loss(model(x), T))
        if FILE.write(b"1") and FILE.tell() == end + 2:
            raise KeyError("the second time")

    end, jitted = FILE.tell(), tg.jit(f)
    jitted(X)
    before = state_of(model, opt)
    with pytest.raises(KeyError):
        jitted(X)
    assert_same(state_of(model, opt), before)


def test_a_failed_check_leaves_python_state_as_it_was():
    class Log:
        count = 0

    log, entries, start = Log(), [], time.perf_counter()

    def f(x):
        if time.perf_counter() > start + 0.05:
            log.count += 1
            entries.append(1)
            return x * 3
        return x * 2

    jitted = tg.jit(f)
    jitted(X)
    time.sleep(0.06)
    with pytest.raises(tg.JitError):
        jitted(X)
    assert (log.count, entries) == (0, [])


def test_after_an_error_keys_and_attributes_are_in_the_order_that_they_had():
    rates = {"a": 0.5, "b": 2.0}
    model = tg.nn.Linear(2, 1, rng=0)

    def moving(x):
        weight = model.weight
        del model.weight
        model.weight, rates["a"] = weight, rates.pop("a")
        return model(x) * rates["a"]

    names = [*vars(model)]
    with pytest.raises(tg.JitError, match="was changed"):
        tg.jit(moving)(X)
    assert ([*rates], [*vars(model)]) == (["a", "b"], names)


def test_an_error_of_python_that_names_bytes_is_the_functions_own():
    with pytest.raises(TypeError, match="bytes-like object or a real number, not 'list'"):
        tg.jit(lambda x: x * int([2]))(X)


def test_an_unhashable_array_is_a_type_error_also_in_the_words_of_python_3_14():
    def f(x):
        raise TypeError("cannot use 'trace.traced.Traced' as a dict key (unhashable type: 'numpy.ndarray')")

    with pytest.raises(TypeError, match="unhashable"):
        tg.jit(f)(X)


HAVE_NO_SUCH_VALUE = {
    "float of an array": lambda x: float(x),
    "index of a float": lambda x: [1.0, 2.0][x.sum()],
    "a list times a float": lambda x: [1.0] * np.sin(SCALE),
    "float in a float": lambda x: 1.0 in x.sum(),
    "hash": lambda x: {x: 1.0},
    "format of an array": lambda x: f"{x:.2f}",
}
SCALE = np.array(0.5)


@pytest.mark.parametrize("convert", HAVE_NO_SUCH_VALUE.values(), ids=HAVE_NO_SUCH_VALUE)
def test_what_no_value_of_a_kind_can_be_converted_to_is_a_type_error_that_the_function_may_catch(convert):
    def f(x):
        try:
            return convert(x)
        except TypeError:
            return x * 2

    jitted = tg.jit(f, check=False)
    np.testing.assert_array_equal([jitted(X), jitted(X + 1)], [X * 2, X * 2 + 2])
    assert jitted.cache_info().hits == 1
    with pytest.raises(TypeError):
        tg.jit(convert)(X)


@pytest.mark.parametrize("read_only", [0, 1])
def test_a_write_into_an_array_that_has_become_read_only_fails_before_other_writes_are_made(read_only):
    def f(a, b):
        b *= 2
        a += 1

    def results(f):
        arrays = np.ones(2), np.ones(2)
        f(*arrays)
        f(*arrays)
        arrays[read_only].flags.writeable = False
        with pytest.raises(ValueError, match="read-only"):
            f(*arrays)
        return arrays

    np.testing.assert_array_equal(results(tg.jit(f, check=False)), results(f))


def test_parameters_are_moved_once_if_one_has_become_read_only():
    def results(jit):
        a, b = tg.Tensor([1.0]), tg.Tensor([1.0])

        @jit
        def f(x):
            for p in (a, b):
                p.data -= x

        f(0.5)
        f(0.5)
        b.data.flags.writeable = False
        with pytest.raises(ValueError, match="read-only"):
            f(0.5)
        return a.data, b.data

    assert_same(results(functools.partial(tg.jit, check=False)), results(lambda f: f))


def test_a_check_puts_back_arrays_of_equal_names():
    def adding():
        total = np.zeros(2)

        def add(x):
            total[...] += x
            return total.copy()

        return add

    kept, adders, t = [(np.zeros(2), np.zeros(2))], [adding(), adding()], [tg.Tensor(np.zeros(2)) for _ in range(2)]

    @tg.jit
    def step(x, tensors):
        for part in (*kept[0], tensors["a_b"].data, tensors["a"]["b"].data):
            part += x
        return adders[0](x), adders[1](x)

    for i in range(1, 4):
        totals = step(np.ones(2), {"a_b": t[0], "a": {"b": t[1]}})
        for a in (*kept[0], *[each.data for each in t], *totals):
            np.testing.assert_array_equal(a, np.full(2, float(i)))


def test_a_check_of_a_function_that_only_reads_puts_nothing_back():
    w = tg.Tensor(np.ones(2))

    def f(x):
        return x * 2 + w.data[0] * 0

    jitted = tg.jit(f)
    jitted(X)
    saved = jitted._recordings[0].replay

    def replay(*args, **saved_state):
        np.copyto(w.data, 7.0)  # as another thread would, between the copies of the state and the comparison
        return saved(*args, **saved_state)

    jitted._recordings[0].replay = replay
    jitted(X)
    np.testing.assert_array_equal(w.data, [7.0, 7.0])


# Errors


@pytest.mark.parametrize("setting", ["warnings", "raise", "call"])
@pytest.mark.parametrize("optimizer", [tg.optim.SGD, tg.optim.Adam, tg.optim.RMSprop])
def test_an_error_within_an_update_leaves_everything_as_it_was(setting, optimizer):
    w, v = tg.Tensor([-1.7e308]), tg.Tensor(np.ones(2))
    opt = optimizer([v, w], lr=0.1)
    rng = np.random.default_rng(0)

    @tg.jit
    def step(x):
        opt.minimize((w * x).sum() + (v * rng.random(2)).sum())

    def fail(*args):
        raise FloatingPointError

    def failing_step():
        with warnings.catch_warnings(), np.errstate(over={"warnings": "warn"}.get(setting, setting), call=fail):
            warnings.simplefilter("error")
            step(1.0)

    for _ in range(3):
        step(1.0)
    arrays = [w.data, w.grad, v.data, v.grad, *[a for arrays in opt.state.values() for a in arrays]]
    before, steps, drawn = [a.copy() for a in arrays], opt.steps, rng.bit_generator.state
    opt.lr = 1e308
    with pytest.raises((RuntimeWarning, FloatingPointError)):
        failing_step()
    assert_same([w.data, v.data, *arrays[4:]], [before[0], before[2], *before[4:]])
    assert opt.steps == steps
    if setting == "warnings":  # else the function itself runs, and draws
        assert_same([w.grad, v.grad], [before[1], before[3]])
        assert rng.bit_generator.state == drawn
    opt.lr = 0.1
    step(1.0)


@pytest.mark.parametrize("bad", [np.zeros((2, 2)), np.full((2, 2), 3.0)])
def test_a_singular_matrix_leaves_everything_as_it_was(bad):
    w = tg.Tensor(np.ones(2))
    opt, total = tg.optim.Adam([w], lr=0.1), np.zeros(2)
    rng = np.random.default_rng(0)

    @tg.jit
    def step(a):
        np.add(total, 1.0, out=total)
        opt.minimize((np.linalg.inv(a + rng.normal(size=2) * 0) @ w).sum())

    for _ in range(3):
        step(np.eye(2))
    before = [w.data.copy(), w.grad.copy(), *[np.array(a) for s in opt.state.values() for a in s]]
    steps, drawn, counted = opt.steps, rng.bit_generator.state, total.copy()
    with pytest.raises(np.linalg.LinAlgError):
        step(bad)
    assert_same([w.data, w.grad, *[a for s in opt.state.values() for a in s], total], [*before, counted])
    assert (opt.steps, rng.bit_generator.state) == (steps, drawn)


# Threads


def in_threads(*runs):
    """Run functions at once, each in its own thread; raise the first error."""
    errors = []

    def guarded(run):
        try:
            run()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=guarded, args=(run,), daemon=True) for run in runs]
    for t in threads:
        t.start()
    for t in threads:
        t.join(120)
    assert not any(t.is_alive() for t in threads), "a thread waits for ever"
    if errors:
        raise errors[0]


@pytest.mark.parametrize("rounds", [100])
def test_threads_that_record_and_replay_each_others_functions_compute_what_one_alone_does(rounds):
    ws = [tg.Tensor(np.random.default_rng(i).normal(size=(2, 2))) for i in range(4)]

    def made(i):
        w, v = ws[i % 4], ws[(i + 1) % 4]
        slope = tg.value_and_grad(lambda x: np.sum(np.tanh(x @ w) @ v))
        return tg.jit(tg.no_grad()(slope), optimize=False)  # arrays, though it closes over parameters

    def run(i, functions, results):
        own = made(i)
        _, _, step = training(i, optimize=False)
        for n in range(rounds):
            x = X[: n % 3 + 1] + i
            found = [f(x) for f in (own, functions[(i + n) % len(functions)])]
            if n % 10 == 0:
                own.cache_clear()
            results[i].append([*found, step(X + n % 2, T)])

    def eager(i, results):
        _, _, step = training(i, jit=False)
        results[i] += [step(X, T) for _ in range(rounds)]

    def all_results(at_once):
        functions, results = [made(i) for i in range(8)], [[] for _ in range(10)]
        runs = [lambda i=i: run(i, functions, results) for i in range(8)]
        runs += [lambda i=i: eager(i, results) for i in (8, 9)]
        in_threads(*runs) if at_once else [r() for r in runs]
        return results

    for found, expected in zip(all_results(True), all_results(False), strict=True):
        assert repr(found) == repr(expected)


@pytest.mark.parametrize("same", [True, False])
def test_a_recorded_function_may_wait_for_a_thread_that_records(same):
    w, here, found = tg.Tensor(np.ones(2)), threading.current_thread, {}
    inner = tg.jit(lambda x: x * w.data)

    def wait():
        t = threading.Thread(target=lambda: found.update({here(): (outer if same else inner)(X)}))
        t.start()
        t.join(60)
        assert not t.is_alive()

    def f(x):
        sys.audit("tests.wait")  # which a recording does not see
        return x * w.data

    outer = tg.jit(f)
    main = here()
    WAITS.append(lambda: here() is main and wait())
    for _ in range(3):
        np.testing.assert_array_equal(outer(X), X)
    WAITS.clear()
    assert len(found) == 2  # while f was recorded, and when its first replay was compared
    for y in found.values():
        np.testing.assert_array_equal(y, X)


def test_a_thread_of_the_function_writes_once_into_an_array():
    total = np.zeros(2)

    def filling(x):
        y = np.zeros_like(x)
        in_threads(lambda: np.add(y, x, out=y))
        return y

    def adding(x):
        in_threads(lambda: np.add(total, x, out=total))
        return x * 2

    jitted = tg.jit(filling)
    for factor in (1, 2, 3):
        np.testing.assert_array_equal(jitted(X * factor), X * factor)  # without jit
    np.testing.assert_array_equal(tg.jit(adding)(np.ones(2)), np.full(2, 2.0))
    np.testing.assert_array_equal(total, np.ones(2))


def test_threads_that_share_functions_and_plain_values_alone_record_at_once():
    config, here, others = SimpleNamespace(scale=2.0, name="a"), threading.current_thread, []

    def make():
        w = tg.Tensor(np.ones(2))

        def loss(x):
            sys.audit("tests.wait")  # which a recording does not see
            return tg.mse_loss(Shared().scale(w * x), np.zeros_like(x)) * config.scale

        return tg.jit(loss)

    def other():
        others.append(make())
        others[0](X)

    main = here()
    WAITS.append(lambda: here() is main and in_threads(other))
    make()(X)
    WAITS.clear()
    assert others[0].cache_info().currsize == 1


class Shared:
    def scale(self, x):
        return x * 2

    def shift(self, x):
        return x + SHARED  # a recording runs a copy of this method


@pytest.mark.parametrize("is_first", [True, False])
def test_one_recording_at_a_time_has_a_class_of_which_it_copies_a_method(is_first):
    here, obj, methods = threading.current_thread, Shared(), dict(vars(Shared))

    def make(name):
        def scale(x):
            sys.audit("tests.wait")
            return obj.scale(x)

        def shift(x):
            sys.audit("tests.wait")
            return obj.shift(x)

        return tg.jit(scale if name == "scale" else shift)

    main, first, second = here(), make("shift" if is_first else "scale"), make("scale" if is_first else "shift")
    WAITS.append(lambda: here() is main and in_threads(lambda: second(X)))
    first(X)
    WAITS.clear()
    assert [f.cache_info().currsize for f in (first, second)] == [1, 0]
    assert dict(vars(Shared)) == methods
    for _ in range(2):
        np.testing.assert_array_equal(first(X), X + SHARED if is_first else 2 * X)
        np.testing.assert_array_equal(second(X), 2 * X if is_first else X + SHARED)
    assert dict(vars(Shared)) == methods


def test_what_a_function_that_is_recorded_puts_into_a_shared_object_is_no_value_of_another_recording():
    shared, begun, ended, found = SimpleNamespace(scale=2.0), threading.Event(), threading.Event(), []

    def f(x):
        shared.last = x * shared.scale
        sys.audit("tests.wait")
        return shared.last + 1

    def g(x):
        sys.audit("tests.wait")
        return x + shared.last

    def wait():
        if threading.current_thread() is other:
            begun.set()
            ended.wait(60)
        elif not other.ident:  # f itself runs too, as it gives the object its first value
            other.start()
            begun.wait(60)

    jitted, second = tg.jit(f), tg.jit(g)
    other = threading.Thread(target=lambda: found.append(second(X)))
    WAITS.append(wait)
    np.testing.assert_array_equal(jitted(X), 2 * X + 1)
    WAITS.clear()
    ended.set()
    other.join()
    np.testing.assert_array_equal(found[0], 3 * X)
    assert type(shared.last) is np.ndarray
    for k in (1, 2, 3):
        shared.last = k * X
        np.testing.assert_array_equal(second(X), (k + 1) * X)


SHARED = np.ones(2)


def test_another_thread_finds_the_users_variables_as_they_are_and_may_write_into_them_during_a_recording():
    closed, kinds = np.ones(2), []

    def write():
        global SHARED
        kinds.extend([type(SHARED), type(closed)])
        SHARED += 1

    def f(x):
        y = x * SHARED * closed
        sys.audit("tests.wait")
        return y

    jitted, array = tg.jit(f), SHARED
    WAITS.append(lambda: in_threads(write))
    try:
        jitted(X)
    finally:
        WAITS.clear()
    assert SHARED is array
    assert set(kinds) == {np.ndarray}
    for k in (2.0, 3.0):
        np.testing.assert_array_equal(jitted(X), X * SHARED)
        SHARED[...] = k


def test_another_thread_may_write_into_an_attribute_while_a_function_that_reads_it_is_recorded():
    o = SimpleNamespace(w=np.ones(2))

    def write():
        o.w += 1

    def f(x):
        y = x * o.w
        sys.audit("tests.wait")
        return y

    jitted, array = tg.jit(f), o.w
    WAITS.append(lambda: in_threads(write))
    try:
        jitted(X)
    finally:
        WAITS.clear()
    assert o.w is array
    for k in (2.0, 3.0, 4.0):
        np.testing.assert_array_equal(o.w, [k, k])
        np.testing.assert_array_equal(jitted(X), X * k)
        o.w[...] = k + 1


def test_a_function_of_vectors_is_recorded_and_may_use_recorded_arrays():
    w, calls = tg.Tensor([1.0, 2.0]), []

    def column(c):
        sys.audit("tests.wait")
        return c @ w.data

    WAITS.append(lambda: calls.append(1))
    try:
        jitted = tg.jit(lambda x: np.apply_along_axis(column, 0, x), check=False)
        for k in range(3):
            w.data[0] = k
            np.testing.assert_array_equal(jitted(np.ones((2, 3))), [2.0 + k] * 3)
    finally:
        WAITS.clear()
    assert len(calls) == 3  # while it was recorded: once for each column


def test_a_list_argument_may_hold_other_arrays_at_each_call():
    batch = [X, T]
    jitted = tg.jit(lambda pair: pair[0] * 2 + pair[1])
    for i in range(5):
        batch[0] = X + i
        np.testing.assert_array_equal(jitted(batch), 2 * (X + i) + T)
    assert tuple(jitted.cache_info())[:2] == (4, 1)


def test_arguments_are_not_kept():
    jitted = tg.jit(lambda xs, t: xs[0] * t + xs[1])
    arrays = [np.ones(3), np.ones(3)]
    t = tg.Tensor(np.ones(3))
    gone = [weakref.ref(a) for a in (*arrays, t, t.data)]
    for _ in range(3):
        jitted(arrays, t)
    del arrays, t
    gc.collect()
    assert [r() is None for r in gone] == [True] * 4


def test_an_interrupt_of_a_replay_leaves_nothing_locked():
    f, x = tg.jit(lambda x: x * 2), np.ones(3)
    for _ in range(3):
        f(x)

    def interrupt(frame, event, arg):
        if event == "c_return" and arg.__name__ == "acquire":  # Ctrl-C at the worst moment
            raise KeyboardInterrupt

    profile = sys.getprofile()
    sys.setprofile(interrupt)
    try:
        f(x)
    except KeyboardInterrupt:
        pass
    finally:
        sys.setprofile(profile)
    again = threading.Thread(target=f, args=(x,), daemon=True)
    again.start()
    again.join(10)
    assert not again.is_alive()


def test_threads_that_use_one_function_may_compare_its_first_replays_at_once():
    w, expected = tg.Tensor(np.ones(2)), np.sum(np.exp(X))

    def run(jitted):
        for _ in range(5):
            np.testing.assert_allclose(jitted(X), expected)

    for _ in range(20):
        jitted = tg.jit(lambda x: np.sum(np.exp(x) * w.data))
        jitted(X)
        in_threads(*[functools.partial(run, jitted)] * 4)
        np.testing.assert_array_equal(w.data, 1.0)


def test_tasks_of_asyncio_record_and_replay_within_no_grad_and_without():
    w = tg.Tensor(np.ones(2))
    jitted = tg.jit(lambda x: (w * x).sum())

    async def run(quiet):
        for _ in range(5):
            if quiet:
                with tg.no_grad():
                    await asyncio.sleep(0)
                    assert not jitted(X).requires_grad
            else:
                await asyncio.sleep(0)
                assert jitted(X).requires_grad

    async def all_tasks():
        await asyncio.gather(run(True), run(False), run(True))

    asyncio.run(all_tasks())


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
@pytest.mark.parametrize("what", ["f(x)", "tg.jit(lambda x: (w * x).sum())(x)"], ids=["replays", "records"])
def test_a_forked_process_computes_as_its_parent_while_another_thread_runs(what):
    script = f"""
        w = tg.Tensor(np.ones(1000))
        f = tg.jit(lambda x: (w * x).sum().data)
        x = np.ones(1000)
        f(x), f(x)
        stop = []
        t = threading.Thread(target=lambda: [{what} for _ in iter(lambda: bool(stop), True)], daemon=True)
        t.start()
        for _ in range(30):
            pid = os.fork()
            if not pid:
                os._exit(0 if f(x) == f(x) == f(x) == 1000 and type(w.data) is np.ndarray else 1)
            assert os.waitpid(pid, 0)[1] == 0
        stop.append(1)
        print("ok")
    """
    assert alone(script) == "ok"


def test_objects_of_a_class_that_exec_has_made_are_seen():
    scope = {"tg": tg, "np": np}
    exec(
        """
class Trainer:
    def __init__(self):
        self.w = tg.Tensor(np.ones(2))
        self.opt = tg.optim.Adam([self.w], lr=0.5)

    def step(self, x):
        self.opt.minimize(np.sum(self.w * x))
""",
        scope,
    )
    found = []
    for jitted in (True, False):
        trainer = scope["Trainer"]()
        step = tg.jit(trainer.step) if jitted else trainer.step
        for i in range(5):
            if i == 3:
                trainer.opt = tg.optim.SGD([trainer.w], lr=0.1)
            step(np.arange(2.0))
        found.append((trainer.w.data, trainer.opt.steps))
    np.testing.assert_array_equal(found[0][0], found[1][0])
    assert found[0][1] == found[1][1]


class Special(np.ndarray):
    pass


@pytest.mark.filterwarnings("ignore:the matrix subclass:PendingDeprecationWarning")
@pytest.mark.parametrize("kind", [np.matrix, np.ma.MaskedArray, Special])
def test_arrays_of_other_classes_are_refused_wherever_they_are(kind):
    a = kind(np.ones((2, 2))) if kind is not Special else np.ones((2, 2)).view(Special)
    held = {"a": a}
    with pytest.raises(tg.JitError, match=f"an argument is a {kind.__name__}"):
        tg.jit(lambda a: a * 2)(a)
    for f in (lambda y: a * y, lambda y: held["a"] * y):
        with pytest.raises(tg.JitError, match=f"is a {kind.__name__}; keep a plain array"):
            tg.jit(f)(2.0)


@pytest.mark.filterwarnings("ignore:the matrix subclass:PendingDeprecationWarning")
@pytest.mark.parametrize("kind", [np.matrix, np.ma.MaskedArray, Special])
@pytest.mark.parametrize("text", ["x * a", "np.stack([x, a])", "np.average(x, weights=a)", "[x, a]"])
def test_an_array_of_another_class_that_the_function_makes_is_refused(kind, text):
    f = eval(f"lambda x: [({text}) for a in [np.ones((2, 2)).view(kind)]]", {"np": np, "kind": kind})
    with pytest.raises(tg.JitError, match=f"(of|has) a {kind.__name__}"):
        tg.jit(f)(np.ones((2, 2)))


@pytest.mark.parametrize("text", [
    "np.piecewise(x, [x < 0, x >= 0], [lambda t: t * w.data, 1.0])", "np.piecewise(x, [x < 0], [lambda t: t * m])",
    "np.pad(x, 1, lambda v, width, axis, kwargs: v.fill(0))",
])  # fmt: skip
def test_a_function_that_numpy_calls_is_refused(text):
    f = eval(f"lambda x: [({text}) for m in [x.sum()]]", {"np": np, "w": tg.Tensor(2.0)})
    with pytest.raises(tg.JitError, match="calls a function of yours, and is not recorded"):
        tg.jit(f, check=False)(np.array([1.0, 2.0]))


def test_several_results_by_out_are_refused():
    def f(x):
        out = np.zeros_like(x), np.zeros_like(x)
        return np.divmod(x, 2.0, out=out)

    with pytest.raises(tg.JitError, match="of several arrays is not recorded; use what it returns"):
        tg.jit(f)(np.array([5.0, 3.0]))


def test_arrays_in_files_are_read_and_written_anew_at_each_call(tmp_path):
    a = np.memmap(tmp_path / "a", np.float64, "w+", shape=(2,))

    @tg.jit
    def f(y):
        a[...] = a + y
        return a * y

    for k in range(1, 4):
        np.testing.assert_array_equal(f(2.0), [4 * k, 4 * k])
    a[0] = 0
    np.testing.assert_array_equal(f(2.0), [4, 16])


@dataclass
class Pair:
    first: object
    second: object


@pytest.mark.parametrize("backend", ["numpy", "auto"])
@pytest.mark.parametrize(
    "result",
    [
        lambda y: (y, y), lambda y: [y, {"a": y}], lambda y: ([y],) * 2, lambda y: Pair(y, y),
        lambda y: {"a": [y, 1], "b": y, "c": 1}, lambda y: (y.data, y.data), lambda y: [y, y + 1],
    ],
)  # fmt: skip
def test_what_a_result_holds_twice_is_one_object(result, backend):
    def nodes(part):
        yield part
        for each in (
            vars(part).values() if isinstance(part, Pair) else part.values() if isinstance(part, dict) else part
        ):
            if isinstance(each, (list, tuple, dict, Pair)):
                yield from nodes(each)
            else:
                yield each

    def pattern(value):
        ids = [id(each) for each in nodes(value) if not isinstance(each, int)]
        return [ids.index(i) for i in ids]

    w = tg.Tensor(np.ones(2))
    f = tg.jit(lambda x: result(w * x), backend=backend)
    for _ in range(3):
        assert pattern(f(np.ones(2))) == pattern(result(w * np.ones(2)))


def test_errstate_inside_is_that_of_replays():
    def logarithm(a):
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(np.greater(a, 0), np.log(a), 0)

    def reciprocal(a):
        with np.errstate(divide="raise"):
            return 1 / a

    silent, stopping = tg.jit(logarithm), tg.jit(reciprocal)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for a in (np.ones(2), np.zeros(2), np.array([-1.0, 1.0]), np.zeros(2)):
            np.testing.assert_array_equal(silent(a), logarithm(a))
    for _ in range(3):
        np.testing.assert_array_equal(stopping(np.ones(2)), np.ones(2))
        with pytest.raises(FloatingPointError):
            stopping(np.zeros(2))
    with pytest.raises(tg.JitError, match="seterr"):
        tg.jit(lambda a: (np.seterr(under="warn"), a * 2)[1])(np.ones(2))
    assert np.geterr()["under"] == "ignore"


@pytest.mark.parametrize("mode", ["call", "log"])
def test_what_errors_of_floats_call_is_called_by_the_function_itself(mode):
    class Count:
        def __init__(self):
            self.errors = np.zeros(2)

        def __call__(self, *error):
            self.errors += 1

        write = __call__

    def logarithm(count):
        def logarithm(a):
            with np.errstate(divide=mode, call=count):
                return np.maximum(np.log(a), 0) + count.errors

        return logarithm

    ours, theirs = Count(), Count()
    f, jitted = logarithm(theirs), tg.jit(logarithm(ours), check=False)
    for a in (np.ones(2), np.ones(2), np.zeros(2), np.ones(2)):
        np.testing.assert_array_equal(jitted(a), f(a))
    np.testing.assert_array_equal(ours.errors, theirs.errors)


@pytest.mark.parametrize("action", ["error", "always", "ignore"])
def test_a_function_that_catches_warnings_is_called_itself_and_one_that_ignores_them_is_replayed(action):
    def logarithm(a):
        with warnings.catch_warnings(record=action == "always") as caught:
            warnings.simplefilter(action)
            try:
                y = np.log(a)
            except RuntimeWarning:
                return a * 0
        return y * 2 if caught else y

    jitted = tg.jit(logarithm, check=False)
    for a in (np.ones(2), np.ones(2), np.zeros(2), np.ones(2)):
        np.testing.assert_array_equal(jitted(a), logarithm(a))
    assert jitted.cache_info().hits == (3 if action == "ignore" else 0)


def test_a_draw_takes_an_argument_of_any_name():
    ours, theirs = np.random.default_rng(0), np.random.default_rng(0)
    draw = tg.jit(lambda: ours.standard_exponential(2, method="inv"))
    for _ in range(3):
        np.testing.assert_array_equal(draw(), theirs.standard_exponential(2, method="inv"))


def test_an_error_that_the_function_catches_is_no_branch_of_replays():
    def inverse(a):
        try:
            return np.linalg.inv(a)
        except np.linalg.LinAlgError:
            return a * 0

    def element(x, i):
        try:
            return x[i]
        except IndexError:
            return x.sum()

    x, one, eye = np.arange(3.0), np.ones((2, 2)), np.eye(2)
    for matrices, indices in (((one, one, eye, 2 * eye), (5, 5, 1, 2)), ((eye, eye, one, 2 * eye), (1, 1, 5, 2))):
        f, g = tg.jit(inverse), tg.jit(element)
        for a in matrices:
            np.testing.assert_array_equal(f(a), inverse(a))
        for i in indices:
            assert g(x, np.array(i)) == element(x, np.array(i))


@pytest.mark.parametrize("check", [True, 2, False])
@pytest.mark.parametrize("raises", [True, False])
def test_a_function_that_meets_an_error_counts_it_once(check, raises):
    failures = []

    def inverse(a):
        try:
            return np.linalg.inv(a)
        except np.linalg.LinAlgError as error:
            failures.append(error)
            if raises:
                raise
            return a * 0

    jitted = tg.jit(inverse, check=check)
    for k in (1, 0, 2, 0, 3, 4, 0, 5):
        with contextlib.suppress(np.linalg.LinAlgError):
            jitted(k * np.eye(2))
    assert len(failures) == 3


def test_a_function_that_catches_an_error_at_each_call_is_seldom_recorded(monkeypatch):
    def f(x):
        try:
            return x @ np.ones(3)
        except ValueError:
            return x * 2

    tries, capture, jitted = [], compiled.capture, tg.jit(f)
    monkeypatch.setattr(compiled, "capture", lambda *args: tries.append(args) or capture(*args))
    for _ in range(200):
        np.testing.assert_array_equal(jitted(np.ones(2)), [2, 2])
    assert len(tries) <= 7


GENERATOR = np.random.default_rng(0)


@pytest.mark.parametrize(
    ("compute", "failing", "x"),
    [
        (lambda i: np.power(2, i), [-1, 0], [1, 2]),
        (lambda i: np.repeat(i, i), [-1, 0], [1, 1]),
        (lambda x: np.nanargmax(x) + x, [np.nan, np.nan], [1.0, 2.0]),
        (lambda x: GENERATOR.poisson(x) * 0 + x, [-1.0, 1.0], [1.0, 2.0]),
        (lambda x: 1 / x, [0.0, 1.0], [1.0, 2.0]),
    ],
    ids=["power", "repeat", "nanargmax", "poisson", "warning"],
)
@pytest.mark.parametrize("check", [True, False])
def test_no_error_that_depends_on_values_is_a_branch_of_replays(compute, failing, x, check):
    def f(x):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            try:
                return compute(x)
            except (ValueError, RuntimeWarning):
                return x * 0.5

    jitted = tg.jit(f, check=check)
    for v in (failing, failing, x, failing, x, x):
        np.testing.assert_array_equal(jitted(np.array(v)), f(np.array(v)))


@pytest.mark.parametrize("check", [True, False, 1])
def test_a_warning_that_the_function_ignores_ends_no_replay(check):
    w = tg.Tensor([1.0, 2.0])
    optimizer = tg.optim.SGD([w], lr=0.1)

    def step(x):
        with np.errstate(divide="ignore"):
            y = np.divide(1, x)
        optimizer.minimize(np.sum(w))
        return y

    for fun in (tg.jit(step, check=check), tg.jit(lambda x: step(x), check=check)):
        with np.errstate(all="ignore"):
            for _ in range(3):
                fun(np.zeros(2))
        before = w.data.copy()
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            np.testing.assert_array_equal(fun(np.zeros(2)), [np.inf, np.inf])
        np.testing.assert_allclose(w.data, before - 0.1)
    assert optimizer.steps == 8


def test_recursion_as_deep_as_python_allows_is_that_of_the_function():
    def deep(x, n):
        return x if n == 0 else deep(x, n - 1) + 1

    def endless(x):
        return endless(x) + 1

    def circular(x):
        found = [x * 2]
        found.append(found)
        return found

    depth = sys.getrecursionlimit() - len(inspect.stack()) - 20
    f, g = tg.jit(lambda x: deep(x, depth)), tg.jit(circular)
    for i in range(3):
        x = np.array(i)
        assert f(x) == i + depth
        assert g(x)[1][0] == 2 * i
        with pytest.raises(RecursionError):
            tg.jit(endless)(x)


def test_arguments_that_hold_an_array_of_another_library_are_refused():
    class Frame:
        def __init__(self):
            self.values = np.ones(2)

        def __array__(self, dtype=None, copy=None):
            return self.values

    for argument in (np.poly1d([1, 2]), np.polynomial.Polynomial([1, 2]), Frame(), memoryview(b"1")):
        with pytest.raises(tg.JitError, match=f"an argument is a {type(argument).__name__}; pass a plain array"):
            tg.jit(lambda a, x: x + np.sum(np.asarray(a)))(argument, np.ones(2))


@pytest.mark.parametrize("other", [[1, 2], (1.5, 2.0), [[1, 2], [3, 4]], [True, False]])
def test_a_numpy_number_and_a_list_make_an_array(other):
    for fun in (lambda x: x.max() + other, lambda x: other - x.max(), lambda x: x.max() <= other):
        f = tg.jit(fun)
        for x in (np.arange(3.0), np.arange(3.0), np.arange(4, 7), np.arange(4, 7)):
            given, expected = f(x), fun(x)
            np.testing.assert_array_equal(given, expected)
            assert given.dtype == expected.dtype
