"""Gradient descent with the full batch, with mini-batches and with single examples.

    python examples/batch_vs_stochastic.py

In this lesson you learn what a batch size changes. The gradient of a batch is the gradient of all examples plus noise,
and the variance of this noise, which is its mean square, falls as 1 / batch size. With a constant learning rate, the
noise keeps the loss above a certain level. With a decreasing learning rate, this level decreases too. Descent with
random examples is called stochastic.

The task: predict tomorrow's maximum temperature in Seattle from today's maximum and minimum, all standardized. This is
linear regression with two weights, so you can draw the path of every run.
"""

from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from vega_datasets import local_data

import tinygrad_edu as tg
from tinygrad_edu.optim.lr_scheduler import CosineAnnealingLR, ExponentialLR
from tinygrad_edu.viz.plot import BLACK, BLUE, GREEN, PURPLE, VERMILION

OUTPUT = Path(__file__).parent / "output"
OUTPUT.mkdir(exist_ok=True)
LOOKS = [{"color": c, "linestyle": s} for c, s in ((BLUE, "-"), (VERMILION, "--"), (GREEN, "-."), (PURPLE, ":"))]
PICTURE: dict[str, Any] = {"figsize": (8, 3.4), "dpi": 150, "layout": "constrained"}

# %% The data and the loss
# The mean squared error depends on the data only through the means of their products (second moments). This makes it
# cheap to draw the surface.
days = pd.read_csv(local_data.seattle_weather.filepath)[["temp_max", "temp_min"]].to_numpy()
z = tg.data.Standardizer().fit(days).transform(days)
x, y, n = z[:-1], z[1:, :1], len(z) - 1  # today's two temperatures, tomorrow's maximum, days
moments = np.hstack([x, y]).T @ np.hstack([x, y]) / n


def mse(a: Any, b: Any) -> Any:
    """Return the loss over all days at the weights a and b, which may be arrays."""
    v = np.stack([a, b, -np.ones_like(a)])
    return np.einsum("i...,ij,j...->...", v, moments, v)


best, start = np.linalg.solve(moments[:2, :2], moments[:2, 2]), np.array([-1.0, 0.5])


# %% The training loop, the same for all runs
# The runs differ only in the batch size, the learning rate and its schedule. `jit` records the step and replays it, so
# that 46,000 steps take seconds.
def descend(batch_size: int, lr: float, epochs: int, schedule: Any = None) -> tuple[Any, Any, float]:
    """Return the weights after each update (updates + 1, 2), the loss above the minimum after each, and the seconds."""
    w, rng = tg.Tensor(start[:, None]), np.random.default_rng(1)
    sgd = tg.optim.SGD([w], lr)
    scheduler = schedule(sgd) if schedule else None
    step = tg.jit(lambda bx, by: sgd.minimize(tg.mse_loss(bx @ w, by)))
    path, began = [start], perf_counter()
    for _ in range(epochs):
        for bx, by in tg.data.batches(x, y, batch_size=batch_size, rng=rng):
            step(bx, by)
            path.append(w.data[:, 0].copy())
        if scheduler:
            scheduler.step()
    seconds = perf_counter() - began
    return np.array(path), mse(*np.array(path[1:]).T) - mse(*best), seconds


settings = {"full batch": (n, 0.25, 400), "batches of 32": (32, 0.1, 40), "single examples": (1, 0.02, 10)}
runs = {name: descend(*setting) for name, setting in settings.items()}

# %% Draw the paths
# In one epoch, the full batch takes 1 exact step, batches of 32 take 46 noisy steps, and single examples take 1,460
# very noisy steps.
figure = Figure(**PICTURE)
axes = figure.subplots(1, 3, sharey=True)
for ax, (name, (path, _, _)), updates in zip(axes, runs.items(), (46, 46, n), strict=True):
    tg.plot.contours(mse, path[: updates + 1], ax, xlim=(-1.3, 1.4), ylim=(-1.0, 1.7), levels=7)
    epochs = "46 epochs" if name == "full batch" else "1 epoch"
    ax.set(title=f"{name}\n{updates:,} updates, {epochs}", xlabel="weight of today's maximum", ylabel="")
    ax.plot(*best, "o", markersize=15, fillstyle="none", color=BLACK, zorder=7, label="minimum")
    for text in ax.texts:  # a label of the contours must not lie under the circle
        text.set_visible(text.get_visible() and np.linalg.norm(np.array(text.get_position()) - best) > 0.4)
    ax.get_legend().remove()
figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False)
axes[0].set_ylabel("weight of today's minimum")
figure.savefig(OUTPUT / "batch_paths.png")

