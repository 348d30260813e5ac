"""Data-parallel training: ranks that are threads give the numbers of one process, and end together."""

import copy
import tracemalloc
from collections import Counter
from functools import partial

import numpy as np
import pytest
from ranks import Job, Rank, passed, run, run_job

import tinygrad_edu as tg
from tinygrad_edu import nn, optim
from tinygrad_edu.distributed import OneProcess, RankError, all_finite, average_gradients, broadcast
from tinygrad_edu.distributed.exchange import pack, unpack
from tinygrad_edu.distributed.sharing import plan_batches, plan_parts

rng = np.random.default_rng(0)
X, Y = rng.normal(size=(53, 6)), rng.integers(0, 3, 53)


class Clipped(optim.SGD):
    """Clips the gradients that it is given, in each step."""

    def step(self, *args, **options):
        optim.clip_grad_norm(self.params, 0.05)
        return super().step(*args, **options)


def network(*extra, seed=0):
    """A network with further layers before its activation."""
    bias = not any(isinstance(layer, nn.BatchNorm1d) for layer in extra)  # which makes a bias before it useless
    return nn.Sequential(nn.Linear(6, 8, bias=bias, rng=seed), *extra, nn.Tanh(), nn.Linear(8, 3, rng=1))


OPTIMIZERS = {
    "Adam": optim.Adam,
    "momentum": partial(optim.SGD, momentum=0.9),
    "clipping": Clipped,
    "AdamW": partial(optim.AdamW, weight_decay=0.1),
}


def trained(comm=None, *extra, data=(X, Y), loss=tg.cross_entropy, optimizer="momentum", model=None, **options):
    """Train a network; return its state and the history."""
    model = network(*extra) if model is None else model
    opt = OPTIMIZERS[optimizer](model.parameters(), lr=0.03)
    options = {"epochs": 4, "batch_size": 10, "rng": 3, "progress": False, **options}
    if options.pop("scheduled", False):
        options["scheduler"] = optim.lr_scheduler.OneCycleLR(opt, 0.1, total_steps=options["epochs"] * 6)
    history = tg.fit(model, loss, data, optimizer=opt, comm=comm, **options)
    return model.state_dict(), history


def difference(a, b):
    assert a.keys() == b.keys()
    return max(np.abs(a[name] - b[name]).max() for name in a)


@pytest.mark.parametrize("size", [2, 3, 4])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_ranks_give_the_parameters_of_one_process(size, optimizer):
    options = {"optimizer": optimizer, "epochs": 4, "scheduled": True, "valid_data": (X[:11], Y[:11])}
    (alone, history), *all_ranks = trained(**options), *passed(size, partial(trained, **options))
    for state, told in all_ranks:
        assert difference(state, alone) < 1e-12
        np.testing.assert_allclose(told.train_loss, history.train_loss, rtol=1e-12)
        np.testing.assert_allclose(told.valid_loss, history.valid_loss, rtol=1e-12)


def test_a_recorded_step_is_cut_at_the_sum_of_the_gradients():
    alone = trained(epochs=4)[0]
    for state, _ in passed(3, partial(trained, epochs=4, jit=True)):
        assert difference(state, alone) < 1e-12


def test_a_step_is_one_allreduce_of_the_gradients_and_at_most_64_bytes():
    def sums(epochs):
        run_job(job := Job(3), partial(trained, epochs=epochs, batch_size=None))
        return job.sums

    gradients = sum(p.data.nbytes for p in network().parameters())
    more = list((Counter(sums(2)) - Counter(sums(1))).elements())  # those of one more epoch, which has one step
    assert [gradients <= n <= gradients + 64 for n in more].count(True) == 1
    assert len(more) == 4  # and what ends an epoch, which is short
    assert sorted(more)[-2] <= 64


@pytest.mark.parametrize("size", [2, 3])
def test_batch_norm_uses_the_statistics_of_all_ranks(size):
    for data, layer in (((X[:23], Y[:23]), nn.BatchNorm1d(8)), ((X[:7], Y[:7]), nn.BatchNorm1d(8, affine=False))):
        options = {"data": data, "batch_size": 3, "epochs": 3, "metrics": {"accuracy": tg.accuracy}, "drop_last": True}
        make = lambda comm=None, layer=layer, options=options: trained(comm, copy.deepcopy(layer), **options)
        alone, history = make()
        for state, told in passed(size, make):
            assert difference(state, alone) < 1e-12
            assert told.metrics == history.metrics


