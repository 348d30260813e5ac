import numpy as np
import pytest


@pytest.fixture(scope="module")
def shown(lesson):
    return lesson("implicit")


def test_the_theorem_gives_the_derivatives_of_keplers_equation(shown):
    assert max(shown["error"].values()) < 1e-12
    for name in ("M", "e"):
        np.testing.assert_allclose(shown["by_theorem"][name], shown["by_steps"][name], rtol=1e-10)


def test_second_derivatives_go_through_the_rule(shown):
    E, e = shown["E"], 0.6
    slope = lambda e: np.sum(np.sin(E_of(e)) / (1 - e * np.cos(E_of(e))))
    E_of = lambda e: shown["newton"]({**shown["orbit"], "e": e})
    np.testing.assert_allclose(E_of(e), E)
    np.testing.assert_allclose(shown["second"], (slope(e + 1e-5) - slope(e - 1e-5)) / 2e-5, rtol=1e-6)


def test_the_tape_holds_one_call(shown):
    assert shown["sizes"]["theorem"] == 1
    assert shown["sizes"]["steps"] > 50


def test_descent_finds_the_best_penalty(shown):
    p, _, g = shown["path"][-1]
    assert abs(p - shown["best"]) < 0.05
    assert abs(g) < 1e-3
    h = 1e-5
    p, _, g = shown["path"][3]
    np.testing.assert_allclose(g, (shown["validation"](p + h) - shown["validation"](p - h)) / (2 * h), rtol=1e-6)


def test_pictures(shown):
    assert {path.name for path in shown["OUTPUT"].iterdir()} == {"implicit_ridge.png"}
