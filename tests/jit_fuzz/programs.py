"""Kinds of random programs: NumPy on arrays, gradients of a loss, training with state."""

import textwrap

import numpy as np

import tinygrad_edu as tg

from .calls import VIEWS
from .writing import LOSSES, OPTIMIZERS, SCHEDULES, Writer

ON_INPUTS = [
    "{x} *= 2", "{x}[0] = 1", "{x} = {x} + 1", "{x} = {x}[:2]", "{x} = {x}.T", "{x} = np.asfortranarray({x})", "{x} = {y}",
    "{x} = {y}[...]", "{x} = {x}[::-1]", "{x} = {x}.astype(np.float32)", "{x} = {x} * 0", "{x} = {y}.T", "{x} = -{x}",
    "{x} = {x}[..., ::-1]", "{x} = np.concatenate([{x}, {x}])", "{x} = np.repeat({x}, 2, axis=0)[::2]", "{x} = {x}.copy()",
    "{x} = {x}.astype(int)", "{x} = {y} * 0.5", "{x} = {x} + 0.25", "{x} = {x} * 1.5", "{x} = {x}[0]", "{x} = {x}.tolist()",
    "{x} = np.broadcast_to({x}[:1], {x}.shape)", "{x} = float({x})", "{x} = {x} * np.nan", "{x} = np.tile({x}, 2)[:len({x})]",
]  # fmt: skip
ON_TENSORS = [
    "{p}.data *= 0.5", "{p}.data[0] = 1", "{p}.data = {p}.data * 2", "{p}.data = np.asfortranarray({p}.data)", "{p}.grad = None",
    "{p}.zero_grad()", "{p}.requires_grad = not {p}.requires_grad", "{p}.data = np.ones({p}.shape)", "{p}.data -= 0.1",
    "{p}.grad = np.ones_like({p}.data)", "{p}.data = {p}.data[::-1]", "{p} = tg.Tensor({p}.data * 0.5)", "{p}.data[...] = 0.25",
    "{p}.data = {p}.data.copy()", "{p}.data *= np.where({p}.data > 0, 1.0, 0.0)", "{p}.data = {x}", "{x} = {p}.data",
    "{p}.data = {q}.data", "{p}.grad *= 2", "{p}.data = {p}.data.astype(np.float32)", "{x} = {p}.data[:1]",
]  # fmt: skip
ON_OPTIMIZERS = [
    "opt.lr = 0.01", "opt.lr *= 0.5", "opt.zero_grad()", "opt.groups[0].weight_decay = 0.1", "opt.momentum = 0.5", "opt.steps = 0",
    "opt.betas = (0.5, 0.9)", "[a.fill(0) for s in opt.state.values() for a in s]", "opt.load_state_dict(opt.state_dict())",
    "opt.nesterov = True", "opt.groups[-1].lr = 0.02", "opt.eps = 1e-4", "opt.step(accumulated=True)", "opt.alpha = 0.5",
    "opt.state = {n: [a * 0.5 for a in s] for n, s in opt.state.items()}",
]  # fmt: skip
ON_SCHEDULES = [
    "sched.step()",
    "sched.gamma = 0.3",
    "sched.epoch = 0",
    "sched.base_lrs = [0.03] * len(sched.base_lrs)",
    "sched.T_max = 7",
]
ON_MODELS = [
    "model.eval()", "model.train()", "for q in model.parameters(): q.data *= 0.5", "model.parameters()[0].requires_grad = False",
    "model.parameters()[-1].data = np.ones(model.parameters()[-1].shape)", "model.layers[1].p = 0.2", "model.layers[1].momentum = 0.5",
    "model.load_state_dict({n: a * 0.5 for n, a in model.state_dict().items()})", "model.zero_grad()", "model.layers[-1].bias = None",
    "model.layers[0] = tg.nn.Linear(3, 4, rng=9)", "model.layers[1].eps = 0.1", "model.astype(np.float32)",
]  # fmt: skip
ON_GENERATORS = ["{r}.random()", "{r} = np.random.default_rng(9)", "{r}.bit_generator.state = np.random.PCG64(3).state"]
ON_ARRAYS = ["c[...] = 2", "c *= 2", "c = c + 1", "c = c.T", "c = c * 0.5", "c[0] = 0"]
UPDATES = [
    ["opt.minimize(loss)"], ["opt.zero_grad()", "loss.backward()", "opt.step()"],
    ["loss.backward()", "opt.step(accumulated=True)"], ["loss.backward()"],
    ["opt.zero_grad()", "loss.backward()", "norm = tg.optim.clip_grad_norm(opt.params, 0.5)", "opt.step()"],
    ["opt.zero_grad()", "loss.backward()", "tg.optim.clip_grad_value(opt.params, 0.1)", "opt.step()"],
    ["for p in opt.params:\n    p.zero_grad()", "loss.backward()", "for p in opt.params:\n    if p.grad is not None:\n        p.data -= 0.1 * p.grad"],
    ["for p, g in zip(opt.params, tg.gradients(loss, opt.params)):\n    p.data = p.data - 0.1 * g"],
    ["w.grad = None", "loss.backward()", "w.data = w.data - 0.1 * w.grad"], ["opt.minimize(loss)", "opt.minimize((w * w).sum())"],
    ["opt.zero_grad()", "(loss * 2).backward()", "opt.step()", "opt.zero_grad()"],
]  # fmt: skip
BEFORE = [
    "old = w.data.copy()",
    "old = w.data",
    "old = w.data[:1]",
    "old = w.copy()",
    "old = w.data.sum()",
    "old = w.detach()",
    "old = w * 1",
]


