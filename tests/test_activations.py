"""The error function: a single wrong digit in its rational approximations would show here."""

import numpy as np
import pytest

from tinygrad_edu.engine.rules.activations import erf


def test_erf_equals_that_of_scipy_up_to_rounding():
    special = pytest.importorskip("scipy.special")
    x = np.concatenate([np.linspace(-7, 7, 10_001), np.geomspace(1e-300, 1, 100), [0.0, np.inf, -np.inf, np.nan]])
    np.testing.assert_allclose(erf(x), special.erf(x), rtol=1e-15)
    assert np.signbit(erf(np.array([-0.0])))[0]
