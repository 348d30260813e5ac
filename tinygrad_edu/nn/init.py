"""Initial values of weights: functions of a shape and a Generator, for `Linear(..., init=...)` and any array.

With weights of shape (out, in, ...), fan-in is `in` times the remaining sizes, and fan-out `out` times these. Options
are set by `functools.partial`: `Linear(8, 8, init=partial(he_normal, mode="fan_out"))`. An array's values are replaced
by `p.data[...] = normal(p.shape, rng, std=0.02)`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from ..engine.arguments import check_numbers, generator, nonnegative_numbers
from ..engine.habits import instead
from ..engine.rules.registry import Array

Rng = np.random.Generator | int | None
Init = Callable[[tuple[int, ...], Rng], Array]
Shape = tuple[int, ...]


def xavier_uniform(shape: Shape, rng: Rng = None, gain: float = 1.0) -> Array:
    """Return weights (out, in), uniform within gain sqrt(6 / (in + out)), for tanh (Glorot & Bengio 2010).

    >>> round(float(tg.nn.xavier_uniform((1000, 50), rng=0).std()), 2)
    0.04
    """
    nonnegative_numbers("xavier_uniform", gain=gain)
    bound = gain * (6 / sum(_fans("xavier_uniform", shape))) ** 0.5
    return generator("xavier_uniform", rng).uniform(-bound, bound, shape)


def xavier_normal(shape: Shape, rng: Rng = None, gain: float = 1.0) -> Array:
    """Return weights (out, in), normal with standard deviation gain sqrt(2 / (in + out)) (Glorot & Bengio 2010).

    >>> round(float(tg.nn.xavier_normal((1000, 50), rng=0).std()), 2)
    0.04
    """
    nonnegative_numbers("xavier_normal", gain=gain)
    std = gain * (2 / sum(_fans("xavier_normal", shape))) ** 0.5
    return generator("xavier_normal", rng).normal(0.0, std, shape)


def he_uniform(
    shape: Shape, rng: Rng = None, a: float = 0.0, mode: str = "fan_in", nonlinearity: str = "leaky_relu"
) -> Array:
    """Return weights (out, in), uniform within gain sqrt(3 / in): by default sqrt(6 / in), for relu (He et al. 2015).

    The gain is `calculate_gain(nonlinearity, a)`; `a` is the slope of leaky_relu, 0 for relu. With `mode="fan_out"`
    the fan-out takes the place of the fan-in, which keeps the variance of gradients.

    >>> round(float(tg.nn.he_uniform((1000, 50), rng=0).std()), 2)
    0.2
    """
    bound = 3**0.5 * _he_std("he_uniform", shape, a, mode, nonlinearity)
    return generator("he_uniform", rng).uniform(-bound, bound, shape)


def he_normal(
    shape: Shape, rng: Rng = None, a: float = 0.0, mode: str = "fan_in", nonlinearity: str = "leaky_relu"
) -> Array:
    """Return weights (out, in), normal with standard deviation gain / sqrt(in): by default sqrt(2 / in), for relu.

    The options are those of `he_uniform` (He et al. 2015).

    >>> round(float(tg.nn.he_normal((1000, 50), rng=0).std()), 2)
    0.2
    """
    return generator("he_normal", rng).normal(0.0, _he_std("he_normal", shape, a, mode, nonlinearity), shape)


kaiming_uniform, kaiming_normal = he_uniform, he_normal  # PyTorch's names


def normal(shape: Shape, rng: Rng = None, mean: float = 0.0, std: float = 1.0) -> Array:
    """Return numbers of the normal distribution; raises ValueError for a negative standard deviation.

    >>> tg.nn.normal((2, 3), rng=0).shape
    (2, 3)
    """
    check_numbers("normal", mean=mean, std=std)
    if not np.all(np.greater_equal(std, 0)):
        raise ValueError(f"normal: std is at least 0, not {std}")
    return generator("normal", rng).normal(mean, std, _any_shape("normal", shape))


def uniform(shape: Shape, rng: Rng = None, a: float = 0.0, b: float = 1.0) -> Array:
    """Return numbers of the uniform distribution from `a` to `b`; raises ValueError for an `a` above `b`.

    >>> tg.nn.uniform((2, 3), rng=0).shape
    (2, 3)
    """
    check_numbers("uniform", a=a, b=b)
    if not np.all(np.less_equal(a, b)):
        raise ValueError(f"uniform: a is at most b; got a={a}, b={b}")
    return generator("uniform", rng).uniform(a, b, _any_shape("uniform", shape))


def trunc_normal(
    shape: Shape, rng: Rng = None, mean: float = 0.0, std: float = 1.0, a: float = -2.0, b: float = 2.0
) -> Array:
    """Return numbers of the normal distribution, but only from `a` to `b`, which are values, not multiples of `std`.

    Uniform numbers from the interval are kept with the probability of the density over its maximum there; the interval
    is cut off 9 standard deviations behind that maximum. Raises ValueError unless `std` is positive, and `a` below `b`.

    >>> bool(np.abs(tg.nn.trunc_normal((100, 100), rng=0)).max() <= 2)
    True
    """
    check_numbers("trunc_normal", mean=mean, std=std, a=a, b=b)
    if not (std > 0 and a < b):
        raise ValueError(f"trunc_normal: std must be positive, and a below b; got std={std}, a={a}, b={b}")
    rng = generator("trunc_normal", rng)
    low, high = (a - mean) / std, (b - mean) / std
    top = min(max(low, 0.0), high)  # where the density is highest
    low, high = max(low, top - 9), min(high, top + 9)
    kept: list[Array] = []
    missing = size = math.prod(_any_shape("trunc_normal", shape))
    while missing:
        z = rng.uniform(low, high, 2 * size)
        z = z[np.log(1 - rng.random(z.size)) < (top**2 - z**2) / 2][:missing]
        kept.append(z)
        missing -= z.size
    return np.clip(mean + std * np.concatenate([np.empty(0), *kept]), a, b).reshape(shape)


def eye(shape: Shape, rng: Rng = None) -> Array:
    """Return the matrix (out, in) with 1 on the diagonal and 0 elsewhere: outputs are inputs.

    Raises ValueError for another number of axes than two.

    >>> tg.nn.eye((2, 3))
    array([[1., 0., 0.],
           [0., 1., 0.]])
    """
    if len(shape := _any_shape("eye", shape)) != 2:
        raise ValueError(f"eye: weights have a shape (out, in), not {shape}")
    return np.eye(shape[0], shape[1])


def zeros(shape: Shape, rng: Rng = None) -> Array:
    """Return zeros of a shape, for biases: units of a layer whose weights are all equal would stay equal.

    >>> tg.nn.zeros((2,))
    array([0., 0.])
    """
    return np.zeros(_any_shape("zeros", shape))


def ones(shape: Shape, rng: Rng = None) -> Array:
    """Return ones of a shape, for factors of normalization.

    >>> tg.nn.ones((2,))
    array([1., 1.])
    """
    return np.ones(_any_shape("ones", shape))


def constant(value: float) -> Init:
    """Return an initializer that fills the array with one number.

    >>> tg.nn.Linear(2, 2, init=tg.nn.constant(0.5)).weight.data
    array([[0.5, 0.5],
           [0.5, 0.5]])
    """

    check_numbers("constant", value=value)

    def filled(shape: Shape, rng: Rng = None) -> Array:
        return np.full(_any_shape("constant", shape), float(value))

    return filled


def orthogonal(shape: Shape, rng: Rng = None, gain: float = 1.0) -> Array:
    """Return weights (out, in) with orthonormal rows, or columns if these are fewer, times `gain` (Saxe et al. 2014).

    The distribution is uniform over such matrices: Q of the QR decomposition of normal numbers, with the signs that
    make R's diagonal positive. For a layer with another gain:
    `Linear(8, 8, init=functools.partial(orthogonal, gain=2**0.5))`.

    >>> w = tg.nn.orthogonal((2, 3), rng=0)
    >>> np.allclose(w @ w.T, np.eye(2))
    True
    """
    check_numbers("orthogonal", gain=gain)
    fan_in = _fans("orthogonal", shape)[1]
    units = shape[0]
    q, r = np.linalg.qr(generator("orthogonal", rng).normal(size=(max(units, fan_in), min(units, fan_in))))
    q *= np.sign(np.diagonal(r))
    return np.ascontiguousarray(gain * (q if units >= fan_in else q.T)).reshape(shape)


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """Return the factor of standard deviations that goes with an activation, as PyTorch has it.

    1 for "linear", "conv1d" and its kind, and "sigmoid"; 5 / 3 for "tanh"; sqrt(2) for "relu"; sqrt(2 / (1 + param**2))
    for "leaky_relu" of slope `param` (0.01 by default); 3 / 4 for "selu". Raises ValueError for another name.

    >>> tg.nn.calculate_gain("tanh")
    1.6666666666666667
    """
    slope = 0.01 if param is None else param
    check_numbers("calculate_gain", param=slope)
    layers = [f"conv{kind}{n}d" for kind in ("", "_transpose") for n in (1, 2, 3)]
    gains: dict[str, float] = dict.fromkeys(["linear", *layers, "sigmoid"], 1.0)
    gains |= {"tanh": 5 / 3, "relu": 2**0.5, "leaky_relu": (2 / (1 + slope**2)) ** 0.5, "selu": 3 / 4}
    if nonlinearity not in tuple(gains):  # a dict would raise for a list
        raise ValueError(f"calculate_gain: there is no gain for {nonlinearity!r}, only for {', '.join(gains)}")
    return gains[nonlinearity]


def initial(where: str, init: Init, shape: Shape, rng: Rng) -> Array:
    """Return what an initializer gives for the weights of a layer; raises TypeError or ValueError for other results."""
    if not callable(init):
        raise TypeError(f"{where}: init is a function of a shape and a Generator, as tg.nn.he_normal, not {init!r:.60}")
    if init is cast(Any, constant):
        raise TypeError(f"{where}: constant takes the number first; write init=constant(0.5)")
    weight = init(shape, generator(where, rng))
    if np.shape(weight) != shape:
        raise ValueError(f"{where}: weights have the shape {shape}, and init returned {np.shape(weight)}")
    return weight


def _he_std(where: str, shape: Shape, a: float, mode: str, nonlinearity: str) -> float:
    """Return the standard deviation that keeps the variance of signals, or with "fan_out" of gradients."""
    fan_out, fan_in = _fans(where, shape)
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(f'{where}: mode is "fan_in" or "fan_out", not {mode!r}')
    return calculate_gain(nonlinearity, a) / math.sqrt(fan_in if mode == "fan_in" else fan_out)


def _fans(where: str, shape: Shape) -> tuple[int, int]:
    """Return fan-out and fan-in: the numbers of outputs and inputs of a unit."""
    if not isinstance(shape, (tuple, list)) or len(shape) < 2:
        raise ValueError(f"{where}: weights have a shape (out, in), not {shape!r:.60}; normal and uniform take any")
    if 0 in _any_shape(where, shape):
        raise ValueError(
            f"{where}: {tuple(shape)} has no inputs or outputs, so its weights have no variance; use zeros"
        )
    return shape[0] * math.prod(shape[2:]), math.prod(shape[1:])


def _any_shape(where: str, shape: Any) -> Shape:
    """Return a shape as a tuple; raises TypeError for what is none, such as a Tensor to be filled."""
    shape = (shape,) if isinstance(shape, (int, np.integer)) else shape
    if not isinstance(shape, (tuple, list)) or not all(isinstance(n, (int, np.integer)) for n in shape):
        remedy = f"p.data[...] = {where}(p.shape) replaces the numbers of a Tensor p"
        raise TypeError(f"{where} takes a shape and returns an array; {type(shape).__name__} is not a shape ({remedy})")
    if min(shape, default=0) < 0:
        raise ValueError(f"{where}: {tuple(shape)} is not a shape, as sizes are at least 0")
    return tuple(shape)


if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        here = name.removesuffix("_")
        known = {f for f, value in globals().items() if callable(value) and not f.startswith("_")}
        value = "value" if here == "constant" else f"{here}(p.shape, rng)"
        remedy = f"; write p.data[...] = {value}" if here != name and here in known else instead(here, of_module=True)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}{remedy}")
