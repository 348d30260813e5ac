"""Whole steps, against whatever peers are installed: `python -m pytest tests/benchmarks/speed.py`.

Every peer runs a few steps first, and must come to the numbers of NumPy by hand. Figures of one run are compared with
each other only: machines differ, and so do their moods.
"""

import importlib

import numpy as np
import pytest
import workloads

PEERS = {
    "by hand": ("by_hand", "TASKS"),
    "jit": ("ours", "JIT"),
    "eager": ("ours", "EAGER"),
    "PyTorch": ("pytorch", "TASKS"),
    "JAX jit": ("jax_jit", "TASKS"),
    "autograd": ("hips_autograd", "TASKS"),
}
TASKS = {task.__name__: task for task in workloads.TITLES}


def tasks_of(peer):
    module, table = PEERS[peer]
    try:
        return getattr(importlib.import_module(module), table)
    except ImportError:
        return {}


@pytest.mark.parametrize("peer", PEERS)
@pytest.mark.parametrize("task", TASKS)
@pytest.mark.filterwarnings("ignore")
def test_step(benchmark, task, peer):
    tasks = tasks_of(peer)
    if task not in tasks:
        pytest.skip(f"{peer} is not installed, or has no such task")
    step, result = tasks[task](TASKS[task]())
    limit, expected = tasks_of("by hand")[task](TASKS[task]())
    for _ in range(3):
        step(), limit()
    found, wanted = np.asarray(result(), np.float64).ravel(), np.asarray(expected(), np.float64).ravel()
    assert np.linalg.norm(found - wanted) <= 1e-3 * np.linalg.norm(wanted)
    benchmark.group = task
    for _ in range(20):  # recorded, compiled, and its memory at hand
        step()
    benchmark(step)
