"""The playground, built and driven in a headless browser without a network: not in the default run of the tests.

    TINYGRAD_EDU_BROWSER=FOLDER python -m pytest tests/playground/in_browser.py

FOLDER holds the NumPy wheel for Pyodide; the build takes the rest from npm, with the checksums of package-lock.json.
"""

import json
import re
import shutil
import time

import numpy as np
import pytest
from driving import begin, evaluate, figures, run_code, set_control, shown_code, slowness
from playground import settings

import tinygrad_edu as tg

LECTURE = "a, b, c = Value(2.0), Value(-3.0), Value(10.0)\ny = (a * b + c).relu() * b\ny"


def test_the_first_result_comes_within_ten_seconds_with_a_bar_that_moves(opened):
    bound = 10 * slowness()
    start = time.perf_counter()
    page = opened(wait=False)
    shares = set()
    while not page.query_selector("iframe.steps"):
        shares.add(page.evaluate("document.querySelector('#progress').value"))
        assert time.perf_counter() - start < bound
        time.sleep(0.05)
    print(f"first result after {time.perf_counter() - start:.1f} s, with a bound of {bound:.1f} s")
    assert len(shares) >= 3
    assert page.is_hidden("#loading")
    page.context.close()


def test_an_expression_is_stepped_forwards_and_backwards_with_the_engines_numbers(typing):
    page = typing
    evaluate(page, LECTURE)
    steps = page.frame_locator("iframe.steps")
    assert steps.locator("#place").text_content() == "Forward pass, step 0 of 4"
    steps.locator("#next").click()
    assert "v1 = a * b = -6" in steps.locator("#says").text_content()
    steps.locator("#previous").click()
    assert steps.locator("#place").text_content() == "Forward pass, step 0 of 4"
    steps.locator("#last").click()
    a, b, c = tg.Value(2.0), tg.Value(-3.0), tg.Value(10.0)
    ((a * b + c).relu() * b).backward()
    totals = steps.locator("#totals").text_content()
    for name, value in (("a", a), ("b", b), ("c", c)):
        assert re.search(rf"{name}{value.data:g}{value.grad:g}\d of", totals)
    picture = page.frame_locator("iframe.picture")
    assert picture.locator("svg").get_attribute("aria-label") == "Graph of Value 'y', operations: 4"
    assert picture.locator("g.node").count() == 8
    assert f"{run_code(shown_code(page, '#expression-code'))[0]['result']!r}" == page.text_content("#value")


def test_arrays_are_explained_and_the_graph_is_laid_out_by_graphviz(typing):
    page = typing
    evaluate(page, "x = Tensor([1.0, 2.0], label='x')\nnp.sum(x * x)")
    steps = page.frame_locator("iframe.steps")
    steps.locator("#last").click()
    assert "[2, 4]2 of 2" in steps.locator("#totals").text_content()
    evaluate(page, "tg.draw(tg.mse_loss(tg.nn.MLP([2, 3, 1], rng=0)(np.ones((2, 2))), np.ones((2, 1))))")
    assert page.frame_locator("iframe.picture").locator("g.node").count() > 4
    assert page.locator("iframe.steps").count() == 0
    evaluate(page, "from tinygrad_edu.viz import layout\nlayout.render(tg.draw(Value(1.0) * 2)._graph, 'png')")
    assert "LayoutError: a .png needs Graphviz" in page.text_content("#expression-error")
    assert 'viz.js: Error: Format: "png" not recognized' in page.text_content("#expression-error")


