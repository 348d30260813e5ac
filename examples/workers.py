"""What several ranks learn in a second: the part of the lesson `parallel.py` that mpiexec starts.

    mpiexec -n 2 python examples/workers.py

This module is not a lesson itself.
"""

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from sklearn.datasets import load_digits

import tinygrad_edu as tg

images, digits = load_digits(return_X_y=True)
X = (images / 16).astype(np.float32)


def new_model() -> Any:
    """Return a new network, always with the same weights."""
    return tg.nn.MLP([64, 128, 10], rng=0).astype(np.float32)


def learn_on_ranks(comm: Any, size: int = 1024) -> tuple[int, float]:
    """Train for a second with batches of this size, shared by the ranks. Return (number of steps, loss after them).

    All ranks run this function. They start with the same weights and draw the same batches; each computes the gradient
    of its shard. `average_gradients` replaces it by the average over all ranks, so all take the same step.
    """
    model, rng, steps = new_model(), np.random.default_rng(1), 0
    sgd, began = tg.optim.SGD(model.parameters(), lr=0.1), perf_counter()
    while comm.bcast(perf_counter() - began < 1):  # the clock of rank 0 decides for all
        shard = np.array_split(rng.integers(len(X), size=size), comm.size)[comm.rank]
        sgd.zero_grad()
        tg.cross_entropy(model(X[shard]), digits[shard]).backward()
        tg.distributed.average_gradients(model.parameters(), comm, examples=len(shard))
        sgd.step()
        steps += 1
    return steps, float(tg.cross_entropy(tg.predict(model, X), digits))


def start_ranks(*counts: int) -> dict[int, tuple[int, float]]:
    """Start this file with each number of ranks, each rank on one core, and return what they learned.

    Print a line and stop if a start is impossible.
    """
    mpiexec, learned = shutil.which("mpiexec"), {}
    if not mpiexec or not find_spec("mpi4py"):
        print("two ranks need MPI: python -m pip install mpi4py mpich")
        return {}
    for count in counts:
        command = [mpiexec, "-n", str(count), sys.executable, str(Path(__file__).resolve())]
        one_core = os.environ | {"OPENBLAS_NUM_THREADS": "1"}
        done = subprocess.run(command, capture_output=True, encoding="utf-8", env=one_core)
        if done.returncode:
            print(f"mpiexec failed: {done.stderr}")
            break
        steps, loss = done.stdout.split()
        learned[count] = int(steps), float(loss)
    return learned


if __name__ == "__main__":
    from mpi4py import MPI  # python -m pip install mpi4py mpich

    result = learn_on_ranks(MPI.COMM_WORLD)
    if MPI.COMM_WORLD.rank == 0:
        print(*result)
