import numpy as np
import pytest


@pytest.fixture(scope="module")
def shown(lesson):
    return lesson("overfitting")


def test_without_a_remedy_training_loss_falls_while_validation_loss_rises(shown):
    run = shown["runs"]["no remedy"]
    assert run.train_loss[-1] < 0.002
    assert run.valid_loss[-1] > 1.8 * min(run.valid_loss)
    after = slice(run.best_epoch + 20, None)
    assert (np.diff(run.train_loss[after]) < 0).all()
    assert run.valid_loss[-1] == pytest.approx(max(run.valid_loss[after]), rel=0.01)


@pytest.mark.parametrize("remedy", ["weight decay 10", "dropout 0.5", "342 patients"])
def test_each_remedy_ends_far_below_no_remedy(shown, remedy):
    assert shown["runs"][remedy].valid_loss[-1] < 0.65 * shown["runs"]["no remedy"].valid_loss[-1]


def test_early_stopping_keeps_the_best_weights(shown):
    assert len(shown["stopped"]) == shown["stopped"].best_epoch + 20 < 60
    assert float(shown["kept"]) == pytest.approx(min(shown["stopped"].valid_loss), rel=1e-9)


def test_a_penalty_trades_variance_for_bias(shown):
    np.testing.assert_allclose(shown["bias2"] + shown["variance"], shown["error"], rtol=1e-9)
    assert (np.diff(shown["variance"]) < 0).all()
    assert (np.diff(shown["bias2"][5:]) > 0).all()
    assert shown["error"][shown["best"]] < 0.85 * min(shown["error"][0], shown["error"][-1])


def test_the_network_has_the_parameters_that_the_text_says(shown):
    assert sum(p.size for p in shown["stopped_model"].parameters()) == 4929
    assert len(shown["patients"]) == 442
    assert [path.name for path in shown["OUTPUT"].iterdir()] == ["overfitting.png"]
