"""A neuron by hand: one expression of plain numbers, its graph, and the chain rule beside `.grad`.

    python examples/scalar_backprop.py

What is learnt: a derivative is a slope; the chain rule multiplies along a way through the graph and adds over ways;
reverse mode does that for all inputs in one walk; finite differences check it, within what rounding leaves them.
"""

# %% The numbers, and what will be computed of them
import math
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import tinygrad_edu as tg

OUTPUT = Path(__file__).parent / "output"
OUTPUT.mkdir(exist_ok=True)

INPUTS = {"w1": 0.5, "x1": 2.0, "w2": -1.5, "x2": 1.0, "b": 0.2}
TARGET, DECAY = 1.0, 0.1


# %% Forward: a neuron, the square of its error, and a penalty on w1, which is therefore used twice
def forward(v: dict[str, tg.Value]) -> tg.Value:
    """The loss of the neuron tanh(w1 x1 + w2 x2 + b); each step gets a name, for the picture."""
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

# %% Backward: one walk from the loss to the inputs, and every number's gradient is known
loss.backward()
for suffix in ("svg", "png"):
    tg.draw(loss, rankdir="TB").save(OUTPUT / f"scalar_graph.{suffix}")

# %% The same walk in slow motion: a table here, and a page to step through in the browser
explanation = tg.explain(loss)
print(explanation, "\n")
page = explanation.save(OUTPUT / "scalar_backprop.html")

# %% The chain rule by hand: multiply the slopes along the way from the loss down to each input ...
w1, x1, w2, x2, b = INPUTS.values()
out = math.tanh(w1 * x1 + w2 * x2 + b)
d_out = 2 * (out - TARGET)  # d loss / d out
d_s = d_out * (1 - out**2)  # ... times d out / d s, as the derivative of tanh is 1 - tanh^2
by_hand = {
    "w1": d_s * x1 + DECAY * 2 * w1,  # ... and add over ways: one through the neuron, one through the penalty
    "x1": d_s * w1,
    "w2": d_s * x2,
    "x2": d_s * w2,
    "b": d_s,
}


# %% Finite differences: move one input a little to either side, and see how far the loss moves
def difference(name: str, h: float) -> float:
    """(f(x + h) - f(x - h)) / 2h, which needs two evaluations for each input."""
    low, high = ({k: tg.Value(x + d * (k == name)) for k, x in INPUTS.items()} for d in (-h, h))
    return (forward(high).data - forward(low).data) / (2 * h)


print(f"{'':>4}  {'value':>7}  {'by hand':>12}  {'.grad':>12}  {'difference':>12}")
for name, value in values.items():
    print(f"{name:>4}  {value.data:7.3f}  {by_hand[name]:12.8f}  {value.grad:12.8f}  {difference(name, 1e-5):12.8f}")

# %% Which step h? A large one misses the curve of the function, a tiny one drowns in rounding; .grad has no h
steps = 10.0 ** np.arange(-13, 0.5, 0.25)
errors = [max(abs(difference(name, h) - by_hand[name]) for name in values) for h in steps]
grad_error = max(abs(value.grad - by_hand[name]) for name, value in values.items())
figure = Figure(figsize=(6, 4), dpi=150, layout="constrained")
ax = figure.subplots()
ax.loglog(steps, errors, ".-", color="#0072b2", label="finite difference")
ax.axhline(grad_error or np.finfo(float).eps, color="#d55e00", linestyle="--", label=".grad")
ax.set(title="How wrong a finite difference is", xlabel="step h", ylabel="largest error of a gradient")
ax.annotate("rounding ~ 1/h", (1e-9, 2e-5), ha="center")
ax.annotate("curvature ~ h²", (1e-2, 2e-8), ha="center")
ax.grid(alpha=0.3)
ax.legend()
figure.savefig(OUTPUT / "scalar_differences.png")
best_step = float(steps[np.argmin(errors)])
print(
    f"\nlargest error: .grad {grad_error:.1e}; finite differences at best {min(errors):.1e}, with h = {best_step:.1e}"
)

# %% What gradients are for: a small step against each makes the loss smaller, again and again
losses = [loss.data]
for _ in range(50):
    for name in ("w1", "w2", "b"):  # what a neuron learns; the data stay
        values[name].data -= 0.1 * values[name].grad
        values[name].grad = 0.0  # gradients add up until they are cleared
    loss = forward(values)
    loss.backward()
    losses.append(loss.data)
print(f"the loss after 0, 1, 10 and 50 steps: {', '.join(f'{losses[i]:.4f}' for i in (0, 1, 10, 50))}")
print(f"drawn: scalar_graph.svg, scalar_graph.png, scalar_differences.png and {page.name} in {OUTPUT}")
