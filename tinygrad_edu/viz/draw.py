"""A picture of a computation graph, read from the tape.

Sharp boxes are tensors, round ones operations, blocks modules that can be opened; a legend names the other shapes.
Boxes show values and gradients if they are small, and otherwise the shape and the norm of the gradient. Drawing changes
nothing in the graph: it computes the gradients in a backward pass of its own. Graphviz does the layout: the `dot`
program if it is on PATH, and else pygraphviz.
"""

from __future__ import annotations

import os
import re
import tempfile
import threading
import warnings
import webbrowser
from collections.abc import Sequence
from html import escape, unescape
from pathlib import Path
from typing import Any, Literal

import graphviz
import numpy as np
from graphviz import Digraph

from ..engine.arguments import switches
from ..engine.errors import FreedError, kind_of
from ..engine.passes import reverse_pass
from ..engine.tape import Node
from ..engine.tensor import Tensor
from ..engine.value import Value
from ..nn import Module
from ..state import path_text, replacing
from .graph import Box, Picture, fold, read
from .labels import Gradients, details, text, title
from .layout import LayoutError, Point, centers_in_columns, columns, columns_crossed, render, text_width
from .repeats import fold_repeats
from .scopes import Scope, frames_around
from .styles import EDGE, FRAME, GRAPH, MEANINGS, NODE, STYLES, legend_table, size
from .values import check_numbers_known, printable

FORMATS = ("gv", "svg", "png", "pdf")
CROSSED = 10_000  # columns that edges cross, as much as `dot` lays out in a few seconds
BUSY = 100  # boxes from which on `dot` gets a limit, because tangled graphs would take it ten times as long
FRAME_IN_SVG = re.compile(
    r'(?P<start><g id="clust\d+" class="cluster">\n<title>.*?</title>\n'
    r'<\w+ [^>]*?(?P<outline>(?:d|points)="[^"]*")/>\n)'
    r'<text[^>]*? x="[^"]*"(?P<rest>[^>]*>(?P<title>.*?)</text>)',
    re.DOTALL,
)


class Drawing:
    """A graph in the DOT language, to save as a picture, to show, or to display in a notebook.

    >>> drawing = tg.draw(tg.Value(2.0, label="a") * 3)
    >>> "grad 3" in drawing.source
    True
    """

    def __init__(self, graph: Digraph, summary: str, tooltips: dict[str, str]) -> None:
        self._graph, self._summary, self._tooltips = graph, summary, tooltips

    @property
    def source(self) -> str:
        """The graph in the DOT language."""
        return str(self._graph.source)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the picture and return its path; the suffix is .svg, .png, .pdf, or .gv for the source.

        Raises ValueError for another suffix, and RuntimeError if nothing can lay the graph out. If anything fails, a
        file that existed at the path is unchanged.
        """
        path = Path(path_text(path, "Drawing.save"))
        suffix = path.suffix[1:].lower()
        if suffix not in FORMATS:
            raise ValueError(f"Drawing.save: {str(path)!r} must end in one of .{', .'.join(FORMATS)}")
        content = {"gv": self.source.encode, "svg": self._svg}.get(suffix, lambda: render(self._graph, suffix))()
        with replacing(path, "Drawing.save") as file:
            file.write(content)
        return path

    def show(self) -> Path:
        """Open the picture in the browser, from a temporary file, and return that file's path without waiting."""
        path = self.save(Path(tempfile.mkdtemp(prefix="tinygrad_edu-")) / "graph.svg")
        # Some browsers block the caller for as long as they are open.
        opening = threading.Thread(target=webbrowser.open, args=(path.as_uri(),), daemon=True)
        opening.start()
        opening.join(1.0)  # lets a script that ends now start the browser first
        return path

    def _svg(self) -> bytes:
        """Return the picture with a description for screen readers, and with the tooltips as titles."""
        svg = render(self._graph, "svg").decode()
        titles = {name: f"<title>{escape(tooltip, quote=False)}</title>\n" for name, tooltip in self._tooltips.items()}
        svg = FRAME_IN_SVG.sub(_fit_title, svg)
        svg = re.sub(r"<title>(.*?)</title>\n?", lambda title: titles.get(title[1], ""), svg)
        return svg.replace("<svg ", f'<svg role="img" aria-label="{escape(f"Graph of {self._summary}")}" ', 1).encode()

    def _repr_svg_(self) -> str | None:
        try:
            return self._svg().decode()
        except LayoutError as error:
            warnings.warn(str(error), stacklevel=2)
            return None  # the notebook then prints the plain repr

    def __repr__(self) -> str:
        return f'<Drawing of {self._summary}; .save("graph.svg") makes the picture>'


