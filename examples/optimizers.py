"""Compare seven optimizers on four test functions: a curved valley, a plateau, a saddle and a ravine.

    python examples/optimizers.py

In this lesson you learn how optimizers differ. If a function is steep in one direction and flat in another, plain
gradient descent is slow, and momentum is faster. Optimizers that divide by the size of past gradients leave a saddle
quickly. No optimizer is best everywhere. To be fair, each one gets the best of ten learning rates. Try other starting
points, or add a test function.
"""

# %% The test functions
# Each has a function of x and y, a starting point, limits of its picture (left, right, bottom, top), and its minima.
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

import tinygrad_edu as tg
from tinygrad_edu.viz.plot import BLACK, CLASSES, MARKERS, VERMILION

OUTPUT = Path(__file__).parent / "output"
OUTPUT.mkdir(exist_ok=True)
STEPS, LOW, RATES = 500, 0.01, (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
beale: Any = lambda x, y: (1.5 - x + x * y) ** 2 + (2.25 - x + x * y**2) ** 2 + (2.625 - x + x * y**3) ** 2
LANDSCAPES: dict[str, tuple[Any, ...]] = {
    # A valley along y = x^2. Its curvature across is 2,500 times the curvature along its floor.
    "Rosenbrock": (lambda x, y: (1 - x) ** 2 + 100 * (y - x**2) ** 2, (-1.5, 2.0), (-2.0, 2.0, -1.0, 3.0), [(1, 1)]),
    "Beale": (beale, (1.0, 1.5), (-0.5, 4.5, -1.5, 2.0), [(3, 0.5)]),  # a plateau between steep walls
    # A saddle at (0, 0), which rises along x and falls along y. Descent first goes there.
    "Saddle": (lambda x, y: 5 * x**2 + (1 - y**2) ** 2 / 4, (-1.5, 0.001), (-2.0, 1.0, -1.5, 1.5), [(0, 1), (0, -1)]),
    # A straight valley, not parallel to the axes. The curvature across is 40 times that along.
    "Ravine": (lambda x, y: ((3*x + y) ** 2 + 40 * (3*y - x) ** 2) / 20, (-2.0, -0.2), (-2.5, 1, -1.5, 1.5), [(0, 0)]),
}  # fmt: skip
OPTIMIZERS: dict[str, Any] = {
    "SGD": tg.optim.SGD,
    "momentum": lambda params, lr: tg.optim.SGD(params, lr, momentum=0.9),
    "Nesterov": lambda params, lr: tg.optim.SGD(params, lr, momentum=0.9, nesterov=True),
    **{name: getattr(tg.optim, name) for name in ("Adagrad", "RMSprop", "Adam", "AdamW")},
}


# %% Run one optimizer with one learning rate
# Five points start close to each other, so that one lucky path does not decide which learning rate is best.
# The first is `start` itself. All stop early if one diverges.
def descend(f: Any, start: tuple[float, float], make: Any, lr: float) -> tuple[int, float, Any]:
    """Return (steps until all five losses stay below LOW, or STEPS + 1; the largest at the end; the first path)."""
    points = tg.Tensor(np.reshape(start, (2, 1)) + 0.05 * np.array([[0, 1, -1, 0, 0], [0, 0, 0, 1, -1]]))
    optimizer = make([points], lr)
    step = tg.jit(lambda: optimizer.minimize(np.sum(f(points[0], points[1]))))
    path = [points.data.copy()]
    while len(path) <= STEPS and abs(path[-1]).max() < 10:
        step()
        path.append(points.data.copy())
    highest = f(*np.stack(path, axis=1)).max(axis=1)
    needed = STEPS + 1 if len(path) <= STEPS else int(np.flatnonzero(highest >= LOW)[-1]) + 1
    return needed, float(highest[-1]), np.array(path)[:, :, 0]


# %% Find the best learning rate for each optimizer and function
# The best rate needs the fewest steps. If no rate succeeds, the best one has the lowest loss at the end.
paths, rates, steps = {}, {}, {}
for land, (f, start, *_) in LANDSCAPES.items():
    print(f"\n{land:10}  rate  steps to {LOW}  loss after {STEPS}")
    for name, make in OPTIMIZERS.items():
        tries = {lr: descend(f, start, make, lr) for lr in RATES}
        lr = rates[land, name] = min(RATES, key=lambda lr: tries[lr][:2])
        steps[land, name], loss, paths[land, name] = tries[lr]
        print(f"{name:10} {lr:5g}  {steps[land, name] if steps[land, name] <= STEPS else '-':>13}  {loss:14.1e}")


# %% Draw every path in a picture of its own
# The limits of a row contain all its paths. Contours of the logarithm of the loss show small losses, too.
def chart(ax: Any, land: str, **names: str) -> None:
    """Draw the contours of a landscape, and its minima, within limits that contain all paths."""
    f, _, (left, right, bottom, top), minima = LANDSCAPES[land]
    points = np.concatenate([[(left, bottom), (right, top)], *(paths[land, name] for name in OPTIMIZERS)])
    low, high = points.min(axis=0), points.max(axis=0)
    xs, ys = np.linspace(low - 0.03 * (high - low), high + 0.03 * (high - low), 200).T
    losses = f(*np.meshgrid(xs, ys))
    ax.contour(xs, ys, np.log10(losses + LOW), 9, colors="#a0a0a0", linewidths=0.4, linestyles="solid")
    ax.set(xticks=[], yticks=[], xlim=(xs[0], xs[-1]), ylim=(ys[0], ys[-1]), **names)
    ax.plot(*np.transpose(minima), "o", color=BLACK, fillstyle="none", markersize=10, zorder=4, label="minimum")


RED: dict[str, Any] = {"color": VERMILION, "markeredgecolor": BLACK, "zorder": 5, "linewidth": 1.2}
figure = Figure(figsize=(12, 8), dpi=150, layout="constrained")
figure.suptitle(f"Steps until the loss stays below {LOW}, with the best learning rate of each optimizer")
axes: Any = figure.subplots(len(LANDSCAPES), len(OPTIMIZERS))
for (land, name), ax in zip(paths, axes.flat, strict=True):
    chart(ax, land, title=name if land == "Rosenbrock" else "", ylabel=land if name == "SGD" else "")
    ax.plot(*paths[land, name].T, marker="s", markersize=5, markevery=[0], label="path, from its start", **RED)
    ax.plot(*paths[land, name][-1], marker="*", linestyle="", markersize=9, label=f"after {STEPS} steps", **RED)
    ax.set_xlabel(f"{steps[land, name]} steps" if steps[land, name] <= STEPS else f"not in {STEPS}")
figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False)
figure.savefig(OUTPUT / "optimizers.png")

