"""Messages of jit: they name what was changed or converted, and what to write instead."""

import decimal
import hashlib
import json
import re
import types
import weakref
from collections import OrderedDict

import numpy as np
import pytest
from scipy import linalg, stats

import tinygrad_edu as tg
from tinygrad_edu import nn

COUNT = 0
PARAMS = [np.ones(2), np.zeros(2)]


class Holding:
    def __init__(self, array):
        self.array = array

    def __array__(self, dtype=None, copy=None):
        return self.array


class Scaling(nn.Linear):
    pass


def refused():
    """Yield functions that cannot be recorded, each with words of the message that says why and what to do."""
    losses, seen, model = [], {"a": 0}, nn.Linear(2, 1)
    model.log, model.n, model.total, model.last, model.kept = [], 0, np.zeros(()), np.zeros(2), model.weight * 1
    hidden, table = np.zeros(2), np.ones(2)
    rng = np.random.default_rng(1)
    held = types.SimpleNamespace(
        rule=lambda x: x * table, pair=(table, 2.0), rng=np.random.default_rng(0), steps=np.int64(0)
    )
    held.named, held.total = {"a": table}, tg.Tensor(table)

    def counting(x):
        counting.calls += 1
        return x

    def scaled(x, by=table, *, shift=table):
        return x * by + shift

    def redefining(x):
        scaled.__defaults__ = (scaled(x),)

    def redefining_keywords(x):
        scaled.__kwdefaults__["shift"] = scaled(x)

    def plain(x):
        return x

    def using_table(x):
        return x * table

    def defining(x):
        plain.__defaults__ = (x * 2,)

    def defining_keywords(x):
        using_table.__kwdefaults__ = {"by": x * 2}

    def rebinding(x):
        nonlocal hidden
        hidden = tg.Tensor(hidden + x)

    def renewing(x):
        global PARAMS
        PARAMS = [x * p for p in PARAMS]

    def deleting(x):
        nonlocal hidden
        hidden = hidden + x
        del hidden

    def counting_all(x):
        global COUNT
        COUNT += 1
        return x

    def training(x):
        w = tg.Tensor(np.zeros(2))
        tg.optim.SGD([w], lr=0.1).minimize(((w - x) ** 2).sum())
        return w.data

    def filling(x):
        h = np.zeros((2, 2))
        h[0] = x
        return h

    def filling_elements(x):
        h = np.zeros(2)
        h[0] = x[0]
        return h

    def filling_with(tensor, h):
        h[0] = tensor
        return h

    class Counting(tg.optim.SGD):
        def step(self, *args, **kwargs):
            self.calls += 1
            return super().step(*args, **kwargs)

    opt = Counting([model.weight], lr=0.1)
    counting.calls = opt.calls = 0
    yield (
        lambda x: opt.minimize((model.weight * x).sum()),
        "; count in an array, calls = np.array(0), or return the value",
    )
    yield lambda x: losses.append(x.sum()), "the list 'losses' was changed"
    yield lambda x: model.log.append(x.sum()), "the list 'log' was changed"
    yield lambda x: seen.update(a=1), "the dict 'seen' was changed"
    yield lambda x: setattr(model, "n", 1), "the attribute n of Linear was changed"
    yield lambda x: setattr(model, "total", model.total + x.sum()), "a number in place of an array; write total[...]"
    yield lambda x: setattr(model, "kept", model.weight * x), "kept.data[...] = ..., or return the value"
    yield lambda x: setattr(model, "kept", model.weight * x), "keep an array, kept = (...).data, write into the array"
    yield lambda x: setattr(model, "last", model.weight * x), "puts a Tensor in place of an array; keep its .data"
    yield lambda x: setattr(held, "rule", held.rule(x)), "rule = ... puts an array in place of a function; give it"
    yield lambda x: setattr(held, "pair", held.pair[0] * x), "pair = ... puts an array in place of a tuple"
    yield lambda x: setattr(held, "pair", (x, x)), "; keep each array in an attribute of its own, or return the value"
    yield lambda x: setattr(held, "rng", rng), "rng = Generator(PCG64) at "
    yield lambda x: setattr(held, "rng", held.rng.normal(size=2) * x), "rng = ... puts an array in place of a Generator"
    yield redefining, "some default of scaled was changed, which would not happen at later calls"
    yield redefining_keywords, "some default of scaled was changed"
    yield (
        lambda x: setattr(model, "__class__", Scaling),
        "the attribute __class__ of Linear was changed, which would not",
    )
    yield defining, "some default of plain was changed"
    yield defining_keywords, "some default of using_table was changed"
    yield rebinding, "hidden = ... puts a Tensor in place of an array; keep its .data"
    yield (
        deleting,
        "the variable hidden was changed, which would not happen at later calls; write into the array, hidden[...]",
    )
    yield counting, "the attribute calls of counting was changed"
    yield counting, "count in an array, calls = np.array(0), or return the value"
    yield counting_all, "a global variable COUNT was changed, which would not happen at later calls; count in an array"
    yield lambda x: (x, np.mean), "the result has a function in it"
    yield lambda x: np.asarray(x), "leave out np.asarray(x)"
    yield lambda x: x[0] in x, "choose with np.where or np.maximum"
    yield lambda x: model.weight[0, 0] in x, "choose with np.where or np.maximum"
    yield lambda x: np.array([x, x]), "write np.stack([a, b]) for np.array([a, b])"
    yield lambda x: np.full(2, x[0]), "np.zeros(n) + x for np.full(n, x)"
    yield (
        lambda x: setattr(held, "steps", held.steps + 1),
        "; count in an array, steps = np.array(0), or return the value",
    )
    yield lambda x: np.eye(3)[x.astype(int)], "make tables, and arrays to write into, outside of the function"
    yield filling, "outside of the function or with np.zeros_like(x)"
    for fill in (filling_elements, lambda x: filling_with((model.weight * x).sum(), np.zeros(2))):
        yield fill, "array[...] = ... takes a value out of the recording, and would be the same at every call; make the"
    yield lambda x: filling_with((model.weight * x).sum(), x.copy()), "loses its gradient; write np.stack([...])"
    yield (
        training,
        "the function, or an optimizer in it, made it; make the array with np.zeros_like(x)",
    )
    yield lambda x: x if np.isfinite(x.sum()) else None, "or return the value and test it outside"
    yield lambda x: float(x.sum()), "return the array and convert it outside"
    yield lambda x: x.flat[0], "would be the same at every call; use reshape(-1)"
    yield (
        lambda x: setattr(held, "steps", x.sum()),
        "; make it an array first, steps = np.zeros(()), and write steps[...] = ..., or return the value",
    )
    yield lambda x: linalg.solve(np.diag(x), x), "scipy.linalg.solve takes arrays, which takes a value out of"
    yield lambda x: linalg.solve(np.diag(x), x), "np.linalg.solve takes Tensors, or call it outside of the recorded"
    yield lambda x: stats.norm.logpdf(x), "the distributions of tg.stats have logpdf for Tensors, or call it outside"
    yield lambda x: tg.odeint(lambda y, t: -y, x, [0.0, 1.0]), "float() in odeint takes a value out of the recording"
    yield lambda x: tg.odeint(lambda y, t: -y, x, [0.0, 1.0]), "pass steps=, or call odeint outside"
    yield lambda x: json.dumps({"loss": x.sum()}), "takes plain arrays and numbers, not recorded ones"
    proxy = weakref.proxy(model)
    yield lambda x: x * proxy.n, "proxy is a CallableProxyType; keep the object itself, or a weakref.ref"
    yield lambda x: hashlib.md5(x).hexdigest(), "takes plain arrays and numbers, not recorded ones"
    yield lambda x: np.asarray(Holding(x)), "takes plain arrays and numbers, not recorded ones"
    yield lambda x: memoryview(x).nbytes, "takes plain arrays and numbers, not recorded ones"
    yield lambda x: decimal.Decimal(x[0]), "return the array and convert it outside"
    yield lambda x: x.view(np.recarray), "conversion to a plain array"
    yield lambda x: tg.data.one_hot(x.astype(int)), "call one_hot outside of the recorded function"


