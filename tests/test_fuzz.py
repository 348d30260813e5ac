"""Random programs: whatever is built from the table, its gradients are what finite differences say.

A program is a list of steps over small arrays. It is run on Tensors, whose gradients `backward`, `gradients` and a
replay of `jit` must agree on, and on arrays moved by a little. Values are known while a program is built, so that it
stays away from kinks and from numbers that grow without end. `--hypothesis-profile=long` runs 2,000 programs.
"""

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

import tinygrad_edu as tg

SHAPES = [(), (3,), (1, 3), (2, 1), (2, 3), (3, 2), (2, 1, 3)]
SMOOTH = [
    np.sin, np.cos, np.tanh, np.arctan, np.square, np.negative, np.sinh, np.exp, np.arcsinh, np.expm1, np.positive,
    tg.sigmoid, tg.softplus, tg.gelu, tg.silu, lambda x: 1 / (2 + x * x), lambda x: np.log1p(np.square(x)),
    lambda x: np.sqrt(1 + x**2), lambda x: x**3, lambda x: 2 ** (x / 2), lambda x: (x * x + 1) ** -0.5,
    lambda x: 0.5 - x, lambda x: np.cbrt(3 + np.sin(x)), lambda x: tg.softmax(x, axis=None), lambda x: x.copy(),
]  # fmt: skip
KINKED = [  # with what is 0 where each has a kink
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
INDICES = [0, -1, slice(None, None, 2), ..., [0, -1]]
PLACES = st.integers(0, 99)
SIZE, LARGE, STEP = 40, 6.0, 1e-3


def gaps(x):
    """How far neighbours in order are apart."""
    return np.diff(np.sort(x, axis=-1), axis=-1)


class Program:
    """Steps (function, places of its arguments); `kept` are the places whose values nothing flows back through."""

    def __init__(self, leaves):
        self.leaves, self.steps, self.kept = leaves, [], set()

    def __call__(self, *leaves, constants=None):
        """The sum of all values, weighed; `constants` are those of the places that are kept."""
        values = list(leaves)
        for k, (fun, places) in enumerate(self.steps, len(leaves)):
            y = fun(*[values[i] for i in places]) if constants is None or k not in self.kept else constants[k]
            values.append(np.asarray(y) if isinstance(y, np.generic) else y)
        self.values = values
        return sum([np.sum(np.cos(0.3 * i) * v) for i, v in enumerate(values)])


class Programs(RuleBasedStateMachine):
    """Builds a program, and checks it at the end."""

    @initialize(shapes=st.lists(st.sampled_from(SHAPES), min_size=1, max_size=3), seed=st.integers(0, 2**32 - 1))
    def begin(self, shapes, seed):
        rng = np.random.default_rng(seed)
        self.program = Program([rng.uniform(-1.5, 1.5, shape) for shape in shapes])
        self.values = list(self.program.leaves)

    def at(self, place):
        return self.values[place % len(self.values)]

    def add(self, fun, *places, kept=False):
        """One step more, where its result is of moderate size."""
        places = [place % len(self.values) for place in places]
        y = np.asarray(fun(*[self.values[i] for i in places]))
        if 0 < y.size <= SIZE and np.abs(y).max() < LARGE:
            if kept:
                self.program.kept.add(len(self.values))
            self.program.steps.append((fun, places))
            self.values.append(y)

    @rule(fun=st.sampled_from(SMOOTH), i=PLACES)
    def smooth(self, fun, i):
        self.add(fun, i)

    @rule(fun=st.sampled_from(KINKED), i=PLACES)
    def kinked(self, fun, i):
        x = self.at(i)
        if x.ndim and (np.abs(fun[1](x)) > 20 * STEP).all():
            self.add(fun[0], i)

    @rule(fun=st.sampled_from(BINARY), i=PLACES, j=PLACES)
    def binary(self, fun, i, j):
        a, b = self.at(i).shape[::-1], self.at(j).shape[::-1]
        if all(m == n or 1 in (m, n) for m, n in zip(a, b, strict=False)):
            self.add(fun, i, j)

    @rule(fun=st.sampled_from(REDUCTIONS), i=PLACES, axis=st.sampled_from([None, 0, -1]), keep=st.booleans())
    def reduction(self, fun, i, axis, keep):
        if axis is None or self.at(i).ndim:
            self.add(lambda x: fun(x, axis=axis, keepdims=keep), i)

    @rule(fun=st.sampled_from(SHAPING), i=PLACES)
    def shaping(self, fun, i):
        if self.at(i).ndim < 3:
            self.add(fun, i)

    @rule(fun=st.sampled_from(INDEXED), i=PLACES)
    def indexing(self, fun, i):
        if self.at(i).ndim:
            self.add(fun, i)

    @rule(i=PLACES, j=PLACES)
    def product(self, i, j):
        a, b = self.at(i), self.at(j)
        if a.ndim and b.ndim and a.shape[-1] == b.shape[-2 if b.ndim > 1 else 0] and (a.ndim < 3 or b.ndim < 3):
            self.add(np.matmul, i, j)

    @rule(i=PLACES, j=PLACES, index=st.sampled_from(INDICES))
    def assignment(self, i, j, index):
        def assigned(x, v):
            y = x * 1.0
            y[index] = v
            return y

        x, v = self.at(i), self.at(j)
        if x.ndim and (v.ndim == 0 or (v.shape == x.shape and index is ...)):
            self.add(assigned, i, j)

    @rule(i=PLACES)
    def within_no_grad(self, i):
        self.add(tg.no_grad()(np.sin), i, kept=True)

    @rule()
    def share_everything(self):
        self.add(lambda *values: sum([np.sum(np.tanh(v)) for v in values]) / 9, *range(len(self.values)))

    def teardown(self):
        if hasattr(self, "program"):  # which an error at the very start leaves out
            check(self.program)


def check(program):
    """Compare the ways to the gradient with each other and with differences."""
    leaves = program.leaves
    tensors = [tg.Tensor(x) for x in leaves]
    y = program(*tensors)
    constants = {k: getattr(program.values[k], "data", program.values[k]) for k in program.kept}
    y.backward()
    y.backward()
    grads = [t.grad / 2 for t in tensors]
    for g, again in zip(grads, tg.gradients(y, tensors, create_graph=True), strict=True):
        np.testing.assert_allclose(again.data, g, rtol=1e-10, atol=1e-12)
    for i, g in enumerate(grads):
        compare(g, lambda x, i=i: program(*leaves[:i], x, *leaves[i + 1 :], constants=constants), leaves[i])

    step = tg.jit(tg.value_and_grad(lambda *xs: program(*xs), argnums=tuple(range(len(leaves)))))
    for _ in range(2):  # recorded, and replayed
        value, found = step(*leaves)
        np.testing.assert_allclose(value, float(y), rtol=1e-11, atol=1e-12)
        for g, f in zip(grads, found, strict=True):
            np.testing.assert_allclose(f, g, rtol=1e-9, atol=1e-11)


def compare(g, f, x):
    """Central differences of two widths, extrapolated (Richardson 1911); how they differ says how far to trust them."""
    for at in np.ndindex(x.shape):

        def slope(h, at=at):
            ends = [x.copy(), x.copy()]
            ends[0][at] += h
            ends[1][at] -= h
            return (f(ends[0]) - f(ends[1])) / (2 * h)

        wide, narrow = slope(STEP), slope(STEP / 2)
        expected = (4 * narrow - wide) / 3
        allowed = 1e-7 * (1 + abs(expected)) + abs(wide - narrow)
        assert abs(g[at] - expected) < allowed, (at, g[at], expected, allowed)


TestPrograms = Programs.TestCase
TestPrograms.settings = settings(
    max_examples=100 if settings().max_examples <= 25 else 2000, stateful_step_count=25, deadline=None
)
