"""An overview of the table: how each function treats Tensors."""

import importlib
from typing import Any

import numpy as np

from .registry import compositions, constants, name, read_pages, refusal, refusals, vjps


def supported() -> dict[str, str]:
    """Return how each function of NumPy, of SciPy and of your own that the table knows treats Tensors, by name.

    "rule": one operation of the tape. "composition": written in functions that have rules. "constant": computed from
    the data, to plain numbers, arrays or booleans. "refused": raises an error with the reason and the remedy.

    >>> table = tg.supported()
    >>> table["np.sin"], table["np.argsort"]
    ('rule', 'constant')
    """
    read_pages()
    kinds: dict[str, Any] = {"rule": vjps, "composition": compositions, "constant": constants, "refused": refusals}
    internal, table = f"{__name__.partition('.')[0]}.", {}
    for kind, funs in kinds.items():
        for fun in funs:
            if isinstance(fun, str):
                members = vars(importlib.import_module(fun)).values()
                table.update({name(f): kind for f in members if isinstance(f, (np.ufunc, type(np.sum))) and refusal(f)})
            elif not (getattr(fun, "__module__", None) or "").startswith(internal):
                table[name(fun)] = kind
    return dict(sorted(table.items()))
