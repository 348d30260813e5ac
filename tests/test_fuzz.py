"""Random programs: the gradients of any program built from the table agree with finite differences.

A program is a list of steps on small arrays. It runs on Tensors: `backward` (twice), `gradients` and replays of `jit`
must give the same gradients. It also runs on slightly changed arrays, for finite differences. While a program is built,
its values are known, so that it avoids kinks and very large numbers. `--hypothesis-profile=long` runs 2,000 programs.
"""

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

import tinygrad_edu as tg
from tinygrad_edu.trace.opening import open_calls

SHAPES = [(), (3,), (1, 3), (2, 1), (2, 3), (3, 2), (2, 1, 3)]
SMOOTH = [
    np.sin, np.cos, np.tanh, np.arctan, np.square, np.negative, np.sinh, np.exp, np.arcsinh, np.expm1, np.positive,
    tg.sigmoid, tg.softplus, tg.gelu, tg.silu, lambda x: 1 / (2 + x * x), lambda x: np.log1p(np.square(x)),
    lambda x: np.sqrt(1 + x**2), lambda x: x**3, lambda x: 2 ** (x / 2), lambda x: (x * x + 1) ** -0.5,
    lambda x: 0.5 - 3 * x, lambda x: np.cbrt(3 + np.sin(x)), lambda x: tg.softmax(x, axis=None), lambda x: x.copy(),
]  # fmt: skip
KINKED = [  # each with an expression that is 0 at its kinks
    (np.abs, lambda x: x), (tg.relu, lambda x: x), (tg.leaky_relu, lambda x: x), (np.sort, lambda x: gaps(x)),
    (lambda x: np.where(x > 0, np.sin(x), x * x), lambda x: x), (lambda x: np.max(x, axis=-1), lambda x: gaps(x)),
    (lambda x: np.min(x), lambda x: gaps(np.ravel(x))), (lambda x: np.median(x), lambda x: gaps(np.ravel(x))),
    (lambda x: np.clip(x, -0.5, 0.5), lambda x: np.abs(x) - 0.5),
]  # fmt: skip
BINARY = [
    np.add, np.subtract, np.multiply, lambda a, b: a / (2 + b * b), lambda a, b: np.logaddexp(a, b),
    lambda a, b: np.arctan2(a, 2 + b * b), lambda a, b: np.hypot(a, 1 + b * b), lambda a, b: (1 + a * a) ** np.tanh(b),
    lambda a, b: np.where(np.cos(a) > 2, a, b + 0 * a), lambda a, b: 3.0 - a * b, lambda a, b: np.float32(2) * a + b,
]  # fmt: skip
ALIKE = [  # two arrays of the same shape, with at least one axis
    lambda a, b: np.concatenate([a, b, a]), lambda a, b: np.stack([a, b], axis=-1), np.vdot, np.inner,
    lambda a, b: np.einsum("...i,...i", a, b), lambda a, b: np.einsum("i...,j...->ij...", a, b), np.outer,
    lambda a, b: np.where(np.arange(a.shape[-1]) > 0, a, b), lambda a, b: np.append(a, b, axis=-1),
    lambda a, b: np.tensordot(a, b, axes=a.ndim), lambda a, b: np.vstack([a, b]),
]  # fmt: skip
REDUCTIONS = [np.sum, np.mean, np.var, lambda x, **k: np.sqrt(1 + np.var(x, **k)), np.prod, tg.logsumexp]
SHAPING = [
    np.ravel, np.transpose, lambda x: x[None], lambda x: np.expand_dims(x, -1), lambda x: np.stack([x, 2 * x], axis=-1),
    lambda x: np.concatenate([x[None], x[None]]), lambda x: x.reshape(-1, 1), np.squeeze, lambda x: np.roll(x, 1),
    lambda x: np.broadcast_to(x, (2, *x.shape)), np.flip, lambda x: np.repeat(x, 2), lambda x: np.pad(x, 1),
    lambda x: np.tile(x, 2),
]  # fmt: skip
INDEXED = [
    lambda x: x[..., 0], lambda x: x[::-1], lambda x: x[[0, -1, 0]], lambda x: np.cumsum(x, axis=0),
    lambda x: x[1:] - x[:-1], lambda x: np.take(x, [0, 0], axis=-1), lambda x: np.einsum("i...,i...->...", x, x),
    lambda x: np.diff(x, axis=-1, append=0), lambda x: x[np.array([True] + [False] * (len(x) - 1))],
    lambda x: np.cumprod(np.tanh(x)), lambda x: x[-1:, ...] * x,
]  # fmt: skip
INDICES = [0, -1, slice(None, None, 2), slice(None, None, -1), ..., [0, -1, 0], (..., 0), (0, slice(None))]
PLACES = st.integers(0, 99)
SIZE, LARGE, STEP = 40, 6.0, 1e-4


