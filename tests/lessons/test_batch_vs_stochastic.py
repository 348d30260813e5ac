import numpy as np
import pytest


@pytest.fixture(scope="module")
def shown(lesson):
    return lesson("batch_vs_stochastic")


def test_the_variance_of_a_batchs_gradient_falls_as_1_over_n(shown):
    assert shown["slope"] == pytest.approx(-1, abs=0.05)
    np.testing.assert_allclose(shown["drawn"], shown["law"], rtol=0.1)


def test_without_replacement_the_noise_vanishes_as_the_batch_comes_to_hold_all_examples(shown):
    np.testing.assert_allclose(shown["dealt"], shown["law"] * shown["correction"], rtol=0.1)
    assert shown["dealt"][-1] < 0.4 * shown["drawn"][-1]


def test_the_gradient_of_each_example_is_that_of_the_formula(shown):
    x, y, start = shown["x"], shown["y"], shown["start"]
    np.testing.assert_allclose(shown["each"], 2 * (x @ start - y[:, 0])[:, None] * x, rtol=1e-12)


def test_the_full_batch_reaches_the_least_squares_weights_and_the_noisy_ones_do_not(shown):
    full, mini, single = shown["runs"].values()
    exact = np.linalg.lstsq(shown["x"], shown["y"][:, 0])[0]
    np.testing.assert_allclose(full[0][-1], exact, rtol=1e-6)
    assert 1e-4 < mini[1][-500:].mean() < single[1][-5000:].mean() < 0.02


def test_after_one_epoch_the_smaller_batch_is_ahead(shown):
    epochs = [above[len(above) // shown["settings"][name][2] - 1] for name, (_, above, _) in shown["runs"].items()]
    assert epochs == sorted(epochs, reverse=True)


def test_a_constant_rate_stops_at_the_loss_of_the_theory_and_a_decreasing_one_goes_below(shown):
    curves, floors = shown["curves"], shown["floors"]
    for name, floor in floors.items():
        assert curves[name][10:].mean() == pytest.approx(floor, rel=0.2)
    assert max(curves[name][-1] for name in curves.keys() - floors.keys()) < min(floors.values()) / 50


def test_pictures(shown):
    assert {path.name for path in shown["OUTPUT"].iterdir()} == {f"batch_{p}.png" for p in ("losses", "noise", "paths")}
