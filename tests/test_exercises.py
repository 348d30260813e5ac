"""The exercises: with their solutions all checks pass, blanks and usual mistakes get a message of their own."""

import contextlib
import io
import runpy
import sys
from pathlib import Path

import pytest

EXERCISES = Path(__file__).parents[1] / "examples" / "exercises"
NAMES = sorted(path.stem for path in EXERCISES.glob("*.py") if "import check" in path.read_text("utf-8"))
solutions = runpy.run_path(str(EXERCISES / "solutions"), run_name="solutions")

# exercise: (number of a blank, counted from 1; what a student may write; a part of the message)
MISTAKES = {
    "batch_vs_stochastic": [
        (1, "size", "Only the first batch"),
        (1, "start + size - 1", "not part of a slice"),
        (2, "n // size", "round up"),
        (3, "batch.sum()", "the sum"),
        (4, "variance / size**0.5", "standard deviation"),
        (5, "start * factor * epoch", "a power"),
    ],
    "four_steps": [
        (1, "pace * extra", "Add the usual walk"),
        (2, "np.sum(errors**2)", "This is the sum"),
        (2, "np.mean(errors)", "Square the errors"),
        (3, "(f(x + h) - f(x - h)) / h", "the distance is 2 h"),
        (3, "(f(x - h) - f(x + h)) / (2 * h)", "from f(x + h)"),
        (4, "pace + rate * slope", "uphill"),
        (5, "pace.grad", "The old gradient is not reset"),
    ],
    "learning_rates": [
        (1, "2 * c * (w - 3)", "cancel"),
        (2, "1 + rate * c", "a minus is missing"),
        (3, "1 / c", "one step reaches the minimum"),
        (4, "rate > 2 / c", "overshoots earlier"),
        (5, "2 / min(curvatures)", "the largest curvature"),
        (5, "2 / np.mean(curvatures)", "The mean does not help"),
    ],
    "line_fit": [
        (1, "m * x + b - y", "not line minus measured"),
        (2, "np.mean(2 * e * x)", "A minus is missing"),
        (2, "np.sum(2 * e * -x)", "take the mean"),
        (2, "np.mean(e * -x)", "factor 2 is missing"),
        (2, "np.mean(2 * e)", "which is -x"),
        (3, "np.mean(2 * e)", "A minus is missing"),
        (3, "np.mean(2 * e * -x)", "the slope of e is -1"),
        (4, "m + RATE * slope_by_m(m, b)", "uphill"),
        (4, "m - slope_by_m(m, b)", "Multiply by RATE"),
    ],
    "penalty": [
        (1, "decay * np.sum(w**2)", "1 / 2 is missing"),
        (1, "decay / 2 * np.linalg.norm(w)", "No root"),
        (2, "2 * decay * w", "cancel"),
        (3, "w - rate * (g - decay * w)", "The weights grow"),
        (3, "w - rate * g - decay * w", "both gradients by the rate"),
        (4, "decay * np.eye(m)", "Half of the decay"),
        (4, "decay / 2", "on the diagonal"),
        (5, "decay / 2", "multiply by n"),
    ],
    "weather": [
        (1, "0", "nobody measured"),
        (1, "(days[0] + days[-1]) / 2", "uses a later day"),
        (2, "days[:-1]", "the same day"),
        (2, "days[2:]", "the day after tomorrow"),
        (3, "rows", "knows them by heart"),
        (3, "rows[n + 1 :]", "One row is lost"),
        (4, "(x - x.mean()) / x.std()", "Use the mean of the training rows"),
        (4, "(x - train.mean()) / train.var()", "the variance"),
        (5, "np.sum((tomorrow - today) ** 2)", "take the mean"),
    ],
    "names_transformer": [
        (1, "q @ k.T", "root of 3"),
        (1, "k @ q.T / np.sqrt(3)", "rows are for queries"),
        (2, "e / e.sum()", "a sum of its own"),
        (2, "e / e.sum(axis=1)", "keepdims=True"),
        (3, "columns < rows", "hides earlier places"),
        (3, "columns >= rows", "may see itself"),
        (4, "weights.T @ v", "transposed"),
        (4, "weights @ k", "not of the keys"),
    ],
    "optimizers": [
        (1, "w + RATE * g", "uphill"),
        (1, "w - g", "by RATE"),
        (2, "0.9 * v + 0.1 * g", "the whole gradient"),
        (2, "v + g", "Multiply v by 0.9"),
        (3, "0.999 * kept[1] + 0.001 * g", "the squares"),
        (4, "s", "divide by 1 - 0.999 ** t"),
        (5, "w - RATE * m / (np.sqrt(s_hat) + 1e-8)", "Use m_hat"),
        (5, "w - RATE * m_hat / (s_hat + 1e-8)", "not by s_hat"),
    ],
    "rules": [
        (1, "g / (1 + np.abs(x))", "Square"),
        (1, "1 / (1 + np.abs(x)) ** 2", "Multiply by g"),
        (1, "g / (1 + x) ** 2", "GradientError"),
        (2, "g @ b", "must be transposed"),
        (2, "b.T @ g", "order of its factors"),
        (3, "a @ g", "must be transposed"),
        (4, "-1.0", "right minus wrong"),
    ],
    "scalar_backprop": [
        (1, "self.data", "is not a"),
        (2, "self.data", "as fast as b"),
        (3, "max(self.data, 0.0)", "not its slope"),
        (3, "1.0", "flat"),
        (4, "self.data ** n", "This is a ** 3"),
        (5, "parent.grad + slope", "Multiply by value.grad"),
        (5, "slope * value.grad", "Both paths count"),
    ],
}


