import numpy as np
import pytest


@pytest.fixture(scope="module")
def shown(lesson):
    return lesson("curvature")


def test_the_hessian_tells_convex_from_not(shown):
    assert [bool(curvature >= 0) for curvature in shown["lowest"].values()] == [True, False, False, True]
    assert shown["lowest"]["x² + 3y²"] == pytest.approx(2)
    assert shown["lowest"]["x² - y²"] == pytest.approx(-2)


@pytest.mark.parametrize("method", ["gradient descent", "with momentum"])
def test_measured_rates_are_those_of_the_theory_to_1_percent(shown, method):
    measured, theory = shown["measured"][method], shown["theory"][method]
    np.testing.assert_allclose(measured, theory, rtol=0.01)
    # The logarithms compare the numbers of steps, which is stricter for rates near 1.
    np.testing.assert_allclose(np.log(measured), np.log(theory), rtol=0.01)


def test_the_best_step_is_2_over_l_plus_L(shown):
    lrs, swept = shown["lrs"], shown["swept"]
    assert abs(lrs[swept.argmin()] - 2 / 11) < 0.001
    np.testing.assert_allclose(swept, np.maximum(abs(1 - lrs), abs(1 - 10 * lrs)), rtol=1e-9)
    assert (swept[lrs > 0.2001] > 1).all()


def test_newton_takes_one_step_on_least_squares_and_six_on_rosenbrock(shown):
    x, y = shown["standard"][:-1, 1:3], shown["standard"][1:, 1]
    np.testing.assert_allclose(shown["one"], np.linalg.lstsq(x, y)[0], rtol=1e-10)
    np.testing.assert_allclose(shown["path"][-1], [1, 1], atol=1e-9)
    assert shown["valley"] == pytest.approx(2508, abs=1)


def test_standardizing_lowers_the_condition_number(shown):
    condition, above = shown["condition"], shown["above"]
    x = np.column_stack([shown["days"][:-1], np.ones(len(shown["days"]) - 1)])
    assert condition["as measured"] == pytest.approx(np.linalg.cond(x) ** 2)
    assert condition["as measured"] > 300 * condition["standardized"]
    assert above["standardized"][-1] < 1e-9 < 1 < above["as measured"][-1]


def test_pictures(shown):
    names = {path.name for path in shown["OUTPUT"].iterdir()}
    assert names == {f"curvature_{p}.png" for p in ("convex", "newton", "rates")}
