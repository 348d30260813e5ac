"""explain: its numbers are the engine's, its formulas are the rules, and its remarks give the reasons."""

import operator

import numpy as np
import pytest
from cases import CASES, PAGES
from checks import message
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_edu as tg
from tinygrad_edu.engine.backward import leaves
from tinygrad_edu.engine.mode import Contributions, watching
from tinygrad_edu.engine.passes import reverse_pass
from tinygrad_edu.engine.rules.registry import vjps
from tinygrad_edu.viz.formula import formula, parameters
from tinygrad_edu.viz.steps import WIDTH


def lecture():
    """Return (a * b + c).relu() * b, which uses b twice."""
    a, b, c = tg.Value(2.0, label="a"), tg.Value(-3.0, label="b"), tg.Value(10.0, label="c")
    y = (a * b + c).relu() * b
    y.label = "y"
    return a, b, c, y


def test_an_expression_by_hand():
    *_, y = lecture()
    explanation = tg.explain(y)
    assert len(explanation) == 7
    assert {type(n) for s in explanation for n in (s.g, s.local, s.contribution, s.total)} == {float}
    assert [(s.node, s.g, s.to, s.rule, s.numbers, s.local, s.contribution, s.total) for s in explanation] == [
        ("y", 1.0, "v3", "g * b", "1 * -3", -3.0, -3.0, -3.0),
        ("y", 1.0, "b", "g * a", "1 * 4", 4.0, 4.0, 4.0),
        ("v3", -3.0, "v2", "g * (y > 0)", "-3 * (4 > 0)", 1.0, -3.0, -3.0),
        ("v2", -3.0, "v1", "g", "-3", 1.0, -3.0, -3.0),
        ("v2", -3.0, "c", "g", "-3", 1.0, -3.0, -3.0),
        ("v1", -3.0, "a", "g * b", "-3 * -3", -3.0, 9.0, 9.0),
        ("v1", -3.0, "b", "g * a", "-3 * 2", 2.0, -6.0, -2.0),
    ]
    assert [(s.number, s.of) for s in explanation if s.to == "b"] == [(1, 2), (2, 2)]
    assert [r.operation for r in explanation.nodes] == ["", "", "", "a * b", "v1 + c", "relu(v2)", "v3 * b"]
    assert [s.node for s in explanation[-2:]] == ["v1", "v1"]


OPERATIONS = (
    operator.add,
    operator.sub,
    operator.mul,
    lambda a, b: np.tanh(a),
    lambda a, b: (a - b).relu(),
    np.maximum,
)


@st.composite
def expressions(draw):
    """Draw leaves and a root of up to eight operations, each of which may use any earlier result."""
    number = st.floats(-2, 2, allow_subnormal=False)
    leaves = [tg.Value(draw(number), label=name) for name in "abc"]
    results = list(leaves)
    for _ in range(draw(st.integers(1, 8))):
        f, a, b = draw(st.tuples(st.sampled_from(OPERATIONS), st.sampled_from(results), st.sampled_from(results)))
        results.append(f(a, b))
    return leaves, results[-1]


@given(expressions())
def test_the_numbers_of_every_step_are_the_engines(drawn):
    leaves, y = drawn
    explanation = tg.explain(y)
    y.backward()
    last = {step.to: step for step in explanation}
    for leaf in leaves:
        assert leaf.grad == (last[leaf.label].total if leaf.label in last else 0.0)
    for step in explanation:
        assert step.g == (last[step.node].total if step.node in last else 1.0)
        assert step.contribution == pytest.approx(step.g * step.local)
        before = [s.contribution for s in explanation if s.to == step.to][: step.number]
        assert step.total == sum(before[1:], before[0])
        assert len(before) == step.number


@given(expressions())
def test_a_node_comes_when_all_that_use_it_have_passed_their_gradients_on(drawn):
    _, y = drawn
    explanation = tg.explain(y)
    for i, step in enumerate(explanation):
        assert step.node not in {s.to for s in explanation[i:]}
        assert bool(step.why) == (i == 0 or explanation[i - 1].node != step.node)
        assert (step.number == step.of) == (step.to not in {s.to for s in explanation[i + 1 :]})