@pytest.mark.parametrize(("f", "words"), [*refused()], ids=lambda x: x if isinstance(x, str) else "")
def test_an_error_names_what_was_changed_or_converted_and_what_to_write(f, words):
    with pytest.raises(tg.JitError, match=re.escape(words)):
        [f(np.array([1.0, 2.0])) for f in [tg.jit(f)] * 2]  # the first call may give something its first value


def test_the_error_of_a_change_has_the_line_that_makes_it():
    losses, counter = [], types.SimpleNamespace(n=0)

    def appending(x):
        y = x * 2
        losses.append(y.sum())
        return y

    def counting(x):
        y = x * counter.n
        counter.n += 1
        return y

    total = 0

    def adding(x):
        nonlocal total
        total = total + 1
        return x

    array = np.ones(2)

    def wrapping(x):
        nonlocal array
        array = tg.Tensor(array * x)
        return x

    def nesting(x):
        def append():
            losses.append(x)

        append()

    functions = (appending, "the list 'losses'"), (counting, "the attribute n"), (adding, "the variable total")
    functions = (*functions, (wrapping, "array = ... puts a Tensor in place of an array"))
    for f, words in (*functions, (nesting, "the list 'losses'")):
        line = f.__code__.co_firstlineno + 2
        with pytest.raises(tg.JitError, match=rf"test_jit_messages.py:{line}: {words}"):
            tg.jit(f)(np.array([1.0, 2.0]))


