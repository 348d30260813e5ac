"""tg.tree: containers taken apart, built again and mapped; paths of leaves."""

import gc
import time
from collections import OrderedDict, defaultdict, namedtuple
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import tinygrad_edu as tg

Point = namedtuple("Point", "x y")


@dataclass(frozen=True)
class Layer:
    w: object
    b: object = 0.0
    name: str = "layer"
    made: list = field(default_factory=list, init=False)

    def __post_init__(self):
        object.__setattr__(self, "made", [np.zeros(1)])


LEAVES = st.one_of(
    st.floats(-2, 2), st.integers(-3, 3), st.booleans(), st.none(), st.text(max_size=2),
    st.integers(0, 3).map(lambda n: np.arange(n) * 0.5),
)  # fmt: skip


TREES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.tuples(inner, inner), st.dictionaries(st.text(max_size=2), inner, max_size=3),
        st.builds(Point, inner, inner), st.builds(Layer, inner, inner), st.just(()), st.builds(OrderedDict),
    ),
    max_leaves=8,
)  # fmt: skip


def same(a, b):
    """Whether two trees are equal; a list of plain numbers equals its array."""
    found = tg.tree.leaves(a)
    return tg.tree.structure_of(a) == tg.tree.structure_of(b) and all(map(np.array_equal, found, tg.tree.leaves(b)))


@given(TREES)
def test_a_tree_is_taken_apart_and_built_again(tree):
    leaves, structure = tg.tree.flatten(tree)
    built = tg.tree.unflatten(structure, leaves)
    assert same(tree, built)
    assert len(structure) == len(leaves) == len(list(tg.tree.paths(tree)))
    assert not any(isinstance(leaf, (list, tuple, dict)) for leaf in leaves)
    assert same(tg.tree.tree_map(lambda leaf: leaf, tree), tree)
    assert hash(structure) == hash(tg.tree.structure_of(built))


@given(TREES)
@example({'"': 1.0, 'a"b': 2.0, "'": 3.0, "\\": 4.0, "c": 5.0})
def test_paths_are_python_that_reads_the_leaf(tree):
    for path, leaf in zip(tg.tree.paths(tree, "tree"), tg.tree.leaves(tree), strict=True):
        found = eval(path, {"tree": tree})
        assert found is leaf or np.array_equal(found, leaf)


def test_a_list_of_plain_numbers_is_an_array_and_a_tuple_never_is():
    leaves, _ = tg.tree.flatten({"a": [1.0, 2.0], "b": [[1, 2], [3, 4]], "c": (1.0, 2.0), "d": [np.float64(1), True]})
    assert [type(x) for x in leaves] == [np.ndarray, np.ndarray, float, float, np.ndarray]
    for container in (
        [np.ones(2)],
        [1.0, np.ones(())],
        [tg.Tensor(1.0)],
        [(1.0,)],
        [[1.0], {"a": 1.0}],
        [1.0, None],
        [],
    ):
        assert tg.tree.is_container(container)
    assert not tg.tree.is_container([[1.0, 4], [2, 3]])
    ragged = [[1.0], [1.0, 2.0]]
    assert [x.shape for x in tg.tree.flatten({"w": ragged})[0]] == [(1,), (2,)]


def test_kinds_of_containers_are_kept():
    tree = [Point(np.ones(1), 2.0), Layer(np.ones(2)), defaultdict(list, a=1.0), OrderedDict(b=2.0), ()]
    doubled = tg.tree.tree_map(lambda x: x if isinstance(x, str) else 2 * x, tree)
    assert [type(x) for x in doubled] == [Point, Layer, defaultdict, OrderedDict, tuple]
    assert doubled[0].y == 4
    assert doubled[1].name == "layer"
    assert doubled[2].default_factory is list
    np.testing.assert_array_equal(doubled[1].w, [2, 2])
    np.testing.assert_array_equal(tree[1].w, [1, 1])


