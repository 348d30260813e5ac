"""A computation graph as a picture: reading the tape from a tensor back to its leaves.

Sharp boxes are tensors (blue: takes a gradient and comes from nowhere; green: a named result, and the tensor
drawn; grey and dashed: a constant), round ones operations. A result without a name shares its operation's
box. Each shows its value and gradient where they are small, its shape and gradient's norm where not; nothing
is computed or changed. Graphviz lays out: the `dot` program where it is on PATH, else pygraphviz.
"""

import operator
import os
import reprlib
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..backprop import parent, toposort
from ..tensor import Node

if TYPE_CHECKING:
    import graphviz

SMALL = 6  # elements of an array that are still written out
CROSSED = 10_000  # columns that edges cross, as much as `dot` lays out in a few seconds
FORMATS = ("gv", "svg", "png", "pdf")
SYMBOLS = {
    np.add: "+", np.subtract: "−", np.multiply: "×", np.divide: "÷", np.power: "**", np.matmul: "@",  # noqa: RUF001
    np.remainder: "%", np.negative: "neg", np.square: "x²", np.sqrt: "√", np.absolute: "|x|",
}  # fmt: skip
COMMUTATIVE = {np.add, np.multiply, np.maximum, np.minimum}

# Okabe and Ito's colours as borders, tints of them under black text; edges in a grey that stands out from
# white and from black alike, so that one transparent picture serves both.
GREY = "#767676"
FONT = "Helvetica,Arial,sans-serif"
STYLES = {
    "operation": {"shape": "box", "style": "filled,rounded", "fillcolor": "#ffe7bd", "color": "#b87a00"},
    "leaf": {"shape": "box", "style": "filled", "fillcolor": "#d3e9f8", "color": "#0072b2"},
    "result": {"shape": "box", "style": "filled,bold", "fillcolor": "#d2f0e5", "color": "#00805c"},
    "constant": {"shape": "box", "style": "filled,dashed", "fillcolor": "#efefef", "color": GREY},
}


class LayoutError(RuntimeError):
    """Nothing on this machine can lay a graph out; the message says what to install."""


class Drawing:
    """A graph in the DOT language, to save as a picture or to look at in a notebook."""

    def __init__(self, graph: "graphviz.Digraph", summary: str) -> None:
        self._graph, self._summary = graph, summary

    @property
    def source(self) -> str:
        """The graph in the DOT language."""
        return str(self._graph.source)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the picture and return its path; the suffix says how: .svg, .png, .pdf, .gv for the source.

        An unknown suffix raises ValueError, a picture that nothing can lay out LayoutError; whatever fails,
        what stood at the path stays.
        """
        path = Path(path)
        form = path.suffix[1:].lower()
        if form not in FORMATS:
            raise ValueError(f"Drawing.save: {str(path)!r} must end in one of .{', .'.join(FORMATS)}")
        picture = self.source.encode() if form == "gv" else _lay_out(self._graph, form)
        beside = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            beside.write_bytes(picture)
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)
        return path

    def _repr_svg_(self) -> str | None:
        try:
            return _lay_out(self._graph, "svg").decode()
        except LayoutError:
            return None  # the notebook then prints the plain repr

    def __repr__(self) -> str:
        return f'<Drawing of {self._summary}; .save("graph.svg") makes the picture>'


def draw(tensor: Node, rankdir: str = "LR") -> Drawing:
    """The graph that made `tensor` (a Tensor or Value), from left to right or, with "TB", from top to bottom.

    Arguments stand in their order where Graphviz finds a way, and are numbered where the operation tells them
    apart. Gradients appear once `backward` has run.
    """
    if not isinstance(tensor, Node):
        raise TypeError(f"draw takes the Tensor or Value whose graph to draw, not {type(tensor).__name__}")
    if rankdir not in ("LR", "TB"):
        raise ValueError(f'draw: rankdir is "LR" (left to right) or "TB" (top to bottom), not {rankdir!r}')
    import graphviz

    graph = graphviz.Digraph(
        graph_attr={"rankdir": rankdir, "bgcolor": "transparent", "nodesep": "0.2", "ranksep": "0.35"},
        node_attr={
            "ordering": "in", "fontname": FONT, "fontsize": "12", "height": "0.3", "margin": "0.12,0.06",
        },
        edge_attr={
            "color": GREY, "arrowsize": "0.7", "fontname": FONT, "fontsize": "10", "fontcolor": GREY,
            "labeldistance": "1.8", "labelangle": "-30",
        },
    )  # fmt: skip
    counts = dict.fromkeys(STYLES, 0)
    drawn: dict[int, str] = {}  # by identity, as arrays have no hash: what the picture calls each thing
    edges: list[tuple[str, str]] = []

    def box(kind: str, *lines: str) -> str:
        counts[kind] += 1
        graph.node(f"{kind}{counts[kind]}", _escape("\n".join(lines)), **STYLES[kind])
        return f"{kind}{counts[kind]}"

    def edge(tail: str, head: str, number: int | None = None) -> None:
        edges.append((tail, head))
        graph.edge(tail, head, headlabel=number and str(number))

    def argument(a: Any) -> str:
        if not isinstance(a, Node) and not np.ndim(a):
            return box("constant", _value(a))
        if id(a) not in drawn:
            drawn[id(a)] = box("constant", *(_described(a) if isinstance(a, Node) else [_value(a)]))
        return drawn[id(a)]

    for y in toposort(tensor)[::-1]:
        if y.fun is None:
            drawn[id(y)] = box("leaf" if y.requires_grad else "constant", *_described(y))
            continue
        tails = {
            i: argument(parent(y, i) if isinstance(a, Node) else a)
            for i, a in enumerate(y.args)
            if isinstance(a, Node)
            or isinstance(y.fun, np.ufunc)
            or (isinstance(a, np.ndarray) and y.fun is not operator.getitem)  # that writes its index itself
        }
        named = y.label or y is tensor
        operation = drawn[id(y)] = box("operation", _call(y, tails), *([] if named else _described(y)))
        for i, tail in tails.items():
            edge(tail, operation, i + 1 if len(tails) > 1 and y.fun not in COMMUTATIVE else None)
        if named:
            drawn[id(y)] = box("result", *_described(y))
            edge(operation, drawn[id(y)])
    _place(graph, edges)
    name = f"{type(tensor).__name__} {tensor.label!r}" if tensor.label else type(tensor).__name__
    return Drawing(graph, f"{name}, operations: {counts['operation']}")


def _place(graph: "graphviz.Digraph", edges: list[tuple[str, str]]) -> None:
    """Where `dot` would take minutes, put the boxes on a grid: a column for each step from the leaves.

    Its work grows with the columns that all edges together cross, faster than in proportion.
    """
    column: dict[str, int] = {}
    for tail, head in edges:  # in the order of the tape: what leads to the tail came before
        column[head] = max(column.get(head, 1), column.get(tail, 0) + 1)
    leaves: dict[str, int] = {}  # just before what uses them first
    for tail, head in edges:
        if tail not in column:
            leaves[tail] = min(leaves.get(tail, column[head]), column[head] - 1)
    column |= leaves
    if sum(column[head] - column[tail] for tail, head in edges) < CROSSED:
        return
    rows = dict.fromkeys(column.values(), 0)
    for box, n in column.items():
        x, y = (n, rows[n]) if graph.graph_attr["rankdir"] == "LR" else (rows[n], n)
        graph.node(box, pos=f"{220 * x},{-80 * y}")
        rows[n] += 1
    graph.graph_attr.update(layout="nop", splines="line", outputorder="edgesfirst")


def _described(x: Any) -> list[str]:
    """Lines for a node's label, value and gradient."""
    lines = [f"{x.label} = {_value(x.data)}" if x.label else _value(x.data)]
    if x.grad is not None and x.requires_grad:
        g = np.asarray(x.grad)
        lines.append(f"grad {_value(g)}" if g.size <= SMALL else f"grad norm {_number(np.linalg.norm(g))}")
    return lines


