"""Runs a program eagerly and jitted, each time with state of its own, and compares what a user would look at.

A program is a function of J, which is `lambda f: f` or `tg.jit`. It makes all of its state, and returns what a user
would look at. JitError passes, except in the programs that are marked `works`.
"""

import dataclasses
import functools
import json
import os
import signal
import types
import warnings

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu.jit import JitError
from tinygrad_edu.jit.native import compiler

ATTACKS = {}
MUST_WORK = set()


def attack(f=None, *, works=False):
    if f is None:
        return functools.partial(attack, works=works)
    assert f.__name__ not in ATTACKS, f.__name__
    ATTACKS[f.__name__] = f
    if works:
        MUST_WORK.add(f.__name__)
    return f


works = functools.partial(attack, works=True)
X = np.arange(1.0, 4.0)
RNG = np.random.default_rng(0)
XX = np.random.default_rng(0).uniform(-1, 1, (20, 3))
TT = np.sin(XX[:, :1]) - XX[:, 1:2]


class Cfg:
    def __init__(self, **kw):
        self.__dict__.update(kw)


# Comparison


def seen(v):
    """Return what a user sees of v, with arrays copied."""
    if type(v).__name__ == "Traced":
        return "LEAK: a Traced array of the recording"
    if isinstance(v, tg.Tensor):
        return (type(v).__name__, seen(v.data))
    if isinstance(v, np.ndarray):
        return v.copy()
    if isinstance(v, (list, tuple)):
        return (type(v).__name__, [seen(a) for a in v])
    if isinstance(v, dict):
        return (type(v).__name__, {k: seen(a) for k, a in v.items()})
    if dataclasses.is_dataclass(v) and not isinstance(v, type):
        return (type(v).__name__, {k: seen(a) for k, a in vars(v).items()})
    if isinstance(v, types.SimpleNamespace):
        return ("namespace", {k: seen(a) for k, a in vars(v).items()})
    return v


def differ(a, b, at="", rtol=1e-9):
    """Return the first difference between a (eager) and b (jitted), or None."""
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
        if len(a) != len(b):
            return f"{at}: {len(a)} things, not {len(b)}"
        return next((d for i, (p, q) in enumerate(zip(a, b)) if (d := differ(p, q, f"{at}[{i}]", rtol))), None)
    if isinstance(a, dict) and isinstance(b, dict):
        if list(a) != list(b):
            return f"{at}: keys {list(a)}, not {list(b)}"
        return next((d for k in a if (d := differ(a[k], b[k], f"{at}[{k!r}]", rtol))), None)
    if isinstance(a, (np.ndarray, np.generic, float, int)) and isinstance(b, (np.ndarray, np.generic, float, int)):
        if type(a) is not type(b):
            return f"{at}: eager gives a {type(a).__name__} {a!r:.80}, jit a {type(b).__name__} {b!r:.80}"
        if np.shape(a) != np.shape(b) or np.asarray(a).dtype != np.asarray(b).dtype:
            return f"{at}: eager {np.shape(a)} {np.asarray(a).dtype}, jit {np.shape(b)} {np.asarray(b).dtype}"
        if np.asarray(a).dtype.kind not in "fc":
            same = np.array_equal(a, b)
        else:
            tol = max(rtol, {2: 3e-3, 4: 2e-5, 8: 0, 16: 0}.get(np.asarray(a).dtype.itemsize, 0))
            same = np.allclose(a, b, rtol=tol, atol=tol * 1e-2, equal_nan=True)
        return None if same else f"{at}: eager {a!r:.200}, jit {b!r:.200}"
    if type(a) is not type(b):
        return f"{at}: eager gives a {type(a).__name__} {a!r:.80}, jit a {type(b).__name__} {b!r:.80}"
    return None if a == b else f"{at}: eager {a!r:.200}, jit {b!r:.200}"


def judged(name, jit):
    """Return ("same" | "refused" | "silent" | "crash", explanation); the program runs in this process."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = seen(ATTACKS[name](lambda f: f))
        try:
            given = seen(ATTACKS[name](jit))
        except JitError as error:
            return "refused", str(error)
        except Exception as error:
            return "crash", f"{type(error).__name__}: {error}"
    d = differ(expected, given)
    return ("silent", d) if d else ("same", "")


def outcome(name, jit=None, seconds=60):
    """Return the same, or ("hang", ...); the program runs in a fork, so that it cannot break the next one."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        try:
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.alarm(seconds)
            found = judged(name, jit or tg.jit)
        except pytest.skip.Exception as why:
            found = "same", f"skipped: {why}"
        except BaseException as error:
            found = "eager fails", f"{type(error).__name__}: {error}"
        os.write(writing, json.dumps([found[0], found[1][:20_000]]).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as f:
        text = f.read()
    status = os.waitpid(child, 0)[1]
    if not text:
        died = os.WTERMSIG(status) if os.WIFSIGNALED(status) else status
        return ("hang", f"more than {seconds} s") if died == signal.SIGALRM else ("crash", f"the process died: {died}")
    return tuple(json.loads(text))


def serve(backend):
    """Write the outcome of each program that a line of standard input names; prints of programs go to stderr."""
    lines, answers = os.fdopen(os.dup(0), encoding="utf-8"), os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    load = compiler.load
    compiler.load = lambda source, level=0: load(source, level)  # compile fast
    for line in lines:
        found = outcome(line.strip(), functools.partial(tg.jit, backend=backend))
        print(json.dumps(found), file=answers, flush=True)
