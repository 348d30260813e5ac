"""Averages of gradients over ranks: flat buffers, one for each dtype, which one Allreduce sums with a short header."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from ..engine.rules.finite import all_finite as finite
from ..engine.rules.registry import Array
from ..engine.tensor import Tensor
from ..optim import Optimizer
from ..optim.validation import gradient_of
from ..transforms.tree import flatten
from .communicator import broadcast_array, broadcast_object, checked_communicator, sum_array
from .exchange import Exchange

Order = Literal["C", "F"]
OPTIMIZER = "optimizer/"  # begins the names of an optimizer's state
HEADER = 4  # numbers beside the gradients, of the first buffer's dtype: at most 32 bytes
FAILED, EXAMPLES, LOSS, CHANGED = range(HEADER)


class Sums(NamedTuple):
    """The sums over all ranks beside those of the gradients: the number of examples, and the mean of their losses."""

    examples: float
    loss: float


class Buffer:
    """A flat array of the gradients of one dtype that is sent, one that is received, and views for each parameter."""

    def __init__(
        self, dtype: np.dtype[Any], members: list[int], parameters: Sequence[Tensor], orders: Sequence[Order],
        header: int,
    ) -> None:  # fmt: skip
        sizes = [parameters[i].data.size * (2 if parameters[i].dtype.kind == "c" else 1) for i in members]
        self.sent, self.received = np.zeros((2, header + sum(sizes)), dtype)
        self.places: list[tuple[int, Array, Array]] = []
        for i, n, stop in zip(members, sizes, np.cumsum(sizes).tolist(), strict=True):
            part, p = slice(header + stop - n, header + stop), parameters[i]
            parts = (a[part] for a in (self.sent, self.received))
            if p.dtype.kind == "c":
                parts = (a.view(p.dtype) for a in parts)
            sent, received = (a.reshape(p.shape, order=orders[i]) for a in parts)
            self.places.append((i, sent, received))


class GradientBuffers:
    """The buffers of the gradients of `parameters`, kept from step to step.

    float16 is summed as float32, as MPI has no sums of it, and a complex number as two real ones. `present` says for
    each parameter whether any rank has a gradient of it. As long as all ranks with examples find what was agreed
    before, a step is one Allreduce for each dtype; otherwise one more agrees anew. `orders`, the same on all ranks, say
    how gradients lie in the buffers.
    """

    def __init__(self, parameters: Sequence[Tensor], comm: Any, orders: Sequence[Order]) -> None:
        self.parameters, self.comm, self.forms = parameters, comm, forms_of(parameters)
        self.present = [True] * len(parameters)
        by_dtype: dict[np.dtype[Any], list[int]] = {}
        for i, p in enumerate(parameters):
            by_dtype.setdefault(np.result_type(p.data.real.dtype, np.float32), []).append(i)
        self.buffers = [
            Buffer(dtype, members, parameters, orders, 0 if number else HEADER)
            for number, (dtype, members) in enumerate(by_dtype.items())
        ]

    def fits(self, parameters: Sequence[Tensor]) -> bool:
        """Return whether these are still the parameters: a callback may add a group to the optimizer."""
        return self.forms == forms_of(parameters)

    def reduce(self, exchange: Exchange, examples: float, loss: float = 0.0, total: float | None = None) -> Sums:
        """Sum the gradients and the losses of all ranks, weighted by their `examples`; `averages` has the result then.

        `total` is the number of all examples, if it is known. Raises the error of a rank that has one, on all ranks.
        """
        weight = examples if total is None else examples / total
        failed = exchange.error is not None
        grads = [None if failed or not examples else g for g in map(gradient_of, self.parameters)]
        found = [g is not None for g in grads]
        changed = bool(examples) and not failed and found != self.present
        header = [failed, examples, examples and loss * weight, changed]
        for buffer in self.buffers:
            for i, sent, _ in buffer.places:
                g = grads[i]
                if g is None:
                    sent[...] = 0
                else:
                    np.multiply(g, weight, out=sent, dtype=sent.dtype)
        self.buffers[0].sent[:HEADER] = header
        self.comm.Allreduce(self.buffers[0].sent, self.buffers[0].received)
        sums = self.buffers[0].received[:HEADER].tolist()
        if sums[FAILED]:
            exchange.fail()
        for buffer in self.buffers[1:]:
            self.comm.Allreduce(buffer.sent, buffer.received)
        if sums[CHANGED]:
            self.present = (sum_array(self.comm, np.array(found, np.float64)) > 0).tolist()
        if total is not None:
            return Sums(total, sums[LOSS])
        total = sums[EXAMPLES]
        for buffer in self.buffers:
            np.divide(buffer.received, total or 1, out=buffer.received)
        return Sums(total, sums[LOSS] / (total or 1))

    def averages(self) -> list[Array | None]:
        """Return the averaged gradient of each parameter, a view that the next sum changes, or None if no rank has one.

        A gradient has its parameter's dtype.
        """
        found: list[Array | None] = [None] * len(self.parameters)
        for buffer in self.buffers:
            for i, _, received in buffer.places:
                if self.present[i]:
                    found[i] = received.astype(self.parameters[i].dtype, copy=False)
        return found


def forms_of(parameters: Sequence[Tensor]) -> list[tuple[int, tuple[int, ...], np.dtype[Any]]]:
    """Return what buffers of gradients depend on: which parameters there are, their shapes and dtypes."""
    return [(id(p), p.shape, p.dtype) for p in parameters]


def memory_orders(parameters: Sequence[Tensor], comm: Any) -> list[Order]:
    """Return on all ranks how the parameters of rank 0 lie in memory: sums of gradients that lie alike are fastest."""
    orders: list[Order] = ["F" if p.data.flags.fnc else "C" for p in parameters]
    return list(broadcast_object(comm, orders))


def average_gradients(parameters: Iterable[Tensor], comm: Any = None, examples: float = 1) -> float:
    """Replace each gradient by its mean over all ranks, weighted by `examples`; return the number of all examples.

    `examples` is how many examples this rank's gradients are the mean of: 0 for a rank without any, whose gradients
    are not looked at. A parameter keeps None if no rank has a gradient of it. All ranks pass the same parameters in the
    same order. `comm` is mpi4py's MPI.COMM_WORLD, or anything like `Communicator`; without one there is one process.
    Raises ValueError if there are no examples on any rank, and TypeError for parameters that are not Tensors.

    Clip gradients after this call, and step then: all ranks take the same step. If one rank raises an error, the others
    wait for it: `mpiexec -n 4 python -m mpi4py loop.py` ends all of them.

    >>> import tinygrad_edu as tg
    >>> w = tg.Tensor([1.0, 2.0])
    >>> (w * w).sum().backward()
    >>> tg.distributed.average_gradients([w], examples=2)
    2.0
    >>> w.grad
    array([2., 4.])
    """
    where = "average_gradients"
    comm = checked_communicator(where, comm)
    members = list(parameters) if isinstance(parameters, Iterable) and not isinstance(parameters, Tensor) else []
    if not members or not all(isinstance(p, Tensor) for p in members):
        kind = type(parameters).__name__
        raise TypeError(f"{where} takes parameters, a list of Tensors such as model.parameters(), not this {kind}")
    exchange, weight = Exchange(comm), 0.0
    with exchange.guarded():
        if not isinstance(examples, (int, float, np.number)) or not 0 <= examples < np.inf:
            raise ValueError(f"{where}: examples is the number of examples of this rank, at least 0, not {examples!r}")
        weight = float(examples)
    if comm.size == 1 and weight:
        return weight
    buffers = GradientBuffers(members, comm, ["C"] * len(members))
    sums = buffers.reduce(exchange, weight)
    if not sums.examples:
        raise ValueError(f"{where}: no rank has any examples; leave out the step")
    for p, g in zip(members, buffers.averages(), strict=True):
        p.grad = None if g is None else np.add(g, 0, out=np.empty_like(p.data))  # in its parameter's order of memory
    return sums.examples


def all_finite(values: Any, comm: Any = None) -> bool:
    """Return whether no element of `values` is infinite or NaN on any rank; all ranks get the same answer.

    `values` is a number, an array, a Tensor, or a container of these, such as a loss or `model.parameters()`. A Tensor
    needs finite data and a finite gradient; None counts as finite.

    >>> import tinygrad_edu as tg
    >>> tg.distributed.all_finite([1.0, tg.Tensor([2.0])]), tg.distributed.all_finite(float("nan"))
    (True, False)
    """
    comm = checked_communicator("all_finite", comm)
    pairs: list[Any] = [(v.data, gradient_of(v)) if isinstance(v, Tensor) else (v,) for v in flatten(values)[0]]
    arrays: list[ArrayLike] = [a for pair in pairs for a in pair if a is not None]
    return not sum_array(comm, np.array([not finite(*arrays)], np.float64)).any()


def broadcast(model: Any, comm: Any = None) -> None:
    """Give the model of every rank the parameters and buffers of rank 0's; also for an optimizer or a schedule.

    `model` is a Module, or has `state_dict` and `load_state_dict`. Raises ValueError on all ranks if names, shapes or
    dtypes differ from rank 0's, or if an optimizer cannot load its state. Raises TypeError for another object.

    >>> model = tg.nn.Linear(2, 1, rng=0)
    >>> tg.distributed.broadcast(model)  # alone: nothing changes
    """
    comm = checked_communicator("broadcast", comm)
    exchange = Exchange(comm)
    with exchange.agreed():
        if not hasattr(model, "state_dict") or not hasattr(model, "load_state_dict"):
            kind = type(model).__name__
            raise TypeError(f"broadcast takes a Module, or an object with a state_dict, not {kind}")
        state = {name: np.asarray(value) for name, value in model.state_dict().items()}
    received = broadcast_state("broadcast", exchange, state, OPTIMIZER if isinstance(model, Optimizer) else "")
    with exchange.agreed():
        if comm.rank:
            model.load_state_dict(received)


def broadcast_state(where: str, exchange: Exchange, state: dict[str, Array], part: str = "") -> dict[str, Array]:
    """Return rank 0's arrays by name on all ranks; raises ValueError on all if names, shapes or dtypes differ.

    The state of an optimizer may differ in both: it is kept in a wider dtype from the step on that needs it, and L-BFGS
    keeps more with each step. Its `load_state_dict` checks what fits. `part` comes before the names.
    """
    comm = exchange.comm
    shown = {name: f"{a.shape} {a.dtype.name}" for name, a in state.items()}
    form = {name: "" if (part + name).startswith(OPTIMIZER) else text for name, text in shown.items()}
    first, theirs, kinds = broadcast_object(comm, (form, shown, [(a.shape, a.dtype) for a in state.values()]))
    with exchange.agreed():
        if [*form.items()] != [*first.items()]:
            name = next((n for n in {**first, **form} if form.get(n) != first.get(n)), "the order of parameters")
            differing = f"{shown.get(name, 'missing')}, and not {theirs.get(name, 'missing')}"
            raise ValueError(
                f"{where}: {name.removeprefix('model/')} of rank {comm.rank} is not like that of rank 0: {differing}. "
                "All ranks must construct model, optimizer and schedule alike"
            )
    received = {}
    for (name, a), (shape, dtype) in zip(state.items(), kinds, strict=True):
        received[name] = np.empty(shape, dtype) if comm.rank else a.copy()
        broadcast_array(comm, received[name])
    return received
