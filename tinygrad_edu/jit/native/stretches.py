"""The stretches of a program: calls in a row that have a C form, where they are enough to be worth a C function."""

from collections.abc import Mapping, Sequence

from ...trace.ir import Call, Guard, Program
from .access import rearranges
from .decompose import RULES
from .forms import has_form, has_guard_form

FEW = 6  # calls about numbers that are not worth a C function
Guards = Mapping[int, Sequence[Guard]]  # by the call after which they can be checked


def divide(calls: Sequence[Call], guards: Guards) -> list[tuple[int, int]]:
    """Return the stretches as (first call, call after the last): a guard that stays in Python ends one."""
    found: list[tuple[int, int]] = []
    start: int | None = None
    for i, call in enumerate([*calls, None]):
        native = call is not None and has_form(call)
        if native and start is None:
            start = i
        if start is not None and not (native and all(map(has_guard_form, guards.get(i, ())))):
            stop = i + native
            if is_worth_it(calls[start:stop]):
                found.append((start, stop))
            start = None
    return found


def is_worth_it(calls: Sequence[Call]) -> bool:
    """Whether a stretch is faster than NumPy calls: views cost nothing there, and a few numbers next to nothing."""
    made = [call for call in calls if not rearranges(call)]
    return len(made) >= FEW or any(v.size > 1 for call in made for v in (call.out, *call.uses))


def pays(program: Program) -> bool:
    """Whether most of a program's calls have a C form, so that compiling it is worth the time it takes."""
    made = [call for call in program.calls if not rearranges(call)]
    known = sum(has_form(call) or call.fun in RULES for call in made)
    return known >= 2 * FEW and known >= 0.8 * len(made)
