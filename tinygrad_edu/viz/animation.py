"""Animated GIFs of matplotlib drawings."""

from __future__ import annotations

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
    from matplotlib.figure import Figure
    from PIL.Image import Image as Picture

    Draw = Callable[[Axes, Any], object]
    Limits = dict[str, tuple[float, ...]]


def animate(
    draw: Draw, frames: int | Iterable[Any], path: str | os.PathLike[str], ax: Axes | None = None, *, fps: int = 10,
    hold: float = 1.0, dpi: float = 100, progress: Callable[[list[Any]], Iterable[Any]] | None = None,
) -> Path:  # fmt: skip
    """Write a GIF with a picture for each i of `frames`, drawn by `draw(ax, i)` on cleared Axes, and return its path.

    `frames` is a count, or the i's themselves. Each frame is drawn twice: first to find limits that contain all
    frames, then with those limits, so that nothing jumps. The last frame stays for `hold` more seconds before the loop
    starts again. `progress`, such as `tqdm.tqdm`, wraps the frames. By default a frame has 600 x 400 pixels; only what
    changes in it is stored, usually 1 to 10 KB. If anything fails, a file that existed at the path is unchanged.
    """
    path = Path(path)
    if path.suffix.lower() != ".gif":
        raise ValueError(f"animate: {str(path)!r} must end in .gif")
    frames = list(range(frames) if isinstance(frames, int) else frames)
    if not frames:
        raise ValueError("animate: there are no frames")
    if not 0 < fps <= 50 or hold < 0:
        raise ValueError(f"animate: fps must be above 0 and at most 50, and hold at least 0; not {fps}, {hold}")
    ax = axes_or_new(ax)
    limits = _common_limits(draw, frames, ax)
    pictures = _pictures(draw, frames if progress is None else progress(frames), ax, limits, dpi)
    _write(pictures, path, [1000 / fps] * (len(frames) - 1) + [1000 / fps + 1000 * hold])
    return path


def _common_limits(draw: Draw, frames: list[Any], ax: Axes) -> Limits:
    """Draw all frames, and return the limits of each axis that contain them all."""
    seen: dict[str, list[float]] = {name: [] for name in "xyz" if hasattr(ax, f"get_{name}lim")}
    for i in frames:
        ax.clear()
        draw(ax, i)
        for name in seen:
            seen[name] += getattr(ax, f"get_{name}lim")()
    inverted = {name: bool(getattr(ax, f"{name}axis_inverted")()) for name in seen}
    return {f"{name}lim": tuple(sorted([min(v), max(v)], reverse=inverted[name])) for name, v in seen.items()}


def _pictures(draw: Draw, frames: Iterable[Any], ax: Axes, limits: Limits, dpi: float) -> list[Picture]:
    """Draw each frame with these limits and return the pictures."""
    from matplotlib import rc_context
    from PIL import Image

    figure: Figure = ax.figure  # type: ignore[assignment]
    layout = figure.get_layout_engine()
    pictures: list[Picture] = []
    # A tight box would differ from frame to frame, and any layout engine, even one that does nothing, draws each twice.
    plain: Any = {"savefig.bbox": None, "figure.autolayout": False, "figure.constrained_layout.use": False}
    with rc_context(plain):
        try:
            for i in frames:
                ax.clear()
                draw(ax, i)
                ax.set(**limits)
                if not pictures:  # the first frame fixes the position of the axes
                    figure.draw_without_rendering()
                    figure.set_layout_engine(None)
                with BytesIO() as buffer:
                    figure.savefig(buffer, format="png", dpi=dpi, pil_kwargs={"compress_level": 1})
                    pictures.append(Image.open(buffer).convert("RGB"))
        finally:
            figure.set_layout_engine(layout)
    return pictures


def _write(pictures: list[Picture], path: Path, milliseconds: list[float]) -> None:
    """Write the GIF with one palette for all pictures; then each stores only its changes, a fifth of the size."""
    from PIL import Image

    samples = pictures[:: -max(1, len(pictures) // 8)]  # the last picture among them, which often shows most
    width, height = pictures[0].size
    mosaic = Image.new("RGB", (width, height * len(samples)))
    for i, picture in enumerate(samples):
        mosaic.paste(picture, (0, height * i))
    # Maximum coverage keeps rare colours, such as that of a point that moves. Pillow looks a colour up by its upper six
    # bits, so white must be the only colour near white to stay exact. The 256th colour means "unchanged".
    colours: Any = mosaic.quantize(254, method=Image.Quantize.MAXCOVERAGE).getpalette()
    colours = np.reshape(colours, (-1, 3))
    palette = Image.new("P", (1, 1))
    palette.putpalette([255] * 3 + colours[(colours < 248).any(axis=1)].ravel().tolist())
    first, *others = (picture.quantize(palette=palette, dither=Image.Dither.NONE) for picture in pictures)
    with replacing(path) as file:
        first.save(file, "gif", save_all=True, append_images=others, duration=milliseconds, loop=0, optimize=True)
