"""Results: containers, views, aliases, what the caller does with them."""

import types

import numpy as np

import tinygrad_edu as tg

from .harness import X, attack, works


@attack
def result_in_a_namespace(J):
    f = J(lambda x: types.SimpleNamespace(loss=x.sum()))
    return [f(X), f(X + 1)]


@attack
def result_is_a_generator(J):
    f = J(lambda x: (x * i for i in range(3)))
    return [list(f(X)), list(f(X + 1))]


@attack
def generator_function(J):
    def f(x):
        for i in range(3):
            yield x * i

    f = J(f)
    return [list(f(X)), list(f(X + 1))]


@attack
def result_is_an_iterator(J):
    f = J(lambda x: iter([x, x * 2]))
    return [list(f(X)), list(f(X + 1))]


@attack
def result_is_a_list_subclass(J):
    class Stack(list):
        pass

    f = J(lambda x: Stack([x]))
    return [f(X), f(X + 1)]


@attack
def result_is_a_list_that_the_user_changes(J):
    f = J(lambda x: [x * 2, [], {}])
    out = []
    for i in range(3):
        r = f(X)
        r[1].append(i)
        r[2][i] = i
        out.append((r[1], r[2]))
    return out


@attack
def result_mutated_by_the_user(J):
    f = J(lambda x: (x * 2, np.ones(3), x.sum(axis=0, keepdims=True)))
    out = []
    for _ in range(4):
        parts = f(X)
        out.append([p.copy() for p in parts])
        for p in parts:
            p += 100
    return out


@attack
def result_that_is_a_view_of_its_argument(J):
    f = J(lambda x: x[1:])
    y = X.copy()
    f(y)[0] = 9
    f(y)[1] = 8
    return y


@attack
def result_that_is_a_view_of_a_parameter(J):
    w = tg.Tensor(X)
    f = J(lambda: w.data[1:])
    f()[0] = 9
    f()[1] = 8
    return w.data


@attack
def results_that_are_one_array(J):
    def f(x):
        y = x * 2
        return y, y, y[1:]

    f = J(f)
    out = []
    for _ in range(2):
        a, b, c = f(X)
        a += 1
        out.append((a is b, b.copy(), c.copy()))
    return out


@works
def kinds_of_results(J):
    w = tg.Tensor(X)

    def f(x):
        return (
            None,
            3,
            2.0,
            "a",
            True,
            ...,
            x.sum(),
            x.sum() > 1,
            x.shape,
            x.argmax(),
            (),
            [],
            {},
            (x > 1),
            w.sum(),
            x.dtype,
            np.float32(2),
            x.size,
        )

    f = J(f)
    return [f(X), f(X + 1), f(X * 2)]


@attack
def rate_read_by_vars(J):
    opt = tg.optim.SGD([tg.Tensor(X)], lr=0.5)
    f = J(lambda x: x * vars(opt.groups[0])["lr"])
    out = [f(X), f(X)]
    opt.lr = 0.25
    return [*out, f(X)]
