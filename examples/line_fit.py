"""Gradient descent on a line: two parameters, so that the whole cost can be seen, and the way down it.

    python examples/line_fit.py

What is learnt: a cost is a surface over the parameters; its slopes by hand, by autodiff and by finite differences are
the same numbers; a step goes against them; a valley that is steep across and flat along makes the way long.
"""

# %% The data: how forgetful eight patients were after a dose of a drug; and a guess, forgetfulness = m dose + b
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

import tinygrad_edu as tg

OUTPUT = Path(__file__).parent / "output"
OUTPUT.mkdir(exist_ok=True)

dose, forgetfulness = tg.data.drug_dosage()  # (8,) in mL, and (8,)
START, RATE, EPOCHS = (0.9, 0.1), 0.01, 1_000


# %% The cost of a line is one number: the mean of its squared errors
def mse(m: Any, b: Any) -> Any:
    """The mean squared error of m dose + b; floats give a float, Tensors a Tensor."""
    return np.mean((forgetfulness - (m * dose + b)) ** 2)


# %% Its two slopes, three times
def by_hand(m: float, b: float) -> tuple[float, float]:
    """The chain rule on mean(e^2), e = y - (m x + b): the outer slope 2 e times the inner ones, -x and -1."""
    e = forgetfulness - (m * dose + b)
    return float(np.mean(2 * e * -dose)), float(np.mean(2 * e * -1))


def by_autodiff(m: float, b: float) -> tuple[float, float]:
    """The same rule, applied by the engine to each operation that it saw."""
    m_, b_ = tg.Tensor(m, label="m"), tg.Tensor(b, label="b")
    mse(m_, b_).backward()
    return float(m_.grad), float(b_.grad)  # type: ignore[arg-type]  # None only before backward


def by_differences(m: float, b: float, h: float = 1e-6) -> tuple[float, float]:
    """No rule at all: the cost a little to either side, which needs two evaluations for each parameter."""
    return (mse(m + h, b) - mse(m - h, b)) / (2 * h), (mse(m, b + h) - mse(m, b - h)) / (2 * h)


print(f"at m = {START[0]}, b = {START[1]}: MSE {mse(*START):.4f}, and its slopes")
slopes = {f.__name__: f(*START) for f in (by_hand, by_autodiff, by_differences)}
for name, (dm, db) in slopes.items():
    print(f"{name:>15}: d(MSE)/dm = {dm:.9f}  d(MSE)/db = {db:.9f}")

# %% Descent: against the slopes, 1,000 times. Ten steps cross the valley, and the others creep along its floor
path = np.empty((EPOCHS + 1, 2))
path[0] = START
for epoch in range(EPOCHS):
    path[epoch + 1] = path[epoch] - RATE * np.array(by_autodiff(*path[epoch]))
costs = np.array([mse(m, b) for m, b in path])
m, b = path[-1]

# %% Least squares has a formula as well, and curvature says how fast descent comes near it
exact_m, exact_b = np.polyfit(dose, forgetfulness, 1)
flat, steep = np.linalg.eigvalsh(tg.hessian(lambda p: mse(p[0], p[1]))(path[-1]))
print(f"\n{'epoch':>6}  {'m':>9}  {'b':>9}  {'MSE':>9}")
for epoch in (0, 1, 10, 100, EPOCHS):
    print(f"{epoch:6}  {path[epoch, 0]:9.5f}  {path[epoch, 1]:9.5f}  {costs[epoch]:9.6f}")
print(f"{'exact':>6}  {exact_m:9.5f}  {exact_b:9.5f}  {mse(exact_m, exact_b):9.6f}")
print()
for way, curvature in (("across", steep), ("along", flat)):
    left = 1 - RATE * curvature
    print(f"{way:>6} the valley: curvature {curvature:6.3f}, of the error {left:.4f} a step, {left**EPOCHS:.4f} in all")

# %% The surface with the way down, the same from above, and what it means for the line
AROUND: dict[str, Any] = {"xlim": (-1.0, 1.1), "ylim": (-0.4, 2.4)}
NAMED: dict[str, Any] = {"xlabel": "slope m (per mL)", "ylabel": "intercept b"}
LEVELS = [0.05, 0.2, 0.5, 1, 2, 4, 8, 16, 32]
shown = np.unique(np.geomspace(1, EPOCHS + 1, 48).round().astype(int)) - 1  # epochs; later steps hardly move

ax: Any = tg.plot.surface(mse, path[shown], zlabel="MSE", **AROUND, **NAMED)
ax.set_title("The cost of every line, and the way down")
ax.figure.savefig(OUTPUT / "line_surface.png")

ax = tg.plot.contours(mse, path[shown], levels=LEVELS, **AROUND, **NAMED)
ax.set_title("The same from above: lines of equal MSE")
ax.figure.savefig(OUTPUT / "line_contours.png")

# %% Both as they move. Between two steps the way follows the surface, so that it lies on it
figure = Figure(figsize=(9, 3.4), layout="constrained")
grid = figure.add_gridspec(1, 3, width_ratios=(1.2, 1, 1))
surface = figure.add_subplot(grid[0], projection="3d", title="MSE, a surface")
above, data = figure.add_subplot(grid[1], title="MSE, from above"), figure.add_subplot(grid[2])
tg.plot.surface(mse, None, surface, resolution=30, zlabel="", **AROUND, **NAMED)
surface.set(xticks=(-1, 0, 1), yticks=(0, 1, 2))
surface.set_box_aspect(None, zoom=1.05)
tg.plot.contours(mse, None, above, levels=LEVELS, **AROUND, **NAMED)
WAY: dict[str, Any] = {"color": "#d55e00", "linewidth": 2, "marker": "o", "markersize": 7, "markeredgecolor": "black"}
(on_surface,) = surface.plot([], [], [], markevery=[-1], zorder=5, **WAY)
(from_above,) = above.plot([], [], markevery=[-1], zorder=5, **WAY)


def frame(ax: Any, epoch: int) -> None:
    """The way until this epoch, on both, and the line that it has come to."""
    moments = np.geomspace(1, epoch + 1, 200) - 1
    ms, bs = (np.interp(moments, range(EPOCHS + 1), column) for column in path.T)
    on_surface.set_data_3d(ms, bs, [mse(*at) for at in zip(ms, bs, strict=True)])
    from_above.set_data(ms, bs)
    m, b = path[epoch]
    tg.plot.fit_line(dose, forgetfulness, m, b, ax, xlabel="dose (mL)", ylabel="forgetfulness")
    ax.set_title(f"epoch {epoch:,}: MSE {costs[epoch]:.3f}")
    ax.legend(loc="upper left")


gif = tg.plot.animate(frame, shown, OUTPUT / "line_descent.gif", data, fps=8, hold=2, dpi=80)
print(f"drawn: line_surface.png, line_contours.png and {gif.name}, {len(shown)} frames, in {OUTPUT}")
