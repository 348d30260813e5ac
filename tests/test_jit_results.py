"""Results of jitted functions: arrays that share memory, one object in several places, gradients of Tensors."""

import contextlib
import functools
import operator
from collections import OrderedDict
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu.jit import JitError

X = np.arange(1.0, 13.0).reshape(3, 4)
OPTIONS = [{}, {"optimize": False, "check": False}, {"check": False}]


def tensors(y):
    t = tg.Tensor(y)
    h = t * 2
    return t, h, h[1:], h.data, h.T


def written_before(y):
    v = y[1:]
    y[1] = 50.0
    return v, y


VIEWS = {
    "slice": lambda y: (y, y[1:]),
    "slice first": lambda y: {"last": y[:, -1], "all": [y]},
    "transpose": lambda y: (y.T, y, y.reshape(-1), y.ravel()),
    "views of views": lambda y: (y[1:][:, ::-1], y[:2]),
    "split": lambda y: np.split(y, 3),
    "no axes": lambda y: (y, y[0, 1, ...], y[0, 1]),
    "columns first": lambda y: (h := y.T * 2, h[1:], h[:, 0]),
    "middle axis first": lambda y: (h := y.reshape(3, 2, 2).transpose(1, 0, 2) * 2, h[1:], h[:, 0]),
    "real and imaginary": lambda y: (z := y + 1j, z.real, z.imag),
    "other dtype": lambda y: (y, y.view(np.int64)),
    "same class": lambda y: (y, y.view(np.ndarray), y.view(type=np.ndarray), y.view(float, np.ndarray)),
    "written before": written_before,
    "twice": lambda y: (y, y, [y]),
    "Tensors": tensors,
    "apart": lambda y: (y, y.copy(), y + 0),
}


def arrays(x):
    """Return the arrays in a nested result."""
    if isinstance(x, (list, tuple, dict)):
        return [a for v in (x.values() if isinstance(x, dict) else x) for a in arrays(v)]
    return [getattr(x, "data", x) if isinstance(x, tg.Tensor) else x]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("name", VIEWS)
def test_what_is_written_into_one_array_of_a_result_is_seen_in_another(name, options):
    def f(x):
        return VIEWS[name](x * 2)

    jitted = tg.jit(f, **options)
    for k in range(3):
        for i in range(len(arrays(f(X)))):
            expected, found = arrays(f(X + k)), arrays(jitted(X + k))
            for result in (expected, found):
                if isinstance(result[i], np.ndarray):
                    result[i][...] = 7
            for a, b in zip(expected, found, strict=True):
                np.testing.assert_array_equal(a, b)
            same = [[a is b for a in result for b in result] for result in (expected, found)]
            assert same[0] == same[1]


@dataclass
class State:
    h: object
    last: object = None


@pytest.mark.parametrize("options", OPTIONS[1:], ids=str)
def test_an_array_that_is_stored_in_an_argument_and_returned_is_one_array(options):
    def f(state, store, x):
        y = state.h + x
        state.h, state.last = y, y[-1]
        store["t"] = t = tg.Tensor(y) * 2
        return y, t

    jitted = tg.jit(f, **options)
    state, store = State(X * 0), {}
    for _ in range(3):
        y, t = jitted(state, store, X)
        assert y is state.h
        assert t is store["t"]
        y[...] = 5
        np.testing.assert_array_equal(state.last, [5] * 4)


@pytest.mark.parametrize("options", OPTIONS[1:], ids=str)
@pytest.mark.parametrize("make", [lambda: [X.copy()], lambda: {0: X.copy()}, lambda: State(X.copy())])
def test_a_container_that_is_an_argument_is_returned_itself(make, options):
    def f(container):
        if isinstance(container, State):
            container.last = container.h * 2
        else:
            container[0] *= 2
        return container, (container, 1)

    jitted = tg.jit(f, **options)
    for _ in range(3):
        given, expected = make(), make()
        f(expected)
        first, (second, _) = jitted(given)
        assert first is second is given
        np.testing.assert_equal(tg.tree.leaves(given), tg.tree.leaves(expected))
    scope = {}
    exec(jitted.source, scope)
    np.testing.assert_equal(tg.tree.leaves(scope["f"](X.copy())[0]), tg.tree.leaves(expected))


