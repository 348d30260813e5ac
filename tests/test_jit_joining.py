"""Updates of small parameters are joined: fewer calls, the same bits, and every array where it was."""

import copy
import pickle

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu.optim.packing import SMALL, packed

SHAPES = [(3, 4), (4,), (1,), (), (2, 2, 3), (5, 1)]
OPTIMIZERS = {
    "sgd": lambda ps: tg.optim.SGD(ps, lr=0.1, weight_decay=0.01),
    "momentum": lambda ps: tg.optim.SGD(ps, lr=0.1, momentum=0.9, dampening=0.1),
    "nesterov": lambda ps: tg.optim.SGD(ps, lr=0.1, momentum=0.9, nesterov=True),
    "adam": lambda ps: tg.optim.Adam(ps, lr=0.1, amsgrad=True, maximize=True),
    "adamw": lambda ps: tg.optim.AdamW([{"params": ps[:3]}, {"params": ps[3:], "lr": 0.3}], lr=0.1),
    "nadam": lambda ps: tg.optim.NAdam(ps, lr=0.1),
    "radam": lambda ps: tg.optim.RAdam(ps, lr=0.1, weight_decay=0.1),
    "adagrad": lambda ps: tg.optim.Adagrad(ps, lr=0.1, initial_accumulator_value=0.1),
    "adadelta": lambda ps: tg.optim.Adadelta(ps),
    "rmsprop": lambda ps: tg.optim.RMSprop(ps, lr=0.01, centered=True, momentum=0.9),
    "rprop": lambda ps: tg.optim.Rprop(ps, lr=0.01),
}
BITWISE = ("join", "memory", "dead", "common", "algebra", "constants", "broadcasting")


def model(optimizer, dtype=np.float64, shapes=SHAPES):
    """Return (step, parameters, optimizer) of a loss with a gradient for each parameter, and one that is in columns."""
    rng = np.random.default_rng(0)
    ps = [tg.Tensor(rng.normal(size=shape).astype(dtype)) for shape in shapes]
    ps.append(tg.Tensor(np.asfortranarray(rng.normal(size=(3, 3)).astype(dtype))))
    opt = OPTIMIZERS[optimizer](ps)

    def step(x):
        loss = sum(np.sum(np.sin(p * x) + p * p) for p in ps) + np.sum((x * np.ones((2, 3), dtype)) @ ps[0])
        opt.minimize(loss)
        return loss

    return step, ps, opt


def everything(ps, opt):
    """Return copies of the data and the gradients of parameters, and of an optimizer's state."""
    arrays = [a for p in ps for a in (p.data, p.grad)] + [a for each in opt.state.values() for a in each]
    return [None if a is None else a.copy() for a in arrays]


def assert_same(left, right):
    for a, b in zip(left, right, strict=True):
        assert (a is None) == (b is None)
        if a is not None:
            np.testing.assert_array_equal(a, b, strict=True)


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_joined_updates_give_the_bits_of_the_eager_ones(optimizer, dtype):
    (eager, ps, opt), (other, qs, opt2) = (model(optimizer, np.dtype(dtype)) for _ in range(2))
    jitted = tg.jit(other, optimize=BITWISE)
    for i in range(4):
        x = np.asarray(0.5 + i, dtype)
        eager(x), jitted(x)
        assert_same(everything(ps, opt), everything(qs, opt2))
    assert jitted.cache_info().hits == 3


@pytest.mark.parametrize(("optimizer", "line"), [("adam", "sqrt("), ("momentum", "multiply(k"), ("sgd", "multiply(k2")])
def test_an_update_of_many_parameters_takes_few_calls(optimizer, line):
    counts = []
    for n in (3, 12):
        step, _, _ = model(optimizer, shapes=[(3, 4)] * n)
        jitted = tg.jit(step)
        jitted(np.asarray(0.5))
        counts.append(jitted.plan.count(line))
    assert counts[0] == counts[1] > 0