def test_no_gradient_is_touched_before_or_after_backward():
    a, b, c, y = lecture()
    before = str(tg.explain(y))
    assert [x.grad for x in (a, b, c, y)] == [0.0] * 4
    y.backward()
    assert str(tg.explain(y)) == before
    assert [x.grad for x in (a, b, c, y)] == [9.0, -2.0, -3.0, 1.0]


def test_the_table_says_why_this_order_and_why_gradients_add_up():
    *_, y = lecture()
    table = str(tg.explain(y))
    assert repr(tg.explain(y)) == table
    text = " ".join(table.split())
    assert "reverse topological order" in text
    assert "The backward pass starts at the root: d y / d y = 1." in text
    assert "v3 comes now: y, the only operation that uses it, has passed its gradient on." in text
    assert "b is used 2 times (by y, v1)." in text
    assert "the effects add up: b gets 2 contributions, and this is the first." in text
    assert "Contribution 2 of 2 to b: 4 (from y) + -6 (from v1) = -2; all 2 have arrived, so" in text
    head, first = (line for line in table.splitlines() if line.startswith(("step", "   1")))
    assert head.index("rule") == first.index("g * b")
    assert head.index("total") + len("total") == first.index("-3", first.index("-3     -3") + 1) + 2


def test_a_node_with_several_users_waits_for_all_of_them():
    x = tg.Value(0.5, label="x")
    s = x * x
    s.label = "s"
    last = tg.explain(s.exp() + s * s)[-1]
    why = next(step.why for step in tg.explain(s.exp() + s * s) if step.node == "s")
    assert why == "s comes now: all operations that use it (v2 twice, v1) have passed their gradients on."
    assert "x: 0.892 (from s) + 0.892 (from s) = 1.784" in last.adds


@given(expressions())
def test_the_table_fits_a_hundred_columns(drawn):
    _, y = drawn
    assert max(map(len, str(tg.explain(y * 1234.5)).splitlines())) <= WIDTH


def test_arrays_too_long_for_a_row_of_the_table_are_listed_below_each_other():
    rng = np.random.default_rng(0)
    x = tg.Tensor([1.0, 2.0, 3.0], label="x")
    *_, last = str(tg.explain(np.sum(np.sin(x) * x[1:].mean()))).split("\n\n")
    assert last.splitlines()[:7] == [
        "      v1 comes now: v4, the only operation that uses it, has passed its gradient on.",
        "   6  from v1 = np.sin(x) to x",
        "      g             [2.5, 2.5, 2.5]",
        "      rule          g * np.cos(x)",
        "      with numbers  [2.5, 2.5, 2.5] * np.cos([1, 2, 3])",
        "      local         [0.5403, -0.4161, -0.99]",
        "      contribution  [1.351, -1.04, -2.475]",
    ]
    assert "total         [1.351, -0.09442, -1.529]" in last
    assert "Contribution 2 of 2 to x: [0, 0.9459, 0.9459] (from v2)" in last
    losses = tg.mse_loss(tg.nn.MLP([2, 3, 1], rng=0)(rng.normal(size=(4, 2))), np.ones((4, 1)))
    z = tg.Tensor(rng.normal(size=6) + 1j * rng.normal(size=6), label="a label of z that is too long for its column")
    for y in (losses, np.sum(np.abs(z * np.exp(z)))):
        text = str(tg.explain(y))
        assert max(map(len, text.splitlines())) <= WIDTH
        assert "…" not in text.replace("a label of z that is to…", "")  # nothing else is cut


def test_text_too_long_for_a_column_is_shown_in_full_below():
    x = tg.Value(1.2345, label="a rather long name of x")
    y = np.arctan2(x * x, -x)
    y.label = "and as long a name for y"
    table = str(tg.explain(y))
    assert max(map(len, table.splitlines())) <= WIDTH
    assert tg.explain(y)[0].rule in " ".join(table.split())


def test_the_formula_is_the_rules_own():
    @tg.primitive
    def double(x):
        return x + x

    tg.defvjp(double, lambda g, y, x: g * 2)
    y = double(tg.Tensor(3.0, label="x"))
    assert (tg.explain(y)[0].rule, tg.explain(y)[0].numbers) == ("g * 2", "1 * 2")
    tg.defvjp(double, lambda g, result, input: g + g * np.cos(input) / result)
    assert tg.explain(y)[0].rule == "g + g * np.cos(input) / result"
    assert tg.explain(y)[0].numbers == "1 + 1 * np.cos(3) / 6"


