"""Save and load: a dict of names and arrays as one `.npz` or `.safetensors` file.

`save` writes beside the target and renames, so that whatever happens on the way the target holds its old
contents or the new ones, whole. `load` runs nothing that a file says: pickles are refused on both sides.
`numpy.load` reads the `.npz` files too, and `load` reads those of `numpy.savez`; PyTorch and others read and write
`.safetensors` (with the package of that name).
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]
    Path = str | os.PathLike[str]


def save(state: Mapping[str, Any], path: Path) -> None:
    """Write a dict of names and arrays or numbers, such as a `state_dict()`, to a file (.npz or .safetensors).

    Raises TypeError for what is no such dict, ValueError for a name or value that cannot be stored,
    FileNotFoundError for a missing folder; in every case a file of that name stays as it was.
    """
    target = os.path.realpath(_known(path, "save"))
    if hasattr(state, "state_dict"):
        raise TypeError(f"save takes a dict of arrays, not a {type(state).__name__}: pass its .state_dict()")
    if not isinstance(state, Mapping):
        raise TypeError(f"save takes a dict of arrays, then a path; got a {type(state).__name__}")
    arrays = {name: _storable(name, value) for name, value in state.items()}
    if not os.path.isdir(os.path.dirname(target)):
        raise FileNotFoundError(f"save: the folder {os.path.dirname(target)} does not exist; make it first")
    write = _write_safetensors if target.lower().endswith(".safetensors") else _write_npz
    with replacing(target) as file:
        write(arrays, file)


def load(path: Path) -> dict[str, Array]:
    """Read what `save` wrote; raises ValueError saying what is wrong with a damaged or foreign file."""
    path = _known(path, "load")
    kind = ".safetensors" if path.lower().endswith(".safetensors") else ".npz"
    safetensors = _safetensors("load") if kind == ".safetensors" else None
    with open(path, "rb") as file:
        try:
            return _read_safetensors(file, safetensors) if safetensors else _read_npz(file)
        except Exception as error:  # whatever the parsers of a foreign file stumble over
            raise ValueError(f"load: {path} is damaged or no {kind} file of arrays: {error}") from error


@contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """Give a file to write, which then takes the place of the one at `path`: whole, or after an error not at all."""
    target = os.path.realpath(path)
    temporary = f"{target}.{os.urandom(4).hex()}.tmp"
    try:
        with open(temporary, "xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except BaseException:
        if os.path.exists(temporary):
            os.remove(temporary)
        raise


def _write_npz(arrays: dict[str, Array], file: IO[bytes]) -> None:
    import zipfile

    with zipfile.ZipFile(file, "w") as archive:
        for name, array in arrays.items():
            # A ZipInfo of its own has no time in it: the same state gives the same bytes.
            with archive.open(zipfile.ZipInfo(name + ".npy"), "w", force_zip64=True) as f:
                np.lib.format.write_array(f, array, allow_pickle=False)


def _read_npz(file: IO[bytes]) -> dict[str, Array]:
    import zipfile

    state = {}
    with zipfile.ZipFile(file) as archive:
        for member in archive.infolist():
            name = member.filename
            if not name.endswith(".npy"):
                raise ValueError(f"it holds {name!r}, which is no array")
            with archive.open(member) as f:
                shape, size = _claimed(f)
                if size is not None and size != member.file_size:
                    raise ValueError(f"{name!r} claims the shape {shape}, and holds another number of bytes")
            with archive.open(member) as f:
                state[name.removesuffix(".npy")] = np.lib.format.read_array(f, allow_pickle=False)
                f.read(1)  # to the end, where the checksum is compared
    return state


def _claimed(file: IO[bytes]) -> tuple[Any, int | None]:
    """The shape that the head of an array's file claims, and how long the file must then be, if it holds numbers."""
    heads = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    read = heads.get(np.lib.format.read_magic(file))
    if read is None:
        return None, None
    shape, _, dtype = read(file)
    return shape, None if dtype.hasobject else file.tell() + math.prod(shape) * dtype.itemsize


def _write_safetensors(arrays: dict[str, Array], file: IO[bytes]) -> None:
    safetensors = _safetensors("save")
    for name, array in arrays.items():
        if array.dtype.kind not in "fiub" or array.dtype.itemsize > 8:
            raise ValueError(f"save: {name!r} is of dtype {array.dtype}, which .safetensors cannot hold; .npz can")
        if name == "__metadata__":
            raise ValueError("save: the name '__metadata__' means something else in .safetensors; rename it")
    rows = {name: array.copy("C") for name, array in arrays.items()}  # what is written is the memory as it lies
    file.write(safetensors.save(rows))


def _read_safetensors(file: IO[bytes], safetensors: Any) -> dict[str, Array]:
    try:
        return dict(safetensors.load(file.read()))
    except KeyError as kind:
        raise ValueError(f"it holds numbers of type {kind}, which NumPy lacks; write them as float32") from None


def _safetensors(where: str) -> Any:
    try:
        import safetensors.numpy
    except ImportError:
        remedy = 'pip install "tinygrad-edu[safetensors]", or a name that ends in .npz'
        raise ImportError(f"{where}: .safetensors needs the safetensors package: {remedy}") from None
    return safetensors.numpy


def _storable(name: object, value: Any) -> Array:
    if not isinstance(name, str):
        raise TypeError(f"save: names are strings, not {name!r}")
    if name != name.replace("\0", "").encode(errors="replace").decode():
        raise ValueError(f"save: the name {name!r} cannot be stored: it holds a NUL or half a character")
    array = np.asarray(value)
    if array.dtype.hasobject:
        raise ValueError(f"save: {name!r} is a {type(value).__name__} that only pickle could store; give numbers")
    return array


def _known(path: Path, where: str) -> str:
    path = os.fspath(path)
    if not path.lower().endswith((".npz", ".safetensors")):
        raise ValueError(f"{where}: {path!r} should end in .npz or .safetensors")
    return path
