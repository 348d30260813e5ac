"""The playground's Python is beside its page, and no part of the package; and pages in a headless browser, to drive."""

import functools
import http.server
import os
import sys
import threading
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[2] / "examples" / "site" / "playground"))

PATIENCE = 120_000  # milliseconds, of a machine that does much else


class Files(http.server.SimpleHTTPRequestHandler):
    """Serves files to pages of every origin, as a public address does, and says nothing."""

    def end_headers(self):
        self.send_header("Access-Control-Allow-Origin", "*")
        super().end_headers()

    def log_message(self, *args):
        pass


@pytest.fixture(scope="module")
def serve():
    """Return a function that serves a folder from 127.0.0.1, and returns its address."""
    servers = []

    def start(folder):
        servers.append(http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Files, directory=folder)))
        threading.Thread(target=servers[-1].serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{servers[-1].server_port}/"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Build the playground, and return its folder."""
    import build_playground as playground

    try:
        page = playground.build(tmp_path_factory.mktemp("playground") / "site", home="../index.html")
    except playground.BuildError as error:
        if "CI" in os.environ and os.environ.get(playground.VARIABLE):
            raise
        pytest.skip(str(error))
    return page.parent


@pytest.fixture(scope="module")
def address(built, serve):
    return serve(built)


@pytest.fixture(scope="module")
def opened(browser, address):
    """Return a function that opens the page; in the end the console is empty, and no request has left 127.0.0.1."""
    said, asked, contexts = [], [], []

    def open_page(link="", wait=True, **options):
        contexts.append(browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options}))
        contexts[-1].on("request", lambda request: asked.append(request.url))
        page = contexts[-1].new_page()
        page.set_default_timeout(PATIENCE)
        page.on("console", lambda m: said.append(m.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(f"{address}index.html{link}")
        if wait:
            page.wait_for_selector("body[data-ready=true]")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert said == []
    assert any(url.endswith("pyodide.asm.wasm") for url in asked)  # the worker's requests are seen too
    assert [url for url in asked if not url.startswith((address, "data:", "blob:", "about:"))] == []


@pytest.fixture(scope="module")
def typing(opened):
    """A page with the view of expressions, which several tests share: a start takes seconds."""
    return opened()


@pytest.fixture(scope="module")
def training(opened):
    """A page with the view of training, which several tests share."""
    return opened("#view=training")
