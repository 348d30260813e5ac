import numpy as np
from PIL import Image


def test_single_numbers_and_arrays_give_the_same_loss_gradients_and_training(lesson):
    moons = lesson("moons")
    np.testing.assert_allclose(moons["scalar"].data, moons["array"].item(), rtol=1e-14)
    np.testing.assert_allclose(moons["scalar_grad"], moons["array_grad"], rtol=1e-10, atol=1e-14)
    assert len(moons["scalar_grad"]) == 2 * 16 + 16 + 16 * 16 + 16 + 16 + 1
    np.testing.assert_allclose(moons["scalar_losses"], moons["losses"][: moons["SCALAR_STEPS"]], rtol=1e-12)


def test_every_training_point_is_classified_correctly(lesson):
    moons = lesson("moons")
    assert moons["accuracy"] == 1.0
    assert moons["losses"][-1] < 0.02 < 1 < moons["losses"][0]


def test_the_gif_shows_the_boundary_move(lesson):
    moons = lesson("moons")
    with Image.open(moons["OUTPUT"] / "moons.gif") as gif:
        assert gif.n_frames == len(moons["shown"])
        first = np.asarray(gif.convert("RGB"), dtype=float)
        gif.seek(gif.n_frames - 1)
        last = np.asarray(gif.convert("RGB"), dtype=float)
    assert (abs(first - last).max(axis=2) > 20).mean() > 0.1  # the share of the picture whose class changes
