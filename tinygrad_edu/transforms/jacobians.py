"""Jacobians, Hessians, and products with them."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..engine.backward import toposort
from ..engine.conjugation import complex_seen
from ..engine.habits import names_keywords
from ..engine.rules.registry import Array, Function, is_complex, predicate, unsettled
from ..engine.tape import Node
from ..engine.tensor import Tensor
from . import batch_rules, tree  # noqa: F401  # fills the table of `batching`
from .arguments import Argnums, Result, as_result, as_results, check_function, check_result, like_arguments, name_of
from .batching import Batch, full
from .forward import jvp, push_forward
from .levels import Level, is_no_batching
from .reverse import grad, node_gradients, pull_back, trace
from .tangents import holds_nan

MAX_ELEMENTS = 2**23  # elements of the largest array that a batch of directions may make


@names_keywords
def jacobian(f: Function, argnums: Argnums = 0, mode: str = "auto", has_aux: bool = False) -> Callable[..., Result]:
    """Return a function that returns d(f)/d(x), of f's shape + x's shape.

    Where f returns a tree, the result has a Jacobian for each of its leaves; where x is a tree, that is a tree of x's
    structure. With `has_aux` f returns (y, aux), and the result is (Jacobian, aux).

    `mode` is "reverse", which pulls back a gradient for each element of f, "forward", which pushes a direction forward
    for each element of x, or "auto", which takes the cheaper of both. All gradients, or all directions, go at once.
    Raises ValueError for another mode.

    >>> tg.jacobian(lambda x: x**2)(np.array([1.0, 2.0]))
    array([[2., 0.],
           [0., 4.]])
    """
    check_function("jacobian", f, argnums)
    if mode not in ("auto", "forward", "reverse"):
        raise ValueError(f"jacobian: mode={mode!r}; it is 'auto', 'forward' or 'reverse'")
    return _of_function("jacobian", f, argnums, has_aux, lambda y, xs, carry: _columns(y, xs, carry, mode))


def _of_function(transform: str, f: Function, argnums: Argnums, has_aux: bool, columns: Function) -> Function:
    """Return the function of the derivatives of f, of which `columns(leaf, xs, carry)` gives those by each variable."""

    @functools.wraps(f)
    def derivatives(*args: Any, **kwargs: Any) -> Result:
        y, aux, xs, carry, _ = trace(transform, f, args, kwargs, argnums, has_aux, several=True)
        found = _of_each(f, y, lambda leaf: like_arguments(args, argnums, columns(leaf, xs, carry)))
        return (found, as_results(aux, carry)) if has_aux else found

    return derivatives


def _of_each(f: Function, y: Any, derivatives: Callable[[Any], Any]) -> Any:
    """Return the derivatives of each leaf of a result, None if it is not a number; ValueError if all are Python's."""
    if not tree.is_container(y):
        return derivatives(y)
    leaves = tree.leaves(y)
    if not any([hasattr(leaf, "shape") for leaf in leaves]):
        check_result("jacobian", f, y, has_aux=False, several=False)
    parts = [None if tree.is_constant(leaf) else derivatives(leaf) for leaf in leaves]
    return tree.with_leaves(y, parts)


def _columns(y: Any, xs: list[Tensor], carry: bool, mode: str) -> list[Result]:
    """Return the Jacobians of y, one array or number, by each variable."""
    if not isinstance(y, Tensor):
        return [_zeros(y, x) for x in xs]
    if complex_seen and any(map(is_complex, (y, *xs))):
        return [_holomorphic(y, xs, k, carry) for k in range(len(xs))]
    forward = mode == "forward" or (mode == "auto" and sum([x._value.size for x in xs]) < y.size)
    columns = [_forward(y, xs, k, carry) for k in range(len(xs))] if forward else _reverse(y, xs, carry)
    if any(map(holds_nan, columns)) and any(node.fun in unsettled for node in toposort(y)):
        # Eigenvectors of equal eigenvalues have no tangent; limits know the gradients of one element after another.
        rows = [pull_back(y, xs, e.reshape(y.shape), carry) for e in np.eye(y.size, dtype=y.dtype)]
        parts = zip(xs, zip(*rows, strict=True), strict=True)
        columns = [np.stack(part).reshape(y.shape + np.shape(x)) for x, part in parts]
    return columns


def _zeros(y: Any, x: Tensor) -> Result:
    """Return the Jacobian of a constant, or of an empty array, in the dtype of other Jacobians."""
    return np.zeros(np.shape(y) + np.shape(x), getattr(y, "dtype", complex) if is_complex(y) else x._value.dtype)


@predicate
def are_holomorphic(along_real: Array, along_i: Array) -> bool:
    """Return whether derivatives along the imaginary axis are i times those along the real axis."""
    return np.allclose(along_i, 1j * along_real, equal_nan=True)


def _holomorphic(y: Tensor, xs: list[Tensor], k: int, carry: bool) -> Result:
    """Return the Jacobian of complex numbers, the derivatives along the real axis; raise TypeError if that is not all.

    It is for holomorphic functions, whose derivative along the imaginary axis is i times the one along the real axis.
    """
    columns = _forward(y, xs, k, carry)
    if is_complex(xs[k]):
        along_i = _forward(y, xs, k, carry, 1j)
        if not are_holomorphic(*[getattr(c, "_value", c) for c in (columns, along_i)]):
            raise TypeError(
                "jacobian: this function of complex numbers is not holomorphic, so a complex matrix cannot hold its "
                "derivatives; differentiate it by real and imaginary parts, f(x + 1j * y), or use grad, jvp or vjp"
            )
    return columns


