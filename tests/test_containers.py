"""Primitives of lists, tuples and dicts of arrays: the rule gets and returns containers."""

from collections import namedtuple

import numpy as np
import pytest
from checks import message
from hypothesis import given
from hypothesis import strategies as st
from strategies import arrays

import tinygrad_edu as tg


@tg.primitive
def norm2(tree, scale=1.0):
    """The sum of squares of all arrays of a nested container, times a number."""
    if isinstance(tree, dict):
        return scale * sum(norm2(part) for part in tree.values())
    return scale * (sum(norm2(part) for part in tree) if isinstance(tree, (list, tuple)) else np.sum(np.square(tree)))


def like(tree, f):
    """Apply f to each array of a nested container."""
    if isinstance(tree, dict):
        return {k: like(part, f) for k, part in tree.items()}
    if hasattr(tree, "_fields"):
        return type(tree)(*[like(part, f) for part in tree])
    return type(tree)(like(part, f) for part in tree) if isinstance(tree, (list, tuple)) else f(tree)


calls = []


def norm2_rule(g, y, tree, scale=1.0):
    calls.append(y)
    return like(tree, lambda x: 2 * g * scale * x)


tg.defvjp(norm2, norm2_rule, lambda g, y, tree, scale=1.0: g * y / scale)
Pair = namedtuple("Pair", "first second")
TREES = st.recursive(
    st.just(None),
    lambda parts: st.one_of(
        st.lists(parts, min_size=1, max_size=3),
        st.tuples(parts, parts),
        st.builds(Pair, parts, parts),
        st.dictionaries(st.sampled_from("abc"), parts, min_size=1),
    ),
    max_leaves=5,
)


@given(tree=TREES, data=st.data())
def test_the_rule_of_a_primitive_serves_every_kind_of_container(tree, data):
    drawn = []

    def draw(_):
        drawn.append(data.draw(arrays(shape=(2,))))
        return len(drawn) - 1

    numbered = like(tree, draw)
    for call in (norm2, lambda tree, scale: norm2(tree=tree, scale=scale)):
        f = lambda scale, *xs, call=call: np.sin(call(like(numbered, lambda i: xs[i]), scale))
        tg.check_grad(f, 1.5, *drawn)


def test_constants_among_the_members_take_no_gradient_and_the_rule_runs_once():
    a, b, c = tg.Tensor([1.0, 2.0]), tg.Tensor(3.0), np.ones(2)
    calls.clear()
    norm2([a, c, (b, 5.0)]).backward()
    assert len(calls) == 1
    np.testing.assert_array_equal(a.grad, [2, 4])
    assert b.grad == 6
    assert norm2([c, 2.0]) == 6


def test_a_list_may_come_back_for_a_tuple_and_dicts_in_any_order():
    @tg.primitive
    def product(pair, named):
        return pair[0] * pair[1] * named["a"] * named["b"]

    def rule_of_pair(g, y, pair, named):
        rest = g * named["a"] * named["b"]
        return [rest * pair[1], rest * pair[0]]

    def rule_of_named(g, y, pair, named):
        rest = g * pair[0] * pair[1]
        return {"b": rest * named["a"], "a": rest * named["b"]}

    tg.defvjp(product, rule_of_pair, rule_of_named)
    tg.check_grad(lambda p, q, a, b: product((p, q), {"a": a, "b": b}), 2.0, 3.0, 5.0, 7.0)
    v = tg.Tensor(2.0)
    product((v, 3.0), {"a": v, "b": v}).backward()
    assert v.grad == 3 * 12


def test_a_rule_that_returns_another_structure_or_no_rule_is_an_error():
    f = tg.primitive(lambda xs: xs[0] * xs[1])
    tg.defvjp(f, lambda g, y, xs: [g * xs[1]])
    x = tg.Tensor(2.0)
    assert "returns gradients in another structure" in message(TypeError, lambda: f([x, x]).backward())
    keyword = tg.primitive(lambda x, *, others: x * others[0])
    tg.defvjp(keyword, lambda g, y, x, *, others: g * others[0])
    assert "others=...): it takes no Tensor" in message(TypeError, lambda: keyword(2.0, others=[x]))
    unruled = tg.primitive(lambda xs: sum(np.asarray(x) for x in xs))
    with pytest.raises(TypeError, match="has no rule"):
        unruled([x])


@pytest.mark.parametrize("result", [lambda g: [g], lambda g: g, lambda g: {"a": g, "b": g}, lambda g: [[g], g]])
def test_a_rule_with_gradients_in_another_structure_than_its_argument_is_named(result):
    total = tg.primitive(lambda xs: xs[0] + xs[1])
    tg.defvjp(total, lambda g, y, xs: result(g))
    y = total([tg.Tensor(1.0), tg.Tensor(2.0)])
    assert "returns gradients in another structure" in message(TypeError, y.backward)


def test_a_rule_that_is_called_with_the_same_numbers_of_other_values_runs_again():
    constant = tg.primitive(lambda xs: 1.0)
    tg.defvjp(constant, lambda g, y, xs: [g * xs[0], g])
    for number in (2.0, 3.0):
        x = tg.Value(number)
        constant([x, 5.0]).backward()
        assert x.grad == number
