"""The ufuncs of scipy.special that need no order: error functions, entropies, losses, integrals.

The engine reads this page when SciPy is imported, and a function of it first meets a Tensor. Where a derivative by an
argument has no closed form, its rule raises an error. Formulas without a source are in Abramowitz and Stegun.
"""

import math
from typing import NoReturn

import numpy as np
from scipy import special
from scipy.special import _ufuncs

from .elementwise import power_base, power_exponent
from .gamma import quotient, xlog1py, xlogy

from .registry import (  # isort: skip
    Array, Function, Rule, composition, defvjp, name, names, nondifferentiable, pointwise, primitive, promoting,
    refused, rules_of, takes_complex,
)

names.update({f: f"scipy.special.{f.__name__}" for f in vars(special).values() if isinstance(f, np.ufunc)})
promoting.update(f for f in vars(special).values() if isinstance(f, np.ufunc))
names[special.digamma] = "scipy.special.digamma"  # which is special.psi too
ROOT_PI, ROOT_2PI = math.sqrt(math.pi), math.sqrt(2 * math.pi)


def unknown(fun: Function, argument: str) -> Rule:
    """Return the rule of an argument whose derivative has no closed form: it raises TypeError."""

    def no_rule(*args: object) -> NoReturn:
        raise TypeError(
            f"{name(fun)}: its derivative by {argument} has no closed form and no rule; pass a number, an array, or "
            "the .detach() of the Tensor there"
        )

    return no_rule


# Error functions and the normal distribution
@primitive
def erfcx_derivative(x: Array, n: int) -> Array:
    """The n-th derivative of erfcx(x) = exp(x**2) erfc(x) for n > 0, of full precision also where erfcx is small.

    Up to 2 it follows from erfcx' = 2 x erfcx - 2 / sqrt(pi), which cancels further out. There, repeated integrals of
    erfc are the derivatives up to a factor, and the quotient of each to the one before is a continued fraction (7.18.13
    of the Digital Library of Mathematical Functions).
    """
    near, far = np.minimum(x, 2), np.maximum(x, 2)
    y = special.erfcx(near)
    before, y = y, 2 * near * y - 2 / ROOT_PI
    for k in range(1, n):
        before, y = y, 2 * (near * y + k * before)
    fraction, z = far, special.erfcx(far)
    for k in range(n + 60, 0, -1):
        if k <= n:
            z = z * (-k / fraction)
        fraction = far + (k / 2) / fraction
    return np.where(x < 2, y, z)


def hazard(x: Array) -> Array:
    """Return the normal density divided by the probability below x, without overflow or cancellation."""
    return math.sqrt(2 / math.pi) / special.erfcx(x * -math.sqrt(0.5))


def dawson_slope(x: Array, y: Array) -> Array:
    """Return 1 - 2 x y, which cancels far from 0: there by its asymptotic series in r = 1 / (2 x**2)."""
    far = np.greater(np.abs(x), 20)
    r = np.square(1 / np.where(far, x, 20)) / 2
    series = 1 + 3 * r * (1 + 5 * r * (1 + 7 * r * (1 + 9 * r * (1 + 11 * r * (1 + 13 * r * (1 + 15 * r))))))
    return np.where(far, -r * series, 1 - 2 * (x * y))


pointwise.add(erfcx_derivative)
defvjp(special.erf,      lambda g, y, x: g * (2 / ROOT_PI * np.exp(-np.square(x))))
defvjp(special.erfc,     lambda g, y, x: g * (-2 / ROOT_PI * np.exp(-np.square(x))))
defvjp(special.erfi,     lambda g, y, x: g * (2 / ROOT_PI * np.exp(np.square(x))))
defvjp(special.erfinv,   lambda g, y, x: g * (ROOT_PI / 2 * np.exp(np.square(y))))
defvjp(special.erfcinv,  lambda g, y, x: g * (-ROOT_PI / 2 * np.exp(np.square(y))))
defvjp(special.erfcx,    lambda g, y, x: g * erfcx_derivative(x, 1))
defvjp(erfcx_derivative, lambda g, y, x, n: g * erfcx_derivative(x, n + 1))
defvjp(special.dawsn,    lambda g, y, x: g * dawson_slope(x, y))
defvjp(special.ndtr,     lambda g, y, x: g * (np.exp(np.square(x) / -2) / ROOT_2PI))
defvjp(special.log_ndtr, lambda g, y, x: g * hazard(x))
defvjp(special.ndtri,    lambda g, y, p: g * (ROOT_2PI * np.exp(np.square(y) / 2)))
defvjp(special.ndtri_exp, lambda g, y, p: g / hazard(y))

