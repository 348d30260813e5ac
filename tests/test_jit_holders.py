"""Recordings serve a call only if objects hold what they held: shared gradients, absent attributes, labels, keys."""

import contextlib
import copy
import functools
import logging
import operator
import sys
from collections import deque, namedtuple
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu.trace.closure import Closure

X = np.arange(3.0)


def as_eager(scenario):
    """Compare what a scenario returns with a jitted function and with the function itself."""
    expected = scenario(lambda f: f)
    for jit in (tg.jit, functools.partial(tg.jit, check=False)):
        for a, b in zip(scenario(jit), expected, strict=True):
            np.testing.assert_array_equal(a, b)


def leaf():
    return tg.Tensor(np.ones(3))


PLACES = ("argument", "gradient", "array", "data", "nothing")


@pytest.mark.parametrize("before", PLACES)
@pytest.mark.parametrize("after", PLACES)
@pytest.mark.parametrize("written", ["w", "v", "w.data", "buffer", "x"])
def test_a_gradient_may_be_the_array_of_another_place_in_one_call_and_not_in_the_next(before, after, written):
    def scenario(jit):
        w, v, buffer = leaf(), leaf(), np.full(3, 2.0)

        @jit
        def f(x):
            if written in ("w", "v"):
                {"w": w, "v": v}[written].grad *= 0.5
            elif written == "w.data":
                w.data -= 0.5
            else:
                {"buffer": buffer, "x": x}[written][...] += 1
            return x + 2 * w.grad + 4 * v.grad + 8 * buffer + 16 * w.data

        results = []
        for place in (before, before, before, after):
            x, v.grad = np.full(3, 5.0), np.full(3, 7.0)
            w.grad = {"argument": x, "gradient": v.grad, "array": buffer, "data": w.data}.get(place, np.full(3, 3.0))
            results += [f(x), x, w.grad, v.grad, buffer.copy(), w.data.copy()]
        return results

    with contextlib.suppress(tg.JitError):  # some are refused: two places share memory
        as_eager(scenario)


class Base:
    scale = 1.0

    def forward(self, x):
        return x * getattr(self, "gain", 1.0) * self.scale


class Slots(Base):
    __slots__ = ("gain",)


class Module(tg.nn.Module):
    forward = Base.forward
    scale = 1.0


@pytest.mark.parametrize("base", [Base, Module, Slots])
@pytest.mark.parametrize("given", [False, True])
@pytest.mark.parametrize("name", ["gain", "scale", "forward"])
@pytest.mark.parametrize("of_class", [False, True])
def test_an_attribute_that_was_absent_may_be_added_and_removed(base, given, name, of_class):
    def scenario(jit):
        kind = type("Derived", (base,), {})
        thing = kind()
        f = jit(lambda x, t: t.forward(x)) if given else jit(lambda x, t: thing.forward(x))
        owner, results = kind if of_class else thing, [f(X, thing), f(X, thing)]
        new = (lambda *args: args[-1] * 5) if name == "forward" else 4.0
        setattr(owner, name, new)
        results += [f(X, thing), f(X, thing)]
        delattr(owner, name)
        return [*results, f(X, thing)]

    as_eager(scenario)


def test_a_global_variable_that_was_absent_may_be_added():
    def scenario(jit):
        scope = {}
        exec("def f(x):\n    try:\n        return x * K\n    except NameError:\n        return x * 1", scope)
        f = jit(scope["f"])
        results = [f(X), f(X)]
        scope["K"] = 4.0
        return [*results, f(X)]

    as_eager(scenario)


@pytest.mark.parametrize("label", [3, 1.5, np.str_("w")])
def test_a_label_may_be_a_number_or_a_text_of_numpy(label):
    w = tg.Tensor(X, label=label)
    f = tg.jit(lambda x: (np.sum(w * x).backward(), w.label))
    for _ in range(3):
        assert f(X)[1] == label
    assert f.cache_info().hits
    np.testing.assert_array_equal(w.grad, 3 * X)