@pytest.mark.parametrize("dtype", [np.int8, np.int16, np.int32, np.int64])
def test_a_range_in_the_printed_program_keeps_its_dtype(dtype):
    jitted, scope = tg.jit(lambda x: x * np.arange(4, dtype=dtype)), {}
    x = np.ones(4, np.float32)
    y = jitted(x)
    exec(jitted.source, scope)
    assert scope[jitted.__name__ if jitted.__name__.isidentifier() else "f"](x).dtype == y.dtype
    assert ("np.arange(4)" in jitted.source) is (np.dtype(dtype) == np.arange(4).dtype)


@pytest.mark.parametrize(
    "store",
    [lambda d, x, w: d.update(v=x[1:]), lambda d, x, w: d.update(v=w.data.T), lambda d, x, w: d.update(v=[x.T])],
)
def test_a_view_of_what_the_function_found_is_not_kept(store):
    w = tg.Tensor(X)
    with pytest.raises(JitError, match=r"take a \.copy\(\)"):
        tg.jit(lambda d, x: store(d, x, w))({}, X)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_tensors_that_are_returned_have_their_gradients(options):
    w = tg.Tensor(X)

    def f(x):
        w.zero_grad()
        leaf = tg.Tensor(x)
        h = w * leaf
        loss = np.sum(h**2)
        loss.backward()
        return loss, {"h": h, "leaf": leaf}, h.detach()

    jitted = tg.jit(f, **options)
    for k in range(3):
        expected, found = f(X + k), jitted(X + k)
        for a, b in zip([expected[0], *expected[1].values()], [found[0], *found[1].values()], strict=True):
            np.testing.assert_array_equal(a.grad, b.grad)
            assert (type(a.grad), a.grad.dtype) == (type(b.grad), b.grad.dtype)
        assert found[2].grad is None
    np.sum(found[1]["leaf"] * 3).backward()
    np.testing.assert_array_equal(found[1]["leaf"].grad, expected[1]["leaf"].grad + 3)
    found[0].grad[...] = 5
    assert jitted(X)[0].grad == 1


@pytest.mark.parametrize(
    "make", [lambda x: lambda: x, lambda x: [x].append, lambda x: functools.partial(np.add, x),
             lambda x: tg.nn.Linear(1, 1), lambda x: (lambda seen: lambda: seen)([]), lambda x: tg.vjp(np.sin, x)[1],
             lambda x: np.random.default_rng(0).normal, lambda x: iter([1, 2]).__next__,
             contextlib.contextmanager(lambda x: iter([x])), lambda x: (lambda seen: lambda: seen)(np.ones(2)),
             lambda x: tg.tree.ravel([x, x])[1], lambda x: lambda z: np.tanh(z) * 2, lambda x: {}.get],
    ids=["an array", "a method of a list", "partial", "a model", "a list", "a pull-back", "a method of a Generator",
         "a method of an iterator", "a context manager", "a plain array", "unravel", "stateless", "a method of a dict"],
)  # fmt: skip
def test_a_function_in_the_result_that_a_call_made_is_refused(make):
    with pytest.raises(JitError, match="the result has a"):
        tg.jit(make)(X)


def test_a_function_in_the_result_that_was_there_is_returned():
    table = {"f": np.tanh, "g": lambda z: z + X}
    jitted = tg.jit(lambda x, act: (act, table["f"], table["g"], np.exp, layer, x * 2))
    for _ in range(3):
        found = jitted(X, tg.relu)
        assert all(map(operator.is_, found, [tg.relu, np.tanh, table["g"], np.exp, layer]))


layer = tg.nn.Linear(2, 2, rng=0)


