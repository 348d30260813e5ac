"""Write tinygrad_edu/jit/native/coefficients.py with mpmath==1.3.0: `python tests/expected/coefficients.py`.

Each polynomial has the least largest error that its degree allows, found by Remez's exchange: solve for the polynomial
whose weighted error alternates between +e and -e at degree + 2 points, move the points to the error's extremes, and
repeat until these are equal. The weight makes it the relative error of the function that is computed in the end.
"""

from pathlib import Path

import mpmath as mp
import numpy as np

mp.mp.dps = 60
GRID = 800  # points between which the extremes are looked for
SLACK = mp.mpf("1.0001")  # intervals are a little longer, as arguments are reduced in floating point


def remez(f, weight, a, b, degree, rounds=25):
    """Return the coefficients from the constant on of the polynomial of least largest |weight * (f - p)|, and that."""
    n = degree + 2
    nodes = lambda count, shift: [(a + b) / 2 - (b - a) / 2 * mp.cos(mp.pi * (i + shift) / count) for i in range(count)]
    xs, grid = nodes(n, mp.mpf(1) / 2), [*nodes(GRID, 0), b]
    least = max(weight(a), weight(b)) / 50  # a weight of 0 would leave the system singular
    w = lambda x: max(abs(weight(x)), least)
    values = [(x, f(x), w(x)) for x in grid]
    for _ in range(rounds):
        system = mp.matrix([[x**j for j in range(degree + 1)] + [(-1) ** i / w(x)] for i, x in enumerate(xs)])
        c = list(mp.lu_solve(system, mp.matrix([f(x) for x in xs])))[: degree + 1]
        extremes = []
        for x, y, wx in values:
            error = wx * (y - mp.polyval(c[::-1], x))
            if extremes and (extremes[-1][1] > 0) == (error > 0):
                extremes[-1] = max(extremes[-1], (x, error), key=lambda pair: abs(pair[1]))
            else:
                extremes.append((x, error))
        while len(extremes) > n:
            extremes.pop(0 if abs(extremes[0][1]) < abs(extremes[-1][1]) else -1)
        sizes = [abs(error) for _, error in extremes]
        if len(extremes) < n or max(sizes) < min(sizes) * mp.mpf("1.001"):
            break
        xs = [x for x, _ in extremes]
    return c, max(sizes)


