"""A picture in the DOT language: how its boxes look, and where they stand if there are too many for Graphviz."""

from typing import TYPE_CHECKING

from .graph import Box, Frame, Picture, surrounding
from .labels import Gradients, details, text, title
from .layout import columns, columns_crossed
from .values import printable

if TYPE_CHECKING:
    import graphviz

CROSSED = 10_000  # columns that arrows cross, as much as `dot` lays out in a few seconds
BUSY = 100  # boxes from which on `dot` is asked to be content sooner, or tangled graphs take it ten times as long

# Okabe and Ito's colours as borders, tints of them under black text; arrows in a grey that stands out from
# white and from black alike, so that one transparent picture serves both.
GREY = "#767676"
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
MEANINGS = {
    "variable": "variable: takes a gradient", "parameter": "parameter of a module", "input": "input of a module",
    "constant": "constant", "operation": "operation", "module": "module, closed", "backward": "backward pass",
    "result": "result",
}  # fmt: skip


def write(
    picture: Picture, gradients: Gradients, rankdir: str, legend: bool
) -> "tuple[graphviz.Digraph, dict[str, str]]":
    """The graph, and by the names that things have in it what they say when they are pointed at."""
    import graphviz

    graph = graphviz.Digraph(
        graph_attr={
            "rankdir": rankdir, "bgcolor": "transparent", "nodesep": "0.2", "ranksep": "0.35", "fontname": FONT,
        },
        node_attr={"ordering": "in", "fontname": FONT, "fontsize": "12", "height": "0.3", "margin": "0.12,0.06"},
        edge_attr={
            "color": GREY, "arrowsize": "0.7", "fontname": FONT, "fontsize": "10", "fontcolor": GREY,
            "labeldistance": "1.8", "labelangle": "-30",
        },
    )  # fmt: skip
    names: dict[Box, str] = {}
    counts = dict.fromkeys(STYLES, 0)
    for box in picture.boxes:
        counts[box.kind] += 1
        names[box] = f"{box.kind}{counts[box.kind]}"
    places = _grid(picture, rankdir)
    if places:
        graph.graph_attr.update(layout="nop", splines="line", outputorder="edgesfirst")  # the boxes stand already
    elif len(picture.boxes) > BUSY:
        graph.graph_attr["nslimit"] = "2"
    titles = {names[box]: printable(details(box, gradients)) for box in picture.boxes}
    graphs: dict[Frame | None, graphviz.Digraph] = {None: graph}
    for box in picture.boxes:
        around = [] if places else _frames(box.frame)
        for frame in reversed(around):
            if frame not in graphs:
                name = f"cluster{len(graphs)}"
                titles[name] = printable(", ".join(title(frame)))
                graphs[frame] = graphviz.Digraph(name, graph_attr={**FRAME, "label": _escape(titles[name])})
        place = {"pos": places[box]} if places else {}
        within = graphs[around[0] if around else None]
        within.node(names[box], _escape(text(box, gradients)), **STYLES[box.kind], **place)
    for frame in sorted(filter(None, graphs), key=lambda f: -len(_frames(f))):  # each after those within
        outer = _frames(frame.outer)
        graphs[outer[0] if outer else None].subgraph(graphs[frame])
    for tail, head, number in picture.arrows:
        graph.edge(names[tail], names[head], headlabel=number and str(number))
    if legend:
        graph.attr(label=_legend([kind for kind in MEANINGS if counts[kind]], rankdir), labeljust="l", labelloc="b")
    return graph, titles


def _frames(frame: Frame | None) -> list[Frame]:
    """The frames around that are drawn, innermost first: a pass of `gradients` is not."""
    return [f for f in surrounding(frame) if f.kind]


def _legend(kinds: list[str], rankdir: str) -> str:
    """Samples of the boxes that are there, as a table along the picture."""
    cells = []
    for kind in kinds:
        style = STYLES[kind]
        look = "".join(f' STYLE="{look.upper()}"' for look in ("rounded", "dashed") if look in style["style"])
        cells.append(
            f'<TD BORDER="1" COLOR="{style["color"]}" BGCOLOR="{style["fillcolor"]}"{look}>{MEANINGS[kind]}</TD>'
        )
    rows = [cells] if rankdir == "LR" else [[cell] for cell in cells]
    table = "".join(f"<TR>{''.join(row)}</TR>" for row in rows)
    return f'<<FONT POINT-SIZE="10"><TABLE BORDER="0" CELLSPACING="6" CELLPADDING="3">{table}</TABLE></FONT>>'


def _grid(picture: Picture, rankdir: str) -> dict[Box, str]:
    """Return positions of the boxes, in a column for each step from the leaves, if `dot` would take minutes."""
    edges = [(tail, head) for tail, head, _ in picture.arrows]
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
    """Text that Graphviz shows as written: no escapes, HTML, entities, or characters that XML forbids."""
    import graphviz

    escaped: str = graphviz.nohtml(graphviz.escape(printable(shown).replace("&", "&amp;")).replace("\n", "\\n"))
    return escaped
