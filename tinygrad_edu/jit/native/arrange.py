"""The order of a program's calls that leaves the fewest stretches.

Calls that stay in Python are made as early as they can be, and those in C as long as there are any; calls that can
fail, and those that guards need, still come before updates. Random numbers are drawn in their order.
"""

from ...trace.ir import Call, Program, variables
from ..effects import can_raise
from ..memory import schedule
from .forms import has_form


def arrange(program: Program) -> int:
    """Put the calls into that order; return the first call after all that can fail."""
    middle = schedule(program)
    known = {call for call in program.calls if has_form(call)}
    # What stays in Python and needs no stretch is computed first.
    waiting = {call.out for call in program.calls}
    first: list[Call] = []
    for call in program.calls:
        if call not in known and not call.draws and not can_raise(call) and waiting.isdisjoint(call.uses):
            waiting.remove(call.out)
            first.append(call)
    parts = program.calls[:middle], program.calls[middle:]
    early, late = ([call for call in part if call.out in waiting] for part in parts)
    program.calls = [*first, *clustered(early, known), *clustered(late, known)]
    guarded = {v for guard in program.guards for v in variables(guard.args)}
    last = max([i for i, c in enumerate(program.calls) if can_raise(c) or c.out in guarded], default=-1)
    return last + 1 if program.stores or program.grads else 0


def clustered(calls: list[Call], known: set[Call]) -> list[Call]:
    """Order calls so that those of one kind follow each other: all in C that can be computed, then all in Python."""
    waiting = {call.out for call in calls}
    ordered: list[Call] = []
    native = False
    while calls:
        later: list[Call] = []
        blocked = False  # calls in Python keep their order
        for call in calls:
            if (call in known) is native and waiting.isdisjoint(call.uses) and not blocked:
                waiting.remove(call.out)
                ordered.append(call)
            else:
                later.append(call)
                blocked = blocked or not (native or call in known)
        calls, native = later, not native
    return ordered
