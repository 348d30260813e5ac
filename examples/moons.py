"""A neural network that separates two moons, built from single numbers and then from arrays.

    python examples/moons.py

In this lesson you learn that a neural network is one long expression of sums, products and relu. To train it, you need
only the derivatives of this expression. You build it from single numbers and from arrays: the results are the same, but
arrays are ten thousand times as fast. The idea comes from the demo of Karpathy's micrograd.
"""

# %% The data: 100 points on two moons, 50 on each. The hinge loss needs -1 and 1 as class labels
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


# %% A neuron multiplies each input by a weight, and adds the products and a bias
# Each weight is a Value. A Value that is computed from others remembers the operation, so it can pass gradients back.
def neuron(weights: list[tg.Value], bias: tg.Value, inputs: list[Any]) -> Any:
    """Return the sum w1 x1 + w2 x2 + ... + b."""
    return sum((w * x for w, x in zip(weights, inputs, strict=True)), bias)


# %% A layer is a list of neurons with the same inputs. A network is a list of layers, with an activation between them
# The activation is relu, which replaces negative numbers by 0. First make the network of arrays, with weights of shape
# (outputs, inputs). Then copy its numbers into Values.
mlp = tg.nn.MLP([2, 16, 16, 1], rng=1)
tensors = mlp.parameters()
pairs: Any = list(zip(tensors[::2], tensors[1::2], strict=True))
layers = [[([*map(tg.Value, row)], tg.Value(c)) for row, c in zip(w.data, b.data, strict=True)] for w, b in pairs]
values = [p for layer in layers for weights, bias in layer for p in (*weights, bias)]


def score(inputs: list[Any]) -> Any:
    """Return the network's output for one point. The sign is the predicted class, 1 or -1."""
    for layer in layers[:-1]:
        inputs = [neuron(weights, bias, inputs).relu() for weights, bias in layer]
    return neuron(*layers[-1][0], inputs)


# %% The loss: the mean of max(0, 1 - y score), which is 0 where y score is at least 1, plus an L2 penalty
def scalar_loss() -> Any:
    """Compute the loss with single numbers: 65,077 operations, because every point goes through every neuron."""
    hinge = sum((1 - t * score(x)).relu() for x, t in zip(X.tolist(), y[:, 0].tolist(), strict=True)) / len(X)
    return hinge + DECAY * sum(p * p for p in values)


def array_loss() -> Any:
    """Compute the same loss with arrays: 35 operations, because all points go through a layer at once."""
    return tg.hinge_loss(mlp(X), y) + DECAY * sum(np.sum(p * p) for p in tensors)


# %% Compare: both give the same loss and the same gradients, up to rounding
scalar, array = scalar_loss(), array_loss()
scalar.backward()
array.backward()
scalar_grad = np.array([p.grad for p in values])
array_grad = np.concatenate([np.column_stack([w.grad, b.grad]).ravel() for w, b in pairs])  # the order of `values`
print(f"loss {scalar.data:.15f} and {array.item():.15f}")
print(f"{len(values)} gradients; the largest difference is {abs(scalar_grad - array_grad).max():.0e}")

# %% Train the network of single numbers
# Move each number a small step against its gradient, with a rate that decreases. This is slow: take only a few steps.
rates = 1 - 0.9 * np.arange(STEPS) / STEPS
scalar_losses, start = [], perf_counter()
for rate in rates[:SCALAR_STEPS]:
    loss = scalar_loss()
    for p in values:
        p.grad = 0.0
    loss.backward()
    for p in values:
        p.data -= rate * p.grad
    scalar_losses.append(loss.data)
scalar_seconds = (perf_counter() - start) / len(scalar_losses)

# %% Train the network of arrays
# These are the same steps, but here we take all of them. tg.jit records the step once, and then replays it.
sgd = tg.optim.SGD(tensors, lr=1.0)
step = tg.jit(lambda: sgd.minimize(array_loss()))
losses, states, seconds = [array.item()], [mlp.state_dict()], np.zeros(STEPS)
for k, sgd.lr in enumerate(rates):
    start = perf_counter()
    step()
    seconds[k] = perf_counter() - start
    losses.append(array_loss().item())
    states.append(mlp.state_dict())
array_seconds = float(np.median(seconds))  # the first step takes longer, because it records
accuracy = tg.accuracy(mlp(X), moon)
print(f"a step takes {scalar_seconds * 1e3:.3g} ms with single numbers, {array_seconds * 1e3:.3g} ms with arrays")
print(f"after {STEPS} steps: loss {losses[-1]:.4f}, {accuracy:.0%} of the points classified correctly")

# %% Animate the decision boundary during training
plane, curve = Figure(figsize=(7.2, 3.4), layout="constrained").subplots(1, 2, width_ratios=(1.5, 1))
curve.semilogy(losses, color="#0072b2")
curve.set(xlabel="step", ylabel="loss", title="The loss: hinge + L2")
(dot,) = curve.plot([], [], "o", color="#d55e00", markeredgecolor="black")


def frame(ax: Any, k: int) -> None:
    """Draw how the network classifies the plane after k steps."""
    mlp.load_state_dict(states[k])
    tg.plot.decision_boundary(mlp, X, moon, ax, labels=["class -1", "class 1"], resolution=100)
    ax.legend(loc="upper right")
    ax.set_title(f"after {k} steps: {tg.accuracy(mlp(X), moon):.0%} correct")
    dot.set_data([k], [losses[k]])


shown = [k for k in (0, 1, 2, 3, 4, 6, 8, 10, 13, 16, *range(20, STEPS + 1, 5)) if k <= STEPS]
gif = tg.plot.animate(frame, shown, OUTPUT / "moons.gif", plane, fps=5, hold=2, dpi=90)
print(f"saved: {gif.name}, {len(shown)} frames, in {OUTPUT}")
