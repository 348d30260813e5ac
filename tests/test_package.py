"""The package as a whole: what an import loads, which names are public, and that docstring examples run."""

import doctest
import importlib
import os
import pkgutil
import platform
import re
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import PackageNotFoundError
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import __main__ as program
from tinygrad_edu.jit.native import compiler

MODULES = [m.name for m in pkgutil.walk_packages(tg.__path__, "tinygrad_edu.")]


def modules_after(statement):
    code = f"import sys; {statement}; print(*sys.modules)"
    return set(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split())


def test_an_import_brings_numpy_and_nothing_heavy():
    brought = modules_after("import tinygrad_edu") - modules_after("import numpy")
    heavy = {"matplotlib", "pygraphviz", "graphviz", "tqdm", "pandas", "sklearn", "numpy.random", "inspect", "zipfile"}
    assert not brought & (heavy | {"tempfile", "subprocess", "shutil", "html", "string", "dataclasses"})
    assert not {m for m in brought if m.startswith("tinygrad_edu.") and not m.startswith("tinygrad_edu.engine")}


@pytest.mark.parametrize("name", ["tinygrad_edu", *MODULES])
def test_docstrings_teach_what_is_true(name):
    module = importlib.import_module(name)
    assert module.__doc__
    assert doctest.testmod(module, extraglobs={"np": np, "tg": tg}).failed == 0


@pytest.mark.parametrize(
    ("without", "asks"),
    [
        (["viz"], "tg.plot"),
        (["jit", "trace"], "tg.fit(model, tg.mse_loss, data, **options, jit=True)"),
        (["anomaly.py"], "tg.fit(model, tg.mse_loss, data, **options, detect_anomaly=True)"),
    ],
)
def test_training_works_without_the_layers_above_it_until_someone_asks_for_them(tmp_path, without, asks):
    shutil.copytree(tg.__path__[0], tmp_path / "tinygrad_edu", ignore=shutil.ignore_patterns(*without))
    code = f"""
import sys
sys.meta_path[:] = [f for f in sys.meta_path if "Editable" not in str(f)]  # it would find them in the source
import numpy as np, tinygrad_edu as tg
model, data = tg.nn.Linear(1, 1, rng=0), (np.ones((3, 1)), np.ones((3, 1)))
options = {{"optimizer": tg.optim.Adam(model.parameters()), "epochs": 2, "progress": False}}
assert len(tg.fit(model, tg.mse_loss, data, **options)) == 2
assert tg.evaluate(model, data, loss=tg.mse_loss)
try:
    {asks}
except ModuleNotFoundError as error:
    print(error.name)
"""
    command, env = [sys.executable, "-c", code], os.environ | {"PYTHONPATH": str(tmp_path)}
    result = subprocess.run(command, capture_output=True, text=True, env=env, cwd=tmp_path, check=False)
    assert result.stdout.strip() == f"tinygrad_edu.{without[0].removesuffix('.py')}", result.stderr


def test_every_public_name_is_there():
    assert [n for n in tg.__all__ if getattr(tg, n, tg.functions) is tg.functions] == []


def test_layers_are_imported_when_they_are_first_used():
    assert "tinygrad_edu.nn" not in modules_after("import tinygrad_edu")
    assert "tinygrad_edu.nn" in modules_after("import tinygrad_edu; tinygrad_edu.nn.Linear")
    assert "tinygrad_edu.functions" in modules_after(
        "import tinygrad_edu; tinygrad_edu.transforms; tinygrad_edu.functions"
    )
    with pytest.raises(AttributeError, match="module 'tinygrad_edu' has no attribute 'nothing'"):
        tg.nothing  # noqa: B018
    assert set(tg.__all__) <= set(dir(tg))


