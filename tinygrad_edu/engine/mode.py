"""What this thread does with operations: whether they are recorded, and who watches.

A `Watcher` is the one seam through which anomaly mode, `explain` and the recording of jit see what the engine does.
"""

import functools
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import Context, ContextVar, copy_context
from typing import Any, NamedTuple, ParamSpec, Self, TypeVar, overload

import numpy as np

Contribution = Callable[[Any, Any, int, Any], Any]
P = ParamSpec("P")
R = TypeVar("R")


class Watcher:
    """Base class of watchers: a subclass overrides the methods that it needs, and `watching` turns it on."""

    needs_graph = False  # whether it looks at the graph later, so that a jvp has to keep it

    def recorded(self, y: Any) -> None:
        """Look at node y, which was just recorded."""

    def contribution(self, contribute: Contribution) -> Contribution:
        """Return a function to use instead of `contribute`, as a backward pass begins, or is repeated.

        contribute(y, g, i, x) returns what node y, whose complete gradient is g, passes on to its i-th argument x, or
        None where the gradient of x is not wanted.
        """
        return contribute

    def gradient_read(self, x: Any) -> None:
        """Look at x, a node without a gradient whose gradient is read; only where its slot `_grad` is empty."""

    def finished(self, pairs: list[tuple[Any, Any]]) -> None:
        """Look at the (node, gradient) pairs that a backward pass returns; none if an error ended it."""

    def tangent_found(self, y: Any, tangent: Any, of: Callable[[Any], Any]) -> None:
        """Look at the tangent of y, a result of forward mode; of(x) returns that of a node behind y, or None."""


class Passed(NamedTuple):
    """One contribution: what y, whose gradient is g, passed on to its i-th argument x."""

    y: Any
    g: Any
    i: int
    x: Any
    contribution: Any


class Contributions(Watcher):
    """Keeps the contributions of the last backward pass, in order, as `passed`.

    A rule may run a backward pass itself: `in_rule` is True meanwhile, and its contributions are not kept.
    """

    needs_graph = True

    def __init__(self) -> None:
        self.passed: list[Passed] = []
        self.in_rule = False

    def contribution(self, contribute: Contribution) -> Contribution:
        """Start the list anew, and add every contribution to it."""
        if self.in_rule:
            return contribute
        self.passed = []

        def kept(y: Any, g: Any, i: int, x: Any) -> Any:
            self.in_rule = True
            try:
                r = contribute(y, g, i, x)
            finally:
                self.in_rule = False
            if r is not None:
                self.passed.append(Passed(y, g, i, x, r))
            return r

        return kept


W = TypeVar("W", bound=Watcher)


class Mode(NamedTuple):
    """How many no_grads a thread (or task) is in, and the watchers that it has turned on."""

    paused: int
    watchers: tuple[Watcher, ...]


PAUSED = Mode(1, ())  # within one no_grad, unwatched
_mode: ContextVar[Mode | None] = ContextVar("mode", default=None)  # None, nearly always, means Mode(0, ())
mode = _mode.get


class Transform(NamedTuple):
    """The variables of all transforms that a thread (or task) is in, and the gradients that the innermost lost."""

    variables: frozenset[Any]
    lost: list[Exception]
    entered: tuple[frozenset[Any], ...] = ()  # the variables of each, the outermost first
    fun: Any = None  # the function that the innermost differentiates

    def within(self, variables: Iterable[Any]) -> "Transform":
        """Return the state within one more transform, which has these variables."""
        entered = (*self.entered, frozenset(variables))
        return self._replace(variables=self.variables.union(variables), entered=entered)


transform: ContextVar[Transform | None] = ContextVar("transform", default=None)


STOPPING = {"raise", "call", "log"}
CO_GENERATOR, CO_COROUTINE, CO_ASYNC_GENERATOR = 0x20, 0x80, 0x200
_known_modes: tuple[Context | None, frozenset[str]] = None, frozenset()


def paused() -> int:
    """Return how many no_grads this thread is in."""
    return state.paused if (state := mode()) else 0


