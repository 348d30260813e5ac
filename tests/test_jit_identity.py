"""Which objects are the same, and what lists and dicts hold, is part of what `jit` records."""

import functools
from collections import namedtuple
from dataclasses import dataclass, field
from types import SimpleNamespace

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu.jit import JitError

X = np.arange(1.0, 4.0)


def same(make, *calls):
    """Check that a jitted function gives the eager results and leaves the same arguments; `calls` make arguments."""
    (eager, eager_state), (fun, state) = make(), make()
    jitted = tg.jit(fun)
    for call in calls:
        expected_args, args = call(*eager_state), call(*state)
        expected, found = eager(*expected_args), jitted(*args)
        np.testing.assert_equal(found, expected)
        np.testing.assert_equal(args, expected_args)


def closed_over_tensor():
    w, v = tg.Tensor(X), tg.Tensor(X * 2)
    return (lambda p: tg.gradients((p * X * w).sum(), [w])[0]), (w, v)


def closed_over_array():
    w, v = X.copy(), X * 2

    def f(x):
        x += 1
        return w * 2

    return f, (w, v)


def array_that_is_only_read():
    w, v = X.copy(), X * 2
    return (lambda x: x * 3 + w), (w, v)


@pytest.mark.parametrize("make", [closed_over_tensor, closed_over_array, array_that_is_only_read])
@pytest.mark.parametrize("order", ["vvvw", "wwwv", "vwvwvw", "wwvvww"])
def test_an_argument_may_become_what_the_function_closes_over_and_may_cease_to_be_it(make, order):
    def call(letter):
        return lambda w, v: (w if letter == "w" else v,)

    (eager, eager_state), (fun, state) = make(), make()
    jitted = tg.jit(fun)
    for letter in order:
        expected, found = eager(*call(letter)(*eager_state)), jitted(*call(letter)(*state))
        np.testing.assert_array_equal(getattr(found, "data", found), getattr(expected, "data", expected))
        for a, b in zip(state, eager_state, strict=True):
            np.testing.assert_array_equal(getattr(a, "data", a), getattr(b, "data", b))


def replaces_data(w, x):
    is_same, w.data = x is w.data, w.data + 1
    return is_same


def replaces_gradient(w, x):
    is_same, w.grad = x is w.grad, w.grad + 1
    return is_same


def replaces_attribute(w, x):
    is_same, held.a = x is held.a, held.a + 1
    return is_same


held = SimpleNamespace()


@pytest.mark.parametrize("replaces", [replaces_data, replaces_gradient, replaces_attribute])
def test_an_array_that_the_function_replaces_may_be_an_argument_later(replaces):
    def run(J):
        w = tg.Tensor(X)
        w.grad, held.a = X * 2, X * 3
        step, found = J(lambda x: x * (2 if replaces(w, x) else 3)), []
        for given in "xxxdgaxdga":
            found.append(step({"x": X, "d": w.data, "g": w.grad, "a": held.a}[given]))
        return found

    np.testing.assert_array_equal(run(functools.partial(tg.jit, check=False)), run(lambda f: f))


@pytest.mark.parametrize(
    "asks",
    [
        lambda x, w, v: x is w.data, lambda x, w, v: x is w.grad, lambda x, w, v: w.data is v.data,
        lambda x, w, v: w.grad is v.grad, lambda x, w, v: w.data is held.a, lambda x, w, v: x is held.a,
    ],
)  # fmt: skip
def test_arrays_that_are_only_told_apart_may_become_one_and_two_again(asks):
    def run(J):
        w, v = tg.Tensor(X), tg.Tensor(X)
        w.grad, v.grad, held.a = X * 2, X * 3, X * 4
        step, found = J(lambda x: x * (2 if asks(x, w, v) else 3)), []
        for i, given in enumerate("xxxdgaxxxx"):
            found.append(step({"x": X, "d": w.data, "g": w.grad, "a": held.a}[given]))
            if i in (6, 8):
                v.data, v.grad, held.a = (w.data, w.grad, w.data) if i == 6 else (X + 1, X + 2, X + 3)
        return found

    np.testing.assert_array_equal(run(functools.partial(tg.jit, check=False)), run(lambda f: f))


