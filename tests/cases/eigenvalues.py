"""Cases for eigenvalues that may be complex, with functions that do not depend on the phases of eigenvectors."""

import numpy as np
from hypothesis import strategies as st
from strategies import arrays, unary

from tinygrad_edu.engine.rules import eigenvalues

from .fourier import parts
from .linalg import joined, matrix, some, stacks


@st.composite
def separated(draw, fun):
    """Draw matrices with real eigenvalues, or pairs of complex ones, that are at least 0.3 apart."""
    n, stack = draw(some), draw(stacks)
    v, turn = draw(matrix(n, stack=stack)), draw(st.sampled_from([0.0, 1.0]))
    w = np.diag(np.arange(n) + 1.0)
    if n > 1:
        w[0, 1], w[1, 0] = turn, -turn
    return fun, (v @ w @ np.linalg.inv(v),)


def sizes(a):
    """Return the eigenvalues and the absolute values of the elements of the eigenvectors."""
    y = eigenvalues.eig(a)
    return joined([parts(y[..., 0, :]), np.abs(y[..., 1:, :]) ** 2])


def emath(fun, far=3.0):
    """Draw numbers for which a function of `np.emath` is real or complex."""
    return st.sampled_from([(0.1, 0.9), (0.1, far), (-far, -0.1)]).flatmap(
        lambda ends: unary(lambda x: parts(fun(x)), low=ends[0], high=ends[1], away=[1.0, -1.0])
    )


@st.composite
def logn(draw):
    x = draw(arrays(low=0.2, high=2.0)) * draw(st.sampled_from([1, -1]))
    return (lambda x: parts(np.emath.logn(x.dtype.type(2.5), x))), (x,)


@st.composite
def power(draw):
    x = draw(arrays(low=0.2, high=2.0)) * draw(st.sampled_from([1, -1]))
    return (lambda x: parts(np.emath.power(x, 1.5))), (x,)


CASES = {
    eigenvalues.eig: separated(sizes),
    np.linalg.eig: separated(lambda a: joined([parts(np.linalg.eig(a)[0]), np.abs(np.linalg.eig(a)[1])])),
    np.linalg.eigvals: separated(lambda a: parts(np.linalg.eigvals(a))),
    np.emath.sqrt: emath(np.emath.sqrt),
    np.emath.log: emath(np.emath.log),
    np.emath.log2: emath(np.emath.log2),
    np.emath.log10: emath(np.emath.log10),
    np.emath.arcsin: emath(np.emath.arcsin),
    np.emath.arccos: emath(np.emath.arccos),
    np.emath.arctanh: emath(np.emath.arctanh),
    np.emath.logn: logn(),
    np.emath.power: power(),
}
