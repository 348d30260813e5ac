"""Checks of what optimizers and schedules are given: parameters, gradients, hyperparameters."""

import functools
import warnings
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

import numpy as np

from ..engine.errors import kind_of, users_level
from ..engine.rules.finite import all_finite
from ..engine.rules.floats import python_float
from ..engine.rules.registry import predicate, predicate_of_all
from ..engine.tensor import Tensor
from .tracing import Array

Setting: TypeAlias = float | tuple[float, float]  # a hyperparameter; a switch is a bool, which is an int
# For each dtype: the size of gradients from which to which squares can be summed up without loss for 10**8 steps, the
# largest square, and the least eps beside which smaller ones do not count.
SQUARES = {"f": (1e-15, 1e15, 1e30, 1e-12), "d": (1e-145, 1e145, 1e290, 1e-138)}
Checks: TypeAlias = dict[str, Callable[[str, str, Any], Setting]]  # (class, name, value) -> the value as it is kept
Params: TypeAlias = Iterable[Tensor] | Iterable[Mapping[str, Any]]


def parameter_groups(params: Params, where: str, settings: Iterable[str]) -> list[tuple[list[Any], dict[str, Setting]]]:
    """Return (parameters, hyperparameters that it sets itself) of each group."""
    given: Any = as_list(params, where)
    if not given or not all(isinstance(group, Mapping) for group in given):
        return [(given, {})]
    groups = []
    for i, group in enumerate(given):
        own_settings = dict(group)
        if "params" not in own_settings:
            raise ValueError(f'{where}: group {i} has no "params"; a group is {{"params": [...], "lr": ...}}')
        members = in_order(own_settings.pop("params"), where)
        if unknown := own_settings.keys() - set(settings):
            raise ValueError(f"{where}: group {i} sets {sorted(unknown)}; it may set {', '.join(settings)}")
        groups.append((members, own_settings))
    return groups


def in_order(params: Iterable[Any], where: str) -> list[Any]:
    """Return a list of what an optimizer is given; raises TypeError for what `as_list` refuses, and for a set."""
    if isinstance(params, (set, frozenset)):
        raise TypeError(f"{where} loads its state in the order of its parameters, and a set has none: pass a list")
    return as_list(params, where)


def as_list(params: Iterable[Any], where: str) -> list[Any]:
    """Return a list of what an optimizer is given; raises TypeError if that is a module, one Tensor or no iterable."""
    if hasattr(params, "parameters"):
        raise TypeError(f"{where} takes parameters, not {kind_of(params)}: pass model.parameters()")
    if isinstance(params, Tensor):
        raise TypeError(f"{where} takes a list of Tensors, not one Tensor: pass [tensor]")
    if isinstance(params, Mapping) and not all(isinstance(key, Tensor) for key in params):
        remedy = ("or of groups, ", "[group]") if "params" in params else ("", "list(params.values())")
        kind = type(params).__name__
        raise TypeError(f"{where} takes a list of Tensors, {remedy[0]}not a {kind}: pass {remedy[1]}")
    if not isinstance(params, Iterable):
        raise TypeError(f"{where} takes a list of Tensors, not {type(params).__name__}: pass model.parameters()")
    return list(params)


def leaf_tensors(params: Iterable[Tensor], where: str, frozen: float = 0) -> list[Tensor]:
    """Return a list of parameters; raises for one that is not a leaf Tensor, or is given twice.

    One with requires_grad=False is refused too, unless it is among the first `frozen` ones.
    """
    params = as_list(params, where)
    if not params:
        raise ValueError(
            f"{where} got no parameters: does the model keep Tensors in attributes, with requires_grad=True?"
        )
    for i, p in enumerate(params):
        if not isinstance(p, Tensor):
            remedy = "wrap numbers in Tensor(...), or pass model.parameters()"
            raise TypeError(f"{where} takes Tensors, and parameter {i} is {kind_of(p)}; {remedy}")
        if p.fun is not None or not (p.requires_grad or i < frozen):
            reason = "is the result of a computation" if p.fun is not None else "takes no gradient"
            raise ValueError(f"{where}: {describe(i, p)} {reason}; pass leaf Tensors with requires_grad=True")
    if len({id(p) for p in params}) < len(params):
        twice = next(i for i, p in enumerate(params) if any(p is q for q in params[:i]))
        raise ValueError(f"{where}: {describe(twice, params[twice])} is there twice; pass each Tensor once")
    return params


def gradient_of(p: Tensor) -> Array | None:
    """Return the gradient of a parameter, also one that backward(create_graph=True) made a Tensor, as an array."""
    g: Any = p.grad
    return g.data if isinstance(g, Tensor) else g


