"""The ufuncs of scipy.special with an order or parameters: Bessel, hypergeometric, elliptic, orthogonal polynomials.

Derivatives are taken by the argument; those by an order or a parameter have no closed form, and their rules raise an
error. The formulas are in the Digital Library of Mathematical Functions, chapters 9, 10, 13, 15, 18 and 19.
"""

import math

import numpy as np
from scipy import special

from .registry import Array, Rule, composition, defvjp
from .scipy_special import part, unknown

# Bessel functions: each derivative is half the difference (or sum) of the two neighbors. A cylinder function of order
# 1 takes its neighbors, not f0 - f1 / x, so that it has derivatives of all orders at 0. SciPy
# truncates the n of yn and kn to an integer.
defvjp(special.jv,  unknown(special.jv, "the order"),
                    lambda g, y, v, z: g * ((special.jv(np.subtract(v, 1), z) - special.jv(np.add(v, 1), z)) / 2))
defvjp(special.yv,  unknown(special.yv, "the order"),
                    lambda g, y, v, z: g * ((special.yv(np.subtract(v, 1), z) - special.yv(np.add(v, 1), z)) / 2))
defvjp(special.yn,  unknown(special.yn, "the order"),
                    lambda g, y, n, x: g * ((special.yn(np.trunc(n) - 1, x) - special.yn(np.trunc(n) + 1, x)) / 2))
defvjp(special.iv,  unknown(special.iv, "the order"),
                    lambda g, y, v, z: g * ((special.iv(np.subtract(v, 1), z) + special.iv(np.add(v, 1), z)) / 2))
defvjp(special.kv,  unknown(special.kv, "the order"),
                    lambda g, y, v, z: g * ((special.kv(np.subtract(v, 1), z) + special.kv(np.add(v, 1), z)) / -2))
defvjp(special.kn,  unknown(special.kn, "the order"),
                    lambda g, y, n, x: g * ((special.kn(np.trunc(n) - 1, x) + special.kn(np.trunc(n) + 1, x)) / -2))
defvjp(special.j0,  lambda g, y, x: -g * special.j1(x))
defvjp(special.j1,  lambda g, y, x: g * ((special.j0(x) - special.jv(2, x)) / 2))
defvjp(special.y0,  lambda g, y, x: -g * special.y1(x))
defvjp(special.y1,  lambda g, y, x: g * ((special.y0(x) - special.yv(2, x)) / 2))
defvjp(special.i0,  lambda g, y, x: g * special.i1(x))
defvjp(special.i1,  lambda g, y, x: g * ((special.i0(x) + special.iv(2, x)) / 2))
defvjp(special.k0,  lambda g, y, x: -g * special.k1(x))
defvjp(special.k1,  lambda g, y, x: -g * (special.k0(x) + y / x))


# Scaled by exp(-|x|) or exp(x). SciPy's ive and kve are NaN from 1e10 on, and i0e, i1e, k0e and k1e are not.
def i1e_slope(i0e: Array, y: Array, x: Array) -> Array:
    """Return i0e - y / x - sign(x) y, near 0 from the order 2 instead of y / x."""
    near = np.less(np.abs(x), 1)
    quotient = np.where(near, (i0e - special.ive(2, np.where(near, x, 0))) / 2, y / np.where(near, 1, x))
    return i0e - quotient - np.sign(x) * y


def scaled_slope(slope: Array, y: Array, x: Array, order: int, sign: int) -> Array:
    """Return the slope of y, far from 0, where it cancels, by Hankel's expansion of sqrt(|x|) y in t = sign / |x|."""
    far = np.greater(np.abs(x), 1e4)
    z = np.where(far, x, 1e4)
    t, mu = sign / np.abs(z), 4 * order**2
    a = 1, (mu - 1) / 8, (mu - 1) * (mu - 9) / 128, (mu - 1) * (mu - 9) * (mu - 25) / 3072
    expansion = a[0] + t * (a[1] + t * (a[2] + t * a[3]))
    return np.where(far, -y * (a[0] + t * (3 * a[1] + t * (5 * a[2] + t * 7 * a[3]))) / expansion / (2 * z), slope)


defvjp(special.ive, unknown(special.ive, "the order"),
                    lambda g, y, v, z: g * ((special.ive(np.subtract(v, 1), z) + special.ive(np.add(v, 1), z)) / 2
                                            - np.sign(z) * y))
defvjp(special.kve, unknown(special.kve, "the order"),
                    lambda g, y, v, z: g * (y - (special.kve(np.subtract(v, 1), z)
                                                 + special.kve(np.add(v, 1), z)) / 2))