def write(seed):
    """Return the text of the program of this seed."""
    w = Writer(seed)
    kind = w.random.choices(["arrays", "gradients", "training"], [4, 2, 4])[0]
    {"arrays": arrays, "gradients": gradients, "training": training}[kind](w)
    return "\n".join(
        [f"# seed {seed}", "def program(jit, see):", textwrap.indent("\n".join(w.setup + w.later), "    "), ""]
    )


def statements(w, most, names=None):
    """Write statements of NumPy, draws, writes and loops."""
    for _ in range(w.random.randint(2, most)):
        kind = w.random.random()
        if kind < 0.12 and w.writable:
            w.change(w.writable)
        elif kind < 0.16 and w.writable:
            view = w.assign(w.fill(w.random.choice(VIEWS), w.random.choice(w.writable))[0], False)
            if view and isinstance(w.value(view), np.ndarray):
                w.change([view])
        elif kind < 0.3 and w.rngs:
            w.draw()
        elif kind < 0.34:
            name = w.pick(names)
            if name.isidentifier() and name[0] == "v":
                w.write(f"for i in range(3):\n    {name} = np.tanh({name}) * (i + 1)")
                w.exact[name] = False
        elif kind < 0.36 and isinstance(w.value(w.pick(names)), np.ndarray):
            w.write(f"if {w.random.choice(w.inputs)}.ndim > 1:\n    {w.pick(['x'])} = x * 2")
        else:
            name = w.statement(names)
            if name and isinstance(w.value(name), np.ndarray) and w.chance(0.3):
                w.writable.append(name)


def function(w, returned, head="f"):
    """Write the function around the body, jit it, and call it several times with changes between."""
    packed = len(w.inputs) > 1 and w.chance(0.15)
    parameters = ", ".join(w.inputs)
    body = [*([f"{parameters} = batch"] if packed else []), *w.body, f"return {returned}"]
    text = f"def f({'batch' if packed else parameters}):\n{textwrap.indent(chr(10).join(body), '    ')}"
    w.lines = w.later
    if not w.write(text):
        raise AssertionError(text)
    named = ", ".join([w.inputs[0], *[f"{name}={name}" for name in w.inputs[1:]]])
    calling(w, "f", f"({parameters})" if packed else named if w.chance(0.1) else parameters)


def calling(w, jitted, given):
    """Write calls, with changes between them."""
    w.lines = w.later
    w.lines.append(f"f = jit({jitted})")
    if jitted != "f":
        w.run(f"f = {jitted}")
    state = f"[{', '.join(dict.fromkeys(w.state))}]"
    w.lines.append(f"see(f({given}), {state})")
    predict = "model" in w.state and w.chance(0.3)
    if predict:
        w.lines.append("predict = jit(lambda x: model(x))")
    for _ in range(w.random.choice([3, 3, 4])):
        if w.chance(0.6):
            between(w, given)
        form = w.random.random()
        if form < (0.01 if "opt" in w.state else 0.05):
            w.lines.append(f"with tg.no_grad():\n    see(f({given}), {state})")
        elif form < 0.15 and w.run(f"r = f({given})") and fresh(w):
            w.lines.append(f"r = f({given})\nsee(r, {state})\nr[...] = 1")
        else:
            w.lines.append(f"see(f({given}), {state})")
        if predict and w.chance(0.5):
            w.lines.append("see(predict(np.ones((2, 3))), [model])")


def fresh(w):
    """Whether the result r is an array of its own."""
    r = w.ns["r"]
    if not isinstance(r, np.ndarray) or not r.flags.writeable:
        return False
    tensors = [v for n in w.state if isinstance(v := w.value(n), tg.Tensor)]
    if "opt" in w.state:
        tensors += w.ns["opt"].params
    arrays = [*[v.data for v in tensors], *[v.grad for v in tensors], *[w.value(n) for n in w.state]]
    return not any(isinstance(a, np.ndarray) and np.shares_memory(a, r) for a in arrays)


