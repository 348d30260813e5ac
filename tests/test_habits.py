"""Names of PyTorch, Keras and JAX: each works, or the error says what it is called here."""

import copy
import pickle
import re

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu.engine import habits

X = tg.Tensor([1.0, 2.0], label="x")
MODEL = tg.nn.Linear(2, 1, rng=0)
OPTIMIZER = tg.optim.Adam(MODEL.parameters())
ANSWERED = {
    "tg.tensor([1.0])": "write tg.Tensor(...)", "tg.from_numpy(a)": "write tg.Tensor(...)", "tg.sin(x)": "write np.sin",
    "tg.matmul(x, x)": "write x @ y", "tg.zeros(3)": "write np.zeros", "tg.cat([x, x])": "write np.concatenate",
    "tg.float32": "write np.float32", "tg.randn(3)": "np.random.default_rng", "tg.manual_seed(0)": "rng=0",
    "x.gradient": "write y.backward(), then x.grad", "x.backwards()": "write y.backward()",
    "tg.gradient": "tg.grad(f)(x)",
    "tg.pmap": "write tg.vmap(f)", "tg.jacrev": "write tg.jacobian(f)",
    "tg.GradientTape()": "y.backward()", "tg.autograd": "tg.gradients(y, xs)", "tg.device('cuda')": "one device",
    "tg.nn.MSELoss()": "write tg.mse_loss(prediction, target)", "tg.nn.CrossEntropyLoss()": "write tg.cross_entropy",
    "tg.nn.BCEWithLogitsLoss": "write tg.binary_cross_entropy_with_logits", "tg.nn.NLLLoss()": "write tg.nll_loss",
    "tg.nn.BCELoss": "write tg.binary_cross_entropy(p", "tg.nn.SmoothL1Loss": "write tg.smooth_l1_loss",
    "tg.nn.functional": "tg.relu, tg.softmax",
    "tg.nn.Parameter(a)": "it is a parameter", "tg.nn.Dense(3)": "write tg.nn.Linear",
    "x.cuda()": "there is one device, the CPU", "x.to('cpu')": "there is one device", "x.numel()": "write x.size",
    "x.dim()": "write x.ndim", "x.permute(0)": "write x.transpose(...)", "x.add_(1)": "x += ... within no_grad",
    "x.sin()": "write np.sin", "x.softmax(0)": "write tg.softmax(x)", "x.masked_fill(x > 1, 0)": "write np.where",
    "x.nbytes": "write x.data.nbytes", "x.flat": "write x.data.flat", "x.tobytes()": "write x.data.tobytes",
    "x.float()": "write x.astype(np.float32)", "x.is_leaf": "write x.fun is None", "x.norm()": "np.linalg.norm",
    "tg.nn.ModuleList()": "a plain list", "tg.nn.ModuleDict": "a plain dict", "tg.summary(x)": "write model.summary(x)",
    "model.apply(print)": "for m in model.modules()", "model.buffers()": "model.tensors()",
    "model.cuda()": "one device", "model.fit(a, a)": "write tg.fit(model",
    "model.compile()": "write tg.fit(model", "model.predict(a)": "tg.predict(model, X)",
    "model.register_buffer('a', x)": "requires_grad=False", "tg.nn.init.glorot_uniform((2, 3))": "write xavier_uniform",
    "model.count_params()": "p.size for p in model.parameters()", "model.get_weights()": "model.state_dict()",
    "model.append(np.tanh)": "write tg.nn.Sequential(*model, layer)", "model.copy()": "write copy.deepcopy(model)",
    "model.save('m.npz')": "write tg.save(model.state_dict(), path)", "model.load('m.npz')": "tg.load(path)",
    "tg.nn.LSTMCell(2, 3)": "write tg.nn.LSTM", "tg.nn.GRUCell(2, 3)": "write tg.nn.GRU", "tg.func": "tg.grad, tg.vmap",
    "tg.nn.utils": "tg.optim.clip_grad_norm", "tg.optim.clip_grad_norm_": "write tg.optim.clip_grad_norm(",
    "tg.data.DataLoader(a)": "tg.data.batches(X, Y, batch_size=32)", "tg.data.random_split": "tg.data.train_test_split",
    "tg.linearize(f, x)": "write tg.jvp", "tg.custom_jvp": "write tg.custom_vjp", "tg.make_hvp(f)": "write tg.hvp(f)",
    "tg.deriv(f)": "write tg.elementwise_grad", "tg.remat(f)": "write tg.checkpoint", "tg.lax": "if, for and while",
    "tg.check_grads": "write tg.check_grad", "tg.tree_map": "write tg.tree.tree_map", "x.clamp(0)": "write np.clip(x",
    "tg.flatten": "x.flatten(), or tg.tree.ravel(tree)", "tg.flatten_func": "lambda v: f(unravel(v))",
    "tg.Value(1.0)._backward()": "write y.backward(), which runs the rules", "x.cleargrad()": "write x.zero_grad()",
    "model.zero_grads()": "write x.zero_grad()", "x.creator": "write x.fun",
    "tg.mean_squared_error": "write tg.mse_loss", "tg.softmax_cross_entropy": "write tg.cross_entropy",
    "tg.ravel_pytree": "write tg.tree.ravel", "x.mul(2)": "write x * y", "x.topk(1)": "np.sort(x)[-k:]",
    "x.at[0].set(1.0)": "y = x.copy(), then y[i] = v", "x.at[0].add(1.0)": "or np.add.at(y, i, v)",
    "x.scatter_add(0, a, x)": "write np.add.at(y, i, v), where y is x.copy()", "tg.segment_sum": "write np.add.at(y, i",
    "x.index_add(0, a, x)": "np.add.at(y, i, v)", "x.scatter(0, a, x)": "y[i] = v", "x.det()": "write np.linalg.det",
    "x.logcumsumexp(0)": "write np.logaddexp.accumulate(x)", "x.ge(0)": "write x >= y", "x.select(0, 0)": "write x[i]",
    "tg.select": "np.select(",
    "x.inverse()": "write np.linalg.inv", "x.unfold(0, 2, 1)": "sliding_window_view", "x.H": "write np.conj(x).T",
    "tg.data.StandardScaler()": "write tg.data.Standardizer()", "tg.metrics": "tg.mse_loss, tg.accuracy",
    "x.gt(0)": "x > y", "x.bool()": "write x != 0", "opt.learning_rate": "write lr=",
    "tg.linalg.inv(x)": "write np.linalg.inv",
    "model.requires_grad_(False)": "write for p in model.parameters(): p.requires_grad = False; keep this",
    "tg.enable_grad()": "write tg.no_grad() around the rest", "x.requires_grad_(False)": "= True, or False",
    "tg.nn.softmax(x)": "write tg.softmax(x)", "tg.reduce_mean(x)": "write np.mean(x)",
    "tg.is_tensor(x)": "isinstance(x, tg.Tensor)", "tg.jnp": "import numpy as np",
    "tg.Value(1.0).item()": "x.data, a number", "tg.function": "tg.jit(f)",
    "setattr(opt, 'learning_rate', 0.1)": "Adam: there is no hyperparameter learning_rate; write lr=",
}  # fmt: skip
KEYWORDS = {
    "x.sum(dim=0)": "write axis=", "x.mean(dim=0)": "write axis=", "x.sum(axis=0, keepdim=True)": "write keepdims=",
    "x.argmax(dim=0)": "write axis=", "tg.softmax(x, dim=0)": "write axis=",
    "tg.grad(np.sum, argnum=0)": "grad: there is no argument argnum=; write argnums=",
    "tg.optim.Adam([x], learning_rate=0.1)": "Adam: there is no argument learning_rate=; write lr=",
    "tg.data.train_test_split(a, test_size=0.5)": "train_test_split: there is no argument test_size=; write fractions=",
    "tg.data.make_moons(n_samples=9)": "write n=", "tg.data.k_fold(a, n_splits=2)": "write k=",
    "tg.data.batches(a, batch_size=1, seed=0)": "write rng=", "tg.data.one_hot([1], num_classes=2)": "write n=",
    "tg.optim.Adam([x], epsilon=0.1)": "Adam: there is no argument epsilon=; write eps=",
    "tg.optim.SGD([x], learning_rate=0.1)": "SGD: there is no argument learning_rate=; write lr=",
    "tg.value_and_grad(np.sum, argnum=0)": "write argnums=", "tg.jacobian(np.sum, argnum=0)": "write argnums=",
    "tg.hessian(np.sum, argnum=0)": "write argnums=", "np.squeeze(x).std(dim=0)": "write axis=",
    "tg.vmap(np.sin, in_dims=1)": "vmap: there is no argument in_dims=; write in_axes=",
    "tg.optim.Adam([x], lr=0.1, fused=True)": "leave it out", "x.flatten(start_dim=1)": "write x.reshape(len(x), -1)",
    "tg.nn.Linear(1, 2, use_bias=False)": "Linear: there is no argument use_bias=; write bias=",
    "tg.nn.Linear(1, 2, device='cpu')": "Linear: there is no argument device=; leave it out",
    "tg.nn.Linear(1, 2, seed=0)": "write rng=", "tg.nn.LayerNorm(2, epsilon=1e-3)": "write eps=",
    "tg.nn.Conv2d(1, 2, 3, strides=2)": "Conv2d: there is no argument strides=; write stride=",
    "tg.nn.Dropout(rate=0.5)": "Dropout: there is no argument rate=; write p=",
    "tg.nn.Dropout(0.5, inplace=True)": "leave it out", "tg.nn.MaxPool2d(pool_size=2)": "write kernel_size=",
    "x.var(unbiased=False)": "write ddof=1 for True, and nothing for False",
    "x.mean(-1, True)": "keepdims=True", "x.std(0, False)": "ddof=1",
    "tg.gradients(x * x, [x], grad_outputs=x)": "gradients: there is no argument grad_outputs=; write gradient=",
    "tg.gradients(x.sum(), [x], retain_graph=True)": "gradients: there is no argument retain_graph=; leave it out",
    "tg.gradients(x.sum(), [x], create_graph=True, allow_unused=True)": "no argument allow_unused=; leave it out",
    "tg.jacobian(np.sin, create_graph=True)": "jacobian: there is no argument create_graph=; leave it out",
    "tg.hessian(np.sum, vectorize=True)": "hessian: there is no argument vectorize=; leave it out",
    "tg.data.batches(a, batch_size=1, num_workers=2)": "no argument num_workers=; leave it out",
    "tg.optim.Adam([x], lr=0.1, capturable=True)": "leave it out",
    "np.zeros_like(x, dtype=3)": "give a dtype such as np.float32",
    "x.flatten(1)": "x.reshape(len(x), -1) keeps the first axis",
    "tg.fit(model, np.sum, a, optimizer=opt, epochs=1, validation_data=a)": "fit: there is no argument "
    "validation_data=; write valid_data=", "tg.fit(model, np.sum, a, verbose=0)": "write progress=",
    "tg.fit(model, np.sum, a, optimizer=opt, epochs=1, learning_rate=1)": "unexpected keyword argument 'learning_rate'",
}  # fmt: skip


