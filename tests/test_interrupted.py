"""Operations that an error ends in the middle, at each line in turn, change nothing; or all, if it comes at the end."""

import contextlib
import gc
import inspect
import io
import os
import sys
import threading
import warnings
from itertools import takewhile

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu.engine import hooks, mode
from tinygrad_edu.engine.rules import registry
from tinygrad_edu.engine.tape import Node
from tinygrad_edu.jit.recording import Recording
from tinygrad_edu.nn import module, preserving, summary
from tinygrad_edu.optim import lr_scheduler
from tinygrad_edu.optim.lr_scheduler import ChainedScheduler, ExponentialLR, LinearWarmup, ReduceLROnPlateau, StepLR
from tinygrad_edu.trace import capture
from tinygrad_edu.train.checkpoint import TrainingState

LIBRARIES = tuple([os.path.dirname(tg.__file__), os.path.dirname(np.__file__), contextlib.__file__])


@pytest.fixture(autouse=True)
def alone():
    """Collect what other tests have left, as its finalizers would be interrupted too; leave no context of ours."""
    gc.collect()
    errors = np.geterr()
    yield
    np.seterr(**errors)  # an interrupt at the end of a block of np.errstate leaves its settings
    mode._mode.set(None)
    mode.transform.set(None)


def frozen(x):
    """Return a value that is equal for what holds the same numbers."""
    if isinstance(x, np.ndarray):
        return x.dtype.str, x.shape, x.tobytes()
    if isinstance(x, Node):
        return frozen(x._value), frozen(x._grad), x.requires_grad
    if isinstance(x, (list, tuple)):
        return [frozen(v) for v in x]
    if isinstance(x, dict):
        return {k: frozen(v) for k, v in x.items()}
    if isinstance(x, tg.nn.Module):
        return frozen(x.state_dict()), [m.training for m in x.modules()]
    if isinstance(x, tg.optim.Optimizer):
        return frozen([x.params, x.state_dict(), x.wide, [vars(group) for group in x.groups]])
    if isinstance(x, lr_scheduler.LRScheduler):
        return frozen(x.state_dict())
    return x


def lines(run, at=None):
    """Run it, and raise KeyboardInterrupt before the line of this number; return (function, line) of all up to it."""
    seen = []

    def trace(frame, event, _):
        if not frame.f_code.co_filename.startswith(LIBRARIES):  # nor what pytest and hypothesis do meanwhile
            return None
        if event in ("call", "line"):
            seen.append((frame.f_code, frame.f_lineno))
            if len(seen) - 1 == at:
                sys.settrace(None)
                while frame:  # what a line calls is a part of it
                    if frame.f_lineno in UNCHECKED.get(frame.f_code, ()):
                        seen[-1] = frame.f_code, frame.f_lineno
                    frame = frame.f_back
                raise KeyboardInterrupt
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        run()
    except KeyboardInterrupt:
        pass
    finally:
        sys.settrace(before)
    return seen


def last_block(function, keyword):
    """Return the code of a function, and the numbers of the lines in its last block that begins with the keyword."""
    text, first = inspect.getsourcelines(function)
    start = max(i for i, line in enumerate(text) if line.strip().startswith(keyword))
    indent = len(text[start]) - len(text[start].lstrip())
    block = takewhile(lambda i: len(text[i]) - len(text[i].lstrip()) > indent, range(start + 1, len(text)))
    return function.__code__, {first + start, *[first + i for i in block]}


# An interrupt in these blocks Python itself cannot undo; and these loops only store what was computed before.
BLOCKS = [lr_scheduler.LRScheduler._set, inspect.unwrap(capture.collector_paused), Recording.replay]
BLOCKS += [inspect.unwrap(preserving.preserved), inspect.unwrap(module.mode), summary._output_shapes]
LOOPS = [tg.optim.clip_grad_norm, tg.optim.clip_grad_value, tg.nn.Module.astype, tg.nn.Module.train]
LOOPS += [tg.Tensor._take_place_of]
UNCHECKED = dict([last_block(f, "finally:") for f in BLOCKS] + [last_block(f, "for ") for f in LOOPS])


