"""Cases for the distribution functions of SciPy."""

from hypothesis import strategies as st
from scipy import special
from strategies import binary, broadcastable

from tinygrad_edu.engine.rules import scipy_distributions  # noqa: F401  # the page that the engine reads at need

from .scipy_gamma import a
from .scipy_special import POSITIVE, parametric

PROBABILITY = {"low": 0.2, "high": 0.8}
k = st.integers(0, 3)


def gdtr(fun):
    """Return a case by the rate, the shape and the argument."""
    return st.tuples(st.just(fun), broadcastable(3, low=0.3, high=2.5))


CASES = {
    special.stdtr: parametric(special.stdtr, a),
    special.chdtr: binary(special.chdtr, **POSITIVE),
    special.chdtrc: binary(special.chdtrc, **POSITIVE),
    special.pdtr: parametric(special.pdtr, k, **POSITIVE),
    special.pdtrc: parametric(special.pdtrc, k, **POSITIVE),
    special.stdtrit: parametric(special.stdtrit, a, **PROBABILITY),
    special.gdtr: gdtr(special.gdtr),
    special.gdtrc: gdtr(special.gdtrc),
    special.fdtr: parametric(special.fdtr, a, a, **POSITIVE),
    special.fdtrc: parametric(special.fdtrc, a, a, **POSITIVE),
    special.owens_t: binary(special.owens_t),
}
