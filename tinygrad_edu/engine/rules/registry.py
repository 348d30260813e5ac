"""The registry of the derivative table: which functions pass a gradient back, and by which rules.

`vjps` maps a function to its rules, one per argument. `rule(g, y, *args, **kwargs)` takes the gradient `g` of the
output `y`, then the function's arguments, and returns the gradient of one argument; the backward pass sums that over
axes that the call broadcast. Rules are plain NumPy: handed arrays they compute, handed Tensors they record; their
types say `Array` for both. A function without rules is a composition of functions that have rules, or
nondifferentiable, or refused with a reason. Calling any other with Tensors raises an error that says how to add a rule.
The pages of another library (SciPy) are read when one of its functions first meets a Tensor, and never before.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .foreign import PACKAGE, array_from
from .parameters import check_called, check_functions, check_parameters
from .table import Each, Table

Array = NDArray[Any]
Axis = int | tuple[int, ...] | None
Shape = tuple[int, ...]
Function = Callable[..., Any]
Rule = Callable[..., Array]
CONTAINERS = (list, tuple, dict)

vjps: dict[Function, tuple[Rule | None, ...] | Each] = Table()
compositions: dict[Function, Function] = {}
constants: set[Function] = set()  # the nondifferentiable functions
refusals: dict[Function | str, str] = {}  # why a function, or every function of a module, takes no Tensors
pointwise: set[Function] = set()  # functions that work element by element, as all ufuncs do
choosing: set[Function] = set()  # of these, those whose result is one of the arguments or a bound: others receive 0 * g
limits: dict[Function, Rule] = {}  # what corrects a rule at a kink, where gradients are recorded: see `limits.py`
takes_complex: set[Function] = set()  # functions of the table whose rules hold for complex numbers too
of_complex: dict[Function, Function] = {}  # what computes a constant function where an argument is complex
promoting: set[Function] = set()  # functions whose rules compute with one argument alone, such as log(a) or n - 1
unordered: set[Function] = set()  # functions that compare numbers, and take real ones alone
unsettled: set[Function] = set()  # functions whose rules give NaN where only their limits know the gradient
implementations: dict[Function, Function] = {}  # the NumPy implementation of a primitive, called on unwrapped arrays
opaques: dict[Function, bool] = {}  # primitives that jit records as one call; False: it cannot see the calls inside
array_likes: set[type] = set()  # classes of arrays that compute primitives in their own way
unasked_predicates: set[Function] = set()
predicates_of_all: dict[Function, bool] = {}  # the answer that is right for all arrays
predicates: set[Function] = set()  # functions of arrays to True or False, which jit turns into guards
names: dict[Function, str] = {}  # of functions of other libraries, which do not know their module
pages = {"scipy.special": ("scipy_special", "scipy_gamma", "scipy_bessel", "scipy_distributions")}  # read at need
_reading = threading.RLock()
revision = 0  # how many times rules took the place of others


def defvjp(fun: Function, *rules: Rule | None, each: Rule | None = None) -> None:
    """Give `fun` its rules: one per argument, or None for an argument that takes no gradient.

    Arguments after the last that has a rule or None refuse Tensors. A function of any number of arguments has one rule
    for all of them, `each(i, g, y, *args, **kwargs)`. A second call for the same function replaces the first. For
    complex numbers g is dL/dx - i dL/dy, the conjugate of `.grad`, so a holomorphic function has the rule of real
    numbers. Raises TypeError without rules, for a rule that is not a function or that takes other arguments, and for a
    plain Python function, which needs `@primitive` first.

    >>> cube = tg.primitive(lambda x: x**3)
    >>> tg.defvjp(cube, lambda g, y, x: g * 3 * x**2)
    >>> tg.grad(cube)(2.0)
    array(12.)
    """
    check_functions("defvjp", fun)
    check_called("defvjp", [fun], implementations)
    if bool(rules) == (each is not None) or not all(r is None or callable(r) for r in (*rules, each)):
        raise TypeError(f"defvjp({name(fun)}, ...) takes one rule (or None) for each argument, or each=rule")
    check_parameters(f"defvjp({name(fun)}, ...)", implementations.get(fun), rules)
    if fun in vjps:
        global revision
        revision += 1
        keywords.cache_clear()
    vjps[fun] = Each(each) if each else rules


def rules_of(fun: Function) -> tuple[Rule | None, ...]:
    """Return the rules of a function."""
    rules = vjps.get(fun, ())
    return (rules.rule,) if isinstance(rules, Each) else rules


def nondifferentiable(fun: Function, *funs: Function) -> Function:
    """List functions whose result is a constant: called with Tensors they see arrays and return arrays.

    Returns the first function, so that this is a decorator too, above `@primitive`. Raises TypeError for a plain Python
    function, which needs `@primitive` first.

    >>> @tg.nondifferentiable
    ... @tg.primitive
    ... def count(x):
    ...     return np.count_nonzero(x)
    >>> int(count(tg.Tensor([0.0, 2.0])))
    1
    """
    check_functions("nondifferentiable", fun, *funs)
    check_called("nondifferentiable", [fun, *funs], implementations)
    constants.update((fun, *funs))
    return fun


def refused(because: str, *funs: Function | str) -> None:
    """List functions, or modules by name, that take no Tensors; the error gives the reason and the remedy."""
    refusals.update(dict.fromkeys(funs, because))


def refusal(fun: Function) -> str | None:
    """Return the reason why `fun` takes no Tensors, or None if no reason is listed."""
    return refusals.get(fun) or refusals.get(getattr(fun, "__module__", ""))


def is_complex(x: Any) -> bool:
    """Return whether x, an array, a node or a number, holds complex numbers."""
    data = getattr(x, "_value", x)  # not a node's own dtype, which a user's subclass may redefine
    return isinstance(x, complex) or getattr(getattr(data, "dtype", None), "kind", "") == "c"  # a type has a dtype too


def conj(x: Array) -> Array:
    """Return the conjugate of x; x itself if it is real, which `np.conjugate` would copy."""
    return np.conjugate(x) if is_complex(x) else x


def real_part(x: Array) -> Array:
    """Return the real part of x; x itself if it is real."""
    return np.real(x) if is_complex(x) else x


def read_pages() -> None:
    """Read the pages for those other libraries that the user has imported; a user's rules keep their precedence."""
    with _reading:
        users_rules, users_constants = vjps.copy(), constants.copy()
        try:
            for library, of_library in pages.items():
                if library in sys.modules:
                    for page in of_library:
                        importlib.import_module(f".{page}", __package__)
        finally:
            for fun in users_constants:
                vjps.pop(fun, None)
                compositions.pop(fun, None)
            vjps.update(users_rules)


