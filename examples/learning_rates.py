"""Choose the learning rate and the initial weights for the model of `weather.py`.

    python examples/learning_rates.py
    python examples/learning_rates.py --csv shop.csv --target sales --features sales,price,visitors

A hyperparameter is a number that you choose, while descent chooses the weights. In this lesson you see what two of them
do. A learning rate that is too low is slow; one that is too high makes a zigzag that grows. The initial weights decide
how long descent takes, not where it ends. You can use a table of your own, as `weather.py` says.
"""

# %% Read and standardize the same table
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from sklearn.linear_model import LinearRegression
from tables import COLORS, LINES, parse_table
from vega_datasets import local_data

import tinygrad_edu as tg

SEATTLE = str(local_data.seattle_weather.filepath)
UNITS = {"temp_max": "°C", "temp_min": "°C", "precipitation": "mm", "wind": "m/s"}
table = parse_table(__doc__, SEATTLE, "temp_max", UNITS)
features, target, (inputs, y) = table.features, table.target, table.train
MSE, WEIGHT = table.with_unit(target, "mean squared error", power="²"), table.with_unit(target, "weight, standardized")
x = tg.data.Standardizer().fit_transform(inputs)
curvatures, directions = np.linalg.eigh(2 / len(x) * x.T @ x)
lr = 1 / curvatures[-1]


def descend(start: Any, lr: float, epochs: int) -> Any:
    """Train from the weights `start` on a centered target, which needs no bias. Return the loss of every epoch."""
    fresh = tg.nn.Linear(len(features), 1, bias=False, init=lambda shape, rng: np.reshape(start, shape))
    sgd = tg.optim.SGD(fresh.parameters(), lr=lr)
    return np.array(
        tg.fit(fresh, tg.mse_loss, (x, y - y.mean()), optimizer=sgd, epochs=epochs, progress=False).train_loss
    )


best = LinearRegression().fit(x, y[:, 0]).coef_
zeros, j = 0 * best, int(np.argmax(abs(best)))
least = np.mean((y[:, 0] - y.mean() - x @ best) ** 2)

# %% The loss by one weight is a parabola, and its gradient is a straight line
# All other weights have their best values. The line goes through zero where the parabola has its minimum.
rest = y[:, 0] - y.mean() - x @ best + best[j] * x[:, j]
loss_and_slope = tg.value_and_grad(lambda weight: np.mean((rest - weight * x[:, j]) ** 2))
shown = np.linspace(best[j] - 1.6 * abs(best[j]) - 1e-9, best[j] + 1.6 * abs(best[j]) + 1e-9, 100)
losses, slopes = np.array([loss_and_slope(v) for v in shown], dtype=float).T
figure = Figure(figsize=(6, 6), dpi=150, layout="constrained")
above, below = figure.subplots(2, 1, sharex=True)
above.plot(shown, losses, color="black", label="loss")
below.plot(shown, slopes, color=COLORS[0], label="gradient: the slope of the loss")
for k, v in enumerate(best[j] + abs(best[j]) * np.array([-1.2, 0, 0.9])):
    (here, slope), at = loss_and_slope(v), v + 0.4 * best[j] * np.array([-1, 0, 1])
    look: dict[str, Any] = {"color": COLORS[k], "marker": "o^s"[k]}
    above.plot(at, here + slope * (at - v), linestyle=LINES[k], markevery=[1], **look)
    below.plot(v, slope, linestyle="", label=f"slope {round(float(slope), 9) + 0:.3g}", **look)
below.axhline(0, color="gray", linewidth=0.8)
above.set(title=f"Loss and gradient by the weight of {features[j]}", ylabel=MSE)
below.set(xlabel=WEIGHT, ylabel=table.with_unit(target, "gradient"))
below.legend()
figure.savefig(table.output / "slope.png")

# %% Descend on the parabola with four learning rates
# The curvature is 2, because the feature is standardized. So a step multiplies the distance to the minimum by
# (1 - 2 rate). A negative factor means that the step overshoots: the path is a zigzag. Below -1 it grows: divergence.
RATES = {"too low": 0.05, "good": 0.35, "overshooting": 0.9, "diverging": 1.03}
on_parabola = {}
for name, rate in RATES.items():
    on_parabola[name] = [0.0]
    for _ in range(8):
        weight = on_parabola[name][-1]
        on_parabola[name].append(float(weight - rate * loss_and_slope(weight)[1]))
figure = Figure(figsize=(12, 5.6), dpi=150, layout="constrained")
grid = figure.add_gridspec(2, 4)
for i, (name, path) in enumerate(on_parabola.items()):
    ax: Any = figure.add_subplot(
        grid[0, i], title=f"{name}: rate {RATES[name]}", xlabel=WEIGHT, ylabel="" if i else MSE
    )
    ax.plot(shown, losses, color="black", linewidth=1)
    ax.plot(path, [loss_and_slope(v)[0] for v in path], color=COLORS[1], marker="o", markersize=4)
    ax.plot(best[j], least, "*", color=COLORS[1], markeredgecolor="black", markersize=13, zorder=5)

# %% With all weights, too, the largest curvature limits the rate: above 2 / (largest curvature) descent diverges
rates = {"too slow": 0.03 * lr, "right": lr, "diverging": 2.05 * lr}
runs = {name: descend(zeros, rate, 50) for name, rate in rates.items()}
ax = figure.add_subplot(grid[1, :], xlabel="epoch", ylabel=MSE, title="All weights: the loss with three rates")
for (name, curve), color, style in zip(runs.items(), COLORS, LINES, strict=False):
    ax.semilogy(np.maximum(curve, 1e-12), color=color, linestyle=style, label=f"{rates[name]:.3g}, {name}")
ax.legend()
figure.savefig(table.output / "learning_rates.png")

# %% Try different initial weights
# There is only one minimum, and every run reaches it. How many epochs a run needs depends on the distance of its start
# from the minimum and, even more, on the direction.
far = np.linalg.norm(best)
starts = {"zeros": zeros, "ten times as far": -9 * best}
starts["as far, steepest direction"] = best + far * directions[:, -1]
starts["as far, flattest direction"] = best + far * directions[:, 0]
aim, needed = 1e-6 * (np.var(y) - least), {}
with table.picture("starts.png", title="Epochs needed", xlabel="epoch", ylabel=f"{MSE} above min", yscale="log") as ax:
    for (name, start), marker in zip(starts.items(), "o^sv", strict=True):
        gaps = descend(start, lr, 200) - least
        needed[name] = int((gaps > aim).sum())
        ax.plot(
            np.maximum(gaps[: needed[name] + 1], aim), marker=marker, markevery=0.08, label=f"{name}: {needed[name]}"
        )
print(f"epochs needed from each start, of 200 at most: {needed}")