def draw(
    tensor: Tensor | Value | Sequence[Tensor | Value], *, rankdir: str = "LR",
    depth: int | Literal["layers"] | None = "layers", max_nodes: int | None = 200, gradients: bool = True,
    legend: bool = True, repeats: bool = True,
) -> Drawing:  # fmt: skip
    """Return a picture of the graph that computed `tensor` (a Tensor or Value), or all tensors of a list.

    It goes from left to right or, with `rankdir="TB"`, from top to bottom. Arguments are in their order if Graphviz
    finds such a layout, and have numbers if the order matters to the operation. A parameter without a label has the
    name that its module knows it by. Long numbers are rounded to four digits, and of arrays of more than six elements
    the shape is shown, with the norm of the gradient; tooltips have them in full. Graphs that would take Graphviz too
    long are laid out in columns, a column for each step from the leaves.

    `depth` is the number of levels of modules that are opened: 0 for none, None for all. By default all are opened but
    the innermost modules, the layers of a network. Of three or more equal blocks of modules in a row only the first is
    drawn, with "x 12" in its title; `repeats=False` draws all. If there are more than `max_nodes` boxes, one box
    replaces the middle of the graph and says how much it replaces; None draws all. `gradients` shows the gradients of
    `tensor`, if it is a single real number, whether or not `backward` has run, and touches no `.grad`. Boxes of calls
    that `tg.gradients(..., create_graph=True)` recorded have another color. Raises FreedError for a freed graph, and
    ValueError for an empty list and options other than those above.

    >>> a, b = tg.Value(2.0, label="a"), tg.Value(3.0, label="b")
    >>> tg.draw(a * b).source.startswith("digraph")
    True
    """
    roots: list[Any] = list(tensor) if isinstance(tensor, (list, tuple)) else [tensor]
    switches("draw", gradients=gradients, legend=legend, repeats=repeats)
    _check(roots, rankdir, depth, max_nodes)
    try:
        picture = read(roots, depth)
    except FreedError:
        gone = [x._describe() for x in roots if _is_freed(x)]
        freed = f"{' and '.join(gone[:3])} was freed by backward(retain_graph=False)"
        raise FreedError(f"draw: the graph behind {freed}; leave that argument out, or draw before it") from None
    others = f" and {len(roots) - 1} more" if roots[1:] else ""
    summary = f"{roots[0]._describe()}{others}, operations: {sum(b.operations for b in picture.boxes)}"
    shown = fold_repeats(picture) if repeats else picture
    shown = shown if max_nodes is None else fold(shown, max_nodes)
    graph, tooltips = _write(shown, _gradients(roots) if gradients else {}, rankdir, legend)
    return Drawing(graph, summary, tooltips)


def _check(roots: Sequence[object], rankdir: object, depth: object, max_nodes: object) -> None:
    if not roots:
        raise ValueError("draw: the list is empty; give it the Tensors whose graphs to draw")
    for x in roots:
        check_numbers_known("draw", x)
        if not isinstance(x, Node):
            remedy = "gradients come as Tensors from gradients(..., create_graph=True)"
            if isinstance(x, Module):
                remedy = "draw what it computes, as model(x)"
            raise TypeError(f"draw takes a Tensor or Value, or a list of them, not {kind_of(x)}; {remedy}")
    if rankdir not in ("LR", "TB"):
        raise ValueError(f'draw: rankdir is "LR" (left to right) or "TB" (top to bottom), not {rankdir!r}')
    if depth not in ("layers", None) and not _is_count(depth, 0):
        raise ValueError(f'draw: depth is "layers", None (open all modules) or a number from 0, not {depth!r}')
    if max_nodes is not None and not _is_count(max_nodes, 10):
        raise ValueError(f"draw: max_nodes is a number of boxes from 10, or None to draw all, not {max_nodes!r}")


def _is_freed(root: Tensor | Value) -> bool:
    try:
        read([root], 0)
    except FreedError:
        return True
    return False


def _is_count(given: object, least: int) -> bool:
    return isinstance(given, (int, np.integer)) and not isinstance(given, bool) and bool(given >= least)


