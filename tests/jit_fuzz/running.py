"""Runs a program eagerly and jitted, and compares all that a user sees."""

import contextlib
import copy
import functools
import random
import re
import warnings

import numpy as np

import tinygrad_edu as tg
from tinygrad_edu.jit import JitError
from tinygrad_edu.jit.passes import NAMES

PRECISION = {2: 2e-2, 4: 1e-4, 8: 1e-9, 16: 1e-9}


@contextlib.contextmanager
def quiet():
    """Ignore warnings."""
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def seen(v, flags=True):
    """Return what a user sees of v, with arrays copied; Tensors of a result have no graph, and so no flag."""
    if isinstance(v, np.random.Generator):
        return str(v.bit_generator.state)
    if isinstance(v, tg.Tensor):
        return [type(v).__name__, v.requires_grad and flags, seen(v.data), seen(v.grad) if flags else None]
    if isinstance(v, tg.nn.Module):
        return [type(v).__name__, [[n, seen(t)] for n, t in v.tensors().items()], [m.training for m in v.modules()]]
    if isinstance(v, tg.optim.Optimizer):
        return [v.steps, [g.hyperparameters() for g in v.groups], seen(v.state), [seen(p) for p in v.params]]
    if isinstance(v, tg.optim.lr_scheduler.LRScheduler):
        return [v.epoch, v.base_lrs]
    if isinstance(v, (list, tuple)):
        return [type(v).__name__, *[seen(a, flags) for a in v]]
    if isinstance(v, dict):
        return ["dict", *[[k, seen(a, flags)] for k, a in v.items()]]
    return copy.copy(v)


def arrays_of(v):
    """Yield the arrays in a result."""
    if isinstance(v, np.ndarray):
        yield v
    elif isinstance(v, (list, tuple, dict)):
        for a in v.values() if isinstance(v, dict) else v:
            yield from arrays_of(a)


def copied(v):
    """Return the arguments of a call with the arrays copied."""
    if isinstance(v, tuple):
        return tuple(map(copied, v))
    return v.copy("K") if isinstance(v, np.ndarray) else v  # a source is for one order in memory


def scale(v):
    """Return the largest finite absolute value in what was seen."""
    if isinstance(v, list):
        return max(map(scale, v), default=0.0)
    if isinstance(v, (np.ndarray, np.generic, float)) and np.asarray(v).dtype.kind == "f":
        finite = np.abs(np.asarray(v, float))
        return float(np.max(finite, where=np.isfinite(finite), initial=0.0))
    return 0.0


def differ(a, b, least, at=""):
    """Return the first difference between a (eager) and b (jitted), or None; `least` is an absolute tolerance."""
    if isinstance(a, list) and isinstance(b, list):
        if len(a) != len(b):
            return f"{at}: {len(a)} elements, not {len(b)}"
        return next(
            (d for i, (p, q) in enumerate(zip(a, b, strict=True)) if (d := differ(p, q, least, f"{at}[{i}]"))), None
        )
    if isinstance(a, dict) and isinstance(b, dict):
        return differ([*a.items()], [*b.items()], least, at)
    if type(a) is not type(b):
        return f"{at}: eager gives {type(a).__name__} {a!r:.200}, jit {type(b).__name__} {b!r:.200}"
    if isinstance(a, tuple):
        return differ([*a], [*b], least, at)
    if isinstance(a, (np.ndarray, np.generic, float)):
        p, q = np.asarray(a), np.asarray(b)
        if p.shape != q.shape or p.dtype != q.dtype:
            return f"{at}: eager gives {p.shape} {p.dtype}, jit {q.shape} {q.dtype}"
        if p.dtype.kind == "f":
            rtol = PRECISION[p.dtype.itemsize]
            size = np.abs(p[np.isfinite(p)].astype(float))
            atol = rtol * size.max(initial=0.0) + least * (rtol / 1e-9)
            with np.errstate(all="ignore"):
                same = np.allclose(p.astype(float), q.astype(float), rtol=rtol, atol=atol, equal_nan=True)
        else:
            same = np.array_equal(p, q)
        return None if same else f"{at}: eager gives {a!r:.300}, jit {b!r:.300}"
    return None if a == b else f"{at}: eager gives {a!r:.300}, jit {b!r:.300}"


