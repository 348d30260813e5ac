"""In a notebook every plot shows its picture, with pyplot and without it; so do graphs, histories and models."""

import base64
import io
import sys

import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient
from PIL import Image

START = """
import os, sys
sys.path[:0] = {path!r}
import numpy as np, tinygrad_edu as tg
PATH, X, Y = [(0.0, 0.0), (1.0, 1.0)], np.array([[0.0, 0.0], [1.0, 1.0]]), np.array([0, 1])
small = dict(resolution=10)
model = tg.nn.Linear(2, 1, rng=0)
history = tg.fit(model, tg.mse_loss, (X, Y[:, None]), optimizer=tg.optim.SGD(model.parameters(), lr=0.1), epochs=3,
                 progress=False, rng=0)
loss = np.sum(model(X))
loss.backward()
"""
PLOTS = {
    "losses": "tg.plot.losses(history)",
    "lr_curve": "tg.plot.lr_curve([1e-3, 1e-2, 1e-1], [3, 2, 1])",
    "fit_line": "tg.plot.fit_line([1, 2], [1, 3], 2.0, -1.0)",
    "contours": "tg.plot.contours(lambda a, b: a * a + b * b, PATH, **small)",
    "surface": "tg.plot.surface(lambda a, b: a * a + b * b, PATH, **small)",
    "decision_boundary": "tg.plot.decision_boundary(model, X, Y, **small)",
    "confusion": "tg.plot.confusion([0, 1], [0, 1])",
    "gradient_flow": "tg.plot.gradient_flow(model)",
}
WITH_PYPLOT = ("losses", "surface")
CELLS = [
    *PLOTS.values(),
    "ax = tg.plot.losses(history); ax.set(title='late')",  # assigned, and changed afterwards
    "tg.plot.losses(history); tg.plot.losses(history); None",
    "tg.plot.losses(history); 1 / 0",
    "tg.plot.animate(lambda ax, i: ax.plot([0, i]), 2, 'a.gif', dpi=40)",
    "assert 'matplotlib.pyplot' not in sys.modules",
    "import matplotlib.pyplot as plt",
    *(PLOTS[name] for name in WITH_PYPLOT),
    "tg.plot.losses(history); plt.show(); print('after')",
    "plt.get_fignums()",
    "model", "history", "tg.draw(loss)", "tg.explain(loss)", "model.summary(X)", "loss",
]  # fmt: skip


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    """Return {cell: its outputs, a list for each time that it runs}, from one kernel."""
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(code) for code in [START.format(path=sys.path), *CELLS]]
    )
    resources = {"metadata": {"path": str(tmp_path_factory.mktemp("notebook"))}}
    NotebookClient(notebook, timeout=60, allow_errors=True, resources=resources).execute()
    found = {}
    for cell in notebook.cells:
        found.setdefault(cell.source, []).append(cell.outputs)
    return found


def pictures(outputs):
    """Return the pixels of the pictures among the outputs, and check that each shows something."""
    found = []
    for output in outputs:
        if data := output.get("data", {}).get("image/png"):
            pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(data))).convert("L"))
            assert min(pixels.shape) > 300
            assert (pixels < 200).mean() > 0.005
            found.append(pixels)
    return found


@pytest.mark.parametrize("name", PLOTS)
def test_a_plot_shows_one_picture_without_pyplot_and_with_it(shown, name):
    runs = [pictures(outputs) for outputs in shown[PLOTS[name]]]
    assert [len(found) for found in runs] == [1] * (1 + (name in WITH_PYPLOT))


def test_every_plot_function_is_shown():
    import tinygrad_edu as tg

    assert {name for name in tg.plot.__all__ if name.islower()} == {*PLOTS, "animate"}


def test_a_picture_shows_what_the_whole_cell_drew(shown):
    assert shown["assert 'matplotlib.pyplot' not in sys.modules"] == [[]]
    (plain,) = pictures(shown[PLOTS["losses"]][0])
    (titled,) = pictures(shown["ax = tg.plot.losses(history); ax.set(title='late')"][0])
    upper_edge = [((pixels < 100).mean(axis=1) > 0.5).argmax() for pixels in (plain, titled)]
    assert upper_edge[0] + 15 < upper_edge[1]  # the title is above it
    assert len(pictures(shown["tg.plot.losses(history); tg.plot.losses(history); None"][0])) == 2
    outputs = shown["tg.plot.losses(history); 1 / 0"][0]
    assert len(pictures(outputs)) == 1
    assert "ZeroDivisionError" in [output.get("ename") for output in outputs]


def test_show_shows_the_picture_once_and_none_stays_open(shown):
    (outputs,) = shown["tg.plot.losses(history); plt.show(); print('after')"]
    assert [output.output_type for output in outputs] == ["display_data", "stream"]
    assert len(pictures(outputs)) == 1
    assert shown["plt.get_fignums()"][0][0].data["text/plain"] == "[]"


def test_an_animation_plays(shown):
    (outputs,) = shown["tg.plot.animate(lambda ax, i: ax.plot([0, i]), 2, 'a.gif', dpi=40)"]
    (output,) = outputs
    start, _, code = output.data["text/html"].partition("base64,")
    assert start == '<img src="data:image/gif;'
    with Image.open(io.BytesIO(base64.b64decode(code.partition('"')[0]))) as gif:
        assert (gif.format, gif.n_frames) == ("GIF", 2)


@pytest.mark.parametrize(
    ("cell", "kind", "text"),
    [
        ("model", "text/html", "weight (1, 2)"),
        ("history", "text/html", "<polyline"),
        ("tg.draw(loss)", "image/svg+xml", "<svg"),
        ("tg.explain(loss)", "text/html", "<iframe"),
        ("loss", "text/html", "<b>Tensor</b>"),
    ],
)
def test_objects_show_their_pictures_and_tables(shown, cell, kind, text):
    ((output,),) = shown[cell]
    assert text in output.data[kind]
