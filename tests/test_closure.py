"""The walk from a function to all that it reaches."""

import functools
from collections import deque
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu.trace.closure import Closure
from tinygrad_edu.trace.copies import Copies
from tinygrad_edu.trace.holders import Holder

GLOBAL = tg.Tensor([1.0])


@dataclass(slots=True)
class Slots:
    t: tg.Tensor


class Plain:
    shared = tg.Tensor([2.0])

    def __init__(self, t):
        self.t = t

    def __getitem__(self, i):
        return self.t * i

    @property
    def twice(self):
        return self.t * 2


def reached(fun, *args):
    return {id(t) for t in Closure(fun, args).tensors}


def test_tensors_are_found_wherever_a_function_gets_them():
    t = tg.Tensor([3.0])
    model, plain, slots, spaces = tg.nn.Linear(1, 1, rng=0), Plain(t), Slots(t), SimpleNamespace(deep={"k": [(t,)]})
    functions = [
        lambda: t, lambda x=t: x, lambda: plain.t, lambda: plain[0], lambda: plain.twice, lambda: slots.t,
        lambda: spaces.deep, functools.partial(lambda a: a, t), plain.__getitem__, lambda: (lambda: t)(),
        lambda: getattr(plain, "t"),  # noqa: B009
    ]  # fmt: skip
    for fun in functions:
        assert id(t) in reached(fun)
    assert id(t) in reached(len, [{"a": (t,)}])
    assert id(GLOBAL) in reached(lambda: GLOBAL)
    assert id(Plain.shared) in reached(lambda: plain.shared)
    assert {id(p) for p in model.parameters()} <= reached(lambda x: model(x))


@pytest.mark.parametrize("owner", [[1, 2], {"a": 1}, {1, 2}, deque([1]), Slots(GLOBAL), SimpleNamespace(a=1).__dict__])
def test_a_holder_notices_what_is_added_and_puts_it_back(owner):
    holder, before = Holder(owner, "it", None), repr(owner)
    assert not holder.changed()
    if isinstance(owner, Slots):
        owner.t = 5
    elif isinstance(owner, dict):
        owner["new"] = 5
    else:
        (owner.add if isinstance(owner, set) else owner.append)(5)
    assert holder.changed()
    holder.restore()
    assert repr(owner) == before


def test_a_copy_of_a_function_sees_other_values_and_the_function_its_own():
    a, b = np.ones(2), np.zeros(2)

    def inner(x):
        return x + a

    def outer(x):
        return inner(x) * 2

    copies = Copies(Closure(outer, []), {id(a): b})
    np.testing.assert_array_equal(copies.new(outer)(1.0), [2.0, 2.0])
    np.testing.assert_array_equal(outer(1.0), [4.0, 4.0])


class Holds:
    def __init__(self, f):
        self.f, self.layers = f, [f]


def through_a_loop(f):
    def run(x, fs=(f,)):
        for each in fs:
            x = each(x)
        return x

    return run


def attribute(f):
    holds = Holds(f)
    return lambda x: holds.f(x)


def element_of_an_attribute(f):
    holds = Holds(f)
    return lambda x: holds.layers[0](x)


HELD = {
    "tuple": lambda f: (lambda fs: lambda x: fs[0](x))((f,)),
    "tuple of tuples": lambda f: (lambda fs: lambda x: fs[0][0](x))(((f, 1),)),
    "list": lambda f: (lambda fs: lambda x: fs[0](x))([f]),
    "dict": lambda f: (lambda fs: lambda x: fs["f"](x))({"f": f}),
    "partial": lambda f: (lambda g: lambda x: g(x))(functools.partial(f)),
    "partial of a partial": lambda f: (lambda g: lambda x: g(x))(functools.partial(lambda g, x: g(x), f)),
    "default": through_a_loop,
    "attribute": attribute,
    "element of an attribute": element_of_an_attribute,
    "module": lambda f: tg.nn.Sequential(f, tg.nn.Tanh()),
}


@pytest.mark.parametrize("make", HELD.values(), ids=HELD)
def test_a_function_in_a_container_reads_its_own_array_anew_at_each_call(make):
    scale = np.full(2, 0.5)
    f = make(lambda x: x * scale)
    jitted, x = tg.jit(f), np.array([1.0, 2.0])
    for _ in range(3):
        np.testing.assert_array_equal(jitted(x), f(x))
        scale *= 0.5
    assert jitted.cache_info()[:2] == (2, 1)