def composition(fun: Function) -> Callable[[Function], Function]:
    """Register the decorated function as `fun` for Tensors, written in functions that have rules."""

    def register(composed: Function) -> Function:
        compositions[fun] = composed
        return composed

    return register


def leaves(*trees: Any) -> Iterator[Any]:
    """Yield the members of nested lists, tuples and dicts, in order; anything else is a leaf itself."""
    for tree in trees:
        if isinstance(tree, CONTAINERS):
            yield from leaves(*(tree.values() if isinstance(tree, dict) else tree))
        else:
            yield tree


def primitive(fun: Function) -> Function:
    """Make a function of arrays one operation of the tape; `defvjp` then gives its rules.

    A call with arrays goes straight to `fun`. A call in which an argument, a part of an index, or a member of a list,
    tuple or dict implements NEP 18 (as a Tensor does) goes to its `__array_function__`. The rule of an argument that is
    a container returns a container of gradients.

    >>> double = tg.primitive(lambda x: 2 * x)
    >>> tg.defvjp(double, lambda g, y, x: 2 * g)
    >>> tg.grad(double)(5.0)
    array(2.)
    """
    check_functions("primitive", fun)

    @functools.wraps(fun)
    def call(*args: Any, **kwargs: Any) -> Any:
        for part in (*args, *kwargs.values()) if kwargs else args:
            for a in leaves(part) if isinstance(part, CONTAINERS) else (part,):
                if type(a) is not np.ndarray and hasattr(a, "__array_function__"):
                    return a.__array_function__(call, (type(a),), args, kwargs)
        return fun(*args, **kwargs)

    call.__module__ = getattr(fun, "__module__", "numpy")  # ufuncs of NumPy 2.0 have none
    call._implementation = fun  # type: ignore[attr-defined]  # subclasses of ndarray call it through NumPy's protocol
    implementations[call] = fun
    return call


