"""`python -m tinygrad_edu` prints the versions, the optional programs and packages found, and how to get the others."""

import platform
import shutil
import sys
from importlib.metadata import PackageNotFoundError, version

import numpy as np

from . import __version__
from .jit.native import compiler

OPTIONAL = (  # a package, its purpose, and the command that installs it
    ("pygraphviz", "lays out graph pictures", 'pip install "tinygrad-edu[draw]"'),
    ("matplotlib", "plots", 'pip install "tinygrad-edu[plot]"'),
    ("tqdm", "progress bars", 'pip install "tinygrad-edu[train]"'),
    ("scipy", "special functions, tg.stats, tg.signal", 'pip install "tinygrad-edu[scipy]"'),
    ("safetensors", "weights in PyTorch's safe format", 'pip install "tinygrad-edu[safetensors]"'),
    ("ziglang", "a C compiler, where there is no other", 'pip install "tinygrad-edu[native]"'),
    ("mpi4py", "training on several machines", 'pip install "tinygrad-edu[distributed]"'),
)
PROGRAMS = (  # names of a program, its purpose, and how to install it
    (("dot",), "lays out graph pictures faster", "install Graphviz from graphviz.org, or use pygraphviz"),
    (("mpiexec", "mpirun"), "starts programs under MPI", "pip install mpich; a cluster has its own"),
)


def report() -> str:
    """Return a table with a line for each optional package and program: its version or path, or how to install it."""
    system = f"{platform.system()} {platform.machine()}"
    lines = [f"tinygrad_edu {__version__}, NumPy {np.__version__}, Python {platform.python_version()}, {system}", ""]
    for name, purpose, remedy in OPTIONAL:
        try:
            found, remedy = version(name), ""
        except PackageNotFoundError:
            found = ""
        lines.append(_line(name, found, purpose, remedy))
    for names, purpose, remedy in PROGRAMS:
        path = next(filter(None, map(shutil.which, names)), None)
        lines.append(_line(names[0], path and "on PATH", purpose, path or remedy))
    cc = compiler.find()
    remedy = "on Windows steps run as NumPy" if sys.platform == "win32" else compiler.REMEDY
    lines.append(_line("cc", cc and "found", "compiles recorded steps", " ".join(cc.command) if cc else remedy))
    return "\n".join(lines)


def _line(name: str, found: str | None, purpose: str, detail: str) -> str:
    return f"{name:12} {found or 'missing':10} {purpose:40} {detail}".rstrip()


if __name__ == "__main__":
    print(report())
