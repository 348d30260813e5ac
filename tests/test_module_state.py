"""State of modules: tensors that layers share, names that do not fit, other dtypes, and bfloat16 in files."""

import inspect
import json
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_edu as tg
from tinygrad_edu import Tensor, nn


class Language(nn.Module):
    """A model whose output layer shares its weight with the embedding, as language models have it."""

    def __init__(self, seed=0):
        self.encoder = nn.Embedding(5, 3, rng=seed)
        self.decoder = nn.Linear(3, 5, rng=seed)
        self.decoder.weight = self.encoder.weight

    def forward(self, x):
        return self.decoder(self.encoder(x))


def test_a_shared_tensor_is_in_the_state_under_each_of_its_names_as_in_pytorch():
    model = Language()
    assert list(model.state_dict()) == ["encoder.weight", "decoder.weight", "decoder.bias"]
    assert [name for name, _ in model.named_parameters()] == ["encoder.weight", "decoder.bias"]
    shared = nn.Linear(2, 2)
    twice = nn.Sequential(shared, nn.Tanh(), shared)
    assert list(twice.state_dict()) == ["0.weight", "0.bias", "2.weight", "2.bias"]
    assert len(twice.parameters()) == 2


@pytest.mark.parametrize("names", [["encoder.weight"], ["decoder.weight"], ["encoder.weight", "decoder.weight"]])
def test_one_name_of_a_shared_tensor_suffices(names):
    weight = np.random.default_rng(0).normal(size=(5, 3))
    model = Language()
    found = model.load_state_dict({"decoder.bias": np.ones(5)} | {name: weight for name in names})
    np.testing.assert_array_equal(model.encoder.weight.data, weight)
    assert found.missing_keys == [name for name in ("encoder.weight", "decoder.weight") if name not in names]
    assert model.encoder.weight is model.decoder.weight


def test_different_arrays_for_one_shared_tensor_are_refused():
    model = Language()
    before, state = model.state_dict(), model.state_dict()
    state["decoder.weight"] = state["decoder.weight"] + 1
    with pytest.raises(
        ValueError, match=r"'encoder.weight' and 'decoder.weight' are one tensor, and their arrays differ"
    ):
        model.load_state_dict(state)
    np.testing.assert_array_equal(model.encoder.weight.data, before["encoder.weight"])
    model.load_state_dict({name: a * np.nan for name, a in before.items()})  # a NaN does not differ from itself
    with pytest.raises(ValueError, match=r"missing 'encoder.weight'; missing 'decoder.weight'$"):
        model.load_state_dict({"decoder.bias": np.ones(5)})


@pytest.mark.parametrize("suffix", ["npz", "safetensors"])
def test_a_model_with_a_shared_tensor_survives_in_a_file(suffix, tmp_path):
    one, other = Language(0), Language(1)
    tg.save(one.state_dict(), tmp_path / f"model.{suffix}")
    other.load_state_dict(tg.load(tmp_path / f"model.{suffix}"))
    x = np.arange(5)
    np.testing.assert_array_equal(other(x).data, one(x).data)


def test_a_run_with_a_shared_tensor_resumes_from_its_checkpoint(tmp_path):
    x, y = np.arange(5), np.array([1, 2, 3, 4, 0])

    def run(epochs, path):
        model = Language()
        optimizer = tg.optim.Adam(model.parameters(), lr=0.1)
        options = {"optimizer": optimizer, "batch_size": 2, "rng": 0, "progress": False, "checkpoint": path}
        tg.fit(model, tg.cross_entropy, (x, y), epochs=epochs, **options)
        return model.state_dict()

    run(3, tmp_path / "a.npz")
    resumed, whole = run(6, tmp_path / "a.npz"), run(6, tmp_path / "b.npz")
    for name in whole:
        np.testing.assert_array_equal(resumed[name], whole[name])