@pytest.fixture(scope="module")
def run():
    """Return a function that runs an exercise with these blanks, and returns (exit code, what it prints)."""

    def run(name, blanks=None):
        path = EXERCISES / f"{name}.py"
        program = path.read_text("utf-8")
        if blanks:
            program = solutions["filled"](program, blanks)
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            try:
                exec(compile(program, path, "exec"), {"__name__": "__main__", "__file__": str(path)})
            except SystemExit as end:
                return end.code, printed.getvalue()
        return 0, printed.getvalue()

    with pytest.MonkeyPatch.context() as patch:
        patch.delitem(sys.modules, "checks", raising=False)  # the tests have a module of this name
        patch.syspath_prepend(EXERCISES)
        yield run
        sys.modules.pop("checks")


@pytest.mark.parametrize("name", NAMES)
def test_solutions_pass_all_checks(run, name):
    code, printed = run(name, solutions["solution"](name))
    assert code == 0, printed
    assert "not yet" not in printed
    assert "All checks are right. Now go on" in printed  # the open end


@pytest.mark.parametrize("name", NAMES)
def test_the_first_check_names_an_empty_blank(run, name):
    code, printed = run(name)
    assert code == 1
    assert printed.startswith("not yet: 1. ")
    assert "A blank is still empty" in printed


@pytest.mark.parametrize("name", NAMES)
def test_every_blank_is_reported_when_it_alone_is_empty(run, name):
    for blank in range(len(solutions["solution"](name))):
        blanks = solutions["solution"](name)
        blanks[blank] = "..."
        code, printed = run(name, blanks)
        assert code == 1
        assert printed.splitlines()[-1].strip().startswith("A blank is still empty"), (blank, printed)


@pytest.mark.parametrize("name", NAMES)
def test_usual_mistakes_are_explained(run, name):
    assert len(MISTAKES[name]) >= 2
    for blank, mistake, why in MISTAKES[name]:
        blanks = solutions["solution"](name)
        blanks[blank - 1] = mistake
        code, printed = run(name, blanks)
        assert code == 1, mistake
        assert "not yet" in printed.splitlines()[-2]
        assert why in printed.splitlines()[-1], (mistake, printed)


@pytest.mark.parametrize("name", NAMES)
def test_an_exercise_is_short_and_says_how_to_start(name):
    program = (EXERCISES / f"{name}.py").read_text("utf-8")
    assert f"\n    python examples/exercises/{name}.py\n" in program
    assert len(program.splitlines()) <= 80
    assert 3 <= len(solutions["solution"](name)) <= 6
    with pytest.raises(ValueError, match=r"shorter|longer"):
        solutions["filled"](program, ["1"])


def test_ordinary_errors_of_a_student_have_a_line_and_no_traceback(run):
    blanks = solutions["solution"]("optimizers")
    code, printed = run("optimizers", ["w - RATE * gradient", *blanks[1:]])
    assert code == 1
    assert "raised NameError: name 'gradient' is not defined" in printed
    line = (EXERCISES / "optimizers.py").read_text("utf-8").splitlines().index("    return ..., kept") + 1
    assert f"Line {line} raised" in printed
    code, printed = run("optimizers", ["None", *blanks[1:]])
    assert code == 1