def test_batch_norm_of_images_uses_the_statistics_of_all_ranks():
    def train(comm=None):
        convolution = nn.Conv2d(1, 2, 3, bias=False, rng=0)
        model = nn.Sequential(convolution, nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(8, 3, rng=0))
        return trained(comm, model=model, data=(np.resize(X, (53, 1, 4, 4)), Y), epochs=1)[0]

    for state in passed(2, train):
        assert difference(state, train()) < 1e-12


@pytest.mark.parametrize("cuts", [(0, 20, 53, 53), (0, 0, 7, 53), (0, 53, 53, 53)])
@pytest.mark.parametrize("layers", [0, 1])
def test_parts_of_any_size_give_the_mean_over_all_examples(cuts, layers):
    def train(comm, **options):
        part = slice(*cuts[comm.rank : comm.rank + 2])
        extra = [nn.BatchNorm1d(8)] * layers
        return trained(comm, *extra, data=(X[part], Y[part]), sharded=True, metrics={"a": tg.accuracy}, **options)

    alone, history = trained(None, *[nn.BatchNorm1d(8)] * layers, batch_size=None, metrics={"a": tg.accuracy})
    for state, told in passed(3, partial(train, batch_size=None)):
        assert difference(state, alone) < 1e-12
        assert told.metrics == history.metrics
        np.testing.assert_allclose(told.train_loss, history.train_loss, rtol=1e-12)
    states = [state for state, _ in passed(3, partial(train, batch_size=10))]
    assert difference(states[0], states[2]) == 0


def test_the_bounds_of_batches_may_be_computed_from_more_than_32_bits():
    starts, counts = plan_parts(np.array([2**31 - 1]), 2**16, False)
    assert counts.sum() == 2**31 - 1
    assert counts.min() > 0
    starts, counts = plan_batches(2**30, None, False, 8)
    assert starts.tolist() == [[k * 2**27 for k in range(8)]]


def test_parts_can_be_cut_anew_where_a_run_resumes(tmp_path):
    def train(comm, **options):
        part = slice(53 * comm.rank // comm.size, 53 * (comm.rank + 1) // comm.size)
        data = X[part], Y[part]
        return trained(comm, data=data, sharded=True, batch_size=None, checkpoint=tmp_path / "a.npz", **options)[0]

    passed(2, partial(train, epochs=2))
    resumed = passed(3, partial(train, epochs=4))
    assert difference(resumed[2], trained(batch_size=None)[0]) < 1e-12


def test_float32_and_float64_parameters_train_together_and_an_unused_one_stays():
    def train(comm=None):
        model = network()
        model[0].astype(np.float32)
        model.unused = tg.Tensor(np.ones(2))
        return trained(comm, model=model, optimizer="AdamW")[0]

    alone = train()
    for state in passed(2, train):
        assert difference(state, alone) < 1e-6
        assert state["unused"].tolist() == [1, 1]


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.longdouble])
def test_gradients_of_every_dtype_are_averaged(dtype):
    def average(comm):
        w = tg.Tensor(np.ones(3, dtype))
        w.grad = np.full(3, comm.rank + 1, dtype)
        average_gradients([w], comm, examples=comm.rank)
        return w.grad

    for grad in passed(3, average):
        assert grad.dtype == dtype
        np.testing.assert_allclose(grad, np.full(3, (2 + 2 * 3) / 3), rtol=1e-3)


class Amplitudes(nn.Module):
    """Complex and real parameters; the prediction is a tuple of a Tensor and a dict."""

    def __init__(self):
        draw = np.random.default_rng(1)
        self.w = tg.Tensor(draw.normal(size=(6, 2)) + 1j)
        self.v = tg.Tensor(draw.normal(size=(2, 3)))

    def __call__(self, x):
        wave = x @ self.w
        return np.abs(wave) @ self.v, {"wave": wave}


def amplitude_loss(prediction, y):
    scores, parts = prediction
    return tg.cross_entropy(scores, y) + np.mean(np.abs(parts["wave"]) ** 2)


