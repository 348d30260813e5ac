"""What `jit` notices between calls: kinds of arrays, members of classes, arrays of objects, keys of dicts."""

import contextlib
import functools
import importlib
import inspect
import json
import os
import sys
import threading
import weakref
from argparse import Namespace
from array import array
from collections import ChainMap, UserDict, UserList
from configparser import ConfigParser
from dataclasses import asdict, astuple, dataclass, fields, replace
from operator import attrgetter, itemgetter, methodcaller
from queue import Queue
from string import Template
from threading import Event
from types import ModuleType, SimpleNamespace
from typing import Any, ClassVar, Protocol, runtime_checkable

import numpy as np
import pytest
from numpy.lib.stride_tricks import as_strided, sliding_window_view

import tinygrad_edu as tg
from tinygrad_edu.engine.errors import is_pythons
from tinygrad_edu.jit import JitError

X = np.arange(1.0, 4.0)


def same(make, change, options, calls=3):
    """Check that a function gives what it gives eagerly, before and after a change of what it uses.

    `make` returns (function, object); `change` changes the object.
    """
    (eager, of_eager), (fun, of_jit) = make(), make()
    jitted = tg.jit(fun, **options)
    for _ in range(2):
        for _ in range(calls):
            np.testing.assert_equal(jitted(X), eager(X))
        change(of_eager)
        change(of_jit)
    assert jitted.cache_info().hits


def with_attribute(a):
    holder = type("Holder", (), {})()
    holder.a = a
    return holder


@pytest.mark.parametrize("options", [{}, {"check": False}], ids=str)
@pytest.mark.parametrize(
    ("use", "change"),
    [
        (lambda a, x: x + a.sum(axis=0).sum(axis=-1), lambda a: setattr(a, "shape", (2, 3) if a.ndim == 1 else (6,))),
        (lambda a, x: x * a.shape[0], lambda a: setattr(a, "shape", (2, 3) if a.ndim == 1 else (6,))),
        (lambda a, x: x + np.zeros_like(a).size, lambda a: setattr(a, "dtype", np.complex128)),
        (lambda a, x: x + a.sum(), lambda a: setattr(a, "dtype", np.int64)),
        (lambda a, x: x + a.reshape(-1)[1:].sum(), lambda a: setattr(a, "strides", (0,))),
    ],
    ids=["shape", "shape alone", "dtype alone", "dtype", "strides"],
)
@pytest.mark.filterwarnings("ignore:Setting the (shape|dtype|strides):DeprecationWarning")  # by NumPy 2.4 and 2.5
@pytest.mark.parametrize("where", ["variable", "attribute", "list"])
def test_an_array_that_gets_another_shape_dtype_or_strides_in_place_is_noticed(where, use, change, options):
    def make():
        a = np.arange(6.0)
        if where == "variable":
            return (lambda x: use(a, x)), a
        holder, members = with_attribute(a), [a]
        return (lambda x: use(holder.a, x)) if where == "attribute" else (lambda x: use(members[0], x)), a

    same(make, change, options)


def test_a_tensor_of_which_the_function_asks_the_shape_alone_is_noticed():
    def make():
        w = tg.Tensor(np.arange(6.0))
        return (lambda x: x * w.shape[0] + np.ones_like(w).size), w

    same(make, lambda w: setattr(w, "data", np.ones((2, 3, len(w.data)))), {})


@pytest.mark.parametrize("options", [{}, {"check": False}], ids=str)
@pytest.mark.parametrize(
    "use",
    [
        lambda w, x: x.astype(w.dtype).itemsize,
        lambda w, x: x * w.data.itemsize,
        lambda w, x: np.zeros_like(w.data).itemsize,
        lambda w, x: x * w.data.flags.f_contiguous,
    ],
    ids=["dtype", "itemsize", "zeros_like", "flags"],
)
def test_a_tensor_of_which_the_function_asks_the_kind_alone_is_noticed(use, options):
    def make():
        w = tg.Tensor(np.ones((2, 3)))
        return (lambda x: use(w, x)), w

    same(make, lambda w: setattr(w, "data", np.ones((2, 3), np.float32, order="F")), options)


LAYOUTS = [
    lambda: np.zeros(6),
    lambda: as_strided(np.zeros(1), (6,), (0,)),
    lambda: np.zeros(6)[::-1],
    lambda: np.zeros(12)[::2],
    lambda: sliding_window_view(np.zeros(8), 3, writeable=True),
    lambda: np.zeros((6, 3)),
    lambda: np.zeros((3, 6)).T,
    lambda: np.zeros((12, 6))[::-2, ::2],
]


@pytest.mark.parametrize("first", LAYOUTS)
def test_an_argument_or_attribute_whose_elements_share_memory_is_written_as_eagerly(first):
    def f(x):
        x[0] = 9
        x[1:] += x[:-1]
        return x.sum(), x * 2

    held = with_attribute(None)
    jitted, of_attribute = tg.jit(f), tg.jit(lambda: f(held.a))
    for make in (first, first, *LAYOUTS, first):
        a, b, held.a = make(), make(), make()
        expected = f(b)
        np.testing.assert_equal(jitted(a), expected)
        np.testing.assert_equal(of_attribute(), expected)
        np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(held.a, b)


@pytest.mark.parametrize("options", [{}, {"check": False}], ids=str)
def test_a_function_that_asks_for_the_flags_of_an_array_gets_those_of_this_call(options):
    def f(x):
        return x * (2.0 if x.flags.writeable else 3.0) + x.flags.c_contiguous + 4.0 * x.flags.owndata

    jitted, fixed, number = tg.jit(f, **options), X.copy(), np.array(1.0)
    fixed.flags.writeable = number.flags.writeable = False
    views = np.broadcast_to(np.array(2.0), (3,)), np.arange(6.0)[::2], fixed[::-1]
    for x in (X, X, fixed, fixed, X, *views, X, X[:], np.array(1.0), number):
        np.testing.assert_array_equal(jitted(x), f(x))


def test_a_function_that_asks_for_the_owner_of_a_views_memory_gets_it():
    def f(x):
        return x * (2.0 if x.base is None else 3.0), x[1:].base is x, np.zeros_like(x)[1:].base is None

    jitted = tg.jit(f, check=False)
    for x in (X, X.copy(), X[:], X, X[:]):
        np.testing.assert_equal(jitted(x), f(x))
    assert jitted.cache_info()[:2] == (2, 1)


@pytest.mark.parametrize("options", [{}, {"check": False}], ids=str)
@pytest.mark.parametrize(
    "use",
    [
        lambda x: x.copy("A").ravel("K"),
        lambda x: x.astype(np.float32, order="A").ravel("K"),
        lambda x: x.astype(np.float32, order="C").strides,
        lambda x: x.astype(np.float32, "F").strides,
        lambda x: x.T.copy("A").strides,
        lambda x: (x.astype(float, "A", copy=False) is x, x[:, ::2].astype(float, "A", copy=False).strides),
    ],
)
def test_a_copy_has_the_memory_order_that_the_function_asks_for(use, options):
    jitted, a = tg.jit(use, **options), np.arange(12.0).reshape(3, 4)
    for x in (a, np.asfortranarray(a), np.broadcast_to(a[0], (3, 4)), a):
        np.testing.assert_equal(jitted(x), use(x))


def test_astype_without_a_copy_makes_one_for_another_memory_order():
    def f(x):
        x.astype(float, order="C", copy=False)[0] = 5
        return x * 1

    jitted, a = tg.jit(f, check=False), np.arange(12.0).reshape(3, 4)
    for make in (np.array, np.asfortranarray, np.array):
        np.testing.assert_array_equal(jitted(make(a.copy())), f(make(a.copy())))


def user_class():
    class Layer:
        gain = 2.0

        @staticmethod
        def doubled(x):
            return x * 2

        @classmethod
        def scaled(cls, x):
            return x * cls.gain

        @property
        def bias(self):
            return 1.0

        def __call__(self, x):
            return self.doubled(x) + Layer.scaled(x) + self.bias

    layer = Layer()
    return (lambda x: layer(x)), Layer


