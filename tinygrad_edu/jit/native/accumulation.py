"""The C text of what a reduction does with elements: where it begins, and how it combines two partial results.

Sums of floats are at least as accurate as NumPy's pairwise sums, for any number of elements and along any axis. Eight
sums of doubles are computed side by side, in vector instructions. With each goes the sum of what rounding has lost,
which is added at the end (Knuth, The Art of Computer Programming, volume 2, section 4.2.2, theorem B; Ogita, Rump and
Oishi, Accurate sum and dot product, SIAM J. Sci. Comput. 26, 2005). So the result is that of twice the precision,
rounded once. Two cases are simpler, and still no less accurate than NumPy's. Fewer than eight elements in a row are
added up in order, as by NumPy. In a long loop that calls no function, 32 elements at a time are added up before what
rounding loses is kept.
"""

from typing import Any

import numpy as np

from .operations import TYPES, literal

STARTS: dict[Any, str] = {
    np.add: "0", np.multiply: "1", np.maximum: "-INFINITY", np.minimum: "INFINITY", np.logical_and: "1",
    np.logical_or: "0",
}  # fmt: skip
COMBINE: dict[Any, str] = {  # two partial results a and b
    np.add: "a + b", np.multiply: "a * b", np.maximum: "(a >= b || a != a ? a : b)",
    np.minimum: "(a <= b || a != a ? a : b)", np.logical_and: "a && b", np.logical_or: "a || b",
}  # fmt: skip
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
SUMS = """
typedef struct { double s[8], c[8]; } tg_sums; /* eight sums, and what rounding has lost in each */

static inline void tg_clear(tg_sums *t) {
    for (int k = 0; k < 8; k++) { t->s[k] = 0.0; t->c[k] = 0.0; }
}

static inline void tg_add(double *s, double *c, double x) { /* Knuth's two-sum */
    const double t = *s + x, u = t - *s;
    *c += (*s - (t - u)) + (x - u);
    *s = t;
}

static inline double tg_end(double s, double c) { /* c is NaN where s has overflowed */
    return c - c == 0 && c != 0 ? s + c : s;
}

static inline double tg_total(const tg_sums *t) {
    double s = t->s[0], c = t->c[0];
    for (int k = 1; k < 8; k++) { tg_add(&s, &c, t->s[k]); c += t->c[k]; }
    return tg_end(s, c);
}

static inline void tg_block(tg_sums *t, const double *x, int64_t n) {
    int64_t i = 0;
    for (; i + 8 <= n; i += 8)
        for (int k = 0; k < 8; k++) tg_add(&t->s[k], &t->c[k], x[i + k]);
    for (int k = 0; i < n; i++, k++) tg_add(&t->s[k], &t->c[k], x[i]);
}

static inline void tg_eight(tg_sums *t, const double *x) {
    for (int k = 0; k < 4; k++) tg_add(&t->s[k], &t->c[k], x[k] + x[k + 4]);
}

static inline double tg_few(const double *x, int64_t n) { /* fewer than eight are added up as in NumPy */
    double s = 0.0;
    for (int64_t i = 0; i < n; i++) s += x[i];
    return s;
}
"""


def start(fun: np.ufunc, dtype: np.dtype[Any]) -> str:
    """Return the number that a reduction begins with."""
    if dtype.kind == "f" or fun not in (np.maximum, np.minimum):
        return STARTS[fun]
    limits = np.iinfo(dtype)
    return literal(limits.min if fun is np.maximum else limits.max, dtype)


def is_sum(fun: object, dtype: np.dtype[Any]) -> bool:
    """Whether a reduction is a sum of floats, which is computed in doubles."""
    return fun is np.add and dtype.kind == "f"


def support(used: set[tuple[np.ufunc, np.dtype[Any]]]) -> str:
    """Return the C functions that these reductions call."""
    text = SUMS if any(is_sum(*one) for one in used) else ""
    for fun, dtype in sorted([one for one in used if not is_sum(*one)], key=str):
        values = {
            "NAME": fun.__name__, "REAL": TYPES[dtype.name], "START": start(fun, dtype), "COMBINE": COMBINE[fun]
        }  # fmt: skip
        one = IN_ORDER if fun is np.multiply else SUPPORT
        for key, value in values.items():
            one = one.replace(key, value)
        text += one
    return text
