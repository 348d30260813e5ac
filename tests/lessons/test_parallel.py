import shutil
import subprocess
import sys
from importlib.util import find_spec

import numpy as np
import pytest

import tinygrad_edu as tg


@pytest.fixture(scope="module")
def shown(lesson):
    return lesson("parallel")


def test_larger_batches_process_more_examples_in_a_second(shown):
    assert shown["per_second"][8] > 20 * shown["per_second"][0]  # 256 examples cost far less than 256 times one


def test_memory_grows_with_the_batch(shown):
    assert (np.diff(shown["peaks"]) > 0).all()
    growth = np.diff(shown["peaks"][[8, 9, 10]])
    assert growth[1] == pytest.approx(2 * growth[0], rel=0.1)  # a fixed part, and a part for each example


def test_the_variance_of_the_gradient_falls_as_1_over_the_batch_size(shown):
    assert shown["slope"] == pytest.approx(-1, abs=0.05)


def test_in_the_same_time_a_batch_in_between_learns_more_than_single_examples(shown):
    losses = [loss for _, loss in shown["learned"]]
    assert min(losses[4:]) < 0.6 * losses[0]
    assert np.argmin(losses) >= 4


def test_gradients_of_shards_averaged_are_the_gradient_of_the_batch(shown):
    assert max(shown["difference"].values()) < 1e-14
    assert len(shown["difference"]) == 2
    assert [path.name for path in shown["OUTPUT"].iterdir()] == ["parallel.png"]


def test_without_mpi_it_says_what_to_install(shown, monkeypatch, capsys):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert shown["start_ranks"](1, 2) == {}
    assert "two ranks need MPI: python -m pip install mpi4py mpich" in capsys.readouterr().out


def test_a_start_that_fails_is_shown_and_the_next_one_left_out(shown, monkeypatch, capsys):
    failed = subprocess.CompletedProcess([], 1, "", "no slots")
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(sys.modules["workers"], "find_spec", lambda name: True)
    monkeypatch.setattr(subprocess, "run", lambda *args, **options: failed)
    assert shown["start_ranks"](1, 2) == {}
    assert capsys.readouterr().out == "mpiexec failed: no slots\n"


def test_a_second_of_two_ranks_takes_steps_if_mpi_is_there(shown):
    assert [*shown["ranks"]] == ([1, 2] if find_spec("mpi4py") and shutil.which("mpiexec") else [])
    assert all(steps > 10 and loss < 2 for steps, loss in shown["ranks"].values())


def test_what_each_rank_does_learns_also_in_one_process(shown):
    steps, loss = sys.modules["workers"].learn_on_ranks(tg.distributed.OneProcess())
    assert (steps > 10, loss < 2) == (True, True)
