"""What `jit` sees of objects of the user's classes: kinds of numbers, texts, lists and Tensors, slots, namespaces."""

import argparse
import enum
import functools
import operator
import sys
import types
import weakref
from collections import ChainMap, deque
from types import SimpleNamespace
from typing import NamedTuple

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu.jit import JitError

X = np.arange(1.0, 4.0)
NAMES = ("gain", "shift")
factor = {"value": 2.0}  # which the methods below read
weight = np.ones(3)


class Methods:
    def scaled(self, x):
        return x * factor["value"] * weight


class Number(Methods, float):
    pass


class Text(Methods, str):
    pass


class Mode(Methods, enum.StrEnum):
    A = "a"


class Level(Methods, enum.IntEnum):
    A = 1


class Pair(Methods, tuple):
    pass


class Point(NamedTuple):
    x: np.ndarray
    scaled = Methods.scaled


class Layers(Methods, list):
    pass


class Table(Methods, dict):
    pass


class Queue(Methods, deque):
    pass


class Parameter(tg.Tensor):
    scaled = Methods.scaled


OBJECTS = [Number(1), Text("a"), Mode.A, Level.A, Pair((1,)), Point(X), Layers([1]), Table(a=1), Queue(), Parameter(X)]


@pytest.mark.parametrize("given", [False, True])
@pytest.mark.parametrize("thing", OBJECTS, ids=lambda thing: type(thing).__name__)
def test_methods_of_the_users_kinds_of_numbers_texts_and_containers_are_part_of_the_function(thing, given, monkeypatch):
    if given and isinstance(thing, (Layers, Table, Pair, Queue)):
        pytest.skip("is refused as an argument")
    jitted = tg.jit((lambda x, t: t.scaled(x)) if given else (lambda x: thing.scaled(x)), check=False)
    monkeypatch.setitem(factor, "value", 2.0)
    monkeypatch.setattr(sys.modules[__name__], "weight", np.ones(3))
    rest = (thing,) * given
    for value in (2.0, 5.0):
        factor["value"] = value
        weight[:] = value
        for _ in range(3):
            np.testing.assert_array_equal(jitted(X, *rest), X * value * value)


def with_gain(kind, *args):
    thing = kind(*args)
    thing.gain = 2.0
    return thing


class OneSlot:
    __slots__ = "gain"


class Private:
    __slots__ = ("__gain",)

    def __init__(self):
        self.gain = 1.0

    gain = property(lambda self: self.__gain, lambda self, v: setattr(self, "_Private__gain", v))


class SlotOfModule(tg.nn.Module):
    __slots__ = ("gain",)


class SlotOfOptimizer(tg.optim.SGD):
    __slots__ = ("gain",)


class Descriptor:
    def __get__(self, owner, kind=None):
        return vars(owner)["_" + "gain"]

    def __set__(self, owner, value):
        vars(owner)["_" + "gain"] = value


class Described:
    gain = Descriptor()


class Prefixed:
    def __getattr__(self, name):
        if name[0] == "_":
            raise AttributeError(name)
        return getattr(self, "_" + name)

    def __setattr__(self, name, value):
        super().__setattr__("_" + name, value)


HOLDERS = [
    *[(kind, lambda t: t.gain) for kind in (SimpleNamespace, argparse.Namespace, OneSlot, Private, Described)],
    *[(kind, lambda t: t.gain) for kind in (Prefixed, Number, Text, Layers, Pair, Table, SlotOfModule)],
    (lambda: SlotOfOptimizer([tg.Tensor(X)], lr=0.1), lambda t: t.gain),
    (lambda: Parameter(X), lambda t: t.gain),
    (SimpleNamespace, lambda t: sum(getattr(t, name, 1.0) for name in ("shift", "gain"))),
    (SimpleNamespace, lambda t: operator.attrgetter("gain.real")(t)),
]


