"""Recorded functions put Tensors in the place of others: the states of recurrent networks, without their graphs."""

import contextlib
import copy
import functools
import inspect
import operator
import sys
import tracemalloc
from collections import deque
from types import SimpleNamespace
from typing import NamedTuple

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu.jit.compiled import Jitted

X = np.arange(3.0)
OPTIONS = [{}, {"optimize": False}, {"check": False}]


class Pair(NamedTuple):
    h: tg.Tensor
    c: tg.Tensor


def constant(data):
    return tg.Tensor(data, requires_grad=False)


def attribute(s, w, x):
    h = np.tanh(w * x + s.a)
    s.a = h.detach()
    return h


def functional(s, w, x):
    s.b = constant(s.b.data * 0.5 + x.data)
    s.a = tg.Tensor(np.zeros(3), requires_grad=False, label="reset")
    return (w * s.b).sum() + s.a


def elements(s, w, x):
    s.history.append((w * x + s.history[0]).detach())
    s.rows[1] = (s.table["h"] * w).detach()
    s.table["h"] = s.history.popleft()
    return s.rows[1] * w


def pair(s, w, x):
    h, c = s.pair
    c = np.tanh(w * x + h) * 0.5 + c
    s.pair = type(s.pair)(h=np.tanh(c).detach(), c=c.detach()) if isinstance(s.pair, Pair) else (c.detach(), h)
    return c


def nested(s, w, x):
    layers, h = [], x
    for h_before, c in s.layers:
        c = np.tanh(w * h + h_before) + c * 0.5
        h = np.tanh(c)
        layers.append((h.detach(), c.detach()))
    old, s.layers = s.layers, layers
    s.named = {"h": {"now": (s.named["c"] + x).detach()}, "c": s.named["h"]["now"]}
    return old[0][0], h + s.named["h"]["now"]


def lists_that_are_exchanged(s, w, x):
    s.used, s.spare = s.spare, [(s.used[0] + x).detach(), s.used[1]]
    return s.used[0] * w


def swap(s, w, x):
    old = s.a
    s.a, s.b = s.b, (s.a * 2 - s.b + x).detach()
    s.last = x
    return old, w * s.b


H = K = constant(X)


def in_global_variables(s, w, x):
    global H, K
    H, K = (H * 0.5 + x * w).detach(), H
    return H * w + K


def in_variables(s, w, x):
    s.change(w * x)
    return s.read() * w


def gradients(s, w, x):
    s.p.data -= 0.1 * x.data
    (s.p * s.p * x).sum().backward()
    s.p = tg.Tensor(s.p.data - 0.1 * s.p.grad)
    return s.p * w


def variables(h):
    def change(x):
        nonlocal h
        h = (h * 0.5 + x).detach()

    return SimpleNamespace(change=change, read=lambda: h + 1)


def state(kind=tuple):
    a, b, c, d, e, f, g, h = (constant(X + i) for i in range(8))
    s = SimpleNamespace(a=a, b=b, pair=Pair(c, d) if kind is Pair else (c, d), table={"h": e}, last=constant(X))
    s.rows, s.history, s.p = [tg.Tensor(X), f], deque([g, h]), tg.Tensor(X + 8)
    s.layers = [(constant(X + i), constant(X - i)) for i in range(2)]
    s.named = {"h": {"now": constant(X + 12)}, "c": constant(X + 13)}
    s.used, s.spare = ([constant(X + i), constant(X - i)] for i in (14, 15))
    vars(s).update(vars(variables(constant(X + 9))))
    return s


def numbers(x):
    gradient = None if x.grad is None else x.grad.copy()
    return x.data.copy(), x.requires_grad, x.label, gradient


REPLACING = [
    attribute, functional, elements, pair, nested, lists_that_are_exchanged, swap, in_global_variables, in_variables,
    gradients,
]  # fmt: skip


