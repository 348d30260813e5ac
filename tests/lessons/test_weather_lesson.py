import numpy as np
import pytest
from sklearn.linear_model import LinearRegression, Ridge


def test_the_low_rate_is_slow_the_right_one_converges_and_the_high_one_diverges(lesson):
    variables = lesson("weather")
    slow, right, diverging = (variables["runs"][name] for name in ("too slow", "right", "diverging"))
    assert slow[0] == right[0] == diverging[0] == pytest.approx(np.var(variables["y"]), rel=1e-12)
    assert variables["least"] < right[-1] < 1.02 * variables["least"]
    assert (np.diff(right) < 0).all()
    assert (np.diff(slow) < 0).all()
    assert slow[-1] > 1.3 * right[-1]
    assert (np.diff(diverging[5:]) > 0).all()
    assert diverging[-1] > 50 * diverging[0]


def test_the_slope_is_the_derivative_of_the_parabola(lesson):
    variables = lesson("weather")
    x, y, best, j = (variables[name] for name in ("x", "y", "best", "j"))
    for weight in (-3.0, 0.0, best[j], 20.0):
        moved = best.copy()
        moved[j] = weight
        loss, slope = variables["loss_and_slope"](weight)
        assert loss == pytest.approx(np.mean((y[:, 0] - y.mean() - x @ moved) ** 2), rel=1e-12)
        assert slope == pytest.approx(2 * (weight - best[j]), abs=1e-9)  # the curvature of a standardized feature is 2


def test_the_start_changes_the_number_of_epochs_and_not_the_result(lesson):
    needed = lesson("weather")["needed"]
    assert needed["as far, steepest direction"] == 1  # a step of 1 / curvature removes the whole error
    assert needed["zeros"] < needed["as far, flattest direction"] < needed["ten times as far"] < 200
    curvatures = lesson("weather")["curvatures"]
    additional = np.log(10) / -np.log(1 - curvatures[0] / curvatures[-1])  # epochs that shrink an error to a tenth
    assert needed["ten times as far"] - needed["zeros"] == pytest.approx(additional, abs=1)


def test_weight_decay_gives_the_weights_of_ridge(lesson):
    variables = lesson("weather")
    x, y = variables["x"], variables["y"][:, 0]
    for decay, ours in zip(variables["decays"], variables["shrunk"], strict=True):
        assert ours == pytest.approx(Ridge(alpha=len(x) * decay / 2).fit(x, y).coef_, rel=1e-6), decay
    norms = np.linalg.norm(variables["shrunk"], axis=1)
    assert (np.diff(norms) < 0).all()
    assert norms[0] < np.linalg.norm(LinearRegression().fit(x, y).coef_)
