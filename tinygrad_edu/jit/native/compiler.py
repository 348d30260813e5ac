"""Turning C into a loaded library, with a compiler that is found on this machine.

`load(source)` returns a `ctypes.CDLL`, whose attributes are the functions of the source:

    >>> import ctypes
    >>> import numpy as np
    >>> x = np.array([1.0, 2.0, 3.0])
    >>> if find():
    ...     twice = load("void twice(double *x) { for (int i = 0; i < 3; i++) x[i] *= 2; }").twice
    ...     twice.argtypes, twice.restype = [ctypes.c_void_p], None
    ...     twice(x.ctypes.data)
    ... else:
    ...     x *= 2
    >>> x
    array([2., 4., 6.])

A replay does not call a stretch in this way, but as a built-in method, which takes less time (`binding`).

Floating point is strict: no -ffast-math, and no contraction of a * b + c to one rounding, which would make
a * b - a * b other than zero. Only elementary functions and products of matrices ask for one rounding, as `fma`.
On 32-bit x86 -mfpmath=sse rounds each result, where the default keeps 80 bits; with gnu11 floats stay floats on IBM Z.
-fno-math-errno and -fno-trapping-math change no result; without them no square root and no selection becomes a vector
instruction.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import os
import platform
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from . import cache

NAMES = ("cc", "gcc", "clang")
NATIVE = "-mcpu=native" if platform.machine().startswith(("arm", "aarch64", "ppc")) else "-march=native"
FLAGS = (
    "-std=gnu11", "-shared", "-fPIC", "-pthread", NATIVE, "-ffp-contract=off", "-fno-math-errno",
    "-fno-trapping-math", "-fopenmp-simd", "-fwrapv", "-w",
    *["-mfpmath=sse"] * (platform.machine() in ("x86_64", "amd64", "i386", "i686")),
)  # fmt: skip
LONG = 400_000  # characters; a longer source is compiled with little optimization, as time grows faster than length
REMEDY = "set CC to a C compiler, install gcc or clang, or `pip install ziglang`"


class CompilerError(RuntimeError):
    """Raised where no C compiler is found, and where it fails; the message names the remedy or the compiler's own."""


class Compiler(NamedTuple):
    """A C compiler: the words that its command begins with, and the name of its version."""

    command: tuple[str, ...]
    version: str


def find() -> Compiler | None:
    """Return the C compiler: $CC, else cc, gcc or clang on the PATH, else the package ziglang; None without one."""
    return _find(os.environ.get("CC", ""), os.environ.get("PATH", ""))


@functools.cache
def _find(chosen: str, path: str) -> Compiler | None:
    import shlex
    import shutil

    if sys.platform == "win32":
        return None
    try:
        words = [chosen] if shutil.which(chosen, path=path) else shlex.split(chosen)  # a path may have spaces
        commands = [words] if words else [[name] for name in NAMES]
    except ValueError:  # a quotation mark that nothing closes
        return None
    for first, *rest in commands:
        found = shutil.which(first, path=path)
        command = [os.path.abspath(found), *rest] if found and not _is_placeholder(found) else []
        version = _output([*command, "--version"]) if command else ""
        if version:
            return Compiler(tuple(command), version)
    if not chosen.strip() and find_spec("ziglang"):
        from importlib.metadata import version as installed  # to ask zig itself takes 0.1 seconds

        return Compiler((sys.executable, "-m", "ziglang", "cc"), f"ziglang {installed('ziglang')}")
    return None


def _is_placeholder(path: str) -> bool:
    """Return whether a program of macOS only opens a window that offers to install the compiler."""
    tools = ("/Library/Developer/CommandLineTools", "/Applications/Xcode.app")
    return sys.platform == "darwin" and path.startswith("/usr/bin/") and not any(map(os.path.exists, tools))


def _output(command: list[str]) -> str:
    """Return what a program prints, or an empty text if it fails."""
    import subprocess

    try:
        run = subprocess.run(command, capture_output=True, encoding="locale", errors="replace", check=False)
    except OSError:
        return ""
    return run.stdout if run.returncode == 0 else ""


def required() -> Compiler:
    """Return the C compiler; raises CompilerError, which says how to get one, without one."""
    compiler = find()
    if compiler is None:
        raise CompilerError(_missing())
    return compiler


