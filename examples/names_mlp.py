"""A model of names that looks at three letters: embeddings, a hidden layer, BatchNorm, and its backward pass by hand.

    python examples/names_mlp.py

Read `names.py` first. Here a letter becomes a point: its embedding, ten numbers that the network learns. Three points
go through a hidden layer, whose values BatchNorm keeps at mean 0 and variance 1. You write the backward pass by hand,
one line for each operation, and compare the gradient of every intermediate value with autodiff. Then you train.
"""

# %% The data: three letters, and the letter that follows
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from towns import CHARACTERS, contexts, sample, town_names

import tinygrad_edu as tg

OUTPUT = Path(__file__).parent / "output"
OUTPUT.mkdir(exist_ok=True)
LOOK_BACK, DIM, HIDDEN, STEPS, BATCH = 3, 10, 100, 3_000, 64

(train, valid), rng = (contexts(names, LOOK_BACK) for names in town_names()), np.random.default_rng(0)

# %% The parameters: embeddings start close together, and a small last layer makes all letters about equally likely
sizes = ("embedding", 0.1, (27, DIM)), ("w1", 0.18, (LOOK_BACK * DIM, HIDDEN)), ("w2", 0.01, (HIDDEN, 27))
parameters = {name: tg.Tensor(size * rng.normal(size=shape)) for name, size, shape in sizes}
parameters |= {"scale": tg.Tensor(np.ones(HIDDEN)), "shift": tg.Tensor(np.zeros(HIDDEN))}
parameters["b2"] = tg.Tensor(np.zeros(27))


# %% The forward pass, one operation a line
# BatchNorm subtracts the mean of the batch and divides by its standard deviation; `scale` and `shift` are learned.
def forward(p: dict[str, Any], x: Any, y: Any) -> dict[str, Any]:
    """Return every intermediate value by its name; the last one is the loss."""
    v: dict[str, Any] = {"letters": p["embedding"][x]}  # (n, 3, 10)
    v["flat"] = v["letters"].reshape(len(x), -1)  # (n, 30)
    v["hidden"] = v["flat"] @ p["w1"]  # (n, 100)
    v["mean"] = np.mean(v["hidden"], axis=0)  # (100,)
    v["centered"] = v["hidden"] - v["mean"]
    v["variance"] = np.mean(v["centered"] ** 2, axis=0)
    v["inverse"] = (v["variance"] + 1e-5) ** -0.5
    v["normal"] = v["centered"] * v["inverse"]
    v["scaled"] = v["normal"] * p["scale"] + p["shift"]
    v["active"] = np.tanh(v["scaled"])
    v["logits"] = v["active"] @ p["w2"] + p["b2"]  # (n, 27)
    v["logs"] = tg.log_softmax(v["logits"], axis=1)
    v["loss"] = -np.mean(v["logs"][np.arange(len(x)), y])
    return v


# %% The backward pass by hand, from the last line to the first
# Each line multiplies the gradient of a result by the slope of its operation. A value that was broadcast to all rows
# collects the sum over the rows. A value that is used twice adds both contributions (see "centered").
def backward(p: dict[str, Any], v: dict[str, Any], x: Any, y: Any) -> dict[str, Any]:
    """Return d loss / d value for every parameter in p and intermediate value in v, all plain arrays."""
    n, g = len(x), {"loss": np.array(1.0), "logs": np.zeros_like(v["logs"])}
    g["logs"][np.arange(n), y] = -1 / n
    g["logits"] = g["logs"] - np.exp(v["logs"]) * g["logs"].sum(axis=1, keepdims=True)  # (softmax - one-hot) / n
    g["b2"], g["w2"] = g["logits"].sum(axis=0), v["active"].T @ g["logits"]
    g["active"] = g["logits"] @ p["w2"].T
    g["scaled"] = g["active"] * (1 - v["active"] ** 2)
    g["shift"], g["scale"] = g["scaled"].sum(axis=0), (g["scaled"] * v["normal"]).sum(axis=0)
    g["normal"] = g["scaled"] * p["scale"]
    g["inverse"] = (g["normal"] * v["centered"]).sum(axis=0)
    g["variance"] = g["inverse"] * -0.5 * v["inverse"] ** 3
    g["centered"] = g["normal"] * v["inverse"] + g["variance"] * 2 * v["centered"] / n
    g["mean"] = -g["centered"].sum(axis=0)
    g["hidden"] = g["centered"] + g["mean"] / n
    g["w1"], g["flat"] = v["flat"].T @ g["hidden"], g["hidden"] @ p["w1"].T
    g["letters"] = g["flat"].reshape(n, LOOK_BACK, DIM)
    g["embedding"] = np.zeros_like(p["embedding"])
    np.add.at(g["embedding"], x, g["letters"])  # a letter that occurs k times collects k contributions
    return g