@pytest.mark.parametrize("given", [False, True])
def test_a_function_that_reads_labels_is_recorded_for_each(given):
    def scenario(jit):
        t = tg.Tensor(X, label="weight")
        f = jit(lambda x: (x if given else t).data * (1.0 if (x if given else t).label == "bias" else 2.0))
        results = [f(t), f(t)]
        t.label = "bias"
        return [*results, f(t)]

    as_eager(scenario)


def test_an_argument_may_be_an_array_that_is_only_compared_with():
    def scenario(jit):
        c = X.copy()
        f = jit(lambda a: a * 2 if a is c else a * 3)
        g = jit(lambda t: t.data * (2 if t.data is c else 3))
        t, u = tg.Tensor(X), tg.Tensor(X)
        u.data = c
        return [f(X), f(X), f(c), f(c), f(X), g(t), g(t), g(u), g(t)]

    as_eager(scenario)


def test_a_keyword_of_a_partial_function_may_be_replaced():
    def scenario(jit):
        p = functools.partial(lambda x, k: x * k, k=X + 1)
        f = jit(p)
        results = [f(X), f(X)]
        for k in (5.0, X + 2, X + 3):
            p.keywords["k"] = k
            results.append(f(X))
        assert p.keywords["k"] is k
        return results

    as_eager(scenario)


def test_dicts_may_have_tensors_as_keys():
    def scenario(jit):
        w, v = leaf(), leaf()
        rates = {w: X, v: 2.0, (w, 1): 3.0}
        f = jit(lambda t: t.data * rates[t] * rates[w, 1])
        g = jit(lambda d: sum(k * x for k, x in enumerate(d.values(), 1)))
        results = [f(w), f(w), f(v), g({w: X, v: X + 1}), g({w: X, v: X + 1}), g({v: X, w: X + 1})]
        rates[v], rates[w] = 7.0, X + 1
        return [*results, f(v), f(w)]

    as_eager(scenario)


def test_a_step_alone_after_a_backward_pass_outside_is_replayed():
    def scenario(jit):
        w = leaf()
        opt = tg.optim.SGD([w], lr=0.1)

        @jit
        def step():
            tg.optim.clip_grad_norm([w], 0.5)
            opt.step()

        for _ in range(4):
            opt.zero_grad()
            np.sum(w**2).backward()
            step()
        return [w.data]

    as_eager(scenario)


@pytest.mark.parametrize("array", [X, "x"])
def test_an_array_that_is_set_as_a_gradient_is_refused(array):
    w = leaf()

    @tg.jit
    def f(x):
        w.grad = x if isinstance(array, str) else array

    with pytest.raises(tg.JitError, match=r"take a \.copy"):
        f(X + 1)
    assert w.grad is None


class Lazy:
    h = grown = None

    @functools.cached_property
    def mask(self):
        return np.tril(np.ones((3, 3)))

    def carried(self, x):
        if self.h is None:
            self.h = np.zeros(3)
        self.h = np.tanh(self.h + x)
        return self.h * 2

    def grow(self, x):
        if self.grown is None:
            self.grown = {}
        if len(x) not in self.grown:
            self.grown[len(x)] = np.zeros(len(x))
        self.grown[len(x)] += x
        return self.grown[len(x)] * 2

    def masked(self, x):
        return self.mask @ x


@pytest.mark.parametrize("name", ["carried", "grow", "masked"])
def test_a_call_that_gives_something_its_first_value_runs_by_itself(name):
    jitted = []

    def scenario(jit):
        f = jit(getattr(Lazy(), name))
        jitted.append(f)
        return [f(X * i) for i in range(5)]

    as_eager(scenario)
    assert jitted[-1].cache_info().hits == 3


def test_first_values_at_call_after_call_are_an_error():
    log = {}
    jitted = tg.jit(lambda x, i: log.update({i: x.sum()}))
    for i in range(4):
        jitted(X, i)
    with pytest.raises(tg.JitError, match="the dict 'log' was changed"):
        jitted(X, 4)
    assert list(log) == [0, 1, 2, 3]


