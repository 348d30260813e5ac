import numpy as np
import pytest


@pytest.fixture(scope="module")
def shown(lesson):
    return lesson("digits_conv")


def test_at_least_985_of_1000_test_images_are_classified_correctly(shown):
    assert shown["accuracy"] >= 0.985
    assert len(shown["mistakes"]) == round((1 - shown["accuracy"]) * len(shown["test_y"]))


def test_it_has_a_third_of_the_parameters(shown):
    assert shown["parameters"] == {"digits.py": 19_210, "digits_conv.py": 6_090}


def test_a_filter_is_a_sum_of_pixels_times_weights_at_each_place(shown):
    np.testing.assert_allclose(shown["found"], shown["by_hand"], atol=1e-5)
    x, filters = np.pad(shown["image"], 1), shown["filters"]
    sums = np.sum(x[2:5, 4:7] * filters[:, 0], axis=(1, 2)) + shown["biases"]
    np.testing.assert_allclose(shown["found"][:, 2, 4], np.maximum(sums, 0), atol=1e-5)
    assert [path.name for path in shown["OUTPUT"].iterdir()] == ["digits_filters.png"]