@pytest.mark.parametrize(
    "change",
    [
        lambda c: setattr(c, "doubled", staticmethod(lambda x: x * 7)),
        lambda c: setattr(c, "scaled", classmethod(lambda cls, x: x * 8)),
        lambda c: setattr(c, "bias", property(lambda self: 9.0)),
        lambda c: setattr(c, "__call__", lambda self, x: x * 10),
        lambda c: setattr(c, "gain", 11.0),
    ],
)
def test_methods_of_a_users_class_are_replaced_and_otherwise_replayed(change):
    same(user_class, change, {})


def user_optimizer():
    class Own(tg.optim.Optimizer):
        config = with_attribute(1.0)

        def formula(self, theta, g, *, t, lr):
            return (theta - lr * self.config.a * g,)

    w = tg.Tensor(X)
    opt = Own([w], lr=0.1)

    def step(x):
        opt.minimize(np.sum(w * w * x))
        return w.data

    return step, Own


@pytest.mark.parametrize(
    "change",
    [
        lambda c: setattr(c.config, "a", c.config.a + 2),
        lambda c: setattr(c, "formula", lambda self, theta, g, t, lr: (theta + lr * g,)),
    ],
)
def test_methods_that_the_package_calls_are_part_of_the_function(change):
    same(user_optimizer, change, {}, calls=4)


def objects(*values):
    found = np.empty(len(values), object)
    for i, value in enumerate(values):
        found[i] = value
    return found


def in_objects(use, *values):
    def make():
        held = [v() if callable(v) else v for v in values]
        found = objects(*held)
        return (lambda x: use(found, x)), found

    return make


@pytest.mark.parametrize("options", [{}, {"check": False}], ids=str)
@pytest.mark.parametrize(
    ("make", "change"),
    [
        (in_objects(lambda o, x: x + o[0], X.copy), lambda o: o[0].fill(7)),
        (in_objects(lambda o, x: x + o[0], X.copy), lambda o: o.__setitem__(0, X * 3)),
        (in_objects(lambda o, x: x * o[0].data, lambda: tg.Tensor(X)), lambda o: o[0].data.fill(7)),
        (in_objects(lambda o, x: x * len(o[1]), "a", "bc"), lambda o: o.__setitem__(1, "defg")),
        (in_objects(lambda o, x: sum(a * x for a in o), X.copy, 2.0), lambda o: o[0].fill(7)),
    ],
)
def test_an_array_of_objects_is_seen_as_a_list_is(make, change, options):
    same(make, change, options)


@pytest.mark.parametrize("options", [{}, {"check": False}], ids=str)
@pytest.mark.parametrize(
    ("values", "use", "change"),
    [
        (["a", "b", "a"], lambda s, x: np.where(s == "a", x, -x), lambda s: s.__setitem__(1, "a")),
        ([b"a", b"b"], lambda s, x: x * (s[1] == b"b"), lambda s: s.__setitem__(1, b"c")),
        (np.array([0, 2], "M8[D]"), lambda s, x: x + (s[1] - s[0]).astype(float), lambda s: s.__iadd__(s - s[0])),
        (np.zeros(3, [("a", float)]), lambda s, x: x + s["a"], lambda s: s["a"].fill(7)),
        (
            np.zeros(1, "M8[D],i"),
            lambda s, x: x * s[0]["f0"].astype(object).year,
            lambda s: s["f0"].fill(np.datetime64("2020")),
        ),
        (np.array([1], "m8[s]"), lambda s, x: x * s.astype(float), lambda s: s.__imul__(3)),
        (np.array(["a" * 80], "T"), lambda s, x: x * (s[0] == "a" * 80), lambda s: s.__setitem__(0, "b" * 80)),
        (np.array([(1, [2.0])], "i,O"), lambda s, x: x * s["f1"][0][0], lambda s: s["f1"][0].__setitem__(0, 3.0)),
    ],
    ids=["texts", "bytes", "dates", "records", "dates of records", "durations", "long texts", "records of objects"],
)
def test_an_array_of_texts_dates_or_records_is_compared(values, use, change, options):
    def make():
        s = np.array(values)
        return (lambda x: use(s, x)), s

    same(make, change, options)


@pytest.mark.parametrize("options", [{}, {"check": False}], ids=str)
def test_records_that_the_function_closes_over_are_read_anew_and_written_into(options):
    def make():
        buffer = np.zeros(2000, [("state", float, 3), ("reward", np.float32), ("done", bool)])
        count = np.zeros((), int)

        def f(x):
            buffer["state"][count] = x
            buffer["reward"] += 0.5
            count[...] += 1
            return buffer["state"][:5], buffer[:3]["reward"] * ~buffer["done"][:3], buffer[1]["state"] @ x

        return f, buffer

    same(make, lambda buffer: buffer.__setitem__(slice(1, 3), (X, 7, True)), options)


def test_a_record_is_a_view_of_its_array():
    def f(records):
        row, pair, copied = records[0], records[1]["pair"], records[0].copy()
        records["x"][0] += 5
        records["pair"][1] = 7
        return row["x"], pair * 1, copied["x"] * 1, [row["x"] * 2 for row in records]

    jitted = tg.jit(f, check=False)
    a, b = (np.ones(3, [("x", float), ("pair", float, 2)]) for _ in range(2))
    for _ in range(3):
        given, expected = jitted(a), f(b)
        np.testing.assert_equal(given, expected)
        assert type(given[0]) is type(expected[0])
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    "write",
    [
        lambda records: records[0].__setitem__("x", 9),
        lambda records: [row.__setitem__("x", row["x"] * 2) for row in records],
        lambda records: records[0]["pair"].__setitem__(0, 9),
        lambda records: records[0]["pair"][1:].__setitem__(0, 9),
        lambda records: records[0].copy().__setitem__("x", 9),
    ],
)
@pytest.mark.parametrize("given", [True, False], ids=["argument", "variable"])
def test_a_write_into_one_record_is_refused(write, given):
    table = np.ones(3, [("x", float), ("pair", float, 2)])
    jitted = tg.jit(lambda records=table: write(records), check=False)
    with pytest.raises(JitError, match=r"record|write into x\[\.\.\.\] instead"):
        jitted(*[table] * given)
    assert table["x"].tolist() == [1.0, 1.0, 1.0]


def test_an_array_of_objects_may_be_an_argument_and_is_changed_as_eagerly():
    def f(x, o):
        o[0] += x
        o[0] = o[0] * 2
        return x * o[1]

    jitted, (a, b) = tg.jit(f), (objects(X.copy(), 3.0) for _ in range(2))
    for i in range(5):
        np.testing.assert_array_equal(jitted(X, a), f(X, b))
        np.testing.assert_array_equal(a[0], b[0])
        a[1] = b[1] = 3.0 + i // 3
    with pytest.raises(JitError, match="make a plain array or a list of it"):
        tg.jit(lambda o: np.concatenate(o) * 2)(objects(X, X[:2]))


@pytest.mark.parametrize("given", [True, False], ids=["argument", "variable"])
@pytest.mark.parametrize("key", [lambda w: w, lambda w: (w, 1)], ids=["Tensor", "tuple"])
def test_a_tensor_that_is_the_key_of_a_dict_is_read_anew(key, given):
    w = tg.Tensor(X)
    d = {key(w): 2.0}

    def use(x, d):
        return sum((k[0] if isinstance(k, tuple) else k).data * x * v for k, v in d.items())

    jitted = tg.jit(use if given else lambda x: use(x, d))
    for k in range(4):
        w.data[:] = k
        np.testing.assert_array_equal(jitted(X, d) if given else jitted(X), X * 2 * k)


@pytest.mark.parametrize("given", [True, False], ids=["argument", "variable"])
@pytest.mark.parametrize(
    "make", [lambda b: {(lambda x: x + b): 1.0}, lambda b: bytearray(b"ab"), lambda b: memoryview(b),
             lambda b: array("d", [1.0]), lambda b: UserDict(b=b), lambda b: UserList([b]),
             lambda b: weakref.WeakValueDictionary(b=b), lambda b: weakref.WeakKeyDictionary({len: b}),
             lambda b: ConfigParser(), lambda b: Event(),
             lambda b: ChainMap({"b": b}), lambda b: Queue(), lambda b: threading.local()],
    ids=["function as a key", "bytearray", "memoryview", "array.array", "UserDict", "UserList", "WeakValueDictionary",
         "WeakKeyDictionary", "ConfigParser", "Event", "ChainMap", "Queue", "threading.local"],
)  # fmt: skip
def test_what_cannot_be_exchanged_is_refused_with_a_remedy(make, given):
    held = make(X.copy())
    with pytest.raises(JitError, match=r"keep it in a list|keep a plain array|pass a plain array"):
        tg.jit(lambda x, h: x * bool(h))(X, held) if given else tg.jit(lambda x: x * bool(held))(X)


