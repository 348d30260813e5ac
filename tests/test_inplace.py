"""A formula run in place gives what it gives as it stands, to the last bit; an exception changes nothing."""

import _thread
import itertools
import linecache
import signal
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_edu as tg
from tinygrad_edu import optim
from tinygrad_edu.optim.inplace import InPlace, run_plainly

UNIT = st.floats(0, 0.99)
SIZE = st.floats(1e-6, 10)
KINDS = {
    optim.SGD: {"lr": SIZE, "momentum": st.floats(0.01, 2), "nesterov": st.booleans(), "weight_decay": UNIT},
    optim.Adagrad: {"lr": SIZE, "lr_decay": UNIT, "weight_decay": UNIT, "eps": SIZE},
    optim.RMSprop: {"lr": SIZE, "alpha": UNIT, "eps": SIZE, "weight_decay": UNIT, "momentum": UNIT,
                    "centered": st.booleans()},
    optim.Adadelta: {"lr": SIZE, "rho": UNIT, "eps": SIZE, "weight_decay": UNIT},
    optim.Rprop: {"lr": SIZE, "etas": st.tuples(st.floats(0.1, 0.9), st.floats(1.1, 2)),
                  "step_sizes": st.tuples(st.floats(1e-6, 0.1), st.floats(0.1, 10))},
    optim.Adam: {"lr": SIZE, "betas": st.tuples(UNIT, UNIT), "eps": SIZE, "weight_decay": UNIT,
                 "amsgrad": st.booleans()},
    optim.AdamW: {"lr": SIZE, "betas": st.tuples(UNIT, UNIT), "eps": SIZE, "weight_decay": UNIT},
    optim.NAdam: {"lr": SIZE, "betas": st.tuples(UNIT, UNIT), "eps": SIZE, "weight_decay": UNIT,
                  "momentum_decay": UNIT, "decoupled_weight_decay": st.booleans()},
    optim.RAdam: {"lr": SIZE, "betas": st.tuples(UNIT, UNIT), "eps": SIZE, "weight_decay": UNIT,
                  "decoupled_weight_decay": st.booleans()},
}  # fmt: skip
SHAPES = [(), (0, 3), (7,), (3, 5), (2, 3, 2)]


def arrays(optimizer):
    return [p.data for p in optimizer.params] + list(itertools.chain(*optimizer.state.values()))


def contents(optimizer):
    return [a.tobytes() for a in arrays(optimizer)]


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_steps_in_place_equal_the_plain_formula_to_the_last_bit(kind, data):
    drawn = {**KINDS[kind], "maximize": st.booleans()}
    options = {name: data.draw(st.one_of(st.just(None), values)) for name, values in drawn.items()}
    options = {"lr": 0.1} | {name: value for name, value in options.items() if value is not None}
    if options.get("nesterov"):
        options.setdefault("momentum", 0.5)
    shapes = data.draw(st.lists(st.sampled_from(SHAPES), min_size=1, max_size=4))
    dtypes = data.draw(st.lists(st.sampled_from([np.float16, np.float32, np.float64]), min_size=1, max_size=2))
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))

    def make(seed):
        rng = np.random.default_rng(seed)
        order = itertools.cycle("CF")
        parts = [
            np.asarray(rng.normal(size=shape), dtype, order=next(order))
            for shape, dtype in zip(shapes, itertools.cycle(dtypes), strict=False)
        ]
        return kind([tg.Tensor(part) for part in parts], **options)

    seed = int(rng.integers(99))
    plain, fast = make(seed), make(seed)
    with np.errstate(all="ignore"):
        for _ in range(3):
            for p, q in zip(plain.params, fast.params, strict=True):
                p.grad = q.grad = rng.normal(size=p.shape)
            run_plainly(plain._updates([p.grad for p in plain.params], plain.steps + 1, [0] * len(plain.params)))
            plain.steps += 1
            fast.step()
            plain.lr = fast.lr = fast.lr / 2
            assert contents(fast) == contents(plain)


