"""Tables and columns of pandas, polars and their like, which are taken as the arrays that they hold."""

from typing import Any

import numpy as np


def from_table(x: Any) -> Any:
    """Return a table or a column, which is an object with a method `to_numpy`, as an array; anything else as it is.

    Columns of different types, such as integers and booleans, make one array of numbers. Where that is impossible, as
    with text or missing values, the dtype is object.
    """
    if type(x) is np.ndarray or not hasattr(x, "to_numpy"):
        return x
    array = np.ascontiguousarray(x.to_numpy())  # tables keep columns, and sums round by the order in memory
    if array.dtype != object:
        return array
    numbers = array.size and all(isinstance(v, (int, float, np.number, np.bool_)) for v in array.flat)
    return np.array(array.tolist()) if numbers else array
