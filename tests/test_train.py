import builtins
import contextlib
import csv
import dataclasses
import json
import math
import re
import sys
from time import perf_counter

import numpy as np
import pytest
from matplotlib.figure import Figure

import tinygrad_edu as tg
from tinygrad_edu import DivergenceError, History, Tensor, fit, nn, optim
from tinygrad_edu.train import converged, evaluation_step, progress_bar, stop_reason, train_epoch, training_step


def least_squares(n=60):
    """Return (X, y) of a linear function with noise, and the exact solution (weights, then bias)."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, 3))
    y = X @ [[1.0], [-2.0], [0.5]] + 3 + 0.1 * rng.normal(size=(n, 1))
    return (X, y), np.linalg.lstsq(np.column_stack([X, np.ones(n)]), y, rcond=None)[0].ravel()


def descend(model, data, lr=0.1, **options):
    optimizer = optim.SGD(model.parameters(), lr=lr)
    return fit(model, tg.mse_loss, data, optimizer=optimizer, **{"progress": False, **options})


def solution(model):
    return np.append(model.weight.data.ravel(), model.bias.data)


class Probe(nn.Module):
    """A model that returns the constant w and records, for each call, the rows, the mode and is-recording."""

    def __init__(self, w=0.0):
        self.w, self.inner, self.calls = Tensor(w), nn.ReLU(), []

    def forward(self, x):
        y = self.w * np.ones_like(x)
        self.calls.append((len(x), self.training, self.inner.training, y.requires_grad))
        return y


def constant(target, n=2):
    return np.zeros(n), np.full(n, float(target))


def test_full_batch_descent_finds_the_least_squares_solution_and_stops_by_itself():
    data, exact = least_squares()
    model = nn.Linear(3, 1, rng=0)
    history = descend(model, data, epochs=5000, tol=1e-8)
    assert history.stopped == "converged"
    assert len(history) < 500
    np.testing.assert_allclose(solution(model), exact, rtol=1e-3)


@pytest.mark.parametrize("batch_size", [1, 7, 60])
def test_batches_of_any_size_come_near_the_solution(batch_size):
    data, exact = least_squares()
    model = nn.Linear(3, 1, rng=0)
    optimizer = optim.SGD(model.parameters(), lr=0.02)
    options = {"epochs": 150, "batch_size": batch_size, "progress": False, "rng": 0}
    fit(model, tg.mse_loss, data, optimizer=optimizer, **options)
    np.testing.assert_allclose(solution(model), exact, atol=0.05)
    assert optimizer.steps == 150 * -(-60 // batch_size)


@pytest.mark.parametrize("jit", [False, True])
def test_the_parts_of_fit_make_a_loop_that_trains_as_fit_does(jit):
    data, _ = least_squares()
    model, other = nn.Linear(3, 1, rng=0), nn.Linear(3, 1, rng=0)
    history = descend(model, data, epochs=3, batch_size=16, valid_data=data, rng=0, jit=jit)

    wrap = tg.jit if jit else lambda step: step
    step = wrap(training_step(other, tg.mse_loss, optim.SGD(other.parameters(), lr=0.1)))
    evaluation, rng = wrap(evaluation_step(other, tg.mse_loss)), np.random.default_rng(0)
    losses = [(train_epoch(step, *data, 16, rng), float(evaluation(*data)[0])) for _ in range(3)]
    assert losses == list(zip(history.train_loss, history.valid_loss, strict=True))
    assert (solution(model) == solution(other)).all()


def test_an_epoch_checks_each_loss_and_calls_back_after_each_step():
    checked, steps = [], []

    def check(name, loss):
        checked.append(name)
        if len(checked) == 3:
            raise DivergenceError(name, 1, 0.1, History(), np.ones((1, 1)), np.ones(1))
        return 2 * loss

    def after_step():
        steps.append(len(checked))

    x = y = np.ones(8)
    assert train_epoch(lambda x, y: x.sum(), x, y, 4, check=check, after_step=after_step) == 8
    with pytest.raises(DivergenceError):
        train_epoch(lambda x, y: x.sum(), x, y, 4, check=check, after_step=after_step)
    assert (checked, steps) == (["the training loss"] * 3, [1, 2])


def test_the_rules_that_stop_a_run_have_an_order():
    history = History(train_loss=[1.0] * 30, best_epoch=1)
    assert stop_reason(history, 30, patience=29, tol=0, requested=True) == "patience"
    assert stop_reason(history, 30, patience=30, tol=0, requested=True) == "converged"
    assert stop_reason(history, 30, requested=True) == "callback"
    assert stop_reason(history, 30) == "epochs"
    assert stop_reason(history, 31) == ""


def test_history_records_each_epoch():
    (X, y), _ = least_squares()
    model = nn.Linear(3, 1, rng=0)
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    losses = []
    for _ in range(3):
        losses.append(float(tg.mse_loss(model(X), y)))
        optimizer.minimize(tg.mse_loss(model(X), y))
    valid = float(tg.mse_loss(model(X[:9]), y[:9]))

    start = perf_counter()
    history = descend(nn.Linear(3, 1, rng=0), (X, y), epochs=3, valid_data=(X[:9], y[:9]))
    elapsed = perf_counter() - start
    assert history.train_loss == losses
    assert history.valid_loss[-1] == valid
    assert history.lr == [0.1] * 3
    assert len(history.seconds) == len(history.valid_loss) == len(history) == 3
    assert min(history.seconds) > 0
    assert sum(history.seconds) < elapsed
    assert (history.stopped, history.best_epoch) == ("epochs", 3)


def test_an_epochs_training_loss_weighs_batches_by_their_size():
    y = np.array([1.0, 1.0, 1.0, 1.0, 6.0])
    history = descend(Probe(), (np.zeros(5), y), lr=0, epochs=4, batch_size=2)
    np.testing.assert_allclose(history.train_loss, np.mean(y**2))


def test_a_seed_makes_a_run_repeatable():
    data, _ = least_squares()

    def run(rng):
        model = nn.Linear(3, 1, rng=0)
        descend(model, data, epochs=3, batch_size=8, rng=rng)
        return solution(model).tolist()

    assert run(1) == run(1) == run(np.random.default_rng(1)) != run(2)


def test_validation_runs_in_eval_mode_without_gradients_and_modes_come_back():
    model = Probe()
    model.training, model.inner.training = False, True
    descend(model, constant(1, n=4), epochs=2, valid_data=constant(1, n=3))
    assert model.calls == [(4, True, True, True), (3, False, False, False)] * 2
    assert (model.training, model.inner.training) == (False, True)


def test_modes_come_back_after_an_error():
    model = Probe().eval()
    with pytest.raises(ValueError, match="shape"):
        descend(model, (np.zeros(4), np.zeros((4, 1))), epochs=2)
    assert model.calls == [(4, True, True, True)]
    assert (model.training, model.inner.training) == (False, False)


GOOD_PAIR = (np.ones((4, 2)), np.ones((4, 1)))

# Training pulls w from 0 towards 10, and validation is best where w passes 4, in epoch 5.
PATH = 10 * (1 - 0.9 ** np.arange(1, 9))


def test_patience_stops_and_gives_the_best_weights_back():
    model = Probe()
    history = descend(model, constant(10), lr=0.05, epochs=100, valid_data=constant(4), patience=3)
    assert (history.stopped, history.best_epoch, len(history)) == ("patience", 5, 5 + 3)
    assert history.valid_loss == pytest.approx((PATH - 4) ** 2)
    assert float(model.w) == pytest.approx(PATH[4])


def test_with_patience_the_best_weights_come_back_when_the_epochs_run_out_too():
    model = Probe()
    history = descend(model, constant(10), lr=0.05, epochs=7, valid_data=constant(4), patience=3)
    assert (history.stopped, history.best_epoch, len(history)) == ("epochs", 5, 7)
    assert float(model.w) == pytest.approx(PATH[4])


def test_without_patience_the_last_weights_stay():
    model = Probe()
    history = descend(model, constant(10), lr=0.05, epochs=7, valid_data=constant(4))
    assert history.best_epoch == 5
    assert float(model.w) == pytest.approx(PATH[6])


@pytest.mark.parametrize("unit", [1e-6, 1.0, 1e6])
@pytest.mark.parametrize("ratio", [0.5, 0.9, 0.99, 0.999])
def test_convergence_means_that_what_is_still_to_come_is_within_tol(ratio, unit):
    losses, tol = [], 1e-5
    while not converged(losses, tol):
        losses.append(unit * (1 + ratio ** len(losses)))
    still_to_come = np.mean(losses[-10:]) / unit - 1
    assert still_to_come < 1.001 * tol
    if ratio > 0.95:  # faster runs stop because of the decrease over the last ten epochs
        assert still_to_come > 0.98 * tol


def test_a_tol_of_zero_waits_until_the_loss_stands_still():
    history = descend(Probe(), constant(1), epochs=1000, tol=0)
    assert history.stopped == "converged"
    assert history.train_loss[-10:] == history.train_loss[-1:] * 10


def test_a_loss_that_falls_steadily_or_swings_has_notconverged():
    assert not converged([1 - 1e-9 * i for i in range(100)], 1e-6)
    assert not converged([1 + 0.1 * (i // 10 % 2) for i in range(100)], 1e-6)
    swings = [1 + 0.1 * math.cos(i / 4) for i in range(300)]
    assert not any(converged(swings[:n], 1e-2) for n in range(300))
    assert not converged([1.0] * 29, 1e-6)
    assert converged([1.0] * 30, 0)


@pytest.mark.parametrize("batch_size", [None, 20])
def test_divergence_is_named_and_the_model_keeps_finite_weights(batch_size):
    (X, y), _ = least_squares()
    model = nn.Linear(3, 1, rng=0)
    with pytest.raises(DivergenceError, match=r"training loss is (inf|nan) in epoch \d+ with lr=1000") as caught:
        descend(model, (X, y), lr=1e3, epochs=200, batch_size=batch_size, rng=0)
    error = caught.value
    assert isinstance(error, ValueError)
    assert "learning rate is too high (try 1e+02)" in str(error)
    assert "standardized" not in str(error)
    assert f"in epoch {len(error.history) + 1} " in str(error)
    assert np.isfinite(error.history.train_loss).all()
    assert np.isfinite(float(tg.mse_loss(model(X), y)))
    assert abs(model.weight.data).max() > 1e100  # the last finite weights, not the first


def test_divergence_names_the_columns_that_are_far_from_standardized_and_only_those():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(50, 3)) * [1, 300, 20] + [0, 0, 2000], rng.normal(size=(50, 1))
    with pytest.raises(DivergenceError) as caught:
        descend(nn.Linear(3, 1, rng=0), (X, y), epochs=200)
    mean, deviation = X[:, 2].mean(), X[:, 2].std()
    said = f"column 2 of the features is not standardized, with mean {mean:.3g} and standard deviation {deviation:.3g}"
    assert said in str(caught.value)
    assert "targets" not in str(caught.value)
    with pytest.raises(DivergenceError, match="column 0 of the targets is not standardized") as caught:
        descend(nn.Linear(3, 1, rng=0), (rng.normal(size=(50, 3)), 1e6 * y), lr=1e3, epochs=200)
    assert "features" not in str(caught.value)


def test_divergence_in_validation_and_in_the_last_update_is_caught():
    model = Probe()
    with pytest.raises(DivergenceError, match=r"the validation loss is inf in epoch 1 with lr=1e\+200"):
        descend(model, constant(1), lr=1e200, epochs=1, valid_data=constant(1))
    assert float(model.w) == 0
    with pytest.raises(DivergenceError, match="the sum of the weights is inf in epoch 1"):
        descend(model, constant(1), lr=1e308, epochs=1)
    assert float(model.w) == 0


def test_a_scheduler_steps_after_every_epoch():
    class Halving:
        def step(self):
            optimizer.lr /= 2

    model = Probe()
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    options = {"epochs": 3, "batch_size": 1, "scheduler": Halving(), "progress": False}
    history = fit(model, tg.mse_loss, constant(1), optimizer=optimizer, **options)
    assert history.lr == [0.1, 0.05, 0.025]


def test_a_schedule_says_whether_it_follows_batches_and_whether_it_watches_the_loss():
    seen = []

    class EachBatch:
        each_batch = True

        def step(self):
            seen.append("batch")
            optimizer.lr /= 2

    class Watcher:
        watches_loss = True

        def step(self, loss):
            seen.append(loss)

    model = Probe()
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    options = {"epochs": 2, "batch_size": 2, "optimizer": optimizer, "progress": False}
    history = fit(model, tg.mse_loss, constant(1, n=5), scheduler=EachBatch(), **options)
    assert seen == ["batch"] * 6
    assert history.lr == [0.1, 0.1 / 8]
    seen.clear()
    history = fit(model, tg.mse_loss, constant(1), scheduler=Watcher(), **options)
    assert seen == history.train_loss
    seen.clear()
    history = fit(model, tg.mse_loss, constant(1), valid_data=constant(3), scheduler=Watcher(), **options)
    assert seen == history.valid_loss


@pytest.mark.parametrize("jit", [False, True])
def test_metrics_are_of_the_validation_data_at_each_epochs_end_or_of_the_training_data(jit):
    (X, y), _ = least_squares()
    metrics, losses = {"r2": tg.r2_score, "mse": lambda p, y: np.mean((p - y) ** 2)}, []
    model = nn.Linear(3, 1, rng=0)

    def note(model, **_):
        losses.append(tg.evaluate(model, (X, y), loss=tg.mse_loss, metrics=metrics))

    history = descend(model, (X, y), epochs=3, metrics=metrics, callbacks=[note], jit=jit)
    assert history.metrics["mse"] == pytest.approx([found["loss"] for found in losses])
    assert history.metrics["r2"] == pytest.approx([found["r2"] for found in losses])
    history = descend(model, (X, y), epochs=3, valid_data=(X[:9], y[:9]), metrics=metrics, jit=jit)
    assert history.metrics["mse"] == pytest.approx(history.valid_loss)
    assert history.metrics["r2"][-1] == pytest.approx(tg.r2_score(model(X[:9]).data, y[:9]))


def test_metrics_are_computed_in_evaluation_mode():
    model = Probe()
    descend(model, constant(1, n=4), epochs=1, metrics={"mean": lambda p, y: p.mean()})
    assert model.calls == [(4, True, True, True), (4, False, False, False)]


def test_callbacks_see_every_epoch_as_it_ended_and_may_stop():
    model, seen = Probe(), []

    def look(model, epoch, history):
        seen.append((epoch, len(history), float(model.w)))

    history = descend(model, constant(10), lr=0.05, epochs=9, callbacks=[lambda epoch, **_: epoch == 3, look])
    assert [(epoch, n) for epoch, n, _ in seen] == [(1, 1), (2, 2), (3, 3)]
    assert [w for _, _, w in seen] == pytest.approx(PATH[:3])
    assert (history.stopped, len(history)) == ("callback", 3)


def test_a_callback_that_gives_something_else_is_named():
    with pytest.raises(TypeError, match="returned 0; return True to stop, or None to go on"):
        descend(Probe(), constant(1), epochs=2, callbacks=[lambda **_: 0])


SCHEDULES = {
    "cosine": lambda adam: optim.lr_scheduler.CosineAnnealingLR(adam, T_max=25),
    "one cycle": lambda adam: optim.lr_scheduler.OneCycleLR(adam, max_lr=0.05, total_steps=60),
    "plateau": lambda adam: optim.lr_scheduler.ReduceLROnPlateau(adam, patience=0),
    "warm-up": lambda adam: optim.lr_scheduler.LinearWarmup(adam, 5, optim.lr_scheduler.ExponentialLR(adam, 0.9)),
}


class Interruption(Exception):
    pass


def interrupt(at):
    def callback(epoch, **_):
        if epoch == at:
            raise Interruption

    return callback


def noisy_run(seed=0, hidden=8, schedule="cosine", loss=tg.mse_loss, **options):
    """Run with two generators; return history, weights, optimizer state and the next random number."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=(60, 2))
    y = x[:, :1] * x[:, 1:] + 0.1 * rng.normal(size=(60, 1))
    model = nn.Sequential(
        nn.Linear(2, hidden, rng=seed),
        nn.Tanh(),
        nn.Dropout(0.5, rng=seed),
        nn.BatchNorm1d(hidden),
        nn.Linear(hidden, 1, rng=seed),
    )
    adam, generator = optim.Adam(model.parameters(), lr=0.02), np.random.default_rng(0)
    defaults = {
        "epochs": 20, "batch_size": 16, "valid_data": (x[:20], y[:20]), "patience": 6,
        "scheduler": SCHEDULES[schedule](adam),
        "metrics": {"r2": tg.r2_score}, "progress": False, "rng": generator,
    }  # fmt: skip
    history = fit(model, loss, (x[20:], y[20:]), optimizer=adam, **(defaults | options))
    values = dataclasses.asdict(history) | {"seconds": None}
    weights = {name: w.tolist() for name, w in model.state_dict().items()}
    state = {name: np.asarray(value).tolist() for name, value in adam.state_dict().items()}
    return values, weights, state, generator.random(), model.layers[2].rng.random()


