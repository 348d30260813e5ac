"""The verifier of jit's plans: it accepts what the planner lays out, and finds each kind of fault that is planted."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_edu as tg
from tinygrad_edu.jit import codegen, lowering, memory
from tinygrad_edu.jit.verifier import PlanError, Step, verify
from tinygrad_edu.trace.ir import Call, Input, State, Var

X = np.random.default_rng(0).standard_normal((4, 4))


def made(name):
    """Return the result of a call."""
    return Var(Call(np.negative, (), {}, np.ones(4)), np.ones(4), name)


X0, A, B = Var(Input(0), np.ones(4)), made("a"), made("b")
P_ARRAY = np.ones(4)
P = Var(State(P_ARRAY, None, "data"), P_ARRAY)
BUFFER, OTHER = np.empty(8), np.empty(4)
OUTSIDE = {X0: None, P: P_ARRAY}


def write(out, array, *reads, **effects):
    return Step(f"{out.name} = ...", reads, out, array, into=(out, array), **effects)


RIGHT = [
    write(A, OTHER, (X0, None)),
    write(B, OTHER, (A, OTHER), (P, P_ARRAY), elementwise=True),
    Step("p[...] = b", [(B, OTHER)], into=(P, P_ARRAY)),
]


def test_a_right_plan_is_accepted():
    verify(RIGHT, OUTSIDE, [(P, B)], [])


@pytest.mark.parametrize(
    ("steps", "stores", "fault"),
    [
        ([write(A, BUFFER[:4], (X0, None)), write(B, BUFFER[2:6], (X0, None)), Step("last", [(A, BUFFER[:4])])], [],
         "`last` reads .* after .*b = ..."),
        ([write(A, BUFFER[:4], (X0, None)), write(B, BUFFER[1:5], (A, BUFFER[:4]), elementwise=True)], [], "over"),
        ([write(A, OTHER, (X0, None)), write(B, OTHER[::-1], (A, OTHER), elementwise=True)], [], "writes over"),
        ([write(A, OTHER, (X0, None)), write(B, OTHER, (A, OTHER))], [], "writes over"),
        ([Step("a = ...", [(X0, None)], A), Step("first", [(B, None)])], [], "reads"),
        ([*RIGHT[:1], Step("return a", [(A, OTHER)], hands_out=True)], [], "memory others have or is used again"),
        ([Step("return x", [(X0, None)], hands_out=True)], [], "memory others have or is used again"),
        ([Step("a = x.T", [(X0, None)], A, shares=[X0]), Step("return a", [(A, None)], hands_out=True)], [], "again"),
        ([Step("a = ...", [], A), *[Step("return a", [(A, None)], hands_out=True)] * 2], [], "others have"),
        ([*RIGHT, Step("if nan", [(X0, None)], fails=True)], [(P, B)], "`if nan` can fail after `p.* has changed"),
        ([*RIGHT, Step("last", [(P, P_ARRAY)])], [(P, B)], "`last` reads .* after .*p"),
        ([*RIGHT, write(A, P_ARRAY, (X0, None))], [(P, B)], "should hold"),
        (RIGHT[:2], [(P, B)], "should hold"),
        (RIGHT, [], "should hold"),
        ([Step("b = draw()", [], B, draws=True), Step("a = draw()", [], A, draws=True)], [], "order"),
    ],
)  # fmt: skip
def test_each_kind_of_fault_is_found(steps, stores, fault):
    drawn = [A, B] if any(step.draws for step in steps) else []
    with pytest.raises(PlanError, match=fault):
        verify(steps, OUTSIDE, stores, drawn)


def network():
    """Return a training step, and the parameter that it changes."""
    w = tg.Tensor(np.linspace(-1, 1, 16).reshape(4, 4))
    opt = tg.optim.Adam([w], lr=0.1)

    def step(x):
        h = np.tanh(x @ w) + np.exp(-x)
        opt.minimize(np.sum((h.T * h) @ h))
        return h

    return step, w


def assert_trains(jitted=None, passes=True):
    step, w = network()
    other, v = network()
    jitted = tg.jit(other, optimize=passes)
    for _ in range(3):
        np.testing.assert_allclose(jitted(X).data, step(X).data, rtol=1e-12)
        np.testing.assert_allclose(v.data, w.data, rtol=1e-12)


def free_at_once(self, i):
    for v in self.program.calls[i].uses:
        if v in self.taken:
            buffer = self.taken.pop(v)
            self.free.setdefault(buffer.size, []).append(buffer)


def take_any_operand(self, call, i):
    fits = [v for v in call.uses if v in self.taken and (v.size, v.dtype) == (call.out.size, call.out.dtype)]
    if fits:
        self.taken[call.out] = self.taken.pop(fits[0])
    return self.locations[fits[0]].array if fits else None


def take_an_operand_of_any_call(self, call, i):
    array = next(
        (a for v in call.uses if (a := self.locations[v].array) is not None and a.shape == call.out.shape), None
    )
    return array if call.out not in self.new else None


@pytest.mark.parametrize(
    ("owner", "name", "planted"),
    [
        (memory.Layout, "release", free_at_once), (memory.Layout, "dying_operand", take_any_operand),
        (memory.Layout, "destination", take_an_operand_of_any_call), (memory, "shared", lambda call: ()),
    ],
)  # fmt: skip
def test_a_planted_fault_of_the_planner_is_refused_and_costs_no_number(owner, name, planted, monkeypatch):
    assert_trains()
    monkeypatch.setattr(owner, name, planted)
    with pytest.raises(PlanError, match=r"a fault of jit; use jit\(f, optimize=False\), and please report it"):
        assert_trains()
    assert_trains(passes=False)


def test_a_store_before_the_last_step_that_can_fail_is_found(monkeypatch):
    w = tg.Tensor(np.eye(4))
    opt = tg.optim.SGD([w], lr=0.1)

    def step(x):
        opt.minimize(np.sum(w * x))
        return np.linalg.inv(x)

    tg.jit(step)(X)
    monkeypatch.setattr(codegen, "schedule", lambda program: 0)
    before = w.data.copy()
    with pytest.raises(PlanError, match=r"can fail after"):
        tg.jit(step)(X)
    np.testing.assert_array_equal(w.data, before)  # the recorded call has changed nothing either
    assert opt.steps == 1


def test_random_numbers_in_another_order_are_found(monkeypatch):
    rng = np.random.default_rng(0)
    right = codegen.schedule

    def swapped(program):
        program.calls.sort(key=lambda call: not call.draws)
        program.calls[:2] = program.calls[1::-1]
        return right(program)

    monkeypatch.setattr(codegen, "schedule", swapped)
    with pytest.raises(PlanError, match="random numbers"):
        tg.jit(lambda x: rng.random(4) + 2 * rng.random(4) * x)(X)


def test_a_buffer_that_is_handed_out_is_found(monkeypatch):
    monkeypatch.setattr(memory.Layout, "roots", lambda self, v: (v,))
    monkeypatch.setattr(lowering.Emitter, "copy", lambda self, *args: None)
    with pytest.raises(PlanError, match="hands out"):
        tg.jit(lambda x: (np.tanh(x), x))(X)


OPERATIONS = {
    "add": lambda a, b: a + b, "multiply": lambda a, b: np.tanh(a * b), "dot": lambda a, b: np.tanh(a @ b),
    "transpose": lambda a, b: a.T, "reverse": lambda a, b: a[::-1], "sum": lambda a, b: a + b.sum(axis=0),
    "part": lambda a, b: np.concatenate([a[:2], b[2:]]), "flip": lambda a, b: np.flip(a, 0) - b,
    "column": lambda a, b: a * b[:, 1:2], "reshape": lambda a, b: a.reshape(2, 8).reshape(4, 4) + b.T.reshape(4, 4),
    "number": lambda a, b: a * b[1, 2], "where": lambda a, b: np.where(a > b, a, b), "copy": lambda a, b: a.copy(),
    "setitem": lambda a, b: np.put_along_axis(c := a.copy(), np.zeros((4, 1), int), b[:, :1], 1) or c,
    "inverse": lambda a, b: a + 0 * np.linalg.det(b),
}  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(
    operations=st.lists(
        st.tuples(st.sampled_from([*OPERATIONS, "store", "grad"]), st.integers(0, 9), st.integers(0, 9)), min_size=2
    ),
    results=st.lists(st.integers(0, 9), max_size=3), passes=st.sampled_from([True, ("memory",), ("memory", "blas")]),
)  # fmt: skip
def test_plans_of_any_program_are_accepted_and_give_its_numbers(operations, results, passes):
    def program():
        tensors = [tg.Tensor(X * (i + 1) / 3) for i in range(2)]

        def f(x):
            values = [x, *[t.data for t in tensors]]
            for name, i, j in operations:
                a, b = values[i % len(values)], values[j % len(values)]
                if name == "store":
                    t = tensors[j % 2]
                    t.data[...] = t.data * 0.5 + a
                    values.append(t.data * 1.0)
                elif name == "grad":
                    tensors[j % 2].grad = a.copy()  # an argument or data itself is refused
                else:
                    values.append(OPERATIONS[name](a, b))
            return [values[i % len(values)] * 1.0 if i % 2 else values[i % len(values)] for i in results]

        return f, tensors

    f, tensors = program()
    g, others = program()
    jitted = tg.jit(g, optimize=passes)
    kept = []
    with np.errstate(all="ignore"):
        for scale in (1.0, 0.7, -0.3):
            expected, found = f(X * scale), jitted(X * scale)
            kept.append((found, [np.array(a) for a in found]))
            for a, b in zip(found, expected, strict=True):
                np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)
            for t, u in zip(tensors, others, strict=True):
                np.testing.assert_allclose(u.data, t.data, rtol=1e-9, atol=1e-12)
                assert (t.grad is None) == (u.grad is None)
                if t.grad is not None:
                    np.testing.assert_allclose(u.grad, t.grad, rtol=1e-9, atol=1e-12)
    for found, before in kept[1:]:
        for a, b in zip(found, before, strict=True):
            np.testing.assert_array_equal(a, b)
