"""Backpropagation on one neuron, with single numbers.

    python examples/scalar_backprop.py

In this lesson you learn what a gradient is and how to compute it. A neuron is a weighted sum of its inputs, followed by
a function, here tanh. Its operations and their results form the computational graph. The chain rule multiplies the
slopes along each path through this graph, and adds the products. One backward pass does this for all inputs at once.
Finite differences can check the result, but rounding limits their accuracy.
"""

# %% The inputs of the neuron, the output that we want, and the factor of a penalty
import math
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import tinygrad_edu as tg

OUTPUT = Path(__file__).parent / "output"
OUTPUT.mkdir(exist_ok=True)

INPUTS = {"w1": 0.5, "x1": 2.0, "w2": -1.5, "x2": 1.0, "b": 0.2}
TARGET, DECAY = 1.0, 0.1


# %% Forward pass: compute the loss
# The loss is the squared error of the neuron plus a penalty on w1. So w1 is used twice.
def forward(v: dict[str, tg.Value]) -> tg.Value:
    """Return the loss of the neuron tanh(w1 x1 + w2 x2 + b), with a label on each intermediate value."""
    p1, p2 = v["w1"] * v["x1"], v["w2"] * v["x2"]
    s = p1 + p2 + v["b"]
    out = s.tanh()
    error = (out - TARGET) ** 2
    penalty = v["w1"] ** 2 * DECAY
    loss: tg.Value = error + penalty
    for label, value in {"p1": p1, "p2": p2, "s": s, "out": out, "error": error, "penalty": penalty}.items():
        value.label = label
    loss.label = "loss"
    return loss


values = {name: tg.Value(number, label=name) for name, number in INPUTS.items()}
loss = forward(values)

# %% Backward pass: compute all gradients
# One pass from the loss back to the inputs gives the gradient of every value. The picture shows them in the graph.
loss.backward()
for suffix in ("svg", "png"):
    tg.draw(loss, rankdir="TB").save(OUTPUT / f"scalar_graph.{suffix}")

# %% Explain the backward pass, step by step
# Printed, the explanation is a table. Saved, it is a page: open it in a browser and go from step to step.
explanation = tg.explain(loss)
print(explanation, "\n")
page = explanation.save(OUTPUT / "scalar_backprop.html")

# %% The chain rule by hand
# Start at the loss and go back to each input. Multiply the slopes of the operations on the path.
w1, x1, w2, x2, b = INPUTS.values()
out = math.tanh(w1 * x1 + w2 * x2 + b)
d_out = 2 * (out - TARGET)  # d loss / d out
d_s = d_out * (1 - out**2)  # d loss / d s = d loss / d out times d out / d s; the derivative of tanh is 1 - tanh^2
by_hand = {
    "w1": d_s * x1 + DECAY * 2 * w1,  # the sum of two paths: one through the neuron, one through the penalty
    "x1": d_s * w1,
    "w2": d_s * x2,
    "x2": d_s * w2,
    "b": d_s,
}


# %% Finite differences
# Change one input by a small h in both directions, and measure how much the loss changes. No rule is needed, but each
# input needs two evaluations of the loss.
def difference(name: str, h: float) -> float:
    """Return (f(x + h) - f(x - h)) / 2h, an approximation of the derivative by the input `name`."""
    low, high = ({k: tg.Value(x + d * (k == name)) for k, x in INPUTS.items()} for d in (-h, h))
    return (forward(high).data - forward(low).data) / (2 * h)


print(f"{'':>4}  {'value':>7}  {'by hand':>12}  {'.grad':>12}  {'finite diff.':>12}")
for name, value in values.items():
    print(f"{name:>4}  {value.data:7.3f}  {by_hand[name]:12.8f}  {value.grad:12.8f}  {difference(name, 1e-5):12.8f}")

# %% Which step h is best?
# The difference to both sides is exact for a parabola. What remains is about h²/6 times the third derivative: a large
# h causes a large error. With a very small h rounding causes one, about 1/h times the rounding of the loss.
# Backpropagation has no h, and is exact up to rounding.
steps = 10.0 ** np.arange(-13, 0.5, 0.25)
errors = [max(abs(difference(name, h) - by_hand[name]) for name in values) for h in steps]
grad_error = max(abs(value.grad - by_hand[name]) for name, value in values.items())
figure = Figure(figsize=(6, 4), dpi=150, layout="constrained")
ax = figure.subplots()
ax.loglog(steps, errors, ".-", color="#0072b2", label="finite difference")
ax.axhline(grad_error or np.finfo(float).eps, color="#d55e00", linestyle="--", label=".grad, at most rounding")
ax.set(title="How wrong a finite difference is", xlabel="step h", ylabel="largest error of a gradient")
ax.annotate("rounding ~ 1/h", (1e-9, 2e-5), ha="center")
ax.annotate("third derivative ~ h²", (3e-2, 1e-9), ha="center")
ax.grid(alpha=0.3)
ax.legend()
figure.savefig(OUTPUT / "scalar_differences.png")
best_step = float(steps[np.argmin(errors)])
print(
    f"\nlargest error: .grad {grad_error:.1e}; finite differences at best {min(errors):.1e}, with h = {best_step:.1e}"
)

# %% Gradient descent: use the gradients
# A small step against the gradient makes the loss smaller. Repeat this many times.
losses = [loss.data]
for _ in range(50):
    for name in ("w1", "w2", "b"):  # the parameters; the inputs x1 and x2 are data
        values[name].data -= 0.1 * values[name].grad
        values[name].grad = 0.0  # gradients add up until they are cleared
    loss = forward(values)
    loss.backward()
    losses.append(loss.data)
print(f"the loss at first, and after each ten steps: {', '.join(f'{x:.4f}' for x in losses[::10])}")
print(f"saved: scalar_graph.svg, scalar_graph.png, scalar_differences.png and {page.name} in {OUTPUT}")
