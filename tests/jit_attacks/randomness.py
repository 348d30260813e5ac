"""Random numbers and iterators."""

import itertools

import numpy as np

import tinygrad_edu as tg

from .harness import Cfg, X, attack


def rng_attack(name, make, calls=4):
    def run(J):
        f, rngs = make()
        f = J(f)
        out = [f(X) for _ in range(calls)]
        return [*out, *[r.random() for r in rngs]]

    run.__name__ = name
    attack(run)


def _class_rng():
    class N:
        rng = np.random.default_rng(0)

        def __call__(self, x):
            return x + self.rng.normal(size=3)

    return N(), [N.rng]


class Dataset:
    def __init__(self):
        self.source = np.random.default_rng(0)

    def __getitem__(self, i):
        return X + self.source.normal(size=3)

    def __len__(self):
        return 2

    def __iter__(self):
        for i in self.source.permutation(3):
            yield X * i


def _rng_by(read, make=Dataset, pick=lambda d: d.source):
    def build():
        d = make()
        return (lambda x: read(d, x)), [pick(d)]

    return build


rng_attack("rng_on_a_class", _class_rng)
rng_attack("rng_by_getitem", _rng_by(lambda d, x: x + d[0]))
rng_attack("rng_by_getattr", _rng_by(lambda d, x: x + getattr(d, "source").normal()))
rng_attack("rng_by_vars", _rng_by(lambda d, x: x + vars(d)["source"].normal()))
rng_attack(
    "rng_in_a_dict",
    _rng_by(lambda d, x: x + d["r"].normal(), make=lambda: {"r": np.random.default_rng(0)}, pick=lambda d: d["r"]),
)
rng_attack(
    "rng_in_a_closure_of_a_closure",
    _rng_by(
        lambda d, x: x + d(),
        make=lambda: (lambda r: lambda: r.normal(size=3))(np.random.default_rng(0)),
        pick=lambda d: d.__closure__[0].cell_contents,
    ),
)
rng_attack(
    "rng_state_read",
    _rng_by(
        lambda d, x: x + d.bit_generator.state["state"]["state"] % 7,
        make=lambda: np.random.default_rng(0),
        pick=lambda d: d,
    ),
)
rng_attack(
    "rng_jumped",
    _rng_by(
        lambda d, x: (d.bit_generator.advance(10), x + d.normal())[1],
        make=lambda: np.random.default_rng(0),
        pick=lambda d: d,
    ),
)
rng_attack(
    "rng_isinstance",
    _rng_by(
        lambda d, x: x + (d if isinstance(d, np.random.Generator) else np.random.default_rng(7)).normal(),
        make=lambda: np.random.default_rng(0),
        pick=lambda d: d,
    ),
)
rng_attack(
    "random_random_object",
    _rng_by(lambda d, x: x + d.gauss(0, 1), make=lambda: __import__("random").Random(0), pick=lambda d: d),
)
rng_attack(
    "bit_generator_closed_over",
    _rng_by(
        lambda d, x: x + d.random_raw() % 5, make=lambda: np.random.PCG64(0), pick=lambda d: np.random.Generator(d)
    ),
)


@attack
def dropout_model_and_a_batch_with_zeros(J):
    model = tg.nn.Sequential(tg.nn.Linear(2, 4, rng=0), tg.nn.Dropout(0.5, rng=1), tg.nn.Linear(4, 1, rng=2))
    opt = tg.optim.SGD(model.parameters(), lr=0.01)

    def step(x):
        h = model(x)
        norm = np.sqrt(np.sum(h * h * x[:, :1], axis=1))
        loss = np.where(x[:, 0] > 0, norm, 0.0).mean()
        opt.minimize(loss)
        return loss

    step = J(step)
    a, b = np.ones((3, 2)), np.array([[0.0, 1.0], [1.0, 1.0], [1.0, 2.0]])
    return [step(x) for x in (a, a, b, a, b, a)] + [p.data for p in model.parameters()]


@attack
def draw_that_depends_on_an_update_before_one_that_does_not(J):
    rng = np.random.default_rng(0)
    a, b = tg.Tensor([1.0, 2.0]), tg.Tensor([1.0, 2.0])
    one, two = tg.optim.SGD([a], lr=0.1), tg.optim.SGD([b], lr=0.1)

    def step(x):
        one.minimize((a * x).sum())
        noise = rng.normal(a.data.mean(), 1.0)
        noise2 = rng.normal(size=2)
        two.minimize((b * x * noise2).sum())
        return noise

    step = J(step)
    return [step(X[:2]) for _ in range(4)] + [a.data, b.data, rng.random()]


@attack
def generator_replaced_between_calls(J):
    o = Cfg(rng=np.random.default_rng(0))
    f = J(lambda x: x + o.rng.normal(size=3))
    out = [f(X), f(X)]
    o.rng = np.random.default_rng(0)
    return [*out, f(X), f(X)]


def iterator_attack(name, make, read):
    def run(J):
        it = make()
        f = J(lambda x: x * read(it))
        return [f(X), f(X), f(X)]

    run.__name__ = name
    attack(run)


iterator_attack("iterator_by_getattr", lambda: Cfg(it=itertools.count(1)), lambda d: next(getattr(d, "it")))
iterator_attack(
    "generator_send", lambda: (lambda g: (next(g), g)[1])(i for i in itertools.count(1)), lambda d: d.send(None)
)


@attack
def object_that_is_its_own_iterator(J):
    class Batches:
        def __init__(self):
            self.i = 0
            self.size = 2

        def __iter__(self):
            return self

        def __next__(self):
            self.i += 1
            return X * self.i

        def __len__(self):
            return 3

    b = Batches()
    f = J(lambda x: x * len(b) * b.size)
    return [f(X), f(X)]


@attack
def attribute_set_on_an_iterator(J):
    class Batches:
        def __init__(self):
            self.i = 0

        def __next__(self):
            return X

    b = Batches()

    def f(x):
        b.i = b.i + 1
        return x * 2

    f = J(f)
    f(X), f(X)
    return b.i
