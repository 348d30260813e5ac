"""Plots of functions of two numbers: a loss with the path of an optimizer, and the classes that a model predicts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from ..data.batches import check_finite
from ..engine.arguments import whole_number
from ..engine.mode import no_grad
from ..engine.rules.registry import Array
from ..figure import BLACK, CLASSES, MARKERS, VERMILION, axes_or_new, number, numeric_array
from ..nn.module import mode

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Limits = tuple[float, float] | None
Loss = Callable[[Any, Any], Any]
Path = ArrayLike | tuple[ArrayLike, ArrayLike] | None
CMAP = "Blues"  # one hue, light where the loss is low: readable with any color vision
WHITE = "#ffffff"


def contours(
    loss: Loss, path: Path = None, ax: Axes | None = None, *, xlim: Limits = None, ylim: Limits = None,
    levels: int | Sequence[float] = 15, resolution: int = 150, xlabel: str = "first parameter",
    ylabel: str = "second parameter",
) -> Axes:  # fmt: skip
    """Plot lines of equal `loss(a, b)`, and the path that the two parameters took.

    `loss` is called once with two arrays of `resolution` x `resolution` points if it broadcasts, and else with two
    floats at a time. `path` is an array (n, 2) with a row for each step, or a tuple of two arrays (n,); without limits
    the plot shows all of it. A number of `levels` is spaced so that half the lines lie below the median of the loss:
    close together at the bottom of a ravine, where the loss changes little, and evenly for an evenly falling loss.
    Raises ValueError for a path or limits that are no such numbers, and TypeError for a loss that is no real number.

    >>> ax = tg.plot.contours(lambda a, b: a**2 + 4 * b**2, [(2.0, 1.0), (1.0, 0.2)], resolution=20)
    >>> ax.get_xlabel()
    'first parameter'
    """
    steps, x, y, z = _field("contours", loss, path, xlim, ylim, resolution)
    if isinstance(levels, (int, np.integer)):
        heights = _levels(z, whole_number("contours", "levels", levels, "lines"))
    else:
        heights = np.unique(numeric_array("contours", "levels", levels).astype(float))
        if len(heights) < 2 or not np.isfinite(heights).all():
            raise ValueError(f"contours: levels is a number of lines, or two or more finite heights, not {levels!r}")
    ax = axes_or_new(ax)
    from matplotlib.colors import BoundaryNorm
    from matplotlib.patheffects import withStroke

    ax.contourf(x, y, z, heights, cmap=CMAP, norm=BoundaryNorm(heights, 256), alpha=0.7, extend="both")
    lines = ax.contour(x, y, z, heights, colors=BLACK, linewidths=0.5, alpha=0.6)
    digits = next(n for n in range(6, 18) if len({f"{height:.{n}g}" for height in heights}) == len(heights))
    shown = {"fmt": f"%.{digits}g", "fontsize": 8, "colors": BLACK, "inline": False}
    for text in ax.clabel(lines, heights[1::3].tolist(), **shown):
        text.set(alpha=1, path_effects=[withStroke(linewidth=2, foreground=WHITE)])
        place = (np.array(text.get_position()) - (x[0, 0], y[0, 0])) / (x[0, -1] - x[0, 0], y[-1, 0] - y[0, 0])
        near = abs((steps - text.get_position()) / (x[0, -1] - x[0, 0], y[-1, 0] - y[0, 0])).max(axis=1) < 0.06
        # The edge of the plot would cut the others, and the path would cover them.
        text.set_visible(bool((abs(place - 0.5) < 0.46).all()) and not near.any())
    if len(steps):
        _plot_path(ax, steps.T, steps.T)
    ax.set(xlim=(x[0, 0], x[0, -1]), ylim=(y[0, 0], y[-1, 0]), xlabel=xlabel, ylabel=ylabel)
    return ax


def surface(
    loss: Loss, path: Path = None, ax: Axes | None = None, *, xlim: Limits = None, ylim: Limits = None,
    resolution: int = 150, xlabel: str = "first parameter", ylabel: str = "second parameter", zlabel: str = "loss",
) -> Axes:  # fmt: skip
    """Plot `loss(a, b)` as a surface, and the path that the two parameters took; arguments as in `contours`.

    The path follows the surface between two steps, because the loss is computed there too. It is drawn on top of the
    surface, also where a hill should hide it. `ax`, if given, must be made with `projection="3d"`. Raises ValueError
    for Axes without a third dimension.

    >>> ax = tg.plot.surface(lambda a, b: a**2 + 4 * b**2, [(2.0, 1.0), (1.0, 0.2)], resolution=20)
    >>> ax.get_xlabel()
    'first parameter'
    """
    if ax is not None and not hasattr(ax, "get_zlim"):
        raise ValueError('surface: ax is flat; make it with figure.add_subplot(projection="3d")')
    steps, x, y, z = _field("surface", loss, path, xlim, ylim, resolution)
    ax3: Any = axes_or_new(ax, projection="3d")
    from matplotlib.colors import BoundaryNorm

    ax3.computed_zorder = False  # sorted by depth, path and surface would hide each other in pieces
    norm = BoundaryNorm(_levels(z, 30), 256)
    ax3.plot_surface(x, y, z, cmap=CMAP, norm=norm, rcount=50, ccount=50, linewidth=0.2, edgecolor="#00000030")
    if len(steps):
        dense = np.linspace(0, len(steps) - 1, max(1, 400 // len(steps)) * (len(steps) - 1) + 1)
        a, b = (np.interp(dense, range(len(steps)), column) for column in steps.T)
        _plot_path(ax3, (a, b, _evaluate("surface", loss, a, b)), (*steps.T, _evaluate("surface", loss, *steps.T)))
    ax3.view_init(elev=35, azim=-60)
    ax3.locator_params(nbins=5)
    ax3.set(xlabel=xlabel, ylabel=ylabel, zlabel=zlabel)
    ax3.zaxis.labelpad = 8  # keeps the label off the numbers
    ax3.set_box_aspect(None, zoom=0.85)  # leaves space for the labels of the axes
    return ax3  # type: ignore[no-any-return]


def decision_boundary(
    model: Callable[[Any], Any], X: ArrayLike, y: ArrayLike, ax: Axes | None = None, *, threshold: float = 0.0,
    labels: Sequence[str] | None = None, resolution: int = 200, xlabel: str = "first feature",
    ylabel: str = "second feature",
) -> Axes:  # fmt: skip
    """Plot the class that `model` predicts at each point of the plane, and the examples X (n, 2) with classes y (n,).

    A model with one output, (n,) or (n, 1), predicts the larger of two classes ({0, 1} or {-1, 1}) above `threshold`: 0
    for a logit, 0.5 for a probability. A model with k outputs predicts the largest, and y holds 0 to k - 1. A Module
    runs in evaluation mode. `labels` name the classes, in order. Raises ValueError for shapes that do not fit, and
    TypeError for a model that is not callable and a threshold that is not one real number.

    >>> ax = tg.plot.decision_boundary(tg.nn.MLP([2, 8, 1], rng=0), *tg.data.make_moons(20, rng=0), resolution=20)
    >>> ax.get_xlabel()
    'first feature'
    """
    if not callable(model):
        raise TypeError(f"decision_boundary takes a model, or a function of X, not {model!r:.60}")
    points, classes = numeric_array("decision_boundary", "X", X), numeric_array("decision_boundary", "y", y)
    if points.ndim != 2 or points.shape[1] != 2 or classes.size != len(points) or not len(points):
        shapes = f"X has shape {points.shape} and y {classes.shape}"
        raise ValueError(f"decision_boundary: {shapes}; pass the two features as X (n, 2), and the classes as y (n,)")
    check_finite("decision_boundary, X", points)
    check_finite("decision_boundary, y", classes)
    classes = classes.reshape(-1)
    (left, right), (low, high) = (_limits(column) for column in points.T)
    resolution = whole_number("decision_boundary", "resolution", resolution, "points", least=2)
    x1, x2 = np.meshgrid(np.linspace(left, right, resolution), np.linspace(low, high, resolution))
    with no_grad(), mode(model.modules() if hasattr(model, "modules") else [], False):
        plane = np.column_stack([x1.ravel(), x2.ravel()])
        outputs = model(plane.astype(points.dtype) if points.dtype.kind == "f" else plane)
    threshold = number("decision_boundary", "threshold", threshold)
    scores, known = _class_scores(outputs, x1.size, classes, threshold)
    if labels is not None and len(labels) != len(known):
        raise ValueError(f"decision_boundary: there are {len(labels)} labels for {len(known)} classes")
    ax = axes_or_new(ax)
    for k, value in enumerate(known):
        color, marker = CLASSES[k % len(CLASSES)], MARKERS[k % len(MARKERS)]
        # The margin of class k is above 0 where the model predicts it, and 0 on the boundary of that region.
        margin = (scores[:, k] - np.delete(scores, k, axis=1).max(axis=1)).reshape(x1.shape)
        if margin.max() > 0:
            ax.contourf(x1, x2, margin, [0, margin.max()], colors=[color], alpha=0.2)
            if margin.min() < 0:
                ax.contour(x1, x2, margin, [0], colors=BLACK, linewidths=1)
        examples = points[classes == value]
        name = f"class {value}" if labels is None else labels[k]
        look: dict[str, Any] = {"color": color, "marker": marker, "edgecolors": WHITE, "linewidths": 0.4, "zorder": 3}
        ax.scatter(examples[:, 0], examples[:, 1], s=25, label=name, **look)
    ax.set(xlim=(left, right), ylim=(low, high), xlabel=xlabel, ylabel=ylabel)
    ax.legend()
    return ax


def _class_scores(outputs: Any, n: int, classes: Array, threshold: float) -> tuple[Array, list[int]]:
    """Return a score for each of n points and each class, and the classes; raise ValueError if y holds another one."""
    scores = numeric_array("decision_boundary", "the model's output", outputs)
    if bad := np.count_nonzero(~np.isfinite(scores)):
        remedy = "look for NaN in its weights, and for a learning rate that was too high"
        raise ValueError(f"decision_boundary: {bad} of the model's {scores.size} outputs are NaN or infinite; {remedy}")
    if scores.shape in [(n,), (n, 1)]:
        above = scores.reshape(-1) - threshold
        scores = np.column_stack([-above, above])
        known = [-1, 1] if (classes == -1).any() else [0, 1]
    elif scores.ndim == 2 and len(scores) == n:
        known = list(range(scores.shape[1]))
    else:
        raise ValueError(f"decision_boundary: for {n} points the model returned shape {scores.shape}, not {n} rows")
    if not np.isin(classes, known).all():
        raise ValueError(f"decision_boundary: the model predicts classes {known}, but y holds {np.unique(classes)}")
    return scores, known


def _field(where: str, loss: Loss, path: Path, xlim: Limits, ylim: Limits, resolution: int) -> tuple[Array, ...]:
    """Return the finite steps of the path (n, 2), and the coordinates and the loss on a mesh."""
    if not callable(loss):
        raise TypeError(f"{where} takes a function loss(a, b), not {loss!r:.60}")
    steps = _steps(where, path)
    if not len(steps) and (xlim is None or ylim is None):
        raise ValueError(f"{where}: pass a path, or the limits xlim=(low, high) and ylim=(low, high)")
    limits = zip(steps.T, (("xlim", xlim), ("ylim", ylim)), strict=True)
    ranges = [_limits(column) if given is None else _two(where, name, given) for column, (name, given) in limits]
    resolution = whole_number(where, "resolution", resolution, "points", least=2)
    xs, ys = (np.linspace(low, high, resolution) for low, high in ranges)
    x, y = np.meshgrid(xs, ys)
    z = np.ma.masked_invalid(_evaluate(where, loss, x, y))
    if z.count() == 0:
        raise ValueError(f"{where}: the loss is finite nowhere within {xs[0]:g} to {xs[-1]:g}, {ys[0]:g} to {ys[-1]:g}")
    return steps, x, y, z


def _steps(where: str, path: Any) -> Array:
    """Return the finite steps of a path as an array (n, 2)."""
    if path is None:
        return np.empty((0, 2))
    steps = numeric_array(where, "path", path).astype(float)
    if isinstance(path, tuple) and len(path) == 2 and steps.ndim == 2:
        steps = steps.T
    if steps.ndim != 2 or steps.shape[1] != 2:
        raise ValueError(f"{where}: path has shape {steps.shape}; pass (n, 2), a row a step, or a tuple of two (n,)")
    finite: Array = steps[np.isfinite(steps).all(axis=1)]
    if not len(finite):
        raise ValueError(f"{where}: no step of the path is finite")
    return finite


def _two(where: str, name: str, limits: ArrayLike) -> Array:
    """Return the limits of an axis as an array; raises ValueError unless they are two different finite numbers."""
    given = numeric_array(where, name, limits)
    if given.shape != (2,) or not np.isfinite(given).all() or given[0] == given[1]:
        raise ValueError(f"{where}: {name} is (low, high), two different finite numbers, not {limits!r}")
    return given


def _limits(values: Array) -> tuple[float, float]:
    """Return limits that leave a margin around the values."""
    low, high = float(values.min()), float(values.max())
    margin = 0.2 * (high - low) or 1.0
    return low - margin, high + margin


def _evaluate(where: str, loss: Loss, a: Array, b: Array) -> Array:
    """Return loss(a, b) element by element, computed in one call if the loss broadcasts."""
    with no_grad(), np.errstate(all="ignore"):
        corners = [(0,) * a.ndim, (-1,) * a.ndim]
        try:
            z = numeric_array(where, "the loss", loss(a, b)).astype(float)
            # A loss that takes a mean over data may broadcast the mesh against them, and return other numbers.
            expected = [float(loss(a[i], b[i])) for i in corners]
            if z.shape == a.shape and np.allclose([z[i] for i in corners], expected, 1e-4, 0, equal_nan=True):
                return z
        except Exception:
            pass  # arrays made it fail; floats may not, and if they do, the same error is raised below
        points = zip(a.flat, b.flat, strict=True)
        return np.array([_float(where, loss(*point)) for point in points]).reshape(a.shape)


def _float(where: str, value: Any) -> float:
    """Return a loss as a float; raises TypeError, which names the plot, for what is no number."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return number(where, "the loss", value)