@pytest.mark.parametrize("every", [1, 3])
@pytest.mark.parametrize(("patience", "at"), [(4, 7), (20, 7), (4, 1)])
def test_an_interrupted_run_goes_on_from_its_checkpoint_bit_for_bit(tmp_path, patience, at, every):
    options = {"patience": patience, "checkpoint": tmp_path / "run.npz", "checkpoint_every": every}
    straight = noisy_run(patience=patience)
    with pytest.raises(Interruption):
        noisy_run(callbacks=[interrupt(at)], **options)
    # The file replaces the whole state of a new process, including weights and generators, unless the run was
    # interrupted before the file was first written.
    resumed = noisy_run(seed=5 if at > every else 0, **options)
    assert resumed == straight
    assert straight[0]["stopped"] == ("patience" if patience == 4 else "epochs")
    assert noisy_run(seed=6, **options) == straight  # the run is already complete


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_a_run_goes_on_with_any_schedule(tmp_path, schedule):
    options = {"patience": 20, "schedule": schedule}
    straight = noisy_run(**options)
    with pytest.raises(Interruption):
        noisy_run(callbacks=[interrupt(7)], checkpoint=tmp_path / "run.npz", **options)
    assert noisy_run(seed=5, checkpoint=tmp_path / "run.npz", **options) == straight
    assert len(set(straight[0]["lr"])) > 1


