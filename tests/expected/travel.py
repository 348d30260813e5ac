"""Write traveled.json, ours.safetensors and theirs.safetensors with torch==2.13.0: `python tests/expected/travel.py`.

A model of ours trains on a batch and is saved; PyTorch's loads the file, predicts, trains on the batch too, is saved,
and predicts again. The tests make and save the same model, and load what PyTorch saved.
"""

import json
from pathlib import Path

import numpy as np

import tinygrad_edu as tg

HERE = Path(__file__).parent
KINDS = [
    ("Embedding", (6, 4)), ("Flatten", ()), ("BatchNorm1d", (8,)), ("GELU", ()), ("LayerNorm", (8,)), ("PReLU", (8,)),
    ("Linear", (8, 3)),
]  # fmt: skip
X = np.arange(14).reshape(7, 2) % 6


def trained():
    """Return our model, whose parameters are cosines, after its statistics have seen X."""
    model = tg.nn.Sequential(*[getattr(tg.nn, kind)(*sizes) for kind, sizes in KINDS])
    for i, p in enumerate(model.parameters()):
        p.data[...] = np.cos(np.arange(p.size) + i).reshape(p.shape)
    model(X)
    return model


if __name__ == "__main__":
    import torch
    from safetensors.torch import load_file, save_file

    tg.save(trained().state_dict(), HERE / "ours.safetensors")
    theirs = torch.nn.Sequential(*[getattr(torch.nn, kind)(*sizes) for kind, sizes in KINDS]).double()
    theirs.load_state_dict(load_file(HERE / "ours.safetensors"))
    predicted = {"ours": theirs.eval()(torch.tensor(X)).tolist()}
    theirs.train()(torch.tensor(X))
    save_file(theirs.state_dict(), HERE / "theirs.safetensors")
    predicted["theirs"] = theirs.eval()(torch.tensor(X)).tolist()
    (HERE / "traveled.json").write_text(json.dumps(predicted), "utf-8")