def test_names_may_be_missing_and_unexpected_if_the_load_is_not_strict():
    model, source = nn.MLP([2, 3, 1], rng=0), nn.MLP([2, 3, 1], rng=1)
    before, state = model.state_dict(), source.state_dict()
    del state["0.bias"]
    state["head"] = np.ones(3)
    with pytest.raises(ValueError, match=r"nothing was loaded: missing '0.bias'; unexpected 'head'"):
        model.load_state_dict(state)
    missing, unexpected = found = model.load_state_dict(state, strict=False)
    assert missing == found.missing_keys == ["0.bias"]
    assert unexpected == found.unexpected_keys == ["head"]
    for name, a in model.state_dict().items():
        np.testing.assert_array_equal(a, before[name] if name == "0.bias" else state[name])
    state["0.weight"] = np.ones((4, 4))
    with pytest.raises(ValueError, match=r"nothing was loaded: '0.weight' has shape \(4, 4\), not \(3, 2\)"):
        model.load_state_dict(state, strict=False)
    assert model.load_state_dict(source.state_dict()) == ([], [])


def test_a_state_is_loaded_into_none_of_the_parameters_if_one_is_read_only():
    model, source = nn.MLP([2, 3, 1], rng=0), nn.MLP([2, 3, 1], rng=1)
    before = model.state_dict()
    model[2].weight.data.flags.writeable = False
    with pytest.raises(ValueError, match=r"nothing was loaded: '2.weight' is a read-only array"):
        model.load_state_dict(source.state_dict())
    for name, a in model.state_dict().items():
        np.testing.assert_array_equal(a, before[name])


def test_a_state_is_loaded_into_none_of_the_parameters_if_one_overflows():
    model = nn.MLP([2, 3, 1], rng=0, dtype=np.float16)
    before = model.state_dict()
    with np.errstate(over="raise"), pytest.raises(FloatingPointError, match="overflow"):
        model.load_state_dict({name: np.full(a.shape, 1e9 if name == "2.bias" else 1.0) for name, a in before.items()})
    for name, a in model.state_dict().items():
        np.testing.assert_array_equal(a, before[name])


def test_layers_change_places_by_a_state_that_holds_their_own_parameters():
    model = nn.Sequential(nn.Linear(2, 2, rng=0), nn.Linear(2, 2, rng=1))
    before, p = model.state_dict(), dict(model.named_parameters())
    views = {"0.weight": p["1.weight"], "0.bias": p["1.weight"].data[0], "1.weight": p["0.weight"].data.T}
    model.load_state_dict(views | {"1.bias": before["1.bias"]})
    expected = {"0.weight": before["1.weight"], "0.bias": before["1.weight"][0], "1.weight": before["0.weight"].T}
    for name, a in expected.items():
        np.testing.assert_array_equal(model.state_dict()[name], a)


def test_a_state_may_hold_parameters_that_take_gradients():
    source, model = nn.Linear(2, 1, rng=0), nn.Linear(2, 1, rng=1)
    model.load_state_dict(dict(source.named_parameters()))
    np.testing.assert_array_equal(model.weight.data, source.weight.data)
    assert model.weight is not source.weight
    assert model.weight.requires_grad


def test_a_state_that_makes_no_array_is_named():
    class Device:
        def __array__(self, dtype=None, copy=None):
            raise TypeError("it is on another device")

    with pytest.raises(ValueError, match="'weight' makes no array: it is on another device"):
        nn.Linear(2, 1, bias=False).load_state_dict({"weight": Device()})


@pytest.mark.parametrize("dtype", [np.float16, "float32", np.float64, np.dtype(">f4")], ids=str)
def test_astype_converts_parameters_state_and_gradients_in_place(dtype):
    native = np.dtype(dtype).newbyteorder("=")
    model = nn.Sequential(nn.Linear(2, 3, rng=0), nn.BatchNorm1d(3), nn.Linear(3, 1, rng=1))
    x = np.random.default_rng(0).normal(size=(8, 2))
    model(x).sum().backward()
    tensors, before = list(model.tensors().values()), model.state_dict()
    assert model.astype(dtype) is model
    assert all(a is b for a, b in zip(model.tensors().values(), tensors, strict=True))
    assert {t.dtype for t in tensors} == {native}
    assert {p.grad.dtype for p in model.parameters()} == {native}
    for name, a in model.state_dict().items():
        np.testing.assert_array_equal(a, before[name].astype(native), strict=True)
    y = model(x.astype(native))
    assert y.dtype == native
    y.sum().backward()
    assert {p.grad.dtype for p in model.parameters()} == {native}


