"""The C backend: a recorded step as C, compiled and loaded.

From NumPy call to C line
-------------------------
`np.sum(np.tanh(x * w + 1))`, for x of shape (4, 3) and w of shape (3,), is recorded as four calls: multiply, add, tanh
and sum. Each has a C form (`forms`), so they are one stretch (`lowering`), after an order of the calls that leaves few
stretches (`arrange`). Had one been `np.var`, `decompose` would have made sums of it. `stretch` takes the calls one by
one.

- Where are its operands? `access` says: x is at `p0[i0 * 3 + i1]`, w, which is broadcast, at `p1[i1]`.
- What is it in C? `operations` says: `a * b` for multiply, in the types that NumPy chooses; `tg_tanh(a)`, a polynomial
  (`polynomials`), for tanh. `reductions` says that the sum adds up along both axes, and `accumulation` how partial sums
  are added.
- Which loop is it in? `fusion` says: all four are in one, as each needs only elements that the loop has just computed.

`loops` writes the loop, as lines of the function (`functions`)

    static TG_NOINLINE void loop0(const double *restrict p0, const double *restrict p1, double *restrict rs2) {
        ...
        for (int64_t i0 = 0; i0 < 4; i0++) {
            double b0[3];
            for (int64_t i1 = 0; i1 < 3; i1++) {
                const double x0 = p0[i0 * 3 + i1];
                const double x1 = p1[i1];
                const double p3 = x0 * x1;
                const double p4 = p3 + 1.0;
                const double p5 = tg_tanh(p4);
                b0[i1] = p5;
            }
            ... tg_few(b0, 3) ...

The results of the first three calls are no arrays: they are variables. `narrow` makes such statements of products of
narrow matrices; `products` writes other products, or hands them to NumPy's own BLAS (`blas`); `indexing` writes what is
indexed by arrays of integers. `sharing` cuts long loops into parts, and `threads` computes those on all cores. `source`
joins the functions to a text with a function `step` that calls them, `scratch` gives arrays within the stretch their
places in one block of memory, and `binding` says how `step` finds the memory of NumPy's arrays. The plan then has the
line

    if (s := c(given1)) and (s == 1 or c(plain(given1, [0]))):
        return GUARD_FAILED

`s` is 1 where a guard that is checked in C fails (a NaN in a gradient, a class number out of range), and the function
itself then runs, as in any plan; it is 2 where an argument lies in another order in memory, and is copied first.

`compiler` finds a compiler and loads what it makes, `cache` keeps compiled libraries on disk. `printer` writes a
recording as C for a reader.
"""