def test_lists_and_tuples_of_classes_with_other_arguments_are_built_again():
    class Stack(list):
        def __init__(self, n):
            super().__init__(np.ones(n) for _ in range(n))
            self.n = n

    class Pair(tuple):
        def __new__(cls, a, b):
            return super().__new__(cls, (a, b))

    stack, pair = tg.tree.tree_map(lambda x: 2 * x, (Stack(2), Pair(1.0, np.ones(3))))
    assert (type(stack), stack.n, type(pair)) == (Stack, 2, Pair)
    np.testing.assert_array_equal(stack, 2 * np.ones((2, 2)))
    np.testing.assert_array_equal(pair[1], 2 * np.ones(3))
    x = np.arange(2.0)
    np.testing.assert_array_equal(tg.jit(lambda x: Stack(2) + x + np.stack(stack))(x), 3 + x * np.ones((2, 2)))
    np.testing.assert_array_equal(tg.grad(lambda s: np.sum(s[0] * s[1]))(stack), stack)


def test_lists_and_tuples_are_built_again_with_their_attributes_and_without_their_methods():
    class Checked(list):
        def append(self, _):
            raise TypeError("this list is complete")

        extend = __setitem__ = append

    class Named(tuple):
        pass

    named = Named([1.0, 2.0])
    named.name = "both"
    checked, pair, now = tg.tree.tree_map(lambda x: 2 * x, (Checked([1.0]), named, time.gmtime(0)))
    assert (type(checked), [*checked], type(pair), pair, pair.name) == (Checked, [2.0], Named, (2.0, 4.0), "both")
    assert type(now) is time.struct_time
    assert now.tm_year == 2 * 1970


def test_dataclasses_with_slots_and_other_attributes_are_copied():
    @dataclass(slots=True)
    class Slots:
        a: float
        b: int = 3

    @dataclass
    class Plain:
        a: float

    before = dict(vars(Slots))
    plain = Plain(1.0)
    plain.extra = "kept"
    found = tg.tree.tree_map(lambda x: -x, (Slots(2.0), plain))
    assert (found[0].a, found[0].b, found[1].a, found[1].extra) == (-2, -3, -1, "kept")
    assert dict(vars(Slots)) == before
    assert plain.a == 1


def test_a_module_counts_as_the_dict_of_its_parameters():
    model = tg.nn.Sequential(tg.nn.Linear(2, 3, rng=0), tg.nn.Linear(3, 1, rng=0))
    leaves, structure = tg.tree.flatten({"model": model})
    assert [id(p) for p in leaves] == [id(p) for p in model.parameters()]
    shapes = tg.tree.unflatten(structure, [p.shape for p in leaves])
    assert list(shapes["model"]) == [name for name, _ in model.named_parameters()]
    assert next(tg.tree.paths(model, "model")) == 'model["0.weight"]'


def test_trees_that_differ_are_named_by_the_path_at_which_they_do():
    tree = {"layers": [{"w": np.ones(2)}, Point(1.0, [2.0, 3.0])]}
    total = lambda *leaves: sum(leaves)
    added = tg.tree.tree_map(total, tree, {"layers": [{"w": 1.0}, (1.0, 2.0)]})
    assert added["layers"][1].x == 2
    np.testing.assert_array_equal(added["layers"][1].y, [4, 5])
    for other, message in (
        (
            {"layers": [{"v": 1.0}, (1.0, 2.0)]},
            r"\[\"layers\"\]\[0\] has the members \['w'\], and tree 1 has \['v'\]",
        ),
        ({"layers": [{"w": 1.0}]}, r"tree\[\"layers\"\] has 2 members, and tree 1 has 1 there"),
        (
            {"layers": [{"w": (1.0, 2.0)}, (1.0, 2.0)]},
            r"\[\"layers\"\]\[0\]\[\"w\"\] is a leaf, .* has a tuple there",
        ),
        ({"layers": np.ones(3)}, r"tree\[\"layers\"\] is a list, and tree 1 has an ndarray of shape \(3,\) there"),
    ):
        with pytest.raises(ValueError, match=message):
            tg.tree.tree_map(total, tree, other)
    with pytest.raises(ValueError, match="3 leaves for a structure of 1"):
        tg.tree.unflatten(tg.tree.flatten([None])[1], [1, 2, 3])
    assert repr(tg.tree.structure_of({"a": [None, (1,)]})) == "Structure({'a': [*, (*,)]})"


