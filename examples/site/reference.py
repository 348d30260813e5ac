"""The reference: every public name on one page, in groups, by the names that users write (`tg.mse_loss`)."""

import inspect
import sys
from dataclasses import dataclass
from types import FunctionType, MethodType, ModuleType

import tinygrad_edu as tg
from tinygrad_edu.jit import jit

MODULES = {
    "nn": tg.nn, "optim": tg.optim, "optim.lr_scheduler": tg.optim.lr_scheduler, "data": tg.data, "tree": tg.tree,
    "plot": tg.plot, "special": tg.special, "linalg": tg.linalg, "signal": tg.signal, "integrate": tg.integrate,
    "stats": tg.stats, "distributed": tg.distributed,
}  # fmt: skip
OF_DISTRIBUTIONS = {"logpdf", "pdf", "logpmf", "pmf", "cdf", "logcdf", "sf", "logsf", "ppf", "isf"}
WITH_MEMBERS: dict[str, set[str] | None] = {  # classes whose methods users call, and if not all, those to show
    "Tensor": None, "Value": None, "History": None, "Drawing": None, "Explanation": None, "Jitted": None,
    "nn.Module": None, "nn.Sequential": None, "nn.RNN": {"forward"}, "nn.GRU": {"forward"}, "nn.LSTM": {"forward"},
    "nn.MultiheadAttention": {"forward"}, "optim.Optimizer": None, "optim.LBFGS": {"step"},
    "optim.lr_scheduler.LRScheduler": None, "data.Standardizer": None, "stats.Continuous": OF_DISTRIBUTIONS,
    "stats.Discrete": OF_DISTRIBUTIONS,
}  # fmt: skip
FIRST = ("backward", "data", "grad", "zero_grad", "detach", "item", "numpy")  # of all members, users need these most
AS_NUMPY = "further arguments are NumPy's"  # the docstrings of methods that are NumPy's functions


@dataclass(frozen=True)
class Page:
    """A page of the reference: its file, its title, a sentence, and headings with their names below `tg`."""

    file: str
    title: str
    about: str
    groups: dict[str, str]  # heading: names between spaces; "nn.*" is each name of a module that has no other place

    def names(self) -> dict[str, list[str]]:
        """Return the names of each heading."""
        return {heading: expanded(names.split()) for heading, names in self.groups.items()}