def test_errors_are_shown_as_the_library_words_them(typing):
    page = typing
    evaluate(page, "x = Tensor(np.ones((4, 3)))\nx @ np.ones((2, 3))")
    with pytest.raises(ValueError, match=r"np\.matmul") as caught:
        tg.Tensor(np.ones((4, 3))) @ np.ones((2, 3))
    assert page.text_content("#expression-error") == f"Line 2: ValueError: {caught.value}"
    assert page.locator("iframe.steps").count() == 0
    evaluate(page, "1 +")
    assert page.text_content("#expression-error") == "Line 1: SyntaxError: invalid syntax"
    evaluate(page, "f = lambda: f()\nf()")
    assert "RecursionError" in page.text_content("#expression-error")
    evaluate(page, "import js\njs.fetch('http://127.0.0.1:1/')")
    assert "TypeError" in page.text_content("#expression-error")  # no way to the network
    evaluate(page, LECTURE)
    assert page.text_content("#expression-error") == ""


def test_a_long_value_is_shown(typing):
    page = typing
    evaluate(page, "list(range(1000))")
    assert page.text_content("#value") == str(list(range(1000)))
    assert page.is_visible("#value")
    evaluate(page, LECTURE)


def test_the_letters_of_a_wide_picture_can_be_read_on_a_phone_too(opened):
    page = opened(viewport={"width": 390, "height": 844})
    evaluate(page, "tg.draw(tg.mse_loss(tg.nn.MLP([2, 4, 1], rng=0)(np.ones((3, 2))), np.ones((3, 1))))")
    picture = page.frame_locator("iframe.picture").locator("svg")
    pixels = picture.evaluate("svg => 12 * svg.getBoundingClientRect().width / svg.viewBox.baseVal.width")
    assert pixels > 9.5  # of letters of 12 points, which have 16 on paper
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    evaluate(page, "tg.draw(Value(1.0), legend=False)")  # a small one is not enlarged
    assert picture.evaluate("svg => svg.getBoundingClientRect().width / svg.viewBox.baseVal.width") == pytest.approx(
        4 / 3, 0.01
    )
    page.context.close()


def test_without_javascript_the_page_says_so_and_shows_nothing_that_waits(browser, address):
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(f"{address}index.html")
        assert "needs JavaScript" in page.inner_text("body")
        assert not page.is_visible("#loading")
        assert not page.is_visible("#evaluate")


def test_stop_ends_a_loop_without_end_and_python_starts_again(typing):
    page = typing
    page.fill("#source", "while True: pass")
    page.keyboard.press("Control+Enter")
    page.wait_for_selector("#stop:not([disabled])")
    page.click("#tab-training")  # the page answers all the while
    page.click("#tab-expression")
    press = "() => { document.querySelector('#stop').click(); return document.body.dataset.ready; }"
    assert page.evaluate(press) == "false"  # at once, before the new worker says so
    page.wait_for_function("document.querySelector('#expression-error').textContent.startsWith('Stopped')")
    page.wait_for_selector("body[data-ready=true]")
    evaluate(page, LECTURE)
    assert page.locator("iframe.steps").count() == 1


def test_what_is_asked_for_while_python_evaluates_is_done_next(typing):
    page = typing
    slow = "import time\ntime.sleep(0.5)\nValue(1.0)"
    page.fill("#source", slow)
    page.keyboard.press("Control+Enter")
    page.select_option("#example", "A neuron")
    page.wait_for_selector("#evaluate:not([disabled])")
    assert "label='out'" in page.text_content("#value")
    page.fill("#source", slow)
    page.keyboard.press("Control+Enter")
    page.evaluate("location.hash = '#code=Value(5.0)'")
    page.wait_for_selector("#evaluate:not([disabled])")
    assert "came with the link" in page.text_content("#expression-status")
    assert page.locator("iframe.steps").count() == 0


