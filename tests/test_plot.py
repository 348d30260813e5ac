"""Compare each plot with a stored picture, and check its artists where a picture is not enough.

The pictures (tests/images, 200 x 150 pixels) show axes at a fixed place, without texts and legends, because the shapes
of text change with fonts and versions. The comparison is the root mean square over blocks of 5 x 5 pixels, which
tolerates different anti-aliasing. Next to each plot there is a list of mistakes: their pictures must differ by at least
twice the tolerance. Texts are checked as texts. `python tests/test_plot.py` draws the pictures again.
"""

import os
import subprocess
import sys
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.legend import Legend
from matplotlib.text import Text
from PIL import Image

import tinygrad_edu as tg

mpl.use("Agg")

IMAGES = Path(__file__).parent / "images"
ALLOWED = 0.012  # share of the range from black to white; matplotlib 3.8 and 3.11 differ by half of this


def bowl(a, b):
    return a * a + 5 * b * b


def rosenbrock(a, b):
    return (1 - a) ** 2 + 100 * (b - a * a) ** 2


PATH = np.array([(4 * 0.8**i, (-0.7) ** i) for i in range(12)])
HISTORY = tg.History(train_loss=[4.0, 2.0, 1.0, 0.5], valid_loss=[5.0, 3.0, 2.0, 2.5], best_epoch=3)
SWAPPED = tg.History(train_loss=HISTORY.valid_loss, valid_loss=HISTORY.train_loss, best_epoch=3)
X = np.stack(np.meshgrid(np.linspace(-2, 2, 6), np.linspace(-1, 1, 5)), axis=-1).reshape(-1, 2)
RATES = np.geomspace(1e-5, 1, 40)
LOSSES = 2 - 1.5 / (1 + (1e-3 / RATES) ** 1.5) + (RATES / 0.2) ** 3 + 0.05 * np.sin(7 * np.arange(40))
TRUE, PREDICTED = [0, 0, 0, 1, 1, 2, 2, 2], [0, 0, 1, 1, 1, 0, 2, 2]


def parabola(x):
    return x[:, 1] - x[:, 0] ** 2 / 2 + 0.5


def sectors(x):
    return x @ [[1.0, -1.0, 0.0], [0.0, 0.5, -1.0]]


BELOW, SECTOR = (parabola(X) > 0).astype(int), sectors(X).argmax(axis=1)


