import copy
import json
import tracemalloc
import warnings
from pathlib import Path

import numpy as np
import pytest
from checks import EXTENDED
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_edu as tg
from tinygrad_edu import Tensor, nn, optim

EXPECTED = json.loads((Path(__file__).parent / "expected" / "optim.json").read_text("utf-8"))  # made by optim.py
PYTORCH = [(getattr(optim, kind), options, found) for kind, options, found in EXPECTED["optimizers"]]
TWICE = Tensor([1.0], label="b")
KINDS = [(kind, options) for kind, options, _ in PYTORCH]


def parameters(dtype=np.float64):
    return [Tensor(np.linspace(-1, 1, 6).reshape(2, 3), label="W", dtype=dtype), Tensor(0.5, dtype=dtype)]


def run(optimizer, steps):
    for k in steps:
        p, q = optimizer.params
        p.grad = np.cos(np.arange(6) + 0.7 * k).reshape(2, 3)
        q.grad = np.sin(0.3 * k)
        optimizer.step()


def values(optimizer):
    return np.concatenate([p.data.ravel() for p in optimizer.params])


@pytest.mark.parametrize(("kind", "options", "expected"), PYTORCH)
def test_300_steps_equal_pytorch(kind, options, expected):
    optimizer = kind(parameters(), **options)
    run(optimizer, range(300))
    np.testing.assert_allclose(values(optimizer), expected, rtol=1e-11)


@pytest.mark.parametrize(("kind", "options"), KINDS)
def test_maximize_moves_as_the_opposite_gradient_does(kind, options):
    up, down = kind(parameters(), **options, maximize=True), kind(parameters(), **options)
    for k in range(20):
        for p, q in zip(up.params, down.params, strict=True):
            p.grad = np.cos(np.arange(p.size) + 0.7 * k).reshape(p.shape)
            q.grad = -p.grad
        up.step()
        down.step()
    assert values(up).tobytes() == values(down).tobytes()
    assert "maximize=True" in repr(up)


@pytest.mark.parametrize("kind", sorted({kind for kind, _ in KINDS}, key=lambda kind: kind.__name__))
def test_every_optimizer_finds_the_bottom_of_a_bowl(kind):
    x = Tensor(np.array([3.0, -2.0]))
    optimizer = kind([x], lr={optim.Adadelta: 5.0, optim.SGD: 0.2, optim.Adagrad: 1.0}.get(kind, 0.05))
    for _ in range(600):
        optimizer.minimize(np.sum((x - np.array([1.0, 2.0])) ** 2))
    np.testing.assert_allclose(x.data, [1, 2], atol=0.05)


def test_nesterov_and_adam_round_as_their_formulas_are_written():
    g = np.cos(np.arange(6))
    p, q = Tensor(np.linspace(-1, 1, 6)), Tensor(np.linspace(-1, 1, 6))
    x, y, velocity, m, v = p.data.copy(), q.data.copy(), 0, 0, 0
    nesterov, adam = optim.SGD([p], 0.1, momentum=0.9, nesterov=True), optim.Adam([q], lr=0.01, betas=(0.8, 0.95))
    for t in range(1, 30):
        g = g * 0.9 + np.sin(t)
        p.grad = q.grad = g
        nesterov.step()
        velocity = 0.9 * velocity + g
        x = x - 0.1 * g - 0.1 * 0.9 * velocity
        adam.step()
        m, v, root = 0.8 * m + g, 0.95 * v + g * g, ((1 - 0.95) / (1 - 0.95**t)) ** 0.5
        y = y - 0.01 * (1 - 0.8) / (1 - 0.8**t) / root * (m / (np.sqrt(v) + 1e-8 / root))
    np.testing.assert_array_equal(p.data, x)
    np.testing.assert_array_equal(q.data, y)


def test_groups_with_settings_of_their_own_equal_pytorch():
    groups, expected = EXPECTED["groups"]
    optimizer = optim.SGD([{"params": [p], **own} for p, own in zip(parameters(), groups, strict=True)], lr=0.1)
    run(optimizer, range(300))
    np.testing.assert_allclose(values(optimizer), expected, rtol=1e-11)


@pytest.mark.parametrize(("kind", "options", "expected"), PYTORCH)
def test_float32_parameters_and_state_stay_float32_and_agree(kind, options, expected):
    optimizer = kind(parameters(np.float32), **options)
    run(optimizer, range(300))
    arrays = [p.data for p in optimizer.params] + [a for name in optimizer.state for a in optimizer.state[name]]
    assert {a.dtype for a in arrays} == {np.dtype(np.float32)}
    np.testing.assert_allclose(values(optimizer), expected, atol=2e-4)


@pytest.mark.parametrize(("kind", "options"), KINDS)
def test_step_writes_into_the_parameters_and_leaves_gradients_alone(kind, options):
    optimizer = kind(parameters(), **options)
    arrays = [p.data for p in optimizer.params]
    before = values(optimizer)
    for p in optimizer.params:
        p.grad = np.ones(p.shape)
    optimizer.step()
    assert all(p.data is a for p, a in zip(optimizer.params, arrays, strict=True))
    assert all((p.grad == 1).all() for p in optimizer.params)
    assert (values(optimizer) < before).all()


@pytest.mark.parametrize(("kind", "options"), KINDS)
def test_loaded_state_resumes_bit_for_bit(kind, options, tmp_path):
    straight = kind(parameters(), **options)
    run(straight, range(10))
    straight.lr = 0.007
    weights = [p.data.copy() for p in straight.params]
    tg.save(straight.state_dict(), tmp_path / "optimizer.npz")
    run(straight, range(10, 20))

    resumed = kind([Tensor(w) for w in weights], **options)
    resumed.load_state_dict(tg.load(tmp_path / "optimizer.npz"))
    run(resumed, range(10, 20))
    assert values(resumed).tobytes() == values(straight).tobytes()
    assert resumed.lr == 0.007
    assert resumed.steps == 20


