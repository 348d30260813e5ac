"""Curvature: what second derivatives say of a loss, and of how fast gradient descent goes down it.

The eigenvalues of the Hessian are the curvatures along its axes. None below 0 anywhere: convex, with one lowest place.
The largest, L, limits the step; the smallest, l, sets the pace; the condition number k = L / l says how slow it is.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from vega_datasets import local_data

import tinygrad_edu as tg
from tinygrad_edu.viz.plot import BLACK, BLUE, VERMILION

OUTPUT = Path(__file__).parent / "output"
OUTPUT.mkdir(exist_ok=True)
PICTURE: dict[str, Any] = {"figsize": (8, 3.4), "dpi": 150, "layout": "constrained"}
days = pd.read_csv(local_data.seattle_weather.filepath).iloc[:, 1:5].to_numpy()  # rain (mm), max, min (°C), wind (m/s)
standard = tg.data.Standardizer().fit(days).transform(days)

# %% Convex or not: the signs of the Hessian's eigenvalues, at 50 points. The crosses are its axes at the origin.
surfaces: dict[str, Any] = {}
plane: Any = lambda f: lambda x, y: f([x, y])  # as a function of two numbers
surfaces["x² + 3y²"] = lambda w: w[0] ** 2 + 3 * w[1] ** 2
surfaces["x² − y²"] = lambda w: w[0] ** 2 - w[1] ** 2  # noqa: RUF001
surfaces["(x² − 1)² + y²"] = lambda w: (w[0] ** 2 - 1) ** 2 + w[1] ** 2  # noqa: RUF001
surfaces["least squares"] = lambda w: np.mean((standard[:-1, 1:3] @ w - standard[1:, 1]) ** 2)
points = np.random.default_rng(0).uniform(-1.5, 1.5, (50, 2))
figure, lowest = Figure(figsize=(8, 2.6), dpi=150, layout="constrained"), {}
for ax, (name, f) in zip(figure.subplots(1, 4, sharey=True), surfaces.items(), strict=True):
    curvatures = np.linalg.eigvalsh([tg.hessian(f)(point) for point in points])
    lowest[name] = curvatures.min()
    verdict = "convex" if lowest[name] >= 0 else "not convex"
    print(f"{name:14}  eigenvalues from {lowest[name]:5.2f} to {curvatures.max():5.2f}: {verdict}")
    tg.plot.contours(plane(f), None, ax, xlim=(-1.5, 1.5), ylim=(-1.5, 1.5), levels=9)
    for text in ax.texts:
        text.remove()  # the heights, to leave the place to the curvatures
    ax.set(xlabel="x", ylabel="y", aspect="equal", title=f"{name}\n{verdict}")
    ax.label_outer()
    for c, axis in zip(*(part.T for part in np.linalg.eigh(tg.hessian(f)(np.zeros(2)))), strict=True):
        ax.plot(*np.outer(axis, [-0.6, 0.6]), "-" if c > 0 else "--", color=BLACK if c > 0 else VERMILION, linewidth=2)
        ax.text(*0.85 * axis, f"{c:.2g}", ha="center", va="center", bbox={"color": "white", "alpha": 0.7, "pad": 1})
figure.savefig(OUTPUT / "curvature_convex.png")


# %% What share of the distance to the minimum a step leaves, on a quadratic with the given curvatures.
def rate(curvatures: Any, lr: float, momentum: float = 0.0, steps: int = 300) -> float:
    """The mean over the second half of the steps."""
    w = tg.Tensor(np.ones(len(curvatures)))
    sgd, distances = tg.optim.SGD([w], lr, momentum), []
    for _ in range(steps):
        sgd.minimize(np.sum(curvatures * w * w) / 2)
        distances.append(abs(w.data).max())
    return float((distances[-1] / distances[steps // 2 - 1]) ** (2 / steps))


# %% Against the condition number, at the best step of each (and the best momentum, Polyak 1964): it costs its root.
k = np.array([2.0, 5, 10, 30, 100, 300, 1000])
root = np.sqrt(k)
theory = {"gradient descent": (k - 1) / (k + 1), "with momentum": (root - 1) / (root + 1)}
measured = {"gradient descent": [rate([1, L], 2 / (1 + L)) for L in k]}
measured["with momentum"] = [  # both axes fall as n rate**n: many steps, until n hardly counts
    rate([1, r * r], (2 / (1 + r)) ** 2, ((r - 1) / (r + 1)) ** 2, steps=2 * int(50 + 40 * r)) for r in root
]
figure = Figure(**PICTURE)
left, right = figure.subplots(1, 2)
left.loglog(k, -1 / np.log10([*theory.values()]).T, color=BLACK, linewidth=0.8)
left.lines[0].set_label("theory: (k − 1)/(k + 1), (√k − 1)/(√k + 1)")  # noqa: RUF001
for (name, rates), colour, marker in zip(measured.items(), (BLUE, VERMILION), "o^", strict=True):
    left.loglog(k, -1 / np.log10(rates), marker, color=colour, label=f"{name}, measured")
    error = abs(np.log(rates) / np.log(theory[name]) - 1).max()
    print(f"{name:16}  k = 1000: {-1 / np.log10(rates[-1]):4.0f} steps a digit; within {error:.1%} of theory")
left.set(xlabel="condition number k", ylabel="steps for a tenth of the distance", ylim=(0.5, 1e5))
left.legend(fontsize=8, loc="upper left")

# %% The best step. Curvature c leaves |1 - lr c|; as lr grows, the flattest axis gains and the steepest comes to swing.
lrs = np.linspace(0.01, 0.22, 211)
swept = np.array([rate([1, 10], lr) for lr in lrs])
print(f"curvatures 1 and 10: best of the sweep {lrs[swept.argmin()]:.3f}, by theory 2 / (1 + 10) = {2 / 11:.3f}")
right.plot(lrs, np.maximum(abs(1 - lrs), abs(1 - 10 * lrs)), color=BLACK, linewidth=0.8, label="theory")
right.plot(lrs[::7], swept[::7], "o", markersize=4, color=BLUE, label="measured, curvatures 1 and 10")
right.axvline(2 / 11, color=VERMILION, linestyle="--", label="2/(1 + 10)")
right.axhspan(1, 1.25, color=BLACK, alpha=0.1, linewidth=0, label="diverges: beyond 2/10")
right.set(xlabel="learning rate", ylabel="share of the distance a step leaves", ylim=(0.5, 1.25))
right.legend(fontsize=8, loc="lower left")
figure.savefig(OUTPUT / "curvature_rates.png")

# %% Newton's step divides each axis by its curvature: one is enough for a quadratic, a few for Rosenbrock's valley.
newton: Any = lambda f, w: w - np.linalg.solve(tg.hessian(f)(w), tg.grad(f)(w))
rosenbrock: Any = lambda w: (1 - w[0]) ** 2 + 100 * (w[1] - w[0] ** 2) ** 2
one, way = newton(surfaces["least squares"], np.ones(2)), [np.array([-1.2, 1.0])]
for _ in range(6):
    way.append(newton(rosenbrock, way[-1]))
valley = np.linalg.cond(tg.hessian(rosenbrock)(way[-1]))
print(f"Newton on Rosenbrock: 6 steps; plain descent, k = {valley:.0f}: {valley / 2 * np.log(10):.0f} steps a digit")
figure = Figure(**PICTURE)
left, right = figure.subplots(1, 2)
tg.plot.contours(plane(rosenbrock), way, left, ylim=(-4, 3), xlabel="x", ylabel="y")
left.set_title("Newton: six steps to the minimum")
left.legend(loc="lower center")

# %% Standardising features is preconditioning: the same model in a rounder bowl.
condition, above = {}, {}
for name, features, colour, style in (("as measured", days, BLUE, "-"), ("standardised", standard, VERMILION, "--")):
    x, y = np.hstack([features[:-1], np.ones((len(days) - 1, 1))]), days[1:, 1:2]  # tomorrow's maximum, in °C
    curvatures = np.linalg.eigvalsh(tg.hessian(lambda w, x=x, y=y: np.mean((x @ w - y[:, 0]) ** 2))(np.zeros(5)))
    condition[name] = curvatures[-1] / curvatures[0]
    model = tg.nn.Linear(4, 1, rng=0)
    sgd = tg.optim.SGD(model.parameters(), lr=2 / (curvatures[0] + curvatures[-1]))
    history = tg.fit(model, tg.mse_loss, (features[:-1], y), optimizer=sgd, epochs=150, progress=False)
    above[name] = np.array(history.train_loss) - np.linalg.lstsq(x, y)[1] / len(y)
    right.semilogy(above[name], style, color=colour, label=f"{name}, k = {condition[name]:,.0f}")
    print(f"weather {name}: condition number {condition[name]:,.0f}, after 150 steps {above[name][-1]:.1e} °C² to go")
right.set(xlabel="step", ylabel="MSE above the lowest (°C²)", ylim=(1e-10, 1e5), title="The best constant step")
right.legend(fontsize=8)
figure.savefig(OUTPUT / "curvature_newton.png")
