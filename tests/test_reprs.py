"""What objects print and notebooks show: the main facts on one screen, with all text escaped."""

import re
from xml.etree import ElementTree

import numpy as np
import pytest

import tinygrad_edu as tg

HOSTILE = "<script>alert('x')</script> & \"y\""


def page(x):
    """Return the HTML of x, after a check that it is well formed."""
    return ElementTree.fromstring(f"<div>{x._repr_html_()}</div>")


def rows(x):
    return [[cell.text or "" for cell in row] for row in page(x).iter("tr")]


def said(x):
    return "".join(page(x).itertext())


def test_a_tensor_tells_its_gradient_and_how_it_was_made():
    x = tg.Tensor([[1.0, 2.0], [3.0, 4.0]], label="x")
    y = np.sum(x * x)
    assert repr(y) == "Tensor(30., fun=np.sum)"
    y.backward()
    assert repr(x) == "Tensor([[1., 2.],\n        [3., 4.]], label='x', grad=[[2., 4.], [6., 8.]])"
    wide = tg.Tensor(np.ones(10))
    np.sum(3 * wide).backward()
    assert repr(wide).endswith("grad of norm 9.487)")
    assert repr(tg.Tensor(np.ones((0, 3)))) == "Tensor([], shape=(0, 3))"


def test_a_large_tensor_is_summed_up_with_what_is_not_finite():
    x = tg.Tensor(np.append(np.arange(999.0), np.nan).reshape(10, 100), label="x", dtype=np.float32)
    assert repr(x) == "Tensor(shape=(10, 100), min 0, mean 499, max 998, 1 not finite, label='x', dtype=float32)"
    assert repr(tg.Tensor(np.full(101, np.inf))) == "Tensor(shape=(101,), 101 not finite)"
    assert "\n" not in repr(tg.Tensor(np.ones((90, 1))))  # few numbers, but many lines


def test_a_tensor_prints_while_jit_records(capsys):
    tg.jit(lambda x: print(repr(x * 2)) or np.sum(x * x))(tg.Tensor([1.0, 2.0]))
    assert "2., 4." in capsys.readouterr().out


def test_a_value_tells_how_it_was_made():
    a = tg.Value(2.0, label="a")
    assert repr(a * 3) == "Value(data=6.0, grad=0.0, fun=np.multiply)"


def test_notebooks_show_a_matrix_as_a_table_that_leaves_out_its_middle():
    assert rows(tg.Tensor([[1.0, 2.0], [3.0, 4.5]])) == [["", "0", "1"], ["0", "1", "2"], ["1", "3", "4.5"]]
    table = rows(tg.Tensor(np.arange(2000.0).reshape(20, 100)))
    assert table[0] == ["", "0", "1", "2", "3", "…", "97", "98", "99"]
    assert [row[0] for row in table[1:]] == ["0", "1", "2", "3", "…", "17", "18", "19"]
    assert table[-1][-1] == "1999"
    assert set(table[5][1:]) == {"…"}
    assert "[1., 2.]" in said(tg.Tensor([1.0, 2.0]))


def test_notebooks_show_a_models_layers():
    assert rows(tg.nn.MLP([2, 16, 1])) == [
        ["name", "module, in training mode", "shapes", "parameters"],
        ["", "MLP(2 -> 16 -> 1)", "", "65"],
        ["0", "Linear(2 -> 16)", "weight (16, 2), bias (16,)", "48"],
        ["1", "ReLU()", "", ""],
        ["2", "Linear(16 -> 1)", "weight (1, 16), bias (1,)", "17"],
    ]


def test_notebooks_show_tensors_beside_layers_and_subtotals():
    model = tg.nn.Module()
    model.scale, model.inner = tg.Tensor(np.ones(5)), tg.nn.Sequential(tg.nn.Linear(2, 1))
    assert rows(model)[1:] == [
        ["", "Module()", "", "8"],
        ["scale", "Tensor (5,)", "", "5"],
        ["inner", "Sequential()", "", "(3)"],
        ["inner.0", "Linear(2 -> 1)", "weight (1, 2), bias (1,)", "3"],
    ]
    assert rows(model.inner[0])[1:] == [["", "Linear(2 -> 1)", "weight (1, 2), bias (1,)", "3"]]


def test_a_deep_model_prints_on_one_screen_with_its_first_and_last_layers():
    lines = repr(tg.nn.Sequential(*[tg.nn.Linear(2, 2, rng=0) for _ in range(99)])).splitlines()
    assert len(lines) == 40
    assert [line.split()[0] for line in lines[19:22]] == ["18", "...", "80"]
    assert lines[20] == "  ... 61 more; print(model.summary()) shows all"
    assert len(repr(tg.nn.Sequential(*[tg.nn.ReLU() for _ in range(39)])).splitlines()) == 40


def test_an_optimizer_tells_its_settings_without_those_that_are_off():
    x = [tg.Tensor(np.ones((3, 4))), tg.Tensor(np.ones(3))]
    sgd = tg.optim.SGD(x, lr=0.1, momentum=0.9)
    assert repr(sgd) == "SGD(lr=0.1, momentum=0.9, 2 parameters of 15 numbers, 0 steps taken)"
    assert repr(tg.optim.Adam(x, lr=0)).startswith("Adam(lr=0, betas=(0.9, 0.999), eps=1e-08, 2 ")
    sgd.minimize(np.sum(x[0]) + np.sum(x[1]))
    assert rows(sgd)[:3] == [["SGD", ""], ["lr", "0.1"], ["momentum", "0.9"]]
    assert rows(sgd)[-1] == ["steps taken", "1"]


