# ruff: noqa: RUF001 (the symbols of the pictures)
import gc
import os
import re
import shutil
import sys
import threading
import time
import weakref
import xml.etree.ElementTree as ET
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu.viz import layout
from tinygrad_edu.viz.draw import FRAME_IN_SVG, MEANINGS, _fit_title
from tinygrad_edu.viz.layout import LayoutError, render, text_width
from tinygrad_edu.viz.styles import STYLES, legend_table

pygraphviz = pytest.importorskip("pygraphviz")
GALLERY = Path(__file__).parents[1] / "examples" / "gallery"
SVG = "{http://www.w3.org/2000/svg}"


def parse(drawing):
    return pygraphviz.AGraph(string=drawing.source)


def label(graph, node):
    return graph.get_node(node).attr["label"]


def labels(drawing):
    graph = parse(drawing)
    return [node.attr["label"] for node in graph.nodes()]


def edges(drawing):
    """Return the edges as (label of tail, label of head), in the order of the source."""
    graph = parse(drawing)
    return [(label(graph, a), label(graph, b)) for a, b in graph.edges()]


def texts(svg):
    return [text.text for text in ET.fromstring(svg).iter(f"{SVG}text")]


@pytest.fixture
def no_dot(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))


@pytest.fixture
def nothing(no_dot, monkeypatch):
    monkeypatch.setitem(sys.modules, "pygraphviz", None)


def fake_dot(monkeypatch, folder, script):
    if sys.platform == "win32":
        pytest.skip("Windows starts no scripts of the shell")
    folder.mkdir()
    (folder / "dot").write_text(f"#!/bin/sh\n{script}\n", "utf-8")
    (folder / "dot").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.defpath}")


def test_an_expression_shows_labels_values_gradients_and_symbols():
    a, b = tg.Value(2.0, label="a"), tg.Value(-3.0, label="b")
    y = a * b + 1
    y.label = "y"
    assert edges(tg.draw(y)) == [
        (r"a = 2\ngrad -3", r"×\n-6\ngrad 1"),
        (r"b = -3\ngrad 2", r"×\n-6\ngrad 1"),
        (r"×\n-6\ngrad 1", "+"),
        ("1", "+"),
        ("+", r"y = -5\ngrad 1"),
    ]
    assert repr(tg.draw(y)) == """<Drawing of Value 'y', operations: 2; .save("graph.svg") makes the picture>"""


def test_kinds_of_boxes_differ_in_color_and_leaves_from_operations_in_shape():
    x = tg.Tensor([1.0], label="x")
    y = np.exp(x * np.array([2.0]) + tg.Tensor([3.0], requires_grad=False, label="k"))
    graph = parse(tg.draw(y, gradients=False))
    looks = {
        node.attr["label"]: (
            node.attr["fillcolor"],
            "rounded" in node.attr["style"],
            "dashed" in node.attr["style"],
        )
        for node in graph.nodes()
    }
    leaf, operation, constant, result = (looks[k] for k in ("x = [1]", "exp", "k = [3]", f"[{np.exp(5):.4g}]"))
    assert len({leaf[0], operation[0], constant[0], result[0]}) == 4
    assert (leaf[1:], operation[1:], constant[1:]) == ((False, False), (True, False), (False, True))
    assert looks["[2]"] == constant


def test_large_tensors_show_shape_and_norm_of_the_gradient():
    x = tg.Tensor(np.zeros((3, 4)), label="x")
    y = (x * 2.0).sum()
    assert rf"x = array (3, 4)\ngrad norm {2 * 12**0.5:.4g}" in tg.draw(y).source
    assert "[0, 0, 0, 0, 0, 0]" in tg.draw(tg.Tensor(np.zeros(6))).source
    assert "array (7,)" in tg.draw(tg.Tensor(np.zeros(7))).source
    assert "array (0,)" in tg.draw(tg.Tensor(np.zeros(0)).sum()).source


def test_a_plus_a_has_both_edges():
    a = tg.Value(3.0, label="a")
    drawing = tg.draw(a + a)
    assert edges(drawing)[:2] == [(r"a = 3\ngrad 2", "+")] * 2
    svg = drawing._repr_svg_()
    assert svg.count('class="edge"') == 3


def test_arguments_keep_their_order_and_are_numbered_where_it_matters():
    a, b = tg.Tensor(1.0, label="a"), tg.Tensor(2.0, label="b")
    for y, order in ((a - b, ["a = 1", "b = 2"]), (b - a, ["b = 2", "a = 1"])):
        graph = parse(tg.draw(y, gradients=False))
        graph.layout("dot")
        arriving = [e for e in graph.edges() if label(graph, e[1]) == "−"]
        arriving.sort(key=lambda e: e.attr["headlabel"])
        assert [e.attr["headlabel"] for e in arriving] == ["1", "2"]
        assert [label(graph, e[0]) for e in arriving] == order
        high, low = (float(graph.get_node(e[0]).attr["pos"].split(",")[1]) for e in arriving)
        assert high > low
    for y in (a * b, np.maximum(a, b), -a):
        assert "headlabel" not in tg.draw(y).source