def places(run):
    """Return where to interrupt it, as numbers: each line at its first and at its last time."""
    seen = lines(run)
    return sorted(
        {
            *{line: i for i, line in reversed([*enumerate(seen)])}.values(),
            *{line: i for i, line in enumerate(seen)}.values(),
        }
    )


def check_all_or_nothing(make, run, state=frozen):
    """Interrupt `run(make())` at each line; it may run anew then, and give the same as without the interrupt."""
    x, other = make(), make()
    states = [state(x)]
    for _ in range(2):
        run(x)
        states.append(state(x))
    for at in places(lambda: run(other)):
        x = make()
        code, line = lines(lambda x=x: run(x), at)[-1]
        if line in UNCHECKED.get(code, ()):
            continue
        assert state(x) in states[:2], f"before line {line} of {code.co_qualname}"
        done = states.index(state(x))
        run(x)
        assert state(x) == states[done + 1], f"again, after line {line} of {code.co_qualname}"


def parameters(n=3, dtype=float, g=1.0):
    found = [tg.Tensor(np.ones(3, dtype)) for _ in range(n)]
    for p in found:
        p.grad = np.full(3, g, dtype)
    return found


def adam(g=1.0):
    optimizer = tg.optim.Adam(parameters(3, np.float32, g), lr=0.1)
    optimizer.step()
    return optimizer


def in_groups(schedule):
    """Return a schedule of an optimizer with two groups, after two steps."""
    optimizer = tg.optim.SGD([{"params": parameters(1), "lr": 0.1}, {"params": parameters(1)}], lr=0.3, momentum=0.5)
    made = schedule(optimizer)
    optimizer.step(accumulated=True)
    for _ in range(2):
        made.step(1.0) if made.watches_loss else made.step()
    return made


SCHEDULES = {
    "one": lambda o: ExponentialLR(o, 0.5),
    "plateau": lambda o: ReduceLROnPlateau(o, patience=0),
    "warm-up": lambda o: LinearWarmup(o, 1, then=ReduceLROnPlateau(o, patience=0)),
    "chained": lambda o: ChainedScheduler([ExponentialLR(o, 0.5), StepLR(o, 1)]),
}


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_schedule_steps_in_all_groups_or_in_none(name):
    def step(schedule):
        schedule.step(1.0) if schedule.watches_loss else schedule.step()

    check_all_or_nothing(lambda: in_groups(SCHEDULES[name]), step, lambda s: frozen([s, s.optimizer]))


def test_a_schedule_whose_rate_raises_leaves_the_optimizer_without_factors():
    class Broken(lr_scheduler.LRScheduler):
        def rate(self, base_lr, epoch):
            raise KeyboardInterrupt

    sgd = tg.optim.SGD(parameters(), lr=0.1)
    before = frozen(sgd)
    with pytest.raises(KeyboardInterrupt):
        Broken(sgd)
    assert frozen(sgd) == before


def test_a_rate_out_of_range_changes_neither_factors_nor_epoch():
    sgd = tg.optim.SGD(parameters(), lr=1.0)
    first, second = (lr_scheduler.LambdaLR(sgd, lambda epoch: 1e200 if epoch else 1.0) for _ in range(2))
    sgd.step()
    first.step()
    before = frozen([first, second, sgd])
    with pytest.raises(ValueError, match="lr must be"):
        second.step()
    assert frozen([first, second, sgd]) == before


@pytest.mark.parametrize(("name", "value"), [("lr", 0.7), ("momentum", 0.7)])
def test_a_hyperparameter_is_set_in_all_groups_or_in_none(name, value):
    check_all_or_nothing(lambda: in_groups(SCHEDULES["one"]).optimizer, lambda o: setattr(o, name, value))


@pytest.mark.parametrize("clip", [tg.optim.clip_grad_norm, tg.optim.clip_grad_value])
def test_all_gradients_are_clipped_or_none(clip):
    check_all_or_nothing(lambda: parameters(3, g=10.0), lambda params: clip(params, 1.0))


