"""Cases for the distribution functions of SciPy."""

from hypothesis import strategies as st
from scipy import special
from strategies import binary, broadcastable

from tinygrad_edu.engine.rules import scipy_distributions  # noqa: F401  # the page that the engine reads at need

from .scipy_gamma import quantile
from .scipy_special import POSITIVE, parametric

k = st.integers(0, 3)


def of_three(fun):
    """Return a case by two parameters and the argument."""
    return st.tuples(st.just(fun), broadcastable(3, low=0.3, high=2.5))


CASES = {
    special.stdtr: st.tuples(st.just(lambda df, t: special.stdtr(df, t - 2.2)), broadcastable(low=0.6, high=4.0)),
    special.chdtr: binary(special.chdtr, **POSITIVE),
    special.chdtrc: binary(special.chdtrc, **POSITIVE),
    special.pdtr: parametric(special.pdtr, k, **POSITIVE),
    special.pdtrc: parametric(special.pdtrc, k, **POSITIVE),
    special.stdtrit: quantile(special.stdtrit),
    special.gdtr: of_three(special.gdtr),
    special.gdtrc: of_three(special.gdtrc),
    special.fdtr: of_three(special.fdtr),
    special.fdtrc: of_three(special.fdtrc),
    special.owens_t: binary(special.owens_t),
}