@pytest.mark.parametrize("array", [False, True])
@pytest.mark.parametrize(("make", "use"), HOLDERS)
def test_attributes_are_seen_wherever_an_object_of_the_user_holds_them(make, use, array):
    thing = with_gain(make)
    jitted = tg.jit(lambda x: x * use(thing), check=False)
    for gain in (2.0, 5.0):
        thing.gain = np.full(3, gain) if array else gain
        for _ in range(3):
            np.testing.assert_array_equal(jitted(X), X * use(thing))
        if array:
            thing.gain[1] = 7.0
            np.testing.assert_array_equal(jitted(X), X * use(thing))
    assert jitted.cache_info().hits >= 4


def test_attributes_of_class_patterns_are_seen():
    def f(x):
        match thing:
            case SimpleNamespace(gain=2.0):
                return x * 1.0
            case SimpleNamespace(gain=gain):
                return x * gain

    thing = SimpleNamespace(gain=2.0)
    jitted = tg.jit(f, check=False)
    np.testing.assert_array_equal([jitted(X), jitted(X)], [X, X])
    thing.gain = 5.0
    np.testing.assert_array_equal([jitted(X), jitted(X)], [X * 5, X * 5])


def test_a_users_tuple_of_arrays_keeps_its_attributes():
    class Scaled(tuple):
        def __new__(cls, gain, *members):
            new = super().__new__(cls, members)
            new.gain, new.calls = gain, np.zeros(1)
            return new

    def f(pair, x):
        pair.calls += 1
        return pair.gain * pair[0] * x

    ours, theirs = Scaled(2.0, X.copy()), Scaled(2.0, X.copy())
    jitted = tg.jit(lambda x: f(ours, x), check=False)
    for gain in (2.0, 2.0, 3.0, 3.0):
        ours.gain = theirs.gain = gain
        np.testing.assert_array_equal(jitted(X), f(theirs, X))
        np.testing.assert_array_equal(ours.calls, theirs.calls)


def test_a_generator_of_the_users_class_has_methods_and_attributes():
    class Source(np.random.Generator):
        def jitter(self, n):
            return self.normal(size=n) * 0.1

    def f(source, x):
        return x * source.gain + source.jitter(3)

    ours, theirs = Source(np.random.PCG64(0)), Source(np.random.PCG64(0))
    jitted = tg.jit(lambda x: f(ours, x), check=False)
    for gain in (2.0, 2.0, 3.0, 3.0):
        ours.gain = theirs.gain = gain
        np.testing.assert_array_equal(jitted(X), f(theirs, X))


@pytest.mark.parametrize("options", [{}, {"check": False}], ids=str)
def test_a_generator_of_the_users_class_may_change_its_attributes(options):
    class Source(np.random.Generator):
        def __init__(self):
            super().__init__(np.random.PCG64(0))
            self.draws, self.mean = np.zeros(()), np.zeros(3)

        def jitter(self, x):
            self.draws += 1
            self.mean = self.mean * 0.9 + x
            return self.normal(size=3) * self.draws

    def add(source, x):
        source.mean = source.mean + x
        return source.mean * source.normal(size=3)

    for use in (Source.jitter, add, lambda source, x: x * isinstance(source, Source)):
        ours, theirs = Source(), Source()
        jitted = tg.jit(lambda x, use=use, ours=ours: use(ours, x), **options)
        for _ in range(4):
            np.testing.assert_array_equal(jitted(X), use(theirs, X))
            np.testing.assert_equal(vars(ours), vars(theirs))


def test_a_generator_has_no_attribute_to_set():
    def use(x):
        try:
            rng.mean = x
        except AttributeError:
            return x * 2
        return x

    rng = np.random.default_rng(0)
    np.testing.assert_array_equal(tg.jit(use, check=False)(X), X * 2)


VIEWS = [types.MappingProxyType, dict.keys, dict.values, dict.items]


