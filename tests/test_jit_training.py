"""jit: 200 steps of four training tasks give the same parameters as eager steps, with any optimization."""

import functools

import numpy as np
import pytest
from benchmarks import ours, workloads

import tinygrad_edu as tg
from tinygrad_edu.jit.passes import NAMES

STEPS = 200


def in_float64(task):
    """Return the task in float64, in which a mistake is larger than rounding."""
    w = task()
    w.params = [p.astype(np.float64) for p in w.params]
    if hasattr(w, "batches"):
        w.batches = [(x.astype(np.float64), y) for x, y in w.batches]
    return w


@functools.cache
def eagerly(task):
    """Return the losses of all steps and the final parameters."""
    step, parameters = ours.EAGER[task.__name__](in_float64(task))
    return [step() for _ in range(STEPS)], parameters()


@pytest.mark.parametrize("optimize", [True, False, *[(name,) for name in NAMES]], ids=str)
@pytest.mark.parametrize("task", [workloads.moons, workloads.line, workloads.digits, workloads.wide])
def test_200_steps_of_the_benchmark_end_where_the_eager_ones_end(task, optimize, monkeypatch):
    losses, parameters = eagerly(task)
    monkeypatch.setattr(tg, "jit", functools.partial(tg.jit, optimize=optimize))
    step, found = ours.JIT[task.__name__](in_float64(task))
    np.testing.assert_allclose([step() for _ in range(STEPS)], losses, rtol=1e-12, atol=1e-12 * losses[0])
    np.testing.assert_allclose(found(), parameters, rtol=1e-12, atol=1e-12 * np.abs(parameters).max())
