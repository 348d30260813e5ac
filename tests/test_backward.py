"""The backward pass and the life of a graph: gradients, repeated passes, shared nodes, threads, memory."""

import copy
import gc
import pickle
import re
import sys
import threading
import time
import weakref

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import arrays

import tinygrad_edu as tg
from tinygrad_edu.engine.backward import toposort


def test_every_tensor_on_the_way_gets_its_gradient():
    x = tg.Tensor([1.0, 2.0, 3.0])
    y = x * x
    z = y.sum()
    z.backward()
    np.testing.assert_array_equal(x.grad, [2, 4, 6])
    np.testing.assert_array_equal(y.grad, [1, 1, 1])
    assert z.grad == 1
    assert z.grad.shape == z.data.shape == ()


def test_leaves_add_up_over_passes_and_the_others_hold_the_last():
    x = tg.Tensor([1.0, 2.0])
    y = x * 3
    z = y.sum()
    z.backward()
    z.backward()
    np.testing.assert_array_equal(x.grad, [6, 6])
    np.testing.assert_array_equal(y.grad, [1, 1])
    x.zero_grad()
    assert x.grad is None
    (y * 5).sum().backward()
    np.testing.assert_array_equal(x.grad, [15, 15])
    np.testing.assert_array_equal(y.grad, [5, 5])


def test_a_shared_node_passes_on_the_sum_of_what_arrives():
    x = tg.Tensor(2.0)
    y = x * x
    (y * y + y + x).backward()
    assert x.grad == 4 * 2**3 + 2 * 2 + 1
    a = tg.Tensor(3.0)
    (a + a).backward()
    assert a.grad == 2


def test_gradients_belong_to_their_leaves_alone():
    a, b = tg.Tensor([1.0, 2.0]), tg.Tensor([3.0, 4.0])
    y = a + b
    arrived = np.ones(2)
    y.backward(arrived)
    a.grad += 10
    np.testing.assert_array_equal(b.grad, [1, 1])
    np.testing.assert_array_equal(y.grad, [1, 1])
    np.testing.assert_array_equal(arrived, [1, 1])
    w = tg.Tensor(np.ones((2, 3)))
    w.T.backward(np.ones((3, 2)))
    assert w.grad.base is None
    assert w.grad.flags.c_contiguous


def test_a_larger_result_needs_a_gradient_of_its_shape():
    x = tg.Tensor([1.0, 2.0], label="x")
    y = x * 2
    with pytest.raises(ValueError, match=r"shape \(2,\).*y\.sum\(\)\.backward\(\).*gradient="):
        y.backward()
    with pytest.raises(ValueError, match=r"gradient= has shape \(3,\).*shape \(2,\)"):
        y.backward(np.ones(3))
    with pytest.raises(TypeError, match=r"backward: gradient= holds <U1, and Tensor numbers"):
        y.backward(["a", "b"])
    y.backward([1.0, 10.0])
    np.testing.assert_array_equal(x.grad, [2, 20])


def test_backward_from_a_constant_raises_an_error():
    with pytest.raises(ValueError, match=r"depends on nothing that takes gradients.*no_grad"):
        tg.Tensor(1.0, requires_grad=False).backward()


def test_a_failing_rule_changes_no_gradient():
    @tg.primitive
    def broken(x):
        return np.copy(x)

    a, b = tg.Tensor([1.0, 2.0]), tg.Tensor([3.0, 4.0])
    for rule, shape in ((lambda g, y, x: g[:1], r"\(1,\)"), (lambda g, y, x: g[0], r"\(\)")):
        tg.defvjp(broken, rule)
        y = (a * 2 + broken(b)).sum()
        with pytest.raises(ValueError, match=rf"a rule of broken gave a gradient of shape {shape} for .* shape \(2,\)"):
            y.backward()
    assert a.grad is None
    assert b.grad is None


def test_a_frozen_leaf_gets_nothing_and_a_frozen_result_is_a_constant():
    a, b = tg.Tensor(2.0), tg.Tensor(3.0, requires_grad=False)
    (a * b).backward()
    assert a.grad == 3
    assert b.grad is None
    c = b * b
    assert not c.requires_grad
    assert not a.detach().requires_grad


def test_no_grad_records_nothing_and_nests():
    x = tg.Tensor(2.0)
    with tg.no_grad():
        with tg.no_grad():
            assert not (x * x).requires_grad
        for y in (x * x, x + 1, 1 - x, -x, np.sin(x), x.sum(), np.ones(2) * x, np.stack([x, x]), x.relu()):
            assert not y.requires_grad
            assert y.args == ()

        @tg.no_grad()
        def square(x):
            return x * x

    assert not square(x).requires_grad
    assert (x * x).requires_grad


