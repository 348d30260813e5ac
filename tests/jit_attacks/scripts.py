"""Scripts about processes, time and memory. Each runs in its own interpreter, and prints ok."""

import os
import subprocess
import sys
import textwrap


def alone(code, seconds=60):
    """Return what a script prints. TimeoutExpired if it hangs; AssertionError if it raises."""
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    code = "import numpy as np, os, sys, time, threading, gc, weakref\nimport tinygrad_edu as tg\n" + textwrap.dedent(
        code
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=seconds, env=env)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.strip()


SCRIPTS = {
    "fork_while_another_thread_replays": """
        f = tg.jit(lambda x: np.sum(np.tanh(x) * x))
        x = np.ones(1000)
        f(x), f(x)
        stop = []
        t = threading.Thread(target=lambda: [f(x) for _ in iter(lambda: bool(stop), True)], daemon=True)
        t.start()
        for _ in range(30):
            pid = os.fork()
            if not pid:
                f(x), f(x)
                os._exit(0 if abs(f(x) - 1000 * np.tanh(1)) < 1e-9 else 1)
            assert os.waitpid(pid, 0)[1] == 0
        stop.append(1)
        print("ok")
    """,
    "fork_while_another_thread_records": """
        tg.jit  # imported now, and not by a thread while a fork takes place
        def record():
            while not stop:
                tg.jit(lambda x: np.sum(np.tanh(x) * x))(np.ones(5))
        stop = []
        t = threading.Thread(target=record, daemon=True)
        t.start()
        for _ in range(30):
            pid = os.fork()
            if not pid:
                f = tg.jit(lambda x: x * 2)
                os._exit(0 if f(np.ones(3))[0] == f(np.ones(3))[0] == 2 else 1)
            assert os.waitpid(pid, 0)[1] == 0
        stop.append(1)
        print("ok")
    """,
    "what_a_jitted_function_held_goes_with_it": """
        def make():
            model = tg.nn.MLP([3, 200, 1], rng=0)
            opt = tg.optim.Adam(model.parameters(), lr=0.1)
            step = tg.jit(lambda x, t: opt.minimize(tg.mse_loss(model(x), t)))
            for n in range(1, 20):
                step(np.ones((n, 3)), np.ones((n, 1)))
            return weakref.ref(model)
        refs = [make() for _ in range(5)]
        gc.collect()
        print("ok" if all(r() is None for r in refs) else "alive")
    """,
    "a_model_that_is_gone_is_not_kept": """
        step = tg.jit(lambda model, x: model(x).sum())
        def make(i):
            model = tg.nn.MLP([3, 200, 1], rng=i)
            step(model, np.ones((2, 3)))
            return weakref.ref(model)
        refs = [make(i) for i in range(5)]
        gc.collect()
        print("ok" if all(r() is None for r in refs) else f"{sum(r() is not None for r in refs)} of 5 models alive")
    """,
    "a_long_network_is_recorded_in_reasonable_time": """
        wx = tg.Tensor(np.random.default_rng(0).normal(size=(4, 8)) * 0.3)
        wh = tg.Tensor(np.random.default_rng(1).normal(size=(8, 8)) * 0.3)
        opt = tg.optim.Adam([wx, wh], lr=0.01)
        def step(x):
            h = np.zeros((2, 8))
            for i in range(len(x)):
                h = np.tanh(x[i] @ wx + h @ wh)
            loss = (h * h).mean()
            opt.minimize(loss)
            return loss
        x = np.random.default_rng(2).normal(size=(1000, 2, 4))
        def seconds(f):
            start = time.process_time(); f(x)
            return time.process_time() - start
        times = [seconds(tg.jit(step)) / seconds(step)]
        if times[0] >= 60:  # the first may wait for a busy machine
            times.append(seconds(tg.jit(step)) / seconds(step))
        print("ok" if min(times) < 60 else f"recording takes as long as {min(times):.0f} eager steps")
    """,
}  # fmt: skip