def test_the_error_of_a_function_of_scipy_has_the_users_line():
    def solving(x):
        return linalg.solve(np.diag(x), x)

    line = solving.__code__.co_firstlineno + 1
    with pytest.raises(tg.JitError, match=rf"test_jit_messages.py:{line}: scipy.linalg.solve takes arrays, which"):
        tg.jit(solving)(np.ones(2))


def test_the_error_of_a_function_that_takes_no_recorded_array_has_the_users_line():
    def f(x):
        y = x * 2
        return json.dumps(y.sum())

    line = f.__code__.co_firstlineno + 2
    with pytest.raises(tg.JitError, match=f"test_jit_messages.py:{line}: "):
        tg.jit(f)(np.ones(2))


def test_the_warning_names_gradients_that_come_and_go():
    a, b = tg.Tensor(np.ones(2)), tg.Tensor(np.ones(2))
    opt = tg.optim.SGD([a, b], lr=0.1)
    step = tg.jit(lambda: opt.minimize((a * b).sum()))

    def train():
        for i in range(8):
            b.requires_grad = i % 2 == 0
            step()

    with pytest.warns(UserWarning, match=r"which parameters have gradients \(requires_grad\)"):
        train()


@pytest.mark.parametrize(
    ("f", "bad", "good", "words"),
    [
        (tg.nn.Embedding(3, 2, rng=0), [3], [2], "got 3 to 3"),
        (lambda y: tg.cross_entropy(tg.Tensor(np.eye(3)), y), [1, 2, 3], [0, 1, 2], "goes from 1 to 3"),
        (lambda y: tg.binary_cross_entropy_with_logits(np.zeros(2), y * 1.0), [0, 2], [0, 1], "probabilities"),
        (lambda y: tg.hinge_loss(np.zeros(2), y * 1.0), [0, 1], [-1, 1], "targets are -1 and 1"),
    ],
)
def test_bad_class_numbers_at_the_first_call_raise_the_functions_error(f, bad, good, words):
    jitted = tg.jit(f)
    for _ in range(2):
        for g in (f, jitted):
            with pytest.raises(ValueError, match=words):
                g(np.array(bad))
        np.testing.assert_array_equal(np.asarray(jitted(np.array(good)).data), np.asarray(f(np.array(good)).data))


def test_classes_have_their_article():
    with pytest.raises(tg.JitError, match="an argument is an OrderedDict; "):
        tg.jit(lambda d: d["x"] * 2)(OrderedDict(x=np.ones(2)))
    with pytest.raises(tg.JitError, match="the result has an odict_iterator in it; "):
        tg.jit(lambda d: iter(OrderedDict(d)))({"x": np.ones(2)})
