"""Write complex_numbers.json with torch==2.13.0: `python tests/expected/complex_numbers.py`.

Functions: expressions in which `m` is NumPy or PyTorch, and the gradients by the real and the imaginary parts of their
arguments z, w, a (complex) and x (real). The loss is sum(cos(k) Re y + sin(k) Im y) over the elements k = 0, 1, ... of
the result y. Optimizers: a complex parameter after 100 steps (LBFGS: after 5), with the gradients of `gradient`.
"""

import json
from pathlib import Path

import numpy as np

_rng = np.random.default_rng(7)
VALUES = {
    "z": _rng.normal(size=(2, 3)) + 1j * _rng.normal(size=(2, 3)),
    "w": _rng.normal(size=(3, 2)) + 1j * _rng.normal(size=(3, 2)),
    "a": _rng.normal(size=(3, 3)) + 1j * _rng.normal(size=(3, 3)),
    "x": _rng.uniform(0.5, 1.5, (2, 3)),
}
POINTWISE = [
    "exp", "log", "log2", "log10", "log1p", "expm1", "exp2", "sin", "cos", "tan", "sinh", "cosh", "tanh", "arcsin",
    "arccos", "arctan", "arcsinh", "arccosh", "arctanh", "sqrt", "square", "reciprocal", "abs", "angle", "conj",
    "real", "imag", "positive", "negative",
]  # fmt: skip
NORMS = ("None", "'ortho'", "'forward'")
DEFINITE = "(a @ a.conj().T + m.eye(3))"
EXPRESSIONS = [
    *[f"m.{f}(z)" for f in POINTWISE],
    *[f"m.{f}(x * 2j - z.conj())" for f in POINTWISE],
    # Arithmetic, also with real numbers
    "z * w.T", "z / w.T", "z ** w.T", "z**3", "z**0.5", "z**-1.5", "2**z", "x * z", "z / x", "x**z", "x / z",
    "1j * x + 2",
    "m.where(x > 1, z, w.T)", "z.real * z.imag", "abs(z) ** 2", "z.conj() * z * z",
    # Products
    "z @ w", "m.vdot(z.reshape(-1), w.reshape(-1))", "m.inner(z, w.T)", "m.outer(z[0], w[:, 0])", "m.kron(z, w)",
    "m.einsum('ij,jk->ki', z, w)", "m.tensordot(z, w, 1)", "m.linalg.cross(z, w.T)", "m.linalg.multi_dot([z, w, z])",
    "(x + 0j) @ w", "m.linalg.vecdot(z, w.T)", "m.linalg.matrix_power(a, 3)",
    # Reductions and scans
    "m.sum(z, 0)", "m.mean(z, 1)", "m.prod(z)", "m.cumsum(z, 1)", "m.cumprod(z, 1)", "m.var(z, correction=0)",
    "m.std(z, correction=1)", "m.linalg.norm(z)", "m.linalg.vector_norm(z, ord=1)", "m.linalg.vector_norm(z, ord=3)",
    "m.linalg.matrix_norm(a)", "m.linalg.matrix_norm(a, ord='nuc')", "m.linalg.matrix_norm(a, ord=2)", "m.trace(a)",
    # Shapes
    "m.reshape(z, (3, 2)) * w", "m.flip(z, (0, 1))", "m.roll(z, 2)", "m.stack([z, w.T])", "m.concatenate([z, x])",
    "m.tril(a)", "m.triu(a, 1)", "m.diag(a)", "z[:, [0, 0, 2]]", "m.broadcast_to(z[0], (2, 2, 3))",
    # Fourier transforms
    *[f"m.fft.{f}(z, {n}, -1, {norm})" for f in ("fft", "ifft") for n in (None, 2, 5) for norm in NORMS],
    *[f"m.fft.{f}(z, {n}, 1, {norm})" for f in ("irfft", "hfft") for n in (4, 5) for norm in NORMS],
    *[f"m.fft.{f}(x, {n}, 0, {norm})" for f in ("rfft", "ihfft") for n in (None, 3) for norm in NORMS],
    "m.fft.fft2(a)", "m.fft.ifft2(a, None, (-2, -1), 'ortho')", "m.fft.rfft2(x)", "m.fft.irfft2(a, (3, 5))",
    "m.fft.fftn(a, (2, 4), (0, 1))", "m.fft.irfftn(a, (4, 4), (1, 0))", "m.fft.fftshift(z)", "m.fft.ifftshift(z)",
    # Linear algebra; of eigenvectors and singular vectors what does not depend on their phases
    "m.linalg.inv(a)", "m.linalg.det(a)", "m.linalg.slogdet(a)[0]", "m.linalg.slogdet(a)[1]", "m.linalg.solve(a, w)",
    "m.linalg.pinv(z)", f"m.linalg.cholesky({DEFINITE})", f"m.linalg.eigvalsh({DEFINITE})",
    f"abs(m.linalg.eigh({DEFINITE})[1])", "m.linalg.svdvals(z)", "abs(m.linalg.svd(a)[0])",
    "(lambda s: s[0] @ s[2])(m.linalg.svd(a))", "m.linalg.qr(a)[0]", "m.linalg.qr(a)[1]",
    "m.linalg.eigvals(a).sum()", "(m.linalg.eigvals(a) ** 3).sum()", "(abs(m.linalg.eig(a)[1]) ** 2).sum(1)",
]  # fmt: skip


