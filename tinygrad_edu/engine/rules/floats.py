"""Functions of one Python float; a number that jit records is asked to compute them by NumPy's protocol (NEP 18)."""

import functools
import math
from typing import Any

import numpy as np

from .registry import Function


def of_float(fun: Function) -> Function:
    """Return a function of one float; it lets a recorded number call `fun` by its `__array_function__`."""

    @functools.wraps(fun)
    def call(x: Any) -> Any:
        if type(x) is float or type(x) is np.ndarray or not hasattr(x, "__array_function__"):
            return fun(x)
        return x.__array_function__(fun, (type(x),), (x,), {})

    return call


def positive_part(x: float) -> float:
    """Return max(x, 0); NaN of NaN."""
    return 0.0 if x <= 0 else x


def real_power(a: Any, b: Any) -> Any:
    """Return a ** b; raise ValueError where Python's floats give a complex number, and NumPy's NaN."""
    y = a**b
    if type(y) is complex:
        raise ValueError(f"({a}) ** {b} is not a real number")
    return y


python_float, python_exp, python_log = of_float(float), of_float(math.exp), of_float(math.log)
python_sqrt, python_tanh, python_relu = of_float(math.sqrt), of_float(math.tanh), of_float(positive_part)
