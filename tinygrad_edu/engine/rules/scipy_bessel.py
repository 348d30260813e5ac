"""The ufuncs of scipy.special with an order or parameters: Bessel, hypergeometric, elliptic, orthogonal polynomials.

Derivatives are taken by the argument; those by an order or a parameter have no closed form, and their rules raise an
error. The formulas are in the Digital Library of Mathematical Functions, chapters 9, 10, 13, 15, 18 and 19.
"""

import math

import numpy as np
from scipy import special

from .registry import Array, composition, defvjp
from .scipy_special import ROOT_PI, part, unknown

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


def scaled_slope(slope: Array, y: Array, x: Array, order: Array | int, sign: int) -> Array:
    """Return the slope of y, far from 0, where it cancels, by Hankel's expansion of sqrt(|x|) y in t = sign / |x|."""
    mu = 4 * np.square(order)
    far = np.greater(np.abs(x), 1e4 + 1e4 * mu)
    z = np.where(far, x, 1e4 + 1e4 * mu)
    t = sign / np.abs(z)
    a = 1, (mu - 1) / 8, (mu - 1) * (mu - 9) / 128, (mu - 1) * (mu - 9) * (mu - 25) / 3072
    expansion = a[0] + t * (a[1] + t * (a[2] + t * a[3]))
    return np.where(far, -y * (a[0] + t * (3 * a[1] + t * (5 * a[2] + t * 7 * a[3]))) / expansion / (2 * z), slope)


defvjp(special.ive, unknown(special.ive, "the order"),
                    lambda g, y, v, z: g * scaled_slope((special.ive(np.subtract(v, 1), z)
                                                         + special.ive(np.add(v, 1), z)) / 2 - np.sign(z) * y,
                                                        y, z, v, -1))
defvjp(special.kve, unknown(special.kve, "the order"),
                    lambda g, y, v, z: g * scaled_slope(y - (special.kve(np.subtract(v, 1), z)
                                                             + special.kve(np.add(v, 1), z)) / 2, y, z, v, 1))
defvjp(special.i0e, lambda g, y, x: g * scaled_slope(special.i1e(x) - np.sign(x) * y, y, x, 0, -1))
defvjp(special.i1e, lambda g, y, x: g * scaled_slope(i1e_slope(special.i0e(x), y, x), y, x, 1, -1))
defvjp(special.k0e, lambda g, y, x: g * scaled_slope(y - special.k1e(x), y, x, 0, 1))
defvjp(special.k1e, lambda g, y, x: g * scaled_slope(y - special.k0e(x) - y / x, y, x, 1, 1))

# Struve's functions solve Bessel's equation with a right-hand side.
def struve_slope(fun: np.ufunc, sign: int, y: Array, v: Array, x: Array) -> Array:
    """Return the derivative of y = fun(v, x), fun(v - 1, x) - v y / x; near 0 from the orders v - 1 and v + 1."""
    near = np.less(np.abs(x), 1)
    z = np.where(near, x, 1)
    is_0 = np.equal(v, 0)  # fun(-1, z), whose derivative has infinite terms at 0, is 2 / pi + sign fun(1, z)
    before = np.where(is_0, 2 / math.pi, 0) + np.where(is_0, sign, 1) * fun(np.where(is_0, 1, np.subtract(v, 1)), z)
    right_side = np.power(z / 2, v) * special.rgamma(np.add(v, 1.5)) / ROOT_PI
    by_neighbors = (before + sign * fun(np.add(v, 1), z) + right_side) / 2
    return np.where(near, by_neighbors, fun(np.subtract(v, 1), x) - v * y / np.where(near, 1, x))


# Of real numbers, jve and yve are jv and yv.
defvjp(special.jve, unknown(special.jve, "the order"),
                    lambda g, y, v, z: g * ((special.jve(np.subtract(v, 1), z) - special.jve(np.add(v, 1), z)) / 2))
defvjp(special.yve, unknown(special.yve, "the order"),
                    lambda g, y, v, z: g * ((special.yve(np.subtract(v, 1), z) - special.yve(np.add(v, 1), z)) / 2))
defvjp(special.struve,    unknown(special.struve, "the order"),
                          lambda g, y, v, x: g * struve_slope(special.struve, -1, y, v, x))
defvjp(special.modstruve, unknown(special.modstruve, "the order"),
                          lambda g, y, v, x: g * struve_slope(special.modstruve, 1, y, v, x))

# Airy functions: f'' = x f
airy_a, airy_a_slope = part(special.airy, 0, "airy_a"), part(special.airy, 1, "airy_a_slope")
airy_b, airy_b_slope = part(special.airy, 2, "airy_b"), part(special.airy, 3, "airy_b_slope")
composition(special.airy)(lambda z: (airy_a(z), airy_a_slope(z), airy_b(z), airy_b_slope(z)))
defvjp(airy_a,       lambda g, y, x: g * airy_a_slope(x))
defvjp(airy_a_slope, lambda g, y, x: g * (x * airy_a(x)))
defvjp(airy_b,       lambda g, y, x: g * airy_b_slope(x))
defvjp(airy_b_slope, lambda g, y, x: g * (x * airy_b(x)))

