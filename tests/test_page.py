"""The page of explain in a real browser: its numbers, keys, slider and texts, and no network access."""

import json
import re
import sys

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu.viz.layout import lay_out
from tinygrad_edu.viz.values import brief

LIMIT = 300_000  # maximal size of a page in bytes
HOSTILE = "</script><img src=x onerror='document.title=1'>{{DATA}}<!--"


@pytest.fixture
def opened(browser, tmp_path):
    """Save an explanation and open it; check that the page wrote nothing to the console and used no network."""
    said, asked, contexts = [], [], []

    def open_page(y, **options):
        path = tg.explain(y).save(tmp_path / "page.html")
        assert path.stat().st_size < LIMIT
        contexts.append(browser.new_context(**{"viewport": {"width": 1100, "height": 900}, **options}))
        page = contexts[-1].new_page()
        page.on("console", lambda m: said.append(m.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(path.as_uri())
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert said == []
    assert {url.partition(":")[0] for url in asked} <= {"file", "data"}
    assert len([url for url in asked if url.startswith("file")]) == len(contexts)


def lecture():
    a, b, c = tg.Value(2.0, label="a"), tg.Value(-3.0, label="b"), tg.Value(10.0, label="c")
    y = (a * b + c).relu() * b
    y.label = "y"
    return y


def network(rng=0):
    """Return the loss of a network with 41 parameters."""
    model = tg.nn.MLP([3, 4, 4, 1], activation="tanh", rng=rng)
    assert sum(p.size for p in model.parameters()) == 41
    x = np.random.default_rng(1).normal(size=(8, 3))
    return tg.mse_loss(model(x), x[:, :1] * x[:, 1:2])


def entries(page):
    """Return the panel of a step as {term: text}, with the full text where the shown one is shortened."""
    return page.eval_on_selector_all(
        "#numbers div",
        "all => all.map(d => [d.querySelector('dt').textContent, d.querySelector('dd').textContent, "
        "d.querySelector('[data-full]')?.dataset.full ?? null])",
    )


def place(page):
    return page.text_content("#place")


def lit(page, kind):
    return page.eval_on_selector_all(f".{kind}.lit", "all => all.map(e => e.id)")


@pytest.mark.parametrize("make", [lecture, network, lambda: np.tanh(tg.Value(0.3, label="x")) / 3])
def test_the_numbers_of_every_step_are_the_engines(opened, make):
    y = make()
    page = opened(y)
    page.click("#backward")
    for n, step in enumerate(tg.explain(y), 1):
        page.keyboard.press("ArrowRight")
        assert place(page) == f"Backward pass, step {n} of {len(tg.explain(y))}"
        shown = entries(page)
        assert shown[1][1] == step.rule
        assert shown[2][1] == (step.numbers or step.shapes or "-")
        for (term, text, full), value in zip(
            [shown[0], *shown[3:]], [step.g, step.local, step.contribution, step.total], strict=True
        ):
            assert step.node in term or step.to in term
            assert text == brief(value)
            if isinstance(value, float):
                assert float(full or text) == value
        total = page.locator("#totals tr.lit td").nth(1)
        assert total.text_content() == brief(step.total)
        assert page.locator("#totals tr.lit td").nth(2).text_content() == f"{step.number} of {step.of}"
        said = page.text_content("#says")
        assert all(words in said for words in (step.why, step.adds, step.remark))
    assert page.is_disabled("#next")


def test_both_phases_highlight_the_active_nodes(opened):
    page = opened(lecture())
    names = [r.name for r in tg.explain(lecture()).nodes]
    assert place(page) == "Forward pass, step 0 of 4"
    assert page.text_content("#node-3 .now") == "?"
    page.keyboard.press("ArrowRight")
    assert lit(page, "box") == [f"node-{names.index('v1')}"]
    assert len(lit(page, "edge")) == 2
    assert page.text_content("#node-3 .now") == "-6"
    assert entries(page)[0][1] == "v1 = a * b"
    assert entries(page)[1][1] == "2 * -3"
    page.keyboard.press("End")
    assert lit(page, "box") == [f"node-{names.index('v1')}"]
    assert lit(page, "edge") == ["edge-6"]
    assert page.locator(".box.receiving").get_attribute("id") == f"node-{names.index('b')}"
    assert page.text_content("#passed") == "-6"
    assert page.text_content(f"#node-{names.index('b')} .grad") == "grad -2"


@pytest.mark.parametrize("make", [lecture, network])
def test_the_table_the_boxes_and_the_caption_agree_in_every_step(opened, make):
    page = opened(make())
    nodes = tg.explain(make()).nodes
    page.focus(f"#node-{len(nodes) - 1}")  # the selection stays, while the steps go on
    frames = int(page.get_attribute("#slider", "max")) + 1
    for frame in range(0, frames, 1 if make is lecture else 4):
        page.fill("#slider", str(frame))
        rows = page.eval_on_selector_all("#totals tr", "all => all.map(r => [...r.cells].map(c => c.textContent))")
        boxes = page.eval_on_selector_all(".box .now", "all => all.map(e => e.textContent)")
        assert ["?" in row[1] for row in rows[::-1]] == [text == "?" for text in boxes]
        waiting = sum(bool(node.operation) for node in nodes) - frame
        assert boxes.count("?") == max(waiting, 0)
        name, value, gradient = page.text_content("#inspected").split("\n")
        assert name.startswith(nodes[-1].name)
        assert value.startswith("not computed yet" if waiting > 0 else "value ")
        assert gradient == ("gradient so far 1" if waiting < 0 else "no gradient has arrived yet")


def test_the_focus_stays_on_a_value_of_the_table_from_step_to_step(opened):
    page = opened(network())
    page.keyboard.press("End")
    row = "#totals tr:first-child .value"
    page.focus(row)
    page.keyboard.press("ArrowLeft")
    assert page.eval_on_selector(row, "e => e === document.activeElement")


def test_products_of_matrices_and_reductions_show_their_shapes(opened):
    page = opened(network())
    steps = tg.explain(network())
    (product,) = [n for n, s in enumerate(steps, 1) if s.shapes == "(3, 8) @ (8, 4) = (3, 4)"]
    page.click("#backward")
    page.fill("#slider", str(1 + len([r for r in steps.nodes if r.operation]) + product))
    assert entries(page)[2][:2] == ["with shapes", "(3, 8) @ (8, 4) = (3, 4)"]
    page.click("#forward")
    for shapes in ("(4, 3).T = (3, 4)", "(8, 3) @ (3, 4) = (8, 4)"):
        page.keyboard.press("ArrowRight")
        assert ["with shapes", shapes, None] in entries(page)
    page.click("#backward")
    page.keyboard.press("ArrowLeft")
    assert ["with shapes", "np.mean((8, 1)) = ()", None] in entries(page)


def test_keys_slider_and_buttons_lead_to_the_same_places(opened):
    page = opened(lecture())
    frames = 1 + 4 + 1 + 7
    assert page.get_attribute("#slider", "max") == str(frames - 1)
    for key, after in (("End", 12), ("ArrowLeft", 11), ("Home", 0), ("ArrowLeft", 0), ("ArrowRight", 1)):
        page.keyboard.press(key)
        assert page.input_value("#slider") == str(after)
    page.focus("#slider")
    for key, after in (("ArrowRight", 2), ("End", 12), ("Home", 0)):  # one move, not two
        page.keyboard.press(key)
        assert page.input_value("#slider") == str(after)
    page.fill("#slider", "7")
    assert place(page) == "Backward pass, step 2 of 7"
    assert page.get_attribute("#slider", "aria-valuetext") == place(page)
    for button, after in (("next", 8), ("previous", 7), ("last", 12), ("first", 0), ("backward", 5), ("forward", 0)):
        page.click(f"#{button}")
        assert page.input_value("#slider") == str(after)


def test_play_goes_on_by_itself_pauses_and_stops_at_the_end(opened):
    page = opened(lecture())
    page.clock.install()
    page.keyboard.press("Space")
    assert page.get_attribute("#play", "aria-label") == "Pause"
    page.clock.run_for(5000)
    assert page.input_value("#slider") == "3"
    page.keyboard.press("Space")
    page.clock.run_for(5000)
    assert page.input_value("#slider") == "3"
    page.click("#play")
    page.clock.run_for(60_000)
    assert page.input_value("#slider") == "12"
    assert page.text_content("#play") == "Play"


def test_a_screen_reader_is_told_each_step_and_every_control_has_a_name(opened):
    page = opened(lecture())
    page.click("#backward")
    assert "reverse topological order" in page.get_by_role("status").text_content()
    page.keyboard.press("ArrowRight")
    assert "y passes g * b = -3 on to v3." in page.get_by_role("status").text_content()
    for name in ("First step", "Previous step", "Play", "Next step", "Last step", "Forward", "Backward"):
        assert page.get_by_role("button", name=name, exact=True).is_visible()
    assert page.get_by_role("slider", name="Step").is_visible()
    assert page.get_by_role("img", name="v3 = relu(v2), value 4, gradient so far -3").is_visible()


def test_values_in_full_are_there_for_the_mouse_and_for_the_keyboard(opened):
    x = tg.Tensor(np.arange(12.0).reshape(3, 4) / 7, label="x")
    page = opened(np.sum(x * x))
    page.keyboard.press("End")
    value = page.locator("#numbers .lit .value").last
    assert "3.14285714" in value.get_attribute("aria-label")
    value.focus()
    assert "3.14285714" in value.evaluate("e => getComputedStyle(e, '::after').content")
    page.hover("#node-0")
    assert "1.57142857" in page.text_content("#inspected")
    page.focus("#node-0")
    assert "gradient so far [[0." in page.text_content("#inspected")


def test_hostile_labels_stay_text(opened):
    a, b = tg.Value(2.0, label=HOSTILE[:24]), tg.Value(3.0, label=HOSTILE[9:33])
    y = a * b
    y.label = "<b>&amp;"
    page = opened(y)
    page.keyboard.press("End")
    assert page.title() == "Backpropagation of <b>&amp;, step by step"
    assert page.text_content("#root") == "<b>&amp;"
    assert page.locator("img").count() == page.locator("main b").count() == 0
    assert HOSTILE[:24] in page.text_content("#says") + page.text_content("#totals")


def test_the_block_of_data_cannot_be_ended_by_what_is_in_it(tmp_path):
    x = tg.Value(2.0, label="</script><!--")
    text = tg.explain(x * x).save(tmp_path / "page.html").read_text("utf-8")
    (block,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', text)
    assert json.loads(block)["nodes"][0]["name"] == "</script><!--"
    assert text.count("</script>") == 2


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_shows_all_without_scrolling_sideways_and_with_contrast(opened, scheme):
    page = opened(network(), viewport={"width": 360, "height": 740}, color_scheme=scheme)
    page.keyboard.press("End")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    top = page.locator("#graph").bounding_box()["y"]
    above = page.locator(".controls").bounding_box()
    assert top - (above["y"] + above["height"]) < 20  # no white space
    page.click("#forward")
    assert page.locator("#graph").bounding_box()["y"] == top  # texts of another length do not move the graph
    for name in ("text", "quiet", "forward", "backward"):
        for ground in ("back", "panel"):
            assert contrast(page, name, ground) >= 4.5, (scheme, name, ground)
    for ground in ("leaf", "operation", "result"):
        assert contrast(page, "text", ground) >= 4.5, (scheme, ground)


def test_on_a_low_screen_the_controls_scroll_away(opened):
    page = opened(network(), viewport={"width": 640, "height": 360})
    page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
    above = page.locator(".controls").bounding_box()
    assert above["y"] + above["height"] <= 0


def contrast(page, one, other):
    """Return the WCAG contrast ratio of two colors of the page."""

    def luminance(name):
        text = page.evaluate(f"getComputedStyle(document.documentElement).getPropertyValue('--{name}')").strip()
        channels = [int(text[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted([luminance(one), luminance(other)])
    return (high + 0.05) / (low + 0.05)


def test_a_graph_of_hundreds_of_operations_stays_small_and_is_shown_around_what_is_at_work(opened):
    xs = [tg.Value(0.1 * i, label=f"x{i}") for i in range(20)]
    y = sum((a * b).tanh() for a in xs for b in xs[:6])
    assert len(tg.explain(y)) > 450
    page = opened(y, reduced_motion="reduce", viewport={"width": 360, "height": 740})
    page.click("#backward")
    for key in ("ArrowRight", "End"):
        page.keyboard.press(key)
        frame = page.locator("#graph").bounding_box()
        box = page.locator(".box.receiving").bounding_box()
        for start, length in (("x", "width"), ("y", "height")):
            assert frame[start] - 1 <= box[start]
            assert box[start] + box[length] <= frame[start] + frame[length] + 1


def test_reduced_motion_switches_animation_off(opened):
    page = opened(lecture(), reduced_motion="reduce")
    assert page.evaluate("getComputedStyle(document.querySelector('.edge')).transitionDuration") == "0s"


def test_a_notebook_shows_the_page_in_a_frame(browser):
    page = browser.new_page()
    page.set_content(tg.explain(lecture())._repr_html_())
    frame = page.frame_locator("iframe")
    frame.locator("#last").click()
    assert frame.locator("#place").text_content() == "Backward pass, step 7 of 7"
    targets = browser.new_browser_cdp_session().send("Target.getTargets")["targetInfos"]
    assert "iframe" not in {target["type"] for target in targets}  # such a frame would lose a click that comes early
    page.close()


OVERFLOWS = """() => [...document.querySelectorAll("text")].map(text => {
  const [t, group] = [text.getBBox(), text.parentNode];
  const around = [...group.querySelectorAll("polygon, path")].map(e => e.getBBox())
    .filter(e => e.y <= t.y + 3 && e.y + e.height >= t.y + t.height - 3);
  return [text.textContent, Math.min(...around.map(e => Math.max(e.x - t.x, t.x + t.width - e.x - e.width)))];
}).filter(([_, outside]) => outside > 0)"""


def test_texts_stay_in_their_boxes_and_frames_where_the_reader_has_a_wider_font(browser, monkeypatch):
    pygraphviz = pytest.importorskip("pygraphviz")

    def laid_out_in_a_narrow_font(graph, suffix):
        source = graph.source.replace("fontsize=12", "fontsize=9.5").replace('POINT-SIZE="10"', 'POINT-SIZE="8"')
        svg = pygraphviz.AGraph(string=source).draw(format=suffix, prog="dot").decode()
        return (
            svg.replace('font-size="9.50"', 'font-size="12.00"')
            .replace('font-size="8.00"', 'font-size="10.00"')
            .encode()
        )

    monkeypatch.setattr("tinygrad_edu.viz.draw.render", laid_out_in_a_narrow_font)
    x = tg.Tensor([1.0, 2.0], label="mmWW 日本 é")
    (slope,) = tg.gradients(np.tanh(x).sum(), [x], create_graph=True)
    page = browser.new_page()
    for drawing in (
        tg.draw((slope * slope).sum(), rankdir="TB"), tg.draw(network()), tg.draw(network(), depth=None, rankdir="TB"),
        tg.draw(tg.nn.Sequential(tg.nn.ReLU())(x), depth=None, legend=False),
    ):  # fmt: skip
        page.set_content(drawing._repr_svg_().partition("<svg")[2].join(["<svg", ""]))
        numbers_of_arguments = {"1", "2"}
        assert {text for text, _ in page.evaluate(OVERFLOWS)} <= numbers_of_arguments
    page.close()


def test_without_graphviz_boxes_stand_on_a_grid_and_do_not_overlap(opened, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setitem(sys.modules, "pygraphviz", None)
    page = opened(network())
    page.keyboard.press("End")
    assert place(page).startswith("Backward pass")
    sizes, edges = [(60, 40), (50, 40), (80, 40)], [(0, 2), (1, 2), (0, 2)]
    middles, paths = lay_out(sizes, edges)
    assert middles[0][0] == middles[1][0] < middles[2][0] - 60
    assert abs(middles[0][1] - middles[1][1]) > 40
    assert len(set(paths)) == 3
