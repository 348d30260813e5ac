"""L-BFGS: steps along an approximate Newton direction, from the last differences of gradients."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..engine.arguments import whole_number
from ..engine.habits import names_keywords
from ..engine.tensor import Tensor
from ..state import copy_state
from .inplace import fit_together, working_dtype
from .line_search import Point, strong_wolfe
from .optimizer import Optimizer
from .tracing import Array
from .validation import Params, gradients, nonnegative


class LBFGS(Optimizer):
    """Takes up to `max_iter` quasi-Newton iterations in one `step(closure)` (Nocedal 1980).

    `closure` clears the gradients, computes the loss, calls its `backward` and returns it. For gradients of all data,
    not of batches. The direction comes from the last `history_size` changes of parameters and gradient. Without a line
    search an iteration moves by `lr` times the direction; line_search_fn="strong_wolfe" begins with that length. An
    iteration is the last one if the largest gradient is at most `tolerance_grad`, or parameters or loss change by at
    most `tolerance_change`, or the loss has been computed `max_eval` times. There is one group of parameters. `jit`
    refuses the step, which depends on the loss: record the closure, with `model.zero_grad()` in it.

    Raises ValueError for another line search than None and "strong_wolfe", and for more than one group.

    >>> import numpy as np, tinygrad_edu as tg
    >>> x = tg.Tensor([-1.5, 2.0])
    >>> lbfgs = tg.optim.LBFGS([x], line_search_fn="strong_wolfe", max_iter=50)
    >>> def closure():
    ...     lbfgs.zero_grad()
    ...     loss = (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2
    ...     loss.backward()
    ...     return loss
    >>> _ = lbfgs.step(closure)
    >>> np.round(x.data, 4).tolist()
    [1.0, 1.0]
    """

    @names_keywords
    def __init__(
        self, params: Params, lr: float = 1.0, max_iter: int = 20, max_eval: int | None = None,
        tolerance_grad: float = 1e-7, tolerance_change: float = 1e-9, history_size: int = 100,
        line_search_fn: str | None = None,
    ) -> None:  # fmt: skip
        if line_search_fn not in (None, "strong_wolfe"):
            raise ValueError(f'LBFGS: line_search_fn is None or "strong_wolfe", not {line_search_fn!r}')
        self.max_iter = whole_number("LBFGS", "max_iter", max_iter, "iterations")
        most = max_iter * 5 // 4 if max_eval is None else max_eval
        self.max_eval = whole_number("LBFGS", "max_eval", most, "evaluations")
        self.tolerance_grad = nonnegative("LBFGS", "tolerance_grad", tolerance_grad)
        self.tolerance_change = nonnegative("LBFGS", "tolerance_change", tolerance_change)
        self.history_size = whole_number("LBFGS", "history_size", history_size, "changes")
        self.line_search_fn = line_search_fn
        super().__init__(params, lr=lr)
        if len(self.groups) > 1:
            raise ValueError(f"LBFGS has one group of parameters, not {len(self.groups)}")
        self.iterations = self.evaluations = 0
        self.changes: list[tuple[Array, Array]] = []  # of the parameters and of the gradient, as vectors
        self.last: tuple[Array, Array] | None = None  # the last move and the gradient before it

    def add_param_group(self, group: Mapping[str, Any]) -> None:
        """Raise ValueError: there is one group."""
        raise ValueError("LBFGS has one group of parameters; make a new one with all of them")

    def minimize(self, loss: Tensor) -> None:
        """Raise TypeError: L-BFGS computes the loss itself, several times."""
        raise TypeError("LBFGS.minimize cannot compute the loss again; call step(closure), see the class")

    def step(self, closure: Callable[[], Any] | bool | None = None, accumulated: bool = False) -> Any:
        """Take iterations, and return the loss at the start. An exception leaves parameters and state as they were."""
        if not callable(closure):
            raise TypeError("LBFGS.step takes a closure: it clears gradients, calls backward, and returns the loss")
        for p in self.params:
            fit_together(p.data)
        x, kept = self._vector(), (self.steps, self.iterations, self.evaluations, self.changes.copy(), self.last)
        try:
            loss = self._iterate(closure)
            self.steps += 1
        except BaseException:
            self._put(x)
            self.steps, self.iterations, self.evaluations, self.changes, self.last = kept
            raise
        return loss

    def _iterate(self, closure: Callable[[], Any]) -> Any:
        first = closure()
        loss, g, done = self._number(first), self._gradient(), 1
        self.evaluations += 1
        if np.abs(g).max(initial=0) <= self.tolerance_grad:
            return first
        for i in range(1, self.max_iter + 1):
            self.iterations += 1
            d = self._direction(g)
            t = self.lr if self.iterations > 1 else self.lr * min(1.0, 1 / float(np.abs(g).sum()))
            slope, x, before = float(g @ d), self._vector(), loss
            if slope > -self.tolerance_change:
                self.last = np.zeros_like(d), g
                break
            evaluate = self._on_line(closure, x, d)
            if self.line_search_fn:
                shortest = self.tolerance_change / float(np.abs(d).max())
                start = Point(0.0, loss, g, slope)
                found, count = strong_wolfe(evaluate, start, t, shortest, self.max_eval - done)
                t, loss, new = found.t, found.loss, found.gradient
                self._put(x + t * d)
                done += count
            elif i < self.max_iter:
                _, loss, new, _ = evaluate(t)
                done += 1
            else:  # nobody would use the loss
                self._put(x + t * d)
                new = g
            self.last, g = (t * d, g), new
            if (
                done >= self.max_eval or np.abs(g).max() <= self.tolerance_grad
                or np.abs(t * d).max() <= self.tolerance_change or abs(loss - before) < self.tolerance_change
            ):  # fmt: skip
                break
        return first

    def _direction(self, g: Array) -> Array:
        """Return minus the product of the approximate inverse Hessian and g, by the two loops of Nocedal 1980."""
        if self.last is not None:
            s, y = self.last[0], g - self.last[1]
            if s @ y > 1e-10:
                self.changes = [*self.changes, (s, y)][-self.history_size :]
        q, weights = -g, []
        for s, y in reversed(self.changes):
            weights.append((s @ q) / (s @ y))
            q = q - weights[-1] * y
        if self.changes:
            s, y = self.changes[-1]
            q = q * ((s @ y) / (y @ y))
        for (s, y), weight in zip(self.changes, reversed(weights), strict=True):
            q = q + (weight - (y @ q) / (s @ y)) * s
        return q

    def _on_line(self, closure: Callable[[], Any], x: Array, d: Array) -> Callable[[float], Point]:
        """Return a function that moves the parameters to x + t d, and computes the loss there."""

        def evaluate(t: float) -> Point:
            self._put(x + t * d)
            self.evaluations += 1
            loss, g = self._number(closure()), self._gradient()
            return Point(t, loss, g, float(g @ d))

        return evaluate

    def _number(self, loss: Any) -> float:
        if not isinstance(loss, (Tensor, np.ndarray, np.generic, float)) or np.size(getattr(loss, "data", loss)) != 1:
            raise TypeError(f"LBFGS.step: the closure returned {loss!r:.60}; it returns the loss, one number")
        return float(loss)

    def _flat(self, arrays: list[Array]) -> Array:
        dtype = np.result_type(*[np.finfo(working_dtype(p.dtype)).dtype for p in self.params])
        return np.concatenate([part.ravel() for a in arrays for part in self._parts(a)]).astype(dtype)

    @staticmethod
    def _parts(a: Array) -> list[Array]:
        """Return the real and the imaginary part of complex numbers, views; real numbers as they are."""
        return [a.real, a.imag] if a.dtype.kind == "c" else [a]

    def _vector(self) -> Array:
        """Return a copy of all parameters, one after the other."""
        return self._flat([p.data for p in self.params])

    def _gradient(self) -> Array:
        """Return all gradients, one after the other, with zeros for parameters without one."""
        found = gradients(self.params, "LBFGS")
        return self._flat(
            [np.zeros(p.shape, p.dtype) if g is None else g for p, g in zip(self.params, found, strict=True)]
        )

    def _put(self, x: Array) -> None:
        """Write a vector into the parameters."""
        targets = [part for p in self.params for part in self._parts(p.data)]
        ends = np.cumsum([target.size for target in targets])[:-1]
        for target, part in zip(targets, np.split(x, ends), strict=True):
            target[...] = part.reshape(target.shape)

    def state_dict(self) -> dict[str, Any]:
        """Return copies of all that changes from step to step, by name, for `tg.save`."""
        n, dtype = self._vector().size, self._vector().dtype
        return {
            "lr": self._rates(), "steps": self.steps, "iterations": self.iterations, "evaluations": self.evaluations,
            "changes": np.array(self.changes, dtype).reshape(-1, 2, n),
            "last": np.array([] if self.last is None else self.last, dtype).reshape(-1, n),
        }  # fmt: skip

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore what `state_dict` returned; raises ValueError that lists all names and shapes that do not fit."""
        now = {name: np.array(value) for name, value in self.state_dict().items()}
        for name in ("changes", "last") if isinstance(state, Mapping) else ():
            count = np.shape(state.get(name, ()))[:1] or (0,)  # how many there are differs
            now[name] = np.zeros((*count, *now[name].shape[1:]), now[name].dtype)
        copy_state("LBFGS.load_state_dict", now, state)
        if self.lr != now["lr"][0]:
            self.lr = float(now["lr"][0])  # or an error, before anything is changed
        self.steps, self.iterations, self.evaluations = (int(now[k]) for k in ("steps", "iterations", "evaluations"))
        self.changes = [(s, y) for s, y in now["changes"]]
        self.last = (now["last"][0], now["last"][1]) if len(now["last"]) == 2 else None