def loss(m, y):
    """Return the real number that is differentiated."""
    k = np.arange(int(np.prod(y.shape))).reshape(tuple(y.shape))
    cos, sin = np.cos(k), np.sin(k)
    if m is not np:
        cos, sin = m.tensor(cos), m.tensor(sin)
    return m.sum(y.real * cos + y.imag * sin) if "complex" in str(y.dtype) else m.sum(y * cos)


def gradient(p, t):
    """Return the gradient that an optimizer is given in step t."""
    k = np.arange(p.size).reshape(p.shape)
    return (p - VALUES["w"][:2]) * (1 + 0.5 * np.sin(t + k)) + 0.3j * np.cos(t * k)


OPTIMIZERS = [
    ["SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True}], ["Adam", {"lr": 0.02}], ["Adam", {"amsgrad": True}],
    ["AdamW", {"lr": 0.02, "weight_decay": 0.3}], ["NAdam", {"lr": 0.02}], ["RAdam", {"lr": 0.02}],
    ["Adagrad", {"lr": 0.1, "initial_accumulator_value": 0.5}], ["Adadelta", {"lr": 0.5}],
    ["RMSprop", {"lr": 0.02, "centered": True, "momentum": 0.5}], ["Rprop", {"lr": 0.05}],
    ["LBFGS", {"lr": 0.3, "max_iter": 4}],
]  # fmt: skip


def parts(v):
    v = np.asarray(v)
    return [v.real.tolist(), v.imag.tolist()] if np.iscomplexobj(v) else [v.tolist()]


def gradients_of_pytorch(expression):
    leaves = {name: torch.tensor(v, requires_grad=True) for name, v in VALUES.items()}
    loss(torch, eval(expression, {"m": torch, **leaves})).backward()
    return {name: parts(v.grad.resolve_conj().numpy()) for name, v in leaves.items() if v.grad is not None}


def optimized_by_pytorch(kind, settings):
    p = torch.tensor(VALUES["z"][:, :2].copy(), requires_grad=True)
    optimizer = getattr(torch.optim, kind)([p], **settings)

    def closure():
        optimizer.zero_grad()
        total = torch.sum(torch.abs(p - torch.tensor(VALUES["w"][:2])) ** 4)
        total.backward()
        return total

    for t in range(5 if kind == "LBFGS" else 100):
        if kind == "LBFGS":
            optimizer.step(closure)
        else:
            p.grad = torch.tensor(gradient(p.detach().numpy(), t))
            optimizer.step()
    return parts(p.detach().numpy())


if __name__ == "__main__":
    import torch

    torch.set_default_dtype(torch.float64)
    found = {
        "functions": {expression: gradients_of_pytorch(expression) for expression in EXPRESSIONS},
        "optimizers": [[kind, settings, optimized_by_pytorch(kind, settings)] for kind, settings in OPTIMIZERS],
    }
    text = json.dumps(found, allow_nan=False).replace("}, ", "},\n")
    (Path(__file__).parent / "complex_numbers.json").write_text(text, "utf-8")
