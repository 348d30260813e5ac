"""The fixture `lesson`: `lesson(name)` runs examples/<name>.py once in a new folder and returns its variables."""

import functools
import runpy
import shutil
import sys
import warnings
from io import StringIO
from pathlib import Path

import pytest
from checks import CODE_PAGES

EXAMPLES = Path(__file__).parents[2] / "examples"


class Pipe(StringIO):
    """A pipe on any Windows, where a character that the code page lacks is an error."""

    def write(self, text):
        for page in CODE_PAGES:
            text.encode(page)
        return super().write(text)


@pytest.fixture(scope="session")
def lesson(tmp_path_factory):
    """Return a function that runs a lesson and returns its variables; `OUTPUT` is the folder of its pictures."""
    pytest.importorskip("matplotlib")

    @functools.cache
    def run(name):
        folder = tmp_path_factory.mktemp(name)
        for program in EXAMPLES.glob("*.py"):  # copy all, because one may import another
            shutil.copy(program, folder)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "argv", [f"{name}.py"])
            patch.syspath_prepend(folder)
            patch.setattr(sys, "stdout", Pipe())
            # Collected, and errors only at the end: where a warning is an exception, each replay of jit saves all state
            with warnings.catch_warnings(record=True) as given:
                warnings.simplefilter("always")
                warnings.filterwarnings("ignore", "Module globals is missing", DeprecationWarning)  # of runpy
                variables = runpy.run_path(str(folder / f"{name}.py"), run_name="__main__")
        assert not given, f"{name} warns: {given[0].message}"
        return variables

    return run
