"""Imports run one way through the layers, and the engine is complete in itself."""

import ast
import functools
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import tinygrad_edu

PACKAGE = Path(tinygrad_edu.__file__).parent
LAYERS = [
    "engine.rules",
    "engine.signatures",
    "engine.habits",
    "engine.conjugation",
    "engine.errors",
    "engine.arguments",
    "engine.threads",
    "engine.memory",
    "engine.mode",
    "engine.hooks",
    "engine.backward",
    "engine.kinks",
    "engine.passes",
    "engine.growth",
    "engine.tape",
    "engine.spans",
    "engine.pickling",
    "engine.arrays",
    "engine.concatenators",
    "engine.conversions",
    "engine.inplace",
    "engine.apply",
    "engine.dispatch",
    "engine.methods",
    "engine.declared",
    "engine.reprs",
    "engine.value",
    "engine.tensor",
    "engine",
    "transforms",
    "functions",
    "special",
    "stats",
    "linalg",
    "signal",
    "integrate",
    "check",
    "stores",
    "state",
    "layers",
    "figure",
    "nn",
    "optim",
    "data",
    "train",
    "distributed",
    "trace",
    "jit",
    "viz",
    "anomaly",
    "tinygrad_edu",
    "__main__",
]  # from the ground up; a module imports only from layers before its own


def modules():
    """{dotted name: path} of every module of the package; packages by their own names."""
    paths = {".".join(p.relative_to(PACKAGE.parent).with_suffix("").parts): p for p in sorted(PACKAGE.rglob("*.py"))}
    return {name.removesuffix(".__init__"): path for name, path in paths.items()}


KNOWN = modules()


def imports(name):
    """The modules of the package that one imports: at the top, inside functions and under TYPE_CHECKING."""
    path = KNOWN[name]
    package = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            base = [*base, *([node.module] if node.module else [])]
            for alias in node.names:
                target = ".".join([*base, alias.name])
                yield target if target in KNOWN else ".".join(base)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


IMPORTING = [name for name in KNOWN if name != "tinygrad_edu"]  # which re-exports


@functools.cache
def targets(name):
    """The other modules of the package that one imports, in order."""
    return sorted({target for target in imports(name) if target in KNOWN} - {name})


def layer(name):
    """The place of a module's layer, by the longest name in LAYERS that it begins with."""
    inner = name.removeprefix("tinygrad_edu.") + "."
    found = [known for known in LAYERS if inner.startswith(known + ".")]
    return LAYERS.index(max(found, key=len))


@pytest.mark.parametrize("name", IMPORTING)
def test_a_module_imports_only_from_its_own_layer_and_those_before_it(name):
    assert [target for target in targets(name) if layer(target) > layer(name)] == []


def test_no_modules_import_each_other_in_a_circle():
    # A package's __init__ imports its modules, so it is not an arrow from a module of its own.
    left = {name: {t for t in targets(name) if not name.startswith(t + ".")} for name in IMPORTING}
    while free := [name for name, others in left.items() if not others & left.keys()]:
        for name in free:
            del left[name]
    assert left == {}


USE = """
import numpy as np
from alone.engine import Tensor, Value, no_grad
from alone.engine.backward import leaves
from alone.engine.passes import reverse_pass, RECORDED
from alone.engine.tape import constant

x = Tensor([[1.0, 2.0], [3.0, 4.0]], label="x")
y = np.sum(np.tanh(x @ x) * x[0])
y.backward()
assert x.grad.shape == (2, 2)
v = Value(2.0, label="v")
((v * v).exp() / v).backward()
third = v**3
for expected in (12.0, 12.0, 6.0):
    ((_, third),) = reverse_pass(third, constant(Value, 1.0), leaves, RECORDED)
    assert third.data == expected
with no_grad():
    assert not (x + 1).requires_grad
print(x.sum(), v, x._repr_html_()[:14])
try:
    x @ np.ones(3)
except ValueError as error:
    print(error)
assert not [m for m in __import__("sys").modules if m.startswith("tinygrad_edu")]
"""


def test_the_engine_copied_alone_into_an_empty_package_computes_differentiates_and_prints(tmp_path):
    shutil.copytree(PACKAGE / "engine", tmp_path / "alone" / "engine", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "alone" / "__init__.py").touch()
    run = subprocess.run([sys.executable, "-W", "error", "-c", USE], cwd=tmp_path, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    printed, error = run.stdout.splitlines()
    assert printed.startswith("Tensor(10., fun=np.sum) Value(data=2.0, grad=")
    assert printed.endswith("label='v') <b>Tensor</b> ")
    assert "np.matmul(x of shape (2, 2), array of shape (3,))" in error