# The logistic function and its inverse
defvjp(special.expit,     lambda g, y, x: g * (y * special.expit(-x)))
defvjp(special.log_expit, lambda g, y, x: g * special.expit(-x))
defvjp(special.logit,     lambda g, y, p: g / (p * (1 - p)))

# Entropies and divergences
def log_quotient(x: Array, y: Array) -> Array:
    """Return log(x / y), also where x / y leaves the range of numbers."""
    near = np.less(np.multiply(x, 1e-4), y) & np.less(np.multiply(y, 1e-4), x)
    return np.log(x / np.where(near, y, 1)) - np.log(np.where(near, 1, y))


defvjp(special.xlogy,    *rules_of(xlogy))
defvjp(special.xlog1py,  *rules_of(xlog1py))
defvjp(special.entr,     lambda g, y, x: g * (-1 - np.log(x)))
defvjp(special.rel_entr, lambda g, r, x, y: g * (log_quotient(x, y) + 1),
                         lambda g, r, x, y: -g * quotient(x, y))
defvjp(special.kl_div,   lambda g, r, x, y: g * log_quotient(x, y),
                         lambda g, r, x, y: g * (1 - quotient(x, y)))


# Losses and powers
def huber_delta(g: Array, y: Array, delta: Array, r: Array) -> Array:
    """|r| - delta where that is positive."""
    return g * np.maximum(np.abs(r) - delta, 0)


def pseudo_huber_delta(g: Array, y: Array, delta: Array, r: Array) -> Array:
    """r**4 / (h (h + delta)**2) with h = hypot(delta, r), and 0 at the origin."""
    h = nonzero_hypot(delta, r)
    return g * (r * (r / h) * np.square(r / (h + delta)))


def nonzero_hypot(a: Array, b: Array) -> Array:
    """Return hypot(a, b), and 1 at the origin."""
    h = np.hypot(a, b)
    return np.where(np.equal(h, 0), 1, h)


defvjp(special.huber,        huber_delta,
                             lambda g, y, delta, r: g * np.clip(r, -delta, delta))
defvjp(special.pseudo_huber, pseudo_huber_delta,
                             lambda g, y, delta, r: g * (delta * (r / nonzero_hypot(delta, r))))
defvjp(special.powm1,        power_base,
                             lambda g, y, a, b: power_exponent(g, np.power(a, b), a, b))
defvjp(special.cbrt,         lambda g, y, x: g / (3 * y * y))
defvjp(special.exp2,         lambda g, y, x: g * (y * math.log(2)))
defvjp(special.exp10,        lambda g, y, x: g * (y * math.log(10)))
defvjp(special.expm1,        lambda g, y, x: g * (y + 1))
defvjp(special.log1p,        lambda g, y, x: g / (1 + x))
defvjp(special.cosm1,        lambda g, y, x: -g * np.sin(x))


def exprel_slope(x: Array) -> Array:
    """Return the derivative of exprel(x) = (exp(x) - 1) / x, a confluent hypergeometric function."""
    return special.hyp1f1(2, 3, x) / 2


def box_cox_lmbda(g: Array, log: Array, lmbda: Array) -> Array:
    """The rule by lmbda of log exprel(lmbda log), which is (exp(lmbda log) - 1) / lmbda: at log(0), -1 / lmbda."""
    at_0 = np.equal(log, -np.inf)
    log = np.where(at_0, 0, log)
    return g * np.where(at_0, 1 / np.square(np.where(at_0, lmbda, 1)), np.square(log) * exprel_slope(lmbda * log))


defvjp(special.exprel,   lambda g, y, x: g * exprel_slope(x))
defvjp(special.boxcox,   lambda g, y, x, lmbda: g * np.power(x, np.subtract(lmbda, 1)),
                         lambda g, y, x, lmbda: box_cox_lmbda(g, np.log(x), lmbda))
defvjp(special.boxcox1p, lambda g, y, x, lmbda: g * np.power(1 + x, np.subtract(lmbda, 1)),
                         lambda g, y, x, lmbda: box_cox_lmbda(g, np.log1p(x), lmbda))
defvjp(special.inv_boxcox, lambda g, x, y, lmbda: g * np.power(x, np.subtract(1, lmbda)),
                           lambda g, x, y, lmbda: -(box_cox_lmbda(g, np.log(x), lmbda)
                                                    * np.power(x, np.subtract(1, lmbda))))
