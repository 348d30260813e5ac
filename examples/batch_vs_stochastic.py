"""Full batch, mini-batch and single-example descent: what the noise of a cheap gradient costs, and what it buys.

Tomorrow's maximum temperature in Seattle from today's maximum and minimum, all standardised, is least squares with
two weights: few enough to see every way down. A batch's gradient is the whole one plus noise, whose variance falls
as 1 / batch size. At a constant rate that noise is a floor under the loss; a rate that decays takes the floor along.
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

# %% The problem. A mean square knows its data by their second moments alone, which makes the whole surface cheap.
days = pd.read_csv(local_data.seattle_weather.filepath)[["temp_max", "temp_min"]].to_numpy()
z = tg.data.Standardizer().fit(days).transform(days)
x, y, n = z[:-1], z[1:, :1], len(z) - 1  # today's two temperatures, tomorrow's maximum, days
moments = np.hstack([x, y]).T @ np.hstack([x, y]) / n


def mse(a: Any, b: Any) -> Any:
    """The loss over all days at the weights a and b, which may be arrays."""
    v = np.stack([a, b, -np.ones_like(a)])
    return np.einsum("i...,ij,j...->...", v, moments, v)


best, start = np.linalg.solve(moments[:2, :2], moments[:2, 2]), np.array([-1.0, 0.5])


# %% One loop for all: only the size of a batch, the rate and its schedule differ.
def descend(batch_size: int, lr: float, epochs: int, schedule: Any = None) -> tuple[Any, Any, float]:
    """The weights after each update (updates + 1, 2), the loss above the lowest after each, and the seconds taken."""
    w, rng = tg.Tensor(start[:, None]), np.random.default_rng(1)
    sgd = tg.optim.SGD([w], lr)
    plan = schedule(sgd) if schedule else None
    way, began = [start], perf_counter()
    for _ in range(epochs):
        for bx, by in tg.data.batches(x, y, batch_size=batch_size, rng=rng):
            sgd.minimize(tg.mse_loss(bx @ w, by))
            way.append(w.data[:, 0].copy())
        if plan:
            plan.step()
    seconds = perf_counter() - began
    return np.array(way), mse(*np.array(way[1:]).T) - mse(*best), seconds


settings = {"full batch": (n, 0.25, 400), "batches of 32": (32, 0.1, 40), "single examples": (1, 0.02, 10)}
runs = {name: descend(*setting) for name, setting in settings.items()}

# %% Paths. One epoch is a single sure step for the full batch, 46 trembling ones, or 1,460 that stagger.
figure = Figure(**PICTURE)
for ax, (name, (way, _, _)), updates in zip(figure.subplots(1, 3, sharey=True), runs.items(), (46, 46, n), strict=True):
    tg.plot.contours(mse, way[: updates + 1], ax, xlim=(-1.3, 1.4), ylim=(-1.0, 1.7), levels=7)
    epochs = "46 epochs" if name == "full batch" else "1 epoch"
    ax.set(title=f"{name}\n{updates:,} updates, {epochs}", xlabel="weight of today's maximum", ylabel="")
    ax.legend(loc="lower left")
figure.axes[0].set_ylabel("weight of today's minimum")
figure.savefig(OUTPUT / "batch_paths.png")

# %% Loss by epoch and by second. An epoch of single examples gains most; a second of them is another matter.
figure = Figure(**PICTURE)
by_epoch, by_second = figure.subplots(1, 2, sharey=True)
for (name, (_, above, seconds)), look in zip(runs.items(), LOOKS, strict=False):
    first = np.unique(np.geomspace(1, len(above) + 1, 60).astype(int))[:-1]  # of windows that grow, as the axis does
    means = np.add.reduceat(above, first - 1) / np.diff([*first, len(above) + 1])
    for ax, total in ((by_epoch, settings[name][2]), (by_second, seconds)):
        ax.loglog(first / len(above) * total, means, label=name, **look)
    print(f"{name:15}  {len(above):6,} updates of {1e6 * seconds / len(above):.0f} µs; loss {means[-1]:.0e} too high")
by_epoch.set(xlabel="epochs (passes over the data)", ylabel="mean squared error above the lowest", ylim=(1e-7, 10))
by_second.set_xlabel("time (s)")
by_epoch.legend(loc="lower left")
figure.savefig(OUTPUT / "batch_losses.png")

# %% Noise. Give every example weights of its own: one pass back then gives each example's own gradient.
by_example = tg.grad(lambda w: np.sum((np.sum(x * w, axis=1) - y[:, 0]) ** 2))
each, sizes, rng = by_example(np.tile(start, (n, 1))), 2 ** np.arange(11), np.random.default_rng(2)
law = each.var(axis=0).sum() / sizes  # the variances of both components, added
correction = (n - sizes) / (n - 1)  # nothing drawn twice: less noise, and none once the batch is everything
orders = rng.permuted(np.tile(np.arange(n), (2000, 1)), axis=1)
drawn = np.array([each[rng.integers(n, size=(2000, b))].mean(axis=1).var(axis=0).sum() for b in sizes])
dealt = np.array([each[orders[:, :b]].mean(axis=1).var(axis=0).sum() for b in sizes])
slope = np.polyfit(np.log(sizes), np.log(drawn), 1)[0]
print(f"\nvariance of a batch's gradient against batch size: slope {slope:.3f}, by theory -1")
figure = Figure(**PICTURE)
left, right = figure.subplots(1, 2)
left.loglog(sizes, law, color=BLACK, label="σ²/n")
left.loglog(sizes, law * correction, color=BLACK, linestyle=":", label="σ²/n · (N − n)/(N − 1)")  # noqa: RUF001
left.loglog(sizes, drawn, "o", color=BLUE, label="drawn with replacement")
left.loglog(sizes, dealt, "^", color=VERMILION, label="drawn without")
left.set(xlabel="batch size n", ylabel="variance of the gradient", title=f"The 1/n law: measured slope −{-slope:.2f}")  # noqa: RUF001

# %% Schedules. At the bottom the pull back balances the noise, at a loss of lr / 2 * sum(noise / (2 - lr curvature)).
curvatures, axes = np.linalg.eigh(2 * moments[:2, :2])
noise = (by_example(np.tile(best, (n, 1))) @ axes).var(axis=0) / 8
plans: dict[str, Any] = {"constant 0.2": None, "constant 0.05": None}
plans["0.2 · 0.88 ** epoch"] = lambda sgd: ExponentialLR(sgd, 0.88)
plans["cosine, 0.2 to 0"] = lambda sgd: CosineAnnealingLR(sgd, T_max=40)
ways = {name: descend(8, 0.05 if "0.05" in name else 0.2, 40, plan) for name, plan in plans.items()}
curves = {name: above.reshape(40, -1).mean(axis=1) for name, (_, above, _) in ways.items()}
floors = {f"constant {lr}": lr / 2 * np.sum(noise / (2 - lr * curvatures)) for lr in (0.2, 0.05)}
for (name, curve), look in zip(curves.items(), LOOKS, strict=True):
    right.semilogy(range(1, 41), curve, label=name, **look)
    print(f"{name:19}  loss above the lowest at the end {curve[-10:].mean():.1e}, by theory {floors.get(name, 0):.1e}")
right.hlines([*floors.values()], 1, 40, color=BLACK, linewidth=0.8, label="floors by theory")
right.set(xlabel="epoch", ylabel="loss above the lowest", title="A constant rate stalls (batches of 8)")
for ax in (left, right):
    ax.legend(fontsize=8)
figure.savefig(OUTPUT / "batch_noise.png")
