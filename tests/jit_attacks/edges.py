"""Numbers at the edges, errstate, indices out of range, large arrays."""

import warnings

import numpy as np

import tinygrad_edu as tg

from .harness import X, attack


def numbers_attack(name, f, *values, transform=lambda f: f):
    def run(J):
        g = J(transform(f))
        with np.errstate(all="ignore"):
            return [g(v) for v in values]

    run.__name__ = name
    attack(run)


INF, NAN = np.inf, np.nan
ZEROS = np.array([0.0, -0.0, 1.0, -1.0, INF, -INF, NAN, 5e-324, 1e308, -1e308])
numbers_attack(
    "two_factors_that_vanish_together", lambda x: (x * 1e-200) * 1e-200, np.full(3, 1e300), np.full(3, 1e250)
)
numbers_attack(
    "two_factors_of_float16", lambda x: (x * 300.0) * 300.0, np.full(3, 0.01, np.float16), np.full(3, 0.02, np.float16)
)
numbers_attack("zero_plus", lambda x: np.copysign(1.0, 0 + x), X, ZEROS[:3], ZEROS)
numbers_attack("minus_zero_subtracted", lambda x: np.copysign(1.0, x - 0.0), ZEROS, -ZEROS)
numbers_attack("power_half", lambda x: x**0.5, ZEROS, -ZEROS)
numbers_attack("np_power_half", lambda x: np.power(x, 0.5), ZEROS, -ZEROS)
numbers_attack("power_minus_one", lambda x: x**-1, ZEROS, -ZEROS)
numbers_attack("power_one", lambda x: x**1, ZEROS, -ZEROS)
numbers_attack("double_negation", lambda x: np.copysign(1.0, -(-x)), ZEROS, -ZEROS)
numbers_attack(
    "mean_axis1_with_inf",
    lambda x: np.mean(x, axis=1),
    np.ones((9, 9)),
    np.where(np.eye(9) > 0, INF, 0.0),
    np.full((9, 9), 1e308),
)
numbers_attack(
    "product_with_0_times_inf", lambda x: x @ np.array([[0.0], [1.0]]), np.ones((3, 2)), np.array([[INF, 1.0]] * 3)
)
numbers_attack("softmax_of_inf", lambda x: tg.softmax(x), X, np.array([0.0, -INF, 1.0]), np.array([INF, 0.0, 1.0]))
numbers_attack(
    "float16_sum_of_squares", lambda x: np.sum(x * x), np.full(100, 3.0, np.float16), np.full(100, 30.0, np.float16)
)
numbers_attack("float32_python_float", lambda x: x * 0.1 + 1e-9, X.astype(np.float32), X.astype(np.float32) * 2)
numbers_attack("float32_huge_python_float", lambda x: x * 1e300, X.astype(np.float32), X.astype(np.float32) * 0)
numbers_attack("hessian_of_norm_at_zero", lambda x: np.linalg.norm(x), X, X * 0, X, transform=tg.hessian)
numbers_attack(
    "first_call_is_nan", lambda x: np.sum(np.where(x > 0, np.sqrt(x), 0.0)), X * 0, X, X * 2, X * 0, transform=tg.grad
)


@attack
def index_out_of_range_later(J):
    w = tg.Tensor(np.arange(12.0).reshape(4, 3))
    f = J(tg.value_and_grad(lambda x, i: np.sum(x[i] ** 2)))
    out = []
    for i in ([0, 1], [3, -1], [4, 0], [-4, 0], [-5, 0], [1, 1]):
        try:
            out.append(f(w.data, np.array(i)))
        except IndexError:
            out.append("IndexError")
    return out


@attack
def class_labels_out_of_range_later(J):
    f = J(tg.value_and_grad(tg.cross_entropy))
    z, out = np.eye(3), []
    for t in ([0, 1, 2], [2, 2, 2], [0, 1, 3], [-1, 0, 1], [0, 0, 0]):
        try:
            out.append(f(z, np.array(t)))
        except ValueError:
            out.append("ValueError")
    return out


def large_attack(name, f, *values, transform=lambda f: f):
    def run(J):
        g = J(transform(f))
        return [g(v) for v in values]

    run.__name__ = name
    attack(run)


