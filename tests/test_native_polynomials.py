"""The C functions of jit/native/polynomials: 2 ulp, the ends as NumPy has them, and loops of vector instructions."""

import ctypes
import json
import math
import subprocess
from pathlib import Path

import mpmath
import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu.jit.native import compiler, polynomials
from tinygrad_edu.jit.native.far import guarded

WORST = json.loads((Path(__file__).parent / "expected" / "elementary.json").read_text("utf-8"))
NAMES = sorted(WORST)
NUMPY = {"sigmoid": tg.sigmoid, "erf": np.vectorize(math.erf, [float]), "sin_near": np.sin, "cos_near": np.cos}
EXACT = {"sigmoid": lambda x: 1 / (1 + mpmath.exp(-x)), "sin_near": mpmath.sin, "cos_near": mpmath.cos}
ENDS = [
    0.0, np.inf, np.nan, 1.0, 5e-324, 1e-310, 1e-45, 1e-39, 2.0**-1022, 2.0**-126, 1e-30, 0.9999999, 1.0000001, 88.7,
    88.8, 87.5, 103.2, 104.0, 89.4, 90.0, 709.7, 709.8, 745.1, 745.2, 710.4, 710.5, 1e30, 1.7e308, 3.4e38, 20.0, 0.5,
    5.9, 4.0,
]  # fmt: skip
OF_TWO = ["tg_pow", "tg_powf", "tg_logaddexp", "tg_logaddexpf"]
N = 1024  # elements of the compiled loops
OPTIMIZED = {"gcc": "-fopt-info-vec-optimized", "clang": "-Rpass=loop-vectorize"}  # prints each loop of vectors


def is_float(name):
    return name.endswith("f") and name != "tg_erf"


def loop(name):
    real = "float" if is_float(name) else "double"
    arguments = "x[i], y[i]" if name in OF_TWO else "x[i]"
    return f"""
void loop_{name}(const {real} *restrict x, const {real} *restrict y, {real} *restrict z)
{{
    for (int i = 0; i < {N}; i++) z[i] = {name}({arguments});
}}
"""


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    """A library with a loop over each function, and what the compiler says of them."""
    found = compiler.find()
    assert found is not None, f"these tests need a C compiler: {compiler.REMEDY}"
    folder = tmp_path_factory.mktemp("native")
    text = polynomials.prelude(polynomials.NAMES) + "".join(loop(name) for name in [*NAMES, *OF_TWO])
    (folder / "loops.c").write_text(text, "utf-8")
    info = OPTIMIZED["clang" if "clang" in found.version else "gcc"]
    command = [*found.command, "-O3", *compiler.FLAGS, info, "loops.c", "-o", "loops.so", "-lm"]
    run = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    return ctypes.CDLL(str(folder / "loops.so")), run.stderr, text


def call(compiled, name, x, y=None):
    arrays = [np.resize(a, N) for a in (x, x if y is None else y, x)]
    getattr(compiled[0], f"loop_{name}")(*(ctypes.c_void_p(a.ctypes.data) for a in arrays))
    return arrays[-1][: x.size]


def errors(name, x, y):
    """The distances from the exact values in units in the last place."""
    bare = name.removeprefix("tg_").removesuffix("f" if is_float(name) else "")
    exact = EXACT.get(bare) or getattr(mpmath, {"log1p": "log1p"}.get(bare, bare))
    with mpmath.workprec(200):
        right = [exact(mpmath.mpf(float(v))) for v in x]
        ulp = [np.spacing(np.abs(y.dtype.type(float(v)))) for v in right]
        return [float(abs(mpmath.mpf(float(a)) - b) / float(u)) for a, b, u in zip(y, right, ulp, strict=True)]


