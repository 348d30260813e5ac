"""The table of lazily loaded names: which module provides each public name that `import tinygrad_edu` does not import.

`tinygrad_edu.jit` looks its name up here when it is first used. So does code that offers what a later layer provides:
`fit(jit=True)` calls `load("jit")`, and `History.plot` calls `load("plot")`. They look the public name up when a user
asks for it, so that they import no module above their own, and work without it as long as nobody asks.
"""

from importlib import import_module
from typing import Any

from .engine.habits import instead

MODULES = {  # a module, and the names that it provides, also its own where users import it; functions has the others
    "transforms": (
        "transforms", "checkpoint", "custom_vjp", "elementwise_grad", "ggnvp", "grad", "gradients", "hessian", "hvp",
        "jacobian", "jvp", "stop_gradient", "tree", "value_and_grad", "vjp", "vmap",
    ),
    "anomaly": ("AnomalyError", "detect_anomaly"), "check": ("GradientError", "check_grad"), "state": ("load", "save"),
    "jit": ("JitError", "Jitted", "jit"), "data": ("data",), "nn": ("nn",), "optim": ("optim",),
    "special": ("special",), "stats": ("stats",), "linalg": ("linalg",), "signal": ("signal",),
    "integrate": ("integrate", "odeint"),
    "train": ("DivergenceError", "History", "accuracy", "confusion_matrix", "evaluate", "fit", "lr_finder", "predict",
              "r2_score"),
    "distributed": ("distributed",),
    "viz.draw": ("Drawing", "draw"), "viz.explain": ("Explanation", "explain"), "viz.plot": ("plot",),
}  # fmt: skip
SEARCHED = ("", ".nn", ".optim", ".optim.lr_scheduler", ".data", ".special", ".linalg", ".signal")  # for a name


def load(name: str) -> Any:
    """Import the module that provides a public name, and return the object of that name.

    Raises AttributeError for a name that is not public, and ModuleNotFoundError if the module is missing.
    """
    module = next((module for module, names in MODULES.items() if name in names), "functions")
    if module == name or name in import_module(f"{__package__}").__all__:
        layer = import_module(f".{module}", __package__)
        return getattr(layer, name, layer)
    raise missing(__package__ or "", name)


def missing(module: str, name: str) -> AttributeError:
    """Return the error for a name that a module of the package lacks; it says what has that name, or nearly, here."""
    remedy = instead(name) or _elsewhere(module.removeprefix(__package__ or ""), name)
    return AttributeError(f"module {module!r} has no attribute {name!r}{remedy}")


def _elsewhere(part: str, name: str) -> str:
    """Return "; write tg.nn.Linear" for a public name of another module, or in other letters of this one, or ""."""
    parts = sorted(SEARCHED, key=lambda p: p != part) if not name.startswith("_") else []
    public = [(n, f"tg{p}.{n}") for p in parts for n in import_module(f"{__package__}{p}").__all__]
    same = [path for n, path in public if n == name] or [path for n, path in public if _letters(n) == _letters(name)]
    return f"; write {same[0]}" if same else ""


def _letters(name: str) -> str:
    return name.lower().replace("_", "")
