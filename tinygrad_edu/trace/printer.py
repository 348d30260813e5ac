"""The program as NumPy that a person reads: one function, its parts in order, each under the line it comes from.

The text needs `import numpy as np` and nothing else. Its arguments are what the recorded function was given and what
it found outside (parameters, optimizer state, the learning rate), by their names; arrays are changed in place as the
function changes them, and changed numbers are returned after the result.
"""

from __future__ import annotations

import inspect
import linecache
import textwrap
from collections.abc import Callable, Iterator
from pathlib import PurePath
from typing import Any

import numpy as np

from ..engine.errors import written
from ..engine.rules import implementations
from ..engine.rules.finite import has_nan
from ..engine.rules.indexing import setitem
from .captured import Captured
from .expressions import INFIX, Expressions
from .functional import add_at, put_along_axis
from .ir import Call, Constant, Program, Result, Setting, Var, use_counts, variables

WIDTH = 100
WRITES: dict[Any, str] = {
    setitem: "{0}[{1}] = {2}",
    add_at: "np.add.at({0}, {1}, {2})",
    put_along_axis: "np.put_along_axis({0}, {1}, {2}, {3})",
}


class Source(Expressions):
    """The text of a program, and the values that it runs on."""

    def __init__(self, program: Program, found: Captured, fun: Callable[..., Any], title: str) -> None:
        self.program, self.found = program, found
        self.title = title if title.isidentifier() else "f"
        super().__init__({}, {"np", self.title})
        self.lines: list[str] = []
        self.place: Any = None
        self.arguments(fun)
        self.body()

    def arguments(self, fun: Callable[..., Any]) -> None:
        """Names for all that comes from outside."""
        paths = list(_paths(fun, self.found.args, self.found.kwargs))
        for v in self.program.inputs:
            self.names[v] = self.new(paths[v.source.place])
        tensors: dict[int, str] = {}
        for v in self.program.states:
            if v.source.kind == "data":
                self.names[v] = tensors[id(v.source.owner)] = self.new(v.name or "p")
        for v in self.program.states:
            if v.source.kind != "data":
                self.names[v] = self.new(self.state(v, tensors))
        for v in self.program.settings:
            self.names[v] = self.new(v.source.attribute)
        self.values = {name: v.example for v, name in self.names.items()}
        self.tensors = tensors

    def state(self, v: Var, tensors: dict[int, str]) -> str:
        """The name of an array that is not a Tensor's data: of a parameter's moments, or of its gradient."""
        kind, _, i = v.source.kind.partition(".")
        owner = v.source.owner
        if i:
            p = owner.params[int(i)]
            return f"{tensors.get(id(p), f'p{i}')}_{kind}"
        return f"{tensors.get(id(owner), 'p')}_{kind}"

    # Statements
    def body(self) -> None:
        """A statement for each call, or for several where one is used by the next alone."""
        program = self.program
        counts = use_counts(program.calls, program.outputs())
        users: dict[Var, Call] = {v: c for c in program.calls for v in c.uses}  # the last of them
        place = {call: i for i, call in enumerate(program.calls)}
        targets = {value: target for target, value in program.stores if not isinstance(value.source, Constant)}
        grads = {g: x for x, g in program.grads if g is not None}
        kept = set(program.outputs())
        written = dict.fromkeys([target for target, _ in program.stores], len(place))  # when each is written into
        asked = {*variables(program.result), *[value for _, value in program.stores]}  # at the end
        for value, target in targets.items():
            at = place.get(value.source, len(place))
            if target not in asked and (target not in users or place[users[target]] <= at):
                written[target] = at
        reads: dict[Var, set[Var]] = {}  # what is written into sometime, and read in an expression
        phase = ""
        n = {"forward": 0, "backward": 0, "update": 0}
        for i, call in enumerate(program.calls):
            out = call.out
            target = targets.get(out)
            user = users.get(out)
            read = {v for v in call.uses if v in written}.union(*[reads.get(v, ()) for v in call.uses])
            if (
                counts.get(out) == 1 and out not in kept and user is not None
                and (call.fun in (np.transpose, np.reshape) or (user.line == call.line and user.phase == call.phase))
                and call.fun not in WRITES and user.fun not in WRITES and not call.draws
                and all(written[v] >= place[user] for v in read)
            ):  # fmt: skip
                self.text[out] = self.call(call)
                if len(self.text[out][0]) <= WIDTH // 2:
                    reads[out] = read
                    continue
                del self.text[out]
            if call.phase != phase:
                phase = call.phase
                self.lines += ["", f"# {phase}"]
                self.place = None
            self.comment(call)
            if target is not None and written[target] == i:
                self.store(target, call)
                continue
            hint = (
                f"{self.tensors.get(id(grads[out]), 'p')}_grad"
                if out in grads
                else {"forward": "v", "backward": "g"}.get(phase, "u")
            )
            if out not in grads:
                n[phase] += 1
                hint += str(n[phase])
            self.statement(self.new(hint), call)
        late = [target for target, at in written.items() if at == len(place)]
        self.end(late, [v for v in late if v in asked])

    def statement(self, name: str, call: Call) -> None:
        """`name = ...`."""
        if call.fun in WRITES:
            x = call.args[0]
            zeros = isinstance(x.source, Constant) and not np.any(x.source.array)
            start = self.constant(x) if zeros and x not in self.names else f"np.array({self.expression(x)})"
            self.lines.append(f"{name} = {start}")
            rest = [self.expression(a) for a in call.args[1:]]
            if isinstance(call.args[1], tuple) and call.fun is not put_along_axis and call.args[1]:
                rest[0] = ", ".join(map(self.expression, call.args[1]))
                if call.fun is add_at:
                    rest[0] = f"({rest[0]}{',' if len(call.args[1]) == 1 else ''})".replace("(:", "(slice(None)")
            self.lines.append(WRITES[call.fun].format(name, *rest))
        else:
            self.lines.append(f"{name} = {self.call(call)[0]}")
        self.names[call.out] = name

    def store(self, target: Var, call: Call) -> None:
        """What ends in an array outside is written there at once, where nobody needs its old elements any more."""
        name = self.names[target]
        symbol = INFIX.get(call.fun, ("",))[0]
        if symbol in ("+", "-", "*", "/") and call.args[0] is target:
            self.lines.append(f"{name} {symbol}= {self.expression(call.args[1])}")
        elif isinstance(target.source, Setting):
            self.lines.append(f"{name} = {self.call(call)[0]}")
        elif call.fun in WRITES:
            self.statement(self.new(f"{name}_new"), call)
            self.lines.append(f"{name}[...] = {self.names[call.out]}")
        else:
            self.lines.append(f"{name}[...] = {self.call(call)[0]}")
        self.names[call.out] = name

    def comment(self, call: Call) -> None:
        """The user's line that a group of calls comes from."""
        if call.line != self.place and call.line is not None:
            self.place = call.line
            text = linecache.getline(*call.line).strip()
            if text:
                self.lines.append(f"# {PurePath(written(call.line)).name}  {text}"[:WIDTH])

    def end(self, late: list[Var], asked: list[Var]) -> None:
        """What is left to be stored, and the result; for which some of it is asked as it was."""
        program = self.program
        names = self.names.copy()
        for v in asked:
            text = names[v] if isinstance(v.source, Setting) else f"np.array({names[v]})"
            self.names[v] = self.new(f"old_{names[v]}")
            self.lines.append(f"{self.names[v]} = {text}")
        for target, value in program.stores:
            if target in late:
                whole = "" if isinstance(target.source, Setting) else "[...]"
                self.lines.append(f"{names[target]}{whole} = {self.expression(value)}")
        numbers = [names[target] for target, _ in program.stores if isinstance(target.source, Setting)]
        for guard in program.guards:
            if guard.predicate is not has_nan:
                predicate = implementations.get(guard.predicate, guard.predicate).__name__
                given = ", ".join(map(self.expression, guard.args))
                self.lines.append(f"# jit makes sure that {predicate}({given}) is {guard.answer}")
        result = self.returned(program.result)
        if numbers:
            result += f", {{{', '.join(f'{n!r}: {n}' for n in numbers)}}}"
        self.lines.append(f"return {result}")
        head = f"def {self.title}({', '.join(self.values)}):"
        lines = "\n".join([line.rstrip() for line in self.lines]).strip("\n")
        self.whole = f"import numpy as np\n\n\n{head}\n{textwrap.indent(lines, '    ')}\n"

    def returned(self, value: Any) -> str:
        """The result, with its lists, tuples and dicts."""
        if isinstance(value, Result):
            return self.expression(value.var)
        if isinstance(value, (list, tuple)):
            inside = ", ".join(map(self.returned, value))
            return f"[{inside}]" if isinstance(value, list) else f"({inside}{',' if len(value) == 1 else ''})"
        if isinstance(value, dict):
            return f"{{{', '.join(f'{k!r}: {self.returned(v)}' for k, v in value.items())}}}"
        return repr(value) if isinstance(value, (bool, int, float, str, type(None))) else self.outside(value, "result")


def _paths(fun: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Iterator[str]:
    """A name for every leaf of the arguments."""
    try:
        parameters = list(inspect.signature(fun).parameters.values())
    except (TypeError, ValueError):
        parameters = []
    names = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    rest = next((p.name for p in parameters if p.kind is p.VAR_POSITIONAL), "x")
    for i, a in enumerate(args):
        yield from _leaves(names[i] if i < len(names) else f"{rest}_{i - len(names)}", a)
    for k, a in kwargs.items():
        yield from _leaves(k, a)


def _leaves(name: str, value: Any) -> Iterator[str]:
    if isinstance(value, (list, tuple)):
        fields = getattr(value, "_fields", range(len(value)))
        for k, v in zip(fields, value, strict=True):
            yield from _leaves(f"{name}_{k}", v)
    elif isinstance(value, dict):
        for k, v in value.items():
            yield from _leaves(f"{name}_{k}", v)
    else:
        yield name
