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