@pytest.mark.parametrize(("dtype", "expected"), [("f2", "c8"), ("f4", "c8"), ("f8", "c16")])
def test_astype_keeps_complex_parameters_complex(dtype, expected):
    class Turn(tg.nn.Module):
        def __init__(self):
            self.w, self.scale = tg.Tensor([1 + 2j, 3j]), tg.Tensor(2.0)

        def forward(self, x):
            return np.abs(x * self.w * self.scale)

    model = Turn()
    model(1.0).sum().backward()
    gradient = model.w.grad
    model.astype(dtype)
    assert [model.w.dtype, model.w.grad.dtype, model.scale.dtype] == [expected, expected, dtype]
    np.testing.assert_array_equal(model.w.data, [1 + 2j, 3j])
    np.testing.assert_allclose(model.w.grad, gradient, rtol=1e-6)


@pytest.mark.parametrize("dtype", [int, bool, complex, np.longdouble, "U3"])
def test_astype_refuses_what_no_parameter_can_be(dtype):
    model = nn.Linear(2, 1)
    with pytest.raises(TypeError, match=r"Linear.astype: parameters are float16, float32 or float64, not"):
        model.astype(dtype)
    assert model.weight.dtype == np.float64


LAYERS = [
    partial(nn.Linear, 3, 3), partial(nn.Embedding, 3, 3), partial(nn.LayerNorm, 3), partial(nn.BatchNorm1d, 3),
    partial(nn.MLP, [3, 2, 3]), partial(nn.PReLU, 3),
]  # fmt: skip


@pytest.mark.parametrize("make", LAYERS)
@pytest.mark.parametrize("dtype", [np.float16, "float32", np.dtype(">f4"), np.float64, None])
def test_layers_are_made_in_a_dtype_with_the_numbers_that_astype_gives(make, dtype):
    random = {} if make.func in (nn.LayerNorm, nn.BatchNorm1d, nn.PReLU) else {"rng": 0}
    layer, converted = make(**random, dtype=dtype), make(**random).astype(dtype)
    native = np.dtype(dtype).newbyteorder("=")
    for name, a in layer.state_dict().items():
        np.testing.assert_array_equal(a, converted.state_dict()[name], strict=True)
        assert a.dtype == native
    x = np.array([[0, 1, 2], [2, 2, 0]], int if make.func is nn.Embedding else native)
    y = layer(x)
    assert y.dtype == native
    y.sum().backward()
    assert {p.grad.dtype for p in layer.parameters()} == {native}


ARGUMENTS = {
    "GRU": (2, 3), "LSTM": (2, 3), "RNN": (2, 3), "MLP": ([2, 3],), "BatchNorm1d": (2,), "BatchNorm2d": (2,),
    "Conv1d": (1, 2, 3), "Conv2d": (1, 2, 3), "ConvTranspose1d": (1, 2, 3), "ConvTranspose2d": (1, 2, 3),
    "Embedding": (2, 3), "GroupNorm": (1, 2), "LayerNorm": (2,), "Linear": (2, 3), "MultiheadAttention": (2, 1),
    "PReLU": (), "RMSNorm": (2,),
}  # fmt: skip


def test_every_layer_with_parameters_takes_a_dtype():
    layers = {name: c for name, c in vars(nn).items() if isinstance(c, type)}
    takes = {name for name, c in layers.items() if "dtype" in inspect.signature(c).parameters}
    assert takes == set(ARGUMENTS)
    for name, arguments in ARGUMENTS.items():
        rng = {"rng": 0} if "rng" in inspect.signature(layers[name]).parameters else {}
        layer, wide = (layers[name](*arguments, **rng, **kind) for kind in ({"dtype": np.float32}, {}))
        assert len(layer.parameters()) > 0
        for k, a in wide.state_dict().items():
            np.testing.assert_array_equal(layer.state_dict()[k], a.astype(np.float32), strict=True)