def gradients(params: list[Tensor], where: str) -> list[Array | None]:
    """Return the gradients of the parameters, None for those without; raises ValueError if none has one."""
    grads = [gradient_of(p) for p in params]
    if grads[0] is None and all(g is None for g in grads):
        nor = ", nor has any other" if len(params) > 1 else ""
        raise ValueError(
            f"{where}: {describe(0, params[0])} has no gradient{nor}; call loss.backward() first, with a loss that "
            "depends on these parameters, not on those of another model"
        )
    return grads


def without_gradient(params: list[Tensor], missed: list[int], before: str = "") -> str:
    """Return `before` and the names of the parameters of which no step has found a gradient; "" if there are none."""
    never = [describe(i, p) for i, (p, m) in enumerate(zip(params, missed, strict=True)) if m == -1]
    more = f" and {len(never) - 3} more" if len(never) > 3 else ""
    return before + ", ".join(never[:3]) + more if never else ""


def warn_of_sum(kind: str, p: Tensor) -> None:
    """Warn of a gradient that several backward passes have added up to, in one text, as Python shows a text once."""
    if getattr(p, "passes", 1) > 1:
        warnings.warn(
            f"{kind}.step: the gradients are the sum of 2 backward passes or more. Call zero_grad() before each "
            "backward(), or minimize(loss), which does; if you add them up on purpose, step(accumulated=True)",
            stacklevel=users_level(),
        )


@predicate
def squares_fit(eps: float, *grads: Array) -> bool:
    """Return whether sums of squares of the gradients stay in the range of their dtype, or are small beside eps.

    They are of float32 or float64. True as well if a gradient is not finite: then no dtype would do.
    """
    for g in grads:
        low, high, highest, least_eps = SQUARES[g.dtype.char]
        if g.size < 10_000:
            flat = g.ravel("K")
            is_large = not float(np.vdot(flat, flat)) < highest  # does not warn of an overflow
        else:  # the dot product of large arrays starts BLAS's threads
            is_large = not (g.max() < high and g.min() > -high)
        if is_large or (eps < least_eps and ((g != 0) & (np.abs(g) < low)).any()):
            return not all_finite(*grads)
    return True


CHECK_EVERY = 16  # steps, from the first on; looking at all gradients in every step would cost a few percent


@predicate_of_all(False)
def state_suffices(steps: int, eps: float, *grads: Array) -> bool:
    """Return whether the optimizer can go on with the dtype of its state: `squares_fit`, looked at in some steps."""
    return steps % CHECK_EVERY != 0 or bool(squares_fit(eps, *grads))


@predicate_of_all(True)
def is_settled(missed: Array) -> bool:
    """Return True: jit sees by this call that a step within its recording has changed which parameters move."""
    return True


def called(where: str, closure: object) -> Any:
    """Return what a closure returns; raises TypeError unless it is a function."""
    if not callable(closure):
        given = type(closure).__name__
        raise TypeError(
            f"{where}.step takes a closure, a function that computes the loss and its gradients, not {given}"
        )
    return closure()


def describe(i: int, p: Tensor) -> str:
    """Return words for a parameter: its position, label and shape."""
    return f"parameter {i}{f' {p.label!r}' if p.label else ''} of shape {p.shape}"


@predicate
def is_nonnegative(value: object, below: float) -> bool:
    """Return whether value is a number with 0 <= value < below."""
    return isinstance(value, (int, float, np.number)) and not isinstance(value, bool) and bool(0 <= value < below)


def after(t: float, first: float) -> float:
    """Return 1 if t > first, else 0: a formula without `if`, so that jit can record it for any t."""
    return python_float(np.greater(t, first))  # type: ignore[no-any-return]


def nonnegative(where: str, name: str, value: object, below: float = float("inf")) -> float:
    """Return a hyperparameter as Python's float; raises ValueError unless 0 <= value < below."""
    if not is_nonnegative(value, below):
        bound = "finite number of at least 0" if below == float("inf") else f"number from 0 to below {below:g}"
        raise ValueError(f"{where}: {name} must be a {bound}, not {value!r}")
    number: float = python_float(value)
    return number


below_1 = functools.partial(nonnegative, below=1.0)


def pair(where: str, name: str, values: object) -> tuple[float, float]:
    """Return a hyperparameter of two numbers as Python's floats; raises ValueError for anything else."""
    if not isinstance(values, (tuple, list)) or len(values) != 2:
        example = {"betas": "(0.9, 0.999)", "etas": "(0.5, 1.2)", "step_sizes": "(1e-6, 50)"}[name]
        raise ValueError(f"{where}: {name} are two numbers, such as {example}, not {values!r}")
    first, second = (nonnegative(where, f"{name}[{i}]", value) for i, value in enumerate(values))
    return first, second


def pair_below_1(where: str, name: str, values: object) -> tuple[float, float]:
    """Return what `pair` does; raises ValueError unless both numbers are below 1."""
    found = pair(where, name, values)
    if max(found) >= 1:
        raise ValueError(f"{where}: {name} are at least 0 and below 1, not {found}")
    return found
