"""Mistakes in arguments that are no arrays: numbers, switches, seeds, counts, and texts in the place of numbers."""

import array
import re

import numpy as np
import pytest

import tinygrad_edu as tg

rng = np.random.default_rng(0)
X, Y = rng.normal(size=(8, 3)), rng.normal(size=(8, 1))
MODEL = tg.nn.Linear(3, 1, rng=0)
SGD = tg.optim.SGD(MODEL.parameters(), lr=0.1)
NAN = float("nan")
RAISES = {  # of code that once was accepted, or had an error of Python's or NumPy's: the whole message
    "tg.nn.Linear(3, 2, bias='no')": "Linear(3 -> 2): bias is True or False, not 'no'",
    "tg.nn.Conv2d(3, 8, 3, bias='no')": "Conv2d(3 -> 8): bias is True or False, not 'no'",
    "tg.nn.LSTM(3, 4, bidirectional='yes')": "LSTM(3 -> 4): bidirectional is True or False, not 'yes'",
    "tg.nn.MultiheadAttention(8, 2, bias='no')": "MultiheadAttention(8, 2): bias is True or False, not 'no'",
    "tg.nn.BatchNorm1d(3, affine='no')": "BatchNorm1d(3): affine is True or False, not 'no'",
    "tg.nn.LayerNorm(3, bias='no')": "LayerNorm(3): bias is True or False, not 'no'",
    "tg.nn.GroupNorm(3, 3, affine='no')": "GroupNorm(3, 3): affine is True or False, not 'no'",
    "tg.nn.RMSNorm(3, elementwise_affine='no')": "RMSNorm(3): elementwise_affine is True or False, not 'no'",
    "tg.nn.MaxPool2d(2, ceil_mode='no')": "MaxPool2d: ceil_mode is True or False, not 'no'",
    "tg.nn.AvgPool2d(2, count_include_pad='no')": "AvgPool2d: count_include_pad is True or False, not 'no'",
    "model.train('no')": "Linear.train: mode is True or False, not 'no'",
    "list(tg.data.batches(X, batch_size=2, shuffle='no'))": "batches: shuffle is True or False, not 'no'",
    "fit(progress='no')": "fit: progress is True or False, not 'no'",
    "fit(drop_last='no')": "fit: drop_last is True or False, not 'no'",
    "tg.kl_div(X, X, log_target='no')": "kl_div: log_target is True or False, not 'no'",
    "tg.poisson_nll_loss(X, X, 'sum')": "poisson_nll_loss: log_input is True or False, not 'sum'",
    "tg.scaled_dot_product_attention(X, X, X, causal='no')":
        "scaled_dot_product_attention: causal is True or False, not 'no'",
    "tg.nn.BatchNorm1d(3, eps=nan)": "BatchNorm1d(3): eps is a finite number of at least 0, not nan",
    "tg.nn.BatchNorm1d(3, momentum=-1)": "BatchNorm1d(3): momentum is a finite number of at least 0, not -1",
    "tg.nn.BatchNorm1d(3, momentum='a')": "BatchNorm1d(3): momentum is a number, not 'a'",
    "tg.nn.LayerNorm(3, eps=-1)": "LayerNorm(3): eps is a finite number of at least 0, not -1",
    "tg.nn.RMSNorm(3, eps=-1)": "RMSNorm(3): eps is a finite number of at least 0, not -1",
    "tg.nn.GroupNorm(3, 3, eps='a')": "GroupNorm(3, 3): eps is a number, not 'a'",
    "tg.nn.AvgPool2d(2, divisor_override='a')": "AvgPool2d: divisor_override is a number, not 'a'",
    "tg.nn.Flatten('a')": "Flatten: start_dim and end_dim number axes, not 'a' and -1",
    "tg.nn.Linear('3', 2)": "Linear(3 -> 2): sizes are whole numbers from 1, not '3'",
    "tg.nn.xavier_uniform((2, 3), gain=nan)": "xavier_uniform: gain is a finite number of at least 0, not nan",
    "tg.nn.xavier_normal((2, 3), gain='a')": "xavier_normal: gain is a number, not 'a'",
    "tg.nn.normal((2, 3), mean='a')": "normal: mean is a number, not 'a'",
    "tg.nn.uniform((2, 3), a='a')": "uniform: a is a number, not 'a'",
    "tg.nn.trunc_normal((2, 3), std='a')": "trunc_normal: std is a number, not 'a'",
    "tg.nn.orthogonal((2, 3), gain='a')": "orthogonal: gain is a number, not 'a'",
    "tg.nn.constant([1, 2])": "constant: value is a number, not [1, 2]",
    "tg.nn.calculate_gain('leaky_relu', 'a')": "calculate_gain: param is a number, not 'a'",
    "tg.huber_loss(X, X, 'sum')": "huber_loss: delta is a number, not 'sum'",
    "tg.smooth_l1_loss(X, X, 'sum')": "smooth_l1_loss: beta is a number, not 'sum'",
    "tg.gaussian_nll_loss(X, X, 1.0, eps='a')": "gaussian_nll_loss: eps is a number, not 'a'",
    "tg.triplet_margin_loss(X, X, X, 'sum')": "triplet_margin_loss: margin is a number, not 'sum'",
    "tg.margin_ranking_loss(X, X, np.ones((8, 3)), 'sum')": "margin_ranking_loss: margin is a number, not 'sum'",
    "tg.cosine_similarity(X, X, axis='a')": "cosine_similarity: axis is a number, not 'a'",
    "tg.cross_entropy(X, np.zeros(8, int), label_smoothing='a')":
        "cross_entropy: label_smoothing is a share from 0 to 1, not 'a'",
    "tg.cross_entropy(X, np.zeros(8, int), ignore_index='a')": "cross_entropy: ignore_index is an integer, not 'a'",
    "tg.nll_loss(X, np.zeros(8, int), ignore_index=0.5)": "nll_loss: ignore_index is an integer, not 0.5",
    "tg.softplus(X, 'a')": "softplus: beta is a number, not 'a'",
    "tg.softplus(X, threshold='a')": "softplus: threshold is a number, not 'a'",
    "tg.elu(X, 'a')": "elu: alpha is a number, not 'a'",
    "tg.celu(X, 'a')": "celu: alpha is a number, not 'a'",
    "tg.leaky_relu(X, [0.1, 0.2])": "leaky_relu: negative_slope is a number, not [0.1, 0.2]",
    "tg.hardtanh(X, 'a')": "hardtanh: min_val is a number, not 'a'",
    "tg.optim.clip_grad_norm(1, model.parameters())": "clip_grad_norm: max_norm must be above 0, not [Tensor(",
    "tg.optim.clip_grad_value([], (-1, 1))": "clip_grad_value: clip_value must be above 0, not (-1, 1)",
    "tg.data.make_moons(10, noise=None)": "make_moons: noise is a number, not None",
    "tg.data.make_circles(10, factor='a')": "make_circles: factor is a number, not 'a'",
    "tg.check_grad(np.sin, 1.0, eps='a')": "check_grad: eps is a number, not 'a'",
    "tg.fit(model, tg.mse_loss, (X, Y.astype(str)), optimizer=sgd, epochs=1)":
        "fit: train_data, y: numbers are needed, not an array of dtype <U32; np.unique(names, return_inverse=True)[1]",
    "fit(tol='a')": "fit: tol is a number, not 'a'",
    "fit(callbacks=None)": "fit: callbacks are a list of functions of (model, epoch, history), called by these names",
    "tg.evaluate(model, (X, Y), metrics={'a': lambda p, t: None})":
        "evaluate: the metric 'a' must return a number, not None",
    "fit(batch_size='8')": "batches: batch_size is a whole number from 1, not '8'",
    "fit(batch_size=True)": "batches: batch_size is a whole number from 1, not True",
    "tg.lr_finder(model, tg.mse_loss, (X, Y), optimizer=sgd, low='a')": "lr_finder: low is a number, not 'a'",
    "tg.relu('a')": "activations and losses take numbers, in arrays and Tensors, and got str",
    "tg.relu(model)": "activations and losses take numbers, in arrays and Tensors, and got Linear",
    "tg.softmax(None)": "activations and losses take numbers, in arrays and Tensors, and got NoneType",
    "tg.sigmoid(X.astype(str))": "activations and losses take numbers, in arrays and Tensors, and got <U32",
    "tg.conv2d('a', np.ones((1, 1, 1, 1)))": "activations and losses take numbers",
    "tg.gelu([[1], [2, 3]])": "activations: rows of unequal lengths make no array; pad them to one length",
    "tg.mse_loss(X, [[1], [2, 3]])": "mse_loss: rows of unequal lengths make no array; pad them to one length",
    "tg.data.one_hot([[1], [2, 3]])": "one_hot: rows of unequal lengths make no array; pad them to one length",
    "tg.save({'a': [[1], [2, 3]]}, 'a.npz')": "save: 'a': rows of unequal lengths make no array",
    "tg.odeint(lambda y, t: -y, 1.0, [0, 1], steps=0)": "integrate.odeint: steps is a whole number from 1, or None",
    "tg.odeint(lambda y, t: -y, 1.0, [0, nan])": "integrate.odeint: t holds NaN or infinity; times are finite numbers",
    "tg.odeint(lambda y, t: -y, [1.0, nan], [0, 1])": "y or func(y, t) is NaN or infinite at the first time, t = 0.0",
    "tg.odeint(lambda y, t: y * np.inf, 1.0, [2, 3])": "y or func(y, t) is NaN or infinite at the first time, t = 2.0",
    "tg.odeint(lambda y, t: -y, 1.0, [0, 1], rtol=nan)": "integrate.odeint: rtol is a finite number of at least 0, not",
    "tg.fit(model, tg.mse_loss, ([[1.0]], [[1.0]]), optimizer=sgd, epochs=1, sharded='no')":
        "fit: sharded is True or False, not 'no'",
    "tg.History().table(-1)": "History.table: rows is a whole number from 1, not -1",
    "tg.History().to_csv(5)": "History.to_csv: a path is text or a pathlib.Path, not an int",
    "tg.optim.lr_scheduler.LambdaLR(sgd, lambda epoch: 'a')": "LambdaLR: lr_lambda returns a number for an epoch, not",
    "tg.optim.lr_scheduler.ReduceLROnPlateau(sgd).step(np.ones(3))":
        "ReduceLROnPlateau.step: the loss is a number, not an ndarray",
    "tg.plot.animate(3, 5, 'a.gif')": "animate takes a function draw(ax, i), not 3",
    "tg.plot.animate(print, 5, 'a.gif', fps='a')": "animate: fps is a number, not 'a'",
    "tg.check_grad(print, 1.0)": "check_grad: f returned None in the place of a Tensor, an array or a number",
    "model.load_state_dict(model.state_dict(), strict='no')": "Linear.load_state_dict: strict is True or False",
    "tg.avg_pool2d(np.ones((1, 2, 2)), 2, divisor_override='a')": "avg_pool2d: divisor_override is a number, not 'a'",
    "tg.scaled_dot_product_attention(1.0, 2.0, 3.0)": "scaled_dot_product_attention got q of shape (), k () and v ()",
    "np.tensordot(x, x, axes=2)": "np.tensordot(x of shape (1,), x of shape (1,), axes=2): axis -2 is out of bounds",
    "np.broadcast_arrays(x, [1, 2], [1, 2, 3])": "np.broadcast_arrays(x of shape (1,), [1, 2], [1, 2, 3]): shape",
    "x.detach().item(0, 0)": "item: x of shape (1,) [0, 0]: incorrect number of indices for array",
    "setattr(model, 'trainable', False)": "Linear.trainable = ...: only parameters have this switch; write for p in",
    "setattr(model, 'requires_grad', False)": "write for p in model.parameters(): p.requires_grad = False; keep this",
    "tg.save({'a': x}, 'a.npz')": "tg.save(...): Tensor 'x' takes gradients, and an array would lose them; np.stack",
    "tg.no_grad(3)": "no_grad takes a function, or nothing, as in `with no_grad():`, not 3",
    "tg.ggnvp(3)": "ggnvp takes a function, not an int",
    "tg.primitive(3)": "primitive takes a function, not 3",
    "tg.defvjp(tg.primitive(lambda x: x), lambda g, x: g)": "takes (g, result, x), and one of these takes (g, x)",
    "tg.defvjp(tg.primitive(lambda x: x), lambda g, y, x, n: g)": "one of these takes (g, y, x, n)",
    "tg.defvjp('sin', np.cos)": "defvjp takes a function, not 'sin'",
    "tg.nondifferentiable(np.sign, 'sin')": "nondifferentiable takes a function, not 'sin'",
    "tg.jacobian(np.sin, X)": "jacobian(sin): argnums is a number or a tuple of numbers, not array([[",
    "tg.hessian(np.sum, [X])": "; the arguments go to what it returns, hessian(f)(x)",
    "tg.grad(np.sum, 'x')": "grad(sum): argnums is a number or a tuple of numbers, not 'x'",
    "tg.hvp(np.sum, X)": "; the arguments go to what it returns, hvp(f)(x)",
    "tg.elementwise_grad(np.sin, X)": "; the arguments go to what it returns, elementwise_grad(f)(x)",
    "np.stack(x, x)": "argument 1 takes no Tensor; pass its .data, and several arrays in one list, [a, b]",
    "np.concatenate(x, x)": "it takes no Tensor; pass its .data, and several arrays in one list, [a, b]",
    "x[x]": "argument 1 takes no Tensor; pass its .data.astype(int) for an index, and x > 0 for a mask",
    "X[x]": "an index is i.data.astype(int), and a mask x > 0",
    "x.exp(2)": "exp() takes 1 positional argument but 2 were given",
    "tg.logsumexp(X, b=x)": "logsumexp(array of shape (8, 3), b=x of shape (1,)): got an unexpected keyword",
    "tg.softmax(X, dim=x)": "x of shape (1,)): got an unexpected keyword argument 'dim'; write axis=",
    "custom(x, b=x)": "custom_vjp(custom): got an unexpected keyword argument 'b'",
    "hooked(0.0, lambda g: np.multiply(g, 2, out=g))": "a hook on Tensor 'x' wrote into its gradient, which is "
        "read-only, as others share it; return the new one, g * 2",
    "hooked('a')": "a hook on Tensor 'x' returned a str; return a gradient, or None to leave it",
    "tg.optim.SGD([model], lr=0.1)": "parameter 0 is a Linear; wrap numbers in Tensor(...), or pass model.parameters()",
    "tg.Tensor([1j], dtype=float)": "the numbers are complex; take their .real, or abs, first",
    "setattr(x, 'grad', np.ones(3))": "grad: Tensor 'x' has shape (1,), the gradient (3,)",
    "np.histogram(X[0], weights=x)": "weights of shape (1,) for numbers of shape (3,); give one weight for each number",
    "np.arctan2.reduce(x[:0])": "np.arctan2.reduce(of shape (0,), axis=0): no elements to reduce",
    "tg.adaptive_avg_pool2d(np.ones((1, 2, 0, 3)), 1)": "an image without elements has no mean",
    "tg.vmap(np.sin, out_axes='a')(X)": "vmap(sin): out_axes is a number, not 'a'",
    "tg.vmap(lambda m, v: m(v))(model, X)": "argument 0 is a Module, which all members share; its axis is None",
    "tg.vmap(lambda a: np.choose(a, [0.0, 1.0]))(np.array([0, 5]))": "np.choose takes numbers from 0 to 1; others",
    "float(tg.Tensor([1j]))": "float: Tensor is complex; take .real, .imag or abs(...) of it",
    "tg.cross_entropy([tg.Value(1.0)] * 2, 0)": "the array of logits holds object, and the loss takes numbers; each",
    "tg.mse_loss([tg.Value(1.0)], [1.0])": "each Value is a number of its own: start with one Tensor of them all",
    "tg.cross_entropy(tg.Value(1.0), 0)": "cross_entropy: the array of logits holds object, and the loss takes numbers",
    "tg.nll_loss(X, tg.Value(1.0))": "nll_loss: log-probabilities of shape (8, 3) need one class number for each row",
    "tg.cross_entropy([[1], [2, 3]], [0, 0])": "cross_entropy: rows of unequal lengths make no array; pad them",
    "tg.nll_loss(X, [[1], [2, 3]])": "nll_loss: rows of unequal lengths make no array; pad them to one length",
    "tg.cross_entropy(X, [0] * 8, weight=[[1], [2, 3]])": "cross_entropy: rows of unequal lengths make no array",
    "tg.cross_entropy(X, [3] + [0] * 7)": "the target goes from 0 to 3, so widen the last layer",
    "tg.cross_entropy(X, [3] + [1] * 7)": "from 1 to 3, so subtract its first class number, or widen the last layer",
    "tg.plot.confusion([[1], [2, 3]], [1, 0])": "confusion: rows of unequal lengths make no array; pad them to one",
    "tg.conv2d(0.5, np.ones((1, 1, 2, 2)))": "conv2d got (): it takes (n, 1, height, width) or (1, height, width)",
    "tg.conv1d(np.ones((1, 1, 3)), tg.Value(0.5))": "conv1d: a weight is (out, in / groups, kernel), with out a",
    "tg.conv2d(X[None], X[None], groups=None)": "conv2d: groups is a whole number from 1, not None",
    "tg.conv_transpose1d(X[None], 0.5)": "conv_transpose1d: a weight is (in, out / groups, kernel), with in a multiple",
    "tg.max_pool1d(nan, 2)": "max_pool1d got (): it takes (n, channels, length) or (channels, length)",
    "tg.avg_pool2d(tg.Value(1.0), 2)": "avg_pool2d got (): it takes (n, channels, height, width) or (channels,",
    "tg.adaptive_avg_pool1d(float, 2)": "adaptive_avg_pool1d got (): it takes (n, channels, length) or (channels,",
    "tg.linalg.solve_banded((0, 0), 1.0, [1.0])": "ab has 0 + 0 + 1 diagonals as rows, not shape ()",
    "tg.nn.ELU('a')": "elu: alpha is a number, not 'a'",
    "tg.nn.LeakyReLU([0.1])": "leaky_relu: negative_slope is a number, not [0.1]",
    "tg.nn.MLP([2, 3, 3, 1], ['tanh', 'relu'])": "MLP: activation is one of 'relu', ",
    "tg.nn.Conv1d(1, 1, 1, padding_mode=['zeros'])": "Conv1d: padding_mode is one of 'zeros', ",
    "tg.nn.calculate_gain(['relu'])": "calculate_gain: there is no gain for ['relu'], only for linear, ",
    "tg.odeint(1, [1.0], [0.0, 1.0])": "integrate.odeint takes a function, not 1",
    "tg.tree.tree_map({'a': 1.0}, np.sin)": "tree_map takes a function, not {'a': 1.0}",
    "tg.gradients([], [x])": "gradients: y is a Tensor, or a container of Tensors, not []",
    "x.backward([[1], [2, 3]])": "backward: gradient: rows of unequal lengths make no array; pad them to one length",
    "tg.Value([[1], [2, 3]])": "a Value holds one real number, not [[1], [2, 3]]; use Tensor for arrays",
    "tg.Value(b'1')": "a Value holds one real number, not b'1'; use Tensor for arrays",
    "tg.Tensor([[1], [2, 3]], dtype=float)": "Tensor: rows of unequal lengths make no array; pad them to one length",
    "tg.Tensor([[1], [2, 3]])": "Tensor: '[[1], [2, 3]]' makes no array of numbers; use lists of equal lengths: "
        "setting an array element with a sequence",
}  # fmt: skip