@pytest.mark.parametrize("name", NAMES)
def test_results_are_within_two_ulp_where_they_are_worst_and_elsewhere(compiled, name):
    rng = np.random.default_rng(7)
    low = {"log": 0, "log1p": -1}.get(name.removeprefix("tg_").removesuffix("f"), -30)
    spread = [rng.uniform(low, 30, 30), rng.uniform(max(low, -1), 1, 30), 10.0 ** rng.uniform(-30, 0, 20)]
    x = np.concatenate([WORST[name], *spread]).astype(np.float32 if is_float(name) else np.float64)
    assert max(errors(name, x, call(compiled, name, x))) < 2


@pytest.mark.parametrize("name", NAMES)
def test_ends_infinities_zeros_and_subnormal_numbers_are_as_in_numpy(compiled, name):
    dtype = np.float32 if is_float(name) else np.float64
    bare = name.removeprefix("tg_").removesuffix("f" if is_float(name) else "")
    with np.errstate(all="ignore"):
        x = np.array([*ENDS, *np.negative(ENDS)]).astype(dtype)
        x = x[np.isnan(x) | (np.abs(x) <= polynomials.NEAR["f" if is_float(name) else ""])] if "near" in name else x
        expected = (NUMPY.get(bare) or getattr(np, bare))(x).astype(dtype)
    y = call(compiled, name, x)
    ends = ~np.isfinite(expected) | (expected == 0) | np.isin(x, [0, 1, -1])
    np.testing.assert_array_max_ulp(y[np.isfinite(expected)], expected[np.isfinite(expected)], 4)
    np.testing.assert_array_equal(y[ends & ~np.isfinite(expected)], expected[ends & ~np.isfinite(expected)])
    assert (np.signbit(y) == np.signbit(expected))[~np.isnan(expected)].all()
    np.testing.assert_array_equal(y == 0, expected == 0)


@pytest.mark.parametrize(("name", "dtype"), [("tg_pow", np.float64), ("tg_powf", np.float32)])
def test_powers_are_those_of_numpy(compiled, name, dtype):
    values = np.array([0.0, 1.0, 2.0, 3.0, 0.5, 0.3, np.inf, 7.7, 1e-30, 1e30, 2.0**24 + 2, 5e5, np.nan])
    signed = np.concatenate([values, -values]).astype(dtype)
    x, y = (a.ravel() for a in np.meshgrid(signed, signed))
    with np.errstate(all="ignore"):
        expected = np.power(x.astype(np.longdouble), y).astype(dtype)
    np.testing.assert_array_max_ulp(call(compiled, name, x, y), expected, 2)


@pytest.mark.parametrize(("name", "dtype"), [("tg_logaddexp", np.float64), ("tg_logaddexpf", np.float32)])
def test_logaddexp_is_that_of_numpy(compiled, name, dtype):
    values = np.array([0.0, 1.0, -2.0, np.inf, -np.inf, 1e30, -700.0, 88.5, 0.3, np.nan, 1e-300, -1e-9]).astype(dtype)
    x, y = (a.ravel() for a in np.meshgrid(values, values))
    with np.errstate(all="ignore"):
        expected = np.logaddexp(x, y)
    np.testing.assert_allclose(call(compiled, name, x, y), expected, rtol=4 * np.finfo(dtype).eps)


def test_every_loop_is_one_of_vector_instructions(compiled):
    _, printed, text = compiled
    lines = text.splitlines()
    wanted = {i + 2 for i, line in enumerate(lines, 1) if line.startswith("void loop_") and "tg_pow" not in line}
    found = {int(line.split(":")[1]) for line in printed.splitlines() if "vectorized" in line}
    assert wanted <= found


def test_large_arguments_of_sine_and_cosine_are_found():
    assert polynomials.NEAR == {"": 2.0**20, "f": 2.0**46}


def test_an_unknown_name_is_an_error_that_lists_the_known_ones():
    with pytest.raises(ValueError, match="no C text of tg_gamma; there is tg_arccos, "):
        polynomials.prelude(["tg_gamma", "tg_exp"])


