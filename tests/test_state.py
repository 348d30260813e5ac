import contextlib
import io
import json
import os
import pickle
import struct
import sys
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from expected import travel
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import tinygrad_edu as tg
from tinygrad_edu import nn, optim

HERE = Path(__file__).parent / "expected"
DTYPES = st.one_of(hnp.floating_dtypes(), hnp.integer_dtypes(), hnp.boolean_dtypes(), hnp.unicode_string_dtypes())
NAMES = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)


@given(state=st.dictionaries(NAMES, DTYPES.flatmap(lambda d: hnp.arrays(d, hnp.array_shapes(min_dims=0, min_side=0)))))
def test_what_is_saved_is_loaded(state, tmp_path_factory):
    path = tmp_path_factory.mktemp("io") / "state.npz"
    tg.save(state, path)
    loaded = tg.load(path)
    assert list(loaded) == list(state)
    for name, array in state.items():
        assert loaded[name].dtype == array.dtype
        np.testing.assert_array_equal(loaded[name], array)


def test_a_file_that_is_replaced_keeps_its_permissions(tmp_path):
    path = tmp_path / "s.npz"
    tg.save({"w": np.ones(2)}, path)
    path.chmod(0o600)
    before = path.stat().st_mode  # Windows knows fewer of them
    tg.save({"w": np.zeros(2)}, path)
    assert path.stat().st_mode == before
    assert not tg.load(path)["w"].any()


def test_a_disk_that_keeps_no_permissions_takes_a_file_again(tmp_path, monkeypatch):
    def refused(*args, **kwargs):
        raise PermissionError(1, "Operation not permitted")

    tg.save({"w": np.ones(2)}, tmp_path / "s.npz")
    monkeypatch.setattr("os.chmod", refused)
    tg.save({"w": np.zeros(2)}, tmp_path / "s.npz")
    assert not tg.load(tmp_path / "s.npz")["w"].any()


@pytest.mark.skipif(os.name == "nt", reason="paths have at most 260 characters")
def test_the_name_of_a_file_may_be_as_long_as_the_disk_allows(tmp_path):
    path = tmp_path / f"{'w' * 251}.npz"
    path.touch()
    tg.save({"w": np.ones(1)}, path)
    with pytest.raises(OSError, match=r"too long: '[^']*w\.npz'$"):
        tg.save({"w": np.ones(1)}, tmp_path / f"{'w' * 252}.npz")
    assert os.listdir(tmp_path) == [path.name]


@pytest.mark.parametrize("refusals", [2, 9])
def test_on_windows_a_file_that_another_program_opens_for_a_moment_is_replaced(tmp_path, monkeypatch, refusals):
    def replace(source, target, real=os.replace):
        tries.append(target)
        if len(tries) <= refusals:
            raise PermissionError(13, "Access is denied", source, 5, target)
        real(source, target)

    tries, waited = [], []
    tg.save({"w": np.zeros(1)}, tmp_path / "w.npz")
    monkeypatch.setattr(os, "replace", replace)
    monkeypatch.setattr("time.sleep", waited.append)
    monkeypatch.setattr(sys, "platform", "win32")
    with pytest.raises(PermissionError, match="denied") if refusals > 4 else contextlib.nullcontext():
        tg.save({"w": np.ones(1)}, tmp_path / "w.npz")
    assert (len(tries), sum(waited) <= 1) == (min(refusals, 4) + 1, True)
    assert tg.load(tmp_path / "w.npz")["w"] == (refusals <= 4)
    assert os.listdir(tmp_path) == ["w.npz"]


def test_names_with_backslashes_survive_on_windows(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "sep", "\\")
    tg.save({"a\\b": np.zeros(1), "a/b": np.ones(1)}, tmp_path / "w.npz")
    assert tg.load(tmp_path / "w.npz") == {"a\\b": [0.0], "a/b": [1.0]}


