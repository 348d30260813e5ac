import numpy as np
import pytest


@pytest.fixture(scope="module")
def shown(lesson):
    return lesson("gpt")


def test_it_predicts_the_next_character_better_than_pairs_do(shown):
    assert shown["valid_loss"] < shown["pairs_loss"] - 0.3
    assert shown["pairs_loss"] < np.log(len(shown["characters"])) - 1
    assert np.mean(shown["losses"][-50:]) < np.mean(shown["losses"][:50]) / 1.5


def test_the_recorded_step_is_faster(shown):
    assert shown["seconds"]["recorded"] < 1.1 * shown["seconds"]["not recorded"]


def test_the_maps_are_weights_of_earlier_places(shown):
    maps = shown["maps"]
    assert maps.shape == (2, 4, len(shown["line"]), len(shown["line"]))
    np.testing.assert_allclose(maps.sum(axis=-1), 1, rtol=1e-5)
    assert not np.triu(maps, 1).any()


def test_it_writes_on(shown):
    assert shown["sample"].startswith("The gradient ")
    assert len(shown["sample"]) == 313
    assert [path.name for path in shown["OUTPUT"].iterdir()] == ["gpt_attention.png"]