def test_moons_are_learned_to_over_95_percent_at_30_frames_a_second_and_the_code_gives_the_same_numbers(training):
    page = training
    begin(page, "#view=training&seed=3")
    slow = slowness()
    page.click("#run")
    page.wait_for_function("Number(document.querySelector('#figures').dataset.updates) > 100")
    frames = []
    while int(figures(page)["updates"]) < 400:
        time.sleep(0.2)
        frames.append(int(figures(page)["frames"]))
    slow = max(slow, slowness())
    print(f"{np.median(frames):.0f} frames a second, on a machine {slow:.1f} times slower than one that is idle")
    assert np.median(frames) >= 30 / slow
    page.click("#run")
    page.wait_for_function("document.querySelector('#training-status').textContent.startsWith('Paused')")
    page.wait_for_function("!window.playground.training.looping")
    assert float(figures(page)["metric"]) > 0.95
    assert re.search(r"accuracy 9[5-9]|accuracy 100", page.get_attribute("#plane", "aria-label"))
    frame = page.evaluate("['updates', 'train', 'valid', 'metric'].map((k) => window.playground.training.frame[k])")
    names, printed = run_code(shown_code(page, "#training-code"))
    assert len(names["losses"]) == frame[0]
    numbers = [float(line.split()[-1]) for line in printed.splitlines()]
    assert numbers == pytest.approx(frame[1:], rel=1e-3, abs=1e-5)  # two processors round differently


def test_step_and_reset_and_seed_repeat_a_run(training):
    page = training
    begin(page, "#view=training&layers=4&examples=60")
    losses = []
    for _ in range(2):
        for n in range(1, 4):
            page.click("#step")
            page.wait_for_function(f"document.querySelector('#figures').dataset.updates === '{n}'")
        losses.append(page.evaluate("window.playground.training.frame.train"))
        page.click("#reset")
        page.wait_for_function("document.querySelector('#figures').dataset.updates === '0'")
    assert losses[0] == losses[1]
    set_control(page, "seed", "2")
    page.click("#step")
    page.wait_for_function("document.querySelector('#figures').dataset.updates === '1'")
    assert page.evaluate("window.playground.training.frame.train") != losses[0]


def test_a_link_restores_all_settings(opened, training):
    page = training
    begin(page, "#view=training")
    table = "a,b,c\n" + "1,2,x\n3,4,y\n5,7,x\n" * 9
    chosen = {"data": "table", "table": table, "layers": "5, 3", "activation": "relu", "optimizer": "SGD",
              "lr": "0.3", "schedule": "cosine", "batch": "7", "l2": "0.001", "seed": "42"}  # fmt: skip
    for name, value in chosen.items():
        set_control(page, name, value)
    page.click("#training .share")
    link = "#" + page.url.partition("#")[2]
    page.click("#run")
    page.wait_for_function("Number(document.querySelector('#figures').dataset.updates) > 3")
    page.click("#run")
    again = opened(link)
    again.wait_for_selector("#run:not([disabled])")
    assert {name: again.input_value(f"#set-{name}") for name in chosen} == chosen
    assert "5-3-1" in again.text_content("#plane-title")
    assert "y" in again.text_content("#plane-legend")
    again.context.close()
    begin(page, "#view=training")
    set_control(page, "layers", "")
    again = opened("#" + page.url.partition("#")[2])
    again.wait_for_selector("#run:not([disabled])")
    assert again.input_value("#set-layers") == ""
    assert "2-1" in again.text_content("#plane-title")
    again.context.close()


def test_the_link_follows_the_text_once_for_many_keys(typing):
    page = typing
    page.evaluate("""() => {
        window.links = 0;
        const replace = history.replaceState.bind(history);
        history.replaceState = (...args) => { window.links++; replace(...args); };
    }""")
    page.fill("#source", "")
    page.locator("#source").press_sequentially("x = Value(2.0) * 3  # and a comment of many characters\nx")
    text = page.input_value("#source")
    page.wait_for_function("text => new URLSearchParams(location.hash.slice(1)).get('code') === text", arg=text)
    assert page.evaluate("window.links") < len(text) / 2
    evaluate(page, LECTURE)