@pytest.mark.parametrize("options", [{"optimizer": "Adam"}, {"jit": True}])
def test_complex_parameters_and_nested_predictions_are_those_of_one_process(options):
    options = {"loss": amplitude_loss, "valid_data": (X[:2], Y[:2]), **options}  # of which one rank has none
    make = lambda comm=None: trained(comm, model=Amplitudes(), **options)
    alone, history = make()
    for state, told in passed(3, make):
        assert difference(state, alone) < 1e-12
        np.testing.assert_allclose(told.valid_loss, history.valid_loss, rtol=1e-12)
        assert {type(loss) for loss in told.train_loss + told.valid_loss} == {float}


def test_ranks_use_the_backend_of_jit_that_is_asked_for():
    results = run(2, partial(trained, jit="fortran"))
    assert ["backend='fortran'" in str(error) for error in results] == [True, True]


@pytest.mark.parametrize("batch_size", [1, 2, None])
@pytest.mark.parametrize("empty", [([], []), (X[:0, :2], Y[:0].astype(float))])
def test_a_rank_without_rows_may_pass_any_empty_arrays_and_no_batch_is_empty(batch_size, empty):
    cuts, options = (0, 0, 5, 20), {"batch_size": batch_size, "epochs": 1, "metrics": {"accuracy": tg.accuracy}}

    def train(comm):
        part = slice(*cuts[comm.rank : comm.rank + 2])
        return trained(comm, data=(X[part], Y[part]) if comm.rank else empty, sharded=True, **options)

    (first, _), *_, (last, _) = passed(3, train)
    assert difference(first, last) == 0
    if batch_size is None:
        assert difference(first, trained(data=(X[:20], Y[:20]), **options)[0]) < 1e-12


def test_parameters_may_lie_in_memory_in_other_orders_on_each_rank():
    def train(comm, own_loop):
        model = network()
        for p in model.parameters():
            p.data = np.array(p.data, order="CF"[comm.rank] if comm else "C")
        if not own_loop:
            return trained(comm, model=model, batch_size=None, epochs=3)[0]
        sgd = optim.SGD(model.parameters(), lr=0.03, momentum=0.9)
        for _ in range(3):
            part = np.array_split(np.arange(53), 2)[comm.rank]
            sgd.zero_grad()
            tg.cross_entropy(model(X[part]), Y[part]).backward()
            average_gradients(model.parameters(), comm, examples=len(part))
            sgd.step()
        return model.state_dict()

    alone = train(None, own_loop=False)
    for own_loop in (False, True):
        for state in passed(2, partial(train, own_loop=own_loop)):
            assert difference(state, alone) < 1e-12


def test_accumulated_gradients_of_a_loop_of_ones_own_are_those_of_one_process():
    def train(comm):
        model = network()
        sgd = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
        broadcast(model, comm)
        broadcast(sgd, comm)
        for _ in range(5):
            own = np.array_split(np.arange(53), comm.size)[comm.rank]
            sgd.zero_grad()
            for half in np.array_split(own, 2):
                loss = tg.cross_entropy(model(X[half]), Y[half])
                assert all_finite(loss, comm)
                (loss * (len(half) / len(own))).backward()
            assert average_gradients(model.parameters(), comm, examples=len(own)) == 53
            optim.clip_grad_norm(model.parameters(), 0.1)
            sgd.step(accumulated=True)
        return model.state_dict()

    alone = train(OneProcess())
    for state in passed(3, train):
        assert difference(state, alone) < 1e-12


def test_functions_for_ones_own_loop_work_in_one_process_by_default():
    w = tg.Tensor([1.0, 2.0])
    (w * w).sum().backward()
    assert average_gradients([w], examples=7) == 7
    assert w.grad.tolist() == [2, 4]
    assert (all_finite([w, None, 1]), all_finite([1.0, np.inf])) == (True, False)
    broadcast(nn.Linear(2, 1))


def test_all_ranks_get_the_answer_of_all_finite():
    w = tg.Tensor([1.0])
    assert all_finite(w)
    w.grad = np.array([np.nan])
    assert not all_finite([w])
    assert [all_finite({"a": 1.0, "b": (2.0, b)}) for b in (None, np.inf, 1j, complex(0, np.inf))] == [1, 0, 1, 0]
    assert run(3, lambda comm: all_finite([np.nan, 1.0] if comm.rank == 1 else 1.0, comm)) == [False] * 3