def previous(theta, g, last, before, *, lr):
    """Keeps the two latest gradients: each is put where another array was."""
    return theta - lr * (g + last + before), g, last


FORMULAS = [
    previous,
    lambda theta, g, a, b, *, lr: (b, theta, a),
    lambda theta, g, a, b, *, lr: (theta, a + b, a * b),
    lambda theta, g, a, b, *, lr: (lr * g, 0.5, a),
    lambda theta, g, a, b, *, lr: (-(a + g), np.minimum(a, b), 1 / (1 + np.exp(-a))),
    lambda theta, g, a, b, *, lr: (theta - a * (a + b) * (a - b), a + 1, (a + 1) + (b + 1)),
]


@pytest.mark.parametrize("formula", FORMULAS)
def test_results_may_be_arguments_numbers_or_needed_again(formula):
    def run(update):
        rng = np.random.default_rng(0)
        given = [rng.normal(size=(2, 3)) for _ in range(4)]
        for lr in (0.1, 0.2, 0.3):
            update([(lambda *a, lr=lr: formula(*a, lr=lr), [given])])
        return [a.tolist() for a in given]

    assert run(InPlace().update) == run(run_plainly)


def test_jit_records_a_formula_that_keeps_gradients():
    class Keeping(optim.Optimizer):
        formula = staticmethod(lambda theta, g, last, before, *, t, lr: previous(theta, g, last, before, lr=lr))

        def needed_state(self, group):
            return {"last": True, "before": True}

    def train(compiled):
        x = tg.Tensor([1.0, -2.0])
        optimizer = Keeping([x], lr=0.1)
        step = compiled(lambda: optimizer.minimize(np.sum(x**3)))
        for _ in range(4):
            step()
        return np.stack(arrays(optimizer))

    np.testing.assert_allclose(train(tg.jit), train(lambda step: step))


def overflowing():
    """An Adam whose second parameter overflows in float32: the first has moved by then."""
    params = [tg.Tensor(np.ones(3), dtype=np.float32) for _ in range(3)]
    optimizer = optim.Adam(params, lr=0.1)
    for p in params:
        p.grad = np.ones(3)
    optimizer.step()
    params[1].grad = np.full(3, 1e30)
    return optimizer


def test_an_overflow_that_raises_leaves_all_as_it_was():
    optimizer = overflowing()
    before = contents(optimizer)
    with np.errstate(all="raise"), pytest.raises(FloatingPointError):
        optimizer.step()
    assert (contents(optimizer), optimizer.steps) == (before, 1)
    with pytest.raises(RuntimeWarning, match="overflow"):  # as a warning that is an error
        optimizer.step()
    assert (contents(optimizer), optimizer.steps) == (before, 1)
    with np.errstate(over="ignore"):
        optimizer.step()
    assert optimizer.steps == 2
    assert contents(optimizer) != before


@pytest.mark.parametrize("steps", [0, 2])
def test_ctrl_c_leaves_a_whole_step(steps, monkeypatch):
    def step(optimizer):
        first, second = optimizer.params
        first.grad, second.grad = np.ones(3), None if optimizer.steps == 1 else np.ones(())
        optimizer.step()

    def update(in_place, updates, finish=()):  # Ctrl-C among the calls in C is noticed after the last of them
        whole_update(in_place, updates, [(_thread.interrupt_main,), *finish])

    interrupted, whole = (optim.Adam([tg.Tensor(np.zeros(3)), tg.Tensor(0.0)]) for _ in range(2))
    for optimizer in [interrupted] * steps + [whole] * (steps + 1):
        step(optimizer)
    whole_update = InPlace.update
    monkeypatch.setattr(InPlace, "update", update)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
    try:
        with pytest.raises(KeyboardInterrupt):
            step(interrupted)
    finally:
        signal.signal(signal.SIGINT, before)
    assert contents(interrupted) == contents(whole)
    assert (interrupted.steps, interrupted.missed.tolist()) == (whole.steps, whole.missed.tolist())


