"""An explanation as a page: one HTML file with the graph, both passes and the numbers of every step.

`page.html`, `page.css` and `page.js` beside this module are the page; here the graph is laid out (by Graphviz, or on
a plain grid without it) and all that the page shows is put into one block of JSON. Labels are the user's text, and
reach the page as text alone.
"""

import html
import json
import re
from importlib import resources
from typing import Any

import numpy as np

from .draw import LayoutError, _lay_out
from .explain import Explanation, brief

LINE, CHARACTER, PADDING = 17, 7.3, 9  # pixels: height of a line, width of a character, around the text of a box
LONGEST = 28  # characters of a line in a box
CROSSED = 3_000  # columns that edges cross, as much as `dot` lays out in a second
TABLE = 30_000  # characters of the table that stands there for a reader without JavaScript
APART, COLUMN = 18, 70  # pixels between boxes on the grid, up and down and from one column to the next

Point = tuple[int, int]
Edge = tuple[int, int]  # from an argument to the node that it went into, by their places among the nodes


def page(explanation: Explanation) -> str:
    """The whole page."""
    place = {record.name: i for i, record in enumerate(explanation.nodes)}
    edges = [(place[step.to], place[step.node]) for step in explanation]
    lines = [
        [_cut(f"{r.name} = {r.operation}" if r.operation else r.name), _cut(brief(r.value))] for r in explanation.nodes
    ]
    widths = [max(map(len, two)) for two in lines]
    for (tail, _), step in zip(edges, explanation, strict=True):  # a box has room for what its gradient will be
        widths[tail] = max(widths[tail], len(_cut(f"grad {brief(step.total)}")))
    sizes = [(round(max(n, 6) * CHARACTER) + 2 * PADDING, 3 * LINE + 2 * PADDING) for n in widths]
    middles, paths = lay_out(sizes, edges)
    data = {
        "nodes": [
            _filled(name=r.name, operation=r.operation, numbers=r.numbers, value=_both(r.value), lines=two,
                    box=[*middle, *size])
            for r, two, middle, size in zip(explanation.nodes, lines, middles, sizes, strict=True)
        ],
        "steps": [  # without g, the total of the node so far, and without a contribution that is all of its total
            _filled(
                head=head, tail=tail, path=path, rule=s.rule, numbers=s.numbers, local=_both(s.local),
                contribution=_both(s.contribution) if s.number > 1 else None, total=_both(s.total),
                count=[s.number, s.of], why=s.why, adds=s.adds, remark=s.remark,
            )
            for s, (tail, head), path in zip(explanation, edges, paths, strict=True)
        ],
    }  # fmt: skip
    table = str(explanation)
    parts = {
        "TITLE": html.escape(explanation.root.name),
        "TABLE": html.escape(table if len(table) <= TABLE else f"{table[:TABLE]}\n... (print it for the rest)"),
        "DATA": json.dumps(data, separators=(",", ":")).replace("<", "\\u003c"),  # no label can end the block
        "STYLE": _file("page.css"),
        "SCRIPT": _file("page.js"),
    }
    return re.sub(r"\{\{([A-Z]+)\}\}", lambda marker: parts[marker[1]], _file("page.html"))


def frame(explanation: Explanation) -> str:
    """The page within a notebook's cell, where it can do nothing but run its own script."""
    title = html.escape(f"Backpropagation of {explanation.root.name}, step by step")
    return (
        f'<iframe title="{title}" sandbox="allow-scripts" style="width:100%;height:46rem;border:0" '
        f'srcdoc="{html.escape(page(explanation))}"></iframe>'
    )


def _file(name: str) -> str:
    return (resources.files(__package__) / name).read_text(encoding="utf-8")


