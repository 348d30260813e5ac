import numpy as np
import pytest


@pytest.fixture(scope="module")
def shown(lesson):
    return lesson("minima")


def test_noise_of_single_examples_reaches_the_global_minimum_from_twice_as_many_starts(shown):
    reached = shown["reached"]
    assert reached == pytest.approx({"full batch": 73, "momentum 0.9": 69, "single examples": 166}, abs=3)
    assert reached["single examples"] > 2 * reached["full batch"]


def test_restarts_succeed_as_often_as_the_theory_says(shown):
    np.testing.assert_allclose(
        shown["best_of"], 1 - (1 - shown["reached"]["full batch"] / 200) ** np.arange(1, 9), atol=0.02
    )


def test_momentum_rolls_over_the_ripples_and_plain_descent_stops(shown):
    ends = {name: xs[-1] for name, xs in shown["rolled"].items()}
    assert ends["momentum 0.9"] == pytest.approx(0, abs=1e-3)
    assert ends["without momentum"] > 2
    assert abs(2.864 / 2 + 1.6 * np.sin(4 * 2.864)) < 0.01  # the slope where it stops is 0, too


def test_at_the_saddle_the_slope_is_zero_and_the_curvatures_have_both_signs(shown):
    t, y, (w, phase) = shown["time"], shown["tone"], shown["saddle"]
    error = np.sin(w * t + phase) - y
    np.testing.assert_allclose([np.mean(2 * error * np.cos(w * t + phase) * d) for d in (t, 1)], 0, atol=1e-12)
    assert shown["curvatures"][0] < -1 < 0.1 < shown["curvatures"][1]
    np.testing.assert_allclose(shown["ends"].T, [[2.04, 0.84], [0.77, 2.05]], atol=0.01)


def test_the_map_shows_the_basin_of_the_global_minimum(shown):
    assert (shown["basins"] < 0.35).mean() == pytest.approx(73 / 200, abs=0.05)
    assert [path.name for path in shown["OUTPUT"].iterdir()] == ["minima.png"]
