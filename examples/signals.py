"""Signals: find the waves in a signal by descent, and learn a filter through its spectrum.

    python examples/signals.py

In this lesson you learn the spectrum: which waves a signal is made of. A wave of frequency f, in turns a second (Hz),
is a complex number that turns: exp(2 pi i f t). The Fourier transform says how much of each wave is in a signal. You
fit two waves to a signal by gradient descent. From a bad start it fails, and you see why: the loss has a minimum for
each wave that happens to agree with a part of the signal. The spectrum gives a good start. Then you learn a filter: the
convolution theorem says that to smooth a signal is to multiply its spectrum, so the complex numbers of the filter's
spectrum are the parameters.
"""

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

import tinygrad_edu as tg
from tinygrad_edu.viz.plot import BLUE, VERMILION

OUTPUT = Path(__file__).parent / "output"
OUTPUT.mkdir(exist_ok=True)

# %% A signal of two waves, and noise
rng = np.random.default_rng(1)
n = 128
t = np.arange(n) / n  # one second
frequencies, phases, sizes = np.array([5.3, 12.6]), np.array([0.4, 2.1]), np.array([1.0, 0.7])


def waves(f: Any, phase: Any, size: Any) -> Any:
    """Return the sum of waves: the real part of complex numbers that turn f times in a second."""
    return np.sum(np.real(size[:, None] * np.exp(1j * (2 * np.pi * f[:, None] * t + phase[:, None]))), axis=0)


signal = waves(frequencies, phases, sizes) + 0.1 * rng.normal(size=n)
spectrum = np.fft.rfft(signal)


# %% Descent on frequencies, phases and sizes
def fit(start: Any, steps: int = 600) -> tuple[Any, float]:
    """Return the frequencies that descent finds from a start, sorted, and the loss at the end."""
    f, phase, size = tg.Tensor(start), tg.Tensor([0.0, 0.0]), tg.Tensor([0.5, 0.5])
    adam = tg.optim.Adam([f, phase, size], lr=0.03)
    loss = tg.Tensor(0.0)
    for _ in range(steps):
        loss = np.mean((waves(f, phase, size) - signal) ** 2)
        adam.minimize(loss)
    return np.sort(f.data), loss.item()


bad_start = np.array([3.0, 20.0])
size_of_waves = np.abs(spectrum)
peaks = np.sort([i for i in range(1, n // 2) if size_of_waves[i] == size_of_waves[i - 1 : i + 2].max()])
good_start = np.sort(peaks[np.argsort(size_of_waves[peaks])[-2:]]).astype(float)  # the two highest peaks
bad, bad_loss = fit(bad_start)
found, loss = fit(good_start)
print(f"from {bad_start}: frequencies {bad.round(2)}, loss {bad_loss:.3f}")
print(f"from the peaks of the spectrum, {good_start}: frequencies {found.round(2)}, loss {loss:.3f}")
print(f"in the signal: {frequencies}, and noise with a mean square of 0.010")

# %% Why there are many minima
# With the best phase and size for each frequency, the loss of one wave is what the signal holds without it. In one
# second, two waves whose frequencies differ by 1 Hz agree as much as they disagree. So the loss falls only within 1 Hz
# of a right frequency, and has ripples everywhere else. A minimum is where its slope changes from minus to plus.
grid = np.linspace(1, 25, 2000)
turning = np.exp(-2j * np.pi * grid[:, None] * t)
losses = np.mean(signal**2) - 2 * np.abs(turning @ signal / n) ** 2
is_minimum = (losses[1:-1] < losses[:-2]) & (losses[1:-1] < losses[2:])
minima = grid[1:-1][is_minimum]
print(f"the loss of one wave has {len(minima)} minima between the frequencies 1 and 25")


# %% A filter, learned by the convolution theorem
# Somebody smooths signals: each number becomes a weighted mean of its neighbors (a convolution). You see inputs and
# outputs. The theorem: the spectrum of the output is that of the input times that of the weights, frequency by
# frequency. So 65 complex numbers are learned, each alone. Their gradient is dL/dx + i dL/dy: descent needs no more.
weights = np.exp(-0.5 * (np.minimum(np.arange(n), n - np.arange(n)) / 2.5) ** 2)
weights /= weights.sum()
inputs = rng.normal(size=(40, n))
outputs = np.stack([[weights @ np.roll(x[::-1], k + 1) for k in range(n)] for x in inputs])
outputs += 0.02 * rng.normal(size=outputs.shape)
H = tg.Tensor(np.ones(n // 2 + 1, complex), label="H")  # at first the filter that changes nothing
adam = tg.optim.Adam([H], lr=0.03)
filter_losses: list[float] = []
for _ in range(200):
    smoothed = np.fft.irfft(H * np.fft.rfft(inputs), n)
    filter_loss = np.mean((smoothed - outputs) ** 2)
    adam.minimize(filter_loss)
    filter_losses.append(filter_loss.item())
learned = np.fft.irfft(H.data, n)
error = float(np.abs(learned - weights).max())
print(f"filter: loss {filter_losses[0]:.3f} -> {filter_losses[-1]:.5f}; largest error of a weight {error:.4f}")

# %% The pictures
figure = Figure(figsize=(9, 5.4), dpi=120, layout="constrained")
(ax, valleys), (response, kernel) = figure.subplots(2, 2)
ax.stem(np.arange(40), size_of_waves[:40] * 2 / n, linefmt=BLUE, markerfmt=".", basefmt=" ")
ax.plot(frequencies, sizes, "x", color=VERMILION, label="the waves in it")
ax.set(xlabel="frequency (Hz)", ylabel="size", title="Spectrum of the signal")
valleys.plot(grid, losses, color=BLUE)
valleys.plot(minima, losses[1:-1][is_minimum], "o", color=VERMILION, markersize=3, label="minima")
valleys.set(xlabel="frequency of one wave (Hz)", ylabel="loss", title="One wave: many minima")
response.plot(np.abs(np.fft.rfft(weights)), color=BLUE, label="the filter")
response.plot(np.abs(H.data), ".", color=VERMILION, markersize=4, label="learned")
response.set(xlabel="frequency (Hz)", ylabel="|H|", title="Spectrum of the filter")
kernel.plot(np.roll(weights, n // 2), color=BLUE, label="the filter")
kernel.plot(np.roll(learned, n // 2), ".", color=VERMILION, markersize=4, label="learned")
kernel.set(xlabel="place", ylabel="weight", title="Its weights", xlim=(n // 2 - 20, n // 2 + 20))
for each in (ax, valleys, response, kernel):
    each.legend(fontsize=8)
figure.savefig(OUTPUT / "signals.png")