@pytest.mark.parametrize("kind", KINDS)
def test_no_function_of_python_runs_among_the_calls_of_a_step(kind):
    """It could be interrupted by Ctrl-C between two parameters."""
    found = []

    def profile(frame, event, _):
        caller = frame.f_back
        if event == "call" and "starmap" in linecache.getline(caller.f_code.co_filename, caller.f_lineno):
            found.append(frame.f_code.co_name)

    switches = {optim.Adam: {"amsgrad": True}, optim.RMSprop: {"centered": True}}
    optimizer = kind([tg.Tensor([1.0])], lr=0.1, **switches.get(kind, {}))
    optimizer.params[0].grad = np.ones(1)
    sys.setprofile(profile)
    optimizer.step()
    sys.setprofile(None)
    assert not found


def test_a_warning_is_a_warning():
    optimizer = overflowing()
    with pytest.warns(RuntimeWarning, match="overflow"):
        optimizer.step()
    assert optimizer.steps == 2


@pytest.mark.parametrize("steps", [0, 2])
@pytest.mark.filterwarnings("default")  # an error of NumPy's warnings would have all copied
def test_a_parameter_that_cannot_be_written_leaves_all_as_it_was(steps):
    params = [tg.Tensor(np.ones(3)), tg.Tensor(np.ones(3))]
    optimizer = optim.Adam(params, lr=0.1)
    for p in params:
        p.grad = np.ones(3)
    for _ in range(steps):
        optimizer.step()
    params[1].data.flags.writeable = False
    before = contents(optimizer)
    with pytest.raises(ValueError, match=r"^step: the data of a parameter .* are read-only"):
        optimizer.step()
    assert contents(optimizer) == before


class Custom(optim.Optimizer):
    def __init__(self, params, lr, formula):
        self.wanted = formula
        super().__init__(params, lr=lr)

    def formula(self, theta, g, *, t, lr):
        return [self.wanted(theta, g, t, lr)]


@pytest.mark.parametrize(
    ("formula", "words"),
    [
        (lambda theta, g, t, lr: theta - lr * np.ones(2), "with its arguments and with numbers, not with array"),
        (lambda theta, g, t, lr: theta - lr * np.add.reduce(g), "element by element, without np.add.reduce"),
        (lambda theta, g, t, lr: theta - lr * np.add(g, g, dtype=float), "element by element"),
        (lambda theta, g, t, lr: theta - lr * np.where(np.sign(g), g, 0), "without np.where: .* define _update"),
        (lambda theta, g, t, lr: theta - lr * g / np.linalg.norm(g), "without np.linalg.norm"),
        (lambda theta, g, t, lr: theta - lr * (g == 0), "without comparisons and branches"),
        (lambda theta, g, t, lr: theta - lr if g else theta, "without comparisons and branches"),
        (lambda theta, g, t, lr: theta - lr * g.clip(-1, 1), "without .clip"),
        (lambda theta, g, t, lr: theta - lr * g[0], r"without g\[i\]"),
        (lambda theta, g, t, lr: theta - lr * (g @ g), "without matrix products"),
        (lambda theta, g, t, lr: theta - lr * float(g), r"without float\(g\)"),
    ],
)
def test_a_formula_that_is_not_elementwise_is_refused_and_moves_nothing(formula, words):
    x = tg.Tensor([1.0, 2.0])
    optimizer = Custom([x], 0.1, formula)
    x.grad = np.ones(2)
    with pytest.raises(TypeError, match=words):
        optimizer.step()
    assert (x.data.tolist(), optimizer.steps) == ([1, 2], 0)


def test_a_formula_of_ones_own_may_branch_on_the_step():
    x = tg.Tensor([1.0, 2.0])
    optimizer = Custom([x], 0.5, lambda theta, g, t, lr: theta - lr * (np.sign(g) if t > 1 else g))
    for expected in ([-0.5, 3.5], [-1.0, 4.0]):
        x.grad = np.array([3.0, -3.0])
        optimizer.step()
        assert x.data.tolist() == expected
    with pytest.raises(TypeError, match="Optimizer has no method formula"):
        optim.Optimizer([x], lr=0.1).step()