SCHEDULES = [
    lambda o: optim.lr_scheduler.StepLR(o, 7, 0.5),
    lambda o: optim.lr_scheduler.OneCycleLR(o, 0.02, total_steps=50),
    lambda o: optim.lr_scheduler.LinearWarmup(
        o, 3, then=optim.lr_scheduler.ReduceLROnPlateau(o, 0.9, 0, threshold=0.1)
    ),
]


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize(("kind", "options"), KINDS)
def test_fifty_steps_are_25_and_a_restart_and_25(kind, options, schedule, tmp_path):
    x = np.linspace(-1, 1, 12).reshape(6, 2)

    def make():
        model = nn.MLP([2, 3, 1], rng=0)
        weight, *others = model.parameters()
        optimizer = kind([{"params": [weight], "lr": 0.003}, {"params": others}], **{"lr": 0.01, **options})
        return model, optimizer, schedule(optimizer)

    def train(model, optimizer, scheduler, steps):
        for _ in steps:
            loss = tg.mse_loss(model(x), np.sin(3 * x[:, :1]))
            optimizer.minimize(loss)
            scheduler.step(float(loss)) if scheduler.watches_loss else scheduler.step()

    straight, resumed = make(), make()
    train(*straight, range(25))
    for part, other, name in zip(straight, resumed, ("model", "optimizer", "schedule"), strict=True):
        tg.save(part.state_dict(), tmp_path / f"{name}.npz")
        other.load_state_dict(tg.load(tmp_path / f"{name}.npz"))
    for run in (straight, resumed):
        train(*run, range(25))
    for name, array in straight[0].state_dict().items():
        assert resumed[0].state_dict()[name].tobytes() == array.tobytes()
    assert [g.lr for g in resumed[1].groups] == [g.lr for g in straight[1].groups] != [0.003, 0.01]


@pytest.mark.parametrize(("kind", "options"), KINDS)
def test_a_step_after_the_first_allocates_no_arrays(kind, options):
    x = Tensor(np.ones(100_000))
    optimizer = kind([x], **options)
    x.grad = np.ones(x.shape)
    optimizer.step()
    peaks = []
    for _ in range(3):  # another thread may allocate in one of them
        tracemalloc.start()
        try:
            with np.errstate(all="ignore"):  # where warnings are errors, as here, a step copies what it changes
                optimizer.step()
            peaks.append(tracemalloc.get_traced_memory()[1])
        finally:
            tracemalloc.stop()
    assert min(peaks) < 10_000


@pytest.mark.parametrize(("kind", "options"), KINDS)
def test_parameters_without_elements_are_no_trouble(kind, options):
    nothing, one = Tensor(np.zeros((0, 3))), Tensor([1.0])
    optimizer = kind([nothing, one], **options)
    nothing.grad, one.grad = np.zeros((0, 3)), np.ones(1)
    optimizer.step()
    assert one.data[0] < 1


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_centered_rmsprop_bears_a_gradient_that_stays_the_same(dtype):
    x = Tensor(np.zeros(100), dtype=dtype)
    optimizer = optim.RMSprop([x], lr=1e-6, alpha=0.9, centered=True)
    for _ in range(400):
        x.grad = np.linspace(0.1, 1, 100)
        optimizer.step()
    assert np.isfinite(x.data).all()


def test_a_copied_optimizer_goes_its_own_way():
    optimizer = optim.Adam(parameters(), lr=0.1)
    run(optimizer, range(3))
    other = copy.deepcopy(optimizer)
    before = values(optimizer)
    run(other, range(3, 6))
    assert (values(optimizer) == before).all()
    run(optimizer, range(3, 6))
    assert values(optimizer).tobytes() == values(other).tobytes()


def test_state_dict_is_a_copy():
    optimizer = optim.Adam(parameters(), lr=0.1)
    state = optimizer.state_dict()
    run(optimizer, range(3))
    assert not any(state[f"m.{i}"].any() for i in range(2))


def test_state_of_another_optimizer_is_refused_whole():
    adam, sgd = optim.Adam(parameters(), lr=0.1), optim.SGD(parameters(), lr=0.2, momentum=0.9)
    run(sgd, range(2))
    with pytest.raises(ValueError, match=r"Adam\.load_state_dict.*missing 'm\.0'.*unexpected 'velocity\.0'"):
        adam.load_state_dict(sgd.state_dict())
    assert (adam.lr, adam.steps) == (0.1, 0)


@pytest.mark.parametrize("lr", [-0.1, np.nan, [0.1, 0.2]])
def test_a_state_with_a_rate_that_makes_no_sense_changes_nothing(lr):
    one, other = optim.Adam(parameters(), lr=0.1), optim.Adam(parameters(), lr=0.2)
    run(one, range(2))
    with pytest.raises(ValueError, match=r"Adam\.load_state_dict: .*lr"):
        other.load_state_dict(one.state_dict() | {"lr": lr})
    assert not other.state["m"][0].any()


@pytest.mark.parametrize(("kind", "options"), KINDS)
def test_a_step_without_any_gradient_names_a_parameter_and_updates_nothing(kind, options):
    optimizer = kind(parameters(), **options)
    before = values(optimizer)
    text = r"parameter 0 'W' of shape \(2, 3\) has no gradient, nor has any other; call loss\.backward\(\) first"
    with pytest.raises(ValueError, match=text):
        optimizer.step()
    assert (values(optimizer) == before).all()
    assert optimizer.steps == 0