@dataclass(slots=True)
class Scale:
    a: np.ndarray


class Shared:
    a = np.ones(2)


ONES = (np.ones(2),)


def default(x, *, k=1.0, pair=ONES):
    return x * k * pair[0]


def held_arrays():
    """Return (function, the array that it reads, in an object that holds it)."""
    a, b, c, d = (np.ones(2) for _ in range(4))
    pair, slots, queue, parts = (a, 3), Scale(b), deque([c]), [((d,),)]
    yield lambda x: x * pair[0], a
    yield lambda x: x * slots.a, b
    yield lambda x: x * queue[0], c
    yield lambda x: x * parts[0][0][0], d
    yield lambda x: x * Shared.a, Shared.a
    yield default, ONES[0]
    yield (lambda x, a=a: x * a), a
    yield functools.partial(lambda a, x: x * a, a), a
    partial = functools.partial(lambda x, a: x * a, a=b)
    yield (lambda x: partial(x)), b


@pytest.mark.parametrize("i", range(9))
def test_an_array_is_read_anew_whatever_holds_it(i):
    f, a = list(held_arrays())[i]
    jitted = tg.jit(f, check=False)
    for k in range(3):
        a[...] = k + 1
        np.testing.assert_array_equal(jitted(np.ones(2)), [k + 1, k + 1])
    assert jitted.cache_info()[:2] == (2, 1)


def written_arrays():
    """Return functions that write into what holds an array, or put another one there."""
    slots, queue, a, b = Scale(np.ones(2)), deque([np.ones(2)]), np.ones(2), np.ones(2)

    def in_place(x, *, scale=a):
        scale += 1
        return x * scale

    def first(a, x):
        a *= 2
        return x * a

    def rebound(x):
        slots.a = slots.a + 1
        queue[0] = queue[0] * slots.a
        return x * queue[0]

    return [in_place, functools.partial(first, b), rebound]


@pytest.mark.parametrize("i", range(3))
def test_an_array_is_written_and_replaced_whatever_holds_it(i):
    f, jitted = written_arrays()[i], tg.jit(written_arrays()[i])
    for _ in range(4):
        np.testing.assert_array_equal(jitted(np.ones(2)), f(np.ones(2)))
    assert jitted.cache_info()[:2] == (3, 1)


@pytest.mark.parametrize("make", [list, deque, lambda v: dict(enumerate(v))], ids=["list", "deque", "dict"])
@pytest.mark.parametrize("n", [3, 101, 1000])
def test_numbers_in_a_list_are_checked_up_to_a_thousand(make, n):
    held = make([1.0] * n)
    jitted = tg.jit(lambda x: x * held[n - 1], check=False)
    for value in (1.0, 2.0, 2.0, 1, True, 1.0):
        held[n - 1] = value
        y = jitted(np.ones(2, np.float32))
        np.testing.assert_array_equal(y, [value, value])
    assert jitted.cache_info()[:2] == (2, 4)


def test_a_list_holds_an_argument_that_the_function_replaces():
    a = np.ones(2)
    held = [a]

    def f(x):
        held[0] = held[0] * 2
        return x + held[0]

    jitted = tg.jit(f)
    for k in range(1, 5):
        np.testing.assert_array_equal(jitted(a), [1 + 2**k] * 2)


def test_a_result_of_another_jitted_function_is_called_one():
    w = tg.Tensor([1.0, 2.0])
    y = tg.jit(lambda x: (w * x).sum())(np.ones(2))
    with pytest.raises(tg.JitError, match="by another jitted function"):
        tg.jit(lambda x: y * x)(np.ones(2))


def test_a_walk_asks_an_object_for_no_attribute_that_it_may_not_have():
    class Config:
        def __init__(self, **settings):
            vars(self)["settings"] = settings

        def __getattr__(self, name):
            return self.settings[name]

    @dataclass
    class Pair:
        x: np.ndarray
        config: Config

    config = Config(k=2.0)
    f = tg.jit(lambda x, pair: x * config.k * pair.config.j)
    for k in range(3):
        np.testing.assert_array_equal(f(np.ones(2) * k, Pair(np.ones(2), Config(j=3.0))), [6.0 * k] * 2)
