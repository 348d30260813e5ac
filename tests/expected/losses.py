"""Write losses.json with torch==2.13.0: `python tests/expected/losses.py`.

For each loss with its options the file holds the arguments, and by reduction the losses and the gradients of the floats
among the arguments; the gradient of the result is `cos(0), cos(1), ...`. None is for one that is infinite.
"""

import itertools
import json
import warnings
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

N = np.arange(12.0).reshape(4, 3)
X, Y, Z = np.sin(N) * 2, np.cos(3 * N), np.sin(5 * N + 1)
P, T = 0.5 + 0.4 * np.sin(N), 0.5 + 0.4 * np.cos(2 * N)
COUNTS, SIGNS, CLASSES = np.round(2 + 3 * np.sin(N) ** 2), np.sign(np.cos(4 * N)), np.array([2, 0, 1, 1])
EDGES = np.array([0.0, 0.0, 1.0, 1.0, 0.0, 1.0])
DEEP, DEEP_CLASSES = np.sin(np.arange(30.0)).reshape(2, 3, 5), np.arange(10).reshape(2, 5) % 3
TWICE = np.array([[0.0, 0.0, 0.0], [1.0, 2.0, 2.0]])  # one vector of norm 0

CASES = [
    ["smooth_l1_loss", {"beta": beta}, [X, Y]] for beta in (0.0, 0.3, 1.0)
] + [
    ["smooth_l1_loss", {"beta": 0.0}, [X, X]], ["smooth_l1_loss", {"beta": 0.5}, [X, X + 0.5 * SIGNS]],
    ["binary_cross_entropy", {}, [P, T]], ["binary_cross_entropy", {}, [EDGES, EDGES[::-1]]],
    ["binary_cross_entropy", {"weight": (1 + N).tolist()}, [P, np.round(T)]],
    ["binary_cross_entropy_with_logits", {"pos_weight": [0.5, 1.0, 3.0], "weight": (1 + N).tolist()}, [X, T]],
    ["kl_div", {}, [np.log(P), T]], ["kl_div", {"log_target": True}, [np.log(P), np.log(T)]],
    *[
        ["poisson_nll_loss", {"log_input": log_input, "full": full, "eps": eps}, [T, COUNTS]]
        for log_input, full, eps in itertools.product([True, False], [True, False], [1e-8, 0.1])
    ],
    ["poisson_nll_loss", {"full": True}, [X, np.linspace(0, 2.2, 12).reshape(4, 3)]],
    *[
        ["gaussian_nll_loss", {"full": full, "eps": 0.2}, [X, Y, var]]
        for full, var in itertools.product([True, False], [P, P[:, 0], P[:, :1], P[:1]])
    ],
    ["gaussian_nll_loss", {}, [X, Y, np.zeros((4, 3))]],
    ["cosine_similarity", {}, [X, Y]], ["cosine_similarity", {"dim": -1}, [X[:, None], Y[None]]],
    ["cosine_similarity", {"dim": 0, "eps": 1.5}, [X, Y]], ["cosine_similarity", {}, [TWICE, TWICE + 1]],
    *[
        ["triplet_margin_loss", {"p": p, "swap": swap, "margin": 1.5}, [X, Y, Z]]
        for p, swap in itertools.product([1.0, 2.0, 3.5], [False, True])
    ],
    ["margin_ranking_loss", {}, [X, X, SIGNS]], ["margin_ranking_loss", {"margin": 0.3}, [X, Y, SIGNS]],
    ["nll_loss", {}, [np.log(P), CLASSES]], ["nll_loss", {}, [DEEP, DEEP_CLASSES]],
    ["nll_loss", {"weight": [0.5, 1.0, 2.0], "ignore_index": 1}, [X, CLASSES]],
    ["nll_loss", {"weight": [0.5, 1.0, 2.0], "ignore_index": 0}, [DEEP, DEEP_CLASSES]],
]  # fmt: skip


def run(loss, options, arguments, **reduction):
    tensors = [torch.tensor(np.ascontiguousarray(a)) for a in arguments]
    leaves = [t.requires_grad_() for t in tensors if t.is_floating_point()]
    options = {k: torch.tensor(v, dtype=torch.float64) if isinstance(v, list) else v for k, v in options.items()}
    y = getattr(F, loss)(*tensors, **options, **reduction)
    y.backward(torch.tensor(np.cos(np.arange(y.numel())).reshape(y.shape)))
    gradients = [t.grad.tolist() if t.grad is not None and t.grad.isfinite().all() else None for t in leaves]
    return {"value": y.tolist(), "gradients": gradients}


if __name__ == "__main__":
    warnings.simplefilter("ignore")  # of kl_div's mean
    found = []
    for loss, options, arguments in CASES:
        kinds = ["none", "sum", "mean"] + ["batchmean"] * (loss == "kl_div")
        settings = {"": {}} if loss == "cosine_similarity" else {kind: {"reduction": kind} for kind in kinds}
        results = {kind: run(loss, options, arguments, **reduction) for kind, reduction in settings.items()}
        found.append([loss, options, [a.tolist() for a in arguments], results])
    lines = [json.dumps(case, allow_nan=False) for case in found]
    (Path(__file__).parent / "losses.json").write_text("[\n" + ",\n".join(lines) + "\n]\n", "utf-8")