def flowing(*sizes):
    """Return a chain of layers with gradients of these sizes (None: no gradient)."""
    model = tg.nn.MLP([2] * (len(sizes) // 2 + 1), rng=0)
    for (_, p), size in zip(model.named_parameters(), sizes, strict=True):
        p.grad = None if size is None else size * np.linspace(0.1, 1, p.size).reshape(p.shape)
    return model


@pytest.fixture(autouse=True)
def closed():
    """Close the figures that pyplot keeps, if another file of tests has imported it."""
    yield
    if pyplot := sys.modules.get("matplotlib.pyplot"):
        pyplot.close("all")


# {name of the picture: (function that draws it, mistakes that must be noticed)}; "3d" means 3-D axes.
plot = tg.plot
CASES = {
    "losses": [
        lambda ax: plot.losses(HISTORY, ax),
        lambda ax: plot.losses(SWAPPED, ax),
        lambda ax: plot.losses(tg.History(train_loss=HISTORY.train_loss), ax),
    ],
    "fit_line": [
        lambda ax: plot.fit_line([1, 3, 2], [2, 6.5, 4], 2.0, -0.5, ax),
        lambda ax: plot.fit_line([2, 6.5, 4], [1, 3, 2], 2.0, -0.5, ax),
        lambda ax: plot.fit_line([1, 3, 2], [2, 6.5, 4], 1.0, -0.5, ax),
    ],
    "contours": [
        lambda ax: plot.contours(bowl, PATH, ax),
        lambda ax: plot.contours(bowl, None, ax, xlim=(-0.5, 5), ylim=(-1, 1.5)),
        lambda ax: plot.contours(bowl, PATH[:, ::-1], ax),
        lambda ax: plot.contours(bowl, PATH[:4], ax, xlim=(-0.5, 5), ylim=(-1, 1.5)),
        lambda ax: plot.contours(lambda a, b: bowl(b, a), PATH, ax),
    ],
    "ravine": [
        lambda ax: plot.contours(rosenbrock, None, ax, xlim=(-2, 2), ylim=(-1, 3)),
        lambda ax: plot.contours(rosenbrock, None, ax, xlim=(-2, 2), ylim=(-1, 3), levels=np.linspace(0, 2500, 16)),
        lambda ax: plot.contours(lambda a, b: rosenbrock(b, a), None, ax, xlim=(-2, 2), ylim=(-1, 3)),
    ],
    "surface 3d": [
        lambda ax: plot.surface(bowl, PATH, ax),
        lambda ax: plot.surface(bowl, None, ax, xlim=(-0.5, 5), ylim=(-1, 1.5)),
        lambda ax: plot.surface(bowl, PATH[:, ::-1], ax),
        lambda ax: plot.surface(lambda a, b: bowl(b, a), PATH, ax),
    ],
    "decision_boundary": [
        lambda ax: plot.decision_boundary(parabola, X, BELOW, ax),
        lambda ax: plot.decision_boundary(parabola, X, 1 - BELOW, ax),
        lambda ax: plot.decision_boundary(lambda x: parabola(x[:, ::-1]), X, BELOW, ax),
        lambda ax: plot.decision_boundary(lambda x: -parabola(x), X, BELOW, ax),
        lambda ax: plot.decision_boundary(parabola, X, BELOW, ax, threshold=0.5),
    ],
    "three_classes": [
        lambda ax: plot.decision_boundary(sectors, X, SECTOR, ax),
        lambda ax: plot.decision_boundary(sectors, X, (SECTOR + 1) % 3, ax),
        lambda ax: plot.decision_boundary(lambda x: sectors(x)[:, [1, 2, 0]], X, SECTOR, ax),
    ],
    "lr_curve": [
        lambda ax: plot.lr_curve(RATES, LOSSES, ax, suggestion=2e-3),
        lambda ax: plot.lr_curve(RATES, LOSSES, ax),
        lambda ax: plot.lr_curve(RATES, LOSSES, ax, suggestion=2e-2),
        lambda ax: plot.lr_curve(RATES, LOSSES[::-1], ax, suggestion=2e-3),
    ],
    "confusion": [
        lambda ax: plot.confusion(TRUE, PREDICTED, ax),
        lambda ax: plot.confusion(PREDICTED, TRUE, ax),
        lambda ax: plot.confusion(TRUE, TRUE, ax),
    ],
    "gradient_flow": [
        lambda ax: plot.gradient_flow(flowing(1e-4, 1e-3, None, 0.0, 0.1, 1.0), ax),
        lambda ax: plot.gradient_flow(flowing(1.0, 0.1, None, 0.0, 1e-3, 1e-4), ax),
        lambda ax: plot.gradient_flow(flowing(1e-4, 1e-3, 0.01, 0.01, 0.1, 1.0), ax),
    ],
}


def picture(name, draw):
    """Return the RGB pixels of the plot without text."""
    figure = Figure(figsize=(2, 1.5), dpi=100)
    ax = figure.add_axes((0.1, 0.1, 0.8, 0.8), projection="3d" if "3d" in name else None)
    assert draw(ax) is ax
    if "3d" not in name:
        ax.set_aspect("auto")  # an equal aspect is rounded to pixels differently in each version
    for artist in figure.findobj(lambda a: isinstance(a, (Text, Legend))):
        artist.set_visible(False)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def distance(a, b):
    blocks = [p.reshape(30, 5, 40, 5, 3).mean(axis=(1, 3)) / 255 for p in (a, b)]
    return np.sqrt(np.mean((blocks[0] - blocks[1]) ** 2))


def stored(name):
    with Image.open(IMAGES / f"{name.removesuffix(' 3d')}.png") as image:
        return np.asarray(image.convert("RGB"))


@pytest.mark.parametrize("name", CASES)
def test_the_picture_is_the_stored_one_and_mistakes_would_be_seen(name):
    right, *wrong = CASES[name]
    assert distance(picture(name, right), stored(name)) < ALLOWED
    for draw in wrong:
        assert distance(picture(name, draw), stored(name)) > 2 * ALLOWED


def lines(ax):
    return {line.get_label(): np.transpose(line.get_data()).tolist() for line in ax.lines}


def texts(ax):
    return [text.get_text() for text in ax.texts]


def legend(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_losses_draws_both_curves_from_epoch_one_on_a_log_scale():
    ax = plot.losses(HISTORY)
    assert lines(ax) == {
        "training": [[1, 4], [2, 2], [3, 1], [4, 0.5]],
        "validation": [[1, 5], [2, 3], [3, 2], [4, 2.5]],
    }
    assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_yscale()) == ("epoch", "loss", "log")
    assert len({line.get_linestyle() for line in ax.lines}) == 2
    assert legend(ax) == ["training", "validation", "best epoch, 3"]
    assert ax.collections[0].get_offsets().tolist() == [[3, 2]]


def test_losses_without_validation_or_with_a_zero_still_draws():
    ax = plot.losses(tg.History(train_loss=[1.0, 0.0], best_epoch=2))
    assert (list(lines(ax)), legend(ax)) == (["training"], ["training"])
    assert ax.get_yscale() == "linear"
    assert plot.losses(tg.History(train_loss=[1.0])).lines[0].get_marker() == "."  # one point has no line


def test_fit_line_draws_the_points_and_the_line_across_them():
    ax = plot.fit_line([1.0, 3.0, 2.0], [2.0, 6.5, 4.0], 2.0, -0.5, xlabel="dose (mL)", ylabel="effect")
    np.testing.assert_array_equal(ax.collections[0].get_offsets(), [[1, 2], [3, 6.5], [2, 4]])
    assert lines(ax) == {"y = 2 x \u2212 0.5": [[1, 1.5], [3, 5.5]]}
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("dose (mL)", "effect")


def marks(ax):
    return {label: points for label, points in lines(ax).items() if not label.startswith("_")}


def test_contours_hold_the_whole_path_and_mark_its_ends():
    ax = plot.contours(bowl, PATH, xlabel="weight", ylabel="bias")
    assert marks(ax) == {"start": [PATH[0].tolist()], "end": [PATH[-1].tolist()]}
    low, high = np.transpose([ax.get_xlim(), ax.get_ylim()])
    assert (low < PATH.min(axis=0)).all()
    assert (high > PATH.max(axis=0)).all()
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("weight", "bias")
    assert {float(t) for t in texts(ax)} <= {round(float(v), 2) for v in ax.collections[-1].levels}
    assert marks(plot.contours(bowl, tuple(PATH.T))) == marks(ax)  # a pair of arrays works as well


def test_labels_of_different_heights_differ_also_far_from_zero():
    ax = plot.contours(lambda a, b: 1e6 + bowl(a, b) / 100, PATH)
    heights = [float(text.get_text()) for text in ax.texts if text.get_visible()]
    assert len(heights) >= 2
    for text in ax.texts:
        height = float(text.get_text()) - 1e6
        assert abs(height - bowl(*text.get_position()) / 100) < 0.02
    assert all(len(text.get_text()) <= 7 for text in plot.contours(bowl, PATH).texts)


@pytest.mark.parametrize("draw", [plot.contours, plot.surface])
def test_a_loss_that_does_not_broadcast_is_asked_point_by_point(draw):
    data = np.linspace(-1, 1, 20)

    def mean_square(w, b):  # accepts 20 x 20 points, but averages over points and data together
        return np.mean((w * tg.Tensor(data) + b - data) ** 2) + 0 * w

    def one_number(w, b):
        if w > 100:
            return np.nan
        return float(np.mean((w * data + b - data) ** 2))

    def by_hand(w, b):
        return (w - 1) ** 2 * np.mean(data**2) + b**2

    limits = {"xlim": (-1, 3), "ylim": (-1, 1), "resolution": 20}
    wanted = [np.ma.getdata(a.get_array()) for a in draw(by_hand, **limits).collections[:1]]
    for loss in (mean_square, one_number):
        for got, want in zip(draw(loss, **limits).collections[:1], wanted, strict=True):
            np.testing.assert_allclose(np.ma.getdata(got.get_array()), want, rtol=1e-6)


def test_the_path_lies_on_the_surface_between_its_steps_too():
    ax = plot.surface(bowl, PATH)
    for line in ax.lines:
        a, b, height = line.get_data_3d()
        np.testing.assert_allclose(height, bowl(a, b))
    assert max(len(line.get_data_3d()[0]) for line in ax.lines) > 10 * len(PATH)
    assert not ax.computed_zorder  # otherwise the surface would hide parts of the line
    assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_zlabel()) == ("first parameter", "second parameter", "loss")


def test_a_path_that_diverges_is_drawn_as_far_as_it_is_finite():
    ax = plot.contours(bowl, [(1, 1), (2, 2), (np.inf, np.nan)])
    assert marks(ax)["end"] == [[2, 2]]


def test_a_flat_loss_and_one_with_holes_are_drawn():
    assert plot.contours(lambda a, b: 0 * a + 3, PATH)
    for draw in (plot.contours, plot.surface):
        with np.errstate(all="ignore"):  # matplotlib pads the polygons beside a hole with whatever the memory held
            FigureCanvasAgg(draw(lambda a, b: np.log(a) + b, PATH[-5:], xlim=(-1, 1)).figure).draw()


@pytest.mark.parametrize("draw", [plot.contours, plot.surface])
def test_mistakes_in_a_field_are_named(draw):
    with pytest.raises(ValueError, match=rf"{draw.__name__}: path has shape \(3,\); pass \(n, 2\)"):
        draw(bowl, [1, 2, 3])
    with pytest.raises(ValueError, match="pass a path, or the limits xlim="):
        draw(bowl, xlim=(0, 1))
    with pytest.raises(ValueError, match="no step of the path is finite"):
        draw(bowl, [[np.nan, 1]])
    with pytest.raises(ValueError, match="the loss is finite nowhere within -1 to 0, 0 to 1"):
        draw(lambda a, b: np.log(a), xlim=(-1, 0), ylim=(0, 1))
    with pytest.raises(ZeroDivisionError):  # the error of the loss itself, not a broadcasting error
        draw(lambda a, b: 1 / 0, PATH, resolution=3)
    with pytest.raises(ValueError, match=f"{draw.__name__}: rows of unequal lengths make no array"):
        draw(bowl, [[1, 2], [3]])
    with pytest.raises(ValueError, match=f"{draw.__name__}: resolution is a whole number of points, at least 2, not 1"):
        draw(bowl, PATH, resolution=1)
    for limits in (3, (1, 1), (0, np.inf)):
        with pytest.raises(ValueError, match=rf"{draw.__name__}: ylim is \(low, high\), two different finite numbers"):
            draw(bowl, PATH, ylim=limits)


@pytest.mark.parametrize("levels", [[], [3], [3, 3.0], [1, np.nan]])
def test_levels_are_two_or_more_heights(levels):
    with pytest.raises(ValueError, match="contours: levels is a number of lines, or two or more finite heights, not"):
        plot.contours(bowl, PATH, levels=levels)


def test_a_path_may_hold_tensors():
    for path in (
        [tg.Tensor([1.0, 2.0]), tg.Tensor([0.0, 1.0])],
        [(tg.Value(1.0), tg.Tensor(2.0)), (0.0, 1.0)],
        tg.Tensor([[1.0, 2.0], [0.0, 1.0]]),
    ):
        line = plot.contours(bowl, path, resolution=9).lines[0]
        np.testing.assert_array_equal(line.get_xydata(), [[1, 2], [0, 1]])


def test_axes_are_one_axes():
    for ax in (Figure(), (Figure(), Figure().add_subplot())):  # plt.subplots() returns such a tuple
        with pytest.raises(TypeError, match=r"ax is one Axes, such as plt\.figure\(\)\.add_subplot\(\), not a "):
            plot.losses([2.0, 1.0], ax)


def test_surface_refuses_flat_axes():
    with pytest.raises(ValueError, match=r'make it with figure.add_subplot\(projection="3d"\)'):
        plot.surface(bowl, PATH, Figure().subplots())


def test_the_boundary_is_where_the_predicted_class_changes():
    for classes in (BELOW, 2 * BELOW - 1, BELOW[:, None]):
        ax = plot.decision_boundary(parabola, X, classes)
        for boundary in ax.collections[1].get_paths():
            np.testing.assert_allclose(parabola(boundary.vertices), 0, atol=2e-3)
    assert legend(plot.decision_boundary(parabola, X, 2 * BELOW - 1)) == ["class -1", "class 1"]
    ax = plot.decision_boundary(sectors, X, SECTOR, labels=["ant", "bee", "cat"], xlabel="wings", ylabel="legs")
    assert legend(ax) == ["ant", "bee", "cat"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("wings", "legs")


def test_a_model_is_asked_in_evaluation_mode_without_recording_and_gets_its_mode_back():
    class Probe(tg.nn.Linear):
        def forward(self, x):
            y = super().forward(x)
            asked.append((self.training, y.requires_grad))
            return y

    asked = []
    model = Probe(2, 1, rng=0)
    plot.decision_boundary(model, X, BELOW)
    assert (asked, model.training) == ([(False, False)], True)


@pytest.mark.parametrize(
    ("model", "x", "y", "message"),
    [
        (parabola, X[:, :1], BELOW, r"X has shape \(30, 1\) and y \(30,\); pass .* as X \(n, 2\)"),
        (parabola, X, BELOW[1:], r"X has shape \(30, 2\) and y \(29,\)"),
        (parabola, X, BELOW + 1, r"predicts classes \[0, 1\], but y holds \[1 2\]"),
        (sectors, X, SECTOR + 1, r"predicts classes \[0, 1, 2\], but y holds \[1 2 3\]"),
        (lambda x: 1.0, X, BELOW, r"for 40000 points the model returned shape \(\)"),
    ],
)
def test_mistakes_in_a_decision_boundary_are_named(model, x, y, message):
    with pytest.raises(ValueError, match=f"decision_boundary: .*{message}"):
        plot.decision_boundary(model, x, y)


def test_lr_curve_leaves_out_what_is_not_finite_and_lets_explosions_leave_the_picture():
    ax = plot.lr_curve([1e-3, 1e-2, 1e-1, 1.0], [2.0, 1.0, 1e9, np.nan], suggestion=0.0123)
    assert (ax.get_xscale(), ax.get_xlabel(), ax.get_ylabel()) == ("log", "learning rate", "loss")
    assert legend(ax) == ["loss", "smoothed", "suggestion, 0.012"]
    assert ax.get_ylim() == (0.8, 3)
    assert len(ax.collections[0].get_offsets()) == 3
    flat = plot.lr_curve(RATES, np.full(40, 3.0)).lines[0]
    np.testing.assert_allclose(flat.get_ydata(), 3)  # the average is correct at both ends too


def test_mistakes_in_an_lr_curve_are_named():
    with pytest.raises(ValueError, match=r"lrs has shape \(2,\) and losses \(3,\)"):
        plot.lr_curve([1, 2], [1, 2, 3])
    with pytest.raises(ValueError, match=r"learning rates must be above 0 .*, not 0"):
        plot.lr_curve([0, 1], [1, 2])
    with pytest.raises(ValueError, match="no loss is finite; begin with a lower learning rate"):
        plot.lr_curve([1, 2], [np.nan, np.inf])


def test_confusion_counts_true_classes_in_rows_and_shades_by_row():
    ax = plot.confusion(["b", "a", "a", "a", "a", "a"], ["b", "b", "a", "a", "a", "a"])
    assert texts(ax) == ["4", "1", "0", "1"]
    np.testing.assert_allclose(ax.images[0].get_array(), [[0.8, 0.2], [0, 1]])
    assert [text.get_color() for text in ax.texts] == ["#ffffff", "#000000", "#000000", "#ffffff"]
    assert [t.get_text() for t in ax.get_yticklabels()] == ["a", "b"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("predicted class", "true class")


def test_confusion_names_classes_in_order_with_those_that_never_occur():
    ax = plot.confusion([0, 2], [2, 2], labels=["ant", "bee", "cat"])
    assert texts(ax) == ["0", "0", "1", "0", "0", "0", "0", "0", "1"]
    assert [t.get_text() for t in ax.get_xticklabels()] == ["ant", "bee", "cat"]
    with pytest.raises(ValueError, match=r"2 labels for 3 classes, \[1 2 3\]"):
        plot.confusion([1, 2], [3, 3], labels=["a", "b"])
    with pytest.raises(ValueError, match=r"y_pred \(2, 3\); .* scores as scores.argmax\(axis=1\)"):
        plot.confusion([0, 1], np.zeros((2, 3)))


def test_gradient_flow_shows_mean_and_largest_of_each_parameter_and_what_is_missing():
    model = flowing(1e-3, None, 0.0, np.nan, 1.0, 1.0)
    ax = plot.gradient_flow(model)
    means, largest = (scatter.get_offsets() for scatter in ax.collections[1:])
    np.testing.assert_allclose(means, [[0.55e-3, 0], [0.55, 4], [0.55, 5]])
    np.testing.assert_allclose(largest, [[1e-3, 0], [1, 4], [1, 5]])
    assert texts(ax) == ["no gradient", "all zero", "not finite"]
    assert [t.get_position()[1] for t in ax.texts] == [1, 2, 3]
    assert [t.get_text() for t in ax.get_yticklabels()] == [name for name, _ in model.named_parameters()]
    assert (ax.get_xscale(), ax.get_ylim()) == ("log", (5.5, -0.5))


def test_gradient_flow_shows_gradients_that_have_a_graph():
    model = tg.nn.Linear(2, 1, init=tg.nn.ones)
    np.sum(model(np.ones((4, 2))) ** 2).backward(create_graph=True)
    np.testing.assert_allclose(plot.gradient_flow(model).collections[1].get_offsets(), [[16, 0], [16, 1]])


def test_gradient_flow_without_gradients_says_to_call_backward():
    with pytest.raises(ValueError, match=r"no parameter has a gradient; call loss.backward\(\) first"):
        plot.gradient_flow(flowing(None, None))
    with pytest.raises(ValueError, match="ReLU has no parameters"):
        plot.gradient_flow(tg.nn.ReLU())
    with pytest.raises(TypeError, match=r"takes a tg\.nn\.Module, .*, not list"):
        plot.gradient_flow(flowing(1.0, 1.0).parameters())


def test_animate_writes_a_gif_of_frames_that_do_not_jump(tmp_path):
    drawn = []

    def draw(ax, i):
        drawn.append(i)
        ax.plot([0, i], [0, i * i], color="black")
        ax.set_title("late" if i > 2 else "")

    path = plot.animate(draw, range(1, 6), tmp_path / "growing.gif", fps=5, hold=1, dpi=50)
    assert path == tmp_path / "growing.gif"
    assert drawn == [1, 2, 3, 4, 5] * 2
    with Image.open(path) as gif:
        frames, durations = [], []
        for i in range(gif.n_frames):
            gif.seek(i)
            frames.append(np.asarray(gif.convert("L")) < 128)
            durations.append(gif.info["duration"])
    assert (frames[0].shape, durations) == ((200, 300), [200, 200, 200, 200, 1200])
    for before, after in pairwise(frames):
        assert (before[:, :25] == after[:, :25]).all()  # the numbers on the axes do not move
        assert (before[-15:] == after[-15:]).all()
        assert (before != after).any()
    assert frames[0][:, :25].any()
    assert frames[0][-15:].any()
    assert path.stat().st_size < 15_000
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("dpi", [100, "figure"])  # as matplotlib's savefig takes it
def test_animate_takes_figures_of_any_size(tmp_path, dpi):
    ax = Figure(figsize=(5.1, 3.3), dpi=100).subplots()  # 5.1 * 100 is 509.99...
    with Image.open(plot.animate(lambda ax, i: ax.plot([0, i]), 2, tmp_path / "a.gif", ax, dpi=dpi)) as gif:
        assert gif.size == (510, 330)


def test_animate_stores_what_has_changed_alone_and_white_stays_white(tmp_path):
    shades = np.random.default_rng(0).uniform(size=(30, 30))

    def draw(ax, i):
        ax.imshow(shades, cmap="Blues", vmin=0, vmax=1)
        ax.plot([i], [15], "o", color="#d55e00")

    one, twenty = (plot.animate(draw, n, tmp_path / f"{n}.gif").stat().st_size for n in (1, 20))
    assert twenty < 3 * one
    with Image.open(tmp_path / "20.gif") as gif:
        gif.seek(19)
        frame = gif.convert("RGB")
        colors = {color for _, color in frame.getcolors(frame.width * frame.height)}
    assert frame.getpixel((0, 0)) == (255, 255, 255)
    assert min(sum(abs(a - b) for a, b in zip(c, (213, 94, 0), strict=True)) for c in colors) < 12  # a rare color


def test_animate_draws_on_the_axes_it_is_given_and_shows_progress(tmp_path):
    ax = Figure(figsize=(2, 2), layout="constrained").add_subplot(projection="3d")
    shown = []
    path = plot.animate(
        lambda ax, i: plot.surface(bowl, PATH[: i + 1], ax, xlim=(-1, 5), ylim=(-1, 1), resolution=5),
        2, tmp_path / "a.gif", ax, dpi=50, progress=lambda frames: shown.append(len(frames)) or frames,
    )  # fmt: skip
    with Image.open(path) as gif:
        assert (gif.size, gif.n_frames, shown) == ((100, 100), 2, [2])
    assert type(ax.figure.get_layout_engine()).__name__ == "ConstrainedLayoutEngine"  # unchanged


def test_animate_leaves_the_old_file_when_it_fails(tmp_path):
    path = tmp_path / "a.gif"
    path.write_bytes(b"before")
    left = iter([1, 1, 1, 0])
    with pytest.raises(ZeroDivisionError):  # while the file is being written
        plot.animate(lambda ax, i: ax.plot([1 / next(left)]), 2, path)
    for frames, options, message in (
        (0, {}, "no frames"),
        (1, {"fps": 0}, "fps must be above 0"),
        (1, {"hold": -1}, "hold"),
    ):
        with pytest.raises(ValueError, match=message):
            plot.animate(lambda ax, i: None, frames, path, **options)
    with pytest.raises(ValueError, match=r"'a.mp4' must end in .gif"):
        plot.animate(lambda ax, i: None, 1, "a.mp4")
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(("x", "y"), [([1, 2], [1]), ([[1], [2]], [[1], [2]]), ([], [])])
def test_fit_line_refuses_unequal_lengths(x, y):
    with pytest.raises(ValueError, match=r"fit_line: x has shape \("):
        plot.fit_line(x, y, 1, 0)


@pytest.mark.parametrize("name", CASES)
def test_own_figures_are_legible_and_the_style_stays_untouched(name):
    style = dict(mpl.rcParams)
    figure = CASES[name][0](None).figure
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    pixels = np.asarray(canvas.buffer_rgba())[..., :3]
    assert min(pixels.shape[:2]) >= 450
    assert (pixels.mean(axis=2) < 230).mean() > 0.005
    assert (pixels[[0, -1]] == 255).all()
    assert (pixels[:, [0, -1]] == 255).all()  # nothing is cut off at the edge
    assert dict(mpl.rcParams) == style


SCRIPT = """
import sys, numpy as np, tinygrad_edu as tg
tg.plot.losses([2, 1])
assert "matplotlib.pyplot" not in sys.modules
import matplotlib.pyplot as plt
from window import shown
own = plt.figure()
tg.plot.losses([2, 1], own.add_subplot())
axes = [tg.plot.losses([2, 1]), tg.plot.contours(lambda a, b: a + b, [(0, 0), (1, 1)], resolution=5)]
tg.plot.animate(lambda ax, i: ax.plot([i]), 2, sys.argv[1])
assert plt.gca() is axes[1] and not shown
plt.show()
assert shown == [3], shown
"""
WINDOW = """
from matplotlib._pylab_helpers import Gcf
from matplotlib.backend_bases import FigureManagerBase
from matplotlib.backends.backend_agg import FigureCanvasAgg

shown = []


class FigureManager(FigureManagerBase):
    @classmethod
    def pyplot_show(cls, *, block=None):
        shown.append(len(Gcf.get_all_fig_managers()))


class FigureCanvas(FigureCanvasAgg):
    manager_class = FigureManager
"""


def test_a_script_shows_its_plots_when_it_calls_show_and_imports_no_pyplot(tmp_path):
    (tmp_path / "window.py").write_text(WINDOW, encoding="utf-8")
    path = os.pathsep.join([str(tmp_path), str(Path(tg.__file__).parents[1])])
    env = os.environ | {"MPLBACKEND": "module://window", "PYTHONPATH": path}
    command = [sys.executable, "-c", SCRIPT, str(tmp_path / "a.gif")]
    run = subprocess.run(command, capture_output=True, encoding="utf-8", env=env)
    assert (run.returncode, run.stderr) == (0, "")


def test_without_matplotlib_the_error_names_the_remedy(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=r'pip install "tinygrad-edu\[plot\]"'):
        plot.losses(HISTORY)


def test_importing_the_library_and_its_plots_imports_no_plotting():
    code = (
        "import sys, tinygrad_edu as tg; tg.plot; print(*{'matplotlib', 'graphviz', 'pygraphviz'} & set(sys.modules))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout == "\n"


@pytest.mark.parametrize("of", [tg.Tensor, np.array, lambda v: tg.Tensor([[v]]), tg.Value, np.float32])
def test_a_line_takes_its_slope_from_a_model(of):
    x, y = np.arange(4.0), np.array([1, 3, 5, 7], np.uint8)
    ax = tg.plot.fit_line(x, y, of(2.0), of(-1.5))
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), [-1.5, 4.5])
    assert ax.get_legend().get_texts()[1].get_text() == "y = 2 x − 1.5"  # noqa: RUF001
    model = tg.nn.Linear(2, 1)
    with pytest.raises(TypeError, match=r"fit_line: slope is one number, not an array of shape \(1, 2\)"):
        tg.plot.fit_line(x, y, model.weight, model.bias)


def test_a_line_through_data_with_gaps_and_of_small_integers():
    ax = tg.plot.fit_line([0.0, 1, np.nan, 3], [1.0, np.inf, 2, 4], 1.0, 1.0)
    np.testing.assert_array_equal(ax.lines[0].get_xdata(), [0, 3])
    ax = tg.plot.fit_line(np.array([0, 200], np.uint8), [0, 1], 300, 0)
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), [0, 60_000])
    with pytest.raises(ValueError, match="fit_line: no point is finite"):
        tg.plot.fit_line([np.nan], [1.0], 1.0, 1.0)


