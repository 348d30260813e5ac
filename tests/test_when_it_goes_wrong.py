"""The page "When it goes wrong": the outputs that it shows are the real ones."""

import linecache
import re
import sys
import warnings
from pathlib import Path

import pytest

PAGE = (Path(__file__).parents[1] / "examples" / "when_it_goes_wrong.md").read_text("utf-8")
BLOCK = r"```python\n(.*?)```"
START = re.search(BLOCK, PAGE, re.DOTALL)[1]
EXAMPLES = re.findall(rf"### ([^\n]*)\n\n{BLOCK}\n\n```text\n(.*?)```", PAGE, re.DOTALL)


def printed(code, patch):
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


@pytest.fixture(autouse=True)
def _figures_are_closed():
    yield
    if pyplot := sys.modules.get("matplotlib.pyplot"):
        pyplot.close("all")


@pytest.mark.parametrize(("code", "text"), [e[1:] for e in EXAMPLES], ids=[e[0] for e in EXAMPLES])
def test_the_page_shows_the_real_output(code, text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert printed(code, monkeypatch).split() == text.split()


def test_every_section_has_an_output():
    assert len(EXAMPLES) == len(re.findall("^### ", PAGE, re.MULTILINE)) > 40
