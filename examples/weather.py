"""Predict tomorrow's maximum temperature from today's weather: linear regression with gradient descent.

    python examples/weather.py
    python examples/weather.py --csv shop.csv --target sales --features sales,price,visitors

In this lesson you train a model on real data and compare it with scikit-learn. You look at the data before you choose a
model, fill gaps in it, split it by time, and decide when training is finished. `learning_rates.py` and `penalty.py`
go on from here.

You can use your own table. It has one row for each day (or hour, week, ...), in order of time. The features of a row
predict the target of the next row. A missing value is replaced by the last value before it. The first 70 % of the rows
are for training, the next 15 % for validation, and the last 15 % for the test.
"""

# %% Read the table
from typing import Any

import numpy as np
import pandas as pd
from sklearn.linear_model import LinearRegression
from tables import parse_table
from vega_datasets import local_data

import tinygrad_edu as tg

SEATTLE = str(local_data.seattle_weather.filepath)  # 1,461 days, 2012 to 2015; a local file
UNITS = {"temp_max": "°C", "temp_min": "°C", "precipitation": "mm", "wind": "m/s"}
table = parse_table(__doc__, SEATTLE, "temp_max", UNITS)
features, target, train, valid, test = table.features, table.target, table.train, table.valid, table.test
print(f"{table.report}; pictures in {table.output}")

# %% Look at the data first: each point is a row. Would a line through the points predict well?
# The correlation answers in one number: 1 or -1 if all points are on a line, 0 if no line helps.
column = features.index(target) if target in features else 0
today, tomorrow = train[0][:, column], train[1][:, 0]
varies = today.std() > 0 and tomorrow.std() > 0
correlation = float(np.corrcoef(today, tomorrow)[0, 1]) if varies else 0.0
names = {"xlabel": table.with_unit(features[column]), "ylabel": table.with_unit(target, f"next {target}")}
with table.picture("scatter.png", title=f"Does a line fit? correlation {correlation:.2f}", **names) as ax:
    ax.plot(today, tomorrow, "o", markersize=3, alpha=0.4, label="training rows")
print(f"correlation of {features[column]} with the next {target}: {correlation:.3f}")

# %% Fill gaps: a value that is missing becomes the last value before it
# This table may have no gaps, so remove a tenth of one column, to see how good the filling is. (`tables.py` fills the
# gaps of the table itself in the same way.)
complete = pd.Series(tomorrow)
removed = 1 + np.random.default_rng(0).permutation(len(complete) - 1)[: max(1, len(complete) // 10)]
with_gaps = complete.drop(removed).reindex(complete.index)
filled = with_gaps.ffill()
error = float(np.sqrt(np.mean((filled - complete)[removed] ** 2)))
rms = table.with_unit(target, "root mean squared error")
print(f"removed {len(removed)} values of {target}, and filled them: {rms} {error:.3g};", end=" ")
print(f"standard deviation of all values {complete.std():.3g}")
with table.picture("gaps.png", title="Gaps, filled forward", xlabel="row", ylabel=names["ylabel"]) as ax:
    ax.plot(complete[:60], color="gray", linestyle=":", label="complete")
    ax.plot(with_gaps[:60], color="#0072b2", linestyle="-", marker=".", label="with gaps")
    ax.plot(filled[:60][np.isin(filled.index[:60], removed)], "^", color="#d55e00", label="filled")

# %% Standardize the features: mean 0 and standard deviation 1
# Compute both from the training data only. The model must not know anything about the test data.
standard = tg.data.Standardizer().fit(train[0])
x, y = standard.transform(train[0]), train[1]
validation = standard.transform(valid[0]), valid[1]

# %% Make the model: a weight for each feature, and a bias. Draw the graph of its loss, with all values and gradients
model = tg.nn.Linear(len(features), 1, rng=0)
inputs, outputs = (tg.Tensor(a, requires_grad=False, label=name) for a, name in ((x, "today"), (y, "tomorrow")))
loss = tg.mse_loss(model(inputs), outputs)
loss.label = "loss"
for suffix in ("svg", "png"):
    tg.draw(loss, depth=None, rankdir="TB").save(table.output / f"graph.{suffix}")

# %% Train the model until it has converged
# The loss is a bowl. `eigvalsh` returns its curvatures (see `curvature.py`), the largest last. With the learning rate
# 1 / (largest curvature), no step goes beyond the minimum in any direction.
# When is training finished? `tol` is a share of the loss. In the last ten epochs the loss must change by no more than
# this share, and no more is expected of all later epochs. This is convergence.
lr = 1 / np.linalg.eigvalsh(2 / len(x) * x.T @ x)[-1]
sgd = tg.optim.SGD(model.parameters(), lr=lr)
history = tg.fit(model, tg.mse_loss, (x, y), optimizer=sgd, epochs=20_000, valid_data=validation, tol=1e-10)
hint = " (descent is slow when two features are nearly the same)" if history.stopped == "epochs" else ""
print(f"\n{history.table()}\nstopped by: {history.stopped}{hint}\n")
MSE = table.with_unit(target, "mean squared error", power="²")
with table.picture("loss.png", title="Loss by epoch", xscale="log", ylabel=MSE) as ax:
    tg.plot.losses(history, ax)

# %% Why can the validation loss be lower than the training loss?
# Because the rows differ. Here the validation rows are days from October to May, when the temperature changes less from
# day to day than in summer. So compare how much the target changes from row to row: the more it changes, the
# harder it is to predict.
steps = {"train": np.diff(train[1][:, 0]), "valid": np.diff(valid[1][:, 0])}
changes = {name: float(step @ step) / max(1, len(step)) for name, step in steps.items()}
final = {"train": history.train_loss[-1], "valid": history.valid_loss[-1]}
for name in final:
    print(f"{name}: loss {final[name]:8.4g}, mean squared change of {target} from row to row {changes[name]:8.4g}")

# %% Compare the weights with scikit-learn
# Our weights belong to the standardized features z = (x - mean) / scale. Convert them to weights of the features x:
# w z + b = (w / scale) x + (b - w mean / scale).
w, b = (parameter.data.ravel().copy() for parameter in model.parameters())
weights, intercept = w / standard.scale, b[0] - w @ (standard.mean / standard.scale)
exact: Any = LinearRegression().fit(train[0], train[1][:, 0])
predicted = test[0] @ weights + intercept
mse, exact_mse = (np.mean((test[1][:, 0] - p) ** 2) for p in (predicted, exact.predict(test[0])))
rows = [*zip(features, weights, exact.coef_, strict=True), ("intercept", intercept, exact.intercept_)]
rows += [("test MSE", mse, exact_mse), (table.with_unit(target, "test RMSE"), mse**0.5, exact_mse**0.5)]
width = max(len(name) for name, _, _ in rows)
print(f"\n{'':{width}}  {'gradient descent':>16}  {'scikit-learn':>12}  difference")
for name, ours, theirs in rows:
    print(f"{name:{width}}  {ours:16.8g}  {theirs:12.8g}  {abs(ours / theirs - 1) if theirs else 0:10.1e}")

# %% Draw the test rows and their predictions by the most important feature
j = int(np.argmax(abs(w)))
names["xlabel"] = table.with_unit(features[j])
with table.picture("line.png", title="Test rows: measured and predicted", **names) as ax:
    ax.plot(test[0][:, j], test[1][:, 0], "o", markersize=4, alpha=0.5, label="measured")
    ax.plot(test[0][:, j], predicted, "x", markersize=5, label="predicted (differs with the other features)")