def test_calls_show_the_arguments_that_have_no_edge():
    x = tg.Tensor(np.ones((2, 3)), label="x")
    mask = np.array([True, False, True])
    shown = tg.draw(np.where(mask, x, 7.0)[1:, None, ..., [0, 1]].sum(axis=0, keepdims=True).reshape(2, 1)).source
    for text in (
        "where(·, ·, 7.0)",
        "[1:, None, ..., [0, 1]]",
        "sum(·, axis=0, keepdims=True)",
        "reshape(·, (2, 1))",
    ):
        assert text in shown
    assert "[True, False, True]" in shown
    assert "[:, ::2]" in tg.draw(x[:, ::2]).source
    assert "[1, [0, 2]]" in tg.draw(x[1, np.array([0, 2])]).source
    assert "[None, 0]" in tg.draw(x[None, 0]).source
    assert edges(tg.draw(x[np.array([1, 0])])) == [
        ("x = [[1, 1, 1], [1, 1, 1]]", "[[1, 0]]"),
        ("[[1, 0]]", "[[1, 1, 1], [1, 1, 1]]"),
    ]


def test_long_constants_are_shortened():
    x = tg.Tensor(np.arange(1000.0))
    drawing = tg.draw(x[list(range(500))] + np.ones(500), legend=False)
    assert max(map(len, drawing.source.splitlines())) < 250


def test_a_tensor_written_into_is_drawn_before_and_after():
    x = tg.Tensor([1.0, 2.0], label="x")
    y = x * 2
    z = y * 3
    y[0] = 5.0
    shown = labels(tg.draw(z + y))
    assert r"×\n[2, 4]" in shown
    assert any("setitem" in s and s.endswith(r"\n[5, 4]") for s in shown)
    assert r"×\n[6, 12]" in shown


@pytest.mark.parametrize(
    "hostile",
    [
        'quo"te', "<b>bold</b>", "<", "a\\nb\\N\\", '"]; evil [label="', "a & b &lt; &amp;", "日本 é 🙂 −",
        "{x|y}", "}", "\\", '\\"', "/* */ // #", "%s", "-->",
    ],
)  # fmt: skip
def test_hostile_labels_come_out_as_written_and_add_nothing(hostile, no_dot):
    plain, drawing = (tg.draw(tg.Value(1.0, label=name) + 1.0, gradients=False) for name in ("x", hostile))
    assert f"{hostile} = 1" in texts(drawing._repr_svg_())
    assert len(parse(drawing)) == len(parse(plain))
    assert drawing._repr_svg_().count('class="node"') == 4


def test_newlines_break_the_line_and_control_characters_are_spelled_out(no_dot):
    svg = tg.draw(tg.Value(1.0, label="one\ntwo\x00\x1b\t\ud800\u202e"), gradients=False, legend=False)._repr_svg_()
    assert texts(svg) == ["one", r"two\x00\x1b\t\ud800\u202e = 1"]


@pytest.mark.parametrize(
    ("suffix", "start"), [("svg", b"<?xml"), ("png", b"\x89PNG"), ("pdf", b"%PDF"), ("gv", b"dig")]
)
def test_save_writes_each_format_without_dot(suffix, start, no_dot, tmp_path):
    drawing = tg.draw(tg.Value(2.0) ** 2)
    path = drawing.save(str(tmp_path / f"graph.{suffix}"))
    assert path == tmp_path / f"graph.{suffix}"
    assert path.read_bytes().startswith(start)
    assert os.listdir(tmp_path) == [path.name]


def test_dot_on_path_comes_first_and_gets_the_source(monkeypatch, tmp_path):
    fake_dot(monkeypatch, tmp_path / "bin", f'echo "$@" > {tmp_path}/args; cat')
    drawing = tg.draw(tg.Value(2.0) ** 2)
    assert drawing.save(tmp_path / "a.svg").read_text("utf-8") == drawing.source
    assert (tmp_path / "args").read_text("utf-8") == "-Kdot -Tsvg\n"


def test_the_legend_names_the_shapes_of_which_a_sample_has_the_color_alone(no_dot):
    samples = {}
    for kind, (_, *words) in zip(MEANINGS, map(samples_of_legend, MEANINGS), strict=True):
        samples[kind] = tuple(words)
    # What is left in gray: the line, the words, and that intermediates are white.
    assert len(set(samples.values())) == len(samples) - 1
    assert samples["variable"] == samples["named"] == ("1", None, ())
    assert STYLES["named"]["fillcolor"] == "#ffffff"
    for kind, (_, _, words) in samples.items():
        plain = STYLES[kind]["shape"] == "box" and "peripheries" not in STYLES[kind]
        assert bool(words) != plain
    model = tg.nn.Linear(2, 1, rng=0)
    shown = texts(tg.draw(model(np.ones((1, 2))), depth=None)._repr_svg_())
    assert {"parameter of a module", "(double border)", "input of a module", "(arrow)"} <= set(shown)


def samples_of_legend(kind):
    """Return the color, the border, the style and the words about the shape of a kind's sample."""
    table = ET.fromstring(legend_table([kind], "LR")[1:-1])
    (cell,) = table.iter("td")
    meaning, *words = [t for t in cell.itertext() if t]
    assert meaning == MEANINGS[kind]
    return cell.get("bgcolor"), cell.get("border"), cell.get("style"), tuple(words)