def test_a_run_goes_on_with_jit_to_rounding(tmp_path):
    straight = noisy_run(jit=True)
    with pytest.raises(Interruption):
        noisy_run(jit=True, callbacks=[interrupt(7)], checkpoint=tmp_path / "run.npz")
    resumed = noisy_run(jit=True, seed=5, checkpoint=tmp_path / "run.npz")
    np.testing.assert_allclose(resumed[0]["train_loss"], straight[0]["train_loss"], rtol=1e-12)
    assert resumed[3:] == straight[3:]


def test_a_finished_run_goes_on_for_more_epochs_as_if_it_had_not_stopped(tmp_path):
    options = {"patience": 50, "checkpoint": tmp_path / "run.npz"}
    noisy_run(epochs=8, **options)
    assert noisy_run(epochs=20, **options) == noisy_run(patience=50)
    generator = np.random.default_rng(3)
    with pytest.raises(ValueError, match=r"has 20 epochs behind it, more than 8\. Nothing was changed"):
        noisy_run(epochs=8, rng=generator, **options)
    assert generator.random() == np.random.default_rng(3).random()


def test_a_resumed_run_remembers_its_lowest_loss_and_gives_the_best_weights_back(tmp_path):
    options = {"lr": 0.05, "epochs": 100, "valid_data": constant(4), "patience": 3}
    options["checkpoint"] = tmp_path / "run.npz"
    with pytest.raises(Interruption):
        descend(Probe(), constant(10), callbacks=[interrupt(8)], **options)
    model = Probe()
    history = descend(model, constant(10), **options)
    assert (history.stopped, history.best_epoch, len(history)) == ("patience", 5, 5 + 3)
    assert float(model.w) == pytest.approx(PATH[4])


def test_a_checkpoint_is_written_after_so_many_epochs_and_at_the_end(tmp_path):
    path, found = tmp_path / "run.npz", []

    def look(epoch, **_):
        found.append(path.exists() and int(tg.load(path)["optimizer/steps"]))

    descend(Probe(), constant(1), epochs=7, checkpoint=path, checkpoint_every=3, callbacks=[look])
    assert found == [False, False, False, 3, 3, 3, 6]
    assert int(tg.load(path)["optimizer/steps"]) == 7


