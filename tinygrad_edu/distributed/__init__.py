"""Data-parallel training over MPI: several processes share each batch, and take the same steps.

`mpiexec -n 4 python train.py` starts four processes, the ranks, of one program. In each of them

    from mpi4py import MPI
    tg.fit(model, loss, (X, y), optimizer=optimizer, epochs=10, batch_size=256, comm=MPI.COMM_WORLD)

draws the same batches as one process does, computes the gradient of its part of each, averages the gradients of all
ranks, weighted by their examples, with one Allreduce, and takes the same step. So the parameters are those of one
process, to rounding. `pip install mpi4py mpich` installs what is needed on one machine; a cluster has its own MPI.

- The random seed is the same on all ranks; if none was given, it is rank 0's, as are parameters, buffers, and the state
  of optimizer and schedule. The generators of modules, such as Dropout's, spawn a stream for each rank: a run on p
  ranks can be repeated, and differs from one on another number.
- With `sharded=True` each rank passes its own part of the training data, of any size, also none. Each batch has an
  equal fraction of every part, about `batch_size` examples together, and at least one. `valid_data` are the same on
  all ranks.
- An array of `np.load(path, mmap_mode="r")` is read in slices.
- BatchNorm uses the statistics of all ranks, which takes a sum in its forward pass and one in its backward pass, and
  needs `jit=False`. The loss is a mean over examples.
- Callbacks are called on every rank, and any that returns True stops the run; print where `comm.rank == 0`. Progress
  and the checkpoint are rank 0's. A run may resume on another number of ranks.
- An exception on one rank, a loss that is not finite, and Ctrl-C end all ranks with the same error; if nothing catches
  it, one rank prints it. After each epoch checksums are compared; if parameters have become different, an error names
  the first.
- An error outside `fit`, in a rank's own loop or before the call, leaves the others waiting, as MPI does: start with
  `mpiexec -n 4 python -m mpi4py train.py`, which ends all of them. All ranks must call `fit`.
- NumPy starts as many threads in each rank as there are cores. With several ranks on one machine, set
  `OPENBLAS_NUM_THREADS=1` first: threads that wait for a core can make a step many times as slow.
- Nothing is scaled by the number of ranks. `batch_size` counts the examples of all ranks; a learning rate for larger
  batches is yours to choose.

`average_gradients`, `broadcast` and `all_finite` are for loops of your own. `comm` is anything like `Communicator`; the
default, `OneProcess`, is a single process.
"""

from .communicator import Communicator, OneProcess
from .exchange import RankError
from .gradients import all_finite, average_gradients, broadcast
from .run import fit_on_ranks as fit_on_ranks

__all__ = ["Communicator", "OneProcess", "RankError", "all_finite", "average_gradients", "broadcast"]
