"""Arguments of several dtypes: a gradient has the digits of the result, also beside constants that have fewer."""

import operator

import numpy as np
import pytest
from hypothesis import given
from scipy import special
from strategies import drawn, seeds

import tinygrad_edu as tg

UNEVEN = np.arange(4) * np.array([0.9, 1.0, 1.1, 1.3])
FUNCTIONS = {
    "power": np.power, "operator": operator.pow, "float_power": np.float_power, "xlogy": special.xlogy,
    "xlog1py": special.xlog1py, "boxcox": special.boxcox, "powm1": special.powm1, "owens_t": special.owens_t,
    "tg.xlogy": tg.special.xlogy, "tg.xlog1py": tg.special.xlog1py, "betaln": tg.special.betaln,
    "logsumexp": lambda a, b: tg.special.logsumexp(a, b=b), "polyval": np.polyval,
    "interp": lambda x, y: np.interp(x, UNEVEN.astype(x.dtype), y), "trapezoid": np.trapezoid,
    "gradient": lambda x, y: np.gradient(y, x),
    "average": lambda a, b: np.average(a, weights=b),
    "fftconvolve": tg.signal.fftconvolve, "gaussian_nll_loss": lambda a, b: tg.gaussian_nll_loss(a, a, b),
    "cosine_similarity": lambda a, b: tg.cosine_similarity(a, b, axis=0), "cross_entropy": tg.binary_cross_entropy,
    "lstsq": lambda a, b: np.linalg.lstsq(np.stack([a, a[::-1]], 1), b)[0], "gamma": tg.stats.gamma.logpdf,
    "weibull": tg.stats.weibull_min.pdf, "norm": lambda a, b: tg.stats.norm.logpdf(a, scale=b),
    "normal": lambda a, b: tg.stats.multivariate_normal.logpdf(a, 0.0, b),
    "dirichlet": lambda a, b: tg.stats.dirichlet.logpdf(a, b), "einsum": lambda a, b: einsum(a, b),
}  # fmt: skip


def einsum(a, b):
    return np.einsum("i,j,i,j->i", a, a, b, b, optimize=True)


def gradients(f, args, i):
    """The value of f, where argument i alone takes a gradient, and its gradient."""
    args = [tg.Tensor(a) if k == i else a for k, a in enumerate(args)]
    y = f(*args)
    y.backward(np.ones(y.shape))
    return y.data, args[i].grad


@pytest.mark.parametrize("f", FUNCTIONS.values(), ids=FUNCTIONS)
@drawn(3, 100)
@given(seeds)
def test_few_digits_of_a_constant_leave_all_digits_of_the_gradient(f, seed):
    a, b = np.random.default_rng(seed).uniform(0.2, 0.8, (2, 4))
    for kind in (np.float16, np.float32):
        for i in range(2):
            args = [x if k == i else x.astype(kind) for k, x in enumerate((a, b))]
            if (f is FUNCTIONS["gradient"] and i == 0) or (f is FUNCTIONS["lstsq"] and kind is np.float16):
                continue  # NumPy's slopes have the dtype of the samples, and its solvers refuse float16
            for of_few, of_all in zip(
                gradients(f, args, i), gradients(f, [np.float64(x) for x in args], i), strict=True
            ):
                np.testing.assert_allclose(of_few, of_all, rtol=1e-9, atol=1e-11)
                assert of_few.dtype == np.float64


@pytest.mark.parametrize("kind", [np.float16, np.float32])
@pytest.mark.parametrize("fun", [np.power, operator.pow, special.xlogy, tg.special.xlogy])
def test_a_tensor_of_few_digits_leaves_all_digits_of_others_gradients(fun, kind):
    a, b = tg.Tensor(np.array([1.3, 1.7], kind)), tg.Tensor([1.2, 0.7])
    fun(a, b).sum().backward(create_graph=True)
    both = [np.float64(a.data), b.data]
    exact = [tg.grad(lambda *args: fun(*args).sum(), argnums=i)(*both) for i in range(2)]
    np.testing.assert_allclose(b.grad.data, exact[1], rtol=1e-14)
    np.testing.assert_array_equal(a.grad.data, exact[0].astype(kind), strict=True)
    second, of_wide = (tg.hessian(lambda b, a=a: fun(a, b).sum())(b.data) for a in (a.detach(), both[0]))
    np.testing.assert_allclose(second, of_wide, rtol=1e-14)


@pytest.mark.parametrize("kind", [np.bool_, np.uint8, np.int8, np.uint16, np.uint64])
@pytest.mark.parametrize(
    "name", ["bernoulli", "binom", "geom", "poisson", "pareto", "gamma", "t", "weibull_min", "norm"]
)
def test_distributions_take_small_and_unsigned_integers_as_floats(name, kind):
    """-n of an unsigned integer is a large number, and the logarithm of one of 8 bits has three digits."""
    d = getattr(tg.stats, name)
    n = np.full(2, 1 if kind is np.bool_ else 3, kind)
    is_discrete = hasattr(d, "logpmf")
    shapes = [n] * (len(d.shapes) - is_discrete)

    def log_density(x, *integers):
        if is_discrete:
            return d.logpmf(integers[0], *integers[2:], x / 10).sum()
        return d.logpdf(x, *integers[2:], integers[1], integers[0]).sum()

    of_small, of_wide = (
        tg.value_and_grad(log_density)(np.array([3.7, 4.1]), *integers)
        for integers in ([n, n * 0, *shapes], [a * 1.0 for a in (n, n * 0, *shapes)])
    )
    np.testing.assert_array_equal(of_small[0], of_wide[0])
    np.testing.assert_array_equal(of_small[1], of_wide[1])


def test_einsum_that_multiplies_constants_first_is_that_of_floats():
    a, b = np.array([[True, True], [True, False]]), np.full((2, 2), 100, np.int8)
    for c in (a, b):
        of_small, of_wide = (
            tg.grad(lambda x, c=c: np.einsum("ij,jk,kl->", c, c, x, optimize=True))(np.ones((2, 2)))
            for c in (c, c * 1.0)
        )
        np.testing.assert_array_equal(of_small, of_wide)


@pytest.mark.parametrize("label_smoothing", [0.0, 0.3])
def test_cross_entropy_beside_probabilities_of_few_digits_is_exact(label_smoothing):
    logits, p = np.array([[0.3, -0.2, 0.9]]), np.array([[0.25, 0.125, 0.625]], np.float16)
    of_few, of_all = (
        tg.grad(lambda x, p=p: tg.cross_entropy(x, p, label_smoothing=label_smoothing))(logits)
        for p in (p, np.float64(p))
    )
    np.testing.assert_allclose(of_few, of_all, rtol=1e-14)
