"""Schedules: their learning rates, and errors."""

import json
from pathlib import Path

import numpy as np
import pytest
from checks import message

import tinygrad_edu as tg
from tinygrad_edu.optim import lr_scheduler

EXPECTED = json.loads((Path(__file__).parent / "expected" / "optim.json").read_text())  # made by optim.py
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
    other = lr_scheduler.StepLR(sgd(), 2)
    assert "of the same optimizer" in message(ValueError, lambda: lr_scheduler.LinearWarmup(opt, 2, then=other))
    plateau = lr_scheduler.LinearWarmup(opt, 1, then=lr_scheduler.ReduceLROnPlateau(opt))
    opt.steps += 1
    plateau.step()
    assert "watches the loss; pass it" in message(TypeError, plateau.step)
