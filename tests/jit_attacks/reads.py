"""State that a function reads and the recording does not see, changed between calls."""

import argparse
import collections
import dataclasses
import enum
import operator
import threading
import weakref
from collections import namedtuple

import numpy as np
import pytest

import tinygrad_edu as tg

from .harness import Cfg, X, attack, works


def reading(read, make=lambda: Cfg(scale=2.0), change=lambda c: setattr(c, "scale", 5.0)):
    """An attack that reads something of an object that changes between calls."""

    def run(J):
        c = make()
        f = J(lambda x: x * read(c))
        first = [f(X), f(X)]
        change(c)
        return [*first, f(X), f(X)]

    return run


def at(name, *args, **kw):
    run = reading(*args, **kw)
    run.__name__ = name
    attack(run)


def _counter(**attributes):
    made = collections.Counter()
    vars(made).update(attributes)
    return made


at("read_by_dict", lambda c: c.__dict__["scale"])
at("read_by_attrgetter", lambda c: operator.attrgetter("scale")(c))
at("read_by_format", lambda c: float("{.scale}".format(c)))  # noqa: UP032
at("read_by_format_of_list", lambda c: float("{[0].scale:.2f}".format([c])))  # noqa: UP032
at("read_of_argparse", lambda c: c.scale, make=lambda: argparse.Namespace(scale=2.0))
at("read_of_a_counter", lambda c: c.k, make=lambda: _counter(k=2.0), change=lambda c: setattr(c, "k", 5.0))
at("read_by_hasattr", lambda c: 3.0 if hasattr(c, "extra") else 1.0, change=lambda c: setattr(c, "extra", 1))
at("read_by_star_star", lambda c: dict(**vars(c))["scale"])


@dataclasses.dataclass
class Conf:
    scale: float = 2.0
    mode: str = "a"


at("read_by_astuple", lambda c: dataclasses.astuple(c)[0], make=Conf)


def _matched_mapping(c):
    match c:
        case {"mode": "a"}:
            return 1.0
        case _:
            return 2.0


at("read_by_match_mapping", _matched_mapping, make=lambda: {"mode": "a"}, change=lambda c: c.update(mode="b"))


class Item:
    def __init__(self):
        self.table = {"scale": 2.0}
        self.factor = 2.0

    def __getitem__(self, k):
        return self.table[k] * self.factor

    def __len__(self):
        return int(self.factor)

    def __iter__(self):
        return iter([self.factor])

    def __contains__(self, k):
        return self.factor > 3

    def __enter__(self):
        return self.factor

    def __exit__(self, *_):
        pass

    def __rmul__(self, x):
        return np.multiply(x, self.factor)

    __array_ufunc__ = None

    def __float__(self):
        return self.factor

    def __bool__(self):
        return self.factor > 3

    def __eq__(self, other):
        return self.factor == other

    def __hash__(self):
        return 1

    def __neg__(self):
        return -self.factor

    def __int__(self):
        return int(self.factor)

    def __str__(self):
        return str(self.factor)

    def __reversed__(self):
        return iter([self.factor])

    def __format__(self, spec):
        return str(self.factor)


_five = dict(make=Item, change=lambda c: c.__dict__.update(factor=5.0))
at("read_by_len", lambda c: len(c), **_five)
at("read_by_bool", lambda c: 1.0 if c else 2.0, **_five)
at("read_by_eq", lambda c: 1.0 if c == 2.0 else 3.0, **_five)
at("read_by_neg", lambda c: -c, **_five)
at("read_by_str", lambda c: float(str(c)), **_five)
at("read_by_percent", lambda c: float(("{%s" % c)[1:]), **_five)  # noqa: UP031


@attack
def read_by_rmul(J):
    c = Item()
    f = J(lambda x: x * c)
    out = [f(X)]
    c.factor = 5.0
    return [*out, f(X)]


class Field:
    def __set_name__(self, owner, name):
        self.name = name

    def __get__(self, obj, owner=None):
        return self if obj is None else obj._values[self.name]

    def __set__(self, obj, v):
        obj._values[self.name] = v


class Described:
    scale = Field()

    def __init__(self):
        self._values = {}
        self.scale = 2.0


at("read_by_descriptor", lambda c: c.scale, make=Described)


def _rename(c):
    c["y"] = c.pop("x")


