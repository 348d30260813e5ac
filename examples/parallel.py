"""Why mini-batches: time, memory and noise of a step by its batch size, and how to share a batch among workers.

    python examples/parallel.py

In this lesson you measure what a step of training costs. Each step has a fixed cost, so large batches process more
examples in a second. They need more memory, and their gradients have less noise. A batch size in between learns
most in a second. Then you split a batch into shards: the mean of their gradients is the gradient of the batch.
So two processes, the ranks of MPI, can share each batch. At the end you see how much more they learn in a second.
"""

# %% The data and the model: handwritten digits, and a network with 128 hidden neurons
# `moons.py` explains what a network is; here it is enough that it has a loss and 9,610 parameters. Numbers of 4 bytes
# (float32) are exact enough, and the processor handles twice as many of them at once.
import tracemalloc
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from workers import X, digits, new_model, start_ranks

import tinygrad_edu as tg
from tinygrad_edu.viz.plot import BLACK, BLUE, VERMILION

OUTPUT = Path(__file__).parent / "output"
OUTPUT.mkdir(exist_ok=True)
SIZES, SECONDS, rng = 2 ** np.arange(11), 0.2, np.random.default_rng(0)


def gradient(model: Any, chosen: Any) -> Any:
    """Return the gradient of the mean loss of the chosen examples, as one vector."""
    loss = tg.cross_entropy(model(X[chosen]), digits[chosen])
    return np.concatenate([g.ravel() for g in tg.gradients(loss, model.parameters())])


# %% Time and memory of one step, by batch size
# A step has a fixed cost: Python calls some dozens of NumPy functions, whatever the batch size. Further examples cost
# little: the processor's vector units compute several numbers at once, and its cores share a large product. The memory
# grows with the batch, because the backward pass needs the intermediate results of every example.
def cost(size: int) -> tuple[float, int]:
    """Return (seconds of the fastest of 7 steps, bytes of its arrays at their peak) with this batch size."""
    model, batch = new_model(), np.arange(size)
    sgd = tg.optim.SGD(model.parameters(), lr=0.1)
    step: Any = lambda: sgd.minimize(tg.cross_entropy(model(X[batch]), digits[batch]))
    times = []
    for _ in range(7):
        began = perf_counter()
        step()
        times.append(perf_counter() - began)
    tracemalloc.start()
    step()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return min(times), peak


seconds, peaks = np.array([cost(size) for size in SIZES.tolist()]).T
per_second = SIZES / seconds

# %% Noise of the gradient, by batch size
# Draw 60 batches of each size. Variance is the mean squared distance of their gradients from the mean gradient. In
# theory it is sigma^2 / size, where sigma^2 is the variance of the gradient of one example.
full = gradient(model := new_model(), np.arange(len(X)))
draws = {n: [gradient(model, rng.integers(len(X), size=n)) for _ in range(60)] for n in (1, 4, 16, 64, 256)}
variance = {n: float(np.mean([np.sum((g - full) ** 2) for g in gradients])) for n, gradients in draws.items()}
slope = float(np.polyfit(np.log([*variance]), np.log([*variance.values()]), 1)[0])


# %% Which batch size learns most in the same time?
# Less noise allows a higher learning rate, up to a limit that the curvature sets.
def learn(size: int) -> tuple[int, float]:
    """Train for SECONDS seconds. Return (number of steps, loss of all examples after them)."""
    model, rng, steps = new_model(), np.random.default_rng(1), 0
    sgd, began = tg.optim.SGD(model.parameters(), lr=min(0.5, 0.03 * size**0.5)), perf_counter()
    while perf_counter() - began < SECONDS:
        batch = rng.integers(len(X), size=size)
        sgd.minimize(tg.cross_entropy(model(X[batch]), digits[batch]))
        steps += 1
    return steps, float(tg.cross_entropy(tg.predict(model, X), digits))


learned = [learn(size) for size in SIZES.tolist()]
print(f"{'batch':>5}  {'ms a step':>9}  {'examples/s':>10}  {'memory, KB':>10}  steps and loss after {SECONDS} s")
for size, s, rate, peak, (steps, loss) in zip(SIZES, seconds, per_second, peaks, learned, strict=True):
    print(f"{size:5}  {1e3 * s:9.3f}  {rate:10,.0f}  {peak / 1000:10.0f}  {steps:5} steps, {loss:.3f}")
print(f"variance of the gradient ~ size^{slope:.2f} (theory: -1)")

# %% Share a batch among workers
# Each worker computes the gradient of its shard, at the same time as the others. They take the same step, with the
# average. If the shards differ in size, each gradient counts as much as its shard has examples.
exact, batch = tg.nn.MLP([64, 128, 10], rng=0), rng.permutation(len(X))[:256]
whole, difference = gradient(exact, batch), {}
for name, cuts in (("4 equal shards", (64, 128, 192)), ("3 unequal shards", (10, 100))):
    averaged = sum(len(shard) / len(batch) * gradient(exact, shard) for shard in np.split(batch, cuts))
    difference[name] = float(abs(averaged - whole).max() / abs(whole).max())
    print(f"{name}: the average differs from the gradient of the batch by {difference[name]:.0e} of it")

# %% What does a second of two ranks buy?
# `workers.py` has the code of a rank, and is started here with one rank and with two, each on one core. Two ranks share
# the time that examples take. The fixed cost of a step stays, and the sum of the gradients is added. So they are less
# than twice as fast. They are even slower if other programs use the cores: each sum waits for the later rank.
ranks = start_ranks(1, 2)
for count, (steps, loss) in ranks.items():
    print(f"a second of {count} rank{'s'[: count > 1]}: {steps} steps of 1,024 examples, loss {loss:.3f}")

# %% Draw all four
picture = Figure(figsize=(12, 3.4), dpi=150, layout="constrained")
axes: Any = picture.subplots(1, 4, subplot_kw={"xlabel": "batch size"})
axes[0].loglog(SIZES, per_second, "o-", color=BLUE)
axes[0].set(title="Examples in a second", ylabel="examples in a second")
axes[1].loglog(SIZES, peaks / 1e6, "^-", color=VERMILION)
axes[1].set(title="Memory of a step", ylabel="memory (MB)")
axes[2].loglog([*variance], [*variance.values()], "s", color=BLUE, label="measured")
axes[2].loglog(SIZES, variance[1] / SIZES, color=BLACK, label="σ² / size")
axes[2].set(title="Noise of the gradient", ylabel="variance")
axes[2].legend()
axes[3].semilogx(SIZES, [loss for _, loss in learned], "D-", color=BLACK)
axes[3].set(title=f"Loss after {SECONDS} s of training", ylabel="loss of all examples", ylim=(0, None))
picture.savefig(OUTPUT / "parallel.png")