# %% Draw the loss by epoch and by time
# In one epoch, single examples reduce the loss most. But their epochs take much longer, so compare by time as well.
figure = Figure(**PICTURE)
by_epoch, by_second = figure.subplots(1, 2, sharey=True)
for (name, (_, above, seconds)), look in zip(runs.items(), LOOKS, strict=False):
    # Average over windows of updates whose length grows, because the axis is logarithmic.
    first = np.unique(np.geomspace(1, len(above) + 1, 60).astype(int))[:-1]
    means = np.add.reduceat(above, first - 1) / np.diff([*first, len(above) + 1])
    for ax, total in ((by_epoch, settings[name][2]), (by_second, seconds)):
        ax.loglog(first / len(above) * total, means, label=name, **look)
    millis = 1e3 * seconds / len(above)
    final = max(means[-1], 0)  # rounding can make it negative
    print(f"{name:15}  {len(above):6,} updates of {millis:.3f} ms; final loss {final:.0e} above the minimum")
by_epoch.set(xlabel="epochs (passes over the data)", ylabel="mean squared error above minimum", ylim=(1e-7, 10))
by_second.set_xlabel("time (s)")
by_epoch.legend(loc="lower left")
figure.savefig(OUTPUT / "batch_losses.png")

# %% Measure the gradient noise of a batch
# Give each example its own copy of the weights. Then one backward pass gives the gradient of each example separately.
by_example = tg.grad(lambda w: np.sum((np.sum(x * w, axis=1) - y[:, 0]) ** 2))
each, sizes, rng = by_example(np.tile(start, (n, 1))), 2 ** np.arange(11), np.random.default_rng(2)
law = each.var(axis=0).sum() / sizes  # the sum of the variances of both components
correction = (n - sizes) / (n - 1)  # without replacement there is less noise, and none in a batch of all examples
orders = rng.permuted(np.tile(np.arange(n), (2000, 1)), axis=1)
drawn = np.array([each[rng.integers(n, size=(2000, b))].mean(axis=1).var(axis=0).sum() for b in sizes])
dealt = np.array([each[orders[:, :b]].mean(axis=1).var(axis=0).sum() for b in sizes])
slope = np.polyfit(np.log(sizes), np.log(drawn), 1)[0]
figure = Figure(**PICTURE)
left, right = figure.subplots(1, 2)
left.loglog(sizes, law, color=BLACK, label="σ²/n")
left.loglog(sizes, law * correction, color=BLACK, linestyle=":", label="σ²/n · (N − n)/(N − 1)")  # noqa: RUF001
left.loglog(sizes, drawn, "o", color=BLUE, label="with replacement")
left.loglog(sizes, dealt, "^", color=VERMILION, label="without replacement")
left.set(xlabel="batch size n", ylabel="variance of the gradient", title=f"The 1/n law: measured slope −{-slope:.2f}")  # noqa: RUF001
print(f"\nlog variance of a batch's gradient by log batch size: slope {slope:.3f} (theory: -1)")

# %% Compare learning rate schedules
# Near the minimum, the gradient pulls the weights back as much as the noise moves them away. In this balance the loss
# is lr / 2 * sum(noise / (2 - lr curvature)) above the minimum. So only a decreasing learning rate reaches the minimum.
curvatures, directions = np.linalg.eigh(2 * moments[:2, :2])
noise = (by_example(np.tile(best, (n, 1))) @ directions).var(axis=0) / 8
schedules: dict[str, Any] = {"constant 0.2": None, "constant 0.05": None}
schedules["0.2 * 0.88 ** epoch"] = lambda sgd: ExponentialLR(sgd, 0.88)
schedules["cosine, 0.2 to 0"] = lambda sgd: CosineAnnealingLR(sgd, T_max=40)
decayed = {name: descend(8, 0.05 if "0.05" in name else 0.2, 40, schedule) for name, schedule in schedules.items()}
curves = {name: above.reshape(40, -1).mean(axis=1) for name, (_, above, _) in decayed.items()}
floors = {f"constant {lr}": lr / 2 * np.sum(noise / (2 - lr * curvatures)) for lr in (0.2, 0.05)}
for (name, curve), look in zip(curves.items(), LOOKS, strict=True):
    right.semilogy(range(1, 41), curve, label=name, **look)
    limit = f"{floors[name]:.1e}" if name in floors else "0"
    print(f"{name:19}  final loss {curve[-10:].mean():.1e} above the minimum; limit in theory {limit}")
right.hlines([*floors.values()], 1, 40, color=BLACK, linewidth=0.8, label="limit in theory")
right.set(xlabel="epoch", ylabel="loss above minimum", title="A constant rate stalls (batches of 8)")
for ax in (left, right):
    ax.legend(fontsize=8)
figure.savefig(OUTPUT / "batch_noise.png")