def test_parameters_and_states_stay_where_they_are():
    step, ps, opt = model("adam")
    data, state = [p.data for p in ps], [a for each in opt.state.values() for a in each]
    jitted = tg.jit(step)
    for _ in range(3):
        jitted(np.asarray(0.5))
    assert all(p.data is a for p, a in zip(ps, data, strict=True))
    assert all(a is b for a, b in zip(state, [a for each in opt.state.values() for a in each], strict=True))
    assert all(p.data.base is None for p in ps)


def test_gradients_that_a_replay_hands_out_are_never_written_again():
    step, ps, _ = model("adam")
    jitted = tg.jit(step)
    kept = []
    for i in range(4):
        jitted(np.asarray(0.5 + i))
        kept.append([(p.grad, p.grad.copy()) for p in ps])
        ps[0].grad[...] = 7.0  # the user's own
        assert all((p.grad == before).all() for p, (_, before) in list(zip(ps, kept[-1], strict=True))[1:])
        kept[-1] = kept[-1][1:]
    assert all((g == before).all() for each in kept for g, before in each)


def test_gradients_that_lie_in_one_array_are_arguments_of_a_replay_as_others_are():
    step, ps, _ = model("adam")
    jitted = tg.jit(step)

    @tg.jit
    def halve():
        for p in ps[:3]:
            p.grad *= 0.5

    for i in range(4):
        jitted(np.asarray(0.5 + i))
        before = [p.grad.copy() for p in ps]
        halve()
        assert_same([b * 0.5 for b in before[:3]] + before[3:], [p.grad for p in ps])
    assert halve.cache_info().hits == 3


@pytest.mark.parametrize("change", ["state", "freeze", "group", "copy", "pickle", "load", "wide"])
def test_after_a_change_of_the_optimizer_the_bits_are_the_same(change):
    results = []
    for compiled in (False, True):
        _, ps, opt = model("adam")
        holder = [opt]

        def train(x, ps=ps, holder=holder):
            loss = sum(np.sum(np.sin(p * x) + p * p) for p in ps if p.requires_grad)
            holder[0].minimize(loss)
            return loss

        run = tg.jit(train, optimize=BITWISE) if compiled else train
        for i in range(8):
            run(np.asarray(0.5 + i))
            if i == 3 and change == "state":
                opt.state["m"][1] = opt.state["m"][1] * 0.5
            elif i == 3 and change == "freeze":
                ps[1].requires_grad = False
            elif i == 3 and change == "group":
                ps += [tg.Tensor(np.ones(3)), tg.Tensor(np.ones((2, 2)))]
                opt.add_param_group({"params": ps[-2:], "lr": 0.5})
            elif i == 3 and change == "load":
                state = opt.state_dict()
                opt.load_state_dict({k: v * 0.5 if k.startswith("m.") else v for k, v in state.items()})
            elif i == 3 and change == "wide":
                ps[0].data[0, 0] = 1e150
            elif i == 3:
                (ps2, holder[0]) = (
                    copy.deepcopy((ps, opt)) if change == "copy" else pickle.loads(pickle.dumps((ps, opt)))
                )
                ps[:] = ps2
            if i == 5 and change == "freeze":
                ps[1].requires_grad = True
        results.append(everything(ps, holder[0]))
    assert_same(*results)


def test_small_states_lie_one_behind_the_other_and_large_ones_alone():
    arrays = [np.ones((2, 3)), np.ones(SMALL + 1), np.ones(4), np.ones(3, np.float32), np.ones(()), np.ones(0)]
    found = packed(arrays)
    assert_same(arrays, found)
    assert found[0].base is found[2].base is not None
    assert [found[i] is arrays[i] for i in (1, 4, 5)] == [True] * 3
    assert found[3].base is not found[0].base


