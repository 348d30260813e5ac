import numpy as np
import pytest


@pytest.fixture(scope="module")
def shown(lesson):
    return lesson("names_transformer")


def test_all_letters_predict_better_than_three(shown):
    assert shown["valid_loss"] < 2.2128 < 2.5377 < 3.2958  # three letters, one letter, nothing


def test_a_high_rate_needs_the_warm_up(shown):
    assert shown["ends"]["with warm-up"] < shown["ends"]["without"] - 0.03


def test_the_rate_grows_and_then_falls(shown):
    rates, warm = np.array(shown["rates"]), shown["WARM"]
    assert rates.argmax() == pytest.approx(warm, abs=1)
    np.testing.assert_allclose(rates[:warm], shown["rate"] * np.arange(1, warm + 1) / warm)
    assert (np.diff(rates[warm + 1 :]) < 0).all()
    assert rates[-1] < 1e-3 * rates.max()


def test_a_place_attends_to_no_later_place(shown):
    model, (x, _) = shown["model"], shown["valid"]
    weights = model.blocks[0].attention.weights(model.read(x[:3], 0)).data
    np.testing.assert_allclose(weights.sum(axis=-1), 1, rtol=1e-5)
    assert not np.triu(weights, 1).any()
    changed = x[:3].copy()
    changed[:, 8:] = 5
    before, after = (shown["tg"].predict(model, part)[:, :8] for part in (x[:3], changed))
    np.testing.assert_allclose(before, after, atol=1e-5)


def test_names_are_invented_and_the_picture_is_drawn(shown):
    assert len(set(shown["invented"])) == 10
    assert [path.name for path in shown["OUTPUT"].iterdir()] == ["names_transformer.png"]
