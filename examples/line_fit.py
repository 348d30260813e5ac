"""Fit a line with gradient descent, and look at the cost surface.

    python examples/line_fit.py

In this lesson you learn what a cost function is: a surface over the parameters. A line has only two parameters, so you
can see the whole surface. You compute its slopes in three ways (by hand, by autodiff, by finite differences) and get
the same numbers. Then you follow the slopes downhill, and see why descent is slow in a long, narrow valley.
"""

# %% The data: the dose of a drug that eight patients took, and how forgetful they were afterwards
# The model is a line, forgetfulness = m dose + b. We start with a guess for m and b.
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

import tinygrad_edu as tg

OUTPUT = Path(__file__).parent / "output"
OUTPUT.mkdir(exist_ok=True)

dose, forgetfulness = tg.data.drug_dosage()  # (8,) in mL, and (8,)
START, RATE, EPOCHS = (0.9, 0.1), 0.01, 1_000


# %% The cost function: one number that says how badly a line fits
def mse(m: Any, b: Any) -> Any:
    """Return the mean squared error of the line m dose + b: a float for floats, a Tensor for Tensors."""
    return np.mean((forgetfulness - (m * dose + b)) ** 2)


# %% The slopes of the cost by m and by b, computed in three ways
def by_hand(m: float, b: float) -> tuple[float, float]:
    """Use the chain rule: mean(e^2) with e = y - (m x + b) has the outer slope 2 e and the inner slopes -x and -1."""
    e = forgetfulness - (m * dose + b)
    return float(np.mean(2 * e * -dose)), float(np.mean(2 * e * -1))


def by_autodiff(m: float, b: float) -> tuple[float, float]:
    """Let the engine apply the chain rule to each operation that it recorded."""
    m_, b_ = tg.Tensor(m, label="m"), tg.Tensor(b, label="b")
    mse(m_, b_).backward()
    return float(m_.grad), float(b_.grad)  # type: ignore[arg-type]  # None only before backward


def by_differences(m: float, b: float, h: float = 1e-6) -> tuple[float, float]:
    """Use finite differences: no rule, but two evaluations of the cost for each parameter."""
    return (mse(m + h, b) - mse(m - h, b)) / (2 * h), (mse(m, b + h) - mse(m, b - h)) / (2 * h)


print(f"at m = {START[0]}, b = {START[1]}: MSE {mse(*START):.4f}, and its slopes")
slopes = {f.__name__: f(*START) for f in (by_hand, by_autodiff, by_differences)}
for name, (dm, db) in slopes.items():
    print(f"{name:>15}: d(MSE)/dm = {dm:.9f}  d(MSE)/db = {db:.9f}")

# %% Gradient descent: take 1,000 steps against the slopes
# A step here uses all data once: an epoch. Ten steps cross the valley; all the others move slowly along its floor.
path = np.full((EPOCHS + 1, 2), START)
for epoch in range(EPOCHS):
    path[epoch + 1] = path[epoch] - RATE * np.array(by_autodiff(*path[epoch]))
costs = np.array([mse(m, b) for m, b in path])
m, b = path[-1]

# %% Compare with the exact solution
# Least squares also has a formula. A curvature says how fast a slope changes. Those of the cost tell how fast descent
# approaches the solution: a step multiplies the error in the direction of each by (1 - learning rate * curvature).
exact_m, exact_b = np.polyfit(dose, forgetfulness, 1)
flat, steep = np.linalg.eigvalsh(tg.hessian(lambda p: mse(p[0], p[1]))(path[-1]))
print(f"\n{'epoch':>6}  {'m':>9}  {'b':>9}  {'MSE':>9}")
for epoch in [i for i in (0, 1, 10, 100, EPOCHS) if i <= EPOCHS]:
    print(f"{epoch:6}  {path[epoch, 0]:9.5f}  {path[epoch, 1]:9.5f}  {costs[epoch]:9.6f}")
print(f"{'exact':>6}  {exact_m:9.5f}  {exact_b:9.5f}  {mse(exact_m, exact_b):9.6f}\n")
for direction, curvature in (("across", steep), ("along", flat)):
    factor = 1 - RATE * curvature
    print(f"{direction:>6} the valley: curvature {curvature:6.3f}; a step multiplies the error by", end=" ")
    print(f"{factor:.4f}, all steps by {factor**EPOCHS:.4f}")

# %% Draw the cost surface with the path of descent, from the side and from above
AROUND: dict[str, Any] = {"xlim": (-1.0, 1.1), "ylim": (-0.4, 2.4)}
NAMED: dict[str, Any] = {"xlabel": "slope m (per mL)", "ylabel": "intercept b"}
LEVELS = [0.05, 0.2, 0.5, 1, 2, 4, 8, 16, 32]
shown = np.unique(np.geomspace(1, EPOCHS + 1, 48).round().astype(int)) - 1  # epochs to draw
figures = [Figure(figsize=(6, 4), dpi=150, layout="constrained") for _ in range(2)]
ax: Any = tg.plot.surface(mse, path[shown], figures[0].add_subplot(projection="3d"), zlabel="MSE", **AROUND, **NAMED)
ax.set_title("The cost of every line, and the path of descent")
figures[0].savefig(OUTPUT / "line_surface.png")

ax = tg.plot.contours(mse, path[shown], figures[1].add_subplot(), levels=LEVELS, **AROUND, **NAMED)
ax.set_title("The same from above: lines of equal MSE")
figures[1].savefig(OUTPUT / "line_contours.png")

# %% Animate the descent: the surface, the contours, and the line
figure = Figure(figsize=(9, 3.4), layout="constrained")
grid = figure.add_gridspec(1, 3, width_ratios=(1.2, 1, 1))
surface = figure.add_subplot(grid[0], projection="3d", title="MSE, a surface")
above, data = figure.add_subplot(grid[1], title="MSE, from above"), figure.add_subplot(grid[2])
tg.plot.surface(mse, None, surface, resolution=30, zlabel="", **AROUND, **NAMED)
surface.set(xticks=(-1, 0, 1), yticks=(0, 1, 2))
surface.set_box_aspect(None, zoom=1.05)
tg.plot.contours(mse, None, above, levels=LEVELS, **AROUND, **NAMED)
STYLE: dict[str, Any] = {"color": "#d55e00", "linewidth": 2, "marker": "o", "markersize": 7, "markeredgecolor": "black"}
(on_surface,) = surface.plot([], [], [], markevery=[-1], zorder=5, **STYLE)
(from_above,) = above.plot([], [], markevery=[-1], zorder=5, **STYLE)


def frame(ax: Any, epoch: int) -> None:
    """Draw the path until this epoch on the surface and on the contours, and the line of this epoch."""
    moments = np.geomspace(1, epoch + 1, 200) - 1  # between two steps, too, the path follows the surface
    ms, bs = (np.interp(moments, range(EPOCHS + 1), column) for column in path.T)
    on_surface.set_data_3d(ms, bs, [mse(*at) for at in zip(ms, bs, strict=True)])
    from_above.set_data(ms, bs)
    m, b = path[epoch]
    tg.plot.fit_line(dose, forgetfulness, m, b, ax, xlabel="dose (mL)", ylabel="forgetfulness")
    ax.set_title(f"epoch {epoch:,}: MSE {costs[epoch]:.3f}")
    ax.legend(loc="upper left")


gif = tg.plot.animate(frame, shown, OUTPUT / "line_descent.gif", data, fps=8, hold=2, dpi=80)
print(f"saved: line_surface.png, line_contours.png and {gif.name}, {len(shown)} frames, in {OUTPUT}")
