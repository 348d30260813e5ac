"""Programs that tests/test_mpi.py starts under mpiexec: `mpiexec -n 3 python train.py NAME FOLDER`."""

import gzip
import os
import sys
import time
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from mpi4py import MPI

import tinygrad_edu as tg

comm = MPI.COMM_WORLD
folder = Path(sys.argv[2])
# The digits of scikit-learn, read without importing it, which takes longer than all the rest.
table = Path(find_spec("sklearn").submodule_search_locations[0], "datasets", "data", "digits.csv.gz")
with gzip.open(table, "rt") as lines:
    rows = np.loadtxt(lines, delimiter=",", max_rows=397)
X, Y = rows[:, :-1] / 16, rows[:, -1].astype(int)


class Clipped(tg.optim.SGD):
    """Clips the averaged gradients in each step."""

    def step(self, *args, **options):
        tg.optim.clip_grad_norm(self.params, 0.3)
        return super().step(*args, **options)


OPTIMIZERS = {
    "Adam": partial(tg.optim.Adam, lr=0.003),
    "momentum": partial(tg.optim.SGD, lr=0.05, momentum=0.9),
    "clipping": partial(Clipped, lr=0.1, momentum=0.5),
}


def trained(communicator, optimizer="Adam", loss=tg.cross_entropy, epochs=29, seed=0, **options):
    """Train the digits network, 7 steps an epoch with an uneven last batch; return its parameters."""
    model = tg.nn.MLP([64, 32, 10], rng=seed)
    opt = OPTIMIZERS[optimizer](model.parameters())
    schedule = tg.optim.lr_scheduler.OneCycleLR(opt, 3 * opt.lr, total_steps=7 * epochs)
    options = {"batch_size": 64, "rng": 1, "progress": False, "scheduler": schedule, **options}
    tg.fit(model, loss, (X, Y), optimizer=opt, epochs=epochs, comm=communicator, **options)
    return model.state_dict()


def accumulated(communicator):
    """Take 200 steps of a loop of one's own, each of two backward passes."""
    rank, size = (communicator.rank, communicator.size) if communicator else (0, 1)
    model = tg.nn.MLP([64, 32, 10], rng=0)
    adam = tg.optim.Adam(model.parameters(), lr=0.003)
    for step in range(200):
        batch = np.random.default_rng(step).permutation(len(X))[:61]
        own = np.array_split(batch, size)[rank]
        adam.zero_grad()
        for part in np.array_split(own, 2):
            (tg.cross_entropy(model(X[part]), Y[part]) * (len(part) / len(own))).backward()
        tg.distributed.average_gradients(model.parameters(), communicator, examples=len(own))
        adam.step(accumulated=True)
    return model.state_dict()


def equality():
    """Compare the parameters of ranks with those of one process, after 200 steps."""
    runs = {name: partial(trained, optimizer=name) for name in OPTIMIZERS} | {"accumulation": accumulated}
    runs["jit"] = partial(trained, jit=True)
    share = {name: runs[name](None) for name in [*runs][comm.rank :: comm.size]}  # each rank computes some of them
    every = {name: alone for part in comm.allgather(share) for name, alone in part.items()}
    for name, run in runs.items():
        alone, together = every[name], run(comm)
        largest = max(abs(together[k] - alone[k]).max() for k in alone)
        worst = comm.allreduce(float(largest), op=MPI.MAX)
        if comm.rank == 0:
            print(f"{name}: {worst:.1e} {'equal' if worst < 1e-12 else 'different'}")


def fault(kind, checkpoint=folder / "run.npz"):
    """Let a rank fail in the second epoch; "resume" lets none fail."""
    calls = []

    def loss(prediction, y):
        calls.append(1)
        value = tg.cross_entropy(prediction, y)
        if comm.rank == 1 and len(calls) == 10:
            (folder / "fault").touch()
            if kind == "raises":
                raise RuntimeError("rank 1 has no more paper")
            if kind == "killed":
                os.kill(os.getpid(), 9)
            if kind == "nan":
                return value * np.nan
        return value

    def drift(model, epoch, **_):
        (folder / "fault").touch()
        if kind == "drift" and comm.rank == 1 and epoch == 2:
            model.parameters()[0].data[0, 0] += 1e-6

    def limit_files(epoch, **_):
        if kind == "full" and comm.rank == 0 and epoch == 2:
            import resource
            import signal

            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # then the system refuses to write, as if the disk were full
            resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))

    seed = comm.rank if kind == "seed" else 1
    options = {"checkpoint": checkpoint, "callbacks": [drift, limit_files], "rng": seed}
    return trained(comm, loss=loss, epochs=4, **options)


def interrupted():
    """Train slowly until Ctrl-C."""

    def loss(prediction, y):
        time.sleep(0.05)
        (folder / f"started{comm.rank}").touch()
        return tg.cross_entropy(prediction, y)

    trained(comm, loss=loss, epochs=100)


def resume():
    """Resume the run of `fault`, and compare it with one that was never interrupted."""
    together, whole = fault("resume"), fault("resume", checkpoint=None)
    if comm.rank == 0:
        print("equal" if all((together[k] == whole[k]).all() for k in whole) else "different")


PROGRAMS = {"equality": equality, "resume": resume, "interrupted": interrupted}
PROGRAMS.get(sys.argv[1], partial(fault, sys.argv[1]))()