@pytest.mark.parametrize("order", ["apart", "p_p", "papq", "qpaq"])
def test_a_gradient_that_is_the_data_of_an_argument_may_be_another_array_later(order):
    def f(p, q):
        return None if p.grad is None else p.grad * 2 + p.data * q.data

    jitted = tg.jit(f)
    for letter in order:
        p, q = tg.Tensor(X), tg.Tensor(X + 5)
        p.grad = {"a": X * 3, "p": p.data, "q": q.data}.get(letter)
        np.testing.assert_equal(jitted(p, q), f(p, q))


def test_whether_the_tensors_among_the_arguments_take_gradients_may_change():
    jitted = tg.jit(lambda p, q, rest: (p * q * rest["r"]).requires_grad, check=False)
    p, q = tg.Tensor(X), tg.Tensor(X, requires_grad=False)
    for given in [(p, p, p), (q, q, q), (p, q, p), (q, p, q), (q, q, p)] * 2:
        assert jitted(*given[:2], {"r": given[2]}) == any(x is p for x in given)
    q.requires_grad = True
    assert jitted(q, q, {"r": q})


@pytest.mark.parametrize("number", [2.0, np.float64(2.0), np.float32(2.0), np.int64(2)], ids=lambda n: type(n).__name__)
def test_one_number_given_twice_may_be_two_numbers_later(number):
    jitted = tg.jit(lambda x, y, rest: [x * 2 + y, rest["z"] - x])
    for k in (0, 1, 2):
        given = number, number + type(number)(k) if k else number, {"z": number}
        assert jitted(*given) == [given[0] * 2 + given[1], given[2]["z"] - given[0]]


@pytest.mark.parametrize("order", ["aabba", "ababab", "bbaab"])
def test_one_list_given_twice_is_told_from_two_lists(order):
    def f(lists):
        lists[0].append(1)
        return X * len(lists[1])

    jitted = tg.jit(f)
    for letter in order:
        one, two = [], []
        np.testing.assert_array_equal(jitted([one, one] if letter == "a" else [one, two]), X * (letter == "a"))
        assert (one, two) == ([1], [])


def test_members_that_stay_are_the_same_objects_when_a_list_or_a_dict_is_changed():
    def f(d, values):
        d["b"] = d["a"][0] + 1
        values.append(values[0] * 2)
        d["c"] = values
        return values[-1] * 1

    for run in (f, tg.jit(f)):
        x, inner, values = X * 1, [X * 3], []
        values.append(x)
        for _ in range(3):
            d = {"a": inner}
            run(d, values)
            assert values[0] is x
            assert d["a"] is inner
            assert d["c"] is values
            np.testing.assert_array_equal(d["b"], inner[0] + 1)


@dataclass
class Pair:
    w: np.ndarray
    more: object = None
    n: int = 0


def test_members_may_move_from_container_to_container():
    def f(a, b):
        a["inner"].append(b.pop(0))
        b.append(a.pop("inner"))
        a["old"], a["new"] = b, a["x"] * 2
        b.insert(0, a.pop("x"))

    for run in (f, tg.jit(f)):
        for k in range(3):
            x, y, inner, b = X + k, X - k, [1], []
            a, b = {"x": x, "inner": inner}, [y]
            run(a, b)
            assert list(a) == ["old", "new"]
            assert a["old"] is b
            assert b[0] is x
            assert b[1] is inner
            assert inner[1] is y
            np.testing.assert_array_equal(a["new"], x * 2)


def test_dataclasses_that_the_function_changes_are_changed_and_their_other_members_stay():
    def f(a, b):
        a.w = a.w * 2 + b.w
        b.more.append(a.n)
        a.n, a.more = len(b.more), b.more
        return a.w.sum() + (a is b)

    def calls(run):
        shared, seen = Pair(X * 1, [1]), []
        for a, b in (
            (shared, shared),
            (Pair(X), Pair(-X, [])),
            (shared, shared),
            (Pair(X), Pair(X, [])),
            (Pair(X), shared),
        ):
            inner, w = b.more, b.w
            seen += [run(a, b), a.w * 1, a.n, [*b.more], a.more is b.more, b.more is inner, a is b or b.w is w]
        return seen

    for expected, found in zip(calls(f), calls(tg.jit(f)), strict=True):
        np.testing.assert_array_equal(found, expected)


@dataclass(eq=False)
class Body:
    x: np.ndarray
    v: np.ndarray
    marks: list = field(default_factory=list)


@dataclass(eq=False, slots=True)
class Slotted:
    x: np.ndarray
    v: np.ndarray
    marks: list = field(default_factory=list)