@pytest.mark.parametrize(("kind", "options"), KINDS)
def test_parameters_without_a_gradient_stay_and_their_steps_are_not_counted(kind, options):
    """Each parameter moves as it does in an optimizer of its own, which steps only when there is a gradient."""
    rng = np.random.default_rng(0)
    together, alone = kind(parameters(), **options), [kind([p], **options) for p in parameters()]
    for k in range(40):
        has = rng.random(2) < (0.2 if 10 < k < 20 else 0.7)
        for p, other, is_there in zip(together.params, alone, has, strict=True):
            p.grad = other.params[0].grad = rng.normal(size=p.shape) if is_there else None
            if is_there:
                other.step()
        if has.any():
            together.step()
        if k == 25:
            state = together.state_dict()
            together = kind([Tensor(p.data) for p in together.params], **options)
            together.load_state_dict(state)
    assert values(together).tobytes() == np.concatenate([values(o) for o in alone]).tobytes()


def test_minimize_forgets_old_gradients_and_descends():
    x = Tensor([3.0, -4.0])
    x.grad = np.array([100.0, 100.0])
    optim.SGD([x], lr=0.25).minimize((x * x).sum())
    assert x.data.tolist() == [1.5, -2.0]
    assert x.grad.tolist() == [6.0, -8.0]


def test_zero_grad_forgets():
    optimizer = optim.SGD(parameters(), lr=0.1)
    run(optimizer, range(1))
    optimizer.zero_grad()
    assert [p.grad for p in optimizer.params] == [None, None]


def test_learning_rate_can_be_set_between_steps():
    x = Tensor(1.0)
    optimizer = optim.SGD([x], lr=0.5)
    for optimizer.lr in (0.1, 0.01):
        x.grad = np.array(1.0)
        optimizer.step()
    assert float(x) == pytest.approx(0.89)


def test_setting_the_rate_sets_that_of_all_groups():
    a, b = parameters()
    optimizer = optim.SGD([{"params": [a], "lr": 0.1}, {"params": [b]}], lr=0.2)
    assert (optimizer.lr, [g.lr for g in optimizer.groups]) == (0.1, [0.1, 0.2])
    optimizer.groups[1].lr = 0.3
    assert optimizer.settings()["lr"] == (0.1, 0.3)
    optimizer.lr = 0.01
    assert [g.lr for g in optimizer.groups] == [0.01, 0.01]


def test_groups_resume_bit_for_bit():
    def make():
        a, b = parameters()
        return optim.RMSprop([{"params": [a], "momentum": 0.9}, {"params": [b], "lr": 0.1, "centered": True}])

    straight, resumed = make(), make()
    run(straight, range(10))
    resumed.load_state_dict(straight.state_dict())
    for p, q in zip(resumed.params, straight.params, strict=True):
        p.data[...] = q.data
    run(straight, range(10, 20))
    run(resumed, range(10, 20))
    assert values(resumed).tobytes() == values(straight).tobytes()
    assert [g.lr for g in resumed.groups] == [0.01, 0.1]


@pytest.mark.parametrize(
    ("groups", "text"),
    [
        ([{"lr": 0.1}], 'group 0 has no "params"'),
        ([{"params": [Tensor(1.0)], "rate": 0.1}], r"group 0 sets \['rate'\]; it may set lr, momentum"),
        ([{"params": [Tensor(1.0)], "lr": -1}], "lr must be"),
        ([{"params": Tensor(1.0)}], r"pass \[tensor\]"),
        ([{"params": nn.Linear(2, 1)}], r"pass model\.parameters"),
        ([{"params": []}], "got no parameters"),
        ([{"params": [TWICE]}, {"params": [TWICE]}], "parameter 1 'b' .* is there twice"),
    ],
)
def test_groups_that_make_no_sense_are_refused(groups, text):
    with pytest.raises((TypeError, ValueError), match=f"SGD.*{text}"):
        optim.SGD(groups, lr=0.1)


def test_what_was_off_at_first_cannot_be_switched_on():
    optimizer = optim.SGD(parameters(), lr=0.1)
    optimizer.momentum = 0.9
    for p in optimizer.params:
        p.grad = np.ones(p.shape)
    before = values(optimizer)
    with pytest.raises(ValueError, match="SGD: what needs 'velocity' was off when the optimizer was made"):
        optimizer.step()
    assert (values(optimizer) == before).all()


def test_repr_tells_the_groups():
    a, b = parameters()
    optimizer = optim.SGD([{"params": [a], "lr": 0.5}, {"params": [b]}], lr=0.1)
    assert repr(optimizer) == "SGD(lr=(0.5, 0.1), 2 parameters of 7 numbers in 2 groups, 0 steps taken)"


def test_repr_tells_kind_rate_and_progress():
    assert repr(optim.SGD(parameters(), lr=0.1)) == "SGD(lr=0.1, 2 parameters of 7 numbers, 0 steps taken)"


@pytest.mark.parametrize(
    ("params", "error", "text"),
    [
        ([], ValueError, "SGD got no parameters"),
        (nn.Linear(2, 1), TypeError, r"not a Linear: pass model\.parameters\(\)"),
        (Tensor([1.0]), TypeError, r"pass \[tensor\]"),
        ([np.ones(2)], TypeError, r"parameter 0 is an ndarray; wrap numbers in Tensor\(\.\.\.\)"),
        (
            [Tensor(1.0), Tensor([1.0], label="b") * 2],
            ValueError,
            r"parameter 1 of shape \(1,\) is the result",
        ),
        ([Tensor([1.0], label="b", requires_grad=False)], ValueError, "parameter 0 'b' .* takes no gradient"),
    ],
)
def test_unfit_parameters_are_refused(params, error, text):
    with pytest.raises(error, match=text):
        optim.SGD(params, lr=0.1)