def watchers() -> tuple[Watcher, ...]:
    """Return the watchers that this thread has turned on."""
    return state.watchers if (state := mode()) else ()


def error_modes() -> frozenset[str]:
    """Return how NumPy treats floating-point errors now, such as {"warn", "ignore"}.

    NumPy keeps this in a context variable, so it is asked again only if a context variable has changed.
    """
    global _known_modes
    context, modes = _known_modes
    try:
        if copy_context() == context:
            return modes
    except Exception:  # from the == of what users keep in context variables, such as arrays
        pass
    modes = frozenset(map(str, np.geterr().values()))
    if transform.get() is None:  # a context that is kept keeps the variables of its transforms
        _known_modes = copy_context(), modes
    return modes


def errors_stop() -> bool:
    """Return whether a floating-point error raises an exception, or calls what may raise one: an update may stop."""
    return not error_modes().isdisjoint(STOPPING)


def _set(paused: int, watchers: tuple[Watcher, ...]) -> None:
    _mode.set(Mode(paused, watchers) if paused or watchers else None)


@contextmanager
def watched_by(chosen: tuple[Watcher, ...]) -> Iterator[None]:
    """Turn on these watchers and no others, for this thread alone."""
    before = watchers()
    try:
        _set(paused(), chosen)
        yield
    finally:
        _set(paused(), before)


@contextmanager
def watching(watcher: W) -> Iterator[W]:
    """Turn a watcher on, for this thread alone; blocks may end in any order, as those of generators do."""
    try:
        _set(paused(), (*watchers(), watcher))
        yield watcher
    finally:
        _set(paused(), tuple([w for w in watchers() if w is not watcher]))


@contextmanager
def recording() -> Iterator[None]:
    """Record even within no_grad: a transform needs the graph of the function that it differentiates."""
    before = paused()
    try:
        _set(0, watchers())
        yield
    finally:
        _set(before, watchers())


def decorated(where: str, fun: Callable[P, R], block: Callable[[], AbstractContextManager[object]]) -> Callable[P, R]:
    """Return `fun` as a function that runs in a block; raises TypeError for what runs later, such as a generator."""
    if not callable(fun):
        raise TypeError(f"{where} takes a function, or nothing, as in `with {where}():`, not {fun!r:.60}")
    flags = getattr(getattr(fun, "__code__", None), "co_flags", 0)  # those of inspect, without importing it
    if flags & (CO_GENERATOR | CO_COROUTINE | CO_ASYNC_GENERATOR):
        kind = "coroutine" if flags & CO_COROUTINE else "generator"
        called = getattr(fun, "__name__", repr(fun))
        raise TypeError(f"{where}: {called} is a {kind}, which runs later; write `with {where}():` inside it")

    @functools.wraps(fun)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        with block():
            return fun(*args, **kwargs)

    return call


class NoGrad:
    """Compute without recording: `with no_grad():` or `@no_grad()`, also without parentheses.

    Holds for the thread that entered it.

    >>> x = tg.Tensor([1.0, 2.0])
    >>> with tg.no_grad():
    ...     y = x * 2
    >>> y.requires_grad
    False
    """

    __slots__ = ()

    def __enter__(self) -> None:
        _mode.set(PAUSED if (state := mode()) is None else Mode(state.paused + 1, state.watchers))

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        state = mode()
        if state is not None:  # it is None in another thread, where a generator with this block may end
            _mode.set(None if state == PAUSED else Mode(max(state.paused - 1, 0), state.watchers))

    @overload
    def __call__(self) -> Self: ...
    @overload
    def __call__(self, fun: Callable[P, R]) -> Callable[P, R]: ...
    def __call__(self, fun: Callable[P, R] | None = None) -> Any:
        """Return `fun` as a function that never records; without one, the context manager."""
        return self if fun is None else decorated("no_grad", fun, self)

    def __repr__(self) -> str:
        return "no_grad"

    def __reduce__(self) -> str:
        return "no_grad"


no_grad = NoGrad()
