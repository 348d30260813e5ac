"""The registry: which functions pass a gradient back, and how.

`vjps` maps a function to its rules, one for each argument: `rule(g, y, *args, **kwargs)` takes the gradient
`g` that arrives at the output `y`, then what the function itself took, and gives that argument's
contribution, broadcast as the call broadcast it. Rules are plain NumPy: handed arrays they compute,
handed Tensors they record. A function may instead be a `composition` of functions that have rules, or
`nondifferentiable`, or `refused` with the reason; what is in none of the four raises an error that says how
to add a rule.
"""

import functools
import importlib
import sys
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

Function = Callable[..., Any]
Rule = Callable[..., Any]


class Each:
    """The rules of a function of any number of arguments: `rule(i, g, y, *args)` serves the i-th."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule

    def __len__(self) -> int:
        return sys.maxsize

    def __getitem__(self, i: int) -> Rule:
        return functools.partial(self.rule, i)


vjps: dict[Function, tuple[Rule | None, ...] | Each] = {}
compositions: dict[Function, Function] = {}
constants: set[Function] = set()
refusals: dict[Function | str, str] = {}  # a name is that of a module, all of whose functions it stands for
pointwise: set[Function] = set()  # functions that go element by element, as all ufuncs do
implementations: dict[Function, Function] = {}  # the NumPy implementation of a primitive, called on unwrapped arrays
predicates: set[Function] = set()  # functions of arrays to True or False, which jit turns into guards


def defvjp(fun: Function, *rules: Rule | None, each: Rule | None = None) -> None:
    """Say how `fun` passes a gradient back: one rule an argument, None for one that has no gradient.

    A function of any number of arguments has one rule for them all, `each(i, g, y, *args, **kwargs)`.
    A second call for the same function replaces the first.
    """
    if bool(rules) == (each is not None) or not all(r is None or callable(r) for r in (*rules, each)):
        raise TypeError(f"defvjp({name(fun)}, ...) takes one rule (or None) for each argument, or each=rule")
    vjps[fun] = Each(each) if each else rules


def nondifferentiable(*funs: Function) -> None:
    """List functions whose result is a constant: called with Tensors they see arrays and return arrays."""
    constants.update(funs)


def refused(because: str, *funs: Function | str) -> None:
    """List functions, or modules by name, that take no Tensors, with the reason and the remedy for the error."""
    refusals.update(dict.fromkeys(funs, because))


def refusal(fun: Function) -> str | None:
    """Why `fun` takes no Tensors, if it is listed as such."""
    return refusals.get(fun) or refusals.get(getattr(fun, "__module__", ""))


def composition(fun: Function) -> Callable[[Function], Function]:
    """Decorate the way to write `fun` in functions that have rules; Tensors are handed to that."""

    def register(body: Function) -> Function:
        compositions[fun] = body
        return body

    return register


def primitive(fun: Function) -> Function:
    """Make a function of arrays one operation of the tape; `defvjp` then gives its rules.

    Arrays go straight to `fun`; an argument (or part of an index) that speaks NEP 18, a Tensor say, is asked instead.
    """

    @functools.wraps(fun)
    def call(*args: Any, **kwargs: Any) -> Any:
        for part in (*args, *kwargs.values()) if kwargs else args:
            for a in part if type(part) is tuple else (part,):
                if type(a) is not np.ndarray and hasattr(a, "__array_function__"):
                    return a.__array_function__(call, (type(a),), args, kwargs)
        return fun(*args, **kwargs)

    call._implementation = fun  # type: ignore[attr-defined]  # what ndarray answers on behalf of its subclasses
    implementations[call] = fun
    return call


def predicate(fun: Function) -> Function:
    """Register a predicate, a function of arrays to True or False, that jit turns into a guard."""
    call = primitive(fun)
    predicates.add(call)
    constants.add(call)
    return call


def array_of(a: Any) -> Any:
    """An argument that takes no gradients as an array, if it is none of a kind of its own; a Tensor may refuse."""
    own = hasattr(a, "__array_function__") and not isinstance(a, np.ndarray) and not hasattr(a, "requires_grad")
    return a if own else np.asarray(a)


def arrays_of(sequence: Any) -> list[Any]:
    """The members of a sequence, numbers and lists among them as arrays."""
    arrays = [a if hasattr(a, "shape") else np.asarray(a) for a in sequence]
    for a in arrays:
        if a.dtype == object:
            raise TypeError(f"{a!r:.60} among arrays: a Value is one number; make it a Tensor")
    return arrays


def name(fun: Function) -> str:
    """The name that a reader knows `fun` by: `np.sum`, `np.linalg.norm`, `relu`."""
    own = getattr(fun, "__name__", repr(fun))
    module = "numpy" if getattr(np, own, None) is fun else getattr(fun, "__module__", None) or ""
    return f"np{module[5:]}.{own}" if module.partition(".")[0] == "numpy" else own


@functools.cache
def keywords(fun: Function) -> tuple[str, ...]:
    """The arguments that the rules of `fun` know, or what it is composed by, in order; "**" stands for any keyword."""
    rules, given = (vjps[fun], 2) if fun in vjps else ((compositions[fun],), 0)  # a rule is given g and y first
    known: dict[str, None] = {}
    for rule in [rules.rule] if isinstance(rules, Each) else filter(None, rules):
        code: Any = rule.__code__
        known |= dict.fromkeys(code.co_varnames[given : code.co_argcount + code.co_kwonlyargcount])
        if code.co_flags & 0x08:  # inspect.CO_VARKEYWORDS
            known["**"] = None
    return tuple(known)


def supported() -> dict[str, str]:
    """What becomes of Tensors in each function that the table knows, by name.

    "rule": one operation of the tape. "composition": written in functions that have rules. "constant": computed from
    the data alone, and given as plain numbers, arrays or booleans. "refused": an error that says why and what to do
    instead.
    """
    kinds: dict[str, Iterable[Any]] = {
        "rule": vjps, "composition": compositions, "constant": constants, "refused": refusals,
    }
    table = {}
    for kind, funs in kinds.items():
        for fun in funs:
            if isinstance(fun, str):
                members = vars(importlib.import_module(fun)).values()
                table.update({name(f): kind for f in members if isinstance(f, (np.ufunc, type(np.sum))) and refusal(f)})
            else:
                table[name(fun)] = kind
    return dict(sorted(table.items()))
