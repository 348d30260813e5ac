"""The end of a plan: what it returns, and what it stores in external arrays, attributes and gradients."""

from __future__ import annotations

import numpy as np

from ..engine.tape import constant
from ..engine.tensor import Tensor
from ..trace.ir import Call, Result, Setting, Var
from .emitter import Emitter
from .memory import is_view


def emit_results(emitter: Emitter) -> None:
    """Add the lines that store what the function changes, and return its result."""
    for v in emitter.program.outputs():
        emitter.ref(v)
    writer = ResultWriter(emitter)
    result = writer.returned(emitter.program.result)  # copies what is returned before anything is stored
    for line in (*writer.stores(), *writer.gradients(), f"return {result}"):
        emitter.emit(line, "update")


class ResultWriter:
    """What is returned or stored, and who owns each array from then on."""

    def __init__(self, emitter: Emitter) -> None:
        self.emitter = emitter
        self.returned_bases: set[Var] = set()  # new arrays that the caller or a Tensor owns
        self.gradient_buffers: list[np.ndarray] = []  # arrays of the layout that Tensors have for their gradients

    def stores(self) -> list[str]:
        """Return the lines that store values, after those that copy what another store would change."""
        emitter, layout, program = self.emitter, self.emitter.layout, self.emitter.program
        written = {target for target, value in program.stores if value not in layout.direct}
        lines = []
        for target, value in program.stores:
            source, text = target.source, emitter.locations[value].text
            if isinstance(source, Setting):
                lines.append(f"{emitter.name(source.owner, 'o')}.{source.attribute} = {text}")
            elif value not in layout.direct:
                text = emitter.copied(text) if layout.base(value) in written else text
                lines.append(f"{emitter.locations[target].text}[...] = {text}")
        return lines

    def gradients(self) -> list[str]:
        """Return the lines that set the gradients of Tensors."""
        emitter = self.emitter
        lines = []
        fixed: list[tuple[Tensor, np.ndarray]] = []  # those that are the same array at every call
        for x, g in emitter.program.grads:
            text = "None" if g is None else self.owned(g)
            location = None if g is None else emitter.locations[g]
            if (
                location is not None and location.array is not None and text == location.text
                and id(x) not in emitter.captured.given
            ):  # fmt: skip
                fixed.append((x, location.array))
            else:
                lines.append(f"{emitter.tensor(x)}._grad = {text}")
        return [*lines, f"{emitter.fun(set_gradients)}({emitter.name(fixed, 'grads')})"] if fixed else lines

    def owned(self, v: Var) -> str:
        """Write an array that a Tensor owns from then on; what something else owns is copied."""
        base, location = self.emitter.layout.base(v), self.emitter.locations[v]
        if v.shape == ():
            return f"{self.emitter.fun(np.array)}({location.text})"
        shared = not isinstance(base.source, Call) or base in self.returned_bases or _overlaps(v)
        if location.array is not None:
            shared = shared or any(np.may_share_memory(location.array, other) for other in self.gradient_buffers)
            self.gradient_buffers.append(location.array)
        elif not shared:
            self.returned_bases.add(base)
        return f"{location.text}.copy()" if shared else location.text

    def returned(self, value: object) -> str:
        """Write the result, or a part of it."""
        emitter = self.emitter
        if isinstance(value, Result):
            text = self.returned_array(value.var)
            return f"{emitter.fun(constant)}({emitter.fun(Tensor)}, {text})" if value.kind == "tensor" else text
        if isinstance(value, (tuple, list, dict)):
            return emitter.container(value, self.returned)
        return emitter.ref(value)

    def returned_array(self, v: Var) -> str:
        """Write an array that the caller owns from then on; what belongs to the plan or to something else is copied."""
        base, location = self.emitter.layout.base(v), self.emitter.locations[v]
        if v.shape == () and isinstance(v.source, Call):
            return location.text
        if isinstance(base.source, Call) and location.array is None and base not in self.returned_bases:
            self.returned_bases.add(base)
        elif v.dtype is not None:
            return self.emitter.copied(location.text)
        return location.text


def set_gradients(gradients: list[tuple[Tensor, np.ndarray]]) -> None:
    """Give each Tensor its gradient."""
    for tensor, array in gradients:
        tensor._grad = array


def _overlaps(v: Var) -> bool:
    """Whether several elements of v may have the same place in memory."""
    while isinstance(v.source, Call) and is_view(v.source):
        if v.source.fun is np.broadcast_to:
            return True
        v = v.source.args[0]
    return False
