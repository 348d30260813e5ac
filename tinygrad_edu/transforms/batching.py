"""Batches: one call computes a function for many arguments at once.

A `Batch` is an array with a hidden first axis, that of the members. NumPy's functions see the shape of one member, and
compute all of them: `batch_rules` says where each function finds the other axes. So code that is written for one
example runs for a batch, the engine and the derivative table included: the gradient in a backward pass may be a Batch.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from functools import partial
from typing import Any, NoReturn

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from ..engine.concatenators import joined_item
from ..engine.dispatch import Operand, call_of_method
from ..engine.errors import user_name
from ..engine.methods import ARRAY_METHODS, calling
from ..engine.mode import paused
from ..engine.rules.containers import Flattened, rebuilt
from ..engine.rules.methods import METHODS
from ..engine.rules.registry import (
    Array,
    Function,
    array_likes,
    compositions,
    implementations,
    is_elementwise,
    is_users,
    leaves,
    name,
    predicates,
    predicates_of_all,
)
from ..engine.rules.shaping import astype
from ..engine.signatures import output
from ..engine.tape import Node
from . import tree
from .batch_arguments import checked, member, raise_error_of_member
from .levels import LOOP, Level, NoBatching

Rule = Callable[[Function, Level, tuple[Any, ...], dict[str, Any]], Any]
BATCHED: dict[Function, Rule] = {}  # filled by `batch_rules`
depth = operator.attrgetter("depth")


class Batch(NDArrayOperatorsMixin):
    """An array for each member of a batch; `stacked` holds all of them along its first axis."""

    __slots__ = ("level", "stacked")
    __class__ = property(lambda self: np.ndarray)

    def __init__(self, stacked: Any, level: Level) -> None:
        self.stacked, self.level = stacked, level

    shape, ndim = property(lambda self: self.stacked.shape[1:]), property(lambda self: self.stacked.ndim - 1)
    size, dtype = property(lambda self: math.prod(self.shape)), property(lambda self: self.stacked.dtype)
    T, mT = property(lambda self: np.transpose(self)), property(lambda self: np.swapaxes(self, -1, -2))
    real, imag = property(lambda self: np.real(self)), property(lambda self: np.imag(self))
    base = None  # it shares its memory with no other array

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        level = self.level
        for a in inputs:
            if type(a) is Batch:
                level = max(level, a.level, key=depth) if a.level is not level else level
            elif isinstance(a, Node) and not self.outranks(a):
                return NotImplemented
        if method == "__call__":
            direct = not kwargs and ufunc.signature is None
            return elementwise(ufunc, level, inputs, kwargs) if direct else call(ufunc, inputs, kwargs)
        if same := call_of_method(ufunc, method, inputs, kwargs):
            return call(*same)
        if method in METHODS and ufunc.nin == 2 and not batches([*inputs[1:], kwargs]):
            return METHODS[method](ufunc, *inputs, **kwargs)
        return call(getattr(ufunc, method), inputs, kwargs)

    def __array_function__(self, fun: Function, types: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        given = leaves([args, kwargs]) if any([issubclass(t, Node) for t in types]) else args
        if nodes := [a for a in given if isinstance(a, Operand) and not self.outranks(a)]:
            direct = [a for a in args if a is nodes[0]]
            return nodes[0].__array_function__(fun, types, args, kwargs) if direct else NotImplemented
        return call(fun, args, kwargs)

    @property
    def of_tensors(self) -> bool:
        """Whether gradients go through the members, which are then no memory to write into."""
        return isinstance(self.stacked, Node) or getattr(self.stacked, "of_tensors", False)

    @property
    def detached(self) -> Batch:
        """The same members, as constants of the transforms outside of vmap."""
        name = "data" if isinstance(self.stacked, Node) else "detached"
        return Batch(getattr(self.stacked, name, self.stacked), self.level)

    def outranks(self, x: Node) -> bool:
        """Return whether a node is an operand like an array, the same for all members (see `Level.is_shared`)."""
        return self.level.is_shared(x)

    def __getitem__(self, index: Any) -> Any:
        return call(operator.getitem, (self, index), {})

    def __setitem__(self, index: Any, v: Any) -> None:
        BATCHED[operator.setitem](operator.setitem, self.level, (self, index, v), {})

    def __round__(self, n: int = 0) -> Any:
        return np.round(self, n)

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("len() of unsized object")
        return int(self.shape[0])

    def __iter__(self) -> Any:
        return (self[i] for i in range(len(self)))

    def astype(self, dtype: Any, *args: Any, **kwargs: Any) -> Batch:
        """As ndarray's."""
        return self if np.dtype(dtype) == self.dtype else Batch(astype(self.stacked, np.dtype(dtype)), self.level)

    def copy(self, order: Any = "C") -> Batch:
        """As ndarray's."""
        return Batch(np.copy(self.stacked), self.level)

    def _refuse(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise NoBatching(
            f"{self.level.title}: a plain number or array differs from member to member of a batch; compute with NumPy "
            "functions, choose with np.where(condition, ..., ...), join with np.stack([...]), read and write "
            f"tg.Tensor(array, requires_grad=False) in place of array[index], or {LOOP}"
        )

    def _missing(self, name: str) -> NoReturn:
        raise NoBatching(f"{self.level.title}: ndarray.{name} computes no batch at once; {LOOP}")

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        array = joined_item(self)
        return self._refuse() if array is None else array

    __bool__ = __float__ = __int__ = __index__ = __complex__ = __format__ = item = tolist = tobytes = fill = _refuse

    def __repr__(self) -> str:
        return f"Batch of {self.level.size} arrays of shape {self.shape}"


def _in_place(fun: Function) -> Function:
    """Return the method of `y op= v`, which of a Batch of Tensors makes a new one, as of a Tensor."""
    return lambda y, v: NotImplemented if y.of_tensors else fun(y, v)


array_likes.add(Batch)
for _name in ["add", "sub", "mul", "matmul", "truediv", "floordiv", "mod", "pow"]:
    setattr(Batch, f"__i{_name}__", _in_place(getattr(Batch, f"__i{_name}__")))
_methods = ARRAY_METHODS | {_name: calling(getattr(np, _name)) for _name in ("clip", "dot", "conj", "conjugate")}
for _name, _method in _methods.items():
    setattr(Batch, _name, _method)
for _name in {n for n in dir(np.ndarray) if not n.startswith("_")} - {*dir(Batch)}:
    setattr(Batch, _name, property(partial(Batch._missing, name=_name)))


def call(fun: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Return fun(*args, **kwargs) for all members of the Batches among the arguments."""
    if isinstance(fun, Flattened):
        args, fun = rebuilt(fun.nesting, iter(args)), fun.fun
    found = batches([*args, kwargs] if kwargs else args)
    level = found[0].level if len(found) == 1 else max([b.level for b in found], key=depth)
    try:
        if kwargs or len(args) > 2:
            args, kwargs = checked(fun, level, args, kwargs)
        if fun in BATCHED:
            return BATCHED[fun](fun, level, args, kwargs)
        if is_elementwise(fun):
            return elementwise(fun, level, args, kwargs)
        if fun in predicates:
            return decided(fun, level, args)
        if fun in compositions:
            return compositions[fun](*args, **kwargs)
        of_tensors = any([b.of_tensors for b in found])
        shares = not paused() and any([isinstance(a, Node) and a.requires_grad for a in leaves(list(args))])
        # A user's primitive has a rule for single members, which need not be the derivative of its code.
        if fun in implementations and shares and not of_tensors and is_users(fun):
            return looped(fun, level, args, kwargs)
        if fun in implementations and fun not in level.running and not (is_users(fun) and of_tensors):
            level.running.add(fun)
            try:
                return implementations[fun](*args, **kwargs)
            except TypeError as error:  # it is code for arrays, which takes no Batches, or none of Tensors
                what = "of Tensors" if of_tensors or shares else "at once"
                if what == "at once" and (is_users(fun) or not isinstance(error, NoBatching)):
                    raise
                raise NoBatching(f"{level.title}: {user_name(fun)} computes no batch {what}; {LOOP}") from error
            finally:
                level.running.remove(fun)
        raise NoBatching(f"{level.title}: {user_name(fun)} computes no batch at once; {LOOP}")
    except NoBatching:
        if not level.fallback or output(fun, args, kwargs) is not None:  # the members would write into one array
            raise
    except (ValueError, IndexError) as error:
        raise_error_of_member(error, fun, level, args, kwargs)
    return looped(fun, level, args, kwargs)


def elementwise(fun: Function, level: Level, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Let operands broadcast; a result goes into the memory of `out`, whose views see it."""
    out = kwargs.get("out") if kwargs else None
    target = out[0] if isinstance(out, tuple) else out
    if target is not None and not is_member(target, level):
        raise NoBatching(f"{level.title}: {name(fun)} writes members of a batch into a plain array; {LOOP}")
    if kwargs and batches({k: v for k, v in kwargs.items() if k != "out"}):
        raise NoBatching(f"{level.title}: an array for a keyword of {name(fun)} differs from member to member; {LOOP}")
    args = tuple([np.asarray(a) if type(a) in (list, tuple) else a for a in args])  # their axes count, too
    ndim = max([getattr(a, "ndim", 0) for a in (*args, target)])
    operands = [aligned(a, ndim, level) for a in args]
    try:
        y = fun(*operands, **(kwargs if target is None else {**kwargs, "out": target.stacked}))
    except ValueError as error:
        raise_error_of_member(error, fun, level, args, kwargs)
    return wrapped(y, level) if target is None else target


def is_member(a: Any, level: Level) -> bool:
    """Return whether an argument differs from member to member."""
    return type(a) is Batch and a.level is level


def wrapped(result: Any, level: Level) -> Any:
    """Return stacked results as Batches."""
    if isinstance(result, tuple):
        parts = [Batch(r, level) for r in result]
        return type(result)(*parts) if hasattr(result, "_fields") else tuple(parts)
    return [Batch(r, level) for r in result] if isinstance(result, list) else Batch(result, level)


def aligned(a: Any, ndim: int, level: Level) -> Any:
    """Return an operand so that members of `ndim` axes broadcast against each other."""
    if type(a) is not Batch or a.level is not level:
        return a
    missing = ndim - a.ndim
    return a.stacked if missing <= 0 else np.reshape(a.stacked, (level.size, *(1,) * missing, *a.shape))


def batches(value: Any) -> list[Batch]:
    """Return the Batches in nested lists, tuples and dicts."""
    return [a for a in leaves(value) if type(a) is Batch]


def looped(fun: Function, level: Level, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Call a function once for each member, and stack the results."""
    if not level.size:
        raise NoBatching(f"{level.title}: {user_name(fun)} computes no batch at once, and has no members to loop over")
    results = [fun(*member(args, level, i), **member(kwargs, level, i)) for i in range(level.size)]
    shapes = {(tree.structure_of(r), *map(np.shape, tree.leaves(r))) for r in results}
    if len(shapes) > 1 or results[0] is None:
        raise NoBatching(f"{level.title}: {name(fun)} gives the members no results of one shape")
    return tree.tree_map(lambda *ys: None if ys[0] is None else Batch(np.stack(ys), level), *results)


def decided(fun: Function, level: Level, args: tuple[Any, ...]) -> bool:
    """Return a predicate's answer, which must be the same for all members: the function branches on it."""
    args = tuple([a.detached if type(a) is Batch else a for a in args])
    if fun in predicates_of_all:
        return bool(fun(*[a.stacked if type(a) is Batch else a for a in args]))
    answers = {fun(*member(args, level, i)) for i in range(level.size)}
    if len(answers) != 1:
        raise NoBatching(f"{level.title}: the members of a batch differ in {name(fun)}, or there are none; {LOOP}")
    return bool(answers.pop())


def full(a: Any, level: Level) -> Array:
    """Return the members of an argument, stacked; those of a plain array are the same."""
    return a.stacked if is_member(a, level) else np.broadcast_to(a, (level.size, *np.shape(a)))