def test_a_name_that_another_program_wrote_a_second_time_in_unicode_is_read_as_numpy_does(tmp_path):
    info = zipfile.ZipInfo("cafe.npy")
    again = "caf\xe9.npy".encode()
    info.extra = struct.pack("<HHBL", 0x7075, 5 + len(again), 1, zlib.crc32(b"cafe.npy")) + again
    with zipfile.ZipFile(tmp_path / "w.npz", "w") as archive, archive.open(info, "w") as file:
        np.save(file, np.ones(1))
    assert list(tg.load(tmp_path / "w.npz")) == list(np.load(tmp_path / "w.npz"))


def test_names_that_trouble_savez_and_layouts_survive(tmp_path):
    state = {"file": np.eye(3, 2).T, "a/../b": np.ones((4, 4))[::2, ::-1], "x.npy": 3, "": 0.5}
    tg.save(state, tmp_path / "s.npz")
    loaded = tg.load(tmp_path / "s.npz")
    assert list(loaded) == list(state)
    assert all((loaded[name] == value).all() for name, value in state.items())


def test_a_model_comes_back_the_same(tmp_path):
    model, other = nn.MLP([2, 3, 1], rng=0), nn.MLP([2, 3, 1], rng=1)
    tg.save(model.state_dict(), str(tmp_path / "model.npz"))
    other.load_state_dict(tg.load(str(tmp_path / "model.npz")))
    x = np.random.default_rng(0).normal(size=(5, 2))
    np.testing.assert_array_equal(model(x).data, other(x).data)


def test_numpy_reads_the_file_and_its_files_are_read(tmp_path):
    tg.save({"w": np.arange(3)}, tmp_path / "ours.npz")
    with np.load(tmp_path / "ours.npz") as file:
        assert file["w"].tolist() == [0, 1, 2]
    np.savez_compressed(tmp_path / "theirs.npz", w=np.arange(3))
    assert tg.load(tmp_path / "theirs.npz")["w"].tolist() == [0, 1, 2]


def test_the_same_state_gives_the_same_bytes(tmp_path):
    for name in ("a.npz", "b.npz"):
        tg.save({"w": np.arange(3)}, tmp_path / name)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


