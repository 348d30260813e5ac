"""The optimizations that keep results to the last bit: dead code, and rules that look at one call at a time.

A rule is applied after all that the call uses has been simplified. It may change the call, and returns the Var that
equals the call's result, if there is one.
"""

from collections.abc import Callable, Collection, Hashable, Mapping
from typing import Any

import numpy as np

from ..engine.threads import LARGE
from ..trace.closure import PLAIN
from ..trace.ir import ARRAYS, Call, Constant, Program, Var, substituted
from .effects import can_raise

ValueTable = dict[Hashable, Var]  # the results of the calls so far, by what they compute
Rule = Callable[[Call, ValueTable], Var | None]
Functions = Collection[Callable[..., object]]

BROADCASTING = {  # ufuncs that compute an element by the same instruction whether its operands are broadcast or not
    np.add, np.subtract, np.multiply, np.divide, np.maximum, np.minimum, np.greater, np.greater_equal, np.less,
    np.less_equal, np.equal, np.not_equal,
}  # fmt: skip


def is_reduction(call: Call) -> bool:
    """Whether a call's arguments are those of a reduction along `axis`, with no further options."""
    return len(call.args) == 1 and type(call.args[0]) is Var and call.kwargs.keys() <= {"axis", "keepdims"}


def eliminate_dead_calls(program: Program) -> set[Var]:
    """Leave out calls whose results nobody uses, but for those that can fail, as draws; return the Vars in use."""
    needed = set(program.outputs())
    kept = []
    for call in reversed(program.calls):
        if call.out in needed or can_raise(call):
            needed.update(call.uses)
            kept.append(call)
    program.calls = kept[::-1]
    return needed


def apply_rules(program: Program, rules: Mapping[str, tuple[Rule, Functions | None]]) -> dict[str, int]:
    """Apply to each call the rules for its function, in their order, and return how many calls each rule left out.

    A rule comes with the functions that it is for, or None for all.
    """
    new: dict[Var, Var] = {}
    table: ValueTable = {}
    calls = []
    removed = dict.fromkeys(rules, 0)
    by_function: dict[Callable[..., object], list[tuple[str, Rule]]] = {}
    for call in program.calls:
        call.replace(new)
        fun = call.fun
        if fun not in by_function:
            by_function[fun] = [(name, rule) for name, (rule, known) in rules.items() if known is None or fun in known]
        for name, rule in by_function[fun]:
            if (same := rule(call, table)) is not None:
                new[call.out] = same
                removed[name] += 1
                break
        else:
            calls.append(call)
    program.calls = calls
    program.replace(new, calls=False)
    return removed


def common_subexpressions(call: Call, table: ValueTable) -> Var | None:
    """Compute once what is computed twice."""
    if call.draws:
        return None
    args = [a if type(a) is Var and type(a.source) is not Constant else value_key(a) for a in call.args]
    first = table.setdefault((call.fun, *args, value_key(call.kwargs) if call.kwargs else None), call.out)
    return first if first is not call.out else None


def value_key(x: object) -> Hashable:
    """Return a key that is equal for equal arguments; 1, 1.0 and True are told apart, and so are 0.0 and -0.0."""
    kind = type(x)
    if isinstance(x, Var):
        array = x.source.array if type(x.source) is Constant else None
        if isinstance(array, ARRAYS) and array.size == 1:
            return type(array), array.shape, array.dtype, array.tobytes()
        return x if array is None else ("array", id(array))
    if isinstance(x, (list, tuple, dict, slice)):
        parts = x.items() if isinstance(x, dict) else (x.start, x.stop, x.step) if isinstance(x, slice) else x
        return kind, tuple([value_key(v) for v in parts])
    return (kind, repr(x)) if kind in PLAIN or isinstance(x, (np.generic, np.dtype)) else ("object", id(x))


def fold_constants(call: Call, table: ValueTable) -> Var | None:
    """Compute a call now if all its arguments are constants."""
    for v in call.uses:
        if type(v.source) is not Constant:
            return None
    if call.draws or isinstance(call.out.example, (tuple, list)):
        return None
    args, kwargs = (substituted(part, lambda v: v.source.array, Var) for part in (call.args, call.kwargs))
    with np.errstate(all="ignore"):  # NumPy warned when the call was recorded
        value = call.fun(*args, **kwargs)
    return Var(Constant(value), value, call.out.name)


def uniform_element(v: object) -> np.ndarray | None:
    """Return the element that fills a constant, as an array without axes, or None if its elements differ."""
    if type(v) is not Var or type(v.source) is not Constant:
        return None
    source, array = v.source, v.source.array
    if source.element is ...:
        source.element = None
        if isinstance(array, np.ndarray) and array.size and (not any(array.strides) or is_filled(array)):
            source.element = np.asarray(array[(0,) * array.ndim])
    element: np.ndarray | None = source.element
    return element


