"""Schedules by name, made by this project's module or by PyTorch's, and the lists of those that act together."""

import numpy as np

MADE = {
    "step": lambda m, o: m.StepLR(o, 30, gamma=0.7),
    "exponential": lambda m, o: m.ExponentialLR(o, 0.99),
    "multi-step": lambda m, o: m.MultiStepLR(o, [5, 20, 20, 100], gamma=0.3),
    "cosine": lambda m, o: m.CosineAnnealingLR(o, 400),
    "cosine to a minimum": lambda m, o: m.CosineAnnealingLR(o, 17, eta_min=0.01),
    "restarts": lambda m, o: m.CosineAnnealingWarmRestarts(o, 7, 2, eta_min=0.001),
    "equal restarts": lambda m, o: m.CosineAnnealingWarmRestarts(o, 9),
    "restarts from one epoch": lambda m, o: m.CosineAnnealingWarmRestarts(o, 1, 3),
    "polynomial": lambda m, o: m.PolynomialLR(o, 200, power=1.7),
    "linear": lambda m, o: m.LinearLR(o, start_factor=0.2, total_iters=40),
    "lambda": lambda m, o: m.LambdaLR(o, lambda epoch: 1 / (1 + 0.1 * epoch)),
    "lambdas": lambda m, o: m.LambdaLR(o, [lambda epoch: 0.95**epoch, lambda epoch: epoch / 300]),
    "plateau": lambda m, o: m.ReduceLROnPlateau(o, factor=0.5, patience=3),
    "highest": lambda m, o: m.ReduceLROnPlateau(o, mode="max", factor=0.5, patience=9, threshold=0.01),
    "absolute": lambda m, o: m.ReduceLROnPlateau(
        o, threshold_mode="abs", factor=0.5, patience=3, threshold=0.2, cooldown=2, min_lr=1e-3
    ),
    "highest, absolute": lambda m, o: m.ReduceLROnPlateau(
        o, mode="max", threshold_mode="abs", factor=0.9, patience=3, threshold=0.2, min_lr=0.15
    ),
    "sequence": lambda m, o: m.SequentialLR(
        o, [m.LinearLR(o, 0.1, total_iters=10), m.CosineAnnealingLR(o, 90, eta_min=0.002), m.StepLR(o, 30)], [10, 100]
    ),
    "chain": lambda m, o: m.ChainedScheduler([m.LinearLR(o, 0.5, total_iters=4), m.ExponentialLR(o, 0.99)]),
}
COMPOSED = [
    *[[name] for name in MADE], ["exponential", "step"], ["step", "exponential"], ["multi-step", "linear"],
    ["cosine", "exponential"], ["exponential", "cosine", "step", "linear"], ["exponential", "plateau"],
    ["plateau", "exponential"], ["chain", "step"], ["polynomial", "multi-step"],
]  # fmt: skip
LONG = [float(1.5 + np.sin(0.05 * k) + np.cos(1.7 * k) / (1 + 0.02 * k)) for k in range(300)]
