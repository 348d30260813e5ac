"""Random programs: jitted they show what they show eagerly, or raise JitError; `jit.source` runs by itself.

A program is a text that a seed determines (`jit_fuzz/`): it makes state, calls a jitted function several times, and
changes the state between the calls. Results, arguments, parameters, gradients, optimizers and Generators are compared
after each call. After a JitError the eager function goes on from the state that the error left.
`--hypothesis-profile=long` runs 20,000 programs instead of 200.
"""

import contextlib
import functools
import inspect

import numpy as np
import pytest
from hypothesis import settings
from jit_fuzz import places
from jit_fuzz.printed import called, printed
from jit_fuzz.programs import write
from jit_fuzz.running import differ, difference, quiet, seen, settings_of, shrunk

import tinygrad_edu as tg
from tinygrad_edu.trace.opening import open_calls

SEEDS = range(20_000 if settings().max_examples >= 1000 else 200)


@functools.lru_cache(200)
def served(seed):
    """Return the difference or None, and the jitted run."""
    return difference(write(seed), settings_of(seed))


@pytest.mark.parametrize("seed", SEEDS)
def test_program(seed):
    found, _ = served(seed)
    if found:
        text, given = write(seed), settings_of(seed)
        pytest.fail(f"{given}: {found}\n\n{text}\n\nshorter:\n\n{shrunk(text, given)}", pytrace=False)


@pytest.mark.parametrize("seed", SEEDS)
def test_arrays_and_tensors_are_where_the_function_puts_them(seed):
    options = [{}, {"optimize": False}, {"check": False}][seed % 3]
    expected = list(places.run(seed, lambda f: f))
    assert list(places.run(seed, functools.partial(tg.jit, **options))) == expected, places.write(seed)


def test_most_programs_are_replayed():
    assert np.mean([served(seed)[1].replays > 0 for seed in SEEDS[:200]]) > 0.5


def test_source_runs_by_itself():
    compared = 0
    for seed in SEEDS[:200]:
        for fun, jitted, args in served(seed)[1].recorded[-1:]:
            scope = {}
            with quiet():
                exec(jitted.source, scope)
            printed = [*scope.values()][-1]
            given = dict(zip(inspect.signature(fun).parameters, args, strict=True))
            arrays = {name for name, a in given.items() if isinstance(a, np.ndarray)}
            needed = [*inspect.signature(printed).parameters]
            if arrays.issuperset(needed) and not inspect.getclosurevars(fun).nonlocals:
                with quiet():
                    result = printed(*[given[name].copy("K") for name in needed])
                    expected = fun(**given)
                assert differ(seen(expected), seen(result), 0) is None, f"{write(seed)}\n\n{jitted.source}"
                compared += 1
    assert compared >= 20


def test_source_gives_and_changes_what_the_recorded_calls_do():
    compared = 0
    for seed in SEEDS[:200]:
        for _, jitted, _ in served(seed)[1].recorded[-1:]:
            source, expected = jitted._recordings[-1].readable(open_calls), None
            if not any([call.draws for call in source.program.calls]):
                with quiet(), contextlib.suppress(np.linalg.LinAlgError):
                    expected = called(source)
            if expected is not None:
                with quiet():
                    found = printed(source)
                assert differ(expected, found, 0) is None, f"{write(seed)}\n\n{source.whole}"
                compared += 1
    assert compared >= 100