def test_a_wrong_number_of_examples_on_one_rank_is_an_error_on_all():
    errors = run(2, lambda comm: average_gradients([tg.Tensor(1.0)], comm, examples=comm.rank - 1))
    assert ["at least 0, not -1" in str(e) for e in errors] == [True, True]


def test_broadcast_gives_all_ranks_the_state_of_rank_0_or_none():
    def share(comm, shapes=(3, 3)):
        model = nn.Linear(2, shapes[comm.rank], rng=comm.rank, dtype=np.float32)
        broadcast(model, comm)
        return model.weight.data

    first, second = passed(2, share)
    assert (first == second).all()
    errors = run(2, partial(share, shapes=(3, 4)))
    message = "broadcast: weight of rank 1 is not like that of rank 0: (4, 2) float32, and not (3, 2)"
    assert [message in str(e) for e in errors] == [True, True]


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (([], None), TypeError, "takes parameters"),
        ((nn.Linear(1, 1, rng=0), None), TypeError, "a list of Tensors such as model.parameters.., not this Linear"),
        ((tg.Tensor([1.0, 2.0]), None), TypeError, "not this Tensor"),
        (([tg.Tensor(1.0)], None, -1), ValueError, "at least 0, not -1"),
        (([tg.Tensor(1.0)], None, 0), ValueError, "no rank has any examples"),
        (([tg.Tensor(1.0)], "world"), TypeError, "comm is mpi4py's"),
        (([tg.Tensor(1.0)], OneProcess), TypeError, "comm is mpi4py's"),  # the class
        (([tg.Tensor(1.0)], Rank(Job(2), 2)), ValueError, "comm.rank is a number from 0.* it is 2 of 2"),
    ],
)
def test_average_gradients_says_what_is_wrong(arguments, error, message):
    with pytest.raises(error, match=message):
        average_gradients(*arguments)


@pytest.mark.parametrize("wide", [0, 1])
def test_broadcast_gives_all_ranks_the_dtype_of_the_state_of_an_optimizer(wide):
    def program(comm):
        p = tg.Tensor(np.ones(2), dtype=np.float32)
        adam = optim.Adam([p])
        if comm.rank == wide:
            p.grad = np.full(2, 1e25)
            adam.step()
        broadcast(adam, comm)
        return adam.steps, [float(v[0]) for v in adam.state["v"]], adam.state["v"][0].dtype.char

    expected = (0, [0.0], "f") if wide else (1, [pytest.approx(1e50)], "d")
    assert run(2, program) == [expected] * 2


def test_broadcast_gives_all_ranks_the_history_of_l_bfgs_and_refuses_that_of_another_model():
    def program(comm, n=lambda rank: 2):
        x = tg.Tensor(np.ones(n(comm.rank)))
        lbfgs = optim.LBFGS([x])

        def closure():
            lbfgs.zero_grad()
            loss = np.sum(x**4)
            loss.backward()
            return loss

        if comm.rank == 0:
            lbfgs.step(closure)
        broadcast(lbfgs, comm)
        return len(lbfgs.changes)

    counts = run(2, program)
    assert counts[0] == counts[1] > 1
    for error in run(2, lambda comm: program(comm, lambda rank: 2 + rank)):
        assert "LBFGS.load_state_dict: nothing was loaded: 'changes' has shape" in str(error)


def test_broadcast_names_what_the_optimizer_of_another_rank_lacks():
    program = lambda comm: broadcast(optim.SGD([tg.Tensor([1.0])], lr=0.1, momentum=comm.rank / 2), comm)
    for error in run(2, program):
        assert "broadcast: velocity.0 of rank 1 is not like that of rank 0: (1,) float64, and not missing" in str(error)


def test_a_communicator_may_have_one_kind_of_broadcast():
    def train(missing, comm):
        class Part:
            rank, size, Allreduce = comm.rank, comm.size, comm.Allreduce

        setattr(Part, missing, staticmethod(getattr(comm, missing)))
        return trained(Part(), epochs=1)[0]

    for missing in ("bcast", "Bcast"):
        assert difference(passed(2, partial(train, missing))[1], trained(epochs=1)[0]) < 1e-12