def test_no_grad_ends_with_an_error_inside():
    x = tg.Tensor(2.0)
    with pytest.raises(KeyError), tg.no_grad():
        raise KeyError
    assert (x * x).requires_grad


def test_no_grad_belongs_to_its_thread():
    x, seen, inside, seen_there = tg.Tensor(2.0), [], threading.Event(), threading.Event()

    def other():
        inside.wait(10)
        seen.append((x * x).requires_grad)
        seen_there.set()

    thread = threading.Thread(target=other)
    thread.start()
    with tg.no_grad():
        inside.set()
        seen_there.wait(10)
    thread.join()
    assert seen == [True]


def test_threads_work_on_their_own_graphs_to_the_last_bit():
    def work(seed):
        rng = np.random.default_rng(seed)
        w = tg.Tensor(rng.standard_normal((4, 3)))
        for _ in range(50):
            np.tanh(rng.standard_normal((5, 4)) @ w).sum().backward()
        return w.grad

    results = {}
    threads = [threading.Thread(target=lambda i=i: results.update({i: work(i)})) for i in range(8)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    for i in range(8):
        np.testing.assert_array_equal(results[i], work(i))


def test_item_assignment_is_differentiable_and_leaves_earlier_uses_as_they_were():
    x, v = tg.Tensor([1.0, 2.0, 3.0]), tg.Tensor(5.0)
    y = x * 2
    before = (y * y).sum()
    y[1] = v * v
    after = (y * y).sum()
    np.testing.assert_array_equal(y.data, [2, 25, 6])
    (before + after).backward()
    np.testing.assert_array_equal(x.grad, [8 + 8, 16, 24 + 24])
    assert v.grad == 2 * 25 * 2 * 5


@given(arrays(shape=(4,)), st.integers(-4, 3), st.integers(0, 3))
def test_assignments_in_a_row_match_finite_differences(x, i, j):
    def f(x):
        y = np.sin(x)
        z = y * 3
        y[i] = y[j] * x[0]
        z = z * y
        y[[j, i]] = z[[i, j]]
        y[1:3] *= 2
        return (y * z).sum()

    tg.check_grad(f, x)


def test_of_an_element_written_twice_the_last_write_counts():
    x, v = tg.Tensor(np.zeros(3)) * 1, tg.Tensor([1.0, 2.0, 3.0])
    x[[0, 0, 1]] = v
    (x * [10.0, 20.0, 30.0]).sum().backward()
    np.testing.assert_array_equal(v.grad, [0, 10, 20])


def test_assigning_a_tensor_to_a_constant_makes_it_part_of_the_graph():
    y, v = tg.Tensor(np.zeros(3), requires_grad=False), tg.Tensor(2.0)
    w = tg.Tensor(np.ones(3))
    product = (y * w).sum()
    y[1] = v
    ((y * y).sum() + product).backward()
    assert v.grad == 4
    np.testing.assert_array_equal(w.grad, 0)


def test_assigning_to_a_leaf_or_a_copy_is_refused_with_the_remedy():
    x = tg.Tensor(np.zeros((2, 2)), label="x")
    with pytest.raises(ValueError, match=r"'x'.*leaf takes gradients.*x\.copy\(\)"):
        x[0] = 1
    y = x * 1
    with pytest.raises(ValueError, match=r"write x\[i, j\] = "):
        y[0][1] = 1
    with pytest.raises(ValueError, match=r"within no_grad.*detach"), tg.no_grad():
        y[0] = 1
    z = y[0].copy()
    z[1] = 1
    np.testing.assert_array_equal(z.data, [0, 1])


@pytest.mark.parametrize(
    ("method", "args", "instead"),
    [
        ("sort", (), "np.sort(x)"), ("partition", (1,), "np.partition(x, kth)"), ("fill", (0.0,), "y[...] = value"),
        ("put", ([0], [1.0]), "y[index] = values"), ("resize", ((3,),), "x.reshape(...)"),
    ],
)  # fmt: skip
def test_methods_that_work_in_place_are_refused_with_those_that_do_not(method, args, instead):
    x = tg.Tensor([2.0, 1.0], label="x")
    with pytest.raises(TypeError, match=rf"^Tensor 'x'\.{method}\(\.\.\.\) would write .*; write {re.escape(instead)}"):
        getattr(x, method)(*args)
    np.testing.assert_array_equal(x.data, [2, 1])


def test_augmented_assignment_to_a_result_rebinds_and_never_writes():
    x = tg.Tensor([1.0, 2.0])
    y = x + 0
    y += 1
    y *= y
    np.testing.assert_array_equal(x.data, [1, 2])
    y.sum().backward()
    np.testing.assert_array_equal(x.grad, [4, 6])


def test_data_is_copied_in_and_can_be_replaced():
    a = np.ones(2)
    x = tg.Tensor(a)
    a[0] = 5
    np.testing.assert_array_equal(x.data, [1, 1])
    x.data = [3, 4]
    assert x.dtype == np.float64
    x.data -= 1
    np.testing.assert_array_equal(x.data, [2, 3])


def test_a_freed_graph_says_so_and_keeps_leaf_gradients_alone():
    x = tg.Tensor([1.0, 2.0])
    y = x * x
    z = y.sum()
    alive = weakref.ref(z.args[0])
    z.backward(retain_graph=False)
    np.testing.assert_array_equal(x.grad, [2, 4])
    assert y.grad is None
    with pytest.raises(ValueError, match=r"freed by backward\(retain_graph=False\)"):
        z.backward()
    y.label = "y"
    with pytest.raises(ValueError, match=r"^backward: the graph behind Tensor 'y', a result of np.multiply, was freed"):
        tg.gradients((y * 2).sum(), [x])
    del y
    assert alive() is None


def test_what_an_assignment_replaced_is_out_of_reach_behind_a_freed_graph():
    x = tg.Tensor([1.0, 2.0])
    y = x * 1
    earlier = (y * y).sum()
    y[0] = 5.0
    y.sum().backward(retain_graph=False)
    for use in (
        earlier.backward,
        lambda: tg.gradients(earlier, [x]),
        lambda: tg.gradients(earlier + y.sum(), [x]),
        lambda: tg.draw(earlier),
    ):
        with pytest.raises(ValueError, match=r"was freed by backward\(retain_graph=False\)"):
            use()


@pytest.fixture
def no_collector():
    """Switch the garbage collector off: it would scan all living objects, which disturbs measurements."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def calls(function, n):
    """Return how many functions of Python and of C are called by `function(n)`: the same number on every machine.

    The garbage collector must be off: what it calls, and when, is no matter of the function.
    """
    kinds = []
    sys.setprofile(lambda frame, kind, arg: kinds.append(kind))
    try:
        function(n)
    finally:
        sys.setprofile(None)
    return kinds.count("call") + kinds.count("c_call")


def assert_linear(function, n, *, times):
    """Check that `function(n)` makes calls in proportion to `n`, and that `times * n` takes no quadratic time.

    Calls are counted. Work inside one call, such as a search of a list, shows only in the time, and the time of linear
    work grows faster than the work where memory is slow. Quadratic work takes `times**2` times as long; linear work is
    allowed half of that.
    """
    function(2)  # the first call of all may fill caches
    one, two, three = (calls(function, i * n // 10) for i in (1, 2, 3))
    assert three - two == two - one > 0

    def seconds(n):
        start = time.process_time()
        function(n)
        return time.process_time() - start

    small = sorted(seconds(n) for _ in range(3))[1]
    assert any(seconds(times * n) < times**2 / 2 * small for _ in range(3))


def test_a_chain_of_a_million_operations_goes_forward_backward_and_away_in_linear_time(no_collector):
    def chain(n):
        x = y = tg.Tensor(0.5)
        for _ in range(n):
            y = y * 1.000001
        y.backward()
        assert np.isclose(x.grad, 1.000001**n)
        alive = weakref.ref(y.args[0])
        del y
        assert alive() is None

    assert_linear(chain, 100_000, times=10)


def test_memory_is_freed_with_the_last_reference():
    tg.hessian(np.sum)(np.ones(3))  # NumPy imports numpy.ma when it is first used, and that leaves garbage
    gc.collect()
    gc.disable()
    try:
        x = tg.Tensor(np.ones(3))
        y = np.sin(x * x)[1:].copy()
        y[0] = 2.0
        z = (y * y).sum()
        z.backward()
        tg.gradients(z, [x], create_graph=True)
        tg.hessian(lambda x: (x**3).sum())(np.ones(3))
        before = len(gc.get_objects())
        alive = [weakref.ref(t) for t in (x, y, z)]
        del x, y, z
        assert [a() for a in alive] == [None] * 3
        assert len(gc.get_objects()) < before
        assert gc.collect() == 0
    finally:
        gc.enable()


def test_leaves_are_copied_and_pickled_and_results_are_not():
    x = tg.Tensor([1.0, 2.0], label="x", dtype=np.float32)
    (x * x).sum().backward()
    for y in (copy.deepcopy(x), pickle.loads(pickle.dumps(x))):
        assert y.label == "x"
        assert y.dtype == np.float32
        np.testing.assert_array_equal(y.grad, x.grad)
        y.data[0] = 7
        assert x.data[0] == 1
    with pytest.raises(TypeError, match="a copy or a pickle would hold its whole graph"):
        copy.deepcopy(x * 2)


def test_float32_parameters_keep_their_dtype_among_doubles():
    w, x = tg.Tensor([1.0, 2.0], dtype=np.float32), np.array([3.0, 4.0])
    y = (w * x).sum()
    assert y.dtype == np.float64
    y.backward()
    assert w.grad.dtype == np.float32
    assert (tg.Tensor(1.0, dtype=np.float16) * 2 + 1).dtype == np.float16


def test_broadcast_operands_get_gradients_of_their_own_shapes():
    a, b, c = tg.Tensor(np.ones((2, 1, 3))), tg.Tensor(np.ones((4, 1))), tg.Tensor(2.0)
    (a * b + c).sum().backward()
    assert (a.grad.shape, b.grad.shape, c.grad.shape) == ((2, 1, 3), (4, 1), ())
    assert c.grad == 24


def test_many_uses_of_one_tensor_add_up_whatever_form_their_gradients_come_in():
    for x in (tg.Tensor(2.0), tg.Tensor([2.0]), tg.Tensor(2.0) * 1, tg.Tensor([[2.0]], dtype=np.float32)):
        y = x * x + np.broadcast_to(x, (3, 1, 1)).sum() + x.reshape(-1).sum() + x.sum() + np.stack([x, x]).sum() + x
        y.backward()
        assert x.grad.shape == x.shape
        assert x.grad.item() == 4 + 3 + 1 + 1 + 2 + 1


def test_a_tensor_assigned_into_itself_is_what_it_was():
    x = tg.Tensor([1.0, 2.0, 3.0])
    y = x * 2
    y[::-1] = y
    np.testing.assert_array_equal(y.data, [6, 4, 2])
    (y * np.array([1.0, 10.0, 100.0])).sum().backward()
    np.testing.assert_array_equal(x.grad, [200, 20, 2])


def test_a_primitive_may_give_a_float():
    total = tg.primitive(lambda x: float(np.sum(x)))
    tg.defvjp(total, lambda g, y, x: g * np.ones_like(x))
    x = tg.Tensor([1.0, 2.0])
    (total(x) * 3).backward()
    np.testing.assert_array_equal(x.grad, [3, 3])


def test_a_number_has_no_length_and_ragged_lists_make_no_tensor():
    with pytest.raises(TypeError, match="'s' is a single number"):
        len(tg.Tensor(1.0, label="s"))
    for f in (tg.Tensor, lambda ragged: tg.Tensor(1.0) + ragged):
        with pytest.raises(ValueError, match="lists of equal lengths"):
            f([[1.0], [1.0, 2.0]])


def test_a_tensor_assigned_from_itself_is_no_cycle_in_memory():
    gc.collect()
    gc.disable()
    try:
        x = tg.Tensor(np.ones(3))
        y = x * 1
        for i in range(3):
            y[i] = y[0] * y[i - 1]
        s = y.sum()
        s.backward()
        del y, s
        assert gc.collect() == 0
    finally:
        gc.enable()
    np.testing.assert_array_equal(
        x.grad,
        tg.grad(lambda x: np.stack([x[0] * x[2], x[0] ** 2 * x[2] ** 2, x[0] ** 3 * x[2] ** 3]).sum())(np.ones(3)),
    )


def test_a_loop_of_assignments_takes_time_in_proportion(no_collector):
    def assignments(n):
        y = tg.Tensor(np.ones(2)) * 1
        for _ in range(n):
            y[0] = y[0] * 1.0
        y.sum().backward()

    assert_linear(assignments, 1000, times=8)


def test_a_rule_that_gives_none_is_named():
    @tg.primitive
    def forgetful(x):
        return x * 1.0

    tg.defvjp(forgetful, lambda g, y, x: None)
    with pytest.raises(TypeError, match="a rule of forgetful returned None"):
        forgetful(tg.Tensor(1.0)).backward()


def test_no_grad_refuses_a_generator():
    with pytest.raises(TypeError, match="generator, which runs later"):

        @tg.no_grad()
        def numbers():
            yield 1


def test_a_node_used_by_several_is_visited_once():
    x = y = tg.Tensor(1.0)
    for _ in range(12):
        y = y + y
    assert len(toposort(y)) == 13
    np.testing.assert_array_equal(tg.gradients(y, [x]), [2.0**12])


def test_a_result_remembers_its_call_and_a_leaf_has_none():
    x, c = tg.Tensor([1.0, 2.0]), tg.Tensor([3.0, 4.0], requires_grad=False)
    array = np.ones(2)
    for y, fun, args, argnums, kwargs in (
        (x - c, np.subtract, (x, c), (0,), {}),
        (c - x, np.subtract, (c, x), (1,), {}),
        (x - x, np.subtract, (x, x), (0, 1), {}),
        (2.0 - x, np.subtract, (2.0, x), (1,), {}),
        (array - x, np.subtract, (array, x), (1,), {}),
        (np.maximum(c, x), np.maximum, (c, x), (1,), {}),
        (-x, np.negative, (x,), (0,), {}),
        (x.sum(axis=0), np.sum, (x,), (0,), {"axis": 0}),
        (x, None, (), (), {}),
        (c * c, None, (), (), {}),
    ):
        assert y.fun is fun
        assert list(map(id, y.args)) == list(map(id, args))
        assert y.argnums == argnums
        assert y.kwargs == kwargs


def constants():
    """Ways to come by a constant."""
    x = tg.Tensor([1.0, 2.0])
    with tg.no_grad():
        inside = x * 2
        tensor = tg.Tensor([2.0, 4.0])
    return [x.detach(), (x * 2).detach(), inside, tensor, x.detach() * 2, tg.Tensor([1.0, 2.0], requires_grad=False)]


def test_constants_that_come_to_take_gradients_have_each_their_own():
    xs = constants()
    for x in xs:
        x.requires_grad = True
    total = sum((x * (i + 1.0)).sum() for i, x in enumerate(xs))
    total.backward()
    for i, x in enumerate(xs):
        np.testing.assert_array_equal(x.grad, [i + 1] * 2)
    assert len({x.order for x in xs}) == len(xs)
    for g, x in zip(tg.gradients(total, xs), xs, strict=True):
        np.testing.assert_array_equal(g, x.grad)


def test_a_constant_that_was_written_into_and_is_used_in_two_graphs():
    x = tg.Tensor([1.0, 2.0])
    c = x.detach()
    first = (c * x).sum()
    c[0] = 5.0
    c.requires_grad = True
    second = (c * x).sum() + (c * c).sum()
    first.backward()
    np.testing.assert_array_equal(x.grad, [1, 2])
    assert c.grad is None  # it was a constant in the first graph
    x.zero_grad()
    second.backward()
    np.testing.assert_array_equal(x.grad, [5, 2])
    np.testing.assert_array_equal(c.grad, [1 + 10, 2 + 4])
    second.backward()
    np.testing.assert_array_equal(c.grad, [22, 12])


def test_a_constant_assigned_to_keeps_its_place_and_the_values_that_were_read():
    c = tg.Tensor([1.0, 2.0], requires_grad=False)
    w = tg.Tensor([3.0, 4.0])
    y = (c * w).sum()
    c[0] = 9.0
    np.testing.assert_array_equal(c.data, [9, 2])
    y.backward()
    np.testing.assert_array_equal(w.grad, [1, 2])
    (g,) = tg.gradients(y, [w], create_graph=True)
    np.testing.assert_array_equal(g.data, [1, 2])


def test_a_freed_value_can_still_be_logged_in_a_constant():
    x, log = tg.Tensor(2.0), tg.Tensor(np.zeros(2), requires_grad=False)
    loss = x * x
    loss.backward(retain_graph=False)
    log[0] = loss
    np.testing.assert_array_equal(log.data, [4, 0])
    with pytest.raises(ValueError, match="was freed"):
        log.sum().backward()


def test_a_gradient_of_the_right_dtype_is_not_converted_whichever_object_says_so():
    pickled = pickle.loads(pickle.dumps(np.ones((2, 3))))
    assert pickled.dtype is not np.dtype(float)
    layer = tg.nn.Linear(3, 2, rng=0)
    assert all(p.data.dtype is np.dtype(float) for p in layer.parameters())
    for w in (tg.Tensor(pickled), layer.weight):
        (g,) = tg.gradients(np.sum((np.ones((4, 3)) @ w.T) ** 2), [w], create_graph=True)
        assert (g.fun, g.args[0].fun) == (np.transpose, np.matmul)
