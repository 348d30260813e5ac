"""Every row of the table, recorded and replayed: on other values of the same shapes, a program gives what eager gives.

What is drawn for each function stands in `cases/`, as for test_rules. Where decisions by values are part of a function, they
are in general the same for the values of a replay; if not, it is eager that computes, and never is the result another.
"""

import numpy as np
import pytest
from cases import CASES, PAGES
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_edu as tg
from tinygrad_edu.jit.passes import PASSES
from tinygrad_edu.rules import order

EXAMPLES = max(settings.default.max_examples // 5, 5)
CANNOT = {  # be recorded: the shape of the result depends on values
    np.trim_zeros: "zeros are counted",
    np.piecewise: "each function takes the elements for which its condition holds",
}
EVERY = pytest.mark.parametrize(
    "fun",
    [pytest.param(f, id=f"{page}-{f.__name__}") for page, cases in PAGES.items() for f in cases if f not in CANNOT],
)


def first_order(f, args):
    """The function that gives f's value, weighted and summed, and its gradients."""
    y = f(*args)
    weights = np.cos(np.arange(np.size(y))).reshape(np.shape(y))
    return tg.value_and_grad(lambda *xs: np.sum(f(*xs) * weights), argnums=tuple(range(len(args))))


def second_order(f, args):
    """The function that gives the gradients of the sum of the squares of all gradients."""
    first = first_order(f, args)
    return tg.value_and_grad(lambda *xs: sum([np.sum(g * g) for g in first(*xs)[1]]), argnums=tuple(range(len(args))))


def moved(args):
    """Other values, which keep away from the same points: turned round, and a little larger."""
    return [np.asarray(np.flip(a) * 1.01) for a in args]


def agree(both, args, others, optimize):
    args = list(map(np.asarray, args))
    jitted = tg.jit(both, optimize=optimize)
    for values in (args, others, args):
        y, gradients = jitted(*values)
        expected, slopes = both(*values)
        for a, b in zip((y, *gradients), (expected, *slopes), strict=True):
            assert (a.shape, a.dtype) == (b.shape, b.dtype)
            scale = np.max(abs(b), initial=1, where=np.isfinite(b))
            np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12 * scale)
    assert jitted.cache_info().misses == 1


@EVERY
@pytest.mark.parametrize("optimize", [True, False])
@settings(max_examples=EXAMPLES)
@given(data=st.data())
def test_a_replay_agrees_with_eager(fun, optimize, data):
    f, args = data.draw(CASES[fun])
    agree(first_order(f, args), args, moved(args), optimize)
