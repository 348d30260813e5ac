"""What the boxes of a picture say: names, values, gradients and calls, short enough to be read at a glance."""

import operator
import reprlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..engine.rules import name
from ..engine.tensor import Node
from .graph import Box, Frame
from .values import SMALL, format_full, format_number, format_value

WIDE, TALL = 160, 20  # characters and lines of a box
SYMBOLS = {
    np.add: "+", np.subtract: "−", np.multiply: "×", np.divide: "÷", np.power: "**", np.matmul: "@",  # noqa: RUF001
    np.remainder: "%", np.negative: "neg", np.square: "x²", np.sqrt: "√", np.absolute: "|x|",
}  # fmt: skip

Gradients = Mapping[int, Any]  # by a node's place on the tape


def text(box: Box, gradients: Gradients) -> str:
    """What stands in a box, with whatever is long cut short: Graphviz takes no more than 16,384 bytes."""
    lines = "\n".join(_lines(box, gradients)).split("\n")
    lines = lines if len(lines) <= TALL else [*lines[: TALL - 1], "…"]
    return "\n".join(line if len(line) <= WIDE else f"{line[: WIDE - 20]} … {line[-17:]}" for line in lines)


def _lines(box: Box, gradients: Gradients) -> list[str]:
    if box.kind == "folded":
        return folded(box)
    if isinstance(box.of, Frame):
        output = box.of.outputs if len(box.of.outputs) == 1 and not box.named else []
        return [*title(box.of), *[line for y in output for line in described(y, gradients)]]
    if box.arguments:
        return [call(box.of, box.arguments), *([] if box.named else described(box.of, gradients))]
    return described(box.of, gradients) if isinstance(box.of, Node) else [format_value(box.of)]


def details(box: Box, gradients: Gradients) -> str:
    """What a box says when it is pointed at: its values and gradients in full, up to a hundred elements."""
    if box.kind == "folded":
        return "\n".join(folded(box))
    if not isinstance(box.of, Frame):
        calls = [name(box.of.fun)] if box.arguments else []
        return "\n".join(calls + _details(box.of, gradients))
    frame = box.of
    parameters = [] if frame.whose is None else frame.whose.named_parameters()
    return "\n".join(
        [", ".join(title(frame)), *[line for y in frame.outputs for line in _details(y, gradients)]]
        + [f"{p.label or key}: {' '.join(summary(p, gradients))}" for key, p in parameters]
    )


def _details(x: Any, gradients: Gradients) -> list[str]:
    data = np.asarray(x._value if isinstance(x, Node) else x)
    label = [x.label] if isinstance(x, Node) and x.label else []
    found = [f"gradient {format_full(gradients[x.order])}"] if isinstance(x, Node) and x.order in gradients else []
    return [*label, *([f"{data.dtype} {data.shape}"] if data.ndim else []), format_full(data), *found]


def title(frame: Frame) -> list[str]:
    """The lines of a module's name."""
    if frame.whose is None:
        return [frame.kind.__name__ if frame.kind else ""]
    nth, calls = frame.call
    size = sum(p.size for p in frame.whose.parameters())
    return [
        frame.whose.describe(),
        *([f"{size:,} parameters"] if size else []),
        *([f"call {nth} of {calls}"] if calls > 1 else []),
    ]


def folded(box: Box) -> list[str]:
    """The lines of the note that stands for what is not drawn."""
    what = [f"{box.operations:,} operations"] if box.operations else []
    what += [f"{box.of:,} leaves and constants"] if box.of else []
    return [f"… {' and '.join(what)} folded", "max_nodes=None shows all"]


def described(x: Any, gradients: Gradients) -> list[str]:
    """Lines for a node's label, value and gradient."""
    first, *rest = summary(x, gradients)
    return [f"{x.label} = {first}" if x.label else first, *rest]


def summary(x: Any, gradients: Gradients) -> list[str]:
    """A node's value, or its shape where that is large, and the same of its gradient."""
    if x.order not in gradients:
        return [format_value(x.data)]
    g = np.asarray(gradients[x.order])
    return [
        format_value(x.data),
        f"grad {format_value(g)}" if g.size <= SMALL else f"grad norm {format_number(np.linalg.norm(g))}",
    ]


def call(y: Node, arrows: set[int]) -> str:
    """The operation's symbol; as a call where some arguments have no arrow, and dots for those that have."""
    if y.fun is operator.getitem:
        return f"[{index(y.args[1])}]"
    symbol = SYMBOLS.get(y.fun) or getattr(y.fun, "__name__", "") or repr(y.fun)
    if len(arrows) == len(y.args) and not y.kwargs:
        return symbol
    args = ["·" if i in arrows else index(a) for i, a in enumerate(y.args)]
    if len(args) > SMALL:
        args = [*args[:2], "…", args[-1]]
    return f"{symbol}({', '.join(args + [f'{k}={reprlib.repr(v)}' for k, v in y.kwargs.items()])})"


def index(i: Any) -> str:
    """An index, shape or option as one writes it, long ones shortened."""
    if isinstance(i, slice):
        step = "" if i.step is None else f":{i.step}"
        return f"{'' if i.start is None else i.start}:{'' if i.stop is None else i.stop}{step}"
    if isinstance(i, tuple) and any(isinstance(j, slice | np.ndarray) or j in (None, ...) for j in i):
        return ", ".join(map(index, i))
    if isinstance(i, np.ndarray):
        return format_value(i)
    return "..." if i is ... else reprlib.repr(i)
