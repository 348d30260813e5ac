"""The seam of the engine: watchers see what is recorded and passed back, in the thread that turned them on."""

import threading
from contextvars import ContextVar

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_edu as tg
from tinygrad_edu.engine.mode import Contributions, Watcher, error_modes, paused, watchers, watching


class Log(Watcher):
    """Keeps all that a watcher is told."""

    def __init__(self):
        self.seen = []

    def recorded(self, y):
        self.seen.append(y.fun)

    def contribution(self, contribute):
        self.seen.append("pass")
        return contribute

    def finished(self, pairs):
        self.seen.append([x.label for x, _ in pairs])


def test_a_watcher_sees_operations_and_passes_in_order():
    x, y = tg.Tensor(2.0, label="x"), tg.Tensor(3.0, label="y")
    with watching(Log()) as log:
        z = np.sin(x) * y
        z.backward()
    z.backward()
    assert log.seen == [np.sin, np.multiply, "pass", ["y", "x"]]


def test_contributions_hold_what_each_rule_passed_on():
    a, b = tg.Value(2.0), tg.Value(3.0)
    with watching(Contributions()) as seen:
        (a * b + a).backward()
    assert [(p.y.fun, p.g, p.i, p.contribution) for p in seen.passed] == [
        (np.add, 1.0, 0, 1.0), (np.add, 1.0, 1, 1.0), (np.multiply, 1.0, 0, 3.0), (np.multiply, 1.0, 1, 2.0),
    ]  # fmt: skip
    assert [p.x for p in seen.passed][1:] == [a, a, b]


def test_a_pass_that_is_repeated_tells_its_watcher():
    x = tg.Tensor([0.0, 4.0])
    with watching(Log()) as log, np.errstate(divide="ignore", invalid="ignore"):
        np.where(x.data > 0, np.sqrt(x) * 2, 0).sum().backward()
    assert log.seen.count("pass") == 2
    np.testing.assert_array_equal(x.grad, [0, 0.5])


def test_a_wrapped_contribution_changes_the_gradient():
    class Halved(Watcher):
        def contribution(self, contribute):
            return lambda y, g, i, x: contribute(y, g, i, x) / 2

    x = tg.Tensor([1.0, 2.0])
    with watching(Halved()), watching(Halved()):
        (x * 8.0).backward([1.0, 1.0])
    np.testing.assert_array_equal(x.grad, [2, 2])


def test_a_failing_rule_ends_the_pass_for_its_watcher_too():
    @tg.primitive
    def broken(x):
        return x * 1.0

    tg.defvjp(broken, lambda g, y, x: 1 / 0)
    with watching(Log()) as log, pytest.raises(ZeroDivisionError):
        broken(tg.Tensor(1.0)).backward()
    assert log.seen[-1] == []


@given(st.lists(st.sampled_from("pwr"), max_size=6))
def test_whatever_nests_is_undone_in_turn(kinds):
    def nest(kinds):
        before = paused(), watchers()
        if kinds:
            manager = {"p": tg.no_grad, "w": lambda: watching(Watcher()), "r": tg.engine.mode.recording}[kinds[0]]()
            with manager:
                nest(kinds[1:])
                assert (tg.Tensor(1.0) * 2).requires_grad is (paused() == 0)
        assert (paused(), watchers()) == before

    nest(kinds)
    assert (paused(), watchers()) == (0, ())


def test_a_watcher_belongs_to_its_thread():
    found = []
    with watching(Watcher()):
        thread = threading.Thread(target=lambda: found.append(watchers()))
        thread.start()
        thread.join()
    assert found == [()]


def test_a_recorded_function_is_called_where_somebody_watches():
    f = tg.jit(lambda x: x * 2.0)
    f(tg.Tensor(1.0))
    with watching(Log()) as log:
        f(tg.Tensor(1.0))
    assert log.seen == [np.multiply]
    assert f.cache_info().hits == 0


def test_what_numpy_does_at_an_overflow_is_asked_again_whenever_it_may_have_changed():
    usual = error_modes()
    assert error_modes() == usual == frozenset(np.geterr().values())
    with np.errstate(all="raise"):
        assert error_modes() == {"raise"}
        with np.errstate(over="call"):
            assert error_modes() == {"raise", "call"}
        assert error_modes() == {"raise"}
        within = []
        thread = threading.Thread(target=lambda: within.append(error_modes()))
        thread.start()
        thread.join()
        assert within == [frozenset({"warn", "ignore"})]  # a new thread begins with NumPy's own
    assert error_modes() == usual


def test_variables_of_a_context_that_cannot_be_compared_do_no_harm():
    variable = ContextVar("array", default=None)
    for array in (np.ones(3), np.zeros(3)):
        token = variable.set(array)
        assert error_modes() == frozenset(np.geterr().values())
        variable.reset(token)