def test_a_model_of_several_outputs_trains_as_its_loss_reads_them():
    model = nn.Sequential(nn.Linear(3, 1, rng=0), lambda y: (y, 2 * y))
    history = fit(
        model, lambda p, y: tg.mse_loss(p[0], y), least_squares()[0], valid_data=least_squares()[0], epochs=2,
        optimizer=optim.SGD(model.parameters(), lr=0.1), progress=False,
    )  # fmt: skip
    assert history.valid_loss[1] < history.valid_loss[0]


def test_a_run_goes_on_after_a_callbacks_stop(tmp_path):
    path = tmp_path / "run.npz"
    first = noisy_run(checkpoint=path, callbacks=[lambda epoch, **_: epoch == 5])[0]
    assert (first["stopped"], len(first["lr"])) == ("callback", 5)
    assert noisy_run(checkpoint=path) == noisy_run()


def test_a_diverging_run_resumed_at_its_end_still_gives_the_last_weights_of_a_finite_loss(tmp_path):
    def run(**options):
        model = Probe()
        with pytest.raises(DivergenceError) as caught:
            descend(model, constant(1), lr=1e60, epochs=50, **options)
        return float(model.w), len(caught.value.history)

    w, epochs = run()
    path = tmp_path / "run.npz"
    with contextlib.suppress(DivergenceError):
        descend(Probe(), constant(1), lr=1e60, epochs=epochs, checkpoint=path)
    assert run(checkpoint=path) == (w, epochs)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"batch_size": 8}, "batch_size was 16 and is 8"),
        ({"patience": 5}, "patience was 6 and is 5"),
        ({"valid_data": GOOD_PAIR}, r"the checksum of valid_data was \d+ and is \d+"),
        ({"metrics": None}, r"metrics was \['r2'\] and is \[\]"),
        ({"loss": tg.l1_loss}, "the loss was mse_loss and is l1_loss"),
        ({"scheduler": None}, "the scheduler was CosineAnnealingLR and is NoneType"),
        ({"hidden": 9}, r"'0.weight' has shape \(8, 2\), not \(9, 2\)"),
    ],
)
def test_the_checkpoint_of_another_run_is_refused_with_nothing_changed(tmp_path, options, text):
    path = tmp_path / "run.npz"
    noisy_run(epochs=2, checkpoint=path)
    before = path.read_bytes()
    generator = np.random.default_rng(3)
    with pytest.raises(ValueError, match=rf"run.npz is of another run: .*{text}.*Nothing was changed"):
        noisy_run(checkpoint=path, **options, rng=generator)
    assert generator.random() == np.random.default_rng(3).random()
    assert path.read_bytes() == before


@pytest.mark.parametrize("kind", [np.int32, np.int64, int])
def test_a_run_goes_on_in_later_versions_and_where_numpys_own_integers_have_another_width(tmp_path, kind):
    model, data = nn.Linear(3, 3, rng=0), (np.eye(3), np.arange(3).astype(kind))
    sgd = optim.SGD(model.parameters(), lr=0.1)
    fit(model, tg.cross_entropy, data, optimizer=sgd, epochs=1, progress=False, checkpoint=tmp_path / "run.npz")
    written = json.loads(str(tg.load(tmp_path / "run.npz")["fit"]))["settings"]["the checksum of train_data"]
    assert written == (2980876556 if kind == np.int32 != np.dtype(int) else 585453533)


def test_files_that_are_no_checkpoint_are_refused_with_model_and_file_as_they_were(tmp_path):
    path, model = tmp_path / "run.npz", nn.Linear(3, 1, rng=0)
    before = solution(model)
    tg.save(model.state_dict(), path)
    with pytest.raises(ValueError, match=r"run\.npz is not a file that fit wrote"):
        descend(model, least_squares()[0], epochs=1, checkpoint=path)
    path.write_bytes(b"text")
    with pytest.raises(ValueError, match=r"run\.npz is damaged"):
        descend(model, least_squares()[0], epochs=1, checkpoint=path)
    assert path.read_bytes() == b"text"
    assert (solution(model) == before).all()


def test_a_checkpoint_of_other_optimizer_state_changes_neither_model_nor_optimizer(tmp_path):
    data, path = least_squares()[0], tmp_path / "run.npz"
    model = nn.Linear(3, 1, rng=0)
    descend(model, data, epochs=1, checkpoint=path)
    saved = tg.load(path)
    saved["optimizer/velocity.0"] = np.zeros((1, 3))
    tg.save(saved, path)
    other = nn.Linear(3, 1, rng=1)
    before, sgd = solution(other), optim.SGD(other.parameters(), lr=0.1)
    with pytest.raises(ValueError, match=r"another run: SGD\.load_state_dict: .* unexpected 'velocity.0'"):
        fit(other, tg.mse_loss, data, optimizer=sgd, epochs=2, checkpoint=path, progress=False)
    assert (solution(other) == before).all()
    assert sgd.steps == 0


def test_progress_shows_a_bar_with_the_loss(capfd):
    history = descend(Probe(), constant(1), epochs=4, valid_data=constant(3), progress=True)
    shown = capfd.readouterr().err
    assert "4/4" in shown
    assert f"loss {history.valid_loss[-1]:.4g}" in shown
    descend(Probe(), constant(1), epochs=4)
    assert capfd.readouterr() == ("", "")


def test_without_tqdm_a_warning_names_the_remedy_and_training_goes_on(monkeypatch):
    find = builtins.__import__

    def without_tqdm(name, *args):
        if name == "tqdm":
            raise ModuleNotFoundError(name)
        return find(name, *args)

    monkeypatch.setattr(builtins, "__import__", without_tqdm)
    model = Probe()
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    remedy = re.escape('pip install "tinygrad-edu[train]", or pass progress=False')
    with pytest.warns(UserWarning, match=remedy) as caught:
        history = fit(model, tg.mse_loss, constant(1), optimizer=optimizer, epochs=2)
    assert len(history) == 2
    assert caught[0].filename == __file__


def test_a_progress_bar_alone_counts_and_warns_where_it_is_made(monkeypatch, capfd):
    with progress_bar(3, done=1) as show:
        show({"loss": 0.25, "r2": 1.0})
    shown = capfd.readouterr().err
    assert "2/3" in shown
    assert "loss 0.25, r2 1" in shown
    with progress_bar(9) as show:
        show({"loss": 1.0})
        show({"loss": 0.5}, "converged")
    assert re.search("converged: 100%.* 2/2 ", capfd.readouterr().err)
    monkeypatch.setitem(sys.modules, "tqdm", None)
    with pytest.warns(UserWarning, match="no progress bar without tqdm") as caught, progress_bar(3) as show:
        show({})
    assert caught[0].filename == __file__


def fitted(last, loss=tg.mse_loss, **options):
    model = nn.Sequential(nn.Linear(3, 2 if last is nn.Softmax else 1, rng=0), last())
    y = np.zeros(4, int) if last is nn.Softmax else np.ones((4, 1))
    sgd = optim.SGD(model.parameters(), lr=0.1)
    fit(model, loss, (np.ones((4, 3)), y), optimizer=sgd, **{"epochs": 1, "progress": False} | options)


