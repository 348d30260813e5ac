"""Cases for recurrences."""

from hypothesis import strategies as st
from strategies import arrays

from tinygrad_edu.engine.rules import recurrences
from tinygrad_edu.engine.rules.registry import vjps

from .joining import together


@st.composite
def recurrence(draw, fun, *shapes):
    """Draw inputs; a shape names its axes: t steps, n rows, h hidden units, and multiples of these."""
    t, n, h = (
        draw(st.integers(1, 3) if fun in vjps else st.integers(2, 3)),
        draw(st.integers(0, 2)),
        draw(st.integers(1, 2)),
    )
    sizes = {"t": t, "n": n, "7": 7, **{f"{k}h": k * h for k in range(1, 8)}}
    # What gates give lies between -1 and 1; larger numbers would grow beyond what differences resolve.
    drawn = [draw(arrays(shape=tuple(sizes[axis] for axis in shape.split()), low=-1, high=1)) for shape in shapes]
    return (lambda *inputs: fun(inputs) if fun in vjps else together(fun(inputs))), drawn


CASES = {
    recurrences.rnn: recurrence(recurrences.rnn, "n 1h", "1h 1h", "t n 1h"),
    recurrences.lstm: recurrence(recurrences.lstm, "n 1h", "n 1h", "4h 1h", "t n 4h"),
    recurrences.gru: recurrence(recurrences.gru, "n 1h", "3h 1h", "3h", "t n 3h"),
    recurrences.rnn_backward: recurrence(recurrences.rnn_backward, "t n 1h", "t n 1h", "1h 1h"),
    recurrences.lstm_backward: recurrence(recurrences.lstm_backward, "t 7 n 1h", "t 7 n 1h", "n 1h", "4h 1h"),
    recurrences.gru_backward: recurrence(recurrences.gru_backward, "t n 1h", "t n 1h", "n 1h", "3h 1h", "3h", "t n 3h"),
}