@pytest.mark.parametrize("replace", REPLACING)
@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("kind", [tuple, Pair])
def test_a_tensor_that_the_function_replaces_is_read_anew_at_each_call(replace, options, kind):
    def scenario(jit):
        s, w, found, kept, same = state(kind), tg.Tensor(X + 1), [], [], []
        globals().update(H=constant(X + 10), K=constant(X + 11))

        @jit
        def f(x):
            w.zero_grad()
            result = replace(s, w, x)
            (result[-1] if isinstance(result, tuple) else result).sum().backward()
            return result

        for i in range(8):
            x = constant(X * i)
            returned = f(x)
            inner = tg.tree.leaves([s.layers, s.named, s.used, s.spare])
            held = [s.a, s.b, *s.pair, s.table["h"], s.last, *s.rows, *s.history, s.p, *inner, H, K, s.read()]
            found.append([w.grad.copy(), [numbers(t) for t in tg.tree.leaves(returned)], [*map(numbers, held)]])
            if i == 4:  # the user writes into one, and replaces others
                s.a.data[...], s.b, s.p = 0.5, constant(X * 3), tg.Tensor(X)
            kept += [x, *held[:-1], *(returned[:1] if isinstance(returned, tuple) else ())]
            same.append([[x is y for x in kept] for y in kept])
        misses = f.cache_info().misses if isinstance(f, Jitted) else 1 + (replace in (functional, gradients))
        return [*found, [numbers(t) for t in kept]], same, misses  # these two first find another label, or no gradient

    expected, given = scenario(lambda f: f), scenario(functools.partial(tg.jit, **options))
    for a, b in zip(*[tg.tree.leaves(each[0]) for each in (expected, given)], strict=True):
        assert type(a) is type(b)
        np.testing.assert_allclose(a, b, 1e-12) if isinstance(a, np.ndarray) else None
        assert isinstance(a, np.ndarray) or a == b
    assert given[1:] == expected[1:]


def test_what_is_returned_is_no_part_of_the_state_but_a_tensor_that_was_replaced_is_itself():
    s = SimpleNamespace(h=constant(X + 1))

    @tg.jit
    def f(x):
        old = s.h
        h = s.h * 0.5 + x
        s.h = h.detach()
        return h, s.h, old

    for i in range(4):
        before, expected = s.h, s.h.data * 0.5 + i
        h, new, old = f(X * 0 + i)
        assert old is before
        for t in (h, new):
            np.testing.assert_array_equal(t.data, expected)
            assert not np.shares_memory(t.data, s.h.data)
        np.testing.assert_array_equal(s.h.data, expected)


def test_a_tensor_at_the_place_is_told_from_arguments_and_other_tensors():
    def scenario(jit):
        s, w, found = SimpleNamespace(h=constant(X + 1)), constant(X + 2), []

        @jit
        def f(x):
            w.data[...] = w.data + 1
            old = s.h * 1
            s.h = (s.h * 0.5 + x).detach()
            return old + w * x

        for i in range(9):
            x = constant(X * i)
            x, s.h = {4: (s.h, s.h), 6: (x, w), 7: (w, w)}.get(i, (x, s.h))
            try:
                found += [f(x).data.copy()]
            except tg.JitError:
                assert jit is not eager
                assert i in (4, 6, 7)
                found += [(lambda x: f.__wrapped__(x))(x).data.copy()]
            found += [s.h.data.copy(), w.data.copy()]
        return found

    def eager(f):
        return f

    np.testing.assert_array_equal(scenario(tg.jit), scenario(eager))


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_the_data_of_a_tensor_that_is_replaced_may_come_to_be_the_array_of_another_place(options):
    s = SimpleNamespace(h=tg.Tensor(X), a=X + 1)

    def step(x):
        s.h = tg.Tensor(s.a * 2)
        return s.a * x

    f = tg.jit(step, **options)
    for i in range(3):
        np.testing.assert_array_equal(f(X * i), s.a * X * i)
    s.h.data = s.a
    with pytest.raises(tg.JitError, match="ends that two places hold one array"):
        f(X)
    step(X)
    for i in range(3):
        np.testing.assert_array_equal(f(X * i), s.a * X * i)


