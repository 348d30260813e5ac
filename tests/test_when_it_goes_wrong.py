"""The page "When it goes wrong": the outputs that it shows are the real ones."""

import linecache
import re
import warnings
from pathlib import Path

import pytest

PAGE = (Path(__file__).parents[1] / "examples" / "when_it_goes_wrong.md").read_text()
BLOCK = r"```python\n(.*?)```"
START = re.search(BLOCK, PAGE, re.DOTALL)[1]
ENTRIES = re.findall(rf"### ([^\n]*)\n\n{BLOCK}\n\n```text\n(.*?)```", PAGE, re.DOTALL)


def outcome(code, patch):
    """Run the code and return its error or warning as Python would print it."""
    names = {}
    exec(START, names)
    patch.setitem(linecache.cache, "you.py", (len(code), None, code.splitlines(True), "you.py"))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            exec(compile(code, "you.py", "exec"), names)
        except Exception as error:
            return f"{type(error).__name__}: {error}"
    return f"{caught[-1].category.__name__}: {caught[-1].message}" if caught else ""


@pytest.mark.parametrize(("code", "text"), [e[1:] for e in ENTRIES], ids=[e[0] for e in ENTRIES])
def test_the_page_shows_what_comes_out(code, text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert outcome(code, monkeypatch).split() == text.split()


def test_every_entry_shows_something():
    assert len(ENTRIES) == len(re.findall("^### ", PAGE, re.MULTILINE)) > 40
