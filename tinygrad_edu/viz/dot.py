"""A picture in the DOT language: the look of its boxes, and their positions if they are too many for Graphviz."""

from graphviz import Digraph, escape, nohtml

from ..figure import GREY
from .graph import Box, Picture
from .labels import Gradients, details, text, title
from .layout import columns, columns_crossed
from .scopes import Scope, enclosing
from .values import printable

CROSSED = 10_000  # columns that edges cross, as much as `dot` lays out in a few seconds
BUSY = 100  # boxes from which on `dot` gets a limit, because tangled graphs would take it ten times as long

# Okabe and Ito's colours as borders, and tints of them under black text. The grey of the edges is visible on white and
# on black, so one transparent picture serves both.
FONT = "Helvetica,Arial,sans-serif"
STYLES = {
    "variable": {"shape": "box", "style": "filled", "fillcolor": "#d3e9f8", "color": "#0072b2"},
    "parameter": {"shape": "box", "style": "filled", "peripheries": "2", "fillcolor": "#f6e0ec", "color": "#a8457f"},
    "input": {"shape": "cds", "style": "filled", "margin": "0.2,0.12", "fillcolor": "#e2f3fc", "color": "#2a86b8"},
    "constant": {"shape": "box", "style": "filled,dashed", "fillcolor": "#efefef", "color": GREY},
    "operation": {"shape": "box", "style": "filled,rounded", "fillcolor": "#ffe7bd", "color": "#b87a00"},
    "module": {"shape": "box3d", "style": "filled", "margin": "0.16,0.14", "fillcolor": "#fbf6c4", "color": "#8a7d00"},
    "backward": {"shape": "octagon", "style": "filled", "fillcolor": "#fbdccb", "color": "#d55e00"},
    "result": {"shape": "box", "style": "filled,bold", "fillcolor": "#d2f0e5", "color": "#00805c"},
    "folded": {"shape": "note", "style": "filled", "fillcolor": "#ffffff", "color": "#000000"},
}
FRAME = {"style": "filled,rounded", "fillcolor": "#f7f7f7", "color": GREY, "fontsize": "12", "labeljust": "l"}
GRAPH = {"bgcolor": "transparent", "nodesep": "0.2", "ranksep": "0.35", "fontname": FONT}
NODE = {"ordering": "in", "fontname": FONT, "fontsize": "12", "height": "0.3", "margin": "0.12,0.06"}
EDGE = {"color": GREY, "arrowsize": "0.7", "fontname": FONT, "fontsize": "10", "fontcolor": GREY,
        "labeldistance": "1.8", "labelangle": "-30"}  # fmt: skip
MEANINGS = {
    "variable": "variable: takes a gradient", "parameter": "parameter of a module", "input": "input of a module",
    "constant": "constant", "operation": "operation", "module": "module, closed", "backward": "backward pass",
    "result": "result",
}  # fmt: skip


def write(picture: Picture, gradients: Gradients, rankdir: str, legend: bool) -> tuple[Digraph, dict[str, str]]:
    """Return the graph, and the tooltips by the names of its boxes and frames."""
    graph = Digraph(graph_attr={**GRAPH, "rankdir": rankdir}, node_attr=NODE, edge_attr=EDGE)
    names: dict[Box, str] = {}
    counts = dict.fromkeys(STYLES, 0)
    for box in picture.boxes:
        counts[box.kind] += 1
        names[box] = f"{box.kind}{counts[box.kind]}"
    positions = _grid(picture, rankdir)
    if positions:
        graph.graph_attr.update(layout="nop", splines="line", outputorder="edgesfirst")  # "nop" keeps the positions
    elif len(picture.boxes) > BUSY:
        graph.graph_attr["nslimit"] = "2"
    tooltips = {names[box]: printable(details(box, gradients)) for box in picture.boxes}
    subgraphs: dict[Scope | None, Digraph] = {None: graph}
    for box in picture.boxes:
        frames = [] if positions else _frames(box.scope)
        for scope in reversed(frames):
            if scope not in subgraphs:
                name = f"cluster{len(subgraphs)}"
                tooltips[name] = printable(", ".join(title(scope)))
                subgraphs[scope] = Digraph(name, graph_attr={**FRAME, "label": _escape(tooltips[name])})
        position = {"pos": positions[box]} if positions else {}
        subgraph = subgraphs[frames[0] if frames else None]
        subgraph.node(names[box], _escape(text(box, gradients)), **STYLES[box.kind], **position)
    for scope in sorted(filter(None, subgraphs), key=lambda s: -len(_frames(s))):  # inner ones first
        around = _frames(scope.parent)
        subgraphs[around[0] if around else None].subgraph(subgraphs[scope])
    for tail, head, number in picture.edges:
        graph.edge(names[tail], names[head], headlabel=number and str(number))
    if legend:
        graph.attr(label=_legend([kind for kind in MEANINGS if counts[kind]], rankdir), labeljust="l", labelloc="b")
    return graph, tooltips


def _frames(scope: Scope | None) -> list[Scope]:
    """Return the scopes around that are drawn as frames, innermost first: a pass of `gradients` is not."""
    return [s for s in enclosing(scope) if s.module_type]


def _legend(kinds: list[str], rankdir: str) -> str:
    """Return a table with a sample of each kind of box."""
    cells = []
    for kind in kinds:
        style = STYLES[kind]
        look = "".join(f' STYLE="{look.upper()}"' for look in ("rounded", "dashed") if look in style["style"])
        look += f' COLOR="{style["color"]}" BGCOLOR="{style["fillcolor"]}"'
        cells.append(f'<TD BORDER="1"{look}>{MEANINGS[kind]}</TD>')
    rows = [cells] if rankdir == "LR" else [[cell] for cell in cells]
    table = "".join(f"<TR>{''.join(row)}</TR>" for row in rows)
    return f'<<FONT POINT-SIZE="10"><TABLE BORDER="0" CELLSPACING="6" CELLPADDING="3">{table}</TABLE></FONT>>'


def _grid(picture: Picture, rankdir: str) -> dict[Box, str]:
    """Return positions of the boxes, a column for each step from the leaves, or {} if `dot` is quick enough."""
    edges = [(tail, head) for tail, head, _ in picture.edges]
    column = columns(edges)
    if columns_crossed(column, edges) < CROSSED:
        return {}
    rows = dict.fromkeys(column.values(), 0)
    positions = {}
    for box in picture.boxes:
        n = column.get(box, 0)
        x, y = (n, rows.setdefault(n, 0)) if rankdir == "LR" else (rows.setdefault(n, 0), n)
        positions[box] = f"{220 * x},{-80 * y}"
        rows[n] += 1
    return positions


def _escape(shown: str) -> str:
    """Return text that Graphviz shows as written: without escapes, HTML, entities, or characters that XML forbids."""
    escaped: str = nohtml(escape(printable(shown).replace("&", "&amp;")).replace("\n", "\\n"))
    return escaped
