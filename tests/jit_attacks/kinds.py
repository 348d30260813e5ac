"""What kind of object an argument is."""

import functools
import json
import pickle

import numpy as np
import pytest

from .harness import X, attack


def kind_attack(name, f, *values):
    def run(J):
        g = J(f)
        return [g(v) for v in (values or (X, X + 1))]

    run.__name__ = name
    attack(run)


@functools.singledispatch
def dispatched(x):
    return x


@dispatched.register
def _(x: np.ndarray):
    return x * 2


kind_attack("type_is_ndarray", lambda x: x * 2 if type(x) is np.ndarray else x)
kind_attack("isscalar", lambda s: s * 2 if np.isscalar(s) else s, np.float64(1.0), np.float64(2.0))
kind_attack("isinstance_of_a_sum", lambda x: 2.0 if isinstance(x.sum(), np.floating) else 1.0)
kind_attack("singledispatch", lambda x: dispatched(x))
kind_attack("match_on_the_type", lambda x: _match_type(x))
kind_attack("hasattr_sort", lambda x: x * 2 if hasattr(x, "sort") else x)
kind_attack("pickled", lambda x: pickle.loads(pickle.dumps(x)) * 2)
kind_attack("repr_as_key", lambda x: x * len(repr(x)), X, X * 1000.25)
kind_attack("hash_by_bytes", lambda x: x * len(x.tobytes()))
kind_attack("sort_method", lambda x: (lambda y: (y.sort(), y)[1])(x * -1))
kind_attack("shift_left", lambda i: i << 1, np.arange(3), np.arange(3) + 1)
kind_attack("fstring_plain", lambda x: len(f"{x}") * x, X, X * 1000.25)
kind_attack("pow_builtin", lambda x: pow(x, 2))
kind_attack("np_asarray", lambda x: np.asarray(x) * 2)
kind_attack("np_vectorize", lambda x: np.vectorize(lambda v: v * 2)(x))
kind_attack("np_fromiter", lambda x: np.fromiter(x, float))
kind_attack("np_ix", lambda x: np.outer(x, x)[np.ix_([0, 1], [1, 2])])
kind_attack("np_ndenumerate", lambda x: sum(v * i[0] for i, v in np.ndenumerate(x)))
kind_attack("np_array_equal", lambda x: x if np.array_equal(x, X) else -x)
kind_attack("np_histogram", lambda x: np.histogram(x, bins=3)[0])
kind_attack("np_pad", lambda x: np.pad(x, 1))
kind_attack("np_put", lambda x: (lambda y: (np.put(y, [0], 9.0), y)[1])(x * 1))
kind_attack("np_add_reduceat", lambda x: np.add.reduceat(x, [0, 2]))
kind_attack("np_where_kw", lambda x: np.add(x, 1, where=np.array([True, False, True]), out=np.zeros(3)))
kind_attack("json_dump", lambda x: json.dumps({"x": x.tolist()}))
kind_attack("fancy_then_write", lambda x: (lambda y: (y.__setitem__([0, 0, 1], x), y)[1])(x * 1))
kind_attack("swap_rows", lambda x: _swap_rows(np.outer(x, x)))
kind_attack("gauss_elimination", lambda x: _gauss(np.outer(x, x) + np.diag(x)))
kind_attack("matmul_in_place", lambda x: _imatmul(np.outer(x, x)))
kind_attack("byteswap_view", lambda x: x.view(np.int64) + 1)
kind_attack("pandas_series", lambda x: pytest.importorskip("pandas").Series(x).sum())
kind_attack("unpacking", lambda x: (lambda a, b, c: a * b + c)(*x))
kind_attack("np_float64_equality_dict", lambda s: {1.0: "a"}.get(s, "b"), np.float64(1.0), np.float64(2.0))


def _match_type(x):
    match x:
        case np.ndarray():
            return x * 2
        case _:
            return x


def _swap_rows(a):
    a[[0, 1]] = a[[1, 0]]
    a[0], a[2] = a[2].copy(), a[0].copy()
    return a


def _gauss(a):
    for i in range(3):
        a[i] /= a[i, i]
        for j in range(i + 1, 3):
            a[j] -= a[j, i] * a[i]
    return a


def _imatmul(a):
    b = a
    b @= a
    return a + b