defvjp(special.i0e, lambda g, y, x: g * scaled_slope(special.i1e(x) - np.sign(x) * y, y, x, 0, -1))
defvjp(special.i1e, lambda g, y, x: g * scaled_slope(i1e_slope(special.i0e(x), y, x), y, x, 1, -1))
defvjp(special.k0e, lambda g, y, x: g * scaled_slope(y - special.k1e(x), y, x, 0, 1))
defvjp(special.k1e, lambda g, y, x: g * scaled_slope(y - special.k0e(x) - y / x, y, x, 1, 1))

# Of real numbers, jve and yve are jv and yv. Struve's functions solve Bessel's equation with a right-hand side.
defvjp(special.jve, unknown(special.jve, "the order"),
                    lambda g, y, v, z: g * ((special.jve(np.subtract(v, 1), z) - special.jve(np.add(v, 1), z)) / 2))
defvjp(special.yve, unknown(special.yve, "the order"),
                    lambda g, y, v, z: g * ((special.yve(np.subtract(v, 1), z) - special.yve(np.add(v, 1), z)) / 2))
defvjp(special.struve,    unknown(special.struve, "the order"),
                          lambda g, y, v, x: g * (special.struve(np.subtract(v, 1), x) - v / x * y))
defvjp(special.modstruve, unknown(special.modstruve, "the order"),
                          lambda g, y, v, x: g * (special.modstruve(np.subtract(v, 1), x) - v / x * y))

# Airy functions: f'' = x f
airy_a, airy_a_slope = part(special.airy, 0, "airy_a"), part(special.airy, 1, "airy_a_slope")
airy_b, airy_b_slope = part(special.airy, 2, "airy_b"), part(special.airy, 3, "airy_b_slope")
composition(special.airy)(lambda z: (airy_a(z), airy_a_slope(z), airy_b(z), airy_b_slope(z)))
defvjp(airy_a,       lambda g, y, x: g * airy_a_slope(x))
defvjp(airy_a_slope, lambda g, y, x: g * (x * airy_a(x)))
defvjp(airy_b,       lambda g, y, x: g * airy_b_slope(x))
defvjp(airy_b_slope, lambda g, y, x: g * (x * airy_b(x)))

# Hypergeometric functions: the derivative is the same function of raised parameters
defvjp(special.hyp0f1, unknown(special.hyp0f1, "v"),
                       lambda g, y, v, z: g * (special.hyp0f1(np.add(v, 1), z) / v))
defvjp(special.hyp1f1, unknown(special.hyp1f1, "a"), unknown(special.hyp1f1, "b"),
                       lambda g, y, a, b, x: g * (np.divide(a, b) * special.hyp1f1(np.add(a, 1), np.add(b, 1), x)))
defvjp(special.hyperu, unknown(special.hyperu, "a"), unknown(special.hyperu, "b"),
                       lambda g, y, a, b, x: -g * (a * special.hyperu(np.add(a, 1), np.add(b, 1), x)))
defvjp(special.hyp2f1, unknown(special.hyp2f1, "a"), unknown(special.hyp2f1, "b"), unknown(special.hyp2f1, "c"),
                       lambda g, y, a, b, c, z: g * (np.divide(np.multiply(a, b), c) * special.hyp2f1(
                           np.add(a, 1), np.add(b, 1), np.add(c, 1), z)))


# Elliptic integrals. Near m = 0 the derivatives of the complete ones are hypergeometric functions, which have no 0 / 0.
def elliptic_slope(near: Array, a: float, m: Array, difference: Array) -> Array:
    """Return difference / (2 m), and near m = 0 the same as a hypergeometric function."""
    hypergeometric = math.pi / 8 * special.hyp2f1(a, 1.5, 2, np.where(near, m, 0))
    return np.where(near, hypergeometric, difference / (2 * np.where(near, 1, m)))


def ellipk_slope(y: Array, m: Array, complement: Array) -> Array:
    """Return the derivative of K(m) = y by m, where the complement is 1 - m: (E / (1 - m) - K) / (2 m)."""
    near = np.less(np.abs(m), 0.5)
    finite = np.where(np.equal(complement, 0), 0, y)  # K is infinite at 1, but less than 1 / (1 - m)
    return elliptic_slope(near, 1.5, m, special.ellipe(m) / np.where(near, 1, complement) - finite)


defvjp(special.ellipk,    lambda g, y, m: g * ellipk_slope(y, m, 1 - m))
defvjp(special.ellipkm1,  lambda g, y, p: -g * ellipk_slope(y, 1 - p, p))
defvjp(special.ellipe,    lambda g, y, m: -g * elliptic_slope(np.less(np.abs(m), 0.5), 0.5, m, special.ellipk(m) - y))
defvjp(special.ellipkinc, lambda g, y, phi, m: g / np.sqrt(1 - m * np.square(np.sin(phi))),
                          unknown(special.ellipkinc, "m"))
defvjp(special.ellipeinc, lambda g, y, phi, m: g * np.sqrt(1 - m * np.square(np.sin(phi))),
                          unknown(special.ellipeinc, "m"))

