"""A picture of a computation graph, read from the tape.

Sharp boxes are tensors, round ones operations, blocks modules that can be opened; a legend names the other shapes.
Boxes show values and gradients if they are small, and otherwise the shape and the norm of the gradient. Drawing changes
nothing in the graph: it computes the gradients in a backward pass of its own. Graphviz does the layout: the `dot`
program if it is on PATH, and else pygraphviz.
"""

import os
import re
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal
from xml.sax.saxutils import escape, quoteattr

import numpy as np
from graphviz import Digraph

from ..engine.backward import reverse_pass
from ..engine.tape import Node
from ..engine.tensor import Tensor
from ..engine.value import Value
from ..state import replacing
from .dot import write
from .graph import fold, read
from .labels import Gradients
from .layout import LayoutError, render

FORMATS = ("gv", "svg", "png", "pdf")


class Drawing:
    """A graph in the DOT language, to save as a picture, to show, or to display in a notebook."""

    def __init__(self, graph: Digraph, summary: str, tooltips: dict[str, str]) -> None:
        self._graph, self._summary, self._tooltips = graph, summary, tooltips

    @property
    def source(self) -> str:
        """The graph in the DOT language."""
        return str(self._graph.source)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the picture and return its path; the suffix is .svg, .png, .pdf, or .gv for the source.

        Raises ValueError for another suffix, and LayoutError if nothing can lay the graph out. If anything fails, a
        file that existed at the path is unchanged.
        """
        path = Path(path)
        suffix = path.suffix[1:].lower()
        if suffix not in FORMATS:
            raise ValueError(f"Drawing.save: {str(path)!r} must end in one of .{', .'.join(FORMATS)}")
        content = {"gv": self.source.encode, "svg": self._svg}.get(suffix, lambda: render(self._graph, suffix))()
        with replacing(path) as file:
            file.write(content)
        return path

    def show(self) -> Path:
        """Open the picture in the browser, from a temporary file, and return that file's path without waiting."""
        import tempfile
        import threading
        import webbrowser

        path = self.save(Path(tempfile.mkdtemp(prefix="tinygrad_edu-")) / "graph.svg")
        # Some browsers block the caller for as long as they are open.
        opening = threading.Thread(target=webbrowser.open, args=(path.as_uri(),), daemon=True)
        opening.start()
        opening.join(1.0)  # lets a script that ends now start the browser first
        return path

    def _svg(self) -> bytes:
        """Return the picture with a description for screen readers, and with the tooltips as titles."""
        svg = render(self._graph, "svg").decode()
        titles = {name: f"<title>{escape(tooltip)}</title>\n" for name, tooltip in self._tooltips.items()}
        svg = re.sub(r"<title>(.*?)</title>\n?", lambda title: titles.get(title[1], ""), svg)
        return svg.replace("<svg ", f'<svg role="img" aria-label={quoteattr(f"Graph of {self._summary}")} ', 1).encode()

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
    legend: bool = True,
) -> Drawing:  # fmt: skip
    """Return a picture of the graph that computed `tensor` (a Tensor or Value), or all tensors of a list.

    It goes from left to right or, with `rankdir="TB"`, from top to bottom. Arguments are in their order if Graphviz
    finds such a layout, and have numbers if the order matters to the operation.

    `depth` is the number of levels of modules that are opened: 0 for none, None for all. By default all are opened but
    the innermost modules, the layers of a network. If there are more than `max_nodes` boxes, one box replaces the
    middle of the graph and says how much it replaces; None draws all. `gradients` shows the gradients of `tensor`, if
    it is a single number, whether or not `backward` has run, and touches no `.grad`. What
    `tg.gradients(..., create_graph=True)` recorded has its own colour.
    """
    roots: list[Any] = list(tensor) if isinstance(tensor, (list, tuple)) else [tensor]
    _check(roots, rankdir, depth, max_nodes)
    try:
        picture = read(roots, depth)
    except ValueError:  # only a graph that was freed raises it
        raise ValueError(
            f"draw: the graph behind {' and '.join(x._describe() for x in roots[:3])} was freed by "
            "backward(retain_graph=False); leave that argument out, or draw before it"
        ) from None
    others = f" and {len(roots) - 1} more" if roots[1:] else ""
    summary = f"{roots[0]._describe()}{others}, operations: {sum(b.operations for b in picture.boxes)}"
    shown = picture if max_nodes is None else fold(picture, max_nodes)
    graph, tooltips = write(shown, _gradients(roots) if gradients else {}, rankdir, legend)
    return Drawing(graph, summary, tooltips)


def _check(roots: Sequence[object], rankdir: object, depth: object, max_nodes: object) -> None:
    """Raise for arguments that `draw` does not accept."""
    if not roots:
        raise ValueError("draw: the list is empty; give it the Tensors whose graphs to draw")
    for x in roots:
        if not isinstance(x, Node):
            raise TypeError(
                f"draw takes the Tensor or Value whose graph to draw, or a list of them, not {type(x).__name__}; "
                "gradients come as Tensors from gradients(..., create_graph=True)"
            )
    if rankdir not in ("LR", "TB"):
        raise ValueError(f'draw: rankdir is "LR" (left to right) or "TB" (top to bottom), not {rankdir!r}')
    if depth not in ("layers", None) and not (type(depth) is int and depth >= 0):
        raise ValueError(f'draw: depth is "layers", None (open all modules) or a number from 0, not {depth!r}')
    if max_nodes is not None and not (type(max_nodes) is int and max_nodes >= 10):
        raise ValueError(f"draw: max_nodes is a number of boxes from 10, or None to draw all, not {max_nodes!r}")


def _gradients(roots: Sequence[Tensor | Value]) -> Gradients:
    """Return the gradients of a single number with respect to all nodes, by their place on the tape."""
    root, *others = roots
    if others or not root.requires_grad or np.size(root.data) != 1:
        return {}
    return {x.order: g for x, g in reverse_pass(root, root._seed(None), list)}
