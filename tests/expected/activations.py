"""Write activations.json with torch==2.13.0: `python tests/expected/activations.py`.

For each activation as a layer, the file holds the input, the state, the output, and the gradients of the input and of
the parameters; the gradient of the output is `cos(0), cos(1), ...`.
"""

import json
from pathlib import Path

import numpy as np
import torch
from torch import nn

# With all limits and kinks
X = np.array([-20.0, -3.0, -1.7, -1.0, -0.5, 0.0, 0.3, 1.0, 2.5, 3.0, 6.0, 9.0])
LAYERS = [
    ["ELU", {}], ["ELU", {"alpha": 0.7}], ["CELU", {}], ["SELU", {}], ["Hardtanh", {}],
    ["Hardtanh", {"min_val": -1.7, "max_val": 2.5}], ["ReLU6", {}], ["Hardswish", {}], ["Mish", {}], ["Softsign", {}],
    ["LogSigmoid", {}], ["Softplus", {"beta": 2.0, "threshold": 5.0}], ["PReLU", {}], ["PReLU", {"init": -0.1}],
    ["PReLU", {"num_parameters": 3}], ["Softmax", {"dim": -1}], ["Softmax", {"dim": 0}], ["LogSoftmax", {"dim": -1}],
    ["LogSoftmax", {"dim": 1}], ["GLU", {}], ["GLU", {"dim": 0}], ["Identity", {}],
]  # fmt: skip


def run(kind, settings):
    layer = getattr(nn, kind)(**settings).double()
    for p in layer.parameters():
        p.data += torch.arange(p.numel())
    x = torch.tensor(X.reshape(2, 3, 2), requires_grad=True)
    y = layer(x)
    y.backward(torch.tensor(np.cos(np.arange(y.numel())).reshape(y.shape)))
    state = {name: p.tolist() for name, p in layer.state_dict().items()}
    return {"state": state, "output": y.tolist(), "gradients": [t.grad.tolist() for t in (x, *layer.parameters())]}


if __name__ == "__main__":
    found = [[kind, settings, run(kind, settings)] for kind, settings in LAYERS]
    text = json.dumps({"x": X.reshape(2, 3, 2).tolist(), "layers": found}, allow_nan=False)
    (Path(__file__).parent / "activations.json").write_text(text.replace("]}], [", "]}],\n["), "utf-8")
