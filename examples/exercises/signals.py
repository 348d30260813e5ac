"""Exercise of the lesson signals.py: waves, spectra, and the convolution theorem.

    python examples/exercises/signals.py

Fill each blank (...) and run the file again. n numbers are one second of a signal; t holds their times.
"""

import numpy as np
from checks import run_checks

n = 16
t = np.arange(n) / n


def wave(f):  # 1. a complex number that turns f times in a second, at the times t; 1j is i
    return ...


def amount(signal, f):  # 2. one number of the Fourier transform: the sum of the signal times the conjugate of wave(f)
    return ...


def smoothed(signal, weights):  # 3. by the theorem: multiply the spectra (np.fft.fft), and transform back (np.fft.ifft)
    return ...


def gradient(z):  # 4. the gradient of abs(z - 2j) ** 2 by the complex number z, dL/dx + i dL/dy
    return ...


run_checks(globals())