def test_an_expression_of_a_link_waits_until_it_has_been_read(opened):
    evaluated = opened("#code=" + "Value(4.0)%20%2B%203")
    assert "came with the link" in evaluated.text_content("#expression-status")
    assert evaluated.locator("iframe.steps").count() == 0  # until somebody has read it
    evaluated.click("#evaluate")
    evaluated.wait_for_selector("iframe.steps")
    assert "data=7.0" in evaluated.text_content("#value")
    evaluated.evaluate("location.hash = '#code=Value(5.0)'")  # another one takes away what the first one gave
    evaluated.wait_for_selector("#value", state="hidden")
    assert evaluated.locator("iframe.steps").count() == 0
    assert evaluated.is_disabled("#expression-code")
    evaluated.context.close()


def test_what_is_typed_while_python_starts_is_evaluated_then(opened):
    page = opened(wait=False)
    page.fill("#source", "Value(3.0) * 2")
    page.wait_for_selector("iframe.steps")
    assert "data=6.0" in page.text_content("#value")
    page.context.close()


def test_buttons_pressed_one_after_the_other_are_all_heard(training):
    page = training
    begin(page, "#view=training&layers=4&examples=60")
    press = "ids => ids.forEach((id) => document.getElementById(id).click())"
    page.evaluate(press, ["run", "reset", "run"])
    page.wait_for_function("Number(document.querySelector('#figures').dataset.updates) > 3")
    assert page.text_content("#run") == "Pause"
    page.evaluate(press, ["reset", "run", "run", "step", "step"])
    page.wait_for_function("!window.playground.training.looping && !window.playground.python.pending.size")
    assert page.text_content("#run") == "Run"
    assert figures(page)["updates"] == "2"


def test_what_happens_in_the_dialog_is_told_in_it(training):
    page = training
    begin(page, "#view=training")
    page.click("#training-code")
    page.click("#copy-code")
    page.wait_for_function("document.querySelector('#code-told').textContent")
    assert page.inner_text("#code-told") in ("Copied", "Select the program, and copy it")
    assert page.text_content("#told") == ""  # behind the dialog
    page.keyboard.press("Escape")


@pytest.mark.parametrize("data", ["circles", "spirals", "xor", "line"])
def test_the_other_data_sets_train(training, data):
    page = training
    begin(page, f"#view=training&data={data}&lr=0.03&speed=20")
    page.click("#run")
    page.wait_for_function("Number(document.querySelector('#figures').dataset.metric) > 0.8")
    page.click("#run")


def test_wrong_input_is_refused_in_words_beside_the_controls(training):
    page = training
    begin(page, "#view=training&mind=1&optimizer=Nobody")  # of another version
    for name, value, words in [
        ("lr", "fast", "the learning rate is a number, not 'fast'"), ("layers", "many", "the hidden layers are"),
        ("examples", "1e9", "the number of examples is"), ("noise", "NaN", "the noise is a finite number"),
    ]:  # fmt: skip
        before = page.input_value(f"#set-{name}")
        set_control(page, name, value)
        assert words in page.text_content("#training-error")
        assert page.get_attribute(f"#set-{name}", "aria-invalid") == "true"
        assert page.is_disabled("#run")
        set_control(page, name, before)
        assert page.text_content("#training-error") == ""
    set_control(page, "data", "table")
    set_control(page, "table", "1,2,3\n4,5")
    assert "line 2 has 2 columns" in page.text_content("#training-error")
    set_control(page, "data", "line")
    set_control(page, "optimizer", "SGD")
    set_control(page, "activation", "relu")
    set_control(page, "lr", "1000")
    page.click("#run")
    page.wait_for_function("document.querySelector('#training-error').textContent.includes('too high (try 1e+02)')")
    assert page.text_content("#run") == "Run"


def test_every_option_of_the_controls_is_known_to_python_and_has_its_default(training):
    page = training
    defaults = page.evaluate("import('./controls.js').then((m) => m.DEFAULTS)")
    expected = settings.Settings().text()
    assert {name: defaults[name] for name in expected if name != "table"} == {
        name: value for name, value in expected.items() if name != "table"
    }
    assert settings.read(defaults) == settings.Settings(table=defaults["table"])
    for name, known in {"data": settings.DATA, "activation": settings.ACTIVATIONS, "optimizer": settings.OPTIMIZERS,
                        "schedule": settings.SCHEDULES}.items():  # fmt: skip
        offered = page.eval_on_selector_all(f"#set-{name} option", "all => all.map((o) => o.value)")
        assert sorted(offered) == sorted(known)


