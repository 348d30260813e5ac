"""Training as it is done."""

import warnings

import numpy as np

import tinygrad_edu as tg

from .harness import TT, XX, X, attack, works


def final(model, *opts):
    return (
        [p.data for p in model.parameters()],
        [p.grad for p in model.parameters()],
        [o.state for o in opts],
        [o.steps for o in opts],
    )


@works
def gradient_accumulation_outside_step(J):
    model = tg.nn.MLP([3, 5, 1], activation="tanh", rng=0)
    opt = tg.optim.Adam(model.parameters(), lr=0.05)

    def backward(x, t):
        loss = tg.mse_loss(model(x), t) / 3
        loss.backward()
        return loss

    backward, out = J(backward), []
    for i in range(9):
        out.append(backward(XX[i % 4 * 5 : i % 4 * 5 + 5], TT[i % 4 * 5 : i % 4 * 5 + 5]))
        if i % 3 == 2:
            opt.step(accumulated=True)
            opt.zero_grad()
    return out, final(model, opt)


@attack
def warning_of_accumulated_gradients(J):
    w = tg.Tensor(X)
    opt = tg.optim.SGD([w], lr=0.1)

    def backward(x):
        (w * x).sum().backward()

    backward = J(backward)
    out = []
    for i in range(3):
        with warnings.catch_warnings(record=True) as found:
            warnings.simplefilter("always")
            backward(X)
            backward(X)
            opt.step()
            opt.zero_grad()
        out.append(len(found))
    return out


@attack
def warning_of_a_forgotten_zero_grad_within(J):
    w = tg.Tensor(X)
    opt = tg.optim.SGD([w], lr=0.1)

    def step(x):
        (w * x).sum().backward()
        opt.step()

    step, out = J(step), []
    for _ in range(4):
        with warnings.catch_warnings(record=True) as found:
            warnings.simplefilter("always")
            step(X)
        out.append(len(found))
    return out


@works
def two_optimizers_on_one_model(J):
    model = tg.nn.MLP([3, 5, 1], activation="tanh", rng=0)
    ps = model.parameters()
    a, b = tg.optim.SGD(ps[:2], lr=0.05, momentum=0.9), tg.optim.Adam(ps[2:], lr=0.02)

    def step(x, t):
        a.zero_grad(), b.zero_grad()
        loss = tg.mse_loss(model(x), t)
        loss.backward()
        a.step(), b.step()
        return loss

    step = J(step)
    return [step(XX, TT) for _ in range(6)], final(model, a, b)


@works
def optimizers_swapped(J):
    model = tg.nn.MLP([3, 5, 1], activation="tanh", rng=0)
    ps = model.parameters()
    a, b = tg.optim.SGD(ps, lr=0.05, momentum=0.9), tg.optim.Adam(ps, lr=0.02)
    opt = a

    def step(x, t):
        loss = tg.mse_loss(model(x), t)
        opt.minimize(loss)
        return loss

    step, out = J(step), []
    for i in range(9):
        opt = (a, b, b)[i % 3]
        out.append(step(XX, TT))
    return out, final(model, a, b)


@works
def model_as_argument(J):
    models = [tg.nn.MLP([3, 5, 1], activation="tanh", rng=i) for i in range(3)]
    step = J(lambda m, x: m(x).sum())
    return [step(models[i % 3], XX) for i in range(9)]


@works
def rates_of_groups_changed(J):
    model = tg.nn.MLP([3, 5, 1], activation="tanh", rng=0)
    ps = model.parameters()
    opt = tg.optim.Adam([{"params": ps[:2], "lr": 0.01}, {"params": ps[2:]}], lr=0.02)

    def step(x, t):
        loss = tg.mse_loss(model(x), t)
        opt.minimize(loss)
        return loss

    step, out = J(step), []
    for i in range(6):
        opt.groups[i % 2].lr = 0.1 / (i + 1)
        out.append(step(XX, TT))
    return out, final(model, opt)


@works
def modes_toggled(J):
    model = tg.nn.Sequential(
        tg.nn.Linear(3, 6, bias=False, rng=0),
        tg.nn.BatchNorm1d(6),
        tg.nn.Dropout(0.4, rng=1),
        tg.nn.Tanh(),
        tg.nn.Linear(6, 1, rng=2),
    )
    opt = tg.optim.Adam(model.parameters(), lr=0.02)

    def step(x, t):
        loss = tg.mse_loss(model(x), t)
        opt.minimize(loss)
        return loss

    step, predict, out = J(step), J(lambda x: model(x)), []
    for i in range(6):
        out.append(step(XX, TT))
        model.eval()
        out.append(predict(XX))
        model.train()
        if i == 3:
            model.layers[2].p = 0.1
        if i == 4:
            model.layers[1].momentum = 0.5
    return out, final(model, opt), model.state_dict()


