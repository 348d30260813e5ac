"""Docstrings for Sphinx: they are plain text with `code` in backticks, and Sphinx reads reStructuredText."""

import re
from typing import Any

from reference import public

NAMES = {f"tg.{name}" for name in public()}
MARKS = re.compile(r"(`[^`]+`|(?<![\w*])\*[A-Za-z][^*]*[A-Za-z]\*(?![\w*]))")  # code, and *emphasis*


def inline(text: str) -> str:
    """Return a line's reStructuredText: code as code, names of the library as links, all other signs as they are."""
    shown = []
    for n, part in enumerate(MARKS.split(text)):
        if n % 2 and part[0] == "`":
            name = part.strip("`").partition("(")[0]
            link = part.strip("`") in (name, f"{name}()") and name in NAMES
            shown.append(f":py:obj:`{name}`" if link else f"`{part}`")
        elif n % 2:
            shown.append(part)
        else:
            shown.append(re.sub(r"([\\*|]|(?<=\w)_(?!\w))", r"\\\1", part))
    text = ""
    for n, part in enumerate(shown):  # a mark that touches a letter needs an escaped space between them
        before, mark = text[-1:], part if n % 2 else shown[n - 1] if n else ""
        touches = mark and part and ((n % 2 and re.match(r"[\w`]", before)) or (not n % 2 and re.match(r"\w", part)))
        text += ("\\ " if touches else "") + part
    return text


def converted(lines: list[str]) -> list[str]:
    """Return the lines of a docstring as reStructuredText."""
    made: list[str] = []
    in_list = False
    for block in re.split(r"\n{2,}", "\n".join(lines).expandtabs().strip("\n")):
        rows = block.split("\n")
        indents = [len(row) - len(row.lstrip()) for row in rows]
        if rows[0].lstrip().startswith(">>>"):
            made += ["", *rows]
        elif min(indents) >= 4 and not in_list:
            made += ["", "::", "", *rows]
        else:
            in_list = rows[0].lstrip().startswith("- ")
            text = inline("\n".join(rows))
            if not in_list:  # a list in the middle of a paragraph begins a new one
                text = re.sub(r"\n(- [^\n]*(?:\n(?:- |  )[^\n]*)*)", r"\n\n\1\n", text)
            made += ["", *text.split("\n")]
    return made[1:]


def convert(app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Convert the docstring that Sphinx has found, in place."""
    lines[:] = converted(lines)
