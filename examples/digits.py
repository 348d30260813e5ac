"""Classify handwritten digits: a complete training run, from the split of the data to the remaining mistakes.

    python examples/digits.py
    mpiexec -n 4 python examples/digits.py --distributed

In this lesson you learn how to train and evaluate a classifier. You split the data into three parts: one to train the
model, one to decide when to stop, and one to test the result. You train with mini-batches, Adam, a cosine schedule of
the learning rate, and early stopping. You make additional training data by moving the images. At the end you look at
the mistakes, because they tell more than the accuracy. If you change SEED, all random numbers change, also the split.
With `--distributed` several processes, the ranks, share each batch: the numbers are the same (see `parallel.py`).
"""

# %% The data: 1,797 images of 8 x 8 pixels, with values from 0 (white) to 16 (black), and the digits that they show
import sys
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from sklearn.datasets import load_digits

import tinygrad_edu as tg

OUTPUT = Path(__file__).parent / "output"
OUTPUT.mkdir(exist_ok=True)
SEED, EPOCHS = 7, 60
comm: Any = None
if "--distributed" in sys.argv:
    from mpi4py import MPI  # python -m pip install mpi4py mpich

    comm = MPI.COMM_WORLD

images, digits = load_digits(return_X_y=True)
X = images / 16
parts = tg.data.train_valid_test_split(X, digits, by="stratified", rng=SEED)  # equal shares of each digit
(train_x, train_y), (valid_x, valid_y), (test_x, test_y) = parts
if not comm or comm.rank == 0:  # one of the ranks prints
    print(f"train {len(train_y)}, validate {len(valid_y)}, test {len(test_y)} images")


# %% Augment the data: move each training image by one pixel to the left, right, up and down
# A digit that is moved by one pixel is still the same digit, so this gives five times as many training images.
def moved(x: Any) -> Any:
    """Return the images, followed by copies of all images moved in each of the four directions."""
    padded = np.pad(x.reshape(-1, 8, 8), ((0, 0), (1, 1), (1, 1)))
    corners = [(1, 1), (1, 2), (1, 0), (2, 1), (0, 1)]
    return np.concatenate([padded[:, i : i + 8, j : j + 8].reshape(-1, 64) for i, j in corners])


# %% Train the model
# The model keeps the weights of the epoch with the lowest validation loss. Training never uses the test data.
def trained(x: Any, y: Any) -> tuple[tg.nn.MLP, tg.History]:
    """Train a network of 256 hidden neurons with these images; return it and its training history."""
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
        comm=comm,
    )
    return model, history


plain, _ = trained(train_x, train_y)
model, history = trained(moved(train_x), np.tile(train_y, 5))
if comm and comm.rank > 0:
    sys.exit()  # all ranks have the same model, and rank 0 shows it
print(f"{model}\n\n{history.table()}\nstopped by {history.stopped}; best epoch {history.best_epoch}\n")

# %% Test the model on images that were not used for training
logits = tg.predict(model, test_x)
accuracy, plain_accuracy = tg.accuracy(logits, test_y), tg.accuracy(tg.predict(plain, test_x), test_y)
matrix = tg.confusion_matrix(logits, test_y)
print(f"accuracy on the test images: {accuracy:.2%} ({plain_accuracy:.2%} without augmentation); by digit:")
print("  ".join(f"{digit}: {part:.0%}" for digit, part in enumerate(matrix.diagonal() / matrix.sum(axis=1))))

# %% Find the most difficult images
# The margin is the probability of the true digit minus the largest probability of another digit. If it is negative,
# the prediction is wrong. If it is small, the model is unsure.
probability = tg.softmax(logits)
others = probability.copy()
others[np.arange(len(test_y)), test_y] = 0
margin = probability[np.arange(len(test_y)), test_y] - others.max(axis=1)
mistakes = np.flatnonzero(margin < 0)
hardest = np.argsort(margin)[: max(6, len(mistakes))]
for i in mistakes:
    print(f"a {test_y[i]} classified as {logits[i].argmax()}, with probability {probability[i].max():.0%}")

# %% Draw the training run and the confusion matrix
left, right = Figure(figsize=(10, 4.4), dpi=100, layout="constrained").subplots(1, 2)
tg.plot.losses(history, left).set(title="Training", ylabel="cross-entropy")
tg.plot.confusion(test_y, logits.argmax(axis=1), right).set(title=f"{len(test_y)} test images, {accuracy:.1%} correct")
left.figure.savefig(OUTPUT / "digits_run.png")

# %% Draw the most difficult images, with the probability of each digit
figure = Figure(figsize=(7.2, 3.1), dpi=100, layout="constrained")
above, below = figure.subplots(2, len(hardest), height_ratios=(1.2, 1), sharey="row")
for image, bars, i in zip(above, below, hardest, strict=True):
    predicted = logits[i].argmax()
    image.imshow(test_x[i].reshape(8, 8), cmap="Greys")
    image.set(xticks=[], yticks=[])
    image.set_title(f"{test_y[i]}" + (f", predicted {predicted}" if predicted != test_y[i] else ""), fontsize=10)
    bars.bar(range(10), probability[i], color=["#009e73" if k == test_y[i] else "#d55e00" for k in range(10)])
    bars.set(ylim=(0, 1), xlabel="digit")
    bars.set_xticks(range(10), map(str, range(10)), fontsize=6.5)
below[0].set_ylabel("probability")
title = f"{len(mistakes)} mistakes in {len(test_y)} test images, and the next most difficult (green: the true digit)"
figure.suptitle(title, fontsize=10)
figure.savefig(OUTPUT / "digits_mistakes.png")
print(f"saved: digits_run.png and digits_mistakes.png in {OUTPUT}")
