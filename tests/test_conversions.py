"""A Tensor that becomes a plain number: no gradient is lost in silence, and nobody is told where none is lost."""

import functools
import json
import logging
import math
import re
import statistics
import warnings
from math import exp as exponential

import numpy as np
import pytest
from checks import message

import tinygrad_edu as tg
from tinygrad_edu.engine.conversions import LostGradientError


def assigned(place):
    def f(x):
        r = np.zeros((2, 2))
        place(r, x * 2)
        return np.sum(r) + x

    return f


def set_element(r, v):
    r[0, 0] = v


def set_flat(r, v):
    r.flat[0] = v


def add_to_element(r, v):
    r[0, 1] += v


def set_row(r, v):
    r[0][1] = v


def set_integer(r, v):
    integers = np.zeros(2, int)
    integers[0] = v


PERCENT = "%.3f"
COMPUTED = {
    "math.sin": lambda x: math.sin(x),
    "a product": lambda x: x * math.sin(x),
    "math.pow": lambda x: math.pow(x, 2),
    "math.hypot": lambda x: math.hypot(*[x, x]),
    "math.fsum": lambda x: math.fsum([x, x]),
    "another name": lambda x: exponential(x) * 2,
    "complex": lambda x: complex(x) * 2,
    "np.float64": lambda x: np.float64(x) * 2,
    "np.fromiter": lambda x: np.fromiter([x, x], float).sum(),
    "map": lambda x: sum(map(math.exp, [x, x])),
    "a loop": lambda x: sum([v for v in map(math.exp, [x, x])]),
    "keywords": lambda x: math.log(x, *[2], **{}),
    "conditional": lambda x: math.pow(x if x > 0 else -x, 2.0),
    "a library": lambda x: statistics.fmean([x, x]),
    "fill": assigned(lambda r, v: r.fill(v)),
    "element": assigned(set_element),
    "flat": assigned(set_flat),
    "adding": assigned(add_to_element),
    "row": assigned(set_row),
}
ASKED_FOR = {
    "float": lambda x: float(x) * 2,
    "item": lambda x: x.item() ** 2,
    "tolist": lambda x: np.sum(np.stack([x, x]).tolist()),
    "map": lambda x: sum(map(float, [x, x])),
    "list": lambda x: sum([float(v) for v in [x, x]]),
}
TRANSFORMS = {
    "grad": lambda f: tg.grad(f)(1.3),
    "value_and_grad": lambda f: tg.value_and_grad(f)(1.3),
    "vjp": lambda f: tg.vjp(f, 1.3),
    "jvp": lambda f: tg.jvp(f, [1.3], [1.0]),
    "jacobian": lambda f: tg.jacobian(f)(1.3),
    "hessian": lambda f: tg.hessian(f)(1.3),
    "hvp": lambda f: tg.hvp(f)(1.3, 1.0),
    "nested": lambda f: tg.grad(lambda y: tg.grad(lambda x: x * y)(1.0) + f(y))(1.3),
    "closed over": lambda f: tg.grad(lambda y: tg.grad(lambda x: x * f(y))(1.0))(1.3),
}


@pytest.mark.parametrize("name", [*COMPUTED, *ASKED_FOR])
def test_inside_a_transform_a_plain_number_raises(name):
    f = COMPUTED.get(name) or ASKED_FOR[name]
    for _ in range(12):  # Python replaces the instructions of code that runs often
        with pytest.raises(TypeError, match=r"gradient.*\.detach\(\)"):
            tg.grad(f)(1.3)


@pytest.mark.parametrize("transform", TRANSFORMS)
def test_every_transform_raises(transform):
    for f in (COMPUTED["math.sin"], COMPUTED["flat"], ASKED_FOR["item"]):
        with pytest.raises(LostGradientError):
            TRANSFORMS[transform](f)


