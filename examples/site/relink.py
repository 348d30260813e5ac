"""Markdown of the repository for the site: links lead to its pages, and names of the library to the reference."""

import os
import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from docstrings import NAMES

ROOT = Path(__file__).resolve().parents[2]
PICTURES = {".gif", ".png", ".svg"}
FENCE = re.compile(r"(^ {0,3}```.*?^ {0,3}```[^\n]*$)", re.MULTILINE | re.DOTALL)
LINK_OR_CODE = re.compile(r"(!?\[(?:[^\[\]]|\[[^\]]*\])*\]\([^)\s]+\))|(`[^`\n]+`)")


def readme(text: str, section: str) -> str:
    """Return the part of the README between its heading `section` ("" is the part above all) and the next one."""
    parts = re.split(r"^## (.+)\n", text, flags=re.MULTILINE)
    found = dict(zip(["", *parts[1::2]], parts[::2], strict=True))
    if section not in found:
        raise KeyError(f"the README has no section {section!r}, which the site shows; it has {[*found]}")
    return re.sub(r"\A# .*\n", "", found[section]).strip("\n")


def between(text: str, start: str, end: str) -> str:
    """Return the part of a text from the words `start` to just before the words `end`."""
    if start not in text or end not in text:
        raise KeyError(f"the README has no text from {start!r} to {end!r}, which the site shows")
    return text[text.index(start) : text.index(end)].strip("\n")


def with_headings(text: str) -> str:
    """Return a text in which a bold phrase that starts a paragraph, **Like this.** is a heading of its own."""
    parts = FENCE.split(text)
    bold = re.compile(r"(?:\A|(?<=\n\n))\*\*([^*]+)\.\*\*\s+")
    return "".join(part if i % 2 else bold.sub(r"## \1\n\n", part) for i, part in enumerate(parts))


@dataclass
class Site:
    """The pages of the site by the file that each comes from, and the folder in which the pages are made."""

    folder: Path
    pages: dict[str, str] = field(default_factory=dict)  # path in the repository: path in `folder`
    sections: dict[str, str] = field(default_factory=dict)  # anchor in the README: page that has this section
    used: set[str] = field(default_factory=set)  # pictures of the repository that pages show
    written: set[Path] = field(default_factory=set)

    def convert(self, text: str, origin: str, page: str) -> str:
        """Return a text of a file in the folder `origin` of the repository, as it stands on a page of the site."""

        def shown(match: re.Match[str]) -> str:
            if match[1]:
                return self.link(match[1], origin, page)
            return self.code(match[2].strip("`"), page)

        parts = FENCE.split(text)
        for i in range(0, len(parts), 2):
            lines = [s if s.startswith("#") else LINK_OR_CODE.sub(shown, s) for s in parts[i].split("\n")]
            parts[i] = "\n".join(lines)
        return "".join(parts)

    def code(self, code: str, page: str) -> str:
        """Return code between backticks; the name of a lesson or of a public object leads to its page."""
        if code.removesuffix("()") in NAMES:
            return f"{{py:obj}}`{code.removesuffix('()')}`"
        lesson = self.pages.get(f"examples/{code}")
        return f"[`{code}`]({self.relative(lesson, page)})" if lesson and lesson != page else f"`{code}`"

    def link(self, link: str, origin: str, page: str) -> str:
        """Return a Markdown link or picture with the address that it has on this page."""
        text, _, target = link.removesuffix(")").rpartition("](")
        if re.match(r"\w+:", target):
            return link
        path, _, anchor = target.partition("#")
        place = os.path.normpath(os.path.join(origin, path)).replace(os.sep, "/") if path else ""
        if anchor and (not path or place == "README.md") and anchor in self.sections:
            return f"{text}]({self.relative(self.sections[anchor], page)})"
        if not path:
            return link
        if Path(place).suffix in PICTURES:
            self.used.add(place)
            return f"{text}]({self.relative(f'pictures/{Path(place).name}', page)})"
        if place not in self.pages and (ROOT / place).exists():  # of interest only to those who have the repository
            return text.removeprefix("[")
        if place not in self.pages:
            raise KeyError(f"{page}: the site has no page for {place}, to which its text links")
        return f"{text}]({self.relative(self.pages[place], page)}{'#' * bool(anchor)}{anchor})"

    def relative(self, target: str, page: str) -> str:
        """Return the path from one page to another."""
        return os.path.relpath(target, Path(page).parent).replace(os.sep, "/")

    def write(self, page: str, text: str) -> None:
        """Write a page, unless it is there with the same text: Sphinx then need not read it again."""
        path = self.folder / page
        self.written.add(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() or path.read_text("utf-8") != text:
            path.write_text(text.rstrip("\n") + "\n", "utf-8")

    def finish(self, files: Mapping[str, str]) -> None:
        """Copy files and the pictures that pages show, and remove what an earlier build left in the folder."""
        pictures = {picture: f"pictures/{Path(picture).name}" for picture in self.used}
        for origin, copied in {**files, **pictures}.items():
            (self.folder / copied).parent.mkdir(exist_ok=True)
            self.written.add(Path(shutil.copy2(ROOT / origin, self.folder / copied)))
        for path in self.folder.rglob("*"):
            if path.is_file() and path not in self.written:
                path.unlink()

    def fill(self, text: str, values: Mapping[str, Callable[[], str]]) -> str:
        """Return a text in which a line `{{ name }}` is replaced by what that name stands for."""
        return re.sub(r"^\{\{ (.+?) \}\}$", lambda match: values[match[1]](), text, flags=re.MULTILINE)
