import numpy as np
import pytest


@pytest.fixture(scope="module")
def shown(lesson):
    return lesson("names_mlp")


def test_the_backward_pass_by_hand_equals_autodiff_for_every_value(shown):
    assert shown["difference"].keys() == shown["parameters"].keys() | shown["values"].keys()
    assert len(shown["difference"]) == 19
    assert max(shown["difference"].values()) < 1e-14


def test_three_letters_predict_better_than_one(shown):
    assert shown["loss"] < shown["valid_loss"] < 2.25 < 2.5377


def test_batchnorm_gives_mean_0_and_variance_1(shown):
    normal = shown["fixed"]["normal"]
    np.testing.assert_allclose(normal.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(normal.var(axis=0), 1, atol=1e-3)


def test_vowels_come_closer_to_each_other_than_to_consonants(shown):
    embedding = shown["weights"]["embedding"]
    vowels = [shown["CHARACTERS"].index(c) for c in "aeiou"]
    distance = np.linalg.norm(embedding[:, None] - embedding, axis=2)
    rest = [i for i in range(1, 27) if i not in vowels]
    assert distance[np.ix_(vowels, vowels)].sum() / 20 < 0.8 * distance[np.ix_(vowels, rest)].mean()


def test_names_are_invented_and_the_picture_is_drawn(shown):
    assert len(set(shown["invented"])) == 10
    assert [path.name for path in shown["OUTPUT"].iterdir()] == ["names_mlp.png"]
