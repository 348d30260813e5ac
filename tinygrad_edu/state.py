"""Saving, loading and copying of state: dicts of names and arrays, such as `state_dict()` returns.

A file is `.npz` or `.safetensors`. `save` writes a temporary file next to the target and renames it, so the target
always holds either its old contents or all of the new ones. `load` never runs code from a file: both functions refuse
pickles. `numpy.load` reads the `.npz` files too, and `load` reads those of `numpy.savez`. PyTorch and other libraries
read and write `.safetensors`, which needs the package of that name. NumPy lacks bfloat16, the upper half of a float32:
`load` returns such numbers as float32, which holds them exactly.
"""

from __future__ import annotations

import math
import operator
import os
import shutil
import sys
import time
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from types import ModuleType
from typing import IO, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from .engine.arguments import switch
from .engine.errors import converted, kind_of
from .engine.rules.foreign import is_masked
from .engine.rules.registry import Array
from .stores import store

Path = str | os.PathLike[str]
SAFETENSORS = {  # its names of types that NumPy has; bfloat16 is read as integers of two bytes
    "F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2", "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "i1",
    "U64": "<u8", "U32": "<u4", "U16": "<u2", "U8": "u1", "BOOL": "?",
}  # fmt: skip


class IncompatibleKeys(NamedTuple):
    """What `load_state_dict` found: names that the state lacks, and names in it that nothing has. PyTorch's names."""

    missing_keys: list[str]
    unexpected_keys: list[str]


def save(state: Mapping[str, ArrayLike], path: Path) -> None:
    """Write a dict of names and arrays or numbers, such as a `state_dict()`, to a file (.npz or .safetensors).

    Raises TypeError if `state` is not such a dict, ValueError for a name or value that cannot be stored, and
    FileNotFoundError for a missing folder. After an error an existing file is unchanged.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     tg.save({"w": np.ones(2)}, f"{folder}/w.npz")
    ...     print(tg.load(f"{folder}/w.npz"))
    {'w': array([1., 1.])}
    """
    target = os.path.realpath(_checked_path(path, "save"))
    if hasattr(state, "state_dict"):
        raise TypeError(f"save takes a dict of arrays, not {kind_of(state)}: pass its .state_dict()")
    if not isinstance(state, Mapping):
        raise TypeError(f"save takes a dict of arrays, then a path; got {kind_of(state)}")
    arrays = {name: _storable(name, value) for name, value in state.items()}
    write = _write_safetensors if target.lower().endswith(".safetensors") else _write_npz
    with replacing(target, "save") as file:
        write(arrays, file)


def load(path: Path) -> dict[str, Array]:
    """Return the dict that `save` wrote; raises ValueError with the reason for a damaged or foreign file.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     tg.save({"w": np.ones(2)}, f"{folder}/w.npz")
    ...     print(tg.load(f"{folder}/w.npz"))
    {'w': array([1., 1.])}
    """
    path = _checked_path(path, "load")
    kind = ".safetensors" if path.lower().endswith(".safetensors") else ".npz"
    safetensors = _import_safetensors("load") if kind == ".safetensors" else None
    with open(path, "rb") as file:
        try:
            return _read_safetensors(file, safetensors) if safetensors else _read_npz(file)
        except Exception as error:  # parsers raise errors of many types for a file that is not theirs
            raise ValueError(f"load: {path} is damaged, or not a {kind} file of arrays: {error}") from error


def copy_state(
    where: str, targets: Mapping[str, Array], state: Mapping[str, ArrayLike], strict: bool = True,
    finish: Iterable[Any] = (),
) -> IncompatibleKeys:  # fmt: skip
    """Copy each array of `state` into the target of the same name, in place.

    Raises ValueError, which begins with `where` and lists what does not fit, before any target is changed. A target
    with several names needs one of them; arrays of two of its names must be equal. Without `strict`, names may be
    missing and unexpected. Returns both lists. `finish` are further calls for `store`, after the copies.
    """
    given, names = check_state(where, targets, state, strict)
    live = {id(_owner(target)) for target in targets.values()}  # a value from there is copied before it is replaced
    given = {name: a.astype(targets[name].dtype, copy=id(_owner(a)) in live) for name, a in given.items()}
    store([*[(operator.setitem, targets[name], ..., value) for name, value in given.items()], *finish])
    return names


