"""Gradient descent in four steps: forward pass, cost, gradient, adjust.

    python examples/four_steps.py

This is the first lesson. You learn the loop that trains every model. A parameter is a number that the program finds by
itself: it measures how the cost changes when the parameter changes a little, and goes downhill.
"""

# %% The data: five walks. How many minutes does one kilometer take?
# We measure each walk from the usual one: `extra` kilometers, and `minutes` in total. The usual walk takes 36 minutes.
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

import tinygrad_edu as tg
from tinygrad_edu.viz.plot import BLACK, BLUE, GREY, VERMILION

OUTPUT = Path(__file__).parent / "output"
OUTPUT.mkdir(exist_ok=True)
extra, minutes = np.array([-2.0, -1.0, 0.0, 1.0, 2.0]), np.array([13.0, 23.0, 37.0, 47.0, 62.0])
USUAL, START, RATE, STEPS = 36.0, 5.0, 0.06, 40


# %% The model has one parameter, `pace`: minutes for each kilometer. The cost says how wrong a pace is
# The cost is the mean of the squared errors. It is 0 only if every prediction is right.
def cost_of(pace: Any, usual: Any = USUAL) -> Any:
    """Return the mean squared error of the prediction pace * extra + usual, in minutes squared."""
    return np.mean((pace * extra + usual - minutes) ** 2)


# %% Find the way down without seeing the hill
# Someone who cannot see feels the slope with a stick: is it higher a little to the right, or a little to the left? Such
# a measured slope is called a finite difference. If it is positive, the cost rises to the right: go to the left.
def stick(f: Any, at: float, h: float = 1e-4) -> float:
    """Return (f(at + h) - f(at - h)) / (2 h), the slope that the stick feels."""
    return float((f(at + h) - f(at - h)) / (2 * h))


slope = stick(cost_of, START)
print(f"at a pace of {START} the cost is {cost_of(START):.1f}, and the stick feels a slope of {slope:.4f}: go right")

# %% The four steps
# `backward` computes the slope exactly, without a stick: this is the gradient. `step` subtracts RATE * gradient from
# the parameter; RATE is the learning rate, `lr`. `zero_grad` removes the old gradient first, because gradients add up.
# SGD is short for stochastic gradient descent: `batch_vs_stochastic.py` explains the first word.
pace, rows = tg.Tensor(START, label="pace"), []
sgd = tg.optim.SGD([pace], lr=RATE)
for _ in range(STEPS):
    prediction = pace * extra + USUAL  # 1. forward pass: compute the prediction
    cost = tg.mse_loss(prediction, minutes)  # 2. cost: how wrong is it?
    sgd.zero_grad()
    cost.backward()  # 3. gradient: which way is uphill, and how steep?
    rows.append([pace.item(), cost.item(), np.asarray(pace.grad)])
    sgd.step()  # 4. adjust: a small step downhill
paces, costs, slopes = np.array(rows, dtype=float).T
print(f"backward computes a slope of {slopes[0]:.4f}\n\n step    pace     cost    slope")
for i in [i for i in (0, 1, 2, 5, 10, STEPS - 1) if i < STEPS]:
    print(f"{i:5}  {paces[i]:6.3f}  {costs[i]:7.3f}  {slopes[i]:7.3f}")

# %% The place of the minimum is called arg min. It is not the smallest cost
# Here there is a formula for it, so we can check: min is a cost (in minutes squared), arg min is a pace.
arg_min = float(extra @ (minutes - USUAL) / (extra @ extra))
print(f"\narg min of the cost = {arg_min:.3f} minutes for each km; min of the cost = {cost_of(arg_min):.3f}")

# %% Two parameters: now we do not know how long the usual walk takes. The four steps do not change
# A partial derivative is the slope by one parameter while the others stay as they are. The gradient lists all of them.
both, exact = tg.Tensor([START, 30.0], label="pace and usual"), np.polyfit(extra, minutes, 1)
sgd, rows = tg.optim.SGD([both], lr=RATE), []
for _ in range(STEPS):
    prediction = both[0] * extra + both[1]  # 1. forward pass
    cost = tg.mse_loss(prediction, minutes)  # 2. cost
    sgd.zero_grad()
    cost.backward()  # 3. gradient
    rows.append([both.data.copy(), np.asarray(both.grad)])
    sgd.step()  # 4. adjust
