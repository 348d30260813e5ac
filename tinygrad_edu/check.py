"""Gradients against finite differences: the check that every rule, and every user's function, has to pass."""

from collections.abc import Callable, Iterable
from copy import deepcopy
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from .engine.arguments import check_numbers, generator
from .engine.errors import kind_of
from .engine.mode import no_grad
from .engine.tape import constant
from .engine.tensor import Tensor
from .transforms import tree
from .transforms.arguments import check_function
from .transforms.reverse import grad

Array = NDArray[np.float64]
Function = Callable[..., Any]
N = TypeVar("N", float, Array)
STEPS = (1, -1, 2, -2)


class GradientError(ValueError):
    """A gradient and its finite difference disagree.

    >>> wrong = tg.primitive(lambda x: x**2)
    >>> tg.defvjp(wrong, lambda g, y, x: g * x)  # it should be 2 g x
    >>> try:
    ...     tg.check_grad(wrong, np.array([1.0]))
    ... except tg.GradientError:
    ...     print("the rule is wrong")
    the rule is wrong
    """


def check_grad(
    f: Function, *args: Any, order: int = 2, rtol: float = 1e-6, atol: float = 1e-6, eps: float = 1e-5,
    rng: np.random.Generator | int | None = 0,
) -> None:  # fmt: skip
    """Compare the gradients of f, up to the `order`-th derivative, with central differences.

    Arguments of float64 and complex128 (and Python's numbers) are checked, others are constants; arguments and result
    may be trees (see `tg.tree`) and Modules, whose parameters are checked in copies of them: a lambda that closes over
    a Module uses the original. Complex numbers are checked by their real and their imaginary parts. If f returns an
    array, the sum of its elements times random weights is differentiated. From order 2 on, the derivative of the
    gradient along a random direction is compared: one number for each element too. Differences are of fourth order
    (Abramowitz and Stegun 25.3.6), with step `eps` times the larger of 1 and the element. Raises GradientError with the
    argument, the index, both numbers and their difference where they differ by more than atol + rtol |difference|.
    Raises ValueError if no argument is of float64 or f depends on no parameter of its Modules, for an order below 1 and
    for a step that is not above 0.

    >>> tg.check_grad(np.sin, np.array([0.0, 1.0]))  # says nothing: the gradients are right
    """
    check_function("check_grad", f)
    check_numbers("check_grad", order=order, rtol=rtol, atol=atol, eps=eps)
    if order < 1 or not eps > 0:
        raise ValueError(f"check_grad: order is at least 1 and eps above 0, not {order} and {eps}")
    leaves, names = tree.leaves(args), [name for i, a in enumerate(args) for name in tree.paths(a, str(i))]
    f, leaves, names = _of_parts(_of_leaves(f, args), leaves, names)
    copies = map(_float64_copy, names, leaves)
    checked = {i: x for i, x in enumerate(copies) if x is not None}
    if not checked:
        raise ValueError("check_grad: no argument is of float64 or complex128, so there is nothing to check")
    arguments, argnums = [checked.get(i, a) for i, a in enumerate(leaves)], tuple(checked)
    random = generator("check_grad", rng)
    terms = _weighted(f, arguments, random)
    differences = [_by_element(terms, arguments, i, eps) for i in argnums]
    parts: list[Any] = []
    tree.replaced(parts.append, args)
    by_parameter = [
        tree.is_module(p) for p in parts for leaf in tree.leaves(p) for _ in range(1 + np.iscomplexobj(leaf))
    ]
    of_modules = [d for i, d in zip(argnums, differences, strict=True) if by_parameter[i]]
    if of_modules and not any(map(np.any, of_modules)):
        why = "a function that the Module keeps, or its __deepcopy__, gives the original"
        raise ValueError(f"check_grad: f depends on no parameter of a copy of the Module, so none is checked: {why}")
    gradient = grad(lambda *args: _total(terms(*args)), argnums)
    for n in range(1, order + 1):
        evaluate = no_grad()(gradient)  # gives arrays also where f closes over Tensors
        for i, g, difference in zip(argnums, evaluate(*arguments), differences, strict=True):
            _compare(g, difference, names[i], n, rtol, atol)
        if n < order:
            along = {i: random.uniform(0.5, 1.5, x.shape) * np.maximum(1, abs(x)) for i, x in checked.items()}
            differences = _along(evaluate, arguments, along, eps)
            gradient = grad(_projected(gradient, [*along.values()]), argnums)


def _of_leaves(f: Function, args: tuple[Any, ...]) -> Function:
    """Return f as a function of the leaves of its arguments; a Module is copied, with leaves as its parameters."""

    def of_leaves(*leaves: Any) -> Any:
        remaining = iter(leaves)

        def exchanged(leaf: Any) -> Any:
            if not tree.is_module(leaf):
                return next(remaining)
            new = [(id(p), next(remaining)) for p in tree.leaves(leaf)]
            return deepcopy(leaf, {i: p if isinstance(p, Tensor) else Tensor(p) for i, p in new})

        return f(*tree.replaced(exchanged, args))

    return of_leaves


