"""Write layers.json with torch==2.13.0: `python tests/expected/layers.py`.

For each layer, the file holds the output for one input, the gradients of the input and of the parameters (the gradient
of the output is `cos(0), cos(1), ...`), the running statistics, and the output in evaluation mode. The script also
saves a small PyTorch network as `travel.safetensors`, and its predictions as "travel".
"""

import json
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn

HERE = Path(__file__).parent
X = np.sin(np.arange(24.0)) * 2 + np.arange(24) % 3
LAYERS = [
    ["GELU", {}, (4, 6)], ["GELU", {"approximate": "tanh"}, (4, 6)], ["SiLU", {}, (4, 6)], ["Softplus", {}, (4, 6)],
    ["LeakyReLU", {"negative_slope": 0.2}, (4, 6)], ["BatchNorm1d", {"num_features": 6}, (4, 6)],
    ["BatchNorm1d", {"num_features": 3, "momentum": 0.3, "eps": 1e-3}, (2, 3, 4)],
    ["LayerNorm", {"normalized_shape": 6}, (4, 6)], ["LayerNorm", {"normalized_shape": (3, 2), "eps": 1e-3}, (4, 3, 2)],
]  # fmt: skip


def run(kind, settings, shape):
    layer = getattr(nn, kind)(**settings).double()
    for p in layer.parameters():
        p.data[...] = torch.tensor(1 + np.arange(p.numel()).reshape(p.shape) / 10)
    x = torch.tensor(X.reshape(shape), requires_grad=True)
    y = layer(x)
    y.backward(torch.tensor(np.cos(np.arange(24.0)).reshape(shape)))
    gradients = [x.grad, *[p.grad for p in layer.parameters()]]
    running = list(layer.buffers())
    layer.eval()
    arrays = {"output": [y], "gradients": gradients, "running": running, "evaluated": [layer(x)]}
    return {name: [a.detach().numpy().ravel().tolist() for a in several] for name, several in arrays.items()}


if __name__ == "__main__":
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))
    save_file(net.state_dict(), HERE / "travel.safetensors")
    predicted = net(torch.tensor(X.reshape(8, 3), dtype=torch.float32)).detach().numpy().astype(float).tolist()
    found = {"layers": [[*layer, run(*layer)] for layer in LAYERS], "travel": predicted}
    (HERE / "layers.json").write_text(json.dumps(found, indent=1), "utf-8")
