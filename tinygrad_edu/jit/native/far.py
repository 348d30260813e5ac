"""Sines and cosines in a loop: by polynomials where all its arguments are near 0, else by libm.

`tg_sin_near` becomes vector instructions and serves up to a limit (`polynomials`), `tg_sin` serves every number. So a
loop with sines is written three times: the first computes nothing but whether an argument is far, and then one of the
two others runs. The first does not write, so the loop may compute in place:

    const double x0 = x[i];
    const double y = tg_sin(x0);
    x[i] = y;

becomes

    {
        int64_t far = 0;
        for (...) {
            const double x0 = x[i];
            const double y = tg_sin_near(x0);
            far |= tg_far(x0);
        }
        if (far)
            for (...) { ... as above ... }
        else
            for (...) { ... with tg_sin_near ... }
    }
"""

import re
from collections.abc import Callable, Iterator, Sequence

CALL = re.compile(r"\btg_(sin|cos)(f?)\(")


def has_sines(body: Sequence[str]) -> bool:
    """Return whether lines of C call sine or cosine."""
    return any(CALL.search(line) for line in body)


def guarded(body: Sequence[str], loop: Callable[[Sequence[str]], list[str]]) -> list[str]:
    """Return the lines of `loop(body)`, or of three loops if the body has sines or cosines.

    `body` is the text of one pass: a line that begins with `const` defines a name, and other lines write.
    """
    if not has_sines(body):
        return loop(body)
    near = [CALL.sub(r"tg_\1_near\2(", line) for line in body]
    check: list[str] = []
    for line, by_polynomial in zip(body, near, strict=True):
        check += [by_polynomial] * line.startswith("const ")
        check += [f"far |= {test};" for test in tests(line)]
    lines = ["int64_t far = 0;", *loop(check), "if (far) {", *indented(loop(body))]
    return ["{", *indented([*lines, "} else {", *indented(loop(near)), "}"]), "}"]


def tests(line: str) -> Iterator[str]:
    """Yield the C expressions that are 1 where an argument of a sine or cosine of a line is far."""
    for call in CALL.finditer(line):
        depth, end = 1, call.end()
        while depth:
            depth += {"(": 1, ")": -1}.get(line[end], 0)
            end += 1
        yield f"tg_far{call[2]}({line[call.end() : end - 1]})"


def indented(lines: Sequence[str]) -> list[str]:
    """Return the lines of an inner block."""
    return [f"    {line}" for line in lines]
