"""Arrays that share memory under `jit`: plain copies, calls that read what they write, other owners, memory order."""

import array
import weakref
from types import SimpleNamespace

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu.jit import JitError

PLAIN = {
    "asarray": lambda c: np.asarray(c), "ascontiguousarray": lambda c: np.ascontiguousarray(c),
    "copy=False": lambda c: np.array(c, copy=False), "require": lambda c: np.require(c),
}  # fmt: skip


def both(make, calls=4):
    """Check that a function and its state end as they do eagerly, or that jit refuses it."""
    (f, state), (g, expected) = make(), make()
    jitted = tg.jit(f)
    for i in range(calls):
        try:
            result = jitted(np.float64(i))
        except JitError:
            return
        np.testing.assert_array_equal(result, g(np.float64(i)))
        np.testing.assert_array_equal(state, expected)


@pytest.mark.parametrize("plain", PLAIN.values(), ids=PLAIN)
def test_a_plain_copy_does_not_miss_what_is_written_later(plain):
    c = np.zeros(2)

    @tg.jit
    def f(x):
        v = plain(c)
        c[...] += x
        return v.sum()

    with pytest.raises(JitError, match="made a plain one"):
        f(np.ones(2))
    np.testing.assert_array_equal(c, [0, 0])


def test_a_plain_copy_that_nobody_has_any_more_may_be_followed_by_a_write():
    c = np.zeros(2)

    @tg.jit
    def f(x):
        total = np.array([c, c]).sum()
        c[...] = 0 * x
        return total

    assert [float(f(np.ones(2))) for _ in range(3)] == [0, 0, 0]
    assert f.cache_info().hits == 2


@pytest.mark.parametrize("change", [lambda c: c.setfield(5.0, float), lambda c: c.byteswap(True)])
def test_a_method_that_changes_an_array_unseen_is_refused(change):
    c = np.array([1.0, 2.0, 3.0])

    @tg.jit
    def f(x):
        change(c)
        return x * 2

    with pytest.raises(JitError):
        f(np.ones(3))
    np.testing.assert_array_equal(c, [1, 2, 3])


def of_views(m):
    m[:] = [m[1], m[0], m[2]]


def of_columns(m):
    m[:, m[0] > -1] = m[:, ::-1]


READING = {
    "list": of_views, "mask": of_columns,
    "concatenate": lambda m: np.concatenate([m[1:], m[:1]], out=m),
    "stack": lambda m: np.stack([m[1], m[0], m[2]], out=m),
    "place": lambda m: np.place(m, np.ones((3, 2), bool), m[::-1]),
}  # fmt: skip


@pytest.mark.parametrize("change", READING.values(), ids=READING)
def test_numpy_may_read_what_it_has_just_written(change):
    def make():
        m = np.arange(6.0).reshape(3, 2)

        def f(x):
            change(m)
            return m * x

        return f, m

    both(make)


@pytest.mark.parametrize(
    "view", [np.frombuffer, lambda m: np.asarray(memoryview(m)).view(float)], ids=["buffer", "view"]
)
def test_arrays_of_one_buffer_share_memory(view):
    @tg.jit
    def f(a, b):
        a[0] += 1
        return b * 2

    for _ in range(3):
        f(np.zeros(3), np.zeros(3))
    m = bytearray(24)
    np.testing.assert_array_equal(f(view(m), view(m)), [2, 0, 0])
    numbers = array.array("d", [0.0] * 3)
    np.testing.assert_array_equal(f(np.asarray(numbers), np.asarray(numbers)), [2, 0, 0])


REPLACED = {"T": lambda h: h.T.copy(), "reversed": lambda h: h[::-1] * 1, "columns": lambda h: h[:, ::-1].copy()}


@pytest.mark.parametrize("new", REPLACED.values(), ids=REPLACED)
def test_an_array_that_is_kept_has_the_memory_order_of_the_eager_one(new):
    def make():
        kept = SimpleNamespace(h=np.array([[1.0, 2.0], [3.0, 4.0]]))

        def f(x):
            kept.h.reshape(-1)[1] = x  # writes into a view only in the usual order
            kept.h = new(kept.h)

        return f, kept

    (f, kept), (g, expected) = make(), make()
    jitted = tg.jit(f)
    for i in range(5):
        jitted(np.float64(i))
        g(np.float64(i))
        np.testing.assert_array_equal(kept.h, expected.h)
        assert kept.h.strides == expected.h.strides


