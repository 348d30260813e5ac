"""Tensors that a function closes over, and Modules, in vmap: operands that all members share, with gradients."""

import numpy as np
import pytest

import tinygrad_edu as tg

RNG = np.random.default_rng(0)
X, W, B = RNG.normal(size=(4, 3)), RNG.normal(size=3), RNG.normal(size=(3, 2))
USES = {  # of a member x, and of w and b, which are shared
    "operator": lambda x, w, b: x * w - w / (2 + x * x), "on the left": lambda x, w, b: w @ x,
    "matrix": lambda x, w, b: np.tanh(x @ b), "transposed": lambda x, w, b: b.T @ x,
    "dot": lambda x, w, b: np.dot(w, x),
    "joined": lambda x, w, b: np.concatenate([w, x, w]), "stacked": lambda x, w, b: np.stack([x, w]),
    "r_": lambda x, w, b: np.r_[w, x], "where": lambda x, w, b: np.where(x > 0, w, x),
    "einsum": lambda x, w, b: np.einsum("i,ij->j", x, b), "outer": lambda x, w, b: np.outer(w, x),
    "derived": lambda x, w, b: x * np.sum(w * w) + np.sin(w), "the same for all": lambda x, w, b: np.exp(w),
    "solve": lambda x, w, b: np.linalg.solve(np.eye(3) + np.outer(x, x), w),
    "softmax": lambda x, w, b: tg.softmax(w + x),
    "loss": lambda x, w, b: tg.mse_loss(x, w), "bias": lambda x, w, b: tg.relu(x @ b + b[0]),
    "vmap": lambda x, w, b: tg.vmap(lambda y: y * x @ w)(X), "vmap over it": lambda x, w, b: tg.vmap(np.multiply)(w, x),
    "gradient by it": lambda x, w, b: x * tg.grad(lambda u: np.sum(np.sin(u) * x))(w),
    "hessian by it": lambda x, w, b: x @ tg.hessian(lambda u: np.sum(u**3 * x))(w),
    "jvp": lambda x, w, b: x * tg.jvp(lambda u: np.sin(u) * w, [np.ones(3)], [np.ones(3) * 2])[1],
    "custom_vjp": lambda x, w, b: scaled_sine(x, w) + scaled_sine(w, x),
    "gradient within": lambda x, w, b: tg.grad(lambda x: np.sum(w * np.sin(x * w)))(x) * np.sin(x * w) + w,
    "hessian within": lambda x, w, b: tg.hessian(lambda x: np.sum(np.tanh(x @ b) ** 2 * w[:2]))(x),
    "gradient of no member within": lambda x, w, b: tg.grad(lambda u: np.sum(w * u**2))(np.ones(3)),
    "jvp within": lambda x, w, b: tg.jvp(tg.grad(lambda x: np.sum(np.sin(x * w))), [x], [w])[1],
    "vmap within": lambda x, w, b: tg.vmap(lambda z: tg.grad(lambda z: np.sum(np.sin(w * x) * z**3 * w))(z))(X),
    "written within": lambda x, w, b: tg.grad(lambda x: np.sum(written(x, w) ** 3))(x),
}  # fmt: skip


def written(x, w):
    y = x * 1
    y[0] = w[0] * x[1]
    y[1:] *= w[1:]
    return y


@tg.custom_vjp
def scaled_sine(x, s):
    return np.sin(x) * s


scaled_sine.defvjp(
    lambda x, s: (np.sin(x) * s, (x, s)), lambda saved, g: (g * np.cos(saved[0]) * saved[1], g * np.sin(saved[0]))
)


@pytest.mark.parametrize("f", USES.values(), ids=USES)
def test_derivatives_by_what_all_members_share_and_by_each_member_equal_a_loop(f):
    def batched(w, b, x):
        return tg.vmap(lambda x: f(x, w, b))(x)

    def looped(w, b, x):
        return np.stack([f(row, w, b) for row in x])

    args, directions = (W, B, X), (W * 0.5, B + 1, X * 2)
    np.testing.assert_allclose(batched(*args), looped(*args), atol=1e-13)
    gradient, expected = (
        tg.grad(lambda *args, g=g: np.sum(np.sin(g(*args))), (0, 1, 2))(*args) for g in (batched, looped)
    )
    for g, h in zip(gradient, expected, strict=True):
        np.testing.assert_allclose(g, h, atol=1e-12)
    _, along = tg.jvp(looped, args, directions)
    np.testing.assert_allclose(tg.jvp(batched, args, directions)[1], along, atol=1e-12)
    v = W * 0.5
    second = tg.hvp(lambda w: np.sum(np.sin(looped(w, B, X))))(W, v)
    np.testing.assert_allclose(tg.hvp(lambda w: np.sum(np.sin(batched(w, B, X))))(W, v), second, atol=1e-11)


