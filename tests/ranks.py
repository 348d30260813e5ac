"""Ranks that are threads: communicators for tests, with sums that check that all ranks sum arrays of one kind."""

import copy
import threading

import numpy as np

SECONDS = 20  # after which a rank that waits for others gives up


class Job:
    """What the threads of one job share."""

    def __init__(self, size):
        self.size, self.barrier, self.slots = size, threading.Barrier(size, timeout=SECONDS), [None] * size
        self.sums = []  # the bytes of every Allreduce


class Rank:
    """The communicator of one thread."""

    def __init__(self, job, rank):
        self.job, self.rank, self.size = job, rank, job.size

    def _all(self, value):
        self.job.slots[self.rank] = value
        self.job.barrier.wait()
        values = list(self.job.slots)
        self.job.barrier.wait()
        return values

    def bcast(self, obj, root=0):
        return copy.deepcopy(self._all(obj)[root])

    def Bcast(self, buf, root=0):
        buf[...] = self._all(buf.copy())[root]

    def Allreduce(self, sendbuf, recvbuf):
        parts = self._all(sendbuf.copy())
        kinds = {(p.shape, p.dtype) for p in [*parts, recvbuf]}
        assert len(kinds) == 1, f"ranks sum different arrays: {kinds}"
        assert parts[0].dtype.char in "fdglq", parts[0].dtype
        if self.rank == 0:
            self.job.sums.append(sendbuf.nbytes)
        recvbuf[...] = np.add.reduce(parts)


def run(size, program):
    """Return what `program(comm)` returns, or the exception that it raises, on each of `size` ranks."""
    return run_job(Job(size), program)


def run_job(job, program):
    """Run a program on the ranks of a job; its errors are results, but for a rank that waits in vain."""
    results = [None] * job.size

    def work(rank):
        try:
            results[rank] = program(Rank(job, rank))
        except BaseException as error:
            results[rank] = error

    threads = [threading.Thread(target=work, args=(rank,)) for rank in range(job.size)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    waiting = [r for r in results if isinstance(r, threading.BrokenBarrierError)]
    if waiting:
        raise waiting[0]
    return results


def passed(size, program):
    """Return what a program returns on each rank; raises the error of a rank that raises."""
    results = run(size, program)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return results