def test_a_loop_with_sines_becomes_three_of_which_one_checks_and_one_of_two_runs():
    body = ["const float x0 = x[i];", "const float y = tg_sinf((float)(x0 + g(2)));", "x[i] = y * tg_cosf(x0);"]
    loop = lambda lines: ["for {", *lines, "}"]
    near = [line.replace("sinf", "sin_nearf").replace("cosf", "cos_nearf") for line in body]
    check = [near[0], near[1], "far |= tg_farf((float)(x0 + g(2)));", "far |= tg_farf(x0);"]
    lines = ["{", "int64_t far = 0;", *loop(check), "if (far) {", *loop(body), "} else {", *loop(near), "}", "}"]
    assert [line.strip() for line in guarded(body, loop)] == lines
    assert guarded(body[:1], loop) == loop(body[:1])


def test_the_text_of_sine_comes_with_what_such_loops_call():
    text = polynomials.prelude(["tg_sinf", "tg_tan"])
    assert all(f" {name}(" in text for name in ("tg_sinf", "tg_sin_nearf", "tg_farf", "tg_tan"))
    assert " tg_cosf(" not in text


@pytest.mark.parametrize(("dtype", "limit"), [(np.float64, 2.0**20), (np.float32, 2.0**46)])
def test_recorded_sines_of_near_and_far_arguments_are_those_of_numpy(dtype, limit):
    def f(x, y):
        np.multiply(np.sin(x), 2, out=y)  # in place, in the memory of an argument
        return np.sum(np.cos(x) * y + np.sin(x + 1)), np.sum(np.sin(x[:3] * 2)), y * 1

    jitted, rng = tg.jit(f, backend="c"), np.random.default_rng(5)
    x, y = rng.uniform(-9, 9, (2, 900)).astype(dtype)
    for place, value in [(0, 3), (0, limit), (300, 3 * limit), (899, -1e30), (17, np.nan)]:
        x[place] = value
        found, expected = jitted(x, y.copy()), f(x, y.copy())
        for a, b in zip(found, expected, strict=True):
            np.testing.assert_allclose(
                a, b, rtol=4e-6 if dtype == np.float32 else 4e-14, atol=1e-5 * (dtype == np.float32)
            )
    assert jitted.cache_info().misses == 1


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", ["tg.erf", "tg.sigmoid", "scipy.special.erf", "scipy.special.expit"])
def test_erf_and_sigmoid_of_users_are_within_2_ulp(name, dtype):
    special = pytest.importorskip("scipy.special")
    module, function = name.rsplit(".", 1)
    f = getattr(tg if module == "tg" else special, function)
    rng = np.random.default_rng(6)
    x = np.concatenate([rng.uniform(-0.7, 0.7, 700), rng.normal(0, 3, 300), [0.46875, 0.5, -0.5, 6, -20]]).astype(dtype)
    jitted = tg.jit(lambda x: f(x) * 1, backend="c", check=False)
    jitted(x)
    results = [jitted(x)]
    assert "ufunc(" not in jitted.plan
    if module == "tg" and dtype is np.float64:
        results.append(f(x))  # NumPy's exp of float32 is not as accurate
    with mpmath.workprec(100):
        values = [(mpmath.erf if function == "erf" else EXACT["sigmoid"])(mpmath.mpf(float(a))) for a in x]
        for y in results:
            far = [float(abs(mpmath.mpf(float(a)) - b)) for a, b in zip(y, values, strict=True)]
            assert np.max(far / np.spacing(np.abs(np.array(values, dtype)))) < 2
    ends = np.resize(np.array([0.0, -0.0, np.inf, -np.inf, np.nan], dtype), x.shape)
    y = jitted(ends)
    np.testing.assert_array_equal(y, f(ends), strict=True)
    np.testing.assert_array_equal(np.signbit(y)[:4], np.signbit(f(ends))[:4])
    assert jitted.cache_info().misses == 1
