"""A model of names that looks at all letters so far: a transformer of two layers, and its learning rate.

    python examples/names_transformer.py

Read `names_mlp.py` first, and `transformer.py`, where the model is written down. It predicts every letter of a name at
once, by attention: each place looks at the places before it. Transformers are sensitive to the learning rate. You
search for a good one with `lr_finder`, let it grow from small at first (warm-up), and let it fall to zero at the end.
"""

# %% The data: each name is a row of 16 characters, and so are the letters that follow
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from towns import VOCABULARY, sample, sequences, town_names
from transformer import Transformer

import tinygrad_edu as tg
from tinygrad_edu.optim.lr_scheduler import CosineAnnealingLR, LinearWarmup

OUTPUT = Path(__file__).parent / "output"
OUTPUT.mkdir(exist_ok=True)
LENGTH, STEPS, BATCH, WARM = 16, 500, 64, 50

train, valid = (sequences(names, LENGTH) for names in town_names())


def loss_of(logits: Any, y: Any) -> tg.Tensor:
    """Return the mean surprise about the letters y (n, length); -1 marks places after the end of a name."""
    loss: tg.Tensor = tg.cross_entropy(logits.reshape(-1, VOCABULARY), y.reshape(-1), ignore_index=-1)
    return loss


def new_model(lr: float) -> tuple[Any, Any]:
    """Return a new transformer, always with the same weights, and its optimizer."""
    model = Transformer(VOCABULARY, LENGTH, dropout=0.1).astype(np.float32)
    return model, tg.optim.AdamW(model.parameters(), lr=lr, weight_decay=0.3)


# %% Search for the learning rate
# lr_finder takes one step at each rate, from low to high, and puts the weights back. Its suggestion is careful: a tenth
# of the rate at which the loss is lowest. With warm-up, and a rate that falls at the end, we can take four times that.
model, adam = new_model(0.001)
search = tg.lr_finder(model, loss_of, train, optimizer=adam, low=1e-4, high=1.0, steps=40, batch_size=BATCH, rng=0)
assert search.suggestion is not None
rate = 4 * search.suggestion
size = sum(p.size for p in model.parameters())
print(f"{size:,} parameters; the suggested rate is {search.suggestion:.4f}, and we take {rate:.4f}")


# %% Train: the rate grows for `warm` steps, and then falls as a cosine
# At first the weights are random, and Adam knows little about the sizes of the gradients. Large steps now can push the
# weights to places from which the model recovers slowly. So a high rate needs the warm-up.
def training(lr: float, warm: int, steps: int = STEPS) -> tuple[Any, list[float], list[float]]:
    """Return the trained model, the loss of each step, and the learning rate of each step."""
    model, adam = new_model(lr)
    schedule = LinearWarmup(adam, warm, then=CosineAnnealingLR(adam, STEPS - warm))
    rng, losses, rates = np.random.default_rng(0), [], []

    @tg.jit
    def step(x: Any, y: Any) -> tg.Tensor:
        loss = loss_of(model(x), y)
        adam.minimize(loss)
        return loss

    for _ in range(steps):
        chosen = rng.integers(len(train[0]), size=BATCH)
        rates.append(adam.lr)
        losses.append(step(train[0][chosen], train[1][chosen]).item())
        schedule.step()
    model.eval()
    return model, losses, rates


model, losses, rates = training(rate, WARM)
HIGH, SHORT = 0.1, 100
curves = {name: training(HIGH, warm, SHORT)[1] for name, warm in (("with warm-up", WARM), ("without", 1))}
ends = {name: float(np.mean(curve[-20:])) for name, curve in curves.items()}
valid_loss = loss_of(tg.predict(model, valid[0]), valid[1]).item()
print(f"loss of the 200 other names: {valid_loss:.4f} (pairs: 2.5377, three letters: 2.2128)")
print(
    f"with the high rate {HIGH}, the loss after {SHORT} steps is", {name: round(end, 3) for name, end in ends.items()}
)

# %% Invent names: the model reads what it has written so far, and draws the next letter
after: Any = lambda written: tg.softmax(tg.predict(model, np.array([written[-LENGTH:]]))[0, -1].astype(float))
invented = sample(after, 10, np.random.default_rng(1))
print(", ".join(invented))

# %% Draw the search, the warm-up, and the loss of each model of names
figure = Figure(figsize=(12, 4), dpi=150, layout="constrained")
axes: Any = figure.subplots(1, 4)
search.plot(axes[0]).set(title="lr_finder")
axes[0].legend(loc="upper center", bbox_to_anchor=(0.5, -0.2), frameon=False)
axes[1].plot(rates, color="#0072b2")
axes[1].set(title="Warm-up, then a cosine", xlabel="step", ylabel="learning rate", ylim=(0, None))
for (name, curve), color, style in zip(curves.items(), ("#0072b2", "#d55e00"), ("-", "--"), strict=True):
    axes[2].plot(np.convolve(curve, np.ones(10) / 10, "valid"), color=color, linestyle=style, label=name)
axes[2].set(title=f"The rate {HIGH} needs warm-up", xlabel="step", ylabel="loss, mean of 10 steps")
axes[2].legend()
stages = {"nothing": 3.2958, "one letter": 2.5377, "three letters": 2.2128, "all letters": valid_loss}
bars = axes[3].bar(range(4), stages.values(), color="#56b4e9", edgecolor="black")
axes[3].bar_label(bars, fmt="%.3f")
axes[3].set_xticks(range(4), stages, rotation=30, ha="right")
axes[3].set(title="What the model looks at", ylabel="loss of the other names", ylim=(0, 3.7))
figure.savefig(OUTPUT / "names_transformer.png")