REFUSED = {
    "graph": (lambda s, x: setattr(s, "h", s.w * x), r"keep a Tensor without a graph, h = \(\.\.\.\)\.detach\(\)"),
    "twice": (lambda s, x: vars(s).update(h=(new := (s.h * x).detach()), g=new), "two places hold one Tensor"),
    "other": (lambda s, x: vars(s).update(h=s.g), "two places hold one Tensor"),
    "parameter": (lambda s, x: setattr(s, "w", tg.Tensor(s.w.data - x)), r"write into the array, w\.data\[\.\.\.\]"),
    "own": (lambda s, x: setattr(s, "h", s.g.detach()), "two places share one array"),
    "gradient": (
        lambda s, x: (setattr(s, "h", (s.h * x).detach()), setattr(s.h, "grad", s.a)),
        "two places share one array",
    ),
    "array": (lambda s, x: vars(s).update(h=(y := s.h * x).detach(), a=y.data), "two places share one array"),
    "tuple": (lambda s, x: setattr(s, "pair", (s.h.detach(),)), "would not happen at later calls"),
}


@pytest.mark.parametrize(("change", "words"), REFUSED.values(), ids=REFUSED)
def test_what_a_place_may_not_hold_is_refused_and_changes_nothing(change, words):
    w = tg.Tensor(X)
    s = SimpleNamespace(h=constant(X + 1), g=constant(X + 2), a=X + 3, pair=(constant(X + 4), constant(X)), w=w)
    s.opt, before = tg.optim.SGD([w], lr=0.1), vars(s).copy()
    f = tg.jit(lambda x: (change(s, x), s.opt.steps, s.pair[0] + s.a)[0])
    with pytest.raises(tg.JitError, match=words):
        f(X)
    assert all(vars(s)[name] is value for name, value in before.items())
    np.testing.assert_array_equal([s.h.data, s.g.data, s.a, s.w.data], [X + 1, X + 2, X + 3, X])


def test_a_copy_that_takes_the_place_has_the_label_of_now():
    s = SimpleNamespace(w=tg.Tensor(np.ones(3)))
    jitted = tg.jit(lambda: setattr(s, "w", copy.deepcopy(s.w)), check=False)
    labels = []
    for label in ("", "", "new", "new"):
        s.w.label = label
        jitted()
        labels.append(s.w.label)
    assert labels == ["", "", "new", "new"]
    assert jitted.cache_info()[:2] == (2, 2)


def test_the_error_of_a_replay_leaves_the_tensor_where_it_is():
    s = SimpleNamespace(h=constant(X + 1))

    @tg.jit
    def f(x):
        s.h = (s.h + x).detach()
        return np.linalg.inv(np.diag(x))

    f(X + 1), f(X + 2)
    before = s.h
    with pytest.raises(np.linalg.LinAlgError):
        f(X)
    assert s.h is before
    np.testing.assert_array_equal(s.h.data, 3 * X + 4)
    f(X + 1)
    np.testing.assert_array_equal(s.h.data, 4 * X + 5)
    assert f.cache_info()[:2] == (2, 1)


def test_a_mean_without_axes_goes_on_from_call_to_call():
    def scenario(jit):
        s = SimpleNamespace(mean=constant(0.0), pair=(constant(1.0), constant(2.0)))

        @jit
        def f(x):
            s.mean = (s.mean * 0.9 + x.sum() * 0.1).detach()
            s.pair = s.pair[1], (s.pair[0] * s.mean).detach()
            return s.mean * x

        results = [f(constant(X * i)).data.copy() for i in range(8)]
        return results, [t.data.copy() for t in (s.mean, *s.pair)], f

    *expected, _ = scenario(lambda f: f)
    *given, f = scenario(tg.jit)
    np.testing.assert_array_equal(given[0], expected[0])
    np.testing.assert_array_equal(given[1], expected[1])
    assert f.cache_info()[:2] == (7, 1)