@pytest.mark.parametrize("array", [False, True])
@pytest.mark.parametrize("view", VIEWS, ids=["proxy", "keys", "values", "items"])
def test_views_of_a_dict_see_what_becomes_of_it(view, array):
    held = {"a": X.copy() if array else 2.0}
    found = view(held)

    def use(x):
        members = found if view is dict.values else dict(found).values() if view is not dict.keys else []
        return x * len(found) + sum(members)

    jitted = tg.jit(use, check=False)
    for change in ({}, {"a": X + 1 if array else 3.0}, {"a": 4.0}, {"b": 5.0}):
        held.update(change)
        for _ in range(2):
            np.testing.assert_array_equal(jitted(X), use(X))


@pytest.mark.parametrize("name", ["label", "requires_grad"])
def test_a_function_may_ask_for_the_label_and_the_mode_of_a_tensor_of_the_users_class(name):
    p = type("Parameter", (tg.Tensor,), {})(X, label="p")
    f = tg.jit(lambda x: (x * 2, getattr(p, name), p.label, p.requires_grad), check=False)
    for label, takes in [("p", True), ("p", True), ("q", False)]:
        p.label, p.requires_grad = label, takes
        assert f(X)[1:] == (getattr(p, name), label, takes)


class Dual:
    """A number and its derivative."""

    __array_priority__ = 1000

    def __init__(self, value, slope):
        self.value, self.slope = value, slope

    def __mul__(self, other):
        return Dual(self.value * other, self.slope * other)

    def __rsub__(self, other):
        return Dual(other - self.value, -self.slope)

    def __gt__(self, other):
        return self.value.sum() * 2

    __rmul__ = __mul__


class Table(Dual):
    def __array__(self, dtype=None, copy=None):
        return np.full(3, 9.0)


@pytest.mark.parametrize("kind", [Dual, Table])
@pytest.mark.parametrize("use", [operator.mul, operator.imul, operator.sub, operator.lt])
@pytest.mark.parametrize("first", [lambda x: x * 1, np.sum], ids=["array", "number"])
def test_an_operand_of_higher_priority_decides_what_an_operator_gives(kind, use, first):
    dual = kind(X.copy(), X + 1)

    def f(x):
        y = use(first(x), dual)
        return (y.value, y.slope) if isinstance(y, Dual) else (y,)

    jitted = tg.jit(f, check=False)
    for x in (X, X + 1):
        for y, expected in zip(jitted(x), f(x), strict=True):
            np.testing.assert_array_equal(y, expected, strict=True)
    assert jitted.cache_info().hits == 1


def test_numbers_of_the_users_kinds_are_told_apart_though_they_print_alike():
    class Quiet(float):
        __repr__ = lambda self: "quiet"

    thing = SimpleNamespace(a=Quiet(2), b=Quiet(3))
    jitted = tg.jit(lambda x: (x * thing.a) + (x * thing.b), check=False)
    np.testing.assert_array_equal([jitted(X), jitted(X)], [X * 5, X * 5])
    thing.a = Quiet(4)
    np.testing.assert_array_equal([jitted(X), jitted(X)], [X * 7, X * 7])


@pytest.mark.parametrize("kind", [float, int, np.float64])
@pytest.mark.parametrize("options", [{}, {"optimize": False}])
def test_numbers_of_the_users_kinds_are_told_apart_though_they_compare_as_equal(kind, options):
    class Alike(kind):
        __eq__ = lambda self, other: True
        __hash__ = kind.__hash__

    a, b = Alike(3), Alike(4)
    f = tg.jit(lambda x: (x * a, b * x, x**a, np.power(x, b), np.maximum(x, a) + np.maximum(x, b)), **options)
    for _ in range(3):
        np.testing.assert_array_equal(f(X), [X * 3, X * 4, X**3, X**4, np.maximum(X, 3) + np.maximum(X, 4)])


