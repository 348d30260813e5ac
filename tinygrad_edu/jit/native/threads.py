"""The threads that compute parts of loops: a C library of its own, loaded when the first large loop is compiled.

The caller takes parts as well, so that nobody waits for a thread that has not woken up. A second caller finds the
threads busy and computes all its parts itself. A forked process begins without threads and starts its own. There are as
many as `engine.threads.cpu_count` says, the caller included: only the caller with OMP_NUM_THREADS=1. The number is
read whenever a stretch is compiled.
"""

import ctypes
import functools

from ...engine.threads import cpu_count
from . import compiler

SOURCE = """\
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>

typedef void (*tg_part)(void *const *, int64_t);

static pthread_mutex_t owner = PTHREAD_MUTEX_INITIALIZER; /* held by the caller whose loop is computed */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;  /* held for all below but `next` */
static pthread_cond_t begun = PTHREAD_COND_INITIALIZER, ended = PTHREAD_COND_INITIALIZER;
static tg_part part; /* the loop, while is_open */
static void *const *args;
static int64_t parts, loops; /* of the loop, and how many loops there have been */
static int is_open, working, started, wanted;
static atomic_int next; /* part: older 32-bit processors have no wider atomic integers */

static void work(tg_part f, void *const *a, int64_t n) {
    for (int64_t k; (k = atomic_fetch_add(&next, 1)) < n;) f(a, k);
}

static void *thread(void *nothing) {
    int64_t seen = 0;
    pthread_mutex_lock(&lock);
    for (;;) {
        while (seen == loops || !is_open) pthread_cond_wait(&begun, &lock);
        seen = loops;
        working++;
        tg_part f = part;
        void *const *a = args;
        const int64_t n = parts;
        pthread_mutex_unlock(&lock);
        work(f, a, n);
        pthread_mutex_lock(&lock);
        if (!--working) pthread_cond_signal(&ended);
    }
    return nothing;
}

static void start(void) { /* signals are for Python's own threads */
    sigset_t all, before;
    pthread_t id;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    for (; started < wanted && !pthread_create(&id, 0, thread, 0); started++) pthread_detach(id);
    pthread_sigmask(SIG_SETMASK, &before, 0);
}

static void forked(void) { /* a thread that is not there may have held a lock */
    owner = lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
    begun = ended = (pthread_cond_t)PTHREAD_COND_INITIALIZER;
    is_open = working = started = 0;
}

void set_threads(int count) { /* beside the caller */
    static int known;
    if (!known) known = !pthread_atfork(0, 0, forked);
    wanted = known ? count : 0;
}

void share(tg_part f, void *const *a, int64_t n) {
    if (wanted < 1 || pthread_mutex_trylock(&owner)) {
        for (int64_t k = 0; k < n; k++) f(a, k);
        return;
    }
    if (started < wanted) start();
    pthread_mutex_lock(&lock);
    part = f, args = a, parts = n, is_open = 1, loops++;
    atomic_store(&next, 0);
    pthread_cond_broadcast(&begun);
    pthread_mutex_unlock(&lock);
    work(f, a, n);
    pthread_mutex_lock(&lock);
    is_open = 0;
    while (working) pthread_cond_wait(&ended, &lock);
    pthread_mutex_unlock(&lock);
    pthread_mutex_unlock(&owner);
}
"""


def address() -> int:
    """Return the address of the C function that shares out the parts of a loop to as many threads as there may be."""
    library = _library()
    library.set_threads(cpu_count() - 1)
    return ctypes.cast(library.share, ctypes.c_void_p).value or 0


@functools.cache
def _library() -> ctypes.CDLL:
    return compiler.load(SOURCE)