# Hypergeometric functions: the derivative is the same function of raised parameters. Where a or b is a whole number
# from 0 down it is a polynomial, and SciPy's function of a = 0, or of the raised parameters, may be infinite.
def hyp1f1_slope(a: Array, b: Array, x: Array) -> Array:
    """Return the derivative of hyp1f1 by x, which is a / b times 1 for a = 0 and a = -1."""
    is_curve = np.not_equal(a, 0) & np.not_equal(a, -1)
    a_raised, b_raised = (np.where(is_curve, np.add(v, 1), 1) for v in (a, b))
    return np.divide(a, b) * special.hyp1f1(a_raised, b_raised, np.where(is_curve, x, 0))


def hyp2f1_slope(a: Array, b: Array, c: Array, z: Array) -> Array:
    """Return the derivative of hyp2f1 by z, 0 for a = 0 and for b = 0."""
    factor = np.divide(np.multiply(a, b), c)
    is_curve = np.not_equal(factor, 0)
    c, z = np.where(is_curve, np.add(c, 1), 1), np.where(is_curve, z, 0)
    return factor * special.hyp2f1(np.add(a, 1), np.add(b, 1), c, z)


defvjp(special.hyp0f1, unknown(special.hyp0f1, "v"),
                       lambda g, y, v, z: g * (special.hyp0f1(np.add(v, 1), z) / v))
defvjp(special.hyp1f1, unknown(special.hyp1f1, "a"), unknown(special.hyp1f1, "b"),
                       lambda g, y, a, b, x: g * hyp1f1_slope(a, b, x))
defvjp(special.hyperu, unknown(special.hyperu, "a"), unknown(special.hyperu, "b"),
                       lambda g, y, a, b, x: -g * (a * special.hyperu(np.add(a, 1), np.add(b, 1), x)))
defvjp(special.hyp2f1, unknown(special.hyp2f1, "a"), unknown(special.hyp2f1, "b"), unknown(special.hyp2f1, "c"),
                       lambda g, y, a, b, c, z: g * hyp2f1_slope(a, b, c, z))


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


def legendre_slope(n: Array, x: Array) -> Array:
    """Return the derivative of a Legendre polynomial; that of degree -1 - n is the same polynomial."""
    return jacobi_slope(np.maximum(n, np.subtract(-1, n)), 0, 0, x)


def gegenbauer_slope(n: Array, alpha: Array | float, x: Array) -> Array:
    """Return the derivative of a Gegenbauer polynomial; that of degree -1 is 0."""
    n = np.where(np.equal(n, -1), 0, n)
    return positive(n) * (2 * alpha) * special.eval_gegenbauer(lower(n), np.add(alpha, 1), x)


def chebyu_slope(n: Array, x: Array) -> Array:
    """Return the derivative of a Chebyshev polynomial of the second kind; that of degree -2 - n is its negative."""
    negative = np.less(n, -1)
    return np.where(negative, -1, 1) * gegenbauer_slope(np.where(negative, np.subtract(-2, n), n), 1, x)


def laguerre_slope(n: Array, alpha: Array | float, x: Array) -> Array:
    """Return the derivative of a generalized Laguerre polynomial."""
    return -positive(n) * special.eval_genlaguerre(lower(n), np.add(alpha, 1), x)


defvjp(special.eval_legendre,    unknown(special.eval_legendre, "the degree"),
                                 lambda g, y, n, x: g * legendre_slope(n, x))
defvjp(special.eval_chebyt,      unknown(special.eval_chebyt, "the degree"),
                                 lambda g, y, n, x: g * (n * special.eval_chebyu(lower(n), x)))
defvjp(special.eval_sh_legendre, unknown(special.eval_sh_legendre, "the degree"),
                                 lambda g, y, n, x: g * (2 * legendre_slope(n, 2 * x - 1)))
defvjp(special.eval_sh_chebyt,   unknown(special.eval_sh_chebyt, "the degree"),
                                 lambda g, y, n, x: g * (np.multiply(2, n) * special.eval_chebyu(lower(n), 2 * x - 1)))
defvjp(special.eval_chebyu,      unknown(special.eval_chebyu, "the degree"),
                                 lambda g, y, n, x: g * chebyu_slope(n, x))
defvjp(special.eval_hermite,     unknown(special.eval_hermite, "the degree"),
                                 lambda g, y, n, x: g * (np.multiply(2, n) * special.eval_hermite(lower(n), x)))
defvjp(special.eval_hermitenorm, unknown(special.eval_hermitenorm, "the degree"),
                                 lambda g, y, n, x: g * (n * special.eval_hermitenorm(lower(n), x)))
defvjp(special.eval_laguerre,    unknown(special.eval_laguerre, "the degree"),
                                 lambda g, y, n, x: g * laguerre_slope(n, 0, x))
defvjp(special.eval_genlaguerre, unknown(special.eval_genlaguerre, "the degree"),
                                 unknown(special.eval_genlaguerre, "alpha"),
                                 lambda g, y, n, alpha, x: g * laguerre_slope(n, alpha, x))
defvjp(special.eval_gegenbauer,  unknown(special.eval_gegenbauer, "the degree"),
                                 unknown(special.eval_gegenbauer, "alpha"),
                                 lambda g, y, n, alpha, x: g * gegenbauer_slope(n, alpha, x))
defvjp(special.eval_jacobi,      unknown(special.eval_jacobi, "the degree"),
                                 unknown(special.eval_jacobi, "alpha"), unknown(special.eval_jacobi, "beta"),
                                 lambda g, y, n, alpha, beta, x: g * jacobi_slope(n, alpha, beta, x))
