"""What the playground shows of expressions: steps, pictures, output, and errors as the library words them."""

import contextlib
import io

import pytest
from playground import Session, expression

import tinygrad_edu as tg
from tinygrad_edu.viz import layout

LECTURE = "a, b, c = Value(2.0), Value(-3.0), Value(10.0)\ny = (a * b + c).relu() * b\n"


@pytest.fixture(autouse=True)
def columns(monkeypatch):
    """Lay graphs out without Graphviz, which is what takes time."""
    monkeypatch.setattr(layout, "BACKENDS", [lambda source, suffix, engine: b"<svg></svg>"])
    monkeypatch.setattr(layout, "MAX_COLUMNS_CROSSED", 0)


def test_the_last_expression_is_stepped_through_with_its_variables_names():
    shown = expression.evaluate(LECTURE + "y")
    assert shown["text"] == "Value(data=-12.0, grad=0.0, label='y', fun=np.multiply)"
    assert "Backpropagation of y, step by step" in shown["page"]
    assert "svg" in shown["picture"]
    assert "error" not in shown


@pytest.mark.parametrize("last", ["", "y: Value = y + 0", "y += 0", "(\n  y\n)", "'ü'; y"])
def test_an_assignment_or_an_expression_of_several_lines_is_shown_too(last):
    assert "page" in expression.evaluate(LECTURE + last)


@pytest.mark.parametrize(
    ("text", "error", "line"),
    [
        ("1 +", "SyntaxError: invalid syntax", 1),
        ("x = 1\n  y = 2", "IndentationError: unexpected indent", 2),
        ("\nTensor([1.0, 2.0]) @ np.ones(3)", "ValueError: np.matmul(Tensor of shape (2,), array of shape (3,))", 2),
        ("def f():\n    return Valu(1.0)\nf()", "NameError: name 'Valu' is not defined", 2),
        ("exit()", "SystemExit", 1),
        ("raise KeyboardInterrupt", "KeyboardInterrupt", 1),
        ("f = lambda: f()\nf()", "RecursionError: maximum recursion depth exceeded", 1),
        ("print('x' * 10**6)", "ValueError: the output is longer than 20000 characters; print less", 1),
        ("\0", "SyntaxError: source code string cannot contain null bytes", 0),
        ("class E(Exception):\n    __str__ = None\nraise E", "E: <exception str() failed>", 3),
        ("class R:\n    __repr__ = None\nR()", "TypeError: 'NoneType' object is not callable", 0),
        ("x = Tensor(np.ones(3))\nx[0] = 5.0", "AssignmentError: Tensor", 2),
        ("n = int(input('n'))", "EOFError: input: nobody can answer while Python runs here; assign the value", 1),
    ],
)  # fmt: skip
def test_an_error_is_shown_in_its_own_words_with_its_line(text, error, line):
    shown = Session().evaluate(text)
    assert error in shown["error"]
    assert shown["line"] == line
    assert "page" not in shown
    assert text in shown["code"]


@pytest.mark.parametrize(
    ("text", "note"),
    [
        ("for i in range(2):\n    print(i)", "The last line has no value to show. End with an expression, such as y."),
        ("", "The last line has no value to show. End with an expression, such as y."),
        ("Tensor([1.0, 2.0]) * 2", "reduce it first: tg.explain(y.sum())"),
        ("Tensor(1 + 2j) * 2", "is complex, and only a real number has a gradient"),
        ("Value(2.0)", "A leaf alone has no backward pass; compute something with it."),
        ("x = Value(1.0)\nfor _ in range(800): x = x * x\nx", "The graph has 801 nodes; the steps of up to 500 are"),
    ],
)
def test_where_there_are_no_steps_a_note_says_why(text, note):
    shown = expression.evaluate(text)
    assert note in shown["note"]
    assert "page" not in shown
    assert "error" not in shown


def test_numpys_settings_end_with_the_program_that_sets_them():
    assert "0.3," in expression.evaluate(
        "np.seterr(all='raise')\nnp.set_printoptions(precision=1)\nTensor([1.0, 2.0]) / 3"
    )["text"].replace(" ", "")
    shown = expression.evaluate("np.log(np.zeros(1)), np.array([1 / 3])")
    assert shown["text"] == "(array([-inf]), array([0.33333333]))"


@pytest.mark.parametrize("text", ["import no_such_package", "raise ImportError('pip install it')", "1 / 0"])
def test_where_a_package_is_missing_a_note_says_that_none_can_be_installed(text):
    note = expression.evaluate(text).get("note", "")
    assert ("nothing else can be installed" in note) is (text != "1 / 0")


def test_output_and_warnings_are_shown_and_other_results_as_text():
    shown = expression.evaluate("print('hello')\nnp.log(Tensor(-1.0))")
    assert shown["output"] == "hello\nRuntimeWarning: invalid value encountered in log"
    assert expression.evaluate("1 + 1")["text"] == "2"
    assert "picture" in expression.evaluate("[Value(1.0) * 2, Value(2.0)]")
    assert "picture" in expression.evaluate("tg.draw(Value(1.0) * 2)")
    assert "page" in expression.evaluate("tg.explain(Value(1.0) * 2)")


@pytest.mark.parametrize("last", ["y", "", "y * np.ones(3) @ Tensor([1.0, 2.0, 3.0])", "[y]", "y.data"])
def test_the_code_shown_gives_the_same_result_elsewhere(last, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = "n = 2\ndef double(x): return n * x\n" + LECTURE.replace("Value(", "Tensor(") + last
    shown, names, printed = Session().evaluate(text), {}, io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(shown["code"], names)
    assert repr(names["result" if last else "y"]) == shown["text"]
    if "page" in shown:
        assert printed.getvalue() == f"{tg.explain(names['result' if last else 'y'])}\n"
    assert (tmp_path / "graph.svg").exists() is (last == "[y]")


def test_the_code_shown_of_a_picture_saves_it_and_that_of_an_explanation_prints_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    exec(Session().evaluate(LECTURE + "tg.draw(y)")["code"], {})
    assert (tmp_path / "graph.svg").exists()
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(Session().evaluate(LECTURE + "tg.explain(y)")["code"], {})
    assert printed.getvalue().startswith("Backward pass from ")