def twice(sgd):
    for _ in range(2):
        (sgd.params[0] * 2).backward()
    sgd.step()


class Labelled(nn.Identity):
    n: object = None

    def forward(self, x):
        return x if self.n is None else x * 1


@pytest.mark.parametrize(
    "run",
    [
        lambda schedules, sgd: schedules.LinearWarmup(sgd, 2).step(),
        lambda schedules, sgd: schedules.ReduceLROnPlateau(sgd).step(1.0),
        lambda schedules, sgd: schedules.ChainedScheduler([schedules.StepLR(sgd, 1)]).step(),
        lambda *_: fitted(nn.Sigmoid, metrics={"accuracy": tg.accuracy}),
        lambda *_: fitted(nn.Sigmoid, metrics={"accuracy": tg.accuracy}, comm=tg.distributed.OneProcess()),
        lambda *_: fitted(nn.Softmax, tg.cross_entropy),
        lambda *_: fitted(nn.Softmax, tg.nll_loss),
        lambda *_: fitted(nn.Softmax, lambda p, y: tg.kl_div(p, tg.data.one_hot(y, 2))),
        lambda *_: fitted(nn.Sigmoid, tg.binary_cross_entropy_with_logits),
        lambda _, sgd: twice(sgd),
        lambda *_: fitted(
            Labelled, jit=True, epochs=40, callbacks=[lambda model, **_: setattr(model[1], "n", object())]
        ),
    ],
)
def test_a_warning_shows_the_users_line_however_many_calls_are_between(run):
    with pytest.warns(UserWarning, match="first rate|[Ss]igmoid|softmax|sum of 2|without jit") as caught:
        run(optim.lr_scheduler, optim.SGD([Tensor(1.0)], lr=0.1))
    assert {w.filename for w in caught} == {__file__}


GOOD = (np.ones((4, 3)), np.ones((4, 1)))
OTHER = optim.SGD([Tensor(1.0)], lr=0.1)


class Stepping:
    """A schedule of one's own, without state."""

    def step(self):
        pass


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"data": (np.ones((4, 3)), np.ones((3, 1)))}, ValueError, r"train_data: .* \(4, 3\), \(3, 1\)"),
        ({"data": (np.ones((0, 3)), np.ones((0, 1)))}, ValueError, "train_data: there are no rows"),
        ({"data": np.ones((2, 3))}, TypeError, r"train_data is a tuple \(X, y\), not ndarray"),
        ({"data": (*GOOD, GOOD)}, TypeError, r"train_data is a tuple \(X, y\), not a tuple of 3"),
        ({"data": [GOOD] * 4}, TypeError, r"train_data is a tuple \(X, y\), not a list of 4"),
        ({"valid_data": 0.2}, TypeError, r"valid_data is a tuple \(X, y\), not float"),
        ({"data": (np.full((4, 3), np.nan), np.ones(4))}, ValueError, r"train_data, X: 12 values are NaN"),
        ({"valid_data": (np.ones((4, 3)), [1, 2, 3, np.inf])}, ValueError, "valid_data, y: 1 value is NaN"),
        ({"data": ([["a"] * 3] * 4, np.ones(4))}, TypeError, "train_data, X: numbers are needed"),
        ({"epochs": 0}, ValueError, "epochs is a whole number from 1, not 0"),
        ({"epochs": 2.5}, ValueError, r"epochs is a whole number from 1, not 2\.5"),
        ({"batch_size": 0}, ValueError, "batch_size is a whole number from 1, not 0"),
        ({"patience": 0, "valid_data": GOOD}, ValueError, "patience is a whole number from 1, not 0"),
        ({"patience": 2}, ValueError, r"pass valid_data=\(X, y\)"),
        ({"tol": -1}, ValueError, "tol is a share of the loss"),
        ({"metrics": [tg.r2_score]}, TypeError, "metrics are a dict of names and functions"),
        ({"metrics": {"lr": tg.r2_score}}, ValueError, "a metric cannot be named 'lr'"),
        ({"callbacks": print}, TypeError, r"callbacks are a list of functions of \(model, epoch, history\)"),
        ({"callbacks": [print, None]}, TypeError, "callbacks are a list of functions"),
        ({"checkpoint": "run.pickle"}, ValueError, "checkpoint is a file that ends in .npz, not 'run.pickle'"),
        ({"checkpoint": "nowhere/run.npz"}, FileNotFoundError, "folder .*nowhere does not exist"),
        ({"checkpoint": "run.npz", "checkpoint_every": 0}, ValueError, "checkpoint_every is a whole number from 1"),
        (
            {"checkpoint": "run.npz", "scheduler": Stepping()},
            TypeError,
            r"scheduler's state_dict\(\).* Stepping has neither",
        ),
        ({"scheduler": optim.lr_scheduler.StepLR}, TypeError, "fit: scheduler is the class StepLR itself"),
        ({"scheduler": object()}, TypeError, "fit: scheduler is one of .* not object"),
        ({"scheduler": optim.lr_scheduler.StepLR(OTHER, 2)}, ValueError, "fit: scheduler is one of another optimizer"),
    ],
)
def test_mistakes_are_named_before_anything_is_trained(options, error, text):
    model = nn.Linear(3, 1, rng=0)
    before = solution(model)
    with pytest.raises(error, match=text):
        descend(model, **{"data": GOOD, "epochs": 1, **options})
    assert (solution(model) == before).all()


@pytest.mark.parametrize(
    ("optimizer", "text"),
    [
        (
            optim.SGD,
            r"such as tg\.optim\.SGD\(model\.parameters\(\), lr=0\.01\), not the class SGD; call it to make one",
        ),
        (nn.Linear, r"such as tg\.optim\.Adam\(model\.parameters\(\), lr=0\.01\), not the class Linear"),
        ("adam", r"optimizer is one of tg\.optim, such as .*, not 'adam'"),
    ],
)
def test_what_is_no_optimizer_is_refused_with_the_remedy(optimizer, text):
    model = nn.Linear(3, 1, rng=0)
    uses = [
        lambda: fit(model, tg.mse_loss, GOOD, optimizer=optimizer, epochs=1),
        lambda: tg.lr_finder(model, tg.mse_loss, GOOD, optimizer=optimizer),
        lambda: tg.train.training_step(model, tg.mse_loss, optimizer),
        lambda: optim.lr_scheduler.StepLR(optimizer, 3),
    ]
    for use in uses:
        with pytest.raises(TypeError, match=text):
            use()