SHARING = {
    "written array": lambda s, x, d: (s.a.__iadd__(x), setattr(s, "b", s.a)),
    "new array": lambda s, x, d: setattr(s, "a", x * 2) or setattr(s, "b", s.a),
    "view": lambda s, x, d: setattr(s, "a", x * 2) or setattr(s, "b", s.a[::-1]),
    "constant": lambda s, x, d: (setattr(s, "a", zeros := np.zeros(3)), setattr(s, "b", zeros)),
    "gradient": lambda s, x, d: ((s.w * x).sum().backward(), setattr(s, "a", s.w.grad), s.w.grad.__imul__(2)),
    "argument": lambda s, x, d: (setattr(s, "a", x * 2), d.update(a=s.a)),
    "argument, a view": lambda s, x, d: (setattr(s, "a", x * 2), d.update(a=[s.a[1:]])),
    "argument, a constant": lambda s, x, d: (setattr(s, "a", zeros := np.zeros(3)), d.update(a=zeros)),
    "argument, before": lambda s, x, d: (d.update(a=s.a), setattr(s, "a", x * 2)),
    "no axes": lambda s, x, d: (s.c.__iadd__(1), setattr(s, "d", s.c)),
    "found array": lambda s, x, d: setattr(s, "b", s.a),
    "found array, twice": lambda s, x, d: (setattr(s, "a", s.b), setattr(s.w, "data", s.b), setattr(s, "b", x * 2)),
    "found array, a view": lambda s, x, d: setattr(s, "b", s.b[::-1]),
    "found array as gradient": lambda s, x, d: (setattr(s.w, "grad", s.a), setattr(s, "a", x * 2)),
    "argument itself, twice": lambda s, x, d: (setattr(s, "a", x), setattr(s, "b", x)),
    "argument itself, a view": lambda s, x, d: setattr(s, "a", x[::-1]),
    "plain array": lambda s, x, d: setattr(s, "b", np.asarray(s.a)),
    "plain array, a view": lambda s, x, d: setattr(s, "b", np.asarray(s.a)[::-1]),
    "plain array of a view": lambda s, x, d: (setattr(s, "b", np.asarray(s.a[::-1])), setattr(s, "a", x * 2)),
    "argument, a plain array": lambda s, x, d: d.update(a=np.asarray(s.a)),
}


@pytest.mark.parametrize("share", SHARING.values(), ids=SHARING)
def test_a_function_that_lets_two_places_share_memory_is_refused(share):
    class State:
        pass

    s = State()
    s.a, s.b, s.c, s.d, s.w = np.ones(3), np.ones(3), np.ones(()), np.ones(()), leaf()
    with pytest.raises(tg.JitError, match=r"lets two places share one array, which a replay does not; take a \.copy"):
        tg.jit(share, check=False)(s, X, {})


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda s, x: s.hist.__setitem__(1, s.hist[0]), r"hist\[1\] = \.\.\. lets two"),
        (lambda s, x: s.table.update(k=s.w.data), r"table\['k'\] = \.\.\. lets two"),
        (lambda s, x: s.hist.__setitem__(0, x.sum()), r"write hist\[0\]\[\.\.\.\] = instead"),
        (lambda s, x: s.table.update(n=3), r"count in an array, table\['n'\] = np\.array\(2\)"),
    ],
)
def test_errors_name_the_list_or_dict_and_the_line_that_changes_it(change, text):
    s = SimpleNamespace(hist=[np.ones(3), np.zeros(3)], table={"k": np.ones(3), "n": 2}, w=leaf())
    with pytest.raises(tg.JitError, match=text) as caught:
        tg.jit(lambda x: change(s, x))(X)
    assert f"{__file__}:{change.__code__.co_firstlineno}" in str(caught.value)


def leapfrog(s, x):
    s.b, s.a = s.a, 2 * s.a - s.b + x


def last(s, x):
    change, s.a = x - s.a, x
    return change, s.a


def swap(s, x):
    s.v.data, s.w.data = s.w.data, s.v.data
    return s.v * x


def shift(s, x):
    s.history.insert(0, x)
    s.recent.append(s.history.pop())
    return sum(s.recent)


def rotate(s, x):
    s.history.reverse()
    s.recent.rotate(1)
    s.history[0], s.recent[0] = s.recent[0], s.history[0]
    return s.history[0] - x