def test_the_legend_is_written_as_graphviz_reads_it_in_turkish_too():
    legend = re.search(r"<<.*>>", tg.draw(tg.Value(2.0) ** 2).source)[0]
    names = {tag or attribute for tag, attribute in re.findall(r"</?(\w+)| ([\w-]+)=", legend)}
    assert names >= {"td", "width", "align"}
    assert all(name.islower() for name in names)


def test_where_dot_fails_pygraphviz_draws(monkeypatch, tmp_path):
    fake_dot(monkeypatch, tmp_path / "bin", "echo broken >&2; exit 3")
    path = tg.draw(tg.Value(2.0) ** 2).save(tmp_path / "a.png")
    assert path.read_bytes().startswith(b"\x89PNG")


def test_without_graphviz_the_error_names_both_remedies(nothing, tmp_path):
    drawing = tg.draw(tg.Value(2.0) ** 2)
    with pytest.raises(LayoutError, match=r"`dot` is on PATH.*pip install \"tinygrad-edu\[draw\]\"") as caught:
        drawing.save(tmp_path / "a.svg")
    assert len(str(caught.value).splitlines()) == 1
    for tried in ("no `dot` on PATH", "pygraphviz cannot be imported"):
        assert tried in str(caught.value)
    with pytest.warns(UserWarning, match="pip install"):  # a notebook displays the warning above the plain repr
        assert drawing._repr_svg_() is None
    assert os.listdir(tmp_path) == []
    assert drawing.save(tmp_path / "a.gv").read_text("utf-8") == drawing.source


def test_the_error_says_why_dot_failed(nothing, monkeypatch, tmp_path):
    fake_dot(monkeypatch, tmp_path / "bin", "echo no fonts today >&2; exit 3")
    with pytest.raises(LayoutError, match="no fonts today"):
        tg.draw(tg.Value(2.0) ** 2).save(tmp_path / "a.svg")


def test_a_registered_backend_lays_out_and_where_it_refuses_the_next_one_does(nothing, monkeypatch):
    asked = []

    def only_svg(source, suffix, engine):
        asked.append((suffix, engine))
        if suffix != "svg":
            raise LayoutError(f"viz.js makes no {suffix}")
        return b"<svg first></svg>"

    monkeypatch.setattr(layout, "BACKENDS", [])
    layout.register_backend(only_svg)
    drawing = tg.draw(tg.Value(2.0) ** 2)
    assert drawing._repr_svg_().endswith("first></svg>")
    with pytest.raises(LayoutError, match=r"viz[.]js makes no png; no `dot` on PATH"):
        render(drawing._graph, "png")
    layout.register_backend(lambda source, suffix, engine: source.encode())  # the latest one comes first
    assert render(drawing._graph, "png") == drawing.source.encode()
    assert asked == [("svg", "dot"), ("png", "dot")]


def test_a_failed_save_leaves_the_old_picture(nothing, tmp_path):
    old = tmp_path / "a.svg"
    old.write_text("old", "utf-8")
    with pytest.raises(LayoutError):
        tg.draw(tg.Value(2.0)).save(old)
    assert old.read_text("utf-8") == "old"
    with pytest.raises(FileNotFoundError, match=r"Drawing\.save: the folder .*nowhere does not exist; make it first"):
        tg.draw(tg.Value(2.0)).save(tmp_path / "nowhere" / "a.gv")
    (tmp_path / "folder.gv").mkdir()
    with pytest.raises(OSError, match=r"folder\.gv"):
        tg.draw(tg.Value(2.0)).save(tmp_path / "folder.gv")
    assert sorted(os.listdir(tmp_path)) == ["a.svg", "folder.gv"]


@pytest.mark.parametrize("name", ["a.jpg", "a", "svg"])
def test_unknown_suffixes_are_refused_with_the_known_ones(name, tmp_path):
    with pytest.raises(ValueError, match=r"\.gv, \.svg, \.png, \.pdf"):
        tg.draw(tg.Value(2.0)).save(tmp_path / name)


def test_labels_that_are_no_texts_are_drawn_and_explained_as_texts():
    x = tg.Tensor([1.0], label=3)
    assert "3 = [1]" in tg.draw(x.sum()).source
    assert tg.explain(x.sum())[0].to == "3"


def test_draw_refuses_other_things():
    with pytest.raises(TypeError, match="ndarray"):
        tg.draw(np.ones(3))
    with pytest.raises(ValueError, match="'UP'"):
        tg.draw(tg.Value(1.0), rankdir="UP")
    for name in ("gradients", "legend", "repeats"):
        with pytest.raises(ValueError, match=f"draw: {name} is True or False, not 'no'"):
            tg.draw(tg.Value(1.0), **{name: "no"})


def test_an_array_used_twice_is_drawn_once_and_a_number_each_time():
    x, array = tg.Tensor([1.0, 2.0], label="x"), np.array([3.0, 4.0])
    assert labels(tg.draw(x * array + array)).count("[3, 4]") == 1
    assert labels(tg.draw(x * 5.0 + 5.0)).count("5") == 2