def test_a_function_is_no_model():
    optimizer = optim.SGD([Tensor(1.0)], lr=0.1)
    with pytest.raises(TypeError, match=r"model is a tg\.nn\.Module, not function"):
        fit(lambda x: x, tg.mse_loss, GOOD, optimizer=optimizer, epochs=1)


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"model": nn.Linear}, r"model is a tg\.nn\.Module, not the class Linear; call it to make one"),
        ({"optimizer": optim.Adam}, r"optimizer is .*Adam\(model\.parameters\(\), lr=0\.01\), not the class Adam"),
        ({"optimizer": "adam"}, r"optimizer is one of tg\.optim, .*, not 'adam'"),
        ({"loss": "mse"}, r"loss is a function of \(prediction, y\), not 'mse'; pass one of .*tg\.mse_loss"),
        ({"loss": Tensor(1.0)}, r"loss is a function of \(prediction, y\), not Tensor; .*tg\.cross_entropy"),
        ({"loss": History}, r"loss is a function of .*, not the class History"),
    ],
)
def test_habits_of_other_libraries_are_answered_by_what_to_write(given, text):
    model = nn.Linear(3, 1, rng=0)
    made = {"model": model, "loss": tg.mse_loss, "optimizer": optim.SGD(model.parameters(), lr=0.1)} | given
    with pytest.raises(TypeError, match=f"fit: {text}"):
        fit(made["model"], made["loss"], GOOD, optimizer=made["optimizer"], epochs=1)
    with pytest.raises(TypeError, match=f"lr_finder: {text}"):
        tg.lr_finder(made["model"], made["loss"], GOOD, optimizer=made["optimizer"])


@pytest.mark.parametrize("jit", [False, True])
@pytest.mark.parametrize(("size", "sizes"), [(3, [3, 3, 3]), (4, [4, 4]), (10, [10]), (None, [10]), (6, [6])])
def test_drop_last_leaves_out_the_examples_that_fill_no_batch(size, sizes, jit):
    X, y = np.random.default_rng(0).normal(size=(10, 2)), np.ones((10, 1))
    model = nn.Sequential(nn.Linear(2, 4, rng=0), nn.BatchNorm1d(4), nn.Linear(4, 1, rng=0))
    seen = []

    def loss(prediction, target):
        value = tg.mse_loss(prediction, target)
        seen.append((len(target), value))
        return value

    optimizer = optim.SGD(model.parameters(), lr=0.01)
    options = {"optimizer": optimizer, "batch_size": size, "rng": 0, "progress": False, "jit": jit}
    history = fit(model, tg.mse_loss if jit else loss, (X, y), epochs=2, drop_last=True, **options)
    assert model[1].num_batches_tracked.data == 2 * len(sizes)
    if not jit:
        assert [n for n, _ in seen] == 2 * sizes
        losses = [float(value) for _, value in seen]
        expected = [np.mean(losses[: len(sizes)]), np.mean(losses[len(sizes) :])]
        np.testing.assert_allclose(history.train_loss, expected, rtol=1e-13)


def test_a_single_example_left_over_is_answered_by_drop_last():
    model = nn.Sequential(nn.Linear(3, 2, rng=0), nn.BatchNorm1d(2), nn.Linear(2, 1, rng=0))
    data, optimizer = (np.eye(9, 3), np.ones((9, 1))), optim.SGD(model.parameters(), lr=0.1)
    options = {"optimizer": optimizer, "epochs": 1, "batch_size": 4, "progress": False}
    with pytest.raises(ValueError, match=r"one number per feature has no variance; .*drop_last=True in fit"):
        fit(model, tg.mse_loss, data, **options)
    fit(model, tg.mse_loss, data, drop_last=True, **options)
    tg.lr_finder(model, tg.mse_loss, data, optimizer=optimizer, batch_size=4, steps=20, drop_last=True)


def test_a_layer_that_a_callback_puts_in_is_in_evaluation_mode_for_validation():
    model = nn.Sequential(nn.Linear(3, 1, rng=0), nn.Identity())

    def drop(*, model, epoch, history):
        vars(model)["1"] = nn.Dropout(1.0, rng=0)

    options = {"valid_data": GOOD, "callbacks": [drop], "epochs": 2, "progress": False}
    history = fit(model, tg.mse_loss, GOOD, optimizer=optim.SGD(model.parameters(), lr=0), **options)
    assert history.train_loss[1] == 1
    assert history.valid_loss[1] == history.valid_loss[0] != 1


def test_a_run_resumes_bit_for_bit_with_generators_in_lists_and_dicts(tmp_path):
    class Noisy(nn.Linear):
        def __init__(self):
            super().__init__(3, 1, rng=0)
            self.streams = [{"input": np.random.default_rng(0)}]
            self.streams.append(self.streams)

        def forward(self, x):
            return super().forward(x + self.streams[0]["input"].normal(size=x.shape))

    def run(epochs, path):
        model = Noisy()
        options = {"optimizer": optim.SGD(model.parameters(), lr=0.1), "checkpoint": path, "progress": False}
        fit(model, tg.mse_loss, GOOD, epochs=epochs, **options)
        return model.weight.data.tobytes()

    run(2, tmp_path / "a.npz")
    assert run(4, tmp_path / "a.npz") == run(4, tmp_path / "b.npz")


def test_many_weights_of_float16_do_not_pass_for_infinite():
    model = nn.Linear(400, 300).astype(np.float16)
    model.weight.data[...] = 1
    x = np.full((2, 400), 0.01, np.float16)
    options = {"optimizer": optim.SGD(model.parameters(), lr=1e-4), "epochs": 2, "progress": False}
    assert len(fit(model, tg.mse_loss, (x, np.full((2, 300), 4, np.float16)), **options)) == 2


def test_a_checkpoint_of_a_run_with_drop_last_is_not_resumed_without(tmp_path):
    def run(drop_last, epochs):
        model = nn.Linear(3, 1, rng=0)
        optimizer = optim.SGD(model.parameters(), lr=0.1)
        options = {"epochs": epochs, "batch_size": 3, "checkpoint": tmp_path / "run.npz", "progress": False, "rng": 0}
        return fit(model, tg.mse_loss, GOOD, optimizer=optimizer, drop_last=drop_last, **options)

    run(True, 1)
    assert len(run(True, 2)) == 2
    with pytest.raises(ValueError, match="batch_size was 3 with drop_last and is 3"):
        run(False, 3)


def test_integer_classes_train_too():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 2))
    y = (X[:, 0] > 0).astype(int)
    model = nn.MLP([2, 8, 2], rng=0)
    optimizer = optim.Adam(model.parameters(), lr=0.05)
    options = {"epochs": 60, "batch_size": 16, "progress": False, "rng": 0}
    fit(model, tg.cross_entropy, (X, y), optimizer=optimizer, **options)
    assert (model(X).data.argmax(axis=1) == y).all()


HISTORY = History(
    train_loss=[2.0, 1.0, 0.5],
    valid_loss=[3.0, 1.25, 1.5],
    lr=[0.1, 0.1, 0.05],
    seconds=[0.5, 0.25, 0.25],
    stopped="patience",
    best_epoch=2,
)