def test_factors_that_are_equal_when_they_are_recorded_stay_apart():
    def made():
        ps = [tg.Tensor(np.arange(1.0, n + 1)) for n in (3, 4, 5)]
        factors = [tg.Tensor(np.array(0.1), requires_grad=False) for _ in ps]

        def step(x):
            loss = sum(np.sum(np.tanh(p * x)) for p in ps)
            for p in ps:
                p.zero_grad()
            loss.backward()
            for p, factor in zip(ps, factors, strict=True):
                p.data -= factor.data * (p.grad * 2.0 + 1.0) * 0.5
            return loss.data

        return step, ps, factors

    eager, jitted = made(), made()
    steps = eager[0], tg.jit(jitted[0])
    for k in range(4):
        for step, _, factors in ((steps[0], *eager[1:]), (steps[1], *jitted[1:])):
            step(np.array(1.0 + k))
            factors[0].data *= 0.5
            factors[1].data *= 2.0
        for p, q in zip(eager[1], jitted[1], strict=True):
            np.testing.assert_allclose(p.data, q.data, rtol=1e-12)


def test_an_operand_that_is_broadcast_in_all_lanes_stays_apart():
    def made():
        ps = [tg.Tensor(np.arange(4.0 * n).reshape(n, 4)) for n in (3, 2, 5, 1)]

        def step(scale):
            for p in ps:
                p.data -= ((p.data * 0.5 + 1.0) * scale) * 0.1

        return step, ps

    (eager, ps), (other, qs) = made(), made()
    jitted = tg.jit(other)
    for k in range(3):
        eager(np.arange(4.0) + k), jitted(np.arange(4.0) + k)
        assert_same([p.data for p in ps], [q.data for q in qs])


@pytest.mark.parametrize(
    "penalty",
    [
        lambda ps, x: sum((p * p).sum() for p in ps),
        lambda ps, x: x[0] + sum(np.sum(np.square(p)) for p in ps) + 2.0 + x[1],
        lambda ps, x: (total := sum((p * p).sum() for p in ps)) * total + np.sum(x),
        lambda ps, x: np.sum(ps[0] ** 2) * sum((p * p).sum() for p in ps[1:]) + sum((q * q).sum() for q in ps[:5]),
        lambda ps, x: sum((p * p).sum() * x[0] for p in ps) + sum((p * p).sum() for p in ps[:3]),
    ],
)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_penalty_on_all_parameters_is_one_sum(penalty, dtype):
    """To rounding, as the terms are added up in another order."""
    rng = np.random.default_rng(1)
    ps = [tg.Tensor(rng.normal(size=shape).astype(dtype)) for shape in [*SHAPES, (4, 2), (6,)]]
    ps.append(tg.Tensor(np.asfortranarray(rng.normal(size=(3, 3)).astype(dtype))))
    qs, tolerance = copy.deepcopy(ps), 1e-12 if dtype == "float64" else 1e-4

    def step(ps, opt):
        def update(x):
            loss = penalty(ps, x)
            opt.minimize(loss)
            return loss

        return update

    eager, jitted = step(ps, tg.optim.SGD(ps, lr=0.01)), tg.jit(step(qs, tg.optim.SGD(qs, lr=0.01)))
    for i in range(4):
        x = np.array([0.5 + i, -1.0], dtype)
        np.testing.assert_allclose(jitted(x).data, eager(x).data, rtol=tolerance)
        for p, q in zip(ps, qs, strict=True):
            np.testing.assert_allclose(q.data, p.data, rtol=tolerance, atol=tolerance)
            np.testing.assert_allclose(q.grad, p.grad, rtol=tolerance, atol=tolerance)


def test_only_several_sums_of_squares_are_joined():
    def sums(n):
        ps = [tg.Tensor(np.full((3, 4), i + 1.0)) for i in range(n)]
        penalty = tg.jit(lambda: sum((p * p).sum() for p in ps))
        assert float(penalty()) == float(penalty()) == sum(12 * (i + 1) ** 2 for i in range(n))
        return penalty.plan.count(".dot(")

    assert [sums(n) for n in (1, 3, 4, 9)] == [1, 3, 1, 1]
