"""What differs from system to system: encodings of files and consoles, and calls that only POSIX has."""

import ast
import functools
import re
import subprocess
import sys
from pathlib import Path

import pytest
from checks import CODE_PAGES

ROOT = Path(__file__).parents[1]
FILES = [path for folder in ("tinygrad_edu", "examples", "tests") for path in sorted((ROOT / folder).rglob("*.py"))]
TEXT = {"read_text": 1, "write_text": 2}  # names, and the number of arguments with which the last is the encoding
OPENS = {"open", "fdopen", "NamedTemporaryFile", "TemporaryFile"}
POSIX = {
    "SIGALRM", "SIGKILL", "alarm", "chown", "fchmod", "fchown", "fork", "forkpty", "getegid", "geteuid", "getgid",
    "getloadavg", "getuid", "killpg", "mkfifo", "nice", "pread", "pwrite", "register_at_fork", "sched_getaffinity",
    "setitimer", "setsid", "statvfs", "sysconf", "wait3", "wait4",
}  # fmt: skip
POSIX_MODULES = {"fcntl", "resource", "pwd", "termios"}
WINDOWS = r"if sys.platform == 'win32':\n    (return|raise)\b"
FOR_POSIX_ALONE = {"tests/mutation/run.py", "tests/jit_attacks/harness.py", "tests/mpi/train.py", "tests/test_mpi.py"}
# tools that say so, or tests that are skipped on Windows


@functools.cache
def source(path):
    return path.read_text("utf-8")


def nodes(path):
    return list(ast.walk(ast.parse(source(path))))


def files_with(words):
    """Return the files that hold one of these words: to parse all others takes seconds, and finds nothing."""
    pattern = re.compile(rf"\b({'|'.join(words)})\b")
    return [path for path in FILES if pattern.search(source(path))]


def calls(path):
    for node in nodes(path):
        if isinstance(node, ast.Call):
            yield node, node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")


def uses_the_systems_encoding(call, name):
    """Tell whether a call opens a text file and names no encoding."""
    if any(keyword.arg == "encoding" for keyword in call.keywords):
        return False
    if name in TEXT:
        return len(call.args) < TEXT[name]
    if name == "open" and isinstance(call.func, ast.Attribute):  # Path.open, and not Image.open or ZipFile.open
        return any(isinstance(a, ast.Constant) and a.value in ("r", "w", "a", "x") for a in call.args[:1])
    if name not in OPENS:
        return False
    given = [k.value for k in call.keywords if k.arg == "mode"] or call.args[1:2] * ("Temp" not in name)
    mode = given[0].value if given else "w+b" if "Temp" in name else "r"
    return "b" not in mode


def test_text_files_are_read_and_written_in_utf_8():
    assert [
        f"{path.relative_to(ROOT)}:{call.lineno}"
        for path in files_with({*TEXT, *OPENS})
        for call, name in calls(path)
        if uses_the_systems_encoding(call, name)
    ] == []


def test_what_programs_print_is_read_in_an_encoding_that_is_named():
    for path in files_with({"text"}):
        if not path.is_relative_to(ROOT / "tests"):
            for call, name in calls(path):
                given = {keyword.arg for keyword in call.keywords}
                assert name not in ("run", "Popen") or "text" not in given or "encoding" in given, path


def is_plain_ascii(text):
    """Return whether a text has no other character, not even an escaped one."""
    return text.isascii() and not re.search(r"\\[uUNx]", text)


def test_no_text_is_written_for_utf_8_consoles_alone():
    """Titles in pictures may hold any character; what is printed may go to a file or a pipe."""
    drawn = {"tinygrad_edu/viz/labels.py", "tinygrad_edu/viz/plot.py"}
    for path in FILES:
        name = path.relative_to(ROOT).as_posix()
        if not name.startswith(("tinygrad_edu/", "examples/")) or name in drawn or is_plain_ascii(source(path)):
            continue
        for call, function in calls(path):
            if function in ("print", "write") or function.endswith("Error"):
                for page in ["cp1252"] if function.endswith("Error") else CODE_PAGES:
                    ast.unparse(call).encode(page)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("open(p)", True), ("open(p, 'w')", True), ("open(p, mode='a')", True), ("open(p, 'rb')", False),
        ("open(p, encoding='utf-8')", False), ("p.read_text()", True), ("p.read_text('utf-8')", False),
        ("p.write_text(s)", True), ("p.write_text(s, 'utf-8')", False), ("p.open('w')", True),
        ("p.open('rb')", False), ("Image.open(p)", False), ("os.fdopen(f)", True), ("os.fdopen(f, 'rb')", False),
        ("NamedTemporaryFile()", False), ("NamedTemporaryFile(mode='w')", True),
    ],
)  # fmt: skip
def test_the_search_tells_text_from_bytes(tmp_path, code, expected):
    (tmp_path / "a.py").write_text(code, "utf-8")
    assert [uses_the_systems_encoding(*found) for found in calls(tmp_path / "a.py")] == [expected]


def posix_calls(path):
    """Yield the lines that use a name of POSIX without a check: `if hasattr(...)`, or an earlier return on Windows."""
    guarded, found = set(), nodes(path)
    for node in found:
        test = node.values[0] if isinstance(node, ast.BoolOp) else getattr(node, "test", None)
        if test and not isinstance(node, ast.Assert) and "hasattr(" in ast.unparse(test):
            guarded |= {id(inner) for inner in ast.walk(node)}
        elif isinstance(node, ast.FunctionDef):
            on_windows = [n for n, line in enumerate(node.body) if re.match(WINDOWS, ast.unparse(line))]
            guarded |= {id(inner) for n in on_windows for line in node.body[n:] for inner in ast.walk(line)}
    for node in found:
        if isinstance(node, ast.Attribute) and node.attr in POSIX and id(node) not in guarded:
            if isinstance(node.value, ast.Name) and node.value.id in ("os", "signal"):
                yield f"{path.relative_to(ROOT).as_posix()}:{node.lineno}"
        elif isinstance(node, ast.Import) and {a.name for a in node.names} & POSIX_MODULES:
            yield f"{path.relative_to(ROOT).as_posix()}:{node.lineno}"


def test_what_only_posix_has_is_used_where_it_is_there():
    found = {line for path in files_with({*POSIX, *POSIX_MODULES}) for line in posix_calls(path)}
    assert {line for line in found if line.partition(":")[0] not in FOR_POSIX_ALONE} == set()
    assert {line.partition(":")[0] for line in found} == FOR_POSIX_ALONE


def test_the_package_runs_without_the_names_of_posix():
    missing = "import os, signal; [delattr(m, n) for m in (os, signal) for n in {names!r} if hasattr(m, n)]"
    code = f"""
{missing.format(names=sorted(POSIX))}
if hasattr(os, "process_cpu_count"):  # which asks sched_getaffinity, if Python was built with it
    os.process_cpu_count = os.cpu_count
import numpy as np, tinygrad_edu as tg
x = tg.Tensor(np.linspace(0, 1, 200_000))
np.sum(np.sin(x)).backward()
f = tg.jit(lambda w: np.sum(w * w))
print(f(x).item() == f(x).item(), x.grad[0])
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (run.stdout, run.stderr) == ("True 1.0\n", "")
