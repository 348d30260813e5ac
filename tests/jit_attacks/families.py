"""Families of programs: each writes the same step for several optimizers, schedules, layouts or functions."""

import numpy as np

import tinygrad_edu as tg

from .harness import MUST_WORK, TT, XX, X, attack
from .training import final

OPTIMIZERS = {
    "sgd": lambda ps: tg.optim.SGD(ps, lr=0.1),
    "momentum": lambda ps: tg.optim.SGD(ps, lr=0.1, momentum=0.9, weight_decay=0.01),
    "nesterov": lambda ps: tg.optim.SGD(ps, lr=0.05, momentum=0.9, nesterov=True),
    "adam": lambda ps: tg.optim.Adam(ps, lr=0.1),
    "adamw": lambda ps: tg.optim.AdamW(ps, lr=0.1),
    "rmsprop": lambda ps: tg.optim.RMSprop(ps, lr=0.1, momentum=0.5, centered=True),
    "adagrad": lambda ps: tg.optim.Adagrad(ps, lr=0.1),
}


def named(name, run, must_work=True):
    run.__name__ = name
    attack(run)
    if must_work:
        MUST_WORK.add(name)


def scalar_parameter(name, optimizer, shape):
    """A temperature, a log-variance, a bias of a single number."""

    def run(J):
        w = tg.Tensor(np.full(shape, 2.0))
        opt = optimizer([w])

        def step(x):
            loss = ((w * x - 1) ** 2).sum()
            opt.minimize(loss)
            return loss

        step = J(step)
        return [step(np.array([1.0, 2.0])) for _ in range(8)] + [w.data, w.grad, opt.state]

    named(name, run)


for kind, make in OPTIMIZERS.items():
    scalar_parameter(f"a_single_number_trained_by_{kind}", make, ())
scalar_parameter("an_array_of_one_element_trained_by_adam", OPTIMIZERS["adam"], (1, 1))


def before_and_after(name, optimizer, read, use):
    """What the weights were before an update, read after it."""

    def run(J):
        ps = [tg.Tensor(np.ones((2, 2))), tg.Tensor(np.ones(2)), tg.Tensor(2.0)]
        opt = optimizer(ps)

        def step(x):
            old = [read(p) for p in ps]
            opt.minimize(sum((p * p * x).sum() for p in ps))
            return use(ps, old)

        step = J(step)
        return [step(np.float64(1.0)) for _ in range(4)] + [p.data for p in ps]

    named(name, run)


def moved(ps, old):
    return [np.abs(p.data - o).max() for p, o in zip(ps, old)]


READS = {
    "copy": lambda p: p.data.copy(),
    "product": lambda p: p.data * 1,
    "sum": lambda p: p.data.sum(),
    "detached_product": lambda p: (p * 1).detach().data,
    "reshaped_copy": lambda p: p.data.copy().reshape(p.shape),
    "data": lambda p: p.data,
}
for how, read in READS.items():
    for kind in ("sgd", "adam"):
        before_and_after(f"{how}_before_an_update_by_{kind}", OPTIMIZERS[kind], read, moved)
before_and_after("tensor_before_an_update", OPTIMIZERS["adam"], lambda p: p * 1, lambda ps, old: [o * 2 for o in old])
before_and_after("weights_before_an_update_are_returned", OPTIMIZERS["adam"], READS["copy"], lambda ps, old: old)


def layout_changed(name, optimizer, change):
    """Weights get another array or another memory order between the calls."""

    def run(J):
        model = tg.nn.MLP([3, 5, 1], activation="tanh", rng=0)
        opt = optimizer(model.parameters())

        def step(x, t):
            loss = tg.mse_loss(model(x), t)
            opt.minimize(loss)
            return loss

        step, out = J(step), []
        for i in range(8):
            if i in (3, 5):
                for p in model.parameters():
                    change(p)
            out.append(step(XX, TT))
        return out, final(model, opt)

    named(name, run)


CHANGES = {
    "masked": lambda p: setattr(p, "data", p.data * (p.data > 0)),
    "column_major": lambda p: setattr(p, "data", np.asfortranarray(p.data)),
    "reversed": lambda p: setattr(p, "data", p.data[::-1]),
    "strided": lambda p: setattr(p, "data", np.repeat(p.data, 2, axis=0)[::2]),
    "copied": lambda p: setattr(p, "data", p.data.copy()),
    "transposed_twice": lambda p: setattr(p, "data", p.data.T.copy().T),
    "written": lambda p: p.data.__imul__(0.5),
    "gradient_dropped": lambda p: setattr(p, "grad", None),
}
for how, change in CHANGES.items():
    for kind in ("momentum", "adam"):
        layout_changed(f"weights_{how}_between_steps_of_{kind}", OPTIMIZERS[kind], change)


def schedule_attack(name, make, change=lambda s: None):
    """A schedule that steps within the function, and whose settings change between the calls."""

    def run(J):
        w = tg.Tensor([1.0, 2.0, 3.0])
        opt = tg.optim.SGD([w], lr=0.1)
        schedule = make(opt)

        def step(x):
            opt.minimize(((w * x) ** 2).sum())
            schedule.step()

        step, rates = J(step), []
        for i in range(6):
            step(X / 3)
            rates.append(opt.lr)
            if i == 2:
                change(schedule)
        return rates, w.data, schedule.epoch, schedule.base_lrs

    named(name, run, must_work=False)


L = tg.optim.lr_scheduler


