"""Reading handwritten digits: a whole training run, from the split of the data to the mistakes that remain.

    python examples/digits.py

What is learnt: three parts of the data for three questions (what to learn, when to stop, how good it is); mini-batches
with Adam and a learning rate that falls along a cosine; early stopping; more data out of the same data; and a look
at what the model gets wrong, which says more than its accuracy. Change SEED and all is drawn anew, the split too.
"""

# %% The data: 1,797 images of 8 x 8 pixels, each 0 (paper) to 16 (ink), and the digits that they show
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from sklearn.datasets import load_digits

import tinygrad_edu as tg

OUTPUT = Path(__file__).parent / "output"
OUTPUT.mkdir(exist_ok=True)
SEED, EPOCHS = 7, 60

images, digits = load_digits(return_X_y=True)
X = images / 16
parts = tg.data.train_valid_test_split(X, digits, by="stratified", rng=SEED)  # each digit's share is the same in all
(train_x, train_y), (valid_x, valid_y), (test_x, test_y) = parts
print(f"train {len(train_y)}, validate {len(valid_y)}, test {len(test_y)} images")


# %% A digit that is moved by a pixel is the same digit: each training image also one to the left, right, up and down
def moved(x: Any) -> Any:
    """The images, then all of them moved in each of the four directions."""
    framed = np.pad(x.reshape(-1, 8, 8), ((0, 0), (1, 1), (1, 1)))
    corners = [(1, 1), (1, 2), (1, 0), (2, 1), (0, 1)]
    return np.concatenate([framed[:, i : i + 8, j : j + 8].reshape(-1, 64) for i, j in corners])


# %% The run. The weights kept are those of the epoch with the lowest validation loss; the test part is not looked at
def trained(x: Any, y: Any) -> tuple[tg.nn.MLP, tg.History]:
    """A network of 256 hidden neurons, trained with these images, and how it went."""
    model = tg.nn.MLP([64, 256, 10], rng=SEED)
    adam = tg.optim.Adam(model.parameters(), lr=0.005)
    history = tg.fit(
        model,
        tg.cross_entropy,
        (x, y),
        optimizer=adam,
        epochs=EPOCHS,
        batch_size=64,
        valid_data=(valid_x, valid_y),
        scheduler=tg.optim.lr_scheduler.CosineAnnealingLR(adam, T_max=EPOCHS),
        patience=10,
        metrics={"accuracy": tg.accuracy},
        jit=True,
        rng=SEED,
    )
    return model, history


plain, _ = trained(train_x, train_y)
model, history = trained(moved(train_x), np.tile(train_y, 5))
print(f"{model}\n\n{history.table()}\nstopped by {history.stopped}; best epoch {history.best_epoch}\n")

# %% How good it is, on images that had no part in any of this
logits = tg.predict(model, test_x)
accuracy, plain_accuracy = tg.accuracy(logits, test_y), tg.accuracy(tg.predict(plain, test_x), test_y)
matrix = tg.confusion_matrix(logits, test_y)
print(f"right: {accuracy:.2%} of the test images ({plain_accuracy:.2%} when trained without the moved ones), by digit")
print("  ".join(f"{digit}: {part:.0%}" for digit, part in enumerate(matrix.diagonal() / matrix.sum(axis=1))))

# %% What it is unsure of: how far the true digit's probability lies ahead of the best other's; behind is a mistake
probability = tg.softmax(logits)
others = probability.copy()
others[np.arange(len(test_y)), test_y] = 0
ahead = probability[np.arange(len(test_y)), test_y] - others.max(axis=1)
mistakes = np.flatnonzero(ahead < 0)
hardest = np.argsort(ahead)[: max(6, len(mistakes))]
for i in mistakes:
    print(f"a {test_y[i]} taken for a {logits[i].argmax()}, with probability {probability[i].max():.0%}")

# %% Draw the run and the table of what was taken for what
figure = Figure(figsize=(10, 4.4), dpi=100, layout="constrained")
left, right = figure.subplots(1, 2)
tg.plot.losses(history, left).set(title="The run", ylabel="cross-entropy")
tg.plot.confusion(test_y, logits.argmax(axis=1), right).set(title=f"{len(test_y)} test images, {accuracy:.1%} right")
figure.savefig(OUTPUT / "digits_run.png")

# %% Draw the hardest images, with what the network holds each for
figure = Figure(figsize=(7.2, 3.1), dpi=100, layout="constrained")
above, below = figure.subplots(2, len(hardest), height_ratios=(1.2, 1), sharey="row")
for image, bars, i in zip(above, below, hardest, strict=True):
    said = logits[i].argmax()
    image.imshow(test_x[i].reshape(8, 8), cmap="Greys")
    image.set(xticks=[], yticks=[])
    image.set_title(f"{test_y[i]}" + (f" taken for {said}" if said != test_y[i] else ""), fontsize=10)
    bars.bar(range(10), probability[i], color=["#009e73" if k == test_y[i] else "#d55e00" for k in range(10)])
    bars.set(ylim=(0, 1), xlabel="digit")
    bars.set_xticks(range(10), map(str, range(10)), fontsize=6.5)
below[0].set_ylabel("probability")
title = f"{len(mistakes)} mistakes in {len(test_y)} test images, and the next hardest (green: the true digit)"
figure.suptitle(title, fontsize=10)
figure.savefig(OUTPUT / "digits_mistakes.png")
print(f"drawn: digits_run.png and digits_mistakes.png in {OUTPUT}")
