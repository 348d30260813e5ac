"""The cost of a derivative: finite differences, forward mode and reverse mode.

    python examples/forward_vs_reverse.py

In this lesson you learn why neural networks are trained with reverse mode. Finite differences and forward mode handle
one input in each pass, so a gradient of n numbers needs n passes. Reverse mode needs one pass back from the output, and
costs only a few evaluations of the function, for any n (Baur & Strassen 1983). For one input and many outputs, the
opposite is true: forward mode needs one pass, and reverse mode one for each output. You count the arithmetic
operations of each method, and measure its time in seconds.
"""

from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from matplotlib.figure import Figure

import tinygrad_edu as tg
from tinygrad_edu.viz.plot import BLUE, GREEN, VERMILION

OUTPUT = Path(__file__).parent / "output"
OUTPUT.mkdir(exist_ok=True)
SIZES = np.array([1, 3, 10, 30, 100, 300, 1000, 3000, 10_000])
SAMPLE, STEP = 100, 1e-6  # how many passes to measure (the others are estimated); step h of finite differences


# %% Count the operations
# All rules are plain NumPy, so an array that counts its operations sees the forward pass and the backward pass.
class Counted(np.ndarray[Any, Any]):
    """An array that counts operations: one for each element computed or summed, two for each product in a matmul."""

    operations = 0

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, out: Any = None, **kwargs: Any) -> Any:
        """Compute, count the operations, and return an array that counts as well."""
        if any(isinstance(a, tg.Tensor) for a in inputs):
            return NotImplemented  # let the Tensor handle this call: it records it
        arrays = [np.asarray(a) for a in inputs]
        y = np.asarray(getattr(ufunc, method)(*arrays, **kwargs))
        if ufunc is np.matmul:
            Counted.operations += 2 * arrays[0].shape[-1] * y.size
        elif ufunc not in (np.minimum, np.not_equal):  # the engine's checks for NaN are not counted
            Counted.operations += max(a.size for a in (*arrays, y))
        if out is None:
            return y.view(Counted)
        out[0][...] = y
        return out[0]


Method = tuple[Any, Callable[[Any], Any], Callable[[Any, int], Any], int]  # constants, prepare, run, passes


def price(constants: Any, prepare: Callable[[Any], Any], run: Callable[[Any, int], Any], passes: int) -> Any:
    """Return (operations, seconds) of f = prepare(constants) and of run(f, i) for all i below `passes`."""
    sample = np.linspace(0, passes - 1, SAMPLE).astype(int)
    Counted.operations = 0
    f, counts = prepare(constants.view(Counted)), [Counted.operations]
    for i in sample:
        run(f, i)
        counts.append(Counted.operations)
    each, *others = np.diff(counts)
    if any(other != each for other in others):
        raise ValueError(f"the passes take different numbers of operations, {each} and others: measure every pass")
    times, f = [perf_counter()], prepare(constants)
    for i in sample:
        times.append(perf_counter())
        run(f, i)
    seconds = np.diff([*times, perf_counter()])
    return counts[0] + each * passes, seconds[0] + np.median(seconds[1:]) * passes


# %% Many inputs, one output: the loss of a logistic regression, as a function of its n weights
# The data are 64 examples of one class. tg.jvp computes value and derivative along one direction, for 2 evaluations.
def loss_by_weights(n: int) -> dict[str, Method]:
    """Return how each method computes the gradient, one pass at a time."""
    x, w = np.random.default_rng(0).normal(size=(64, n)), np.zeros(n)
    loss: Any = lambda x: lambda w: np.mean(np.logaddexp(0, -(x @ w)))
    unit: Any = lambda i: np.eye(1, n, i)[0]
    difference: Any = lambda f, i: (f[0](w + STEP * unit(i)) - f[1]) / STEP
    return {
        "one evaluation": (x, loss, lambda f, i: f(w), 1),
        "finite differences": (x, lambda x: (loss(x), loss(x)(w)), difference, n),
        "forward mode": (x, loss, lambda f, i: tg.jvp(f, [w], [unit(i)])[1], n),
        "reverse mode": (x, loss, lambda f, i: tg.grad(f)(w), 1),
    }


# %% One input, many outputs: m overtones of a string, as functions of time
def overtones_by_time(m: int) -> dict[str, Method]:
    """Return how each method computes the derivatives, one pass at a time."""
    k, t = np.arange(1.0, m + 1), np.array([0.5])
    tones: Any = lambda k: lambda t: np.sin(k * t)
    return {
        "one evaluation": (k, tones, lambda f, i: f(t), 1),
        "finite differences": (k, lambda k: (tones(k), tones(k)(t)), lambda f, i: (f[0](t + STEP) - f[1]) / STEP, 1),
        "forward mode": (k, tones, lambda f, i: tg.jvp(f, [t], [np.ones(1)])[1], 1),
        "reverse mode": (k, lambda k: tg.vjp(tones(k), t)[1], lambda pull, i: pull(np.eye(1, m, i)[0])[0], m),
    }


# %% Measure both problems for all sizes, and draw the results
costs, LOOKS = {}, ((GREEN, "^"), (VERMILION, "s"), (BLUE, "o"))
for problem, kind in ((loss_by_weights, "inputs"), (overtones_by_time, "outputs")):
    results = {name: np.array([price(*problem(n)[name]) for n in SIZES]).T for name in problem(1)}
    (one, _), costs[kind] = results.pop("one evaluation"), results
    print(f"{SIZES[-1]:,} {kind}; one evaluation of the function takes {one[-1]:,.0f} operations")
    left, right = Figure(figsize=(8, 3.4), dpi=150, layout="constrained").subplots(1, 2)
    for (name, (operations, seconds)), (color, marker) in zip(results.items(), LOOKS, strict=True):
        ratio = operations / one
        print(f"{name:18}  {operations[-1]:14,.0f} operations, {ratio[-1]:8,.1f} evaluations, {seconds[-1]:.1e} s")
        left.loglog(SIZES, ratio, marker=marker, color=color, label=name)
        complete = np.array([problem(n)[name][3] <= SAMPLE for n in SIZES])
        right.loglog(SIZES, seconds, color=color, marker=marker, markerfacecolor="white")
        right.loglog(SIZES[complete], seconds[complete], marker, color=color)
    left.set(xlabel=f"number of {kind}", ylabel="operations, in evaluations", title="Counted operations")
    right.set(xlabel=f"number of {kind}", ylabel="time (s)", title="Time (hollow: estimated)")
    left.legend()
    left.figure.savefig(OUTPUT / f"forward_vs_reverse_{kind}.png")
