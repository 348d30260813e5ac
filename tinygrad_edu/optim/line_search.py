"""A line search for the strong Wolfe conditions (Nocedal & Wright, Numerical Optimization, algorithms 3.5 and 3.6)."""

import math
from collections.abc import Callable
from typing import NamedTuple

from .tracing import Array


class Point(NamedTuple):
    """A point on the line: its distance t from the start, and the loss, the gradient and the slope there."""

    t: float
    loss: float
    gradient: Array
    slope: float


def strong_wolfe(
    evaluate: Callable[[float], Point], start: Point, t: float, shortest: float, most: int,
    c1: float = 1e-4, c2: float = 0.9,
) -> tuple[Point, int]:  # fmt: skip
    """Return a point that is low enough and flat enough, and the number of evaluations; `t` is the first trial.

    A bracket around such a point is no further divided when it is below `shortest`, or after `most` evaluations. As in
    PyTorch's L-BFGS.
    """

    def is_too_high(p: Point) -> bool:
        return p.loss > start.loss + c1 * p.t * start.slope

    def is_flat(p: Point) -> bool:
        return abs(p.slope) <= -c2 * start.slope

    previous, now, done = start, evaluate(t), 0
    while done < most:
        if is_too_high(now) or (done > 1 and now.loss >= previous.loss):
            break
        if is_flat(now):
            return now, done + 1
        if now.slope >= 0:
            break
        t = lowest_between(previous, now, now.t + 0.01 * (now.t - previous.t), now.t * 10)
        previous, now, done = now, evaluate(t), done + 1
    else:
        previous = start
    low, high = (previous, now) if previous.loss <= now.loss else (now, previous)
    is_slow = False  # whether the last trial was close to an end of the bracket
    while done < most and abs(high.t - low.t) >= shortest:
        left, right = min(low.t, high.t), max(low.t, high.t)
        t, margin = lowest_between(low, high, left, right), 0.1 * (right - left)
        is_close = min(right - t, t - left) < margin
        if is_close and (is_slow or not left < t < right):
            t = right - margin if abs(t - right) < abs(t - left) else left + margin
            is_close = False
        is_slow = is_close
        now, done = evaluate(t), done + 1
        if is_too_high(now) or now.loss >= low.loss:
            low, high = (low, now) if low.loss <= now.loss else (now, low)
        elif is_flat(now):
            return now, done + 1
        else:
            low, high = now, low if now.slope * (high.t - low.t) >= 0 else high
    return low, done + 1


def lowest_between(a: Point, b: Point, least: float, most: float) -> float:
    """Return where the cubic through two points with their slopes is lowest, within bounds."""
    if a.t > b.t:
        a, b = b, a
    if a.t == b.t:
        return (least + most) / 2
    d1 = a.slope + b.slope - 3 * (a.loss - b.loss) / (a.t - b.t)
    square = d1 * d1 - a.slope * b.slope
    if not 0 <= square < math.inf:  # it is infinite where a loss is
        return (least + most) / 2
    d2: float = square**0.5
    divisor = b.slope - a.slope + 2 * d2
    if not divisor:
        return (least + most) / 2
    return min(max(b.t - (b.t - a.t) * ((b.slope + d2 - d1) / divisor), least), most)