def between(w, given):
    """Write a change of the state or of the arguments, with which the function still runs."""
    tensors = [n for n in w.state if isinstance(w.value(n), tg.Tensor)]
    templates = ON_INPUTS + (ON_TENSORS if tensors else []) * 2
    for name, more in (("opt", ON_OPTIMIZERS), ("sched", ON_SCHEDULES), ("model", ON_MODELS), ("c", ON_ARRAYS)):
        templates = templates + (more * 2 if name in w.state else [])
    templates = templates + (ON_GENERATORS * 2 if w.rngs else [])
    for _ in range(4):
        text = w.random.choice(templates)
        fields = {"x": w.random.choice(w.inputs or ["x"]), "y": w.random.choice(w.inputs or ["x"])}
        if tensors:
            fields |= {"p": w.random.choice(tensors), "q": w.random.choice(tensors)}
        if w.rngs:
            fields["r"] = w.random.choice(w.rngs)
        for name in "xypqr":
            text = text.replace(f"{{{name}}}", fields.get(name, "x"))
        before = dict(w.ns)
        if w.run(text) and w.run(f"f({given})"):
            w.lines.append(text)
            return
        w.ns.clear()
        w.ns.update(before)


def arrays(w):
    """NumPy on arrays, buffers and Generators."""
    w.arguments()
    w.surroundings()
    w.lines = w.body
    statements(w, 12)
    function(w, w.result())


def gradients(w):
    """`grad` and `value_and_grad` of a loss of arrays."""
    w.arguments(2)
    names = ["w", "u"][: w.random.randint(1, 2)]
    for name in names:
        w.write(f"{name} = {w.array(dtype='float64')}")
    plain = {name: w.ns[name] for name in names}
    w.ns.update({name: tg.Tensor(a) for name, a in plain.items()})
    w.values += names
    w.lines = w.body
    for _ in range(w.random.randint(1, 7)):
        w.statement()
    tensors = [v for v in w.values if isinstance(w.value(v), tg.Tensor)]
    loss = w.loss([w.pick(tensors)], [n for n in names if plain[n].size]) or "np.sum(w ** 2)"
    returned = w.pick(tensors) if (several := w.chance(0.2)) else loss
    w.ns.update(plain)
    parameters = ", ".join([*names, *w.inputs])
    w.inputs = [*names, *w.inputs]
    w.state += names
    w.lines = w.later
    w.write(f"def loss({parameters}):\n{textwrap.indent(chr(10).join([*w.body, f'return {returned}']), '    ')}")
    argnums = ", (0, 1)" if len(names) == 2 and w.chance(0.7) else ""
    kinds = ["tg.value_and_grad(loss{})", "tg.value_and_grad(loss{})", "tg.grad(loss{})", "loss"]
    kinds = ["tg.jacobian(loss{})"] if several else kinds
    kind = w.random.choice([*kinds, *kinds, "tg.hessian(loss)" if not several else "loss"])
    calling(w, kind.format(argnums), parameters)


def training(w):
    """Parameters, an optimizer, perhaps a schedule and a model; one step of training."""
    w.parameters()
    w.arguments(2)
    w.surroundings()
    optimizer = w.random.choice(OPTIMIZERS)
    parameters = w.parameter_list
    if w.chance(0.15) and parameters != "[w]":
        parameters = f"[{{'params': [w], 'lr': 0.3}}, {{'params': {parameters.replace('[w, ', '[', 1)}}}]"
    w.write(f"opt = {optimizer.format(ps=parameters)}")
    w.state.append("opt")
    if scheduled := w.chance(0.25):
        w.write(f"sched = tg.optim.lr_scheduler.{w.random.choice(SCHEDULES)}")
        w.state.append("sched")
    w.lines = w.body
    if "model" in w.state:
        w.write(
            f"h = model({w.random.choice(['np.ones((4, 3))', 'np.linspace(-1, 1, 12).reshape(4, 3)', 'x'])})"
        ) or w.write("h = model(np.eye(3))") or w.write("h = model(np.array([0, 2, 2, 1]))")
        w.values.append("h")
        if "h" in w.values and w.chance(0.5):
            w.values.append("h")
    if old := w.chance(0.25):
        old = w.write(w.random.choice(BEFORE))
    statements(w, 8)
    tensors = [v for v in w.values if isinstance(w.value(v), tg.Tensor) and w.value(v).requires_grad]
    wanted = [p for p in w.params if w.value(p).size] + (["h"] if "h" in w.values else [])
    loss = w.loss([w.pick(tensors)], wanted) if tensors else None
    if loss is None:
        loss = w.assign(LOSSES[0].format(v="w"), False) or w.assign("(w * w).sum()", False)
    w.write(f"loss = {loss}")
    for line in w.random.choice(UPDATES):
        w.write(line)
    if scheduled:
        w.write("sched.step()")
    if old:
        w.assign("np.abs(w.data - old).sum()", False) or w.values.append("old")
    if w.chance(0.2):
        w.assign("w.data * 2", False) and w.statement()
    if w.chance(0.2) and isinstance(w.value("w").grad, np.ndarray):
        w.values.append("w.grad")
    function(w, w.random.choice(["loss", f"loss, {w.result()}", w.result(), "None"]))
