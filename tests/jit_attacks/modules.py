"""Modules, optimizers, schedules and Tensors that change between calls."""

import functools

import numpy as np

import tinygrad_edu as tg

from .harness import TT, XX, Cfg, X, attack, works
from .reads import Enumerated


class M(tg.nn.Module):
    def __init__(self):
        self.mask = np.ones(3)
        self.w = tg.Tensor(np.ones(3), label="w")
        self.act = np.tanh
        self.layer = tg.nn.Linear(3, 3, rng=0)
        self.shifts = (1.0, 2.0)
        self.table = {"a": 1.0}
        self.cfg = Cfg(scale=2.0)
        self.scales = [1.0, 2.0]
        self.none = None
        self.mode = Enumerated.A
        self.layers = [tg.nn.Linear(3, 3, rng=1), tg.nn.Linear(3, 3, rng=2)]


def module_attack(name, forward, change, make=M):
    def run(J):
        m = make()
        type(m).forward, before = forward, type(m).__dict__.get("forward")
        try:
            f = J(lambda x: m(x))
            out = [f(X), f(X)]
            change(m)
            return [*out, f(X), f(X)]
        finally:
            if before is None:
                del type(m).forward
            else:
                type(m).forward = before

    run.__name__ = name
    attack(run)


module_attack("module_tensor_replaced", lambda m, x: x * m.w, lambda m: setattr(m, "w", tg.Tensor(np.full(3, 0.5))))
module_attack("module_list_changed", lambda m, x: x * m.scales[0], lambda m: m.scales.__setitem__(0, 5.0))
module_attack(
    "module_none_replaced_by_tensor",
    lambda m, x: x if m.none is None else x * m.none,
    lambda m: setattr(m, "none", tg.Tensor(np.full(3, 0.5))),
)
module_attack(
    "module_layers_appended",
    lambda m, x: functools.reduce(lambda h, l: l(h), m.layers, x),
    lambda m: m.layers.append(tg.nn.Linear(3, 3, rng=9)),
)
module_attack(
    "module_attribute_name_that_is_no_identifier",
    lambda m, x: x * getattr(m, "0.gain"),
    lambda m: setattr(m, "0.gain", 5.0),
    make=lambda: (lambda m: (setattr(m, "0.gain", 2.0), m)[1])(M()),
)
module_attack(
    "module_attribute_name_that_is_a_keyword",
    lambda m, x: x * getattr(m, "lambda"),
    lambda m: setattr(m, "lambda", 5.0),
    make=lambda: (lambda m: (setattr(m, "lambda", 2.0), m)[1])(M()),
)
module_attack("module_bias_removed", lambda m, x: m.layer(x), lambda m: setattr(m.layer, "bias", None))


@attack
def sequential_layer_replaced(J):
    model = tg.nn.Sequential(tg.nn.Linear(3, 3, rng=0), tg.nn.Tanh())
    f = J(lambda x: model(x))
    out = [f(X), f(X)]
    setattr(model, "1", tg.nn.ReLU())
    out.append(f(X))
    setattr(model, "0", tg.nn.Linear(3, 3, rng=5))
    return [*out, f(X)]


@attack
def module_jitted_itself_and_tensor_replaced(J):
    m = tg.nn.Linear(3, 2, rng=0)
    f = J(m)
    out = [f(X), f(X)]
    m.weight = tg.Tensor(np.ones((2, 3)))
    return [*out, f(X)]


def optimizer_attack(name, make, change, steps=3, mutate=None):
    def run(J):
        w = tg.Tensor([1.0, 2.0, 3.0], label="w")
        v = tg.Tensor([0.5, 0.5, 0.5], label="v")
        opt = make(w, v)

        def step(x):
            loss = ((w * x) ** 2 + np.sin(v * w)).sum()
            opt.minimize(loss)
            return loss

        step = J(step)
        out = [step(X / i) for i in range(1, steps + 1)]
        change(opt)
        out += [step(X / i) for i in range(1, steps + 1)]
        return [*out, w.data, v.data, w.grad, opt.steps, opt.lr, opt.state]

    run.__name__ = name
    attack(run)


adam = lambda w, v: tg.optim.Adam([w, v], lr=0.1)
optimizer_attack("adam_betas_changed", adam, lambda o: setattr(o, "betas", (0.1, 0.2)))
optimizer_attack("adam_betas_of_a_group_changed", adam, lambda o: setattr(o.groups[0], "betas", (0.1, 0.2)))
optimizer_attack(
    "adam_state_reset_in_place",
    adam,
    lambda o: ([a.fill(0) for s in o.state.values() for a in s], setattr(o, "steps", 0)),
)
optimizer_attack(
    "sgd_momentum_changed",
    lambda w, v: tg.optim.SGD([w, v], lr=0.1, momentum=0.9),
    lambda o: setattr(o, "momentum", 0.1),
)
optimizer_attack(
    "sgd_nesterov_switched",
    lambda w, v: tg.optim.SGD([w, v], lr=0.1, momentum=0.9),
    lambda o: setattr(o, "nesterov", True),
)
optimizer_attack(
    "groups_lr_changed",
    lambda w, v: tg.optim.SGD([{"params": [w], "lr": 0.1}, {"params": [v]}], lr=0.2),
    lambda o: setattr(o.groups[1], "lr", 0.05),
)