@pytest.mark.parametrize("culprit", ["write_array", "fsync", "replace"])
def test_a_save_that_fails_leaves_the_old_file_and_nothing_else(culprit, tmp_path, monkeypatch):
    path = tmp_path / "s.npz"
    tg.save({"w": np.zeros(2)}, path)

    def fail(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(np.lib.format if culprit == "write_array" else os, culprit, fail)
    with pytest.raises(KeyboardInterrupt):
        tg.save({"w": np.ones(2)}, path)
    monkeypatch.undo()
    assert os.listdir(tmp_path) == ["s.npz"]
    assert tg.load(path)["w"].tolist() == [0.0, 0.0]


def test_a_link_goes_on_leading_to_the_file(tmp_path):
    tg.save({"w": np.zeros(1)}, tmp_path / "real.npz")
    try:
        os.symlink(tmp_path / "real.npz", tmp_path / "link.npz")
    except OSError:
        pytest.skip("Windows lets only administrators and developers make links")
    tg.save({"w": np.ones(1)}, tmp_path / "link.npz")
    assert (tmp_path / "link.npz").is_symlink()
    assert tg.load(tmp_path / "real.npz")["w"].tolist() == [1.0]


@pytest.mark.parametrize(
    ("state", "error", "text"),
    [
        (nn.Linear(2, 1), TypeError, r"not a Linear: pass its \.state_dict\(\)"),
        (optim.SGD(nn.Linear(2, 1).parameters(), lr=1), TypeError, r"not an SGD: pass its \.state_dict\(\)"),
        ([np.ones(2)], TypeError, "takes a dict of arrays, then a path; got a list"),
        ({1: np.ones(2)}, TypeError, "names are strings, not 1"),
        ({"w": np.array([None])}, ValueError, "'w' is an ndarray, which only pickle could store"),
        ({"w": None}, ValueError, "'w' is None, which only pickle could store; give numbers"),
        ({"model": {"w": 1.0}}, ValueError, "'model' is a dict, .*; save each dict in a file of its own"),
        ({"a\0b": 1}, ValueError, "cannot be stored: it holds a NUL"),
        ({"\ud800": 1}, ValueError, "or half a character"),
        ({"w": np.ma.masked_array([1.0], [True])}, TypeError, "'w' is a masked array, and would lose its mask"),
    ],
)
def test_what_cannot_be_stored_is_refused_and_the_old_file_stays(state, error, text, tmp_path):
    path = tmp_path / "s.npz"
    tg.save({"w": 1}, path)
    with pytest.raises(error, match=text):
        tg.save(state, path)
    assert os.listdir(tmp_path) == ["s.npz"]
    assert tg.load(path)["w"] == 1


@pytest.mark.parametrize("path", [{"w": 1}, b"s.npz", True, None])
def test_what_is_no_path_is_named(path):
    x, model = np.ones((2, 1)), nn.Linear(1, 1)
    uses = {"save": lambda: tg.save({"w": 1}, path), "load": lambda: tg.load(path)}
    if path is not None:
        sgd = optim.SGD(model.parameters(), lr=0.1)
        uses["fit: checkpoint"] = lambda: tg.fit(model, tg.mse_loss, (x, x), optimizer=sgd, epochs=1, checkpoint=path)
    for where, use in uses.items():
        with pytest.raises(TypeError, match=f"^{where}: a path is text or a pathlib.Path, not "):
            use()


def test_a_missing_folder_and_another_suffix_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"folder .*nowhere does not exist"):
        tg.save({}, tmp_path / "nowhere" / "s.npz")
    with pytest.raises(ValueError, match=r"save: '.*model\.pt' should end in \.npz or \.safetensors"):
        tg.save({}, tmp_path / "model.pt")
    with pytest.raises(ValueError, match=r"load: '.*model\.pt' should end in \.npz or \.safetensors"):
        tg.load(tmp_path / "model.pt")
    with pytest.raises(FileNotFoundError, match=r"missing\.npz"):
        tg.load(tmp_path / "missing.npz")


def test_every_truncation_and_every_changed_byte_of_the_data_is_an_error(tmp_path):
    path = tmp_path / "s.npz"
    array = np.random.default_rng(0).normal(size=8)
    tg.save({"w": array}, path)
    whole = path.read_bytes()
    for end in range(len(whole)):
        path.write_bytes(whole[:end])
        with pytest.raises(ValueError, match=r"load: .*s\.npz is damaged, or not a \.npz file"):
            tg.load(path)
    start = whole.index(array.tobytes())
    for at in range(start, start + array.nbytes):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with pytest.raises(ValueError, match="damaged"):
            tg.load(path)


