"""Cases for the ufuncs of SciPy that need no order."""

import numpy as np
from hypothesis import strategies as st
from scipy import special
from strategies import arrays, binary, broadcastable, unary

from tinygrad_edu.engine.rules import scipy_special as page

POSITIVE, INSIDE = {"low": 0.2, "high": 4.0}, {"low": 0.05, "high": 0.95, "gap": 0.0}


@st.composite
def parametric(draw, fun, *parameters, **values):
    """Draw an array for the last argument, and numbers or arrays that broadcast with it for the others.

    Parameters of float64, and SciPy's functions for integers, make a result of float64 also of an argument of float32.
    """
    x = draw(arrays(**values))
    fixed = [draw(p) for p in parameters]
    if draw(st.booleans()):
        fixed = [np.full(x.shape, p) for p in fixed]
    return (lambda x: fun(*fixed, x).astype(x.dtype)), (x,)


@st.composite
def derivative(draw, fun, **values):
    x, n = draw(arrays(**values)), draw(st.integers(1, 3))
    return (lambda x: fun(x, n)), (x,)


@st.composite
def huber(draw):
    delta, r = draw(broadcastable(low=0.5, high=2.0))
    r = np.where(abs(abs(r) - delta) < 0.05, r + 0.2, r) * draw(st.sampled_from([-1, 1]))
    return special.huber, (delta, r)


def floats(low, high):
    return st.floats(low, high).map(lambda v: round(v, 2))


CASES = {
    special.erf: unary(special.erf),
    special.erfc: unary(special.erfc),
    special.erfi: unary(special.erfi),
    special.erfcx: unary(special.erfcx, low=-1.5, high=6.0, away=[2.0]),
    page.erfcx_derivative: derivative(page.erfcx_derivative, low=0.0, high=6.0, away=[2.0]),
    special.dawsn: unary(special.dawsn),
    special.erfinv: unary(special.erfinv, low=-0.9, high=0.9),
    special.erfcinv: unary(special.erfcinv, low=0.1, high=1.9),
    special.ndtr: unary(special.ndtr),
    special.log_ndtr: unary(special.log_ndtr, low=-9.0, high=4.0, away=[-2 * 2**0.5]),
    special.ndtri: unary(special.ndtri, low=0.1, high=0.9),
    special.ndtri_exp: unary(special.ndtri_exp, low=-4.0, high=-0.2),
    special.expit: unary(special.expit),
    special.log_expit: unary(special.log_expit),
    special.logit: unary(special.logit, **INSIDE),
    special.xlogy: binary(special.xlogy, low=0.1),
    special.xlog1py: binary(special.xlog1py, low=-0.8),
    special.entr: unary(special.entr, low=0.1),
    special.rel_entr: binary(special.rel_entr, low=0.2),
    special.kl_div: binary(special.kl_div, low=0.2),
    special.huber: huber(),
    special.pseudo_huber: binary(special.pseudo_huber, low=0.3),
    special.powm1: binary(special.powm1, low=0.3),
    special.cbrt: unary(special.cbrt, low=0.2),
    special.exp2: unary(special.exp2),
    special.exp10: unary(special.exp10, high=1.0),
    special.expm1: unary(special.expm1),
    special.log1p: unary(special.log1p, low=-0.8),
    special.cosm1: unary(special.cosm1),
    special.exprel: unary(special.exprel),
    special.boxcox: st.tuples(
        st.just(lambda x, lmbda: special.boxcox(np.abs(x) + 0.3, lmbda)), broadcastable(away=[0.0])
    ),
    special.boxcox1p: st.tuples(
        st.just(lambda x, lmbda: special.boxcox1p(np.abs(x), lmbda)), broadcastable(away=[0.0])
    ),
    special.inv_boxcox: st.tuples(
        st.just(lambda y, lmbda: special.inv_boxcox(y, lmbda)), broadcastable(low=0.2, high=1.5)
    ),
    special.inv_boxcox1p: st.tuples(
        st.just(lambda y, lmbda: special.inv_boxcox1p(y, lmbda)), broadcastable(low=0.2, high=1.5)
    ),
    special.wrightomega: unary(special.wrightomega),
    special.sindg: unary(special.sindg, low=-90, high=90),
    special.cosdg: unary(special.cosdg, low=-90, high=90),
    special.tandg: unary(special.tandg, low=-45, high=45),
    special.cotdg: unary(special.cotdg, low=30, high=150),
    special.sici: unary(lambda x: np.add(*special.sici(x)), **POSITIVE),
    page.sine_integral: unary(page.sine_integral),
    page.cosine_integral: unary(page.cosine_integral, **POSITIVE),
    special.shichi: unary(lambda x: np.add(*special.shichi(x)), **POSITIVE),
    page.sinh_integral: unary(page.sinh_integral),
    page.cosh_integral: unary(page.cosh_integral, **POSITIVE),
    special.fresnel: unary(lambda x: np.add(*special.fresnel(x))),
    page.fresnel_s: unary(page.fresnel_s),
    page.fresnel_c: unary(page.fresnel_c),
    special.expi: unary(special.expi, **POSITIVE),
    special.exp1: unary(special.exp1, **POSITIVE),
    special.expn: parametric(special.expn, st.integers(0, 4), **POSITIVE),
    special.spence: unary(special.spence, **POSITIVE),
}
