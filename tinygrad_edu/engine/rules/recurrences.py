"""Recurrences: the states of a recurrent network at all time steps, as one operation.

A call takes a tuple: the initial states, of shape (n, hidden), the weights of the hidden state, and last what the
inputs contribute to each step, (t, n, gates * hidden). Time is the first axis, so that each step is in one piece. The
names and the order of the gates are PyTorch's. A rule first runs backward through the steps, in a function of its own;
the gradients of weights follow from all steps at once.

jit records each of these loops as one call. Their implementations, called on Tensors, record every operation of every
step instead: so rules are differentiated again, pictures and `explain` can show what is inside, and backend="c"
compiles the steps.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from .registry import Array, composition, defvjp, implementations, opaque, primitive


def blocks(gates: Array, n: int) -> list[Array]:
    """Return the n gates that lie side by side along the last axis, as views."""
    size = gates.shape[-1] // n
    return [gates[..., k * size : (k + 1) * size] for k in range(n)]


def earlier(initial: Array, states: Array) -> Array:
    """Return the state before each step."""
    return np.concatenate([np.expand_dims(initial, 0), states[:-1]])


def weight_gradient(g: Array, h: Array) -> Array:
    """Return the gradient of the weights that multiply the states h: the sum of outer products over steps and rows."""
    return g.reshape(-1, g.shape[-1]).T @ h.reshape(-1, h.shape[-1])


def are_plain(arrays: Sequence[Any]) -> bool:
    """Return whether all are arrays of one dtype, and no Tensors or the like: then a loop may write in place."""
    return all([type(a) is np.ndarray and a.dtype is arrays[0].dtype for a in arrays])


# Elman's network
@opaque
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


@opaque
@primitive
def rnn_backward(inputs: tuple[Array, Array, Array], nonlinearity: str = "tanh") -> tuple[Array, Array]:
    """Gradients of the initial state and of x, for inputs (g, y, weight)."""
    g, y, weight = inputs
    slopes = 1 - y * y if nonlinearity == "tanh" else (y > 0).astype(y.dtype)
    passed: Any = 0
    steps: list[Array] = []
    for t in reversed(range(len(y))):
        steps.append((g[t] + passed) * slopes[t])
        passed = steps[-1] @ weight
    return passed, np.stack(steps[::-1])


def rnn_rule(g: Array, y: Array, inputs: tuple[Array, Array, Array], nonlinearity: str = "tanh") -> Any:
    """Gradients of the three inputs: that of each step's sum passes on to the state before it."""
    h, weight, _ = inputs
    dh, d = rnn_backward((g, y, weight), nonlinearity)
    return dh, weight_gradient(d, earlier(h, y)), d


# Long short-term memory
@opaque
@primitive
def lstm(inputs: tuple[Array, Array, Array, Array]) -> Array:
    """Gates and states, (t, 7, n, hidden), for inputs (h, c, weight, x) (Hochreiter & Schmidhuber 1997).

    Of x + weight h, the input gate i, the forget gate f and the output gate o are sigmoid, the candidate u is tanh.
    Then c becomes f c + i u, and h becomes o z, where z = tanh(c). The result holds i, f, u, o, c, z and h of each
    step: the rule needs all of them.
    """
    h, c, weight, gates = inputs
    factors = np.array([0.5, 0.5, 1, 0.5], gates.dtype)  # sigmoid(x) = (1 + tanh(x / 2)) / 2: one tanh for all gates
    half = np.repeat(factors, h.shape[-1])
    shift, weight, gates = 1 - half, weight.T * half, gates * half
    if are_plain([h, c, weight, gates]):
        return lstm_in_place(h, c, np.ascontiguousarray(weight), gates, half, shift)
    steps = []
    for x in gates:
        i, f, u, o = blocks(np.tanh(x + h @ weight) * half + shift, 4)
        c = f * c + i * u
        z = np.tanh(c)
        h = o * z
        steps.append(np.stack([i, f, u, o, c, z, h]))
    return np.stack(steps)


def lstm_in_place(h: Array, c: Array, weight: Array, gates: Array, half: Array, shift: Array) -> Array:
    """Return all steps of an LSTM, written into one array; h and c are those of the step before."""
    t, n, hidden = len(gates), *h.shape
    y = np.empty((t, 7, n, hidden), gates.dtype)
    a, p = np.empty((n, 4 * hidden), y.dtype), np.empty((n, hidden), y.dtype)
    gate_by_gate = a.reshape(n, 4, hidden).swapaxes(0, 1)
    for x, step in zip(gates, y, strict=True):
        np.matmul(h, weight, out=a)
        np.tanh(np.add(a, x, out=a), out=a)
        np.add(np.multiply(a, half, out=a), shift, out=a)
        step[:4] = gate_by_gate
        i, f, u, o, new_c, z, new_h = step
        np.multiply(f, c, out=new_c)
        np.add(new_c, np.multiply(i, u, out=p), out=new_c)
        np.multiply(o, np.tanh(new_c, out=z), out=new_h)
        h, c = new_h, new_c
    return y


