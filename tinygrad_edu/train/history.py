"""The history of a training run, epoch by epoch, to print, to plot and to write to a file."""

from __future__ import annotations

import csv
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from io import StringIO
from math import inf, isfinite
from typing import TYPE_CHECKING

import numpy as np

from ..engine.arguments import whole_number
from ..engine.reprs import counted, table
from ..figure import BLUE, VERMILION, losses
from ..state import replacing

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LEFT, WIDTH, HEIGHT = 60, 360, 120  # of the SVG's plot area, in pixels


@dataclass
class History:
    """The losses, metrics, learning rate and seconds of each epoch, why the run `stopped`, and its `best_epoch`.

    `stopped` is "epochs" (all were run), "patience", "converged" (by `tol`) or "callback". `best_epoch` has the lowest
    validation loss, or training loss where there is no validation. `metrics` has a list for each name, of the
    validation data, or the training data where there is none. `lr` is the rate that an epoch began with.

    >>> history = tg.History([0.5, 0.25], lr=[0.1, 0.1], seconds=[0.0, 0.0])
    >>> len(history), history.train_loss[-1]
    (2, 0.25)
    """

    train_loss: list[float] = field(default_factory=list)
    valid_loss: list[float] = field(default_factory=list)
    lr: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    stopped: str = ""
    best_epoch: int = 0
    metrics: dict[str, list[float]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.train_loss)

    def append(
        self, train_loss: float, valid_loss: float | None, lr: float, seconds: float, metrics: Mapping[str, float]
    ) -> bool:
        """Add an epoch, and return whether it is the best so far."""
        losses = self.train_loss if valid_loss is None else self.valid_loss
        lowest = losses[self.best_epoch - 1] if self.best_epoch else inf
        self.train_loss.append(train_loss)
        if valid_loss is not None:
            self.valid_loss.append(valid_loss)
        self.lr.append(lr)
        self.seconds.append(seconds)
        for name, value in metrics.items():
            self.metrics.setdefault(name, []).append(value)
        if is_best := losses[-1] < lowest:
            self.best_epoch = len(self)
        return is_best

    def __repr__(self) -> str:
        facts = [counted(len(self), "epoch")]
        facts += [f"stopped by {self.stopped!r}"] if self.stopped else []
        for name, values in (("train", self.train_loss), ("valid", self.valid_loss)):
            facts += [f"{name} loss {values[0]:.6g} -> {values[-1]:.6g}"] if values else []
        facts += [f"{name} {values[0]:.4g} -> {values[-1]:.4g}" for name, values in self.metrics.items() if values]
        return f"History({', '.join(facts)}, best epoch {self.best_epoch}, {sum(self.seconds):.3g} s)"

    def _repr_html_(self) -> str:
        head, *rows = zip(*self._columns(10), strict=True)
        return f"<p>{escape(repr(self))}</p>{svg(self.train_loss, self.valid_loss)}{table(head, rows)}"

    def table(self, rows: int = 10) -> str:
        """Return up to `rows` epochs, from the first to the last, as an aligned table; `seconds` are cumulative."""
        aligned = [[c.rjust(max(map(len, column))) for c in column] for column in self._columns(rows)]
        return "\n".join("  ".join(line) for line in zip(*aligned, strict=True))

    def _columns(self, rows: int) -> list[list[str]]:
        columns = {
            "epoch": [str(i + 1) for i in range(len(self))],
            "train loss": [f"{x:.6g}" for x in self.train_loss],
            **({"valid loss": [f"{x:.6g}" for x in self.valid_loss]} if self.valid_loss else {}),
            **{name: [f"{x:.4g}" for x in values] for name, values in self.metrics.items()},
            "lr": [f"{x:.3g}" for x in self.lr],
            "seconds": [f"{x:.3f}" for x in np.cumsum(self.seconds)],
        }
        count = len(self) if rows == np.inf else min(whole_number("History.table", "rows", rows), len(self))
        picked = np.unique(np.linspace(0, len(self) - 1, count).round().astype(int))
        return [[name, *(values[i] for i in picked)] for name, values in columns.items()]

    def to_csv(self, path: str | os.PathLike[str]) -> None:
        """Write a line for each epoch, with every digit: epoch, train_loss, valid_loss, the metrics, lr and seconds.

        Seconds are those of each epoch alone. After an error an existing file is unchanged.
        """
        valid = {"valid_loss": self.valid_loss} if self.valid_loss else {}
        columns = {"epoch": range(1, len(self) + 1), "train_loss": self.train_loss, **valid, **self.metrics}
        columns |= {"lr": self.lr, "seconds": self.seconds}
        text = StringIO(newline="")
        writer = csv.writer(text)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))
        with replacing(path, "History.to_csv") as file:
            file.write(text.getvalue().encode())

    def plot(self, ax: Axes | None = None) -> Axes:
        """Plot the losses by epoch in the matplotlib Axes `ax`, or new ones, and return them."""
        return losses(self, ax)


def svg(train: Sequence[float], valid: Sequence[float]) -> str:
    """Return the losses by epoch as SVG lines, on a logarithmic scale if all are above 0."""
    finite = np.array([*train, *valid])
    finite = finite[np.isfinite(finite)]
    if len(train) < 2 or not finite.size:
        return ""
    scale = np.log if finite.min() > 0 else np.asarray
    low, high = scale(finite.min()), scale(finite.max())
    marks = _svg_text(LEFT - 6, 12, "end", f"{finite.max():.3g}")
    marks += _svg_text(LEFT - 6, HEIGHT, "end", f"{finite.min():.3g}")
    marks += _svg_text(LEFT, HEIGHT + 16, "start", "epoch 1")
    marks += _svg_text(LEFT + WIDTH, HEIGHT + 16, "end", str(len(train)))
    styles = (("training", BLUE, ""), ("validation", VERMILION, ' stroke-dasharray="6 3"'))
    for i, (curve, (kind, color, dashes)) in enumerate(zip((train, valid), styles, strict=True)):
        if not curve:
            continue
        picked = np.unique(np.linspace(0, len(curve) - 1, WIDTH).round().astype(int))  # at most a point per pixel
        heights = 2 + (HEIGHT - 4) * (high - scale(np.array(curve)[picked])) / (high - low or 1)
        across = LEFT + WIDTH * picked / (len(train) - 1)
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in zip(across, heights, strict=True) if isfinite(y))
        pen = f'stroke="{color}" stroke-width="2"{dashes}'
        marks += f'<polyline points="{points}" fill="none" {pen}/>'
        y = 20 + 18 * i
        marks += f'<line x1="{LEFT + WIDTH + 12}" x2="{LEFT + WIDTH + 36}" y1="{y}" y2="{y}" {pen}/>'
        marks += _svg_text(LEFT + WIDTH + 42, y + 4, "start", kind)
    label = f"loss by epoch, from {train[0]:.3g} to {train[-1]:.3g}"
    width, height = LEFT + WIDTH + 110, HEIGHT + 20
    size = f'width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{label}" {size}>{marks}</svg>'


def _svg_text(x: int, y: int, anchor: str, text: str) -> str:
    style = f'font-family="sans-serif" font-size="12" fill="currentColor" text-anchor="{anchor}"'
    return f'<text x="{x}" y="{y}" {style}>{text}</text>'