def test_losses_are_a_history_or_numbers():
    tensors = [tg.Tensor(3.0), tg.Tensor(2.0), tg.Tensor(1.0)]
    for given in (
        [3, 2, 1],
        (3, 2, 1),
        tensors,
        np.array([3.0, 2, 1]),
        pd.Series([3, 2, 1]),
        tg.History(train_loss=[3, 2, 1]),
    ):
        (line,) = tg.plot.losses(given).lines
        np.testing.assert_array_equal(line.get_xydata(), [[1, 3], [2, 2], [3, 1]])
    for error, given, text in (
        (TypeError, {"loss": [3, 2, 1]}, "losses: history must hold real numbers"),
        (TypeError, ["high", "low"], "losses: history must hold real numbers"),
        (ValueError, [], r"pass a History, or the losses of the epochs as an array \(n,\), not \(0,\)"),
        (ValueError, 3.0, r"pass a History, or .*not \(\)"),
    ):
        with pytest.raises(error, match=text):
            tg.plot.losses(given)


def test_nan_among_examples_or_outputs_is_named():
    holed = X.copy()
    holed[3, 1] = np.nan
    with pytest.raises(ValueError, match=r"decision_boundary, X: 1 value is NaN or infinite, in column 1"):
        tg.plot.decision_boundary(parabola, holed, BELOW)
    with pytest.raises(ValueError, match="decision_boundary, y: 1 value is NaN"):
        tg.plot.decision_boundary(parabola, X, np.where(np.arange(len(X)) == 2, np.nan, BELOW))
    for model in (lambda x: np.where(x[:, 0] > 0, np.nan, 1.0), lambda x: np.full((len(x), 2), np.inf)):
        with pytest.raises(ValueError, match=r"decision_boundary: \d+ of the model's \d+ outputs are NaN or infinite"):
            tg.plot.decision_boundary(model, X, BELOW)
    with pytest.raises(ValueError, match="confusion, y_pred: 1 value is NaN"):
        tg.plot.confusion([0, 1, 1], [0, np.nan, 1])


