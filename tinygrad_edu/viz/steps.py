"""The records of an explanation: what the forward pass computed, and what each step of the backward pass adds."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Number = float | np.generic | NDArray[Any]  # the value or gradient of a Value, or of a Tensor


@dataclass(frozen=True, slots=True, eq=False)  # == of arrays is an array
class Record:
    """A node of the forward pass; `operation` and `numbers` are its call, in names and in values ("" for a leaf)."""

    name: str
    value: Number
    operation: str = ""
    numbers: str = ""


@dataclass(frozen=True, slots=True, eq=False)  # == of arrays is an array
class Step:
    """One contribution: `node`, whose gradient `g` is complete, passes its share on to `to`, one of its arguments.

    `rule` is the formula of the share in the rule's own names, and `numbers` the same with values (or ""). `local` is
    the derivative of `node` with respect to `to`, or None if that is a Jacobian matrix, which is never computed.
    `total` is the gradient of `to` after this step, which is contribution `number` of `of`. In words, `why` says why
    `node` comes now (on its first step), `adds` how several contributions add up, and `remark` what is special here.
    """

    node: str
    operation: str
    g: Number
    to: str
    rule: str
    numbers: str
    local: Number | None
    contribution: Number
    total: Number
    number: int
    of: int
    why: str = field(default="", repr=False)
    adds: str = field(default="", repr=False)
    remark: str = field(default="", repr=False)
