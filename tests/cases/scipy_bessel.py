"""Cases for the ufuncs of SciPy with an order or parameters."""

import numpy as np
from hypothesis import strategies as st
from scipy import special
from strategies import arrays, unary

from tinygrad_edu.engine.rules import scipy_bessel as page

from .scipy_special import floats, parametric

POSITIVE, UNIT = {"low": 0.3, "high": 4.0}, {"low": -0.9, "high": 0.9}
order, n, degree = st.integers(-2, 3) | floats(-2, 3), st.integers(0, 3), st.integers(0, 5)
c = floats(0.6, 3)


def of_angle(fun):
    return st.tuples(st.just(lambda phi: fun(phi, np.asarray(0.6, phi.dtype))), st.tuples(arrays()))


def elliptic(fun):
    return st.tuples(st.just(lambda u: fun(u, np.asarray(0.6, u.dtype))), st.tuples(arrays()))


CASES = {
    special.jv: parametric(special.jv, order, **POSITIVE),
    special.yv: parametric(special.yv, floats(-1, 2), **POSITIVE),
    special.yn: parametric(special.yn, n, **POSITIVE),
    special.iv: parametric(special.iv, order, **POSITIVE),
    special.kv: parametric(special.kv, floats(-2, 2), **POSITIVE),
    special.kn: parametric(special.kn, n, **POSITIVE),
    special.ive: parametric(special.ive, order, **POSITIVE),
    special.kve: parametric(special.kve, floats(-2, 2), **POSITIVE),
    special.j0: unary(special.j0),
    special.j1: unary(special.j1),
    special.y0: unary(special.y0, **POSITIVE),
    special.y1: unary(special.y1, **POSITIVE),
    special.i0: unary(special.i0),
    special.i1: unary(special.i1),
    special.k0: unary(special.k0, **POSITIVE),
    special.k1: unary(special.k1, **POSITIVE),
    special.i0e: unary(special.i0e, away=[0.0]),
    special.i1e: unary(special.i1e, away=[0.0]),
    special.k0e: unary(special.k0e, **POSITIVE),
    special.k1e: unary(special.k1e, **POSITIVE),
    special.jve: parametric(special.jve, order, **POSITIVE),
    special.yve: parametric(special.yve, floats(-1, 2), **POSITIVE),
    special.struve: parametric(special.struve, floats(0, 2), **POSITIVE),
    special.modstruve: parametric(special.modstruve, floats(0, 2), **POSITIVE),
    special.ellipj: elliptic(lambda u, m: sum(special.ellipj(u, m))),
    page.sn: elliptic(page.sn),
    page.cn: elliptic(page.cn),
    page.dn: elliptic(page.dn),
    page.amplitude: elliptic(page.amplitude),
    special.airy: unary(lambda x: sum(special.airy(x))),
    page.airy_a: unary(page.airy_a),
    page.airy_a_slope: unary(page.airy_a_slope),
    page.airy_b: unary(page.airy_b),
    page.airy_b_slope: unary(page.airy_b_slope),
    special.hyp0f1: parametric(special.hyp0f1, c),
    special.hyp1f1: parametric(special.hyp1f1, c, c),
    special.hyperu: parametric(special.hyperu, c, c, low=0.5),
    special.hyp2f1: parametric(special.hyp2f1, c, c, c, low=-2.0, high=0.6),
    special.ellipk: unary(special.ellipk, low=-2.0, high=0.8),
    special.ellipkm1: unary(special.ellipkm1, low=0.2, high=3.0),
    special.ellipe: unary(special.ellipe, low=-2.0, high=0.8),
    special.ellipkinc: of_angle(special.ellipkinc),
    special.ellipeinc: of_angle(special.ellipeinc),
    special.eval_legendre: parametric(special.eval_legendre, degree, **UNIT),
    special.eval_chebyt: parametric(special.eval_chebyt, degree, **UNIT),
    special.eval_sh_legendre: parametric(special.eval_sh_legendre, degree, low=0.1, high=0.9),
    special.eval_sh_chebyt: parametric(special.eval_sh_chebyt, degree, low=0.1, high=0.9),
    special.eval_chebyu: parametric(special.eval_chebyu, degree, **UNIT),
    special.eval_hermite: parametric(special.eval_hermite, degree, **UNIT),
    special.eval_hermitenorm: parametric(special.eval_hermitenorm, degree, **UNIT),
    special.eval_laguerre: parametric(special.eval_laguerre, degree, **POSITIVE),
    special.eval_genlaguerre: parametric(special.eval_genlaguerre, degree, c, **POSITIVE),
    special.eval_gegenbauer: parametric(special.eval_gegenbauer, degree, c, **UNIT),
    special.eval_jacobi: parametric(special.eval_jacobi, degree, c, c, **UNIT),
}
