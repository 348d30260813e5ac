"""Cases for the gamma and beta functions of SciPy."""

from hypothesis import strategies as st
from scipy import special
from strategies import binary, broadcastable, unary

from tinygrad_edu.engine.rules import scipy_gamma  # noqa: F401  # the page that the engine reads at need

from .scipy_special import POSITIVE, floats, parametric

POLES = {"low": -2.8, "high": 4.0, "away": [-3.0, -2.0, -1.0, 0.0], "gap": 0.2}
a = floats(0.6, 4)
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
    special.gammainc: parametric(special.gammainc, a, **POSITIVE),
    special.gammaincc: parametric(special.gammaincc, a, **POSITIVE),
    special.gammaincinv: parametric(special.gammaincinv, a, low=0.2, high=0.8),
    special.gammainccinv: parametric(special.gammainccinv, a, low=0.2, high=0.8),
    special.betainc: parametric(special.betainc, a, a, low=0.2, high=0.8),
    special.betaincc: parametric(special.betaincc, a, a, low=0.2, high=0.8),
    special.betaincinv: parametric(special.betaincinv, a, a, low=0.3, high=0.7),
    special.betainccinv: parametric(special.betainccinv, a, a, low=0.3, high=0.7),
}
