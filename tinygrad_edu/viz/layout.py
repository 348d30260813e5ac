"""Layout of graphs: by Graphviz, or in columns where Graphviz is missing or would take too long."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Hashable, Iterable, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import graphviz

Point = tuple[int, int]
Edge = tuple[int, int]  # indices of the tail, an argument, and of the head, the node computed from it
Vertex = TypeVar("Vertex", bound=Hashable)

MAX_COLUMNS_CROSSED = 3_000  # by all edges together: as much as `dot` lays out in a second
GAP, COLUMN_GAP = 18, 80  # pixels between boxes of a column, and between columns

# Characters by their width in hundredths of the font's size, in DejaVu Sans; of the fonts that browsers use where
# Helvetica is missing (Arial, Liberation Sans, Verdana, DejaVu Sans, ...) it is among the widest.
ADVANCES = {
    28: "ijl'", 30: "IJ", 34: " ,./:;|\\", 40: "-()[]ft!", 42: "r", 50: '"*_`', 53: "sz?", 56: "cL", 59: "Fkvxy",
    62: "PTYoae", 64: "EhnuSbdgpq${}0123456789", 69: "KAVXZBR", 75: "CUNH", 79: "DG&OQ", 84: "w#+<=>^~",
}  # fmt: skip
ADVANCE = {character: advance / 100 for advance, group in ADVANCES.items() for character in group}


def text_width(text: str) -> float:
    """Return the width of the longest line of a text, as a multiple of the font's size, in a wide sans-serif font."""
    return max(sum(map(_advance, line)) for line in text.split("\n"))


def _advance(character: str) -> float:
    base = unicodedata.normalize("NFD", character)[0]
    if unicodedata.combining(base) or unicodedata.category(base) == "Mn":
        return 0.0
    if unicodedata.east_asian_width(base) in "WF":
        return 1.3 if unicodedata.category(base) == "So" else 1.0  # an emoji is wider than an ideograph
    return ADVANCE.get(base, 1.0)


class LayoutError(RuntimeError):
    """Graphviz is missing or fails; the message says what to install."""


Backend = Callable[[str, str, str], bytes]  # (source, suffix, engine); raises LayoutError with its reason
BACKENDS: list[Backend] = []  # those that were registered, which come before `dot` and pygraphviz


def register_backend(backend: Backend) -> None:
    """Let `draw` and `explain` lay graphs out by this function, for a place where no program can be started.

    `backend(source, suffix, engine)` takes a graph in the DOT language, the kind of file ("svg", "plain", "png", "pdf")
    and the name of Graphviz' engine ("dot", "nop"), and returns the file's bytes, or raises LayoutError with its
    reason: the next one is tried then, and at last the `dot` program and pygraphviz. The latest registered comes first.
    """
    BACKENDS.insert(0, backend)


def render(graph: graphviz.Digraph, suffix: str) -> bytes:
    """Return the graph as a file of this kind, made by a registered backend, the `dot` program or pygraphviz."""
    engine, failures = graph.graph_attr.get("layout", "dot"), []
    for backend in (*BACKENDS, _program, _pygraphviz):
        try:
            return backend(graph.source, suffix, engine)
        except LayoutError as error:
            failures.append(str(error))
    remedy = 'install it (https://graphviz.org/download) so that `dot` is on PATH, or pip install "tinygrad-edu[draw]"'
    without, tried = '.source and .save("graph.gv") work without', "; ".join(failures)
    raise LayoutError(f"a .{suffix} needs Graphviz: {remedy}; {without}. Tried: {tried}")


def _program(source: str, suffix: str, engine: str) -> bytes:
    import graphviz

    try:  # the program reads the name of the engine in the source
        return bytes(graphviz.Source(source).pipe(suffix, quiet=True))
    except graphviz.ExecutableNotFound:
        raise LayoutError("no `dot` on PATH") from None
    except (graphviz.CalledProcessError, OSError) as error:
        reason = (getattr(error, "stderr", None) or b"").decode(errors="replace") or str(error)
        raise LayoutError(f"`dot` failed: {' '.join(reason.split())}") from None


def _pygraphviz(source: str, suffix: str, engine: str) -> bytes:
    try:
        import pygraphviz
    except ImportError as error:
        raise LayoutError(f"pygraphviz cannot be imported: {error}") from None
    return bytes(pygraphviz.AGraph(string=source).draw(format=suffix, prog=engine))


