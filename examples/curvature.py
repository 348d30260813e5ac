"""Curvature: what second derivatives tell about a loss, and about the speed of gradient descent.

    python examples/curvature.py

In this lesson you learn to read the Hessian, the matrix of second derivatives. Its eigenvalues are the curvatures along
its axes. If no eigenvalue is negative at any point, the function is convex, so each local minimum is a global one. The
largest curvature, L, limits the learning rate. The smallest, l, then determines how slow descent is along its axis. The
condition number k = L / l combines both: the larger it is, the more steps descent needs.
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

# %% Is a function convex? Compute the eigenvalues of its Hessian at 50 points
# One negative eigenvalue proves that a function is not convex. 50 points without one are no proof. But the Hessians of
# x² + 3y² and of least squares are the same at all points. The crosses are the axes of the Hessian at the origin.
surfaces: dict[str, Any] = {}
plane: Any = lambda f: lambda x, y: f([x, y])  # for plotting: a function of two numbers instead of one array
surfaces["x² + 3y²"] = lambda w: w[0] ** 2 + 3 * w[1] ** 2
surfaces["x² - y²"] = lambda w: w[0] ** 2 - w[1] ** 2
surfaces["(x² - 1)² + y²"] = lambda w: (w[0] ** 2 - 1) ** 2 + w[1] ** 2
surfaces["least squares"] = lambda w: np.mean((standard[:-1, 1:3] @ w - standard[1:, 1]) ** 2)
points = np.random.default_rng(0).uniform(-1.5, 1.5, (50, 2))
figure, lowest = Figure(figsize=(8, 2.6), dpi=150, layout="constrained"), {}
for ax, (name, f) in zip(figure.subplots(1, 4, sharey=True), surfaces.items(), strict=True):
    curvatures = np.linalg.eigvalsh([tg.hessian(f)(point) for point in points])
    lowest[name] = curvatures.min()
    verdict = "convex" if lowest[name] >= 0 else "not convex"
    plain = name.replace("²", "^2")
    print(f"{plain:17}  eigenvalues from {lowest[name]:5.2f} to {curvatures.max():5.2f}: {verdict}")
    tg.plot.contours(plane(f), None, ax, xlim=(-1.5, 1.5), ylim=(-1.5, 1.5), levels=9)
    for text in ax.texts:
        text.remove()  # the labels of the contours, because the curvatures are written here
    ax.set(xlabel="x", ylabel="y", aspect="equal", title=f"{name}\n{verdict}")
    ax.label_outer()
    for c, axis in zip(*(part.T for part in np.linalg.eigh(tg.hessian(f)(np.zeros(2)))), strict=True):
        ax.plot(*np.outer(axis, [-0.6, 0.6]), "-" if c > 0 else "--", color=BLACK if c > 0 else VERMILION, linewidth=2)
        ax.text(*0.85 * axis, f"{c:.2g}", ha="center", va="center", bbox={"color": "white", "alpha": 0.7, "pad": 1})
figure.savefig(OUTPUT / "curvature_convex.png")


# %% How fast does descent converge? Measure it on a quadratic with given curvatures
# The convergence rate is the factor by which a step multiplies the distance to the minimum.
def rate(curvatures: Any, lr: float, momentum: float = 0.0, steps: int = 300) -> float:
    """Return the convergence rate, as the geometric mean over the second half of the steps."""
    w = tg.Tensor(np.ones(len(curvatures)))
    sgd, distances = tg.optim.SGD([w], lr, momentum), []
    for _ in range(steps):
        sgd.minimize(np.sum(curvatures * w * w) / 2)
        distances.append(abs(w.data).max())
    return float((distances[-1] / distances[steps // 2 - 1]) ** (2 / steps))


# %% Draw the number of steps against the condition number
# Each run uses the best learning rate and the best momentum (Polyak 1964). Without momentum the number of steps grows
# as k, with momentum only as the square root of k.
k = np.array([2.0, 5, 10, 30, 100, 300, 1000])
root = np.sqrt(k)
theory = {"gradient descent": (k - 1) / (k + 1), "with momentum": (root - 1) / (root + 1)}
measured = {"gradient descent": [rate([1, L], 2 / (1 + L)) for L in k]}
measured["with momentum"] = [  # the distance falls as n rate**n: take many steps, so that the factor n matters little
    rate([1, r * r], (2 / (1 + r)) ** 2, ((r - 1) / (r + 1)) ** 2, steps=2 * int(50 + 40 * r)) for r in root
]
figure = Figure(**PICTURE)
left, right = figure.subplots(1, 2)
left.loglog(k, -1 / np.log10([*theory.values()]).T, color=BLACK, linewidth=0.8)
left.lines[0].set_label("theory: (k − 1)/(k + 1), (√k − 1)/(√k + 1)")  # noqa: RUF001
for (name, rates), color, marker in zip(measured.items(), (BLUE, VERMILION), "o^", strict=True):
    left.loglog(k, -1 / np.log10(rates), marker, color=color, label=f"{name}, measured")
left.set(xlabel="condition number k", ylabel="steps to shrink the distance to 1/10", ylim=(0.5, 1e5))
left.legend(fontsize=8, loc="upper left")
for name, rates in measured.items():
    error = abs(np.log(rates) / np.log(theory[name]) - 1).max()
    print(f"{name:16}  k = 1000: {-1 / np.log10(rates[-1]):4.0f} steps for each digit; within {error:.1%} of theory")

# %% Find the best learning rate
# Along an axis of curvature c, a step multiplies the distance by |1 - lr c|. A larger lr is better for the flattest
# axis, but along the steepest axis the steps begin to overshoot. The best lr makes both factors equal.
lrs = np.linspace(0.01, 0.22, 211)
swept = np.array([rate([1, 10], lr, steps=60) for lr in lrs])
print(f"curvatures 1 and 10: best lr measured {lrs[swept.argmin()]:.3f}, in theory 2 / (1 + 10) = {2 / 11:.3f}")
right.plot(lrs, np.maximum(abs(1 - lrs), abs(1 - 10 * lrs)), color=BLACK, linewidth=0.8, label="theory")
right.plot(lrs[::7], swept[::7], "o", markersize=4, color=BLUE, label="measured, curvatures 1 and 10")
right.axvline(2 / 11, color=VERMILION, linestyle="--", label="2/(1 + 10)")
right.axhspan(1, 1.25, color=BLACK, alpha=0.1, linewidth=0, label="diverges: above 2/10")
right.set(xlabel="learning rate", ylabel="distance after a step / before", ylim=(0.5, 1.25))
right.legend(fontsize=8, loc="lower left")
figure.savefig(OUTPUT / "curvature_rates.png")

# %% Newton's method uses the curvature
# It divides the step along each axis by its curvature. A quadratic needs one step, and Rosenbrock's valley six.
newton: Any = lambda f, w: w - np.linalg.solve(tg.hessian(f)(w), tg.grad(f)(w))
rosenbrock: Any = lambda w: (1 - w[0]) ** 2 + 100 * (w[1] - w[0] ** 2) ** 2
one, path = newton(surfaces["least squares"], np.ones(2)), [np.array([-1.2, 1.0])]
for _ in range(6):
    path.append(newton(rosenbrock, path[-1]))
valley = np.linalg.cond(tg.hessian(rosenbrock)(path[-1]))
per_digit = valley / 2 * np.log(10)
figure = Figure(**PICTURE)
left, right = figure.subplots(1, 2)
tg.plot.contours(plane(rosenbrock), path, left, ylim=(-4, 3), xlabel="x", ylabel="y")
left.plot(1, 1, "o", markersize=15, fillstyle="none", color=BLACK, zorder=7, label="minimum")
left.set_title("Newton: six steps to the minimum")
left.legend(loc="upper center", bbox_to_anchor=(0.5, -0.15), ncols=3, frameon=False)
print(f"Rosenbrock: Newton needs 6 steps; descent with k = {valley:.0f} needs {per_digit:.0f} steps for each digit")

# %% Standardized features give a smaller condition number
# The model is the same, but the bowl of its loss is rounder, so descent needs fewer steps.
condition, above = {}, {}
for name, features, color, style in (("as measured", days, BLUE, "-"), ("standardized", standard, VERMILION, "--")):
    x, y = np.hstack([features[:-1], np.ones((len(days) - 1, 1))]), days[1:, 1:2]  # tomorrow's maximum, in °C
    curvatures = np.linalg.eigvalsh(tg.hessian(lambda w, x=x, y=y: np.mean((x @ w - y[:, 0]) ** 2))(np.zeros(5)))
    condition[name] = curvatures[-1] / curvatures[0]
    model = tg.nn.Linear(4, 1, rng=0)
    sgd = tg.optim.SGD(model.parameters(), lr=2 / (curvatures[0] + curvatures[-1]))
    history = tg.fit(model, tg.mse_loss, (features[:-1], y), optimizer=sgd, epochs=150, progress=False)
    above[name] = np.array(history.train_loss) - np.linalg.lstsq(x, y)[1] / len(y)
    right.semilogy(above[name], style, color=color, label=f"{name}, k = {condition[name]:,.0f}")
    gap = f"{above[name][-1]:.1e} (degrees C)^2 above the minimum"
    print(f"weather {name}: condition number {condition[name]:,.0f}, loss after 150 steps {gap}")
right.set(xlabel="step", ylabel="MSE above minimum (°C²)", ylim=(1e-13, 1e5), title="The best constant learning rate")
right.legend(fontsize=8)
figure.savefig(OUTPUT / "curvature_newton.png")
