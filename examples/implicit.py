"""Differentiate through a solver: the implicit function theorem.

    python examples/implicit.py

In this lesson you learn the derivative of a number that has no formula: the solution x of an equation f(x, a) = 0,
which a solver finds in steps. Recording the steps works, but costs memory for each of them. The solution does not
depend on how it was found, and its derivative does not either. If a changes, f stays 0: df/dx dx + df/da da = 0, so

    dx/da = -(df/dx)^-1 df/da    (the implicit function theorem).

You give a solver this rule, check it on Kepler's equation, and use it to choose the penalty of a regression by descent.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

import tinygrad_edu as tg
from tinygrad_edu.viz.plot import BLUE, VERMILION

OUTPUT = Path(__file__).parent / "output"
OUTPUT.mkdir(exist_ok=True)


# %% A rule for every solver
# The solver sees plain arrays. The rule knows the equation alone: it solves one linear system with the transpose of
# df/dx, and pulls the result back through f. It is plain NumPy: on Tensors it is recorded, so second derivatives work.
def implicit(f: Callable[[Any, Any], Any], solve: Callable[[Any], Any]) -> tg.custom_vjp[[Any], Any]:
    """Return x(a), the solution of f(x, a) = 0 that `solve(a)` finds; x is a vector, a a tree."""
    solution = tg.custom_vjp(solve)

    def forward(a: Any) -> Any:
        x = solve(a)
        return x, (x, a)

    def backward(saved: Any, g: Any) -> Any:
        x, a = saved
        slope, (_, pull) = tg.jacobian(lambda x: f(x, a))(x), tg.vjp(lambda a: f(x, a), a)
        return pull(-np.linalg.solve(slope.T, g))

    solution.defvjp(forward, backward)
    return solution


# %% Kepler's equation: where is a planet?
# At the time M (an angle: 2 pi is a year) a planet on an ellipse of eccentricity e is at the angle E, and
# E - e sin E = M. There is no formula for E. Newton's method needs a few steps.
def kepler(E: Any, a: Any) -> Any:
    """Return what is 0 at the solution."""
    return E - a["e"] * np.sin(E) - a["M"]


def newton(a: Any, steps: int = 8) -> Any:
    """Return the angle E for each time M, by Newton's method."""
    E = a["M"] + 0 * a["e"]
    for _ in range(steps):
        E = E - kepler(E, a) / (1 - a["e"] * np.cos(E))
    return E


def nodes(y: tg.Tensor) -> int:
    """Return how many calls the tape behind a Tensor holds."""
    seen, stack = set(), [y]
    while stack:
        if (node := stack.pop()) not in seen and node.fun:
            seen.add(node)
            stack += [x for x in node.args if isinstance(x, tg.Tensor)]
    return len(seen)


orbit: dict[str, Any] = {"M": np.linspace(0.1, 3.0, 6), "e": 0.6}
angle, E = implicit(kepler, newton), newton(orbit)
by_theorem, by_steps = (tg.grad(lambda a, solve=solve: np.sum(solve(a)))(orbit) for solve in (angle, newton))
formula = {"M": 1 / (1 - 0.6 * np.cos(E)), "e": np.sum(np.sin(E) / (1 - 0.6 * np.cos(E)))}
error = {k: abs(by_theorem[k] - formula[k]).max() for k in orbit}
taped = {k: tg.Tensor(v) for k, v in orbit.items()}
sizes = {"steps": nodes(newton(taped)), "theorem": nodes(angle(taped))}
second = tg.grad(lambda e: np.sum(tg.grad(lambda e: np.sum(angle({**orbit, "e": e})))(e)))(0.6)
print(f"Kepler: dE/de summed = {by_theorem['e']:.9f}, through Newton's steps {by_steps['e']:.9f}")
print(f"        calls on the tape: {sizes['steps']} with the steps, {sizes['theorem']} with the theorem")

# %% Choose a penalty by descent
# Ridge regression adds a penalty: w minimizes |X w - y|^2 / n + exp(p) |w|^2. The validation loss depends on p through
# w, the solution of "the gradient is 0". Its slope by p is a gradient through the solver, so p can be trained as well.
rng = np.random.default_rng(3)
X, noise = rng.normal(size=(60, 20)), rng.normal(size=60)
y = X @ (rng.normal(size=20) * (rng.random(20) < 0.4)) + 2 * noise
train, valid = slice(0, 30), slice(30, 60)


def slope_of_loss(w: Any, p: Any) -> Any:
    """Return the gradient of the penalized training loss, which is 0 at its minimum."""
    return 2 * X[train].T @ (X[train] @ w - y[train]) / 30 + 2 * np.exp(p) * w


def minimum(p: Any) -> Any:
    """Return the minimum; any solver would do."""
    return np.linalg.solve(X[train].T @ X[train] / 30 + np.exp(p) * np.eye(20), X[train].T @ y[train] / 30)


weights = implicit(slope_of_loss, minimum)
validation: Any = lambda p: np.mean((X[valid] @ weights(p) - y[valid]) ** 2)
slope = tg.value_and_grad(validation)
path: list[Any] = [(4.0, *slope(4.0))]
for _ in range(40):
    p = path[-1][0] - 1.2 * float(path[-1][2])
    path.append((p, *slope(p)))
grid = np.linspace(-4, 4.5, 200)
losses = np.array([validation(p) for p in grid])
best = float(grid[losses.argmin()])
print(f"ridge: descent ends at p = {path[-1][0]:.2f}, loss {path[-1][1]:.4f}; on a grid the best is p = {best:.2f}")
ax: Any = Figure(figsize=(5, 3.4), dpi=150, layout="constrained").subplots()
ax.plot(grid, losses, color=BLUE, label="validation loss")
ax.plot(*np.array(path, dtype=float)[:, :2].T, "o-", color=VERMILION, markersize=3, label="descent on p")
ax.set(xlabel="log of the penalty, p", ylabel="validation loss", title="A gradient through the solver")
ax.legend(fontsize=8)
ax.figure.savefig(OUTPUT / "implicit_ridge.png")