def test_plots_take_tables_and_columns():
    table, classes = pd.DataFrame(X, columns=["a", "b"]), pd.Series(BELOW)
    ax = tg.plot.decision_boundary(tg.nn.MLP([2, 3, 2], rng=0), table, classes)
    np.testing.assert_array_equal(ax.collections[-1].get_offsets(), X[BELOW == 1])
    assert tg.plot.confusion(pd.Series(["a", "b"]), pd.Series(["a", "a"])).texts[0].get_text() == "1"
    tg.plot.fit_line(table["a"], table["b"], 1.0, 0.0)


@pytest.mark.parametrize(
    "name", ["contours", "decision_boundary", "losses", "lr_curve", "fit_line", "confusion", "flow"]
)
def test_flat_plots_refuse_axes_of_three_dimensions(name):
    model = flowing(1.0, 1.0)
    draw = {
        "contours": lambda ax: plot.contours(bowl, PATH, ax),
        "decision_boundary": lambda ax: plot.decision_boundary(lambda X: X[:, 0], np.eye(2), [0, 1], ax, resolution=5),
        "losses": lambda ax: plot.losses([2.0, 1.0], ax),
        "lr_curve": lambda ax: plot.lr_curve([1e-3, 1e-2], [2.0, 1.0], ax),
        "fit_line": lambda ax: plot.fit_line([1, 2], [1, 2], 1, 0, ax),
        "confusion": lambda ax: plot.confusion([0, 1], [0, 1], ax),
        "flow": lambda ax: plot.gradient_flow(model, ax),
    }[name]
    with pytest.raises(ValueError, match="ax has three dimensions; make flat Axes"):
        draw(Figure().add_subplot(projection="3d"))


