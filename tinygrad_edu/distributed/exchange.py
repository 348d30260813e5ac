"""Exchanges between ranks in which an exception of one rank reaches all others, so that none waits for it forever.

Each rank keeps an exception that it meets until the next sum over all ranks, which carries a flag for it. All ranks
take part in that sum, see the flag, and raise the error of the lowest rank that has one.
"""

from __future__ import annotations

import pickle
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, NoReturn

import numpy as np

from ..engine.rules.registry import Array
from .communicator import broadcast_object, sum_array


class RankError(RuntimeError):
    """An error of another rank whose own type this rank cannot make.

    >>> issubclass(tg.distributed.RankError, RuntimeError)
    True
    """


class Exchange:
    """The exchanges of a run over `comm`.

    `error` is the exception of this rank that the others do not know yet. `ended` says that all ranks have raised.
    """

    def __init__(self, comm: Any) -> None:
        self.comm = comm
        self.error: BaseException | None = None
        self.ended = self.interrupted = False

    @contextmanager
    def guarded(self) -> Iterator[None]:
        """Keep an exception of the block for the next sum, unless all ranks have raised it already."""
        try:
            yield
        except BaseException as error:
            if self.ended:
                raise
            self.error = self.error or error
        if self.interrupted:
            self.error = self.error or KeyboardInterrupt()

    def agreed(self) -> ExitStack:
        """Raise an exception of the block, on any rank, on all ranks at the end of it."""

        def end(kind: type[BaseException] | None, *_: Any) -> None:
            if kind is None:
                self.agree()

        stack = ExitStack()  # a generator would make a RuntimeError of another rank's StopIteration
        stack.push(end)
        stack.enter_context(self.guarded())
        return stack

    def agree(self, *numbers: float) -> list[float]:
        """Return the sums of the numbers over all ranks; raises the error of a rank that has one, on all ranks."""
        failed, *sums = sum_array(self.comm, np.array([self.error is not None, *numbers], np.float64)).tolist()
        if failed:
            self.fail()
        return list(sums)

    def fail(self) -> NoReturn:
        """Raise, on all ranks, the error of the lowest rank that has one."""
        flags = np.zeros(self.comm.size)
        flags[self.comm.rank] = self.error is not None
        failed = np.flatnonzero(sum_array(self.comm, flags)).tolist()
        first = failed[0]
        packed = broadcast_object(self.comm, pack(self.error) if self.error is not None else None, first)
        self.ended = True
        error = self.error if self.comm.rank == first else unpack(packed)
        assert error is not None
        if len(failed) < self.comm.size:
            error.add_note(f"Raised on rank {first} of {self.comm.size}; all ranks end with it.")
        if error is self.error:
            raise error
        tell_elsewhere(error)
        raise error from None  # an error of this rank that is not the first is not told

    @contextmanager
    def whole(self) -> Iterator[None]:
        """Hold Ctrl-C until the next exchange in the block, and abort the job if an error leaves it on this rank alone.

        A second Ctrl-C interrupts at once.
        """
        before = signal.getsignal(signal.SIGINT)
        holds = threading.current_thread() is threading.main_thread() and callable(before)

        def hold(number: int, frame: Any) -> None:
            if self.interrupted and callable(before):
                before(number, frame)
            self.interrupted = True

        if holds:
            signal.signal(signal.SIGINT, hold)
        try:
            yield
            if self.interrupted:
                raise KeyboardInterrupt
        except BaseException:
            if not self.ended and hasattr(self.comm, "Abort"):
                import traceback

                traceback.print_exc()
                self.comm.Abort(1)
            raise
        finally:
            if holds:
                signal.signal(signal.SIGINT, before)


def tell_elsewhere(error: BaseException) -> None:
    """Let this process end in silence with an error, if nothing catches it: the rank that met it prints it, once."""
    before = sys.excepthook

    def hook(kind: type[BaseException], value: BaseException, traceback: Any) -> None:
        if value is not error:
            before(kind, value, traceback)

    if threading.current_thread() is threading.main_thread():  # ranks that are threads have no hook of their own
        sys.excepthook = hook


def pack(error: BaseException) -> tuple[bytes | None, str]:
    """Return an exception as bytes, if its type and contents can be pickled, and as text."""
    text = f"{type(error).__name__}: {error}"
    for form in (error, (type(error), error.args, vars(error)), (type(error), error.args, {})):
        try:
            data = pickle.dumps(form)
            if type(restored(pickle.loads(data))) is type(error):
                return data, text
        except Exception:  # pickling calls methods of any type of exception
            continue
    return None, text


def unpack(packed: tuple[bytes | None, str]) -> BaseException:
    """Return the exception of another rank, or a RankError with its text."""
    data, text = packed
    try:
        return RankError(text) if data is None else restored(pickle.loads(data))
    except Exception:  # as a module of that type may be missing here
        return RankError(text)


def restored(form: Any) -> BaseException:
    """Return the exception that was pickled: as it is, or by its type, arguments and attributes."""
    if isinstance(form, tuple):
        kind, arguments, attributes = form
        error: BaseException = kind.__new__(kind, *arguments)
        error.args = arguments
        vars(error).update(attributes)
        return error
    assert isinstance(form, BaseException)
    return form


class Announced(Exchange):
    """Exchanges of a model that sums numbers in the middle of its step, as BatchNorm does.

    A rank that fails cannot know which sum the others come to next. So all sums of a step but that of its gradients
    have one format, a row of `width` numbers after two flags, and one without numbers announces that of the gradients.
    """

    def __init__(self, comm: Any, width: int) -> None:
        super().__init__(comm)
        self.width = width

    def sum(self, values: Array) -> Array:
        """Return the sum of an array of float64 over all ranks; raises an error of one of them on all."""
        return self._sum(values.ravel(), is_last=False)[: values.size].reshape(values.shape)

    def announce(self) -> None:
        """Say that this rank's part of the step is done; raises an error of one rank on all."""
        self._sum(np.zeros(0), is_last=True)

    def _sum(self, values: Array, is_last: bool) -> Array:
        sent = np.zeros(2 + self.width)
        sent[:2], sent[2 : 2 + values.size] = (self.error is not None, is_last), values
        failed, done, *_ = received = sum_array(self.comm, sent)
        if not failed and done not in (0, self.comm.size):
            self.error = RuntimeError(
                "fit: ranks call different numbers of BatchNorm layers in one step; the model must call the same "
                "layers on every rank"
            )
        if failed or self.error is not None:
            self.fail()
        return received[2:]
