"""Programs as users write them: jitted they give the numbers and the changes of the eager function, or JitError.

The programs are in `jit_attacks/`. Each runs in its own process, once eagerly and once jitted.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import jit_attacks
import pytest
from jit_attacks.harness import ATTACKS, MUST_WORK
from jit_attacks.scripts import SCRIPTS, alone

from tinygrad_edu.jit.native import compiler

# Frozen by the contract: name of the program -> the sentence of the README that says so.
FROZEN = {
    "attribute_read_by_an_installed_class": "what the functions of other libraries use",
}

# Expected to differ: a replay returns the same value in another form, or the program changes code.
DISPUTABLE = {
    "code_replaced", "default_argument_replaced", "printed_to_stdout", "result_that_is_a_view_of_its_argument",
    "result_that_is_a_view_of_a_parameter", "results_take_gradients",
    "jit_of_a_method_of_a_builtin", "memory_mapped_type_of_result", "repr_as_key",
    "fstring_plain",
}  # fmt: skip


def test_every_file_of_programs_is_listed():
    files = {path.stem for path in Path(jit_attacks.__file__).parent.glob("*.py")}
    assert files == {*jit_attacks.__all__, "__init__", "harness", "scripts"}


def test_lists_name_programs():
    assert {*FROZEN, *DISPUTABLE} <= {*ATTACKS, *SCRIPTS}
    assert len(FROZEN) <= 45


def test_the_readme_says_what_is_frozen():
    readme = " ".join((Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8").split())
    frozen = readme[readme.index("*Frozen*") : readme.index("*Compared*")]
    assert all(sentence in frozen for sentence in FROZEN.values())


@pytest.fixture(scope="module")
def outcome(request):
    """Return a function of a program's name. A small process forks itself for each: pytest's own takes far longer."""
    given = f"import jit_attacks.harness; jit_attacks.harness.serve({request.param!r})"
    command = [sys.executable, "-W", "ignore", "-c", given]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, env=env, text=True) as server:

        def ask(name):
            print(name, file=server.stdin, flush=True)
            return json.loads(server.stdout.readline())

        yield ask
        server.stdin.close()


def judge(name, outcome):
    """Fail unless a program does the same when it is jitted, or raises JitError, or its difference is documented."""
    kind, words = outcome(name)
    if name in DISPUTABLE and kind in ("silent", "crash"):
        pytest.xfail(words)
    if name in FROZEN:
        assert kind == "silent", f"not frozen: take it out of FROZEN; {kind} {words}"
        pytest.xfail(FROZEN[name])
    assert kind != "silent", f"silently wrong: {words}"
    assert kind not in ("crash", "hang", "eager fails"), f"neither the same nor JitError: {words}"
    assert kind == "same" or name not in MUST_WORK, f"refused: {words}"


FORKS = pytest.mark.skipif(not hasattr(os, "fork"), reason="runs the programs in forked processes")


@FORKS
@pytest.mark.parametrize("outcome", ["numpy"], indirect=True)
@pytest.mark.parametrize("name", list(ATTACKS))
def test_attack(name, outcome):
    judge(name, outcome)


@FORKS
@pytest.mark.skipif(compiler.find() is None, reason="needs a C compiler")
@pytest.mark.parametrize("outcome", ["c"], indirect=True)
@pytest.mark.parametrize("name", list(ATTACKS)[::25])  # `every_rule_in_c.py` has them all
def test_attack_in_c(name, outcome):
    judge(name, outcome)


@pytest.mark.parametrize("name", [name for name in SCRIPTS if hasattr(os, "fork") or "os.fork" not in SCRIPTS[name]])
def test_script(name):
    try:
        assert alone(SCRIPTS[name], 120) == "ok"
    except subprocess.TimeoutExpired:
        pytest.fail("hangs")
