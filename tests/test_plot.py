import subprocess
import sys

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure

import tinygrad_edu as tg

mpl.use("Agg")


@pytest.fixture
def history():
    return tg.History(train_loss=[4.0, 2.0, 1.0], valid_loss=[5.0, 3.0, 2.0])


def lines(ax):
    return {line.get_label(): np.transpose(line.get_data()).tolist() for line in ax.lines}


def test_losses_draws_both_curves_from_epoch_one_on_a_log_scale(history):
    ax = tg.plot.losses(history)
    assert lines(ax) == {"training": [[1, 4], [2, 2], [3, 1]], "validation": [[1, 5], [2, 3], [3, 2]]}
    assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_yscale()) == ("epoch", "loss", "log")
    assert len({line.get_linestyle() for line in ax.lines}) == 2
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["training", "validation"]


def test_losses_without_validation_or_with_a_zero_still_draws():
    ax = tg.plot.losses(tg.History(train_loss=[1.0, 0.0]))
    assert list(lines(ax)) == ["training"]
    assert ax.get_yscale() == "linear"


def test_fit_line_draws_the_points_and_the_line_across_them():
    ax = tg.plot.fit_line([1.0, 3.0, 2.0], [2.0, 6.5, 4.0], 2.0, -0.5, xlabel="dose (mL)", ylabel="effect")
    np.testing.assert_array_equal(ax.collections[0].get_offsets(), [[1, 2], [3, 6.5], [2, 4]])
    assert lines(ax) == {"y = 2 x \u2212 0.5": [[1, 1.5], [3, 5.5]]}
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("dose (mL)", "effect")


@pytest.mark.parametrize(("x", "y"), [([1, 2], [1]), ([[1], [2]], [[1], [2]]), ([], [])])
def test_fit_line_refuses_what_does_not_pair_up(x, y):
    with pytest.raises(ValueError, match=r"fit_line: x has shape \("):
        tg.plot.fit_line(x, y, 1, 0)


@pytest.mark.parametrize(
    "draw", [lambda h, ax: tg.plot.losses(h, ax), lambda h, ax: tg.plot.fit_line([1], [1], 1, 0, ax)]
)
def test_given_axes_are_drawn_on_and_returned(draw, history):
    ax = Figure().subplots()
    assert draw(history, ax) is ax
    assert ax.lines


def test_pictures_are_drawn_and_pyplot_and_style_stay_untouched(history, tmp_path):
    style = dict(mpl.rcParams)
    for name, ax in (("a", tg.plot.losses(history)), ("b", tg.plot.fit_line([1, 2], [3, 4], 1, 2))):
        ax.figure.savefig(tmp_path / f"{name}.png")
        pixels = mpl.image.imread(tmp_path / f"{name}.png")
        assert pixels.shape[:2] == (600, 900)
        assert (pixels.mean(axis=2) < 0.9).mean() > 0.005
        assert (pixels[[0, -1]] == 1).all()
        assert (pixels[:, [0, -1]] == 1).all()  # nothing runs over the edge
    assert dict(mpl.rcParams) == style
    assert "matplotlib.pyplot" not in sys.modules or not mpl.pyplot.get_fignums()


def test_without_matplotlib_the_error_names_the_remedy(history, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=r'pip install "tinygrad-edu\[plot\]"'):
        tg.plot.losses(history)


def test_importing_the_library_imports_no_plotting():
    code = "import sys, tinygrad_edu; print(*{'matplotlib', 'graphviz', 'pygraphviz'} & set(sys.modules))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout == "\n"
