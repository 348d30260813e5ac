"""Names: those in the code of a function, and that of the package that installed a function, a class or a module."""

import dis
import functools
import itertools
import os
import re
import sys
from collections.abc import Sequence, Set
from textwrap import dedent
from types import CodeType, FunctionType, ModuleType
from typing import Any

from ..engine.errors import INTERNAL, is_pythons
from .holders import slot

MADE_BY_CLASS = 1 << 9  # Py_TPFLAGS_HEAPTYPE, the flag of a class that Python code has made
TEXTS = ("__repr__", "__str__", "__format__")  # methods that give a text of an object
FORMATTING = {dis.opmap.get(name) for name in ("FORMAT_VALUE", "FORMAT_SIMPLE", "FORMAT_WITH_SPEC")}  # of an f-string
NAMES = "COMPARE_OP CONTAINS_OP IS_OP POP_EXCEPT WITH_EXCEPT_START MATCH_CLASS STORE_GLOBAL STORE_DEREF"
COMPARING, CONTAINING, IDENTITY, CATCHING, WITH, MATCHING, GLOBAL, NONLOCAL = map(dis.opmap.__getitem__, NAMES.split())
CALLING = dis.opmap["PUSH_NULL"]  # before a call of what is no global variable and no attribute
SEARCHING = {"index", "count", "remove", "eq", "ne", "contains", "indexOf", "countOf"}  # who uses these compares
# Code that uses one of these may read all attributes of an object, or of a dataclass, or find that one is missing
WHOLE = {"vars", "__dict__", "__slots__", "dir", "getmembers"}
FIELDS = WHOLE | {"asdict", "astuple", "fields", "replace"}
MAKING = {"__init__", "__new__", "__post_init__", "__init_subclass__"}  # which have run, where there is an object
MADE = {"__doc__", "__dict__", "__weakref__", "__annotate_func__"}  # by Python
EVALUATING = {"global eval", "global exec", "global builtins"}  # code in a string
NAMESPACES = {"globals", "__globals__", "f_globals", "modules", "import_module", "__import__", *WHOLE, *EVALUATING}
# Code that uses one of these may have the name of an attribute in a string
BY_TEXT = NAMESPACES | {"getattr", "hasattr", "setattr", "delattr", "getattr_static", "attrgetter", "methodcaller"}
BY_TEXT |= {"__getattr__", "__getattribute__", "__setattr__", "__delattr__", "__match_args__"}
ASKING = BY_TEXT | {"try", "suppress", "ExitStack", "__exit__", "isinstance"}


@functools.lru_cache(1000)
def names_in(code: CodeType) -> list[str]:
    """Return the names of globals and attributes in a function and in those defined inside it.

    Added are the names of methods for texts, if the function makes some, and words that are not names: "==", "is",
    "try", "global" and "nonlocal"; "global name" for each global variable, ".name" for each attribute that is read or
    set, as in "{0.name}".format(x), but "name()" if it is called, or set in the making of its object, and "__class__()"
    if type(x)() may be called.
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
        if isinstance(value, str):
            names += TEXTS if "%" in value else ()
            fields = "".join(re.findall(r"{[\w.[\]]*", value))  # of a format
            names += [dot + name for name in re.findall(r"\.(\w+)", fields) for dot in ("", ".")]
            names += re.findall(r"{(\w+)", fields)
        elif isinstance(value, CodeType):
            names += names_in(value)
        elif isinstance(value, (tuple, frozenset)):
            values += value
    return names


@functools.lru_cache(1000)
def texts_in(code: CodeType) -> list[str]:
    """Return the texts in a function and in those defined inside it."""
    values = [*code.co_consts]
    for value in values:
        values += value.co_consts if isinstance(value, CodeType) else ()
        values += value if isinstance(value, (tuple, frozenset)) else ()
    return [value for value in values if isinstance(value, str)]


def names_in_texts(texts: Set[str], names: Set[str], owners: Sequence[Any]) -> set[str]:
    """Return the names in texts, if functions that use these names may use them.

    Added are names of the owners that texts, names of classes or functions, and digits make, in upper or lower case.
    """
    if BY_TEXT.isdisjoint(names):
        return set()
    is_code = not EVALUATING.isdisjoint(names)
    known, kinds = _names_of(owners), [*owners, *map(type, owners)]
    found = texts | {x.__name__ for x in kinds if isinstance(x, (type, FunctionType))} | {"True", "False", "None"}
    found = {text for text in found if " " not in text or known.issuperset(text.split(" "))}  # "w b".split()
    pieces = {*"0123456789", *[piece.lower() for text in found for piece in _pieces_of(text)]}
    made = {dot + name for name in known if _is_made(name.lower(), pieces) for dot in ("", ".")}
    return made.union(*[_names_in_text(text, is_code) for text in texts])


@functools.lru_cache(1000)
def _pieces_of(text: str) -> list[str]:
    """Return the words of a text without the fields of a format."""
    return re.findall(r"\w+", re.sub(r"{.*?}|%[-+#0-9.]*[a-zA-Z]", " ", text))


def _is_made(name: str, pieces: Set[str]) -> bool:
    """Return whether a name is some of the pieces, one after another."""
    ends = {0}
    for i in range(len(name)):
        ends |= {j for j in range(i + 1, len(name) + 1) if name[i:j] in pieces} if i in ends else set()
    return len(name) in ends


def _names_of(owners: Sequence[Any]) -> set[str]:
    """Return the names of attributes of objects and of their classes, and of variables in dicts."""
    kinds = {*map(type, owners), *[x for x in owners if isinstance(x, type)]}
    held = [x if isinstance(x, dict) else slot(x, "__dict__") for x in owners]
    found = [*map(type.__dir__, kinds), *[own for own in held if isinstance(own, dict)]]
    return {name for names in found for name in names if isinstance(name, str)}


@functools.lru_cache(1000)
def _names_in_text(text: str, is_code: bool) -> list[str]:
    """Return the names in a text: of attributes, as in getattr(x, "name") or attrgetter("a.name"), or in code."""
    if text.replace(".", "").isidentifier():
        return [dot + name for name in text.split(".") for dot in ("", ".")]
    try:
        code = compile(dedent(text).strip() if is_code else "", "<text>", "exec")
    except (SyntaxError, ValueError):
        return []
    return names_in(code) + [name for inner in texts_in(code) for name in _names_in_text(inner, is_code)]


def modules_in_texts(texts: Set[str]) -> list[ModuleType]:
    """Return the modules that texts name, also by a relative name as in import_module(".name", package)."""
    return [module for k, module in {**sys.modules}.items() if not texts.isdisjoint((k, "." + k.split(".")[-1]))]


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
