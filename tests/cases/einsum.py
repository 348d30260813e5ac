"""Cases for einsum."""

import numpy as np
from hypothesis import strategies as st
from strategies import arrays, broadcastable_shapes

from tinygrad_edu.engine.rules import einsum


@st.composite
def subscripts(draw):
    """Draw letters with lengths, operands that may repeat a letter or have length 1, and kept letters."""
    lengths = {c: draw(st.integers(0, 3)) for c in "abcd"}
    terms = [draw(st.text("abcd", max_size=3)) for _ in range(draw(st.integers(1, 3)))]
    ones = [{c for c in "abcd" if draw(st.integers(0, 4)) == 0} for _ in terms]
    sides = [[1 if c in one else lengths[c] for c in term] for term, one in zip(terms, ones, strict=True)]
    present = sorted(set("".join(terms)))
    kept = "".join(draw(st.permutations(present))[: draw(st.integers(0, len(present)))])
    if draw(st.booleans()):
        for i, shape in enumerate(draw(broadcastable_shapes(len(terms), max_dims=2, max_side=2))):
            if shape or draw(st.booleans()):
                at = draw(st.integers(0, len(terms[i])))
                terms[i] = f"{terms[i][:at]}...{terms[i][at:]}"
                sides[i][at:at] = shape
        at = draw(st.integers(0, len(kept)))
        kept = f"{kept[:at]}...{kept[at:]}"
    kept = draw(st.just(kept) | st.none())
    return terms, kept, [draw(arrays(shape=tuple(s))) for s in sides]


def integers(term):
    """Return the subscripts of one operand as the list of integers of einsum's alternative syntax."""
    return [Ellipsis if c == "." else 3 * "abcd".index(c) for c in term.replace("...", ".")]


@st.composite
def contractions(draw, fun):
    terms, kept, operands = draw(subscripts())
    if fun is einsum.einsum:
        text = ",".join(terms) + ("" if kept is None else f"->{kept}")
        text = einsum.explicit(text, tuple(x.ndim for x in operands))
        return (lambda *operands: fun(*operands, subscripts=text)), operands
    optimize = draw(st.sampled_from([False, True, "greedy", "optimal"]))
    if draw(st.booleans()):
        output = [] if kept is None else [integers(kept)]

        def f(*operands):
            interleaved = [v for x, term in zip(operands, terms, strict=True) for v in (x, integers(term))]
            return np.einsum(*interleaved, *output, optimize=optimize)

        return f, operands
    text = draw(st.sampled_from([",", " , "])).join(terms) + ("" if kept is None else f" -> {kept}")
    return (lambda *operands: np.einsum(text, *operands, optimize=optimize)), operands


CASES = {
    einsum.einsum: contractions(einsum.einsum),
    np.einsum: contractions(np.einsum),
}
