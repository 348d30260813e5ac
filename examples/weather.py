"""Predict tomorrow's maximum temperature from today's weather: linear regression with gradient descent.

    python examples/weather.py
    python examples/weather.py --csv shop.csv --target sales --features sales,price,visitors

In this lesson you train a model on real data and compare it with scikit-learn. You learn how to choose a learning rate
and initial weights, and what an L2 penalty does to the weights.

You can use your own table. It has one row for each day (or hour, week, ...), in order of time. The features of a row
predict the target of the next row. A missing value is replaced by the last value before it. The first 70 % of the rows
are for training, the next 15 % for validation, and the last 15 % for the test.
"""

# %% Read the table
from typing import Any

import numpy as np
from sklearn.linear_model import LinearRegression, Ridge
from tables import parse_table
from vega_datasets import local_data

import tinygrad_edu as tg

SEATTLE = str(local_data.seattle_weather.filepath)  # 1,461 days, 2012 to 2015; a local file
UNITS = {"temp_max": "°C", "temp_min": "°C", "precipitation": "mm", "wind": "m/s"}
table = parse_table(__doc__, SEATTLE, "temp_max", UNITS)
features, target, train, valid, test = table.features, table.target, table.train, table.valid, table.test
MSE, WEIGHT = table.with_unit(target, "mean squared error", power="²"), table.with_unit(target, "weight, standardized")
print(f"{table.report}; pictures in {table.output}")

# %% Standardize the features: mean 0 and standard deviation 1
# Compute both from the training data only. The model must not know anything about the test data.
standard = tg.data.Standardizer().fit(train[0])
x, y = standard.transform(train[0]), train[1]

# %% Make the model, and draw the graph of its loss
# The picture shows every operation, with its value and its gradient.
model = tg.nn.Linear(len(features), 1, rng=0)
today, tomorrow = (tg.Tensor(a, requires_grad=False, label=name) for a, name in ((x, "today"), (y, "tomorrow")))
loss = tg.mse_loss(model(today), tomorrow)
loss.label = "loss"
for suffix in ("svg", "png"):
    tg.draw(loss, depth=None, rankdir="TB").save(table.output / f"graph.{suffix}")

# %% Train the model
# The loss is a bowl. With the learning rate 1 / (largest curvature), no step goes beyond the minimum in any direction.
curvatures, directions = np.linalg.eigh(2 / len(x) * x.T @ x)
lr = 1 / curvatures[-1]
sgd = tg.optim.SGD(model.parameters(), lr=lr)
validation = standard.transform(valid[0]), valid[1]
history = tg.fit(model, tg.mse_loss, (x, y), optimizer=sgd, epochs=20_000, valid_data=validation, tol=1e-10)
hint = " (descent is slow when two features are nearly the same)" if history.stopped == "epochs" else ""
print(f"\n{history.table()}\nstopped by: {history.stopped}{hint}\n")
with table.picture("loss.png", title="Loss by epoch", xscale="log", ylabel=MSE) as ax:
    tg.plot.losses(history, ax)

# %% Compare the weights with scikit-learn
# Our weights belong to the standardized features z = (x - mean) / scale. Convert them to weights of the features x:
# w z + b = (w / scale) x + (b - w mean / scale).
w, b = (parameter.data.ravel().copy() for parameter in model.parameters())
weights, intercept = w / standard.scale, b[0] - w @ (standard.mean / standard.scale)
exact = LinearRegression().fit(train[0], train[1][:, 0])
residuals = test[1][:, 0] - (test[0] @ weights + intercept)
mse, exact_mse = np.mean(residuals**2), np.mean((test[1][:, 0] - exact.predict(test[0])) ** 2)
rows = [*zip(features, weights, exact.coef_, strict=True), ("intercept", intercept, exact.intercept_)]
rows += [("test MSE", mse, exact_mse), (table.with_unit(target, "test RMSE"), mse**0.5, exact_mse**0.5)]
width = max(len(name) for name, _, _ in rows)
print(f"{'':{width}}  {'gradient descent':>16}  {'scikit-learn':>12}  difference")
for name, ours, theirs in rows:
    print(f"{name:{width}}  {ours:16.8g}  {theirs:12.8g}  {abs(ours / theirs - 1) if theirs else 0:10.1e}")

# %% Draw the prediction by the most important feature, with the test rows as points
# All other features have their mean values.
j = int(np.argmax(abs(w)))
feature, at_means = test[0][:, j], b[0] - weights[j] * standard.mean[j]
points = weights[j] * feature + at_means + residuals
names = {"xlabel": table.with_unit(features[j]), "ylabel": table.with_unit(target, f"next {target}")}
with table.picture("line.png", **names) as ax:
    tg.plot.fit_line(feature, points, weights[j], at_means, ax).set_title("Test rows, other features at their means")


