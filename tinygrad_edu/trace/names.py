"""Names in the programs that are printed, and in those that jit compiles."""

import functools
import inspect
import keyword
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np


@functools.lru_cache(1000)
def identifier(text: str, first: str) -> str:
    """Return the text as a Python name; it begins with `first` where the text alone is none."""
    if numbered := re.fullmatch(r"(\d[\d_.]*)[._](\D.*)", text):  # a layer's number comes last
        text = f"{numbered[2]}_{numbered[1]}"
    letters = [c if f"_{c}".isidentifier() else "_" for c in unicodedata.normalize("NFKC", text)]
    name = "".join(letters).strip("_")
    return name if name.isidentifier() and not keyword.iskeyword(name) else first + name


class Names:
    """The names of one text; `values` are the objects that the text is handed by name.

    `taken` are names that the text uses for something else; hints that match the pattern `reserved` are altered.
    """

    def __init__(self, values: Mapping[str, Any], taken: Iterable[str], reserved: str = r"(?!)") -> None:
        self.values, self.taken, self.reserved = dict(values), {*values, *taken}, re.compile(reserved)
        self.known: dict[int, str] = {}  # the names of values, by their identity
        self.counts: dict[str, int] = {}  # how many names begin alike

    def name(self, value: object, hint: str = "c") -> str:
        """Return the name of a value that the text is handed."""
        name = self.known.get(id(value))
        if name is None:
            hint = identifier(hint, "c")
            name = self.unused(f"{hint}_" if self.reserved.fullmatch(hint) else hint)
            self.known[id(value)] = name
            self.values[name] = value
        return name

    def variable(self, hint: str = "v") -> str:
        """Return the name of a new variable: the hint and a number."""
        return self.unused(hint, numbered=True)

    def unused(self, base: str, numbered: bool = False) -> str:
        """Return a name that nothing has yet: `base`, with a number after it if `numbered` or if it is taken."""
        n = self.counts.get(base, 0)
        separate = base[-1].isdigit() or (not numbered and self.reserved.fullmatch(f"{base}2"))
        name = ""
        while not name or name in self.taken:
            n += 1
            name = f"{base}{'_' if separate else ''}{n}" if numbered or n > 1 else base
        self.counts[base] = n
        self.taken.add(name)
        return name

    def fun(self, f: Callable[..., object]) -> str:
        """Return the name of a function."""
        owner, name = getattr(f, "__self__", None), getattr(f, "__name__", "f")
        return self.name(f, f"{owner.__name__}_{name}" if isinstance(owner, np.ufunc) else name)


def argument_names(fun: Callable[..., object], args: tuple[object, ...], kwargs: Mapping[str, object]) -> list[str]:
    """Return a name for each leaf of the arguments: the parameter's, and the keys on the way to the leaf."""
    try:
        parameters = list(inspect.signature(fun).parameters.values())
    except (TypeError, ValueError):
        parameters = []
    names = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    rest = next((p.name for p in parameters if p.kind is p.VAR_POSITIONAL), "x")
    names += [f"{rest}_{i}" for i in range(len(args) - len(names))]
    given = [*zip(names, args, strict=False), *kwargs.items()]
    return [path for name, value in given for path, _ in leaves(name, value)]


def leaves(name: str, value: object) -> Iterator[tuple[str, object]]:
    """Yield (name, leaf) for each leaf of nested lists, tuples and dicts: name_0, name_1, name_key."""
    if isinstance(value, (list, tuple)):
        for k, v in zip(getattr(value, "_fields", range(len(value))), value, strict=True):
            yield from leaves(f"{name}_{k}", v)
    elif isinstance(value, dict):
        for k, v in value.items():
            yield from leaves(f"{name}_{k}", v)
    else:
        yield name, value
