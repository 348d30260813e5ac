"""Beyond the table: what NumPy has that no gradient goes through, from pictures of arrays to calendars."""

import numpy as np

from .registry import nondifferentiable, refused

nondifferentiable(
    np.array2string, np.array_repr, np.array_str,
    np.save, np.savetxt, np.savez, np.savez_compressed,
)

refused(
    "Fourier transforms give complex numbers, and Tensors are real; as sums of cosines and sines (x @ np.cos(...)) "
    "they have rules",
    "numpy.fft",
)
refused("it is for strings, and Tensors hold numbers; hand over text", "numpy.strings", "numpy.char")
refused(
    "it is for dates, and Tensors hold real numbers; hand over datetime64 arrays",
    np.busday_count, np.busday_offset, np.is_busday, np.datetime_as_string,
)
refused(
    "it works on the bits of whole numbers, and Tensors are real; hand over x.data.astype(int)",
    np.packbits, np.unpackbits,
)
