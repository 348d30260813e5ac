"""Tomorrow's maximum temperature from today's weather: least squares, solved by gradient descent.

    python examples/weather.py
    python examples/weather.py --csv shop.csv --target sales --features sales,price,visitors

The table has one row a day (or hour, week, ...), in order of time, and today's features predict the target of
the next row. A missing value takes the last one before it. The first 70 % of the rows train the model, the
next 15 % validate it, the last 15 % test it; beside it scikit-learn solves the same problem in closed form.
"""

import argparse
import math
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from sklearn.linear_model import LinearRegression
from vega_datasets import local_data

import tinygrad_edu as tg

SEATTLE = str(local_data.seattle_weather.filepath)  # 1,461 days, 2012 to 2015; on this disk, no network
UNITS = {"temp_max": "°C", "temp_min": "°C", "precipitation": "mm", "wind": "m/s"}
PICTURE: dict[str, Any] = {"figsize": (6, 4), "dpi": 150, "layout": "constrained"}


# Reading the table. Whatever is wrong with it is a ValueError that says what, and where.
def read(path: str, columns: list[str]) -> pd.DataFrame:
    """The columns of a CSV file as numbers, NaN where one is missing."""
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            cells = pd.read_csv(file, header=None, dtype=str)
    except (OSError, ValueError) as error:
        raise ValueError(f"cannot read {path!r}: {getattr(error, 'strerror', None) or error}") from None
    header, table = cells.iloc[0].fillna("").str.strip().tolist(), pd.DataFrame()
    for name in columns:
        if header.count(name) != 1:
            found = f"{header.count(name)} columns" if name in header else "no column"
            raise ValueError(f"{path!r} has {found} {name!r}; its columns are {', '.join(header):.300}")
        text = cells[header.index(name)][1:]
        table[name] = pd.to_numeric(text, errors="coerce").astype(float)
        bad = text.notna() & ~(table[name].abs() < 1e100)
        if bad.any():
            row = bad.idxmax()
            raise ValueError(f"column {name!r} must hold numbers; row {row} has {text[row]!r:.60}")
    return table


def prepare(path: str, features: list[str], target: str) -> tuple[Any, str]:
    """Training, validation and test parts, each (today's features, the next row's target), and a report."""
    if "" in features or len(set(features)) < len(features):
        raise ValueError(f"--features takes different names, separated by commas, not {','.join(features)!r}")
    table = read(path, list(dict.fromkeys([*features, target])))
    gaps = ", ".join(f"{n} in {name}" for name, n in table.isna().sum().items() if n)
    filled = table.ffill().dropna()
    report = f"{len(table)} rows; missing values: {gaps + ', forward-filled' if gaps else 'none'}"
    if unfilled := len(table) - len(filled):
        report += f"; left out the first {unfilled} rows, with nothing before them to fill from"
    needed = max(8, math.ceil((len(features) + 2) / 0.7) + 1)
    if len(filled) < needed:
        raise ValueError(f"{path!r} is too short: {report}; its features need at least {needed}")
    today, tomorrow = filled[features].to_numpy()[:-1], filled[[target]].to_numpy()[1:]
    parts = tg.data.train_valid_test_split(today, tomorrow, by="time")
    for name, column in zip(features, parts[0][0].T, strict=True):
        if column.min() == column.max():
            raise ValueError(f"column {name!r} is {column[0]:g} throughout the training rows: leave it out")
    return parts, report


class Parser(argparse.ArgumentParser):
    """Ends the program on bad input: one line, exit status 2."""

    def error(self, message: str) -> NoReturn:
        """Print the message as one line."""
        self.exit(2, f"{self.prog}: {' '.join(message.split())}\n")


