"""Plots of a function of two numbers: a loss with the way down it, and what a model says of the plane."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from ..engine.tensor import no_grad
from ..figure import BLACK, CLASSES, MARKERS, VERMILION, axes_or_new, numeric_array

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    Array = np.ndarray[Any, Any]
    Limits = tuple[float, float] | None
    Path = ArrayLike | tuple[ArrayLike, ArrayLike] | None

CMAP = "Blues"  # one hue: light where the loss is low, and the same to every eye
WHITE = "#ffffff"


def contours(
    loss: Callable[[Any, Any], Any],
    path: "Path" = None,
    ax: "Axes | None" = None,
    *,
    xlim: "Limits" = None,
    ylim: "Limits" = None,
    levels: int | Sequence[float] = 15,
    resolution: int = 150,
    xlabel: str = "first parameter",
    ylabel: str = "second parameter",
) -> "Axes":
    """Lines of equal `loss(a, b)`, with the way that the two parameters took across them.

    `loss` gets two arrays of one shape if it broadcasts (`resolution` x `resolution` points), two floats at a time if
    not. `path` is an array (n, 2) with a row for each step, or a tuple of two arrays (n,); without limits the picture
    holds all of it. A number of `levels` is spaced so that half the lines lie below the median: close together at the
    bottom of a ravine, where little changes, and evenly for a loss that falls evenly.
    """
    way, x, y, z = _field("contours", loss, path, xlim, ylim, resolution)
    heights = _levels(z, levels)
    ax = axes_or_new(ax)
    from matplotlib.colors import BoundaryNorm
    from matplotlib.patheffects import withStroke

    ax.contourf(x, y, z, heights, cmap=CMAP, norm=BoundaryNorm(heights, 256), alpha=0.7, extend="both")
    lines = ax.contour(x, y, z, heights, colors=BLACK, linewidths=0.5, alpha=0.6)
    for text in ax.clabel(lines, heights[1::3].tolist(), fontsize=8, fmt="%g", colors=BLACK, inline=False):
        text.set(alpha=1, path_effects=[withStroke(linewidth=2, foreground=WHITE)])
        place = (np.array(text.get_position()) - (x[0, 0], y[0, 0])) / (x[0, -1] - x[0, 0], y[-1, 0] - y[0, 0])
        text.set_visible(bool((abs(place - 0.5) < 0.46).all()))  # not where the edge would cut it
    if len(way):
        _way(ax, way.T, way.T)
    ax.set(xlim=(x[0, 0], x[0, -1]), ylim=(y[0, 0], y[-1, 0]), xlabel=xlabel, ylabel=ylabel)
    return ax


def surface(
    loss: Callable[[Any, Any], Any],
    path: "Path" = None,
    ax: "Axes | None" = None,
    *,
    xlim: "Limits" = None,
    ylim: "Limits" = None,
    resolution: int = 150,
    xlabel: str = "first parameter",
    ylabel: str = "second parameter",
    zlabel: str = "loss",
) -> "Axes":
    """`loss(a, b)` as a surface, with the way that the two parameters took on it; arguments as in `contours`.

    Between two steps the way follows the surface, as the loss is computed there too. Its line is drawn over the surface
    also where a hill stands before it. `ax`, where given, is made with `projection="3d"`.
    """
    if ax is not None and not hasattr(ax, "get_zlim"):
        raise ValueError('surface: ax is flat; make it with figure.add_subplot(projection="3d")')
    way, x, y, z = _field("surface", loss, path, xlim, ylim, resolution)
    ax3: Any = axes_or_new(ax, projection="3d")
    from matplotlib.colors import BoundaryNorm

    ax3.computed_zorder = False  # by depth, line and surface would hide each other in pieces
    norm = BoundaryNorm(_levels(z, 30), 256)
    ax3.plot_surface(x, y, z, cmap=CMAP, norm=norm, rcount=50, ccount=50, linewidth=0.2, edgecolor="#00000030")
    if len(way):
        between = np.linspace(0, len(way) - 1, max(1, 400 // len(way)) * (len(way) - 1) + 1)
        dense = np.stack([np.interp(between, range(len(way)), column) for column in way.T])
        _way(ax3, (*dense, _values(loss, *dense)), (*way.T, _values(loss, *way.T)))
    ax3.view_init(elev=35, azim=-60)
    ax3.locator_params(nbins=5)
    ax3.set(xlabel=xlabel, ylabel=ylabel, zlabel=zlabel)
    ax3.zaxis.labelpad = 8  # clear of its numbers
    ax3.set_box_aspect(None, zoom=0.85)  # room for the names of the axes
    return ax3  # type: ignore[no-any-return]


def decision_boundary(
    model: Callable[[Any], Any],
    X: ArrayLike,
    y: ArrayLike,
    ax: "Axes | None" = None,
    *,
    threshold: float = 0.0,
    labels: Sequence[str] | None = None,
    resolution: int = 200,
    xlabel: str = "first feature",
    ylabel: str = "second feature",
) -> "Axes":
    """The classes that `model` gives to the plane, with the examples X (n, 2) of the classes y (n,).

    A model with one output, (n,) or (n, 1), says the larger of two classes ({0, 1}, {-1, 1}) above `threshold`: 0 for a
    logit, 0.5 for a probability. One with k outputs says the largest, and y holds 0 to k - 1. Modules are asked in
    evaluation mode. `labels` name the classes, in order.
    """
    points, classes = numeric_array("decision_boundary", "X", X), numeric_array("decision_boundary", "y", y)
    if points.ndim != 2 or points.shape[1] != 2 or classes.size != len(points) or not len(points):
        raise ValueError(
            f"decision_boundary: X has shape {points.shape} and y {classes.shape}; give X as (n, 2), the two features "
            "that are drawn, and y as (n,)"
        )
    classes = classes.reshape(-1)
    (left, right), (low, high) = (_around(column) for column in points.T)
    x1, x2 = np.meshgrid(np.linspace(left, right, resolution), np.linspace(low, high, resolution))
    with no_grad(), _evaluating(model):
        plane = np.column_stack([x1.ravel(), x2.ravel()])
        outputs = model(plane.astype(points.dtype) if points.dtype.kind == "f" else plane)
    scores = numeric_array("decision_boundary", "the model's output", outputs)
    if scores.shape in [(x1.size,), (x1.size, 1)]:
        above = scores.reshape(-1) - threshold
        scores = np.column_stack([-above, above])
        known = [-1, 1] if (classes == -1).any() else [0, 1]
    elif scores.ndim == 2 and len(scores) == x1.size:
        known = list(range(scores.shape[1]))
    else:
        raise ValueError(
            f"decision_boundary: for {x1.size} points the model gave shape {scores.shape}; it gives a row for each"
        )
    if not np.isin(classes, known).all():
        raise ValueError(f"decision_boundary: the model tells classes {known} apart, but y holds {np.unique(classes)}")
    if labels is not None and len(labels) != len(known):
        raise ValueError(f"decision_boundary: {len(labels)} labels for {len(known)} classes")
    ax = axes_or_new(ax)
    for k, value in enumerate(known):
        colour, marker = CLASSES[k % len(CLASSES)], MARKERS[k % len(MARKERS)]
        # How far class k is ahead of the others: above 0 on its ground, and 0 on its boundary.
        ahead = (scores[:, k] - np.delete(scores, k, axis=1).max(axis=1)).reshape(x1.shape)
        if ahead.max() > 0:
            ax.contourf(x1, x2, ahead, [0, ahead.max()], colors=[colour], alpha=0.2)
            if ahead.min() < 0:
                ax.contour(x1, x2, ahead, [0], colors=BLACK, linewidths=1)
        own = points[classes == value]
        name = f"class {value}" if labels is None else labels[k]
        look: dict[str, Any] = {"color": colour, "marker": marker, "edgecolors": WHITE, "linewidths": 0.4, "zorder": 3}
        ax.scatter(own[:, 0], own[:, 1], s=25, label=name, **look)
    ax.set(xlim=(left, right), ylim=(low, high), xlabel=xlabel, ylabel=ylabel)
    ax.legend()
    return ax


def _field(where: str, loss: Any, path: Any, xlim: Any, ylim: Any, resolution: int) -> tuple["Array", ...]:
    """The finite steps of the path (n, 2), and a mesh with the loss on it."""
    way = _steps(where, path)
    if not len(way) and (xlim is None or ylim is None):
        raise ValueError(f"{where}: what part of the plane? Give a path, or xlim=(low, high) and ylim=(low, high)")
    ends = [_around(column) if limits is None else limits for column, limits in zip(way.T, (xlim, ylim), strict=True)]
    xs, ys = (np.linspace(low, high, resolution) for low, high in ends)
    x, y = np.meshgrid(xs, ys)
    z = np.ma.masked_invalid(_values(loss, x, y))
    if z.count() == 0:
        raise ValueError(f"{where}: the loss is finite nowhere within {xs[0]:g} to {xs[-1]:g}, {ys[0]:g} to {ys[-1]:g}")
    return way, x, y, z


def _steps(where: str, path: Any) -> "Array":
    if path is None:
        return np.empty((0, 2))
    way = np.asarray(path, dtype=float)
    if isinstance(path, tuple) and len(path) == 2 and way.ndim == 2:
        way = way.T
    if way.ndim != 2 or way.shape[1] != 2:
        raise ValueError(
            f"{where}: path has shape {way.shape}; give (n, 2), a row for each step, or a tuple of two (n,)"
        )
    finite: Array = way[np.isfinite(way).all(axis=1)]
    if not len(finite):
        raise ValueError(f"{where}: no step of the path is finite")
    return finite


def _around(values: "Array") -> tuple[float, float]:
    """Limits that leave a margin around the values."""
    low, high = float(values.min()), float(values.max())
    margin = 0.2 * (high - low) or 1.0
    return low - margin, high + margin


def _values(loss: Any, a: "Array", b: "Array") -> "Array":
    """loss(a, b) element by element, in one call if it broadcasts."""

    def at(*point: Any) -> float:
        return float(loss(*point))

    with no_grad(), np.errstate(all="ignore"):
        corners = [(0,) * a.ndim, (-1,) * a.ndim]
        try:
            z: Array = numeric_array("loss", "its result", loss(a, b)).astype(float)
            # A loss that takes a mean over data may broadcast the mesh against them, and give other numbers.
            points = [at(a[i], b[i]) for i in corners]
            if z.shape == a.shape and np.allclose([z[i] for i in corners], points, 1e-4, 0, equal_nan=True):
                return z
        except Exception:
            pass  # whatever it is that arrays break, floats may not; if they do, they raise it again
        return np.array([at(*point) for point in zip(a.flat, b.flat, strict=True)]).reshape(a.shape)


def _levels(z: Any, levels: int | Sequence[float]) -> "Array":
    if not isinstance(levels, int):
        return np.sort(np.asarray(levels, dtype=float))
    low, high = float(z.min()), float(z.max())
    if low == high:  # flat: a level on either side
        return np.array([low - 1.0, low + 1.0])
    middle = (float(np.median(z.compressed())) - low) / (high - low)
    power = max(1.0, np.log(max(middle, 1e-300)) / np.log(0.5))
    heights: Array = np.unique(low + (high - low) * np.linspace(0, 1, levels + 1) ** power)
    rounded = np.unique([float(f"{height:.2g}") for height in heights])
    return rounded if len(rounded) == len(heights) else heights


def _way(ax: Any, line: Iterable["Array"], steps: Iterable["Array"]) -> None:
    """A path with its steps, a disc where it starts and a star where it ends."""
    steps = list(steps)
    few = len(steps[0]) <= 60  # more would run into each other
    ax.plot(*line, color=WHITE, linewidth=3, zorder=4)
    ax.plot(*line, color=VERMILION, linewidth=1.5, zorder=5)
    if few:
        ax.plot(*steps, linestyle="", marker=".", markersize=5, color=VERMILION, zorder=5)
    for i, marker, size, name in ((0, "o", 8, "start"), (-1, "*", 14, "end")):
        look: dict[str, Any] = {
            "marker": marker,
            "markersize": size,
            "color": VERMILION,
            "markeredgecolor": BLACK,
            "zorder": 6,
        }
        ax.plot(*(column[[i]] for column in steps), linestyle="", label=name, **look)
    ax.legend()


@contextmanager
def _evaluating(model: Any) -> Iterator[None]:
    modules = model.modules() if hasattr(model, "modules") else []
    before = [m.training for m in modules]
    for m in modules:
        m.training = False
    try:
        yield
    finally:
        for m, training in zip(modules, before, strict=True):
            m.training = training