@pytest.mark.parametrize("held", [iter([1.0]), bytearray(b"ab"), Queue()], ids=lambda x: type(x).__name__)
def test_a_module_may_hold_what_a_recording_does_not_see_if_the_function_does_not_name_it(held):
    model = tg.nn.Linear(3, 1, rng=0)
    model.held = held
    jitted = tg.jit(lambda x: model(x) * 2)
    for _ in range(3):
        np.testing.assert_array_equal(jitted(X).data, (model(X) * 2).data)
    assert jitted.cache_info().hits == 2
    for use in (lambda x: model(x) * bool(model.held), lambda x: model(x) * bool(vars(model))):
        with pytest.raises(JitError, match=r"held is .*; (keep a plain array|call next\(\) outside)"):
            tg.jit(use)(X)


@pytest.mark.parametrize("options", [{}, {"check": False}], ids=str)
@pytest.mark.parametrize("first", [{}, {"last": None}], ids=str)
def test_an_attribute_that_the_function_names_of_an_object_of_a_library_is_seen(options, first):
    c = Template("")
    vars(c).update(first, scale=2.0)

    @tg.jit(**options)
    def f(x):
        c.last = x * c.scale

    for scale in (2.0, 2.0, 3.0, 3.0, 3.0):
        c.scale = scale
        for k in range(3):
            f(X * k)
            np.testing.assert_array_equal(c.last, X * k * scale)


ALL_ATTRIBUTES = {
    "vars": lambda c: sum(v.sum() for v in vars(c).values()),
    "__dict__": lambda c: sum(v.sum() for k, v in c.__dict__.items() if k < "z"),
    "how many": lambda c: np.ones(len(vars(c))).sum(),
}


class Partly:
    __slots__ = ("__dict__", "gain")


@pytest.mark.parametrize("options", [{}, {"check": False}], ids=str)
@pytest.mark.parametrize("kind", [SimpleNamespace, Partly])
@pytest.mark.parametrize("use", ALL_ATTRIBUTES.values(), ids=ALL_ATTRIBUTES)
def test_a_function_that_asks_for_all_attributes_of_an_object_sees_all(use, kind, options):
    c = kind()
    c.a, c.b, c.gain = np.ones(2), np.float64(3.0), np.ones(1)
    f = tg.jit(lambda x: x * use(c) * c.gain[0], **options)
    changes = (
        lambda: None, lambda: setattr(c, "d", np.ones(3)), lambda: c.a.fill(2.0), lambda: setattr(c, "b", c.d),
        lambda: setattr(c, "gain", c.gain * 2),
    )  # fmt: skip
    for change in changes:
        change()
        for _ in range(2):
            assert f(np.float64(2.0)) == 2.0 * use(c) * c.gain[0]


@pytest.mark.parametrize("use", [lambda c: type(c).__slots__, lambda c: dir(c)], ids=["__slots__", "dir"])
def test_a_function_that_asks_for_all_slots_sees_all(use):
    class Config:
        __slots__ = ("decay", "rate")

    c = Config()
    f = tg.jit(lambda x: x * sum(getattr(c, name, 0.5) for name in use(c) if name[0] != "_"), check=False)
    for name, value, expected in (("rate", 2.0, 2.5), ("rate", 3.0, 3.5), ("decay", 1.0, 4.0), ("rate", None, 1.5)):
        delattr(c, name) if value is None else setattr(c, name, value)
        np.testing.assert_array_equal([f(X), f(X)], [X * expected] * 2)


@pytest.mark.parametrize("body", [{"__getattr__": lambda c, _: 2.0}, {"__dict__": property(lambda c: {"w": c.w})}])
def test_an_object_of_slots_alone_may_answer_anything_when_asked_for_its_dict(body):
    c = type("Slotted", (), {"__slots__": ("w",), **body})()
    f = tg.jit(lambda x: x * c.w, check=False)
    for c.w in (2.0, 3.0):
        np.testing.assert_array_equal([f(X), f(X)], [X * c.w] * 2)
    assert f.cache_info()[:2] == (2, 2)


def test_global_variables_with_the_names_of_attributes_and_methods_may_change():
    scope = {"np": np}
    exec("def f(d):\n    return sum(v.mean() for v in d.items.data.values())", scope)
    f = tg.jit(scope["f"], check=False)
    for i in range(4):
        scope.update(data=[i], items={"a": i}, mean=float(i), values=scope["f"])
        assert f(SimpleNamespace(items=SimpleNamespace(data={"a": X}))) == X.mean()
    assert f.cache_info().misses == 4  # other objects
    batches, f = [{"a": X + i} for i in range(4)], tg.jit(lambda d: sum(v.mean() for v in d.values()), check=False)
    for batch in batches:
        scope["values"] = batch
        assert f(batch) == batch["a"].mean()
    assert f.cache_info().hits == 3


def test_a_global_variable_that_another_function_reads_by_its_name_is_seen():
    scope = {"scale": 2.0}
    exec("def get(name):\n    return globals()[name]\ndef f(x):\n    return x * get('scale')", scope)
    f = tg.jit(scope["f"], check=False)
    for scale in (2.0, 3.0):
        scope["scale"] = scale
        np.testing.assert_array_equal([f(X), f(X)], [X * scale, X * scale])


def test_attributes_with_the_names_of_methods_that_are_only_called_may_change():
    class Model:
        def loss(self, x):
            return np.sum((w - x) ** 2)

    class Trainer:
        def __init__(self):
            self.model, self.sgd, self.step, self.loss = Model(), tg.optim.SGD([w], lr=0.1), 0, None

        def train(self, x):
            loss = self.model.loss(x)
            self.sgd.minimize(loss)
            self.sgd.zero_grad()
            self.sgd.step(loss.backward)
            return loss

    w = tg.Tensor(np.zeros(3))
    trainer = Trainer()
    train = tg.jit(trainer.train)
    for _ in range(4):
        trainer.loss = train(X)
        trainer.step += 1
    assert train.cache_info().misses == 1


class Stage:
    def __init__(self):
        self.bodies, self.rate = [SimpleNamespace(x=np.zeros(3))], 2.0

    def shift(self, x):
        for body in self.bodies:
            body.x = body.x + x * self.rate
        return self.bodies[0].x * 2

    def reset(self, x):
        self.bodies[0].x[...] = 0
        return x


def test_methods_and_attributes_are_seen_whose_names_variables_and_arguments_hold():
    def in_a_variable(stage):
        name = "shift"
        return lambda x, _: getattr(stage, name)(x)

    def in_a_list(stage):
        names = ["shift", "reset", "shift"]
        return lambda x, _: [getattr(stage, n)(x) for n in names][-1]

    def as_keys(stage):
        factors = {"shift": 3.0, "reset": 2.0}
        return lambda x, _: sum([getattr(stage, k)(x) * v for k, v in factors.items()])

    def in_an_attribute(stage):
        stage.mode = "shift"
        return lambda x, _: getattr(stage, stage.mode)(x)

    def as_an_argument(stage):
        return lambda x, name: getattr(stage, name)(x)

    def in_a_path(stage):
        holder, path = SimpleNamespace(inner=stage), "inner.shift"
        return lambda x, _: attrgetter(path)(holder)(x)

    def in_a_text_of_the_users_kind(stage):
        name = type("Name", (str,), {})("shift")
        return lambda x, _: getattr(stage, name)(x)

    def of_an_attribute(stage):
        return lambda x, name: x * getattr(stage, "rate" if name == "reset" else name.replace("shift", "rate"))

    makes = in_a_variable, in_a_list, as_keys, in_an_attribute, as_an_argument, of_an_attribute, in_a_path
    for make in (*makes, in_a_text_of_the_users_kind):
        for jit in (tg.jit, functools.partial(tg.jit, check=False)):
            (eager, expected), (jitted, found) = [(Stage(), []) for _ in range(2)]
            for stage, results, f in ((eager, expected, make(eager)), (jitted, found, jit(make(jitted)))):
                for i, name in enumerate(["shift", "shift", "reset", "shift", "reset"]):
                    results += [f(X + i, name), stage.bodies[0].x * 1]
                    stage.rate += i
            np.testing.assert_equal(found, expected)


