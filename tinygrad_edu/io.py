"""Save and load: a dict of names and arrays as one `.npz` file.

`save` writes beside the target and renames, so that whatever happens on the way the target holds its old
contents or the new ones, whole. `load` runs nothing that a file says: pickles are refused on both sides.
`numpy.load` reads the files too, and `load` reads those of `numpy.savez`.
"""

from __future__ import annotations

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
    """Write a dict of names and arrays or numbers, such as a `state_dict()`, to a file that ends in .npz.

    Raises TypeError for what is no such dict, ValueError for a name or value that cannot be stored,
    FileNotFoundError for a missing folder; in every case a file of that name stays as it was.
    """
    target = os.path.realpath(_npz(path, "save"))
    if hasattr(state, "state_dict"):
        raise TypeError(f"save takes a dict of arrays, not a {type(state).__name__}: pass its .state_dict()")
    if not isinstance(state, Mapping):
        raise TypeError(f"save takes a dict of arrays, then a path; got a {type(state).__name__}")
    arrays = {name: _storable(name, value) for name, value in state.items()}
    if not os.path.isdir(os.path.dirname(target)):
        raise FileNotFoundError(f"save: the folder {os.path.dirname(target)} does not exist; make it first")
    with replacing(target) as file:
        _write(arrays, file)


def load(path: Path) -> dict[str, Array]:
    """Read what `save` wrote; raises ValueError saying what is wrong with a damaged or foreign file."""
    import zipfile

    path = _npz(path, "load")
    state = {}
    with open(path, "rb") as file:
        try:
            with zipfile.ZipFile(file) as archive:
                for member in archive.namelist():
                    if not member.endswith(".npy"):
                        raise ValueError(f"it holds {member!r}, which is no array")
                    with archive.open(member) as f:
                        state[member.removesuffix(".npy")] = np.lib.format.read_array(f, allow_pickle=False)
                        if f.read(1):  # to the end, where the checksum is compared
                            raise ValueError(f"{member!r} goes on after its array")
        except Exception as error:  # whatever the parsers of a foreign file stumble over
            raise ValueError(f"load: {path} is damaged or no .npz file of arrays: {error}") from error
    return state


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


def _write(arrays: dict[str, Array], file: IO[bytes]) -> None:
    import zipfile

    with zipfile.ZipFile(file, "w") as archive:
        for name, array in arrays.items():
            # A ZipInfo of its own has no time in it: the same state gives the same bytes.
            with archive.open(zipfile.ZipInfo(name + ".npy"), "w", force_zip64=True) as f:
                np.lib.format.write_array(f, array, allow_pickle=False)


def _storable(name: object, value: Any) -> Array:
    if not isinstance(name, str):
        raise TypeError(f"save: names are strings, not {name!r}")
    if name != name.replace("\0", "").encode(errors="replace").decode():
        raise ValueError(f"save: the name {name!r} cannot be stored: it holds a NUL or half a character")
    array = np.asarray(value)
    if array.dtype.hasobject:
        raise ValueError(f"save: {name!r} is a {type(value).__name__} that only pickle could store; give numbers")
    return array


def _npz(path: Path, where: str) -> str:
    path = os.fspath(path)
    if not path.lower().endswith(".npz"):
        raise ValueError(f"{where}: {path!r} should end in .npz")
    return path
