"""A tiny GPT: the transformer of `names_transformer.py` reads this project's README and lessons, and continues them.

    python examples/gpt.py

In this lesson the same model learns from text. The text is this project's own: the README and all lessons. You train
it with a recorded step (`jit`), compare it with counts of pairs of characters, let it write, and draw its attention: at
which earlier characters does each place look?
"""

# %% The text, as numbers: one for each character
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from transformer import Transformer

import tinygrad_edu as tg
from tinygrad_edu.optim.lr_scheduler import CosineAnnealingLR, LinearWarmup

HERE = Path(__file__).parent
OUTPUT = HERE / "output"
OUTPUT.mkdir(exist_ok=True)
LENGTH, DIM, STEPS, BATCH, WARM, RATE = 32, 48, 800, 16, 50, 0.01

files = [path for path in [HERE.parent / "README.md", *sorted(HERE.glob("*.py"))] if path.exists()]
if HERE / "four_steps.py" not in files:  # a notebook may be alone: then it reads the library's source
    files = sorted(Path(tg.__file__).parent.glob("*/*.py"))
text = "".join(character for path in files for character in path.read_text(encoding="utf-8") if character.isascii())
characters = sorted(set(text))
numbers = np.array([characters.index(character) for character in text])
cut = len(numbers) * 9 // 10
train, valid = numbers[:cut], numbers[cut:]
print(f"{len(files)} files, {len(text):,} characters, {len(characters)} different ones")


# %% A batch: 16 pieces of 32 characters, and for each character the next one
def batch(part: Any, starts: Any) -> tuple[Any, Any]:
    """Return the pieces that begin at `starts` (n,), and the same pieces one character later: both (n, LENGTH)."""
    places = np.asarray(starts)[:, None] + np.arange(LENGTH)
    return part[places], part[places + 1]


def loss_of(logits: Any, y: Any) -> tg.Tensor:
    """Return the mean surprise about the next characters y (n, LENGTH)."""
    loss: tg.Tensor = tg.cross_entropy(logits.reshape(-1, len(characters)), y.reshape(-1))
    return loss


# %% Train, with a step that is recorded once and then replayed
model = Transformer(len(characters), LENGTH, DIM).astype(np.float32)
adam = tg.optim.AdamW(model.parameters(), lr=RATE, weight_decay=0.1)
schedule = LinearWarmup(adam, WARM, then=CosineAnnealingLR(adam, STEPS - WARM))
rng, losses = np.random.default_rng(0), []


def step(x: Any, y: Any) -> tg.Tensor:
    """Take one step, and return the loss before it."""
    loss = loss_of(model(x), y)
    adam.minimize(loss)
    return loss


recorded = tg.jit(step)
for _ in range(STEPS):
    losses.append(recorded(*batch(train, rng.integers(len(train) - LENGTH, size=BATCH))).item())
    schedule.step()
model.eval()
print(f"loss at first {losses[0]:.3f}, at the end {np.mean(losses[-50:]):.3f}")

# %% Compare with counts of pairs of characters, on the last tenth of the text
counts = np.ones((len(characters), len(characters)))
np.add.at(counts, (train[:-1], train[1:]), 1)
pairs = counts / counts.sum(axis=1, keepdims=True)
pairs_loss = float(np.mean(-np.log(pairs[valid[:-1], valid[1:]])))
x, y = batch(valid, np.arange(0, len(valid) - LENGTH - 1, LENGTH))
valid_loss = loss_of(tg.predict(model, x), y).item()
print(f"loss of the last tenth: {valid_loss:.3f}; pairs: {pairs_loss:.3f}; no knowledge: {np.log(len(characters)):.3f}")


# %% Let it write: it reads the last 32 characters, and draws the next one
def write(start: str, count: int, rng: Any) -> str:
    """Return `start`, continued by `count` characters."""
    written = [characters.index(character) for character in start]
    for _ in range(count):
        logits = tg.predict(model, np.array([written[-LENGTH:]]))[0, -1].astype(float)
        written.append(int(rng.choice(len(characters), p=tg.softmax(logits))))
    return "".join(characters[i] for i in written)


sample = write("The gradient ", 300, np.random.default_rng(1))
print(f"\n{sample}\n")

# %% What does jit save? Take the same steps without it, for comparison
# In turn, so that other programs disturb both alike; the fastest of 24 counts.
seconds = {"recorded": np.inf, "not recorded": np.inf}
for _ in range(24):
    for name, function in (("recorded", recorded), ("not recorded", step)):
        began = perf_counter()
        function(*batch(train, np.arange(BATCH)))
        seconds[name] = min(seconds[name], perf_counter() - began)
print(", ".join(f"{name}: {1e3 * s:.1f} ms a step" for name, s in seconds.items()))

# %% Draw the attention of a line: a row for each place, dark where it looks
line = "np.mean((prediction - y) ** 2)"[:LENGTH]
x = np.array([[characters.index(character) for character in line]])
maps = np.stack([b.attention.weights(b.before_attention(model.read(x, i))).data[0] for i, b in enumerate(model.blocks)])
figure = Figure(figsize=(14, 7.6), dpi=150, layout="constrained")
axes: Any = figure.subplots(*maps.shape[:2])
for block, row in enumerate(axes):
    for head, ax in enumerate(row):
        ax.imshow(maps[block, head], cmap="Blues", vmin=0, vmax=1)
        for set_ticks in (ax.set_xticks, ax.set_yticks):
            set_ticks(range(len(line)), list(line), fontsize=7, family="monospace")
        names = {"xlabel": "looks at" if block else "", "ylabel": "" if head else "place"}
        ax.set(title=f"block {block + 1}, head {head + 1}", **names)
figure.savefig(OUTPUT / "gpt_attention.png")