def test_attributes_are_seen_where_getattr_and_the_like_have_other_names():
    c, get, has, getter = SimpleNamespace(rate=2.0), getattr, hasattr, attrgetter
    uses = [lambda x: x * get(c, "rate"), lambda x: x * getter("rate")(c), lambda x: x * 2 if has(c, "extra") else x]
    for use in uses:
        f = tg.jit(use, check=False)
        for c.rate in (2.0, 3.0):
            np.testing.assert_array_equal([f(X), f(X)], [use(X), use(X)])
            vars(c).pop("extra", None) or vars(c).update(extra=1)


class Scale:
    def __init__(self):
        self.rate = 2.0

    def scaled(self, x, by=1.0):
        return x * by * self.rate


def test_names_and_arguments_that_attrgetter_and_methodcaller_keep_are_seen():
    by = np.arange(3.0)
    getters = [attrgetter("rate", "rate"), attrgetter("inner.gain"), methodcaller("scaled", by)]
    for getter in [*getters, methodcaller("scaled", 2.0, by=by)]:
        scale = Scale()
        scale.inner = SimpleNamespace(gain=3.0)  # names that no code of f's has
        f = tg.jit(lambda x, scale=scale, kept=(getter,): x * np.sum(kept[0](scale)), check=False)
        for _ in range(3):
            np.testing.assert_array_equal([f(X), f(X)], [X * np.sum(getter(scale))] * 2)
            scale.rate += 1
            scale.inner.gain += 1
            by += 1


def test_an_array_that_itemgetter_keeps_is_seen():
    at = np.array([0, 1])
    f = tg.jit(lambda x, kept=(itemgetter(at), itemgetter(slice(1), 0)): (kept[0](x), *kept[1](x)), check=False)
    for _ in range(3):
        np.testing.assert_array_equal(f(X)[0], X[at])
        at[:] = (at + 1) % len(X)


def test_an_attribute_that_cannot_be_called_yet_is_seen_where_the_function_may_catch_that():
    def activated(x):
        try:
            return c.act(x)
        except TypeError:
            return x * 2

    def scaled(x):
        with contextlib.suppress(TypeError):
            return c.act(x)
        return x * 2

    for f in (activated, scaled):
        c = SimpleNamespace(act=None)
        jitted = tg.jit(f, check=False)
        for c.act in (None, np.sin):
            np.testing.assert_array_equal([jitted(X), jitted(X)], [f(X), f(X)])


def test_attributes_with_the_names_of_keys_of_a_result_may_change():
    c = SimpleNamespace(w=tg.Tensor(np.ones(3)), loss=0.0)
    step = tg.jit(lambda x: {"loss": (c.w * x).sum() if isinstance(x, np.ndarray) else None})
    for _ in range(4):
        c.loss = step(X)["loss"]
    assert step.cache_info().misses == 1


class Counting(tg.nn.Module):
    def __init__(self):
        self.layer, self.scale, self.loss, self.step = tg.nn.Linear(3, 1, rng=0), 2.0, None, 0

    def forward(self, x):
        return self.layer(x) * self.scale


def test_numbers_of_a_users_module_that_no_code_reads_may_change():
    model = Counting()
    step = tg.jit(lambda x: (np.sum(model(x)), "{:d} {step}".format(len(x), step="step")))
    for i in range(4):
        model.loss, model.step = float(step(X)[0]), i
    assert step.cache_info().misses == 2  # one for the first loss


@pytest.mark.parametrize(
    ("use", "name"),
    [
        (lambda m, x: m(x), "scale"), (lambda m, x: m(x) * m.step, "step"),
        (lambda m, x: m(x) * getattr(m, "st" + "ep"), "step"), (lambda m, x: m(x) * vars(m)["step"], "step"),
        (lambda m, x: m(x) * sum(p.sum() for p in m.parameters()), "loss"),
    ],
)  # fmt: skip
def test_attributes_of_a_users_module_that_code_reads_are_seen(use, name):
    model = Counting()
    f = tg.jit(lambda x: use(model, x), check=False)
    for value in (1.0, 1.0, tg.Tensor(3.0)):
        setattr(model, name, value)
        np.testing.assert_array_equal(f(X).data, use(model, X).data)


def test_the_order_of_a_modules_attributes_is_that_of_its_parameters():
    model = tg.nn.Module()
    model.a, model.b = tg.Tensor([1.0, 2.0, 3.0]), tg.Tensor([4.0, 5.0, 6.0])
    f = tg.jit(lambda x: model.parameters()[0] * x, check=False)
    np.testing.assert_array_equal([f(X).data, f(X).data], [model.a.data * X] * 2)
    model.a = vars(model).pop("a")
    np.testing.assert_array_equal([f(X).data, f(X).data], [model.b.data * X] * 2)


@pytest.mark.parametrize(
    "give",
    [
        lambda x, n: np.zeros_like(x, shape=(n, 2)), lambda x, n: np.ones_like(x, None, "K", True, n),
        lambda x, n: x * np.size(np.stack([x, x]), n), lambda x, n: x * np.size(np.stack([x, x]), axis=n),
    ],
)  # fmt: skip
def test_a_number_that_is_the_shape_of_a_new_array_or_an_axis_is_no_constant(give):
    with pytest.raises(JitError, match="use as a Python integer"):
        tg.jit(give, check=False)(X, np.int64(1))


@pytest.mark.parametrize("optimize", [True, False])
@pytest.mark.parametrize(
    "give",
    [
        lambda c, n: np.concatenate((c, c), n), lambda c, n: np.stack([c, c, c], n), lambda c, n: np.cumsum(c, n)[0],
        lambda c, n: np.sum(c, n), lambda c, n: np.max(c * 2, n), lambda c, n: np.broadcast_to(c, (n + 1, 2, 2)),
    ],
)  # fmt: skip
def test_a_number_that_is_an_axis_or_a_length_may_be_another_one_if_the_array_is_constant(give, optimize):
    def f(x, n):
        y = give(np.ones_like(x), n)
        return y + y.shape[0]

    jitted = tg.jit(f, check=False, optimize=optimize)
    for n in map(np.int64, (0, 1, 0, 1)):
        np.testing.assert_array_equal(jitted(np.zeros((2, 2)), n), f(np.zeros((2, 2)), n), strict=True)


def test_an_array_that_is_the_shape_of_a_new_array_is_checked():
    shape = np.array([2, 3])
    f = tg.jit(lambda x: np.zeros_like(x, shape=shape) + np.sum(x))
    assert f(X).shape == f(X).shape == (2, 3)
    shape[0] = 4
    assert f(X).shape == (4, 3)
    with pytest.raises(JitError, match="use as a Python integer"):
        tg.jit(lambda x, n: np.full_like(x, 2.0, shape=n))(X, shape)


def test_the_kind_of_a_result_of_five_arrays_may_be_asked():
    f = tg.jit(lambda x: x.astype(np.result_type(x, x, x, x, x)) * len(np.einsum_path("i,i,i,i", x, x, x, x)[0]))
    np.testing.assert_array_equal([f(X), f(X)], [X * len(np.einsum_path("i,i,i,i", X, X, X, X)[0])] * 2)


GLOBALS = {"np": np, "A": np.ones(3)}
exec("def named(x, name):\n    return x * globals()[name]", GLOBALS)
exec("def evaluated(x, name):\n    return x * eval(name)", GLOBALS)


@pytest.mark.parametrize("use", [GLOBALS["named"], GLOBALS["evaluated"]])
def test_a_global_array_that_another_function_names_by_a_string_is_read_anew(use):
    f = tg.jit(lambda x: use(x, "A"), check=False)
    for _ in range(3):
        GLOBALS["A"][:] += 1
        np.testing.assert_array_equal(f(X), X * GLOBALS["A"])


