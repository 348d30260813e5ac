import numpy as np
import pytest


def test_grad_is_the_chain_rule_by_hand(lesson):
    variables = lesson("scalar_backprop")
    w1, x1, w2, x2, b = variables["INPUTS"].values()
    out = np.tanh(w1 * x1 + w2 * x2 + b)
    s = 2 * (out - 1) * (1 - out**2)
    expected = {"w1": s * x1 + 0.2 * w1, "x1": s * w1, "w2": s * x2, "x2": s * w2, "b": s}
    assert variables["by_hand"] == pytest.approx(expected, rel=1e-12)
    assert variables["grad_error"] < 1e-14


def test_finite_differences_come_close_and_have_a_best_step(lesson):
    variables = lesson("scalar_backprop")
    assert min(variables["errors"]) < 1e-9
    assert 1e-7 < variables["best_step"] < 1e-4
    assert variables["errors"][0] > 1e4 * min(variables["errors"]) < 1e-4 * variables["errors"][-1]


def test_the_reused_weight_gets_two_contributions_that_add_up(lesson):
    variables = lesson("scalar_backprop")
    steps = [step for step in variables["explanation"] if step.to == "w1"]
    assert [(step.number, step.of) for step in steps] == [(1, 2), (2, 2)]
    assert steps[-1].total == pytest.approx(variables["by_hand"]["w1"], rel=1e-12)


def test_steps_against_the_gradient_lower_the_loss_each_time(lesson):
    losses = lesson("scalar_backprop")["losses"]
    assert all(np.diff(losses) < 0)
    assert losses[0] == pytest.approx(1.6925, abs=5e-5)
    assert losses[-1] == pytest.approx(0.0730, abs=5e-5)


def test_the_graph_and_the_page_are_saved(lesson):
    output = lesson("scalar_backprop")["OUTPUT"]
    drawn = ["scalar_backprop.html", "scalar_differences.png", "scalar_graph.png", "scalar_graph.svg"]
    assert sorted(path.name for path in output.iterdir()) == drawn
    svg = (output / "scalar_graph.svg").read_text(encoding="utf-8")
    for text in ("w1 = 0.5", "tanh", "penalty", "loss = 1.692"):
        assert text in svg
