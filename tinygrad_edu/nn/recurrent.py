"""Recurrent layers: Elman's network, LSTM and GRU, over sequences of shape (n, t, features).

As in PyTorch with `batch_first=True`, and so are the names of the parameters: `weight_ih_l0` (gates * hidden, input),
`weight_hh_l0` (gates * hidden, hidden), `bias_ih_l0` and `bias_hh_l0` of layer 0, and with "_reverse" those of the
direction that goes from the last time step to the first. All start uniform within 1 / sqrt(hidden_size).

The tape holds the states of all steps as one operation. After `layer.composed = True` it holds every operation of every
step, so that `tg.draw` and `tg.explain` show what is inside.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import DTypeLike

from ..engine.arguments import generator, switches
from ..engine.rules import recurrences
from ..engine.rules.registry import Array, Function, implementations
from ..engine.tensor import Tensor
from .init import Rng
from .layers import Dropout, checked_input, checked_sizes
from .module import Module, float_dtype


class Recurrent(Module):
    """What the recurrent layers share: parameters, directions, layers on top of each other, and states.

    A subclass says how many gates it has, whether its state is a pair, and what computes the states of all steps.
    """

    composed: bool = False
    gates: ClassVar[int] = 1
    pairs: ClassVar[bool] = False  # whether a state is (h, c)

    def __init__(
        self, input_size: int, hidden_size: int, num_layers: int = 1, bias: bool = True, batch_first: bool = True,
        dropout: float = 0.0, bidirectional: bool = False, rng: Rng = None, *, dtype: DTypeLike = np.float64,
    ) -> None:  # fmt: skip
        where = f"{type(self).__name__}({input_size} -> {hidden_size})"
        sizes = checked_sizes(where, input_size, hidden_size, num_layers)
        self.input_size, self.hidden_size, self.num_layers = sizes
        switches(where, bias=bias, batch_first=batch_first, bidirectional=bidirectional)
        if not batch_first:
            raise ValueError(f"{where}: sequences are (n, t, features); np.swapaxes(x, 0, 1) makes one of (t, n, ...)")
        self.bias, self.bidirectional, rng = bias, bool(bidirectional), generator(where, rng)
        self.dropout, self.between = dropout, Dropout(dropout, rng) if dropout else None
        rows, bound, kind = self.gates * self.hidden_size, self.hidden_size**-0.5, float_dtype(where, dtype)
        for i, suffixes in enumerate(self._suffixes()):
            columns = self.hidden_size * len(suffixes) if i else self.input_size
            shapes: dict[str, tuple[int, ...]] = {"weight_ih": (rows, columns), "weight_hh": (rows, self.hidden_size)}
            shapes |= {"bias_ih": (rows,), "bias_hh": (rows,)} if bias else {}
            for label, shape in [(name + suffix, shape) for suffix in suffixes for name, shape in shapes.items()]:
                setattr(self, label, Tensor(rng.uniform(-bound, bound, shape).astype(kind), label=label))

    def _suffixes(self) -> list[list[str]]:
        """Return how the parameters' names end, for each layer those of its directions."""
        return [[f"_l{i}", f"_l{i}_reverse"][: 1 + self.bidirectional] for i in range(self.num_layers)]

    def forward(self, x: Tensor | Array, state: Any = None) -> tuple[Any, Any]:
        """Return the last layer's states h at all time steps, (n, t, hidden), and the last state of every layer.

        A state has shape (layers, n, hidden), that of LSTM is a pair (h, c) of these; without one it starts at 0. With
        both directions, the output holds both, (n, t, 2 * hidden), and the state has one for each in every layer. For
        one sequence, (t, features), all of these lack the axis of n. Raises ValueError for other shapes.
        """
        x, shape = checked_input(self, x)
        if len(shape) not in (2, 3) or shape[-1] != self.input_size or not shape[-2]:
            one = f"(t, {self.input_size}) for one sequence"
            raise ValueError(f"{self.describe()} got {shape}: it takes (n, t, {self.input_size}) or {one}, t from 1")
        initial = None if state is None else self._checked_state(state, shape[:-2])
        if len(shape) == 2:
            x, initial = x[np.newaxis], None if initial is None else [s[:, np.newaxis] for s in initial]
        y: Any = np.swapaxes(x, 0, 1)
        last: list[Any] = []
        for suffixes in self._suffixes():
            y, outputs = self.between(y) if self.between and last else y, []
            for suffix in suffixes:
                order = slice(None, None, -1 if suffix.endswith("_reverse") else 1)
                start = None if initial is None else [s[len(last)] for s in initial]
                states = self._states(y[order] if order.step < 0 else y, start, suffix)
                outputs.append(states[0][order] if order.step < 0 else states[0])
                last.append([s[-1] for s in states])
            y = np.concatenate(outputs, axis=-1) if self.bidirectional else outputs[0]
        h, *c = [np.stack(s) for s in zip(*last, strict=True)]
        y = np.swapaxes(y, 0, 1)
        if len(shape) == 2:
            y, h, c = y[0], h[:, 0], [s[:, 0] for s in c]
        return y, (h, *c) if c else h

    def _checked_state(self, state: Any, batch: tuple[int, ...]) -> Sequence[Any]:
        """Return the arrays of an initial state; raises ValueError for another number of them or other shapes."""
        shape = (self.num_layers * (1 + self.bidirectional), *batch, self.hidden_size)
        several = isinstance(state, (tuple, list)) and (self.pairs or any([np.ndim(s) == len(shape) for s in state]))
        states = state if several else (state,)
        shapes = [np.shape(s) for s in states]
        if shapes != [shape] * (1 + self.pairs):
            needed = f"a pair (h, c) of shape {shape} each" if self.pairs else f"one of shape {shape}"
            given = f"a state of shape {', '.join(map(str, shapes))}"
            count = f"{batch[0]} sequences" if batch else "one sequence"
            raise ValueError(f"{self.describe()} got {given}: for {count} it takes {needed}")
        return states

    def _states(self, x: Any, initial: list[Any] | None, suffix: str) -> Sequence[Any]:
        """Return the states at all time steps of x, (t, n, features): h, or h and c, of shape (t, n, hidden)."""
        weight_ih, weight_hh, *biases = [p for name, p in vars(self).items() if name.endswith(suffix)]
        gates = x @ weight_ih.T  # one product for all time steps
        if initial is None:
            initial = [np.zeros((x.shape[1], self.hidden_size), gates.dtype)] * (1 + self.pairs)
        return self._recurrence(initial, weight_hh, gates, biases)

    def _recurrence(self, initial: list[Any], weight: Tensor, gates: Any, biases: list[Tensor]) -> Sequence[Any]:
        """Return the states at all time steps from the products of the inputs with their weights."""
        raise NotImplementedError

    def _run(self, recurrence: Function, *args: Any) -> Any:
        return (implementations[recurrence] if self.composed else recurrence)(*args)

    def describe(self) -> str:
        """Return "LSTM(in -> hidden)", with the options that are not the defaults."""
        options = [("num_layers", self.num_layers, 1), ("bias", self.bias, True), ("dropout", self.dropout, 0),
                   ("bidirectional", self.bidirectional, False)]  # fmt: skip
        given = [f", {name}={value}" for name, value, default in options if value != default]
        return f"{type(self).__name__}({self.input_size} -> {self.hidden_size}{''.join(given)})"


