"""Equal blocks in a row are drawn as one, with the number of them in its title; anything that differs is drawn."""

import re
import time
from collections import Counter

import numpy as np
import pytest

import tinygrad_edu as tg

pygraphviz = pytest.importorskip("pygraphviz")


class Block(tg.nn.Module):
    def __init__(self, rng, size=4):
        self.first, self.second = tg.nn.Linear(size, size, rng=rng), tg.nn.Linear(size, size, rng=rng)

    def forward(self, x):
        return x + self.second(np.tanh(self.first(x)) * 0.5)


def blocks(n, make=Block):
    rng = np.random.default_rng(0)
    return tg.nn.Sequential(*[make(rng) for _ in range(n)])


def linear(rng):
    return tg.nn.Linear(4, 4, rng=rng)


X = np.ones((2, 4))


def kinds(drawing):
    graph = pygraphviz.AGraph(string=drawing.source)
    return Counter(str(node).rstrip("0123456789") for node in graph.nodes())


def counted(drawing):
    """Return the numbers of blocks that the titles of the drawing name."""
    return [int(n) for n in re.findall(r"x (\d+), the first is shown", drawing.source)]


@pytest.mark.parametrize("make", [Block, linear])
@pytest.mark.parametrize("depth", ["layers", 1, 2, None])
def test_twelve_equal_blocks_are_drawn_as_one(make, depth):
    one, twelve = (tg.draw(blocks(n, make)(X).sum(), depth=depth) for n in (1, 12))
    assert counted(one) == []
    assert counted(twelve) == [12]
    assert kinds(twelve) == kinds(one)
    shapes = [len(pygraphviz.AGraph(string=drawing.source).edges()) for drawing in (one, twelve)]
    assert shapes[0] == shapes[1]
    assert "x 12" in twelve._repr_svg_()


@pytest.mark.parametrize("depth", ["layers", None])
@pytest.mark.parametrize("label", [None, "y"])
def test_the_result_of_the_last_block_is_the_result_of_the_drawing(depth, label):
    y = blocks(12)(X)
    y.label = label
    drawing = tg.draw(y, depth=depth)
    assert counted(drawing) == [12]
    assert kinds(drawing)["result"] == 1
    assert kinds(drawing)["parameter"] == (4 if depth is None else 0)


def test_repeats_false_draws_every_block_with_its_numbers():
    y = blocks(12)(X).sum()
    every = tg.draw(y, repeats=False)
    assert counted(every) == []
    assert kinds(every)["module"] == 24
    assert repr(every) == repr(tg.draw(y))  # which counts all operations


def test_a_row_of_layers_and_activations_gets_a_frame_that_starts_at_the_layer():
    model = tg.nn.MLP([4, 8, 8, 8, 8, 8, 2], rng=0)
    drawing = tg.draw(model(X).sum(), gradients=False)
    assert counted(drawing) == [4]
    assert kinds(drawing)["module"] == 5  # Linear(4 -> 8), ReLU, the pair, Linear(8 -> 2)
    frame = drawing.source[drawing.source.index("x 4, the first") :].split("}")[0]
    assert re.findall(r'label="?(\w+)\(', frame) == ["Linear", "ReLU"]


def test_residual_connections_around_modules_are_part_of_the_block():
    rng, h = np.random.default_rng(0), X
    layers = [linear(rng) for _ in range(6)]
    for layer in layers:
        h = h + layer(h) * 0.5
    drawing = tg.draw(h.sum())
    assert counted(drawing) == [6]
    assert kinds(drawing)["module"] == 1
    assert kinds(drawing)["operation"] == 3  # times, plus and the sum


def test_the_first_block_may_read_an_array_that_a_closed_module_hides():
    rng = np.random.default_rng(0)
    kinds_of_layers = (lambda: tg.nn.Conv2d(3, 3, 3, padding=1, rng=rng), lambda: tg.nn.BatchNorm2d(3), tg.nn.ReLU)
    model = tg.nn.Sequential(*[make() for _ in range(5) for make in kinds_of_layers])
    drawing = tg.draw(model(np.ones((2, 3, 8, 8))))
    assert counted(drawing) == [5]
    assert kinds(drawing)["module"] == 3


def test_what_differs_is_drawn():
    rng = np.random.default_rng(0)
    sizes = [tg.nn.Linear(a, b, rng=rng) for a, b in ((4, 5), (5, 6), (6, 7), (7, 8))]
    assert counted(tg.draw(tg.nn.Sequential(*sizes)(X).sum())) == []
    assert counted(tg.draw(blocks(2)(X).sum())) == []  # two are no row
    h, outputs, layers = X, [], [linear(rng) for _ in range(5)]
    for layer in layers:
        h = layer(h)
        outputs.append(h)
    assert counted(tg.draw(sum(outputs).sum())) == []  # each is read from outside
    for n, label in enumerate("abcde"):
        outputs[n].label = label
    drawing = tg.draw(h.sum())
    assert counted(drawing) == []
    assert kinds(drawing)["named"] == 5


def test_a_mask_that_all_blocks_read_is_drawn_once():
    class Masked(tg.nn.Module):
        def __init__(self, rng):
            self.layer = tg.nn.Linear(4, 4, rng=rng)

        def forward(self, x, mask):
            return self.layer(x) * mask

    rng, mask = np.random.default_rng(0), tg.Tensor(np.ones((2, 4)), label="mask")
    h, masked = X, [Masked(rng) for _ in range(5)]
    for block in masked:
        h = block(h, mask)
    drawing = tg.draw(h.sum(), depth=0)
    assert counted(drawing) == [5]
    assert drawing.source.count("mask") == 1


def test_derivatives_of_equal_blocks_are_drawn_in_full():
    model = blocks(3, linear)
    loss = (model(X) ** 2).mean()
    drawing = tg.draw([loss, *tg.gradients(loss, model.parameters(), create_graph=True)])
    assert kinds(drawing)["module"] == 3
    assert counted(drawing) == []


def test_many_calls_of_one_module_are_folded_quickly():
    layer, h = linear(np.random.default_rng(0)), X
    for _ in range(300):
        h = np.tanh(layer(h))
    start = time.process_time()
    drawing = tg.draw(h.sum(), gradients=False)
    assert time.process_time() - start < 5
    assert counted(drawing) == [300]
