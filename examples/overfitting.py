"""Overfitting: when a model memorizes its training data, and what helps.

    python examples/overfitting.py

In this lesson a network with 4,929 parameters learns from 60 patients. Its training loss falls to zero. Its validation
loss, measured on patients that it was not trained on, falls first and then rises. This is overfitting. You compare the
remedies: early stopping, an L2 penalty, dropout, and more data. At the end you see the price of an L2 penalty: bias.
"""

# %% The data: how far diabetes progressed within a year, from ten measurements of each patient
# These are the 442 patients that scikit-learn ships. 60 are for training, and 100 for validation. The mean and the
# standard deviation of each column are those of the others: nothing is learned from the patients for validation.
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from sklearn.datasets import load_diabetes

import tinygrad_edu as tg
from tinygrad_edu.viz.plot import BLACK, BLUE, GREEN, PURPLE, VERMILION

OUTPUT = Path(__file__).parent / "output"
OUTPUT.mkdir(exist_ok=True)
EPOCHS = 150

patients = np.column_stack(load_diabetes(return_X_y=True))
np.random.default_rng(7).shuffle(patients)
patients = tg.data.Standardizer().fit(patients[:-100]).transform(patients)  # mean 0, standard deviation 1
X, y = patients[:, :10], patients[:, 10:]
valid = X[-100:], y[-100:]


# %% Train the same network in five ways
# Weight decay makes all weights a little smaller in each step. With SGD this is an L2 penalty; with AdamW, used here,
# it has a similar effect. Dropout switches off random neurons in each step, so no neuron can rely on another one. An
# epoch here is one step on all training data.
def train(n: int = 60, decay: float = 0.0, dropout: float = 0.0, **stopping: Any) -> tuple[tg.History, tg.nn.Module]:
    """Train with the first n patients. Return the history of the losses, and the model."""
    nn, layers = tg.nn, []
    for i, (inputs, outputs) in enumerate(((10, 64), (64, 64))):
        layers += [nn.Linear(inputs, outputs, rng=i), nn.ReLU(), nn.Dropout(dropout, rng=2 + i)]
    model = nn.Sequential(*layers, nn.Linear(64, 1, rng=4))
    adam = tg.optim.AdamW(model.parameters(), lr=0.002, weight_decay=decay)
    settings: dict[str, Any] = {"epochs": EPOCHS, "valid_data": valid, "jit": True, "progress": False} | stopping
    return tg.fit(model, tg.mse_loss, (X[:n], y[:n]), optimizer=adam, **settings), model


runs = {
    "no remedy": train()[0],
    "weight decay 10": train(decay=10)[0],
    "dropout 0.5": train(dropout=0.5)[0],
    "342 patients": train(342)[0],
}
stopped, stopped_model = train(patience=20)
print(f"{'':16}  training loss  validation loss  lowest, at epoch")
for name, run in {**runs, "early stopping": stopped}.items():
    low = run.valid_loss[run.best_epoch - 1]
    print(f"{name:16}  {run.train_loss[-1]:13.3f}  {run.valid_loss[-1]:15.3f}  {low:6.3f}  {run.best_epoch:8}")
kept = tg.mse_loss(tg.predict(stopped_model, valid[0]), valid[1])
print(f"early stopping ended after {len(stopped)} epochs, and keeps the weights whose validation loss is {kept:.3f}")

# %% The price of an L2 penalty: bias
# Fit a curve of 10 weights to 20 noisy points, 1,000 times, each time with new noise. Bias is how far the mean of the
# fits is from the truth. Variance is how much the fits differ from each other. A penalty lowers the variance, and
# raises the bias. These models are linear, so each fit has a formula: the solution of the normal equations, with
# decay / 2 added.
points, rng = np.linspace(-1, 1, 20), np.random.default_rng(3)
grid = np.linspace(-1, 1, 201)
design, shown = (np.polynomial.legendre.legvander(x, 9) for x in (points, grid))
truth: Any = lambda x: np.sin(1.5 * np.pi * x)
noisy = truth(points) + 0.5 * rng.normal(size=(1_000, 20))
decays = np.geomspace(1e-4, 10, 21)
fits = np.array(
    [
        shown @ np.linalg.solve(design.T @ design / 20 + decay / 2 * np.eye(10), design.T @ noisy.T / 20)
        for decay in decays
    ]
)  # (decays, grid points, data sets)
bias2 = np.mean((fits.mean(axis=2) - truth(grid)) ** 2, axis=1)
variance = fits.var(axis=2).mean(axis=1)
error = np.mean((fits - truth(grid)[:, None]) ** 2, axis=(1, 2))
best = int(error.argmin())
print(f"\n{'decay':>8}  bias squared  variance  sum = mean squared error of the curve")
for i in (0, best, len(decays) - 1):
    print(f"{decays[i]:8.2g}  {bias2[i]:12.4f}  {variance[i]:8.4f}  {error[i]:.4f}")

# %% Draw the losses, the remedies, and bias against variance
figure = Figure(figsize=(12, 4.2), dpi=150, layout="constrained")
left, middle, right = figure.subplots(1, 3)
alone = runs["no remedy"]
tg.plot.losses(alone, left).set(title="No remedy: the gap grows", ylabel="loss (mean squared error)")
left.axvline(len(stopped), color=BLACK, linestyle=":", label=f"early stopping, {len(stopped)}")
left.set_ylim(5e-4, 3)
looks = ((VERMILION, "-"), (BLUE, "--"), (GREEN, "-."), (PURPLE, ":"))
for (name, run), (color, style) in zip(runs.items(), looks, strict=True):
    middle.plot(range(1, EPOCHS + 1), run.valid_loss, style, color=color, linewidth=2, label=name)
middle.set(title="Validation loss with each remedy", xlabel="epoch", ylabel="validation loss", ylim=(0.4, 1.7))
right.loglog(decays, bias2, "--", color=VERMILION, label="bias²")
right.loglog(decays, variance, "-.", color=BLUE, label="variance")
right.loglog(decays, error, color=BLACK, label="sum")
right.plot(decays[best], error[best], "*", color=BLACK, markersize=14, label=f"best decay, {decays[best]:.2g}")
right.set(title="L2: less variance, more bias", xlabel="weight decay", ylabel="error of the curve", ylim=(5e-5, 1))
for ax in (left, middle, right):
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.14), ncols=2, frameon=False)
figure.savefig(OUTPUT / "overfitting.png")