BY_NAME = ModuleType("by_name")
exec(
    """
import builtins, functools, importlib, sys
import numpy as np

def reset():
    global A, K, S
    A, K, S = np.ones(3), 2.0, {"name": "A", "text": "A * K"}

def evaluated(x): return x * eval("A + K")
def evaluated_function(x): return eval("lambda a: a * A * K")(x)
def evaluated_setting(x): return x * eval(S["text"])
def evaluated_code(x): return x * eval(CODE)
def evaluated_by_another_name(x): return x * ANOTHER["name"]("A + K")
def evaluated_by_a_partial(x): return x * PARTIAL(globals())
def evaluated_by_builtins(x): return x * builtins.eval("A * K")
def evaluated_text_in_a_text(x): return x * eval("eval('A * K')")
def executed(x):
    exec("global A; A = A * 1.5 + x")
    return x * 2
def executed_function(x):
    found = {}
    exec("def f(x): return x * A - K", globals(), found)
    return found["f"](x)
def named_by_a_setting(x): return x * globals()[S["name"]]
def nothing(): pass
def named_by_a_function(x): return x * nothing.__globals__[S["name"]]
def named_in_a_format(x): return x * float("{K}".format_map(globals()))
def set_by_a_setting(x):
    globals()[S["name"]] = A * 1.5 + x
    return x * 2
def of_the_module(x): return x * getattr(sys.modules[__name__], S["name"])
def of_the_imported_module(x): return x * getattr(importlib.import_module(MODULE), "A")

CODE, MODULE = compile("A * K", "<text>", "eval"), __name__
ANOTHER, PARTIAL = {"name": eval}, functools.partial(eval, "A * K")
""",
    vars(BY_NAME),
)


@pytest.fixture
def by_name(monkeypatch):
    monkeypatch.setitem(sys.modules, "by_name", BY_NAME)
    return BY_NAME


@pytest.mark.parametrize(
    "name", [k for k in vars(BY_NAME) if k.startswith(("evaluated", "executed", "named", "set_", "of_"))]
)
@pytest.mark.parametrize("options", [{}, {"check": False}], ids=str)
def test_globals_are_seen_that_texts_name(by_name, name, options):
    def run(f):
        by_name.reset()
        for i in range(8):
            if i == 2:
                by_name.A[...] = 3
            elif i == 3:
                by_name.A = np.full(3, 4.0)
            elif i == 5:
                by_name.K = 5.0
            elif i == 6:
                by_name.S.update(name="K", text="A - K") if "set_" not in name else None
            yield f(X), by_name.A * 1

    np.testing.assert_equal([*run(tg.jit(getattr(by_name, name), **options))], [*run(getattr(by_name, name))])


@pytest.mark.parametrize("options", [{}, {"check": False}], ids=str)
def test_a_global_array_that_is_set_by_a_computed_name_is_refused(by_name, options):
    by_name.reset()
    scope = {"A": np.ones(3)}
    exec("def f(x):\n    globals()[chr(65)] = x * 2\n    return x", scope)
    with pytest.raises(JitError, match="a global variable A was changed"):
        tg.jit(scope["f"], **options)(X)
    assert isinstance(scope["A"], np.ndarray)
    scope = {"module": by_name}
    exec("import sys\ndef f(x):\n    setattr(sys.modules['by_name'], chr(65), x * 2)\n    return x", scope)
    with pytest.raises(JitError, match=r"A .*was changed"):
        tg.jit(scope["f"], **options)(X)
    assert isinstance(by_name.A, np.ndarray)


def test_attributes_with_the_names_of_methods_that_are_also_read_are_seen():
    c = SimpleNamespace(mean=2.0, sum=1.0)

    def tried(thing):
        try:
            return thing.sum
        except AttributeError:
            return 0

    uses = [lambda x: x.mean() * c.mean, lambda x: x.sum() * getattr(c, "sum", 0), lambda x: [x.sum(), vars(c)["sum"]]]
    uses.append(lambda x: x.sum() * tried(c))
    for use in uses:
        f = tg.jit(use, check=False)
        for c.mean, c.sum in ((2.0, 1.0), (2.0, 1.0), (3.0, 4.0)):
            assert np.array_equal(f(X), use(X))


def test_an_attribute_that_a_descriptor_finds_by_a_name_of_its_own_may_be_set_later():
    class Setting:
        def __set_name__(self, owner, name):
            self.name = f"_{name}"

        def __get__(self, c, owner=None):
            return getattr(c, self.name, 0.5)

    class Config:
        rate = Setting()

    c = Config()
    f = tg.jit(lambda x: x * c.rate, check=False)
    for rate in (0.5, 2.0, 3.0):
        vars(c).update({"_rate": rate} if rate > 0.5 else {})
        np.testing.assert_array_equal([f(X), f(X)], [X * rate, X * rate])


def test_a_function_that_asks_for_attributes_of_a_class_is_replayed():
    class Config:
        rate = 2.0

        def scaled(self, x):
            return x * getattr(self, "rate", 1.0)

    f = tg.jit(lambda x: Config().scaled(x), check=False)
    np.testing.assert_array_equal([f(X), f(X)], [X * 2, X * 2])
    assert f.cache_info().hits == 1


def by_any_handler(c, x):
    try:
        return x * c.scale
    except:  # noqa: E722
        return x


def by_a_pattern(c, x):
    match c:
        case object(scale=scale):
            return x * scale
    return x


def by_a_context(c, x):
    with contextlib.suppress(*ERRORS):
        return x * c.scale
    return x


class Quiet:
    def __enter__(self):
        return self

    def __exit__(self, *error):
        return True


def by_a_context_of_the_user(c, x):
    with Quiet():
        return x * c.scale
    return x


@runtime_checkable
class HasScale(Protocol):
    scale: float


ERRORS = (AttributeError, NameError)
MAY_BE_ABSENT = {
    "except": by_any_handler,
    "match": by_a_pattern,
    "with": by_a_context,
    "with a class": by_a_context_of_the_user,
    "dir": lambda c, x: x * c.scale if "scale" in dir(c) else x,
    "__dict__": lambda c, x: x * c.__dict__.get("scale", 1.0),
    "getattr_static": lambda c, x: x * inspect.getattr_static(c, "scale", 1.0),
    "protocol": lambda c, x: x * c.scale if isinstance(c, HasScale) else x,
}


@pytest.mark.parametrize("make", [SimpleNamespace, lambda: type("Config", (), {}), lambda: ModuleType("config")])
@pytest.mark.parametrize("use", MAY_BE_ABSENT.values(), ids=MAY_BE_ABSENT)
def test_an_attribute_that_is_set_after_a_function_did_without_it_is_seen(use, make):
    c = make()
    f = tg.jit(lambda x: use(c, x), check=False)
    for change in (lambda: None, lambda: setattr(c, "scale", 5.0), lambda: delattr(c, "scale")):
        change()
        for _ in range(2):
            np.testing.assert_array_equal(f(X), use(c, X))


def test_a_variable_that_gets_a_value_after_a_function_did_without_it_is_seen():
    scope = {}
    exec("def f(x):\n    return x * globals().get('scale', 1.0)", scope)

    def g(x):
        try:
            return x * scale
        except NameError:
            return x

    f, g = tg.jit(scope["f"], check=False), tg.jit(g, check=False)
    np.testing.assert_array_equal([f(X), f(X), g(X), g(X)], [X] * 4)
    scope["scale"] = scale = 5.0
    np.testing.assert_array_equal([f(X), f(X), g(X), g(X)], [X * 5] * 4)


class Meta(type):
    gain = 2.0

    @property
    def double(cls):
        return cls.gain * 2


def nine(self, name):
    return 9.0 if name == "gain" else object.__getattribute__(self, name)