def test_a_parameter_given_twice_is_refused():
    a, b = Tensor(1.0), Tensor(1.0, label="b")
    with pytest.raises(ValueError, match=r"parameter 2 'b' of shape .* twice"):
        optim.Adam([a, b, b], lr=0.1)


@pytest.mark.parametrize(
    ("kind", "options", "text"),
    [
        (optim.SGD, {"lr": -0.1}, "SGD: lr must be .* not -0.1"),
        (optim.SGD, {"lr": float("nan")}, "SGD: lr must be .* not nan"),
        (optim.SGD, {"lr": 0.1, "momentum": -1}, "SGD: momentum"),
        (optim.SGD, {"lr": 0.1, "nesterov": True}, "SGD: nesterov needs a momentum"),
        (optim.SGD, {"lr": 0.1, "weight_decay": -1}, "SGD: weight_decay"),
        (optim.Adam, {"lr": float("inf")}, "Adam: lr must be .* not inf"),
        (optim.Adam, {"lr": 0.1, "betas": (0.9, 1.0)}, r"Adam: betas .* not \(0.9, 1.0\)"),
        (optim.Adam, {"lr": 0.1, "betas": (-0.1, 0.9)}, r"Adam: betas\[0\]"),
        (optim.Adam, {"lr": 0.1, "eps": -1}, "Adam: eps"),
        (optim.Adam, {"lr": 0.1, "weight_decay": -1}, "Adam: weight_decay"),
        (optim.AdamW, {"betas": (0.9, 2)}, "AdamW: betas"),
        (optim.SGD, {"lr": 0.1, "momentum": 0.9, "nesterov": True, "dampening": 0.1}, "SGD: nesterov needs .* no damp"),
        (optim.Rprop, {"etas": (1.2, 0.5)}, "Rprop: etas are below and above 1"),
        (optim.Rprop, {"step_sizes": 1}, r"Rprop: step_sizes are two numbers, such as \(1e-6, 50\), not 1"),
        (optim.Adadelta, {"rho": 1}, "Adadelta: rho must be a number from 0 to below 1"),
        (optim.NAdam, {"betas": (1.0, 0.9)}, "NAdam: betas are"),
        (optim.RMSprop, {"alpha": 1}, "RMSprop: alpha must be a number from 0 to below 1"),
        (optim.Adagrad, {"initial_accumulator_value": -1}, "Adagrad: initial_accumulator_value"),
    ],
)
def test_nonsensical_settings_are_refused(kind, options, text):
    with pytest.raises(ValueError, match=text):
        kind(parameters(), **options)


@pytest.mark.parametrize(
    ("kind", "name", "value", "text"),
    [
        (optim.SGD, "lr", -0.1, "SGD: lr must be a finite number of at least 0, not -0.1"),
        (optim.SGD, "lr", "fast", "SGD: lr must be .* not 'fast'"),
        (optim.Adam, "lr", float("nan"), "Adam: lr must be .* not nan"),
        (optim.Adam, "betas", (0.9, 1), "Adam: betas are"),
        (optim.RMSprop, "alpha", 1.5, "RMSprop: alpha"),
    ],
)
def test_nonsense_is_refused_when_it_is_set_too(kind, name, value, text):
    optimizer = kind(parameters(), lr=0.1)
    before = repr(optimizer)
    for owner in (optimizer, optimizer.groups[0]):
        with pytest.raises(ValueError, match=text):
            setattr(owner, name, value)
    assert repr(optimizer) == before


def test_a_group_has_no_settings_but_its_optimizers():
    with pytest.raises(AttributeError, match=r"SGD: a group has lr, momentum, .*, but no rate"):
        optim.SGD(parameters(), lr=0.1).groups[0].rate = 0.1


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_clip_grad_norm_scales_all_gradients_by_one_factor(dtype):
    a, b = Tensor([0.0, 0.0], dtype=dtype), Tensor(0.0, dtype=dtype)
    a.grad, b.grad = np.array([2.0, 3.0]), np.array(6.0)
    assert optim.clip_grad_norm([a, b], 3.5) == pytest.approx(7)
    expected = np.array([2, 3, 6]) * (3.5 / (7 + 1e-6))  # as in torch.nn.utils.clip_grad_norm_
    np.testing.assert_allclose([*a.grad, b.grad], expected, rtol=1e-12 if dtype == np.float64 else 1e-6)
    assert a.grad.dtype == b.grad.dtype == dtype


def test_clip_grad_norm_bears_gradients_whose_squares_overflow():
    a, b = (Tensor([0.0], dtype=np.float32) for _ in range(2))
    a.grad, b.grad = np.array([1.5e19]), np.array([-1.5e19])
    assert optim.clip_grad_norm([a, b], 2**0.5) == pytest.approx(1.5e19 * 2**0.5, rel=1e-6)
    np.testing.assert_allclose([a.grad, b.grad], [[1], [-1]], rtol=1e-6)


def test_clip_grad_norm_leaves_small_gradients_as_they_are():
    a = Tensor([0.0, 0.0])
    a.grad = np.array([3.0, 4.0])
    assert optim.clip_grad_norm([a], 5.1) == 5
    assert a.grad.tolist() == [3.0, 4.0]


def test_clip_grad_norm_of_leaves_that_share_one_array_scales_it_once():
    a, b = Tensor([3.0]), Tensor([4.0])
    (a + b).sum().backward()
    norm = optim.clip_grad_norm([a, b], 0.5 * 2**0.5)
    assert norm == pytest.approx(2**0.5)
    np.testing.assert_allclose([a.grad, b.grad], 0.5, rtol=1e-5)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_clip_grad_norm_refuses_gradients_that_are_not_finite_and_changes_nothing(bad):
    a, b = Tensor([0.0]), Tensor([0.0, 0.0], label="b")
    a.grad, b.grad = np.array([5.0]), np.array([1.0, bad])
    with pytest.raises(ValueError, match="gradient of parameter 1 'b'"):
        optim.clip_grad_norm([a, b], 1.0)
    assert a.grad.tolist() == [5.0]