def test_what_weak_references_and_dispatched_methods_lead_to_is_seen():
    class Dispatching:
        @functools.singledispatchmethod
        def scaled(self, n, x):
            return x

        @scaled.register
        def _(self, n: int, x):
            return x * self.parent().gain

    parent, thing = argparse.Namespace(gain=X.copy()), Dispatching()
    thing.parent = weakref.ref(parent)
    jitted = tg.jit(lambda x: thing.scaled(1, x), check=False)
    np.testing.assert_array_equal([jitted(X), jitted(X)], [X * X, X * X])
    parent.gain[:] = 5
    np.testing.assert_array_equal(jitted(X), X * 5)
    parent.gain = 7.0
    np.testing.assert_array_equal(jitted(X), X * 7)


IMPORTS = ["from pack.settings import gain", "from .settings import gain", "from ..settings import gain"]


@pytest.mark.parametrize("line", IMPORTS)
def test_a_module_that_the_function_imports_is_seen(line, monkeypatch):
    for name in ("pack", "pack.sub", "pack.settings", "pack.sub.settings"):
        monkeypatch.setitem(sys.modules, name, settings := types.ModuleType(name))
        settings.gain, settings.__file__ = 2.0, __file__
    scope = {"__package__": "pack.sub"}
    exec(f"def f(x):\n    {line}\n    return x * gain", scope)
    jitted = tg.jit(scope["f"], check=False)
    np.testing.assert_array_equal([jitted(X), jitted(X)], [X * 2, X * 2])
    sys.modules["pack.sub.settings" if "from .s" in line else "pack.settings"].gain = 5.0
    np.testing.assert_array_equal([jitted(X), jitted(X)], [X * 5, X * 5])


@pytest.mark.parametrize("of_module", [False, True])
@pytest.mark.parametrize(
    ("old", "new", "use"),
    [
        (np.float32, np.float64, lambda kind, x: x.astype(kind)),
        (tg.nn.Tanh, tg.nn.ReLU, lambda kind, x: kind()(x)),
        (np, SimpleNamespace(sin=np.cos), lambda kind, x: kind.sin(x)),
    ],
    ids=["dtype", "layer", "module"],
)
def test_classes_and_modules_that_are_exchanged_are_noticed(old, new, use, of_module):
    scope = {"use": use, "kind": old}
    exec("def f(x): return use(kind, x)", scope)
    thing = SimpleNamespace(kind=old)
    jitted = tg.jit(scope["f"] if of_module else lambda x: use(thing.kind, x), check=False)
    np.testing.assert_equal([jitted(X), jitted(X)], [use(old, X)] * 2)
    scope["kind"] = thing.kind = new
    np.testing.assert_equal([jitted(X), jitted(X)], [use(new, X)] * 2)


def test_a_method_that_one_optimizer_gets_is_called():
    w = tg.Tensor(X)
    sgd = tg.optim.SGD([w], lr=0.1)
    jitted = tg.jit(lambda x: sgd.minimize(np.sum(w * x)), check=False)
    jitted(X), jitted(X)
    sgd.step = lambda: None
    before = w.data.copy()
    jitted(X), jitted(X)
    np.testing.assert_array_equal(w.data, before)


@pytest.mark.parametrize("thing", [ChainMap({"gain": 2.0}), np.zeros(1, [("gain", float)])[0]], ids=type)
def test_containers_whose_members_are_not_seen_are_refused(thing):
    with pytest.raises(JitError, match="keep a plain"):
        tg.jit(lambda x: x * thing["gain"])(X)


def test_an_object_of_a_priority_below_that_of_arrays_decides_for_numbers_alone():
    class Twice:
        __array_priority__ = -1.0

        def __radd__(self, other):
            return other * 2

    twice = Twice()
    f = tg.jit(lambda x: np.sum(x) + twice)
    assert f(X) == f(X) == np.sum(X) * 2
    assert "v1 * 2" in f.source
