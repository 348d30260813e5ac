"""The playground's build says what is missing, and what it builds is complete."""

import json
import shutil
import zipfile

import build_playground as playground
import pytest


def test_without_numpy_for_the_browser_the_build_says_where_to_get_it(tmp_path, monkeypatch):
    monkeypatch.delenv(playground.VARIABLE, raising=False)
    with pytest.raises(playground.BuildError, match=r"TINYGRAD_EDU_BROWSER.*numpy-.*wasm32.whl.*--pyodide"):
        playground.build(tmp_path / "site", tmp_path)


def test_without_npm_the_build_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(playground.BuildError, match="needs npm: install Node"):
        playground.build(tmp_path / "site", pyodide="https://example.org/", npm=tmp_path / "npm")


def test_the_build_has_the_page_the_wheels_and_one_setting_for_pyodides_address(tmp_path, monkeypatch):
    modules = tmp_path / "node_modules"
    (modules / "@viz-js" / "viz" / "dist").mkdir(parents=True)
    (modules / "@viz-js" / "viz" / "dist" / "viz.js").write_text("viz", "utf-8")
    (modules / "pyodide").mkdir()
    for name in playground.FETCHED:
        (modules / "pyodide" / name).write_bytes(b"1234")
    monkeypatch.setattr(playground, "npm_packages", lambda cache: modules)
    library = modules / "tinygrad_edu-0-py3-none-any.whl"
    library.write_bytes(b"12345")
    monkeypatch.setattr(playground, "library_wheel", lambda folder: library)
    page = playground.build(tmp_path / "site", pyodide="https://example.org/pyodide/", home="../index.html")
    config = json.loads((page.parent / "config.json").read_text("utf-8"))
    assert (config["pyodide"], config["home"]) == ("https://example.org/pyodide/", "../index.html")
    assert config["wheels"][1] == "wheels/tinygrad_edu-0-py3-none-any.whl"
    graphviz = page.parent / config["wheels"][0]
    assert config["bytes"] == graphviz.stat().st_size + 5 + 3 * 4 + playground.NUMPY_SIZE
    with zipfile.ZipFile(graphviz) as wheel:
        names = wheel.namelist()
    assert "graphviz/__init__.py" in names
    assert sum(name.endswith((".dist-info/RECORD", ".dist-info/METADATA", ".dist-info/WHEEL")) for name in names) == 3
    with zipfile.ZipFile(page.parent / "playground.zip") as archive:
        assert "playground/training.py" in archive.namelist()
    assert not (page.parent / "pyodide").exists()
    text = page.read_text("utf-8")
    for name in ("style.css", "main.js", "icon.svg"):
        assert f'"{name}"' in text
        assert (page.parent / name).exists()
