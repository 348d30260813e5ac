"""Schedules: the rates of ten epochs, and mistakes."""

import numpy as np
import pytest
from checks import message

import tinygrad_edu as tg
from tinygrad_edu.optim import lr_scheduler

# From a rate of 0.1, by torch.optim.lr_scheduler (PyTorch 2.13; LinearWarmup is its LinearLR(opt, 1 / 5, 1.0, 4)).
PYTORCH = [
    (
        lambda opt: lr_scheduler.StepLR(opt, 3, 0.5),
        [
            0.1,
            0.1,
            0.1,
            0.05,
            0.05,
            0.05,
            0.025,
            0.025,
            0.025,
            0.0125,
        ],
    ),
    (
        lambda opt: lr_scheduler.ExponentialLR(opt, 0.9),
        [0.1, 0.09, 0.081, 0.0729, 0.06561, 0.059049, 0.0531441, 0.04782969, 0.043046721, 0.0387420489],
    ),
    (
        lambda opt: lr_scheduler.CosineAnnealingLR(opt, 8, 0.01),
        [
            0.1,
            0.096574578963,
            0.086819805153,
            0.072220754456,
            0.055,
            0.037779245544,
            0.023180194847,
            0.013425421037,
            0.01,
            0.013425421037,
        ],
    ),
    (
        lambda opt: lr_scheduler.LinearWarmup(opt, 5),
        [
            0.02,
            0.04,
            0.06,
            0.08,
            0.1,
            0.1,
            0.1,
            0.1,
            0.1,
            0.1,
        ],
    ),
]


@pytest.mark.parametrize(("schedule", "rates"), PYTORCH)
def test_rates_are_pytorchs(schedule, rates):
    opt = tg.optim.SGD([tg.Tensor([1.0])], lr=0.1)
    scheduler = schedule(opt)
    given = []
    for _ in range(10):
        given.append(opt.lr)
        scheduler.step()
    np.testing.assert_allclose(given, rates, rtol=1e-9)
    assert scheduler.epoch == 10
    assert type(opt.lr) is float


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
    assert "takes an optimizer" in message(TypeError, lambda: lr_scheduler.ExponentialLR([1], 0.9))
    assert "step_size is a whole number" in message(ValueError, lambda: lr_scheduler.StepLR(opt, 0))
    assert "gamma must be" in message(ValueError, lambda: lr_scheduler.ExponentialLR(opt, -1))
    assert "factor(self, epoch)" in message(TypeError, lambda: lr_scheduler.LRScheduler(opt))
