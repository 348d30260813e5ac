"""Cases for the gamma and beta functions of SciPy."""

from hypothesis import strategies as st
from scipy import special
from strategies import binary, broadcastable, unary

from tinygrad_edu.engine.rules import scipy_gamma  # noqa: F401  # the page that the engine reads at need

from .scipy_special import POSITIVE

POLES = {"low": -2.8, "high": 4.0, "away": [-3.0, -2.0, -1.0, 0.0], "gap": 0.2}


def quantile(fun):
    """Return a case by the parameter, from 0.6 to 4, and a probability from 0.2 to 0.8."""
    return st.tuples(st.just(lambda a, p: fun(a - 0.4, p / 5.5)), broadcastable(low=1.0, high=4.4))


def of_beta(fun):
    """Return a case by two parameters from 1 to 3, and a number from 0.2 to 0.6."""
    return st.tuples(st.just(lambda a, b, x: fun(a, b, x / 5)), broadcastable(3, low=1.0, high=3.0))


CASES = {
    special.gamma: unary(special.gamma, **POLES),
    special.gammaln: unary(special.gammaln, **POLES),
    special.loggamma: unary(special.loggamma, **POSITIVE),
    special.rgamma: unary(special.rgamma, low=-3.2, high=4.0, away=[0.5]),
    special.digamma: unary(special.digamma, **POLES),
    special.poch: binary(special.poch, **POSITIVE),
    special.beta: binary(special.beta, **POSITIVE),
    special.betaln: binary(special.betaln, **POSITIVE),
    special.binom: st.tuples(
        st.just(lambda n, k: special.binom(n + 4, k)), broadcastable(low=0.3, high=3.9, away=[1.0, 2.0, 3.0])
    ),
    special.gammainc: binary(special.gammainc, **POSITIVE),
    special.gammaincc: binary(special.gammaincc, **POSITIVE),
    special.gammaincinv: quantile(special.gammaincinv),
    special.gammainccinv: quantile(special.gammainccinv),
    special.betainc: of_beta(special.betainc),
    special.betaincc: of_beta(special.betaincc),
    special.betaincinv: of_beta(special.betaincinv),
    special.betainccinv: of_beta(special.betainccinv),
}
