"""A user's subclass of Tensor may redefine any public name: gradients are computed without it."""

import sys
from pathlib import Path

import numpy as np
import pytest
from cases import CASES
from hypothesis import given
from hypothesis import strategies as st
from strategies import drawn

import tinygrad_edu as tg
from tinygrad_edu.engine.tape import Node

PACKAGE = str(Path(tg.__file__).parent)
STATE = set(Node.__slots__)
BINARY = ("add", "sub", "mul", "truediv", "floordiv", "pow", "mod", "matmul")
OPERATORS = [
    *[f"__{side}{op}__" for side in "ri" for op in BINARY], *[f"__{op}__" for op in BINARY],
    "__neg__", "__pos__", "__abs__", "__getitem__", "__len__", "__iter__", "__contains__", "__bool__", "__float__",
    "__int__", "__eq__", "__ne__", "__lt__", "__gt__", "__ge__", "__le__", "__format__", "__round__",
]  # fmt: skip


def guarded(name):
    """Tensor's method or property, for everyone but the package itself."""
    inherited = getattr(tg.Tensor, name)

    def method(self, *args, **kwargs):
        caller = sys._getframe(1).f_code
        assert not caller.co_filename.startswith(PACKAGE), f"{name} is called in {caller.co_qualname}"
        return (inherited.__get__ if isinstance(inherited, property) else inherited)(self, *args, **kwargs)

    return property(method, inherited.fset) if isinstance(inherited, property) else method


NAMES = {name for name in dir(tg.Tensor) if not name.startswith("_")} - STATE
Guarded = type("Guarded", (tg.Tensor,), {
    "__slots__": (), "__hash__": object.__hash__, **{name: guarded(name) for name in [*NAMES, *OPERATORS]},
})  # fmt: skip


def test_a_sum_that_is_redefined_leaves_second_order_gradients_alone():
    class Loud(tg.Tensor):
        __slots__ = ()

        def sum(self, *args, **kwargs):
            return np.sum(self, *args, **kwargs) * 2

    x, t = Loud([1.0, 2.0]), tg.Tensor([1.0, 2.0])
    for a in (x, t):
        b = a * np.ones((3, 2))
        (g,) = tg.gradients(np.sum(b**3), [a], create_graph=True)
        np.sum(g * g).backward()
    np.testing.assert_array_equal(x.grad, t.grad)
    np.testing.assert_array_equal(x.sum().data, 6)


def test_a_constant_of_a_subclass_stays_a_constant_within_functions():
    class Own(tg.Tensor):
        __slots__ = ()

    c = Own([1.0, 2.0], requires_grad=False)
    assert not np.vstack([c, c]).requires_grad
    np.testing.assert_array_equal(tg.vjp(lambda x: c, np.ones(2))[1](np.ones(2))[0], [0, 0])


def test_backward_calls_no_redefined_method():
    x, t = Guarded([1.0, 2.0, 3.0]), tg.Tensor([1.0, 2.0, 3.0])
    for a in (x, t):
        y = np.sum(np.tanh(a * a * np.ones((2, 3))))
        y.backward()
        y.backward(create_graph=True)
        handle = a.register_hook(lambda g: 2 * g)
        y.backward()
        handle.remove()
    np.testing.assert_array_equal(x.grad, t.grad)
    for a in (x, t):
        a.grad = [1.0, 2.0, 3.0]
        c = +a
        c[0] = 3.0
        assert 2.0 in c
        assert len(list(c)) == 3
        assert f"{c.sum():.1f}" == "8.0"
    np.testing.assert_array_equal(x.grad, [1, 2, 3])


def test_activations_and_losses_call_no_redefined_method():
    a, target = np.array([[0.5, -1.0, 2.0], [1.0, 0.0, 3.0]]), np.array([0, 2])
    functions = [
        tg.relu, tg.leaky_relu, tg.softplus, tg.silu, tg.gelu, tg.sigmoid, lambda x: tg.softmax(x, axis=1),
        lambda x: tg.log_softmax(x, axis=1), lambda x: tg.logsumexp(x, axis=1), lambda x: tg.mse_loss(x, a + 1),
        lambda x: tg.l1_loss(x, a + 1), lambda x: tg.huber_loss(x, a + 1), lambda x: tg.cross_entropy(x, target),
        lambda x: tg.hinge_loss(x, np.sign(a + 0.1)), lambda x: tg.binary_cross_entropy_with_logits(x, a > 0),
    ]  # fmt: skip
    for f in functions:
        x, t = Guarded(a), tg.Tensor(a)
        np.testing.assert_array_equal(f(x).data, f(t).data)
        for leaf in (x, t):
            np.sum(f(leaf)).backward()
        np.testing.assert_array_equal(x.grad, t.grad)


def test_transforms_call_no_redefined_method():
    def f(x):
        return np.sum(x * np.sin(x))

    x = Guarded([1.0, 2.0])
    for transform in (tg.grad, tg.jacobian, tg.hessian):
        np.testing.assert_array_equal(transform(f)(x).data, transform(f)(np.array([1.0, 2.0])))


@pytest.mark.parametrize("fun", CASES, ids=lambda fun: fun.__name__)
@drawn(2, 25)
@given(data=st.data())
def test_no_rule_and_no_composition_calls_a_redefined_method(fun, data):
    f, args = data.draw(CASES[fun])
    found = []
    for kind in (Guarded, tg.Tensor):
        xs = [kind(a) for a in args]
        y = f(*xs)
        gs = tg.gradients(np.sum(y * y), xs, create_graph=True)
        total = sum([np.sum(g * np.cos(g)) for g in gs])
        second = tg.gradients(total, xs) if total.requires_grad else []
        found.append([y.data, *[g.data for g in gs], *second])
    for a, b in zip(*found, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12)