def test_a_rule_that_cannot_be_recorded_is_shown_by_its_source_and_says_so():
    @tg.primitive
    def double(x):
        return x + x

    def branching(g, y, x):
        if x > 0:
            return g * 2
        return g + g

    tg.defvjp(double, lambda g, y, x: g * 2 if x > 0 else g + g)
    y = double(tg.Tensor(3.0))
    (step,) = tg.explain(y)
    assert (step.rule, step.numbers, step.total) == ("g * 2 if x > 0 else g + g", "", 2.0)
    assert step.remark == "This rule works on plain arrays only and cannot be recorded, so its source is shown."
    tg.defvjp(double, branching)
    assert tg.explain(y)[0].rule == "branching(g, y, x)"
    tg.defvjp(double, eval("lambda g, y, x: g * 2 if x > 0 else g"))  # a rule without source code
    assert tg.explain(y)[0].rule == "rule(g, y, x)"


PRIMITIVES = {fun.__name__: fun for fun in vjps if not isinstance(fun, np.ufunc)}


@pytest.mark.parametrize(
    "fun", [*PAGES["elementwise"], *PAGES["special"], *PAGES["activations"]], ids=lambda fun: fun.__name__
)
@settings(max_examples=max(settings.default.max_examples * 2 // 5, 5))
@given(data=st.data())
def test_a_formula_computes_what_its_rule_does(fun, data):
    f, args = data.draw(CASES[fun])
    y = f(*map(tg.Tensor, args))
    with watching(Contributions()) as seen:
        reverse_pass(y, np.full(y.shape, 0.7), leaves)
    for y, g, i, _, _ in seen.passed:
        rule, given = vjps[y.fun][i], (g, y.data, *y.argvals)
        names = {"np": np, **PRIMITIVES, **dict(zip(parameters(rule, y), given, strict=False))}
        *lines, last = formula(rule, g, y).text.split("; ")
        with np.errstate(all="ignore"):
            for line in lines:
                exec(line, names)
            np.testing.assert_array_equal(eval(last, names), rule(*given, **y.kwargs))


def test_numbers_get_brackets_where_their_sign_needs_them():
    x = tg.Value(-3.0, label="x")
    assert tg.explain(-(x**2))[0].rule == "-g"
    assert tg.explain(x**2)[0].numbers == "1 * (2 * (-3) ** 1)"
    assert tg.explain(-x).root.numbers == "-(-3)"


def test_labels_get_brackets_where_their_signs_need_them():
    k, x, w = (tg.Value(2.0, label=label) for label in ("-k", "u + v", "0.weight"))
    shown = {node.operation for node in tg.explain(k**2 + (x * w).tanh() + x.exp()).nodes}
    assert {"(-k) ** 2", "(u + v) * 0.weight", "np.exp(u + v)"} <= shown


def test_a_sum_over_broadcast_axes_is_explained():
    x, b = tg.Tensor(np.ones((3, 4)), label="x"), tg.Tensor(np.zeros(4), label="b")
    steps = {s.to: s for s in tg.explain(np.sum(x * 2 + b))}
    assert steps["b"].remark == (
        "Summed over the axes that broadcasting added or stretched: shape (3, 4) becomes (4,)."
    )
    assert steps["b"].total.tolist() == [3.0] * 4
    assert steps["b"].local.tolist() == np.ones((3, 4)).tolist()
    assert steps["x"].remark == ""


def test_large_arrays_show_shape_and_norm_and_a_jacobian_is_not_computed():
    w = tg.Tensor(np.ones((3, 4)), label="w")
    explanation = tg.explain(np.sum(np.ones((5, 3)) @ w))
    assert explanation[-1].rule == "a.T @ g"
    assert explanation[-1].local is None
    assert [line.strip() for line in str(explanation).splitlines()[-5:]] == [
        "2  from v1 = array (5, 3) @ w to w",
        "g             (5, 4) norm 4.472",
        "rule          a.T @ g",
        "local         Jacobian",
        "contribution  (3, 4) norm 17.32",
    ]


def test_where_no_gradient_arrives_none_leaves_here_too():
    x = tg.Tensor([0.0, 4.0], label="x")
    y = np.sum(np.where([False, True], np.sqrt(x), 0))
    explanation = tg.explain(y)
    y.backward()
    assert explanation[-1].total.tolist() == x.grad.tolist() == [0.0, 0.25]
    assert len(explanation) == 3


def test_assignments_are_followed():
    x = tg.Tensor([1.0, 2.0], label="x")
    y = x * 1
    y[0] = y[1] * 3
    explanation = tg.explain(np.sum(y))
    np.sum(y).backward()
    assert explanation[-1].total.tolist() == x.grad.tolist() == [0.0, 4.0]


def test_every_node_has_a_name_of_its_own_on_one_line():
    a, b, c = tg.Value(1.0, label="x"), tg.Value(2.0, label="x"), tg.Value(3.0, label="v1\n\ud800" + "z" * 40)
    explanation = tg.explain((a + b) * c)
    names = [r.name for r in explanation.nodes]
    assert names[:2] == ["x", "x_2"]
    assert len({*names}) == len(names) == 5
    assert names[2].startswith(r"v1\n\ud800zzz")
    assert len(names[2]) == 24


def test_what_is_explained_stays_when_data_changes():
    x = tg.Tensor([1.0, 2.0], label="x")
    explanation = tg.explain(np.sum(x * x))
    before = str(explanation)
    x.data[...] = 9.0
    assert str(explanation) == before
    assert explanation.nodes[0].value.tolist() == [1.0, 2.0]


def test_types_and_shapes_of_one_element_are_kept():
    x = tg.Tensor([[0.1]], label="x", dtype=np.float32)
    (step,) = tg.explain(np.tanh(x))
    assert step.total.dtype == np.float32
    assert step.total.shape == (1, 1)
    assert step.numbers == "[[1]] * (1 - [[0.09967]] * [[0.09967]])"


def test_a_leaf_alone_has_no_steps():
    explanation = tg.explain(tg.Value(2.0, label="x"))
    assert list(explanation) == []
    assert str(explanation).startswith("Backward pass from x = 2, steps: 0.")


def test_an_unrolled_loop_of_a_thousand_uses_is_explained():
    x = tg.Value(1.0, label="x")
    y = x
    for _ in range(1000):
        y = y * x
    explanation = tg.explain(y)
    assert explanation[-1].total == 1001.0
    assert "more" not in explanation[-1].adds
    assert len(explanation[-1].adds) < 200


def test_a_label_of_none_is_no_label():
    x = tg.Tensor([1.0, 2.0])
    x.label = None
    assert [step.to for step in tg.explain(np.sum(x))] == ["v1"]


def test_errors_name_the_remedy():
    x = tg.Tensor([1.0, 2.0], label="x")
    assert message(TypeError, lambda: tg.explain(3.0)) == "explain takes the Tensor or Value to start from, not a float"
    text = message(TypeError, lambda: tg.explain(tg.nn.Linear(2, 1)))
    assert text.endswith("not a Linear; explain what it computes: a loss")
    text = message(ValueError, lambda: tg.explain(x))
    assert "explain: Tensor 'x' has shape (2,)" in text
    assert "tg.explain(y.sum())" in text
    assert "depends on nothing that takes gradients" in message(ValueError, lambda: tg.explain(x.detach().sum()))
    text = message(ValueError, lambda: tg.explain(x[0] * 1j))
    assert text.startswith("explain: Tensor is complex, and only a real number has a gradient; take its .real")
    y = np.sum(x)
    y.backward(retain_graph=False)
    assert "freed" in message(ValueError, lambda: tg.explain(y))


def test_saving_writes_a_page_or_leaves_the_old_file(tmp_path, monkeypatch):
    *_, y = lecture()
    path = tmp_path / "backprop.html"
    assert tg.explain(y).save(path) == path
    before = path.read_text("utf-8")
    assert before.startswith("<!doctype html>")
    assert "must end in .html" in message(ValueError, lambda: tg.explain(y).save(tmp_path / "backprop.pdf"))
    monkeypatch.setattr("os.replace", lambda source, target: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        tg.explain(y * 2).save(path)
    assert path.read_text("utf-8") == before
    assert [p.name for p in tmp_path.iterdir()] == ["backprop.html"]


@pytest.mark.parametrize(
    ("make", "forward", "backward"),
    [
        (
            lambda a: np.sum(a, axis=1),
            "np.sum((2, 3), axis=1) = (2,)",
            "np.broadcast_to((2,).reshape((2, 1)), (2, 3)) = (2, 3)",
        ),
        (lambda a: a @ np.ones((3, 5)), "(2, 3) @ (3, 5) = (2, 5)", "(2, 5) @ (5, 3) = (2, 3)"),
        (lambda a: a @ np.ones(3), "(2, 3) @ (3,) = (2,)", "np.outer((2,), (3,)) = (2, 3)"),
        (lambda a: np.max(a, axis=0), "np.max((2, 3), axis=0) = (3,)", "g (3,), y (3,), x (2, 3) -> (2, 3)"),
        (np.exp, "", ""),
    ],
)
def test_products_and_reductions_are_written_in_shapes(make, forward, backward):
    a = tg.Tensor(np.arange(6.0).reshape(2, 3), label="a")
    explanation = tg.explain(np.sum(make(a)))
    assert explanation.nodes[1].shapes == forward
    assert explanation[1].shapes == backward


def test_the_rule_of_a_container_names_the_members():
    product = tg.primitive(lambda d, k: d["a"] * d["b"][0] * k)
    tg.defvjp(
        product, lambda g, y, d, k: {"a": g * d["b"][0] * k, "b": (g * d["a"] * k,)}, lambda g, y, d, k: g * y / k
    )
    explanation = tg.explain(product({"a": tg.Tensor(2.0), "b": (tg.Tensor(3.0),)}, tg.Tensor(4.0)))
    assert [s.rule for s in explanation] == ['g * d["b"][0] * k', 'g * d["a"] * k', "g * y / k"]


def test_the_source_of_a_rule_of_a_container_is_its_own():
    total = tg.primitive(sum)
    tg.defvjp(total, lambda g, y, xs: [float(g) for x in xs])  # which takes plain arrays
    explanation = tg.explain(total([tg.Tensor(2.0), tg.Tensor(3.0)]))
    assert [s.rule for s in explanation] == ["[float(g) for x in xs]"] * 2


def test_numbers_have_no_shapes():
    x = tg.Value(0.5, label="x")
    explanation = tg.explain((x * 2).tanh())
    assert [s.shapes for s in [*explanation, *explanation.nodes]] == [""] * 5


@pytest.mark.parametrize(
    ("name", "save"),
    [
        ("Explanation.save", lambda path: tg.explain(tg.Value(1.0) * 2).save(path)),
        ("Drawing.save", lambda path: tg.draw(tg.Value(1.0) * 2).save(path)),
        ("animate", lambda path: tg.plot.animate(lambda ax, i: None, 2, path)),
    ],
)
def test_what_is_no_path_is_refused_by_name(name, save):
    assert message(TypeError, lambda: save(3)) == f"{name}: a path is text or a pathlib.Path, not an int"


def test_arrays_within_an_index_or_a_list_are_shown_as_others_are():
    x = tg.Tensor(np.arange(12.0).reshape(3, 4), label="x")
    rows, every = np.array([0, 2]), np.arange(3)
    for y, operation, shapes in [
        (x[rows, rows], "x[[0, 2], [0, 2]]", "(3, 4)[(2,), (2,)] = (2,)"),
        (x[:, rows], "x[:, [0, 2]]", "(3, 4)[:, (2,)] = (3, 2)"),
        (np.select([x.data > 5, x.data > 3], [x, -x]), "select([array (3, 4), array (3, 4)], x, v1, 0)", None),
        (x[np.repeat(every, 9), np.repeat(every, 9)], "x[array (27,), array (27,)]", "(3, 4)[(27,), (27,)] = (27,)"),
    ]:
        record = next(r for r in tg.explain(y.sum()).nodes if r.operation.startswith(("x[", "select")))
        assert record.operation == operation
        assert shapes in (record.shapes, None)


def test_a_notebook_and_an_interpreter_show_no_thousands_of_steps_unasked():
    x = tg.Tensor(1.0, label="<x>")
    y = x
    for _ in range(1000):
        y = y * 1.001
    assert "srcdoc" in tg.explain(y)._repr_html_()
    steps = tg.explain(y + 0 * x)
    assert repr(steps).startswith("Backward pass from v1002 = 2.717, steps: 1003. print() shows all")
    assert len(repr(steps)) < 200
    assert "srcdoc" not in steps._repr_html_()
    assert str(steps).count("\n") > 1000