def is_filled(array: np.ndarray) -> bool:
    """Return whether all elements are equal, by their bytes, which tell 0.0 from -0.0; of large arrays zeros alone."""
    if array.size < LARGE:
        first: bytes = array[(0,) * array.ndim].tobytes()
        return array.tobytes() == first * array.size
    return array.dtype.kind == "f" and not array.any() and not np.signbit(array).any()


def elide_broadcasts(call: Call, table: ValueTable) -> None:
    """Let ufuncs broadcast their operands themselves; a constant filled with one element shrinks to that element."""
    for i, a in enumerate(call.args if call.elementwise else ()):
        source = a.source if type(a) is Var and a.shape else None
        if type(source) is Call and source.fun is np.broadcast_to:
            small = source.args[0]
        elif type(source) is Constant and (element := uniform_element(a)) is not None:
            small = table.setdefault((element.tobytes(), element.dtype), Var(Constant(element), element))
        else:
            continue
        if type(small) is not Var or small.dtype != a.dtype:  # another dtype, or a Python number, promotes otherwise
            continue
        others = call.args[:i], call.args[i + 1 :]
        shapes = [small.shape, *[b.shape for part in others for b in part if type(b) is Var]]
        if call.out.shape in shapes or np.broadcast_shapes(*shapes) == call.out.shape:
            call.become(call.fun, (*others[0], small, *others[1]))


ALGEBRA: Functions = {np.copy, np.positive, np.absolute, np.negative, np.multiply, np.power, np.max}


def algebra(call: Call, table: ValueTable) -> Var | None:
    """Replace x * 1, x ** 1, +x and a copy by x, as nothing writes into either; x ** 0 by 1, x ** 2 by a square.

    |-x| becomes |x|, so that the rule of a sigmoid finds the exponential that the sigmoid computed, and -(a * b) a
    product with -b if that is computed anyway. The maximum of floats loses a neutral initial value.
    These hold to the last bit for infinities, NaN and zeros of both signs too. x + 0 does not, which is 0 for x = -0,
    nor does (x * a) * b = x * (a * b), where x * a may overflow or round to 0.
    """
    new, out = call.args[0], call.out
    if call.fun is np.max:
        neutral = repr(call.kwargs.get("initial")) == "-inf" and out.dtype.kind == "f"
        if neutral and call.kwargs.keys() == {"axis", "keepdims", "initial"} and type(new) is Var and new.size:
            call.become(np.max, call.args, {k: call.kwargs[k] for k in ("axis", "keepdims")})
        return None
    if call.kwargs or out.dtype is None:
        return None
    if call.fun in (np.absolute, np.negative):
        made = new.source if equals_in_kind(new, out) and out.dtype.kind == "f" else None
        if not isinstance(made, Call) or not made.elementwise:
            return None
        if call.fun is np.absolute and made.fun is np.negative:
            call.become(np.absolute, made.args)
        elif call.fun is np.negative and made.fun is np.multiply:
            for a, b in (made.args[::-1], made.args):
                minus = table.get((np.negative, b, None)) if type(b) is Var and b.dtype == out.dtype else None
                if minus is not None:  # integers without a sign become large
                    call.become(np.multiply, (a, minus))
                    break
        return None
    if call.fun is np.power:
        n = constant_value(call.args[1])
        if out.dtype.kind != "f" or n not in (0, 1, 2) or not equals_in_kind(new, out):
            return None
        if n == 2:
            if getattr(call.args[1], "shape", ()) == ():  # NumPy squares only where one exponent serves all elements
                call.become(np.square, (new,))
            return None
        if n == 0:
            ones = np.ones(out.shape, out.dtype)
            new = Var(Constant(ones), ones)
    elif call.fun is np.multiply:
        factor = call.args[1]
        if constant_value(new) == 1:
            new, factor = factor, new
        if constant_value(factor) != 1 or out.dtype.kind == "c":  # (inf + 0j) * 1 is inf + nan j
            return None
    return new if equals_in_kind(new, out) else None


def constant_value(a: object) -> Any:
    """Return the value of a number, or the element that fills a constant; else None."""
    value = a.source.array if type(a) is Var and type(a.source) is Constant else a
    if type(value) in (bool, int, float):
        return value
    is_number = isinstance(value, (int, float, np.generic))  # whose subclasses may compare and print in other ways
    element = np.asarray(value) if is_number else uniform_element(a)
    return None if element is None or element.dtype.kind not in "biufc" else element[()]


def equals_in_kind(x: object, y: Var) -> bool:
    """Whether x can take the place of y: of the same shape and dtype, and both arrays or both NumPy scalars."""
    if type(x) is not Var or x.shape != y.shape or x.dtype != y.dtype:
        return False
    return isinstance(x.example, np.ndarray) == isinstance(y.example, np.ndarray)
