import numpy as np
import pytest


def test_the_low_rate_is_slow_the_right_one_converges_and_the_high_one_diverges(lesson):
    variables = lesson("learning_rates")
    slow, right, diverging = (variables["runs"][name] for name in ("too slow", "right", "diverging"))
    assert slow[0] == right[0] == diverging[0] == pytest.approx(np.var(variables["y"]), rel=1e-12)
    assert variables["least"] < right[-1] < 1.02 * variables["least"]
    assert (np.diff(right) < 0).all()
    assert (np.diff(slow) < 0).all()
    assert slow[-1] > 1.3 * right[-1]
    assert (np.diff(diverging[5:]) > 0).all()
    assert diverging[-1] > 50 * diverging[0]


def test_the_slope_is_the_derivative_of_the_parabola(lesson):
    variables = lesson("learning_rates")
    x, y, best, j = (variables[name] for name in ("x", "y", "best", "j"))
    for weight in (-3.0, 0.0, best[j], 20.0):
        moved = best.copy()
        moved[j] = weight
        loss, slope = variables["loss_and_slope"](weight)
        assert loss == pytest.approx(np.mean((y[:, 0] - y.mean() - x @ moved) ** 2), rel=1e-12)
        assert slope == pytest.approx(2 * (weight - best[j]), abs=1e-9)  # the curvature of a standardized feature is 2


def test_the_start_changes_the_number_of_epochs_and_not_the_result(lesson):
    needed = lesson("learning_rates")["needed"]
    assert needed["as far, steepest direction"] == 1  # a step of 1 / curvature removes the whole error
    assert needed["zeros"] < needed["as far, flattest direction"] < needed["ten times as far"] < 200
    curvatures = lesson("learning_rates")["curvatures"]
    additional = np.log(10) / -np.log(1 - curvatures[0] / curvatures[-1])  # epochs that shrink an error to a tenth
    assert needed["ten times as far"] - needed["zeros"] == pytest.approx(additional, abs=1)


def test_the_gradient_is_a_straight_line_through_zero_at_the_minimum(lesson):
    variables = lesson("learning_rates")
    slope, intercept = np.polyfit(variables["shown"], variables["slopes"], 1)
    np.testing.assert_allclose(variables["slopes"], slope * variables["shown"] + intercept, atol=1e-9)
    assert -intercept / slope == pytest.approx(variables["best"][variables["j"]])


def test_too_high_a_rate_makes_a_zigzag_on_the_parabola(lesson):
    variables = lesson("learning_rates")
    minimum = variables["best"][variables["j"]]
    for name, factor in {"too low": 0.9, "good": 0.3, "overshooting": -0.8, "diverging": -1.06}.items():
        distance = np.array(variables["on_parabola"][name]) - minimum
        np.testing.assert_allclose(distance, distance[0] * factor ** np.arange(9), rtol=1e-6, err_msg=name)


def test_the_pictures(lesson):
    output = lesson("learning_rates")["table"].output
    assert {path.name for path in output.iterdir()} >= {"learning_rates.png", "slope.png", "starts.png"}
