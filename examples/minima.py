"""Local and global minima: where descent ends depends on where it starts, and noise can help.

    python examples/minima.py

In this lesson the cost has many valleys. The lowest point of a valley is a local minimum; the lowest of all is the
global minimum. Descent stops in the valley in which it starts. You measure how many of 200 random starts reach the
global minimum, and what changes it: noise of single examples, momentum, restarts. You also meet saddle points.
"""

# %% The task: find the frequency and the phase of a tone, sin(2 t + 1), from 40 noisy measurements
# The phase is an angle, in radians (rad); the frequency, here 2, says how many radians are added in a second. A wrong
# frequency can fit a part of the data well. So the cost has local minima.
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

import tinygrad_edu as tg
from tinygrad_edu.viz.plot import BLACK, CLASSES, MARKERS, VERMILION

OUTPUT = Path(__file__).parent / "output"
OUTPUT.mkdir(exist_ok=True)
STARTS, STEPS, RATE = 200, 1_500, 0.03

rng = np.random.default_rng(0)
time = np.sort(rng.uniform(0, 2 * np.pi, 40))
tone = np.sin(2 * time + 1) + 0.2 * rng.normal(size=40)
starts = np.stack([rng.uniform(0, 4, STARTS), rng.uniform(-np.pi, np.pi, STARTS)])


def cost_of(w: Any, t: Any = time[:, None], y: Any = tone[:, None]) -> Any:
    """Return the mean squared error of sin(w[0] t + w[1]), one number for each column of w (2, n)."""
    return np.mean((np.sin(w[0] * t + w[1]) - y) ** 2, axis=0)


# %% Descend from all 200 starts at once
# Each column of w is a run of its own. The cost is a sum over the runs, so no run changes the gradient of another.
def descend(w0: Any, batch: int | None = None, momentum: float = 0.0, steps: int = STEPS) -> tuple[Any, Any]:
    """Return the ends (2, n) of the runs from w0 (2, n), and their costs (n,). The rate falls to 0 as a cosine."""
    w = tg.Tensor(w0, label="w")
    sgd, rng = tg.optim.SGD([w], RATE, momentum=momentum), np.random.default_rng(1)
    schedule = tg.optim.lr_scheduler.CosineAnnealingLR(sgd, steps)
    step = tg.jit(lambda t, y: sgd.minimize(np.sum(cost_of(w, t, y))))
    examples = np.arange(len(time))[:, None]
    for _ in range(steps):
        if batch:  # each run draws examples of its own
            examples = rng.integers(len(time), size=(batch, w0.shape[1]))
        step(time[examples], tone[examples])
        schedule.step()
    return w.data, cost_of(w.data)


settings: dict[str, Any] = {"full batch": {}, "momentum 0.9": {"momentum": 0.9}, "single examples": {"batch": 1}}
results = {name: descend(starts, **setting) for name, setting in settings.items()}
lowest = min(costs.min() for _, costs in results.values())
reached = {name: int((costs < lowest + 0.05).sum()) for name, (_, costs) in results.items()}
for name, n in reached.items():
    print(f"{name:15}  {n:3} of {STARTS} starts reach the global minimum, a cost of {lowest:.3f}")

# %% Restarts: try k random starts, and keep the best
# If a start succeeds with probability p, then at least one of k succeeds with probability 1 - (1 - p)**k.
p, tries = reached["full batch"] / STARTS, np.arange(1, 9)
groups = results["full batch"][1][np.random.default_rng(2).integers(STARTS, size=(5_000, 8))]
best_of = np.array([(groups[:, :k].min(axis=1) < lowest + 0.05).mean() for k in tries])
theory = 1 - (1 - p) ** tries
print(f"the best of 5 starts: {best_of[4]:.1%} measured, {theory[4]:.1%} in theory")