def test_foreign_files_are_refused_and_pickles_never_run(tmp_path):
    path = tmp_path / "s.npz"
    path.write_bytes(b"not a zip file at all")
    with pytest.raises(ValueError, match=r"damaged, or not a \.npz file of arrays"):
        tg.load(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("word/document.xml", "<xml/>")
    with pytest.raises(ValueError, match=r"'word/document\.xml', which is not an array"):
        tg.load(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("w.npy", pickle.dumps({"w": 1}))
    with pytest.raises(ValueError, match="damaged"):
        tg.load(path)
    np.savez(path, w=np.array([Bomb()], dtype=object))
    with pytest.raises(ValueError, match="Object arrays cannot be loaded"):
        tg.load(path)


class Bomb:
    def __reduce__(self):
        return pytest.fail, ("a pickle was run",)


def test_an_array_that_claims_more_than_it_holds_is_refused_before_it_takes_memory(tmp_path):
    path = tmp_path / "s.npz"
    head = io.BytesIO()
    np.lib.format.write_array_header_1_0(head, {"descr": "<f8", "fortran_order": False, "shape": (10**15,)})
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("w.npy", head.getvalue() + bytes(64))
    with pytest.raises(ValueError, match=r"'w\.npy' claims the shape \(1000000000000000,\)"):
        tg.load(path)


def test_names_in_a_file_lead_nowhere(tmp_path):
    with zipfile.ZipFile(tmp_path / "s.npz", "w") as archive:
        array = io.BytesIO()
        np.save(array, np.ones(2))
        archive.writestr("../../outside.npy", array.getvalue())
    assert tg.load(tmp_path / "s.npz")["../../outside"].tolist() == [1, 1]
    assert os.listdir(tmp_path) == ["s.npz"]


NUMBERS = st.one_of(
    hnp.floating_dtypes(sizes=(16, 32, 64), endianness="<"), hnp.integer_dtypes(endianness="<"), hnp.boolean_dtypes()
)


FREE = NAMES.filter(lambda name: name != "__metadata__")  # Hypothesis tries strings that it finds in the code


@given(state=st.dictionaries(FREE, NUMBERS.flatmap(lambda d: hnp.arrays(d, hnp.array_shapes(min_dims=0, min_side=0)))))
def test_safetensors_keeps_names_numbers_and_shapes(state, tmp_path_factory):
    path = tmp_path_factory.mktemp("io") / "state.safetensors"
    tg.save(state, path)
    loaded = tg.load(path)
    assert loaded.keys() == state.keys()
    for name, array in state.items():
        assert loaded[name].dtype == array.dtype
        np.testing.assert_array_equal(loaded[name], array, strict=True)


def test_what_pytorch_saved_predicts_what_pytorch_predicts():
    expected = json.loads((HERE / "layers.json").read_text("utf-8"))[
        "travel"
    ]  # both made by layers.py in the same folder
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))
    model.load_state_dict(tg.load(HERE / "travel.safetensors"))
    x = (np.sin(np.arange(24.0)) * 2 + np.arange(24) % 3).reshape(8, 3)
    np.testing.assert_allclose(model(x).data, expected, atol=1e-6)


def test_our_file_is_laid_out_as_pytorch_reads_it(tmp_path):
    model = nn.MLP([3, 5, 2], activation="tanh", rng=0)
    tg.save(model.state_dict(), tmp_path / "model.safetensors")
    whole = (tmp_path / "model.safetensors").read_bytes()
    size = int.from_bytes(whole[:8], "little")
    head = json.loads(whole[8 : 8 + size])
    assert [name for name, _ in model.named_parameters()] == ["0.weight", "0.bias", "2.weight", "2.bias"]  # PyTorch's
    for name, p in model.named_parameters():
        start, end = head[name]["data_offsets"]
        rows = np.frombuffer(whole[8 + size :][start:end]).reshape(head[name]["shape"])  # row by row
        np.testing.assert_array_equal(rows, p.data, strict=True)


def header(path):
    """The JSON at the beginning of a .safetensors file."""
    whole = path.read_bytes()
    return json.loads(whole[8 : 8 + int.from_bytes(whole[:8], "little")])


def test_layers_with_state_travel_both_ways(tmp_path):
    model, predicted = (
        travel.trained(),
        json.loads((HERE / "traveled.json").read_text("utf-8")),
    )  # by PyTorch, in travel.py
    tg.save(model.state_dict(), tmp_path / "ours.safetensors")
    assert header(tmp_path / "ours.safetensors") == header(HERE / "ours.safetensors")  # which PyTorch has read
    for name, a in tg.load(HERE / "ours.safetensors").items():
        np.testing.assert_allclose(model.state_dict()[name], a, rtol=1e-14, strict=True)
    np.testing.assert_allclose(model.eval()(travel.X).data, predicted["ours"], rtol=1e-12)
    model.load_state_dict(tg.load(HERE / "theirs.safetensors"))
    np.testing.assert_allclose(model(travel.X).data, predicted["theirs"], rtol=1e-12)
    assert float(model[2].num_batches_tracked) == 2