def moved_tensors(s, x):
    old = s.a
    s.b.data[...] = s.b.data * 2 + x.data
    s.a, s.b, s.pair = s.b, s.a, (x, s.pair[0])
    return old, s.a, x


def moved_arrays(s, x):
    s.c[...] = s.c * 2 + x.data
    s.c, s.d = s.d, s.c
    return s.c


def moved_after_their_data(s, x):
    s.a.data = s.a.data * 2
    s.a, s.b = (s.b * x).detach(), s.a
    return s.b


def moved_lists(s, x):
    s.used[0].data[...] = s.used[0].data * 2
    s.used, s.spare = s.spare, s.used
    return s.used[0] * x


def made_anew(s, x):
    s.used, s.spare = s.spare, [(s.used[0] + x).detach(), s.used[1]]
    s.named = {"h": (s.named["c"][0] * x).detach(), "c": (s.named["h"],)}
    return s.named["c"][0] + s.spare[0]


PRINTED = [moved_tensors, moved_arrays, moved_after_their_data, moved_lists, made_anew]


@pytest.mark.parametrize("replace", PRINTED)
def test_printed_programs_move_what_the_function_moves(replace):
    a, b, c, d = (constant(X + i) for i in range(1, 5))
    s = SimpleNamespace(a=a, b=b, pair=(c, d), c=X + 5, d=X + 6)
    s.used, s.spare = ([constant(X + i), constant(X - i)] for i in (7, 8))
    s.named = {"h": constant(X + 9), "c": (constant(X + 10),)}
    f = tg.jit(lambda x: replace(s, x))
    f(constant(X))
    scope = {}
    exec(f.source, scope)
    printed = [*scope.values()][-1]

    def now():
        held = {"a": s.a, "b": s.b, "pair_0": s.pair[0], "pair_1": s.pair[1], "c": s.c, "d": s.d}
        held |= {f"{name}_{i}": getattr(s, name)[i] for name in ("used", "spare") for i in (0, 1)}
        held |= {"named_h": s.named["h"], "c_0": s.named["c"][0]}
        return {name: np.array(t.data if isinstance(t, tg.Tensor) else t) for name, t in held.items()}

    held = now()
    names = [*inspect.signature(printed).parameters][1:]
    assert {*names} <= {*held}
    for _ in range(3):
        result, expected = printed(X + 7, *[held[name] for name in names]), f(constant(X + 7))
        for given, right in zip(tg.tree.leaves(result), tg.tree.leaves(expected), strict=True):
            np.testing.assert_array_equal(given, right.data if isinstance(right, tg.Tensor) else right)
    for name in names:
        np.testing.assert_array_equal(held[name], now()[name])


def test_the_id_of_a_tensor_that_is_replaced_is_noticed_at_the_first_replay():
    s = SimpleNamespace(h=constant(X))

    @tg.jit
    def f(x):
        known = id(s.h)
        s.h = (s.h + x).detach()
        return known

    assert f(X) != id(s.h)
    before = s.h
    with pytest.raises(tg.JitError, match="depends on something that a recording does not see"):
        f(X)
    assert s.h is before


@pytest.mark.parametrize("kind", [list, deque, lambda members: dict(enumerate(members))])
def test_one_of_a_long_list_is_replaced_at_each_call_of_one_recording(kind):
    s = SimpleNamespace(states=kind([constant(X + i) for i in range(30)]))

    @tg.jit
    def f(x):
        s.states[7] = (s.states[7] + x * s.states[8]).detach()

    for _ in range(4):
        f(2.0)
    np.testing.assert_array_equal(s.states[7].data, X + 7 + 8 * (X + 8))
    assert f.cache_info()[:2] == (3, 1)