def test_the_module_as_a_program_prints_what_is_there_and_how_to_get_the_rest():
    command = [sys.executable, "-m", "tinygrad_edu"]
    run = subprocess.run(
        command, capture_output=True, encoding="utf-8", env=os.environ | {"PATH": "", "CC": ""}, check=True
    )
    first, _, *lines = run.stdout.splitlines()
    assert first.startswith(
        f"tinygrad_edu {tg.__version__}, NumPy {np.__version__}, Python {platform.python_version()}"
    )
    named = ["pygraphviz", "matplotlib", "tqdm", "scipy", "safetensors", "ziglang", "mpi4py", "dot", "mpiexec", "cc"]
    assert [line.split()[0] for line in lines] == named
    assert all(line.split()[1] == "missing" for line in lines[7:9])
    assert ("install Graphviz" in lines[7], "pip install mpich" in lines[8]) == (True, True)
    assert find_spec("ziglang") or lines[9].endswith(
        "set CC to a C compiler, install gcc or clang, or `pip install ziglang`"
    )


def test_the_report_has_versions_paths_and_remedies_that_are_extras(monkeypatch):
    def version(name):
        if name in ("tqdm", "scipy"):
            raise PackageNotFoundError(name)
        return "1.2.3"

    monkeypatch.setattr(program, "version", version)
    monkeypatch.setattr("shutil.which", lambda name: "/bin/mpirun" if name == "mpirun" else None)
    monkeypatch.setattr(compiler, "find", lambda: compiler.Compiler(("/bin/clang", "-m64"), "clang 17"))
    lines = {line.split()[0]: line for line in program.report().splitlines()[2:]}
    assert " missing " in lines["tqdm"]
    assert lines["tqdm"].endswith('pip install "tinygrad-edu[train]"')
    assert lines["matplotlib"].split() == ["matplotlib", "1.2.3", "plots"]
    assert lines["mpiexec"].endswith("/bin/mpirun")
    assert lines["cc"].endswith("/bin/clang -m64")
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text("utf-8"))["project"]
    for name, _, remedy in program.OPTIONAL:
        for extra in re.findall(r"\[(\w+)\]", remedy):
            assert any(needed.startswith(name) for needed in project["optional-dependencies"][extra])


@pytest.mark.parametrize(
    ("file", "has_folder"), [('"elsewhere" + self.path', True), ('self.path.rpartition("tinygrad_edu")[2][1:]', False)]
)
def test_errors_name_the_users_line_where_the_library_was_compiled_elsewhere(tmp_path, file, has_folder):
    """Programs of PyInstaller, and folders of .pyc files alone, hold code that names the files of another place."""
    (tmp_path / "program.py").write_text(
        """
import sys
from importlib.machinery import PathFinder, SourceFileLoader

class Elsewhere(SourceFileLoader):
    def get_code(self, name):
        return compile(self.get_source(name), FILE, "exec")

class Finder:
    def find_spec(name, path=None, target=None):
        spec = PathFinder.find_spec(name, path)
        if spec and name.startswith("tinygrad_edu"):
            spec.loader = Elsewhere(name, spec.origin)
        return spec

sys.meta_path.insert(0, Finder)
import numpy as np, tinygrad_edu as tg
sgd = tg.optim.SGD([w := tg.Tensor([1.0, 2.0], label="w")], lr=0.1)
step = tg.jit(lambda x: sgd.minimize(np.sum(w * x)))
step(np.ones(2))
print(step.source)
tg.jit(lambda x: x if x > 0 else -x)(tg.Tensor(1.0))
""".replace("FILE", file),
        "utf-8",
    )
    env = os.environ | {"PYTHONPATH": os.path.dirname(tg.__path__[0])}
    run = subprocess.run([sys.executable, "program.py"], capture_output=True, text=True, env=env, cwd=tmp_path)
    assert "w -= lr * x" in run.stdout, run.stderr
    found = ("program.py:19  step = " in run.stdout, "# update" in run.stdout)
    assert found == (has_folder, has_folder), run.stdout
    line = r"program\.py:22" if has_folder else r"traced\.py:\d+"
    assert re.search(rf"JitError: jit\(.*{line}: the truth of a recorded value", run.stderr), run.stderr
