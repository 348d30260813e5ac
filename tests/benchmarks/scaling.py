"""Measure what ranks cost and gain on this machine, and compute how far they would go, for examples/how_far.md.

    mpiexec -n 2 python tests/benchmarks/scaling.py alone
    mpiexec -n 2 python tests/benchmarks/scaling.py sums
    mpiexec -n 2 python tests/benchmarks/scaling.py scaling

All times are the fastest of many, in milliseconds unless a unit is given; run it on a machine that does nothing else.
Each rank has one core (OPENBLAS_NUM_THREADS=1). Where one rank computes alone, its time on the processor counts.
"""

import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"

import sys
from time import perf_counter, sleep, thread_time

import numpy as np
from mpi4py import MPI

import tinygrad_edu as tg
from tinygrad_edu.distributed.exchange import Exchange
from tinygrad_edu.distributed.gradients import GradientBuffers, memory_orders
from tinygrad_edu.train import training_step

WORLD = MPI.COMM_WORLD
ALONE = MPI.COMM_SELF
MODELS = {  # layers, the batch of one step
    "W4, digits": ([64, 128, 64, 10], 64),
    "W5": ([784, 512, 256, 10], 128),
    "10 million parameters": ([784, 2800, 2800, 10], 128),
}
# Latency in seconds of one message and bytes a second of a link. Latencies are typical of TCP over Ethernet at 10 Gb/s,
# and of InfiniBand or RDMA at 100 Gb/s: those of MPI benchmarks such as OSU's.
LINKS = {"10 Gb/s": (30e-6, 10e9 / 8), "100 Gb/s": (2e-6, 100e9 / 8)}


def fastest(f, seconds=1.0, comm=ALONE):
    """Return the seconds of the fastest of many calls; all ranks of `comm` make equally many."""
    best, began, count = np.inf, perf_counter(), 0
    while comm.bcast(count < 3 or perf_counter() - began < seconds):
        comm.Barrier()
        clock = thread_time if comm.size == 1 else perf_counter
        start = clock()
        f()
        best, count = min(best, clock() - start), count + 1
    return comm.allreduce(best, op=MPI.MAX)


def data(sizes, n):
    rng = np.random.default_rng(0)
    return rng.standard_normal((n, sizes[0])).astype(np.float32), rng.integers(0, 10, n)


def plain(sizes, n, jit=True):
    """Return a function that takes a step as one process does, and the number of parameters."""
    model = tg.nn.MLP(sizes, rng=0).astype(np.float32)
    step = training_step(model, tg.cross_entropy, tg.optim.Adam(model.parameters(), lr=1e-3))
    step, batch = tg.jit(step, check=False) if jit else step, data(sizes, n)
    return (lambda: float(step(*batch))), sum(p.data.size for p in model.parameters())


def shared(sizes, n, comm, jit=True):
    """Return a function that takes a step as a rank does, with n examples of its own."""
    model = tg.nn.MLP(sizes, rng=0).astype(np.float32)
    adam = tg.optim.Adam(model.parameters(), lr=1e-3)

    def gradient(x, y):
        loss = tg.cross_entropy(model(x), y)
        adam.zero_grad()
        loss.backward()
        return loss

    def update(gradients):
        for p, g in zip(adam.params, gradients, strict=True):
            p.grad = g
        adam.step()

    if jit:
        gradient = tg.jit(gradient, check=False)
    buffers, exchange, batch = (
        GradientBuffers(adam.params, comm, memory_orders(adam.params, comm)),
        Exchange(comm),
        data(sizes, n),
    )

    def step():
        loss = float(gradient(*batch))
        buffers.reduce(exchange, n, loss, n * comm.size)
        update(buffers.averages())

    return step


def overhead(name, jit):
    """Return the time of a step, and that of a rank's step on one rank, measured in turns."""
    sizes, n = MODELS[name]
    steps = plain(sizes, n, jit)[0], shared(sizes, n, ALONE, jit)
    rounds = np.array([[fastest(step, 0.05) for step in steps] for _ in range(30)])
    return rounds.min(axis=0)