class Own(tg.optim.Optimizer):
    """A user's own optimizer, with hyperparameters as plain attributes of several kinds."""

    def __init__(self, params, lr):
        super().__init__(params, lr=lr)
        self.factors, self.table, self.pair, self.fun, self.gain = [1.0, 0.5], {"k": 2.0}, (1.0, 2.0), np.tanh, 2.0
        self.cfg = Cfg(scale=1.0)
        self.preconditioner = np.array([1.0, 2.0, 3.0])

    def rate(self, lr):
        return lr * self.factors[0] * self.table["k"] * self.pair[0] * self.gain * self.cfg.scale


class OwnFormula(Own):
    def formula(self, theta, g, *, t, lr):
        return (theta - self.rate(lr) * self.fun(g),)


class OwnUpdate(Own):
    def _update(self, group, grads, *kept):
        for p, g in zip(group.params, grads, strict=True):
            p.data -= self.rate(group.lr) * self.fun(g) * self.preconditioner


class Counting(tg.optim.Optimizer):
    def __init__(self, params, lr):
        super().__init__(params, lr=lr)
        self.t = 0


class CountingSteps(Counting):
    def step(self, accumulated=False):
        self.t += 1
        super().step(accumulated)

    def formula(self, theta, g, *, t, lr):
        return (theta - lr / self.t * g,)


class CountingUpdates(Counting):
    def _update(self, group, grads, *kept):
        self.t += 1
        for p, g in zip(group.params, grads, strict=True):
            p.data -= group.lr / self.t * g


for own, counting in ((OwnFormula, CountingSteps), (OwnUpdate, CountingUpdates)):
    name = own.__name__.replace("Own", "own_optimizer_").lower()
    make = lambda w, v, own=own: own([w, v], lr=0.1)
    optimizer_attack(f"{name}_list_replaced", make, lambda o: setattr(o, "factors", [3.0]))
    optimizer_attack(f"{name}_function", make, lambda o: setattr(o, "fun", np.sin))
    optimizer_attack(f"{name}_object", make, lambda o: setattr(o.cfg, "scale", 3.0))
    optimizer_attack(f"{name}_that_counts", lambda w, v, kind=counting: kind([w, v], lr=0.1), lambda o: None)


class Param(tg.Tensor):
    """A subclass with an attribute."""

    def __init__(self, data, decay=True):
        super().__init__(data)
        self.decay = decay


@attack
def type_of_a_result_that_is_a_subclass(J):
    w = Param(np.ones(3))
    f = J(lambda x: (w * x, w.detach()))
    return [f(X), f(X), f(X)]


@attack
def frozen_between_calls(J):
    model = tg.nn.MLP([3, 4, 1], activation="tanh", rng=0)

    def f(x, t):
        for p in model.parameters():
            p.zero_grad()
        loss = tg.mse_loss(model(x), t)
        loss.backward()
        return loss

    f = J(f)
    out = [f(XX, TT), f(XX, TT)]
    first = model.parameters()[0]
    first.requires_grad = False
    first.grad = None
    out += [f(XX, TT), f(XX, TT), first.grad]
    first.requires_grad = True
    return [*out, f(XX, TT), [p.grad for p in model.parameters()]]


@attack
def no_grad_around_the_recording(J):
    w = tg.Tensor(np.ones(3))

    def step(x):
        y = (w * x).sum()
        if y.requires_grad:
            y.backward()
        return y

    step = J(step)
    with tg.no_grad():
        step(X)
    step(X)
    return w.grad


@works
def no_grad_within(J):
    w = tg.Tensor(np.ones(3))

    def step(x):
        with tg.no_grad():
            k = (w * 2).sum()
        loss = (w * x).sum() * k.detach()
        w.zero_grad()
        loss.backward()
        w.data -= 0.1 * w.grad
        return loss

    step = J(step)
    return [step(X) for _ in range(4)] + [w.data, w.grad]


@attack
def detect_anomaly_around_a_replay(J):
    w = tg.Tensor([1.0, 4.0, 9.0])

    def step(x):
        w.zero_grad()
        np.sqrt(w * x).sum().backward()

    step = J(step)
    step(X)
    step(X)
    try:
        with tg.detect_anomaly():
            step(X * 0)
    except (ValueError, ArithmeticError, RuntimeError) as error:
        if type(error).__name__ == "JitError":
            raise
        return "an error"
    return "no error"


@attack
def flat_vector_updated_and_views_read(J):
    flat = np.arange(6.0)
    theta, w = tg.Tensor(np.zeros(6)), tg.Tensor(np.zeros(4))
    theta.data, w.data = flat, flat[:4]

    def f(x):
        theta.data *= x
        return (w * w).sum()

    f = J(f)
    return [f(np.full(6, 0.5)) for i in range(3)] + [flat]


@attack
def gradient_kept_between_calls(J):
    w = tg.Tensor([1.0, 2.0, 3.0])
    opt = tg.optim.SGD([w], lr=0.1)
    step = J(lambda x: opt.minimize((w * w * x).sum()))
    kept = []
    for i in range(5):
        step(X * i)
        kept.append(w.grad)
    return kept


@attack
def gradients_of_a_model_kept_between_calls(J):
    model = tg.nn.MLP([3, 4, 1], activation="tanh", rng=0)
    opt = tg.optim.Adam(model.parameters(), lr=0.1)
    step = J(lambda x, t: opt.minimize(tg.mse_loss(model(x), t)))
    kept = []
    for _ in range(4):
        step(XX, TT)
        kept.append([p.grad for p in model.parameters()])
    return kept