# %% Momentum rolls over small bumps
# With momentum a step also continues the last step, like a ball that rolls. In the task above it does not help, because
# the hills between the valleys are high. It helps on a slope with ripples.
ripples: Any = lambda x: x**2 / 4 - 0.4 * np.cos(4 * x)
rolled = {}
for name, momentum in (("without momentum", 0.0), ("momentum 0.9", 0.9)):
    x = tg.Tensor(4.0, label="x")
    sgd, rolled[name] = tg.optim.SGD([x], 0.02, momentum=momentum), [4.0]
    for _ in range(200):
        sgd.minimize(ripples(x))
        rolled[name].append(x.item())
    print(f"on the ripples, {name:16}: x ends at {x.item():.3f}")

# %% A saddle point: the gradient is zero, but it is not a minimum
# Newton's method goes to a point where the gradient is zero, of whatever kind. The signs of the curvatures say which
# kind: at a minimum all are positive; at a saddle point the cost rises along one axis and falls along another.
point: Any = lambda w: cost_of(w[:, None])[0]
saddle = np.array([1.1, 1.0])
for _ in range(20):
    saddle = saddle - np.linalg.solve(tg.hessian(point)(saddle), tg.grad(point)(saddle))
curvatures, axes = np.linalg.eigh(tg.hessian(point)(saddle))
ends, _ = descend((saddle + 0.01 * np.array([-axes[:, 0], axes[:, 0]])).T)
print(f"saddle point at {saddle.round(3)}: the slopes are 0, and the curvatures {curvatures.round(3)}")
print(f"descent from its two sides ends in two minima, at {ends[:, 0].round(2)} and {ends[:, 1].round(2)}")

# %% Draw the map of basins, the ripples and the restarts
# The basin of a minimum is the set of all starts from which descent reaches it.
frequency, phase = np.meshgrid(np.linspace(0, 4, 50), np.linspace(-np.pi, np.pi, 40))
basins = descend(np.stack([frequency.ravel(), phase.ravel()]), steps=300)[1].reshape(frequency.shape)
figure = Figure(figsize=(12, 4.4), dpi=150, layout="constrained")
left, middle, right = figure.subplots(1, 3, width_ratios=(1.7, 1, 1))
map_ = left.pcolormesh(frequency, phase, basins, cmap="Blues_r", vmin=0, vmax=1)
figure.colorbar(map_, ax=left, label="cost where descent from here ends")
good = results["single examples"][1] < lowest + 0.05
for mask, marker, name in ((good, "o", "reach it with noise"), (~good, "x", "do not")):
    left.plot(*starts[:, mask], marker, color=BLACK, markersize=3, label=f"{mask.sum()} starts {name}")
star: dict[str, Any] = {"linestyle": "", "color": VERMILION, "markeredgecolor": BLACK, "zorder": 5}
left.plot(*ends[:, 0], marker="*", markersize=18, label="global minimum", **star)
left.plot(*saddle, marker="D", markersize=8, label="saddle point", **star)
left.set(title="Basins of the full batch", xlabel="frequency at the start (rad/s)", ylabel="phase at the start (rad)")
left.legend(loc="upper center", bbox_to_anchor=(0.5, -0.14), ncols=2, frameon=False)
middle.plot(np.linspace(-2, 5, 300), ripples(np.linspace(-2, 5, 300)), color=BLACK)
for (name, xs), color, marker in zip(rolled.items(), CLASSES, MARKERS, strict=False):
    middle.plot(xs[:40], ripples(np.array(xs[:40])), marker, color=color, markersize=4, label=name)
    middle.plot(xs[-1], ripples(xs[-1]), marker, color=color, markersize=11, markeredgecolor=BLACK)
middle.set(title="A slope with ripples", xlabel="x", ylabel="cost")
right.plot(tries, theory, color=BLACK, label=f"theory, p = {p:.2f}")
right.plot(tries, best_of, "o", color=VERMILION, label="measured")
right.set(title="The best of k starts", xlabel="k", ylabel="probability of the global minimum", ylim=(0, 1.02))
for ax in (middle, right):
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.14), frameon=False)
figure.savefig(OUTPUT / "minima.png")