class Milestones(L.LRScheduler):
    def __init__(self, opt, milestones):
        self.milestones = milestones
        super().__init__(opt)

    def rate(self, base_lr, epoch):
        return base_lr * sum(np.where(epoch >= m, 0.5, 1.0) for m in self.milestones)


schedule_attack("step_lr", lambda o: L.StepLR(o, 2, 0.5))
schedule_attack("step_lr_gamma_changed", lambda o: L.StepLR(o, 2, 0.5), lambda s: setattr(s, "gamma", 0.9))
schedule_attack("step_lr_size_changed", lambda o: L.StepLR(o, 2, 0.5), lambda s: setattr(s, "step_size", 1))
schedule_attack("exponential_gamma_changed", lambda o: L.ExponentialLR(o, 0.9), lambda s: setattr(s, "gamma", 0.5))
schedule_attack("cosine_length_changed", lambda o: L.CosineAnnealingLR(o, 9), lambda s: setattr(s, "T_max", 5))
schedule_attack("cosine_minimum_changed", lambda o: L.CosineAnnealingLR(o, 9), lambda s: setattr(s, "eta_min", 0.05))
schedule_attack("warmup_then_exponential", lambda o: L.LinearWarmup(o, 3, L.ExponentialLR(o, 0.5)))
schedule_attack("one_cycle", lambda o: L.OneCycleLR(o, 0.3, 5))
schedule_attack("epoch_of_a_schedule_set", lambda o: L.ExponentialLR(o, 0.9), lambda s: setattr(s, "epoch", 0))
schedule_attack("first_rates_replaced", lambda o: L.ExponentialLR(o, 0.9), lambda s: setattr(s, "base_lrs", [0.02]))
schedule_attack("rate_set_by_hand", lambda o: L.ExponentialLR(o, 0.9), lambda s: setattr(s.optimizer, "lr", 0.02))
schedule_attack("own_milestones_changed", lambda o: Milestones(o, [2, 4]), lambda s: s.milestones.append(1))
schedule_attack("own_milestones_replaced", lambda o: Milestones(o, [2, 4]), lambda s: setattr(s, "milestones", (1,)))
schedule_attack(
    "state_of_a_schedule_restored",
    lambda o: L.ExponentialLR(o, 0.9),
    lambda s: s.load_state_dict({"epoch": 1, "base_lrs": np.array([0.05])}),
)


def self_returning(name, fn):
    """A function that may return its argument itself: with other arrays computed beside it, written, and kept."""

    def beside(J):
        def f(x):
            y = np.tanh(x)
            s = fn(y)
            z = np.exp(x) * 2
            q = np.sin(z) * 3
            return np.sum(s * 2) + np.sum(q), s

        f = J(f)
        return [f(XX * (i + 1)) for i in range(4)]

    def written(J):
        def f(x):
            y = np.tanh(x)
            s = fn(y)
            y *= 2
            return np.sum(s)

        f = J(f)
        return [f(XX * (i + 1)) for i in range(3)]

    named(f"{name}_beside_others", beside, must_work=False)
    named(f"{name}_of_an_array_that_is_written", written, must_work=False)


for fun in (
    np.atleast_1d, np.atleast_2d, np.real, np.asarray, np.asanyarray, np.ascontiguousarray, np.squeeze, np.ravel,
    np.copy, np.asfortranarray, np.positive, np.array,
):  # fmt: skip
    self_returning(fun.__name__, fun)
self_returning("nan_to_num_in_place", lambda y: np.nan_to_num(y, copy=False))
self_returning("broadcast_arrays", lambda y: np.broadcast_arrays(y, y)[0])
self_returning("reshape_to_the_same_shape", lambda y: y.reshape(y.shape))
self_returning("astype_without_a_copy", lambda y: y.astype(y.dtype, copy=False))
self_returning("full_slice", lambda y: y[:])
self_returning("split_in_one", lambda y: np.split(y, 1)[0])


def gradient_through(name, f):
    """Two parameters by way of a function that moves elements."""

    def run(J):
        r = np.random.default_rng(0)
        a, b = tg.Tensor(r.normal(size=(3, 3))), tg.Tensor(r.normal(size=(3, 3)))
        opt = tg.optim.SGD([a, b], lr=0.1)

        def step(x):
            loss = np.mean(np.exp(-(f(a) ** 2) * x)) + np.mean(np.exp(-(f(b) ** 2)))
            opt.minimize(loss)
            return loss

        step = J(step)
        return [step(np.float64(1 + 0.1 * i)) for i in range(5)] + [a.data, b.data, a.grad, b.grad]

    named(f"gradient_through_{name}", run)


for fun in (
    np.flip,
    np.rot90,
    np.transpose,
    np.fliplr,
    np.flipud,
    np.ravel,
    np.diagonal,
    np.tril,
    np.atleast_3d,
    np.squeeze,
):
    gradient_through(fun.__name__, fun)
gradient_through("swapaxes", lambda a: np.swapaxes(a, 0, 1))
gradient_through("roll", lambda a: np.roll(a, 1, axis=0))
gradient_through("a_reversed_slice", lambda a: a[::-1])
gradient_through("columns", lambda a: a[:, [2, 0, 0]])
gradient_through("sort", lambda a: np.sort(a, axis=0))
gradient_through("its_own_transpose", lambda a: a + a.T)
gradient_through("a_symmetric_product", lambda a: a @ a.T)