def test_a_communicator_of_one_process_may_hand_over_the_object_itself(monkeypatch):
    train = lambda comm: trained(comm, nn.Dropout(0.5, rng=0))
    copied = passed(3, train)
    monkeypatch.setattr(Rank, "bcast", lambda self, obj, root=0: self._all(obj)[root])
    for (state, history), (same, _) in zip(passed(3, train), copied, strict=True):
        assert (len(history), difference(state, same)) == (4, 0)


def test_each_rank_has_its_own_stream_of_dropout_and_a_run_can_be_repeated():
    masks = []

    class Seen(nn.Dropout):
        def forward(self, x):
            y = super().forward(x)
            masks.append((self.rank, (y.data == 0).tolist()))
            return y

    def train(comm):
        layer = Seen(0.5, rng=5)
        layer.rank = comm.rank
        return trained(comm, layer, batch_size=None, data=(X[:52], Y[:52]), epochs=1)[0]

    states = passed(2, train) + passed(2, train)
    assert len({str(mask) for _, mask in masks}) == 2
    assert difference(states[0], states[1]) == difference(states[0], states[2]) == 0


def test_a_generator_shared_by_dropout_and_fit_draws_the_same_batches_on_all_ranks():
    def train(comm):
        both = np.random.default_rng(4)
        return trained(comm, nn.Dropout(0.5, rng=both), rng=both)[0]

    first, second = passed(2, train)
    assert difference(first, second) == 0


@pytest.mark.parametrize(("before", "after"), [(3, 3), (3, 2), (2, 4), (1, 3), (3, 1)])
def test_a_checkpoint_resumes_on_another_number_of_ranks(tmp_path, before, after):
    def on(size, **options):
        options = {"optimizer": "Adam", "valid_data": (X[:9], Y[:9]), "patience": 9, **options}
        return [state for state, _ in passed(size, partial(trained, **options))]

    on(before, epochs=2, checkpoint=tmp_path / "a.npz")
    resumed = on(after, epochs=4, checkpoint=tmp_path / "a.npz")
    whole = on(before, epochs=4)
    for state in resumed:
        assert difference(state, whole[0]) < (1e-300 if before == after else 1e-12)


def test_a_checkpoint_resumes_the_streams_of_all_ranks(tmp_path):
    def train(comm, **options):
        return trained(comm, nn.Dropout(0.5, rng=5), checkpoint=tmp_path / "a.npz", **options)[0]

    passed(3, partial(train, epochs=2))
    for more in (3, 4):  # and on more ranks: those that the file does not know have streams of their own
        states = passed(more, partial(train, epochs=4 if more == 3 else 5))
        if more == 3:
            whole = passed(3, lambda comm: trained(comm, nn.Dropout(0.5, rng=5), epochs=4)[0])
            assert difference(states[0], whole[0]) == 0
        assert difference(states[0], states[-1]) == 0


class Averaged(nn.Module):
    """A layer whose forward pass keeps a running average: of its weights, or of the outputs that its rank has."""

    def __init__(self, of_outputs):
        self.layer, self.of_outputs = nn.Linear(3, 2, rng=0), of_outputs
        self.average = None

    def forward(self, x):
        y = self.layer(x)
        new = y.mean(axis=0) if self.of_outputs else self.layer.weight
        self.average = new.detach() * 1 if self.average is None else (0.9 * self.average + 0.1 * new).detach()
        return y + self.average.mean()


def test_what_a_forward_pass_puts_in_place_resumes_on_all_ranks_and_is_compared(tmp_path):
    train = lambda comm, of_outputs=False, **options: trained(
        comm, data=(X[:, :3], X[:, 1:3]), loss=tg.mse_loss, model=Averaged(of_outputs), **options
    )
    options = {"checkpoint": tmp_path / "a.npz", "valid_data": (X[:9, :3], X[:9, 1:3]), "patience": 9}
    passed(2, partial(train, epochs=2, **options))
    whole = passed(2, partial(train, epochs=4, valid_data=options["valid_data"], patience=9))[0][0]
    assert "average" in whole
    for state, _ in passed(2, partial(train, epochs=4, **options)):
        assert difference(state, whole) == 0
    for error in run(2, partial(train, of_outputs=True)):
        assert "average of rank 1 is no longer that of rank 0 after epoch 1" in str(error)


