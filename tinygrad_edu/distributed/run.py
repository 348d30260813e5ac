"""`fit` on several ranks: the same run on each, which share every batch and take the same steps."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from functools import partial
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..data.batches import Arrays, rows_of
from ..engine.mode import no_grad
from ..engine.rules.registry import Array
from ..engine.tensor import Tensor
from ..nn import Module
from ..nn.module import mode
from ..nn.normalization import BatchNorm1d
from ..optim import Optimizer
from ..train.history import History
from ..train.loop import gradient_step, nothing, prediction_step
from ..train.metrics import Data, Loss, as_array, checked_data, measure
from ..train.run import Run
from ..transforms.tree import unflatten
from .communicator import broadcast_object, checked_communicator, sum_array
from .exchange import Announced, Exchange
from .gradients import GradientBuffers, Sums, broadcast_state, memory_orders
from .normalization import pooling_over
from .sharing import joined, one_row, outputs, plan_batches, plan_parts, rows_like_others
from .streams import RankState, checksum


def fit_on_ranks(comm: Any, model: Module, loss: Loss, train_data: Data, **options: Any) -> History:
    """Run `fit` on the ranks of `comm`, which all call it, and return the History; an error of one is raised on all.

    `tg.fit(..., comm=comm)` calls it.

    >>> model, data = tg.nn.Linear(1, 1, rng=0), (np.ones((4, 1)), np.ones((4, 1)))
    >>> sgd = tg.optim.SGD(model.parameters(), lr=0.1)
    >>> comm = tg.distributed.OneProcess()
    >>> len(tg.fit(model, tg.mse_loss, data, optimizer=sgd, epochs=3, comm=comm, progress=False))
    3
    """
    comm = checked_communicator("fit", comm)
    if comm.size == 1:
        return Run(model, loss, train_data, **options).run()
    norms = [m for m in model.modules() if isinstance(m, BatchNorm1d)] if isinstance(model, Module) else []
    widths = [2 * comm.size * m.num_features for m in norms]
    exchange = Announced(comm, max(widths)) if norms else Exchange(comm)
    with exchange.whole():
        with exchange.agreed():
            run = RankRun(exchange, model, loss, train_data, **options)
        return run.run()


class RankRun(Run):
    """A run that takes this rank's part of each batch, and averages the gradients over all ranks.

    What one rank does alone is guarded: an exception waits for the next exchange, in which all ranks raise it.
    """

    state: RankState

    def __init__(self, exchange: Exchange, *args: Any, **options: Any) -> None:
        self.exchange, self.sharded = exchange, options["sharded"]
        self.comm, self.rank, self.size = exchange.comm, exchange.comm.rank, exchange.comm.size
        self.is_seeded, self.keeps_file = options["rng"] is not None, options["checkpoint"] is not None
        if self.rank:
            options |= {"progress": False, "checkpoint": None}
        super().__init__(*args, **options)
        if type(self.optimizer).minimize is not Optimizer.minimize:
            raise ValueError(
                f"fit: {type(self.optimizer).__name__} has its own minimize(loss), and ranks average the gradients "
                "between backward() and step(); override step, or use another optimizer"
            )
        if self.jit and isinstance(exchange, Announced):
            raise ValueError(
                "fit: jit=True cannot record BatchNorm over several ranks, which sum its statistics in the middle of "
                "the step; pass jit=False"
            )
        if any(g is self.rng for g in RankState(self.model, self.optimizer).generators.values()):
            self.rng = np.random.Generator(type(self.rng.bit_generator)())  # modules get streams of their own
            self.rng.bit_generator.state = options["rng"].bit_generator.state
        self.state = RankState(self.model, self.optimizer, self.scheduler, self.rng)

    def checked(self, where: str, data: Data) -> Arrays:
        """Return the training data as arrays; a rank's own part may have no rows."""
        if self.sharded and isinstance(data, (tuple, list)) and len(data) == 2:
            x, y = map(np.asarray, data)
            if x.ndim and y.ndim and len(x) == len(y) == 0:
                return x, y
        return checked_data(where, data)

    def settings(self) -> dict[str, object]:
        """Return what the run must share with the one that it resumes; of ranks' own parts how many rows they have."""
        settings = super().settings()
        if self.sharded:
            kinds = [(*a.shape[1:], str(a.dtype)) for a in (self.x, self.y)]
            settings["the checksum of train_data"] = f"{int(self.rows.sum())} rows {kinds}"
        return settings

    def _call(self) -> dict[str, Any]:
        """Return what all ranks must pass alike, by the name that an error shows."""
        call = self.settings() | {
            "the layers of the model": [type(m).__name__ for m in self.modules],
            "sharded": self.sharded, "epochs": self.epochs, "jit": self.jit, "drop_last": self.drop_last,
            "checkpoint_every": self.every, "checkpoint=... or None": self.keeps_file,
            "the random seed, rng": self.is_seeded and checksum(self.rng),
        }  # fmt: skip
        known: dict[str, Any] = json.loads(json.dumps(call, default=str))
        return known

    def begin(self) -> None:
        """Compare the calls of all ranks, let rank 0 resume from the checkpoint, and give its state to all."""
        own = np.zeros(self.size)
        own[self.rank] = len(self.y)
        self.rows = sum_array(self.comm, own).astype(int)
        if self.sharded:
            self.x, self.y = rows_like_others(self.comm, (self.x, self.y), self.rows)
        call: dict[str, Any] = {}
        with self.exchange.agreed():
            call = self._call()
            sizes = self.batch_size, self.drop_last
            self.plan = plan_parts(self.rows, *sizes) if self.sharded else plan_batches(len(self.y), *sizes, self.size)
        first = broadcast_object(self.comm, call)
        with self.exchange.agreed():
            if name := next((name for name in {**first, **call} if first.get(name) != call.get(name)), None):
                differing = f"{call.get(name)}, and not {first.get(name)}"
                raise ValueError(
                    f"fit: {name} of rank {self.rank} is not that of rank 0: {differing}. All ranks must make the same "
                    "call, and pass all data, or their own parts with sharded=True"
                )
            super().begin()
        self._share_state()

    def _share_state(self) -> None:
        """Give rank 0's state to all ranks, and each rank its own stream of every module's generator."""
        state, rng = self.state, self.rng.bit_generator
        history, rng.state, saved, generators = broadcast_object(
            self.comm, (asdict(self.history), rng.state, state.of_ranks, state.streams)
        )
        self.history = History(**history)
        received: Mapping[str, ArrayLike]
        weights: dict[str, dict[str, ArrayLike]] = {}
        if self.history:  # a checkpoint was read, and names and shapes may be others
            received = self._first(state.state_dict())
            weights = {part: self._first(copies.state_dict(part)) for part, copies in self.weights.items()}
        else:
            received = broadcast_state("fit", self.exchange, state.shared())
        with self.exchange.agreed():
            if self.rank:
                self.weights |= {part: state.load_tensors(arrays, part) for part, arrays in weights.items()}
                state.load_shared(received)
            if self.history:
                state.restore_streams(saved, generators, self.rank)
            else:
                state.spawn_streams(generators, self.rank, self.size)
        if not self.history:
            self.weights = dict.fromkeys(self.weights, state.copies())

    def _first(self, arrays: dict[str, ArrayLike]) -> dict[str, ArrayLike]:
        """Return the arrays of rank 0 by their names."""
        names = broadcast_object(self.comm, [*arrays])
        return {name: broadcast_object(self.comm, arrays.get(name)) for name in names}

    def record_steps(self) -> None:
        """Make what a step does before the sum of the gradients, and the prediction; with `jit` they are recorded.

        The update after the sum is not recorded: the optimizer runs in place, in the gradients' order of memory.
        """
        sums_statistics = isinstance(self.exchange, Announced)  # then the backward pass is needed on every rank
        with self.exchange.agreed():
            record = self.recorder()
            self.gradient = record(gradient_step(self.model, self.loss, self.optimizer, always=sums_statistics))
            self.predict = record(prediction_step(self.model))
        self.make_buffers()

    def make_buffers(self) -> None:
        """Make the buffers of the gradients."""
        parameters = self.optimizer.params
        self.buffers = GradientBuffers(parameters, self.comm, memory_orders(parameters, self.comm))

    def train_epoch(self) -> float:
        """Take the steps of an epoch, each on this rank's part of a batch, and return the training loss of all."""
        exchange, total = self.exchange, int(self.plan.counts.sum())
        self.mean, batches = 0.0, self._batches()
        if not self.buffers.fits(self.optimizer.params):  # then on all ranks: the last epoch ended with a comparison
            self.make_buffers()
        finish: Callable[[], None] = nothing
        for counts in self.plan.counts:
            examples, loss = 0, 0.0
            with exchange.guarded():
                finish()
                examples, loss = self._contribute(next(batches), counts)
            if isinstance(exchange, Announced):
                exchange.announce()
            sums = self.buffers.reduce(exchange, examples, loss, float(counts.sum()))
            finish = partial(self._finish, sums, float(counts.sum() / total))
        with exchange.agreed():
            finish()
        return self.mean

    def _batches(self) -> Iterator[Arrays]:
        """Return an iterator over this rank's part of each batch of an epoch."""
        order = None
        if self.batch_size is not None and not self.sharded:
            order = self.rng.permutation(len(self.y))
        elif self.batch_size is not None:
            seed = int(self.rng.integers(2**63))  # the same on all ranks, whose generators stay alike
            order = np.random.default_rng([seed, self.rank]).permutation(len(self.y))
        for start, count in zip(self.plan.starts[:, self.rank], self.plan.counts[:, self.rank], strict=True):
            yield rows_of((self.x, self.y), order, slice(start, start + count))

    def _contribute(self, batch: Arrays, counts: Array) -> tuple[int, float]:
        """Compute the gradients of this rank's part of a batch; return its number of examples, and its loss."""
        x, y = batch
        n = len(y)
        if not isinstance(self.exchange, Announced):
            return n, float(self.gradient(x, y)) if n else 0.0
        if not n:  # BatchNorm needs all ranks
            x, y = map(one_row, (self.x, self.y))
        with pooling_over(self.exchange, counts):
            return n, float(self.gradient(x, y))

    def _finish(self, sums: Sums, share: float) -> None:
        """Take the step with the averaged gradients, if the loss of the batch, a share of the epoch, is finite."""
        if isfinite(sums.loss):
            for p, g in zip(self.optimizer.params, self.buffers.averages(), strict=True):
                p.grad = g
            self.optimizer.step()
        self.mean += self.guard.check("the training loss", sums.loss) * share
        self.after_batch()

    def evaluate(self) -> tuple[float | None, dict[str, float]]:
        """Return the validation loss and the metrics of all data; each rank computes the predictions of its part."""
        if self.valid is None and not self.metrics:
            return None, {}
        parts: list[Array] = []
        structure, loss, values = None, None, {}
        x, y = self.valid or (self.x, self.y)
        own_parts = self.sharded and self.valid is None
        counts = self.rows if own_parts else plan_batches(len(y), None, False, self.size).counts[0]
        with self.exchange.guarded(), mode(self.modules, training=False):
            start = counts[: self.rank].sum()
            rows = x if own_parts else x[start : start + counts[self.rank]]
            asked = rows if len(rows) else one_row(x)
            parts, structure = outputs(self.predict(asked), asked)
        whole = joined(self.exchange, [a[: len(rows)] for a in parts], counts)
        targets = joined(self.exchange, [y], counts)[0] if own_parts else y
        with self.exchange.agreed():
            prediction = unflatten(structure, [Tensor(a, requires_grad=False) for a in whole])
            if self.valid is not None:
                with no_grad():
                    loss = self.guard.check("the validation loss", float(self.loss(prediction, targets)))
            values = measure("fit", self.metrics, as_array("fit", prediction), targets) if self.metrics else {}
        return loss, values

    def record(
        self, train_loss: float, valid_loss: float | None, values: dict[str, float], start: float, lr: float
    ) -> bool:
        """Add an epoch to the history, and return whether a callback of any rank asks to stop.

        Raises ValueError on all ranks if their parameters, or anything else that they share, have become different.
        """
        requested, sums = False, {}
        with self.exchange.guarded():
            requested = super().record(train_loss, valid_loss, values, start, lr)
            sums = self.state.checksums()
        high, low = divmod(zlib.crc32(json.dumps(sums).encode()), 1 << 16)
        # Numbers are equal if their variance is 0; those below 2**16 have squares that are summed without rounding.
        wanted, *moments = self.exchange.agree(requested, high, high**2, low, low**2)
        if any(self.size * squares != total**2 for total, squares in (moments[:2], moments[2:])):
            first = broadcast_object(self.comm, sums)
            with self.exchange.agreed():
                if name := next((name for name in first if first[name] != sums.get(name)), None):
                    raise ValueError(
                        f"fit: {name.removeprefix('model/')} of rank {self.rank} is no longer that of rank 0 after "
                        f"epoch {len(self.history)}. Change parameters and settings alike on all ranks"
                    )
        return bool(wanted)

    def conclude(self, requested: bool) -> None:
        """Apply the rules that stop the run, show the epoch, and write the checkpoint, on rank 0."""
        if self.keeps_file and self.state.streams:
            own = self.state.stream_states()
            self.state.of_ranks = [broadcast_object(self.comm, own, rank) for rank in range(self.size)]
        with self.exchange.agreed():
            super().conclude(requested)

    def finish(self) -> None:
        """Give the model the weights that it ends with, and check them."""
        with self.exchange.agreed():
            super().finish()
