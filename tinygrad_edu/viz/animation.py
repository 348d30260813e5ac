"""A GIF of drawings, for a slide or a README."""

import os
from collections.abc import Callable, Iterable
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..figure import axes_or_new
from ..state import replacing

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def animate(
    draw: "Callable[[Axes, Any], object]",
    frames: int | Iterable[Any],
    path: str | os.PathLike[str],
    ax: "Axes | None" = None,
    *,
    fps: int = 10,
    hold: float = 1.0,
    dpi: float = 100,
    progress: Callable[[list[Any]], Iterable[Any]] | None = None,
) -> Path:
    """Write a GIF of what `draw(ax, i)` draws on a cleared Axes for every i of `frames`, and return its path.

    `frames` is a count or the i's themselves. All frames are drawn once to find limits that hold them all, and again
    with those, so that nothing jumps. The last is held for `hold` seconds more before the loop begins anew. `progress`
    is what to wrap the frames in, such as `tqdm.tqdm`. By default a frame has 600 x 400 pixels; what has changed in it
    is all that it adds to the file, most often 1 to 10 KB. Whatever fails, what stood at the path stays.
    """
    path = Path(path)
    if path.suffix.lower() != ".gif":
        raise ValueError(f"animate: {str(path)!r} must end in .gif")
    frames = list(range(frames) if isinstance(frames, int) else frames)
    if not frames:
        raise ValueError("animate: there are no frames")
    if not 0 < fps <= 50 or hold < 0:
        raise ValueError(
            f"animate: fps is above 0 and at most 50, as GIFs allow, and hold at least 0; not {fps}, {hold}"
        )
    ax = axes_or_new(ax)

    axes = [name for name in "xyz" if hasattr(ax, f"get_{name}lim")]
    seen: dict[str, list[float]] = {name: [] for name in axes}
    for i in frames:
        _draw(draw, ax, i)
        for name in axes:
            seen[name] += getattr(ax, f"get_{name}lim")()
    limits = {f"{name}lim": _union(getattr(ax, f"{name}axis_inverted")(), seen[name]) for name in axes}

    from matplotlib import rc_context

    figure: Any = ax.figure
    layout = figure.get_layout_engine()
    pictures = []
    # A tight box would differ from frame to frame, and any layout engine, even one that does nothing, draw each twice.
    plain: Any = {"savefig.bbox": None, "figure.autolayout": False, "figure.constrained_layout.use": False}
    with rc_context(plain):
        try:
            for i in frames if progress is None else progress(frames):
                _draw(draw, ax, i)
                ax.set(**limits)
                if i is frames[0]:  # where the axes stand is settled once
                    figure.draw_without_rendering()
                    figure.set_layout_engine(None)
                pictures.append(_picture(figure, dpi))
        finally:
            figure.set_layout_engine(layout)
    _write(pictures, path, [1000 / fps] * (len(frames) - 1) + [1000 / fps + 1000 * hold])
    return path


def _draw(draw: Any, ax: Any, i: Any) -> None:
    ax.clear()
    draw(ax, i)


def _union(inverted: bool, ends: list[float]) -> tuple[float, float]:
    low, high = min(ends), max(ends)
    return (high, low) if inverted else (low, high)


def _picture(figure: Any, dpi: float) -> Any:
    from PIL import Image

    with BytesIO() as buffer:
        figure.savefig(buffer, format="png", dpi=dpi, pil_kwargs={"compress_level": 1})
        return Image.open(buffer).convert("RGB")


def _write(pictures: list[Any], path: Path, milliseconds: list[float]) -> None:
    """Write the GIF with one palette for all pictures, so that each need only hold what has changed: a fifth."""
    from PIL import Image

    some = pictures[:: -max(1, len(pictures) // 8)]  # the last among them, which holds most
    width, height = pictures[0].size
    together = Image.new("RGB", (width, height * len(some)))
    for i, picture in enumerate(some):
        together.paste(picture, (0, height * i))
    # Maximum coverage keeps colours that are rare, such as a point that moves. White is kept as it is; it stands alone,
    # as Pillow looks colours up by their upper six bits. Of 256 colours one is left, to mean "as it was".
    colours: Any = together.quantize(254, method=Image.Quantize.MAXCOVERAGE).getpalette()
    colours = np.reshape(colours, (-1, 3))
    palette = Image.new("P", (1, 1))
    palette.putpalette([255] * 3 + colours[(colours < 248).any(axis=1)].ravel().tolist())
    first, *others = (picture.quantize(palette=palette, dither=Image.Dither.NONE) for picture in pictures)
    options = {"duration": milliseconds, "loop": 0, "optimize": True}
    with replacing(path) as file:
        first.save(file, format="gif", save_all=True, append_images=others, **options)
