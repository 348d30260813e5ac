"""Write optim.json with torch==2.13.0: `python tests/expected/optim.py`.

Optimizers: the parameters after 300 steps in float64, with the parameters and gradients of `tests/test_optim.py`.
LBFGS: its first ten steps on Rosenbrock's valley.
Schedules: the learning rates of 30 epochs for two groups that start at 0.1 and 0.2 (for ReduceLROnPlateau, the file
also holds the losses). Several schedules of one optimizer ("composed", by names in `composed.py`): the rates of every
13th of 300 epochs.
"""

import json
from pathlib import Path

import numpy as np
import torch
from composed import COMPOSED, LONG, MADE
from torch.optim import lr_scheduler as schedules

SETTINGS = {
    "SGD": [
        {"lr": 0.1}, {"lr": 0.1, "momentum": 0.9}, {"lr": 0.1, "momentum": 0.9, "nesterov": True},
        {"lr": 0.1, "momentum": 0.7, "dampening": 0.4, "weight_decay": 0.1},
        {"lr": 0.1, "weight_decay": 0.01}, {"lr": 0.1, "momentum": 0.5, "nesterov": True, "weight_decay": 0.3},
    ],
    "Adagrad": [
        {}, {"lr": 0.1, "lr_decay": 0.05},
        {"lr": 0.2, "weight_decay": 0.1, "initial_accumulator_value": 0.5, "eps": 1e-3},
    ],
    "RMSprop": [
        {}, {"lr": 0.02, "alpha": 0.9, "momentum": 0.8}, {"lr": 0.02, "centered": True, "eps": 1e-3},
        {"lr": 0.02, "alpha": 0.9, "centered": True, "momentum": 0.5, "weight_decay": 0.1},
    ],
    "Adadelta": [{}, {"lr": 0.5, "rho": 0.8, "eps": 1e-3, "weight_decay": 0.1}],
    "Rprop": [{}, {"lr": 0.1, "etas": (0.4, 1.3), "step_sizes": (1e-3, 0.2)}],
    "NAdam": [
        {}, {"lr": 0.02, "betas": (0.8, 0.95), "eps": 1e-3, "weight_decay": 0.1, "momentum_decay": 0.02},
        {"lr": 0.02, "weight_decay": 0.1, "decoupled_weight_decay": True},
    ],
    "RAdam": [
        {}, {"lr": 0.02, "betas": (0.8, 0.95), "eps": 1e-3, "weight_decay": 0.1},
        {"lr": 0.02, "betas": (0.5, 0.6), "weight_decay": 0.1, "decoupled_weight_decay": True},
    ],
    "Adam": [
        {"lr": 0.01}, {"lr": 0.02, "betas": (0.8, 0.9), "amsgrad": True, "weight_decay": 0.1},
        {"lr": 0.02, "betas": (0.8, 0.95), "eps": 1e-3, "weight_decay": 0.1},
    ],
    "AdamW": [{}, {"lr": 0.02, "betas": (0.8, 0.95), "eps": 1e-3, "weight_decay": 0.5},
              {"lr": 0.02, "amsgrad": True}],
}  # fmt: skip
GROUPS = [{"momentum": 0.9, "lr": 0.05}, {"weight_decay": 0.2, "nesterov": True, "momentum": 0.5}]
LOSSES = [1.0, 0.9, 0.9, 0.9, 0.9, 0.95, 0.7, 0.69999, 0.69998, 0.7, 0.6, 0.6, 0.6, 0.6, 0.6, *[0.6] * 15]
SCHEDULES = {
    "StepLR": [{"step_size": 3, "gamma": 0.5}],
    "ExponentialLR": [{"gamma": 0.9}],
    "CosineAnnealingLR": [{"T_max": 8, "eta_min": 0.01}],
    "OneCycleLR": [
        {"max_lr": 0.3, "total_steps": 40},
        {"max_lr": 0.3, "total_steps": 33, "pct_start": 0.2, "div_factor": 5, "final_div_factor": 50},
        {"max_lr": [0.3, 0.02], "total_steps": 30},
    ],
    "LinearWarmup": [{"epochs": 5}],
    "ReduceLROnPlateau": [
        {"factor": 0.5, "patience": 2},
        {"factor": 0.1, "patience": 1, "cooldown": 3, "min_lr": 5e-4, "threshold": 0.01},
    ],
}  # fmt: skip

