"""An L2 penalty makes weights smaller: when it harms, when it helps, and that it equals scikit-learn's Ridge.

    python examples/penalty.py
    python examples/penalty.py --csv shop.csv --target sales --features sales,price,visitors

In this lesson you add a penalty on large weights to the loss of the model of `weather.py`. With many rows it only makes
the predictions worse. With few rows, and features that are nearly the same, it makes them better: the weights follow
the noise less. You can use a table of your own, as `weather.py` says.
"""

# %% Read and standardize the same table
from typing import Any

import numpy as np
from sklearn.linear_model import LinearRegression, Ridge
from tables import parse_table
from vega_datasets import local_data

import tinygrad_edu as tg

SEATTLE = str(local_data.seattle_weather.filepath)
UNITS = {"temp_max": "°C", "temp_min": "°C", "precipitation": "mm", "wind": "m/s"}
table = parse_table(__doc__, SEATTLE, "temp_max", UNITS)
features, target, train, valid = table.features, table.target, table.train, table.valid
MSE, WEIGHT = table.with_unit(target, "mean squared error", power="²"), table.with_unit(target, "weight, standardized")
standard = tg.data.Standardizer().fit(train[0])
x, y = standard.transform(train[0]), train[1]
valid_x, valid_y = standard.transform(valid[0]), valid[1][:, 0]
best, curvature = LinearRegression().fit(x, y[:, 0]).coef_, np.linalg.eigvalsh(2 / len(x) * x.T @ x)[-1]


# %% Train with an L2 penalty, and compare with scikit-learn's Ridge
# Weight decay adds decay / 2 |w|^2 to the MEAN squared error. Ridge adds alpha |w|^2 to the SUM of squared errors. So
# both give the same weights if alpha = n decay / 2.
def descend(decay: float) -> Any:
    """Train with this weight decay, on a centered target, which needs no bias. Return the weights."""
    model = tg.nn.Linear(len(features), 1, bias=False, rng=0)
    sgd = tg.optim.SGD(model.parameters(), lr=1 / (curvature + decay), weight_decay=decay)
    tg.fit(model, tg.mse_loss, (x, y - y.mean()), optimizer=sgd, epochs=20_000, tol=1e-13, progress=False)
    return model.weight.data[0]


decays = np.geomspace(0.03, 100, 8)
shrunk = np.array([descend(decay) for decay in decays])
ridge = np.array([Ridge(alpha=len(x) * decay / 2).fit(x, y[:, 0]).coef_ for decay in decays])
with table.picture("ridge.png", title="Weights and L2", xlabel="weight decay", xscale="log", ylabel=WEIGHT) as ax:
    for i in np.argsort(-abs(best))[:4]:
        ax.plot(decays, shrunk[:, i], label=features[i])
        ax.plot(decays, ridge[:, i], "o", color="black", fillstyle="none", label=None)
    ax.plot([], [], "o", color="black", fillstyle="none", label="Ridge")


# %% Many rows: the penalty harms. Eight rows only: it helps
# Take 8 of the training rows, 50 times, each time others. Features that rise and fall together make it worse. Their
# weights can be large with opposite signs: they nearly cancel on the training rows, but not on others.
def error(weights: Any, intercept: Any) -> float:
    """Return the mean squared error on the validation rows."""
    return float(np.mean((valid_y - intercept - valid_x @ weights) ** 2))


draws = np.random.default_rng(0).integers(len(x), size=(50, 8))
fits = [[Ridge(8 * decay / 2).fit(x[rows], y[rows, 0]) for rows in draws] for decay in decays]
few = [float(np.mean([error(fit.coef_, fit.intercept_) for fit in group])) for group in fits]
many = [error(weights, y.mean()) for weights in shrunk]
print("  decay  |weights|  of Ridge  validation MSE  trained on 8 rows")
for d, ours, theirs, all_rows, eight in zip(decays, shrunk, ridge, many, few, strict=True):
    print(f"{d:7.3g}  {np.linalg.norm(ours):9.5g} {np.linalg.norm(theirs):9.5g}  {all_rows:14.5g}  {eight:17.5g}")
title = "An L2 penalty helps if rows are few"
with table.picture("l2_helps.png", title=title, xlabel="weight decay", xscale="log", ylabel=f"validation {MSE}") as ax:
    for name, errors, marker in (("8 training rows", few, "o"), (f"{len(x):,} training rows", many, "s")):
        ax.plot(decays, errors, marker=marker, label=name)
        ax.plot(decays[np.argmin(errors)], min(errors), "*", color="black", markersize=15, zorder=5)
    ax.plot([], [], "*", color="black", markersize=12, label="best decay")
