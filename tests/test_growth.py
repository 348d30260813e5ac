"""What grows with the size of a problem: the work, the memory and the error grow as slowly as they can."""

import gc
import operator
import sys
import tracemalloc
from weakref import ref

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu.engine.backward import toposort


def byte_codes(f):
    """Return how many byte codes of Python a call takes."""
    count, before = 0, sys.gettrace()

    def trace(frame, event, arg):
        nonlocal count
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        count += event == "opcode"
        return trace

    sys.settrace(trace)
    try:
        f()
    finally:
        sys.settrace(before)
    return count


def grows_by(work, n=100):
    """Return how many times as much work a problem of 4 n takes as one of n: 4 where it is linear."""
    work(2)  # what only the first call does
    return work(4 * n) / work(n)


@pytest.mark.parametrize("show", [repr, lambda model: model._repr_html_()], ids=["repr", "html"])
def test_a_model_is_shown_in_time_that_grows_with_its_layers(show):
    def work(n):
        model = tg.nn.Sequential(*[tg.nn.Linear(2, 2, rng=0) for _ in range(n)])
        return byte_codes(lambda: show(model))

    assert grows_by(work) < 5


@pytest.mark.parametrize("shape", [(), (1,), (2,), (1, 2), (1, 1, 2)])
def test_the_gradient_of_what_is_broadcast_over_a_million_rows_is_exact_to_rounding_in_float32(shape):
    x = 0.5 + np.random.default_rng(0).random((1_000_000, 2), dtype=np.float32)
    b = tg.Tensor(np.zeros(shape, np.float32))
    np.sum(x * b).backward()
    exact = np.sum(x, axis=0 if b.size == 2 else None, dtype=np.float64)
    np.testing.assert_allclose(b.grad, np.reshape(exact, shape), rtol=2e-6)  # 4e-5 if rows are added one by one


def test_the_gradient_of_what_is_broadcast_over_5000_rows_is_exact_in_float16():
    for shape in ((2,), (1, 2)):
        b = tg.Tensor(np.zeros(shape, np.float16))
        np.sum(np.zeros((5000, 2), np.float16) + b).backward()
        assert np.all(b.grad == 5000)  # 2048 + 1 rounds to 2048


def elements_of_gradients(y):
    """Return how many elements the gradients have that the backward pass from y makes of the parts of arrays."""
    return sum(node.args[0].size for node in toposort(y) if node.fun is operator.getitem)


def weighted(parts):
    return sum(np.sum(part) * i for i, part in enumerate(parts))


@pytest.mark.parametrize(
    "f",
    [
        lambda x, n: weighted(np.split(x, n)),
        lambda x, n: weighted(np.array_split(x, np.arange(10, 10 * n, 10))),
        lambda x, n: weighted(np.unstack(x.reshape(n, 10)) if hasattr(np, "unstack") else np.split(x, n)),
        lambda x, n: np.sum(np.add.reduceat(x, np.arange(0, 10 * n, 10)) * np.arange(n)),
    ],
    ids=["split", "array_split", "unstack", "reduceat"],
)
def test_the_gradients_of_many_parts_take_n_log_n(f):
    def work(n):
        x = tg.Tensor(np.ones(10 * n))
        y = f(x, n)
        y.backward()
        assert np.array_equal(x.grad, np.repeat(np.arange(n), 10))
        return elements_of_gradients(y)

    assert grows_by(work) < 6


def test_the_backward_pass_of_select_takes_time_that_grows_with_its_conditions():
    def work(n):
        x = tg.Tensor(np.arange(1.0 * n))
        y = np.sum(np.select([x.data == i for i in range(n)], [x * i for i in range(n)]))
        count = byte_codes(y.backward)
        assert np.array_equal(x.grad, np.arange(n))
        return count

    assert grows_by(work, 20) < 5


def test_a_function_with_custom_vjp_is_freed_with_what_it_closes_over():
    data = np.ones(3)

    def step():
        f = tg.custom_vjp(lambda x: x * data)
        f.defvjp(lambda x: (x * data, None), lambda saved, g: (g * data,))
        assert np.array_equal(tg.grad(lambda x: np.sum(f(x)))(np.ones(3)), data)
        return ref(f)

    assert step()() is None


def test_a_tiled_array_has_an_exact_gradient_in_float16():
    for repeated in (lambda x: np.tile(x, (5000, 1)), lambda x: np.repeat(x[None], 5000, axis=0)):
        x = tg.Tensor(np.zeros(2, np.float16))
        np.sum(repeated(x)).backward()
        assert np.all(x.grad == 5000)


def test_a_graph_with_a_checkpoint_is_freed_after_its_backward_pass():
    x = tg.Tensor(np.ones(3))
    y = x * 2
    np.sum(tg.checkpoint(lambda y: np.sin(y) * y)(y)).backward()
    graph = ref(y)
    del y
    assert graph() is None


def test_a_class_with_a_jitted_method_is_freed_with_its_recordings():
    def cell():
        class Model(tg.nn.Module):
            def __init__(self):
                self.w = tg.Tensor(np.ones(3))

            @tg.jit
            def loss(self, x):
                return np.sum(self.w * x)

        Model().loss(np.ones(3))
        return ref(Model)

    classes = [cell() for _ in range(3)]
    gc.collect()
    assert [c() for c in classes] == [None] * 3


def test_the_first_of_n_folds_needs_memory_that_grows_with_n():
    def work(n):
        tracemalloc.start()
        try:
            train, valid = next(tg.data.k_fold(np.arange(n), k=n, rng=0))
            assert np.array_equal(np.sort(np.concatenate([train[0], valid[0]])), np.arange(n))
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    assert grows_by(work, 1000) < 6


def test_a_jvp_takes_time_that_grows_with_the_arrays_of_its_argument():
    def work(n):
        xs = [[np.ones(1)] * n]
        return byte_codes(lambda: tg.jvp(lambda xs: sum(np.sum(x) for x in xs), xs, xs))

    assert grows_by(work) < 5


@pytest.mark.parametrize("join", [np.concatenate, lambda parts: np.block([parts])], ids=["concatenate", "block"])
def test_the_rules_of_many_joined_arrays_are_not_all_given_all_of_them(join):
    def work(n):
        y = join([tg.Tensor(np.ones(1)) for _ in range(n)])
        return sum(len(node.args) * len(node.argnums) for node in toposort(y))

    assert grows_by(work, 300) < 10
