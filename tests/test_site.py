"""How the site's sources are made: the names in its reference, its links, and docstrings in reStructuredText.

The site itself is built and opened in a browser by tests/site/in_browser.py.
"""

import re
import sys
from pathlib import Path

import pytest

import tinygrad_edu as tg

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "examples" / "site"))

import docstrings  # noqa: E402
import links  # noqa: E402
import reference  # noqa: E402
import relink  # noqa: E402


def test_every_public_name_is_on_exactly_one_page_of_the_reference():
    listed = [name for page in reference.PAGES for names in page.names().values() for name in names]
    assert sorted(listed) == sorted(reference.public())
    assert len(listed) > 250


def test_members_users_need_come_first_and_methods_of_numpy_are_only_named():
    own, as_numpy = reference.members(tg.Tensor)
    assert own[:3] == ["backward", "data", "grad"]
    assert {"mean", "sum", "argmax"} <= set(as_numpy)
    assert "parameters" not in reference.members(tg.nn.Sequential)[0]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("`x` and `tg.mse_loss`", "``x`` and :py:obj:`tg.mse_loss`"),
        ("d**2 where |d| > 1, `f(*args)`", r"d\*\*2 where \|d\| > 1, ``f(*args)``"),
        ("*Seen*: betas_ of `x`s", r"*Seen*: betas\_ of ``x``\ s"),
        ("A formula:\n\n    a * b = c\n\nEnd.", "A formula:\n\n::\n\n    a * b = c\n\nEnd."),
        ("Ends\n- by `a`\n- by `b`", "Ends\n\n- by ``a``\n- by ``b``\n"),
        (">>> a * b\n`c`", ">>> a * b\n`c`"),
    ],
)
def test_docstrings_become_restructuredtext(text, shown):
    assert "\n".join(docstrings.converted(text.split("\n"))).strip("\n") == shown.strip("\n")


@pytest.fixture
def site(tmp_path):
    pages = {"examples/a.py": "lessons/a.ipynb", "examples/glossary.md": "glossary.md"}
    return relink.Site(tmp_path, pages, {"a-tour": "guide.md"})


def test_links_of_the_repository_lead_to_pages_of_the_site(site):
    text = "[`a`](examples/a.py) `a.py` `tg.fit` ![x](examples/gallery/graph.svg) [t](#a-tour) [o](https://a.b)"
    assert site.convert(text, "", "lessons/b.ipynb") == (
        "[`a`](a.ipynb) [`a.py`](a.ipynb) {py:obj}`tg.fit` ![x](../pictures/graph.svg) [t](../guide.md) [o](https://a.b)"
    )
    assert site.convert("```\n[x](nowhere.py) `a.py`\n```", "", "b.md") == "```\n[x](nowhere.py) `a.py`\n```"
    assert site.used == {"examples/gallery/graph.svg"}
    assert site.convert("See [the tests](../tests/test_site.py).", "examples", "b.md") == "See the tests."
    with pytest.raises(KeyError, match=r"b\.md: the site has no page for examples/c\.py"):
        site.convert("[c](c.py)", "examples", "b.md")


def test_parts_of_the_readme_are_found_by_their_headings_or_an_error_names_what_is_missing():
    text = "# T\n\nIntro.\n\n## A\n\n**One thing.** Text **bold.**\n\n```\n**No.** x\n```\n\n## B\n\nEnd.\n"
    assert relink.readme(text, "") == "Intro."
    assert relink.with_headings(relink.readme(text, "A")) == "## One thing\n\nText **bold.**\n\n```\n**No.** x\n```"
    assert relink.between(text, "Text", "## B").startswith("Text **bold.**")
    for missing in (lambda: relink.readme(text, "C"), lambda: relink.between(text, "Intro", "nowhere")):
        with pytest.raises(KeyError, match="the README has no"):
            missing()


def test_what_an_earlier_build_left_is_removed(site, tmp_path):
    site.write("old.md", "old")
    site.written.clear()
    site.write("new.md", "new")
    site.finish({"LICENSE": "files/LICENSE"})
    assert {p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*") if p.is_file()} == {
        "new.md",
        "files/LICENSE",
    }


def test_a_constant_is_shown_with_its_value_and_without_the_docstring_of_its_type():
    constants = [name for name, o in reference.public().items() if isinstance(o, (str, tuple, int, float, dict))]
    assert "plot.YELLOW" in constants
    for name in constants:
        assert ".. data:: " + name.rpartition(".")[2] in reference.directive(name)
        assert f":value: {reference.public()[name]!r}" in reference.directive(name)


def test_links_that_lead_nowhere_are_found(tmp_path):
    (tmp_path / "a.html").write_text('<a href="b.html#here">x</a><a href="https://a.b">y</a><p id="p">', "utf-8")
    (tmp_path / "b.html").write_text('<img src="c.png"><a href="a.html#p">x</a><a href="#q">y</a>', "utf-8")
    assert sorted(links.broken(tmp_path)) == [
        "a.html: b.html#here names no place of that page", "b.html: #q names no place of that page",
        "b.html: c.png is not a file",
    ]  # fmt: skip


def test_the_sources_of_all_pages_are_made_and_lists_name_each_of_them(tmp_path):
    import sources

    sources.make(tmp_path, {}, playground=False)
    pages = {path.relative_to(tmp_path).with_suffix("").as_posix() for path in tmp_path.rglob("*.[mr][ds]*")}
    listed = {"index"}
    for folder in ("", "exercises/", "engine/", "reference/"):
        contents = (tmp_path / folder / "index.md").read_text("utf-8").partition("```{toctree}")[2].partition("```")[0]
        listed |= {folder + name for name in re.findall(r"^(?:.+ <)?([\w/]+)>?$", contents, re.MULTILINE)}
    assert pages == {name for name in listed if name != "tour"}
    assert "playground/index.html" not in (tmp_path / "index.md").read_text("utf-8")
    sources.make(tmp_path, {}, playground=True)
    assert "playground/index.html" in (tmp_path / "index.md").read_text("utf-8")
    assert sources.engine_files()[:2] == ["rules/elementwise.py", "backward.py"]
    assert len(sources.lessons()) > 20