POWERS = [lambda g: g**2, lambda g: abs(g) ** 0.5, lambda g: (g * g + 1) ** -1, lambda g: 2**g, lambda g: +(g % 2 // 1)]


@pytest.mark.parametrize("recorded", [False, True])
@pytest.mark.parametrize("power", POWERS)
def test_a_formula_without_state_may_return_theta_alone_and_use_all_arithmetic(power, recorded):
    class Descent(optim.Optimizer):
        def formula(self, theta, g, *, t, lr):
            return theta - lr * power(g)

    start, c = np.array([1.0, -2.0, 0.3]), np.array([0.5, 1.5, -2.0])
    x = tg.Tensor(start)
    descent = Descent([x], lr=0.1)

    def step(c):
        descent.minimize(np.sum(x * c))

    step = tg.jit(step) if recorded else step
    step(c)
    step(c)
    assert x.data.tolist() == (start - 0.1 * power(c) - 0.1 * power(c)).tolist()


@pytest.mark.parametrize("names", [(), ("m", "v")])
def test_a_formula_that_returns_too_many_or_too_few_results_is_refused_and_moves_nothing(names):
    class Wrong(optim.Optimizer):
        state_names = names

        def formula(self, theta, g, *state, t, lr):
            return theta - lr * g, g

    x = tg.Tensor([1.0, 2.0])
    wrong = Wrong([x], lr=0.1)
    with pytest.raises(TypeError, match=f"returned 2 results, .* needs {len(names) + 1}: the new theta"):
        wrong.minimize(x.sum())
    assert x.data.tolist() == [1, 2]


@pytest.mark.parametrize("recorded", [False, True])
def test_hyperparameters_of_ones_own_optimizer_may_be_set_on_it_at_any_time(recorded):
    class Scaled(optim.Optimizer):
        def formula(self, theta, g, *, t, lr, scale):
            return theta - lr * scale * g

    a, b = tg.Tensor([1.0]), tg.Tensor([1.0])
    scaled = Scaled([{"params": [a]}, {"params": [b], "scale": 3.0}], lr=0.5, scale=2.0)

    def step():
        scaled.minimize(a.sum() + b.sum())

    step = tg.jit(step) if recorded else step
    step()
    assert (scaled.scale, a.data[0], b.data[0]) == (2.0, 0.0, -0.5)
    scaled.scale = 1.0
    step()
    assert (scaled.groups[1].scale, a.data[0], b.data[0]) == (1.0, -0.5, -1.0)
    with pytest.raises(ValueError, match="Scaled: scale must be a finite number of at least 0"):
        scaled.scale = -1.0
    assert not hasattr(optim.SGD, "scale")


def test_a_hyperparameter_of_ones_own_may_have_the_name_of_an_attribute():
    class Named(optim.Optimizer):
        def formula(self, theta, g, *, t, lr, state):
            return theta - lr * state * g

    x = tg.Tensor([1.0])
    named = Named([x], lr=0.5, state=2.0)
    named.minimize(x.sum())
    assert (x.data[0], named.state, named.groups[0].state) == (0.0, {}, 2.0)


def test_a_single_name_of_state_needs_no_tuple():
    class Heavy(optim.Optimizer):
        state_names = "velocity"

        def formula(self, theta, g, velocity, *, t, lr):
            return theta - lr * (velocity + g), velocity + g

    x = tg.Tensor([1.0])
    heavy = Heavy([x], lr=0.5)
    heavy.minimize(x.sum())
    assert (x.data[0], heavy.state["velocity"][0][0]) == (0.5, 1.0)


@pytest.mark.parametrize("state", [np.zeros((1, 2)), np.zeros(3), np.zeros(2, int), 0.0, [0.0, 0.0], None])
def test_an_initial_state_that_no_formula_can_use_is_refused(state):
    class Kept(optim.Optimizer):
        state_names = ("kept",)

        def initial_state(self, name, p):
            return state

    words = r"Kept.initial_state\('kept', p\): p has shape \(2,\), .* np.zeros_like\(p.data\), not"
    with pytest.raises(TypeError, match=words):
        Kept([tg.Tensor([1.0, 2.0])], lr=0.1)


@pytest.mark.parametrize("recorded", [False, True])
def test_state_may_be_one_number_for_each_parameter_and_results_may_be_yielded(recorded):
    class Fading(optim.Optimizer):
        state_names = ("product",)

        def initial_state(self, name, p):
            return np.ones(())

        def formula(self, theta, g, product, *, t, lr):
            yield theta - lr * product * g
            yield product * 0.5

    x = tg.Tensor([1.0, 2.0])
    fading = Fading([x], lr=1.0)
    step = tg.jit(lambda: fading.minimize(x.sum())) if recorded else lambda: fading.minimize(x.sum())
    step()
    step()
    assert (x.data.tolist(), fading.state["product"][0]) == ([-0.5, 0.5], 0.25)


def test_an_attribute_may_have_the_name_of_another_optimizers_hyperparameter():
    class Decaying(optim.Optimizer):
        def __init__(self, params, **settings):
            self.note = "before"
            super().__init__(params, lr=0.5, **settings)
            self.decay = settings.get("decay")

        def formula(self, theta, g, *, t, lr, **others):
            return theta - lr * g

    x = tg.Tensor([1.0])
    first, second, third = Decaying([x]), Decaying([x], decay=0.1, note=2.0), Decaying([x])
    second.decay = 0.2
    assert [o.decay for o in (first, second, third)] == [None, 0.2, None]
    assert [o.note for o in (first, second, third)] == ["before"] * 3
    optim.Optimizer([x], lr=0.5, shared=1.0)
    assert not hasattr(third, "shared")
    third.shared = "mine"
    assert third.shared == "mine"


class Lars(optim.Optimizer):
    """Divides each gradient by its norm, and multiplies it by that of its parameter (You et al. 2017)."""

    state_names = ("velocity",)

    def _update(self, group, grads, velocity):
        for p, g, v in zip(group.params, grads, velocity, strict=True):
            if g is not None:
                v *= 0.9
                v += group.lr * np.linalg.norm(p.data) / np.linalg.norm(g) * g
                p.data -= v


def test_a_step_that_is_no_formula_may_keep_anything():
    class Averaged(optim.Optimizer):
        state_names = "history"

        def initial_state(self, name, p):
            return []

        def _update(self, group, grads, history):
            history[0].append(grads[0])
            group.params[0].data -= group.lr * np.mean(history[0], axis=0)

    x = tg.Tensor([1.0])
    averaged = Averaged([x], lr=0.5)
    averaged.minimize(x.sum())
    averaged.minimize(3 * x.sum())
    assert x.data[0] == -0.5


@pytest.mark.parametrize("jit", [False, True])
def test_a_step_that_is_no_formula_moves_whole_groups(jit):
    w, unused, b = tg.Tensor([3.0, 4.0]), tg.Tensor(1.0), tg.Tensor([1.0, 1.0])
    lars = Lars([{"params": [w, unused]}, {"params": [b], "lr": 0.5}], lr=0.1)

    def step():
        loss = np.sum(w * w) + np.sum(b)
        lars.minimize(loss)
        return loss

    step = tg.jit(step) if jit else step
    step(), step(), step()
    expected, v = np.array([3.0, 4.0]), 0.0
    for _ in range(3):
        v = 0.9 * v + 0.1 * expected
        expected = expected - v
    assert np.allclose(w.data, expected)
    assert np.allclose(lars.state["velocity"][0], v)
    assert (unused.data, lars.steps) == (1.0, 3)
    assert b.data[0] == b.data[1] < 0.0