def gaps(x):
    """Return the distances between neighbors of the sorted array."""
    return np.diff(np.sort(x, axis=-1), axis=-1)


def broadcast(a, b):
    """Return the broadcast shape, or None."""
    try:
        return np.broadcast_shapes(a, b)
    except ValueError:
        return None


def meets(a, b):
    """Whether a @ b is possible."""
    return len(b) > 0 and a[-1] == (b[-2] if len(b) > 1 else b[0])


def detach(x):
    return x.detach() if isinstance(x, tg.Tensor) else x


class Program:
    """A list of steps: each has a function, the positions of its arguments, and a flag for its result.

    "kept": no gradient flows back through the result. "written": the result replaces the first argument.
    """

    def __init__(self, leaves):
        self.leaves, self.steps = leaves, []

    def __call__(self, *leaves, constants=None):
        """Return the weighted sum of all values."""
        return self.run(leaves, constants)[0]

    def run(self, leaves, constants=None):
        """Return the sum, all values and the kept ones; `constants` of an earlier run replace the kept ones."""
        values, kept = list(leaves), []
        for fun, places, special in self.steps:
            y = fun(*[values[i] for i in places])
            if special == "kept":
                y = y if constants is None else constants[len(kept)]
                kept.append(y.data.copy() if isinstance(y, tg.Tensor) else y)
            if special == "written":
                values[places[0]] = y
            else:
                values.append(np.copy(y) if isinstance(y, np.generic) else y)
        return sum([np.sum(np.cos(0.3 * i) * v) for i, v in enumerate(values)]), values, kept


class Programs(RuleBasedStateMachine):
    """A state machine that builds a program, and checks it at the end."""

    @initialize(shapes=st.lists(st.sampled_from(SHAPES), min_size=1, max_size=3), seed=st.integers(0, 2**32 - 1))
    def begin(self, shapes, seed):
        rng = np.random.default_rng(seed)
        self.program = Program([rng.uniform(-1.5, 1.5, shape) for shape in shapes])
        self.values = list(self.program.leaves)
        self.fixed = set(range(len(shapes)))  # positions of leaves and views, which cannot be written into

    def one_of(self, place, fits):
        """Return one of the positions whose values fit, or None."""
        places = [i for i, x in enumerate(self.values) if fits(x)]
        return places[place % len(places)] if places else None

    def add(self, fun, *places, special=""):
        """Add a step, if all its arguments were found and its result is not too large."""
        if None in places:
            return
        places = [place % len(self.values) for place in places]
        y = np.asarray(fun(*[self.values[i] for i in places]))
        if 0 < y.size <= SIZE and np.abs(y).max() < LARGE:
            self.program.steps.append((fun, places, special))
            if special == "view":
                self.fixed.add(len(self.values))
            if special == "written":
                self.values[places[0]] = y
            else:
                self.values.append(y)

    @rule(fun=st.sampled_from(SMOOTH), i=PLACES)
    def smooth(self, fun, i):
        self.add(fun, i)

    @rule(fun=st.sampled_from(KINKED), i=PLACES)
    def kinked(self, fun, i):
        fun, distance = fun
        self.add(fun, self.one_of(i, lambda x: x.ndim and (np.abs(distance(x)) > 200 * STEP).all()))

    @rule(fun=st.sampled_from(BINARY), i=PLACES, j=PLACES)
    def binary(self, fun, i, j):
        i, shape = i % len(self.values), self.values[i % len(self.values)].shape
        self.add(fun, i, self.one_of(j, lambda b: broadcast(shape, b.shape) is not None))

    @rule(fun=st.sampled_from(ALIKE), i=PLACES, j=PLACES)
    def alike(self, fun, i, j):
        i = self.one_of(i, lambda a: a.ndim)
        self.add(fun, i, i if i is None else self.one_of(j, lambda b: b.shape == self.values[i].shape))

    @rule(fun=st.sampled_from(REDUCTIONS), i=PLACES, axis=st.sampled_from([None, 0, -1]), keep=st.booleans())
    def reduction(self, fun, i, axis, keep):
        self.add(lambda x: fun(x, axis=axis, keepdims=keep), self.one_of(i, lambda x: axis is None or x.ndim))

    @rule(fun=st.sampled_from(SHAPING), i=PLACES)
    def shaping(self, fun, i):
        self.add(fun, self.one_of(i, lambda x: x.ndim < 3), special="view")

    @rule(fun=st.sampled_from(INDEXED), i=PLACES)
    def indexing(self, fun, i):
        self.add(fun, self.one_of(i, lambda x: x.ndim), special="view")

    @rule(i=PLACES, j=PLACES)
    def product(self, i, j):
        i = self.one_of(i, lambda a: a.ndim in (1, 2))
        self.add(np.matmul, i, j if i is None else self.one_of(j, lambda b: meets(self.values[i].shape, b.shape)))

    @rule(i=PLACES, j=PLACES, index=st.sampled_from(INDICES))
    def assignment(self, i, j, index):
        def write(y, v):
            if not isinstance(y, tg.Tensor):
                y = tg.Tensor(y, requires_grad=False) if isinstance(v, tg.Tensor) else y.copy()
            y[index] = v
            return y

        most = 2 if isinstance(index, tuple) else 1
        free = [i for i, y in enumerate(self.values) if i not in self.fixed and y.ndim >= most]
        if free:
            i = free[i % len(free)]
            shape = self.values[i][index].shape
            j = self.one_of(j, lambda v: v.ndim <= len(shape) and broadcast(shape, v.shape) == shape)
            self.add(write, i, j, special="written")

    @rule(fun=st.sampled_from([detach, tg.no_grad()(np.sin), tg.no_grad()(lambda x: x * x)]), i=PLACES)
    def without_gradient(self, fun, i):
        self.add(fun, i, special="kept")

    @rule()
    def share_everything(self):
        self.add(lambda *values: sum([np.sum(np.tanh(v)) for v in values]) / 9, *range(len(self.values)))

    def teardown(self):
        if hasattr(self, "program"):  # missing after an error in `begin`
            check(self.program)


