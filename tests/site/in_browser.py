"""The site, built anew, in a headless browser: `python -m pytest tests/site/in_browser.py`, apart from the other tests.

It needs the extra `site`, and Chromium. Lessons that have not changed since the last build are not run again.
"""

import json
import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SITE = ROOT / "build" / "site"
MISSING = [package for package in ("sphinx", "pydata_sphinx_theme", "numpydoc", "myst_nb") if not find_spec(package)]
IN_CI = "CI" in os.environ
pytestmark = pytest.mark.skipif(
    bool(MISSING) and not IN_CI, reason='pip install "tinygrad-edu[site]" has what builds the site'
)
ABORTED = "net::ERR_ABORTED"  # of the icon, if the next page is opened before it has come; not of a missing file
LOOKS = {
    "light": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "light"},
    "phone": {"viewport": {"width": 360, "height": 740}, "color_scheme": "dark"},
}


@pytest.fixture(scope="module")
def pages():
    """Build the site, with warnings as errors and links checked, and return its pages."""
    command = [sys.executable, str(ROOT / "examples" / "site" / "build.py")]
    run = subprocess.run(command, capture_output=True, encoding="utf-8", errors="replace")
    assert run.returncode == 0, run.stdout + run.stderr
    has_playground = (SITE / "playground").exists()
    assert ("without the playground: --browser FOLDER" in run.stdout) is not has_playground
    found = [path.relative_to(SITE) for path in sorted(SITE.rglob("*.html"))]
    return [path for path in found if path.parts[0] not in ("_static", "_downloads", "playground")]  # made elsewhere


@pytest.fixture
def opened(browser):
    """Return a function that opens a page; in the end no page wrote to the console or asked for a file elsewhere."""
    said, contexts = [], []

    def watched(page, path):
        page.on("console", lambda m: m.text.startswith("[PST]") or said.append((path, m.text)))  # the theme's own notes
        page.on("pageerror", lambda error: said.append((path, str(error))))
        page.on("requestfailed", lambda r: r.failure == ABORTED or said.append((path, r.url, r.failure)))
        page.on("request", lambda r: r.url.startswith(("file:", "data:", "about:")) or said.append((path, r.url)))

    def open_page(path, look="light", **options):
        contexts.append(browser.new_context(**LOOKS[look] | options))
        page = contexts[-1].new_page()
        watched(page, path)
        page.goto((SITE / path).as_uri())
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert said == []


def test_the_first_page_links_to_the_playground_that_the_same_command_has_built(opened, pages):
    if not os.environ.get("TINYGRAD_EDU_BROWSER"):
        pytest.skip("set TINYGRAD_EDU_BROWSER to the folder of NumPy's wheel for Pyodide")
    page = opened("index.html")
    assert page.locator("a[href='playground/index.html']").count() > 0
    home = json.loads((SITE / "playground" / "config.json").read_text("utf-8"))["home"]
    assert (SITE / "playground" / home).resolve() == SITE / "index.html"


BROKEN = "() => [...document.images].filter(i => !(i.complete && i.naturalWidth)).map(i => i.src)"
UNNAMED = """() => [...[...document.images].filter(i => !i.alt.trim()),
    ...[...document.querySelectorAll("iframe")].filter(f => !f.title)].map(e => e.outerHTML.slice(0, 99))"""
CUT = "() => [...document.querySelectorAll('.prev-next-area a')].filter(a => a.scrollWidth > a.clientWidth).length"
BEYOND = """() => {
    const scrolls = e => e.tagName != "ARTICLE"
        && (["auto", "scroll"].includes(getComputedStyle(e).overflowX) || scrolls(e.parentElement));
    const edge = document.querySelector("article")?.getBoundingClientRect().right + 1;
    const beyond = e => e.getBoundingClientRect().right > edge && !scrolls(e);
    return [...document.querySelectorAll("article *")].filter(beyond).map(e => e.outerHTML.slice(0, 99));
}"""
CUT_ON_PAPER = """() => {
    const boxes = document.querySelectorAll(".bd-article-container, .bd-article :is(div, pre, table)");
    const flexible = [...document.querySelectorAll("article")].flatMap(e => { const all = [];
        for (; e != document.body; e = e.parentElement) all.push(e);
        return all; }).filter(e => getComputedStyle(e).display != "block");
    const cut = [...boxes].filter(e => getComputedStyle(e).overflowX != "visible"
        || (e.tagName == "PRE" && e.scrollWidth > e.clientWidth + 1));
    return [...flexible, ...cut].map(e => e.outerHTML.slice(0, 99));
}"""
WIDTHS = "() => [document.documentElement.scrollWidth, window.innerWidth]"


