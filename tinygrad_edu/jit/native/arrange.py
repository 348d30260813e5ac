"""The order of a program's calls that leaves the fewest stretches.

Calls that stay in Python are made as early as they can be, and those in C as long as there are any; calls that can
fail, and those that guards need, still come before updates. Random numbers are drawn in their order.
"""

from ...trace.ir import Call, Program, Var, variables
from ..effects import can_raise
from ..memory import schedule
from .forms import has_form, has_guard_form


def arrange(program: Program) -> int:
    """Put the calls into that order; return the first call after all that can fail."""
    middle = schedule(program)
    known = {call for call in program.calls if has_form(call)}
    inner = {v for guard in program.guards if not has_guard_form(guard) for v in variables(guard.args)}
    early, late = program.calls[:middle], program.calls[middle:]
    # What stays in Python and needs no stretch is computed first.
    ready: set[Var] = set()
    made_by = {call.out: call for call in program.calls}
    python: list[Call] = []
    for call in program.calls:
        if (
            call not in known
            and not call.draws
            and not can_raise(call)
            and all(v not in made_by or v in ready for v in call.uses)
        ):
            ready.add(call.out)
            python.append(call)
    moved = set(python)
    program.calls = [
        *python, *clustered([c for c in early if c not in moved], known, inner, ready),
        *clustered([c for c in late if c not in moved], known, inner, ready | {c.out for c in early}),
    ]  # fmt: skip
    guarded = inner.union(*[variables(guard.args) for guard in program.guards])
    last = max([i for i, c in enumerate(program.calls) if can_raise(c) or c.out in guarded], default=-1)
    return last + 1 if program.stores or program.grads else 0


def clustered(calls: list[Call], known: set[Call], inner: set[Var], ready: set[Var]) -> list[Call]:
    """Order calls so that those of one kind follow each other: all in C that can be computed, then all in Python."""
    own = {call.out for call in calls}
    done: set[Var] = set()
    ordered: list[Call] = []
    left = calls
    native = False
    while left:
        chosen, later = [], []
        blocked = False  # calls in Python keep their order
        for call in left:
            waits = any(v in own and v not in done for v in call.uses)
            fits = (call in known) is native and not waits and not (blocked and not native)
            if fits:
                chosen.append(call)
                done.add(call.out)
            else:
                later.append(call)
                blocked = blocked or call not in known
        ordered += chosen
        left, native = later, not native
    return ordered
