"""backend="c": large loops are shared out to threads, and results are the same to the bit for any number of them."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu.engine.threads import cpu_count
from tinygrad_edu.jit.native import compiler, sharing, threads

pytestmark = pytest.mark.skipif(compiler.find() is None, reason="needs a C compiler")
SHAPES = [(5000,), (700, 7), (7, 700), (20, 30, 9)]


@pytest.fixture
def many_parts(monkeypatch):
    """Share out short loops too, and compile fast."""
    given = compiler.load
    monkeypatch.setattr(compiler, "load", lambda source, level=0: given(source, level))
    monkeypatch.setattr(sharing, "SERIAL", 0)
    monkeypatch.setattr(sharing, "PART", 500)
    yield
    threads.address()  # as many threads as before


def every(x):
    """Return sums along all axes, and what is computed in their loops."""
    y = np.sin(x) * x + np.exp(-x * x)
    found = [y, np.sum(y), np.mean(x), np.vdot(x, x), np.max(x), np.all(x < 9), np.where(x > 0, x, 2.0)]
    found += [f(z, axis=k) for f in (np.sum, np.max) for z in (x * x, y) for k in range(x.ndim)]
    return [*found, *([np.sum(x + 1, axis=(0, 2)), np.sum(x.T * 2, axis=0)] if x.ndim > 2 else [])]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_results_are_the_same_to_the_bit_for_any_number_of_threads(dtype, many_parts):
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal(shape).astype(dtype) for shape in SHAPES]
    jitted = tg.jit(lambda arrays: [y for x in arrays for y in every(x)], backend="c", check=False)
    expected, runs = jitted(arrays), []  # the first call records
    for count in (0, 1, 3):
        threads._library().set_threads(count)
        runs.append(jitted(arrays))
    for numpys, first, *others in zip(expected, *runs, strict=True):
        np.testing.assert_allclose(first, numpys, rtol=1e-12 if dtype is np.float64 else 1e-4, atol=1e-5)
        assert np.asarray(first).dtype == numpys.dtype
        for other in others:
            np.testing.assert_array_equal(first, other, strict=True)


def test_python_threads_replay_at_once(many_parts):
    x = np.random.default_rng(0).standard_normal(6000)
    slopes = [tg.value_and_grad(lambda x, k=k: np.sum(np.tanh(x) * np.exp(-x * x) + np.sin(x) * k)) for k in (1, 2)]
    jitted = [tg.jit(slope, backend="c") for slope in slopes]
    expected = [[f(x) for _ in range(2)][1] for f in jitted]  # the first call records
    threads._library().set_threads(2)
    with ThreadPoolExecutor(3) as pool:
        for k, found in enumerate(pool.map(lambda f: f(x), jitted * 12)):
            for a, b in zip(found, expected[k % 2], strict=True):
                np.testing.assert_array_equal(a, b)


SCRIPT = """
import os, sys, threading, warnings
import numpy as np, tinygrad_edu as tg
warnings.simplefilter("ignore")
x = np.linspace(-3, 3, 200_000)
f = tg.jit(tg.grad(lambda x: np.sum(np.tanh(x) * np.exp(-x * x) + np.sin(x) * x)), backend="c", check=False)
first = [f(x) for _ in range(3)][-1]
def replay():
    while True:
        f(x)
threading.Thread(target=replay, daemon=True).start()  # still replays at the fork, and at exit
for _ in range(2):
    child = os.fork()
    if not child:
        g = tg.jit(tg.grad(lambda x: np.sum(np.tanh(x) * np.exp(-x * x) + np.sin(x) * x)), backend="c", check=False)
        same = all(([h(x) for _ in range(3)][-1] == first).all() for h in (g, f))
        os._exit(0 if same else 1)
    assert os.waitpid(child, 0)[1] == 0
print("done")
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_forked_children_and_the_end_of_the_interpreter_wait_for_no_thread():
    environment = {**os.environ, "OMP_NUM_THREADS": "", "PYTHONPATH": os.pathsep.join(sys.path)}
    run = subprocess.run([sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True, timeout=120)
    assert (run.returncode, run.stdout) == (0, "done\n"), run.stderr


def test_the_number_of_threads_is_limited_by_the_environment(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    cores = cpu_count()
    for given, expected in (("1", 1), ("1,2", 1), (str(cores + 1), cores), ("", cores), ("0", cores), ("many", cores)):
        monkeypatch.setenv("OMP_NUM_THREADS", given)
        assert cpu_count() == expected
