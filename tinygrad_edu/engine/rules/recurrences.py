"""Recurrences: the states of a recurrent network at all time steps, as one operation.

A call takes a tuple: the initial states, of shape (n, hidden), the weights of the hidden state, and last what the
inputs contribute to each step, (t, n, gates * hidden). Time is the first axis, so that each step is in one piece. The
names and the order of the gates are PyTorch's. A rule computes the gates of all steps at once, as the states are known
by then; only the gradients of the states go backward step by step.

The implementations are plain NumPy: called on Tensors, `lstm._implementation((h, c, weight, x))` records every
operation of every step, for pictures and `explain`.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from .registry import Array, defvjp, primitive


def blocks(gates: Array, n: int) -> list[Array]:
    """Return the n gates that lie side by side along the last axis, as views."""
    size = gates.shape[-1] // n
    return [gates[..., k * size : (k + 1) * size] for k in range(n)]


def earlier(initial: Array, states: Array) -> Array:
    """Return the state before each step."""
    return np.concatenate([np.expand_dims(initial, 0), states[:-1]])


def projected(h: Array, weight: Array) -> Array:
    """Return h @ weight.T for the states of all steps, as one matrix product."""
    return (h.reshape(-1, h.shape[-1]) @ weight.T).reshape((*h.shape[:-1], weight.shape[0]))


def weight_gradient(g: Array, h: Array) -> Array:
    """Return the gradient of the weights that multiply the states h: the sum of outer products over steps and rows."""
    return g.reshape(-1, g.shape[-1]).T @ h.reshape(-1, h.shape[-1])


def rescaled(dtype: Any, size: int, factors: Sequence[float]) -> Array:
    """Return a factor for each of the gates, `size` times each."""
    return np.repeat(np.array(factors, dtype), size)


# Elman's network: h = f(x + weight h)
@primitive
def rnn(inputs: tuple[Array, Array, Array], nonlinearity: str = "tanh") -> Array:
    """The states h, (t, n, hidden), for inputs (h, weight, x): h becomes tanh(x + weight h), or relu (Elman 1990)."""
    h, weight, gates = inputs
    states = []
    for x in gates:
        a = x + h @ weight.T
        h = np.tanh(a) if nonlinearity == "tanh" else np.maximum(a, 0)
        states.append(h)
    return np.stack(states)


def rnn_rule(g: Array, y: Array, inputs: tuple[Array, Array, Array], nonlinearity: str = "tanh") -> Any:
    """Gradients of the three inputs: that of each step's sum passes on to the state before it."""
    h, weight, _ = inputs
    slope = 1 - y * y if nonlinearity == "tanh" else (y > 0).astype(y.dtype)
    passed: Any = 0
    sums: list[Array] = []
    for t in reversed(range(len(y))):
        sums.append((g[t] + passed) * slope[t])
        passed = sums[-1] @ weight
    d = np.stack(sums[::-1])
    return passed, weight_gradient(d, earlier(h, y)), d


# Long short-term memory
@primitive
def lstm(inputs: tuple[Array, Array, Array, Array]) -> Array:
    """The states h and c, (2, t, n, hidden), for inputs (h, c, weight, x) (Hochreiter & Schmidhuber 1997).

    The gates of a step are x + weight h: input, forget, candidate and output gate, i, f, u and o. Then c becomes
    sigmoid(f) c + sigmoid(i) tanh(u), and h becomes sigmoid(o) tanh(c).
    """
    h, c, weight, gates = inputs
    half, scale, shift = sigmoid_by_tanh(gates)
    hidden, cells = [], []
    for x in gates * half:
        i, f, u, o = blocks(np.tanh(x + h @ weight.T * half) * scale + shift, 4)
        c = f * c + i * u
        h = o * np.tanh(c)
        hidden.append(h)
        cells.append(c)
    return np.stack([np.stack(hidden), np.stack(cells)])