PAGES = [
    Page("tensors", "Tensors and values", "The objects that record what you compute with them.", {
        "Arrays": "Tensor", "Single numbers": "Value", "Recording": "no_grad stop_gradient", "Support": "supported",
    }),
    Page("transforms", "Derivatives of functions", "Functions that take a function and return a derivative of it.", {
        "Gradients": "grad value_and_grad gradients elementwise_grad",
        "Products with Jacobians": "vjp jvp jacobian",
        "Second derivatives": "hessian hvp ggnvp",
        "Batches": "vmap",
        "Checking": "check_grad GradientError",
        "Nested containers: tg.tree": "tree.*",
    }),
    Page("rules", "Rules of your own", "How to differentiate what NumPy does not have.", {
        "Rules": "defvjp primitive nondifferentiable", "Whole functions": "custom_vjp checkpoint",
    }),
    Page("functions", "Functions", "Activations and layers without parameters, on arrays and on Tensors.", {
        "Activations": "relu relu6 leaky_relu prelu elu celu selu gelu silu mish softplus softsign sigmoid logsigmoid "
        "hardsigmoid hardswish hardtanh glu",
        "Softmax": "softmax log_softmax logsumexp",
        "Special functions": "erf gammaln",
        "Convolution and pooling": "conv1d conv2d conv_transpose1d conv_transpose2d avg_pool1d avg_pool2d max_pool1d "
        "max_pool2d adaptive_avg_pool1d adaptive_avg_pool2d",
        "Attention": "scaled_dot_product_attention",
    }),
    Page("losses", "Losses", "One number that says how wrong a prediction is.", {
        "Regression": "mse_loss l1_loss huber_loss smooth_l1_loss poisson_nll_loss gaussian_nll_loss",
        "Classification": "cross_entropy nll_loss binary_cross_entropy binary_cross_entropy_with_logits hinge_loss "
        "kl_div",
        "Distances": "cosine_similarity triplet_margin_loss margin_ranking_loss",
    }),
    Page("nn", "Layers: tg.nn", "Objects that hold parameters and are called like functions.", {
        "Modules": "nn.Module nn.Sequential nn.MLP",
        "Layers with weights": "nn.Linear nn.Embedding nn.Conv1d nn.Conv2d nn.ConvTranspose1d nn.ConvTranspose2d",
        "Sequences": "nn.RNN nn.GRU nn.LSTM nn.MultiheadAttention nn.PositionalEncoding",
        "Normalization": "nn.BatchNorm1d nn.BatchNorm2d nn.GroupNorm nn.LayerNorm nn.RMSNorm",
        "Pooling and shapes": "nn.AvgPool1d nn.AvgPool2d nn.MaxPool1d nn.MaxPool2d nn.AdaptiveAvgPool1d "
        "nn.AdaptiveAvgPool2d nn.Flatten nn.Identity nn.Dropout",
        "Activations": "nn.ReLU nn.ReLU6 nn.LeakyReLU nn.PReLU nn.ELU nn.CELU nn.SELU nn.GELU nn.SiLU nn.Mish "
        "nn.Softplus nn.Softsign nn.Tanh nn.Sigmoid nn.LogSigmoid nn.Hardsigmoid nn.Hardswish nn.Hardtanh nn.GLU "
        "nn.Softmax nn.LogSoftmax",
        "Initial weights": "nn.*",
    }),
    Page("optim", "Optimizers: tg.optim", "How parameters change by their gradients.", {
        "Optimizers": "optim.Optimizer optim.SGD optim.Adam optim.AdamW optim.NAdam optim.RAdam optim.RMSprop "
        "optim.Adagrad optim.Adadelta optim.Rprop optim.LBFGS optim.Group",
        "Clipping": "optim.clip_grad_norm optim.clip_grad_value",
        "Schedules": "optim.*",
        "Learning rate schedules": "optim.lr_scheduler.*",
    }),
    Page("train", "Training", "A whole training run in one call, and its parts.", {
        "Runs": "fit History lr_finder DivergenceError",
        "Evaluation": "evaluate predict accuracy r2_score confusion_matrix",
        "Files": "save load",
    }),
    Page("distributed", "Several processes: tg.distributed", "Data-parallel training over MPI.", {
        "Training": "distributed.*",
    }),
    Page("data", "Data: tg.data", "Batches, splits, and small data sets to try things on.", {"Data": "data.*"}),
    Page("jit", "Recorded programs", "Record the NumPy calls of a function once, and replay them fast.", {
        "jit": "jit Jitted JitError",
    }),
    Page("pictures", "Pictures", "Graphs, the backward pass step by step, and plots.", {
        "Graphs": "draw Drawing", "Step by step": "explain Explanation", "Plots: tg.plot": "plot.*",
    }),
    Page("debugging", "Finding mistakes", "What finds a NaN, and a gradient that would be lost.", {
        "Debugging": "detect_anomaly AnomalyError LostGradientError",
    }),
    Page("scipy", "Functions by SciPy's names", "The same names and arguments as in SciPy, for Tensors.", {
        "tg.special": "special.*", "tg.linalg": "linalg.*", "tg.signal": "signal.*", "tg.integrate": "odeint",
    }),
    Page("stats", "Distributions: tg.stats", "Densities of distributions, by the names of scipy.stats.", {
        "Kinds of distributions": "stats.Continuous stats.Discrete", "Distributions": "stats.*",
    }),
]  # fmt: skip
ELSEWHERE = {"jit.Jitted", "jit.JitError", "jit.jit", "integrate.odeint"}  # second names of what has its place


