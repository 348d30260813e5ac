"""A NumPy function on nodes: compute it on their data, then record the call."""

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from .conjugation import complex_seen
from .errors import NoRuleError, check_complex, checked_keywords, explained, numpys_error, surplus
from .rules.containers import separated
from .rules.foreign import ORDINARY, array_from, computes
from .rules.indexing import read
from .rules.promotion import promoted, wide_integers
from .rules.reductions import about_mean
from .rules.registry import (
    CONTAINERS,
    array_likes,
    compositions,
    constants,
    implementations,
    is_complex,
    keywords,
    leaves,
    name,
    of_complex,
    opaques,
    promoting,
    read_pages,
    refusal,
    takes_complex,
    vjps,
)
from .signatures import output, signature
from .tape import Function, Node, constant, record
from .threads import threaded

PLAIN = frozenset({np.ndarray, *np.sctypeDict.values()})  # arrays, and NumPy's numbers, which serve as arrays
SPREADS = (np.var, np.std, np.nanvar, np.nanstd)  # with the keyword `mean` they are compositions
implementations.update({f: threaded(f) for f in (np.sin, np.cos)})  # in float64 ten times as slow as any other ufunc


def apply(fun: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Compute fun(*args, **kwargs) on the data of the nodes among the arguments, and record it."""
    if (rules := vjps.get(fun)) is None:
        return apply_without_rule(fun, args, kwargs)
    if kwargs or (len(args) > 2 and "out" in keywords(fun)):
        if kwargs.get("mean") is not None and fun in SPREADS:
            return about_mean(fun, *args, **kwargs)
        args, kwargs = _bound(fun, args, kwargs)
    kind: type[Node] | None = None
    argvals, argnums = list(args), []
    for i, a in enumerate(args):
        if isinstance(a, Node):
            argvals[i] = a._value
            if a.requires_grad:
                if i >= len(rules):
                    unfit = TypeError(f"argument {i} takes no Tensor; {instead_of(fun, keywords(fun)[i : i + 1])}")
                    raise explained(unfit, fun, args, kwargs) from unfit
                if rules[i] is not None:
                    argnums.append(i)
            kind = type(a) if kind is None or kind is type(a) else common(kind, type(a), fun)
        elif isinstance(a, CONTAINERS) and fun in implementations and i < len(rules) and rules[i] and holds_node(a):
            return apply(*separated(fun, args), kwargs)
        elif type(a) not in ORDINARY:
            if type(a) in array_likes and outranked(a, args):
                return a.__array_function__(fun, (type(a),), args, kwargs)
            argvals[i] = array_from(a)
    if kind is None:
        raise TypeError(f"{name(fun)}: a mask, or an array to write into, cannot be a Tensor; pass its .data")
    if fun in promoting and (wider := promoted(args, argvals)) is not args:
        return apply(fun, tuple(wider), kwargs)
    try:
        known = fun in implementations
        compute = implementation(fun, argvals) if known else read if fun is operator.getitem else fun
        data = compute(*argvals, **kwargs)
    except (TypeError, ValueError, IndexError) as error:
        raise explained(error, fun, args, kwargs) from error
    if not argnums and (type(data) is tuple or getattr(getattr(data, "dtype", None), "kind", "f") in "biu"):
        return data  # indices, as np.where(condition) gives them, or integers, as np.where(condition, 1, 2) does
    data = kind._result(data, fun)
    if argnums:
        if fun in promoting:
            argvals = [wide_integers(a) for a in argvals]  # for the rules: 0 - 1 of unsigned ones would wrap around
        return record(kind, data, fun, args, tuple(argvals), kwargs, tuple(argnums))
    return constant(kind, data)


def apply_without_rule(fun: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Call a function that is composed of others, or whose result is constant; raise TypeError for any other."""
    asks = complex_seen and (fun in of_complex or (fun in compositions and fun not in takes_complex))
    if asks and any(map(is_complex, leaves(args, kwargs))):
        if fun in of_complex:
            return of_complex[fun](*map(without_subclasses, args), **checked_keywords(fun, args, kwargs))
        check_complex(fun)
    if fun in compositions:
        if kwargs or "out" in keywords(fun):
            kwargs = checked_keywords(fun, args, kwargs)
        try:
            return compositions[fun](
                *map(without_subclasses, args), **{k: without_subclasses(v) for k, v in kwargs.items()}
            )
        except (TypeError, ValueError, IndexError) as error:  # of a call that the user did not write
            if rest := surplus(fun, args):
                return apply_without_rule(fun, args[: -len(rest)], checked_keywords(fun, (), rest) | kwargs)
            if (original := numpys_error(error)) is None:
                raise
            raise explained(original, fun, args, kwargs) from original
    if fun in constants:
        refuse_as_out(fun, output(fun, args, kwargs))
        try:
            return fun(*map(plain, args), **{k: plain(v) for k, v in kwargs.items()})
        except (TypeError, ValueError, IndexError) as error:
            raise explained(error, fun, args, kwargs) from error
    read_pages()
    if fun in vjps or fun in compositions or fun in constants:
        return apply(fun, args, kwargs)
    if why := refusal(fun):
        raise NoRuleError(f"{name(fun)} does not take Tensors: {why}")
    raise NoRuleError(
        f"{name(fun)} has no rule for Tensors: give it one with defvjp({name(fun)}, rule, ...), list it with "
        f"nondifferentiable({name(fun)}), or call it on Tensor.data where no gradient is needed"
    )


def common(one: type[Node], other: type[Node], fun: Function) -> type[Node]:
    """Return the class of a result of two nodes: of a Tensor and a subclass, Tensor; a Value meets only Values."""
    shared_class = next(kind for kind in one.__mro__ if issubclass(other, kind))
    if not hasattr(shared_class, "_kind"):
        raise TypeError(f"{name(fun)}: a Value is one number and combines with no Tensor; make it a Tensor too")
    return shared_class


def where_true(ufunc: np.ufunc, inputs: tuple[Any, ...], kwargs: dict[str, Any], where: Any) -> Any:
    """Return the result of a ufunc where a mask is True, and 0 elsewhere, where NumPy's result is undefined."""
    if any([type(a) is np.ndarray for a in kwargs.get("out", ())]):
        raise TypeError(
            f"{name(ufunc)}(..., out=..., where=...): a plain array cannot hold a Tensor's result; leave it out, as "
            "where=mask gives 0 elsewhere; np.where(mask, y, v) gives v there"
        )
    with np.errstate(all="ignore"):  # of elements that the mask leaves out
        y = apply(ufunc, inputs, kwargs)
    return np.where(where, y, 0)


def implementation(fun: Function, args: Any) -> Function:
    """Return how a primitive computes; the primitive itself if an argument computes in its own way, as a Batch does.

    A plain array as the first argument does not ask the others, or an index, how they compute.
    """
    of_plain = len(args) > 1 and type(args[0]) in PLAIN
    foreign = any(map(computes, leaves(args))) if of_plain else any([type(a) in array_likes for a in args])
    return fun if foreign or fun in opaques else implementations[fun]


def outranked(a: Any, args: tuple[Any, ...]) -> bool:
    """Return whether an array-like, such as a batch, computes with the nodes among the arguments as its operands."""
    return hasattr(a, "outranks") and all([a.outranks(x) for x in args if isinstance(x, Node)])


def holds_node(a: Any) -> bool:
    """Return whether an argument is a node, or a container with a node in it."""
    return isinstance(a, Node) or (isinstance(a, CONTAINERS) and any(isinstance(v, Node) for v in leaves(a)))


def instead_of(fun: Function, argument: Sequence[str]) -> str:
    """Return what to write instead of a Tensor in the place of an index, an axis, or another argument of a function."""
    if fun is operator.getitem:
        return "pass its .data.astype(int) for an index, and x > 0 for a mask"
    return "pass its .data" + ", and several arrays in one list, [a, b]" * ("axis" in argument)


def refuse_as_out(fun: Function, out: Any) -> None:
    """Raise TypeError for a node as out=, whose data would change without a record."""
    if holds_node(out):
        raise TypeError(f"{name(fun)}(..., out=...): it takes no Tensor; pass its .data")


def plain(a: Any) -> Any:
    """Return an argument with arrays in the place of nodes and tables."""
    if isinstance(a, (list, tuple)):
        parts = [plain(v) for v in a]
        return tuple(parts) if isinstance(a, tuple) else parts
    return a._value if isinstance(a, Node) else array_from(a)


def without_subclasses(a: Any) -> Any:
    """Return an argument of a composition: a table as an array, an instance of a user's subclass as a Tensor."""
    if isinstance(a, Node):
        return a._as_base()
    if type(a) in (list, tuple):
        return type(a)(map(without_subclasses, a))
    return array_from(a)


def _bound(fun: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return arguments with all nodes among the positional ones, and keywords that the rules know."""
    refuse_as_out(fun, kwargs.get("out"))
    if any(map(holds_node, kwargs.values())):
        try:
            bound = signature(fun).bind(*args, **kwargs)
        except TypeError as error:  # Python's words name no function
            raise explained(error, fun, args, kwargs) from error
        args, kwargs = bound.args, bound.kwargs
        for k, v in kwargs.items():
            if holds_node(v):
                raise TypeError(f"{name(fun)}(..., {k}=...): it takes no Tensor; {instead_of(fun, (k,))}")
    return args, checked_keywords(fun, args, kwargs)
