"""Names: those in the code of a function, and that of the package that installed a function, a class or a module."""

import dis
import functools
import itertools
import os
import re
import sys
from types import CodeType, FunctionType, ModuleType
from typing import Any

from ..engine.errors import INTERNAL, is_pythons

MADE_BY_CLASS = 1 << 9  # Py_TPFLAGS_HEAPTYPE, the flag of a class that Python code has made
TEXTS = ("__repr__", "__str__", "__format__")  # methods that give a text of an object
FORMATTING = {dis.opmap.get(name) for name in ("FORMAT_VALUE", "FORMAT_SIMPLE", "FORMAT_WITH_SPEC")}  # of an f-string
NAMES = "COMPARE_OP CONTAINS_OP IS_OP POP_EXCEPT WITH_EXCEPT_START MATCH_CLASS STORE_GLOBAL STORE_DEREF"
COMPARING, CONTAINING, IDENTITY, CATCHING, WITH, MATCHING, GLOBAL, NONLOCAL = map(dis.opmap.__getitem__, NAMES.split())
CALLING = dis.opmap["PUSH_NULL"]  # before a call of what is no global variable and no attribute
SEARCHING = {"index", "count", "remove", "eq", "ne", "contains", "indexOf", "countOf"}  # who uses these compares


@functools.lru_cache(1000)
def names_in(code: CodeType) -> list[str]:
    """Return the names of globals and attributes in a function and in those defined inside it.

    Added are the names of methods for texts, if the function makes some, and words that are not names: "==", "is",
    "try", "global" and "nonlocal"; "global name" for each global variable, ".name" for each attribute that is read or
    set, as in "{0.name}".format(x), but "name()" if it is called, or set in the making of its object, and "'name" for
    names in strings, as in getattr(x, "name") or attrgetter("a.name"); "__class__()" also if type(x)() may be called.
    """
    values, operations, found = [*code.co_consts], code.co_code[::2], [*dis.get_instructions(code)]
    names = [name for name in code.co_names if name != "__init__" or code.co_name != name]  # of a base, not of others
    if not FORMATTING.isdisjoint(operations) or not {"str", "repr", "format"}.isdisjoint(names):
        names += TEXTS
    compares = any([i.opcode == COMPARING and i.argval in ("==", "!=") for i in found])
    if compares or CONTAINING in operations or not SEARCHING.isdisjoint(names):
        names.append("==")
    catches = operations.count(CATCHING) > 2 * operations.count(WITH)  # there are two in each `with`
    names += ["global"] * (GLOBAL in operations) + ["nonlocal"] * (NONLOCAL in operations and bool(code.co_freevars))
    names += ["is"] * (IDENTITY in operations) + ["try"] * catches + ["__match_args__"] * (MATCHING in operations)
    names += ["__class__()"] * (CALLING in operations and not {"type", "__class__"}.isdisjoint(names))
    for before, i in itertools.pairwise(found):
        if "GLOBAL" in i.opname or i.opname == "LOAD_NAME":
            names.append(f"global {i.argval}")
        elif i.opcode in dis.hasname:
            of_new = i.opname == "STORE_ATTR" and (before.argrepr.split(", ")[-1],) == code.co_varnames[:1]
            is_called = i.opname == "LOAD_METHOD" or "NULL|self" in i.argrepr
            names.append(f"{i.argval}()" if is_called or (of_new and code.co_name == "__init__") else f".{i.argval}")
    for value in values:
        if isinstance(value, str) and value.replace(".", "").isidentifier():
            names += [f"'{name}" for name in value.split(".")]
        elif isinstance(value, str):
            names += TEXTS if "%" in value else ()
            fields = "".join(re.findall(r"{[\w.[\]]*", value))  # of a format
            names += [dot + name for name in re.findall(r"\.(\w+)", fields) for dot in ("", ".")]
        elif isinstance(value, CodeType):
            names += names_in(value)
        elif isinstance(value, (tuple, frozenset)):
            values += value
    return names


def library(x: Any) -> str:
    """Return the package that installed a function, a class or a module; "" for the user's own code.

    This package, NumPy and Python count as "python".
    """
    if isinstance(x, FunctionType):
        return _package(x.__code__.co_filename)
    name = x.__name__ if isinstance(x, ModuleType) else x.__module__ or ""
    if name == "builtins" and isinstance(x, type) and x.__flags__ & MADE_BY_CLASS:  # by `exec`
        return ""
    return _package_of(name)


@functools.lru_cache(1000)
def _package_of(module: str) -> str:
    found = sys.modules.get(module)
    if found is None or module in ("__main__", "types", "argparse"):  # whose Namespaces hold a user's attributes
        return ""
    held = getattr(found, "__dict__", {})
    # Without a file: a package without an __init__, what the user has made, or built into Python or Cython
    is_users = "__path__" in held or (held.get("__spec__", held) is None and "cython" not in module)
    return _package(held.get("__file__") or ("" if is_users else "<frozen"))


@functools.lru_cache(1000)
def _package(file: str) -> str:
    if file.startswith(INTERNAL) or is_pythons(file):
        return "python"
    return file.partition("-packages" + os.sep)[2].partition(os.sep)[0].removesuffix(".py")