@works
def tied_weights(J):
    w = tg.Tensor(np.random.default_rng(0).normal(size=(3, 3)))
    opt = tg.optim.Adam([w], lr=0.05)

    def step(x):
        loss = tg.mse_loss(np.tanh(x @ w) @ w.T, x)
        opt.minimize(loss)
        return loss

    step = J(step)
    return [step(XX) for _ in range(6)], w.data, w.grad, opt.state


@works
def target_network(J):
    q, target = tg.nn.MLP([3, 6, 1], activation="tanh", rng=0), tg.nn.MLP([3, 6, 1], activation="tanh", rng=1)
    opt = tg.optim.Adam(q.parameters(), lr=0.01)

    def step(x, r):
        with tg.no_grad():
            y = r + 0.9 * target(x).data
        loss = tg.mse_loss(q(x), y)
        opt.minimize(loss)
        for p, t in zip(q.parameters(), target.parameters()):
            t.data *= 0.9
            t.data += 0.1 * p.data
        return loss

    step = J(step)
    return [step(XX, TT) for _ in range(6)], final(q, opt), final(target)


@works
def exponential_average_of_weights(J):
    model = tg.nn.MLP([3, 5, 1], activation="tanh", rng=0)
    ema = [tg.Tensor(p.data, requires_grad=False) for p in model.parameters()]
    opt = tg.optim.SGD(model.parameters(), lr=0.05)

    def step(x, t):
        opt.minimize(tg.mse_loss(model(x), t))
        for e, p in zip(ema, model.parameters()):
            e.data = 0.9 * e.data + 0.1 * p.data

    step = J(step)
    for _ in range(6):
        step(XX, TT)
    return [e.data for e in ema], final(model, opt)


@works
def conjugate_gradients_by_hvp(J):
    def f(v):
        return np.sum((v - 1) ** 4) + np.sum(v * v)

    def solve(x, b):
        p = r = b
        s = np.zeros_like(b)
        for _ in range(3):
            ap = tg.hvp(f)(x, p)
            alpha = (r @ r) / (p @ ap)
            s = s + alpha * p
            new = r - alpha * ap
            p = new + (new @ new) / (r @ r) * p
            r = new
        return s

    solve = J(solve)
    return [solve(X / i, np.array([1.0, 0.5, 0.2])) for i in range(1, 4)]


@works
def attention(J):
    rng = np.random.default_rng(0)
    q, k, v = (tg.Tensor(rng.normal(size=(3, 4)) * 0.3) for _ in range(3))
    opt = tg.optim.AdamW([q, k, v], lr=0.01)
    mask = np.triu(np.full((20, 20), -np.inf), 1)

    def step(x):
        a = tg.softmax((x @ q) @ (x @ k).T / 2 + mask)
        loss = np.mean((a @ (x @ v)) ** 2)
        opt.minimize(loss)
        return loss

    step = J(step)
    return [step(XX) for _ in range(5)], [p.data for p in (q, k, v)]


@works
def item_assignment_on_tensors(J):
    w = tg.Tensor(X)

    def f(x):
        y = w * x
        y[0] = y[1] * 2
        y[1:] = x[1:] * w[:2]
        w.zero_grad()
        (y * y).sum().backward()
        return y

    f = J(f)
    return [(f(X * i), w.grad.copy()) for i in range(1, 4)]


@works
def parameters_in_lists_and_dicts(J):
    ps = [
        {"w": tg.Tensor(np.random.default_rng(i).normal(size=(3, 3)) * 0.3), "b": tg.Tensor(np.zeros(3))}
        for i in range(3)
    ]

    def step(x):
        h = x
        for p in ps:
            h = np.tanh(h @ p["w"] + p["b"])
        loss = np.mean(h * h)
        for p in ps:
            for t in p.values():
                t.zero_grad()
        loss.backward()
        for p in ps:
            for t in p.values():
                t.data -= 0.1 * t.grad
        return loss

    step = J(step)
    return [step(XX) for _ in range(5)], [t.data for p in ps for t in p.values()]


@works
def newton_step(J):
    f = lambda x: np.sum(x**4 - 3 * x * x + x)
    step = J(lambda x: x - np.linalg.solve(tg.hessian(f)(x), tg.grad(f)(x)))
    x, out = np.array([1.5, -1.4, 2.0]), []
    for _ in range(5):
        x = step(x)
        out.append(x)
    return out