@pytest.mark.parametrize(
    ("use", "name", "value"),
    [(lambda c, x: x * c.gain, "gain", property(lambda self: 7.0)),
     (lambda c, x: x * (2 if c else 3), "__bool__", lambda self: False),
     (lambda c, x: x * (c == 5.0), "__eq__", lambda self, other: other == 5.0),
     (lambda c, x: x * c.gain, "__getattribute__", nine),
     (lambda c, x: x * type(c).gain, "gain", 4.0),
     (lambda c, x: x * type(c).double, "gain", 4.0)],
    ids=["property", "__bool__", "==", "__getattribute__", "of a metaclass", "property of a metaclass"],
)  # fmt: skip
def test_a_member_that_a_class_gets_after_the_recording_is_seen(use, name, value):
    kind = Meta("Config", (), {})
    c = kind()
    c.gain = 3.0
    f = tg.jit(lambda x: use(c, x), check=False)
    np.testing.assert_array_equal([f(X), f(X)], [use(c, X)] * 2)
    setattr(kind, name, value)
    expected = use(c, X)
    np.testing.assert_array_equal([f(X), f(X)], [expected] * 2)
    delattr(kind, name)
    np.testing.assert_array_equal([f(X), f(X)], [use(c, X)] * 2)


def test_what_a_property_reads_that_python_asks_for_is_seen():
    class Proxy:
        def __init__(self, kind):
            self.kind = kind

        @property
        def __class__(self):
            return self.kind

    p = Proxy(list)
    f = tg.jit(lambda x: x * (2 if isinstance(p, list) else 3), check=False)
    np.testing.assert_array_equal([f(X), f(X)], [X * 2] * 2)
    p.kind = tuple
    np.testing.assert_array_equal([f(X), f(X)], [X * 3] * 2)


def test_what_a_method_reads_that_is_a_partial_one_is_seen():
    gains = X.copy()

    class Scale:
        def scaled(self, power, x):
            return x * gains**power

        __call__ = functools.partialmethod(scaled, 2)

    scale = Scale()
    f = tg.jit(lambda x: scale(x), check=False)
    np.testing.assert_array_equal([f(X), f(X)], [X * gains**2] * 2)
    gains[:] = 3.0
    np.testing.assert_array_equal([f(X), f(X)], [X * 9] * 2)


def test_a_special_method_that_is_none_is_seen():
    class Key:
        __hash__ = None

    key = Key()

    @tg.jit
    def f(x):
        try:
            hash(key)
        except TypeError:
            return x * 2
        return x

    np.testing.assert_array_equal([f(X), f(X)], [X * 2] * 2)
    Key.__hash__ = object.__hash__
    np.testing.assert_array_equal([f(X), f(X)], [X] * 2)


@pytest.mark.parametrize("name", ["__array_interface__", "__array_struct__"])
def test_an_array_that_a_property_gives_to_numpy_is_not_frozen(name):
    gains = X.copy()
    image = type("Image", (), {name: property(lambda self: getattr(gains, name))})()
    with pytest.raises(JitError):
        tg.jit(lambda x: x * np.asarray(image), check=False)(X)


def test_what_a_class_reads_to_be_indexed_is_seen():
    class Gains:
        table = {"a": 2.0}  # noqa: RUF012

        def __class_getitem__(cls, key):
            return cls.table[key]

    f = tg.jit(lambda x: x * Gains["a"], check=False)
    np.testing.assert_array_equal([f(X), f(X)], [X * 2] * 2)
    Gains.table["a"] = 5.0
    np.testing.assert_array_equal([f(X), f(X)], [X * 5] * 2)


def test_attributes_that_a_module_computes_are_seen():
    settings = ModuleType("settings")
    settings.gains = {"gain": 2.0}
    exec("def __getattr__(name):\n    return gains[name]", vars(settings))
    f = tg.jit(lambda x: x * settings.gain, check=False)
    np.testing.assert_array_equal([f(X), f(X)], [X * 2] * 2)
    settings.gains["gain"] = 5.0
    np.testing.assert_array_equal([f(X), f(X)], [X * 5] * 2)
    settings.gain = 7.0
    np.testing.assert_array_equal([f(X), f(X)], [X * 7] * 2)


def test_an_object_that_a_weak_reference_leads_to_may_go():
    owner = Namespace(scale=2.0)
    parent = weakref.ref(owner)
    f = tg.jit(lambda x: x * parent().scale if parent() is not None else x, check=False)
    np.testing.assert_array_equal([f(X), f(X)], [X * 2, X * 2])
    del owner
    np.testing.assert_array_equal([f(X), f(X)], [X, X])


@pytest.mark.parametrize("use", [lambda c: vars(c), lambda c: c.__dict__, lambda c: {k: getattr(c, k) for k in dir(c)}])
def test_a_function_that_asks_for_all_attributes_of_a_class_sees_its_values(use):
    class Config:
        lr = 2.0
        scales = [1.0]  # noqa: RUF012

    def f(x):
        found = [v for k, v in use(Config).items() if not k.startswith("_")]
        return x * sum(sum(v) if isinstance(v, list) else v for v in found)

    jitted = tg.jit(f, check=False)
    changes = (
        lambda: None, lambda: setattr(Config, "lr", 5.0), lambda: Config.scales.append(7.0),
        lambda: setattr(Config, "decay", 3.0), lambda: delattr(Config, "lr"),
    )  # fmt: skip
    for change in changes:
        change()
        np.testing.assert_array_equal([jitted(X), jitted(X)], [f(X), f(X)])


def test_defaults_of_keywords_that_are_replaced_are_seen():
    def scaled(x, *, by=2.0):
        return x * by

    f = tg.jit(lambda x: scaled(x), check=False)
    np.testing.assert_array_equal([f(X), f(X)], [X * 2] * 2)
    scaled.__kwdefaults__ = {"by": 5.0}
    np.testing.assert_array_equal([f(X), f(X)], [X * 5] * 2)


def test_an_argument_may_be_named_self():
    f = tg.jit(lambda self, x: self * x)
    np.testing.assert_array_equal([f(x=X, self=2.0), f(x=X, self=2.0)], [X * 2] * 2)


@dataclass
class WithDefault:
    a: object
    b: object = None


@dataclass(slots=True)
class WithSlots:
    a: object
    b: object = None


@pytest.mark.parametrize("kind", [WithDefault, WithSlots])
def test_an_attribute_that_is_deleted_from_an_argument_is_refused(kind):
    def f(s):
        del s.b
        s.a += 1

    given = kind(X.copy(), X.copy())
    with pytest.raises(JitError, match="got or lost the attribute b"):
        tg.jit(f)(given)
    np.testing.assert_array_equal(given.a, X)
    np.testing.assert_array_equal(given.b, X)


@pytest.mark.parametrize("options", [{}, {"check": False}])
def test_a_global_variable_that_takes_the_place_of_a_builtin_is_seen(options):
    scope = {}
    exec("def f(x):\n    return abs(x) + len(x)", scope)
    jitted = tg.jit(scope["f"], **options)
    for _ in range(3):
        np.testing.assert_array_equal(jitted(-X), X + 3)
    scope["abs"] = np.sign
    for _ in range(3):
        np.testing.assert_array_equal(jitted(-X), np.full(3, 2.0))
    del scope["abs"]
    np.testing.assert_array_equal(jitted(-X), X + 3)


class Table:
    def __init__(self):
        self.grid = np.arange(3.0)

    @functools.lru_cache  # noqa: B019
    def sines(self, n):
        return np.sin(self.grid * n)

    def call(self, x):
        return x * self.sines(2)


@functools.lru_cache
def sines(n):
    return np.sin(TABLE.grid * n)


TABLE = Table()


@pytest.mark.parametrize("options", [{}, {"check": False}])
@pytest.mark.parametrize(("fun", "cached"), [(TABLE.call, TABLE.sines), (lambda x: x * sines(2), sines)])
def test_a_cache_keeps_no_array_of_a_recording(fun, cached, options):
    sines.cache_clear(), Table.sines.cache_clear()
    jitted = tg.jit(fun, **options)
    for _ in range(4):
        np.testing.assert_array_equal(jitted(X), X * np.sin(np.arange(3.0) * 2))
    assert type(cached(2)) is np.ndarray
    assert jitted.cache_info().hits


