"""`lesson(name)` runs examples/<name>.py once, in a folder of its own, and gives its variables by name."""

import functools
import runpy
import shutil
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(scope="session")
def lesson(tmp_path_factory):
    """Its variables, `OUTPUT` (the folder of its pictures) among them."""
    pytest.importorskip("matplotlib")

    @functools.cache
    def run(name):
        folder = tmp_path_factory.mktemp(name)
        for program in EXAMPLES.glob("*.py"):  # all: one may import another
            shutil.copy(program, folder)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "argv", [f"{name}.py"])
            patch.syspath_prepend(folder)
            return runpy.run_path(str(folder / f"{name}.py"), run_name="__main__")

    return run
