"""Cases for the parts of complex numbers, each a function of real numbers."""

import numpy as np
from strategies import unary

from tinygrad_edu.engine.rules import complex_numbers

Z = 0.8 + 1.7j

CASES = {
    np.conjugate: unary(np.conjugate),
    np.real: unary(lambda x: np.real(x * Z)),
    np.real_if_close: unary(np.real_if_close),
    complex_numbers.imaginary: unary(lambda x: complex_numbers.imaginary(np.exp(x * Z))),
    complex_numbers.phase: unary(lambda x: complex_numbers.phase(x + Z)),
}