class Remembering(nn.Module):
    """A layer whose forward pass keeps its weights, and those of the pass before."""

    def __init__(self):
        self.layer, self.kept = nn.Linear(3, 2, rng=0), None

    def forward(self, x):
        before = 0.0 if self.kept is None else self.kept["then"][0].sum()
        now = self.layer.weight.detach() * 1
        self.kept = {"now": now, "then": (now * 0.1 + before, None)}
        return self.layer(x) + before


def test_any_structure_of_the_state_resumes_on_all_ranks(tmp_path):
    train = lambda comm, **options: trained(
        comm, data=(X[:, :3], X[:, 1:3]), loss=tg.mse_loss, model=Remembering(), valid_data=(X[:9, :3], X[:9, 1:3]),
        patience=9, **options,
    )  # fmt: skip
    passed(2, partial(train, epochs=2, checkpoint=tmp_path / "a.npz"))
    whole = passed(2, partial(train, epochs=4))[0][0]
    assert "kept.then.0" in whole
    for state, _ in passed(2, partial(train, epochs=4, checkpoint=tmp_path / "a.npz")):
        assert difference(state, whole) == 0


def test_a_mapped_file_is_read_in_slices(tmp_path):
    np.save(tmp_path / "x.npy", X)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    seen = []

    class Probe(nn.Identity):
        def forward(self, x):
            seen.append(len(x))
            return super().forward(x)

    def train(comm, x):
        model = nn.Sequential(Probe(), *network())
        return trained(comm, model=model, data=(x, Y), epochs=1)[0]

    states = passed(2, partial(train, x=mapped))
    assert max(seen) == 5
    assert difference(states[0], passed(2, partial(train, x=X))[0]) == 0


class Own(Exception):
    """An exception that takes other arguments than it keeps."""

    def __init__(self, a, b):
        super().__init__(f"{a} of {b}")