class Run:
    """What one run of a program shows after each call, and how `jit` served it."""

    def __init__(self, text, settings=None):
        self.shown, self.kept, self.refusals, self.settings, self.jitted = [], [], [], settings, []
        self.recorded = []  # functions with the arguments of their recorded calls
        self.error = None
        self.raised = []  # errors of replays
        scope = {"np": np, "tg": tg}
        with quiet():
            exec(compile(text, f"<{text[:20].strip('# ').splitlines()[0]}>", "exec"), scope)
            try:
                scope["program"](self.jit, self.see)
            except Exception as error:
                self.error = error
        self.kept = [seen(v) for v in self.kept]

    def see(self, result, state):
        kept = [*arrays_of(result)]
        self.shown.append([seen(result, flags=False), seen(state), seen(kept)])
        self.kept.append(kept)

    def jit(self, f):
        if self.settings is None:
            return f
        jitted = tg.jit(f, **self.settings)
        self.jitted.append(jitted)

        def call(*args, **kwargs):
            given = copied((*args, *kwargs.values()))
            recorded = jitted.cache_info().misses
            try:
                result = jitted(*args, **kwargs)
            except JitError as error:
                self.refusals.append(str(error))
                return f(*args, **kwargs)
            for recording in jitted._recordings:
                if not isinstance(recording.run, functools.partial):
                    recording.run = functools.partial(self.run, recording.run)
            assert not self.raised, f"a replay failed, and the function did not: {self.raised}"
            if jitted.cache_info().misses > recorded:
                self.recorded.append((f, jitted, given))
            return result

        return call

    def run(self, plan, *args):
        """Run a plan; note an error, which a user does not see."""
        try:
            return plan(*args)
        except Exception as error:
            self.raised.append(error)
            raise

    @property
    def replays(self):
        return sum(j.cache_info().hits for j in self.jitted)


def settings_of(seed):
    """Return the settings of `jit` for this seed: all passes, none, or some; a third without the self-check."""
    kind = seed % 10
    some = [name for name in NAMES if random.Random(f"{seed} {name}").random() < 0.5]
    return {"optimize": True if kind < 5 else kind > 6 and some, "check": seed % 3 > 0}


def difference(text, settings):
    """Return (difference or None, jitted run)."""
    eager, jitted = Run(text), Run(text, settings)
    found = compare(eager, jitted)
    if found and (noise := compare(eager, Run(perturbed(text)))) and not re.match(r"error", noise):
        return None, jitted  # rounding alone changes the result: nothing to compare
    return found, jitted


def perturbed(text):
    """Return the program with its numbers, and the parameters of its model, changed by rounding."""
    factor = 1 + (2e-7 if "float32" in text or "float16" in text else 2e-14)
    text = re.sub(r"-?\d+\.\d\d\b", lambda m: repr(float(m[0]) * factor), text)
    return re.sub(r"( +model = .*\n)", rf"\1    for p in model.parameters(): p.data *= {factor!r}\n", text)


def compare(eager, jitted):
    """Return the first difference, or None."""
    least = 1e-12 * scale(eager.shown)
    for i, (a, b) in enumerate(zip(eager.shown, jitted.shown, strict=False)):
        if d := differ(a[0], b[0], least, f"result {i}"):
            return d
        if d := differ(a[1], b[1], least, f"state {i}"):
            return d
    if type(eager.error) is not type(jitted.error):
        return f"error: eager gives {eager.error!r}, jit {jitted.error!r}"
    for i, (first, last, given) in enumerate(zip(eager.shown, eager.kept, jitted.kept, strict=False)):
        for a, b, c in zip(first[2], last, given, strict=True):
            if differ(a, b, 0) is None and (d := differ(b, c, least, f"kept result {i}")):
                return d
    return None


def shrunk(text, settings):
    """Return the program without the lines that its difference does not need."""

    def still(candidate):
        try:
            return difference(candidate, settings)[0] is not None
        except (SyntaxError, NameError):
            return False

    lines, smaller = text.splitlines(), True
    while smaller:
        smaller = False
        for i in reversed(range(2, len(lines))):
            candidate = [*lines[:i], *lines[i + 1 :]]
            if still("\n".join(candidate)):
                lines, smaller = candidate, True
    return "\n".join(lines)