at("read_keys_of_a_dict", lambda c: 1.0 if "x" in c else 2.0, make=lambda: {"x": 3.0}, change=_rename)


def _keys(c):
    v = list(c.values())
    c.clear()
    c.update({"y": v[0], "x": v[1]})


at("read_dict_keys_swapped", lambda c: c["x"], make=lambda: {"x": 3.0, "y": 4.0}, change=_keys)
at(
    "read_element_150_of_a_dict",
    lambda c: c[150],
    make=lambda: dict.fromkeys(range(200), 2.0),
    change=lambda c: c.update({150: 5.0}),
)
at("read_set", lambda c: 1.0 if 3 in c else 2.0, make=lambda: {1, 2}, change=lambda c: (c.remove(2), c.add(3)))
at("read_deque", lambda c: c[0], make=lambda: collections.deque([2.0], maxlen=1), change=lambda c: c.append(5.0))
at(
    "read_weakref",
    lambda c: c[1]().scale,
    make=lambda: (lambda o: (o, weakref.ref(o)))(Cfg(scale=2.0)),
    change=lambda c: setattr(c[0], "scale", 5.0),
)


class Enumerated(enum.Enum):
    A = 1
    B = 2


Point = namedtuple("Point", "scale shift")
GLOBAL = 2.0


def helper(x):
    return x * helper.scale


@attack
def read_attribute_of_a_function(J):
    helper.scale = 2.0
    f = J(lambda x: helper(x))
    out = [f(X), f(X)]
    helper.scale = 5.0
    return [*out, f(X)]


LOCAL = threading.local()


@attack
def read_thread_local(J):
    LOCAL.scale = 2.0
    f = J(lambda x: x * LOCAL.scale)
    out = [f(X), f(X)]

    def other():
        LOCAL.scale = 7.0
        out.append(f(X))

    t = threading.Thread(target=other)
    t.start()
    t.join()
    return out


class Methods:
    CONFIG = {"scale": 2.0}
    act = np.tanh
    gains = [2.0]
    scale = 2.0

    @staticmethod
    def static(x):
        return x * GLOBAL

    @classmethod
    def klass(cls, x):
        return x * cls.scale

    def by_static(self, x):
        return self.static(x)

    def by_klass(self, x):
        return self.klass(x)

    def by_config(self, x):
        return x * self.CONFIG["scale"]

    def by_act(self, x):
        return self.act(x)

    def by_gains(self, x):
        return x * self.gains[0]

    def by_type(self, x):
        return x * type(self).scale


def _method_attack(name, pick, change, undo):
    def run(J):
        f = J(pick(Methods()))
        out = [f(X), f(X)]
        change()
        try:
            out.append(f(X))
        finally:
            undo()
        return out

    run.__name__ = name
    attack(run)


_method_attack(
    "class_attribute_read_by_type_self",
    lambda m: m.by_type,
    lambda: setattr(Methods, "scale", 5.0),
    lambda: setattr(Methods, "scale", 2.0),
)


@attack
def default_argument_replaced(J):
    def g(x, k=2.0):
        return x * k

    f = J(lambda x: g(x))
    out = [f(X), f(X)]
    g.__defaults__ = (5.0,)
    return [*out, f(X)]


@attack
def code_replaced(J):
    def g(x):
        return x * 2

    def h(x):
        return x * 5

    f = J(lambda x: g(x))
    out = [f(X), f(X)]
    g.__code__ = h.__code__
    return [*out, f(X)]


@attack
def primitive_that_reads_a_global(J):
    global GLOBAL

    @tg.primitive
    def scaled(x):
        return x * GLOBAL

    tg.defvjp(scaled, lambda g, y, x: g * GLOBAL)
    f = J(tg.value_and_grad(lambda x: np.sum(scaled(x))))
    out = [f(X), f(X)]
    GLOBAL = 5.0
    out.append(f(X))
    GLOBAL = 2.0
    return out


@works
def primitive_with_scipy(J):
    special = pytest.importorskip("scipy.special")

    @tg.primitive
    def erf(x):
        return special.erf(x)

    tg.defvjp(erf, lambda g, y, x: g * (2 / np.sqrt(np.pi) * np.exp(-x * x)))
    f = J(tg.value_and_grad(lambda x: np.sum(erf(x))))
    return [f(X), f(X + 1)]