@pytest.mark.parametrize("options", OPTIONS)
def test_a_list_or_dict_of_a_variable_is_returned_itself_with_what_it_holds_after_the_call(options):
    w, moments, log = tg.Tensor(np.ones(3)), [np.zeros(3)], OrderedDict(mean=np.zeros(3))
    opt = tg.optim.SGD([w], lr=0.1, momentum=0.5)

    def step(x):
        opt.minimize((w * x).sum())
        moments[0] = 0.5 * moments[0] + x
        log["mean"] += x
        return moments, {"log": log}, opt.state, opt.state["velocity"]

    jitted, expected = tg.jit(step, **options), np.zeros(3)
    for i in range(5):
        found, logs, state, velocity = jitted(np.full(3, i))
        expected = 0.5 * expected + i
        pairs = (found, moments), (logs["log"], log), (state, opt.state), (velocity, state["velocity"])
        assert all(a is b for a, b in pairs)
        np.testing.assert_array_equal(
            [moments[0], velocity[0], log["mean"]], [expected, expected, [i * (i + 1) / 2] * 3]
        )


@pytest.mark.parametrize("options", OPTIONS)
def test_a_generator_among_the_arguments_is_returned_itself(options):
    rng, same = np.random.default_rng(1), np.random.default_rng(1)
    jitted = tg.jit(lambda x, rng: (x + rng.normal(size=4), rng), **options)
    for _ in range(4):
        y, other = jitted(X[0], rng)
        np.testing.assert_array_equal(y, X[0] + same.normal(size=4))
        assert other is rng
    assert jitted.cache_info().hits == 3


@dataclass
class Lazy:
    w: Any
    cache: Any = field(init=False)

    def doubled(self):
        if not hasattr(self, "cache"):
            self.cache = self.w * 2
        return self.cache


@dataclass
class Cached:
    w: Any

    @cached_property
    def norm(self):
        return np.sqrt(np.sum(self.w**2))


@dataclass
class Twofold:
    w: Any

    def __getattribute__(self, name):
        value = object.__getattribute__(self, name)
        return value * 2 if name == "w" else value


@dataclass
class Tagged:
    w: Any
    _fields = ("unit", "scale")  # it is no namedtuple


@pytest.mark.parametrize(
    ("kind", "read"),
    [(Lazy, Lazy.doubled), (Cached, lambda s: s.norm), *[(kind, lambda s: s.w) for kind in (Lazy, Twofold, Tagged)]],
)
def test_an_argument_may_be_a_dataclass_that_lacks_a_field_or_gets_an_attribute_or_computes_them(kind, read):
    def scenario(jit):
        f, thing = jit(lambda s, x: read(s) * x), kind(X)
        return [f(thing, X), f(thing, X), f(thing, X + 1), f(kind(X + 1), X), f(thing, X)]

    for options in ({}, {"check": False}):
        for a, b in zip(scenario(functools.partial(tg.jit, **options)), scenario(lambda f: f), strict=True):
            np.testing.assert_allclose(a, b)


def test_a_result_with_a_field_that_has_no_value_is_refused():
    with pytest.raises(JitError, match="the result has a Lazy"):
        tg.jit(Lazy)(X)


def test_an_argument_may_lack_a_field_that_the_recorded_one_had():
    @dataclass(slots=True)
    class Scaled:
        w: Any
        rate: Any = field(init=False)

    full, f = Scaled(X), tg.jit(lambda s: s.w * getattr(s, "rate", 2.0), check=False)
    full.rate = 3.0
    np.testing.assert_array_equal([f(full), f(full), f(Scaled(X))], [X * 3, X * 3, X * 2])


def test_a_dataclass_without_arrays_is_the_same_object_whatever_its_members_call_their_attributes():
    class Audio:
        rec = True

    @dataclass
    class Settings:
        audio: Any

    known = Settings(Audio())
    f = tg.jit(lambda settings, x: x * 2 if settings is known else x)
    np.testing.assert_array_equal([f(known, X), f(known, X)], [X * 2, X * 2])


