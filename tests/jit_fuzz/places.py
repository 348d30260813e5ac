"""Random programs that move arrays and Tensors from place to place; between the calls aliases are made and broken.

A place is the data or the gradient of a Tensor, an attribute, or an element of a list or a dict. `run` yields what all
places, and those of earlier calls, hold after each call, and which of them hold the same array.
"""

import random
from types import SimpleNamespace

import numpy as np

import tinygrad_edu as tg

KINDS = {"data": "s.t{}.data", "grad": "s.t{}.grad", "attribute": "s.a{}", "list": "s.rows[{}]", "dict": "s.table[{}]"}
KEPT = 16  # values of earlier calls that are compared


def write(seed):
    """Return the kinds of the places, the function, and the statements that run before each call."""
    r = random.Random(seed)
    kinds = r.choices(list(KINDS), weights=[2, 1, 1, 1, 1], k=r.choice([2, 3, 3, 4]))
    places = [KINDS[kind].format(i) for i, kind in enumerate(kinds)]
    tensors = [f"s.t{i}" for i, kind in enumerate(kinds) if kind in ("data", "grad")]

    def between_tensors():
        t, u = r.choice(tensors), r.choice(tensors)
        return [f"{t}, {u} = {u}, {t}", f"{t} = {u}.detach()"]

    def statement():
        p, q, given = r.choice(places), r.choice(places), r.choice([*places, "x"])
        choices = [
            f"{p}, {q} = {q}, {p}",
            f"{p} = {q}",
            f"{p} = {given} * 2",
            f"{p}, {q} = {q}, {given} * 2",
            f"{p} += 1",
        ]
        choices += [f"{p}[...] = {q} * 2", f"{p}, {q} = {given}, {p}", f"n = n + {p}.sum()", f"n = n + ({p} is {q})"]
        if tensors:
            choices += [*between_tensors(), f"{r.choice(tensors)} = tg.Tensor({p} * 2)"] * 2
        return r.choice(choices)

    def edit():
        p, q = r.choice(places), r.choice(places)
        choices = [
            "x = x + 1",
            f"x = {p}",
            f"{p} = x",
            f"{p} = {q}",
            f"{p} = {q} * 2",
            f"{p}, {q} = {q}, {p}",
            f"{p} += 1",
        ]
        return r.choice(choices + (between_tensors() if tensors else []))

    lines = ["n = x.sum()", *[statement() for _ in range(r.randint(1, 4))], f"return {r.choice(['n', *places])}"]
    text = "def f(x):\n" + "".join([f"    {line}\n" for line in lines])
    return places, text, [[edit() for _ in range(r.choice([0, 0, 1, 2]))] for _ in range(8)], r.choice([(3,), (2, 3)])


def state(places, shape):
    """Return what holds a different array at each place."""
    s = SimpleNamespace(rows={}, table={})
    for i, place in enumerate(places):
        array, name = np.arange(np.prod(shape)).reshape(shape) / 8 + i, place.split(".")[1]
        if name.startswith("t") and name[1:].isdigit():
            setattr(s, name, tg.Tensor(array))
            getattr(s, name).grad = array + 1 if place.endswith("grad") else None
        elif name.startswith("a"):
            setattr(s, name, array)
        else:
            getattr(s, name.partition("[")[0])[i] = array
    s.rows = [s.rows.get(i) for i in range(len(places))]
    return s


def run(seed, jit):
    """Run a program, and yield (values, which of them are one array) after each call; the error of a call ends it."""
    places, text, edits, shape = write(seed)
    scope = {"np": np, "tg": tg, "s": state(places, shape), "x": np.ones(shape)}
    exec(text, scope)
    f, kept = jit(scope["f"]), []
    for statements in edits:
        try:
            for each in statements:
                exec(each, scope)
            kept = [*kept, *[eval(place, scope) for place in places], scope["x"]][-KEPT:]
            try:
                result = f(scope["x"])
            except tg.JitError:
                result = scope["f"](scope["x"])
        except (TypeError, AttributeError) as error:  # a new Tensor has no gradient yet
            yield str(error)
            return
        held = [*kept, *[eval(place, scope) for place in places]]
        first = {}
        same = [first.setdefault(identity(a), i) for i, a in enumerate(held)]
        yield [np.array(a).tolist() for a in (result, *held)], same


def identity(a):
    """Return what two arrays have in common if they are views of the same elements."""
    return (a.__array_interface__["data"][0], a.shape, a.strides) if isinstance(a, np.ndarray) else id(a)