def test_a_result_that_depends_on_a_tensor_is_a_tensor_and_within_no_grad_an_array():
    w = tg.Tensor(W)
    y = tg.vmap(lambda x: w * x, out_axes=1)(X)
    y.sum().backward()
    np.testing.assert_allclose(w.grad, X.sum(0))
    assert y.shape == (3, 4)
    for f in (lambda x: w.detach() * x, lambda x: tg.Tensor(2.0) * x, lambda x: tg.no_grad()(lambda: w * x)()):
        assert type(tg.vmap(f)(X)) is np.ndarray
    with tg.no_grad():
        assert type(tg.vmap(lambda x: w * x)(X)) is np.ndarray


def test_a_module_computes_batches_and_receives_one_gradient_or_one_of_each_example():
    model = tg.nn.Sequential(tg.nn.Linear(3, 4, rng=0), np.tanh, tg.nn.Linear(4, 2, rng=1))
    np.testing.assert_allclose(tg.vmap(model)(X).data, model(X).data)

    def loss(model, x):
        return np.sum(model(x) ** 2)

    summed = tg.grad(lambda model: np.sum(tg.vmap(loss, (None, 0))(model, X)))(model)
    of_each = tg.vmap(tg.grad(loss), (None, 0))(model, X)
    for name, g in tg.grad(loss)(model, X).items():
        np.testing.assert_allclose(summed[name], g, atol=1e-12)
        np.testing.assert_allclose(of_each[name].sum(0), g, atol=1e-12)
    recorded = tg.jit(lambda X: tg.vmap(model)(X))
    for _ in range(3):
        np.testing.assert_allclose(recorded(X).data, model(X).data)


def test_rows_of_an_embedding():
    table, at = tg.nn.Embedding(4, 2, rng=0), np.array([1, 2])
    np.testing.assert_array_equal(tg.vmap(table)(at).data, table(at).data)
    g = tg.vmap(tg.grad(lambda m, i: np.sum(m(i))), (None, 0))(table, at)["weight"]
    np.testing.assert_array_equal(g[:, :, 0], [[0, 1, 0, 0], [0, 0, 1, 0]])


@pytest.mark.parametrize("f", [f for name, f in USES.items() if "within" in name])
def test_third_derivatives_by_what_a_gradient_within_keeps_equal_a_loop(f):
    def cubed(batched):
        def squares(w):
            y = tg.vmap(lambda x: f(x, w, B))(X) if batched else np.stack([f(x, w, B) for x in X])
            return np.sum(np.sin(y))

        first = tg.grad(squares)
        return tg.grad(lambda w: tg.grad(lambda w: np.sum(first(w) ** 2))(w)[0])

    np.testing.assert_allclose(cubed(batched=True)(W), cubed(batched=False)(W), rtol=1e-8, atol=1e-9)


def test_a_gradient_within_keeps_the_parameters_of_a_module():
    """The second derivative of a network by its input, as for differential equations, and norms of gradients."""
    model = tg.nn.Sequential(tg.nn.Linear(3, 4, rng=0), tg.nn.PReLU(), np.tanh, tg.nn.Linear(4, 1, rng=1))

    def curvature(x):
        return np.trace(tg.hessian(lambda x: model(x[None])[0, 0])(x))

    def loss(vmap):
        of_each = vmap(tg.grad(lambda model, x: model(x[None])[0, 0]), (None, 0))(model, X)
        return np.mean(vmap(curvature)(X) ** 2) + sum([np.sum(g**3) for g in of_each.values()])

    def loop(f, in_axes=(0,)):
        def looped(*args):
            results = [f(*args[:-1], row) for row in args[-1]]
            return tg.tree.tree_map(lambda *rows: np.stack(rows), *results)

        return looped

    def gradient(vmap):
        return tg.grad(lambda model: loss(vmap))(model)

    recorded = tg.jit(lambda: gradient(tg.vmap))
    for _ in range(2):
        expected = gradient(loop)
        for found in (gradient(tg.vmap), recorded()):
            for name, g in expected.items():
                np.testing.assert_allclose(found[name], g, atol=1e-12)
        model[0].weight.data *= 1.1