def test_a_gradient_that_cannot_be_clipped_or_converted_leaves_all():
    model = tg.nn.Linear(2, 2, rng=0, dtype=np.float32)
    model.weight.grad, model.bias.grad = np.full((2, 2), 1e5), np.full(2, 1e-35)
    before = frozen([model.weight, model.bias])
    with np.errstate(under="raise"), pytest.raises(FloatingPointError):
        tg.optim.clip_grad_norm(model.parameters(), 1e-3)
    assert frozen([model.weight, model.bias]) == before
    model.weight.grad, model.bias.grad = np.ones((2, 2)), np.full(2, 1e5)
    before = frozen([model.weight, model.bias])
    with np.errstate(over="raise"), pytest.raises(FloatingPointError):
        model.astype(np.float16)
    assert frozen([model.weight, model.bias]) == before


def test_parameters_are_added_with_their_state_or_not_at_all():
    check_all_or_nothing(
        adam, lambda o: o.add_param_group({"params": parameters(2), "amsgrad": True}), lambda o: frozen(o)
    )


@pytest.mark.parametrize("wide", [(1e30, 1.0), (1.0, 1e30)], ids=["narrow state", "wide state"])
def test_an_optimizer_loads_all_of_a_state_or_nothing(wide):
    here, there = wide
    state = adam(there).state_dict()
    check_all_or_nothing(lambda: adam(here), lambda o: o.load_state_dict(state))
    optimizer = adam(here)
    optimizer.load_state_dict(state)
    for name, a in state.items():
        np.testing.assert_array_equal(optimizer.state_dict()[name], a, strict=name != "steps")


def test_state_becomes_wide_as_a_whole_and_is_then_known_as_wide():
    other = adam()
    for at in places(lambda: other._widen("f")):
        optimizer = adam()
        code, line = lines(lambda optimizer=optimizer: optimizer._widen("f"), at)[-1]
        kinds = {a.dtype.char for arrays in optimizer.state.values() for a in arrays}
        assert kinds == {"d" if optimizer.wide else "f"}, f"before line {line} of {code.co_qualname}"


def test_a_step_of_lbfgs_counts_if_it_moves():
    def make():
        w = tg.Tensor([1.0, 2.0])
        return tg.optim.LBFGS([w], max_iter=1), w

    def step(made):
        optimizer, w = made

        def closure():
            w.zero_grad()
            loss = np.sum(w * w)
            loss.backward()
            return loss

        optimizer.step(closure)

    step(make())  # what is imported then has lines of its own
    other = make()
    for at in places(lambda: step(other)):
        made = make()
        code, line = lines(lambda made=made: step(made), at)[-1]
        if line not in UNCHECKED.get(code, ()):
            moved = made[1].data.tolist() != [1, 2]
            assert made[0].steps == moved, f"before line {line} of {code.co_qualname}"
        mode._mode.set(None)


def test_an_optimizer_without_memory_for_wider_state_keeps_all_of_it(monkeypatch):
    optimizer = adam(1e30)
    state, before = adam(1.0).state_dict(), frozen(optimizer)
    monkeypatch.setattr("tinygrad_edu.state.check_state", lambda *_: 1 / 0)  # after the state was made narrow
    with pytest.raises(ZeroDivisionError):
        optimizer.load_state_dict(state)
    assert frozen(optimizer) == before


def test_a_model_is_converted_loaded_and_put_in_a_mode_as_a_whole():
    def make():
        model = tg.nn.Sequential(tg.nn.Linear(2, 2, rng=0), tg.nn.BatchNorm1d(2), tg.nn.Linear(2, 1, rng=0))
        for p in model.parameters():
            p.grad = np.ones(p.shape)
        return model

    state = {name: a + 1 for name, a in make().state_dict().items()}
    check_all_or_nothing(make, lambda model: model.astype(np.float32), lambda m: frozen([m, m.parameters()]))
    check_all_or_nothing(make, lambda model: model.load_state_dict(state))
    check_all_or_nothing(make, lambda model: model.eval())
    x = np.random.default_rng(0).normal(size=(4, 2))
    check_all_or_nothing(lambda: make()[1], lambda layer: layer(x))
    check_all_or_nothing(lambda: tg.data.Standardizer().fit(x), lambda s: s.fit(2 * x), lambda s: frozen(vars(s)))