@pytest.mark.parametrize(
    ("f", "symbol"),
    [
        (lambda x: x + x, "+"), (lambda x: x / 2, "÷"), (lambda x: x**3, "**"), (lambda x: x @ x, "@"),
        (lambda x: x % 2, "%"), (lambda x: -x, "neg"), (np.square, "x²"), (np.sqrt, "√"), (abs, "|x|"),
        (np.tanh, "tanh"), (tg.sigmoid, "sigmoid"),
    ],
)  # fmt: skip
def test_operations_show_their_symbol_or_name(f, symbol):
    assert symbol in labels(tg.draw(f(tg.Tensor([1.0, 2.0]))))


def test_constants_and_leaves_alone_can_be_drawn():
    k = tg.Tensor(1.0, requires_grad=False, label="k")
    k.grad = 5.0
    assert labels(tg.draw(k)) == ["k = 1"]
    assert "dashed" in tg.draw(k).source
    assert "x = 1" in tg.draw(tg.Tensor(1.0, label="x")).source


def test_drawing_changes_no_gradient_and_no_data():
    x = tg.Tensor([1.0, -2.0])
    y = (np.tanh(x) * x).sum()
    tg.draw(y)
    assert x.grad is None
    y.backward()
    before = x.grad.copy(), x.data.copy(), y.data.copy()
    tg.draw(y)._repr_svg_()
    for was, now in zip(before, (x.grad, x.data, y.data), strict=True):
        np.testing.assert_array_equal(was, now)


def test_boxes_have_space_for_their_text_in_a_wide_font_in_every_layout():
    x = tg.Tensor([1.0, 2.0], label="mmmmmmWWWW")
    graph = parse(tg.draw(x * tg.Tensor(3.0, label="日本日本")))
    width = {node.attr["label"].split(" ")[0]: 72 * float(node.attr["width"]) for node in graph.nodes()}
    assert width["mmmmmmWWWW"] > 12 * (6 * 0.97 + 4 * 0.99) + 12 * text_width(" = [1, 2]")
    assert width["日本日本"] > 12 * 4
    assert text_width("é") == text_width("e") < text_width("日") < text_width("🙂")
    assert text_width("ab\nabc\n") == text_width("abc")


@pytest.mark.parametrize(("title", "squeezed"), [("Linear", ""), ("AModuleOfALongName", ' textLength="84.0"')])
def test_a_title_starts_within_its_frame_and_is_squeezed_only_if_it_could_be_wider(title, squeezed):
    shape = '<path fill="#f7f7f7" d="M20,-50 120,-50 120,0"/>'
    frame = f'<g id="clust1" class="cluster">\n<title>cluster1</title>\n{shape}\n<text x="9" y="1">{title}</text>'
    start, text = FRAME_IN_SVG.sub(_fit_title, frame).split("<text ")
    assert start == frame.split("<text ")[0]
    assert text.startswith(f'text-anchor="start" x="28.00"{squeezed}')
    assert text.endswith(f'y="1">{title}</text>')


def test_thousands_of_operations_are_drawn_in_seconds(no_dot, tmp_path):
    x = y = tg.Value(1.0, label="x")
    for _ in range(2500):
        y = (y + x) * 0.5
    drawing = tg.draw(y, max_nodes=None)
    assert len(parse(drawing).edges()) == 10_001
    svg = drawing.save(tmp_path / "large.svg").read_text("utf-8")
    assert svg.count('class="node"') == 1 + 5000 + 2500 + 1


@pytest.mark.parametrize("rankdir", ["LR", "TB"])
def test_the_grid_for_large_graphs_follows_the_direction(rankdir, monkeypatch):
    monkeypatch.setattr("tinygrad_edu.viz.draw.CROSSED", 0)
    graph = parse(tg.draw(np.exp(tg.Value(1.0) + tg.Value(2.0)), rankdir=rankdir))
    x, y = zip(*(map(int, node.attr["pos"].split(",")) for node in graph.nodes()), strict=True)
    along, across = (x, y) if rankdir == "LR" else ([-v for v in y], x)
    assert sorted(set(along)) == sorted(along[i] for i in range(5) if i != 1)
    assert along[0] == along[1] == 0
    assert graph.graph_attr["layout"] == "nop"  # the boxes already have positions
    monkeypatch.undo()
    assert "layout" not in tg.draw(np.exp(tg.Value(1.0)), rankdir=rankdir).source
    assert across[0] != across[1]


def outlines(svg):
    """Return the left, top, right and bottom of each box, by its text."""
    found = {}
    for group in ET.fromstring(svg).iter(f"{SVG}g"):
        if group.get("class") == "node":
            corners = " ".join(part.get("points") or part.get("d") or "" for part in group)
            xs, ys = zip(*re.findall(r"(-?[\d.]+),(-?[\d.]+)", corners), strict=True)
            xs, ys = [*map(float, xs)], [*map(float, ys)]
            found["\n".join(t.text for t in group.iter(f"{SVG}text"))] = min(xs), min(ys), max(xs), max(ys)
    return found


