"""Write images.json with torch==2.13.0: `python tests/expected/images.py`.

For each layer of images and signals, the file holds its kind, its arguments and the shape of its input; and of
PyTorch's layer in float64 the output, the gradients of the input and of the parameters (the gradient of the output is
`cos(0), cos(1), ...`), the names and the values of the state after one call, and the output in evaluation mode.
Parameters are `sin(1), sin(2), ...`, and the input has equal elements. Numbers have 11 digits.
"""

import json
from pathlib import Path

import numpy as np
import torch
from torch import nn

IMAGE, SIGNAL = (2, 4, 4, 5), (2, 4, 7)
LAYERS = [
    ["Conv1d", [4, 2, 3], {}, SIGNAL], ["Conv1d", [4, 2, 3], {"stride": 2, "padding": 1, "bias": False}, SIGNAL],
    ["Conv1d", [4, 4, 2], {"padding": "same", "dilation": 3, "groups": 2}, SIGNAL],
    ["Conv2d", [4, 3, 3], {}, IMAGE], ["Conv2d", [4, 2, [3, 2]], {"padding": "same"}, IMAGE],
    ["Conv2d", [4, 2, 2], {"stride": [2, 1], "padding": [0, 1], "dilation": [1, 2]}, IMAGE],
    ["Conv2d", [4, 6, 3], {"padding": 1, "groups": 2, "stride": 3}, IMAGE],
    ["Conv2d", [4, 4, 2], {"padding": "valid", "groups": 4, "bias": False}, IMAGE],
    ["Conv2d", [4, 2, 3], {"padding": 2, "padding_mode": "circular"}, IMAGE],
    ["Conv2d", [4, 2, 3], {"padding": [1, 2], "padding_mode": "reflect"}, IMAGE],
    ["Conv2d", [4, 2, 3], {"padding": "same", "padding_mode": "replicate"}, IMAGE],
    ["Conv2d", [4, 2, 1], {}, IMAGE[1:]],
    ["ConvTranspose1d", [4, 3, 3], {"stride": 2, "output_padding": 1}, SIGNAL],
    ["ConvTranspose2d", [4, 3, 2], {}, IMAGE], ["ConvTranspose2d", [4, 2, 3], {"stride": 2, "padding": 1}, IMAGE],
    ["ConvTranspose2d", [4, 4, [3, 2]], {"stride": [3, 1], "output_padding": [2, 0], "groups": 2}, IMAGE],
    ["ConvTranspose2d", [4, 2, 2], {"dilation": 2, "output_padding": 1, "bias": False}, IMAGE],
    ["MaxPool1d", [3], {"stride": 2}, SIGNAL], ["MaxPool2d", [2], {}, IMAGE],
    ["MaxPool2d", [3], {"stride": 1, "padding": 1}, IMAGE],
    ["MaxPool2d", [[2, 3]], {"stride": [3, 2], "ceil_mode": True, "padding": [1, 0]}, IMAGE],
    ["MaxPool2d", [2], {"dilation": 2, "stride": 1}, IMAGE],
    ["AvgPool1d", [3], {"padding": 1, "count_include_pad": False}, SIGNAL], ["AvgPool2d", [2], {}, IMAGE],
    ["AvgPool2d", [3], {"stride": 2, "padding": 1, "ceil_mode": True}, IMAGE],
    ["AvgPool2d", [[3, 2]], {"padding": 1, "ceil_mode": True, "count_include_pad": False}, IMAGE],
    ["AvgPool2d", [2], {"stride": 1, "divisor_override": 3}, IMAGE],
    ["AdaptiveAvgPool1d", [3], {}, SIGNAL], ["AdaptiveAvgPool2d", [1], {}, IMAGE],
    ["AdaptiveAvgPool2d", [[3, None]], {}, IMAGE], ["AdaptiveAvgPool2d", [[7, 4]], {}, IMAGE],
    ["BatchNorm2d", [4], {}, IMAGE], ["BatchNorm2d", [4], {"momentum": None, "eps": 1e-3, "affine": False}, IMAGE],
    ["BatchNorm2d", [4], {"track_running_stats": False}, IMAGE],
    ["GroupNorm", [2, 4], {}, IMAGE], ["GroupNorm", [4, 4], {"eps": 1e-3, "affine": False}, SIGNAL],
    ["GroupNorm", [1, 4], {}, (3, 4)], ["RMSNorm", [5], {}, IMAGE], ["RMSNorm", [[4, 5]], {"eps": 1e-3}, IMAGE],
    ["RMSNorm", [7], {"elementwise_affine": False}, SIGNAL],
    ["Flatten", [], {}, IMAGE], ["Flatten", [], {"start_dim": 2, "end_dim": 3}, IMAGE],
    ["Flatten", [], {"start_dim": 0, "end_dim": -2}, IMAGE],
]  # fmt: skip


def flat(arrays):
    return [[float(f"{v:.11g}") for v in a.detach().numpy().ravel().tolist()] for a in arrays]


def run(kind, args, options, shape):
    layer = getattr(nn, kind)(*args, **options).double()
    for p in layer.parameters():
        p.data[...] = torch.tensor(np.sin(1 + np.arange(p.numel())).reshape(p.shape))
    x = np.round(np.sin(np.arange(np.prod(shape))) * 2, 1)
    x = torch.tensor(x.reshape(shape), requires_grad=True)
    y = layer(x)
    y.backward(torch.tensor(np.cos(np.arange(y.numel(), dtype=float)).reshape(y.shape)))
    gradients, state = flat([x.grad, *[p.grad for p in layer.parameters()]]), dict(layer.state_dict())
    found = {"shape": list(y.shape), "output": flat([y])[0], "gradients": gradients}
    found["state"] = {name: [list(a.shape), flat([a.double()])[0]] for name, a in state.items()}
    return found | {"evaluated": flat([layer.eval()(x)])[0] if "BatchNorm" in kind else None}


if __name__ == "__main__":
    lines = [json.dumps([*layer, run(*layer)], separators=(",", ":")) for layer in LAYERS]
    Path(__file__).with_suffix(".json").write_text("[\n" + ",\n".join(lines) + "\n]\n", "utf-8")