def run(code):
    return eval(code, {"tg": tg, "np": np, "x": X, "a": np.ones(2), "model": MODEL, "opt": OPTIMIZER})


@pytest.mark.parametrize("code", ANSWERED)
def test_a_name_that_is_another_here_is_answered_with_it(code):
    with pytest.raises(AttributeError, match=re.escape(ANSWERED[code])):
        run(code)


@pytest.mark.parametrize(
    ("code", "path"),
    [
        ("tg.Linear", "tg.nn.Linear"), ("tg.Adam", "tg.optim.Adam"), ("tg.nn.relu", "tg.relu"),
        ("tg.optim.StepLR", "tg.optim.lr_scheduler.StepLR"), ("tg.nn.Relu", "tg.nn.ReLU"),
        ("tg.one_hot", "tg.data.one_hot"), ("tg.nn.MaxPool2D", "tg.nn.MaxPool2d"), ("tg.MSE_Loss", "tg.mse_loss"),
        ("tg.optim.RMSProp", "tg.optim.RMSprop"), ("tg.data.cross_entropy", "tg.cross_entropy"),
        ("tg.optim.lr_scheduler.CosineAnnealingLr", "tg.optim.lr_scheduler.CosineAnnealingLR"),
        ("tg.expm", "tg.linalg.expm"),
    ],
)  # fmt: skip
def test_a_name_of_another_module_or_in_other_letters_is_answered_with_its_place(code, path):
    with pytest.raises(AttributeError, match=rf"has no attribute '\w+'; write {re.escape(path)}$"):
        run(code)
    run(path)