def moved_by_the_world(world, body, dt):
    for each in world.bodies:
        each.x = each.x + dt
    return body.x * 2


def moved_as_an_argument(world, body, dt):
    body.x, body.v = body.x + body.v * dt, body.v * 0.5
    return sum([each.x for each in world.bodies])


def written_as_an_argument(world, body, dt):
    body.x += dt
    return sum([each.x for each in world.bodies])


def told_from_others(world, body, dt):
    return sum([each.x for each in world.bodies if each is not body]) * dt


def found_by_its_hash(world, body, dt):
    return dt * world.weights.get(body, 1.0) + (body in world.bodies)


def in_a_member(world, body, dt):
    if body.marks:
        body.marks[0] = body.marks[0] + dt
    return world.bodies[0].x + (world.bodies[0].marks or [0.0])[0]


@pytest.mark.parametrize("kind", [Body, Slotted])
@pytest.mark.parametrize(
    "rule",
    [
        moved_by_the_world, moved_as_an_argument, written_as_an_argument, told_from_others, found_by_its_hash,
        in_a_member,
    ],
)  # fmt: skip
@pytest.mark.parametrize("is_given", [True, False])
@pytest.mark.parametrize("order", ["0101s01", "s0s0110", "00011ss"])
def test_a_dataclass_among_the_arguments_may_be_one_that_the_function_finds_too(kind, rule, is_given, order):
    def run(J):
        bodies = [kind(X * k, X + k, [X - k]) for k in range(2)]
        world = SimpleNamespace(bodies=bodies, weights={bodies[0]: 2.0})
        step, results = J(rule if is_given else lambda body, dt: rule(world, body, dt)), []
        for i, given in enumerate(order):
            body = kind(X * i, X - i) if given == "s" else bodies[int(given)]
            results.append(step(*[world] * is_given, body, X + i))
            results += [np.array([b.x, b.v, *b.marks]) for b in bodies] + [body.x * 1, body.v * 1]
        return results

    expected = run(lambda f: f)
    for options in ({}, {"check": False}):
        np.testing.assert_equal(run(functools.partial(tg.jit, **options)), expected)


def test_a_dataclass_that_the_function_finds_is_returned_itself():
    held = SimpleNamespace(body=Body(X * 1, X * 2))

    @tg.jit
    def step(body):
        held.body.x = held.body.x + 1
        return body

    for k in range(1, 5):
        assert step(held.body) is held.body
        np.testing.assert_array_equal(held.body.x, X + k)


@pytest.mark.parametrize("make", [lambda: (X * 1, 2.0), lambda: namedtuple("Two", "a b")(X * 1, 2.0), lambda: (3, 1)])
@pytest.mark.parametrize("order", ["abab", "bbaa", "aabb"])
def test_a_tuple_among_the_arguments_may_be_one_that_the_function_finds_too(make, order):
    def run(J):
        first, other = make(), make()
        held = SimpleNamespace(first=first)
        f = J(lambda pair, x: x * (2 if pair is held.first else 3) + pair[0] + held.first[1])
        twice = J(lambda p, q: p[0] * (2 if p is q else 3) + q[1] * X)
        given = {"a": first, "b": other}
        return [f(given[k], X) for k in order] + [twice(first, given[k]) for k in order]

    expected = run(lambda f: f)
    for options in ({}, {"check": False}):
        np.testing.assert_equal(run(functools.partial(tg.jit, **options)), expected)


def test_an_array_that_lives_on_is_put_into_a_container_itself():
    def make():
        buffer, w = np.zeros(3), tg.Tensor(X * 1)
        sgd = tg.optim.SGD([w], lr=0.1)

        def f(d, values, x):
            buffer[...] += x
            sgd.minimize((w * x).sum())
            d["buffer"], d["w"] = buffer, w.data
            values.append(buffer)

        return f, buffer, w

    (f, buffer, w), (g, other, v) = make(), make()
    jitted, seen, found = tg.jit(g), [], []
    for k in range(4):
        seen.append(({}, []))
        found.append(({}, []))
        f(*seen[-1], X * k)
        jitted(*found[-1], X * k)
    for (d, values), (e, others) in zip(seen, found, strict=True):
        assert d["buffer"] is values[0] is buffer
        assert e["buffer"] is others[0] is other
        assert (d["w"] is w.data, e["w"] is v.data) == (True, True)
        np.testing.assert_array_equal(e["w"], d["w"])
    assert jitted.cache_info().hits == 3


