"""Schedules: their learning rates, and errors."""

import json
from pathlib import Path

import numpy as np
import pytest
from checks import message
from expected.composed import COMPOSED, LONG, MADE
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_edu as tg
from tinygrad_edu.optim import lr_scheduler

EXPECTED = json.loads((Path(__file__).parent / "expected" / "optim.json").read_text("utf-8"))  # made by optim.py
LOSSES = EXPECTED["losses"]
KINDS = {
    "StepLR": {"step_size": 3}, "ExponentialLR": {"gamma": 0.9}, "CosineAnnealingLR": {"T_max": 8},
    "OneCycleLR": {"max_lr": 0.3, "total_steps": 20}, "ReduceLROnPlateau": {"patience": 1, "cooldown": 1},
}  # fmt: skip


def sgd():
    opt = tg.optim.SGD([{"params": [tg.Tensor([1.0])]}, {"params": [tg.Tensor([2.0])], "lr": 0.2}], lr=0.1)
    for p in opt.params:
        p.grad = np.array([0.0])
    return opt


def rates(opt, scheduler, losses=LOSSES):
    """Return the learning rates of all groups, one epoch for each loss."""
    given = []
    for loss in losses:
        given.append([group.lr for group in opt.groups])
        opt.step()
        scheduler.step(loss) if scheduler.watches_loss else scheduler.step()
    return np.array(given)


@pytest.mark.parametrize(("kind", "options", "expected"), EXPECTED["schedules"])
def test_rates_are_pytorchs(kind, options, expected):
    opt = sgd()
    scheduler = getattr(lr_scheduler, kind)(opt, **options)
    np.testing.assert_allclose(rates(opt, scheduler), expected, rtol=1e-9)
    assert scheduler.epoch == len(LOSSES)
    assert type(opt.lr) is float


def stepped(opt, schedules, losses):
    """Return the learning rates of all groups before each step of the schedules."""
    given = []
    for loss in losses:
        given.append([group.lr for group in opt.groups])
        assert all(s.get_last_lr() == given[-1] for s in schedules)
        opt.step()
        for s in schedules:
            s.step(loss) if s.watches_loss else s.step()
    return np.array(given)


@pytest.mark.parametrize(("names", "expected"), EXPECTED["composed"], ids=str)
def test_rates_of_schedules_together_are_pytorchs_over_300_epochs(names, expected):
    opt = sgd()
    found = stepped(opt, [MADE[name](lr_scheduler, opt) for name in names], LONG)
    np.testing.assert_allclose(found[::13], expected, rtol=1e-9, atol=1e-15)


def test_all_that_was_recorded_is_known():
    assert [names for names, _ in EXPECTED["composed"]] == COMPOSED


SEVERAL = st.lists(st.sampled_from([name for name in MADE if "," not in name and name != "absolute"]), max_size=4)


@settings(max_examples=40, deadline=None)
@given(SEVERAL.filter(bool), st.randoms(use_true_random=False))
def test_the_rate_is_the_product_in_any_order(names, random):
    """Of factors that each schedule has alone; a plateau's cuts depend on the losses, not on the rates."""
    product, base = 1.0, np.array([0.1, 0.2])
    for name in names:
        opt = sgd()
        product = product * (stepped(opt, [MADE[name](lr_scheduler, opt)], LONG[:40]) / base)
    random.shuffle(names)
    opt = sgd()
    schedules = [MADE[name](lr_scheduler, opt) for name in names]
    random.shuffle(schedules)
    found = stepped(opt, schedules, LONG[:40])
    large = found > 1e-6  # below, a plateau makes no cuts of 1e-8
    np.testing.assert_allclose(found[large], (product * base)[large], rtol=1e-9)


