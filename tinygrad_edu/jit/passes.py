"""Optimisations of a program: each is small, has a name, and keeps the results to rounding.

A pass takes a program and changes it in place. `PASSES` holds them in the order in which they run; `jit(f,
optimize=("dead", "common"))` runs some of them alone.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from ..rules.indexing import setitem
from .blocks import LARGE
from .flat import flat
from .pack import rows
from .program import Call, Constant, Program, Var, used
from .traced import add_at, astype

LINEAR = {np.multiply, np.divide, np.negative}


def dead(program: Program) -> None:
    """Leave out what nobody waits for. Random numbers are drawn all the same: the next ones depend on it."""
    needed = set(program.ends())
    kept = []
    for call in reversed(program.calls):
        if call.out in needed or call.draws:
            needed.update(call.uses())
            kept.append(call)
    program.calls = kept[::-1]


def common(program: Program) -> None:
    """Compute once what is computed twice."""
    seen: dict[Any, Var] = {}
    same: dict[Var, Var] = {}
    repeated = False
    for call in program.calls:
        if repeated:
            call.replace(lambda v: same.get(v, v))
        if not call.draws:
            key = call.fun, key_of(call.args), key_of(call.kwargs)
            same[call.out] = seen.setdefault(key, call.out)
            repeated = repeated or same[call.out] is not call.out
    program.replace(lambda v: same.get(v, v), calls=False)
    program.calls = [c for c in program.calls if same.get(c.out, c.out) is c.out]


def key_of(x: Any) -> Any:
    """What is equal for equal arguments, and hashable; 1, 1.0 and True are told apart, and so are 0.0 and -0.0."""
    kind = type(x)
    if kind is Var:
        return ("array", id(x.source.array)) if type(x.source) is Constant else x
    if kind is int or kind is str or x is None or x is ...:
        return x
    if kind is float or kind is bool:
        return kind, repr(x)
    if isinstance(x, (list, tuple)):
        return kind, tuple([key_of(v) for v in x])
    if isinstance(x, dict):
        return tuple([(k, key_of(v)) for k, v in x.items()])
    if kind is slice:
        return "slice", key_of(x.start), key_of(x.stop), key_of(x.step)
    return x if isinstance(x, np.dtype) else ("object", id(x))


def constants(program: Program) -> None:
    """Compute now what depends on nothing that may change; arrays of equal elements shrink to one."""
    known: dict[Var, Var] = {}
    calls = []
    for call in program.calls:
        if known:
            call.replace(lambda v: known.get(v, v))
        uses = call.uses()
        if (
            call.draws
            or isinstance(call.out.example, (tuple, list))
            or any(not isinstance(v.source, Constant) for v in uses)
        ):
            calls.append(call)
        else:
            known[call.out] = Var(Constant(call.out.example), call.out.example, call.out.name)
    program.calls = calls
    program.replace(lambda v: known.get(v, v), calls=False)


def uniform(v: Any) -> Any:
    """The number that all elements of a constant are, as an array without axes; None if they differ."""
    if type(v) is not Var or type(v.source) is not Constant:
        return None
    source = v.source
    if source.element is ...:
        array = source.array
        source.element = None
        if isinstance(array, np.ndarray) and array.size:
            first = array[(0,) * array.ndim]
            if not any(array.strides) or (
                array.size < LARGE and array[(-1,) * array.ndim] == first and (array == first).all()
            ):
                source.element = np.asarray(first)
    return source.element


def number(v: Any) -> Any:
    """The value of a Python number, or of a constant whose elements are all the same; else None."""
    if type(v) in (int, float):
        return v
    u = uniform(v)
    return None if u is None else u.item()


def broadcasting(program: Program) -> None:
    """Let ufuncs broadcast what would be spread out before."""
    numbers: dict[Any, Var] = {}
    for call in program.calls:
        if not call.elementwise:
            continue
        args = list(call.args)
        for i, a in enumerate(args):
            if type(a) is not Var or a.shape == ():
                continue
            small: Any = None
            if isinstance(a.source, Call) and a.source.fun is np.broadcast_to:
                small = a.source.args[0]
            elif (u := uniform(a)) is not None:
                small = numbers.setdefault((u.item(), u.dtype), Var(Constant(u), u))
            if small is None or getattr(small, "dtype", a.dtype) != a.dtype:
                continue
            others = [b.shape for j, b in enumerate(args) if j != i and type(b) is Var]
            if np.broadcast_shapes(*others, getattr(small, "shape", ())) == call.out.shape:
                args[i] = small
        call.args = tuple(args)


def algebra(program: Program) -> None:
    """x + 0, x * 1, x / 1, x ** 1, --x, copies, changes of shape that change nothing: x. And x + x: 2 x."""
    same: dict[Var, Any] = {}
    for call in program.calls:
        if same:
            call.replace(lambda v: same.get(v, v))
        if call.kwargs and call.fun not in REDUCTIONS:
            continue
        rule = ALGEBRA.get(call.fun)
        new = rule(call) if rule else None
        if new is not None and type(new) is Var and new.shape == call.out.shape and new.dtype == call.out.dtype:
            same[call.out] = new
    program.calls = [c for c in program.calls if c.out not in same]
    program.replace(lambda v: same.get(v, v), calls=False)


def _sum_of(call: Call) -> Any:
    a, b = call.args
    if number(b) == 0:
        return a
    if number(a) == 0:
        return b
    if a is b and a.dtype is not None and a.dtype.kind == "f":
        call.fun, call.args = np.multiply, (a, 2)
    return None


def _product_of(call: Call) -> Any:
    a, b = call.args
    for x, y in ((a, b), (b, a)):
        if (n := number(y)) == 1:
            return x
        if n == -1 and type(x) is Var:
            call.fun, call.args = np.negative, (x,)
            return None
        inner = x.source if type(x) is Var else None
        if n is not None and isinstance(inner, Call) and inner.fun is np.multiply and x.dtype.kind == "f":
            for p, q in (inner.args, inner.args[::-1]):  # two numbers as one
                if (m := number(p)) is not None and type(q) is Var and q.shape == x.shape and q.dtype == x.dtype:
                    call.args = (float(m * n), q)
                    return None
    return None


def _powered(call: Call) -> Any:
    a, b = call.args
    n = number(b)
    if n in POWERS and type(a) is Var and a.dtype is not None and a.dtype.kind == "f" and a.shape == call.out.shape:
        call.fun, call.args = POWERS[n], (a,)
    elif n == 0 and type(b) is not Var and call.out.dtype.kind == "f":
        ones = np.ones(call.out.shape, call.out.dtype)
        return Var(Constant(ones), ones)
    return a if n == 1 else None


def _reshaped(call: Call) -> Any:
    x, shape = call.args[:2]
    while isinstance(x.source, Call) and x.source.fun is np.reshape and not x.source.kwargs:
        x = x.source.args[0]
    call.args = (x, shape)
    inner = x.source
    if shape == (1,) and isinstance(inner, Call) and inner.fun is np.sum and x.shape == () and len(inner.args) == 1:
        column = inner.args[0]
        if type(column) is Var and column.shape[1:] == (1,) and column.dtype == x.dtype:
            call.fun, call.args, call.kwargs = np.sum, (column,), {"axis": 0}  # there at once
            return None
    return x


def _transposed(call: Call) -> Any:
    x, axes = call.args
    if isinstance(x.source, Call) and x.source.fun is np.transpose:
        inner = x.source.args[1]
        x, axes = x.source.args[0], tuple([inner[i] for i in axes])
        call.args = (x, axes)
    return x if axes == tuple(range(len(axes))) else None


def _added_at(call: Call) -> Any:
    """Adding to zeros at places that are all different is writing there."""
    x, index, _ = call.args
    parts = index if isinstance(index, tuple) else (index,)
    shapes = {getattr(i, "shape", None) for i in parts}
    if (
        number(x) == 0
        and len(shapes) == 1
        and all(type(i) is Var and len(i.shape) == 1 and i.dtype.kind in "iu" for i in parts)
        and any(
            isinstance(i.source, Constant) and len(np.unique(i.source.array % n)) == i.size  # -n is place 0 as well
            for i, n in zip(parts, x.shape, strict=False)
        )
    ):
        call.fun = setitem
    return None


def _negated(call: Call) -> Any:
    (x,) = call.args
    inner = x.source if type(x) is Var else None
    if isinstance(inner, Call) and inner.fun is np.negative:
        return inner.args[0]
    if isinstance(inner, Call) and inner.fun is np.multiply:  # into the number
        for a, b in (inner.args, inner.args[::-1]):
            if (n := number(a)) is not None and type(b) is Var and b.shape == x.shape and b.dtype == x.dtype:
                call.fun, call.args = np.multiply, (float(-n), b)
                break
    return None


def _reduced(call: Call) -> None:
    """Axes of one element are not summed over, and a reduction over all is one over None."""
    x, axis = call.args[0], call.kwargs.get("axis")
    if len(call.args) > 1 or set(call.kwargs) - {"axis", "keepdims"} or type(x) is not Var:
        if call.kwargs.get("initial") in _NEUTRAL.get(call.fun, ()) and x.size:
            call.kwargs = {k: v for k, v in call.kwargs.items() if k != "initial"}
            _reduced(call)
        return
    axes = range(len(x.shape)) if axis is None else (axis,) if isinstance(axis, int) else axis
    axes = {a % len(x.shape) for a in axes} if x.shape else set()
    over = {a for a in axes if x.shape[a] != 1}
    if (
        not call.kwargs.get("keepdims")
        and over == {a for a in range(len(x.shape)) if x.shape[a] != 1}
        and not call.out.shape
    ):
        call.kwargs = {}


def copies(program: Program) -> None:
    """A copy of what is never written into is that itself."""
    same: dict[Var, Var] = {}
    for call in program.calls:
        if same:
            call.replace(lambda v: same.get(v, v))
        if call.fun is np.copy and type(call.args[0]) is Var:
            same[call.out] = call.args[0]
    program.calls = [c for c in program.calls if c.out not in same]
    program.replace(lambda v: same.get(v, v), calls=False)


def mean(program: Program) -> None:
    """A mean as a sum, divided."""
    calls = []
    for call in program.calls:
        x: Any = call.args[0] if call.args else None
        if (
            call.fun is np.mean
            and len(call.args) == 1
            and set(call.kwargs) <= {"axis", "keepdims"}
            and x.dtype.kind == "f"
            and x.dtype.itemsize > 2
            and call.out.size
        ):
            total = Call(np.sum, call.args, call.kwargs, call.out.example, call.line, call.phase)
            calls.append(total)
            call.fun, call.args, call.kwargs = np.divide, (total.out, x.size // call.out.size), {}
        calls.append(call)
    program.calls = calls


def blas(program: Program) -> None:
    """Sums as products with ones, and sums of products as products: BLAS computes both, and faster."""
    counts = used(program.calls, program.ends())
    ones: dict[Any, Var] = {}

    def one(n: int, dtype: Any) -> Var:
        array = np.ones(n, dtype)
        return ones.setdefault((n, dtype), Var(Constant(array), array, "ones"))

    calls: list[Call] = []

    def add(fun: Any, args: tuple[Any, ...], example: Any, like: Call) -> Var:
        calls.append(Call(fun, args, {}, example, like.line, like.phase))
        return calls[-1].out

    def flat(v: Var, like: Call) -> Var:
        return v if len(v.shape) == 1 else add(np.reshape, (v, (v.size,)), v.example.reshape(-1), like)

    for call in program.calls:
        x = call.args[0] if call.args else None
        if (
            call.fun is np.sum
            and len(call.args) == 1
            and type(x) is Var
            and x.dtype in (np.float32, np.float64)
            and x.shape
            and set(call.kwargs) <= {"axis", "keepdims"}
        ):
            axis, whole = call.kwargs.get("axis"), call.out.shape == ()
            made = x.source
            plain = not (isinstance(made, Call) and made.fun in (np.transpose, np.broadcast_to, operator.getitem))
            if whole and isinstance(made, Call) and counts[x] == 1 and made.fun in (np.multiply, np.square):
                a, b = made.args if made.fun is np.multiply else made.args * 2
                if (
                    type(a) is type(b) is Var
                    and a.shape == b.shape == x.shape
                    and a.dtype == b.dtype
                    and x.size < LARGE
                ):
                    call.fun, call.args, call.kwargs = np.dot, (flat(a, call), flat(b, call)), {}
            elif whole and plain and 8 <= x.size < LARGE:
                v = flat(x, call)
                call.fun, call.args, call.kwargs = np.dot, (one(x.size, x.dtype), v), {}
            elif len(x.shape) == 2 and axis in (0, (0,), -2) and not call.kwargs.get("keepdims") and x.shape[0] > 4:
                call.fun, call.args, call.kwargs = np.dot, (one(x.shape[0], x.dtype), x), {}
            elif len(x.shape) == 2 and axis in (1, (1,), -1) and x.shape[1] > 4 and x.size < 10_000:
                ending = one(x.shape[1], x.dtype)
                if call.kwargs.get("keepdims"):
                    column = ending.source.array.reshape(-1, 1)
                    ending = ones.setdefault((x.shape[1], x.dtype, 2), Var(Constant(column), column, "ones"))
                call.fun, call.args, call.kwargs = np.dot, (x, ending), {}
        calls.append(call)
    program.calls = calls
    dead(program)


def factors(program: Program) -> None:
    """Multiply by a number late, where fewer elements are left: c x @ a is c (x @ a)."""
    counts = used(program.calls, program.ends())
    users: dict[Var, list[Call]] = {}
    for call in program.calls:
        for v in call.uses():
            users.setdefault(v, []).append(call)
    ends = set(program.ends())
    after: dict[Var, list[Call]] = {}
    for call in list(program.calls):
        if call.fun not in (np.multiply, np.divide) or call.kwargs or call.out.dtype not in (np.float32, np.float64):
            continue
        a, b = call.args
        if call.fun is np.multiply and _is_number(a):
            a, b = b, a
        if not _is_number(b) or type(a) is not Var or a.shape != call.out.shape or a.dtype != call.out.dtype:
            continue
        found = _linear_uses(call.out, users, ends)
        if found is None or 4 * sum(c.out.size for c in found) > call.out.size:
            continue
        for c in found:
            inner = Call(c.fun, c.args, c.kwargs, c.out.example, c.line, c.phase)
            after.setdefault(c.out, []).append(inner)
            c.fun, c.args, c.kwargs = call.fun, (inner.out, b), {}
            program.calls.insert(program.calls.index(c), inner)
        program.replace(lambda v, x=call.out, y=a: y if v is x else v)  # type: ignore[misc]
        dead(program)
        return factors(program)
    del counts


def _is_number(b: Any) -> bool:
    return type(b) in (int, float) or (type(b) is Var and b.shape == () and (b.dtype is None or b.dtype.kind == "f"))


def _linear_uses(v: Var, users: dict[Var, list[Call]], ends: set[Var]) -> list[Call] | None:
    """The calls at which v, directly or by its views, is summed up or multiplied by a matrix; None if others use it."""
    if v in ends:
        return None
    found: list[Call] = []
    for call in users.get(v, ()):
        if call.fun in (np.transpose, np.reshape):
            inner = _linear_uses(call.out, users, ends)
            if inner is None:
                return None
            found += inner
        elif (call.fun in (np.matmul, np.dot) and sum(u is v for u in call.uses()) == 1) or (
            call.fun is np.sum and set(call.kwargs) <= {"axis", "keepdims"}
        ):
            found.append(call)
        else:
            return None
    return found


POWERS = {2: np.square, 0.5: np.sqrt, -1: np.reciprocal}
REDUCTIONS = {np.sum, np.max, np.min, np.prod}
_NEUTRAL: dict[Any, Any] = {np.max: (-math.inf,), np.min: (math.inf,)}
ALGEBRA: dict[Any, Callable[[Call], Any]] = {
    np.add: _sum_of,
    operator.add: _sum_of,
    np.subtract: lambda c: c.args[0] if number(c.args[1]) == 0 else None,
    np.multiply: _product_of,
    np.divide: lambda c: c.args[0] if number(c.args[1]) == 1 else None,
    np.power: _powered,
    np.negative: _negated,
    np.positive: lambda c: c.args[0],
    astype: lambda c: c.args[0],
    add_at: _added_at,
    np.reshape: _reshaped,
    np.broadcast_to: lambda c: c.args[0],
    np.transpose: _transposed,
    **dict.fromkeys(REDUCTIONS, _reduced),
}
PASSES: dict[str, Callable[[Program], None]] = {
    "dead": dead, "copies": copies, "rows": rows, "mean": mean, "constants": constants, "broadcasting": broadcasting,
    "algebra": algebra, "common": common, "factors": factors, "blas": blas, "flat": flat,
}  # fmt: skip
READABLE = {"dead", "rows", "copies", "constants", "common", "algebra", "broadcasting"}  # what a reader likes too
NAMES = (*PASSES, "memory", "blocks")  # the last two are the layout's
SIMPLER = ("constants", "broadcasting", "algebra", "common")
ORDER = (
    "dead", "rows", "copies", "mean", *SIMPLER, "constants", "algebra", "common", "factors", "blas", "algebra", "dead",
    "flat",
)  # fmt: skip


def optimize(program: Program, chosen: Any) -> dict[str, int]:
    """Run the passes that are chosen, in their order, and tell how many calls each left when it was last run."""
    sizes = {}
    for name in ORDER:
        if name in chosen:
            PASSES[name](program)
            sizes[name] = len(program.calls)
    return sizes