FAULTS = {
    "an error": RuntimeError("no more paper"),
    "an error with a file": OSError(28, "No space left on device", "a.npz"),
    "an error of a user's type": Own(1, 2),
    "Ctrl-C": KeyboardInterrupt(),
    "NaN": None,
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("call", [2, 6])  # in the middle of an epoch, and in its last step
@pytest.mark.parametrize("layers", [0, 1])
def test_a_fault_on_one_rank_ends_all_with_the_same_error(fault, call, layers):
    def train(comm):
        calls = []

        def loss(prediction, y):
            calls.append(1)
            value = tg.cross_entropy(prediction, y)
            if comm.rank == 1 and len(calls) == call:
                if FAULTS[fault] is None:
                    return value * np.nan
                raise FAULTS[fault]
            return value

        trained(comm, *[nn.BatchNorm1d(8)] * layers, loss=loss)

    errors = run(3, train)
    assert len({(type(e), str(e)) for e in errors}) == 1
    expected = tg.DivergenceError if FAULTS[fault] is None else type(FAULTS[fault])
    assert type(errors[0]) is expected
    if FAULTS[fault] is not None:
        assert errors[0].__notes__[-1] == "Raised on rank 1 of 3; all ranks end with it."


def test_an_iterator_that_ends_on_one_rank_ends_all_with_the_same_error():
    for iterators in ([[], [1], [1]], [[1], [], []], [[], [], []]):

        def train(comm, iterators=iterators):
            numbers = iter(iterators[comm.rank])
            trained(comm, metrics={"next": lambda prediction, y: next(numbers)}, epochs=1)

        assert {type(e) for e in run(3, train)} == {StopIteration}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (lambda rank: {"rng": 3 + rank}, "the random seed, rng of rank 1 is not that of rank 0"),
        (lambda rank: {"rng": 3 if rank else None}, "the random seed, rng of rank 1"),
        (lambda rank: {"batch_size": 10 + rank}, "batch_size of rank 1 is not that of rank 0: 11, and not 10"),
        (lambda rank: {"epochs": 4 + rank}, "epochs of rank 1"),
        (lambda rank: {"epochs": 1 - rank}, "epochs is a whole number from 1, not 0"),
        (lambda rank: {"jit": rank == 1}, "jit of rank 1"),
        (lambda rank: {"optimizer": ["Adam", "momentum"][rank]}, "the optimizer of rank 1"),
        (lambda rank: {"data": (X + rank, Y)}, "the checksum of train_data of rank 1.*with sharded=True"),
        (lambda rank: {"data": (X[: 53 - rank], Y[: 53 - rank])}, "the checksum of train_data of rank 1"),
        (lambda rank: {"data": (X[:0], Y[:0])}, "there are no rows"),
        (lambda rank: {"data": (X[:0], Y[:0]), "sharded": True}, "no rows on any rank"),
        (lambda rank: {"data": (X * [1, np.nan][rank], Y)}, "values are NaN or infinite"),
        (lambda rank: {"model": network(*[nn.BatchNorm1d(8)] * rank)}, "the layers of the model of rank 1"),
        (lambda rank: {"model": nn.Linear(6, 3 + rank)}, r"weight of rank 1 is not like that of rank 0: \(4, 6\)"),
        (lambda rank: {"metrics": [None, 3][rank]}, "metrics are a dict"),
        (lambda rank: {"sharded": [True, "no"][rank]}, "fit: sharded is True or False, not 'no'"),
        (lambda rank: {"checkpoint": ["a.npz", None][rank]}, "checkpoint=... or None of rank 1"),
        (lambda rank: {"checkpoint": "nowhere/a.npz"}, "folder .* does not exist"),
        (lambda rank: {"model": network(nn.BatchNorm1d(8)), "jit": True}, "pass jit=False"),
    ],
)
def test_calls_that_differ_end_all_ranks_with_one_error(options, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    errors = run(2, lambda comm: trained(comm, **options(comm.rank)))
    for error in errors:
        with pytest.raises(type(errors[0]), match=message):
            raise error


def test_other_parameters_at_the_start_are_replaced_and_no_seed_is_that_of_rank_0():
    states = passed(2, lambda comm: trained(comm, model=network(seed=comm.rank), rng=None)[0])
    assert difference(*states) == 0


def test_an_optimizer_that_computes_losses_itself_is_refused():
    def train(comm):
        model = network()
        tg.fit(model, tg.mse_loss, (X, X), optimizer=optim.LBFGS(model.parameters()), epochs=1, comm=comm)

    assert all("LBFGS has its own minimize(loss)" in str(error) for error in run(2, train))


CHANGES = {
    "0.bias": lambda model, optimizer: model[0].bias.data.__iadd__(1e-9),
    "optimizer/velocity.1": lambda model, optimizer: optimizer.state["velocity"][1].__iadd__(1e-9),
    "optimizer/lr": lambda model, optimizer: setattr(optimizer, "lr", 0.5),
}


@pytest.mark.parametrize("name", CHANGES)
def test_ranks_that_drift_apart_are_told_the_first_parameter(name):
    def train(comm):
        model = network()
        sgd = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)

        def change(epoch, **_):
            if comm.rank == 2 and epoch == 2:
                CHANGES[name](model, sgd)

        options = {"optimizer": sgd, "epochs": 4, "callbacks": [change], "progress": False, "comm": comm}
        return tg.fit(model, tg.cross_entropy, (X, Y), **options)

    for error in run(3, train):
        assert f"{name} of rank 2 is no longer that of rank 0 after epoch 2" in str(error)


@pytest.mark.parametrize("ranks", [(0, 1), (1,)])
def test_a_callback_may_add_parameters_to_the_optimizer_on_all_ranks(ranks):
    def train(comm=None):
        model = network()
        sgd = optim.SGD(model[0].parameters(), lr=0.1)

        def unfreeze(epoch, **_):
            if epoch == 2 and (comm is None or comm.rank in ranks):
                sgd.add_param_group({"params": model[-1].parameters(), "lr": 0.01})

        options = {"epochs": 4, "batch_size": 10, "rng": 0, "progress": False, "callbacks": [unfreeze]}
        tg.fit(model, tg.cross_entropy, (X, Y), optimizer=sgd, comm=comm, **options)
        return model.state_dict()

    results = run(2, train)
    if ranks == (1,):
        assert ["of rank 1 is no longer that of rank 0 after epoch 2" in str(e) for e in results] == [True, True]
    else:
        assert max(difference(state, train()) for state in results) < 1e-12


