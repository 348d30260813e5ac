"""Write sequences.json with torch==2.13.0: `python tests/expected/sequences.py`.

For each recurrent layer and each attention, the file holds the results, and the gradients of the inputs and of the
parameters of their sum, each element of a result multiplied by `cos(0), cos(1), ...`. Inputs, states and parameters are
`sin(k), sin(k + 1), ...`, with another k for each of them. "names" are those of the state dictionary.
"""

import json
from pathlib import Path

import numpy as np
import torch
from torch import nn

SHAPE, SOURCE = (2, 3, 4), (2, 2, 4)  # of sequences, and of those attended to
RECURRENT = [
    [kind, {"num_layers": layers, "bias": bias, "bidirectional": both, **more}, with_state]
    for kind, more in [("RNN", {}), ("RNN", {"nonlinearity": "relu"}), ("LSTM", {}), ("GRU", {})]
    for layers, bias, both, with_state in [(1, True, False, False), (2, True, True, True), (2, False, False, True)]
]
ATTENTION = [
    [{"bias": bias}, {"attn_mask": mask, "key_padding_mask": padding, "average_attn_weights": bias}]
    for bias in (True, False)
    for mask, padding in [
        (None, None),
        ([[False, True], [False, False], [True, False]], None),
        ([[0.5, -1.0], [0.0, 2.0], [1.0, 0.25]], [[0.0, -np.inf], [0.0, 0.0]]),
    ]
]


def numbers(shape, k):
    return np.sin(np.arange(k, k + np.prod(shape, dtype=int))).reshape(shape)


def filled(layer):
    for k, p in enumerate(layer.parameters()):
        p.data[...] = torch.tensor(numbers(p.shape, k) * 0.7)
    return layer


def measured(layer, inputs, results):
    total = sum((y * torch.tensor(np.cos(np.arange(y.numel())).reshape(y.shape))).sum() for y in results)
    total.backward()
    gradients = [x.grad for x in (*inputs, *layer.parameters())]
    flat = {"results": results, "gradients": gradients}
    names = {"names": list(layer.state_dict())}
    return {**names, **{name: [a.detach().numpy().ravel().tolist() for a in several] for name, several in flat.items()}}


def recurrent(kind, settings, with_state):
    layer = filled(getattr(nn, kind)(4, 2, batch_first=True, **settings).double())
    shapes = [SHAPE]
    if with_state:
        shapes += [(settings["num_layers"] * (1 + settings["bidirectional"]), 2, 2)] * (1 + (kind == "LSTM"))
    x, *state = [torch.tensor(numbers(shape, 10 * k), requires_grad=True) for k, shape in enumerate(shapes)]
    y, last = layer(x, *([] if not state else [tuple(state)] if kind == "LSTM" else state))
    return measured(layer, [x, *state], [y, *(last if kind == "LSTM" else [last])])


def attention(settings, options):
    layer = filled(nn.MultiheadAttention(4, 2, batch_first=True, **settings).double())
    inputs = [
        torch.tensor(numbers(shape, 10 * k), requires_grad=True) for k, shape in enumerate((SHAPE, SOURCE, SOURCE))
    ]
    masks = {
        name: None if m is None else torch.tensor(np.array(m)) for name, m in options.items() if name.endswith("mask")
    }
    return measured(layer, inputs, list(layer(*inputs, **{**options, **masks})))


if __name__ == "__main__":
    found = {
        "recurrent": [[*case, recurrent(*case)] for case in RECURRENT],
        "attention": [[*case, attention(*case)] for case in ATTENTION],
    }
    Path(__file__).with_suffix(".json").write_text(json.dumps(found), "utf-8")