def test_history_prints_as_one_line_and_as_a_table():
    assert repr(HISTORY) == (
        "History(3 epochs, stopped by 'patience', train loss 2 -> 0.5, valid loss 3 -> 1.5, best epoch 2, 1 s)"
    )
    assert HISTORY.table().split("\n") == [
        "epoch  train loss  valid loss    lr  seconds",
        "    1           2           3   0.1    0.500",
        "    2           1        1.25   0.1    0.750",
        "    3         0.5         1.5  0.05    1.000",
    ]
    assert [row.split()[0] for row in HISTORY.table(rows=2).split("\n")] == ["epoch", "1", "3"]
    plain = History(train_loss=[1.0] * 100, lr=[0.1] * 100, seconds=[0.1] * 100)
    assert len(plain.table().split("\n")) == 11
    assert "valid" not in plain.table() + repr(plain)
    assert History().table() == "epoch  train loss  lr  seconds"
    assert repr(History()) == "History(0 epochs, best epoch 0, 0 s)"


def test_metrics_are_columns_of_the_table_and_figures_of_the_line():
    history = dataclasses.replace(HISTORY, metrics={"accuracy": [0.5, 0.75, 0.8125]})
    assert history.table().split("\n")[0] == "epoch  train loss  valid loss  accuracy    lr  seconds"
    assert "valid loss 3 -> 1.5, accuracy 0.5 -> 0.8125, best epoch 2" in repr(history)
    spaced = dataclasses.replace(HISTORY, metrics={" of  two\nwords": [0.5, 0.75, 0.8125]})._repr_html_()
    assert "<th> of  two\nwords</th><th>lr</th>" in spaced
    assert "<td>1.5</td><td>0.8125</td><td>0.05</td>" in spaced


def test_to_csv_writes_every_digit_and_whole_files_only(tmp_path):
    path = tmp_path / "run.csv"
    history = dataclasses.replace(HISTORY, metrics={"r2, of all": [0.1, 1 / 3, 1e-300]})
    history.to_csv(path)
    with open(path, newline="", encoding="utf-8") as file:
        head, *lines = csv.reader(file)
    assert head == ["epoch", "train_loss", "valid_loss", "r2, of all", "lr", "seconds"]
    assert [float(line[3]) for line in lines] == history.metrics["r2, of all"]
    assert [[float(v) for v in line] for line in lines][2] == [3, 0.5, 1.5, 1e-300, 0.05, 0.25]
    with pytest.raises(ValueError, match="shorter"):
        dataclasses.replace(HISTORY, lr=[0.1]).to_csv(path)
    assert path.read_text("utf-8").startswith("epoch,train_loss,valid_loss,")
    assert [p.name for p in tmp_path.iterdir()] == ["run.csv"]
    History([1.0], lr=[0.1], seconds=[0.5]).to_csv(path)
    assert path.read_text("utf-8").split() == ["epoch,train_loss,lr,seconds", "1,1.0,0.1,0.5"]


def test_plot_draws_the_losses_into_the_axes_it_is_given():
    ax = Figure().subplots()
    assert HISTORY.plot(ax) is ax
    assert list(ax.lines[0].get_ydata()) == HISTORY.train_loss
    assert list(ax.lines[1].get_ydata()) == HISTORY.valid_loss


def test_fit_names_what_is_no_optimizer_and_no_loss():
    model = tg.nn.Linear(1, 1, rng=0)
    data = np.ones((3, 1)), np.ones((3, 1))
    with pytest.raises(TypeError, match="not NoneType"):
        tg.fit(model, tg.mse_loss, data, optimizer=None, epochs=1, progress=False)
    sgd = tg.optim.SGD(model.parameters(), 0.1)
    with pytest.raises(TypeError, match="a Tensor of one element"):
        tg.fit(model, lambda p, y: 1.0, data, optimizer=sgd, epochs=1, progress=False)


@pytest.mark.parametrize("jit", [False, True])
def test_a_loss_of_several_numbers_is_named_with_its_shape(jit):
    model, data = tg.nn.Linear(1, 1, rng=0), (np.ones((3, 1)), np.ones((3, 1)))
    sgd, loss = tg.optim.SGD(model.parameters(), 0.1), lambda p, y: (p - y) ** 2
    calls = {
        "fit": lambda: tg.fit(model, loss, data, optimizer=sgd, epochs=1, progress=False, jit=jit),
        "lr_finder": lambda: tg.lr_finder(model, loss, data, optimizer=sgd),
        "evaluate": lambda: tg.evaluate(model, data, loss=loss),
    }
    for name, call in calls.items():
        text = r"loss\(model\(X\), y\) must be a Tensor of one element \(a scalar\), not one of shape \(3, 1\); "
        with pytest.raises(TypeError, match=rf"^{name}: {text}np\.mean makes one of many$"):
            call()
    with pytest.raises(TypeError, match=r"^evaluate: .* not one of shape \(3, 1\)"):
        tg.evaluate(model, data, loss=lambda p, y: (p.data - y) ** 2)  # an array


@pytest.mark.parametrize("batch_size", [None, 16])
def test_jit_trains_to_the_same_weights(batch_size):
    x = np.random.default_rng(0).uniform(-1, 1, (50, 2))
    y = x[:, :1] * x[:, 1:]
    runs = []
    for jit in (False, True):
        model = tg.nn.MLP([2, 8, 1], activation="tanh", rng=0)
        history = tg.fit(
            model, tg.mse_loss, (x[:40], y[:40]), optimizer=tg.optim.Adam(model.parameters(), lr=0.02), epochs=30,
            batch_size=batch_size, jit=jit, valid_data=(x[40:], y[40:]), patience=10, progress=False, rng=0,
        )  # fmt: skip
        runs.append((history, model.state_dict()))
    (eager, weights), (replayed, others) = runs
    np.testing.assert_allclose(replayed.train_loss, eager.train_loss, rtol=1e-9)
    np.testing.assert_allclose(replayed.valid_loss, eager.valid_loss, rtol=1e-9)
    for name, w in weights.items():
        np.testing.assert_allclose(others[name], w, rtol=1e-9)


@pytest.mark.parametrize("jit", [False, True])
def test_a_diverging_run_keeps_the_last_weights_of_a_finite_loss(jit):
    x = np.linspace(-1, 1, 20).reshape(-1, 1) * 100
    model = tg.nn.Linear(1, 1, rng=0)
    sgd = tg.optim.SGD(model.parameters(), lr=1.0)
    with pytest.raises(tg.DivergenceError, match="in epoch"):
        tg.fit(model, tg.mse_loss, (x, x), optimizer=sgd, epochs=200, progress=False, jit=jit)
    assert np.isfinite(float(tg.mse_loss(model(x), x)))


def search(model, loss, data, optimizer, **options):
    return tg.lr_finder(model, loss, data, optimizer=optimizer, **options)