def _value(x: Any) -> str:
    x = np.asarray(x)
    if not 0 < x.size <= SMALL:
        return f"array {x.shape}"
    text = np.array2string(x, separator=", ", formatter={"float_kind": _number, "bool": str})
    return " ".join(text.split()).replace("[ ", "[")  # NumPy aligns columns


def _number(x: Any) -> str:
    return f"{x + 0.0:.4g}"  # adding 0 turns -0 into 0


def _call(y: Node, edges: dict[int, str]) -> str:
    """The operation's symbol; as a call where some arguments have no edge, and dots for those that have."""
    if y.fun is operator.getitem:
        return f"[{_index(y.args[1])}]"
    symbol = SYMBOLS.get(y.fun) or getattr(y.fun, "__name__", "") or repr(y.fun)
    if len(edges) == len(y.args) and not y.kwargs:
        return symbol
    args = ["·" if i in edges else _index(a) for i, a in enumerate(y.args)]
    return f"{symbol}({', '.join(args + [f'{k}={reprlib.repr(v)}' for k, v in y.kwargs.items()])})"


def _index(i: Any) -> str:
    """An index, shape or option as one writes it, long ones shortened."""
    if isinstance(i, slice):
        step = "" if i.step is None else f":{i.step}"
        return f"{'' if i.start is None else i.start}:{'' if i.stop is None else i.stop}{step}"
    if isinstance(i, tuple) and any(isinstance(j, slice | np.ndarray) or j in (None, ...) for j in i):
        return ", ".join(map(_index, i))
    if isinstance(i, np.ndarray):
        return _value(i)
    return "..." if i is ... else reprlib.repr(i)


def _escape(text: str) -> str:
    """Text that Graphviz shows as written: no escapes, HTML, entities, or characters that XML forbids."""
    import graphviz

    shown = "".join(ascii(c)[1:-1] if unicodedata.category(c) in ("Cc", "Cs", "Cn") and c != "\n" else c for c in text)
    escaped: str = graphviz.nohtml(graphviz.escape(shown.replace("&", "&amp;")).replace("\n", "\\n"))
    return escaped


def _lay_out(graph: "graphviz.Digraph", form: str) -> bytes:
    """The picture, by the first that can make it: the `dot` program, pygraphviz."""
    import graphviz as gv

    failures = []
    try:
        return bytes(graph.pipe(form, quiet=True))
    except gv.ExecutableNotFound:
        failures.append("no `dot` on PATH")
    except (gv.CalledProcessError, OSError) as error:
        reason = (getattr(error, "stderr", None) or b"").decode(errors="replace") or str(error)
        failures.append(f"`dot` failed: {' '.join(reason.split())}")
    try:
        import pygraphviz
    except ImportError as error:
        failures.append(f"pygraphviz cannot be imported: {error}")
    else:
        engine = graph.graph_attr.get("layout", "dot")
        return bytes(pygraphviz.AGraph(string=graph.source).draw(format=form, prog=engine))
    raise LayoutError(
        f"a .{form} needs Graphviz: install it (https://graphviz.org/download) so that `dot` is on PATH, "
        'or run `pip install "tinygrad-edu[draw]"`; .source and .save("graph.gv") work without. '
        f"Tried: {'; '.join(failures)}"
    )
