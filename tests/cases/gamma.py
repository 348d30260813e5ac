"""Cases for the logarithm of the gamma function, its derivatives, and products with logarithms."""

from hypothesis import strategies as st
from strategies import arrays, binary, unary

from tinygrad_edu.engine.rules import gamma

POLES = [-3.0, -2.0, -1.0, 0.0]


@st.composite
def polygamma(draw):
    n, x = draw(st.integers(0, 2)), draw(arrays(low=0.3, high=15.0) | arrays(low=-2.8, high=4.0, away=POLES, gap=0.3))
    return (lambda x: gamma.polygamma(n, x)), (x,)


CASES = {
    gamma.gammaln: st.one_of(
        unary(gamma.gammaln, low=0.1, high=20.0, away=[13.0]), unary(gamma.gammaln, low=-3.0, away=POLES, gap=0.2)
    ),
    gamma.polygamma: polygamma(),
    gamma.half_step: unary(gamma.half_step, low=0.1, high=80.0, away=[50.0]),
    gamma.log1p_square: unary(gamma.log1p_square, low=-4.0, high=4.0),
    gamma.xlogy: binary(gamma.xlogy, low=0.1),
    gamma.xlog1py: binary(gamma.xlog1py, low=-0.8),
}