@pytest.mark.parametrize("batch_size", [None, 8])
def test_the_learning_rate_finder_leaves_everything_as_it_was(batch_size):
    (X, y), _ = least_squares()
    model = nn.Sequential(
        nn.Linear(3, 4, rng=0), nn.Dropout(0.2, rng=1), nn.BatchNorm1d(4), nn.Linear(4, 1, rng=0)
    ).eval()
    adam = optim.Adam(model.parameters(), lr=0.03)
    for _ in range(3):
        adam.minimize(tg.mse_loss(model.train()(X), y))
    model.eval()
    tg.mse_loss(model(X), y).backward(create_graph=True)

    def everything():
        state = {**model.state_dict(), **adam.state_dict()}
        return {name: np.asarray(v).tolist() for name, v in state.items()}, model.layers[1].rng.bit_generator.state

    before, grads = everything(), [p.grad for p in adam.params]
    found = search(model, tg.mse_loss, (X, y), adam, batch_size=batch_size, rng=0)
    assert found.losses.min() < 0.9 * found.losses[0]
    assert everything() == before
    assert all(p.grad is g for p, g in zip(adam.params, grads, strict=True))
    assert not any(m.training for m in model.modules())
    with pytest.raises(ZeroDivisionError):
        search(model, lambda p, y: tg.mse_loss(p, y) / (1 // (adam.lr < 1)), (X, y), adam)
    assert everything() == before


def test_the_finder_leaves_the_rate_that_a_schedule_multiplies():
    for seed, factor in enumerate([0.0, *np.linspace(0.1, 0.9, 20)]):
        model = nn.Linear(3, 1, rng=0)
        sgd = optim.SGD(model.parameters(), lr=float(np.random.default_rng(seed).uniform(0.1, 1)))
        schedule = optim.lr_scheduler.LinearLR(sgd, start_factor=factor)
        before = sgd.lr, schedule.base_lrs
        search(model, tg.mse_loss, GOOD, sgd, steps=3)
        assert (sgd.lr, schedule.base_lrs) == before


def test_the_finder_leaves_the_dtype_of_the_state():
    model = nn.Linear(3, 1, rng=0, dtype=np.float32)
    adam = optim.Adam(model.parameters())
    search(model, lambda p, y: 1e30 * tg.mse_loss(p, y), GOOD, adam, steps=3)
    assert {a.dtype for arrays in adam.state.values() for a in arrays} == {np.dtype(np.float32)}
    assert not adam.wide


def test_what_the_optimizer_trains_beside_the_model_is_put_back_too():
    data, _ = least_squares()
    model, scale = nn.Linear(3, 1, rng=0), Tensor(0.5)
    adam = optim.Adam([*model.parameters(), scale], lr=0.1)
    search(model, lambda p, y: tg.mse_loss(p * scale, y), data, adam)
    assert float(scale) == 0.5


@pytest.mark.parametrize("kind", [optim.SGD, optim.Adam])
def test_the_suggested_rate_trains_and_a_hundredth_of_it_is_slow(kind):
    data, _ = least_squares()
    model = nn.Linear(3, 1, rng=0)
    found = search(model, tg.mse_loss, data, kind(model.parameters(), lr=1.0))
    losses = []
    for rate in (found.suggestion, found.suggestion / 100):
        model = nn.Linear(3, 1, rng=0)
        history = fit(model, tg.mse_loss, data, optimizer=kind(model.parameters(), lr=rate), epochs=100, progress=False)
        losses.append(history.train_loss[-1])
    assert losses[0] < 0.05 < 1 < losses[1]


def test_where_all_is_learned_before_the_last_rates_the_first_of_the_best_rates_counts():
    x = np.random.default_rng(0).normal(size=(40, 20))
    model = nn.MLP([20, 16, 2], rng=0)
    found = search(model, tg.cross_entropy, (x, (x[:, 0] > 0).astype(int)), optim.Adam(model.parameters(), lr=1.0))
    assert found.lrs[found.losses.argmin()] > 1  # the loss, near 0 from 0.3 on, falls to the end
    assert found.suggestion < 0.1


def test_the_finder_stops_where_the_loss_explodes_and_rates_grow_by_one_factor():
    data, _ = least_squares()
    model = nn.Linear(3, 1, rng=0)
    found = search(model, tg.mse_loss, data, optim.SGD(model.parameters(), lr=1), low=1e-4, high=1e6, steps=101)
    np.testing.assert_allclose(found.lrs, 1e-4 * 10 ** (np.arange(len(found.lrs)) / 10))
    assert len(found.lrs) == len(found.losses) < 60
    assert np.isfinite(found.losses).all()
    assert 1e-4 < found.suggestion < 1
    assert repr(found).startswith(f"RateSearch({len(found.lrs)} rates from 0.0001 to ")
    assert f"suggestion {found.suggestion:.2g})" in repr(found)
    ax = Figure().subplots()
    assert found.plot(ax) is ax
    assert any("suggestion" in line.get_label() for line in ax.lines)


def test_the_finder_takes_batches_epoch_after_epoch():
    model = Probe()
    search(model, tg.mse_loss, constant(1, n=5), optim.SGD(model.parameters(), lr=1), batch_size=2, steps=7)
    assert [call[0] for call in model.calls] == [2, 2, 1, 2, 2, 1, 2]


def test_without_a_fall_nothing_is_suggested():
    model = Probe(1.0)
    found = search(model, tg.mse_loss, constant(1), optim.SGD(model.parameters(), lr=1))
    assert found.suggestion is None
    assert "suggestion none, as the loss never fell" in repr(found)
    found.plot()


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"low": 0}, ValueError, "rates go from low, above 0, up to high; not from 0 to 10"),
        ({"low": 1, "high": 0.1}, ValueError, "not from 1 to 0.1"),
        ({"steps": 1}, ValueError, "steps are two or more"),
        ({"optimizer": None}, TypeError, "lr_finder: optimizer is one of tg.optim, .*, not NoneType"),
        ({"model": len}, TypeError, r"model is a tg\.nn\.Module"),
        ({"train_data": np.ones(3)}, TypeError, r"train_data is a tuple \(X, y\)"),
        ({"loss": lambda p, y: tg.mse_loss(p, y) * np.inf}, ValueError, "the loss is inf before any step"),
        ({"loss": lambda p, y: 1.0}, TypeError, "minimize takes the loss, a Tensor, not float"),
    ],
)
def test_the_finder_names_what_it_cannot_use(options, error, text):
    model = nn.Linear(3, 1, rng=0)
    good = {"model": model, "loss": tg.mse_loss, "train_data": GOOD, "optimizer": optim.SGD(model.parameters(), 0.1)}
    with pytest.raises(error, match=text):
        tg.lr_finder(**{**good, **options})


@pytest.mark.parametrize("jit", [False, True])
def test_detect_anomaly_names_the_operation_and_keeps_finite_weights(jit):
    data, _ = least_squares()
    model = nn.Linear(3, 1, rng=0)
    with pytest.raises(tg.AnomalyError, match=r"(np\.\w+|square).*\[.*gave .*inf"):
        descend(model, data, lr=1e3, epochs=500, detect_anomaly=True, jit=jit)
    assert np.isfinite(solution(model)).all()
    assert np.isfinite(float(tg.mse_loss(model(data[0]), data[1])))
    with np.errstate(over="ignore"):
        assert np.square(Tensor(1e200)).data == np.inf  # detect_anomaly is off again
