import numpy as np
import pytest


@pytest.fixture(scope="module")
def shown(lesson):
    return lesson("weather")


def test_a_line_fits_todays_and_tomorrows_maximum(shown):
    assert shown["correlation"] == pytest.approx(np.corrcoef(shown["train"][0][:, 0], shown["train"][1][:, 0])[0, 1])
    assert shown["correlation"] > 0.9


def test_a_gap_is_filled_with_the_last_value_before_it(shown):
    complete, filled = shown["complete"].to_numpy(), shown["filled"].to_numpy()
    removed = np.isin(np.arange(len(complete)), shown["removed"])
    assert removed.mean() == pytest.approx(0.1, abs=0.001)
    last = np.maximum.accumulate(np.where(removed, 0, np.arange(len(complete))))
    np.testing.assert_array_equal(filled, complete[last])
    assert shown["error"] < complete.std() / 2


def test_the_validation_loss_is_lower_because_its_rows_change_less(shown):
    assert shown["final"]["valid"] < shown["final"]["train"]
    ratios = [shown[part]["valid"] / shown[part]["train"] for part in ("final", "changes")]
    assert ratios[0] == pytest.approx(ratios[1], abs=0.02)


def test_the_last_picture_shows_the_test_rows(shown):
    measured, predicted = shown["ax"].lines
    np.testing.assert_array_equal(measured.get_ydata(), shown["test"][1][:, 0])
    np.testing.assert_allclose(predicted.get_ydata(), shown["exact"].predict(shown["test"][0]), rtol=1e-3)
