"""The C backend: a recorded step as C, compiled and loaded.

From NumPy call to C line
-------------------------
`np.sum(np.tanh(x * w + 1))`, for x of shape (4, 3) and w of shape (3,), is recorded as four calls: multiply, add, tanh
and sum.

*Which calls become C?* `forms` says which calls have a C form: here all four. Had one been `np.var`, `decompose` would
have made sums of it. `arrange` orders the calls of a program so that those with a C form follow each other, and
`stretches` divides them: a *stretch* is a row of such calls, and becomes one C function of the plan. `lowering` hands
its calls to `stretch`, one by one.

*How is a call written?*

- Where are its operands? `access` says: x is at `p0[i0 * 3 + i1]`, w, which is broadcast, at `p1[i1]`.
- What is it in C? `operations` says: `a * b` for multiply, in the types that NumPy chooses, and `tg_tanh(a)` for tanh.
  `reductions` says that the sum adds up along both axes.
- Which loop is it in? `fusion` says: all four are in one, as each needs only elements that the loop has just computed.

`loops` writes the loop, as lines of a function (`functions`):

    static TG_NOINLINE void loop0(const double *restrict p0, const double *restrict p1, double *restrict r2) {
        tg_sums t0; tg_clear(&t0);
        for (int64_t i0 = 0; i0 < 4; i0++) {
            double b0[3];
            for (int64_t i1 = 0; i1 < 3; i1++) {
                const double x0 = p0[i0 * 3 + i1];
                const double x1 = p1[i1];
                const double v0 = x0 * x1;
                const double v1 = v0 + 1.0;
                const double v2 = tg_tanh(v1);
                b0[i1] = v2;
            }
            tg_add(&t0.s[0], &t0.c[0], tg_few(b0, 3));
        }
        *r2 = tg_total(&t0);
    }

The results of the first three calls are not arrays: they are the variables v0, v1 and v2. The functions of the sum are
in `accumulation`. `tg_tanh` is made by `polynomials` from the text in `elementary` and the numbers in `coefficients`;
a loop with sines or cosines of large numbers calls those of libm (`far`).

*How does Python call it?* `source` joins the functions to one text, with a function `step` that calls them in order.
`binding` says how `step` finds the memory of NumPy's arrays:

    static int step(void *fixed, void *given) {
        if (!PLAIN(given, 0) || !PLAIN(given, 1)) return 2;
        double *const p0 = ARRAY(given, 0);
        double *const p1 = ARRAY(given, 1);
        double s2;
        loop0(p0, p1, &s2);
        ((double *)ARRAY(fixed, 0))[0] = s2;
        return 0;
    }

`compiler` finds a compiler and loads what it makes, and `cache` keeps compiled libraries on disk. The plan then has the
lines

    given1 = (a0, a1, )
    if (s := c(given1)) and (s == 1 or c(plain(given1, [0, 1]))):
        return GUARD_FAILED
    v1 = out[0]

`c` is the compiled `step`. It returns 0 where all went well; 1 where a guard that is checked in C fails (a NaN in a
gradient, an index out of range): the function itself then runs, as in any plan; and 2 where an argument lies in another
order in memory: it is copied, and `c` is called again.

Other files
-----------
`narrow` makes elementwise calls and sums of products of narrow matrices. `products` writes the other products, or hands
them to the BLAS of NumPy itself (`blas`). `indexing` writes what is indexed by arrays of integers. `scratch` gives the
arrays within a stretch their places in one block of memory. `sharing` cuts long loops into parts, and `threads`
computes the parts on all cores.

`printer` and `statements` write a recording as C for a reader (`step.c`), with one loop for each call. That text is not
the one that runs.
"""