@pytest.mark.parametrize("rankdir", ["LR", "TB"])
def test_boxes_of_any_size_do_not_overlap_in_the_grid(rankdir, monkeypatch, no_dot):
    monkeypatch.setattr("tinygrad_edu.viz.draw.CROSSED", 0)
    model = tg.nn.Linear(3, 2, rng=0)
    x = tg.Tensor(np.arange(6.0).reshape(2, 3) / 7, label="a long name, " * 9)
    tall = tg.Tensor(2.0, label="\n".join("lines"))
    y = np.tanh(model(x) * tall) + tall * [[0.0123456], [1.23456]]
    (g,) = tg.gradients((y * y).sum(), [x], create_graph=True)
    boxes = outlines(tg.draw([y, g], rankdir=rankdir)._repr_svg_())
    assert len(boxes) >= 20
    for text, (left, top, right, bottom) in boxes.items():
        for other, (left2, top2, right2, bottom2) in boxes.items():
            assert text == other or left >= right2 or left2 >= right or top >= bottom2 or top2 >= bottom, (text, other)


def test_no_box_covers_the_number_of_an_argument(no_dot):
    model = tg.nn.Linear(2, 1, rng=0)
    groups = [
        g.get("class") for g in ET.fromstring(tg.draw(model(np.ones((1, 2))), depth=None)._repr_svg_()).iter(f"{SVG}g")
    ]
    assert "node" not in groups[groups.index("edge") :]


@pytest.mark.skipif(not shutil.which("dot"), reason="no Graphviz on this machine")
def test_the_real_dot_draws(tmp_path):
    assert b"<svg" in render(tg.draw(tg.Value(2.0) ** 2)._graph, "svg")


def kinds(drawing):
    """Return the number of boxes of each kind."""
    graph = parse(drawing)
    return Counter(str(node).rstrip("0123456789") for node in graph.nodes())


def frames(drawing):
    return re.findall(r'subgraph cluster\d+ {\s+.*?label="(.*?)"', drawing.source)


def network(sizes=(4, 3, 2)):
    model = tg.nn.MLP(list(sizes), rng=0)
    return model, model(np.ones((5, sizes[0])))


def test_gradients_are_shown_without_backward_and_touch_none():
    x = tg.Tensor([1.0, 2.0], label="x")
    y = (x * x).sum()
    assert r"x = [1, 2]\ngrad [2, 4]" in tg.draw(y).source
    assert x.grad is None
    x.grad = np.array([7.0, 7.0])
    y.backward(retain_graph=True)
    assert r"grad [2, 4]" in tg.draw(y).source
    np.testing.assert_array_equal(x.grad, [9, 11])
    for none in (tg.draw(y, gradients=False), tg.draw(x * x), tg.draw([y, x * x]), tg.draw(y * 1j)):
        assert "grad" not in none.source.replace("takes a gradient", "")


def test_layers_are_boxes_in_the_frame_of_their_network_with_their_parameters_inside():
    model, y = network()
    drawing = tg.draw(y.sum())
    assert kinds(drawing) == {"input": 1, "module": 3, "operation": 1, "result": 1}
    assert frames(drawing) == ["MLP(4 -> 3 -> 2), 23 parameters"]
    shown = labels(drawing)
    assert r"Linear(4 -> 3)\n15 parameters\narray (5, 3)\ngrad norm" in " ".join(shown)
    assert {(a.split(r"\n")[0], b.split(r"\n")[0]) for a, b in edges(drawing)} == {
        ("array (5, 4)", "Linear(4 -> 3)"),
        ("Linear(4 -> 3)", "ReLU()"),
        ("ReLU()", "Linear(3 -> 2)"),
        ("Linear(3 -> 2)", "sum"),
        ("sum", f"{y.sum().item():.4g}"),
    }
    assert "0.weight: array (3, 4)" in drawing._repr_svg_()  # the tooltip of the layer
    assert model.layers[0].weight.grad is None


@pytest.mark.parametrize(
    ("depth", "modules", "framed"), [(0, 1, 0), (1, 3, 1), (2, 0, 4), (7, 0, 4), (None, 0, 4), ("layers", 3, 1)]
)
def test_depth_says_how_many_levels_of_modules_are_opened(depth, modules, framed):
    _, y = network()
    drawing = tg.draw(y.sum(), depth=depth)
    assert kinds(drawing)["module"] == modules
    assert len(frames(drawing)) == framed
    assert kinds(drawing)["parameter"] == (0 if modules else 4)
    assert kinds(drawing)["operation"] == (1 if modules else 8)
    assert kinds(drawing)["input"] == 1


def test_parameters_inputs_variables_and_constants_are_told_apart():
    layer = tg.nn.Linear(2, 2, rng=0)
    x, v = tg.Tensor(np.ones((1, 2)), label="x"), tg.Tensor(np.ones(2), label="v")
    drawing = tg.draw((layer(x) * v * 2.0).sum(), depth=None)
    assert kinds(drawing) == {"input": 1, "parameter": 2, "variable": 1, "constant": 1, "operation": 6, "result": 1}
    graph = parse(drawing)
    looks = {
        tuple(node.attr[k] for k in ("shape", "style", "peripheries"))
        for node in graph.nodes()
        if not node.startswith(("operation", "result"))
    }
    assert len(looks) == 4  # not counting their colors
    assert [s for s in texts(drawing._repr_svg_()) if s in MEANINGS.values()] == [
        MEANINGS[k] for k in ("variable", "parameter", "input", "constant", "operation", "result")
    ]
    assert not set(MEANINGS.values()) & set(texts(tg.draw(x * v, legend=False)._repr_svg_()))