def rename(s, x):
    s.table.update(a=s.table["b"], b=x)
    return s.table


U = V = X


def in_global_variables(s, x):
    global U, V
    U, V = 2 * U - V + x, U
    s.a = U * 2  # each place its own


def in_variables(s, x):
    def inner():
        nonlocal u
        u = u + s.a

    u = s.b * 2
    inner()
    s.count.change(u)
    return s.count.read()


def counter(value):
    before = value + 1

    def change(x):
        nonlocal value, before
        value, before = value * 0.5 + x, value

    return SimpleNamespace(change=change, read=lambda: value - before)


def write(s, x):
    s.a += x
    s.a, s.b = s.b, s.a
    s.b *= 0.5
    s.b, s.v.data = s.v.data, s.b
    return s.a - s.b


def double_buffer(s, x):
    s.a, s.b = s.b, s.a
    np.multiply(s.b, 0.5, out=s.a)
    s.a += x
    return s.a


MOVES = [leapfrog, last, swap, shift, rotate, rename, in_variables, in_global_variables, write, double_buffer]


@pytest.mark.parametrize("move", MOVES)
@pytest.mark.parametrize("options", [{}, {"optimize": False}, {"check": False}])
def test_arrays_go_from_place_to_place_as_the_function_moves_them(move, options):
    def scenario(jit):
        s = SimpleNamespace(a=X + 1, b=X + 2, v=tg.Tensor(X + 3), w=tg.Tensor(X + 4), table={"a": X + 5, "b": X + 6})
        globals().update(U=X + 12, V=X + 13)
        s.count = counter(X + 14)
        s.history, s.recent = [X + 7, X + 8, X + 9], deque([X + 10, X + 11], maxlen=2)
        f = jit(lambda x: move(s, x))
        given, values, objects = [], [], []
        for i in range(8):
            given.append(given[-1] if i == 5 else X * i)
            result = f(given[-1])
            if i == 4:
                globals().update(U=U * 2)  # the variable is read anew
            values.append([np.array(x.data if isinstance(x, tg.Tensor) else x) for x in tg.tree.leaves(result)])
            given[-1] += 1  # a place that holds the argument itself holds what its owner writes
            held = [s.a, s.b, s.v.data, s.w.data, *s.table.values(), *s.history, *s.recent, U, V]
            values.append([x.copy() for x in held])
            objects += [*given, *held]
        return values, [[x is y for x in objects] for y in objects], getattr(f, "cache_info", lambda: (7, 1))()[:2]

    expected, given = scenario(lambda f: f), scenario(lambda f: tg.jit(f, **options))
    np.testing.assert_equal(given[0], expected[0])
    assert given[1:] == expected[1:]


def test_an_argument_that_is_written_into_may_be_kept():
    s = SimpleNamespace(a=X + 1)

    @tg.jit
    def f(x):
        x += s.a
        s.a = x

    for i in range(4):
        x, before = X * i, s.a
        f(x)
        assert s.a is x
        np.testing.assert_array_equal(x, X * i + before)
    assert f.cache_info().misses == 1


def test_a_plain_array_that_goes_back_to_its_place_is_the_array_itself():
    s, counts = SimpleNamespace(a=X + 1, b=X + 2), np.arange(3)

    @tg.jit
    def f(x):
        s.a = np.asarray(s.a)
        s.b = np.asarray(counts, float)  # another array
        s.b += 1
        return x * s.a

    for i in range(4):
        a = s.a
        np.testing.assert_array_equal(f(X * i), X * i * a)
        assert s.a is a
        np.testing.assert_array_equal(s.b, counts + 1)
    np.testing.assert_array_equal(counts, np.arange(3))


SAMPLE = X + 1


def test_a_global_with_the_name_of_an_attribute_may_hold_its_array():
    s = SimpleNamespace(SAMPLE=SAMPLE, b=X)

    @tg.jit
    def f(x):
        s.b, s.SAMPLE = s.SAMPLE, x * 2
        return s.b * 3

    for i in range(4):
        before = s.SAMPLE
        np.testing.assert_array_equal(f(X * i), before * 3)
        assert s.b is before
    assert f.cache_info().misses == 1