def test_an_optimizers_state_survives_in_safetensors(tmp_path):
    model = nn.Linear(2, 1, rng=0)
    one, other = (optim.Adam(model.parameters(), lr=rate) for rate in (0.1, 0.2))
    one.minimize(tg.mse_loss(model(np.ones((3, 2))), np.zeros((3, 1))))
    tg.save(one.state_dict(), tmp_path / "adam.safetensors")
    other.load_state_dict(tg.load(tmp_path / "adam.safetensors"))
    assert (other.lr, other.steps) == (0.1, 1)
    np.testing.assert_array_equal(other.state["m"][0], one.state["m"][0])


def test_a_damaged_safetensors_file_and_a_missing_package_are_named(tmp_path, monkeypatch):
    path = tmp_path / "s.safetensors"
    tg.save({"w": np.arange(4.0)}, path)
    whole = path.read_bytes()
    for end in range(len(whole)):
        path.write_bytes(whole[:end])
        with pytest.raises(ValueError, match=r"load: .*damaged, or not a \.safetensors file"):
            tg.load(path)
    for value in ("a", 1j):
        with pytest.raises(ValueError, match=r"'t' is of dtype .*, which \.safetensors cannot hold; \.npz can"):
            tg.save({"t": value}, path)
    with pytest.raises(ValueError, match="the name '__metadata__' means something else"):
        tg.save({"__metadata__": np.ones(2)}, path)
    assert os.listdir(tmp_path) == ["s.safetensors"]
    assert path.read_bytes() == whole[:-1]
    monkeypatch.setitem(sys.modules, "safetensors.numpy", None)
    for call in (lambda: tg.load(path), lambda: tg.save({}, path)):
        with pytest.raises(ImportError, match=r'pip install "tinygrad-edu\[safetensors\]"'):
            call()


def safetensors_file(head, numbers=b""):
    head = head if isinstance(head, bytes) else json.dumps(head).encode()
    return len(head).to_bytes(8, "little") + head + numbers


def one(dtype, shape, start, end):
    return safetensors_file({"w": {"dtype": dtype, "shape": shape, "data_offsets": [start, end]}}, bytes(8))


EIGHT = {"dtype": "F64", "shape": [1], "data_offsets": [0, 8]}


def test_a_safetensors_file_is_what_these_tests_damage(tmp_path):
    (tmp_path / "s.safetensors").write_bytes(one("F64", [1], 0, 8))
    assert tg.load(tmp_path / "s.safetensors") == {"w": [0.0]}


@pytest.mark.parametrize(
    "content",
    [
        pytest.param((2**63).to_bytes(8, "little") + b"{}", id="a head longer than the file"),
        pytest.param(safetensors_file(b"[" * 90_000), id="a head nested without end"),
        pytest.param(safetensors_file(b"\xff{}"), id="a head that is not a text"),
        pytest.param(one("F64", [10**15], 0, 8 * 10**15), id="more than it holds"),
        pytest.param(one("F64", [2**62, 4], 0, 0), id="a size that overflows"),
        pytest.param(one("F64", [2], 0, 8), id="fewer numbers than its shape says"),
        pytest.param(one("F64", [1], 8, 0), id="backwards"),
        pytest.param(one("F64", [1], 0, 8) + bytes(8), id="more after the end"),
        pytest.param(safetensors_file({"a": EIGHT, "b": EIGHT}, bytes(8)), id="one place for two"),
        pytest.param(one("OBJECT", [1], 0, 8), id="an unknown type"),
        pytest.param(one("F8_E4M3", [8], 0, 8), id="a type that NumPy lacks"),
        pytest.param(pickle.dumps({"w": Bomb()}), id="a pickle, which is not run"),
    ],
)
def test_hostile_safetensors_files_are_refused(content, tmp_path):
    path = tmp_path / "s.safetensors"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"load: .*s\.safetensors is damaged, or not a \.safetensors file of arrays: "):
        tg.load(path)