@settings(max_examples=40, deadline=None)
@given(SEVERAL.filter(bool), st.randoms(use_true_random=False), st.integers(0, 30), st.booleans(), st.floats(0.01, 0.3))
def test_composed_schedules_resume_bit_for_bit_in_any_order_of_loading(names, random, epochs, late, by_hand):
    def make(opt=None):
        opt = opt or sgd()
        return opt, [MADE[name](lr_scheduler, opt) for name in names]

    def train(opt, schedules, losses):
        if opt.steps > 10:
            opt.groups[1].lr = by_hand
        return stepped(opt, schedules, losses).tobytes()

    straight, schedules = make()
    train(straight, schedules, LONG[: epochs // 2])
    train(straight, schedules, LONG[epochs // 2 : epochs])
    states = [s.state_dict() for s in schedules]
    if late:  # schedules are made for an optimizer that was loaded before
        other = sgd()
        other.load_state_dict(straight.state_dict())
        other, resumed = make(other)
        parts = []
    else:
        other, resumed = make()
        parts = [(other, straight.state_dict())]
    parts += zip(resumed, states, strict=True)
    random.shuffle(parts)
    for part, state in parts:
        part.load_state_dict(state)
    assert [g.lr for g in other.groups] == [g.lr for g in straight.groups]
    rest = LONG[epochs : epochs + 20]
    assert stepped(other, resumed, rest).tobytes() == stepped(straight, schedules, rest).tobytes()


def test_a_warm_up_made_for_a_loaded_optimizer_and_loaded_itself_has_the_rate_at_once():
    opt = sgd()
    warm = lr_scheduler.LinearWarmup(opt, 5)
    rates(opt, warm, range(3))
    assert opt.lr == pytest.approx(0.08)
    other = sgd()
    other.load_state_dict(opt.state_dict())
    resumed = lr_scheduler.LinearWarmup(other, 5)
    resumed.load_state_dict(warm.state_dict())
    assert [g.lr for g in other.groups] == [g.lr for g in opt.groups]
    assert rates(other, resumed, range(5)).tobytes() == rates(opt, warm, range(5)).tobytes()


def chain(opt, first):
    return lr_scheduler.ChainedScheduler([first, lr_scheduler.LinearLR(opt, 0.5, total_iters=2)])


@pytest.mark.parametrize("around", ["warm-up", "sequence"])
def test_a_chain_within_another_schedule_has_no_factor_of_its_own_left(around):
    opt = sgd()
    inner = chain(opt, lr_scheduler.ExponentialLR(opt, 0.5))
    if around == "warm-up":
        schedule, expected = lr_scheduler.LinearWarmup(opt, 2, then=inner), [0.25, 0.5, 0.5, 0.375, 0.25, 0.125]
    else:
        schedule = lr_scheduler.SequentialLR(opt, [inner, lr_scheduler.StepLR(opt, 1)], [3])
        expected = [0.5, 0.375, 0.25, 1, 0.1, 0.01]
    np.testing.assert_allclose(rates(opt, schedule, range(6)), np.outer(expected, [0.1, 0.2]))


@pytest.mark.parametrize("within", ["warm-up", "chain"])
def test_a_warm_up_hands_the_loss_to_a_plateau_within_another_schedule(within):
    def make():
        opt = sgd()
        plateau = lr_scheduler.ReduceLROnPlateau(opt, patience=0)
        inner = lr_scheduler.LinearWarmup(opt, 2, then=plateau) if within == "warm-up" else chain(opt, plateau)
        return opt, lr_scheduler.LinearWarmup(opt, 2, then=inner)

    opt, schedule = make()
    begin = rates(opt, schedule, [1.0] * 5)
    resumed, other = make()
    resumed.load_state_dict(opt.state_dict())
    other.load_state_dict(schedule.state_dict())
    end = rates(opt, schedule, [1.0] * 3)
    expected = (
        [0.25, 0.5, 0.5, 1, 1, 1, 0.1, 0.01] if within == "warm-up" else [0.25, 0.5, 0.5, 0.75, 0.1, 1e-2, 1e-3, 1e-4]
    )
    np.testing.assert_allclose(np.concatenate([begin, end]), np.outer(expected, [0.1, 0.2]))
    assert rates(resumed, other, [1.0] * 3).tobytes() == end.tobytes()


def test_a_chain_within_a_warm_up_is_loaded_without_what_follows_from_the_rest():
    def make():
        opt = sgd()
        return opt, lr_scheduler.LinearWarmup(opt, 2, then=chain(opt, lr_scheduler.ReduceLROnPlateau(opt)))

    (opt, schedule), (resumed, other) = make(), make()
    rates(opt, schedule, [1.0] * 3)
    other.load_state_dict(
        {k: v for k, v in schedule.state_dict().items() if k.rpartition(".")[2] not in ("factors", "lrs")}
    )
    np.testing.assert_allclose([g.lr for g in resumed.groups], [g.lr for g in opt.groups])


def test_a_warm_up_within_a_chain_within_a_warm_up_has_its_epochs():
    opt = sgd()
    plateau = lr_scheduler.ReduceLROnPlateau(opt, patience=0)
    inner = lr_scheduler.ChainedScheduler([lr_scheduler.LinearWarmup(opt, 2, then=plateau)])
    found = rates(opt, lr_scheduler.LinearWarmup(opt, 2, then=inner), [1.0] * 8)
    np.testing.assert_allclose(found, np.outer([0.25, 0.5, 0.5, 1, 1, 1, 0.1, 0.01], [0.1, 0.2]))


def test_the_rate_of_a_users_schedule_may_read_its_epoch():
    class Halved(lr_scheduler.LRScheduler):
        def rate(self, base_lr, epoch):
            return base_lr / 2**self.epoch

    opt = sgd()
    np.testing.assert_allclose(rates(opt, Halved(opt), range(3)), np.outer([1, 0.5, 0.25], [0.1, 0.2]))


def test_a_state_of_before_schedules_composed_is_loaded():
    opt = sgd()
    schedule = lr_scheduler.ExponentialLR(opt, 0.5)
    schedule.load_state_dict({"epoch": 2, "base_lrs": np.array([0.4, 0.8])})
    assert [g.lr for g in opt.groups] == [0.1, 0.2]


@pytest.mark.parametrize("base_lrs", [0.1, None, [[0.1], [0.1, 0.2]]])
def test_the_rates_of_another_number_of_groups_are_refused(base_lrs):
    schedule = lr_scheduler.ExponentialLR(sgd(), 0.5)
    with pytest.raises(ValueError, match=r"ExponentialLR.load_state_dict: nothing was loaded: 'base_lrs'"):
        schedule.load_state_dict(schedule.state_dict() | {"base_lrs": base_lrs})


@pytest.mark.parametrize("name", ["scale", "then.scale"])
def test_a_plateau_is_loaded_from_a_state_of_before_each_group_had_its_own_cuts(name):
    opt = sgd()
    plateau = lr_scheduler.ReduceLROnPlateau(opt)
    schedule = plateau if name == "scale" else lr_scheduler.LinearWarmup(opt, 1, then=plateau)
    schedule.load_state_dict(schedule.state_dict() | {name: 0.25})
    assert plateau.scale == [0.25, 0.25]


def test_a_rate_set_by_hand_is_what_schedules_multiply():
    opt = sgd()
    schedules = [lr_scheduler.ExponentialLR(opt, 0.5), lr_scheduler.StepLR(opt, 2, 0.1)]
    stepped(opt, schedules, range(3))
    opt.lr = 0.3
    assert [g.lr for g in opt.groups] == [0.3, 0.3]
    np.testing.assert_allclose(stepped(opt, schedules, range(2))[:, 0], [0.3, 0.015])


def test_an_added_group_follows_the_schedules_from_its_own_rate():
    opt = sgd()
    schedules = [lr_scheduler.ExponentialLR(opt, 0.5), lr_scheduler.ReduceLROnPlateau(opt, 0.1, 0)]
    stepped(opt, schedules, [1.0])
    opt.add_param_group({"params": [tg.Tensor([3.0])], "lr": 0.7})
    np.testing.assert_allclose(stepped(opt, schedules, [1.0, 1.0, 1.0])[:, 2], [0.7, 0.035, 0.00175])


LOSS = st.floats(-3, 3).map(lambda x: round(x, 1))


@settings(max_examples=80, deadline=None)
@given(st.lists(LOSS, min_size=30, max_size=60), st.sampled_from(["min", "max"]), st.sampled_from(["rel", "abs"]))
def test_a_plateau_cuts_when_nothing_better_came_whatever_the_sign(losses, mode, threshold_mode):
    opt = sgd()
    schedule = lr_scheduler.ReduceLROnPlateau(
        opt, 0.5, patience=2, threshold=0.05, mode=mode, threshold_mode=threshold_mode
    )
    found = rates(opt, schedule, losses)[:, 0]
    best, bad, lr, expected = None, 0, 0.1, []
    for loss in losses:
        expected.append(lr)
        gain = 0 if best is None else best - loss if mode == "min" else loss - best
        if best is None or gain > 1e-12 + 0.05 * (abs(best) if threshold_mode == "rel" else 1):
            best, bad = loss, 0
        else:
            bad += 1
        if bad > 2:
            lr, bad = lr * 0.5 if lr * 0.5 > 1e-8 else lr, 0
    np.testing.assert_allclose(found, expected)


def test_no_rate_is_raised_to_the_least_of_a_plateau():
    opt = sgd()
    found = rates(opt, lr_scheduler.ReduceLROnPlateau(opt, factor=0.5, patience=0, min_lr=0.15), [1.0] * 4)
    np.testing.assert_allclose(found, [[0.1, 0.2], [0.1, 0.2], [0.1, 0.15], [0.1, 0.15]])


def test_each_group_has_its_own_rate():
    opt = sgd()
    np.testing.assert_allclose(
        rates(opt, lr_scheduler.StepLR(opt, 2, 0.5), range(4)).T,
        [
            [0.1, 0.1, 0.05, 0.05],
            [0.2, 0.2, 0.1, 0.1],
        ],
    )


def test_a_group_whose_rate_is_0_follows_a_schedule_within_a_sequence():
    opt = sgd()
    opt.lr = 0.0
    parts = [lr_scheduler.ExponentialLR(opt, 0.5), lr_scheduler.CosineAnnealingLR(opt, 2, eta_min=0.5)]
    schedule = lr_scheduler.SequentialLR(opt, parts, [2])
    np.testing.assert_allclose(rates(opt, schedule, LOSSES[:5])[:, 0], [0, 0, 0, 0.25, 0.5])


def test_warm_up_grows_to_the_rate_in_equal_parts():
    opt = sgd()
    found = rates(opt, lr_scheduler.LinearWarmup(opt, 4), range(6))
    np.testing.assert_allclose(found[:, 0], [0.025, 0.05, 0.075, 0.1, 0.1, 0.1])


@pytest.mark.parametrize("kind", KINDS)
def test_after_the_warm_up_any_schedule_begins(kind):
    alone, warm = sgd(), sgd()
    expected = rates(alone, getattr(lr_scheduler, kind)(alone, **KINDS[kind]))
    scheduler = lr_scheduler.LinearWarmup(warm, 5, then=getattr(lr_scheduler, kind)(warm, **KINDS[kind]))
    assert (scheduler.each_batch, scheduler.watches_loss) == (kind == "OneCycleLR", kind == "ReduceLROnPlateau")
    found = rates(warm, scheduler, [*[9.0] * 5, *LOSSES])
    np.testing.assert_allclose(found[:5], np.outer([1, 2, 3, 4, 5], expected[0]) / 5)
    np.testing.assert_allclose(found[5:], expected, rtol=1e-12)


@pytest.mark.parametrize("kind", [*KINDS, "LinearWarmup"])
def test_loaded_state_resumes_bit_for_bit(kind, tmp_path):
    def make():
        opt = sgd()
        if kind == "LinearWarmup":
            return opt, lr_scheduler.LinearWarmup(opt, 3, then=lr_scheduler.ReduceLROnPlateau(opt, patience=1))
        return opt, getattr(lr_scheduler, kind)(opt, **KINDS[kind])

    (opt, scheduler), (other, resumed) = make(), make()
    rates(opt, scheduler, LOSSES[:12])
    tg.save(scheduler.state_dict(), tmp_path / "schedule.npz")
    tg.save(opt.state_dict(), tmp_path / "optimizer.npz")
    resumed.load_state_dict(tg.load(tmp_path / "schedule.npz"))
    other.load_state_dict(tg.load(tmp_path / "optimizer.npz"))
    assert rates(other, resumed, LOSSES[12:]).tobytes() == rates(opt, scheduler, LOSSES[12:]).tobytes()


def test_state_of_another_schedule_is_refused():
    opt = sgd()
    plateau = lr_scheduler.ReduceLROnPlateau(opt)
    with pytest.raises(ValueError, match=r"ExponentialLR.load_state_dict.*unexpected 'best'"):
        lr_scheduler.ExponentialLR(opt, 0.9).load_state_dict(plateau.state_dict())


@pytest.mark.parametrize("name", ["0.lrs", "1.base_lrs"])
def test_a_state_with_a_rate_that_makes_no_sense_changes_nothing(name):
    opt = sgd()
    scheduler = lr_scheduler.ChainedScheduler([lr_scheduler.StepLR(opt, 1), lr_scheduler.ReduceLROnPlateau(opt)])
    state = scheduler.state_dict()
    with pytest.raises(ValueError, match="lr must be a finite number"):
        scheduler.load_state_dict(state | {"0.epoch": 3, name: np.array([0.1, np.inf])})
    assert repr(scheduler.state_dict()) == repr(state)


def test_a_schedule_before_its_optimizer_warns_once():
    opt = sgd()
    scheduler = lr_scheduler.ExponentialLR(opt, 0.9)
    with pytest.warns(UserWarning, match=r"ExponentialLR.step: SGD has not yet taken a step.*optimizer.step\(\) first"):
        scheduler.step()
    scheduler.step()


def test_fit_takes_a_schedule():
    x = np.linspace(-1, 1, 20).reshape(-1, 1)
    model = tg.nn.Linear(1, 1, rng=0)
    opt = tg.optim.SGD(model.parameters(), lr=0.1)
    history = tg.fit(
        model, tg.mse_loss, (x, 2 * x), optimizer=opt, epochs=6, scheduler=lr_scheduler.StepLR(opt, 2), progress=False
    )
    np.testing.assert_allclose(history.lr, [0.1, 0.1, 0.01, 0.01, 0.001, 0.001])


def test_a_rate_that_makes_no_sense_leaves_the_optimizer_as_it_was():
    sgd = tg.optim.SGD([tg.Tensor([1.0])], lr=0.5)
    with pytest.raises(ValueError, match=r"SGD: lr must be .* not -0\.5"):
        lr_scheduler.LambdaLR(sgd, lambda epoch: -1)
    assert sgd.lr == 0.5
    assert lr_scheduler.StepLR(sgd, 1, gamma=0.5).get_last_lr() == [0.5]


def test_a_rate_of_one_group_that_makes_no_sense_leaves_those_of_all():
    opt = sgd()
    schedule = lr_scheduler.LambdaLR(opt, [lambda epoch: 0.5**epoch, lambda epoch: 1 - epoch])
    opt.steps = 1
    schedule.step()
    before = repr(schedule.state_dict())
    with pytest.raises(ValueError, match=r"lr must be .* not -0.2"):
        schedule.step()
    assert repr(schedule.state_dict()) == before


def test_counts_are_whole_numbers_also_as_floats():
    """As in PyTorch, for which T_max=len(x) / 5 is a count too, and as everywhere in the package."""
    opt = tg.optim.SGD([tg.Tensor([1.0])], lr=0.1)
    assert [type(lr_scheduler.StepLR(opt, n).step_size) for n in (2, 2.0, np.int8(2), np.float32(2))] == [int] * 4
    for n in (2.5, 0.0, np.inf, np.nan, True, "2", 2j):
        assert f"of epochs, at least 1, not {n!r}" in message(ValueError, lambda n=n: lr_scheduler.StepLR(opt, n))


def test_mistakes_are_named():
    opt = tg.optim.SGD([tg.Tensor([1.0])], lr=0.1)
    assert "optimizer is one of tg.optim" in message(TypeError, lambda: lr_scheduler.ExponentialLR([1], 0.9))
    assert "step_size is a whole number" in message(ValueError, lambda: lr_scheduler.StepLR(opt, 0))
    assert "gamma must be" in message(ValueError, lambda: lr_scheduler.ExponentialLR(opt, -1))
    assert "rate(self, base_lr, epoch)" in message(TypeError, lambda: lr_scheduler.LRScheduler(opt))
    assert "the loss is NaN" in message(ValueError, lambda: lr_scheduler.ReduceLROnPlateau(opt).step(np.nan))
    assert "factor must be" in message(ValueError, lambda: lr_scheduler.ReduceLROnPlateau(opt, factor=1))
    assert "at least 0" in message(ValueError, lambda: lr_scheduler.ReduceLROnPlateau(opt, patience=-1))
    assert "no step on one side" in message(ValueError, lambda: lr_scheduler.OneCycleLR(opt, 0.1, 3))
    assert "2 rates, the optimizer 1 groups" in message(
        ValueError, lambda: lr_scheduler.OneCycleLR(opt, [0.1, 0.2], 30)
    )
    assert "div_factor is at least 1" in message(
        ValueError, lambda: lr_scheduler.OneCycleLR(opt, 0.1, 30, div_factor=0)
    )
    schedules = [lr_scheduler.StepLR(opt, 2), lr_scheduler.OneCycleLR(opt, 0.1, 30)]
    assert "some of the schedules count updates" in message(
        ValueError, lambda: lr_scheduler.ChainedScheduler(schedules)
    )
    step, plateau = schedules[0], lr_scheduler.ReduceLROnPlateau(opt)
    assert "2 schedules need 1 rising milestones" in message(
        ValueError, lambda: lr_scheduler.SequentialLR(opt, [step, step], [])
    )
    assert "milestones are a list of epochs, such as [5, 10], not 5" in message(
        TypeError, lambda: lr_scheduler.SequentialLR(opt, [step, step], 5)
    )
    assert "milestones is a whole number of epochs, at least 1, not [1]" in message(
        ValueError, lambda: lr_scheduler.SequentialLR(opt, [step, step], [[1], [2, 3]])
    )
    assert "ReduceLROnPlateau watches the loss; use LinearWarmup" in message(
        ValueError, lambda: lr_scheduler.SequentialLR(opt, [step, plateau], [3])
    )
    assert "then is a schedule of tg.optim.lr_scheduler, not an int" in message(
        TypeError, lambda: lr_scheduler.LinearWarmup(opt, 5, then=3)
    )
    assert "the loss is a number, not a str" in message(TypeError, lambda: plateau.step("1.0"))
    assert "takes a list of schedules" in message(TypeError, lambda: lr_scheduler.ChainedScheduler([opt]))
    chain = lr_scheduler.ChainedScheduler([step, plateau])
    assert "ReduceLROnPlateau watches the loss; pass it" in message(TypeError, chain.step)
    assert "is a function of the epoch" in message(TypeError, lambda: lr_scheduler.LambdaLR(opt, [0.1]))
    assert "3 functions, the optimizer 1 groups" in message(
        ValueError, lambda: lr_scheduler.LambdaLR(opt, [lambda epoch: 1.0] * 3)
    )
    assert 'mode is "min" or "max"' in message(ValueError, lambda: lr_scheduler.ReduceLROnPlateau(opt, mode="low"))
    assert "list of functions, not 0.5" in message(TypeError, lambda: lr_scheduler.LambdaLR(opt, 0.5))
    assert "a list of epochs, such as [30, 80], not 5" in message(TypeError, lambda: lr_scheduler.MultiStepLR(opt, 5))
    assert "by its name, mode='min'" in message(TypeError, lambda: lr_scheduler.ReduceLROnPlateau(opt, "min"))
    other = lr_scheduler.StepLR(sgd(), 2)
    assert "of the same optimizer" in message(ValueError, lambda: lr_scheduler.ChainedScheduler([step, other]))
    assert "of the same optimizer" in message(ValueError, lambda: lr_scheduler.LinearWarmup(opt, 2, then=other))
    plateau = lr_scheduler.LinearWarmup(opt, 1, then=lr_scheduler.ReduceLROnPlateau(opt))
    opt.steps += 1
    plateau.step()
    assert "watches the loss; pass it" in message(TypeError, plateau.step)


def test_a_chained_schedule_may_be_a_part_of_a_sequence():
    opt = tg.optim.SGD([tg.Tensor(0.0)], lr=1.0)
    chained = lr_scheduler.ChainedScheduler([lr_scheduler.ExponentialLR(opt, 0.5), lr_scheduler.StepLR(opt, 2)])
    sequence = lr_scheduler.SequentialLR(opt, [lr_scheduler.StepLR(opt, 100), chained], milestones=[2])
    given = []
    for _ in range(6):
        given.append(opt.lr)
        opt.steps += 1  # in place of a step
        sequence.step()
    np.testing.assert_allclose(given, [1, 1, 1, 0.5, 0.025, 0.0125])
