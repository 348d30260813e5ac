"""Settings for all tests."""

import collections
import gc
import os
import shutil

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "default", deadline=None, max_examples=25, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.register_profile("long", parent=settings.get_profile("default"), max_examples=1000)
settings.load_profile("default")

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"]
FLAGS += ["--disable-background-networking", "--disable-component-update"]
# A frame in a process of its own gets no click before the browser has drawn it: readers wait for that, tests cannot.
FLAGS += ["--disable-site-isolation-trials"]


def pytest_xdist_auto_num_workers(config):
    """Run the whole suite in several processes, each file in one of them; run chosen files in this process."""
    if config.args_source is not config.ArgsSource.TESTPATHS:
        return 0
    return min(os.cpu_count() or 1, 4)


def pytest_configure(config):
    """Set what several processes, and the programs that tests start, inherit."""
    if config.option.numprocesses:
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # the processes themselves keep the cores busy
        # They and the programs, some eighty, keep the package's byte code: each would compile it anew
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


@pytest.hookimpl(wrapper=True)
def pytest_collection():
    """Collect the tests without the cycle collector: it would look through half a million objects that all stay."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(config, items):
    """Refuse names of tests that differ from process to process, and put the lessons and the largest files first."""
    if moving := [item.nodeid for item in items if " at 0x" in item.nodeid]:
        raise pytest.UsageError(f"{moving[0]} has an address in its name; give its parameters ids")
    if hasattr(config, "workerinput"):  # one of several processes; all sort alike, and end at about the same time
        sizes = collections.Counter(item.path for item in items)
        items.sort(key=lambda item: ("lessons" not in item.path.parts, -sizes[item.path], item.path))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item, nextitem):
    """After each file, take what it imported out of the cycle collector's sight, as tests call it hundreds of times."""
    try:
        return (yield)
    finally:
        if nextitem is None or nextitem.path != item.path:
            gc.collect()
            gc.freeze()


@pytest.fixture(scope="module")
def browser():
    """Start a real browser, headless, for the tests of pages. Continuous integration must have one."""
    if not CHROMIUM and "CI" not in os.environ:
        pytest.skip("no Chromium on PATH: install Debian's package chromium")
    from playwright.sync_api import sync_playwright

    assert CHROMIUM, "pages are tested in a real browser: install Debian's package chromium"
    with sync_playwright() as playwright, playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS) as chromium:
        yield chromium