def test_animate_draws_on_the_axes_of_a_subfigure(tmp_path):
    left, _ = Figure(figsize=(4, 2)).subfigures(1, 2)
    with Image.open(plot.animate(lambda ax, i: ax.plot([0, i]), 2, tmp_path / "a.gif", left.subplots(), dpi=50)) as gif:
        assert (gif.size, gif.n_frames) == ((200, 100), 2)


def test_animate_takes_counts_of_numpy_and_names_what_is_no_count(tmp_path):
    with Image.open(plot.animate(lambda ax, i: ax.plot([0, i]), np.int64(2), tmp_path / "a.gif", dpi=20)) as gif:
        assert gif.n_frames == 2
    for frames in (2.0, None, np.array(2), tg.Tensor(2.0)):
        with pytest.raises(TypeError, match="animate: frames is a count, or the i's to draw, not "):
            plot.animate(lambda ax, i: ax.plot([0, i]), frames, tmp_path / "a.gif")


def test_animate_takes_frames_that_have_indices_alone(tmp_path):
    class Frames:
        def __getitem__(self, i):
            return [0, 1, 3][i]

    with Image.open(plot.animate(lambda ax, i: ax.plot([0, i]), Frames(), tmp_path / "a.gif", dpi=20)) as gif:
        assert gif.n_frames == 3


