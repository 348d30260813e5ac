import numpy as np
import pytest
from PIL import Image


def test_the_first_cost_and_its_slopes_are_those_of_the_tutorial(lesson):
    variables = lesson("line_fit")
    assert variables["costs"][0] == pytest.approx(19.6755, abs=5e-5)
    for way in ("by_hand", "by_autodiff", "by_differences"):
        assert variables["slopes"][way] == pytest.approx((36.305, 6.265), abs=1e-6), way


def test_a_thousand_epochs_come_near_least_squares(lesson):
    variables = lesson("line_fit")
    assert all(np.diff(variables["costs"]) < 0)
    assert len(variables["path"]) == 1001
    x, y = variables["dose"], variables["forgetfulness"]
    exact = np.linalg.lstsq(np.column_stack([x, np.ones(8)]), y, rcond=None)[0]
    assert (variables["exact_m"], variables["exact_b"]) == pytest.approx(tuple(exact), rel=1e-9)
    assert tuple(variables["path"][-1]) == pytest.approx(tuple(exact), abs=0.01)
    assert tuple(variables["path"][-1]) == pytest.approx((-0.46812, 1.75426), abs=5e-6)


def test_curvature_predicts_the_remaining_error(lesson):
    variables = lesson("line_fit")
    error = variables["path"] - [variables["exact_m"], variables["exact_b"]]
    along = (1 - 0.01 * variables["flat"]) ** 900
    assert np.linalg.norm(error[-1]) / np.linalg.norm(error[100]) == pytest.approx(along, rel=1e-6)


def test_the_path_lies_on_the_surface(lesson):
    variables = lesson("line_fit")
    x, y = variables["dose"], variables["forgetfulness"]
    ms, bs, heights = variables["on_surface"].get_data_3d()
    assert (ms[-1], bs[-1]) == pytest.approx(tuple(variables["path"][-1]))
    residuals = y[:, None] - (np.asarray(ms) * x[:, None] + bs)
    np.testing.assert_allclose(heights, (residuals**2).mean(axis=0), rtol=1e-12)


def test_the_pictures_are_real_and_the_gif_moves_and_is_small(lesson):
    output = lesson("line_fit")["OUTPUT"]
    assert sorted(path.name for path in output.iterdir()) == [
        "line_contours.png",
        "line_descent.gif",
        "line_surface.png",
    ]
    assert all(path.stat().st_size > 20_000 for path in output.iterdir())
    with Image.open(output / "line_descent.gif") as gif:
        assert gif.n_frames == len(lesson("line_fit")["shown"]) >= 40
    assert (output / "line_descent.gif").stat().st_size < 300_000