def test_clip_grad_norm_asks_for_gradients_and_a_positive_norm():
    with pytest.raises(ValueError, match=r"clip_grad_norm: parameter 0 'W' .* has no gradient"):
        optim.clip_grad_norm(parameters(), 1.0)
    for max_norm in (0, -1, float("nan")):
        with pytest.raises(ValueError, match=f"max_norm must be above 0, not {max_norm}"):
            optim.clip_grad_norm(parameters(), max_norm)


@pytest.mark.parametrize(
    ("mistake", "message"),
    [
        (lambda p: tg.optim.SGD([p], "a"), "SGD: lr must be a finite number of at least 0, not 'a'"),
        (lambda p: tg.optim.SGD([p], 0.1, 0.9, 0.5), "SGD: nesterov is True or False, not 0.5"),
        (lambda p: tg.optim.SGD([{"params": {p}}], 0.1), "SGD loads its state .*, and a set has none: pass a list"),
        (lambda p: tg.optim.SGD(None, 0.1), r"SGD takes a list of Tensors, not NoneType: pass model.parameters\(\)"),
        (lambda p: tg.optim.SGD({"params": [p]}, 0.1), r"SGD takes .* or of groups, not a dict: pass \[group\]"),
        (lambda p: tg.optim.SGD({"a": p}, 0.1), r"a list of Tensors, not a dict: pass list\(params.values\(\)\)"),
        (lambda p: tg.optim.Adam([p], 0.1, betas=0.9), r"betas are two numbers, such as \(0.9, 0.999\), not 0.9"),
        (lambda p: tg.optim.clip_grad_norm([p], "a"), "clip_grad_norm: max_norm must be above 0, not 'a'"),
        (lambda p: tg.optim.clip_grad_value([p], "a"), "clip_grad_value: clip_value must be above 0, not 'a'"),
        (lambda p: tg.optim.SGD([p], 0.1).minimize(3.0), "SGD.minimize takes the loss, a Tensor, not float"),
    ],
)
def test_what_is_no_number_list_or_loss_is_refused_in_our_words(mistake, message):
    with pytest.raises((TypeError, ValueError), match=message):
        mistake(tg.Tensor([1.0]))


def test_clip_grad_value_clips_each_element():
    a, b = Tensor([0.0, 0.0]), Tensor(0.0, dtype=np.float32)
    a.grad, b.grad = np.array([-3.0, 0.5]), np.array(2.0, np.float32)
    given = a.grad
    optim.clip_grad_value([a, b], 1.0)
    assert (a.grad.tolist(), float(b.grad), b.grad.dtype) == ([-1.0, 0.5], 1.0, np.float32)
    assert given.tolist() == [-3.0, 0.5]


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_clip_grad_value_refuses_what_is_not_finite_and_changes_nothing(bad):
    a, b = Tensor([0.0]), Tensor([0.0, 0.0], label="b")
    a.grad, b.grad = np.array([5.0]), np.array([1.0, bad])
    with pytest.raises(ValueError, match=r"clip_grad_value: the gradient of parameter 1 'b'.*infinite or NaN"):
        optim.clip_grad_value([a, b], 1.0)
    assert a.grad.tolist() == [5.0]
    with pytest.raises(ValueError, match="clip_value must be above 0"):
        optim.clip_grad_value([a], 0)


@pytest.mark.parametrize("jit", [False, True])
@pytest.mark.parametrize("of_module", [False, True])
def test_gradients_that_are_set_to_zeros_are_the_same_as_none_at_the_next_step(of_module, jit):
    X, y = np.random.default_rng(0).normal(size=(5, 2)), np.ones((5, 1))
    weights = []
    for options in ({}, {"set_to_none": True}, {"set_to_none": False}):
        model = nn.MLP([2, 3, 1], activation="tanh", rng=0)
        sgd = optim.SGD(model.parameters(), lr=0.1)

        def step(x, t, model=model, sgd=sgd, options=options):
            (model if of_module else sgd).zero_grad(**options)
            loss = tg.mse_loss(model(x), t)
            loss.backward()
            sgd.step()
            return loss

        with warnings.catch_warnings():
            warnings.simplefilter("error")
            run = tg.jit(step) if jit else step
            for _ in range(4):
                run(X, y)
        weights.append(np.concatenate([p.data.ravel() for p in model.parameters()]))
        (model if of_module else sgd).zero_grad(**options)
        left = [p.grad for p in model.parameters()]
        zeros = [np.zeros_like(p.data) if options == {"set_to_none": False} else None for p in model.parameters()]
        assert all(np.array_equal(g, z) for g, z in zip(left, zeros, strict=True))
    np.testing.assert_allclose(weights[1:], [weights[0]] * 2, rtol=1e-13)
    x = Tensor([1.0], requires_grad=True)
    x.zero_grad(set_to_none=False)  # where there is no gradient, there are no zeros
    assert x.grad is None


def test_a_forgotten_zero_grad_is_noticed_and_adding_up_on_purpose_is_not():
    x = Tensor([1.0])
    optimizer = optim.SGD([x], lr=0.1)
    (2 * x).sum().backward()
    optimizer.step()
    (2 * x).sum().backward()
    with pytest.warns(UserWarning, match=r"SGD\.step: .* sum of 2 backward passes.*zero_grad\(\).*accumulated=True"):
        optimizer.step()
    with warnings.catch_warnings(record=True) as shown:
        warnings.simplefilter("default")
        for _ in range(3):
            (2 * x).sum().backward()
            optimizer.step()
    assert len(shown) == 1
    optimizer.zero_grad()
    (2 * x).sum().backward()
    optimizer.step()
    (2 * x).sum().backward()
    optimizer.step(accumulated=True)
    (2 * x).sum().backward()
    optimizer.step(True)
    optimizer.minimize((2 * x).sum())
    x.grad = None
    (2 * x).sum().backward()
    optimizer.step()


