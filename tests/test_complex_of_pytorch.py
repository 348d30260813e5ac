"""Gradients of complex numbers, and optimizers of complex parameters, are PyTorch's: `expected/complex_numbers.py`."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest

import tinygrad_edu as tg

FOLDER = Path(__file__).parent / "expected"
spec = importlib.util.spec_from_file_location("expected_complex_numbers", FOLDER / "complex_numbers.py")
script = importlib.util.module_from_spec(spec)
spec.loader.exec_module(script)
EXPECTED = json.loads((FOLDER / "complex_numbers.json").read_text("utf-8"))


def joined(parts):
    return np.array(parts[0]) + 1j * np.array(parts[1]) if len(parts) == 2 else np.array(parts[0])


def test_there_are_150_cases():
    assert list(EXPECTED["functions"]) == script.EXPRESSIONS
    assert len(script.EXPRESSIONS) >= 150


@pytest.mark.parametrize("expression", EXPECTED["functions"])
def test_the_gradient_is_pytorchs(expression):
    leaves = {name: tg.Tensor(v) for name, v in script.VALUES.items()}
    script.loss(np, eval(expression, {"m": np, **leaves})).backward()
    expected = EXPECTED["functions"][expression]
    assert {name for name, v in leaves.items() if v.grad is not None} == set(expected)
    for name, parts in expected.items():
        np.testing.assert_allclose(leaves[name].grad, joined(parts), rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize(("kind", "settings", "expected"), EXPECTED["optimizers"])
def test_an_optimizer_takes_pytorchs_steps(kind, settings, expected):
    p = tg.Tensor(script.VALUES["z"][:, :2])
    optimizer = getattr(tg.optim, kind)([p], **settings)

    def closure():
        optimizer.zero_grad()
        total = np.sum(np.abs(p - script.VALUES["w"][:2]) ** 4)
        total.backward()
        return total

    for t in range(5 if kind == "LBFGS" else 100):
        if kind != "LBFGS":
            p.grad = script.gradient(p.data, t)
        optimizer.step(*[closure] * (kind == "LBFGS"))
    np.testing.assert_allclose(p.data, joined(expected), rtol=1e-9, atol=1e-11)
