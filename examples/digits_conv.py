"""Classify handwritten digits with a small convolutional network, and look at its filters.

    python examples/digits_conv.py

Read `digits.py` first. Its network takes the 64 pixels as 64 unrelated numbers. Here a filter of 3 x 3 weights moves
over the image, and finds the same pattern, such as an edge, at every place. So the network has a third of the
parameters, and makes fewer mistakes. At the end you see the filters, and what they find in an image.
"""

# %% The data: 1,797 images of 8 x 8 pixels, as arrays (n, channels, height, width) with one channel
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from sklearn.datasets import load_digits

import tinygrad_edu as tg

OUTPUT = Path(__file__).parent / "output"
OUTPUT.mkdir(exist_ok=True)
SEED, EPOCHS = 0, 15

images, digits = load_digits(return_X_y=True)
X = (images / 16).astype(np.float32).reshape(-1, 1, 8, 8)
parts = tg.data.train_valid_test_split(X, digits, by="stratified", rng=SEED)
(train_x, train_y), (valid_x, valid_y), (test_x, test_y) = parts


# %% Augment the training data, as in digits.py: a moved digit is still the same digit
def moved(x: Any) -> Any:
    """Return the images, followed by copies moved by one pixel in each of the four directions."""
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    return np.concatenate([padded[:, :, i : i + 8, j : j + 8] for i, j in [(1, 1), (1, 2), (1, 0), (2, 1), (0, 1)]])


# %% The network
# Conv2d(1, 16, 3): 16 filters of 3 x 3 weights, each with a bias. Each makes an image, called a channel, which shows
# where the filter's pattern is. ReLU removes negative numbers. MaxPool2d(2) keeps the largest of each 2 x 2 pixels, so
# the exact place matters less. The next Conv2d combines 16 channels into 32. The last layer sees 32 x 2 x 2 numbers.
nn = tg.nn
model = nn.Sequential(
    {
        "filters": nn.Conv2d(1, 16, 3, padding=1, rng=0),  # (n, 16, 8, 8)
        "relu": nn.ReLU(),
        "pool": nn.MaxPool2d(2),  # (n, 16, 4, 4)
        "combine": nn.Conv2d(16, 32, 3, padding=1, rng=1),  # (n, 32, 4, 4)
        "relu2": nn.ReLU(),
        "pool2": nn.MaxPool2d(2),  # (n, 32, 2, 2)
        "flat": nn.Flatten(),  # (n, 128)
        "dropout": nn.Dropout(0.3, rng=3),
        "classes": nn.Linear(128, 10, rng=2),  # a logit for each digit
    }
).astype(np.float32)
sizes = {"digits.py": nn.MLP([64, 256, 10], rng=0), "digits_conv.py": model}
parameters = {name: sum(p.size for p in network.parameters()) for name, network in sizes.items()}
print(", ".join(f"{name}: {n:,} parameters" for name, n in parameters.items()))

# %% Train, and test on images that were not used for training
adam = tg.optim.Adam(model.parameters(), lr=0.01)
history = tg.fit(
    model,
    tg.cross_entropy,
    (moved(train_x), np.tile(train_y, 5)),
    optimizer=adam,
    epochs=EPOCHS,
    batch_size=64,
    valid_data=(valid_x, valid_y),
    scheduler=tg.optim.lr_scheduler.CosineAnnealingLR(adam, T_max=EPOCHS),
    metrics={"accuracy": tg.accuracy},
    jit=True,
    rng=SEED,
)
logits = tg.predict(model, test_x)
accuracy = tg.accuracy(logits, test_y)
mistakes = np.flatnonzero(logits.argmax(axis=1) != test_y)
print(f"{history.table()}\naccuracy on the test images: {accuracy:.2%}, {len(mistakes)} mistakes in {len(test_y)}")
for i in mistakes:
    print(f"a {test_y[i]} classified as {logits[i].argmax()}")

# %% A filter by hand: at each place, the sum of 3 x 3 pixels times the 3 x 3 weights
filters, biases = (p.data for p in model[0].parameters())
image = test_x[0, 0]
found = np.maximum(model[0](test_x[:1]).data[0], 0)  # (16, 8, 8), after ReLU
windows = np.lib.stride_tricks.sliding_window_view(np.pad(image, 1), (3, 3))  # (8, 8, 3, 3)
by_hand = np.maximum(np.einsum("ijkl,fkl->fij", windows, filters[:, 0]) + biases[:, None, None], 0)
print(f"Conv2d and the sums by hand differ by {abs(by_hand - found).max():.0e}")

# %% Draw the filters, and below each what it finds in the image
figure = Figure(figsize=(13, 4.2), dpi=150, layout="constrained")
grid = figure.add_gridspec(4, 10)
ax: Any = figure.add_subplot(grid[:, :2], title=f"the image: a {test_y[0]}", xticks=[], yticks=[])
ax.imshow(image, cmap="Greys")
largest = abs(filters).max()
for f in range(16):
    row, column = divmod(f, 8)
    ax = figure.add_subplot(grid[2 * row, 2 + column], title=f"filter {f + 1}", xticks=[], yticks=[])
    shown = ax.imshow(filters[f, 0], cmap="PuOr_r", vmin=-largest, vmax=largest)
    ax = figure.add_subplot(grid[2 * row + 1, 2 + column], title="finds", xticks=[], yticks=[])
    ax.imshow(found[f], cmap="Greys", vmin=0, vmax=found.max())
figure.colorbar(shown, ax=figure.axes, label="weight", location="right", shrink=0.8)
figure.savefig(OUTPUT / "digits_filters.png")