FLOAT16 = [(kind, options) for kind, options in KINDS if kind is not optim.SGD]


@pytest.mark.parametrize(("kind", "options"), FLOAT16)
def test_float16_parameters_without_slope_stay(kind, options):
    x = Tensor([1.0, -2.0], dtype=np.float16)
    optimizer = kind([x], **{name: value for name, value in options.items() if name != "weight_decay"})
    for _ in range(5):
        x.grad = np.zeros(2)
        optimizer.step()
    assert x.data.tolist() == [1, -2]
    assert x.dtype == np.float16


@pytest.mark.parametrize(("kind", "options"), KINDS)
def test_float16_parameters_move_as_in_float64_but_for_rounding(kind, options):
    sizes = 2.0 ** np.arange(-20, 16)[:, None]  # from the smallest gradients of float16 to the largest
    start = np.tile(np.linspace(-1, 1, 5), (len(sizes), 1))
    narrow, wide = Tensor(start, dtype=np.float16), Tensor(start.astype(np.float16).astype(np.float64))
    options = {**options, "lr": 0.01, "eps": 1e-8}
    options = {k: v for k, v in options.items() if k in kind([Tensor(1.0)], lr=0.1).groups[0].names}
    first, second = kind([narrow], **options), kind([wide], **options)
    rng = np.random.default_rng(0)
    for _ in range(20):
        wide.data[...] = narrow.data  # the roundings of the parameters do not add up
        g = (rng.uniform(0.1, 1.9, start.shape) * sizes).astype(np.float16)
        narrow.grad = wide.grad = g
        first.step()
        second.step()
        np.testing.assert_allclose(narrow.data, wide.data, rtol=1.1 * 2**-11, atol=1e-6)


def test_float16_adam_with_large_gradients_takes_whole_steps():
    x = Tensor(1.0, dtype=np.float16)
    adam = optim.Adam([x], lr=0.01)
    for _ in range(20):
        x.grad = np.array(100.0)
        adam.step()
    assert float(x) == pytest.approx(0.8, abs=0.005)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_clip_grad_norm_bears_gradients_of_any_size(data):
    dtype = data.draw(st.sampled_from([np.float16, np.float32, np.float64]))
    low, high = np.log10(float(np.finfo(dtype).smallest_subnormal)), np.log10(float(np.finfo(dtype).max))
    size = 10 ** data.draw(st.floats(low + 2.5, high - 1.5))
    parts = [np.array([3.0, 0.0]), np.array([[4.0], [12.0]])]
    params = [Tensor(np.zeros(part.shape), dtype=dtype) for part in parts]
    for p, part in zip(params, parts, strict=True):
        p.grad = part * size
    given = np.concatenate([p.grad.ravel() for p in params])
    digits = max(1e-15, 2 * float(np.finfo(dtype).smallest_subnormal) / size, float(np.finfo(dtype).eps))
    with np.errstate(under="ignore"):
        norm = optim.clip_grad_norm(params, size / 2 if size > 1e-3 else 1e9)
    assert norm == pytest.approx(13 * size, rel=digits)
    clipped = np.concatenate([p.grad.ravel() for p in params])
    if size > 1e-3:
        np.testing.assert_allclose(
            clipped.astype(float), given.astype(float) * 0.5 / (13 + 1e-6 / size), rtol=2 * digits
        )
    else:
        np.testing.assert_array_equal(clipped, given)


def test_clip_grad_norm_of_300_and_400_in_float16_is_500():
    x = Tensor([0.0, 0.0], dtype=np.float16)
    x.grad = np.array([300.0, 400.0])
    assert optim.clip_grad_norm([x], 1.0) == 500
    np.testing.assert_allclose(x.grad, [0.6, 0.8], rtol=1e-3)
    assert x.grad.dtype == np.float16


def test_clipping_leaves_out_parameters_without_a_gradient():
    a, b, frozen = Tensor([0.0]), Tensor([0.0]), Tensor([0.0], requires_grad=False)
    a.grad = np.array([4.0])
    assert optim.clip_grad_norm([b, a, frozen], 2.0) == 4
    optim.clip_grad_value([b, a, frozen], 1.0)
    assert (a.grad.tolist(), b.grad, frozen.grad) == ([1.0], None, None)


def test_added_groups_train_with_their_own_settings_and_state():
    a, b = parameters()
    optimizer, alone = (
        optim.Adam([a], lr=0.1),
        [optim.Adam([p], lr=lr) for p, lr in zip(parameters(), (0.1, 0.3), strict=True)],
    )
    for k in range(12):
        if k == 4:
            optimizer.add_param_group({"params": [b], "lr": 0.3})
        for p, other in zip(optimizer.params, alone, strict=False):
            p.grad = other.params[0].grad = np.cos(np.arange(p.size) + k).reshape(p.shape)
            other.step()
        optimizer.step()
    assert values(optimizer).tobytes() == np.concatenate([values(o) for o in alone]).tobytes()
    assert [g["lr"] for g in optimizer.param_groups] == [0.1, 0.3]
    assert "2 parameters of 7 numbers in 2 groups" in repr(optimizer)
    assert repr(optimizer.param_groups[0]) == "Group(lr=0.1, betas=(0.9, 0.999), eps=1e-08, 1 parameter)"
    same = optim.Adam([{"params": [Tensor(a.data)]}, {"params": [Tensor(b.data)]}])
    same.load_state_dict(optimizer.state_dict())
    assert [g.lr for g in same.groups] == [0.1, 0.3]
    for o in (optimizer, same):
        run(o, range(3))
    assert values(optimizer).tobytes() == values(same).tobytes()