@opaque
@primitive
def lstm_backward(inputs: tuple[Array, Array, Array, Array]) -> tuple[Array, Array, Array]:
    """Gradients of the initial states h and c and of x, for inputs (g, y, c, weight)."""
    g, y, c, weight = inputs
    i, f, u, o, cells, z, states = (y[:, k] for k in range(7))
    g_i, g_f, g_u, g_o, g_c, g_z, g_h = (g[:, k] for k in range(7))
    of_i, of_f, of_u = i * (1 - i), f * (1 - f), 1 - u * u
    slopes = np.concatenate([u * of_i, earlier(c, cells) * of_f, i * of_u, states * (1 - o)], axis=-1)
    through = o - states * z  # of h to c: o (1 - z**2)
    if are_plain(inputs) and not g[:, :4].any() and not g_z.any():  # as where nobody asks for the gates
        return lstm_backward_in_place(g_c, g_h, f, slopes, through, weight)
    of_gates = np.concatenate([g_i * of_i, g_f * of_f, g_u * of_u, g_o * (o * (1 - o))], axis=-1)
    g_c = g_c + g_z * (1 - z * z)
    dh: Any = 0
    dc: Any = 0
    steps: list[Array] = []
    for t in reversed(range(len(y))):
        dh = g_h[t] + dh
        dc = g_c[t] + dc + dh * through[t]
        steps.append(np.concatenate([dc, dc, dc, dh], axis=-1) * slopes[t] + of_gates[t])
        dh, dc = steps[-1] @ weight, dc * f[t]
    return dh, dc, np.stack(steps[::-1])


def lstm_backward_in_place(
    g_c: Array, g_h: Array, f: Array, slopes: Array, through: Array, weight: Array
) -> tuple[Array, Array, Array]:
    """Return the gradients of all steps of an LSTM, those of x written over the slopes; none arrives at the gates."""
    t, n, hidden = g_h.shape
    of_ifu, of_o = slopes[..., : 3 * hidden].reshape(t, n, 3, hidden), slopes[..., 3 * hidden :]
    dh, dc, p = np.zeros((3, n, hidden), slopes.dtype)
    for k in reversed(range(t)):
        np.add(dh, g_h[k], out=dh)
        np.add(np.multiply(dh, through[k], out=p), g_c[k], out=p)
        np.add(dc, p, out=dc)
        np.multiply(of_ifu[k], dc[:, np.newaxis], out=of_ifu[k])  # c passes its gradient on to three gates
        np.multiply(of_o[k], dh, out=of_o[k])
        np.matmul(slopes[k], weight, out=dh)
        np.multiply(dc, f[k], out=dc)
    return dh, dc, slopes


def lstm_rule(g: Array, y: Array, inputs: tuple[Array, Array, Array, Array]) -> Any:
    """Gradients of the four inputs: both states pass theirs on to the gates and to the states before them."""
    h, c, weight, _ = inputs
    dh, dc, d = lstm_backward((g, y, c, weight))
    return dh, dc, weight_gradient(d, earlier(h, y[:, 6])), d


# Gated recurrent unit
@opaque
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


@opaque
@primitive
def gru_backward(inputs: tuple[Array, Array, Array, Array, Array, Array]) -> tuple[Array, Array, Array]:
    """Gradients of the initial state, of a and of x, for inputs (g, y, h, weight, bias, x)."""
    g, y, h, weight, bias, gates = inputs
    before = earlier(h, y)
    a = (before.reshape(-1, h.shape[-1]) @ weight.T).reshape(gates.shape) + bias
    r, z, u, a_u = gru_gates(gates, a)
    of_u = (1 - z) * (1 - u * u)
    of_x = np.concatenate([of_u * a_u * r * (1 - r), (before - u) * z * (1 - z), of_u], axis=-1)
    of_a = np.concatenate([of_x[..., : 2 * h.shape[-1]], of_u * r], axis=-1)
    passed: Any = 0
    steps: list[Array] = []
    for t in reversed(range(len(y))):
        d = g[t] + passed
        steps.append(np.concatenate([d, d, d], axis=-1))
        passed = (steps[-1] * of_a[t]) @ weight + d * z[t]
    d = np.stack(steps[::-1])
    return passed, d * of_a, d * of_x


def gru_rule(g: Array, y: Array, inputs: tuple[Array, Array, Array, Array]) -> Any:
    """Gradients of the four inputs: the state passes its own on to the gates and to the state before it."""
    dh, d_a, d_x = gru_backward((g, y, *inputs))
    return dh, weight_gradient(d_a, earlier(inputs[0], y)), d_a.sum(axis=(0, 1)), d_x


defvjp(rnn,  rnn_rule)
defvjp(lstm, lstm_rule)
defvjp(gru,  gru_rule)
for _backward in (rnn_backward, lstm_backward, gru_backward):
    composition(_backward)(implementations[_backward])