@pytest.mark.parametrize("make", LAYERS)
@pytest.mark.parametrize(
    ("dtype", "shown"), [(int, str(np.dtype(int))), (complex, "complex128"), ("flot", "flot"), (map, "object")]
)
def test_layers_refuse_a_dtype_that_no_parameter_can_have(make, dtype, shown):
    with pytest.raises(TypeError, match=rf"\): parameters are float16, float32 or float64, not {shown}$"):
        make(dtype=dtype)


def test_a_model_is_never_converted_by_half():
    class Full(Tensor):
        @property
        def data(self):
            raise MemoryError

    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1))
    model[1].weight = Full(np.ones((1, 2)))
    with pytest.raises(MemoryError):
        model.astype(np.float32)
    assert {p.dtype for p in model.parameters()} == {np.dtype(float)}


@pytest.mark.parametrize("jit", [False, True])
@pytest.mark.parametrize(
    "make", [tg.optim.SGD, lambda p, lr: tg.optim.SGD(p, lr, momentum=0.9), tg.optim.Adam, tg.optim.RMSprop]
)
def test_an_optimizer_made_before_astype_trains_as_one_made_after(make, jit):
    x = np.random.default_rng(0).normal(size=(16, 2)).astype(np.float32)
    y = x[:, :1] * 2

    def trained(early):
        model = nn.MLP([2, 4, 1], rng=0)
        optimizer = make(model.parameters(), lr=0.01) if early else None
        model.astype(np.float32)
        optimizer = optimizer or make(model.parameters(), lr=0.01)
        step = lambda x: optimizer.minimize(tg.mse_loss(model(x), y))
        step = tg.jit(step) if jit else step
        for _ in range(20):
            step(x)
        assert {p.dtype for p in model.parameters()} == {np.dtype(np.float32)}
        return model.state_dict()

    early, late = trained(True), trained(False)
    for name in late:
        np.testing.assert_allclose(early[name], late[name], rtol=1e-4, atol=1e-6)


def test_a_recorded_step_notices_astype():
    model = nn.Linear(2, 1, rng=0)
    f = tg.jit(lambda x: model(x))
    x = np.ones((1, 2), np.float32)
    assert f(x).dtype == np.float64
    model.astype(np.float32)
    assert f(x).dtype == np.float32
    np.testing.assert_array_equal(f(x).data, model(x).data)


def bfloat16(x):
    """The upper two bytes of float32 numbers whose lower two are 0."""
    return (np.asarray(x, np.float32).view(np.uint32) >> 16).astype("<u2")


@given(st.lists(st.integers(0, 2**16 - 1), max_size=6))
def test_files_of_bfloat16_are_read_as_float32(tmp_path_factory, bits):
    folder = tmp_path_factory.mktemp("bfloat16")
    stored = np.array(bits, "<u2")
    expected = (stored.astype(np.uint32) << 16).view(np.float32)
    head = json.dumps({"w": {"dtype": "BF16", "shape": [len(bits)], "data_offsets": [0, 2 * len(bits)]}}).encode()
    (folder / "s.safetensors").write_bytes(len(head).to_bytes(8, "little") + head + stored.tobytes())
    np.savez(folder / "s.npz", w=stored.view("V2"))  # as NumPy writes the bfloat16 of other packages
    for name in ("s.safetensors", "s.npz"):
        loaded = tg.load(folder / name)["w"]
        assert loaded.dtype == np.float32
        np.testing.assert_array_equal(loaded.view(np.uint32), expected.view(np.uint32))


def test_a_model_loads_weights_of_bfloat16(tmp_path):
    weight = np.array([[1.5, -0.015625]])
    np.savez(
        tmp_path / "s.npz",
        weight=bfloat16(weight).view("V2"),
        bias=bfloat16([3.0]).view("V2"),
        n=bfloat16(2).view("V2"),
    )
    state = tg.load(tmp_path / "s.npz")
    assert state.pop("n") == 2
    model = nn.Linear(2, 1)
    model.load_state_dict(state)
    np.testing.assert_array_equal(model.weight.data, weight)
    assert Tensor(state["bias"]).data.tolist() == [3.0]