def _levels(z: Array, levels: int) -> Array:
    """Return heights for a number of lines, half of them below the median of the loss."""
    low, high = float(z.min()), float(z.max())
    if low == high:  # a constant loss: one level on either side
        return np.array([low - 1.0, low + 1.0])
    median = (float(np.median(np.ma.compressed(z))) - low) / (high - low)
    power = max(1.0, np.log(max(median, 1e-300)) / np.log(0.5))
    heights: Array = np.unique(low + (high - low) * np.linspace(0, 1, levels + 1) ** power)
    rounded = np.unique([float(f"{height:.2g}") for height in heights])
    return rounded if len(rounded) == len(heights) else heights


def _plot_path(ax: Any, line: Sequence[Array] | Array, steps: Sequence[Array] | Array) -> None:
    """Plot a path with its steps, a disc at its start and a star at its end."""
    ax.plot(*line, color=WHITE, linewidth=3, zorder=4)
    ax.plot(*line, color=VERMILION, linewidth=1.5, zorder=5)
    if len(steps[0]) <= 60:  # the dots of more steps would overlap
        ax.plot(*steps, linestyle="", marker=".", markersize=5, color=VERMILION, zorder=5)
    for i, marker, size, name in ((0, "o", 8, "start"), (-1, "*", 14, "end")):
        look = {"marker": marker, "markersize": size, "color": VERMILION, "markeredgecolor": BLACK, "zorder": 6}
        ax.plot(*(column[[i]] for column in steps), linestyle="", label=name, **look)
    ax.legend()
