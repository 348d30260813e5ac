"""The order of the lessons in the README, the glossary, and the page of other libraries' names."""

import re
from pathlib import Path

import pytest

import tinygrad_edu as tg

EXAMPLES = Path(__file__).parents[2] / "examples"
HELPERS = {"tables", "towns", "transformer", "workers"}  # modules that lessons import
LONGER = {"batch_vs_stochastic": 146, "curvature": 137}  # and no longer than this
README = (EXAMPLES.parent / "README.md").read_text("utf-8")
ORDER = re.findall(r"^\| (\d+) \| `(\w+)\.py` \| .*? \| ([\w, ]+) \| (\d+) \| .+ \|$", README, re.MULTILINE)


def test_every_lesson_has_its_number_its_minutes_and_needs_only_earlier_ones():
    lessons = {path.stem for path in EXAMPLES.glob("*.py")} - HELPERS
    assert {name for _, name, _, _ in ORDER} == lessons
    assert [int(number) for number, *_ in ORDER] == list(range(1, len(lessons) + 1))
    for number, name, needs, minutes in ORDER:
        assert all(int(n) < int(number) for n in re.findall(r"\d+", needs)), name
        assert 10 <= int(minutes) <= 40
    assert f"holds {len(lessons)} programs" in README


def test_no_lesson_is_longer_than_120_lines():
    lengths = {path.stem: len(path.read_text("utf-8").splitlines()) for path in EXAMPLES.glob("*.py")}
    assert {name: n for name, n in lengths.items() if n > LONGER.get(name, 120)} == {}


def test_the_glossary_is_sorted_and_each_lesson_uses_its_terms():
    rows = re.findall(
        r"^\| (.+?) \| .+ \| `(\w+\.py)` \|$", (EXAMPLES / "glossary.md").read_text("utf-8"), re.MULTILINE
    )
    terms = [term for term, _ in rows]
    assert len(terms) > 75
    assert terms == sorted(terms, key=lambda term: (term.partition(" (")[0].lower(), terms.index(term)))
    for term, lesson in rows:
        word = term.partition(" (")[0].lower()
        stem = word[:-1] if word.endswith("e") else word
        text = re.sub(r"[\s#]+", " ", (EXAMPLES / lesson).read_text("utf-8")).lower()
        assert stem in text, (term, lesson)


def test_every_name_of_this_library_on_the_page_of_other_libraries_is_there():
    names = set(re.findall(r"`(tg\.[\w.]+)`", (EXAMPLES / "other_libraries.md").read_text("utf-8")))
    assert len(names) > 50
    for name in names:
        found = tg
        for part in name.split(".")[1:]:
            found = getattr(found, part)


def test_each_program_that_a_text_names_exists():
    known = {path.name for path in EXAMPLES.parent.glob("[!.]*/**/*.py")}
    named = [(path.name, name) for path in [EXAMPLES.parent / "README.md", *EXAMPLES.glob("**/*.[mp][dy]")]
             for name in re.findall(r"`(?:\w+/)*(\w+\.py)`", path.read_text("utf-8"))]  # fmt: skip
    assert len(named) > 100
    assert [(text, name) for text, name in named if name not in known] == []


@pytest.mark.parametrize("page", ["glossary.md", "other_libraries.md"])
def test_the_tables_have_as_many_cells_in_each_row(page):
    for block in re.split(r"\n\n", (EXAMPLES / page).read_text("utf-8")):
        counts = {len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines() if line.startswith("|")}
        assert len(counts) <= 1, block[:80]
