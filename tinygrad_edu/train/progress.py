"""The progress bar of a training run."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from tqdm import tqdm


class ProgressBar:
    """A bar that counts epochs and shows the latest losses: `with ProgressBar(epochs) as bar: ...`.

    Without tqdm it warns, with `stacklevel` as for `warnings.warn`, and shows nothing; nor does it if `show` is False.
    """

    def __init__(self, epochs: int, done: int = 0, *, show: bool = True, stacklevel: int = 2) -> None:
        self.bar: tqdm | None = None
        if not show:
            return
        try:
            from tqdm import tqdm
        except ImportError:
            remedy = 'pip install "tinygrad-edu[train]", or pass progress=False'
            warnings.warn(f"fit: no progress bar without tqdm: {remedy}", stacklevel=stacklevel)
        else:
            self.bar = tqdm(total=epochs, initial=done, unit="epoch")

    def update(self, values: Mapping[str, float]) -> None:
        """Count one more epoch, and show these numbers beside the bar."""
        if self.bar is not None:
            self.bar.set_postfix_str(", ".join(f"{name} {x:.4g}" for name, x in values.items()), refresh=False)
            self.bar.update()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        if self.bar is not None:
            self.bar.close()