@pytest.mark.parametrize("name", ["h", "pair"])
def test_what_the_first_replay_puts_into_a_place_is_compared(name):
    s = SimpleNamespace(h=constant(X), pair=(constant(X + 1), constant(X + 2)))

    @tg.jit
    def f(x):
        new = constant(np.random.default_rng().normal(size=3) + x)  # which no recording can repeat
        setattr(s, name, new) if name == "h" else setattr(s, name, (new, s.pair[0]))

    f(X)
    with pytest.raises(tg.JitError, match=rf"the data of {name}.* at a replay, so the function depends on something"):
        f(X)


def test_replays_keep_no_tensor_that_was_replaced():
    s = SimpleNamespace(h=constant(np.zeros(100_000)))

    @tg.jit
    def f(x):
        s.h = (s.h + x).detach()

    f(1.0), f(1.0)
    tracemalloc.start()
    try:
        for _ in range(20):
            f(1.0)
        assert (
            tracemalloc.get_traced_memory()[1] < 4 * s.h.data.nbytes
        )  # one in the copies that warnings which raise need
    finally:
        tracemalloc.stop()


def held_by_a_variable():
    h = constant(X)

    def change(new):
        nonlocal h
        h = new

    return (lambda: h), change


def held_in_a_tuple():
    s = SimpleNamespace(pair=(constant(X), constant(X)))
    return (lambda: s.pair[0]), lambda new: vars(s).update(pair=(new, constant(new.data + 1)))


def held_by(owner, name):
    return (lambda: getattr(owner, name)), lambda new: setattr(owner, name, new)


def held_in(read, make):
    s = SimpleNamespace(state=make(constant(X)))
    return (lambda: read(s.state)), lambda new: vars(s).update(state=make(new))


PLACES = {
    "list": lambda: held_in(lambda held: held[1], lambda new: [constant(new.data + 1), new]),
    "dict": lambda: held_in(lambda held: held["h"], lambda new: {"c": constant(new.data + 1), "h": new}),
    "nested": lambda: held_in(lambda held: held[0]["h"][1], lambda new: [{"h": (constant(new.data * 2), new)}]),
    "attribute": lambda: held_by(SimpleNamespace(h=constant(X)), "h"),
    "item": lambda: (lambda held: ((lambda: held["h"]), lambda new: held.update(h=new)))({"h": constant(X)}),
    "variable": held_by_a_variable,
    "tuple": held_in_a_tuple,
    "class": lambda: held_by(type("Model", (), {"h": constant(X)}), "h"),
}


@pytest.mark.parametrize("make", PLACES.values(), ids=PLACES)
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_a_tensor_that_others_replace_is_read_anew(make, options):
    read, change = make()
    w, returned = tg.Tensor(X + 1), []

    @functools.partial(tg.jit, **options)
    def f(x):
        w.zero_grad()
        y = (read() * w * x).sum()
        y.backward()
        return y, read(), read().data * 2

    for i in range(9):
        change(constant(X * (i + 1)))
        y, h, twice = f(X + i)
        returned.append(h is read())
        assert float(y) == np.sum(X * (i + 1) * (X + 1) * (X + i))
        np.testing.assert_array_equal(w.grad, X * (i + 1) * (X + i))
        np.testing.assert_array_equal(twice, X * (i + 1) * 2)
    assert all(returned)
    assert f.cache_info()[:2] == (6, 3)  # the second recording finds that it is another one
    for new in (tg.Tensor(X), constant(np.arange(3)[::-1] * 1.0), constant(X[:1]), constant(X.astype(np.float32))):
        change(new)
        y, h, twice = f(X)
        assert h is new
        assert twice.dtype == new.dtype
        np.testing.assert_array_equal(twice, new.data * 2 + X[: new.size] * 0)
        np.testing.assert_array_equal(w.grad, new.data * X)
        assert (h.grad is None) is not h.requires_grad


