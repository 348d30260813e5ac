"""Every NumPy function is in the table: with a rule, a composition, constant, or refused with a reason."""

import importlib

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu.engine.rules.registry import compositions, constants, name, refusal, refusals, vjps

MODULES = [
    "numpy", "numpy.linalg", "numpy.fft", "numpy.lib.scimath", "numpy.lib.stride_tricks", "numpy.strings",
    "numpy.char",
]  # fmt: skip
OF_TEXT = {f for f in vars(np.strings).values() if isinstance(f, np.ufunc) and not hasattr(np, f.__name__)}
PUBLIC = {  # functions that dispatch to their arguments by NEP 13 or NEP 18
    f
    for module in MODULES
    for public, f in vars(importlib.import_module(module)).items()
    if not public.startswith("_") and isinstance(f, (np.ufunc, type(np.sum))) and f not in OF_TEXT
}
FUNCTIONS = sorted(PUBLIC, key=name)


def test_the_search_finds_the_functions_of_numpy():
    assert {
        np.add,
        np.sum,
        np.linalg.svd,
        np.fft.fft,
        np.lib.scimath.sqrt,
        np.einsum,
        np.pad,
        np.lib.stride_tricks.sliding_window_view,
    } <= PUBLIC
    assert len(FUNCTIONS) > 350


@pytest.mark.parametrize("f", FUNCTIONS, ids=name)
def test_every_function_of_numpy_is_in_exactly_one_group(f):
    groups = [group for group in (vjps, compositions, constants) if f in group]
    assert len(groups) + bool(refusal(f)) == 1, f"{name(f)} is in {len(groups)} groups"


def test_the_table_says_what_each_function_does_with_a_tensor():
    table = tg.supported()
    for f in FUNCTIONS:
        assert table[name(f)] in ("rule", "composition", "constant", "refused")
    for f, kind in {
        "np.add": "rule", "np.linalg.inv": "rule", "np.vdot": "composition", "np.argmax": "constant",
        "np.linalg.eigvals": "composition", "np.fft.fft": "rule", "np.gcd": "refused",
    }.items():  # fmt: skip
        assert table[f] == kind
    assert list(table) == sorted(table)


def test_the_table_lists_primitives_of_the_user_and_none_that_are_internal():
    @tg.primitive
    def cube(x):
        return x**3

    tg.defvjp(cube, lambda g, y, x: 3 * g * x**2)
    table = tg.supported()
    assert table.pop("cube") == "rule"
    assert {"relu", "within", "svd", "gru_backward", "clip"}.isdisjoint(table)


@pytest.mark.parametrize("f", [f for f in FUNCTIONS if refusal(f) and not isinstance(f, np.ufunc)], ids=name)
def test_a_refusal_names_the_function_and_the_reason(f):
    why = refusals.get(f) or refusals[f.__module__]
    with pytest.raises(TypeError) as error:
        tg.Tensor([1.0]).__array_function__(f, (tg.Tensor,), (tg.Tensor([1.0]),), {})
    assert str(error.value) == f"{name(f)} does not take Tensors: {why}"
    assert len(why) > 30


@pytest.mark.parametrize("f", [f for f in FUNCTIONS if refusal(f) and isinstance(f, np.ufunc)], ids=name)
def test_a_refused_ufunc_names_itself_too(f):
    with pytest.raises(TypeError, match=f"{name(f)} does not take Tensors"):
        f(*[tg.Tensor([1.0])] * f.nin)


@pytest.mark.parametrize(
    "f",
    [
        np.array, np.asarray, np.asanyarray, np.ascontiguousarray, np.asfortranarray, np.asarray_chkfinite,
        np.require, np.ma.array, lambda t: np.full(2, t), lambda t: np.vectorize(abs)(t),
        lambda t: np.array([t, t]), lambda t: np.kaiser(3, t), lambda t: np.fromiter([t], float),
        lambda t: np.polynomial.polynomial.polyval(2.0, t), lambda t: np.random.default_rng(0).normal(t), np.arange,
        lambda t: t * np.ma.array([1.0, 2.0]), lambda t: np.ma.array([1.0, 2.0]) * t,
    ],
)  # fmt: skip
def test_functions_that_make_arrays_do_not_drop_a_gradient_silently(f):
    with pytest.raises((TypeError, ValueError)):
        f(tg.Tensor([1.0, 2.0]))