@pytest.mark.parametrize("axes", [(0, 1, 2), (1, 0, 2), (2, 0, 1), (2, 1, 0)])
@pytest.mark.parametrize("options", [{}, {"optimize": False}, {"check": False}])
def test_arrays_of_more_axes_are_kept_in_the_memory_order_of_the_eager_ones(axes, options):
    def make():
        kept = SimpleNamespace(h=np.zeros((3, 3, 3)), rows=[np.zeros((3, 3, 3))])

        def f(x):
            elements = kept.h.ravel("K") + kept.rows[0].ravel("K")  # in the order in which memory has them
            kept.h, kept.rows[0] = np.transpose(x, axes) * 2, np.tanh(kept.h)
            return elements

        return f, kept

    (f, kept), (g, expected) = make(), make()
    jitted = tg.jit(f, **options)
    for i in range(6):
        x = np.arange(27.0).reshape(3, 3, 3) + i
        np.testing.assert_array_equal(jitted(x), g(x))
        assert kept.h.strides == expected.h.strides
    assert jitted.cache_info().hits


def test_arrays_that_leave_their_places_are_let_go():
    made = []

    def array():
        a = np.ones(3)
        made.append(weakref.ref(a))
        return a

    w = array()
    kept = SimpleNamespace(a=array(), t=tg.Tensor(array()), recent=[array(), array()])

    @tg.jit
    def f(x):
        nonlocal w
        kept.a, kept.t.data, w = w, kept.a, w * 0.5
        kept.recent.append(x)
        return kept.recent.pop(0) * kept.t

    for _ in range(6):
        f(array())
    held = [id(x) for x in (w, kept.a, kept.t.data, *kept.recent)]
    assert all(id(a) in held for r in made if (a := r()) is not None)
    assert f.cache_info().misses == 1


def test_a_class_attribute_may_get_another_array():
    class Counter:
        h = np.zeros(2)

    def f(x):
        Counter.h = Counter.h + x
        return Counter.h * 2

    jitted = tg.jit(f)
    for i in range(1, 5):
        np.testing.assert_array_equal(jitted(np.ones(2)), [2 * i] * 2)
        np.testing.assert_array_equal(Counter.h, [i] * 2)
    assert jitted.cache_info().hits == 3


CHANGES = {
    "put": lambda c: np.put(a=c, ind=[0], v=7.0), "place": lambda c: np.place(arr=c, mask=c > -1, vals=[7.0]),
    "fill_diagonal": lambda c: np.fill_diagonal(a=c, val=7.0),
    "put_along_axis": lambda c: np.put_along_axis(arr=c, indices=np.array([[0, 1]]), values=7.0, axis=0),
    "copyto": lambda c: np.copyto(dst=c, src=7.0), "nan_to_num": lambda c: np.nan_to_num(x=c, copy=False, nan=7.0),
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_what_is_changed_may_be_given_by_its_name(change):
    def make():
        c = np.array([[1.0, np.nan], [2.0, 3.0]])

        def f(x):
            change(c)
            return c * x

        return f, c

    both(make)


def test_a_view_of_another_dtype_takes_values_in_any_memory_order():
    def f(z, x):
        z.view(float)[...] = x * 2
        return z * 1j

    jitted = tg.jit(f)
    for k in range(1, 4):
        (z, x), (y, v) = ((np.ones((3, 2), complex), np.full((3, 4), float(k), order="F")) for _ in range(2))
        np.testing.assert_array_equal(jitted(z, x), f(y, v))
        np.testing.assert_array_equal(z, y)


@pytest.mark.parametrize("view", [lambda w: w, np.flip, lambda w: w.reshape(2, 2)], ids=["itself", "flip", "reshape"])
def test_tanh_of_memory_that_is_written_into_before_the_backward_pass_has_its_own_slope(view):
    start = np.array([-0.1, 0.3, 0.7, -0.2])

    def gradient(jit):
        w = tg.Tensor(start)

        @jit
        def step(x):
            y = np.tanh(view(w))
            x %= 2.0
            w.grad = None
            np.sum(y).backward()

        step(w.data)
        return w.grad

    exact = 1 - np.tanh(start) ** 2
    np.testing.assert_allclose(gradient(lambda f: f), exact, rtol=1e-14)
    np.testing.assert_allclose(gradient(tg.jit), exact, rtol=1e-14)