@pytest.mark.parametrize("writes", [False, True])
def test_a_tensor_that_others_replace_is_told_from_other_tensors_and_arrays(writes):
    s, refused = SimpleNamespace(h=constant(X), g=constant(X + 1), a=X + 2), []

    def step(x):
        if writes:
            s.g.data[...] = s.g.data + x
            s.a[...] = s.a * 2
        return s.h * 1 + s.g * s.a

    f = tg.jit(step)
    for i in range(12):
        s.h = s.g if i == 5 else constant(X * i)
        if i in (7, 9):
            s.h.data = s.g.data if i == 7 else s.a
        if i == 11:
            s.a = s.h.data
        before = s.g.data.copy(), s.a.copy()
        try:
            given = f(X + i).data
        except tg.JitError:
            refused.append(i)
            assert writes
            np.testing.assert_array_equal([s.g.data, s.a], before)
            given = step(X + i).data
        after = s.g.data.copy(), s.a.copy()
        for target, value in zip((s.g.data, s.a), before, strict=True):
            target[...] = value
        np.testing.assert_array_equal(given, step(X + i).data)
        np.testing.assert_array_equal([s.g.data, s.a], after)
    assert refused == [7] * writes  # an array of two Tensors is written into


def test_an_evaluation_reads_the_state_that_a_training_step_carries():
    class Recurrent(tg.nn.Module):
        def __init__(self):
            self.cell = tg.nn.Linear(5, 3, rng=0)
            self.h = constant(np.zeros((2, 3)))

        def forward(self, x):
            return np.tanh(self.cell(np.concatenate([x, self.h], axis=1)))

    def scenario(jit):
        model, found = Recurrent(), []
        sgd = tg.optim.SGD(model.parameters(), lr=0.1)

        @jit
        def step(x):
            h = model(x)
            sgd.minimize((h * h).sum())
            model.h = h.detach()

        evaluate = jit(lambda x: model(x).sum())
        for i in range(8):
            x = np.random.default_rng(i).normal(size=(2, 2))
            step(x)
            found.append(float(evaluate(x)))
        return found, evaluate

    expected, _ = scenario(lambda f: f)
    for options in ({}, {"optimize": False}):
        given, evaluate = scenario(functools.partial(tg.jit, **options))
        np.testing.assert_allclose(given, expected, 1e-12)
        assert evaluate.cache_info()[:2] == (5, 3)
    assert ", h, " in evaluate.source


@pytest.mark.parametrize("kind", [tuple, list, lambda pair: dict(enumerate(pair))])
def test_zeros_that_both_parts_of_the_state_begin_with_are_recorded_when_they_are_two(kind):
    zeros = constant(np.zeros(3))
    s = SimpleNamespace(state=kind([zeros, zeros]))

    @tg.jit
    def f(x):
        s.state = kind([(s.state[0] + x).detach(), (s.state[1] - x).detach()])

    for i in range(1, 6):
        f(X)
        np.testing.assert_array_equal([s.state[0].data, s.state[1].data], [X * i, -X * i])
    assert f.cache_info()[:2] == (3, 1)


def test_a_list_whose_tensors_are_replaced_may_be_exchanged_by_others():
    def scenario(jit):
        s, found = SimpleNamespace(states=[constant(X), constant(X + 1)], before=constant(X)), []

        @jit
        def step(x):
            s.before = s.states[0]
            for i, h in enumerate(s.states):
                s.states[i] = (h * 0.5 + x).detach()

        @jit
        def read(x):
            return sum([(h * x).sum() for h in s.states]) + s.before.sum()

        for i in range(12):
            if i % 4 == 3:
                s.states = [constant(X * i), constant(X - i)]
            step(X + i)
            found += [float(read(X)), *[h.data.copy() for h in s.states], s.before.data.copy()]
        return found

    for given, expected in zip(scenario(tg.jit), scenario(lambda f: f), strict=True):
        np.testing.assert_array_equal(given, expected)


def named(i):
    return "{}{:d}".format("h", i)


