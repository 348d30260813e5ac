"""Arguments: containers, aliases, views, memory order, dtypes, plain values."""

import collections
import enum
import functools
import os
import warnings

import numpy as np

import tinygrad_edu as tg

from .harness import X, attack, works


@attack
def dict_argument_popped(J):
    def f(d):
        return d.pop("x") * 2

    f = J(f)
    d = {"x": X, "y": X}
    return f(d), sorted(d)


@attack
def defaultdict_argument(J):
    def f(d, x):
        return x * d["absent"]

    return J(f)(collections.defaultdict(lambda: 3.0), X)


@attack
def ordered_dict_argument(J):
    def f(d):
        d.move_to_end("a")
        return list(d.values())[0] * 1.0

    return J(f)(collections.OrderedDict(a=X, b=X * 2))


@attack
def dict_subclass_argument_with_attributes(J):
    class Bunch(dict):
        __getattr__ = dict.__getitem__

    f = J(lambda b: b.x * b.k)
    return [f(Bunch(x=X, k=2.0)), f(Bunch(x=X, k=3.0))]


@attack
def tensor_argument_returned_in_a_tuple(J):
    p, q = tg.Tensor([1.0]), tg.Tensor([10.0])
    f = J(lambda t: (t, t * 2))
    return [f(p), f(q)]


@attack
def tensor_argument_returned_where_it_is_unused(J):
    f = J(lambda t, x: (x * 2, t))
    return [f(tg.Tensor([float(i)]), X) for i in range(4)]


@attack
def tensor_argument_with_grad_flag_changed(J):
    f = J(lambda t: (t * 2, t.requires_grad))
    t = tg.Tensor(X)
    out = [f(t)[1]]
    t.requires_grad = False
    return [*out, f(t)[1]]


@attack
def overlapping_arrays_in_place(J):
    def f(a, b):
        a *= 2
        return b + a

    f = J(f)
    base = np.arange(6.0)
    return [f(base[:4], base[2:]), f(base[:4], base[2:]), base]


@attack
def argument_that_is_the_data_of_a_parameter(J):
    w = tg.Tensor([1.0, 2.0, 3.0])

    def f(x):
        w.data -= 0.1
        return x * 2

    f = J(f)
    return [f(w.data), f(w.data), f(w.data), w.data]


@attack
def argument_that_is_the_data_of_a_trained_parameter(J):
    w, v = tg.Tensor([1.0, 2.0, 3.0]), tg.Tensor([1.0, 2.0, 3.0])
    opt = tg.optim.SGD([w, v], lr=0.1)

    def f(x):
        y = np.exp(x) * 2
        opt.minimize((w * v).sum())
        return y, x + 0

    f = J(f)
    return [f(w.data), f(w.data), f(v.data), w.data, v.data]


@attack
def result_handed_in_again_and_written(J):
    def f(x, y):
        x += y
        return x * y, x.T

    f = J(f)
    a, b = X.copy(), X.copy()
    for _ in range(5):
        a, b = f(a, b)
    return a, b


@attack
def view_of_an_argument_written_through(J):
    def f(x):
        row = x[1]
        row *= 2
        return x.sum()

    f, x = J(f), np.ones((3, 2))
    return [f(x), f(x), f(x[:, ::-1]), x]


@attack
def memory_order_of_an_argument_flatten_k(J):
    f = J(lambda x: np.ravel(np.exp(x), order="K"))
    a = np.arange(6.0).reshape(2, 3)
    return [f(a), f(np.asfortranarray(a)), f(a)]


@attack
def memory_mapped_input_written(J):
    import tempfile

    with tempfile.TemporaryDirectory() as d:
        m = np.memmap(os.path.join(d, "m"), np.float64, "w+", shape=(3,))

        def f(x):
            x += 1

        f = J(f)
        f(m)
        f(m)
        return np.array(m)