@pytest.mark.parametrize("options", [{}, {"check": False}], ids=str)
def test_modes_of_modules_are_set_as_eagerly(options):
    def make():
        model = tg.nn.Sequential(tg.nn.Dropout(0.5, rng=0), tg.nn.BatchNorm1d(3))

        def evaluate(x):
            model.eval()
            return model(x) * 1

        def step(x):
            model.train()
            y = model(x)
            model[0].eval()
            return y

        return model, evaluate, step

    (eager, *of_eager), (model, *functions) = make(), make()
    jitted = [tg.jit(f, **options) for f in functions]
    for i in (0, 0, 0, 1, 0, 1, 1, 0, 1, 0, 1, 1):
        np.testing.assert_allclose(jitted[i](np.ones((4, 3))).data, of_eager[i](np.ones((4, 3))).data)
        assert [m.training for m in model.modules()] == [m.training for m in eager.modules()]
    assert all(j.cache_info().hits > 1 for j in jitted)


@dataclass
class Member:
    a: object
    next: object = None


def linked():
    found = Member(X)
    found.next = Member(X, found)
    return found


def nested(depth):
    found = [X]
    for _ in range(depth):
        found = [found]
    return found


def cyclic():
    found = {"a": X}
    found["self"] = found
    return found


@pytest.mark.parametrize("make", [linked, cyclic, lambda: nested(200), lambda: nested(2000)])
def test_arguments_that_contain_themselves_are_refused(make):
    f = tg.jit(lambda x, given: x * 2)
    with pytest.raises(JitError, match="contain themselves, or are nested more than 100 deep"):
        f(X, make())
    np.testing.assert_array_equal(f(X, nested(50)), X * 2)


Z = X + 2j * X[::-1]
PARTS = {
    "slice": lambda z: z.real[1:],
    "reversed": lambda z: z.imag[::-1][:2],
    "other dtype": lambda z: z.view(np.float64)[2:],
    "part of a slice": lambda z: z[:2].imag,
    "integers": lambda z: z.real.view(np.int64)[1:],
    "two axes": lambda z: z.reshape(1, 3).T.real[1:],
}


@pytest.mark.parametrize("name", PARTS)
def test_views_of_parts_of_complex_arrays_see_writes_and_are_written_into(name):
    def f(z):
        y = z * 2
        v, u = PARTS[name](y), PARTS[name](z)
        v[0] = 7
        y *= 3
        v *= 2
        u[...] = u[::-1].copy()
        return y * 1, v * 1, u * 1, z * 1

    jitted = tg.jit(f)
    for k in range(3):
        a, b = Z + k, Z + k
        for given, expected in zip((*jitted(a), a), (*f(b), b), strict=True):
            np.testing.assert_array_equal(given, expected)