@pytest.mark.parametrize("kind", [set, dict.fromkeys, tuple, iter])
def test_parameters_may_be_a_set_or_the_keys_of_a_dict(kind):
    p = Tensor([1.0])
    optimizer = optim.SGD(kind([p]), lr=0.1)
    p.sum().backward()
    assert optim.clip_grad_norm(kind([p]), 0.5) == 1
    optimizer.step()
    assert p.data == pytest.approx(0.95)


def test_the_state_of_an_optimizer_may_be_tensors():
    adam = optim.Adam([Tensor([1.0, 2.0], dtype=np.float16)])
    adam.load_state_dict(adam.state_dict() | {"m.0": Tensor([3.0, 4.0], dtype=np.float32)})
    np.testing.assert_array_equal(adam.state["m"][0], [3, 4])


def test_a_group_is_added_after_the_others_were_frozen():
    a, b = parameters()
    optimizer = optim.SGD([a], lr=0.1)
    a.requires_grad = False
    optimizer.add_param_group({"params": [b]})
    with pytest.raises(ValueError, match=r"parameter 2 .* is there twice"):
        optimizer.add_param_group({"params": [b]})
    optimizer.add_param_group({"params": []})
    optimizer.minimize(np.sum(a * a) + np.sum(b))
    np.testing.assert_allclose(b.data, 0.4)


def test_a_setting_that_one_group_refuses_is_set_in_none():
    a, b = parameters()
    optimizer = optim.SGD([{"params": [a], "momentum": 0.9}, {"params": [b]}], lr=0.1)
    with pytest.raises(ValueError, match="nesterov needs a momentum"):
        optimizer.nesterov = True
    assert [group.nesterov for group in optimizer.groups] == [False, False]


def test_an_added_group_may_need_state_that_no_other_needed():
    a, b = parameters()
    optimizer = optim.SGD([a], lr=0.1)
    run_one = lambda: [setattr(p, "grad", np.ones(p.shape)) for p in optimizer.params] and optimizer.step()
    run_one()
    optimizer.add_param_group({"params": [b], "momentum": 0.5})
    run_one()
    run_one()
    np.testing.assert_allclose(b.data, 0.5 - 0.1 - 0.15)
    np.testing.assert_allclose(a.data, np.linspace(-1, 1, 6).reshape(2, 3) - 0.3)


@pytest.mark.parametrize(
    ("group", "error", "text"),
    [
        ([TWICE], TypeError, r"add_param_group takes a dict, \{.params.: .*not list"),
        ({"lr": 0.1}, ValueError, 'add_param_group: group 0 has no "params"'),
        ({"params": [TWICE], "rate": 1}, ValueError, r"sets \['rate'\]"),
        ({"params": [TWICE]}, ValueError, "parameter 1 'b' .* is there twice"),
    ],
)
def test_added_groups_that_make_no_sense_change_nothing(group, error, text):
    optimizer = optim.SGD([TWICE], lr=0.1)
    with pytest.raises(error, match=text):
        optimizer.add_param_group(group)
    assert len(optimizer.groups) == len(optimizer.params) == 1


@pytest.mark.parametrize("kind", [optim.Adam, optim.NAdam, optim.RMSprop, optim.Adagrad, optim.Adadelta])
@pytest.mark.parametrize(
    ("dtype", "size"),
    [(np.float16, 1e4), (np.float32, 1e17), (np.float32, 1e25), (np.float32, 1e37), *[(np.float64, 1e200)] * EXTENDED],
)
def test_large_gradients_move_as_those_of_size_one(kind, dtype, size):
    """Without eps, steps depend on ratios of gradients alone."""
    g = np.random.default_rng(0).uniform(0.1, 1, (20, 3))
    x, y = Tensor([1.0, 2.0, 3.0], dtype=dtype), Tensor([1.0, 2.0, 3.0])
    first, second = kind([x], lr=0.01, eps=1e-30), kind([y], lr=0.01, eps=1e-30)
    for row in g:
        x.grad, y.grad = row * size, row
        first.step()
        second.step()
    tolerance = {np.float16: 0.01, np.float32: 1e-5, np.float64: 1e-9}[dtype]
    np.testing.assert_allclose(x.data, y.data, rtol=tolerance)


@pytest.mark.parametrize("kind", [optim.Adam, optim.RMSprop, optim.Adagrad])
@pytest.mark.parametrize(
    ("dtype", "size"), [(np.float32, 1e-25), (np.float32, 1e-36), *[(np.float64, 1e-200)] * EXTENDED]
)
def test_tiny_gradients_do_not_move_beside_eps_and_move_whole_steps_without(kind, dtype, size):
    x, y, z = Tensor([1.0], dtype=dtype), Tensor([1.0], dtype=dtype), Tensor([1.0])
    with_eps, without, reference = kind([x], lr=0.01), kind([y], lr=0.01, eps=0), kind([z], lr=0.01, eps=0)
    for _ in range(20):
        x.grad, y.grad, z.grad = [size], [size], [1.0]
        with_eps.step()
        without.step()
        reference.step()
    assert x.data == 1
    np.testing.assert_allclose(y.data, z.data, rtol=1e-5)


