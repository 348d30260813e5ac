"""The C text of what a reduction does with elements: where it begins, and how it combines two partial results."""

from typing import Any

import numpy as np

from .operations import TYPES

STARTS: dict[Any, str] = {np.add: "0", np.multiply: "1", np.maximum: "-INFINITY", np.minimum: "INFINITY"}
COMBINE: dict[Any, str] = {  # two partial results a and b
    np.add: "a + b", np.multiply: "a * b", np.maximum: "(a >= b || a != a ? a : b)",
    np.minimum: "(a <= b || a != a ? a : b)", np.logical_and: "a && b", np.logical_or: "a || b",
}  # fmt: skip
WORDS: dict[Any, str] = {
    np.add: "sum",
    np.multiply: "prod",
    np.maximum: "max",
    np.minimum: "min",
    np.logical_and: "all",
    np.logical_or: "any",
}
SUPPORT = """
static inline REAL tg_NAME_REAL(const REAL *x, int64_t n) {
    REAL s[8];
    int64_t i = 0;
    for (int k = 0; k < 8; k++) s[k] = START;
    for (; i + 8 <= n; i += 8)
        for (int k = 0; k < 8; k++) { const REAL a = s[k], b = x[i + k]; s[k] = COMBINE; }
    for (int k = 0; i < n; i++, k++) { const REAL a = s[k], b = x[i]; s[k] = COMBINE; }
    for (int h = 4; h; h /= 2)
        for (int k = 0; k < h; k++) { const REAL a = s[k], b = s[k + h]; s[k] = COMBINE; }
    return s[0];
}
"""
IN_ORDER = """
static inline REAL tg_NAME_REAL(const REAL *x, int64_t n) { /* as NumPy: in another order, other products overflow */
    REAL a = START;
    for (int64_t i = 0; i < n; i++) { const REAL b = x[i]; a = COMBINE; }
    return a;
}
"""
ADD = """
static inline void tg_add_REAL(REAL *sum, REAL *rest, REAL x) { /* Neumaier: what rounding loses is added at the end */
    const REAL t = *sum + x;
    const REAL lost = FABS(*sum) >= FABS(x) ? (*sum - t) + x : (x - t) + *sum;
    *rest += lost - lost == 0 ? lost : 0;
    *sum = t;
}
"""


def start(fun: np.ufunc, dtype: np.dtype[Any]) -> str:
    """Return the number that a reduction begins with."""
    if fun in (np.logical_and, np.logical_or):
        return "1" if fun is np.logical_and else "0"
    if dtype.kind == "f":
        return STARTS[fun]
    if fun in (np.maximum, np.minimum):
        limit = np.iinfo(dtype).min if fun is np.maximum else np.iinfo(dtype).max
        return (
            f"(({TYPES[dtype.name]}){limit}{'u' if dtype.kind == 'u' else ''})"
            if limit != np.iinfo(np.int64).min
            else "INT64_MIN"
        )
    return "0" if fun is np.add else "1"


def support(used: set[tuple[np.ufunc, np.dtype[Any]]]) -> str:
    """Return the C functions that these reductions call."""
    text = ""
    for fun, dtype in sorted(used, key=str):
        real = TYPES[dtype.name]
        values = {"NAME": WORDS[fun], "REAL": real, "START": start(fun, dtype), "COMBINE": COMBINE[fun]}
        one = IN_ORDER if fun is np.multiply else SUPPORT
        for key, value in values.items():
            one = one.replace(key, value)
        text += one
        if fun is np.add and dtype.kind == "f":
            text += ADD.replace("REAL", real).replace("FABS", "fabs" if real == "double" else "fabsf")
    return text