def _gradients(roots: Sequence[Tensor | Value]) -> Gradients:
    """Return the gradients of a single real number with respect to all nodes, by their place on the tape."""
    root, *others = roots
    if others or not root.requires_grad or np.size(root.data) != 1 or np.iscomplexobj(root.data):
        return {}
    return {x.order: g for x, g in reverse_pass(root, root._seed(None), list)}


def _write(picture: Picture, gradients: Gradients, rankdir: str, legend: bool) -> tuple[Digraph, dict[str, str]]:
    """Return the graph in the DOT language, and the tooltips by the names of its boxes and frames."""
    graph = Digraph(graph_attr={**GRAPH, "rankdir": rankdir}, node_attr=NODE, edge_attr=EDGE)
    names: dict[Box, str] = {}
    counts = dict.fromkeys(STYLES, 0)
    for box in picture.boxes:
        counts[box.kind] += 1
        names[box] = f"{box.kind}{counts[box.kind]}"
    shown = {box: text(box, gradients) for box in picture.boxes}
    sizes = {box: size(printable(shown[box]), STYLES[box.kind]) for box in picture.boxes}
    positions = _grid(picture, sizes, rankdir)
    if positions:
        graph.graph_attr.update(layout="nop", splines="line", outputorder="edgesfirst")  # "nop" keeps the positions
    elif len(picture.boxes) > BUSY:
        graph.graph_attr["nslimit"] = "2"
    tooltips = {names[box]: printable(details(box, gradients)) for box in picture.boxes}
    subgraphs: dict[Scope | None, Digraph] = {None: graph}
    for box in picture.boxes:
        frames = [] if positions else frames_around(box.scope)
        for scope in reversed(frames):
            if scope not in subgraphs:
                name = f"cluster{len(subgraphs)}"
                tooltips[name] = printable(", ".join(title(scope)))
                subgraphs[scope] = Digraph(name, graph_attr={**FRAME, "label": _escape(tooltips[name])})
        position = {"pos": positions[box]} if positions else {}
        subgraph = subgraphs[frames[0] if frames else None]
        width = f"{sizes[box][0] / 72:.2f}"
        subgraph.node(names[box], _escape(shown[box]), width=width, **STYLES[box.kind], **position)
    for scope in sorted(filter(None, subgraphs), key=lambda s: -len(frames_around(s))):  # inner ones first
        around = frames_around(scope.parent)
        subgraphs[around[0] if around else None].subgraph(subgraphs[scope])
    for tail, head, number in picture.edges:
        graph.edge(names[tail], names[head], headlabel=number and str(number))
    if legend:
        graph.attr(
            label=legend_table([kind for kind in MEANINGS if counts[kind]], rankdir), labeljust="l", labelloc="b"
        )
    return graph, tooltips


def _fit_title(frame: re.Match[str]) -> str:
    """Return a frame in SVG whose title starts at its left side, and is squeezed if a wide font would not fit.

    Graphviz writes the middle of a title, and in a font wider than its own the title would leave the frame on the left.
    """
    xs = [float(x) for x in re.findall(r"(-?[\d.]+),-?[\d.]+", frame["outline"])]
    width = max(xs) - min(xs) - 16
    fits = text_width(unescape(frame["title"])) * float(FRAME["fontsize"]) <= width
    squeezed = "" if fits else f' textLength="{width:.1f}" lengthAdjust="spacingAndGlyphs"'
    return f'{frame["start"]}<text text-anchor="start" x="{min(xs) + 8:.2f}"{squeezed}{frame["rest"]}'


def _grid(picture: Picture, sizes: dict[Box, Point], rankdir: str) -> dict[Box, str]:
    """Return positions of the boxes, a column for each step from the leaves, or {} if `dot` is quick enough."""
    edges = [(tail, head) for tail, head, _ in picture.edges]
    column = columns(edges)
    if columns_crossed(column, edges) < CROSSED:
        return {}
    steps, across = [column.get(box, 0) for box in picture.boxes], rankdir == "LR"  # or a column is a row
    centers = centers_in_columns([sizes[b] if across else sizes[b][::-1] for b in picture.boxes], steps)
    first = min(centers)[0]
    points = [(x - first, -y) if across else (y, first - x) for x, y in centers]
    return {box: f"{x},{y}" for box, (x, y) in zip(picture.boxes, points, strict=True)}


def _escape(shown: str) -> str:
    """Return text that Graphviz shows as written: without escapes, HTML, entities, or characters that XML forbids."""
    escaped: str = graphviz.nohtml(graphviz.escape(printable(shown).replace("&", "&amp;")).replace("\n", "\\n"))
    return escaped
