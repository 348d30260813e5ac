"""Cases for activations."""

from hypothesis import strategies as st
from strategies import along, unary

from tinygrad_edu.engine.rules import activations


@st.composite
def logsumexp(draw):
    fun, args = draw(along(activations.logsumexp))
    return (lambda x: activations.logsumexp(x, axis=0, keepdims=True)) if draw(st.booleans()) else fun, args


CASES = {
    activations.relu: unary(activations.relu, away=[0.0]),
    activations.limited: unary(lambda x: activations.limited(x, -1.0, 0.5), away=[-1.0, 0.5]),
    activations.hardswish: unary(activations.hardswish, low=-5, high=5, away=[-3.0, 3.0]),
    activations.sigmoid: unary(activations.sigmoid, low=-4, high=4),
    activations.log1pexp: unary(activations.log1pexp, low=-4, high=4),
    activations.erf: unary(activations.erf, low=-3, high=3, away=[-0.5, 0.5]),
    activations.softmax: along(activations.softmax),
    activations.log_softmax: along(activations.log_softmax),
    activations.logsumexp: logsumexp(),
}