def test_parameters_without_a_label_have_the_names_that_their_module_knows():
    class Scaled(tg.nn.Module):
        def __init__(self):
            self.inner = tg.nn.Linear(2, 1, rng=0)
            self.scales = [tg.Tensor(1.5), tg.Tensor(2.5, label="second")]

        def forward(self, x):
            return self.inner(x) * self.scales[0] + self.scales[1]

    model = Scaled()
    drawing = tg.draw(model(np.ones((1, 2))).sum(), gradients=False)
    assert {"scales.0 = 1.5", "second = 2.5"} <= set(labels(drawing))
    assert "scales.0\n1.5" in drawing._tooltips.values()
    y = model(np.ones((1, 2)))
    del model
    gc.collect()
    assert "1.5" in labels(tg.draw(y, gradients=False))  # nobody knows its name any more


def test_numbers_of_few_digits_are_not_rounded():
    shown = labels(tg.draw((tg.Value(12345.0) * 1.0001 + 1e-5) * 0.1234567, gradients=False))
    assert shown[:2] == ["12345", "1.0001"]
    assert {"1e-05", "0.1235"} <= set(shown)
    assert labels(tg.draw(tg.Value(-1234.56), gradients=False)) == ["-1234.56"]  # a sign is no digit
    assert "[10001, -1.25, 1.235e+05]" in labels(tg.draw(tg.Tensor([10001.0, -1.25, 123456.78])))
    assert "[1000.5, 0.1, nan]" in labels(tg.draw(tg.Tensor(np.float32([1000.5, 0.1, np.nan]))))
    assert "= 24691, steps" in str(tg.explain(tg.Value(12345.5) * 2))


def test_a_labeled_output_and_a_residual_connection_pass_a_closed_module():
    class Block(tg.nn.Module):
        def __init__(self):
            self.inner = tg.nn.Linear(2, 2, rng=0)

        def forward(self, x):
            return x + self.inner(x)

    block = Block()
    h = block(np.ones((1, 2)))
    h.label = "h"
    drawing = tg.draw(h.sum(), depth=0)
    assert kinds(drawing) == {"input": 1, "module": 1, "named": 1, "result": 1, "operation": 1}
    assert kinds(tg.draw(h.sum())) == {"input": 1, "module": 1, "named": 1, "result": 1, "operation": 2}
    assert frames(tg.draw(h.sum())) == ["Block(), 6 parameters"]


def test_a_module_called_twice_is_numbered_and_keeps_its_parameters_within():
    layer = tg.nn.Linear(2, 2, rng=0)
    drawing = tg.draw(layer(layer(np.ones((1, 2)))).sum())
    assert kinds(drawing) == {"input": 1, "module": 2, "operation": 1, "result": 1}
    assert [s for label in labels(drawing) for s in label.split(r"\n") if "call" in s] == ["call 1 of 2", "call 2 of 2"]
    used = tg.draw(layer(np.ones((1, 2))).sum() + layer.weight.sum())
    assert kinds(used)["parameter"] == 1  # the parameter that is also used outside the module


def test_modules_with_several_outputs_that_are_gone_or_were_written_into_are_drawn():
    class Pair(tg.nn.Module):
        def forward(self, x):
            return {"a": x * 2, "b": [x * 3]}

    class Written(tg.nn.Module):
        def __init__(self):
            self.inner = tg.nn.Linear(2, 2, rng=0)

        def forward(self, x):
            y = self.inner(x)
            y[0] = 5.0
            return y

    pair, x = Pair(), tg.Tensor([1.0, 2.0], label="x")
    out = pair(x)
    assert kinds(tg.draw(out["a"] - out["b"][0])) == {"input": 1, "module": 1, "operation": 1, "result": 1}
    gone = tg.nn.Linear(2, 2, rng=0)(x)
    assert "Linear" in labels(tg.draw(gone))
    written = Written()
    drawing = tg.draw(written(x).sum())
    assert kinds(drawing) == {"input": 1, "module": 1, "operation": 2, "result": 1}
    assert frames(drawing) == ["Written(), 6 parameters"]
    y = pair(x)["a"]
    y[0] = 5.0
    assert kinds(tg.draw(y * 1.0)) == {"input": 1, "constant": 1, "module": 1, "operation": 2, "result": 1}


def test_drawing_keeps_no_module_or_tensor_alive():
    gc.collect()
    gc.disable()
    try:
        model = tg.nn.MLP([2, 3, 1], rng=0)
        model.last = model(np.ones((4, 2)))  # the module itself holds it
        loss = tg.mse_loss(model.last, np.zeros((4, 1)))
        tg.draw(loss)
        loss.backward()
        tg.gradients(loss, model.parameters(), create_graph=True)
        alive = [weakref.ref(model), weakref.ref(loss), weakref.ref(model.last)]
        del model, loss
        assert [a() for a in alive] == [None] * 3
    finally:
        gc.enable()


