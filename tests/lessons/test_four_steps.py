import numpy as np
import pytest


@pytest.fixture(scope="module")
def shown(lesson):
    return lesson("four_steps")


def test_the_stick_and_backward_feel_the_same_slopes(shown):
    by_formula = np.mean(2 * (5 * shown["extra"] + 36 - shown["minutes"]) * shown["extra"])
    assert shown["slopes"][0] == pytest.approx(by_formula, rel=1e-12)
    assert shown["stick"](shown["cost_of"], 5.0) == pytest.approx(by_formula, rel=1e-8)
    np.testing.assert_allclose(shown["partial"], shown["arrow"], rtol=1e-8)


def test_the_loop_reaches_the_place_of_the_minimum(shown):
    assert shown["pace"].item() == pytest.approx(shown["arg_min"], abs=1e-3)
    assert (np.diff(shown["costs"]) < 0).all()
    assert shown["arg_min"] == pytest.approx(12.2)
    assert shown["cost_of"](shown["arg_min"]) == pytest.approx(1.52)
    around = [shown["cost_of"](shown["arg_min"] + d) for d in (-0.1, 0.1)]
    assert min(around) > shown["cost_of"](shown["arg_min"])


def test_two_parameters_reach_least_squares(shown):
    design = np.column_stack([shown["extra"], np.ones(5)])
    exact = np.linalg.lstsq(design, shown["minutes"])[0]
    np.testing.assert_allclose(shown["exact"], exact, rtol=1e-12)
    np.testing.assert_allclose(shown["both"].data, exact, atol=0.1)


def test_the_gradient_is_at_right_angles_to_the_line_of_equal_cost(shown):
    assert shown["along"]["up"] == pytest.approx(np.linalg.norm(shown["arrow"]), rel=1e-8)
    assert abs(shown["along"]["side"]) < 1e-6


def test_the_sizes_are_those_of_the_models(shown):
    nn = shown["tg"].nn
    for name, layers in (("moons.py", [2, 16, 16, 1]), ("digits.py", [64, 256, 10]), ("weather.py", [4, 1])):
        assert shown["sizes"][name] == sum(p.size for p in nn.MLP(layers, rng=0).parameters())
    assert [path.name for path in shown["OUTPUT"].iterdir()] == ["four_steps.png"]