def sigmoid_by_tanh(gates: Array) -> tuple[Array, Array, Array]:
    """Return three factors a, b, c: tanh(a x) b + c is tanh(x) for the candidate, sigmoid(x) for the other gates.

    One call for all of them, as sigmoid(x) = (1 + tanh(x / 2)) / 2.
    """
    size = gates.shape[-1] // 4
    half = rescaled(gates.dtype, size, (0.5, 0.5, 1, 0.5))
    return half, half, rescaled(gates.dtype, size, (0.5, 0.5, 0, 0.5))


def lstm_rule(g: Array, y: Array, inputs: tuple[Array, Array, Array, Array]) -> Any:
    """Gradients of the four inputs: both states pass theirs on to the gates and to the states before them."""
    h, c, weight, gates = inputs
    before, cells = earlier(h, y[0]), earlier(c, y[1])
    half, scale, shift = sigmoid_by_tanh(gates)
    i, f, u, o = blocks(np.tanh((gates + projected(before, weight)) * half) * scale + shift, 4)
    z = np.tanh(y[1])
    slopes = np.concatenate([u * i * (1 - i), cells * f * (1 - f), i * (1 - u * u), z * o * (1 - o)], axis=-1)
    through = o * (1 - z * z)
    dh: Any = 0
    dc: Any = 0
    sums: list[Array] = []
    for t in reversed(range(len(gates))):
        dh = g[0][t] + dh
        dc = g[1][t] + dc + dh * through[t]
        sums.append(np.concatenate([dc, dc, dc, dh], axis=-1) * slopes[t])
        dh, dc = sums[-1] @ weight, dc * f[t]
    d = np.stack(sums[::-1])
    return dh, dc, weight_gradient(d, before), d


# Gated recurrent unit
@primitive
def gru(inputs: tuple[Array, Array, Array, Array]) -> Array:
    """The states h, (t, n, hidden), for inputs (h, weight, bias, x) (Cho et al. 2014, with PyTorch's reset gate).

    With a = weight h + bias, the gates of a step are r = sigmoid(x_r + a_r), z = sigmoid(x_z + a_z) and
    u = tanh(x_u + r a_u). Then h becomes (1 - z) u + z h.
    """
    h, weight, bias, gates = inputs
    states = []
    for x in gates:
        _, z, u, _ = gru_gates(x, h @ weight.T + bias)
        h = u + z * (h - u)
        states.append(h)
    return np.stack(states)


def gru_gates(x: Array, a: Array) -> tuple[Array, Array, Array, Array]:
    """Return r, z and u, and the part of a that r multiplies."""
    n = 2 * (x.shape[-1] // 3)
    r, z = blocks(np.tanh((x[..., :n] + a[..., :n]) * 0.5) * 0.5 + 0.5, 2)  # sigmoid
    return r, z, np.tanh(x[..., n:] + r * a[..., n:]), a[..., n:]


def gru_rule(g: Array, y: Array, inputs: tuple[Array, Array, Array, Array]) -> Any:
    """Gradients of the four inputs: the state passes its own on to the gates and to the state before it."""
    h, weight, bias, gates = inputs
    before = earlier(h, y)
    r, z, u, a = gru_gates(gates, projected(before, weight) + bias)
    of_u = (1 - z) * (1 - u * u)
    slopes = np.concatenate([of_u * a * r * (1 - r), (before - u) * z * (1 - z), of_u], axis=-1)
    of_h = np.concatenate([slopes[..., : 2 * h.shape[-1]], of_u * r], axis=-1)
    passed: Any = 0
    states: list[Array] = []
    for t in reversed(range(len(gates))):
        d = g[t] + passed
        states.append(np.concatenate([d, d, d], axis=-1))
        passed = (states[-1] * of_h[t]) @ weight + d * z[t]
    d = np.stack(states[::-1])
    dh = d * of_h
    return passed, weight_gradient(dh, before), dh.sum(axis=(0, 1)), d * slopes


defvjp(rnn,  rnn_rule)
defvjp(lstm, lstm_rule)
defvjp(gru,  gru_rule)
