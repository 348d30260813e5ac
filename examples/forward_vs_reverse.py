"""Finite differences, forward mode and reverse mode: what a derivative costs, counted in operations and in seconds.

Differences move one input at a time and forward mode follows one at a time: n passes for a gradient of n numbers.
Reverse mode walks back once from the output and has them all at the price of a few evaluations, whatever n is (Baur &
Strassen 1983). Many outputs of one input are the other way round: forward mode needs one pass, reverse mode one each.
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
SAMPLE, STEP = 100, 1e-6  # runs of each method, which scale to all the passes that it needs; step of differences


# %% Counting. Rules are plain NumPy, so an array that counts the arithmetic done with it sees the way there and back.
class Counted(np.ndarray[Any, Any]):
    """An array that counts: an operation for each element computed or added up, two for each term of a matmul."""

    operations = 0

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, out: Any = None, **kwargs: Any) -> Any:
        """Compute, count, and give an array that counts on; a Tensor among the inputs is asked first."""
        if any(isinstance(a, tg.Tensor) for a in inputs):
            return NotImplemented
        arrays = [np.asarray(a) for a in inputs]
        y = np.asarray(getattr(ufunc, method)(*arrays, **kwargs))
        if ufunc is np.matmul:
            Counted.operations += 2 * arrays[0].shape[-1] * y.size
        elif ufunc not in (np.minimum, np.not_equal):  # with which the engine looks for NaN: no arithmetic
            Counted.operations += max(a.size for a in (*arrays, y))
        if out is None:
            return y.view(Counted)
        out[0][...] = y
        return out[0]


Method = tuple[Any, Callable[[Any], Any], Callable[[Any, int], Any], int]  # constants, prepare, run, passes


def price(constants: Any, prepare: Callable[[Any], Any], run: Callable[[Any, int], Any], passes: int) -> Any:
    """Operations and seconds of f = prepare(constants), then of run(f, i) for each i below `passes`."""
    sample = np.linspace(0, passes - 1, SAMPLE).astype(int)
    Counted.operations = 0
    f, counts = prepare(constants.view(Counted)), [Counted.operations]
    for i in sample:
        run(f, i)
        counts.append(Counted.operations)
    each, *others = np.diff(counts)
    if any(other != each for other in others):
        raise ValueError(f"passes of {each} and of other numbers of operations: none can stand for the rest")
    moments = [perf_counter()]
    f = prepare(constants)
    for i in sample:
        moments.append(perf_counter())
        run(f, i)
    seconds = np.diff([*moments, perf_counter()])
    return counts[0] + each * passes, seconds[0] + np.median(seconds[1:]) * passes


# %% Many inputs, one output: the loss of a logistic regression by its n weights, on 64 examples of the first class.
# tg.jvp is a walk back through a walk back, 3 evaluations a direction; dual numbers would do it in 2.
def loss_by_weights(n: int) -> dict[str, Method]:
    """What each method does for the gradient: the i-th of its passes."""
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


# %% One input, many outputs: m overtones of a string by time.
def overtones_by_time(m: int) -> dict[str, Method]:
    """What each method does for the derivatives: the i-th of its passes."""
    k, t = np.arange(1.0, m + 1), np.array([0.5])
    tones: Any = lambda k: lambda t: np.sin(k * t)
    return {
        "one evaluation": (k, tones, lambda f, i: f(t), 1),
        "finite differences": (k, lambda k: (tones(k), tones(k)(t)), lambda f, i: (f[0](t + STEP) - f[1]) / STEP, 1),
        "forward mode": (k, tones, lambda f, i: tg.jvp(f, [t], [np.ones(1)])[1], 1),
        "reverse mode": (k, lambda k: tg.vjp(tones(k), t)[1], lambda pull, i: pull(np.eye(1, m, i)[0])[0], m),
    }


# %% The bill.
costs, LOOKS = {}, ((GREEN, "^"), (VERMILION, "s"), (BLUE, "o"))
for problem, what in ((loss_by_weights, "inputs"), (overtones_by_time, "outputs")):
    bills = {name: np.array([price(*problem(n)[name]) for n in SIZES]).T for name in problem(1)}
    (one, _), costs[what] = bills.pop("one evaluation"), bills
    print(f"{SIZES[-1]:,} {what}; one evaluation of the function takes {one[-1]:,.0f} operations")
    figure = Figure(figsize=(8, 3.4), dpi=150, layout="constrained")
    left, right = figure.subplots(1, 2)
    for (name, (operations, seconds)), (colour, marker) in zip(bills.items(), LOOKS, strict=True):
        share = operations / one
        print(f"{name:18}  {operations[-1]:14,.0f} operations, {share[-1]:8,.1f} evaluations; {seconds[-1]:.1e} s")
        left.loglog(SIZES, share, marker=marker, color=colour, label=name)
        whole = np.array([problem(n)[name][3] <= SAMPLE for n in SIZES])
        right.loglog(SIZES, seconds, color=colour, marker=marker, markerfacecolor="white")
        right.loglog(SIZES[whole], seconds[whole], marker, color=colour)
    left.set(xlabel=f"{what} n", ylabel="operations / those of an evaluation", title="Work, counted")
    right.set(xlabel=f"{what} n", ylabel="time (s)", title=f"Time (hollow: {SAMPLE} passes, scaled up)")
    left.legend()
    figure.savefig(OUTPUT / f"forward_vs_reverse_{what}.png")