def test_the_graph_of_a_derivative_has_two_colors():
    x = tg.Tensor([0.5, 1.0], label="x")
    y = (np.tanh(x) * x).sum()
    (g,) = tg.gradients(y, [x], create_graph=True)
    assert kinds(tg.draw(y))["backward"] == 0
    both = kinds(tg.draw([y, g]))
    assert both["operation"] == kinds(tg.draw(y))["operation"] == 3
    assert both["backward"] > 3
    assert both["result"] == 2
    assert both["variable"] == 1  # shared by both roots
    later = tg.draw((g * g).sum())
    assert kinds(later)["operation"] == 1 + 1 + 1  # tanh, and the two operations on the gradient
    graph = parse(later)
    fills = {n.attr["fillcolor"] for n in graph.nodes() if n.startswith(("operation", "backward"))}
    assert len(fills) == 2
    assert "backward pass" in texts(later._repr_svg_())


def test_a_networks_derivative_can_be_drawn():
    model, y = network()
    loss = (y * y).mean()
    drawing = tg.draw([loss, *tg.gradients(loss, model.parameters(), create_graph=True)])
    assert kinds(drawing)["module"] == 3
    assert kinds(drawing)["result"] == 5
    assert frames(drawing) == ["MLP(4 -> 3 -> 2), 23 parameters"]


def chain():
    y = tg.Value(1.0, label="x")
    for _ in range(10_000):
        y = y * 1.0001
    return y


def wide():
    x = tg.Tensor(1.0, label="x")
    return np.stack([x * float(i) for i in range(10_000)]).sum()


def leaves():
    return np.stack([tg.Tensor(float(i)) for i in range(10_000)]).sum()


@pytest.mark.parametrize("make", [chain, wide, leaves])
def test_ten_thousand_nodes_are_folded_with_a_note_in_under_ten_seconds(make, no_dot):
    start = time.process_time()
    y = make()
    made = time.process_time()
    drawing = tg.draw(y)
    svg = drawing._repr_svg_()
    assert time.process_time() - made < max(10, 60 * (made - start))  # a slow machine is slow to make the nodes too
    assert 150 <= svg.count('class="node"') <= 200
    (note,) = [s for s in texts(svg) if "folded" in s]
    assert "max_nodes=None shows all" in svg
    shown = kinds(drawing)
    operations = int(repr(drawing).split("operations: ")[1].split(";")[0])
    hidden = int(re.search(r"([\d,]+) operations", note)[1].replace(",", "")) if make is not leaves else 0
    if make is not leaves:
        assert hidden + shown["operation"] == operations >= 10_000
    if make is chain:
        assert "x = 1\\n" in drawing.source
        assert f"{y.data:.4g}\\n" in drawing.source


def test_the_arguments_in_the_middle_of_a_long_list_are_folded():
    y = np.concatenate([tg.Tensor([float(i)], label=f"x{i}") for i in range(200)])
    drawing = tg.draw(y.sum(), max_nodes=20)
    counts = kinds(drawing)
    assert sum(counts.values()) == 20
    assert counts["folded"] == 1
    assert "184 leaves" in drawing.source
    assert "x0 =" in drawing.source
    assert "x199 =" in drawing.source


def test_max_nodes_none_folds_nothing_and_few_nodes_are_not_folded():
    x = y = tg.Value(1.0)
    for _ in range(30):
        y = y + x
    assert kinds(tg.draw(y, max_nodes=32)) == {"variable": 1, "operation": 30, "result": 1}
    assert kinds(tg.draw(y, max_nodes=None)) == kinds(tg.draw(y, max_nodes=32))
    folded = kinds(tg.draw(y, max_nodes=20))
    assert folded["folded"] == 1
    assert sum(folded.values()) <= 20


def test_long_texts_are_cut_short(no_dot):
    y = tg.Value(1.0, label="long " * 10_000 + "\n" * 10_000 + "end") + 1.0
    assert len(tg.draw(y).source) < 5000
    assert "<svg" in tg.draw(y)._repr_svg_()


def test_the_svg_has_a_name_and_titles_with_full_values(no_dot):
    x = tg.Tensor(np.arange(12.0), label='<x> & "y"')
    svg = ET.fromstring(tg.draw((x * x).sum())._repr_svg_())
    assert svg.get("role") == "img"
    assert svg.get("aria-label") == "Graph of Tensor, operations: 2"
    titles = [t.text for t in svg.iter(f"{SVG}title")]
    assert len(titles) == 4  # one for each box
    assert titles[0].startswith('<x> & "y"\nfloat64 (12,)\n[ 0.,  1.,')
    assert "gradient [ 0.,  2.," in titles[0]
    assert titles[1].startswith("np.multiply")


def test_show_opens_a_browser_without_waiting_and_returns_the_path(monkeypatch, no_dot):
    opened, closed, ended = [], threading.Event(), threading.Event()

    def browser(uri):
        opened.append((uri, closed.wait(60)))
        ended.set()

    monkeypatch.setattr("webbrowser.open", browser)
    path = tg.draw(tg.Value(2.0) ** 2).show()
    closed.set()
    assert ended.wait(60)
    assert opened == [(path.as_uri(), True)]  # True: the browser was still open when `show` returned
    assert "<svg" in path.read_text("utf-8")
    shutil.rmtree(path.parent)


