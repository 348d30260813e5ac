"""An explanation as a page: one HTML file with the graph, both passes and the numbers of every step.

`page.html`, `page.css` and `page.js` beside this module are the page's source. This module lays out the graph and puts
the data of the page into one block of JSON. Labels come from the user, and the page shows them only as text.
"""

import html
import json
import re
from collections.abc import Sequence
from importlib import resources

from .layout import lay_out
from .steps import Record, Step, table
from .values import Number, brief, format_full, shortened

Json = str | int | list[str] | list[int]

LINE, CHARACTER, PADDING = 17, 7.3, 9  # pixels: height of a line, width of a character, around the text of a box
LONGEST = 28  # characters of a line in a box
TABLE = 30_000  # characters of the table that readers without JavaScript see


def page(nodes: Sequence[Record], steps: Sequence[Step]) -> str:
    """Return the whole page."""
    text = table(nodes[-1], steps)
    text = text if len(text) <= TABLE else f"{text[:TABLE]}\n... (print it for the rest)"
    data = json.dumps(_data(nodes, steps), separators=(",", ":")).replace("<", "\\u003c")  # no </script> inside
    parts = {"TITLE": html.escape(nodes[-1].name), "TABLE": html.escape(text), "DATA": data}
    parts |= {"STYLE": _file("page.css"), "SCRIPT": _file("page.js")}
    return re.sub(r"\{\{([A-Z]+)\}\}", lambda marker: parts[marker[1]], _file("page.html"))


def frame(nodes: Sequence[Record], steps: Sequence[Step]) -> str:
    """Return the page as an <iframe> for a notebook's cell; it may run its own script and nothing else."""
    title = html.escape(f"Backpropagation of {nodes[-1].name}, step by step")
    style = 'sandbox="allow-scripts" style="width:100%;height:46rem;border:0"'
    return f'<iframe title="{title}" {style} srcdoc="{html.escape(page(nodes, steps))}"></iframe>'


def _data(nodes: Sequence[Record], steps: Sequence[Step]) -> dict[str, list[dict[str, Json]]]:
    """Return what page.js shows: the nodes with their boxes, and the steps with the paths of their edges."""
    index = {record.name: i for i, record in enumerate(nodes)}
    edges = [(index[step.to], index[step.node]) for step in steps]
    first = [f"{r.name} = {r.operation}" if r.operation else r.name for r in nodes]
    lines = [[shortened(a, LONGEST), shortened(brief(r.value), LONGEST)] for a, r in zip(first, nodes, strict=True)]
    lengths = [max(map(len, two)) for two in lines]
    for (tail, _), step in zip(edges, steps, strict=True):  # the box will show the gradient too
        lengths[tail] = max(lengths[tail], min(len(f"grad {brief(step.total)}"), LONGEST))
    sizes = [(round(max(n, 6) * CHARACTER) + 2 * PADDING, 3 * LINE + 2 * PADDING) for n in lengths]
    centers, paths = lay_out(sizes, edges)
    return {
        "nodes": [
            _without_empty(name=r.name, operation=r.operation, numbers=r.numbers, shapes=r.shapes,
                           value=_short_and_full(r.value), lines=two, box=[*center, *size])
            for r, two, center, size in zip(nodes, lines, centers, sizes, strict=True)
        ],
        "steps": [  # page.js takes g from the totals before, and a first contribution from its total
            _without_empty(
                head=head, tail=tail, path=path, rule=s.rule, numbers=s.numbers, shapes=s.shapes,
                local=_short_and_full(s.local), contribution=_short_and_full(s.contribution) if s.number > 1 else "",
                total=_short_and_full(s.total), count=[s.number, s.of], why=s.why, adds=s.adds, remark=s.remark,
            )
            for s, (tail, head), path in zip(steps, edges, paths, strict=True)
        ],
    }  # fmt: skip


def _file(name: str) -> str:
    return (resources.files(__package__) / name).read_text(encoding="utf-8")


def _without_empty(**fields: Json) -> dict[str, Json]:
    """Return the fields without empty texts, which keeps a page of many steps small."""
    return {name: value for name, value in fields.items() if value != ""}


def _short_and_full(x: Number | None) -> list[str]:
    """Return a value in a few characters, and in full if that says more."""
    short = brief(x)
    if x is None:
        return [short]
    full = repr(float(x)) if isinstance(x, float) else format_full(x, separator=" ")
    return [short] if full in (short, f"{short}.0") else [short, full]