defvjp(special.inv_boxcox1p, lambda g, x, y, lmbda: g * np.power(1 + x, np.subtract(1, lmbda)),
                             lambda g, x, y, lmbda: -(box_cox_lmbda(g, np.log1p(x), lmbda)
                                                      * np.power(1 + x, np.subtract(1, lmbda))))
defvjp(special.wrightomega, lambda g, y, x: g * (y / (1 + y)))

# Degrees
DEGREE = math.pi / 180
defvjp(special.sindg, lambda g, y, x: g * (DEGREE * special.cosdg(x)))
defvjp(special.cosdg, lambda g, y, x: g * (-DEGREE * special.sindg(x)))
defvjp(special.tandg, lambda g, y, x: g * (DEGREE * (1 + y * y)))
defvjp(special.cotdg, lambda g, y, x: g * (-DEGREE * (1 + y * y)))


# Integrals. A ufunc with several results is composed of primitives with one.
def expn_before(n: Array, x: Array) -> Array:
    """Return expn(n - 1, x); -expn(-1, x) is the derivative of expn(0, x) = exp(-x) / x."""
    n = np.trunc(n)  # as SciPy does, with a warning
    return np.where(np.equal(n, 0), np.exp(-x) * (1 + x) / np.square(x), special.expn(np.maximum(n, 1) - 1, x))


def spence_slope(x: Array) -> Array:
    """Return log(x) / (1 - x), near 1 as a hypergeometric function, which has no 0 / 0 there."""
    near = np.less(np.abs(x - 1), 0.5)
    z = np.where(near, 2, x)
    return np.where(near, -special.hyp2f1(1, 1, 2, np.where(near, 1 - x, 0)), np.log(z) / (1 - z))


def part(fun: np.ufunc, i: int, letters: str) -> Function:
    """Return the i-th result of `fun` as a primitive."""

    def one(*args: Array) -> Array:
        return fun(*args)[i]

    one.__name__ = one.__qualname__ = letters
    one.__doc__ = f"Result {i} of `{fun.__name__}`."
    call = primitive(one)
    pointwise.add(call)
    return call


sine_integral, cosine_integral = part(special.sici, 0, "sine_integral"), part(special.sici, 1, "cosine_integral")
sinh_integral, cosh_integral = part(special.shichi, 0, "sinh_integral"), part(special.shichi, 1, "cosh_integral")
fresnel_s, fresnel_c = part(special.fresnel, 0, "fresnel_s"), part(special.fresnel, 1, "fresnel_c")
composition(special.sici)(lambda x: (sine_integral(x), cosine_integral(x)))
composition(special.shichi)(lambda x: (sinh_integral(x), cosh_integral(x)))
composition(special.fresnel)(lambda x: (fresnel_s(x), fresnel_c(x)))

defvjp(sine_integral,   lambda g, y, x: g * np.sinc(x / math.pi))
defvjp(cosine_integral, lambda g, y, x: g * (np.cos(x) / x))
defvjp(sinh_integral,   lambda g, y, x: g * ((special.exprel(x) + special.exprel(-x)) / 2))
defvjp(cosh_integral,   lambda g, y, x: g * (np.cosh(x) / x))
defvjp(fresnel_s,       lambda g, y, x: g * np.sin(math.pi / 2 * np.square(x)))
defvjp(fresnel_c,       lambda g, y, x: g * np.cos(math.pi / 2 * np.square(x)))
defvjp(special.expi,    lambda g, y, x: g * (np.exp(x) / x))
defvjp(special.exp1,    lambda g, y, x: g * (-np.exp(-x) / x))
defvjp(special.expn,    unknown(special.expn, "n"),
                        lambda g, y, n, x: -g * expn_before(n, x))
defvjp(special.spence,  lambda g, y, x: g * spence_slope(x))
takes_complex.update([  # whose rules hold for complex numbers as they are
    special.erf, special.erfc, special.erfi, special.exp1, special.expi, special.wrightomega, special.xlogy,
    special.xlog1py,
])  # fmt: skip
nondifferentiable(special.round)
refused(
    "its results are complex, and it has no rule; jv and yv, which have, are the two parts of hankel1",
    special.hankel1, special.hankel1e, special.hankel2, special.hankel2e,
)
refused("its results are complex, and it has no rule; special.erfcx(y), which has, is its value at i y", special.wofz)
for hidden, shown in {"_lambertw": "lambertw", "_zeta": "zeta", "_riemann_zeta": "zeta"}.items():
    if f := getattr(_ufuncs, hidden, None):  # which a function of Python with the name that users know calls
        names[f] = f"scipy.special.{shown}"
        refused(f"it has no rule; call {shown} in a function of yours with @tg.primitive, and a rule by tg.defvjp", f)