@pytest.mark.parametrize("code", KEYWORDS)
def test_a_keyword_that_is_another_here_is_answered_with_it(code):
    with pytest.raises(TypeError, match=re.escape(KEYWORDS[code])):
        run(code)


def test_names_that_nobody_has_are_answered_as_before():
    for owner in (tg, tg.nn, tg.optim, tg.optim.lr_scheduler, tg.data, X, MODEL, tg.Value(1.0)):
        with pytest.raises(AttributeError, match=r"has no attribute 'unheard_of'$"):
            owner.unheard_of  # noqa: B018
        assert not hasattr(owner, "tensor")
        assert getattr(owner, "GradientTape", 3) == 3
    with pytest.raises(AttributeError, match=r"has no attribute 'sort'$"):  # none of NumPy's functions is a Module's
        MODEL.sort  # noqa: B018


def test_what_is_said_to_be_written_instead_exists():
    for text in {*habits.NAMES.values(), *habits.MODULES.values()}:
        for module, name in re.findall(r"\b(tg\.nn|tg|np)\.(\w+)", text):
            assert hasattr({"tg": tg, "tg.nn": tg.nn, "np": np}[module], name), text
        for name in re.findall(r"\bx\.(\w+)", text):
            assert hasattr(X, name), text
    x = tg.Tensor([[1.0, 2.0], [3.0, 4.0]])
    for axis in ("axis", "keepdims", "ddof"):
        np.std(x, **{axis: 1})


