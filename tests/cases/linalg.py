"""Cases for linear algebra."""

import numpy as np
from hypothesis import strategies as st
from strategies import arrays, seeds

from tinygrad_edu.engine.rules import linalg

sides = st.sampled_from([1, 2, 3, 0])
some = st.sampled_from([1, 2, 3])
stacks = st.sampled_from([(), (2,), (1, 2)])


@st.composite
def matrix(draw, m=sides, n=None, stack=stacks):
    """Draw m by n matrices (square without n) with singular values from 0.6 to 2, at least 0.3 apart."""
    m = draw(m) if isinstance(m, st.SearchStrategy) else m
    n = m if n is None else draw(n) if isinstance(n, st.SearchStrategy) else n
    stack = draw(stack) if isinstance(stack, st.SearchStrategy) else stack
    rng = np.random.default_rng(draw(seeds))
    k = min(m, n)
    u = np.linalg.qr(rng.normal(size=(*stack, m, m)))[0][..., :k]
    v = np.linalg.qr(rng.normal(size=(*stack, n, n)))[0][..., :k]
    a = (u * (0.6 + 0.5 * np.arange(k) + rng.uniform(0, 0.2, k))) @ v.swapaxes(-1, -2)
    return a * rng.choice([-1, 1], (*stack, m, 1))  # so that determinants have both signs


def joined(results):
    """Concatenate several results into one vector."""
    return np.concatenate([np.ravel(r) for r in results])


def square(fun):
    return st.tuples(st.just(fun), st.tuples(matrix()))


def positive(a):
    return a @ np.conjugate(a).swapaxes(-1, -2)


@st.composite
def pinv(draw):
    """Draw pseudoinverses of matrices with and without full rank, and of symmetric matrices."""
    kind = draw(st.sampled_from(["full", "short", "symmetric"]))
    if kind == "symmetric":
        a = draw(matrix())
        return (lambda a: np.linalg.pinv(positive(a), hermitian=True)), (a,)
    if kind == "full":
        return np.linalg.pinv, (draw(matrix(n=sides)),)
    m, n, stack = draw(sides), draw(sides), draw(stacks)
    p, q = draw(matrix(m, 1, stack)), draw(matrix(1, n, stack))
    return (lambda p, q: np.linalg.pinv(p @ q, 1e-6)), (p, q)


@st.composite
def solve(draw):
    """Draw equations for one vector, which a stack of matrices may share, and for matrices."""
    n, columns, stack = draw(sides), draw(sides), draw(stacks)
    b = draw(st.sampled_from([(n,), (*stack, n, columns)]))
    return np.linalg.solve, (draw(matrix(n, stack=stack)), draw(arrays(shape=b)))


@st.composite
def lstsq(draw):
    """Return all results that are not constant; for a matrix without full rank, only the solution."""
    m, n, k = draw(sides), draw(sides), draw(sides)
    b = draw(arrays(shape=draw(st.sampled_from([(m,), (m, k)]))))
    if draw(st.booleans()):
        p, q = draw(matrix(m, 1, ())), draw(matrix(1, n, ()))
        return (lambda p, q, b: np.linalg.lstsq(p @ q, b, 1e-6)[0]), (p, q, b)
    a = draw(matrix(m, n, ()))
    return (lambda a, b: joined([r for i, r in enumerate(np.linalg.lstsq(a, b)) if i != 2])), (a, b)


@st.composite
def least_squares(draw):
    m, n, k = draw(sides), draw(sides), draw(sides)
    return (lambda a, b: linalg.lstsq(a, b, 1e-6)), (draw(matrix(m, n, ())), draw(arrays(shape=(m, k))))


@st.composite
def tensorinv(draw):
    shape, ind = draw(st.sampled_from([((2, 1, 1, 2), 2), ((4, 2, 2), 1), ((2, 1, 2), 2), ((2, 2, 1, 4), 3)]))
    a = draw(matrix(int(np.prod(shape[:ind])), stack=()))
    return (lambda a: np.linalg.tensorinv(a, ind)), (a.reshape(shape),)


@st.composite
def tensorsolve(draw):
    a, b, axes = draw(
        st.sampled_from([
            ((2, 2, 2, 2), (2, 2), None), ((4, 2, 2), (4,), None), ((2, 2, 4), (2, 2), None), ((2, 4, 2), (4,), (0, 2)),
            ((3, 3), (3,), (0,)),
        ])
    )  # fmt: skip
    n = int(np.prod(b))
    x = draw(matrix(n, stack=()))
    if axes:
        rest = [i for i in range(len(a)) if i not in axes]
        order = [*rest, *axes]
        x = x.reshape([a[i] for i in order]).transpose(np.argsort(order))
    return (lambda a, b: np.linalg.tensorsolve(a, b, axes)), (x.reshape(a), draw(arrays(shape=b)))


@st.composite
def cofactors_jvp(draw):
    a = draw(matrix())
    return linalg.cofactors_jvp, (draw(arrays(shape=a.shape)), a)


CASES = {
    linalg.mirrored: square(lambda a: linalg.mirrored(positive(a))),
    np.linalg.inv: square(np.linalg.inv),
    np.linalg.pinv: pinv(),
    np.linalg.solve: solve(),
    np.linalg.lstsq: lstsq(),
    linalg.lstsq: least_squares(),
    np.linalg.tensorinv: tensorinv(),
    np.linalg.tensorsolve: tensorsolve(),
    np.linalg.det: square(np.linalg.det),
    linalg.cofactors: square(linalg.cofactors),
    linalg.cofactors_jvp: cofactors_jvp(),
    linalg.slogdet: square(lambda a: linalg.slogdet(a)[..., 1]),
    np.linalg.slogdet: square(lambda a: np.linalg.slogdet(a)[1]),
}
