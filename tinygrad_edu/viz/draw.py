"""A computation graph as a picture: reading the tape from a tensor back to its leaves.

Sharp boxes are tensors, round ones operations, blocks modules that can be opened; the legend tells the rest. Each
shows its value and gradient where they are small, its shape and gradient's norm where not. Nothing in the graph is
changed: gradients come from a pass of the drawing's own. Graphviz lays out: the `dot` program where it is on PATH,
else pygraphviz.
"""

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from xml.sax.saxutils import escape, quoteattr

from ..engine.backward import backprop, toposort
from ..engine.tensor import Node
from ..state import replacing
from .dot import write
from .graph import fold, read
from .labels import Gradients
from .layout import LayoutError, render

if TYPE_CHECKING:
    import graphviz

FORMATS = ("gv", "svg", "png", "pdf")


class Drawing:
    """A graph in the DOT language, to save as a picture, to show, or to look at in a notebook."""

    def __init__(self, graph: "graphviz.Digraph", summary: str, titles: dict[str, str]) -> None:
        self._graph, self._summary, self._titles = graph, summary, titles

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
        picture = self.source.encode() if form == "gv" else self._svg() if form == "svg" else render(self._graph, form)
        with replacing(path) as file:
            file.write(picture)
        return path

    def show(self) -> Path:
        """Open the picture in the browser, from a temporary file, whose path it returns without waiting."""
        import tempfile
        import threading
        import webbrowser

        path = self.save(Path(tempfile.mkdtemp(prefix="tinygrad_edu-")) / "graph.svg")
        # Some browsers let the caller wait for as long as they are open.
        opening = threading.Thread(target=webbrowser.open, args=(path.as_uri(),), daemon=True)
        opening.start()
        opening.join(1.0)  # enough for a script that ends here to have started one
        return path

    def _svg(self) -> bytes:
        """The picture with a name for who cannot see it, and titles that show when one points at a box."""
        svg = render(self._graph, "svg").decode()
        svg = re.sub(
            r"<title>(.*?)</title>\n?",
            lambda found: f"<title>{escape(self._titles[found[1]])}</title>\n" if found[1] in self._titles else "",
            svg,
        )
        return svg.replace("<svg ", f'<svg role="img" aria-label={quoteattr(f"Graph of {self._summary}")} ', 1).encode()

    def _repr_svg_(self) -> str | None:
        try:
            return self._svg().decode()
        except LayoutError as error:
            import warnings

            warnings.warn(str(error), stacklevel=2)
            return None  # the notebook then prints the plain repr

    def __repr__(self) -> str:
        return f'<Drawing of {self._summary}; .save("graph.svg") makes the picture>'


def draw(
    tensor: Node | Sequence[Node],
    *,
    rankdir: str = "LR",
    depth: int | Literal["layers"] | None = "layers",
    max_nodes: int | None = 200,
    gradients: bool = True,
    legend: bool = True,
) -> Drawing:
    """The graph that made `tensor` (a Tensor or Value), or all of a list of them, as one picture.

    It goes from left to right or, with `rankdir="TB"`, from top to bottom. Arguments stand in their order where
    Graphviz finds a way, and are numbered where the operation tells them apart.

    `depth`: how many levels of modules are opened, 0 none, None all; by default all but the innermost, which are a
    network's layers. Past `max_nodes` boxes, the middle of the graph is folded into one that says how much it holds;
    None draws all. `gradients` shows those of `tensor`, if that is a single number, whether or not `backward` has
    run, and touches no `.grad`. What `tg.gradients(..., create_graph=True)` recorded has a colour of its own.
    """
    roots: list[Any] = list(tensor) if isinstance(tensor, (list, tuple)) else [tensor]
    _check(roots, rankdir, depth, max_nodes)
    try:
        whole = read(roots, depth)
    except ValueError:  # which the walk raises for this alone
        raise ValueError(
            f"draw: the graph behind {' and '.join(x._describe() for x in roots[:3])} was freed by "
            "backward(retain_graph=False); leave that argument out, or draw before it"
        ) from None
    picture = whole if max_nodes is None else fold(whole, max_nodes)
    first = roots[0]._describe() + (f" and {len(roots) - 1} more" if roots[1:] else "")
    summary = f"{first}, operations: {sum(b.operations for b in whole.boxes)}"
    graph, titles = write(picture, _gradients(roots) if gradients else {}, rankdir, legend)
    return Drawing(graph, summary, titles)


def _check(roots: list[Any], rankdir: Any, depth: Any, max_nodes: Any) -> None:
    """Raise for what `draw` does not take."""
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


def _gradients(roots: list[Any]) -> Gradients:
    """The gradients of a single number by all that it was made from, by their place on the tape."""
    root, *others = roots
    if others or not root.requires_grad or getattr(root.data, "size", 1) != 1:
        return {}
    return {x.order: g for x, g in backprop(root, root._seed(None), toposort(root))[0]}