def test_a_state_in_a_wider_dtype_resumes_bit_for_bit_and_jit_records_it():
    def make():
        return optim.Adam(
            [{"params": [Tensor([1.0], dtype=np.float32)]}, {"params": [Tensor([1.0])], "lr": 0.1}], lr=0.01
        )

    def train(optimizer, n, compiled=lambda f: f):
        p, q = optimizer.params
        step = compiled(lambda x: optimizer.minimize(np.sum(p * x) + np.sum(q * q)))
        for _ in range(n):
            step(np.array([1e25], np.float32))

    straight, resumed, jitted = make(), make(), make()
    train(straight, 3)
    assert [a.dtype for a in straight.state["v"]] == [np.float64, np.float64]
    resumed.load_state_dict(straight.state_dict())
    jitted.load_state_dict(straight.state_dict())
    for other in (resumed, jitted):
        for p, q in zip(other.params, straight.params, strict=True):
            p.data[...] = q.data
    train(straight, 5)
    train(resumed, 5)
    with np.errstate(over="ignore"):  # of the bounds with which jit checks its first replay
        train(jitted, 5, tg.jit)
    assert values(resumed).tobytes() == values(straight).tobytes()
    np.testing.assert_allclose(values(jitted), values(straight), rtol=1e-6)
    assert straight.params[0].data == pytest.approx(0.92, rel=1e-6)


def test_a_wider_state_that_does_not_fit_leaves_the_dtypes_as_they_were():
    narrow, wide = (optim.Adam([Tensor(np.ones(2), dtype=dtype)]) for dtype in (np.float32, np.float64))
    with pytest.raises(ValueError, match=r"nothing was loaded: 'v.0' has shape \(1,\)"):
        narrow.load_state_dict(wide.state_dict() | {"v.0": np.ones(1)})
    assert {a.dtype for arrays in narrow.state.values() for a in arrays} == {np.dtype(np.float32)}


def test_nan_gradients_do_not_make_the_state_wider():
    x = Tensor([1.0, 2.0], dtype=np.float32)
    adam = optim.Adam([x])
    x.grad = np.array([np.nan, 1e25])
    with np.errstate(all="ignore"):
        adam.step()
    assert adam.state["v"][0].dtype == np.float32


def test_radam_leaves_a_parameter_without_slope_while_it_does_not_divide_even_for_eps_0():
    x = Tensor([1.0, 2.0])
    radam = optim.RAdam([x], eps=0.0)
    for _ in range(5):  # steps before the running mean of squares is trusted
        x.grad = np.array([1.0, 0.0])
        radam.step()
    assert x.data[1] == 2.0


def test_an_attribute_with_another_librarys_name_of_a_hyperparameter_is_refused_and_others_are_not():
    sgd = tg.optim.SGD([Tensor([1.0])], lr=0.1)
    with pytest.raises(AttributeError, match=r"^SGD: there is no hyperparameter learning_rate; write lr=$"):
        sgd.learning_rate = 1.0
    assert sgd.lr == 0.1
    sgd.seed, sgd.dim, sgd.epsilon = 3, 2, 1e-8  # SGD has no eps
    assert (sgd.seed, sgd.dim) == (3, 2)

    class Plain(optim.SGD):
        def __init__(self, params, learning_rate):
            super().__init__(params, learning_rate)
            self.learning_rate = learning_rate

    assert Plain([Tensor([1.0])], 0.2).learning_rate == 0.2
    with pytest.raises(AttributeError, match=r"no attribute 'fused'$"):
        sgd.fused  # noqa: B018


@pytest.mark.parametrize("shape", [(), (1,), (3,), (2, 1), (2, 3)])
def test_state_of_a_formula_may_broadcast_to_its_parameter(shape):
    class Scaled(optim.Optimizer):
        state_names = "scale"

        def initial_state(self, name, p):
            return np.full(shape, 2.0)

        def formula(self, theta, g, scale, *, t, lr):
            return theta - lr * scale * g, scale

    w = Tensor(np.ones((2, 3)))
    Scaled([w], lr=0.1).minimize(w.sum())
    np.testing.assert_allclose(w.data, 0.8)


@pytest.mark.parametrize("kind", [optim.SGD, optim.Adam, optim.RMSprop])
@pytest.mark.parametrize("data", [np.ones(5), np.ones(1), np.broadcast_to(1.0, 3)])
def test_data_of_another_shape_or_read_only_are_refused_before_any_parameter_moves(kind, data):
    first, second = Tensor([1.0, 2.0]), Tensor([1.0, 2.0, 3.0])
    opt = kind([first, second], lr=0.1)
    for _ in range(3):  # from then on the arrays are known to fit
        opt.minimize(first.sum() + second.sum())
    opt.zero_grad()
    (first.sum() + second.sum()).backward()
    second.data = data
    before, state = first.data.copy(), opt.state_dict()
    with pytest.raises(
        ValueError, match=r"^step: a parameter has shape|^step: the data of a parameter .* are read-only"
    ):
        opt.step()
    np.testing.assert_array_equal(first.data, before)
    for name, value in opt.state_dict().items():
        np.testing.assert_array_equal(value, state[name])
    second.data = np.ones(3)
    opt.step()
    assert (first.data < before).all()


def test_a_gradient_with_an_axis_more_than_the_new_data_is_refused_with_both_shapes():
    w = Tensor(np.ones((1, 3)))
    opt = optim.SGD([w], lr=0.1)
    w.sum().backward()
    w.data = np.ones(3)
    with pytest.raises(ValueError, match=r"^step: a parameter has shape \(3,\), and its gradient or state \(1, 3\)"):
        opt.step()


def test_an_optimizer_of_a_users_file_may_have_an_attribute_with_another_librarys_name():
    class Own(optim.SGD):
        __module__ = "tinygrad_edu_demo"

    own = Own([Tensor([1.0])], lr=0.1)
    own.learning_rate = 3
    assert own.learning_rate == 3
