"""Threads that meet a recording."""

import threading

import numpy as np

import tinygrad_edu as tg

from .harness import Cfg, X, attack


@attack
def other_thread_uses_a_generator_while_recording(J):
    o = Cfg(rng=np.random.default_rng(0))
    started, done, found = threading.Event(), threading.Event(), []

    def other():
        started.wait(5)
        found.append(isinstance(o.rng, np.random.Generator))
        done.set()

    t = threading.Thread(target=other)
    t.start()

    def f(x):
        y = x + o.rng.normal(size=3)
        started.set()
        done.wait(5)
        return y

    f(X) if False else J(f)(X)
    t.join()
    return found


@attack
def other_thread_changes_a_parameter_while_recording(J):
    """An eager thread writes w while another records a function that only reads it."""
    w = tg.Tensor(X)
    started, done = threading.Event(), threading.Event()

    def other():
        started.wait(5)
        w.data = X * 10
        done.set()

    t = threading.Thread(target=other)
    t.start()

    def f(x):
        y = (w * x).sum()
        started.set()
        done.wait(5)
        return y

    J(f)(X)
    t.join()
    return w.data