batch, difference = [part[:BATCH] for part in train], {}
values = forward(parameters, *batch)
values["loss"].backward()
plain: Any = lambda tensors: {name: t.data for name, t in tensors.items()}
by_hand = backward(plain(parameters), plain(values), *batch)
for name, tensor in {**parameters, **values}.items():
    difference[name] = float(abs(by_hand[name] - tensor.grad).max() / abs(tensor.grad).max())
    print(f"{name:10} {tensor.shape!s:14} by hand and by autodiff differ by {difference[name]:.0e} of the largest")

# %% Train, in batches of 64
adam = tg.optim.Adam(list(parameters.values()), lr=0.005)
schedule = tg.optim.lr_scheduler.CosineAnnealingLR(adam, STEPS)
step = tg.jit(lambda x, y: adam.minimize(forward(parameters, x, y)["loss"]))
for _ in range(STEPS):
    chosen = rng.integers(len(train[1]), size=BATCH)
    step(train[0][chosen], train[1][chosen])
    schedule.step()

# %% Evaluate and invent: with the mean and the variance of all training examples, because one name is not a batch
fixed = forward(weights := plain(parameters), *train)


def log_probabilities(x: Any) -> Any:
    """Return log(probability) of each next letter (n, 27), after the letters x (n, LOOK_BACK)."""
    hidden = weights["embedding"][x].reshape(len(x), -1) @ weights["w1"]
    active = np.tanh((hidden - fixed["mean"]) * fixed["inverse"] * weights["scale"] + weights["shift"])
    return tg.log_softmax(active @ weights["w2"] + weights["b2"], axis=1)


loss, valid_loss = (float(-np.mean(log_probabilities(x)[np.arange(len(y)), y])) for x, y in (train, valid))
after: Any = lambda written: np.exp(log_probabilities(np.array([([0] * LOOK_BACK + written)[-LOOK_BACK:]]))[0])
invented = sample(after, 10, np.random.default_rng(1))
print(f"\nloss {loss:.4f}; loss of the 200 other names {valid_loss:.4f} (pairs: 2.5377)\n{', '.join(invented)}")

# %% Draw the embeddings, seen from the side from which they differ most: in order along their two main axes
points = (centered := weights["embedding"] - weights["embedding"].mean(axis=0)) @ np.linalg.svd(centered)[2][:2].T
ax: Any = Figure(figsize=(8, 6), dpi=150, layout="constrained").subplots()
for (a, b), letter in zip(points.argsort(axis=0).argsort(axis=0), CHARACTERS, strict=True):
    look: Any = {"color": "#d55e00", "weight": "bold"} if letter in "aeiou" else {}
    ax.text(a, b, letter, fontsize=13, ha="center", va="center", **look)
ax.set(xlim=(-1, 27), ylim=(-1, 27), title="Letters that act alike come close: vowels are bold")
ax.set(xlabel="order along the first main axis", ylabel="order along the second main axis")
ax.figure.savefig(OUTPUT / "names_mlp.png")