def test_what_is_computed_again_for_a_shared_tensor_gives_no_second_warning():
    def slopes(x):
        with np.errstate(divide="ignore"):
            return tg.grad(lambda x: np.sum(np.log(w * x)))(x)

    w, x = tg.Tensor(np.arange(3.0)), np.ones((2, 3))
    np.testing.assert_array_equal(tg.vmap(slopes)(x)[:, 1:].data, x[:, 1:])


def test_a_value_with_a_rule_of_its_own_that_keeps_a_shared_tensor_takes_a_loop():
    def f(w, **options):
        return tg.vmap(lambda x: tg.vjp(lambda x: scaled_sine(x, w), x)[0], **options)(X)

    np.testing.assert_allclose(tg.jacobian(lambda w: f(w, fallback=True))(W), np.stack([np.diag(np.sin(x)) for x in X]))
    with pytest.raises(TypeError, match=r"custom_vjp or checkpoint depends on a Tensor.*fallback=True"):
        f(tg.Tensor(W))
    with tg.no_grad():
        np.testing.assert_allclose(f(tg.Tensor(W)), np.sin(X) * W)


def test_conventions_hold_where_gradients_go_through_a_batch():
    zeros = np.zeros((2, 3))
    for f in (np.linalg.norm, lambda x: np.linalg.norm(x, 3), lambda x: np.linalg.norm(np.outer(x, x)), np.std):
        np.testing.assert_array_equal(tg.grad(lambda x, f=f: np.sum(tg.vmap(f)(x)))(zeros), zeros)
    for f in (lambda x: tg.signal.convolve(x, x), lambda x: np.convolve(x, x), lambda x: np.polymul(x, x)):
        g = tg.grad(lambda x, f=f: np.sum(tg.vmap(f, fallback=True)(x)))(X)
        np.testing.assert_allclose(g, np.stack([tg.grad(lambda x, f=f: np.sum(f(x)))(x) for x in X]))


@pytest.mark.parametrize(
    "constant", [lambda z: z.data, lambda z: z.detach(), lambda z: (z * z).numpy(), tg.stop_gradient]
)
def test_a_constant_within_vmap_is_one_of_the_transforms_outside_too(constant):
    def slopes(X):
        return tg.vmap(tg.grad(lambda z: np.sum(constant(z) * z)))(X)

    np.testing.assert_array_equal(tg.grad(lambda X: np.sum(slopes(X) ** 2))(X), 0 * X)
    np.testing.assert_array_equal(tg.jvp(slopes, [X], [X])[1], 0 * X)
    twice = tg.grad(lambda X: np.sum(tg.vmap(lambda x: tg.vmap(tg.grad(lambda z: np.sum(constant(z * x) * z)))(X))(X)))
    np.testing.assert_array_equal(twice(X), 0 * X)


def test_a_primitive_keeps_its_rule_where_members_share_a_tensor():
    @tg.primitive
    def scaled(x, w):
        return x * w

    tg.defvjp(scaled, lambda g, y, x, w: g * w, lambda g, y, x, w: 100 * g * x)
    f = lambda w: tg.vmap(lambda x: scaled(x, w))(X)
    np.testing.assert_allclose(tg.grad(lambda w: np.sum(f(w)))(W), 100 * X.sum(axis=0))
    np.testing.assert_allclose(tg.jvp(f, [W], [W])[1], 100 * X * W)


def test_a_jacobian_within_no_grad_is_an_array():
    w = tg.Tensor(W)
    of_each = tg.jacobian(lambda x: np.sort(x * w), mode="forward")
    with tg.no_grad():
        np.testing.assert_array_equal(tg.vmap(of_each)(X), [of_each(x) for x in X])


def test_a_member_is_written_into_a_tensor_that_all_share():
    def f(w, x):
        y = w * 2
        y[1:] = x[0] * w[0]
        return np.prod(y * x)

    def gradients(of_each):
        return tg.grad(lambda w, X: np.sum(np.sin(of_each(w, X))), (0, 1))(W, X)

    expected = gradients(lambda w, X: np.stack([f(w, x) for x in X]))
    for g, right in zip(gradients(lambda w, X: tg.vmap(lambda x: f(w, x))(X)), expected, strict=True):
        np.testing.assert_allclose(g, right)


def test_stop_gradient_stops_what_goes_through_a_batch_in_a_tensor():
    def f(w, X):
        return np.sum(tg.vmap(lambda x: tg.stop_gradient(tg.jvp(np.sin, [w], [x])[1]) * x)(X))

    np.testing.assert_allclose(tg.grad(f, 1)(W, X), np.cos(W) * X)
    np.testing.assert_array_equal(tg.grad(f)(W, X), 0 * W)
