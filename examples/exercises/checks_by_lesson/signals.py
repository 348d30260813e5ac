"""Checks of ../signals.py."""

import numpy as np
from checks import check, explore

import tinygrad_edu as tg

turn = np.exp(2j * np.pi * 3 * t)
half = (np.exp(1j * np.pi * 3 * t), "A whole turn is 2 pi, not pi.")
slow = (np.exp(3j * t), "Angles are in radians: a turn is 2 pi.")
check("1. a wave of frequency 3", lambda: wave(3), turn, half, slow, (np.cos(6 * np.pi * t), "This is its real part."))
signal = np.cos(2 * np.pi * 3 * t + 0.5) + t
plain = (np.sum(signal * turn), "Without the conjugate this is the amount of the wave that turns the other way.")
mean = (np.mean(signal * turn.conj()), "This is a mean: take the sum.")
check("2. how much of frequency 3", lambda: amount(signal, 3), np.fft.fft(signal)[3], plain, mean)
weights = np.where(np.arange(n) < 3, 1 / 3, 0)
right = sum(np.roll(signal, k) / 3 for k in range(3))
spectra = np.fft.fft(signal) * np.fft.fft(weights)
back = (spectra, "This is the spectrum: transform it back.")
twice = (np.fft.fft(spectra), "Transform back with ifft.")
check("3. a mean of three neighbors", lambda: smoothed(signal, weights), right, back, twice)
z = 1 + 3j
expected = tg.grad(lambda z: np.abs(z - 2j) ** 2)(np.array(z))
conjugate = (np.conjugate(2 * (z - 2j)), "This is the conjugate: a step against it does not descend.")
check("4. the gradient at 1 + 3j", lambda: gradient(z), expected, conjugate, (z - 2j, "The factor 2 is missing."))
explore("What does the lesson's descent find from the start [5, 6]? Draw the loss by both frequencies.")