def is_users(fun: Function) -> bool:
    """Return whether a function is defined by neither NumPy nor this package, or is a user's primitive of NumPy's."""
    fun = getattr(fun, "fun", fun)  # that of a `Flattened` one
    package = (getattr(fun, "__module__", None) or "").partition(".")[0]
    return package != PACKAGE and (package != "numpy" or fun in implementations)


def opaque(fun: Function) -> Function:
    """Let jit record a primitive, such as a loop of many steps, as one call; its results are new arrays."""
    opaques[fun] = True
    return fun


def predicate(fun: Callable[..., bool]) -> Function:
    """Register a predicate, a function of arrays to True or False, that jit turns into a guard.

    One that checks arguments raises for bad ones, and else returns True: a replay then raises the same error.
    """
    call = primitive(fun)
    predicates.add(call)
    constants.add(call)
    return call


def predicate_of_all(general: bool, unasked: bool = False) -> Callable[[Callable[..., bool]], Function]:
    """Register a predicate for which the code behind one answer, `general`, is right for all arrays.

    So a batch may answer as a whole, for its worst member, and jit needs no guard for this answer. If `general` and the
    answer are False, an error or a change of dtypes follows, and jit calls the function itself. Of a predicate whose
    answer changes often, `unasked`, jit takes `general` without asking.
    """

    def register(fun: Callable[..., bool]) -> Function:
        call = predicate(fun)
        predicates_of_all[call] = general
        if unasked:
            unasked_predicates.add(call)
        return call

    return register


def is_elementwise(fun: Function) -> bool:
    """Return whether each element of the result depends on the elements at the same place of the arguments alone."""
    return fun in pointwise or (isinstance(fun, np.ufunc) and fun.signature is None)


def array_of(a: ArrayLike) -> Array:
    """Convert an argument that takes no gradient to an array, as `as_array`; a Tensor that requires one raises."""
    return as_array(array_from(a))


def as_array(a: Any) -> Array:
    """Convert to an array; one of another class that implements NEP 18, such as one that jit records, stays itself."""
    foreign = hasattr(a, "__array_function__") and not hasattr(a, "requires_grad") and np.ndarray not in type(a).__mro__
    return a if foreign else np.asarray(a)


def arrays_of(sequence: Iterable[ArrayLike]) -> list[Array]:
    """Return the members of a sequence, with numbers and lists converted to arrays."""
    arrays: list[Any] = []
    for a in map(array_from, sequence):
        is_number = isinstance(a, (int, float)) and not isinstance(a, np.generic)  # also one that jit records
        arrays.append(np.copy(a) if is_number else a if hasattr(a, "shape") else np.asarray(a))
        if arrays[-1].dtype == object:
            raise TypeError(f"{a!r:.60} among arrays: a Value is one number; make it a Tensor")
    return arrays


def name(fun: Function) -> str:
    """Return the name by which users call `fun`: `np.sum`, `np.linalg.norm`, `relu`."""
    if fun in names:
        return names[fun]
    short = getattr(fun, "__name__", repr(fun))
    if isinstance(ufunc := getattr(fun, "__self__", None), np.ufunc):  # np.add.reduce
        return f"{name(ufunc)}.{short}"
    module = "numpy" if getattr(np, short, None) is fun else getattr(fun, "__module__", None) or ""
    return f"np{module[5:]}.{short}" if module.partition(".")[0] == "numpy" else short


@functools.cache
def keywords(fun: Function) -> tuple[str, ...]:
    """Return the arguments that the rules or the composition of `fun` know, in order; "**" means any keyword."""
    rules, skipped = (rules_of(fun), 2) if fun in vjps else ((compositions.get(fun) or of_complex[fun],), 0)  # g, y
    known: dict[str, None] = {}
    for rule in filter(None, rules):
        code: Any = inspect.unwrap(rule).__code__
        known |= dict.fromkeys(code.co_varnames[skipped : code.co_argcount + code.co_kwonlyargcount])
        if code.co_flags & inspect.CO_VARKEYWORDS:
            known["**"] = None
    return tuple(known)