@pytest.mark.parametrize("options", [{}, {"check": False}, {"optimize": False}], ids=str)
@pytest.mark.parametrize("name", ["data", "grad"])
def test_what_moves_between_places_of_one_array_is_noticed_when_they_hold_two(name, options):
    def exchange(x):
        held = getattr(v, name)
        setattr(v, name, getattr(w, name))
        setattr(w, name, held)

    v, w = leaf(), leaf()
    v.grad = np.arange(3.0)
    setattr(w, name, getattr(v, name))
    jitted = tg.jit(exchange, **options)
    for _ in range(3):
        jitted(X)
    assert jitted.cache_info().hits == 2
    first, other = getattr(v, name), 2 * X
    setattr(w, name, other)
    with contextlib.suppress(tg.JitError):  # a gradient is no place that an array may go to
        jitted(X)
        assert (getattr(v, name) is other, getattr(w, name) is first) == (True, True)
        return
    assert (getattr(v, name) is first, getattr(w, name) is other, name) == (True, True, "grad")


@pytest.mark.parametrize("other", ["attribute", "tuple", "variable", "default", "partial"])
def test_an_array_that_another_place_holds_is_not_replaced(other):
    class State:
        pass

    s = State()
    s.a = array = np.ones(3)
    s.b = {"attribute": array, "tuple": (array,)}.get(other)
    read = {
        "variable": lambda: array * 2,
        "default": lambda y=array: y * 2,
        "partial": functools.partial(np.sin, array),
    }
    read = read.get(other, lambda: s.b[0] * 2)

    @functools.partial(tg.jit, check=False)
    def f(x):
        s.a = s.a + x
        return read()

    with pytest.raises(tg.JitError, match="two places hold one array; give each its own"):
        f(X)


@pytest.mark.parametrize("slots", [(), ("h",)])
def test_an_attribute_that_the_function_replaces_may_be_removed(slots):
    def scenario(J):
        state = type("State", (), {"__slots__": slots} if slots else {})()

        def f(x):
            state.h = np.tanh(x)
            return state.h * 2

        f, found = J(f), []
        for i in range(4):
            found += [f(X + i), state.h]
            if i != 1:
                del state.h
        return found

    as_eager(scenario)


class Holds:
    def __init__(self, a):
        self.data = a


class Slots:
    __slots__ = ("data",)
    __init__ = Holds.__init__


@pytest.mark.parametrize("options", [{}, {"check": False}])
@pytest.mark.parametrize("writes", [False, True])
@pytest.mark.parametrize("kind", [tg.Tensor, Holds, Slots])
def test_an_array_that_is_replaced_between_calls_is_read_anew(kind, writes, options):
    def scenario(J):
        s, other, found = kind(X.copy()), np.ones(3), []

        def f(x):
            if writes:
                s.data[...] = s.data * 2
            return s.data + x

        f = J(f)
        for i in range(8):
            found += [f(X), s.data.copy(), other.copy()]
            s.data = other if i == 5 else s.data[::-1] if i == 6 else X + i
        return found, f

    (expected, _), (found, jitted) = scenario(lambda f: f), scenario(functools.partial(tg.jit, **options))
    np.testing.assert_array_equal(found, expected)
    assert jitted.cache_info()[:2] == (5, 3)


def test_a_variable_that_is_replaced_between_calls_is_read_anew_and_told_from_other_places():
    def scenario(J):
        s, batch, found = SimpleNamespace(a=X, b=(X * 2,), c=None), X, []

        def f(x):
            s.c = batch + 1
            return (2.0 if batch is s.a or batch is s.b[0] or batch is x else 3.0) * s.a

        f = J(f)
        for i in range(14):
            found += [f(X * 1 if i != 11 else batch), s.c]
            batch = {4: s.a, 7: s.b[0]}.get(i, X + i)
        return found

    as_eager(scenario)


def test_an_array_that_is_replaced_between_calls_goes_into_an_argument_itself():
    def scenario(J):
        s, found = SimpleNamespace(a=X), []

        def f(d):
            d["a"] = s.a

        f = J(f)
        for i in range(4):
            f(d := {"a": None})
            found.append(d["a"] is s.a)
            s.a = X * i
        return found

    as_eager(scenario)


