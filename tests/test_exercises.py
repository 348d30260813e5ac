"""The exercises: with their solutions all checks pass, blanks and usual mistakes get a message of their own."""

import contextlib
import importlib
import io
import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from checks import CODE_PAGES
from mistakes_of_students import MISTAKES

import tinygrad_edu as tg

EXERCISES = Path(__file__).parents[1] / "examples" / "exercises"
NAMES = sorted(path.stem for path in EXERCISES.glob("*.py") if "run_checks(globals())" in path.read_text("utf-8"))
LESSONS = set(
    re.findall(r"^\| \d+ \| `(\w+)\.py`", (EXERCISES.parents[1] / "README.md").read_text("utf-8"), re.MULTILINE)
)
solutions = runpy.run_path(str(EXERCISES / "solutions"), run_name="solutions")


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
            finally:
                [printed.getvalue().encode(page) for page in CODE_PAGES]
        return 0, printed.getvalue()

    with pytest.MonkeyPatch.context() as patch:
        patch.delitem(sys.modules, "checks", raising=False)  # the tests have a module of this name
        patch.syspath_prepend(EXERCISES)
        yield run
        sys.modules.pop("checks")


def test_every_lesson_has_an_exercise_with_solutions_and_mistakes():
    assert len(LESSONS) > 20
    assert set(NAMES) >= LESSONS
    assert set(NAMES) == set(MISTAKES) == {path.stem for path in (EXERCISES / "solutions").glob("*.txt")}


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
    assert len(program.splitlines()) <= 60
    assert 3 <= len(solutions["solution"](name)) <= 6
    with pytest.raises(ValueError, match=r"shorter|longer"):
        solutions["filled"](program, ["1"])


def test_ordinary_errors_of_a_student_have_a_line_and_no_traceback(run):
    blanks = solutions["solution"]("optimizers")
    code, printed = run("optimizers", ["w - RATE * gradient", *blanks[1:]])
    assert code == 1
    line = (EXERCISES / "optimizers.py").read_text("utf-8").splitlines().index("    return ..., kept") + 1
    assert f"Line {line} raised NameError: name 'gradient' is not defined" in printed
    code, printed = run("optimizers", [*blanks[:2], "0.999 * kept[1] + 0.001 * g^2", *blanks[3:]])
    assert printed.endswith(". A power is **, not ^.\n")
    code, printed = run("optimizers", ["'3'", *blanks[1:]])
    assert "The result is '3', but [1.6 0. ] is right." in printed
    code, printed = run("optimizers", ["None", *blanks[1:]])
    assert code == 1
    assert "Is there a return?" in printed
    code, printed = run("optimizers", ["w[:1]", *blanks[1:]])
    assert code == 1
    assert "The shape is (1,), but (2,) is right." in printed


@pytest.mark.parametrize(
    ("result", "right", "why"),
    [
        ([1.0, -2.0], [-1.0, 2.0], "The sign is wrong"),
        ([[1, 2], [3, 4]], [[1, 3], [2, 4]], "transposed"),
        (np.ones((2, 3)), np.ones((3, 2)), "transposed"),
        (np.ones(3), np.ones((3, 1)), "The shape is (3,), but (3, 1) is right."),
        ([8.0, 4.0], [2.0, 1.0], "It is 4 times what is right"),
        (3.0, 2, "The result is 3.0, but 2.0 is right."),
        (True, False, "The result is True, but False is right."),
        ([True, True], [True, False], "The result is [ True True], but [ True False] is right."),
        (0.5, 2.0, "It is 0.25 times what is right"),
        (0.0, 2.0, "The result is 0.0, but 2.0 is right."),
        (2.0, 0.0, "The result is 2.0, but 0.0 is right."),
        ([np.inf, 1.0], [-np.inf, 2.0], "The result is [inf 1.], but [-inf 2.] is right."),
        ("1.0", 1.0, "The result is '1.0', but 1.0 is right."),
        ([[1.0], [1.0, 2.0]], 1.0, "The result is [[1.0], [1.0, 2.0]], but 1.0 is right."),
        (None, 1.0, "Is there a return?"),
        ((1.0, ...), (1.0, 2.0), "A blank is still empty"),
        (np.array([1.0, ...]), [1.0, 2.0], "A blank is still empty"),
    ],
)
def test_other_wrong_results_are_described(run, capsys, result, right, why):
    with pytest.raises(SystemExit):
        importlib.import_module("checks").check("a check", lambda: result, right)
    assert why in capsys.readouterr().out


def test_a_ratio_of_single_numbers_is_named_only_if_it_is_whole(run):
    difference = importlib.import_module("differences").difference
    assert "times" in difference(8.0, 2.0)
    for result in (3.0, 2.1, 0.0, 1e-8, 2e10):
        assert "times" not in difference(result, 2.0)


def test_a_result_may_be_a_tensor_or_have_another_dtype(run, capsys):
    for result in (tg.Tensor([1.0, 2.0]), [1, 2], np.array([1, 2], np.float32), (1.0 + 1e-8, 2.0)):
        importlib.import_module("checks").check("a check", lambda result=result: result, [1.0, 2.0])
    assert capsys.readouterr().out == "right: a check\n" * 4


def test_an_exercise_and_its_solution_run_as_programs():
    env = {**os.environ, "PYTHONPATH": str(EXERCISES.parents[1])}
    for program, code in (["four_steps.py"], 1), (["solutions", "four_steps"], 0):
        command = [sys.executable, EXERCISES / program[0], *program[1:]]
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (code, "")
    assert "return pace * extra + 36" in done.stdout
    assert "All checks are right." in done.stdout
    for names in [], ["four"]:
        command = [sys.executable, EXERCISES / "solutions", *names]
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
        assert done.stderr.startswith("Which exercise? It is one of batch_vs_stochastic, curvature, ")