@attack
def memory_mapped_type_of_result(J):
    import tempfile

    with tempfile.TemporaryDirectory() as d:
        m = np.memmap(os.path.join(d, "m"), np.float64, "w+", shape=(3,))
        m[:] = X
        f = J(lambda x: x * 2)
        return type(f(m)).__name__, type(f(m)).__name__


@attack
def np_matrix(J):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        m = np.matrix([[1.0, 2.0], [3.0, 4.0]])
        f = J(lambda m: np.asarray(m * m) if False else m * m)
        return [np.array(f(m)), np.array(f(m))]


@attack
def masked_array(J):
    m = np.ma.masked_array(X, mask=[0, 1, 0])
    f = J(lambda m: (m * 2).sum())
    return [float(f(m)), float(f(m)), float(f(np.ma.masked_array(X, mask=[1, 0, 0])))]


@attack
def datetime_arrays(J):
    f = J(lambda a: a - a[0])
    d = np.array(["2020-01-01", "2020-02-01"], dtype="datetime64[D]")
    e = np.array(["2021-01-01", "2021-03-01"], dtype="datetime64[D]")
    return [f(d).astype(int), f(e).astype(int)]


@works
def boolean_and_small_integers(J):
    def f(b, u, i):
        return b & (u > 2), u + u, i * i, u - np.uint8(200), ~b, u // 2, i % 3, np.sum(u), np.mean(i), i / 2

    f = J(f)
    out = []
    for k in range(3):
        u = np.array([1, 200, 255], np.uint8) + np.uint8(k)
        out.append(f(np.array([True, False, k > 1]), u, np.array([100, -100, k], np.int8)))
    return out


@attack
def shifts_of_integers(J):
    f = J(lambda i: (i << 1) | (i >> 2))
    return [f(np.arange(4)), f(np.arange(4) * 3)]


@attack
def python_int_too_large_for_the_array(J):
    f = J(lambda i, n: i + n)
    try:
        f(np.arange(3, dtype=np.int8), 5)
        f(np.arange(3, dtype=np.int8), 500)
        return "no error"
    except OverflowError:
        return "OverflowError"


@works
def plain_argument_kinds(J):
    f = J(
        lambda x, k=None, *rest, name="a", **more: (
            x * (1 if k is None else k) * len(rest + (1,)) * (2 if name == "a" else 3) * (1 + len(more))
        )
    )
    return [
        f(X),
        f(X, 2),
        f(X, 2.0),
        f(X, True),
        f(X, 2, 3, 4),
        f(X, name="b"),
        f(X, z=1),
        f(X, k=2),
        f(x=X, k=2),
        f(k=2, x=X),
        f(X),
    ]


@attack
def nan_argument(J):
    f = J(lambda x, z: np.where(x > 1, x, z))
    return [f(X, float("nan")), f(X, float("nan")), f(X, 1.0)]


@works
def functions_as_arguments(J):
    f = J(lambda g, x: g(x) * 2)
    return [
        f(np.tanh, X),
        f(np.sin, X),
        f(lambda v: v * 3, X),
        f(lambda v: v * 4, X),
        f(functools.partial(np.power, 2.0), X),
    ]


@attack
def closure_as_argument_whose_variable_changes(J):
    k = 2.0

    def g(v):
        return v * k

    f = J(lambda g, x: g(x))
    out = [f(g, X), f(g, X)]
    k = 5.0
    return [*out, f(g, X)]


@works
def int_enum_and_str_enum_as_arguments(J):
    class N(enum.IntEnum):
        ONE = 1
        TWO = 2

    f = J(lambda x, m: x * m)
    return [f(X, N.ONE), f(X, N.TWO), f(X, 1)]


@works
def lists_of_varying_length(J):
    f = J(lambda xs: sum(x.sum() for x in xs) if xs else 0.0)
    return [f([X] * n) for n in (1, 2, 0, 3, 1)]


@works
def generator_arguments(J):
    f = J(lambda x, rng: x + rng.normal(size=3) * rng.random())
    a, b = np.random.default_rng(0), np.random.Generator(np.random.MT19937(1))
    return [f(X, a), f(X, b), f(X, a), f(X, b)]