def _reverse(y: Tensor, xs: list[Tensor], carry: bool) -> list[Result]:
    """Pull back the gradient of each element of y."""
    pulled = _for_all(lambda e: pull_back(y, xs, e, carry), y, y.shape, carry)
    if not pulled:
        return [_zeros(y, x) for x in xs]
    return [np.reshape(gradients, y.shape + np.shape(x)) for x, gradients in zip(xs, pulled, strict=True)]


def _forward(y: Tensor, xs: list[Tensor], k: int, carry: bool, factor: complex = 1) -> Result:
    """Push each direction of the k-th variable, times a factor, forward."""
    zeros = [np.zeros_like(x._value) for x in xs]

    def push(e: Any) -> list[Any]:
        tangent = push_forward(y, xs, [*zeros[:k], e if factor == 1 else e * factor, *zeros[k + 1 :]])
        return [np.zeros_like(y._value) if tangent is None else as_result(tangent, carry)]

    pushed = _for_all(push, y, np.shape(xs[k]), carry, xs[k].dtype if is_complex(y) or is_complex(xs[k]) else y.dtype)
    if not pushed:
        return _zeros(y, xs[k])
    columns = np.moveaxis(pushed[0], 0, -1).reshape(y.shape + np.shape(xs[k]))
    dtype = xs[k]._value.dtype
    return columns if columns.dtype == dtype or is_complex(y) else columns.astype(dtype)


def _for_all(pass_on: Function, y: Tensor, shape: tuple[int, ...], carry: bool, dtype: Any = None) -> list[Result]:
    """Return the arrays that `pass_on` gives for each direction of the standard basis, stacked.

    The directions go at once, as a Batch, unless an outer transform needs a graph.
    """
    n = math.prod(shape)
    basis = np.eye(n, dtype=dtype or y.dtype).reshape(n, *shape)
    if not carry and n > 1:
        step = max(1, MAX_ELEMENTS // max([1, *[node._value.size for node in toposort(y)]]))
        parts = []
        try:
            for start in range(0, n, step):
                level = Level(min(step, n - start), fallback=True)
                found = [full(r, level) for r in pass_on(Batch(basis[start : start + step], level))]
                parts.append([r._value if isinstance(r, Node) else r for r in found])
            return parts[0] if len(parts) == 1 else [np.concatenate(part) for part in zip(*parts, strict=True)]
        except TypeError as error:
            if not is_no_batching(error):  # a rule of the user's own may need plain arrays
                raise
    parts = [pass_on(e) for e in basis]
    return [np.stack(part) for part in zip(*parts, strict=True)]


@names_keywords
def hessian(f: Function, argnums: Argnums = 0, has_aux: bool = False) -> Callable[..., Result]:
    """Return a function that returns the second derivatives of f, of f's shape + x's shape twice.

    A single number counts as without axes. For trees, and for several arguments, the result is a tree of trees: the
    second derivative by leaf a and leaf b is at a, then b. First derivatives are computed in reverse mode, and their
    derivatives in forward mode. With `has_aux` f returns (y, aux), and the result is (Hessian, aux).

    >>> tg.hessian(lambda x: x[0] ** 2 * x[1])(np.array([1.0, 3.0]))
    array([[6., 2.],
           [2., 0.]])
    """
    check_function("hessian", f, argnums)

    def columns(y: Any, xs: list[Tensor], carry: bool) -> list[Result]:
        return pull_back(y, xs, None, carry) if np.size(y) == 1 else _columns(y, xs, carry, "reverse")

    return jacobian(_of_function("hessian", f, argnums, has_aux, columns), argnums, "forward", has_aux)


@names_keywords
def hvp(f: Function, argnums: int = 0) -> Callable[..., Result]:
    """Return the function (*args, v) -> the Hessian of f times v, which never holds the Hessian.

    v, as the result, has the shape or the structure of the argument number `argnums`. Raises ValueError for a direction
    of another shape, and TypeError for an `argnums` that no argument has.

    >>> tg.hvp(lambda x: np.sum(x**3))(np.array([1.0, 2.0]), np.array([1.0, 0.0]))
    array([6., 0.])
    """
    check_function("hvp", f, argnums)

    def product(*args: Any, **kwargs: Any) -> Result:
        given = args[:-1]
        v: Any = args[-1] if args else None
        if not isinstance(argnums, int) or not -len(given) <= argnums < len(given):
            raise TypeError(f"hvp({name_of(f)}): argnums={argnums!r} of {len(given)} arguments and a direction")
        i = argnums % len(given)
        x = given[i]
        if not tree.is_container(x) and np.shape(v) != np.shape(x):
            raise ValueError(
                f"hvp({name_of(f)}): the direction has shape {np.shape(v)}, and the argument has shape {np.shape(x)}"
            )
        gradient = grad(f, i)

        def along(x: Any) -> Any:
            return gradient(*given[:i], x, *given[i + 1 :], **kwargs)

        if tree.is_container(x):
            return jvp(along, [x], [v])[1]
        # The gradient's graph is there anyway, so the walk is cheaper
        g, _, xs, carry, _ = trace("hvp", along, (x,), {}, 0)
        tangent = push_forward(g, xs, [v])
        carry = carry or (isinstance(v, Tensor) and v.requires_grad)
        if holds_nan(tangent):  # eigenvectors of equal eigenvalues have no tangent, but the function may have a Hessian
            return node_gradients(g, xs, v, carry)[0]
        return np.zeros_like(xs[0]._value) if tangent is None else as_result(tangent, carry)

    return product