def test_errors_of_draw_name_what_to_do():
    x = tg.Tensor([1.0, 2.0], label="x")
    y = (x * x).sum()
    with pytest.raises(TypeError, match=r"not an MLP; draw what it computes, as model\(x\)"):
        tg.draw(tg.nn.MLP([2, 1]))
    with pytest.raises(TypeError, match=r"not an ndarray; .*create_graph=True"):
        tg.draw(tg.gradients(y, [x]))
    with pytest.raises(ValueError, match="list is empty"):
        tg.draw([])
    for depth in (-1, True, "all", 1.0):
        with pytest.raises(ValueError, match=r"depth is .layers., None .* or a number"):
            tg.draw(y, depth=depth)
    for most in (0, 9, "many", True):
        with pytest.raises(ValueError, match="max_nodes is a number of boxes from 10"):
            tg.draw(y, max_nodes=most)
    y.label = "y"
    y.backward(retain_graph=False)
    with pytest.raises(ValueError, match=r"^draw: the graph behind Tensor 'y' was freed by backward\(retain_graph=Fal"):
        tg.draw(y)
    with pytest.raises(ValueError, match=r"^draw: the graph behind Tensor 'y' was freed by"):
        tg.draw([x * 2, y])


def test_numbers_of_numpy_are_numbers_of_levels_and_boxes():
    y = tg.Tensor(1.0)
    for _ in range(20):
        y = np.tanh(y)
    assert tg.draw(y, max_nodes=np.int64(10)).source == tg.draw(y, max_nodes=10).source
    y = tg.nn.Linear(2, 1, rng=0)(np.ones((1, 2)))
    assert tg.draw(y, depth=np.int64(1)).source == tg.draw(y, depth=1).source != tg.draw(y, depth=0).source


@pytest.mark.parametrize("see", [tg.draw, tg.explain])
def test_within_vmap_and_jit_the_error_says_that_there_is_nothing_to_see(see):
    def f(x):
        y = np.sum(x * x)
        see(y)
        return y

    x = np.ones((3, 2))
    for run in (tg.vmap(f), tg.vmap(tg.grad(f)), tg.jit(f), tg.jit(tg.grad(f))):
        with pytest.raises(TypeError, match=rf"^{see.__name__}: within vmap and jit, an array has no numbers of its"):
            run(x)
        with pytest.raises(TypeError, match=rf"^{see.__name__}: within vmap and jit"):
            run(tg.Tensor(x))


def test_what_forward_mode_computed_is_a_leaf_when_it_has_ended():
    computed = []

    def f(x):
        y = np.sin(x) * x
        y.label = "y"
        computed.append(y)
        return y

    tg.jvp(f, [2.0], [1.0])
    (y,) = computed
    assert kinds(tg.draw(y)) == {"variable": 1}
    assert labels(tg.draw(y * 3.0)) == [r"y = 1.819\ngrad 3", "3", "×", r"5.456\ngrad 1"]
    assert kinds(tg.draw([y, y * 3.0])) == {"variable": 1, "constant": 1, "operation": 1, "result": 1}
    (step,) = tg.explain(y * 3.0)
    assert (step.to, step.numbers, step.contribution) == ("y", "1 * 3.0", 3.0)


def test_a_function_may_draw_and_explain_what_it_computes_also_in_forward_mode():
    shown = []

    def f(x):
        y = np.sum(x * x)
        shown.append((tg.draw(y).source, str(tg.explain(y))))
        return y

    f(tg.Tensor([1.0, 2.0]))
    value, slope = tg.jvp(f, [np.array([1.0, 2.0])], [np.array([1.0, 0.0])])
    assert (float(value), float(slope), shown[-1]) == (5.0, 2.0, shown[0])
    np.testing.assert_array_equal(tg.jacobian(f, mode="forward")(np.array([1.0, 2.0])), [2.0, 4.0])


@pytest.mark.parametrize("picture", ["graph", "network"])
def test_the_gallery_has_the_pictures_that_the_readme_draws(picture, tmp_path, monkeypatch, no_dot):
    readme = (GALLERY.parents[1] / "README.md").read_text("utf-8")
    blocks = re.findall(r"```python\n(.*?)```", readme, re.DOTALL)
    (drawing,) = [n for n, block in enumerate(blocks) if f'save("{picture}.svg")' in block]
    monkeypatch.chdir(tmp_path)
    names = {}
    for block in [blocks[0], *[b for b in blocks[1 : drawing + 1] if "tg.Value" in b or b is blocks[drawing]]]:
        exec(compile(block, "README.md", "exec"), names)
    shown, kept = ((folder / f"{picture}.svg").read_text("utf-8") for folder in (tmp_path, GALLERY))
    assert sorted(texts(shown)) == sorted(texts(kept))
    assert len(kept) < 60_000


def test_the_readmes_first_picture_is_of_its_first_code(no_dot):
    code = re.search(r"```python\n(.*?)```", (GALLERY.parents[1] / "README.md").read_text("utf-8"), re.DOTALL)[1]
    names = {}
    exec(compile(code, "README.md", "exec"), names)
    x = names["x"]
    np.testing.assert_allclose(x.grad, np.sin(x.data) + np.cos(x.data) * x.data)
    kept = (GALLERY / "first.svg").read_text("utf-8")
    assert sorted(texts(tg.draw(names["y"])._repr_svg_())) == sorted(texts(kept))
