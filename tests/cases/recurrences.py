"""Cases for recurrences."""

from hypothesis import strategies as st
from strategies import arrays

from tinygrad_edu.engine.rules import recurrences


@st.composite
def recurrence(draw, fun, gates, states=1, bias=False):
    t, n, hidden = draw(st.integers(1, 3)), draw(st.integers(0, 2)), draw(st.integers(1, 2))
    shapes = [*[(n, hidden)] * states, (gates * hidden, hidden), *[(gates * hidden,)] * bias, (t, n, gates * hidden)]
    return (lambda *inputs: fun(inputs)), [draw(arrays(shape=shape, low=-1)) for shape in shapes]


CASES = {
    recurrences.rnn: recurrence(recurrences.rnn, 1),
    recurrences.lstm: recurrence(recurrences.lstm, 4, states=2),
    recurrences.gru: recurrence(recurrences.gru, 3, bias=True),
}
