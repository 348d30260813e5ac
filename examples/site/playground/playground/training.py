"""A training run that the page goes through: a few updates a frame, and what there is to see after them."""

import io
import linecache
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

import tinygrad_edu as tg

from .program import setup, task, whole
from .settings import Settings
from .surface import Surface

GRID = 40  # points along each side of the plane of the data
BINS = 31  # of the weights' histogram
FILE = "<training>"
SURFACE_SECONDS = 0.006  # of every second frame


class Run:
    """One run of the program of these settings, update by update."""

    def __init__(self, settings: Settings) -> None:
        self.settings, self.task, self.source = settings, task(settings), setup(settings)
        names: dict[str, Any] = {"__name__": "__main__"}
        linecache.cache[FILE] = (len(self.source), None, self.source.splitlines(keepends=True), FILE)
        with np.errstate(all="ignore"):
            exec(compile(self.source, FILE, "exec"), names)
        self.model, self.optimizer, self.training = names["model"], names["optimizer"], names["training"]()
        self.parameters = list(self.model.parameters())
        self.train = names["X_train"], names["y_train"]
        self.valid = names["X_valid"], names["y_valid"]
        self.loss, self.metric = names["loss"], getattr(tg, self.task.metric[1])
        self.updates, self.frames, self.diverged = 0, 0, ""
        self.surface = Surface(self.model, self.loss, *self.train)
        self.low, self.high = self._window()
        self.grid = self._grid()
        self.start = self._weights()

    @property
    def epoch(self) -> float:
        """The epochs so far."""
        each = -(-len(self.train[1]) // self.settings.batch) if self.settings.batch else 1
        return self.updates / each

    def frame(self, updates: int, seconds: float = 0.03) -> dict[str, Any]:
        """Take up to this many updates, for no longer than this, and return what there is to see then."""
        end = perf_counter() + seconds
        with np.errstate(all="ignore"):
            for _ in range(0 if self.diverged else updates):
                try:
                    value = next(self.training)
                except Exception as error:  # the library's words
                    self.diverged = f"{type(error).__name__}: {error}"
                    break
                self.updates += 1
                self.surface.record()
                if not np.isfinite(value):
                    self.diverged = self._why(value)
                    break
                if perf_counter() > end:
                    break
            self.frames += 1
            if self.frames % 2 == 0 or not updates:
                self.surface.advance(SURFACE_SECONDS)
            return self._numbers() | self._pictures()

    def program(self) -> str:
        """Return the Python program that does what this run has done so far."""
        return whole(self.settings, self.updates)

    def weights_file(self) -> bytes:
        """Return the weights as an .npz file: `model.load_state_dict(dict(np.load(path)))` reads it."""
        file = io.BytesIO()
        np.savez(file, **self.model.state_dict())
        return file.getvalue()

    def points(self) -> dict[str, Any]:
        """Return the data as the page draws it: its window, names and points, those to validate after the others."""
        x = np.concatenate([self.train[0], self.valid[0]])
        y = np.concatenate([np.ravel(self.train[1]), np.ravel(self.valid[1])])
        names = self.task.table.names if self.task.table else ("x1", "x2") if self.task.features > 1 else ("x", "y")
        if self.task.table:  # its columns are standardized, but for classes, which are numbered
            names = tuple(n if n == names[-1] and self.task.classes else f"{n}, standardized" for n in names)
        return {
            "x": x[:, 0], "y": x[:, 1] if self.task.features > 1 else y, "target": y.astype(float),
            "training": len(self.train[0]), "low": self.low, "high": self.high, "names": list(names[:2]),
            "classes": list(self.task.classes), "features": self.task.features, "outputs": self.task.outputs,
            "sizes": [self.task.features, *self.settings.layers, self.task.outputs],
            "metric": self.task.metric[0], "parameters": sum(p.size for p in self.parameters),
        }  # fmt: skip

    def _numbers(self) -> dict[str, Any]:
        """Return the run's figures after its latest update."""
        train, valid = (self._loss_and_prediction(x, y) for x, y in (self.train, self.valid))
        measured = float("nan")
        if np.isfinite(valid[1]).all() and (self.task.classes or np.ptp(self.valid[1])):
            measured = self.metric(valid[1], self.valid[1])
        return {
            "updates": self.updates, "epoch": self.epoch, "lr": float(self.optimizer.lr), "train": train[0],
            "valid": valid[0], "metric": measured, "diverged": self.diverged, "settled": self.surface.settled,
        }  # fmt: skip

    def _loss_and_prediction(self, x: Any, y: Any) -> tuple[float, NDArray[np.float64]]:
        with tg.no_grad():
            prediction = self.model(x)
            return float(self.loss(prediction, y)), prediction.data

    def _pictures(self) -> dict[str, Any]:
        """Return the arrays of the pictures, as flat arrays of numbers."""
        weights = self._weights()
        finite = weights[np.isfinite(weights)]
        reach = float(np.abs(np.concatenate([finite, self.start])).max()) or 1.0
        edges = np.linspace(-reach, reach, BINS + 1)
        shown = self.surface.shown
        path, share = self.surface.projected()
        return {
            "grid": self._prediction().astype(np.float32), "reach": reach,
            "counts": np.histogram(finite, edges)[0].astype(np.float32),
            "start": np.histogram(self.start, edges)[0].astype(np.float32),
            "surface": np.array(shown.losses if shown else [], np.float32),
            "path": path.ravel().astype(np.float32), "share": share,
        }  # fmt: skip

    def _prediction(self) -> NDArray[np.float64]:
        """Return what the network says on the grid: probabilities of class 1, numbers, or class + probability.

        Of more than two classes it is the number of the likeliest class plus its probability, just below 1 at most.
        """
        with tg.no_grad():
            out = self.model(self.grid).data
        if self.task.outputs > 1:
            p = np.exp(out - out.max(axis=1, keepdims=True))
            top = (p / p.sum(axis=1, keepdims=True)).max(axis=1)
            return np.asarray(out.argmax(axis=1) + np.minimum(top, 0.999))
        if self.task.classes:
            return np.asarray(0.5 + 0.5 * np.tanh(out[:, 0] / 2))
        return np.asarray(out[:, 0])

    def _window(self) -> tuple[list[float], list[float]]:
        """Return the least and greatest coordinates of the plane of the data, with a margin."""
        x = np.concatenate([self.train[0], self.valid[0]])
        y = np.concatenate([self.train[1], self.valid[1]]).reshape(len(x), -1)[:, :1]
        two = np.concatenate([x, y], axis=1)[:, :2] if self.task.features == 1 else x[:, :2]
        low, high = two.min(axis=0), two.max(axis=0)
        margin = np.where(high > low, 0.12 * (high - low), 1.0)
        return (low - margin).tolist(), (high + margin).tolist()

    def _grid(self) -> NDArray[np.float64]:
        """Return the inputs where the network is drawn; features beyond the second have their mean."""
        if self.task.features == 1:
            return np.linspace(self.low[0], self.high[0], 4 * GRID).reshape(-1, 1)
        first, second = np.meshgrid(*(np.linspace(a, b, GRID) for a, b in zip(self.low, self.high, strict=True)))
        others = np.tile(self.train[0].mean(axis=0), (GRID * GRID, 1))
        others[:, 0], others[:, 1] = first.ravel(), second.ravel()
        return np.asarray(others)

    def _weights(self) -> NDArray[np.float64]:
        """Return the weights without the biases."""
        return np.concatenate([p.data.ravel() for p in self.parameters if p.ndim > 1])

    def _why(self, value: float) -> str:
        lr = float(self.optimizer.lr)
        likely = f"the learning rate is too high (try {lr / 10:.2g})"
        return f"The loss is {value} in update {self.updates}, with lr={lr:g}. Likely cause: {likely}. Reset to go on."