def test_ravel_gives_one_vector_and_its_way_back_both_differentiable():
    tree = {"w": np.arange(6.0).reshape(2, 3), "n": 3, "b": (np.float32(2.0), 7.0), "e": [np.zeros((0, 2))]}
    vector, unravel = tg.tree.ravel(tree)
    np.testing.assert_array_equal(vector, [0, 1, 2, 3, 4, 5, 2, 7])
    back = unravel(vector + 1)
    np.testing.assert_array_equal(back["w"], tree["w"] + 1)
    assert back["n"] == 3
    assert back["b"][0].dtype == np.float32
    assert back["e"][0].shape == (0, 2)

    def f(tree):
        return np.sum(tree["w"] ** 2) * tree["b"][1]

    g = tg.grad(lambda v: f(unravel(v)))(vector)
    np.testing.assert_allclose(g, tg.tree.ravel(tg.grad(f)(tree))[0])
    g = tg.grad(lambda t: np.sum(tg.tree.ravel(t)[0] ** 3))(tree)
    np.testing.assert_allclose(g["w"], 3 * tree["w"] ** 2)
    with pytest.raises(ValueError, match=r"the vector has shape \(3,\), and the tree holds 8 floats"):
        unravel(np.ones(3))
    assert tg.tree.ravel({"n": 1})[0].shape == (0,)


def test_a_real_leaf_beside_complex_ones_stays_real():
    """Without the warning of a cast: nothing is lost, as its imaginary parts are zeros."""
    tree = {"z": np.array([1 + 2j, 3j]), "x": 2.0, "y": np.float32([1, 4])}
    vector, unravel = tg.tree.ravel(tree)
    back = unravel(vector * 2)
    assert [leaf.dtype for leaf in tg.tree.leaves(back)] == [complex, float, np.float32]
    np.testing.assert_array_equal(back["y"], [2, 8])
    f = lambda p: np.sum(np.abs(p["z"]) ** 2) * p["x"] + np.sum(p["y"])
    np.testing.assert_allclose(tg.grad(lambda v: f(unravel(v)))(vector), tg.tree.ravel(tg.grad(f)(tree))[0])


def test_a_function_of_a_tree_becomes_one_of_a_vector():
    f = lambda p, scale: scale * np.sum(p["a"] ** 2) * p["b"]
    tree = {"a": np.array([1.0, 2.0]), "b": 3.0}
    g, unravel, vector = tg.tree.raveled(f, tree)
    assert g(vector, 2.0) == f(tree, 2.0) == 30
    by_vector, _, _ = tg.tree.raveled(tg.grad(f), tree)
    np.testing.assert_allclose(by_vector(vector, 2.0), tg.grad(g)(vector, 2.0))
    assert unravel(vector)["b"] == 3


@pytest.mark.parametrize(
    "f",
    [
        lambda x, w: tg.tree.tree_map(np.sin, {"w": [x, (x,)]}),
        lambda x, w: tg.tree.unflatten(tg.tree.flatten({"w": [x]})[1], [x]),
        lambda x, w: tg.grad(lambda p: np.sum(p["w"] ** 2))({"w": x}),
        lambda x, w: tg.vmap(lambda row: {"y": row * w})(x),
        lambda x, w: tg.vmap(tg.grad(lambda row: np.sum(np.sin(row * w))))(x),
        lambda x, w: np.block([[w, w], [w, w]]),
    ],
)
def test_results_are_freed_without_the_garbage_collector(f):
    x, w = np.ones((3, 2)), tg.Tensor(np.ones(2))
    f(x, w)
    gc.collect()
    gc.disable()
    try:
        f(x, w)
        assert gc.collect() == 0
    finally:
        gc.enable()