@dataclass
class Named:
    name: str
    held: Any


COMPARED = {
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "in": lambda a, b: a in [b],
    "index": lambda a, b: [b, a].index(a),
    "operator": lambda a, b: operator.eq(a, b),
}


HELD: dict[str, Any] = {"list": [1.0]}
if sys.version_info < (3, 13):  # from then on the == of a dataclass asks each field, of which an array has no answer
    HELD["array"] = X


@pytest.mark.parametrize("held", HELD.values(), ids=HELD)
@pytest.mark.parametrize("compare", COMPARED.values(), ids=COMPARED)
def test_dataclasses_that_the_function_compares_are_seen_with_all_fields(compare, held):
    def scenario(jit):
        a, b = Named("a", held), Named("b", held)
        f = jit(lambda x: x * (2 + compare(a, b)))
        results = []
        for name in "aabbab":
            a.name = name
            results.append(f(X))
        return results

    as_eager(scenario)


def test_objects_of_libraries_beside_vars_let_a_recording_serve_later_calls():
    logger, settings = logging.getLogger("beside vars"), SimpleNamespace(scale=2.0)

    @tg.jit
    def f(x):
        logger.debug("a step")
        return x * sum(vars(settings).values())

    for _ in range(4):
        f(X)
    assert f._misses == 1


def test_what_a_jitted_function_keeps_for_itself_is_no_state_of_its_callers():
    inner = tg.jit(lambda x: x * 2)
    found = Closure(lambda x: inner(x) + 1, [])
    inner(X)  # as another thread may, while the function is recorded
    assert not [holder.title for holder in found.holders.values() if holder.changed()]


def test_an_attribute_that_is_set_of_a_function_with_a_cache_is_kept_or_refused():
    table = functools.cache(lambda n: n * 2.0)

    @tg.jit
    def f(x):
        table.last = x * 2
        return table(2) * x

    f(X)
    np.testing.assert_array_equal(table.last, X * 2)
    with pytest.raises(tg.JitError, match="was changed"):
        f(X + 1)


class Keeping:
    def __init__(self):
        self.kept, self.factor = None, np.float64(2.0)

    def keep(self, x):
        self.kept = x * self.factor
        return self.kept


Keeping.__module__ = "string"  # as if a library had it, whose code is not searched


def test_a_recording_leaves_no_recorded_array_in_an_object_of_a_library():
    o = Keeping()
    f = tg.jit(lambda x: o.keep(x) * 2)
    f(X)
    assert type(o.kept) is np.ndarray  # the first value of an attribute: the function itself has run
    with pytest.raises(tg.JitError, match="attribute kept of Keeping was changed"):
        f(X)
    assert type(o.kept) is np.ndarray


class Scaling(dict):
    """A dict whose values come ten times as large as they went in, times 0.5; it may be closed."""

    is_open = True

    def __getitem__(self, key):
        if not self.is_open:
            raise PermissionError
        return super().__getitem__(key) * 0.5

    def __setitem__(self, key, value):
        super().__setitem__(key, value * 10)


class Negating(list):
    def __setitem__(self, i, value):
        super().__setitem__(i, -value)


class Doubling:
    __slots__ = ("mean",)

    def __init__(self):
        object.__setattr__(self, "mean", np.zeros(3))

    def __setattr__(self, name, value):
        super().__setattr__(name, value * 2)


def in_a_dict(jit):
    state = Scaling(mean=np.zeros(3))

    def mean(x):
        try:
            state["mean"] = state["mean"] * 0.1 + x
        except PermissionError:
            return x * 0
        return state["mean"]

    mean, found = jit(mean), []
    for i in range(8):
        state.is_open = i != 4
        found.append(mean(X + i))
    return [*found, *state.values()]


def in_a_list(jit):
    state = Negating([np.zeros(3)])
    mean = jit(lambda x: (state.__setitem__(0, state[0] * 0.1 + x), state[0])[1])
    return [*[mean(X + i) for i in range(8)], *state]


