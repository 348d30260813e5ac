"""What a reader does on the playground's page, for tests that do it in a headless browser."""

import contextlib
import io
import time


def slowness():
    """How many times longer than its own computing time a program takes now: other programs may run beside the test."""
    wall, own = time.perf_counter(), time.process_time()
    while time.process_time() - own < 0.25:
        pass
    return (time.perf_counter() - wall) / (time.process_time() - own)


def begin(page, link):
    """Open a link in a page that is open."""
    serial = page.evaluate("window.playground.training.serial")
    page.evaluate("link => { history.replaceState(null, '', '#'); location.hash = link; }", link)
    page.wait_for_function(f"window.playground.training.serial > {serial} && !window.playground.python.pending.size")


def figures(page):
    return {name: page.get_attribute("#figures", f"data-{name}") for name in ("updates", "metric", "frames")}


def evaluate(page, text):
    page.fill("#source", text)
    page.click("#evaluate")
    page.wait_for_selector("#evaluate:not([disabled])")


def set_control(page, name, value):
    """Set a control, and wait for the run of the new settings, or its error."""
    serial = page.evaluate("window.playground.training.serial")
    control = page.locator(f"#set-{name}")
    control.select_option(value) if control.evaluate("e => e.tagName") == "SELECT" else control.fill(value)
    page.wait_for_function(f"window.playground.training.serial > {serial} && !window.playground.python.pending.size")


def shown_code(page, button):
    page.click(button)
    page.wait_for_selector("dialog[open]")
    code = page.text_content("#code-text")
    page.keyboard.press("Escape")
    return code


def run_code(code):
    names, printed = {"__name__": "__main__"}, io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(code, names)
    return names, printed.getvalue()
