"""C text of elementary functions that compilers turn into vector instructions; `prelude(names)` returns what is needed.

Each function has two names: `tg_exp` of doubles, and `tg_expf` of floats, whose text follows from the double one's. The
results are within 2 ulp of the exact ones, and NaN, infinities, signed zeros and subnormal numbers give what NumPy
gives. No function branches: where two formulas meet, both are computed and one is selected, so that a loop over them
becomes a loop of vector instructions. On processors without fused multiply-add, and for the functions of LIBM, they
are the functions of `math.h`.

How they work
-------------
*exp*: x = k log(2) + r with an integer k, so exp(x) = 2**k exp(r), and exp(r) is a polynomial. Adding MAGIC = 1.5 *
2**52 rounds a number to an integer, which is then the last bits of the sum; shifted into the exponent, they are 2**k.
*log*: x = 2**k (1 + f) with 1 + f from sqrt(1/2) to sqrt(2), and log(1 + f) = 2 atanh(s) with s = f / (2 + f).
*sin*, *cos*: x minus a multiple of pi, in three parts of pi; cos(x) = sin(x + pi/2) with the half turn kept in the
multiple. `tg_sin_near` and `tg_cos_near` do this and serve |x| <= NEAR; `tg_sin` and `tg_cos` serve all x by libm, one
number at a time. `tg_far(x)` is 1 where the near ones do not serve, so a stretch that has computed all arguments of a
loop can choose between two loops.
*tanh*, *sigmoid*, *sinh*, *cosh*, *erf*: by expm1 and exp, in a form in which nothing cancels.

The formulas are those of Muller, Elementary Functions (3rd edition, 2016, chapters 3, 5 and 11). The coefficients are
this project's own: `tests/expected/coefficients.py` computes them.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable

from .coefficients import DOUBLE, FLOAT
from .elementary import DOUBLES, FLOATS

NEAR = {"": 2.0**20, "f": 2.0**46}  # the largest |x| of tg_sin_near and tg_cos_near, for doubles and floats

LIBM = {  # NumPy's name: that of math.h
    **{name: name for name in ("exp", "expm1", "log", "log1p", "tanh", "sinh", "cosh", "sin", "cos", "tan", "erf")},
    **{name: name for name in ("exp2", "log2", "log10", "cbrt", "pow", "hypot")},
    **{f"arc{name}": f"a{name}" for name in ("sin", "cos", "tan", "tan2", "sinh", "cosh", "tanh")},
    "sin_near": "sin",
    "cos_near": "cos",
}
OF_TWO = {"pow", "hypot", "arctan2"}
NAMES = frozenset(f"tg_{name}{end}" for name in (*LIBM, "sigmoid", "logaddexp", "far") for end in ("", "f"))

CALL = re.compile(r"\b(?:tg_\w+|fma|fabs|copysign)(?=\()")
LITERAL = re.compile(r"(?<![\w.])\d+\.\d+(?![\w.])")
POLYNOMIAL = re.compile(r"^    (double|float) (\w+) = ([A-Z]+)\((\w+)\);$", re.MULTILINE)


def prelude(names: Iterable[str]) -> str:
    """Return the C text that defines some of NAMES, with the `#include` lines that it needs.

    >>> print(prelude(["tg_tan"]))
    #include <math.h>
    #include <stdint.h>
    #include <string.h>
    static inline double tg_tan(double x) { return tan(x); }
    <BLANKLINE>
    """
    wanted = set(names)
    if unknown := sorted(wanted - NAMES):
        raise ValueError(f"prelude: no C text of {', '.join(unknown)}; there is {', '.join(sorted(NAMES))}")
    for name in wanted & {"tg_sin", "tg_cos", "tg_sinf", "tg_cosf"}:  # for loops that choose
        end = name[6:]
        wanted |= {f"{name[:6]}_near{end}", f"tg_far{end}"}
    texts, plain = _texts(), _plain()
    inner, waiting = set[str](), sorted(wanted & texts.keys())
    while waiting:  # what these call
        if (name := waiting.pop()) not in inner:
            inner.add(name)
            waiting += texts.keys() & set(CALL.findall(texts[name]))
    lines = [f"#include <{header}.h>\n" for header in ("math", "stdint", "string")]
    lines += [plain[name] for name in sorted(wanted - texts.keys())]
    if inner:
        lines += ["#if defined(__FMA__) || defined(__ARM_FEATURE_FMA)\n"]
        lines += [text for name, text in texts.items() if name in inner]
        lines += ["#else\n", *(plain[name] for name in sorted(wanted & texts.keys())), "#endif\n"]
    return "".join(lines)


@functools.cache
def _texts() -> dict[str, str]:
    """Return {name: text} of the functions with polynomials."""
    ends = {"EXP_LOW": -746.0, "EXP_HIGH": 710.0, "EXPM1_LOW": -40.0, "EXPM1_HIGH": 711.0}  # gives 0, inf, -1, inf
    double = _constants(52, 1023, DOUBLE, ends, "")
    ends = {"EXP_LOW": -105.0, "EXP_HIGH": 89.0, "EXPM1_LOW": -18.0, "EXPM1_HIGH": 90.0}
    single = _constants(23, 127, FLOAT, ends, "f")
    doubles, floats = _split(DOUBLES), _split(FLOATS)
    translated = {f"{name}f": _as_float(text) for name, text in doubles.items() if f"{name}f" not in floats}
    found = {name: _filled(text, double) for name, text in doubles.items()}
    found |= {name: _filled(text, single) for name, text in translated.items()}
    return found | {name: _filled(text, double) for name, text in floats.items()}


@functools.cache
def _plain() -> dict[str, str]:
    """Return {name: text} of the functions as those of math.h."""
    found = {}
    for real, end, one in (("double", "", "1.0"), ("float", "f", "1.0f")):
        for name, libm in LIBM.items():
            declared, passed = (f"{real} x, {real} y", "x, y") if name in OF_TWO else (f"{real} x", "x")
            body = f"{{ return {libm}{end}({passed}); }}"
            found[f"tg_{name}{end}"] = f"static inline {real} tg_{name}{end}({declared}) {body}\n"
        found[f"tg_sigmoid{end}"] = (
            f"static inline {real} tg_sigmoid{end}({real} x)\n"
            f"{{\n    {real} e = exp{end}(-fabs{end}(x));\n    return (x < 0 ? e : {one}) / ({one} + e);\n}}\n"
        )
        found[f"tg_logaddexp{end}"] = (
            f"static inline {real} tg_logaddexp{end}({real} x, {real} y)\n"
            f"{{\n    {real} rest = log1p{end}(exp{end}(-fabs{end}(x - y)));\n"
            f"    return x == y ? x + log{end}(2) : (x > y ? x : y) + rest;\n}}\n"
        )
        found[f"tg_far{end}"] = f"static inline int tg_far{end}({real} x) {{ return 0; }}\n"
    return found


def _split(text: str) -> dict[str, str]:
    """Return {name: text} of the functions of a C text."""
    found = ["static inline" + part for part in text.split("static inline")[1:]]
    return {CALL.findall(each)[0]: each for each in found}


def _as_float(text: str) -> str:
    """Return the text for floats that does what a text for doubles does."""
    text = text.replace("double", "float").replace("uint64_t", "uint32_t")
    return LITERAL.sub(r"\g<0>f", CALL.sub(r"\g<0>f", text))


def _constants(
    fraction: int, bias: int, table: dict[str, tuple[float, ...]], ends: dict[str, float], end: str
) -> dict[str, str]:
    """Return the constants of the texts, for a type with so many bits of fraction and this bias of the exponent."""
    unit, magic, raised = 2.0**fraction, 1.5 * 2.0**fraction, fraction + 2
    numbers = {
        "MAGIC": magic, "BIASED": magic + bias, "EIGHTH": magic + bias - 3, "UNIT": unit, "UNIT_BIASED": unit + bias,
        "UNIT_RAISED": unit + bias + raised, "RAISE": 2.0**raised, "TINY": 2.0 ** (1 - bias), "SQRT_HALF": 0.5**0.5,
        "SMALL": 0.5 ** (fraction + 2),
        "NEAR": NEAR[end], **ends,
    }  # fmt: skip
    for name, values in table.items():
        numbers |= {name if len(values) == 1 else f"{name}_{i}": x for i, x in enumerate(values, 1)}
    texts = {name: f"{x!r}{end}" if x >= 0 else f"({x!r}{end})" for name, x in numbers.items()}
    return texts | {"MANTISSA": f"{fraction}", "FRACTION": hex((1 << fraction) - 1)}


def _filled(text: str, constants: dict[str, str]) -> str:
    """Return the text with Horner's rule for the names of polynomials, and numbers for the names of constants."""

    def horner(match: re.Match[str]) -> str:
        real, y, name, x = match.groups()
        table, end = (FLOAT, "f") if real == "float" else (DOUBLE, "")
        first, *rest = [f"{c!r}{end}" for c in reversed(table[name])]
        return "\n".join([f"    {real} {y} = {first};", *(f"    {y} = fma{end}({y}, {x}, {c});" for c in rest)])

    text = POLYNOMIAL.sub(horner, text)
    return re.sub(r"\b[A-Z][A-Z_0-9]+\b", lambda word: constants.get(word[0], word[0]), text)
