"""Each function of the table: values equal NumPy's, first and second derivatives equal finite differences.

`cases/` holds the random cases of each function, one file for each file of rules. The first test fails if a function
with a rule has no case, so every rule is tested. Rare cases are in the test files of the rule files.
"""

import inspect

import numpy as np
import pytest
from cases import CASES, PAGES
from hypothesis import given
from hypothesis import strategies as st
from strategies import drawn

import tinygrad_edu as tg
from tinygrad_edu.engine.backward import toposort
from tinygrad_edu.engine.rules import indexing, shaping
from tinygrad_edu.engine.rules.registry import compositions, name, vjps
from tinygrad_edu.trace.results import recorded_result
from tinygrad_edu.transforms.custom import custom_vjp, recomputed

# Before other tests register functions of their own, and without those of jit, of checkpoint and of custom_vjp (whose
# functions have tests of their own), which no page of the table holds
REGISTERED = {f for f in {*vjps, *compositions} if not (getattr(f, "__module__", None) or "").startswith("test_")}
REGISTERED -= {recorded_result, recomputed, *(f for f in REGISTERED if isinstance(f, custom_vjp))}
EVERY = pytest.mark.parametrize(
    "fun", [pytest.param(fun, id=f"{page}-{fun.__name__}") for page, cases in PAGES.items() for fun in cases]
)


def test_every_rule_has_a_case_and_every_case_a_rule():
    assert set(CASES) == REGISTERED
    assert sum(map(len, PAGES.values())) == len(CASES)


@EVERY
@drawn(5, 333)
@given(data=st.data())
def test_values_are_numpys_own_and_derivatives_those_of_finite_differences_in_shape_and_dtype(fun, data):
    """Draw each case once for all checks: drawing it takes longer than most of them."""
    f, args = data.draw(CASES[fun])
    assert_values_are_numpys_own(f, args)
    assert_float32_stays_float32(f if fun is not shaping.astype else abs, args)
    assert_each_rule_gives_its_arguments_shape(f, args)
    assert_derivatives_match_finite_differences_to_second_order(f, args)


def assert_derivatives_match_finite_differences_to_second_order(f, args):
    def curved(*args):
        """Return f + f**2 / 2, which has a second derivative also where f is linear."""
        y = f(*args)
        return y + 0.5 * np.square(y)

    tg.check_grad(curved, *args)


def assert_values_are_numpys_own(f, args):
    y = f(*[tg.Tensor(a) for a in args])
    np.testing.assert_allclose(y.data, f(*args), rtol=1e-12, atol=1e-13)
    assert y.shape == np.shape(f(*args))
    assert y.data.dtype == np.float64


def assert_float32_stays_float32(f, args):
    """Check that gradients are float32 too, of their tensors' shapes, and near those of float64."""
    xs, doubles = [tg.Tensor(a, dtype=np.float32) for a in args], [tg.Tensor(a) for a in args]
    y = f(*xs)
    assert y.dtype == np.float32
    y.backward(np.ones(y.shape))
    double = f(*doubles)
    double.backward(np.ones(double.shape))
    for x, d in zip(xs, doubles, strict=True):
        assert x.grad.dtype == np.float32
        assert x.grad.shape == x.shape
        np.testing.assert_allclose(x.grad, d.grad, rtol=2e-3, atol=2e-3)


def assert_each_rule_gives_its_arguments_shape(f, args):
    """Check that a rule gives its argument's shape, or the one that the call broadcast it to.

    A gradient of a wrong shape that broadcasts would be summed, and would seem correct.
    """
    y = f(*[tg.Tensor(a) for a in args])
    for node in toposort(y):
        for i in node.argnums:
            rule = vjps[node.fun][i]
            g = np.shape(rule(np.ones(np.shape(node._value)), node._value, *node.argvals, **node.kwargs))
            x, result = np.shape(node.args[i]), np.shape(node._value)
            if getattr(node.fun, "signature", None) or node.fun is np.linalg.solve:
                # stacks broadcast, the matrices in them do not
                assert g[-1:] == x[-1:]
            elif node.fun is indexing.setitem:
                assert g == x or i == 2  # the written values are broadcast to the index
            else:
                assert g in (x, result)


def signature(fun):
    """Return the parameters of a function; only later versions of NumPy know those of C functions."""
    try:
        return inspect.signature(fun).parameters
    except ValueError:
        return {}


@pytest.mark.parametrize("fun", [fun for fun in sorted(REGISTERED, key=name) if signature(fun)], ids=name)
def test_a_rules_defaults_are_its_functions_own(fun):
    table, own = vjps.get(fun, [compositions.get(fun)]), signature(fun)
    for rule in table if isinstance(table, (tuple, list)) else [table[0]]:
        for parameter in inspect.signature(rule).parameters.values() if rule else ():
            # Some names and defaults are newer than NumPy 2.0.
            default = own[parameter.name].default if parameter.name in own else parameter.empty
            if parameter.default is not parameter.empty is not default:
                assert parameter.default == default or (default is np._NoValue and not parameter.default)