def test_an_optimizer_with_many_groups_tells_the_first_learning_rates_and_the_last():
    x = [tg.Tensor(np.ones(2)) for _ in range(40)]
    adam = tg.optim.Adam([{"params": [p], "lr": 0.1 * 0.9**i} for i, p in enumerate(x)], betas=(0.9, 0.99))
    assert repr(adam).startswith("Adam(lr=(0.1, 0.09, 0.081, ..., 0.00164232), betas=(0.9, 0.99), eps=1e-08, 40 ")
    assert rows(adam)[1] == ["lr", "(0.1, 0.09, 0.081, ..., 0.00164232)"]
    assert repr(adam.param_groups[3]) == "Group(lr=0.0729, betas=(0.9, 0.99), eps=1e-08, 1 parameter)"


def test_an_optimizer_names_the_parameters_of_which_no_step_has_found_a_gradient():
    x = [tg.Tensor([1.0], label=label) for label in "abcde"]
    sgd = tg.optim.SGD(x[:2], lr=0.1)
    assert repr(sgd).endswith(" 0 steps taken)")
    for loss in (x[0], x[0], x[1]):
        before = repr(sgd)
        sgd.minimize(loss**2)
    assert before.endswith(" 2 steps taken; no gradient so far: parameter 1 'b' of shape (1,))")
    assert repr(sgd).endswith(" 3 steps taken)")
    sgd.add_param_group({"params": x[2:]})
    assert rows(sgd)[-1][1].endswith("parameter 4 'e' of shape (1,)")
    adam = tg.optim.Adam([tg.Tensor(0.0) for _ in range(6)], lr=0.1)
    adam.minimize(adam.params[3] ** 2)
    assert repr(adam).endswith("parameter 0 of shape (), parameter 1 of shape (), parameter 2 of shape () and 2 more)")


def test_one_of_a_kind_has_no_plural():
    x = tg.Tensor([1.0])
    sgd = tg.optim.SGD([x], lr=0.1)
    sgd.minimize(x * x)
    assert repr(sgd) == "SGD(lr=0.1, 1 parameter of 1 number, 1 step taken)"
    assert repr(sgd.param_groups[0]) == "Group(lr=0.1, 1 parameter)"
    assert repr(tg.History([2.0], [], [0.1], [0.5])).startswith("History(1 epoch, ")
    one = tg.nn.Linear(1, 1, bias=False)
    assert repr(one) == "Linear(1 -> 1, bias=False)  1 parameter"
    assert repr(one.summary()) == "<Summary: 1 parameter, 8 bytes>"
    assert "1 parameters" not in tg.draw(one(np.ones((1, 1)))).source


HISTORY = tg.History([2.0, 1.0, 0.5], [3.0, 1.25, 1.5], [0.1] * 3, [0.5] * 3, "patience", 2)


def test_notebooks_show_a_history_with_its_curves_and_table():
    assert said(HISTORY).startswith(repr(HISTORY))
    assert rows(HISTORY)[0] == ["epoch", "train loss", "valid loss", "lr", "seconds"]
    assert rows(HISTORY)[3] == ["3", "0.5", "1.5", "0.1", "1.500"]
    curves = [p.get("points") for p in page(HISTORY).iter("{http://www.w3.org/2000/svg}polyline")]
    points = [[tuple(map(float, point.split(","))) for point in curve.split()] for curve in curves]
    assert [[x for x, _ in curve] for curve in points] == [[60, 240, 420]] * 2
    heights = np.array(points)[..., 1]
    np.testing.assert_allclose(heights.min(), 2)  # the highest loss, 3, at the top, and 0.5 at the bottom
    assert heights.argmin() == 3
    assert heights.argmax() == 2


def test_a_long_history_stays_small_and_odd_ones_are_shown_too():
    assert len(tg.History([1.0] * 100_000, [], [0.1] * 100_000, [0.0] * 100_000)._repr_html_()) < 20_000
    for losses in ([], [1.0], [1.0, 0.0], [2.0, np.nan, 1.0], [np.inf, np.inf]):
        assert page(tg.History(losses, [], [0.1] * len(losses), [0.1] * len(losses))) is not None


def test_notebooks_show_what_jit_made_of_a_function():
    @tg.jit
    def square(x):
        return np.sum(x * x)

    assert "call the function" in said(square)
    square(np.ones(3))
    assert rows(square)[:2] == [["latest recording", ""], ["calls recorded", "2"]]
    (details,) = page(square).iter("details")
    assert square.source in "".join(details.itertext())


class Named(tg.nn.Module):
    def __init__(self):
        self.parts = {HOSTILE: tg.nn.ReLU(), "w": {HOSTILE: tg.Tensor(1.0)}}

    def describe(self):
        return HOSTILE


def hostile_function(x):
    return np.sum(x)


hostile_function.__name__ = HOSTILE


@pytest.mark.parametrize(
    "x",
    [
        tg.Tensor([1.0], label=HOSTILE),
        Named(),
        type(HOSTILE, (tg.optim.SGD,), {})([tg.Tensor(1.0)], lr=1),
        tg.History([1.0], [], [0.1], [0.1], HOSTILE),
        tg.jit(hostile_function),
    ],
    ids=lambda x: type(x).__name__[:9],
)
def test_hostile_names_stay_text(x):
    assert HOSTILE in said(x).replace("\\'", "'")
    assert not re.search("<script", x._repr_html_())
