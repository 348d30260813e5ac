"""backend="c": each rule of the table, recorded and compiled, gives the value and the gradient of the eager function.

The rules of a page are recorded as one function, so that they are compiled together. The cases are those of
test_jit_rules; `every_rule_in_c.py` records each rule alone, and also gives it zeros, infinities and NaN.
"""

import functools

import numpy as np
import pytest
from cases import CASES
from hypothesis import Phase, assume, given, settings
from hypothesis import strategies as st
from strategies import LONG, seeds
from test_jit_rules import CANNOT, PAGES, first_order, moved

import tinygrad_edu as tg
from tinygrad_edu.jit.native import compiler

pytestmark = pytest.mark.skipif(compiler.find() is None, reason="needs a C compiler")


@pytest.fixture(autouse=True)
def little_optimization(monkeypatch):
    """Compile fast: without optimization, and without the header of vector instructions."""
    load = compiler.load
    monkeypatch.setattr(compiler, "FLAGS", tuple([flag for flag in compiler.FLAGS if flag != compiler.NATIVE]))
    monkeypatch.setattr(compiler, "load", lambda source, level=None: load(source, 0))


def same(name, found, expected):
    """Check equality to rounding of a value and its gradients."""
    for a, b in zip((found[0], *found[1]), (expected[0], *expected[1]), strict=True):
        assert (a.shape, a.dtype) == (b.shape, b.dtype), name
        scale = np.max(abs(b), initial=1, where=np.isfinite(b))
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12 * scale, err_msg=name)


def then(before, f):
    """Return a function of lists of arguments: what `before` gives for the first ones, and f of the one after these."""

    def both(given):
        found = before(given)
        return [*found, f(*given[len(found)])]

    return both


def drawn_cases(page):
    """Draw a case of each rule of a page: its name, the function of value and gradient, and arrays for two calls."""

    def one(draw, fun):
        f, args = draw(CASES[fun])
        args = [np.asarray(a) for a in args]
        return fun.__name__, first_order(f, args), args, moved(args)

    return st.composite(lambda draw: [one(draw, fun) for fun in PAGES[page] if fun not in CANNOT])()


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.filterwarnings("ignore")
@given(data=st.data())
@settings(max_examples=20 if LONG else 1, phases=[Phase.explicit, Phase.generate])
def test_the_rules_of_a_page_in_c_give_the_eager_values_and_gradients(page, data):
    assume(data.draw(seeds))  # not the simplest case of all, which Hypothesis draws first
    cases = data.draw(drawn_cases(page))
    names, functions, args, others = zip(*cases, strict=True)
    jitted = tg.jit(functools.reduce(then, functions, lambda given: []), backend="c", check=False)
    with np.errstate(all="ignore"):
        for given_ in (args, args, others):
            expected = [f(*args) for f, args in zip(functions, given_, strict=True)]
            for name, a, b in zip(names, jitted(given_), expected, strict=True):
                same(name, a, b)
    assert jitted.cache_info().hits