def load(source: str, level: int | None = None) -> ctypes.CDLL:
    """Return the library of a C source: from this process, from the cache on disk, or compiled.

    `level` is the level of optimization, 0 to 3; without it 3, and 1 for a long source. The functions of the source
    that are not static are the library's attributes. A library stays loaded until the process ends.

    Raises CompilerError if there is no compiler, and with the compiler's first messages if it fails.
    """
    return _load(source, (1 if len(source) > LONG else 3) if level is None else level, required())


@functools.cache
def _load(source: str, level: int, compiler: Compiler) -> ctypes.CDLL:
    key = _key(source, level, compiler)
    folder, problem = cache.ready()
    file = None if problem else cache.find(folder, key)
    if file is not None:
        try:
            library = ctypes.CDLL(str(file))
        except OSError:
            pass  # deleted since, or the folder's disk forbids programs
        else:
            cache.count(hit=True)
            return library
    cache.count(hit=False)
    try:
        return _compiled(source, level, compiler, None if problem else folder, key)
    except OSError as error:  # the compiler is gone, what it made is for another processor, or there is no room
        raise CompilerError(f"{' '.join(compiler.command)} failed: {error}") from error


def _compiled(source: str, level: int, compiler: Compiler, folder: Path | None, key: str) -> ctypes.CDLL:
    """Compile in a new folder that only this user can open, keep the library if there is a cache, and load it."""
    import subprocess
    from tempfile import TemporaryDirectory

    with TemporaryDirectory(prefix="tinygrad_edu-") as scratch:
        made = Path(scratch, "step" + cache.SUFFIX)
        Path(scratch, "step.c").write_text(source, encoding="utf-8")
        command = [*compiler.command, f"-O{level}", *FLAGS, *_extra(compiler, source), "step.c", "-o", made.name, "-lm"]
        run = subprocess.run(command, cwd=scratch, capture_output=True, encoding="locale", errors="replace")
        if run.returncode or not made.exists():
            raise CompilerError(f"{' '.join(compiler.command)} failed: {run.stderr.strip()[:500]}")
        if folder is not None:
            try:
                return ctypes.CDLL(str(cache.store(folder, key, made.read_bytes())))
            except OSError:
                pass  # the disk is full, or forbids programs
        return ctypes.CDLL(str(made))


def _key(source: str, level: int, compiler: Compiler) -> str:
    facts = [source, str(level), *FLAGS, *_extra(compiler, source), *compiler.command, compiler.version, _processor()]
    return hashlib.sha256("\0".join(facts).encode()).hexdigest()[:32]


def _extra(compiler: Compiler, source: str) -> tuple[str, ...]:
    """Return the flags of one compiler alone.

    zig checks for undefined behavior unless it is told not to, and gcc takes minutes to find the dead stores of a long
    block; clang knows no such flag. gcc 12 takes (double)(float)x for x where it makes one vector of a few statements,
    as in a loop that it unrolls. It also takes the wrong side of one choice that depends on another, as in a dropout
    before a PReLU, where it computes in advance what both sides need.
    """
    if "ziglang" in compiler.command:
        return ("-fno-sanitize=undefined",)
    if "Free Software Foundation" not in compiler.version:
        return ()
    return ("-fno-dse", "-fno-code-hoisting", *["-fno-tree-slp-vectorize"] * ("(float)" in source))


@functools.cache
def _processor() -> str:
    """Return a text that differs between processors with other instructions; the flag NATIVE compiles for this one."""
    found = platform.machine()
    if sys.platform == "darwin":
        return found + _output(["sysctl", "-n", "machdep.cpu.brand_string"])
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as lines:
            for line in lines:
                if not line.strip():
                    break  # the first processor's lines are enough
                if line.startswith(("model name", "flags", "Features", "CPU ", "isa")):
                    found += line
    except OSError:
        pass
    return found


def _missing() -> str:
    if sys.platform == "win32":
        return 'backend="c" needs Linux or macOS; on Windows leave it out, and the step runs as NumPy'
    if chosen := os.environ.get("CC", "").strip():
        return f"CC is {chosen!r}, which is not a C compiler that runs; {REMEDY}"
    return f'backend="c" found no C compiler ($CC, cc/gcc/clang, ziglang); {REMEDY}'