def test_the_function_itself_may_be_pythons():
    for transform in (tg.grad, tg.value_and_grad, tg.jacobian, tg.hessian, tg.elementwise_grad):
        with pytest.raises(LostGradientError, match=r"^math\.sin\(\.\.\.\) turns .*; write np\.sin,"):
            transform(math.sin)(1.0)
    with pytest.raises(LostGradientError, match=r"^math\.pow\(\.\.\.\) turns .*; write np\.pow,"):
        tg.grad(functools.partial(math.pow, 2.0))(1.0)
    with pytest.raises(LostGradientError, match=r"^ndarray\.fill\(\.\.\.\) turns"):
        tg.grad(np.zeros(2).fill)(1.0)
    with pytest.raises(LostGradientError, match=r"^math\.gamma\(\.\.\.\) turns .*; write scipy\.special\.gamma,"):
        tg.jvp(math.gamma, [1.0], [1.0])


@pytest.mark.parametrize("kind", [tg.Tensor, tg.Value])
@pytest.mark.parametrize("name", COMPUTED)
def test_elsewhere_a_number_that_is_computed_with_warns(name, kind):
    for _ in range(12):
        with pytest.warns(UserWarning, match=r"so no gradient passes through it.*\.detach\(\)") as caught:
            COMPUTED[name](kind(1.3))
        if name != "a library":
            assert caught[0].filename == __file__


def test_the_warning_shows_the_users_line_also_where_a_function_of_numpy_asks_for_the_number():
    with pytest.warns(UserWarning, match="so no gradient passes through it") as caught:
        np.format_float_positional(tg.Tensor(1.5))
    assert caught[0].filename == __file__


def test_an_array_of_integers_or_booleans_may_be_made_of_a_tensor_but_not_written_into():
    """As int(x) may: the derivative of rounding is 0."""

    def f(x):
        i = np.int64(x)
        np.testing.assert_array_equal(i, [1, 2])
        np.testing.assert_array_equal(np.asarray(x, dtype="uint8"), i)
        assert np.array(x, bool).all()
        return np.sum(x[i - 1] * i)

    np.testing.assert_array_equal(tg.grad(f)(np.array([1.5, 2.5])), [1.0, 2.0])
    with pytest.raises(TypeError, match=r"^array\[\.\.\.\] = "):
        np.zeros(2, int)[:] = tg.Tensor([1.5, 2.5])
    with pytest.raises(TypeError, match=r"^np.float32\(\.\.\.\): "):
        np.float32(tg.Tensor([1.5, 2.5]))


def test_an_array_of_integers_takes_a_number_as_well():
    with pytest.warns(UserWarning, match=r"array\[\.\.\.\] = \.\.\. stores Tensor 'x' as a plain number"):
        set_integer(None, tg.Tensor(1.0, label="x"))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        (
            "math.sin",
            r"math.sin(...) turns Tensor 'x' into a plain number, so no gradient passes through it; write np.sin,",
        ),
        ("math.fsum", "write np.sum,"),
        ("fill", "r.fill(...) turns"),
        (
            "element",
            "array[...] = ... stores Tensor as a plain number, so no gradient passes through it; write np.stack",
        ),
        ("np.float64", "np.float64(...) turns Tensor 'x' into a plain number"),
    ],
)
def test_the_warning_names_the_call_and_the_remedy(name, words):
    with pytest.warns(UserWarning, match=re.escape(words)):
        COMPUTED[name](tg.Tensor(1.3, label="x"))


def quiet(loss, history, table):
    """Uses of a number that lose no gradient: it is shown, logged, kept, compared or rounded."""
    print(loss, float(loss), f"{loss:.3f}", PERCENT % loss, "{:.2f}".format(*[loss]), str(loss))
    history.append(float(loss))
    history.append(loss.item() if isinstance(loss, tg.Tensor) else loss.data)
    history.extend(map(float, [loss, loss]))
    table[0] = float(loss)
    logging.getLogger("quiet").warning("loss %f", loss)
    assert not math.isnan(loss)
    assert math.isfinite(loss)
    assert not math.isinf(loss)
    assert math.floor(loss) == int(loss) == round(loss) == 1
    assert round(loss, 1) == 1.3
    assert round(float(loss), 1) == 1.3
    assert loss < 2 < loss + 1
    assert min(loss, 2.0) == max(loss, 1.0) == loss
    best, worst = map(float, [loss, loss + 1])
    assert best < worst
    assert sorted([loss + 1, loss], key=float)[0] is loss
    assert [*map(float, [loss])] == list(map(float, (loss,))) == [float(v) for v in [loss]]
    assert json.loads(json.dumps({"loss": loss}, default=float)) == {"loss": float(loss)}
    assert sum(map(float, [loss, loss])) == 2 * float(loss)