class RNN(Recurrent):
    """Elman's recurrent network: h becomes tanh(weight_ih x + bias_ih + weight_hh h + bias_hh) (Elman 1990).

    With `nonlinearity="relu"` max(0, ...). `model(x)` and `model(x, h)` return (output, h): see `forward`. Raises
    ValueError for another `nonlinearity` than "tanh" and "relu".

    >>> output, h = tg.nn.RNN(3, 8, rng=0)(np.ones((2, 5, 3)))  # (n, t, features)
    >>> output.shape, h.shape
    ((2, 5, 8), (1, 2, 8))
    """

    def __init__(
        self, input_size: int, hidden_size: int, num_layers: int = 1, nonlinearity: str = "tanh", bias: bool = True,
        batch_first: bool = True, dropout: float = 0.0, bidirectional: bool = False, rng: Rng = None, *,
        dtype: DTypeLike = np.float64,
    ) -> None:  # fmt: skip
        if nonlinearity not in ("tanh", "relu"):
            raise ValueError(f'RNN: nonlinearity is "tanh" or "relu", not {nonlinearity!r}')
        self.nonlinearity = nonlinearity
        options = bias, batch_first, dropout, bidirectional, rng
        super().__init__(input_size, hidden_size, num_layers, *options, dtype=dtype)

    def _recurrence(self, initial: list[Any], weight: Tensor, gates: Any, biases: list[Tensor]) -> Sequence[Any]:
        gates = gates + (biases[0] + biases[1]) if biases else gates
        return [self._run(recurrences.rnn, (*initial, weight, gates), self.nonlinearity)]


class LSTM(Recurrent):
    """Long short-term memory (Hochreiter & Schmidhuber 1997), with the gates input, forget, candidate and output.

    `model(x)` and `model(x, (h, c))` return (output, (h, c)): see `forward`.

    >>> output, (h, c) = tg.nn.LSTM(3, 8, rng=0)(np.ones((2, 5, 3)))  # (n, t, features)
    >>> output.shape, h.shape, c.shape
    ((2, 5, 8), (1, 2, 8), (1, 2, 8))
    """

    gates, pairs = 4, True

    def _recurrence(self, initial: list[Any], weight: Tensor, gates: Any, biases: list[Tensor]) -> Sequence[Any]:
        gates = gates + (biases[0] + biases[1]) if biases else gates
        steps = self._run(recurrences.lstm, (*initial, weight, gates))
        return [steps[:, 6], steps[:, 4]]


class GRU(Recurrent):
    """Gated recurrent unit (Cho et al. 2014), with the gates reset, update and candidate, as in PyTorch.

    `model(x)` and `model(x, h)` return (output, h): see `forward`.

    >>> output, h = tg.nn.GRU(3, 8, rng=0)(np.ones((2, 5, 3)))  # (n, t, features)
    >>> output.shape, h.shape
    ((2, 5, 8), (1, 2, 8))
    """

    gates = 3

    def _recurrence(self, initial: list[Any], weight: Tensor, gates: Any, biases: list[Tensor]) -> Sequence[Any]:
        of_x, of_h = biases or (0.0, np.zeros(len(weight), weight.dtype))
        return [self._run(recurrences.gru, (*initial, weight, of_h, gates + of_x))]
