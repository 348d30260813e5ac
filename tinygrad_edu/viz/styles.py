"""How the boxes, frames and edges of a picture look, and the legend that says what they mean."""

from ..figure import GREY
from .layout import Point, text_width

# Okabe and Ito's colors as borders, and tints of them under black text. The gray of the edges is visible on white and
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
    "named": {"shape": "box", "style": "filled", "fillcolor": "#ffffff", "color": "#b87a00"},
    "result": {"shape": "box", "style": "filled,bold", "fillcolor": "#d2f0e5", "color": "#00805c"},
    "folded": {"shape": "note", "style": "filled", "fillcolor": "#ffffff", "color": "#000000"},
}
FRAME = {"style": "filled,rounded", "fillcolor": "#f7f7f7", "color": GREY, "fontsize": "12", "labeljust": "l"}
LINE = 14.4  # points from one line of text to the next
GRAPH = {"bgcolor": "transparent", "nodesep": "0.2", "ranksep": "0.35", "fontname": FONT,
         "outputorder": "nodesfirst"}  # fmt: skip  # or a box would cover the number of an argument
NODE = {"ordering": "in", "fontname": FONT, "fontsize": "12", "height": "0.3", "margin": "0.12,0.06"}
EDGE = {"color": GREY, "arrowsize": "0.7", "fontname": FONT, "fontsize": "10", "fontcolor": GREY,
        "labeldistance": "1.8", "labelangle": "-30"}  # fmt: skip
MEANINGS = {
    "variable": "variable: takes a gradient", "parameter": "parameter of a module", "input": "input of a module",
    "constant": "constant", "operation": "operation", "module": "module, closed", "backward": "backward pass",
    "named": "named intermediate", "result": "result",
}  # fmt: skip
# In words where a sample in the legend has the color alone, which not all readers and printers tell from the others.
SHAPES = {"parameter": "(double border)", "input": "(arrow)", "module": "(block)", "backward": "(octagon)"}


def size(shown: str, style: dict[str, str]) -> Point:
    """Return the size of a box in points: its text has space in whatever font a reader of the SVG has."""
    across, down = (144 * float(inches) for inches in style.get("margin", NODE["margin"]).split(","))
    width, height = text_width(shown) * float(NODE["fontsize"]), LINE * (shown.count("\n") + 1)
    scale = 1.54 if style["shape"] == "octagon" else 1  # as Graphviz does, to keep the text clear of the corners
    return round(max(54, scale * width + across + 3)), round(max(22, scale * height + down + 8))


def legend_table(kinds: list[str], rankdir: str) -> str:
    """Return a table with a sample of each kind of box.

    Graphviz knows its names in small letters, and others by the locale: in Turkish WIDTH is no capital form of width.
    """
    cells = []
    for kind in kinds:
        style = STYLES[kind]
        look = "".join(f' style="{look}"' for look in ("rounded", "dashed") if look in style["style"])
        look += f' border="{2 if "bold" in style["style"] else 1}" bgcolor="{style["fillcolor"]}"'
        lines = [MEANINGS[kind], *([SHAPES[kind]] if kind in SHAPES else [])]
        width = round(10.5 * text_width("\n".join(lines))) + 8
        written = '<br align="left"/>'.join([*lines, ""]) if lines[1:] else lines[0]
        cells.append(f'<td align="left" width="{width}" color="{style["color"]}"{look}>{written}</td>')
    rows = [cells] if rankdir == "LR" else [[cell] for cell in cells]
    table = "".join(f"<tr>{''.join(row)}</tr>" for row in rows)
    return f'<<font point-size="10"><table border="0" cellspacing="6" cellpadding="3">{table}</table></font>>'