def in_a_slot(jit):
    state = Doubling()
    mean = jit(lambda x: (setattr(state, "mean", state.mean * 0.1 + x), state.mean)[1])
    return [*[mean(X + i) for i in range(8)], state.mean]


@pytest.mark.parametrize("scenario", [in_a_dict, in_a_list, in_a_slot])
def test_methods_that_get_and_set_members_are_called_by_the_function_alone(scenario):
    as_eager(scenario)


class OwnIteration:
    """Iterates in its own way: backwards, with the number of each element, over a part."""

    def __iter__(self):
        return iter([(i, self[i]) for i in reversed(range(1, len(self)))])


@pytest.mark.parametrize("base", [list, tuple, deque, namedtuple("Three", "a b c")])
def test_a_sequence_that_iterates_in_its_own_way_is_replayed_and_stays_as_it_is(base):
    def scenario(jit):
        arrays = [np.full(3, float(k)) for k in range(3)]
        kind = type("Own", (OwnIteration, base), {})
        held = kind(*arrays) if hasattr(base, "_fields") else kind(arrays)

        @jit
        def f(x):
            for i, a in held:
                x = x * 2 + a * i
                a += 1
            return x

        results = [f(X), f(X + 1), f(X + 2)]
        if base is list:
            held.append(np.ones(3))
            results += [f(X), f(X + 1)]
        return [*results, held[0], held[1], held[2]]

    as_eager(scenario)
    if hasattr(base, "_fields"):
        kind = type("Own", (OwnIteration, base), {})
        as_eager(lambda jit: [jit(lambda p: p.a * p.b - p.c)(kind(X, X + 1, X - k)) for k in (1, 1, 2)])


class Pair(namedtuple("Pair", "a b")):
    """Has attributes beside its elements."""


@pytest.mark.parametrize("wrap", [lambda p: p, lambda p: [p], lambda p: {0: p}, lambda p: (p,)])
@pytest.mark.parametrize("given", [(None,) * 4, (2.0,) * 4, (None, None, 2.0, None), (2.0, 3.0, X, None)])
def test_attributes_of_a_namedtuple_among_the_arguments_are_read(wrap, given):
    def scenario(jit):
        f, results = jit(lambda held, x: getattr(held if isinstance(held, Pair) else held[0], "gain", 5.0) * x), []
        for gain in given:
            pair = Pair(X, X + 1)
            if gain is not None:
                pair.gain = gain
            results.append(f(wrap(pair), X))
        return results

    as_eager(scenario)


@pytest.mark.parametrize("kind", [Pair, type("Labeled", (tuple,), {})])
@pytest.mark.parametrize("value", [lambda x: x * 2, lambda _: 7.0])
def test_attributes_that_a_tuple_among_the_arguments_gets_are_refused(kind, value):
    def f(pair, x):
        pair.gain = value(x)
        return x + 1

    def g(pair, x):
        f(pair[0], x)
        return x + 1

    pair = Pair(X, X + 1) if kind is Pair else kind((X, X + 1))
    pair.gain = 1.0
    for jitted, given in [(tg.jit(f), pair), (tg.jit(g), [pair]), (tg.jit(functools.partial(f, pair)), None)]:
        with pytest.raises(tg.JitError, match=f"{kind.__name__} was changed, which would not happen at later calls"):
            jitted(X) if given is None else jitted(given, X)
        assert pair.gain == 1.0
    del pair.gain
    tg.jit(f)(pair, X)  # the first value: the function itself runs
    np.testing.assert_array_equal(pair.gain, value(X))


def test_a_namedtuple_with_attributes_is_no_result():
    def f(x):
        pair = Pair(x, x + 1)
        pair.gain = x * 2
        return pair

    with pytest.raises(tg.JitError, match="the result has a Pair in it"):
        tg.jit(f)(X)


class Restored:
    def __init__(self):
        self.mean, self.gain = np.zeros(3), 2.0

    def forward(self, x):
        self.mean = 0.5 * self.mean + x
        return self.mean * self.gain

    def replacing(self, x):
        self.__dict__ = {**self.__dict__, "mean": 0.5 * self.mean + x}
        return self.mean * self.gain


