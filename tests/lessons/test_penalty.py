import numpy as np
import pytest
from sklearn.linear_model import LinearRegression, Ridge


def test_weight_decay_gives_the_weights_of_ridge(lesson):
    variables = lesson("penalty")
    x, y = variables["x"], variables["y"][:, 0]
    for decay, ours in zip(variables["decays"], variables["shrunk"], strict=True):
        assert ours == pytest.approx(Ridge(alpha=len(x) * decay / 2).fit(x, y).coef_, rel=1e-6), decay
    norms = np.linalg.norm(variables["shrunk"], axis=1)
    assert (np.diff(norms) < 0).all()
    assert norms[0] < np.linalg.norm(LinearRegression().fit(x, y).coef_)


def test_the_penalty_harms_with_many_rows_and_helps_with_eight(lesson):
    variables = lesson("penalty")
    many, few = variables["many"], variables["few"]
    assert (np.diff(many) > 0).all()
    assert min(few) < 0.75 * few[0]
    assert 0 < np.argmin(few) < len(few) - 1
    output = variables["table"].output
    assert {path.name for path in output.iterdir()} >= {"l2_helps.png", "ridge.png"}
