"""NumPy functions that pass no gradient back: those for text, dates and bits, and for files."""

import numpy as np

from .registry import nondifferentiable, refused

nondifferentiable(
    np.array2string, np.array_repr, np.array_str,
    np.save, np.savetxt, np.savez, np.savez_compressed,
    np.printoptions, np.get_printoptions, np.set_printoptions,
)

refused("it works on text, and Tensors hold numbers; pass strings", "numpy.strings", "numpy.char")
refused("it looks for missing dates, and Tensors hold numbers; np.isnan looks for missing numbers", np.isnat)
refused(
    "it works on dates, and Tensors hold real numbers; pass datetime64 arrays",
    np.busday_count, np.busday_offset, np.is_busday, np.datetime_as_string,
)
refused(
    "it works on integers, and Tensors hold floating-point numbers; convert with .astype(int), which gives an array",
    np.bitwise_and, np.bitwise_or, np.bitwise_xor, np.invert, np.left_shift, np.right_shift, np.bitwise_count,
    np.gcd, np.lcm,
)
refused(
    "it works on the bits of integers, and Tensors hold real numbers; pass x.data.astype(int)",
    np.packbits, np.unpackbits,
)
