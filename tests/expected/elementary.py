"""Write elementary.json, the arguments where the C functions err most: `python tests/expected/elementary.py`.

Every float32 is tried (against the C library in double precision), and a hundred million float64 (against it in x86's
extended precision). Takes half an hour with gcc on Linux; `--sparse` tries one in a hundred. Prints the largest error
of each function in units in the last place (ulp): at most 1.82 of the functions of floats (tg_tanhf), and 1.85 of those
of doubles (tg_cos_near).
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from tinygrad_edu.jit.native.polynomials import prelude

EXACT = {
    "exp": "exp{}(x)", "expm1": "expm1{}(x)", "log": "log{}(x)", "log1p": "log1p{}(x)", "tanh": "tanh{}(x)",
    "sinh": "sinh{}(x)", "cosh": "cosh{}(x)", "erf": "erf{}(x)", "sin_near": "sin{}(x)", "cos_near": "cos{}(x)",
    "sigmoid": "(x < 0 ? exp{}(x) / (1 + exp{}(x)) : 1 / (1 + exp{}(-x)))",
}  # fmt: skip
KEPT = 12  # arguments for each function and type
PROGRAM = """
#include <stdio.h>
#include <stdlib.h>
enum { N = 4096, KEPT = %(kept)d };
static REAL x[N], y[N];
static double worst[KEPT];
static REAL at[KEPT];

static double error_in_ulp(REAL y, WIDE exact)
{
    if (isnan(exact)) return isnan(y) ? 0 : INFINITY;
    if (isinf((REAL)exact)) return y == (REAL)exact ? 0 : isfinite(y) && fabs(y) >= LARGEST ? 1 : INFINITY;
    if (isnan(y)) return INFINITY;
    if (exact == 0) return y == 0 && !signbit(y) == !signbit(exact) ? 0 : INFINITY;
    int e;
    frexpl(exact, &e);
    e = e < LOWEST ? LOWEST : e;
    return ldexpl(fabsl(y - (long double)exact), DIGITS - e);
}

static void note(REAL x, double error)
{
    int least = 0;
    for (int i = 0; i < KEPT; i++) {
        if (x == at[i] && worst[i] > 0) return;
        least = worst[i] < worst[least] ? i : least;
    }
    if (error > worst[least]) { worst[least] = error; at[least] = x; }
}

static uint64_t state = 88172645463325252;
static uint64_t drawn(void) { state ^= state << 13; state ^= state >> 7; return state ^= state << 17; }

static REAL argument(uint64_t n)
{
#if DIGITS == 24
    uint32_t bits = n * %(step)d;
    REAL v;
    memcpy(&v, &bits, sizeof v);
#else
    uint64_t bits = drawn();
    REAL v;
    memcpy(&v, &bits, sizeof v);
    static const REAL ranges[] = {0, 1, 4, 40, 800};
    if (n %% 5) v = ldexp((REAL)(int64_t)bits, -63) * ranges[n %% 5];
    if (drawn() %% 4 == 0) v = ldexp(v, -(int)(drawn() %% 60));
    if (drawn() %% 8 == 0) v = 1 + v * 0.01;
    if (drawn() %% 16 == 0) v = 1.5707963267948966 * (drawn() %% 600000) * (1 + ldexp((int)(drawn() %% 9) - 4, -53));
#endif
    return v;
}

int main(void)
{
    for (uint64_t n = 0; n < %(count)d; n += N) {
        for (int i = 0; i < N; i++) {
            x[i] = argument(n + i);
            if (%(near)d && (tg_far%(end)s(x[i]) || isinf(x[i]))) x[i] = 0;
        }
        for (int i = 0; i < N; i++) y[i] = tg_%(name)s%(end)s(x[i]);
        for (int i = 0; i < N; i++) {
            WIDE right = exact(x[i]);
            if (y[i] == (REAL)right && y[i] != 0) continue;  /* rounded as it should be, so surely not the worst */
            note(x[i], error_in_ulp(y[i], right));
        }
    }
    for (int i = 0; i < KEPT; i++) printf("%%a %%.17g\\n", worst[i], (double)at[i]);
}
"""


def worst(name, end, sparse):
    """Return the largest error, and the arguments where a function errs most."""
    real, wide = ("float", "double") if end else ("double", "long double")
    exact = EXACT[name].replace("{}", "" if end else "l")
    step = 101 if sparse else 1
    count = 2**32 // step if end else 2**27 // step
    values = {"kept": KEPT, "step": step, "count": count, "near": "near" in name, "end": end, "name": name}
    defined = {"REAL": real, "WIDE": wide, "DIGITS": 24 if end else 53, "LOWEST": -125 if end else -1021}
    defined["LARGEST"] = "3.4028234e38" if end else "1.797693134862315708e308"
    text = prelude([f"tg_{name}{end}", f"tg_far{end}"]) + "".join(f"#define {n} {v}\n" for n, v in defined.items())
    text += f"static {wide} exact({wide} x) {{ return {exact}; }}\n" + PROGRAM % values
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "worst.c").write_text(text, "utf-8")
        flags = ["-std=c11", "-O3", "-march=native", "-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math", "-w"]
        subprocess.run(["gcc", *flags, "worst.c", "-o", "worst", "-lm"], cwd=folder, check=True)
        printed = subprocess.run([Path(folder, "worst")], capture_output=True, text=True, check=True).stdout
    found = sorted([[float.fromhex(e), float(at)] for e, at in (line.split() for line in printed.splitlines())])
    print(f"tg_{name}{end}: {found[-1][0]:.3f} ulp at {found[-1][1]!r}", flush=True)
    return [at for _, at in found[::-1]]


if __name__ == "__main__":
    kept = {f"tg_{name}{end}": worst(name, end, "--sparse" in sys.argv) for name in EXACT for end in ("", "f")}
    text = json.dumps(kept).replace('], "', '],\n"')
    (Path(__file__).parent / "elementary.json").write_text(text + "\n", "utf-8")