def check_state(
    where: str, targets: Mapping[str, Array], state: Mapping[str, ArrayLike], strict: bool = True
) -> tuple[dict[str, Array], IncompatibleKeys]:
    """Return the arrays that `copy_state` would copy, and what it returns; raises the errors that it would raise."""
    switch(where, "strict", strict)
    if not isinstance(state, Mapping):
        raise TypeError(f"{where} takes a dict of names and arrays, as state_dict() gives, not {type(state).__name__}")
    missing = [name for name in targets if name not in state]
    unexpected = [name for name in state if name not in targets]
    given: dict[str, Array] = {}
    first: dict[int, str] = {}  # the first name that is given of each target, by its id
    problems = []
    for name, target in targets.items():
        if name not in state:
            continue
        first.setdefault(id(target), name)
        try:
            value: Any = state[name]
            value = given[name] = np.asarray(value.detach() if hasattr(value, "detach") else value)
        except (TypeError, ValueError) as error:  # as of a tensor on a GPU, or of numbers that NumPy lacks
            problems.append(f"{name!r} makes no array: {str(error).partition('. The detected')[0]}")
            continue
        if value.shape != target.shape:
            problems.append(f"{name!r} has shape {value.shape}, not {target.shape}")
        elif not np.can_cast(value.dtype, target.dtype, "same_kind"):
            problems.append(f"{name!r} has dtype {value.dtype}, not {target.dtype}")
        elif not target.flags.writeable:
            problems.append(f"{name!r} is a read-only array here; exchange it for a copy, t.data = t.data.copy()")
        elif (other := first[id(target)]) in given and not _equal(given[other], value):
            problems.append(f"{other!r} and {name!r} are one tensor, and their arrays differ")
    if strict:
        absent = [f"missing {name!r}" for name in missing if id(targets[name]) not in first]
        problems = absent + [f"unexpected {name!r}" for name in unexpected] + problems
    if problems:
        raise ValueError(f"{where}: nothing was loaded: " + "; ".join(problems))
    return given, IncompatibleKeys(missing, unexpected)


def _owner(a: Array) -> Array:
    """Return the array that owns the memory of a view, or a itself."""
    while isinstance(a.base, np.ndarray):
        a = a.base
    return a


def _equal(a: Array, b: Array) -> bool:
    """Return whether arrays hold equal numbers; one NaN equals another."""
    return a is b or bool(np.array_equal(a, b) or np.array_equal(a, b, equal_nan=True))


@contextmanager
def replacing(path: Path, where: str) -> Iterator[IO[bytes]]:
    """Open a temporary file that replaces the one at `path` when the block ends, and has its permissions.

    An error leaves the file as it was. An error of writing, such as of a full disk, names the file: those of Python do
    not, and zipfile adds its own. That of a missing folder begins with `where`.
    """
    target = os.path.realpath(path_text(path, where))
    if not os.path.isdir(folder := os.path.dirname(target)):
        raise FileNotFoundError(f"{where}: the folder {folder} does not exist; make it first")
    if os.path.isdir(target):
        raise IsADirectoryError(f"{where}: {target} is a folder; name a file in it")
    temporary = os.path.join(folder, f"tinygrad_edu-{os.urandom(4).hex()}.tmp")  # the target's name may be the longest
    try:
        with open(temporary, "xb") as file:
            with suppress(OSError):  # there is no such file, or the disk keeps no permissions
                shutil.copymode(target, temporary)
            yield file
            file.flush()
            os.fsync(file.fileno())
        _replace(temporary, target)
    except BaseException as error:
        if os.path.exists(temporary):
            os.remove(temporary)
        if isinstance(error, OSError) and error.errno is not None and error.filename in (None, temporary):
            raise OSError(error.errno, error.strerror, target) from None
        raise


def _replace(source: str, target: str) -> None:
    """Do as os.replace does; on Windows try for a second, as a virus scanner or a backup may have the file open."""
    for seconds in (0.05, 0.15, 0.3, 0.5) if sys.platform == "win32" else ():
        try:
            return os.replace(source, target)
        except PermissionError:
            time.sleep(seconds)
    os.replace(source, target)


def _write_npz(arrays: dict[str, Array], file: IO[bytes]) -> None:
    with zipfile.ZipFile(file, "w") as archive:
        for name, array in arrays.items():
            info = zipfile.ZipInfo()  # a new one has a fixed date, so that the same state gives the same bytes
            info.filename = name + ".npy"  # as it is: given to ZipInfo, on Windows a backslash would become a slash
            with archive.open(info, "w", force_zip64=True) as f:
                np.lib.format.write_array(f, array, allow_pickle=False)


