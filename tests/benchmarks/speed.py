"""Compare the time of whole steps with all installed peers: `python -m pytest tests/benchmarks/speed.py`.

Each peer first runs a few steps, which must give the same numbers as the hand-written NumPy code, or as PyTorch where
there is none. Compare only times of the same run, because machines differ and their load changes.
"""

import importlib

import numpy as np
import pytest
import workloads

PEERS = {
    "by hand": ("by_hand", "TASKS"),
    "jit": ("ours", "JIT"),
    "jit, c": ("ours", "C"),
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
    reference = next(tasks_of(name)[task] for name in ("by hand", "PyTorch", peer) if task in tasks_of(name))
    limit, expected = reference(TASKS[task]())
    for _ in range(3):
        step(), limit()
    found, wanted = np.asarray(result(), np.float64).ravel(), np.asarray(expected(), np.float64).ravel()
    assert np.linalg.norm(found - wanted) <= 1e-3 * np.linalg.norm(wanted)
    benchmark.group = task
    for _ in range(20):  # warm up: record, compile, allocate memory
        step()
    benchmark(step)
