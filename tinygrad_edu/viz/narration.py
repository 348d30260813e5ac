"""The sentences that explain a step: why its node comes now, how contributions add up, and what is special."""

from collections import Counter
from collections.abc import Sequence

from .steps import Number
from .values import SMALL, brief


def why(y: str, g: Number, users: Sequence[str], is_root: bool) -> str:
    """Say why node `y` passes its gradient on now: `users`, the operations that use it, have done so before."""
    if is_root:
        return f"The backward pass starts at the root: d {y} / d {y} = {brief(g)}."
    if len(set(users)) == 1:
        return f"{y} comes now: {users[0]}, the only operation that uses it, has passed its gradient on."
    return f"{y} comes now: all operations that use it ({_listed(users)}) have passed their gradients on."


def adds(x: str, contributions: Sequence[Number], users: Sequence[str], total: Number) -> str:
    """Say how the contributions to `x` so far add up; nothing if `x` is used once."""
    n, uses = len(contributions), len(users)
    if uses == 1:
        return ""
    if n == 1:
        return (
            f"{x} is used {uses} times (by {_listed(users)}). A change of {x} affects the root through each use, and "
            f"the effects add up: {x} gets {uses} contributions, and this is the first."
        )
    shown = slice(0 if n <= SMALL else n - 2, n)
    terms = [f"{brief(r)} (from {y})" for r, y in zip(contributions[shown], users[shown], strict=True)]
    if n > SMALL:
        terms.insert(0, "…")
    state = f"all {uses} have arrived, so the gradient is complete." if n == uses else f"{uses - n} more to come."
    return f"Contribution {n} of {uses} to {x}: {' + '.join(terms)} = {brief(total)}; {state}"


def remark(recorded: bool, rule_shape: tuple[int, ...], shape: tuple[int, ...]) -> str:
    """Say whether broadcasting was undone, and whether the rule is shown by its source instead of recorded."""
    remarks = []
    if rule_shape != shape:
        remarks.append(
            f"Summed over the axes that broadcasting added or stretched: shape {rule_shape} becomes {shape}."
        )
    if not recorded:
        remarks.append("This rule works on plain arrays only and cannot be recorded, so its source is shown.")
    return " ".join(remarks)


def _listed(users: Sequence[str]) -> str:
    counts = Counter(users)
    texts = [y if n == 1 else f"{y} {'twice' if n == 2 else f'{n} times'}" for y, n in counts.items()]
    if len(texts) > SMALL:
        texts = [*texts[: SMALL - 1], f"{len(texts) - SMALL + 1} others"]
    return ", ".join(texts)
