"""Communicators: what connects the ranks of a job, and the few operations of MPI that are needed of it."""

from __future__ import annotations

import pickle
from typing import Any, Protocol, runtime_checkable

import numpy as np

from ..engine.rules.registry import Array


@runtime_checkable
class Communicator(Protocol):
    """What connects `size` processes, of which this one is number `rank`, from 0: mpi4py's communicators, and fakes.

    `Allreduce(send, receive)` writes the sum of the arrays that all ranks send into the array of each. `bcast(x, root)`
    returns the object of one rank on all, and `Bcast(array, root)` writes its array into those of the others; one of
    the two is enough. All ranks must call the same operations in the same order. `Abort`, if there is one, ends all.

    >>> isinstance(tg.distributed.OneProcess(), tg.distributed.Communicator)
    True
    """

    rank: int
    size: int

    def Allreduce(self, sendbuf: Any, recvbuf: Any) -> Any:
        """Write the sum of all ranks' `sendbuf` into `recvbuf`."""


class OneProcess:
    """A communicator of one process, which stands in for MPI where nothing is distributed.

    >>> comm = tg.distributed.OneProcess()
    >>> comm.rank, comm.size
    (0, 1)
    """

    rank, size = 0, 1

    def bcast(self, obj: Any, root: int = 0) -> Any:
        """Return the object."""
        return obj

    def Bcast(self, buf: Array, root: int = 0) -> None:
        """Leave the array as it is."""

    def Allreduce(self, sendbuf: Array, recvbuf: Array) -> None:
        """Copy the array: it is the sum over one process."""
        np.copyto(recvbuf, sendbuf)


def checked_communicator(where: str, comm: Any) -> Any:
    """Return the communicator, or OneProcess for None; raises TypeError for what is none."""
    if comm is None:
        return OneProcess()
    broadcasts = hasattr(comm, "bcast") or hasattr(comm, "Bcast")
    if isinstance(comm, type) or not isinstance(comm, Communicator) or not broadcasts:
        needed = "rank, size, Allreduce, and bcast or Bcast"
        raise TypeError(f"{where}: comm is mpi4py's MPI.COMM_WORLD, or has {needed}; it is {comm!r:.60}")
    if not 0 <= comm.rank < comm.size:
        raise ValueError(
            f"{where}: comm.rank is a number from 0, and less than comm.size; it is {comm.rank} of {comm.size}"
        )
    return comm


def broadcast_object(comm: Any, value: Any, root: int = 0) -> Any:
    """Return the object of the rank `root` on all ranks: a copy on the others, even if all are in one process."""
    data = pickle.dumps(value) if comm.rank == root else b""
    if hasattr(comm, "bcast"):
        data = comm.bcast(data, root=root)
    else:
        length = np.array([len(data)])
        comm.Bcast(length, root=root)
        buffer = np.frombuffer(data, np.uint8).copy() if comm.rank == root else np.zeros(length[0], np.uint8)
        comm.Bcast(buffer, root=root)
        data = buffer.tobytes()
    return value if comm.rank == root else pickle.loads(data)


def broadcast_array(comm: Any, array: Array) -> None:
    """Write the array of rank 0 into those of the others, which have its shape and dtype."""
    if hasattr(comm, "Bcast"):
        buffer = np.ascontiguousarray(array).reshape(-1).view(np.uint8)  # MPI knows no float16, and no bool of NumPy
        buffer = buffer if buffer.flags.writeable else buffer.copy()
        comm.Bcast(buffer, root=0)
        new = buffer.view(array.dtype).reshape(array.shape)
    else:
        new = comm.bcast(array, root=0)
    if comm.rank and array.flags.writeable:
        np.copyto(array, new)


def sum_array(comm: Any, array: Array) -> Array:
    """Return the sum over all ranks of an array of numbers that MPI can add, contiguous in C order."""
    total = np.empty_like(array)
    comm.Allreduce(array, total)
    return total
