"""A neural network out of single numbers, the same network out of arrays, and how it learns to part two moons.

    python examples/moons.py

What is learnt: a network is one long expression of sums, products and relu, whose derivatives are all that training
needs; arrays come to the same numbers, ten thousand times as fast. The demo is that of Karpathy's micrograd.
"""

# %% The data: 100 points on two moons, 50 of each; their classes as -1 and 1, as the hinge loss wants them
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from matplotlib.figure import Figure

import tinygrad_edu as tg

OUTPUT = Path(__file__).parent / "output"
OUTPUT.mkdir(exist_ok=True)
STEPS, SCALAR_STEPS, DECAY = 100, 5, 1e-4
X, moon = tg.data.make_moons(100, noise=0.1, rng=0)
y = 2.0 * moon[:, None] - 1


# %% A neuron weighs its inputs and adds them up. Each of its numbers is a Value, which remembers how it was made
def neuron(weights: Sequence[tg.Value], bias: tg.Value, inputs: Sequence[Any]) -> Any:
    """The sum w1 x1 + w2 x2 + ... + b."""
    return sum((w * x for w, x in zip(weights, inputs, strict=True)), bias)


# %% A layer is a list of neurons that see the same inputs; a network is a list of layers with relu between them
mlp = tg.nn.MLP([2, 16, 16, 1], rng=1)  # the same of arrays, whose weights (out, in) and biases are the start of both
tensors = mlp.parameters()
pairs: Any = list(zip(tensors[::2], tensors[1::2], strict=True))
layers = [[([*map(tg.Value, row)], tg.Value(c)) for row, c in zip(w.data, b.data, strict=True)] for w, b in pairs]
values = [p for layer in layers for weights, bias in layer for p in (*weights, bias)]


def score(inputs: Sequence[Any]) -> Any:
    """The network's output for one point: above 0 it says class 1, below class -1."""
    for layer in layers[:-1]:
        inputs = [neuron(*own, inputs).relu() for own in layer]
    return neuron(*layers[-1][0], inputs)


# %% The loss: max(0, 1 - y score), which asks for scores beyond 1 on the right side, and a price on large weights (L2)
def scalar_loss() -> Any:
    """65,077 operations on single numbers: every point goes through every neuron."""
    hinge = sum((1 - t * score(x)).relu() for x, t in zip(X.tolist(), y[:, 0].tolist(), strict=True)) / len(X)
    return hinge + DECAY * sum(p * p for p in values)


def array_loss() -> Any:
    """The same in 35 operations on arrays: all points go through a layer at once."""
    return tg.hinge_loss(mlp(X), y) + DECAY * sum(np.sum(p * p) for p in tensors)


# %% Both give the same loss and, by the same rules, the same gradient of every weight, to rounding
scalar, array = scalar_loss(), array_loss()
scalar.backward()
array.backward()
scalar_grad = np.array([p.grad for p in values])
array_grad = np.concatenate([np.column_stack([w.grad, b.grad]).ravel() for w, b in pairs])  # neuron by neuron
print(f"loss {scalar.data:.15f} and {array.item():.15f}")
print(f"{len(values)} gradients, which differ by {abs(scalar_grad - array_grad).max():.0e}")

# %% Training single numbers: each a little against its gradient, by less and less. It is slow, so a few steps must do
rates = 1 - 0.9 * np.arange(STEPS) / STEPS
scalar_losses, start = np.zeros(SCALAR_STEPS), perf_counter()
for k in range(SCALAR_STEPS):
    loss = scalar_loss()
    for p in values:
        p.grad = 0.0
    loss.backward()
    for p in values:
        p.data -= rates[k] * p.grad
    scalar_losses[k] = loss.data
scalar_seconds = (perf_counter() - start) / SCALAR_STEPS

# %% Training arrays: the same steps, all of them, recorded once and replayed
sgd = tg.optim.SGD(tensors, lr=1.0)
step = tg.jit(lambda: sgd.minimize(array_loss()))
losses, states, seconds = [array.item()], [mlp.state_dict()], np.zeros(STEPS)
for k, sgd.lr in enumerate(rates):
    start = perf_counter()
    step()
    seconds[k] = perf_counter() - start
    losses.append(array_loss().item())
    states.append(mlp.state_dict())
array_seconds = float(np.median(seconds))  # the first, which records, takes longer
accuracy = tg.accuracy(mlp(X), moon)
print(f"a step takes {scalar_seconds * 1e3:.3g} ms with single numbers, {array_seconds * 1e3:.3g} ms with arrays")
print(f"after {STEPS} steps: loss {losses[-1]:.4f}, {accuracy:.0%} of the points on their side")

# %% How the boundary moves
figure = Figure(figsize=(7.2, 3.4), layout="constrained")
plane, curve = figure.subplots(1, 2, width_ratios=(1.5, 1))
curve.semilogy(losses, color="#0072b2")
curve.set(xlabel="step", ylabel="loss", title="The loss: hinge + L2")
(dot,) = curve.plot([], [], "o", color="#d55e00", markeredgecolor="black")


def frame(ax: Any, k: int) -> None:
    """The plane as the network after k steps divides it."""
    mlp.load_state_dict(states[k])
    tg.plot.decision_boundary(mlp, X, moon, ax, labels=["class -1", "class 1"], resolution=100)
    ax.legend(loc="upper right")
    ax.set_title(f"after {k} steps: {tg.accuracy(mlp(X), moon):.0%} right")
    dot.set_data([k], [losses[k]])


shown = [0, 1, 2, 3, 4, 6, 8, 10, 13, 16, *range(20, STEPS + 1, 5)]
gif = tg.plot.animate(frame, shown, OUTPUT / "moons.gif", plane, fps=5, hold=2, dpi=90)
print(f"drawn: {gif.name}, {len(shown)} frames, in {OUTPUT}")