def present(s):
    for i in range(9):
        with contextlib.suppress(AttributeError):
            yield getattr(s, f"h{i}")


PREFIX, HW0, HW1 = "h", constant(X), constant(X)
COMPUTED = {
    "f-string": lambda s: [getattr(s, f"h{i}") for i in range(2)],
    "default": lambda s: [getattr(s, f"h{i}", 0.0) for i in range(3)],
    "percent": lambda s: [getattr(s, operator.mod("h%d", i)) for i in range(2)],
    "sum": lambda s: [getattr(s, PREFIX + str(i)) for i in range(2)],
    "format": lambda s: [getattr(s, named(i)) for i in range(2)],
    "join": lambda s: [getattr(s, "".join(["h", suffix])) for suffix in ("0", "1")],
    "case": lambda s: [getattr(s, f"H{i}".lower()) for i in range(2)],
    "hasattr": lambda s: [getattr(s, name) for name in map("h{}".format, range(9)) if hasattr(s, name)],
    "missing": present,
    "attrgetter": lambda s: operator.attrgetter(*[f"h{i}" for i in range(2)])(s),
    "method": lambda s: [object.__getattribute__(s, "h" + str(i)) for i in range(2)],
    "vars": lambda s: [vars(s)[f"h{i}"] for i in range(2)],
    "class": lambda s: [getattr(s, "of_" + type(s).__name__), s.h1],
    "function": lambda s: [getattr(s, f"of_{named.__name__}"), s.h1],
    "truth": lambda s: [getattr(s, f"of_{s.h1 is not None}"), s.h1],
    "words": lambda s: [getattr(s, name) for name in "h0 h1".split()],  # noqa: SIM905
    "globals": lambda s: [globals()[f"HW{i}"] for i in range(2)],
    "module": lambda s: [getattr(sys.modules[__name__], "HW" + str(i)) for i in range(2)],
}


@pytest.mark.parametrize("read", COMPUTED.values(), ids=COMPUTED)
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_attributes_and_globals_whose_names_are_computed_are_seen(read, options):
    global HW1
    s, HW1 = SimpleNamespace(h0=constant(X), h1=constant(X + 1), count=0), constant(X)
    vars(s).update(of_SimpleNamespace=X * 1, of_named=X * 1, of_True=X * 1)
    f = tg.jit(lambda x: sum([np.sum(h * x) for h in read(s)]), **options)
    for i in range(8):
        s.count += read is not COMPUTED["vars"]  # which reads all of them
        if i > 2:  # after the replay that is compared
            s.h1, HW1 = constant(X * i), constant(X * i)
            vars(s).update(of_SimpleNamespace=X * i, of_named=X * i, of_True=X * i)
        if i == 6:
            s.h2 = constant(X * 9)
        assert float(f(X)) == float(f.__wrapped__(X))
    assert f.cache_info().misses <= 4


@pytest.mark.parametrize("name", [named, lambda i: f"h{i}", lambda i: "h" + str(i), "h{}".format])
def test_attributes_that_are_set_by_computed_names_are_replaced_at_each_call(name):
    s = SimpleNamespace(h3=constant(X))
    step = tg.jit(lambda: setattr(s, name(X.size), (getattr(s, name(X.size)) * 2).detach()))
    for i in range(8):
        step()
        np.testing.assert_array_equal(s.h3.data, X * 2 ** (i + 1))
    assert step.cache_info()[:2] == (7, 1)


def test_an_attribute_whose_name_is_a_part_of_a_text_is_refused_where_it_is_replaced():
    s = SimpleNamespace(h3=constant(X))
    step = tg.jit(lambda: setattr(s, "xh3"[1:], (getattr(s, "xh3"[1:]) * 2).detach()))
    for i in range(4):
        step()
        np.testing.assert_array_equal(s.h3.data, X * 2 ** (i + 1))
    with pytest.raises(tg.JitError, match=r"h3 = \.\.\. replaces a Tensor held elsewhere"):
        step()