@pytest.mark.parametrize("shared", [False, True])
def test_a_dict_of_attributes_that_is_replaced_is_noticed(shared):
    def scenario(jit):
        model, other = Restored(), Restored()
        if shared:
            other.__dict__ = model.__dict__
        forward = jit(lambda x: model.forward(x) - other.gain)
        results = [forward(X), forward(X)]
        saved = copy.deepcopy(model.__dict__)
        model.gain = 3.0
        results += [forward(X), forward(X)]
        model.__dict__ = saved
        results += [forward(X), forward(X), model.mean]
        other.__dict__ = {"gain": 5.0}
        return [*results, forward(X), model.mean]

    as_eager(scenario)


def test_a_dict_of_attributes_that_the_function_replaces_takes_what_it_holds():
    model, expected = Restored(), Restored()
    step = tg.jit(model.replacing, check=False)
    for i in range(4):
        np.testing.assert_array_equal(step(X + i), expected.replacing(X + i))
        np.testing.assert_array_equal(model.mean, expected.mean)
    assert step.cache_info().hits


@pytest.mark.parametrize("read", [lambda x: len(x), lambda _: 2.0])
def test_an_array_that_is_replaced_at_each_call_may_be_one_whose_elements_are_not_needed(read):
    state = SimpleNamespace(mean=np.zeros(3), is_mean=False)
    f = tg.jit(lambda x: x * state.mean if state.is_mean else x * read(state.mean), check=False)
    for _ in range(7):
        state.mean = state.mean + 1
        np.testing.assert_array_equal(f(X), X * read(state.mean))
    assert f.cache_info()[:2] == (4, 3)
    state.mean = np.zeros(5)
    np.testing.assert_array_equal(f(X), X * read(state.mean))
    state.is_mean, state.mean = True, X
    np.testing.assert_array_equal(f(X), X * X)


class Layers(list):
    scale = 2.0

    def forward(self, x):
        for a in self:
            x = x * a
            a += 1
        return x * self.scale


class Settings(dict):
    def forward(self, x):
        self["mean"] = self["mean"] + x
        return self["mean"] * self["scale"]


@pytest.mark.parametrize("make", [lambda: Layers([X + 1, X + 2]), lambda: Settings(mean=X, scale=2.0)])
def test_a_method_of_a_list_or_a_dict_of_the_user_is_replayed(make):
    def scenario(jit):
        things, forward = (make(), make()), jit(make().forward.__func__)
        results = [forward(thing, X + i) for i in range(3) for thing in things]
        if isinstance(things[0], Layers):
            things[0].scale = 3.0
            things[0].append(np.ones(3))
        else:
            things[0]["scale"] = 3.0
        return [*results, *[forward(thing, X) for thing in things]]

    as_eager(scenario)


@pytest.mark.parametrize("make", [list, deque, lambda members: dict(enumerate(members))], ids=["list", "deque", "dict"])
@pytest.mark.parametrize("new", [tg.Tensor([9.0]), 3, 2, 2.0, True], ids=repr)
@pytest.mark.parametrize("n", [5, 25])
def test_each_member_of_a_container_of_several_tensors_and_numbers_is_seen(make, new, n):
    held = make([*[tg.Tensor([float(i)]) for i in range(n)], 1])

    def f(x):
        return x * sum([np.sum(held[i]) for i in range(n + 1)])

    jitted = tg.jit(f)
    for i in (n, 0, 4):
        for _ in range(3):
            np.testing.assert_array_equal(jitted(X).data, f(X).data)
        held[i] = new
        np.testing.assert_array_equal(jitted(X).data, f(X).data)
    assert jitted.cache_info().misses > 3


def test_equal_numbers_in_a_long_list_are_not_recorded_anew():
    held = [i / 7 for i in range(30)]
    f = tg.jit(lambda x: x * np.copysign(1.0, held[0]) * sum(held))
    for misses, first in [(1, 0.0), (1, 0.0), (2, -0.0), (2, -0.0), (3, 0)]:
        held[:] = [first, *[i / 7 for i in range(1, 30)]]
        np.testing.assert_array_equal(f(X), X * np.copysign(1.0, held[0]) * sum(held))
        assert f.cache_info().misses == misses
