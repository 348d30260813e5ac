"""Names in the texts that jit writes."""

from __future__ import annotations

import functools
import keyword
import re
import unicodedata
from typing import Any

import numpy as np

RESERVED = {
    "plan", "args", "kwargs", "type", "len", "list", "dict", "slice", "abs", "s", "t",
    "start", "stop",
}  # fmt: skip


@functools.lru_cache(1000)
def identifier(text: str, first: str) -> str:
    """The text as a Python name; it begins with `first` where the text alone is none."""
    letters = [c if f"_{c}".isidentifier() else "_" for c in unicodedata.normalize("NFKC", text)]
    name = "".join(letters).strip("_")
    return name if name.isidentifier() and not keyword.iskeyword(name) else first + name


@functools.lru_cache(1000)
def outer(hint: str) -> str:
    """The hint as a name that the text does not itself give to an argument, a part of an array or a block."""
    name = identifier(hint, "c")
    return f"{name}_" if re.fullmatch(r"([a-z]|block)\d+t?", name) else name


class Names:
    """What is called how in a plan, and the values of the names that are the same at every call."""

    def __init__(self, env: dict[str, Any]) -> None:
        self.env = env
        self.names: dict[int, str] = {}
        self.kept: list[Any] = []  # what has a name, lest another thing gets its identity
        self.taken = {*RESERVED, *env}
        self.counts: dict[str, int] = {}  # the number for the next name that begins alike

    def name(self, thing: Any, hint: str = "c") -> str:
        """The name of something that is the same at every call."""
        name = self.names.get(id(thing))
        if name is None:
            name = self.names[id(thing)] = self.unused(outer(hint), 0)
            self.env[name] = thing
            self.kept.append(thing)
        return name

    def variable(self, hint: str = "v") -> str:
        """A new variable."""
        return self.unused(hint, 1)

    def unused(self, base: str, n: int) -> str:
        """A name that nothing has yet: `base`, with a number behind it that is at least n."""
        n = self.counts.get(base, n)
        while (name := f"{base}{n or ''}") in self.taken:
            n += 1
        self.counts[base] = n + 1
        self.taken.add(name)
        return name

    def fun(self, f: Any) -> str:
        """A function, as it is written."""
        name = self.names.get(id(f))
        if name is None:
            own = getattr(f, "__self__", None)
            hint = f"{own.__name__}_{f.__name__}" if isinstance(own, np.ufunc) else getattr(f, "__name__", "f")
            name = self.name(f, hint)
        return name
