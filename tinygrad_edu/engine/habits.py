"""Habits from other libraries: what a name of PyTorch, Keras, JAX, HIPS autograd or Chainer is called here.

Errors for unknown attributes and keywords end with `instead(...)`. A name that is none of these, but one of NumPy's, is
answered by NumPy's function.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import numpy as np

P = ParamSpec("P")
R = TypeVar("R")

ONE_DEVICE = "leave it out, as there is one device, the CPU (x.astype(np.float32) changes a dtype)"
TRAINING = "tg.fit(model, loss, (X, y), optimizer=...), then tg.predict(model, X) and tg.evaluate"
NAMES = {  # attributes of tg, tg.nn, tg.optim, Tensors and Modules
    **dict.fromkeys(("tensor", "Variable", "array", "asarray", "from_numpy", "as_tensor"), "tg.Tensor(...)"),
    **dict.fromkeys(("cuda", "cpu", "to", "device", "contiguous", "pin_memory"), ONE_DEVICE),
    **dict.fromkeys(("compile", "fit", "predict", "evaluate"), TRAINING),
    **dict.fromkeys(("Parameter", "register_parameter"), "self.name = tg.Tensor(...), and it is a parameter"),
    **dict.fromkeys(("apply", "children", "named_children"), "for m in model.modules(): ..., or named_modules()"),
    **dict.fromkeys(("buffers", "named_buffers"), "model.tensors(), and take those without requires_grad"),
    "register_buffer": "self.name = tg.Tensor(..., requires_grad=False)",
    **dict.fromkeys(("functional", "F"), "tg.relu, tg.softmax, tg.mse_loss: functions are names of tg itself"),
    "MSELoss": "tg.mse_loss(prediction, target)", "L1Loss": "tg.l1_loss(prediction, target)",
    "CrossEntropyLoss": "tg.cross_entropy(logits, target)", "NLLLoss": "tg.nll_loss(log_probabilities, target)",
    "BCELoss": "tg.binary_cross_entropy(probabilities, target)", "KLDivLoss": "tg.kl_div(log_probabilities, target)",
    "BCEWithLogitsLoss": "tg.binary_cross_entropy_with_logits(logits, target)",
    "HuberLoss": "tg.huber_loss(prediction, target)", "SmoothL1Loss": "tg.smooth_l1_loss(prediction, target)",
    "PoissonNLLLoss": "tg.poisson_nll_loss(prediction, target)",
    "GaussianNLLLoss": "tg.gaussian_nll_loss(prediction, target, var)",
    "CosineSimilarity": "tg.cosine_similarity(x1, x2, axis=1)",
    "TripletMarginLoss": "tg.triplet_margin_loss(anchor, positive, negative)",
    "MarginRankingLoss": "tg.margin_ranking_loss(x1, x2, target)",
    **dict.fromkeys(("ModuleList", "ParameterList"), "self.layers = [...]: a plain list is searched for parameters"),
    **dict.fromkeys(("ModuleDict", "ParameterDict"), "self.layers = {...}: a plain dict is searched for parameters"),
    "Dense": "tg.nn.Linear(in_features, out_features)", "glorot_uniform": "xavier_uniform(shape, rng)",
    "glorot_normal": "xavier_normal(shape, rng)", "count_params": "sum(p.size for p in model.parameters())",
    **dict.fromkeys(("get_weights", "weights", "trainable_variables"), "model.parameters(), or model.state_dict()"),
    "set_weights": "model.load_state_dict(state)",
    **{f"{kind}Cell": f"tg.nn.{kind}, and call it with one time step and a state" for kind in ("LSTM", "GRU", "RNN")},
    **dict.fromkeys(("DataLoader", "Dataset", "TensorDataset"), "for x, y in tg.data.batches(X, Y, batch_size=32)"),
    "StandardScaler": "tg.data.Standardizer()", "is_cuda": ONE_DEVICE,
    **dict.fromkeys(("losses", "metrics"), "tg.mse_loss, tg.accuracy: losses and metrics are names of tg itself"),
    "random_split": "tg.data.train_test_split(X, Y)", "utils": "tg.optim.clip_grad_norm and tg.data.batches",
    **{f"clip_grad_{kind}_": f"tg.optim.clip_grad_{kind}(model.parameters(), ...)" for kind in ("norm", "value")},
    "summary": "model.summary(x)", "manual_seed": "rng=0, a seed or a numpy.random.Generator, where numbers are drawn",
    **dict.fromkeys(("rand", "randn", "randint", "PRNGKey", "random"), "np.random.default_rng(seed)"),
    **dict.fromkeys(("autograd", "grad_fn"), "tg.grad(f), tg.gradients(y, xs), or y.backward(); x.fun is the function"),
    **dict.fromkeys(("gradient", "backwards", "backprop"), "y.backward(), then x.grad; or tg.grad(f)(x)"),
    **dict.fromkeys(("jacfwd", "jacrev"), "tg.jacobian(f)"), "grad_and_value": "tg.value_and_grad(f)",
    **dict.fromkeys(("linearize", "make_jvp"), "tg.jvp(f, [x], [v])"), "make_vjp": "tg.vjp(f, x)",
    **dict.fromkeys(("make_hvp", "hessian_vector_product", "hessian_tensor_product"), "tg.hvp(f)(x, v)"),
    "make_ggnvp": "tg.ggnvp(f, loss)(x, v)", "grad_and_aux": "tg.grad(f, has_aux=True)",
    "multigrad": "tg.grad(f, argnums=(0, 1))", "deriv": "tg.elementwise_grad(f)",
    "holomorphic_grad": "tg.jvp(f, [z], [np.ones_like(z)])", "remat": "tg.checkpoint(f)",
    **dict.fromkeys(("custom_jvp", "custom_gradient"), "tg.custom_vjp(f)"),
    **dict.fromkeys(("check_grads", "gradcheck"), "tg.check_grad(f, x)"),
    **dict.fromkeys(("tree_map", "tree_util"), "tg.tree.tree_map(f, tree)"), "tree_leaves": "tg.tree.leaves(tree)",
    **dict.fromkeys(("tree_flatten", "tree_unflatten"), "tg.tree.flatten(tree) and tg.tree.unflatten"),
    "ravel_pytree": "tg.tree.ravel(tree)", "func": "tg.grad, tg.vmap: transforms are names of tg itself",
    "flatten": "x.flatten(), or tg.tree.ravel(tree)",
    "flatten_func": "v, unravel = tg.tree.ravel(x), and lambda v: f(unravel(v))",
    "_backward": "y.backward(), which runs the rules of the whole graph; tg.explain(y) shows one after another",
    **dict.fromkeys(("cleargrad", "cleargrads", "null_grad", "null_gradients", "zero_grads"), "x.zero_grad()"),
    "creator": "x.fun, the function that made x", "mean_squared_error": "tg.mse_loss(prediction, target)",
    **dict.fromkeys(("softmax_cross_entropy", "softmax_crossentropy"), "tg.cross_entropy(logits, target)"),
    "lax": "if, for and while of Python; tg.stop_gradient(x)",
    "GradientTape": "y.backward(), then x.grad: every Tensor records",
    "pmap": "tg.vmap(f)",
    "detach_": "x.detach()", "requires_grad_": "x.requires_grad = True, or False", "inference_mode": "tg.no_grad()",
    **dict.fromkeys(("set_grad_enabled", "enable_grad"), "tg.no_grad() around the rest: Tensors record elsewhere"),
    **dict.fromkeys(("item", "tolist"), "x.data, a number of Python"),  # of a Value: a Tensor has them
    **dict.fromkeys(("np", "jnp"), "import numpy as np: its functions take Tensors"), "function": "tg.jit(f)",
    "is_tensor": "isinstance(x, tg.Tensor)", "optimizers": "tg.optim.Adam(model.parameters(), lr=0.01)",
    **{f"reduce_{name}": f"np.{name}(x)" for name in ("sum", "mean", "max", "min", "prod", "any", "all")},
    "is_leaf": "x.fun is None", "numel": "x.size", "dim": "x.ndim", "permute": "x.transpose(...)", "t": "x.T",
    **dict.fromkeys(("mm", "bmm", "matmul"), "x @ y"), "pow": "x ** y", "norm": "np.linalg.norm(x)",
    **dict.fromkeys(("expand", "expand_as"), "np.broadcast_to(x, shape)"), "masked_fill": "np.where(mask, value, x)",
    "gather": "np.take_along_axis(x, i, axis)", "index_select": "x[i]", "cat": "np.concatenate([...])",
    "chunk": "np.split(x, n)", "float": "x.astype(np.float32)", "double": "x.astype(np.float64)",
    "half": "x.astype(np.float16)", "type": "x.astype(dtype)", "long": "x.astype(int)", "int": "x.astype(int)",
    **dict.fromkeys(("clamp", "clamp_min", "clamp_max"), "np.clip(x, a, b)"), "sub": "x - y",
    "mul": "x * y", "div": "x / y", "neg": "-x", "eq": "x == y", "gt": "x > y", "lt": "x < y", "bool": "x != 0",
    "rsqrt": "1 / np.sqrt(x)",
    "topk": "np.sort(x)[-k:], or np.argsort(x)[-k:]", "unbind": "list(x)", "movedim": "np.moveaxis(x, i, j)",
    "nelement": "x.size", "ndimension": "x.ndim", "at": "y = x.copy(), then y[i] = v, or np.add.at(y, i, v)",
    **dict.fromkeys(("scatter", "index_put", "index_copy", "index_fill"), "y = x.copy(), then y[i] = v"),
    **dict.fromkeys(
        ("scatter_add", "index_add", "segment_sum"),
        "np.add.at(y, i, v), where y is x.copy() or tg.Tensor(np.zeros(shape), requires_grad=False)",
    ),
    **dict.fromkeys(("logcumsumexp", "cumlogsumexp"), "np.logaddexp.accumulate(x)"), "lerp": "x + t * (y - x)",
    **dict.fromkeys(("view_as", "reshape_as"), "x.reshape(y.shape)"), "unflatten": "x.reshape(...)",
    "narrow": "x[i:j]", "select": "x[i], or np.select(conditions, choices)", "repeat_interleave": "np.repeat(x, n)",
    "ge": "x >= y", "le": "x <= y", "ne": "x != y", "inverse": "np.linalg.inv(x)", "H": "np.conj(x).T",
    "unfold": "np.lib.stride_tricks.sliding_window_view(x, n)", "kthvalue": "np.sort(x)[k - 1]", "addmm": "c + x @ y",
    "distributions": "tg.stats.norm.logpdf(x, loc, scale)",
    **{name: f"tg.{name}(x)" for name in ("softmax", "log_softmax", "logsumexp", "softplus", "gelu", "silu", "erf")},
}  # fmt: skip
FREEZING = (
    "for p in model.parameters(): p.requires_grad = False; keep this list, as parameters() leaves out frozen ones"
)
MODULES = {  # attributes of Modules alone; those that are functions of NumPy are none of a Module's
    **dict.fromkeys(("append", "extend", "insert", "add", "add_module"), "tg.nn.Sequential(*model, layer)"),
    **dict.fromkeys(("save", "save_weights"), "tg.save(model.state_dict(), path)"),
    **dict.fromkeys(("load", "load_weights"), "model.load_state_dict(tg.load(path))"),
    **dict.fromkeys(("copy", "clone"), "copy.deepcopy(model)"),
    "requires_grad_": FREEZING,
}
KEYWORDS = {
    **dict.fromkeys(("seed", "random_state"), "rng="), "test_size": "fractions=", "n_splits": "k=",
    **dict.fromkeys(("n_samples", "num_classes"), "n="),
    "dim": "axis=", "dims": "axis=", "keepdim": "keepdims=", "argnum": "argnums=", "learning_rate": "lr=",
    "epsilon": "eps=", "beta_1": "betas=", "beta_2": "betas=", "correction": "ddof=",
    "unbiased": "ddof=1 for True, and nothing for False",
    "attn_mask": "mask=", "is_causal": "causal=", "in_dims": "in_axes=", "out_dims": "out_axes=",
    "grad_outputs": "gradient=", "start_dim": "x.reshape(len(x), -1)",
    **dict.fromkeys(("fused", "foreach", "capturable", "num_workers", "pin_memory"), ""),
    **dict.fromkeys(("retain_graph", "create_graph", "allow_unused", "vectorize"), ""),
    **dict.fromkeys(("device", "inplace", "requires_grad"), ""), "use_bias": "bias=", "strides": "stride=",
    "pool_size": "kernel_size=", "filters": "out_channels=", "units": "out_features=", "dilation_rate": "dilation=",
    "kernel_initializer": "init=", "rate": "p=",
    **dict.fromkeys(("validation_data", "validation_split"), "valid_data="), "verbose": "progress=",
}  # fmt: skip


def instead(name: str, of_module: bool = False) -> str:
    """Return "; write ..." for an attribute, of a Module or not, that has another name here, or ""."""
    if name.startswith("_") and name not in NAMES:
        return ""
    here = MODULES.get(name, NAMES.get(name)) if of_module else NAMES.get(name)
    if here is None and name.endswith("_"):
        here = "x.data[...] = ..., or x += ... within no_grad: methods whose names end with _ write in place"
    elif here is None and name in vars(np) and not of_module:
        here = f"np.{name}"
    elif here is None and name in np.linalg.__all__ and not of_module:
        here = f"np.linalg.{name}"
    elif here is None and name in vars(np.ndarray) and not of_module:
        here = f"x.data.{name}"
    return "" if not here else f"; {here}" if here is ONE_DEVICE else f"; write {here}"


def keyword_instead(name: str) -> str:
    """Return "; write ..." for a keyword that has another name here, or ""."""
    here = KEYWORDS.get(name)
    return "" if here is None else f"; write {here}" if here else "; leave it out"


def names_keywords(fun: Callable[P, R]) -> Callable[P, R]:
    """Return a function whose error for a keyword that has another name here says so."""
    code = fun.__code__
    own = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    others = {k for k, here in KEYWORDS.items() if here.partition("=")[0] in ("", *own)}.difference(own)

    @functools.wraps(fun)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        for name in others & kwargs.keys():
            callee = fun.__qualname__.removesuffix(".__init__").rpartition(".")[2]
            raise TypeError(f"{callee}: there is no argument {name}={keyword_instead(name)}")
        return fun(*args, **kwargs)

    return call
