"""The walk from a function to all that it reaches."""

import functools
from collections import deque
from dataclasses import dataclass
from types import ModuleType, SimpleNamespace

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


class Deco:
    def __init__(self, f):
        functools.update_wrapper(self, f)

    def __call__(self, x):
        return self.__wrapped__(x)


def with_class(f):
    """Return functions that use f through the attributes of a class."""

    class Kinds:
        compiled = tg.jit(lambda self, x: f(x))
        static, of_class = staticmethod(f), classmethod(lambda cls, x: f(x))
        part = functools.partialmethod(lambda self, g, x: g(x), f)
        value = property(lambda self: f(1.0))
        kept = functools.cached_property(lambda self: f(1.0))

        def __call__(self, x):
            return f(x)

    k = Kinds()
    return [
        lambda x: k.compiled(x), lambda x: Kinds.static(x), lambda x: Kinds.of_class(x), lambda x: k.part(x),
        lambda x: x * k.value, lambda x: x * Kinds().kept, lambda x: k(x), k.__call__, Kinds.of_class,
    ]  # fmt: skip


def ways(f):
    """Return functions that call f through other callables."""
    inner, ruled = tg.jit(f), tg.custom_vjp(f)
    ruled.defvjp(lambda x: (f(x), None), lambda _, g: (g,))
    gradient = tg.grad(tg.jit(lambda x: np.sum(f(x))))
    return [
        lambda x: inner(x), inner, tg.jit(inner), gradient, lambda x: tg.grad(lambda x: inner(x).sum())(x),
        tg.nn.Sequential(inner), functools.partial(inner), lambda x: ruled(x), Deco(f), staticmethod(f),
        frozenset([f]), (f, [f]), *with_class(f),
    ]  # fmt: skip


def call(x, g):
    return next(iter(g))(x) if isinstance(g, (tuple, frozenset, list)) else g(x)


@pytest.mark.parametrize("given", [False, True], ids=["variable", "argument"])
@pytest.mark.parametrize("i", range(21))
def test_a_function_within_another_object_reads_its_array_anew(i, given):
    scale, x = np.ones(2), np.array([1.0, 2.0])
    g = ways(lambda x: x * scale)[i]
    jitted = tg.jit(call) if given else tg.jit(lambda x, _: call(x, g))
    for k in (1.0, 1.0, 5.0, 7.0):
        scale[0] = k
        np.testing.assert_array_equal(jitted(x, g if given else None), call(x, g))


def test_members_of_classes_are_the_same_objects_afterwards():
    scale = np.ones(2)

    class Kinds:
        static, of_class = staticmethod(lambda x: x * scale), classmethod(lambda cls, x: x * scale)
        __call__ = lambda self, x: x * scale

    before = dict(vars(Kinds))
    jitted = tg.jit(lambda x: Kinds.static(x) + Kinds.of_class(x) + Kinds()(x))
    for _ in range(3):
        jitted(np.ones(2))
        assert dict(vars(Kinds)) == before


def test_a_function_among_the_arguments_is_returned_and_kept_itself():
    scale, held = np.ones(2), {}

    def g(x):
        return x * scale

    def f(x, held):
        held["y"] = held["g"](x)
        return held["g"], g, held["p"]

    jitted, part = tg.jit(f), functools.partial(g)
    for k in (1.0, 1.0, 5.0):
        scale[0] = k
        held = {"g": g, "p": part}
        assert jitted(np.ones(2), held) == (g, g, part)
        assert (held["g"], held["p"]) == (g, part)
        np.testing.assert_array_equal(held["y"], [k, 1.0])


def test_an_inner_jitted_function_writes_and_draws():
    total, rng = np.zeros(2), np.random.default_rng(0)

    def add(x, r):
        total[...] += x
        return total + r.normal()

    inner = tg.jit(lambda x: add(x, rng))
    jitted, other = tg.jit(lambda x: inner(x) * 2), np.random.default_rng(0)
    for k in range(1, 5):
        np.testing.assert_allclose(jitted(np.ones(2)), (k + other.normal()) * 2 * np.ones(2))
        np.testing.assert_array_equal(total, [k, k])


