"""jit with transforms, with itself, with methods, partials and decorators."""

import functools

import numpy as np

import tinygrad_edu as tg

from .harness import X, attack
from .reads import Point


def composed(name, build, *values):
    def run(J):
        f = build(J)
        return [f(v) for v in (values or (X, X + 1, X))]

    run.__name__ = name
    attack(run)


cube = lambda x: np.sum(x**3)
composed("grad_of_jit", lambda J: tg.grad(J(cube)))
composed("value_and_grad_of_jit", lambda J: tg.value_and_grad(J(cube)))
composed("jacobian_of_jit", lambda J: tg.jacobian(J(lambda x: x**2)))
composed("vjp_of_jit", lambda J: lambda x: (lambda y, pull: pull(np.ones(3)))(*tg.vjp(J(lambda v: v**2), x)))
composed("jvp_of_jit", lambda J: lambda x: tg.jvp(J(lambda v: v**2), [x], [np.ones(3)]))
composed("hvp_of_jit", lambda J: lambda x: tg.hvp(J(cube))(x, np.ones(3)))
composed("jit_of_grad", lambda J: J(tg.grad(cube)))
composed("partial_of_jit", lambda J: functools.partial(J(lambda k, x: x * k), 3.0))
composed("jit_of_a_method_of_a_builtin", lambda J: J("{}".format))
composed("jit_of_a_class", lambda J: lambda x: J(Point)(x, 2.0))
composed("jit_of_a_lambda_with_default", lambda J: J(lambda x, k=2.0: x * k))


@attack
def loss_partly_through_a_jitted_function(J):
    """A jitted feature map within an eager loss: part of the gradient is lost without a word."""
    w = tg.Tensor(X)
    features = J(lambda x: np.tanh(w * x))
    out = []
    for _ in range(2):
        w.zero_grad()
        (features(X) * w).sum().backward()
        out.append(w.grad.copy())
    return out


@attack
def results_take_gradients(J):
    w = tg.Tensor(X)
    f = J(lambda x: (w * x).sum())
    return f(X).requires_grad, f(X).requires_grad


@attack
def value_argument(J):
    f = J(lambda v: v * 2 + 1)
    return [f(tg.Value(3.0)).data, f(tg.Value(4.0)).data]


@attack
def wrapped_by_a_decorator_with_state(J):
    def counted(g):
        @functools.wraps(g)
        def call(*a):
            call.n += 1
            return g(*a) * call.n

        call.n = 0
        return call

    @counted
    def g(x):
        return x * 1.0

    f = J(g)
    return [f(X), f(X), f(X), g.n]