def _read_npz(file: IO[bytes]) -> dict[str, Array]:
    state = {}
    with zipfile.ZipFile(file) as archive:
        for member in archive.infolist():
            name = member.filename  # in which Windows makes a backslash a slash
            name = member.orig_filename if "\\" in member.orig_filename else name
            if not name.endswith(".npy"):
                raise ValueError(f"it holds {name!r}, which is not an array")
            with archive.open(member) as f:
                shape, size = _expected_size(f)
                if size is not None and size != member.file_size:
                    raise ValueError(f"{name!r} claims the shape {shape}, but has {member.file_size} bytes, not {size}")
            with archive.open(member) as f:
                array = np.lib.format.read_array(f, allow_pickle=False)
                # NumPy writes bfloat16, which only other packages give it, as two bytes without a meaning.
                state[name.removesuffix(".npy")] = _from_bfloat16(array.view("<u2")) if array.dtype == "V2" else array
                f.read(1)  # zipfile compares the checksum when it reaches the end of the member
    return state


def _expected_size(file: IO[bytes]) -> tuple[tuple[int, ...] | None, int | None]:
    """Return the shape in an array file's header, and the file's size in bytes by shape and dtype (None: unknown)."""
    readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    read = readers.get(np.lib.format.read_magic(file))
    if read is None:
        return None, None
    shape, _, dtype = read(file)
    return shape, None if dtype.hasobject else file.tell() + math.prod(shape) * dtype.itemsize


def _write_safetensors(arrays: dict[str, Array], file: IO[bytes]) -> None:
    safetensors = _import_safetensors("save")
    for name, array in arrays.items():
        if array.dtype.kind not in "fiub" or array.dtype.itemsize > 8:
            raise ValueError(f"save: {name!r} is of dtype {array.dtype}, which .safetensors cannot hold; .npz can")
        if name == "__metadata__":
            raise ValueError("save: the name '__metadata__' means something else in .safetensors; rename it")
    contiguous = {name: array.copy("C") for name, array in arrays.items()}  # the package writes memory as it lies
    file.write(safetensors.numpy.save(contiguous))


def _read_safetensors(file: IO[bytes], safetensors: ModuleType) -> dict[str, Array]:
    state = {}
    for name, view in safetensors.deserialize(file.read()):
        if view["dtype"] not in SAFETENSORS:
            raise ValueError(
                f"{name!r} holds numbers of type {view['dtype']}, which NumPy lacks; write them as float32"
            )
        array = np.frombuffer(view["data"], SAFETENSORS[view["dtype"]]).reshape(view["shape"])
        state[name] = _from_bfloat16(array) if view["dtype"] == "BF16" else array
    return state


def _from_bfloat16(upper: Array) -> Array:
    """Return the float32 numbers whose upper two bytes are given as integers, and whose lower two are 0."""
    return np.asarray(upper.astype(np.uint32) << 16).view(np.float32)


def _import_safetensors(where: str) -> ModuleType:
    try:
        import safetensors
        import safetensors.numpy
    except ImportError as error:  # it is missing, or a library that it loads is
        remedy = 'pip install "tinygrad-edu[safetensors]", or a name that ends in .npz'
        raise ImportError(f"{where}: .safetensors needs the safetensors package: {remedy}") from error
    module: ModuleType = safetensors
    return module


def _storable(name: str, value: ArrayLike) -> Array:
    """Return the value as an array; raises TypeError or ValueError if the file cannot hold it or its name."""
    if not isinstance(name, str):
        raise TypeError(f"save: names are strings, not {name!r}")
    if name != name.replace("\0", "").encode(errors="replace").decode():
        raise ValueError(f"save: the name {name!r} cannot be stored: it holds a NUL or half a character")
    if is_masked(value):
        raise TypeError(f"save: {name!r} is a masked array, and would lose its mask; fill it, .filled(value)")
    array: Array = converted(f"save: {name!r}", np.asarray, value)
    if array.dtype.hasobject:
        remedy = "save each dict in a file of its own" if isinstance(value, Mapping) else "give numbers"
        raise ValueError(f"save: {name!r} is {kind_of(value)}, which only pickle could store; {remedy}")
    return array


def path_text(path: Path, where: str) -> str:
    """Return a path as text; raises TypeError for what is neither text nor a `pathlib.Path`."""
    if not isinstance(path, (str, os.PathLike)):
        raise TypeError(f"{where}: a path is text or a pathlib.Path, not {kind_of(path)}")
    return os.fspath(path)


def _checked_path(path: Path, where: str) -> str:
    path = path_text(path, where)
    if not path.lower().endswith((".npz", ".safetensors")):
        remedy = "; model.load_state_dict(torch.load(path)) takes PyTorch's own" if where == "load" else ""
        raise ValueError(f"{where}: {path!r} should end in .npz or .safetensors{remedy}")
    return path
