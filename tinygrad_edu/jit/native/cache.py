"""Compiled libraries kept on disk: one file each, in a folder of the user's cache that nobody else can write to.

A file's name is `<key>-<digest>.so`: the key is a hash of what the library was made from, and the digest one of its
content. A file that was cut short or changed has another digest and is compiled anew, because to load it could end the
process. A file is written under another name and renamed, so a process sees it whole or not at all. Two processes that
write the same library do not disturb each other. The libraries used least recently are deleted when all together pass
the limit, as seen at a process's first write and at each 64th of the limit that it writes; each use renews a file's
modification time.
"""

from __future__ import annotations

import hashlib
import os
import stat
import sys
from pathlib import Path
from threading import Lock, get_ident
from typing import NamedTuple

LIMIT = 256 << 20  # bytes of all libraries together
STALE = 3600.0  # seconds after which an unfinished file belongs to a process that died
SUFFIX = ".so"


class CompiledInfo(NamedTuple):
    """Libraries found on disk and compiled by this process; the folder, and its files, bytes and limit.

    `problem` says why nothing is kept on disk, and is empty otherwise.
    """

    hits: int
    misses: int
    folder: Path
    files: int
    bytes: int
    limit: int
    problem: str


_counts = {"hits": 0, "misses": 0}
_lock = Lock()  # held for the counts
_unlisted = 0  # bytes that this process may still write before it lists the folder, which takes 50 ms for thousands


def folder() -> Path:
    """Return the folder of compiled libraries: in $XDG_CACHE_HOME, ~/.cache, or the system's place for caches."""
    chosen = os.environ.get("XDG_CACHE_HOME", "")
    if os.path.isabs(chosen):  # a relative one is to be ignored, says the XDG Base Directory Specification
        base = Path(chosen)
    elif sys.platform == "darwin":
        base = Path("~/Library/Caches").expanduser()
    elif sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or "~/AppData/Local").expanduser()
    else:
        base = Path("~/.cache").expanduser()
    return base / "tinygrad_edu" / "native"


def problem(path: Path) -> str:
    """Return why libraries must not be loaded from a folder, or an empty text: another user could put one there.

    The folder must belong to this user, and each one above it to this user or to root; nobody else may write to them.
    Above it a folder with the sticky bit, such as /tmp, will do: nobody can rename another user's files there.
    """
    if sys.platform == "win32":
        return ""  # the folders of a profile are closed to other users
    for part in (path, *path.parents):
        try:
            found = os.lstat(part)
        except OSError as error:
            return f"{part} cannot be read ({error.strerror})"
        mine = found.st_uid == os.geteuid()
        if stat.S_ISLNK(found.st_mode):
            if part == path or not (mine or found.st_uid == 0):
                return f"{part} is a link; make it a folder of your own"
            return problem(part.resolve() / path.relative_to(part))
        if not stat.S_ISDIR(found.st_mode):
            return f"{part} is not a folder"
        if not (mine or (found.st_uid == 0 and part != path)):
            return f"{part} belongs to another user; set XDG_CACHE_HOME to a folder of your own"
        open_to_others = found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
        if open_to_others and (part == path or not found.st_mode & stat.S_ISVTX):
            return f"others can write to {part}; close it with `chmod go-w`"
    return ""


def ready() -> tuple[Path, str]:
    """Return the folder, made if it was missing, and why it must not be used, or an empty text."""
    try:
        path = folder()
    except RuntimeError:  # a user without a name, as in some containers
        return Path("~"), "the home folder is not known; set XDG_CACHE_HOME to a folder of your own"
    try:
        for part in (*reversed(path.parents), path):  # parents=True may open those above to a group, by the umask
            if not part.exists():
                part.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        return path, f"{path} cannot be made ({error.strerror})"
    return path, problem(path)


def find(path: Path, key: str) -> Path | None:
    """Return the library with a key whose content is what was written, or None; delete those that were changed."""
    for name in _names(path):
        if name.startswith(key):
            file = path / name
            try:
                if file.name == _name(key, file.read_bytes()):
                    os.utime(file)
                    return file
                file.unlink()
            except OSError:
                pass  # another process deleted it
    return None


def store(path: Path, key: str, content: bytes) -> Path:
    """Write a library into the folder, delete the least recently used ones above the limit, and return its path."""
    global _unlisted
    target = path / _name(key, content)
    unfinished = path / f".{key}.{os.getpid()}.{get_ident()}"
    try:
        unfinished.write_bytes(content)
        unfinished.chmod(0o700)
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)
    _unlisted -= len(content)
    if _unlisted < 0:
        _prune(path, target)
        _unlisted = LIMIT // 64
    return target


def count(hit: bool) -> None:
    """Note that a library was found on disk, or compiled."""
    with _lock:
        _counts["hits" if hit else "misses"] += 1


def info() -> CompiledInfo:
    """Return how many libraries this process found and compiled, and what the folder holds."""
    path, why = ready()
    sizes = [] if why else [size for _, size, _ in _used(path)]
    return CompiledInfo(_counts["hits"], _counts["misses"], path, len(sizes), sum(sizes), LIMIT, why)


def clear() -> None:
    """Delete all compiled libraries on disk; those that are loaded keep working."""
    path, why = ready()
    if not why:
        for _, _, name in _used(path):
            (path / name).unlink(missing_ok=True)


def _name(key: str, content: bytes) -> str:
    return f"{key}-{hashlib.sha256(content).hexdigest()[:32]}{SUFFIX}"


def _names(path: Path) -> list[str]:
    try:
        return os.listdir(path)
    except OSError:
        return []


def _used(path: Path) -> list[tuple[float, int, str]]:
    """Return (time of last use, bytes, name) of each file in the folder, the least recently used first."""
    found = []
    for name in _names(path):
        try:
            status = os.lstat(os.path.join(path, name))  # a Path for each of thousands would take long
        except OSError:
            continue  # another process deleted it
        found.append((status.st_mtime, status.st_size, name))
    return sorted(found)


def _prune(path: Path, newest: Path) -> None:
    """Delete the least recently used files until all together are within the limit, and files never finished."""
    used = _used(path)
    now = max((time for time, _, _ in used), default=0.0)
    total = sum(size for _, size, _ in used)
    for time, size, name in used:
        dead = name.startswith(".") and now - time > STALE
        if dead or (total > LIMIT and name != newest.name and not name.startswith(".")):
            (path / name).unlink(missing_ok=True)
            total -= size
