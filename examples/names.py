"""A model of names: which letter comes next? First by counting pairs, then with a network that finds the same.

    python examples/names.py

In this lesson you build a language model, the smallest one: it looks at one letter and says how likely each letter is
to come next. You make it twice. By counting, it is a table of 27 x 27 probabilities. As a network it starts from random
numbers and finds the same table by gradient descent. Later lessons look back further: `names_mlp.py` at three letters,
`names_transformer.py` at the whole name. All of them invent new names.
"""

# %% The data: the names of 1,995 towns; the model learns from 90 % of them
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from towns import CHARACTERS, VOCABULARY, contexts, sample, town_names

import tinygrad_edu as tg

OUTPUT = Path(__file__).parent / "output"
OUTPUT.mkdir(exist_ok=True)

train, valid = town_names()
(x, y), (valid_x, valid_y) = ((c[:, 0], n) for c, n in (contexts(train, 1), contexts(valid, 1)))
print(f"{len(train)} names to learn from, with {len(x):,} pairs of letters, such as {', '.join(train[:5])}")
first = [CHARACTERS[a] + CHARACTERS[b] for a, b in zip(x, y, strict=True)][: len(train[0]) + 1]
print(f"the pairs of {train[0]!r}: {' '.join(first)}")

# %% Count the pairs
# A row of the table belongs to a letter, a column to the letter that follows it. A pair that never occurs would get the
# probability 0, and a name with it would be impossible. So add 1 to each count. This is called smoothing.
counts = np.ones((VOCABULARY, VOCABULARY))
np.add.at(counts, (x, y), 1)
table = counts / counts.sum(axis=1, keepdims=True)


# %% How good is a table? The loss is the mean surprise, also called cross-entropy
# The surprise about a letter is -log(its probability): 0 if the model was sure of it, large if it seemed impossible.
# Someone who knows nothing gives each of the 27 characters the same probability, and has a loss of log(27) = 3.296.
def loss_of(probabilities: Any, x: Any, y: Any) -> float:
    """Return the mean of -log(probability) of the letters y that follow the letters x."""
    return float(np.mean(-np.log(probabilities[x, y])))


losses = {"no knowledge": np.log(VOCABULARY), "counts of pairs": loss_of(table, valid_x, valid_y)}

# %% The same model as a network
# The letter comes in as a row of 27 numbers, all 0 except a 1 at the letter's place (one-hot). One layer without bias
# turns it into 27 numbers, the logits. Softmax turns these into probabilities: exp(logit), divided by the sum of all.
# cross_entropy does both: softmax, then the mean surprise.
weight = tg.Tensor(np.random.default_rng(0).normal(size=(VOCABULARY, VOCABULARY)), label="weight")
logits = np.eye(VOCABULARY)[x] @ weight
start = tg.cross_entropy(logits, y).item()

# %% Train the network
# Pairs that are the same have the same surprise. So multiply each surprise by its count: this is over 50 times as fast.
# The counts hold the added 1 too, so that the network learns from the same pairs as the table.
letters, pairs = np.eye(VOCABULARY), counts / counts.sum()
adam = tg.optim.Adam([weight], lr=0.1)
schedule = tg.optim.lr_scheduler.CosineAnnealingLR(adam, 1_000)


@tg.jit
def step() -> tg.Tensor:
    """Take one step, and return the loss before it."""
    loss: tg.Tensor = -np.sum(pairs * tg.log_softmax(letters @ weight, axis=1))
    adam.minimize(loss)
    return loss


curve = []
for _ in range(1_000):
    curve.append(step().item())
    schedule.step()
learned = tg.softmax(weight.data, axis=1)
lowest = -np.sum(pairs * np.log(table))
losses["network of pairs"] = loss_of(learned, valid_x, valid_y)
print(f"\ntraining loss of the network: {start:.4f} at first, {curve[-1]:.6f} at the end; of the table {lowest:.6f}")
print(f"largest difference of a probability: {abs(learned - table).max():.1e}")
for name, loss in losses.items():
    print(f"{name:16}  loss of the 200 other names {loss:.4f}")

# %% Invent names by sampling: draw letter after letter, each with its probability, until the dot
rng = np.random.default_rng(1)
invented = {"no knowledge": sample(lambda written: np.full(VOCABULARY, 1 / VOCABULARY), 8, rng)}
invented["pairs"] = sample(lambda written: learned[written[-1]], 8, rng)
for name, words in invented.items():
    print(f"{name:12}  {', '.join(words)}")

# %% Draw the table, and the loss of the network on its way to the table's loss
figure = Figure(figsize=(11, 5), dpi=150, layout="constrained")
left, right = figure.subplots(1, 2)
figure.colorbar(left.imshow(learned, cmap="Blues", vmin=0, vmax=0.5), ax=left, label="probability")
left.set_xticks(range(VOCABULARY), list(CHARACTERS))
left.set_yticks(range(VOCABULARY), list(CHARACTERS))
left.set(title="What the network learned: the next letter", xlabel="next letter", ylabel="letter")
right.plot(curve, color="#0072b2", label="network of pairs")
right.axhline(lowest, color="#d55e00", linestyle="--", label=f"counts of pairs, {lowest:.3f}")
right.axhline(losses["no knowledge"], color="black", linestyle=":", label="no knowledge, log(27)")
right.set(title="The network finds the table", xlabel="step", ylabel="training loss (mean surprise)", xlim=(0, 200))
right.legend()
figure.savefig(OUTPUT / "names.png")
