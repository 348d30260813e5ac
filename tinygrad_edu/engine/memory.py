"""How the C library handles the memory of large arrays."""

LARGEST = 2**25  # bytes: the largest block that glibc lets the threshold be


def keep_freed_memory() -> None:
    """Tell glibc to keep the memory of freed arrays up to 32 MB for the next ones; do nothing where it is not glibc.

    By default glibc gives large blocks back to the system, and each training step fetches all of its arrays anew, page
    by page: three times the time with 17,000 rows. The numbers are those of malloc.h.
    """
    try:
        import ctypes  # NumPy has imported it already

        mallopt = ctypes.CDLL(None).mallopt
    except (ImportError, OSError, TypeError, AttributeError):
        return
    mallopt(-3, LARGEST)  # M_MMAP_THRESHOLD
    mallopt(-1, 2 * LARGEST)  # M_TRIM_THRESHOLD
