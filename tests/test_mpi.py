"""Real ranks under mpiexec: the numbers of one process, and faults that end the whole job."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

import pytest

import tinygrad_edu as tg

PROGRAM, ROOT = Path(__file__).parent / "mpi" / "train.py", Path(__file__).parents[1]
FOLDER = Path(sys.executable).parent
MPIEXEC = shutil.which("mpiexec", path=f"{FOLDER}{os.pathsep}{os.environ['PATH']}")
REMEDY = 'pip install "tinygrad-edu[distributed]" mpich'
pytestmark = [
    pytest.mark.skipif(not find_spec("mpi4py") or not MPIEXEC, reason=f"mpi4py or mpiexec is missing: {REMEDY}"),
    pytest.mark.skipif(sys.platform == "win32", reason="signals and limits of files are POSIX's"),
]
# Open MPI refuses root, and more ranks than cores, unless it is told. With MPICH, a rank that waits leaves its core.
ENVIRONMENT = {
    "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1", "OMPI_MCA_rmaps_base_oversubscribe": "1",
    "PRTE_MCA_rmaps_default_mapping_policy": ":oversubscribe", "MPIR_CVAR_ENABLE_HEAVY_YIELD": "1",
    "OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": str(ROOT),
}  # fmt: skip
NOBODY = 65534


def start(name, folder, size=3, **options):
    command = [MPIEXEC, "-n", str(size), sys.executable, str(PROGRAM), name, str(folder)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "encoding": "utf-8"}
    return subprocess.Popen(command, env=os.environ | ENVIRONMENT, cwd=folder, **pipes, **options)


def finished(name, folder, seconds=60, **options):
    """Return the exit code, the output and the errors of a program, which ends in time."""
    process = start(name, folder, **options)
    try:
        return process.wait(seconds), *process.communicate()
    finally:
        process.kill()


def test_three_ranks_give_the_parameters_of_one_process_after_200_steps(tmp_path):
    code, out, errors = finished("equality", tmp_path)
    assert (code, errors) == (0, "")
    assert [line.split()[-1] for line in out.splitlines()] == ["equal"] * 5, out


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can become another user")
def test_another_user_can_run_it_too():
    readable = [sys.executable, "-c", "import mpi4py, tinygrad_edu, sklearn"]
    options = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
    with contextlib.suppress(PermissionError, subprocess.CalledProcessError), tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o777)
        subprocess.run(readable, env=ENVIRONMENT, cwd="/", stderr=subprocess.DEVNULL, check=True, **options)
        code, out, errors = finished("resume", Path(folder), **options)
        assert (code, out) == (0, "equal\n"), errors
        return
    pytest.skip("the other user cannot read this installation")


FAULTS = {
    "raises": "RuntimeError: rank 1 has no more paper",
    "nan": "DivergenceError: fit: the training loss is nan in epoch 2",
    "drift": "ValueError: fit: 0.weight of rank 1 is no longer that of rank 0 after epoch 2",
    "seed": "ValueError: fit: the random seed, rng of rank 1 is not that of rank 0",
    "full": "OSError: [Errno 27] File too large",
    "killed": "",
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_ends_all_ranks_within_10_seconds_and_leaves_the_last_checkpoint(fault, tmp_path):
    began = time.time()
    code, _, errors = finished(fault, tmp_path)
    assert code != 0
    if (tmp_path / "fault").exists():
        began = (tmp_path / "fault").stat().st_mtime
        (tmp_path / "fault").unlink()
    assert time.time() - began < 10
    if FAULTS[fault]:
        (message,) = [line for line in errors.splitlines() if line.partition(":")[0].endswith("Error")]
        assert FAULTS[fault] in message
        assert errors.count("in fit_on_ranks") == 1, errors  # one rank tells it
    files = sorted(path.name for path in tmp_path.iterdir())
    assert files == ([] if fault == "seed" else ["run.npz"])
    if files:
        assert tg.load(tmp_path / "run.npz")
    if fault in ("killed", "full"):
        assert finished("resume", tmp_path)[:2] == (0, "equal\n")


def test_ctrl_c_ends_all_ranks(tmp_path):
    process = start("interrupted", tmp_path, start_new_session=True)
    while len(list(tmp_path.iterdir())) < 3 and process.poll() is None:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    began = time.perf_counter()
    assert process.wait(10) != 0
    assert time.perf_counter() - began < 10
    assert process.communicate()[1].splitlines().count("KeyboardInterrupt") <= 1  # mpiexec may end before it is printed
