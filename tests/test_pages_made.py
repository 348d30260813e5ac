"""Files made by scripts in examples/site: the README's badges, and the cheat sheet."""

import importlib.util
import os
import re
from pathlib import Path

import pytest

import tinygrad_edu as tg

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples"
README = (ROOT / "README.md").read_text("utf-8")
SHEET = (EXAMPLES / "cheat_sheet.md").read_text("utf-8")


def script(name):
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / "site" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_badges_are_made_from_pyproject_and_say_the_same_as_their_texts():
    badges = script("badges")
    shown = dict(re.findall(r"!\[(.+)\]\(examples/gallery/(badge_\w+\.svg)\)", README))
    assert list(shown) == [f"{key}: {value}" for key, value in badges.facts().values()]
    assert {name: (EXAMPLES / "gallery" / name).read_text("utf-8") for name in shown.values()} == badges.badges()


def test_the_first_screen_shows_the_loop_of_the_backward_pass():
    loop = re.search(r"```py\n(.*?)```", README, re.DOTALL)[1]
    source = (ROOT / "tinygrad_edu" / "engine" / "backward.py").read_text("utf-8")
    assert "".join(f"    {line}\n" for line in loop.splitlines()) in source
    assert README.index("## Start") < 3000


def test_the_code_of_the_cheat_sheet_runs(tmp_path, monkeypatch):
    pytest.importorskip("pygraphviz")
    pytest.importorskip("matplotlib")
    monkeypatch.chdir(tmp_path)
    names = {}
    for block in re.findall(r"```python\n(.*?)```", SHEET, re.DOTALL):
        (tmp_path / "sheet.py").write_text(block, "utf-8")  # jit reads the source
        exec(compile(block, str(tmp_path / "sheet.py"), "exec"), names)
    assert len(names["history"]) > 10
    assert {"graph.svg", "backprop.html", "net.npz"} <= set(os.listdir(tmp_path))


def test_the_cheat_sheet_has_every_name_of_the_library_that_a_lesson_uses():
    used = {
        name for path in EXAMPLES.glob("*.py") for name in re.findall(r"\btg\.([a-zA-Z_.]+\w)", path.read_text("utf-8"))
    }
    used = {name.rpartition(".")[2].rstrip("_") for name in used if not name.startswith("_")} - {""}
    assert sorted(name for name in used if not re.search(rf"\b{name}\b", SHEET)) == []
    for line in re.findall(r"^(?:Layers|Losses|Functions|Optimizers): .*(?:\n.+)*", SHEET, re.MULTILINE):
        for name in re.findall(r"`(\w+)`", line):
            assert any(hasattr(module, name) for module in (tg, tg.nn, tg.optim)), name


def test_the_cheat_sheet_is_made_from_its_text():
    assert script("cheat_sheet").page(SHEET) == (EXAMPLES / "cheat_sheet.html").read_text("utf-8")


def test_the_cheat_sheet_prints_on_one_page(browser):
    page = browser.new_page()
    page.goto((EXAMPLES / "cheat_sheet.html").as_uri())
    pdf = page.pdf(prefer_css_page_size=True)
    assert len(re.findall(rb"/Type\s*/Page\b", pdf)) == 1