def fit(**options):
    options = {"optimizer": SGD, "epochs": 1, "progress": False} | options
    return tg.fit(MODEL, tg.mse_loss, (X, Y), **options)


def hooked(result, hook=None):
    x = tg.Tensor(1.0, label="x")
    x.register_hook(hook or (lambda g: result))
    x.backward()


@tg.custom_vjp
def custom(x):
    return np.sin(x)


custom.defvjp(lambda x: (np.sin(x), x), lambda x, g: (g * np.cos(x),))


@pytest.mark.parametrize("code", RAISES)
def test_an_argument_of_the_wrong_kind_is_named_with_what_it_should_be(code, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before, names = MODEL.state_dict(), {"tg": tg, "np": np, "X": X, "Y": Y, "nan": NAN, "custom": custom}
    with pytest.raises((TypeError, ValueError), match=re.escape(RAISES[code])) as caught:
        eval(code, names | {"model": MODEL, "sgd": SGD, "fit": fit, "hooked": hooked, "x": tg.Tensor([1.0], label="x")})
    assert caught.value.__class__.__module__ == "builtins"
    assert len(re.findall(r"[.?!] [A-Z]", str(caught.value))) < 2
    for name, value in MODEL.state_dict().items():
        np.testing.assert_array_equal(value, before[name])
    assert MODEL.training
    assert not list(tmp_path.iterdir())


SEEDED = [
    "nn.Linear(3, 2, rng=seed)", "nn.MLP([3, 1], rng=seed)", "nn.Conv1d(3, 2, 1, rng=seed)", "nn.Dropout(rng=seed)",
    "nn.ConvTranspose2d(3, 2, 1, rng=seed)", "nn.Embedding(3, 2, rng=seed)", "nn.LSTM(3, 2, rng=seed)",
    "nn.MultiheadAttention(4, 2, rng=seed)",
    *[f"nn.{name}((2, 2), rng=seed)" for name in (
        "xavier_uniform", "xavier_normal", "he_uniform", "he_normal", "normal", "uniform", "trunc_normal", "orthogonal",
    )],
    *[f"data.{name}(rng=seed)" for name in ("make_moons", "make_circles", "make_spirals", "make_linear", "xor")],
    "data.batches(X, batch_size=2, rng=seed)", "data.train_test_split(X, rng=seed)",
    "data.train_valid_test_split(X, rng=seed)", "data.train_test_split(np.arange(8) % 2, by='stratified', rng=seed)",
    "check_grad(np.sin, 1.0, rng=seed)", "fit(model, tg.mse_loss, (X, Y), optimizer=sgd, epochs=1, rng=seed)",
    "lr_finder(model, tg.mse_loss, (X, Y), optimizer=sgd, rng=seed)",
]  # fmt: skip


@pytest.mark.parametrize("code", SEEDED)
@pytest.mark.parametrize("seed", ["0", 1.5, -1, np.random])
def test_what_is_no_seed_is_refused_by_the_name_of_the_function(code, seed):
    name = re.findall(r"\w+", code)[1 if code.startswith(("nn", "data")) else 0]
    expected = f"^{name}.*: rng is a seed, a whole number from 0, or np.random.default_rng\\(seed\\), not "
    with pytest.raises((TypeError, ValueError), match=expected):
        eval(f"tg.{code}", {"tg": tg, "np": np, "X": X, "Y": Y, "model": MODEL, "sgd": SGD, "seed": seed})


TAKEN = [  # on purpose: what PyTorch or NumPy takes
    "tg.poisson_nll_loss(X, X, full=True)",
    "tg.nn.AvgPool2d(2, divisor_override=np.int64(-1))(X[None, None])", "tg.softplus(X, threshold=np.array([1, 2, 3]))",
    "tg.cross_entropy(X, np.ones(8, int), ignore_index=np.array(0))",
    "tg.nn.RMSNorm(3, eps=np.array([0.1, 0.2, 0.3]))(X)", "tg.nn.xavier_normal((2, 3), gain=np.array([1, 2, 3]))",
    "tg.nn.BatchNorm1d(3, momentum=np.array([0.1, 0.2, 0.3]))(X)", "tg.relu(np.array([1, -2.0], dtype=object))",
    "tg.check_grad(lambda x: (x, 2j), 1.0)",
    "tg.History(train_loss=[1.0], lr=[0.1], seconds=[1.0]).table(np.inf)",
]  # fmt: skip


@pytest.mark.parametrize("code", TAKEN)
def test_what_has_a_meaning_elsewhere_is_taken(code):
    eval(code, {"tg": tg, "np": np, "X": X, "model": MODEL})


def test_numbers_in_lists_keep_their_precision():
    assert tg.mse_loss([np.float32(1)], [1]).dtype == np.float32


def test_switches_and_seeds_of_numpy_are_taken():
    assert tg.nn.Linear(3, 2, bias=np.False_, rng=np.int64(0)).bias is None
    assert tg.nn.Linear(3, 2, bias=0, rng=[1, 2]).bias is None
    assert tg.nn.BatchNorm1d(3, momentum=None).momentum is None
    assert tg.softplus(np.ones(2), beta=np.float32(2)).shape == (2,)
    assert tg.huber_loss(X, X, delta=np.array(1.0)) == 0
    assert tg.nn.Linear(3, 2, bias=None).bias is None
    assert tg.nn.Linear(3, 2, bias=np.array(False)).bias is None
    assert tg.nn.LSTM(3, 2, bidirectional=None).bidirectional is False
    assert tg.odeint(lambda y, t: -y, 1.0, [0, 1], steps=np.array(3)).shape == (2, 1)


@pytest.mark.parametrize("x", [range(3), memoryview(np.arange(3.0)), array.array("d", [0, 1, 2])], ids=type)
def test_activations_take_what_numpy_makes_arrays_of(x):
    np.testing.assert_array_equal(tg.relu(x), [0.0, 1.0, 2.0])
    with pytest.raises(TypeError, match="take real numbers; pass z"):
        tg.sigmoid(1 + 2j)


@pytest.mark.parametrize(
    "take",
    [
        tg.data.Standardizer().fit, tg.data.Standardizer().fit(X).transform,
        tg.data.Standardizer().fit(X).inverse_transform,
        lambda z: tg.r2_score(X, z), lambda z: tg.accuracy(z, np.zeros(8, int)), tg.nn.LayerNorm(3), tg.nn.RMSNorm(3),
        lambda z: tg.confusion_matrix(np.zeros(8, int), z[:, 0]), tg.nn.BatchNorm1d(3), tg.nn.GroupNorm(3, 3),
        lambda z: tg.nn.LayerNorm(3)(tg.Tensor(z)),
    ],
)  # fmt: skip
def test_what_is_for_real_numbers_refuses_complex_ones_and_drops_no_imaginary_part(take):
    with pytest.raises(TypeError, match=r"real numbers.*; pass z\.real, z\.imag or np\.abs\(z\)$"):
        take(X + 1j)


def test_divergence_with_complex_data_is_named():
    weight = tg.Tensor(np.ones((3, 1), complex))
    model = tg.nn.Sequential(lambda x: x @ weight)
    options = {"optimizer": tg.optim.SGD([weight], lr=1e100), "epochs": 9, "progress": False}
    with pytest.raises(tg.DivergenceError, match="the learning rate is too high"):
        tg.fit(model, tg.mse_loss, (X + 1j, Y + 1j), **options)


def test_probabilities_in_the_place_of_logits_are_warned_of():
    with pytest.warns(UserWarning, match=r"^accuracy: all predictions are from 0 to 1, .*; pass logits, or p > 0\.5$"):
        tg.accuracy(tg.sigmoid(tg.Tensor(X[:, 0])), X[:, 0] > 0)
    tg.accuracy(X[:, 0], X[:, 0] > 0)
    tg.accuracy(np.ones(8), X[:, 0] > 0)
    tg.accuracy(np.linspace(0.1, 0.9, 8), X[:, 0] > 0)  # logits of a model in training


def test_a_folder_where_a_file_is_asked_for_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(IsADirectoryError, match=r"^History\.to_csv: .* is a folder; name a file in it$"):
        tg.History().to_csv("")
    assert not list(tmp_path.iterdir())


def test_a_rule_may_take_the_arguments_of_its_primitive_in_any_form():
    for f in (lambda x, n=2: x * n, lambda x, *, n=2: x * n, lambda x, **options: x * options.get("n", 2)):
        for rule in (lambda g, y, x, n=2: g * n, lambda g, y, x, **options: g * options.get("n", 2)):
            tg.defvjp(scaled := tg.primitive(f), rule)
            assert tg.grad(lambda x: scaled(x, n=3))(1.0) == 3
    tg.defvjp(tg.primitive(lambda *xs: sum(xs)), lambda g, y, x: g)
