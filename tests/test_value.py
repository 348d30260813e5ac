"""Value: one float with the same table; the code of micrograd's lecture runs unchanged."""

import math

import graphviz
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_edu as tg
from tinygrad_edu import Value

numbers = st.floats(0.5, 2.0)


def test_the_expression_of_micrograds_readme():
    a = Value(-4.0)
    b = Value(2.0)
    c = a + b
    d = a * b + b**3
    c += c + 1
    c += 1 + c + (-a)
    d += d * 2 + (b + a).relu()
    d += 3 * d + (b - a).relu()
    e = c - d
    f = e**2
    g = f / 2.0
    g += 10.0 / f
    g.backward()
    assert f"{g.data:.4f}" == "24.7041"
    assert f"{a.grad:.4f}" == "138.8338"
    assert f"{b.grad:.4f}" == "645.5773"


def test_a_neuron_learns_by_the_lectures_loop():
    w, b = Value(0.5), Value(0)
    for _ in range(200):
        loss = sum(((w * x + b).tanh() - y) ** 2 for x, y in [(1.0, 0.8), (-1.0, -0.2)])
        for p in (w, b):
            p.grad = 0.0
        loss.backward()
        for p in (w, b):
            p.data += -0.1 * p.grad
    assert loss.data < 1e-4


def test_data_and_grad_are_python_floats():
    v = Value(2)
    assert type(v.data) is float
    assert v.grad == 0.0
    y = np.sin(v) * np.float64(3) + v**2 / np.array(4.0) + v.exp() + v.log() + v.tanh() + v.relu() + abs(-v)
    y.backward()
    assert type(y.data) is type(v.grad) is type(y.grad) is float
    x = 2.0
    expected = 3 * math.cos(x) + x / 2 + math.exp(x) + 1 / x + 1 - math.tanh(x) ** 2 + 1 + 1
    assert math.isclose(v.grad, expected, rel_tol=1e-14)


@given(numbers, numbers)
def test_a_value_gives_the_numbers_of_a_tensor(a, b):
    def f(a, b):
        return np.exp(a * b) / (a**b + 2) - np.maximum(a, b) * (1 - a) + 3**b

    v, w = Value(a), Value(b)
    t, u = tg.Tensor(a), tg.Tensor(b)
    f(v, w).backward()
    f(t, u).backward()
    np.testing.assert_allclose([v.grad, w.grad], [t.grad, u.grad], rtol=1e-12)


def test_gradients_add_up_until_zero_grad():
    v = Value(3.0)
    (v * v).backward()
    (v * v).backward()
    assert v.grad == 12.0
    v.zero_grad()
    assert v.grad == 0.0


def test_higher_derivatives_of_a_value():
    v = Value(2.0)
    y = v**4
    for expected in (32.0, 48.0, 48.0, 24.0):
        (y,) = tg.gradients(y, [v], create_graph=True)
        assert y.data == expected


def test_comparisons_are_by_data_and_values_can_be_keys():
    a, b = Value(1.0), Value(2.0)
    assert a < b
    assert b >= 2.0
    assert a == Value(1.0)
    assert len({a, b, Value(1.0)}) == 3
    assert repr(Value(1.0, label="x")) == "Value(data=1.0, grad=0.0, label='x')"


def test_values_other_than_numbers_are_refused():
    with pytest.raises(TypeError, match="use Tensor for arrays"):
        Value([1.0, 2.0])
    for wrong in ("1.0", None, 1 + 2j, np.complex64(1 + 2j), Value(1.0), tg.Tensor(1.0)):
        with pytest.raises(TypeError, match="a Value holds one real number"):
            Value(wrong)
    with pytest.raises(TypeError, match="unsupported operand"):
        Value(1.0) + "a"
    with pytest.raises(TypeError, match=r"this is an array of shape \(2,\)"):
        Value(1.0) + np.ones(2)
    with pytest.raises(TypeError, match="a Value is one number and combines with no Tensor"):
        Value(1.0) * tg.Tensor(1.0)
    with pytest.raises(ValueError, match="is not a real number"):
        Value(-8.0) ** 0.5
    with pytest.raises(ZeroDivisionError):
        Value(1.0) / 0


def test_a_root_at_zero_has_an_infinite_gradient():
    for root in (lambda v: v**0.5, np.sqrt):
        v = Value(0.0)
        root(v).backward()
        assert v.grad == math.inf


def test_an_array_of_values_is_a_tensor():
    with pytest.raises(TypeError, match=r"np\.add: a Value is one number, and this is an array"):
        np.ones(2) + Value(1.0)
    with pytest.raises(TypeError, match="among arrays: a Value is one number; make it a Tensor"):
        np.dot(tg.Tensor([1.0, 2.0]), [Value(1.0), 3.0])


@pytest.mark.parametrize("fun", [np.sum, np.mean, np.max, np.median, np.linalg.norm, tg.logsumexp])
def test_functions_of_arrays_refuse_a_value(fun):
    with pytest.raises(TypeError, match="a Value is one number, and this is for arrays; make it a Tensor"):
        fun(tg.Value(2.0))


def trace(root):
    """The lecture's own code, unchanged."""
    nodes, edges = set(), set()

    def build(v):
        if v not in nodes:
            nodes.add(v)
            for child in v._prev:
                edges.add((child, v))
                build(child)

    build(root)
    return nodes, edges


def draw_dot(root):
    dot = graphviz.Digraph(format="svg", graph_attr={"rankdir": "LR"})
    nodes, edges = trace(root)
    for n in nodes:
        uid = str(id(n))
        dot.node(name=uid, label="{ %s | data %.4f | grad %.4f }" % (n.label, n.data, n.grad), shape="record")  # noqa: UP031
        if n._op:
            dot.node(name=uid + n._op, label=n._op)
            dot.edge(uid + n._op, uid)
    for n1, n2 in edges:
        dot.edge(str(id(n1)), str(id(n2)) + n2._op)
    return dot


def test_the_lectures_drawing_runs_unchanged():
    x1, x2, w1, w2 = (Value(v, label=name) for name, v in dict(x1=2.0, x2=0.0, w1=-3.0, w2=1.0).items())
    b = Value(6.8813735870195432, label="b")
    n = x1 * w1 + x2 * w2 + b
    n.label = "n"
    o = n.tanh()
    o.label = "o"
    o.backward()
    source = draw_dot(o).source
    for text in ("{ x1 | data 2.0000 | grad -1.5000 }", "{ n | data 0.8814 | grad 0.5000 }", "label=tanh"):
        assert text in source
    assert source.count('label="+"') == source.count('label="*"') == 2
    assert "{  | data -6.0000 | grad 0.5000 }" in source  # no label
    nodes, edges = trace(o)
    assert len(nodes) == 10
    assert len(edges) == 9


def test_operations_are_named_as_micrograd_names_them():
    v, w = Value(2.0), Value(3.0)
    named = {
        "+": v + w, "-": v - w, "*": v * w, "/": v / w, "**2": v**2, "**0.5": v**0.5, "**": v**w, "tanh": v.tanh(),
        "exp": v.exp(), "log": v.log(), "ReLU": v.relu(), "sin": np.sin(v), "sqrt": v.sqrt(), "": v,
    }  # fmt: skip
    for op, y in named.items():
        assert y._op == op
    assert (v * w)._prev == {v, w}
    assert (v * v)._prev == {v}
    assert (v**2)._prev == {v}
    assert v._prev == set()
    (two,) = (2.0 + v)._prev - {v}
    assert (two.data, two.requires_grad) == (2.0, False)
    assert [x.data for x in sorted((3.0**v)._prev, key=float)] == [2.0, 3.0]
