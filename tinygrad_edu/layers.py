"""The table of lazily loaded names: which module provides each public name that `import tinygrad_edu` does not import.

`tinygrad_edu.jit` looks its name up here when it is first used. So does code that offers what a later layer provides:
`fit(jit=True)` calls `load("jit")`, and `History.plot` calls `load("plot")`. They look the public name up when a user
asks for it, so that they import no module above their own, and work without it as long as nobody asks.
"""

from importlib import import_module
from typing import Any

from .engine.habits import instead

MODULES = {  # a module, and the public names that it provides, among them its own where users import the module itself
    "anomaly": ("AnomalyError", "detect_anomaly"), "check": ("GradientError", "check_grad"), "state": ("load", "save"),
    "jit": ("JitError", "Jitted", "jit"), "data": ("data",), "nn": ("nn",), "optim": ("optim",),
    "special": ("special",), "stats": ("stats",), "linalg": ("linalg",), "signal": ("signal",),
    "integrate": ("integrate", "odeint"),
    "train": ("DivergenceError", "History", "accuracy", "confusion_matrix", "evaluate", "fit", "lr_finder", "predict",
              "r2_score"),
    "distributed": ("distributed",),
    "viz.draw": ("Drawing", "draw"), "viz.explain": ("Explanation", "explain"), "viz.plot": ("plot",),
}  # fmt: skip


def load(name: str) -> Any:
    """Import the module that provides a public name, and return the object of that name.

    Raises AttributeError for a name that is not in the table, and ModuleNotFoundError if the module is missing.
    """
    for module, names in MODULES.items():
        if name in names:
            layer = import_module(f".{module}", __package__)
            return getattr(layer, name, layer)
    raise AttributeError(f"module {__package__!r} has no attribute {name!r}{instead(name)}")