@pytest.mark.parametrize("look", LOOKS)
def test_every_page_opens_from_its_file_with_its_pictures_and_never_scrolls_sideways(opened, pages, look):
    page = opened("index.html", look)
    assert page.evaluate("document.querySelector('link[rel~=icon]').href").endswith("icon.svg")  # served, none is a 404
    assert len(pages) > 100
    for path in pages:
        page.goto((SITE / path).as_uri())
        assert page.evaluate(BROKEN) == [], path
        assert page.evaluate(UNNAMED) == [], path
        wide, window = page.evaluate(WIDTHS)
        assert wide <= window, path
        assert page.evaluate(CUT) == 0, path
        assert page.evaluate(BEYOND) == [], path  # text that is cut, as nothing scrolls to it
        dark = page.evaluate("document.documentElement.dataset.theme") == "dark"
        assert dark == (LOOKS[look]["color_scheme"] == "dark"), path


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("path", ["lessons/line_fit.html", "reference/losses.html", "engine/backward.html"])
def test_on_paper_no_text_is_cut_off_and_all_of_it_is_dark(opened, pages, path, look):
    page = opened(path, look)
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 720, "height": 1040})  # a sheet of A4
    assert page.evaluate(CUT_ON_PAPER) == []
    for part in ("h1", "article p", "article pre"):
        color = page.locator(part).first.evaluate("e => getComputedStyle(e).color")
        assert max(map(int, color.removeprefix("rgb(").removesuffix(")").split(","))) < 128, part


@pytest.mark.parametrize(("words", "found"), [("cross_entropy", "reference/losses.html"), ("saddle", "lessons/minima")])
def test_the_search_finds_names_and_words_without_a_server(opened, pages, words, found):
    page = opened("index.html")
    assert page.locator("script[src*='search']").count() == 0  # a page is read without the index of all
    page.locator(".search-button__button:visible").first.click()
    page.keyboard.type(words)
    page.keyboard.press("Enter")
    page.wait_for_selector(f"#search-results li a[href*='{found}']")  # results come one after the other
    assert page.url.startswith("file:")
    with page.expect_navigation():
        page.locator("#search-results li a").first.click()
    assert page.locator("h1").count() == 1


def test_a_reader_chooses_between_light_and_dark(opened, pages):
    page = opened("guide.html")
    background = "getComputedStyle(document.body).backgroundColor"
    seen = {page.evaluate(background)}
    for mode in ("light", "dark"):
        page.locator(".theme-switch-button:visible").click()
        page.locator(f".theme-change-button[data-mode={mode}]:visible").click()
        seen.add(page.evaluate(background))
    assert len(seen) == 2
    page.reload()
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"


def test_the_lessons_come_in_order_with_what_they_print_and_draw(opened, pages):
    page = opened("lessons/four_steps.html")
    exercises = {path.stem for path in (ROOT / "examples" / "exercises").glob("*.py")}
    names, number = [], len(list((SITE / "lessons").glob("*.html"))) - 1
    while "/lessons/" in page.url:
        names.append(page.url.rpartition("/")[2].removesuffix(".html"))
        assert page.locator(".cell_output pre").count() > 0, names[-1]
        assert page.locator(".cell_output img, .cell_output svg").count() > 0, names[-1]
        assert page.locator("a[download]").count() == 1
        assert str(ROOT) not in page.text_content("article")
        assert page.locator(f"article a[href='../exercises/{names[-1]}.html']").count() == (names[-1] in exercises)
        page.goto(page.locator("a.right-next").evaluate("a => a.href"))
    assert names[:3] == ["four_steps", "scalar_backprop", "line_fit"]
    assert len(set(names)) == len(names) == number


@pytest.mark.parametrize(("lesson", "words"), [("four_steps", "lines of equal cost"), ("moons", "decision boundary")])
def test_a_picture_of_a_lesson_is_described_as_in_the_readme(opened, pages, lesson, words):
    pictures = opened(f"lessons/{lesson}.html").locator("article img")
    described = pictures.evaluate_all("all => all.map(i => i.alt)")
    said = re.findall(rf"!\[([^]]+)\]\(examples/gallery/{lesson}\.", (ROOT / "README.md").read_text("utf-8"))
    assert described == said
    assert words in said[0]


def test_who_asks_for_less_motion_gets_pictures_that_stand_still_until_they_are_asked_to_play(opened, pages):
    assert opened("lessons/moons.html").locator("article img[src$='.gif']").count() == 1
    page = opened("lessons/moons.html", reduced_motion="reduce")
    link = page.locator("article a:has(canvas)")
    link.wait_for()
    assert page.locator("article img[src$='.gif']").count() == 0
    assert link.get_attribute("aria-label").startswith("The two moons")
    assert link.evaluate("a => a.firstChild.width > 300 && a.firstChild.getBoundingClientRect().width > 300")
    with page.expect_navigation():
        link.click()
    assert page.url.endswith(".gif")


def test_the_explanation_in_a_lesson_steps_through_the_backward_pass(opened, pages):
    page = opened("lessons/scalar_backprop.html")
    frame = page.frame_locator("iframe")
    frame.locator("#last").click()
    assert frame.locator("#place").text_content() == "Backward pass, step 15 of 15"


def test_every_public_name_has_its_place_in_the_reference(pages):
    sys.path.insert(0, str(ROOT / "examples" / "site"))
    import reference

    text = {page.file: (SITE / "reference" / f"{page.file}.html").read_text("utf-8") for page in reference.PAGES}
    for page in reference.PAGES:
        for names in page.names().values():
            assert [name for name in names if f'id="tg.{name}"' not in text[page.file]] == []


def test_the_backward_loop_is_shown_from_the_source(opened, pages):
    source = (ROOT / "tinygrad_edu" / "engine" / "backward.py").read_text("utf-8")
    loop = source[source.index("def backpropagate") :].partition("\n\n\n")[0]
    page = opened("engine/index.html")
    assert loop in page.eval_on_selector_all("pre", "all => all.map(e => e.textContent).join('\\n')")
