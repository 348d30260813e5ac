import numpy as np
import pytest

import tinygrad_edu as tg


@pytest.fixture(scope="module")
def shown(lesson):
    return lesson("signals")


def test_descent_finds_the_waves_from_the_peaks_of_the_spectrum_alone(shown):
    np.testing.assert_allclose(shown["found"], shown["frequencies"], atol=0.05)
    assert shown["loss"] < 0.011
    assert shown["bad_loss"] > 50 * shown["loss"]
    assert len(shown["minima"]) > 15


def test_the_minima_are_those_of_the_loss_with_the_best_wave(shown):
    t, signal = shown["t"], shown["signal"]
    for f, loss in zip(shown["grid"][::500], shown["losses"][::500], strict=True):
        waves = np.stack([np.cos(2 * np.pi * f * t), np.sin(2 * np.pi * f * t)], axis=1)
        best = np.linalg.lstsq(waves, signal)[0]
        np.testing.assert_allclose(np.mean((waves @ best - signal) ** 2), loss, atol=0.03)


def test_the_filter_is_learned_with_gradients_of_real_arithmetic(shown):
    assert shown["error"] < 2e-3
    assert shown["filter_losses"][-1] < 5e-4
    x, y, n = shown["inputs"][:2], shown["outputs"][:2], shown["n"]

    def loss(H):
        return np.mean((np.fft.irfft(H * np.fft.rfft(x), n) - y) ** 2)

    H = np.exp(1j * np.arange(n // 2 + 1))
    by_x, by_y = tg.grad(lambda a, b: loss(a + 1j * b), (0, 1))(H.real, H.imag)
    np.testing.assert_allclose(tg.grad(loss)(H), by_x + 1j * by_y)


def test_pictures(shown):
    assert {path.name for path in shown["OUTPUT"].iterdir()} == {"signals.png"}