def test_a_callback_of_one_rank_stops_all():
    stop = lambda comm: trained(comm, callbacks=[lambda epoch, **_: comm.rank == 1 and epoch == 2])[1]
    assert [(len(h), h.stopped) for h in passed(3, stop)] == [(2, "callback")] * 3


def test_a_full_disk_ends_all_ranks_and_leaves_the_last_checkpoint(tmp_path, monkeypatch):
    file = tmp_path / "a.npz"
    passed(2, partial(trained, epochs=2, checkpoint=file))
    before = file.read_bytes()

    def full(fd):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tinygrad_edu.state.os.fsync", full)
    errors = run(2, partial(trained, epochs=4, checkpoint=file))
    assert [str(e) for e in errors] == [f"[Errno 28] No space left on device: {str(file.resolve())!r}"] * 2
    assert file.read_bytes() == before
    assert list(tmp_path.iterdir()) == [file]


def test_an_error_that_cannot_travel_is_told_by_its_text():
    class Local(Exception):
        pass

    error = unpack(pack(Local("here alone")))
    assert (type(error), str(error)) == (RankError, "Local: here alone")
    error = unpack((b"no pickle", "Lost: there"))
    assert (type(error), str(error)) == (RankError, "Lost: there")


def test_an_operation_that_becomes_nan_is_named_on_all_ranks():
    def train(comm):
        loss = lambda p, y: np.mean(np.log(p * (0.0 if comm.rank == 1 else 0.1) + 5) * np.log(p * 0 - comm.rank))
        trained(comm, loss=loss, detect_anomaly=True)

    errors = run(2, train)
    assert {type(e) for e in errors} == {tg.AnomalyError}
    assert str(errors[0]) == str(errors[1])


def test_state_that_one_rank_keeps_wider_resumes_on_all(tmp_path):
    scale = np.float32(1e-25)  # squares of such gradients leave the range of float32

    def train(comm, epochs):
        model = network()
        model.astype(np.float32)
        loss = lambda p, y: tg.cross_entropy(p, y) * scale
        optimizer = optim.Adam(model.parameters(), lr=0.01, eps=1e-40)
        options = {"checkpoint": tmp_path / "a.npz", "progress": False, "comm": comm}
        tg.fit(model, loss, (X.astype(np.float32), Y), optimizer=optimizer, epochs=epochs, **options)
        return model.state_dict(), optimizer.wide

    passed(2, partial(train, epochs=1))
    (first, wide), (second, _) = passed(2, partial(train, epochs=2))
    assert (difference(first, second), wide) == (0, "f")


def test_an_error_of_the_communicator_aborts_the_job(capsys):
    aborted = []

    class Broken(OneProcess):
        size = 2

        def Allreduce(self, sendbuf, recvbuf):
            raise RuntimeError("the other rank is gone")

        def Abort(self, code):
            aborted.append(code)

    with pytest.raises(RuntimeError, match="the other rank is gone"):
        trained(Broken())
    assert aborted == [1]
    assert "the other rank is gone" in capsys.readouterr().err


def test_a_mapped_file_is_never_copied_whole(tmp_path):
    np.save(tmp_path / "x.npy", np.ones((200_000, 8)))  # 12.8 MB
    mapped, y = np.load(tmp_path / "x.npy", mmap_mode="r"), np.zeros((200_000, 1))

    def train(comm):
        model = nn.Linear(8, 1, rng=0)
        options = {"optimizer": optim.SGD(model.parameters(), lr=1e-3), "batch_size": 10_000, "progress": False}
        tg.fit(model, tg.mse_loss, (mapped, y), epochs=1, rng=0, comm=comm, **options)

    tracemalloc.start()
    passed(2, train)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < mapped.nbytes / 1.5  # most of it the order of the rows, on both ranks


def test_one_rank_trains_as_a_process_without_ranks_does():
    run_job(job := Job(1), lambda comm: trained(comm, epochs=1))
    assert job.sums == []
    assert difference(trained(OneProcess())[0], trained()[0]) == 0