def _filled(**fields: Any) -> dict[str, Any]:
    """The fields that are there: a page of many steps is to stay small."""
    return {k: v for k, v in fields.items() if v not in ("", None)}


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def _both(x: Any) -> list[str]:
    """A value in few characters, and where that is less than all, as NumPy writes it."""
    short = brief(x)
    if x is None:
        return [short]
    full = repr(float(x)) if isinstance(x, float) else np.array2string(np.asarray(x), threshold=100, edgeitems=3)
    return [short] if full in (short, f"{short}.0") else [short, full]


def lay_out(sizes: list[Point], edges: list[Edge]) -> tuple[list[Point], list[str]]:
    """The middle of each box and the path of each edge (as SVG writes it), in pixels."""
    columns = _columns(len(sizes), edges)
    if sum(columns[head] - columns[tail] for tail, head in edges) < CROSSED:
        try:
            return _by_graphviz(sizes, edges)
        except LayoutError:
            pass  # the page is to work without Graphviz too
    return _on_a_grid(sizes, edges, columns)


def _by_graphviz(sizes: list[Point], edges: list[Edge]) -> tuple[list[Point], list[str]]:
    import graphviz

    graph = graphviz.Digraph(
        graph_attr={"rankdir": "LR", "nodesep": "0.25", "ranksep": "0.8"},
        node_attr={"shape": "box", "fixedsize": "true", "label": "", "ordering": "in"},
        edge_attr={"arrowhead": "none"},
    )
    for i, (width, height) in enumerate(sizes):
        graph.node(str(i), width=f"{width / 72:.4f}", height=f"{height / 72:.4f}")
    for tail, head in edges[::-1]:  # in the order of the tape
        graph.edge(str(tail), str(head))
    top = 0.0
    middles: dict[int, Point] = {}
    paths: dict[Edge, list[str]] = {}
    for line in _lay_out(graph, "plain").decode().splitlines():
        kind, *fields = line.split()
        if kind == "graph":
            top = float(fields[2])
        elif kind == "node":
            middles[int(fields[0])] = round(72 * float(fields[1])), round(72 * (top - float(fields[2])))
        elif kind == "edge":
            numbers = [float(v) for v in fields[3 : 3 + 2 * int(fields[2])]]
            points = [
                f"{round(72 * x)},{round(72 * (top - y))}" for x, y in zip(numbers[::2], numbers[1::2], strict=True)
            ]
            paths.setdefault((int(fields[0]), int(fields[1])), []).append(f"M{points[0]}C{' '.join(points[1:])}")
    return [middles[i] for i in range(len(sizes))], [paths[edge].pop() for edge in edges]


def _columns(n: int, edges: list[Edge]) -> list[int]:
    """How many operations lie between each node and the leaves; a leaf stands just before what uses it first."""
    columns = [0] * n
    for tail, head in edges[::-1]:  # in the order of the tape: what leads to the tail came before
        columns[head] = max(columns[head], columns[tail] + 1)
    made = {head for _, head in edges}
    for leaf in set(range(n)) - made:
        columns[leaf] = min([columns[head] - 1 for tail, head in edges if tail == leaf], default=0)
    return columns


def _on_a_grid(sizes: list[Point], edges: list[Edge], columns: list[int]) -> tuple[list[Point], list[str]]:
    """Boxes in columns from left to right, each below those of its column that came before."""
    wide = [0] * (max(columns) + 1)
    for column, (width, _) in zip(columns, sizes, strict=True):
        wide[column] = max(wide[column], width)
    below = [0] * len(wide)
    middles = []
    for column, (_, height) in zip(columns, sizes, strict=True):
        x = sum(wide[:column]) + column * COLUMN + wide[column] // 2
        middles.append((x, below[column] + height // 2))
        below[column] += height + APART
    paths = []
    for k, (tail, head) in enumerate(edges):
        x, y = middles[tail][0] + sizes[tail][0] // 2, middles[tail][1]
        end, v = middles[head][0] - sizes[head][0] // 2, middles[head][1] + 12 * (edges[:k].count((tail, head)))
        paths.append(f"M{x},{y}C{(x + end) // 2},{y} {(x + end) // 2},{v} {end},{v}")
    return middles, paths