# %% Animate all paths together: each optimizer has its color, line and marker
figure = Figure(figsize=(7.2, 6.6), layout="constrained")
drawn = figure.subplot_mosaic([["names"] * 2, *np.reshape([*LANDSCAPES], (2, 2)).tolist()], height_ratios=(1.2, 4, 4))
moving, lines = [], ("-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1)), (0, (1, 1)))
for land in LANDSCAPES:
    chart(drawn[land], land, title=land)
    for name, color, marker, line in zip(OPTIMIZERS, (*CLASSES[:6], BLACK), MARKERS, lines, strict=True):
        look: dict[str, Any] = {"color": color, "marker": marker, "linestyle": line, "mec": BLACK, "linewidth": 1.3}
        moving.append((drawn[land].plot([], [], markevery=[-1], zorder=5, label=name, **look)[0], paths[land, name]))


def frame(ax: Any, k: int) -> None:
    """Draw each path until step k."""
    for line, path in moving:
        line.set_data(*path[: k + 1].T)
    ax.set_axis_off()
    handles = [line for line, _ in moving[:7]] + [drawn["Ravine"].lines[0]]
    ax.legend(handles=handles, ncols=4, loc="center", title=f"after {k} steps")


shown = [0, *np.unique(np.geomspace(1, STEPS, 40).round().astype(int)).tolist()]
gif = tg.plot.animate(frame, shown, OUTPUT / "optimizers.gif", drawn["names"], fps=6, hold=2, dpi=120)
print(f"saved: optimizers.png and {gif.name}, {len(shown)} frames, in {OUTPUT}")
