"""Cases for decompositions: matrices whose singular values or eigenvalues are well separated."""

import numpy as np
from hypothesis import strategies as st

from tinygrad_edu.engine.rules import bases, decompositions

from .linalg import joined, matrix, positive, sides


def symmetric(fun):
    """Draw a matrix with separated eigenvalues, the squares of separated singular values."""
    return st.tuples(st.just(lambda a: fun(positive(a))), st.tuples(matrix()))


@st.composite
def triangle(draw, fun):
    which = draw(st.sampled_from(["L", "U"]))
    return draw(symmetric(lambda a: joined([fun(a, which)] if fun is not np.linalg.eigh else fun(a, UPLO=which))))


@st.composite
def svd(draw):
    a, full = draw(matrix(n=sides)), draw(st.booleans())
    if full and a.shape[-1] == a.shape[-2]:
        return (lambda a: joined(np.linalg.svd(a))), (a,)
    if draw(st.integers(0, 3)) == 0:
        return (lambda a: np.linalg.svd(a, full, compute_uv=False)), (a,)
    return (lambda a: joined(np.linalg.svd(a, full_matrices=False))), (a,)


def rectangular(fun):
    return st.tuples(st.just(fun), st.tuples(matrix(n=sides)))


def is_smooth(a):
    """Whether nearby matrices have the same signs in Q: LAPACK takes each from the sign of R_kk (1 - tau_k)."""
    return bool(np.all(np.abs(1 - np.linalg.qr(a, "raw")[1]) > 0.01))


@st.composite
def tall(draw, fun):
    m = draw(sides)
    return fun, (draw(matrix(m, draw(st.integers(0, m))).filter(is_smooth)),)


@st.composite
def qr(draw):
    a = draw(matrix(n=sides).filter(is_smooth))
    return draw(st.sampled_from([lambda a: joined(np.linalg.qr(a)), lambda a: np.linalg.qr(a, mode="r")])), (a,)


@st.composite
def complement(draw):
    """Draw the first columns of an orthogonal matrix, a function of any matrix, and a projector on the others."""
    a = draw(tall(None))[1][0]

    def projector(a):
        y = bases.complement_of(np.linalg.qr(a)[0], bases.complete_vectors(a, "Q"))
        return y @ np.conjugate(np.swapaxes(y, -1, -2))

    return projector, (a,)


CASES = {
    bases.complement_of: complement(),
    np.linalg.cholesky: st.booleans().flatmap(lambda upper: symmetric(lambda a: np.linalg.cholesky(a, upper=upper))),
    decompositions.eigh: triangle(decompositions.eigh),
    np.linalg.eigh: triangle(np.linalg.eigh),
    np.linalg.eigvalsh: triangle(np.linalg.eigvalsh),
    decompositions.svd: rectangular(decompositions.svd),
    np.linalg.svd: svd(),
    np.linalg.svdvals: rectangular(np.linalg.svdvals),
    decompositions.qr: tall(decompositions.qr),
    np.linalg.qr: qr(),
}