def test_a_function_with_a_cache_is_right_for_the_arrays_that_it_read():
    table = np.ones(2)

    @functools.cache
    def scaled(k):
        return table * k

    jitted = tg.jit(lambda x: x + scaled(2))
    for k in (1.0, 1.0, 5.0, 5.0):
        table[0] = k
        scaled.cache_clear()
        np.testing.assert_array_equal(jitted(np.zeros(2)), [2 * k, 2.0])
    assert jitted.cache_info()[:2] == (2, 2)

    def written(x):
        table[...] += x
        return scaled(3)

    with pytest.raises(tg.JitError, match="scaled has a cache, and uses an array that was written into"):
        tg.jit(written)(np.ones(2))


def test_a_method_of_an_array_or_a_generator_reads_it_anew():
    a, rng, other = np.ones(2), np.random.default_rng(0), np.random.default_rng(0)
    total, add, draw = a.sum, a.__add__, rng.normal
    jitted = tg.jit(lambda x: add(x) * total() + draw())
    for k in (1.0, 1.0, 5.0):
        a[0] = k
        np.testing.assert_allclose(jitted(np.ones(2)), (a + 1) * a.sum() + other.normal())


def test_arrays_and_settings_in_tuples_and_partials_are_told_from_arguments():
    a, part = np.ones(2), functools.partial(lambda x, k: x * k, k=2.0)
    pair = (a, 1)
    jitted = tg.jit(lambda x: part(x) + pair[0])
    for x, k in ((a, 2.0), (a, 2.0), (np.full(2, 9.0), 2.0), (a, 3.0), (np.zeros(2), 3.0)):
        part.keywords["k"] = k
        np.testing.assert_array_equal(jitted(x), x * k + a)


def test_a_function_in_a_set_is_refused():
    a = np.ones(2)
    functions = {lambda x: x * a}
    with pytest.raises(tg.JitError, match="a set holds a function"):
        tg.jit(lambda x: [f(x) for f in functions])(np.ones(2))


def test_a_method_may_be_an_argument_and_is_told_from_that_of_another_object():
    class Scaled:
        def __init__(self, factor):
            self.factor = factor

        def scale(self, x):
            return x * self.factor

    a, b = Scaled(2.0), Scaled(np.full(2, 5.0))
    jitted = tg.jit(lambda f, x: f(x))
    for obj in (a, b, a, a, b):
        np.testing.assert_array_equal(jitted(obj.scale, np.ones(2)), obj.scale(np.ones(2)))
    b.factor[...] = 7.0
    np.testing.assert_array_equal(jitted(b.scale, np.ones(2)), [7.0, 7.0])
    assert jitted.cache_info()[:2] == (4, 2)


def test_arrays_of_a_module_are_read_anew_also_those_beside_a_function_that_is_called():
    module = ModuleType("a_module")
    exec("import numpy as np\nfactor = np.ones(2)\ndef twice(x): return x * 2", vars(module))
    jitted = tg.jit(lambda x: module.twice(x) * module.factor)
    for k in (1.0, 1.0, 5.0):
        module.factor[0] = k
        np.testing.assert_array_equal(jitted(np.ones(2)), [2 * k, 2.0])


def test_a_singledispatch_function_reads_its_array_anew():
    scale = np.ones(2)
    times = functools.singledispatch(lambda k, x: k * x * scale)
    times(1, np.ones(2))
    jitted = tg.jit(lambda x: times(2, x))
    for k in (1.0, 1.0, 5.0):
        scale[0] = k
        np.testing.assert_array_equal(jitted(np.ones(2)), times(2, np.ones(2)))


def test_what_only_init_names_is_not_looked_at():
    class Trainer:
        def __init__(self):
            self.w = tg.Tensor([1.0, 2.0])
            self.opt = tg.optim.SGD([self.w], lr=0.1)
            self.losses, self.best, self.steps = [], np.inf, 0
            self.step = tg.jit(self._step)

        def _step(self, x):
            loss = np.sum((self.w - x) ** 2)
            self.opt.minimize(loss)
            return loss

    trainer = Trainer()
    for _ in range(5):
        loss = float(trainer.step(np.zeros(2)))
        trainer.losses.append(loss)
        trainer.best, trainer.steps = min(trainer.best, loss), trainer.steps + 1
    assert trainer.step.cache_info()[:2] == (4, 1)