def test_a_dataclass_of_plain_values_that_the_function_makes_is_a_new_one_at_each_call():
    @dataclass(frozen=True)
    class Info:
        n: int
        mode: str = "a"

    @dataclass(slots=True)
    class Output:
        loss: Any
        info: Any

    @tg.jit
    def f(x):
        same = Info(len(x))
        return Output(x.sum(), [same, {"other": Info(3, "b")}]), same

    found = [f(X * i) for i in range(3)]
    assert found == [(Output(X.sum() * i, [Info(3), {"other": Info(3, "b")}]), Info(3)) for i in range(3)]
    assert all([output.info[0] is same for output, same in found])
    assert len({id(same) for _, same in found}) == 3
    assert f.cache_info()[:2] == (2, 1)
    with pytest.raises(JitError, match="the result has a function in it"):
        tg.jit(lambda x: Info(lambda: x))(X)


def test_the_error_for_a_dataclass_with_other_attributes_than_its_fields_says_so():
    @dataclass
    class Noted:
        n: int

    def noted(x):
        made = Noted(3)
        made.note = "other"
        return x, made

    with pytest.raises(JitError, match="a Noted in it, whose attributes are not just its fields; return arrays"):
        tg.jit(noted)(X)


def test_a_generator_that_the_function_reaches_may_be_in_the_result():
    rng, expected = np.random.default_rng(1), np.random.default_rng(1)
    f = tg.jit(lambda x: {"rng": rng, "x": x + rng.random()})
    for _ in range(4):
        found = f(X)
        assert found["rng"] is rng
        np.testing.assert_array_equal(found["x"], X + expected.random())
    assert f.cache_info().hits == 3


@pytest.mark.parametrize("text", [repr, str, "{}".format])
def test_the_text_of_a_generator_is_that_without_jit(text):
    rng = np.random.default_rng(1)
    f = tg.jit(lambda x: (x + rng.random(), text(rng)))
    for _ in range(3):
        assert f(X)[1] == text(rng)
    assert f.cache_info().hits == 2


@pytest.mark.parametrize(
    "text",
    [repr, "{}".format, lambda y: f"{y!r}", lambda y: str([y]), lambda y: {"text": "y is %r" % (y,)}],  # noqa: UP031
)
@pytest.mark.parametrize("kind", [np.sin, tg.Tensor])
def test_a_text_of_a_recorded_value_is_refused_in_a_result_and_may_be_printed(text, kind, capsys):
    with pytest.raises(JitError):
        tg.jit(lambda x: (x * 2, text(kind(x))), check=False)(X)

    @functools.partial(tg.jit, check=False)
    def f(x):
        print(f"{kind(x)!r}")
        return x * 2, "a text"

    np.testing.assert_array_equal([f(X)[0], f(X + 1)[0]], [X * 2, X * 2 + 2])
    assert capsys.readouterr().out.count("array") == 1


def test_a_text_of_what_is_the_same_at_every_call_may_be_in_a_result():
    scale, optimizer = np.full(4, 2.0), tg.optim.SGD([tg.Tensor(1.0)], lr=1.0)
    f = tg.jit(lambda x: (x * scale, f"scale {scale!r}", f"{optimizer.steps!r}" and "conv0"))
    np.testing.assert_equal([f(X), f(X)], [(X * scale, f"scale {scale!r}", "conv0")] * 2)
    with pytest.raises(JitError):
        tg.jit(lambda x: (x * scale, f"{optimizer.lr!r} at {optimizer.steps!r}"))(X)
    scale[0] = 5.0
    np.testing.assert_equal(f(X), (X * scale, f"scale {scale!r}", "conv0"))


def test_a_printed_view_has_what_was_written_into_its_memory(capsys):
    @tg.jit
    def f(x):
        y = x.copy()
        part = y[0]
        y[0] = 7.0
        print(f"{part!r}")
        return y

    f(X)
    assert capsys.readouterr().out == "array([7., 7., 7., 7.])\n"