def test_running_statistics_are_both_updated_or_neither():
    layer = tg.nn.BatchNorm1d(1)
    before = frozen(layer)
    with np.errstate(over="raise"), pytest.raises(FloatingPointError):
        layer._track(np.ones(1), np.ones(1), np.array([1e200]))  # whose square overflows
    assert frozen(layer) == before


def test_a_tensor_takes_an_element_and_its_recipe_or_neither():
    def make():
        x, v = tg.Tensor(np.ones(4)), tg.Tensor(np.full(2, 3.0))
        return x, v, x * 2

    def put(made):
        made[2][1:3] = made[1] * made[2][0]

    def state(made):
        x, v, y = made
        return frozen([y.data, *tg.gradients(np.sum(y * y), [x, v])])

    check_all_or_nothing(make, put, state)


def leaves_with_shapes_that_differ():
    a, b = tg.Tensor([1.0, 2.0]), tg.Tensor([3.0, 4.0])
    loss = np.sum(a * b)
    loss.backward()
    b._grad = np.zeros(3)  # to which no gradient can be added
    return a, b, loss


def test_a_gradient_that_cannot_be_added_leaves_those_of_all_leaves():
    for reverse in (False, True):
        a, b, loss = leaves_with_shapes_that_differ()
        if reverse:
            a._grad, b._grad = b._grad, a._grad
        before = frozen([a, b])
        with pytest.raises(ValueError, match="could not be broadcast"):
            loss.backward()
        assert frozen([a, b]) == before
        assert a.passes == b.passes == 1


def test_an_interrupted_backward_pass_leaves_the_gradients_of_leaves():
    def make():
        x, w = tg.Tensor(np.ones((3, 2))), tg.Tensor(np.ones((2, 2)))
        loss = np.sum(np.tanh(x @ w))
        loss.backward()
        return x, w, loss

    def interrupted(at):
        x, w, loss = make()
        seen = lines(loss.backward, at)
        return frozen([x, w]), seen

    before, after = frozen([*make()[:2]]), interrupted(None)[0]
    for at in range(len(interrupted(None)[1])):
        found, seen = interrupted(at)
        if seen[-1][0] is not Node.backward.__code__:  # whose last lines store them, one after the other
            assert found in (before, after)


def test_a_warning_of_growth_that_is_an_error_comes_after_all_gradients():
    w, v = tg.Tensor(1.0), tg.Tensor(1.0)
    with pytest.warns(UserWarning, match="the graph grew"):
        grown(w, v)
    w, v = tg.Tensor(1.0), tg.Tensor(1.0)
    with pytest.raises(UserWarning, match="the graph grew"):
        grown(w, v, error=True)
    assert w.passes == v.passes


def grown(w, v, error=False):
    y = w * v
    with warnings.catch_warnings():
        if error:
            warnings.simplefilter("error")
        for _ in range(60):
            y = y * 1.0
            y.backward()


def test_an_interrupted_summary_takes_nothing_from_a_model():
    class Growing(tg.nn.Linear):
        def forward(self, x):
            self.last = x
            return super().forward(x)

    def make():
        return Growing(2, 2, rng=0)

    def summarize(model):
        with contextlib.redirect_stdout(io.StringIO()):
            model.summary(np.ones((1, 2)))

    other = make()
    for at in places(lambda: summarize(other)):
        model = make()
        code, line = lines(lambda model=model: summarize(model), at)[-1]
        watched = dict(summary.observers)
        summary.observers.clear()
        if line in UNCHECKED.get(code, ()):
            continue
        assert frozen(model)[0] == frozen(make())[0], f"before line {line} of {code.co_qualname}"
        assert not watched, f"before line {line} of {code.co_qualname}"
        mode._mode.set(None)  # a block that was interrupted at its end


def test_an_interrupted_registration_leaves_no_hook_and_no_entry():
    x = tg.Tensor(1.0)
    for at in places(lambda: x.register_hook(abs).remove()):
        y = tg.Tensor(1.0)
        code, line = lines(lambda y=y: y.register_hook(abs), at)[-1]
        assert all(hooks.hooks.values()), f"before line {line} of {code.co_qualname}"
        del y
        assert not hooks.hooks