def columns(edges: Sequence[tuple[Vertex, Vertex]]) -> dict[Vertex, int]:
    """Return each vertex's column: its longest distance from a leaf, and for a leaf the column before its first use.

    The edges are in the order of the tape: those into a vertex come before those out of it.
    """
    column: dict[Vertex, int] = {}
    for tail, head in edges:
        column[head] = max(column.get(head, 1), column.get(tail, 0) + 1)
    leaves: dict[Vertex, int] = {}
    for tail, head in edges:
        if tail not in column:
            leaves[tail] = min(leaves.get(tail, column[head]), column[head] - 1)
    return column | leaves


def columns_crossed(column: dict[Vertex, int], edges: Iterable[tuple[Vertex, Vertex]]) -> int:
    """Return the number of columns that all edges together cross; the work of `dot` grows faster than it."""
    return sum(column[head] - column[tail] for tail, head in edges)


def lay_out(sizes: list[Point], edges: list[Edge]) -> tuple[list[Point], list[str]]:
    """Return the center of each box and the SVG path of each edge, in pixels.

    The boxes are in the order of the tape, the edges in that of the backward pass.
    """
    column = columns(edges[::-1])
    if columns_crossed(column, edges) < MAX_COLUMNS_CROSSED:
        try:
            return _by_graphviz(sizes, edges)
        except LayoutError:
            pass  # the page must work without Graphviz too
    return _in_columns(sizes, edges, [column.get(i, 0) for i in range(len(sizes))])


def _by_graphviz(sizes: list[Point], edges: list[Edge]) -> tuple[list[Point], list[str]]:
    import graphviz

    look = {"shape": "box", "fixedsize": "true", "label": "", "ordering": "in"}
    spaces = {"rankdir": "LR", "nodesep": "0.25", "ranksep": "1.1"}
    graph = graphviz.Digraph(graph_attr=spaces, node_attr=look, edge_attr={"arrowhead": "none"})
    for i, (width, height) in enumerate(sizes):
        graph.node(str(i), width=f"{width / 72:.4f}", height=f"{height / 72:.4f}")
    for tail, head in edges[::-1]:  # in the order of the tape
        graph.edge(str(tail), str(head))
    top = 0.0
    centers: dict[int, Point] = {}
    paths: dict[Edge, list[str]] = {}
    for line in render(graph, "plain").decode().splitlines():
        kind, *fields = line.split()
        if kind == "graph":
            top = float(fields[2])
        elif kind == "node":
            centers[int(fields[0])] = round(72 * float(fields[1])), round(72 * (top - float(fields[2])))
        elif kind == "edge":
            inches = [float(v) for v in fields[3 : 3 + 2 * int(fields[2])]]
            pairs = zip(inches[::2], inches[1::2], strict=True)
            points = [f"{round(72 * x)},{round(72 * (top - y))}" for x, y in pairs]
            paths.setdefault((int(fields[0]), int(fields[1])), []).append(f"M{points[0]}C{' '.join(points[1:])}")
    return [centers[i] for i in range(len(sizes))], [paths[edge].pop() for edge in edges]


def _in_columns(sizes: list[Point], edges: list[Edge], column: list[int]) -> tuple[list[Point], list[str]]:
    """Put the boxes into columns, and return their centers and the paths of the edges."""
    centers = centers_in_columns(sizes, column)
    paths = []
    for k, (tail, head) in enumerate(edges):
        x, y = centers[tail][0] + sizes[tail][0] // 2, centers[tail][1]
        to_x, to_y = centers[head][0] - sizes[head][0] // 2, centers[head][1] + 12 * (edges[:k].count((tail, head)))
        paths.append(f"M{x},{y}C{(x + to_x) // 2},{y} {(x + to_x) // 2},{to_y} {to_x},{to_y}")
    return centers, paths


def centers_in_columns(sizes: Sequence[Point], column: Sequence[int]) -> list[Point]:
    """Return the centers of boxes in columns from left to right, and below each other within a column."""
    widths = [0] * (max(column) + 1)
    for c, (width, _) in zip(column, sizes, strict=True):
        widths[c] = max(widths[c], width)
    lefts = [0, *accumulate(width + COLUMN_GAP for width in widths)]
    bottoms = [0] * len(widths)
    centers = []
    for c, (_, height) in zip(column, sizes, strict=True):
        centers.append((lefts[c] + widths[c] // 2, bottoms[c] + height // 2))
        bottoms[c] += height + GAP
    return centers