def series(f, at_zero, order):
    """Return f, but `at_zero` where its formula is 0 / 0 or cancels; order is the power of x that it divides by."""
    return lambda x: at_zero if abs(x) < mp.mpf(10) ** (-40 // order) else f(x)


def of_square(f):
    """Return x -> f(sqrt(x)), for the polynomials in the square of the argument."""
    return lambda z: f(mp.sqrt(z))


LN2, SPLIT = mp.log(2), mp.mpf("2.5")
MOST_LOG = ((mp.sqrt(2) - 1) / (mp.sqrt(2) + 1)) ** 2 * SLACK  # z = s * s, where s = f / (2 + f), sqrt(1/2) <= 1 + f
argument = lambda t: SPLIT * (1 + t) / (1 - t)  # x, where t = (x - SPLIT) / (x + SPLIT)
variable = lambda x: (x - SPLIT) / (x + SPLIT)
POLYNOMIALS = {  # name: what it stands for, the function, the weight, the interval, the degrees for double and float
    "EXP": (
        "(exp(r) - 1 - r) / r**2, |r| <= log(2) / 2",
        series(lambda r: (mp.expm1(r) - r) / r**2, mp.mpf(1) / 2, 2),
        series(lambda r: r * r / mp.expm1(r), mp.mpf(0), 1),
        (-LN2 / 2 * SLACK, LN2 / 2 * SLACK),
        (10, 5),
    ),
    "LOG": (
        "(2 atanh(s) / s - 2) / z, z = s**2 <= 0.0295",
        series(of_square(lambda s: (2 * mp.atanh(s) / s - 2) / s**2), mp.mpf(2) / 3, 2),
        lambda z: z / 2,
        (mp.mpf(0), MOST_LOG),
        (6, 2),
    ),
    "SIN": (
        "(sin(r) / r - 1) / z, z = r**2 <= pi**2 / 4",
        series(of_square(lambda r: (mp.sin(r) / r - 1) / r**2), -mp.mpf(1) / 6, 2),
        of_square(lambda r: r**3 / mp.sin(r) if r else mp.mpf(0)),
        (mp.mpf(0), (mp.pi / 2 * SLACK) ** 2),
        (7, 3),
    ),
    "ERF": (
        "erf(x) / x - 1 in z = x**2 <= 1",
        series(of_square(lambda x: mp.erf(x) / x - 1), 2 / mp.sqrt(mp.pi) - 1, 2),
        series(of_square(lambda x: x / mp.erf(x)), mp.sqrt(mp.pi) / 2, 2),
        (mp.mpf(0), SLACK),
        (11, 6),
    ),
    "ERFC": (
        "erfc(x) * exp(x**2) in t = (x - 2.5) / (x + 2.5), 1 <= x <= 6",
        lambda t: mp.erfc(argument(t)) * mp.exp(argument(t) ** 2),
        lambda t: mp.exp(-(argument(t) ** 2)),
        (variable(1 / SLACK), variable(mp.mpf(6))),
        (13, None),
    ),
    "LOGERFC": (
        "log(erfc(x)), 1 <= x <= 4",
        lambda x: mp.log(mp.erfc(x)),
        lambda x: mp.erfc(x),
        (1 / SLACK, mp.mpf(4)),
        (None, 7),
    ),
}


def shortest(value, dtype):
    return str(dtype(mp.nstr(value, 30)))


def printed(name, dtype, which):
    _, f, weight, (a, b), degrees = POLYNOMIALS[name]
    if degrees[which] is None:
        return []
    c, error = remez(f, weight, a, b, degrees[which])
    numbers = [shortest(x, dtype) for x in c]
    lines = [f'    "{name}": (  # off by at most 2**{float(mp.log(error, 2)):.1f}']
    line = "       "
    for number in numbers:
        if len(line) + len(number) + 2 > 116:
            lines.append(line)
            line = "       "
        line += f" {number},"
    return [*lines, line, "    ),"]


def constants(dtype):
    """Yield (name, parts): numbers as sums of floating-point numbers, each part the rest's value rounded."""
    yield "LN2", parts(LN2, dtype, 2)
    yield "LOG2E", parts(1 / LN2, dtype, 1)
    if dtype is np.float64:
        first = [float(mp.pi)]
        second = mp.pi - first[0]
        short = mp.ldexp(mp.nint(mp.ldexp(second, 85)), -85)  # 33 bits: times an integer below 2**20 it is exact
        yield "PI", [str(x) for x in (first[0], float(short), float(second - short))]
        yield "PIS", parts(mp.pi, dtype, 2)
        yield "INVPI", parts(1 / mp.pi, dtype, 1)


def parts(value, dtype, count):
    found = []
    for _ in range(count):
        found.append(shortest(value, dtype))
        value -= mp.mpf(float(dtype(found[-1])))
    return found


if __name__ == "__main__":
    text = [
        '"""Coefficients of the polynomials in `elementary`, from the constant on; generated, not to be edited.',
        "",
    ]
    text += ["`tests/expected/coefficients.py` computes them by Remez's exchange algorithm in 60 digits.", ""]
    text += [f"{name}: {about}" for name, (about, *_) in POLYNOMIALS.items()]
    text += ["LN2, PI, PIS: log(2) and pi as sums, the first part rounded to nearest", '"""', ""]
    for which, (table, dtype) in enumerate((("DOUBLE", np.float64), ("FLOAT", np.float32))):
        text += [f"{table}: dict[str, tuple[float, ...]] = {{"]
        for name in POLYNOMIALS:
            text += printed(name, dtype, which)
        text += [f'    "{name}": ({", ".join(parts)},),' for name, parts in constants(dtype)]
        text += ["}  # fmt: skip", ""]
    target = Path(__file__).parents[2] / "tinygrad_edu" / "jit" / "native" / "coefficients.py"
    target.write_text("\n".join(text), encoding="utf-8")