path, (at, arrow) = np.array(rows)[:, 0], rows[0]
partial = stick(lambda pace: cost_of(pace, at[1]), at[0]), stick(lambda usual: cost_of(at[0], usual), at[1])
for name, felt, slope in zip(("pace", "usual"), partial, arrow, strict=True):
    print(f"d cost / d {name:5} at the start: by stick {felt:8.3f}, by backward {slope:8.3f}")
print(f"after {STEPS} steps: pace and usual are {both.data.round(3)}; the exact arg min is {exact.round(3)}")

# %% Along a line of equal cost the slope is zero, so the gradient is at right angles to it
# Turn the gradient by 90 degrees and feel the slope in this direction with the stick.
uphill, sideways = arrow / np.linalg.norm(arrow), np.array([-arrow[1], arrow[0]]) / np.linalg.norm(arrow)
along = {name: stick(lambda s, d=d: cost_of(*(at + s * d)), 0.0) for name, d in (("up", uphill), ("side", sideways))}
print(f"slope along the gradient {along['up']:.3f}, which is its length; at right angles to it {along['side']:.1e}")

# %% Draw both descents
picture = Figure(figsize=(10, 4.6), dpi=150, layout="constrained")
left, right = picture.subplots(1, 2, subplot_kw={"xlabel": "pace (minutes for each km)"})
grid, star = np.linspace(3, 21, 200), {"color": VERMILION, "markeredgecolor": BLACK, "markersize": 16, "zorder": 5}
left.plot(grid, [cost_of(p) for p in grid], color=BLACK, label="cost of each pace")
for i in [i for i in (0, 3, 12) if i < STEPS]:
    ends = paces[i] + np.array([-1.8, 1.8])
    left.plot(ends, costs[i] + slopes[i] * (ends - paces[i]), "--", color=BLUE, label="slope" if not i else None)
left.plot(paces, costs, "o", color=VERMILION, markeredgecolor=BLACK, label="steps")
left.plot(arg_min, cost_of(arg_min), "*", **star)
left.text(arg_min, 70, f"arg min: a pace of {arg_min:.1f}\nmin: a cost of {cost_of(arg_min):.2f}", ha="center")
left.set(title="One parameter", ylabel="cost (minutes²)", ylim=(-8, 190))
a, b = np.meshgrid(np.linspace(2, 21, 100), np.linspace(26, 45, 100))
lines = right.contour(a, b, np.vectorize(cost_of)(a, b), [5, 20, 50, 100], colors=GREY, linewidths=0.8)
right.clabel(lines, fmt="%g")
for angle in np.arange(0.2, 6, 1):  # six points on the line where the cost is 50
    p = exact + np.sqrt(50 - cost_of(*exact)) * np.array([np.cos(angle) / np.sqrt(2), np.sin(angle)])
    right.quiver(*p, *tg.grad(lambda q: cost_of(q[0], q[1]))(p), angles="xy", scale_units="xy", scale=9, color=BLUE)
right.plot([], [], color=BLUE, marker=">", label="gradient: uphill")
right.plot(*path.T, "o-", color=VERMILION, markersize=4, label="steps")
right.plot(*exact, "*", label="arg min", **star)
right.set(title="Two parameters: lines of equal cost", ylabel="usual walk (minutes)", aspect="equal")
for ax in (left, right):
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.13), ncols=3, frameon=False)
picture.savefig(OUTPUT / "four_steps.png")

# %% One parameter, two, hundreds, millions: the loop is the same, only the model grows
# The stick needs two costs for each parameter. `backward` computes all slopes in one pass.
sizes = {"this lesson": 2, "weather.py": 5, "moons.py": 337, "digits.py": 19_210, "GPT-2 (2019)": 124_439_808}
for name, size in sizes.items():
    print(f"{name:12}  {size:11,} parameters: the stick needs {2 * size:,} costs")
