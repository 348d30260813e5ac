"""The progress bar of a training run."""

import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager


@contextmanager
def progress_bar(epochs: int, done: int = 0, stacklevel: int = 1) -> Iterator[Callable[[Mapping[str, float]], None]]:
    """Show a bar of epochs: `with progress_bar(10) as show: show({"loss": 0.5})` counts one, and shows its numbers.

    Without tqdm there is no bar but a warning, `stacklevel` functions above this one.
    """
    try:
        from tqdm import tqdm
    except ImportError:
        remedy = 'pip install "tinygrad-edu[train]", or pass progress=False'
        # The generator and its context manager are two levels more.
        warnings.warn(f"fit: no progress bar without tqdm: {remedy}", stacklevel=stacklevel + 2)
        yield lambda values: None
        return
    with tqdm(total=epochs, initial=done, unit="epoch") as bar:

        def show(values: Mapping[str, float]) -> None:
            bar.set_postfix_str(", ".join(f"{name} {x:.4g}" for name, x in values.items()), refresh=False)
            bar.update()

        yield show