def test_a_module_that_the_first_call_imports_is_seen(tmp_path, monkeypatch):
    (tmp_path / "imported_at_first.py").write_text("gain = 2.0\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)

    def f(x):
        import imported_at_first

        return x * imported_at_first.gain

    jitted = tg.jit(f, check=False)
    np.testing.assert_array_equal([jitted(X) for _ in range(3)], [X * 2] * 3)
    monkeypatch.setattr(sys.modules["imported_at_first"], "gain", 5.0)
    np.testing.assert_array_equal([jitted(X), jitted(X)], [X * 5] * 2)
    monkeypatch.delitem(sys.modules, "imported_at_first")


@pytest.mark.parametrize("kind", [SimpleNamespace, Namespace, type("Config", (), {})])
def test_attributes_that_the_function_does_not_name_are_not_looked_at(kind):
    settings = kind()
    settings.gain, settings.note, settings.history = 2.0, "first", [X]

    jitted = tg.jit(lambda x: x * settings.gain)
    for i in range(4):
        settings.note, settings.history = str(i), [X] * i
        np.testing.assert_array_equal(jitted(X), X * 2)
    assert jitted.cache_info().hits == 3
    assert "history" not in jitted.plan


def saved_row(a, c):
    c[...] = a[-1]
    a += 1


def saved_and_reversed(a, c):
    c[...] = a[::-1][0]
    a[::-1] = a * 2 + c


@pytest.mark.parametrize("f", [saved_row, saved_and_reversed], ids=lambda f: f.__name__)
@pytest.mark.parametrize("optimize", [True, False])
def test_an_array_keeps_the_elements_of_a_view_whose_memory_is_written_into_later(f, optimize):
    jitted = tg.jit(f, optimize=optimize)
    for k in range(3):
        ours, theirs = ([np.arange(6.0).reshape(2, 3) + k, np.zeros(3)] for _ in range(2))
        jitted(*ours), f(*theirs)
        for x, y in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(x, y)
    assert jitted.cache_info().hits == 2


def ruled(f):
    f = tg.custom_vjp(f)
    f.defvjp(lambda x: (f(x), x), lambda x, g: (g * x,))
    return f


def primitive(f):
    return tg.primitive(lambda x: f(x))


FUNCTIONS = [tg.grad, tg.checkpoint, ruled, primitive, functools.partial, tg.jit, lambda f: lambda x: f(x)]


@pytest.mark.parametrize(
    "make", FUNCTIONS, ids=["grad", "checkpoint", "custom_vjp", "primitive", "partial", "jit", "own"]
)
@pytest.mark.parametrize("copied", [True, False])
def test_attributes_of_functions_are_seen_and_no_call_gives_them_others(make, copied):
    x, factor = np.array([1.0, 2.0]), np.ones(2)
    g = make((lambda x: np.sum(x**2 * factor)) if copied and make is not primitive else lambda x: np.sum(x**2))
    g.scale, g.shift = 2.0, np.zeros(2)

    def f(x):
        return g(x) * g.scale + g.shift

    def count(x):
        g.count = getattr(g, "count", 0) + 1
        return g(x)

    jitted = tg.jit(f, check=False)
    for _ in range(4):
        np.testing.assert_array_equal(jitted(x), f(x))
        g.scale += 1
        g.shift += 1
        factor *= 2
    counted = tg.jit(count, check=False)
    counted(x)  # run by itself, as the attribute is new
    with pytest.raises(tg.JitError, match="was changed, which would not happen at later calls"):
        counted(x)
    assert g.count == 1


def test_defaults_of_an_optimizer_are_looked_at_where_a_function_names_them():
    w = tg.Tensor(np.ones(3))
    sgd = tg.optim.SGD([w], lr=0.1)
    step, rate = tg.jit(lambda x: sgd.minimize(np.sum(w * x))), tg.jit(lambda x: x * sgd.defaults["lr"], check=False)
    for _ in range(3):
        step(X)
        np.testing.assert_array_equal(rate(X), X * 0.1)
    sgd.defaults["lr"] = 0.5
    step(X)
    np.testing.assert_array_equal(rate(X), X * 0.5)
    assert (step.cache_info().hits, rate.cache_info().misses) == (3, 2)


def with_history(repr_of=None):
    """Return an instance of a dataclass with a list that grows, and a text that shows it."""

    @dataclass
    class Trainer:
        history: list
        count: int = 0
        model: object = None
        scale: float = 2.0

        def step(self, x):
            return x * self.scale

        def compare(self, x):
            return np.where(x == x, x * self.scale, 0.0)

    if repr_of:
        Trainer.__repr__ = repr_of
        Trainer.__annotate_func__ = lambda _: {"history": list}  # as Python 3.14 makes it
    return Trainer([])


@pytest.mark.parametrize("repr_of", [None, lambda self: f"{len(self.history)} steps"])
@pytest.mark.parametrize("model", [None, X, tg.nn.Linear(1, 1)])
def test_what_only_a_text_or_a_comparison_reads_may_change_between_calls(repr_of, model):
    trainer = with_history(repr_of)
    trainer.model = model
    step = tg.jit(trainer.step if model is None else trainer.compare)
    for i in range(4):
        trainer.history.append(step(X))
        trainer.count += 1
        if i == 2:
            trainer.scale = 3.0
    np.testing.assert_array_equal(trainer.history, [X * 2] * 3 + [X * 3])
    assert step.cache_info()[:2] == (2, 2)


@pytest.mark.parametrize(
    "use",
    [
        lambda c: float(f"{c}"[-4:-1]), lambda c: float(str(c)[-4:-1]), lambda c: float(f"{c!r:>50}"[-4:-1]),
        lambda c: float(("%s" % c)[-4:-1]), lambda c: float("{}".format(c)[-4:-1]),  # noqa: UP031, UP032
        lambda c: (lambda scale, **_: scale)(**asdict(c)), lambda c: astuple(c)[3],
        lambda c: sum([getattr(c, f.name) for f in fields(c) if f.type is float]),
        lambda c: (lambda scale, **_: scale)(**vars(c)), lambda c: 3.0 if c == type(c)([], 0) else 4.0,
    ],
)  # fmt: skip
def test_texts_and_fields_that_the_function_reads_are_seen(use):
    def make():
        c = with_history()
        return (lambda x: x * use(c)), c

    same(make, lambda c: setattr(c, "scale", 5.0), {"check": False})


@pytest.mark.parametrize("options", [{}, {"check": False}], ids=str)
def test_functions_of_a_module_see_what_the_function_sets_there(options):
    def make():
        module = ModuleType("made")
        vars(module).update(a=np.ones(3), k=2.0)
        exec("def g(x): return k * a * x + b", vars(module))

        def f(x):
            module.a, module.b, module.k = module.a + x, x * 2, 3.0
            y = module.g(x)
            module.k = 2.0
            return y

        return f, module

    same(make, lambda module: module.a.fill(0.0), options)


@pytest.mark.parametrize("options", [{}, {"check": False}], ids=str)
def test_all_functions_see_a_variable_that_one_of_them_sets_for_a_while(options):
    def make():
        names = {"a": np.ones(3), "k": 2.0}
        exec(
            "def h(x): return k * x\ndef f(x):\n global k\n k, old = 3.0, k\n y = h(x) * a\n k = old\n return y", names
        )
        a, k, g = names["a"], 2.0, names["f"]

        def h(x):
            return k * x

        def f(x):
            nonlocal k
            k, old = 3.0, k
            y = h(x) * a + g(x)
            k = old
            return y

        return f, a

    same(make, lambda a: a.fill(5.0), options)


def test_a_class_that_gets_a_member_in_the_place_of_another_is_noticed():
    def make():
        kind = type("Kind", (), {"unused": 1})
        held = kind()
        return (lambda x: x + getattr(held, "bias", 0.0)), kind

    def change(kind):
        delattr(kind, min(vars(kind).keys() & {"unused", "bias"}))
        kind.bias = 1.0

    same(make, change, {"check": False})


def test_a_text_that_is_replaced_is_no_reason_to_see_all_attributes():
    held = with_attribute(2.0)
    jitted = tg.jit(lambda x: x * held.a * len("a-b".replace("-", "")))
    for held.count in range(4):
        np.testing.assert_array_equal(jitted(X), X * 4)
    assert jitted.cache_info().hits == 3


def test_an_attribute_that_is_set_to_an_equal_value_is_not_changed():
    held = with_attribute(np.float64(0.5))

    def f(x):
        held.shape, held.a = (x.shape, "x"), 1 / np.sqrt(float(len(x)) + 1)
        return x * held.a

    jitted = tg.jit(f)
    for _ in range(4):
        np.testing.assert_array_equal(jitted(X), X * 0.5)
    assert held.shape == ((3,), "x")
    assert jitted.cache_info()[:2] == (2, 1)


def test_what_only_the_making_of_an_object_names_may_change_between_calls():
    class Layer:
        kinds: ClassVar[dict] = {}

        def __init_subclass__(cls):
            super().__init_subclass__()
            Layer.kinds[cls.__name__] = cls

        def __init__(self):
            self.place = 0

    class Scale(Layer):
        def __init__(self):
            super().__init__()
            self.gain = 2.0

    class Batch:
        def __init__(self, x):
            self.x, self.count = x, 0

    class Trainer:
        def __init__(self):
            self.layers, self.history, self.count = [Scale()], [], 0

        def __eq__(self, other):
            return type(self) is type(other) and self.__class__.__name__ == "Trainer"

        def step(self, x):
            x = Batch(x).x
            for layer in self.layers:
                x = x * layer.gain if isinstance(layer, Scale) else x
            return x

    trainer = Trainer()
    step = tg.jit(trainer.step)
    for _ in range(4):
        trainer.history.append(step(X))
        trainer.count += 1
    assert step.cache_info()[:2] == (3, 1)


def test_attributes_that_a_pattern_takes_by_their_place_are_seen():
    class Config:
        __match_args__ = ("rate",)

        def __init__(self):
            self.rate = 2.0

    def scaled(x):
        match c:
            case Config(rate):
                return x * rate

    c, f = Config(), tg.jit(scaled, check=False)
    for c.rate in (2.0, 3.0):
        np.testing.assert_array_equal([f(X), f(X)], [X * c.rate] * 2)


def test_attributes_of_an_object_that_is_made_again_are_seen():
    class Layer:
        def __init__(self):
            self.count = 0

        def forward(self, x):
            self.__init__()
            return x * 2

    layer = Layer()
    layer.count = 5
    with pytest.raises(JitError, match="the attribute count of Layer was changed"):
        tg.jit(layer.forward)(X)


RATE = {"rate": 2.0}


class Scaled:
    power = 1.0

    def __init__(self, x):
        self.x = x * RATE["rate"] ** self.power

    def again(self, x):
        return type(self)(x)

    def __add__(self, x):
        return self.__class__(x)

    @property
    def backwards(self):
        return type(self)(self.x[::-1])


class Derived(Scaled):
    def __init__(self, x):
        super().__init__(x)
        self.x = self.x + 1


@dataclass
class Checked:
    x: Any

    def __post_init__(self):
        self.x = self.x * RATE["rate"]

    @classmethod
    def of(cls, x):
        return cls(x)


@pytest.mark.parametrize(
    ("kind", "make"),
    [
        (Scaled, lambda thing, x: thing.again(x)),
        (Checked, lambda thing, x: thing.of(x)),
        (Derived, lambda thing, x: thing + x),
        (Derived, lambda thing, x: thing.backwards),
        (Checked, lambda thing, x: replace(thing, x=x)),
    ],
)
def test_what_the_making_of_another_object_of_a_class_reads_is_seen(kind, make, monkeypatch):
    thing = kind(X)
    jitted = tg.jit(lambda x: make(thing, x).x, check=False)
    for rate in (2.0, 3.0):
        monkeypatch.setitem(RATE, "rate", rate)
        for _ in range(2):
            np.testing.assert_array_equal(jitted(X), make(thing, X).x)
    assert jitted.cache_info()[:2] == (2, 2)


def test_a_users_module_beside_pythons_own_is_seen_as_in_a_frozen_program(tmp_path, monkeypatch):
    """PyInstaller keeps all modules in one folder: a number of a user's module was frozen, and a replay wrong."""
    (tmp_path / "beside.py").write_text("k = 2.0\ndef scaled(x): return x * k\n", "utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    for known in (os, inspect):
        monkeypatch.setattr(known, "__file__", str(tmp_path / f"{known.__name__}.pyc"))
    beside = importlib.import_module("beside")
    functions = [tg.jit(lambda x: np.sum(x * beside.k)), tg.jit(lambda x: np.sum(beside.scaled(x)))]
    for k in (2.0, 2.0, 5.0):
        beside.k = k
        assert [f(X) for f in functions] == [6 * k] * 2


def test_pythons_library_is_known_wherever_it_is_kept(monkeypatch):
    files = [inspect.__file__, json.decoder.__file__, json.loads.__code__.co_filename]
    assert [is_pythons(file) for file in [*files, np.__file__, pytest.__file__, __file__]] == [True] * 3 + [False] * 3
    monkeypatch.setattr(os, "__file__", os.path.join("app", "python.zip", "os.pyc"))
    monkeypatch.setattr(inspect, "getdoc", eval(compile("lambda: 0", "inspect.py", "eval")))  # no folder
    names = ["json.py", os.path.join("json", "decoder.py"), os.path.join("app", "python.zip", "queue.pyc")]
    assert all(map(is_pythons, names))
    users = ["app.py", "<string>", os.path.join(os.sep, "code", "app.py"), os.path.join("app", "python.zip", "my.pyc")]
    assert not any(map(is_pythons, users))
