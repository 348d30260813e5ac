"""The table of lazily loaded names: which module provides each public name that `import tinygrad_edu` does not import.

`tinygrad_edu.jit` looks its name up here when it is first used. So does code that offers what a later layer provides:
`fit(jit=True)` calls `load("jit")`, and `History.plot` calls `load("plot")`. They look the public name up when a user
asks for it, so that they import no module above their own, and work without it as long as nobody asks.
"""

from importlib import import_module
from typing import Any

from .engine.habits import instead

MODULES = {  # a module, and the public names that it provides, among them its own where users import the module itself
    "transforms": (
        "transforms", "checkpoint", "custom_vjp", "elementwise_grad", "ggnvp", "grad", "gradients", "hessian", "hvp",
        "jacobian", "jvp", "stop_gradient", "tree", "value_and_grad", "vjp", "vmap",
    ),
    "functions": (
        "functions", "adaptive_avg_pool1d", "adaptive_avg_pool2d", "avg_pool1d", "avg_pool2d", "binary_cross_entropy",
        "binary_cross_entropy_with_logits", "celu", "conv1d", "conv2d", "conv_transpose1d", "conv_transpose2d",
        "cosine_similarity", "cross_entropy", "elu", "erf", "gammaln", "gaussian_nll_loss", "gelu", "glu",
        "hardsigmoid", "hardswish", "hardtanh", "hinge_loss", "huber_loss", "kl_div", "l1_loss", "leaky_relu",
        "log_softmax", "logsigmoid", "logsumexp", "margin_ranking_loss", "max_pool1d", "max_pool2d", "mish",
        "mse_loss", "nll_loss", "poisson_nll_loss", "prelu", "relu", "relu6", "scaled_dot_product_attention", "selu",
        "sigmoid", "silu", "smooth_l1_loss", "softmax", "softplus", "softsign", "triplet_margin_loss",
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

    Raises AttributeError for a name that is not in the table, and ModuleNotFoundError if the module is missing.
    """
    for module, names in MODULES.items():
        if name in names:
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
