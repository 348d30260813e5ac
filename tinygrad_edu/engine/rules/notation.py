"""How operators are written: in printed programs, formulas and pictures."""

import operator

import numpy as np

from .floats import real_power
from .registry import Function

INFIX: dict[Function, tuple[str, int]] = {  # symbol, and how strongly it binds in Python
    np.less: ("<", 1), np.less_equal: ("<=", 1), np.greater: (">", 1), np.greater_equal: (">=", 1),
    operator.lt: ("<", 1), operator.le: ("<=", 1), operator.gt: (">", 1), operator.ge: (">=", 1),
    np.equal: ("==", 1), np.not_equal: ("!=", 1), operator.eq: ("==", 1), operator.ne: ("!=", 1),
    np.bitwise_or: ("|", 2), np.bitwise_xor: ("^", 3), np.bitwise_and: ("&", 4),
    np.add: ("+", 5), operator.add: ("+", 5),
    np.subtract: ("-", 5), operator.sub: ("-", 5),
    np.multiply: ("*", 6), operator.mul: ("*", 6),
    np.divide: ("/", 6), operator.truediv: ("/", 6),
    np.floor_divide: ("//", 6), operator.floordiv: ("//", 6),
    np.remainder: ("%", 6), operator.mod: ("%", 6),
    np.matmul: ("@", 6),
    np.power: ("**", 8), operator.pow: ("**", 8), real_power: ("**", 8),
}
PREFIX: dict[Function, tuple[str, int]] = {
    np.negative: ("-", 7), operator.neg: ("-", 7), np.positive: ("+", 7), operator.pos: ("+", 7),
    np.invert: ("~", 7),
}