def public() -> dict[str, object]:
    """Return {name below `tg`: object} of all public names; modules are not among them."""
    names = {name: getattr(tg, name) for name in tg.__all__} | {"jit": jit}  # `tg.jit` may be the package, too
    for module, its in MODULES.items():
        names |= {f"{module}.{name}": getattr(its, name) for name in its.__all__}
    return {name: o for name, o in names.items() if not isinstance(o, ModuleType) and name not in ELSEWHERE}


def expanded(names: list[str]) -> list[str]:
    """Return the names, and in place of `module.*` those of its names that no page lists."""
    listed = {name for page in PAGES for group in page.groups.values() for name in group.split()}
    found = []
    for name in names:
        module, _, star = name.rpartition(".")
        others = [other for other in public() if other.rpartition(".")[0] == module and other not in listed]
        found += others if star == "*" else [name]
    return found


def make_importable_as_tg() -> None:
    """Let Sphinx import the package by the name that users write, `tg`, which titles then show."""
    sys.modules["tg"] = ModuleType("tg")
    vars(sys.modules["tg"]).update(MODULES, **{name: o for name, o in public().items() if "." not in name})
    for name, module in MODULES.items():
        sys.modules[f"tg.{name}"] = module


def directive(name: str) -> str:
    """Return the lines that make Sphinx write the entry of a public name from its docstring."""
    o = public()[name]
    kind = "class" if isinstance(o, type) else "function" if callable(o) and hasattr(o, "__name__") else "data"
    if isinstance(o, type) and issubclass(o, BaseException):
        kind = "exception"
    module, _, last = name.rpartition(".")
    head = f".. currentmodule:: tg{'.' * bool(module)}{module}\n\n.. auto{kind}:: {last}\n"
    if type(o).__module__ == "builtins" and kind == "data":  # a constant: it has its type's docstring
        return head.replace("autodata", "data") + f"   :value: {o!r}\n"
    if kind == "data":
        return f"{head}   :no-value:\n"
    if not isinstance(o, type) or name not in WITH_MEMBERS:
        return head
    its, as_numpy = members(o, WITH_MEMBERS[name])
    if as_numpy:
        listed = ", ".join(f"``{member}``" for member in as_numpy)
        head += f"\n   These methods are NumPy's functions of the same names: {listed}.\n"
    kinds = {member: "property" if is_property(o, member) else "method" for member in its}
    return head + "".join(f"\n   .. auto{kind}:: {member}\n" for member, kind in kinds.items())


def is_property(kind: type, member: str) -> bool:
    """Return whether a member of a class is a property."""
    return isinstance(inspect.getattr_static(kind, member), property)


def members(kind: type, chosen: set[str] | None = None) -> tuple[list[str], list[str]]:
    """Return the methods and properties of a class that have docstrings, and apart those that are NumPy's functions.

    With `chosen` those alone. What it inherits from another public class is not among them.
    """
    others = [o for o in public().values() if isinstance(o, type) and o in kind.__mro__[1:]]
    static = {name: inspect.getattr_static(kind, name) for name in dir(kind) if name[0] != "_"}
    methods = (FunctionType, MethodType, property, classmethod, staticmethod)
    found = {
        name: inspect.getdoc(o) or ""
        for name, o in static.items()
        if isinstance(o, methods)
        and (chosen is None or name in chosen)
        and not any(inspect.getattr_static(other, name, None) is o for other in others)
    }
    order = [*FIRST, *sorted(found)]
    own = [name for name, text in found.items() if text and AS_NUMPY not in text]
    return sorted(own, key=order.index), sorted(name for name, text in found.items() if AS_NUMPY in text)


def page_text(page: Page) -> str:
    """Return a page of the reference in reStructuredText."""
    lines = [page.title, "=" * len(page.title), "", page.about]
    for heading, names in page.names().items():
        if names:
            lines += ["", heading, "-" * len(heading), "", *(directive(name) + "\n" for name in names)]
    return "\n".join(lines) + "\n"