LBFGS = [
    {"line_search_fn": "strong_wolfe"}, {"line_search_fn": "strong_wolfe", "max_iter": 4, "history_size": 3},
    {"lr": 0.001, "max_iter": 7, "history_size": 2}, {"lr": 0.01, "max_iter": 5},
    {"line_search_fn": "strong_wolfe", "max_iter": 30, "max_eval": 9, "lr": 0.5},
]  # fmt: skip


def parameters():
    return [torch.tensor(v, requires_grad=True) for v in (np.linspace(-1, 1, 6).reshape(2, 3), np.float64(0.5))]


def run(optimizer, params):
    p, q = params
    for k in range(300):
        p.grad = torch.tensor(np.cos(np.arange(6) + 0.7 * k).reshape(2, 3))
        q.grad = torch.tensor(np.sin(0.3 * k))
        optimizer.step()
    return [*p.detach().numpy().ravel().tolist(), q.item()]


def sgd():
    p, q = parameters()
    return torch.optim.SGD([{"params": [p]}, {"params": [q], "lr": 0.2}], lr=0.1)


def rates(name, settings):
    optimizer = sgd()
    if name == "LinearWarmup":
        n = settings["epochs"]
        schedule = schedules.LinearLR(optimizer, start_factor=1 / n, total_iters=n - 1)
    else:
        cycle = {"cycle_momentum": False} if name == "OneCycleLR" else {}
        schedule = getattr(schedules, name)(optimizer, **settings, **cycle)
    found = []
    for loss in LOSSES:
        found.append([group["lr"] for group in optimizer.param_groups])
        optimizer.step()
        schedule.step(loss) if name == "ReduceLROnPlateau" else schedule.step()
    return found


def composed(names):
    optimizer, found = sgd(), []
    made = [MADE[name](schedules, optimizer) for name in names]
    for loss in LONG:
        found.append([group["lr"] for group in optimizer.param_groups])
        optimizer.step()
        for schedule in made:
            schedule.step(loss) if isinstance(schedule, schedules.ReduceLROnPlateau) else schedule.step()
    return found[::13]


def lbfgs(settings):
    """Return the parameters and the loss before it, for each of ten steps on Rosenbrock's valley, and the counts."""
    x = torch.tensor(np.linspace(-1.5, 1.5, 4), requires_grad=True)
    optimizer, found = torch.optim.LBFGS([x], **settings), []

    def closure():
        optimizer.zero_grad()
        loss = ((1 - x[:-1]) ** 2 + 100 * (x[1:] - x[:-1] ** 2) ** 2).sum()
        loss.backward()
        return loss

    for _ in range(10):
        loss = optimizer.step(closure)
        found.append([*x.tolist(), loss.item()])
    return found, [optimizer.state[x]["n_iter"], optimizer.state[x]["func_evals"]]


if __name__ == "__main__":
    torch.set_default_dtype(torch.float64)
    optimizers = []
    for kind, several in SETTINGS.items():
        for settings in several:
            params = parameters()
            optimizers.append([kind, settings, run(getattr(torch.optim, kind)(params, **settings), params)])
    params = parameters()
    groups = [{"params": [p], **own} for p, own in zip(params, GROUPS, strict=True)]
    found = {
        "optimizers": optimizers,
        "groups": [GROUPS, run(torch.optim.SGD(groups, lr=0.1), params)],
        "lbfgs": [[settings, *lbfgs(settings)] for settings in LBFGS],
        "losses": LOSSES,
        "composed": [[names, composed(names)] for names in COMPOSED],
        "schedules": [[name, s, rates(name, s)] for name, several in SCHEDULES.items() for s in several],
    }
    Path(__file__).with_suffix(".json").write_text(json.dumps(found, indent=1), "utf-8")