def check(program):
    """Compare all methods for first and second derivatives with each other and with finite differences."""
    leaves = program.leaves
    tensors = [tg.Tensor(x) for x in leaves]
    y, values, kept = program.run(tensors)
    values = [v for v in values if isinstance(v, tg.Tensor) and v.requires_grad]
    y.backward()
    y.backward()
    grads = [t.grad / 2 for t in tensors]
    for t, g in zip(tensors, grads, strict=True):
        t.grad = g
    for v, g in zip(values, tg.gradients(y, values, create_graph=True), strict=True):
        np.testing.assert_allclose(g.data, v.grad, rtol=1e-12, atol=1e-13)

    def moved(i):
        return lambda x: program(*leaves[:i], x, *leaves[i + 1 :], constants=kept)

    for i, x in enumerate(leaves):
        for at in np.ndindex(x.shape):
            compare(grads[i][at], moved(i), x, unit(at, x.shape))
    x, v = leaves[0], np.cos(np.arange(leaves[0].size)).reshape(leaves[0].shape)
    compare(tg.hvp(moved(0))(x, v), tg.grad(moved(0)), x, v)

    size, steep = (
        1 + max([np.abs(a).max() for a in of]) for of in ([v.data for v in values], [v.grad for v in values])
    )
    check_replays(program, 1e-12 * size * len(values), 1e-12 * steep)


def check_replays(program, in_value, in_gradient):
    """Record, replay, and replay with other numbers; keep all results until the end."""
    both = tg.value_and_grad(lambda *xs: program(*xs), argnums=tuple(range(len(program.leaves))))
    step, forward = tg.jit(both), tg.jit(lambda *xs: program(*xs))
    points = [program.leaves, program.leaves, [x * (1 - STEP) for x in program.leaves]]
    replayed = [(*step(*at), forward(*at)) for at in points]
    printed = [(*p, value) for p, value in zip(*[as_printed(f, points) for f in (step, forward)], strict=True)]
    for at, *results in zip(points, replayed, printed, strict=True):
        expected, grads = both(*at)
        for value, found, again in results:
            np.testing.assert_allclose([value, again], [expected] * 2, rtol=0, atol=in_value)
            for g, f in zip(grads, found, strict=True):
                np.testing.assert_allclose(f, g, rtol=0, atol=in_gradient)


def as_printed(jitted, points):
    """Run the source at each point, and return the results."""
    source, scope = jitted._recordings[0].readable(open_calls), {}
    exec(source.whole, scope)
    names = [source.names.get(v) for v in source.program.inputs]
    with np.errstate(divide="ignore", invalid="ignore"):
        return [scope[source.title](**source.values | dict(zip(names, at, strict=True))) for at in points]


def unit(at, shape):
    """Return an array with 1 at one place and 0 elsewhere."""
    e = np.zeros(shape)
    e[at] = 1
    return e


def compare(found, f, x, v):
    """Compare `found` with f's slope along v: central differences with two steps, extrapolated (Richardson 1911).

    The difference between the two sets the tolerance: it is tiny where f is smooth, and large near a kink.
    """
    wide, narrow = [(f(x + h * v) - f(x - h * v)) / (2 * h) for h in (STEP, STEP / 2)]
    expected = (4 * narrow - wide) / 3
    allowed = 10 * abs(wide - narrow) + 1e-7 * (1 + abs(expected)) + 1e-9 * abs(f(x))
    assert (abs(found - expected) < allowed).all(), (found, expected, allowed)


TestPrograms = Programs.TestCase
RUNS = 100 if settings().max_examples <= 25 else 2000
TestPrograms.settings = settings(max_examples=RUNS, stateful_step_count=25, deadline=None)