def test_no_grad_works_with_and_without_parentheses():
    @tg.no_grad
    def double(x):
        """Double."""
        return x * 2

    assert double.__doc__ == "Double."
    assert not double(X).requires_grad
    assert not tg.no_grad()(double)(X).requires_grad
    with tg.no_grad:
        assert not (X * 2).requires_grad
        with tg.no_grad():
            assert not (X * 2).requires_grad
        assert not (X * 2).requires_grad
    assert (X * 2).requires_grad
    with pytest.raises(TypeError, match="is a generator"):

        @tg.no_grad
        def numbers():
            yield 1

    assert pickle.loads(pickle.dumps(tg.no_grad)) is copy.deepcopy(tg.no_grad) is tg.no_grad
    assert repr(tg.no_grad) == "no_grad"


@pytest.mark.parametrize("name", ["exp", "log", "sqrt", "tanh", "abs", "sigmoid"])
def test_the_methods_of_a_value_are_those_of_a_tensor(name):
    numpys = {"abs": np.abs, "sigmoid": tg.sigmoid}.get(name) or getattr(np, name)
    x, t, v = tg.Tensor([0.5, 2.0]), tg.Tensor([0.5, 2.0]), tg.Value(0.5)
    y, z, w = getattr(x, name)(), numpys(t), getattr(v, name)()
    np.testing.assert_array_equal(y.data, z.data)
    y.sum().backward()
    z.sum().backward()
    w.backward()
    np.testing.assert_array_equal(x.grad, t.grad)
    np.testing.assert_allclose([w.data, v.grad], [y.data[0], x.grad[0]], rtol=1e-14)
    assert type(w.data) is type(v.grad) is float
    tg.check_grad(lambda x: getattr(x, name)() if isinstance(x, tg.Tensor) else numpys(x), np.array([0.5, 2.0]))


def test_view_unsqueeze_and_clone_are_recorded():
    x = tg.Tensor(np.arange(6.0))
    y = x.view(2, -1).view((3, 2)).unsqueeze(1).clone()
    assert y.shape == (3, 1, 2)
    assert not np.shares_memory(y.data, x.data)
    (y * np.arange(6.0).reshape(3, 1, 2)).sum().backward()
    np.testing.assert_array_equal(x.grad, np.arange(6.0))
    assert x.unsqueeze(-1).shape == (6, 1)
    assert x.view(6).shape == (6,)
    for dtype in (np.float32, "float32", np.dtype(float)):
        with pytest.raises(TypeError, match=r"view: it takes a shape, .*astype"):
            x.view(dtype)