@pytest.mark.parametrize(
    ("loss", "message"),
    [
        (3, r"takes a function loss\(a, b\), not 3"),
        (lambda a, b: None, "the loss must hold real numbers, not object"),
        (lambda a, b: "low", "the loss must hold real numbers, not <U3"),
        (lambda a, b: [1, 2], r"the loss is one number, not an array of shape \(2,\)"),
        (lambda a, b: 1j * a + b, "the loss must hold real numbers, not complex128"),
    ],
)
@pytest.mark.parametrize("draw", [plot.contours, plot.surface])
def test_fields_name_a_loss_that_is_no_number(draw, loss, message):
    with pytest.raises(TypeError, match=f"{draw.__name__}:? {message}"):
        draw(loss, xlim=(0, 1), ylim=(0, 1), resolution=3)


def test_contours_take_numbers_of_any_class():
    ax = plot.contours(lambda a, b: Fraction(float(a)) + Fraction(float(b)), xlim=(0, 1), ylim=(0, 1), resolution=3)
    assert ax.get_xlim() == (0, 1)


@pytest.mark.parametrize(
    ("model", "options", "message"),
    [
        (3, {}, "takes a model, or a function of X, not 3"),
        (lambda X: X[:, 0], {"threshold": "half"}, "threshold must hold real numbers, not <U4"),
    ],
)
def test_decision_boundary_names_what_is_no_model_or_threshold(model, options, message):
    with pytest.raises(TypeError, match=message):
        plot.decision_boundary(model, np.eye(2), [0, 1], resolution=3, **options)


if __name__ == "__main__":
    for name, (right, *_) in CASES.items():
        Image.fromarray(picture(name, right)).quantize(64).save(
            IMAGES / f"{name.removesuffix(' 3d')}.png", optimize=True
        )
