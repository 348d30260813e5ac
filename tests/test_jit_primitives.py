"""Primitives with rules of the user's under jit: what rules and implementations read is seen, redefined rules too."""

import functools

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu.engine.rules import registry
from tinygrad_edu.trace.closure import Closure

X = np.array([1.0, 2.0])


def by_an_array(jit):
    scale = np.array(1.0)
    reverse = tg.primitive(lambda x: x * 1)
    tg.defvjp(reverse, lambda g, y, x: -scale * g)
    return jit(tg.grad(lambda x: reverse(x).sum())), lambda: scale.fill(0.5)


def by_a_tensor(jit):
    scale = tg.Tensor(1.0)
    reverse = tg.primitive(lambda x: x * 1)
    tg.defvjp(reverse, lambda g, y, x: -scale.data * g)
    return jit(tg.grad(lambda x: reverse(x).sum())), lambda: scale.data.fill(0.5)


def by_a_number(jit):
    settings = {"scale": 1.0}
    reverse = tg.primitive(lambda x: x * 1)
    tg.defvjp(reverse, lambda g, y, x: -settings["scale"] * g)
    return jit(tg.grad(lambda x: reverse(x).sum())), lambda: settings.update(scale=0.5)


def of_each_argument(jit):
    scale = np.ones(2)
    weighted = tg.primitive(lambda *xs: sum(xs) * scale)
    tg.defvjp(weighted, each=lambda i, g, y, *xs: g * scale * (i + 1))
    return jit(tg.grad(lambda x: weighted(x, x * 2).sum())), lambda: scale.fill(3)


def an_operator(jit):
    matrix = np.eye(2)
    apply = tg.primitive(lambda x: matrix @ x)
    tg.defvjp(apply, lambda g, y, x: matrix.T @ g)
    return jit(tg.value_and_grad(lambda x: (apply(x) ** 2).sum())), lambda: matrix.fill(2)


def a_constant(jit):
    scale = np.ones(2)
    tg.nondifferentiable(sign := tg.primitive(lambda x: np.sign(x * scale)))
    return jit(tg.grad(lambda x: (sign(x) * x).sum())), lambda: scale.fill(-3)


def without_recorded_arguments(jit):
    scale = np.ones(2)
    scaled = tg.primitive(lambda x: scale * 2 * x)
    return jit(lambda x: x + scaled(1.0)), lambda: scale.fill(3)


def a_cached_function(jit):
    factor = functools.cache(lambda n: 2 * n)
    scaled = tg.primitive(lambda x: x * factor(1))
    tg.defvjp(scaled, lambda g, y, x: g * factor(1))
    weights = np.ones(2)
    return jit(tg.grad(lambda x: (scaled(x) * weights).sum())), lambda: weights.fill(3)


def a_new_rule(jit):
    same = tg.primitive(lambda x: x * 1)
    tg.defvjp(same, lambda g, y, x: g)
    return jit(tg.grad(lambda x: same(x).sum())), lambda: tg.defvjp(same, lambda g, y, x: 7 * g)


def a_new_custom_rule(jit):
    same = tg.custom_vjp(lambda x: x * 1)
    same.defvjp(lambda x: (x * 1, None), lambda saved, g: (g,))
    change = lambda: same.defvjp(lambda x: (x * 1, None), lambda saved, g: (7 * g,))
    return jit(tg.grad(lambda x: same(x).sum())), change


def draws(jit):
    rng = np.random.default_rng(0)
    noisy = tg.primitive(lambda x: x * rng.random(2))
    tg.defvjp(noisy, lambda g, y, x: 3 * g)
    return jit(tg.value_and_grad(lambda x: noisy(x).sum())), lambda: None


def an_argument(jit):
    matrix = np.eye(2)
    apply = tg.primitive(lambda x, matrix: matrix @ x)
    tg.defvjp(apply, lambda g, y, x, matrix: matrix.T @ g, None)
    return jit(tg.value_and_grad(lambda x: (apply(x, matrix) ** 2).sum())), lambda: matrix.fill(2)


PROGRAMS = [by_a_tensor, by_a_number, a_cached_function, a_new_rule, a_new_custom_rule, an_argument]
REFUSED = [by_an_array, of_each_argument, an_operator, a_constant, without_recorded_arguments, draws]


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("optimize", [True, False])
def test_what_a_rule_or_a_primitive_reads_is_read_anew(program, optimize):
    outcomes = []
    for jit in (lambda f: f, lambda f: tg.jit(f, optimize=optimize)):
        f, change = program(jit)
        results = [f(X), f(X)]
        change()
        outcomes.append([*results, f(X), f(X)])
    for given, expected in zip(tg.tree.leaves(outcomes[1]), tg.tree.leaves(outcomes[0]), strict=True):
        np.testing.assert_array_equal(given, expected)


@pytest.mark.parametrize("program", REFUSED)
def test_a_primitive_that_uses_an_array_or_a_generator_of_a_variable_is_refused(program):
    (eager, _), (f, _) = program(lambda f: f), program(tg.jit)
    for _ in range(2):
        with pytest.raises(tg.JitError, match="primitive that uses an array or a Generator beside its arguments; pass"):
            f(X)
    for given, expected in zip(tg.tree.leaves(f._fun(X)), tg.tree.leaves(eager(X)), strict=True):  # nothing was drawn
        np.testing.assert_array_equal(given, expected)


def test_a_function_that_names_the_table_of_rules_does_not_reach_all_of_them():
    scale = np.array(1.0)
    tg.defvjp(tg.primitive(lambda x: x * 1), lambda g, y, x: scale * g)
    vjps = registry.vjps
    reached = Closure(lambda: vjps, ()).seen.values()
    assert not any(x is scale for x in reached)


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (lambda: np.array([1, 2], object), "np.multiply gives no array of numbers"),
        (lambda: np.ma.array([1.0, 2.0]), "np.multiply of a MaskedArray is not recorded"),
        (lambda: np.ones(2).view(type("Image", (np.ndarray,), {})), "np.multiply of an Image is not recorded"),
    ],
)
def test_arrays_of_another_kind_beside_a_recorded_one_are_refused(other, words):
    product = tg.primitive(lambda x, y: x * y)
    with pytest.raises(tg.JitError, match=words):
        tg.jit(lambda x: product(x, other()))(X)


def test_an_array_of_objects_that_no_call_computes_with_is_as_without_jit():
    for f in (
        lambda x: np.zeros_like(x, dtype=object),
        lambda x: np.add.reduce(np.array([1, 2], object), where=x > 1, initial=0),
    ):
        expected, found = f(X), tg.jit(f)(X)
        assert (type(found), repr(found)) == (type(expected), repr(expected))


def test_a_class_that_computes_numpys_functions_computes_them_with_recorded_arrays():
    class Scaled:
        def __init__(self, array):
            self.array = array

        def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
            return getattr(ufunc, method)(*map(array_of, inputs), **kwargs) * 10

        def __array_function__(self, fun, types, args, kwargs):
            return fun(*map(array_of, args), **kwargs) * 10

    def array_of(x):
        return x.array if isinstance(x, Scaled) else x

    scaled = Scaled(np.ones(2))
    for fun in (lambda x: np.multiply(x, scaled) + x * scaled, lambda x: np.dot(x, scaled) + np.sin(scaled)):
        f = tg.jit(fun)
        for i in range(4):
            np.testing.assert_array_equal(f(np.arange(2.0) + i), fun(np.arange(2.0) + i))
            scaled.array = scaled.array * 2
            scaled.array += 1