SHIFT = tg.Tensor(X, label="shift")


@dataclass
class Shifting:
    w: np.ndarray

    def __call__(self, x):
        return (x + SHIFT) * self.w


@dataclass
class Moving(Shifting):
    def moved(self, x):
        return self(x) * SHIFT


def test_what_the_methods_of_a_dataclass_name_is_seen():
    for f in (lambda m, x: m(x).data, lambda m, x: m.moved(x).data, lambda x: Moving(x)(x).data):
        jitted = tg.jit(f)
        for k in range(4):
            args = (Moving(X + k), X) if f.__code__.co_argcount == 2 else (X + k,)
            SHIFT.data[0] = k
            np.testing.assert_array_equal(jitted(*args), f(*args))
        assert jitted.cache_info().hits == 3


def test_a_call_that_gives_a_dataclass_an_attribute_runs_without_jit_a_few_times():
    pair, extended = Pair(X), tg.jit(lambda p: setattr(p, "extra", p.w * 2))
    extended(pair)
    np.testing.assert_array_equal(pair.extra, X * 2)
    for _ in range(3):
        extended(Pair(X))
    with pytest.raises(JitError, match="attribute extra"):
        extended(Pair(X))
    f = tg.jit(lambda p: p.w + p.extra)
    for k in range(3):
        pair.extra = X * k
        np.testing.assert_array_equal(f(pair), X + X * k)


def test_keys_that_are_equal_are_told_apart():
    jitted = tg.jit(lambda d: X * len(str(next(iter(d)))))
    for key in (1, 1, True, 1.0, 1, "1"):
        np.testing.assert_array_equal(jitted({key: 2}), X * len(str(key)))


def popped(d):
    a = d.pop("a")
    d["c"] = d["b"] + 1
    return a * 1


def test_lists_and_dicts_that_the_function_changes_are_changed_and_may_grow():
    same(lambda: (popped, ()), *[lambda: ({"a": X * 1, "b": X * 2},)] * 4)

    def growing(values):
        values.append(values[0] * 2)
        return values[-1] * 1

    def averaged(memory, g):
        memory["m"] = memory.get("m", 0) * 0.9 + g
        return memory["m"] * 1

    same(lambda: (growing, ([X],)), *[lambda values: (values,)] * 5)
    same(lambda: (averaged, ({},)), *[lambda memory: (memory, X)] * 5)


def test_gradients_of_more_parts_of_a_batch_than_before_may_be_added_up():
    w = tg.Tensor(np.ones(3))
    opt = tg.optim.SGD([w], lr=0.1)

    @tg.jit
    def step(n):
        opt.zero_grad()
        for _ in range(n):
            (w * 2).sum().backward()
        opt.step(accumulated=True)

    for n in (1, 1, 2, 2, 4, 1):
        step(n)
    np.testing.assert_allclose(w.data, 1 - 0.2 * 11)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", [tg.optim.Adam, tg.optim.RMSprop, tg.optim.Adagrad])
def test_a_gradient_that_is_zero_but_for_rounding_is_no_difference(dtype, kind):
    x = np.random.default_rng(0).uniform(-1, 1, (20, 3)).astype(dtype)
    t = np.sin(x[:, :1])
    for seed in range(5):
        model = tg.nn.Sequential(tg.nn.Linear(3, 6, rng=seed), tg.nn.BatchNorm1d(6), tg.nn.Linear(6, 1, rng=2))
        for p in model.tensors().values():
            p.data = p.data.astype(dtype)
        options = {"epochs": 2, "batch_size": 7, "progress": False, "rng": 0, "jit": True}
        tg.fit(model, tg.mse_loss, (x, t), optimizer=kind(model.parameters(), lr=0.01), **options)


def test_an_exception_of_the_function_leaves_generators_as_they_were():
    rng = np.random.default_rng(0)
    before = rng.bit_generator.state

    @tg.jit
    def f(x):
        noise = rng.normal(size=3)
        raise KeyError(noise.shape)

    with pytest.raises(KeyError):
        f(X)
    assert rng.bit_generator.state == before


@pytest.mark.parametrize("label", ["ids", "now", "seen", "others", "guards_only", "held", "owners"])
def test_labels_do_not_get_in_the_way_of_the_names_in_a_plan(label):
    w = tg.Tensor(X, label=label)
    f = tg.jit(lambda x: x * w.data)
    for k in range(3):
        np.testing.assert_array_equal(f(X * k), X * X * k)