# %% Try three learning rates
# If the rate is too low, descent is slow. Above 2 / (largest curvature), each step overshoots more than the last one.
def descend(start: Any, lr: float, epochs: int = 20_000, decay: float = 0, tol: float | None = None) -> tuple[Any, Any]:
    """Train from the weights `start` on a centred target, which needs no bias. Return (losses, final weights)."""
    fresh = tg.nn.Linear(len(features), 1, bias=False, init=lambda shape, rng: np.reshape(start, shape))
    sgd = tg.optim.SGD(fresh.parameters(), lr=lr, weight_decay=decay)
    history = tg.fit(fresh, tg.mse_loss, (x, y - y.mean()), optimizer=sgd, epochs=epochs, tol=tol, progress=False)
    return np.array(history.train_loss), fresh.weight.data[0]


best, zeros = LinearRegression().fit(x, y[:, 0]).coef_, 0 * w
rates = {"too slow": 0.03 * lr, "right": lr, "diverging": 2.05 * lr}
runs = {name: descend(zeros, rate, 50)[0] for name, rate in rates.items()}
with table.picture("learning_rates.png", title="Three learning rates", xlabel="epoch", ylabel=MSE, yscale="log") as ax:
    for name, losses in runs.items():
        ax.plot(losses, label=f"{rates[name]:.3g}, {name}")

# %% Draw the loss by one weight, with all other weights at their best values
# The loss is a parabola. At each point, the gradient is the slope of the tangent.
rest = y[:, 0] - y.mean() - x @ best + best[j] * x[:, j]
loss_and_slope = tg.value_and_grad(lambda weight: np.mean((rest - weight * x[:, j]) ** 2))
with table.picture("slope.png", title=f"The loss and its slopes by {features[j]}", xlabel=WEIGHT, ylabel=MSE) as ax:
    around = best[j] * np.linspace(-0.5, 2.5, 100)
    ax.plot(around, [loss_and_slope(v)[0] for v in around], color="black", linestyle="-", label="loss")
    for v in best[j] * np.array([0, 1, 1.7]):
        (here, slope), at = loss_and_slope(v), v + 0.4 * best[j] * np.array([-1, 0, 1])
        ax.plot(at, here + slope * (at - v), marker="o", markevery=[1], label=f"slope {round(float(slope), 9) + 0:.3g}")

# %% Try different initial weights
# There is only one minimum, and every run reaches it. How many epochs a run needs depends on the distance of its start
# from the minimum and, even more, on the direction.
far, least = np.linalg.norm(best), np.mean((y[:, 0] - y.mean() - x @ best) ** 2)
starts = {"zeros": zeros, "ten times as far": -9 * best}
starts["as far, steepest direction"] = best + far * directions[:, -1]
starts["as far, flattest direction"] = best + far * directions[:, 0]
aim, needed = 1e-6 * (np.var(y) - least), {}
with table.picture("starts.png", title="Epochs needed", xlabel="epoch", ylabel=f"{MSE} above min", yscale="log") as ax:
    for name, start in starts.items():
        gaps = descend(start, lr, 200)[0] - least
        needed[name] = int((gaps > aim).sum())
        ax.plot(np.maximum(gaps[: needed[name] + 1], aim), label=f"{name}: {needed[name]}")

# %% Add an L2 penalty, and compare with scikit-learn's Ridge
# Weight decay adds decay / 2 |w|^2 to the MEAN squared error. Ridge adds alpha |w|^2 to the SUM of squared errors. So
# both give the same weights if alpha = n decay / 2.
decays = np.geomspace(0.03, 100, 8)
shrunk = np.array([descend(zeros, 1 / (1 / lr + d), decay=d, tol=1e-13)[1] for d in decays])
ridge = np.array([Ridge(alpha=len(x) * d / 2).fit(x, y[:, 0]).coef_ for d in decays])
print(f"\nepochs needed from each start: {needed}\n\n  decay  |weights|  of Ridge  validation MSE")
for d, ours, theirs in zip(decays, shrunk, ridge, strict=True):
    error = np.mean((validation[1][:, 0] - y.mean() - validation[0] @ ours) ** 2)
    print(f"{d:7.3g}  {np.linalg.norm(ours):9.5g} {np.linalg.norm(theirs):9.5g}  {error:14.5g}")
with table.picture("ridge.png", title="Weights and L2", xlabel="weight decay", xscale="log", ylabel=WEIGHT) as ax:
    for i in np.argsort(-abs(best))[:4]:
        ax.plot(decays, shrunk[:, i], label=features[i])
        ax.plot(decays, ridge[:, i], "o", color="black", fillstyle="none", label="Ridge" if i == j else None)
