"""What a training run did, epoch by epoch: to print, to draw and to write to a file."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass
class History:
    """What `fit` did: losses, learning rate and seconds of each epoch, why it `stopped`, its `best_epoch`.

    `stopped` is "epochs" (all were run), "patience" or "converged" (by `tol`). `best_epoch` has the lowest
    validation loss, or training loss where there is no validation.
    """

    train_loss: list[float] = field(default_factory=list)
    valid_loss: list[float] = field(default_factory=list)
    lr: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    stopped: str = ""
    best_epoch: int = 0

    def __len__(self) -> int:
        return len(self.train_loss)

    def __repr__(self) -> str:
        facts = [f"{len(self)} epochs"]
        facts += [f"stopped by {self.stopped!r}"] if self.stopped else []
        for name, losses in (("train", self.train_loss), ("valid", self.valid_loss)):
            facts += [f"{name} loss {losses[0]:.6g} -> {losses[-1]:.6g}"] if losses else []
        return f"History({', '.join(facts)}, best epoch {self.best_epoch}, {sum(self.seconds):.3g} s)"

    def _repr_html_(self) -> str:
        from ..viz import reprs

        return reprs.history(self)

    def table(self, rows: int = 10) -> str:
        """Give up to `rows` epochs, first to last, as an aligned table; `seconds` are since the start."""
        columns = {
            "epoch": [str(i + 1) for i in range(len(self))],
            "train loss": [f"{x:.6g}" for x in self.train_loss],
            "valid loss": [f"{x:.6g}" for x in self.valid_loss],
            "lr": [f"{x:.3g}" for x in self.lr],
            "seconds": [f"{x:.3f}" for x in np.cumsum(self.seconds)],
        }
        if not self.valid_loss:
            del columns["valid loss"]
        picked = np.unique(np.linspace(0, len(self) - 1, min(rows, len(self))).round().astype(int))
        cells = [[name, *(values[i] for i in picked)] for name, values in columns.items()]
        aligned = [[c.rjust(max(map(len, column))) for c in column] for column in cells]
        return "\n".join("  ".join(line) for line in zip(*aligned, strict=True))

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the losses by epoch into the matplotlib Axes `ax`, or a new one, and give it."""
        from ..viz.plot import losses

        return losses(self, ax=ax)