@pytest.mark.parametrize("kind", [tg.Tensor, tg.Value])
def test_nobody_is_told_where_a_number_is_shown_kept_or_compared(kind, capsys):
    loss = kind(1.3) * 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(12):
            quiet(loss, [], np.zeros(2))
        for use in COMPUTED.values():
            use(loss.detach())
            with tg.no_grad():
                use(kind(1.3))


def test_inside_a_transform_numbers_may_be_shown_and_compared():
    def f(x):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            print(x, f"{x:.3f}", PERCENT % x)
            assert not math.isnan(x)
            assert x < 2
            scale = round(x) + int(x) + math.floor(x) + float(x.detach()) + x.detach().item()
            with tg.no_grad():
                assert float(x) == 1.3
        return scale * x

    for _ in range(12):
        np.testing.assert_allclose(tg.grad(f)(1.3), 5.6)


def test_inside_a_transform_a_constant_of_it_may_become_a_number():
    w, kept = tg.Tensor(2.0), []

    def f(x):
        kept.append(float(w))
        return x * float(w.detach())

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert tg.grad(f)(3.0) == 2
    assert kept == [2.0]


def test_after_an_error_the_next_transform_is_untouched():
    with pytest.raises(LostGradientError):
        tg.grad(math.sin)(1.0)
    x = tg.Tensor(2.0)
    assert float(x) == 2.0
    assert tg.grad(np.sin)(0.0) == 1
    with pytest.raises(ValueError, match="mine"):
        tg.grad(lambda x: (_ for _ in ()).throw(ValueError("mine")))(1.0)


def test_an_attribute_func_of_a_users_object_is_no_part_of_its_call():
    class Decay:
        def __init__(self, func):
            self.func = func or self

        def __call__(self, tolerance):
            return tg.odeint(lambda y, t: -y, 1.0, [0, 1], rtol=tolerance)

    for func in (math.sin, None):  # None: the object itself
        with pytest.raises(LostGradientError) as error:
            tg.grad(Decay(func))(1.0)
        assert "math.sin(" not in str(error.value)


def test_a_call_with_options_of_a_dict_has_the_name_of_its_function():
    x, options = tg.Tensor([1.0, 2.0]), {"copy": True}
    with pytest.raises(TypeError, match=r"^np\.array\(\.\.\.\): Tensor takes gradients"):
        np.array(x, dtype=float, **options)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # a comparison loses no gradient
        assert math.isclose(x[0], 1.0, rel_tol=0.1, **{"abs_tol": 0.0})


def test_a_method_of_an_array_that_takes_no_tensor_names_the_function_that_does():
    a, x = np.arange(3.0), tg.Tensor([0.5, 1.0, 2.0])
    refused = {
        "np.dot": lambda: a.dot(x), "np.searchsorted": lambda: a.searchsorted(x),
        "np.choose": lambda: np.array([0]).choose([x]), "np.stack": lambda: np.dot([x[0], x[1]], a[:2]),
        "np.where": lambda: np.fill_diagonal(np.eye(3), x),
        "np.linalg.cholesky": lambda: np.random.default_rng(0).multivariate_normal(x, np.eye(3)),
    }  # fmt: skip
    for remedy, call in refused.items():
        assert f"{remedy}(" in message(TypeError, call)
    assert np.dot(a, x).data == 5
    assert np.searchsorted(a, x).tolist() == [1, 1, 2]
    assert np.choose([0], [x[:1]]).data.tolist() == [0.5]