def _of_parts(f: Function, leaves: list[Any], names: list[str]) -> tuple[Function, list[Any], list[str]]:
    """Return f as a function of the real and the imaginary parts of its complex arguments, the arguments, their names.

    f is composed with real functions of real numbers alone, so that the differences are those of real numbers too.
    """
    is_complex = [np.iscomplexobj(a) for a in leaves]
    if not any(is_complex):
        return f, leaves, names
    parts: list[Any] = []
    of_parts: list[str] = []
    for a, name, split in zip(leaves, names, is_complex, strict=True):
        z = np.array(getattr(a, "_value", a)) if split else a
        parts += [z.real.copy(), z.imag.copy()] if split else [z]
        of_parts += [f"{name} (real part)", f"{name} (imaginary part)"] if split else [name]

    def joined(*args: Any) -> Any:
        rest = iter(args)
        return f(*[next(rest) + 1j * next(rest) if split else next(rest) for split in is_complex])

    return joined, parts, of_parts


def _float64_copy(name: str, a: Any) -> Array | None:
    """Return a copy of an argument to check, or None for a constant; raises TypeError for less than float64."""
    if isinstance(a, float) or (isinstance(a, list) and not tree.is_constant(a)):
        return np.array(a, np.float64)
    dtype = getattr(a, "dtype", np.dtype(object))
    if dtype in (np.float32, np.float16):
        remedy = "pass float64, whose rounding errors are small enough"
        raise TypeError(f"check_grad: argument {name} is {dtype}; {remedy}")
    return np.array(getattr(a, "_value", a)) if dtype == np.float64 else None


def _of_tensors(f: Function) -> Function:
    """Return f as a function that gets Tensors in place of arrays of float64, as `grad` passes them."""

    def as_tensor(a: Any) -> Any:
        return constant(Tensor, a) if isinstance(a, np.ndarray) and a.dtype == np.float64 else a

    return lambda *args: f(*map(as_tensor, args))


def _weighted(f: Function, args: list[Any], rng: np.random.Generator) -> Function:
    """Return f as a function that gives a list of arrays: each result times random weights."""
    try:
        results = tree.leaves(f(*args))
    except (AttributeError, TypeError):  # arrays lack some methods, such as x.exp(), and x.view(-1) is another one
        f = _of_tensors(f)
        results = tree.leaves(f(*args))
    for leaf in results:
        if not hasattr(leaf, "__float__") and not isinstance(leaf, (list, complex)):  # a list of numbers is an array
            raise TypeError(f"check_grad: f returned {kind_of(leaf)} in the place of a Tensor, an array or a number")
    weights: list[Any] = [rng.uniform(0.5, 1.5, shape) if shape else 1.0 for shape in map(np.shape, results)]
    for i, leaf in enumerate(results):
        if np.iscomplexobj(leaf):
            weights[i] = weights[i] - 1j * rng.uniform(0.5, 1.5, np.shape(leaf))
    return lambda *args: [w * leaf for w, leaf in zip(weights, tree.leaves(f(*args)), strict=True)]


def _total(terms: Iterable[Any]) -> Any:
    """Return the sum of all elements of some arrays, or its real part."""
    sums = [np.sum(term) for term in terms]
    return sum([np.real(y) if np.iscomplexobj(y) else y for y in sums])


def _projected(gradient: Function, along: list[Array]) -> Function:
    """Return the derivative along a direction as a function.

    Its gradient is the Hessian times the direction. The Hessian is symmetric, so this is the derivative of the gradient
    along the direction.
    """
    return lambda *args: sum([np.sum(v * g) for v, g in zip(along, gradient(*args), strict=True)])


def _by_element(terms: Function, args: list[Any], i: int, eps: float) -> Array:
    """Return the finite differences of the total of some terms, by each element of argument i.

    The terms are subtracted one by one: in the difference of two sums, a small one is lost beside a large one.
    """
    x: Array = args[i]
    differences = np.empty(x.shape)
    for index in np.ndindex(x.shape):
        h = eps * max(1.0, abs(float(x[index])))

        def at(steps: float, index: tuple[int, ...] = index, h: float = h) -> Any:
            moved = np.copy(x)
            moved[index] += steps * h
            return terms(*args[:i], moved, *args[i + 1 :])

        differences[index] = float(_total(_difference(values, h) for values in zip(*map(at, STEPS), strict=True)))
    return differences


def _along(gradient: Function, args: list[Any], along: dict[int, Array], eps: float) -> list[Array]:
    """Return the finite differences of the gradient along a direction, which moves all elements of the arguments."""

    def at(steps: float) -> list[Array]:
        moved = [a + steps * eps * along[i] if i in along else a for i, a in enumerate(args)]
        return list(gradient(*moved))

    return [_difference(values, eps) for values in zip(*map(at, STEPS), strict=True)]


def _difference(values: Iterable[N], h: float) -> N:
    """Return the central difference of fourth order from the values at STEPS, in units of h."""
    after, before, further_after, further_before = values
    return (8 * (after - before) - (further_after - further_before)) / (12 * h)


def _compare(g: Array, difference: Array, name: str, order: int, rtol: float, atol: float) -> None:
    """Raise GradientError unless g is the gradient by an argument, as far as finite differences tell."""
    for index in np.ndindex(g.shape):
        error = abs(g[index] - difference[index])
        if not error <= atol + rtol * abs(difference[index]):
            given = f"reverse mode gives {g[index]:.12g}, finite differences {difference[index]:.12g}"
            where = f"derivative of order {order} by argument {name} at index {index}"
            raise GradientError(f"check_grad: {where}: {given}; they differ by {error:.3g}")