def main() -> None:
    """Run the lesson."""
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--csv", default=SEATTLE, metavar="FILE", help="your table (default: Seattle's weather)")
    parser.add_argument("--target", default="temp_max", metavar="COLUMN", help="column to predict (%(default)s)")
    parser.add_argument("--features", default=",".join(UNITS), metavar="A,B,C", help="columns to use (%(default)s)")
    parser.add_argument("--output", default=Path(__file__).parent / "output", type=Path, metavar="DIR")
    args = parser.parse_args()
    features = [name.strip() for name in args.features.split(",")]
    try:
        (train, valid, test), report = prepare(args.csv, features, args.target)
        args.output.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        parser.error(str(error))
    units = UNITS if args.csv == SEATTLE else {}
    unit = f" ({units[args.target]})" if args.target in units else ""
    print(f"{report}; train {len(train[0])}, validate {len(valid[0])}, test {len(test[0])}")

    # Standardise. Only the training part is known when a model is made, so only its figures are used.
    standard = tg.data.Standardizer().fit(train[0])
    x, y = standard.transform(train[0]), train[1]

    # The model, and the graph of its loss down to single operations: every box shows its gradient.
    model = tg.nn.Linear(len(features), 1, rng=0)
    today = tg.Tensor(x, requires_grad=False, label="today")
    tomorrow = tg.Tensor(y, requires_grad=False, label="tomorrow")
    loss = tg.mse_loss(model(today), tomorrow)
    loss.label = "loss"
    for suffix in ("svg", "png"):
        tg.draw(loss, depth=None, rankdir="TB").save(args.output / f"graph.{suffix}")

    # Train. The loss is a bowl; a step of 1 / (its largest curvature) overshoots in no direction.
    sgd = tg.optim.SGD(model.parameters(), lr=1 / np.linalg.eigvalsh(2 / len(x) * x.T @ x).max())
    valid = standard.transform(valid[0]), valid[1]
    history = tg.fit(model, tg.mse_loss, (x, y), optimizer=sgd, epochs=20_000, valid_data=valid, tol=1e-10)
    hint = " (features that nearly repeat each other leave it far to go)" if history.stopped == "epochs" else ""
    print(f"\n{history.table()}\nstopped by: {history.stopped}{hint}\n")

    # Compare. z = (x - mean) / scale, so w z + b = (w / scale) x + (b - w mean / scale).
    w, b = (parameter.data.ravel() for parameter in model.parameters())
    weights = w / standard.scale
    intercept = b[0] - weights @ standard.mean
    exact = LinearRegression().fit(train[0], train[1][:, 0])
    residuals = test[1][:, 0] - (test[0] @ weights + intercept)
    mse, exact_mse = np.mean(residuals**2), np.mean((test[1][:, 0] - exact.predict(test[0])) ** 2)
    rows = [
        *zip(features, weights, exact.coef_, strict=True),
        ("intercept", intercept, exact.intercept_),
        ("test MSE", mse, exact_mse),
        (f"test RMSE{unit}", mse**0.5, exact_mse**0.5),
    ]
    width = max(len(name) for name, _, _ in rows)
    print(f"{'':{width}}  {'gradient descent':>16}  {'scikit-learn':>12}  difference")
    for name, ours, theirs in rows:
        print(f"{name:{width}}  {ours:16.8g}  {theirs:12.8g}  {abs(ours / theirs - 1) if theirs else 0:10.1e}")

    # Draw how the loss fell.
    figure = Figure(**PICTURE)
    ax = tg.plot.losses(history, figure.subplots())
    ax.set(title="Loss by epoch", xscale="log", ylabel=f"mean squared error{unit.replace(')', '²)')}")
    figure.savefig(args.output / "loss.png")

    # Draw the line of the feature that matters most, the others at their means, and the rows of the test.
    j = int(np.argmax(abs(w)))
    feature, at_means = test[0][:, j], b[0] - weights[j] * standard.mean[j]
    points = weights[j] * feature + at_means + residuals
    figure = Figure(**PICTURE)
    ax = tg.plot.fit_line(feature, points, weights[j], at_means, figure.subplots())
    ax.set(title="Test rows, with the other features brought to their means", ylabel=f"next {args.target}{unit}")
    ax.set_xlabel(features[j] + (f" ({units[features[j]]})" if units else ""))
    figure.savefig(args.output / "line.png")
    print(f"\ndrawn: graph.svg, graph.png, loss.png and line.png in {args.output}")


if __name__ == "__main__":
    main()