_r = np.random.default_rng(3)
_big = [_r.uniform(0.5, 1.5, s) for s in ((100_000,), (99_999,), (100_001,), (317, 331), (7, 11, 1301), (2, 100_003))]
large_attack(
    "large_in_place",
    lambda x: (lambda y: (y.__iadd__(1.0), y.__imul__(x), np.sum(y), y)[2:])(np.exp(x)),
    _big[2],
    _big[2] * 3,
)
large_attack("large_broadcast", lambda x: np.exp(x) * x[:1] + x[:, :1], _big[3], _big[3] * 2)
large_attack(
    "large_transposed", lambda x: np.exp(x.T) * x.T + np.sin(x).T, _big[3], np.asfortranarray(_big[3]), _big[3].T
)
large_attack("large_cut", lambda x: np.exp(x)[1:] * x[:-1] + np.exp(x)[:-1], _big[2], _big[2] * 2)


def large_training(name, make, optimizer, hold=False, optimize=None):
    def run(J):
        params = make()
        held = [p.data for p in params] if hold else None
        opt = optimizer(params)

        def step(x):
            loss = sum((np.tanh(p * x) ** 2).sum() for p in params)
            opt.minimize(loss)
            return loss

        step = J(step)
        out = [step(np.float64(0.5 + 0.1 * i)) for i in range(4)]
        del held
        return [*out, *[p.data for p in params], *[p.grad for p in params], opt.state]

    run.__name__ = name
    attack(run)


def _fortran(*shapes):
    out = []
    for i, s in enumerate(shapes):
        t = tg.Tensor(np.zeros(1))
        t.data = np.asfortranarray(np.random.default_rng(i).normal(size=s))
        out.append(t)
    return out


_opts = {
    "sgd": lambda ps: tg.optim.SGD(ps, lr=0.1),
    "momentum": lambda ps: tg.optim.SGD(ps, lr=0.1, momentum=0.9, weight_decay=0.01),
    "adam": lambda ps: tg.optim.Adam(ps, lr=0.1),
    "adamw": lambda ps: tg.optim.AdamW(ps, lr=0.1),
    "rmsprop": lambda ps: tg.optim.RMSprop(ps, lr=0.1, momentum=0.5),
}
large_training(
    "large_parameters_in_two_layouts",
    lambda: [*_fortran((300, 400)), tg.Tensor(np.random.default_rng(0).normal(size=(300, 400)))],
    _opts["adam"],
)


@attack
def large_embedding_alone(J):
    table = tg.nn.Embedding(5000, 30, rng=0)
    opt = tg.optim.Adam(table.parameters(), lr=0.1)

    def step(i):
        loss = (table(i) ** 2).sum()
        opt.minimize(loss)
        return loss

    step = J(step)
    return [step(np.array([1, 5, k])) for k in range(5)] + [table.weight.data[:6]]


@attack
def large_batchnorm_statistics(J):
    bn = tg.nn.BatchNorm1d(3)
    x = np.random.default_rng(0).normal(size=(50_000, 3))
    f = J(lambda x: bn(x))
    return [f(x * (i + 1)).data[:3] for i in range(3)] + [
        bn.running_mean.data,
        bn.running_var.data,
        bn.num_batches_tracked.data,
    ]


def errstate_attack(name, f, *values, how="raise"):
    """What happens where the user has set np.errstate: the type of the error at each call, or the numbers."""

    def run(J):
        g, out = J(f), []
        for v in values:
            try:
                with np.errstate(all=how), warnings.catch_warnings():
                    warnings.simplefilter("error")
                    out.append(g(v))
            except (FloatingPointError, RuntimeWarning) as error:
                out.append(type(error).__name__)
        return out

    run.__name__ = name
    attack(run)


for how in ("raise", "warn", "ignore"):
    errstate_attack(f"division_by_zero_under_{how}", lambda x: 1 / x, X, X * 0, X, how=how)
    errstate_attack(f"overflow_under_{how}", np.exp, X, X * 1e3, X, how=how)
    errstate_attack(f"logarithm_under_{how}", lambda x: np.log(x).sum(), X, -X, X * 0, X, how=how)
    errstate_attack(f"large_division_under_{how}", lambda x: 1 / x, np.ones(250_001), np.zeros(250_001), how=how)