def compute_cost(name):
    """Return (seconds of a step without examples, seconds of each example, parameters), from two batch sizes."""
    sizes, n = MODELS[name]
    few, many, size = shared(sizes, n // 8, ALONE), shared(sizes, n, ALONE), plain(sizes, n)[1]
    times = np.array([[fastest(step, 0.3) for step in (few, many)] for _ in range(5)]).min(axis=0)
    each = (times[1] - times[0]) / (n - n // 8)
    return times[1] - n * each, each, size


def sums():
    """Return {bytes: seconds} of one Allreduce between the ranks of this machine."""
    found = {}
    for size in (64, 4096, 2**16, 2**20, 2**24):
        sent, received = np.ones(size // 4, np.float32), np.empty(size // 4, np.float32)
        found[size] = fastest(lambda sent=sent, received=received: WORLD.Allreduce(sent, received), 0.5, WORLD)
    return found


def overlap():
    """Return the seconds of work of W5's size and its Allreduce: one after the other, and started before the work."""
    sent, received, x = np.ones(535_818, np.float32), np.empty(535_818, np.float32), np.ones((128, 784), np.float32)
    w = np.ones((784, 512), np.float32)

    def work():
        for _ in range(6):
            x @ w

    def after():
        work()
        WORLD.Allreduce(sent, received)

    def meanwhile():
        request = WORLD.Iallreduce(sent, received)
        work()
        request.Wait()

    times = [[fastest(f, 0.1, WORLD) for f in (work, after, meanwhile)] for _ in range(10)]
    return np.min(times, axis=0)


def step_time(p, n, fixed, each, size, latency, bandwidth):
    """Return the seconds of a step on p ranks: compute / p + 2 log2(p) latency + 2 (p - 1) / p bytes / bandwidth."""
    return fixed + each * n / p + 2 * np.log2(p) * latency + 2 * (p - 1) / p * 4 * size / bandwidth


def how_far(costs, link, batch):
    """Return (ranks from which twice as many gain less than a tenth, the speed-up there, the largest speed-up)."""
    ranks = np.arange(1, batch + 1)
    speedup = step_time(1, batch, *costs, 0, 1e99) / np.array([step_time(p, batch, *costs, *link) for p in ranks])
    doubled = np.minimum(2 * ranks, batch) - 1
    stops = int(np.flatnonzero(speedup[doubled] < 1.1 * speedup)[0])
    return stops + 1, float(speedup[stops]), float(speedup.max())


def wait():
    """Wait for the other ranks, without using the processor."""
    request = WORLD.Ibarrier()
    while not request.Test():
        sleep(0.01)


def alone():
    """Print what one rank measures; return the costs of each model."""
    print("| step on one rank | plain | cut at the sum | more |\n| --- | --- | --- | --- |")
    for name, jit in (("W4, digits", True), ("W4, digits", False), ("W5", True)):
        a, b = overhead(name, jit)
        kind = "jit" if jit else "eager"
        print(f"| {name}, {kind} | {a * 1e3:.3f} | {b * 1e3:.3f} | {b / a - 1:.1%} |", flush=True)
    costs = {name: compute_cost(name) for name in MODELS}
    print("\n| model | parameters | fixed | each example |\n| --- | --- | --- | --- |")
    for name, (fixed, each, size) in costs.items():
        print(f"| {name} | {size:,} | {fixed * 1e3:.2f} | {each * 1e6:.1f} us |", flush=True)
    print("\n| model, batch | link | ranks | speed-up | at most |\n| --- | --- | --- | --- | --- |")
    for name in ("W5", "10 million parameters"):
        for batch in (128, 1024, 8192):
            for link, constants in LINKS.items():
                stops, gain, most = how_far(costs[name], constants, batch)
                print(f"| {name}, {batch:,} | {link} | {stops} | {gain:.1f} | {most:.1f} |")


def together():
    """Print the time of a sum over the ranks, and that of a sum while they work."""
    found, times = sums(), overlap()
    if WORLD.rank == 0:
        print("| bytes of an Allreduce | time |\n| --- | --- |")
        print("\n".join(f"| {size:,} | {s * 1e6:.0f} us |" for size, s in found.items()))
        print(f"\nwork, then the sum, the sum meanwhile: {times * 1e3} ms")


def scaling():
    """Print the time of a step alone, on ranks that share its batch (strong), and that have a batch each (weak)."""
    if WORLD.rank == 0:
        print("| scaling | ranks | examples a rank | step | examples/s |\n| --- | --- | --- | --- | --- |", flush=True)
    for name in ("W4, digits", "W5"):
        sizes, n = MODELS[name]
        for kind, comm, own in (("alone", ALONE, n), ("strong", WORLD, n // WORLD.size), ("weak", WORLD, n)):
            if comm is WORLD or WORLD.rank == 0:
                s = fastest(shared(sizes, own, comm), 1, comm)
                if WORLD.rank == 0:
                    row = f"{name}, {kind} | {comm.size} | {own} | {s * 1e3:.2f} | {comm.size * own / s:,.0f}"
                    print(f"| {row} |", flush=True)
            wait()


if __name__ == "__main__":
    if sys.argv[1] == "alone" and WORLD.rank == 0:
        alone()
    wait()
    if sys.argv[1] != "alone":
        {"sums": together, "scaling": scaling}[sys.argv[1]]()