def test_the_garbage_collector_runs_again_after_a_recording_that_was_interrupted():
    def block():
        with capture.collector_paused():
            pass

    for at in places(block):
        code, line = lines(block, at)[-1]
        if line not in UNCHECKED.get(code, ()):
            assert gc.isenabled() or code.co_name == "__exit__", f"before line {line} of {code.co_qualname}"
        gc.enable()
        capture._pauses.clear()


def test_rules_of_a_user_stay_if_the_pages_of_a_library_cannot_be_read(monkeypatch):
    cube = tg.primitive(lambda x: x**3)
    rules = (lambda g, y, x: 3 * g * x**2,)
    tg.defvjp(cube, *rules)

    def interrupted(*_):
        registry.vjps[cube] = (None,)
        raise KeyboardInterrupt

    monkeypatch.setattr("importlib.import_module", interrupted)
    monkeypatch.setattr(registry, "pages", {"sys": ("page",)})
    with pytest.raises(KeyboardInterrupt):
        registry.read_pages()
    assert registry.vjps[cube] == rules


def test_an_interrupted_resumption_puts_everything_back():
    model = tg.nn.Linear(1, 1, rng=0)
    state = TrainingState(model, tg.optim.SGD(model.parameters(), lr=0.1))
    saved = state.state_dict()
    model.weight.data += 1
    before = frozen(model)
    saved["generators"] = Interrupting()
    with pytest.raises(KeyboardInterrupt):
        state.load_state_dict(saved)
    assert frozen(model) == before


def test_an_interrupted_resumption_keeps_the_structure_of_the_state():
    def make():
        model = tg.nn.Linear(1, 1, rng=0)
        model.last, model.kept = None, [tg.Tensor(np.zeros(1), requires_grad=False)]
        return TrainingState(model, tg.optim.SGD(model.parameters(), lr=0.1))

    other = make()
    other.model.last = {"h": tg.Tensor(np.ones(3), requires_grad=False)}
    other.model.kept = (*other.model.kept, None)
    saved = other.state_dict()
    structure = lambda state: (frozen(state.model), type(state.model.last), type(state.model.kept))
    check_all_or_nothing(make, lambda state: state.load_state_dict(saved), structure)


class Interrupting:
    def __str__(self):
        raise KeyboardInterrupt


def test_a_replay_that_was_interrupted_is_repeated_by_the_next_call():
    f, x = tg.jit(lambda x: x * 2), np.ones(3)
    for _ in range(3):
        f(x)
    recording = f._latest("")
    for at in places(lambda: f(x)):
        code, line = lines(lambda: f(x), at)[-1]
        assert not recording.is_running or line in UNCHECKED.get(code, ()), f"before line {line} of {code.co_qualname}"
        recording.is_running = False


def test_an_interrupted_transform_is_left():
    slope = tg.grad(np.sin)
    for at in places(lambda: slope(1.0)):
        code, line = lines(lambda: slope(1.0), at)[-1]
        if code.co_name == "trace":  # Python itself leaves a line before and after the block
            mode.transform.set(None)
        assert mode.transform.get() is None, f"before line {line} of {code.co_qualname}"
        mode._mode.set(None)  # a block that was interrupted at its end


def test_blocks_of_generators_may_end_in_any_order():
    def within(block):
        with block():
            yield

    for block in (tg.no_grad, tg.detect_anomaly):
        first, second = within(block), within(block)
        next(first)
        next(second)
        first.close()
        assert mode.mode() is not None
        second.close()
        assert mode.mode() is None


def test_a_generator_that_another_thread_closes_leaves_that_thread_recording():
    def within():
        with tg.no_grad():
            yield

    generator, recorded = within(), []
    next(generator)

    def close():
        generator.close()
        recorded.append((tg.Tensor(1.0) * 2).requires_grad)

    thread = threading.Thread(target=close)
    thread.start()
    thread.join()
    mode._mode.set(None)  # here the block never ends
    assert recorded == [True]