def test_all_can_be_done_by_keyboard_and_every_control_has_a_name(typing):
    page = typing
    page.focus("#tab-expression")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.id") == "tab-training"
    page.wait_for_selector("#run:not([disabled])")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # Run
    page.wait_for_function("Number(document.querySelector('#figures').dataset.updates) > 2")
    page.keyboard.press("Enter")
    page.wait_for_function("document.querySelector('#training-status').textContent.startsWith('Paused')")
    nameless = page.evaluate("""() => [...document.querySelectorAll('button, input, select, textarea, canvas, iframe')]
        .filter((e) => !(e.labels?.length || e.textContent.trim() || e.title || e.getAttribute('aria-label')))
        .map((e) => e.outerHTML)""")
    assert nameless == []
    labels = page.eval_on_selector_all("progress", "all => all.map(e => e.getAttribute('aria-labelledby'))")
    assert [page.locator(f"#{label}").count() for label in labels] == [1]
    assert page.get_attribute("#training", "role") == "tabpanel"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_fits_a_phone_in_light_and_dark(opened, scheme):
    page = opened("#view=training", viewport={"width": 360, "height": 740}, color_scheme=scheme)
    page.wait_for_selector("#run:not([disabled])")
    for tab in ("training", "expression"):
        page.click(f"#tab-{tab}")
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
    back = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (back == "rgb(255, 255, 255)") is (scheme == "light")
    page.click("#tab-training")
    page.set_viewport_size({"width": 640, "height": 360})  # turned: Run and the figures would cover the pictures
    page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
    above = page.locator(".toolbar").bounding_box()
    assert above["y"] + above["height"] <= 0
    page.context.close()


def test_python_may_come_from_another_address_by_one_setting(built, serve, browser, tmp_path):
    shutil.copytree(built, tmp_path / "page", ignore=shutil.ignore_patterns("pyodide"))
    file = tmp_path / "page" / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text("utf-8")) | {"pyodide": serve(built / "pyodide")}), "utf-8")
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(serve(tmp_path / "page") + "index.html")
        page.wait_for_selector("iframe.steps", timeout=120_000)
        assert page.get_attribute("#home", "href") == "../index.html"


@pytest.mark.parametrize("fate", ["404", "aborted"])
def test_where_a_file_does_not_arrive_the_page_names_it(address, browser, fate):
    with browser.new_context() as context:
        page, slow = context.new_page(), []
        lose = {"404": lambda route: route.fulfill(status=404), "aborted": lambda route: route.abort()}
        context.route("**/python_stdlib.zip", lose[fate])
        context.route("**/pyodide.asm.wasm", lambda route: slow.append(route))
        page.goto(f"{address}index.html")
        said = re.compile("Python cannot start: .*python_stdlib.zip does not arrive")
        text = page.locator("#loading-text", has_text=said)
        text.wait_for(timeout=120_000)
        with context.expect_event("requestfinished", lambda request: request.url.endswith("pyodide.asm.wasm")):
            slow[0].continue_()
        page.wait_for_timeout(500)
        assert text.count() == 1  # no later file hides it


def test_a_server_may_call_webassembly_text(address, browser):
    with browser.new_context() as context:
        page = context.new_page()
        context.route("**/*.wasm", lambda route: route.fulfill(response=route.fetch(), content_type="text/plain"))
        page.goto(f"{address}index.html")
        page.wait_for_selector("body[data-ready=true]", timeout=120_000)


def test_opened_as_a_file_the_page_says_what_to_do(built, browser):
    with browser.new_context() as context:
        page = context.new_page()
        page.goto((built / "index.html").as_uri())
        assert "Run in its folder: python -m http.server" in page.text_content("#loading-text")