# Jacobi's elliptic functions: sn, cn, dn and the amplitude
sn, cn = part(special.ellipj, 0, "sn"), part(special.ellipj, 1, "cn")
dn, amplitude = part(special.ellipj, 2, "dn"), part(special.ellipj, 3, "amplitude")
composition(special.ellipj)(lambda u, m: (sn(u, m), cn(u, m), dn(u, m), amplitude(u, m)))
defvjp(sn,        lambda g, y, u, m: g * (cn(u, m) * dn(u, m)),        unknown(special.ellipj, "m"))
defvjp(cn,        lambda g, y, u, m: -g * (sn(u, m) * dn(u, m)),       unknown(special.ellipj, "m"))
defvjp(dn,        lambda g, y, u, m: -g * (m * sn(u, m) * cn(u, m)),   unknown(special.ellipj, "m"))
defvjp(amplitude, lambda g, y, u, m: g * dn(u, m),                     unknown(special.ellipj, "m"))


# Orthogonal polynomials: the derivative is a polynomial of a lower degree, from the same family or a wider one
def lower(n: Array) -> Array:
    """Return n - 1, and 0 for n = 0, where SciPy's polynomials may be NaN; the factor `positive(n)` is 0 there."""
    return np.where(np.equal(n, 0), 0, np.subtract(n, 1))


def positive(n: Array) -> Array:
    """Return 0 for n = 0, and 1 otherwise."""
    return np.where(np.equal(n, 0), 0.0, 1.0)


def jacobi_slope(n: Array, a: Array | float, b: Array | float, x: Array) -> Array:
    """Return the derivative of a Jacobi polynomial."""
    factor = positive(n) * (np.add(n, 1) + np.add(a, b)) / 2
    return factor * special.eval_jacobi(lower(n), np.add(a, 1), np.add(b, 1), x)


def gegenbauer_slope(n: Array, alpha: Array | float, x: Array) -> Array:
    """Return the derivative of a Gegenbauer polynomial."""
    return positive(n) * (2 * alpha) * special.eval_gegenbauer(lower(n), np.add(alpha, 1), x)


def laguerre_slope(n: Array, alpha: Array | float, x: Array) -> Array:
    """Return the derivative of a generalized Laguerre polynomial."""
    return -positive(n) * special.eval_genlaguerre(lower(n), np.add(alpha, 1), x)


def no_degree(fun: np.ufunc) -> Rule:
    """Return the rule by the degree."""
    return unknown(fun, "the degree")


defvjp(special.eval_legendre,    no_degree(special.eval_legendre),
                                 lambda g, y, n, x: g * jacobi_slope(n, 0, 0, x))
defvjp(special.eval_chebyt,      no_degree(special.eval_chebyt),
                                 lambda g, y, n, x: g * (n * special.eval_chebyu(np.subtract(n, 1), x)))
defvjp(special.eval_sh_legendre, no_degree(special.eval_sh_legendre),
                                 lambda g, y, n, x: g * (2 * jacobi_slope(n, 0, 0, 2 * x - 1)))
defvjp(special.eval_sh_chebyt,   no_degree(special.eval_sh_chebyt),
                                 lambda g, y, n, x: g * (np.multiply(2, n)
                                                         * special.eval_chebyu(np.subtract(n, 1), 2 * x - 1)))
defvjp(special.eval_chebyu,      no_degree(special.eval_chebyu),
                                 lambda g, y, n, x: g * gegenbauer_slope(n, 1, x))
defvjp(special.eval_hermite,     no_degree(special.eval_hermite),
                                 lambda g, y, n, x: g * (np.multiply(2, n) * special.eval_hermite(lower(n), x)))
defvjp(special.eval_hermitenorm, no_degree(special.eval_hermitenorm),
                                 lambda g, y, n, x: g * (n * special.eval_hermitenorm(lower(n), x)))
defvjp(special.eval_laguerre,    no_degree(special.eval_laguerre),
                                 lambda g, y, n, x: g * laguerre_slope(n, 0, x))
defvjp(special.eval_genlaguerre, no_degree(special.eval_genlaguerre),
                                 unknown(special.eval_genlaguerre, "alpha"),
                                 lambda g, y, n, alpha, x: g * laguerre_slope(n, alpha, x))
defvjp(special.eval_gegenbauer,  no_degree(special.eval_gegenbauer), unknown(special.eval_gegenbauer, "alpha"),
                                 lambda g, y, n, alpha, x: g * gegenbauer_slope(n, alpha, x))
defvjp(special.eval_jacobi,      no_degree(special.eval_jacobi), unknown(special.eval_jacobi, "alpha"),
                                 unknown(special.eval_jacobi, "beta"),
                                 lambda g, y, n, alpha, beta, x: g * jacobi_slope(n, alpha, beta, x))
