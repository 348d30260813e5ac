"""The program as NumPy for a reader: one function, in phases, each group of calls under the user's line.

The text needs `import numpy as np` and nothing else. Its arguments are those of the recorded function, and the arrays
and numbers that the function found (parameters, optimizer state, the learning rate), by their names. Arrays are changed
in place as the function changes them; changed numbers, and arrays of another shape, are returned after the result.
"""

import linecache
import operator
import textwrap
from pathlib import PurePath
from typing import Any

import numpy as np

from ..engine.errors import Line, format_line
from ..engine.rules.finite import has_nan
from ..engine.rules.indexing import setitem
from ..engine.rules.notation import INFIX
from ..engine.rules.registry import Function, implementations
from .captured import Captured
from .expressions import Expressions, argument_names
from .functional import add_at, changed, filled
from .ir import Call, Constant, Input, Program, Result, Setting, Var, parts, use_counts, variables

WIDTH = 100  # characters of a comment; an expression inside another has at most half
IN_PLACE = {setitem, add_at, changed, filled}  # return a changed copy; they are written as statements that change it
VIEWS = {operator.getitem, np.reshape, np.transpose}
KNOWN = (Var, bool, int, float, str, type(None))  # the parts of a result that are written
LETTERS = {"forward": "v", "backward": "g", "update": "u"}  # for the names of results


class Source(Expressions):
    """The text of a program (`whole`), and the values that it runs on."""

    def __init__(self, program: Program, found: Captured, fun: Function, title: str) -> None:
        self.program = program
        written = dict(program.stores)
        program.stores = [*program.stores]
        for _, before, new in program.rebound:
            values = [written.get(v, v) for v in data_in(new)]  # what moves is written first
            program.stores += zip(before, values, strict=True)
        self.late = dict(program.stores)  # those that are not written yet
        self.title = title if title.isidentifier() else "f"
        super().__init__({}, {"float", "abs", self.title})
        self.lines: list[str] = []
        self.line: Line | None = None  # the user's line in the latest comment
        self.tensors: dict[int, str] = {}  # names of Tensors, by their identity
        paths = argument_names(fun, found.args, found.kwargs)
        for v in (*program.inputs, *sorted(program.states, key=lambda v: v.source.kind != "data"), *program.settings):
            self.names[v] = self.new(paths[v.source.index] if isinstance(v.source, Input) else self.hint(v))
            if getattr(v.source, "kind", "") == "data" or getattr(v.source, "attribute", "") == "_value":
                self.tensors[id(v.source.owner)] = self.names[v]
        self.values = {name: v.example for v, name in self.names.items()}
        self.reads = {v: {v} for v in self.names}  # those of the same memory as a Var, or in the expression for it
        self.body()
        self.finish()

    def hint(self, v: Var) -> str:
        """Return a name for what the function found; for an optimizer's state or a gradient, after the parameter."""
        if isinstance(v.source, Setting):
            return v.name or v.source.attribute
        kind, _, i = v.source.kind.partition(".")
        if kind in ("data", "array"):
            return v.name or kind
        tensor, default = (v.source.owner.params[int(i)], f"p{i}") if i else (v.source.owner, "p")
        return f"{self.tensors.get(id(tensor), default)}_{kind}"

    # Statements
    def body(self) -> None:
        """Write a statement for each call, except for those inside the expression of another."""
        calls, end = self.program.calls, len(self.program.calls)
        counts = use_counts(calls, self.program.outputs())
        users = {v: i for i, call in enumerate(calls) for v in call.uses}  # the last one
        last = users | dict.fromkeys([*variables(self.program.result), *self.late.values()], end)
        index = {call.out: i for i, call in enumerate(calls)}
        stored = {value: target for target, value in self.late.items()}
        computed = {target: index.get(value, end) for target, value in self.late.items()}
        grads = {g: x for x, g in self.program.grads if g is not None}
        phase = ""
        for i, call in enumerate(calls):
            out, target = call.out, stored.get(call.out)
            read = set().union(*[self.reads.get(v, ()) for v in call.uses])
            if counts[out] == 1 and out in users and not call.draws and call.fun not in IN_PLACE:
                user, text = calls[users[out]], self.call(call)
                near = call.fun in (np.transpose, np.reshape) or (user.line, user.phase) == (call.line, call.phase)
                if near and len(text[0]) <= WIDTH // 2 and all([computed.get(v, end) >= users[out] for v in read]):
                    self.text[out], self.reads[out] = text, read
                    continue
            if call.phase != phase:
                phase, self.line = call.phase, None
                self.lines += ["", f"# {phase}"]
            self.comment(call)
            if target and self.can_store(target, call, {v for v in self.reads if last.get(v, -1) > i}):
                del self.late[target]
                self.write(self.names[target], call, target)
                continue
            hint = f"{self.tensors.get(id(grads[out]), 'p')}_grad" if out in grads else LETTERS[phase]
            self.write(self.new(hint, numbered=out not in grads), call)
            if call.alias_of is not None or call.fun in VIEWS:
                self.reads[out] = read

    def can_store(self, target: Var, call: Call, later: set[Var]) -> bool:
        """Whether a call can write its result into an array: nothing that is read later, or beside it, reads that."""
        if call.fun in IN_PLACE:
            if call.args[0] is not target:
                return False
            later = later.union(call.uses[1:])
        return not any([target in self.reads.get(v, ()) for v in later])

    def write(self, name: str, call: Call, target: Var | None = None) -> None:
        """Write a call's result into the array or the number `target`, whose new value it is, or a new variable."""
        out, symbol = call.out, INFIX.get(call.fun, ("",))[0]
        self.names[out] = name
        if call.fun in IN_PLACE:
            if target is None:
                text = self.expression(x := call.args[0])
                is_new = isinstance(x.source, Constant) and x not in self.names
                self.lines.append(f"{name} = {text if is_new else f'np.array({text})'}")
            self.lines.append(self.change(call))
        elif symbol in ("+", "-", "*", "/") and call.args[0] is target and are_alike(target, out):
            self.lines.append(f"{name} {symbol}= {self.expression(call.args[1])}")
        else:
            self.lines.append(f"{name}{whole(target, out)} = {self.call(call)[0]}")

    def change(self, call: Call) -> str:
        """Write the statement that changes an array as the call changes a copy."""
        out, (_, fun, *args) = call.out, call.args
        if call.fun is setitem:
            return f"{self.names[out]}[{self.subscript(fun)}] = {self.expression(args[0])}"
        if fun is setattr:  # of a part of complex numbers, or of `flat`
            return f"{self.names[out]}.{args[0]} = {self.expression(args[1])}"
        if call.fun is add_at:
            fun, args = np.add.at, [fun, *args]
        if call.fun is filled:
            return self.call(Call(fun, tuple(args), {**call.kwargs, "out": out}, None))[0]
        return self.call(Call(fun, (out, *args), call.kwargs, None))[0]

    def comment(self, call: Call) -> None:
        """Write the user's line that led to a call, once for a group of calls."""
        if call.line != self.line and call.line is not None:
            self.line = call.line
            text = linecache.getline(*call.line).strip()
            if text:
                self.lines.append(f"# {PurePath(format_line(call.line)).name}  {text}"[:WIDTH])

    def finish(self) -> None:
        """Write the stores that are left, after copies of what is read later than it is written, and the result."""
        program, targets = self.program, self.names.copy()
        for v in dict.fromkeys([*self.late.values(), *variables(program.result)]):
            if not self.late.keys().isdisjoint(self.reads.get(v, ())):
                text, name = self.expression(v), self.new(f"old_{self.names[v]}")
                self.lines.append(f"{name} = {text if v.dtype is None else f'np.array({text})'}")
                self.names[v] = name
        for target, value in self.late.items():
            self.lines.append(f"{targets[target]}{whole(target, value)} = {self.expression(value)}")
        for guard in program.guards:
            if guard.predicate is not has_nan:
                predicate = implementations.get(guard.predicate, guard.predicate).__name__
                args = ", ".join(map(self.expression, guard.args))
                self.lines.append(f"# each replay checks that {predicate}({args}) is {guard.answer}")
        result = self.returned(program.result)
        if replaced := [targets[target] for target, value in program.stores if not whole(target, value)]:
            result += f", {{{', '.join([f'{name!r}: {name}' for name in replaced])}}}"
        self.lines.append(f"return {result}")
        head = f"def {self.title}({', '.join(self.values)}):"
        lines = "\n".join([line.rstrip() for line in self.lines]).strip("\n")
        self.whole = f"import numpy as np\n\n\n{head}\n{textwrap.indent(lines, '    ')}\n"

    def returned(self, value: object) -> str:
        """Write the result, with its lists, tuples and dicts."""
        if isinstance(value, Result) and (value.kind != "argument" or value.node is not None):
            held = value.node if value.kind in ("argument", "found") else value.value
            return self.returned(tuple(held) if value.kind == "dataclass" else held)
        if isinstance(value, (list, tuple, dict)) and not isinstance(value, Result):
            return self.container(value, self.returned)
        return self.expression(value) if isinstance(value, KNOWN) else self.name(value, "result")


def data_in(x: Any) -> list[Var]:
    """Return what a place holds at the end: an array, or the data of a Tensor or of each in a container."""
    if isinstance(x, Result):
        x = x.node if x.kind in ("argument", "found", "held") else variables(x)[:1]
    return [x] if type(x) is Var else [v for part in parts(x) for v in data_in(part)]


def are_alike(a: Var, b: Var) -> bool:
    """Whether two Vars have one shape and dtype."""
    return (a.shape, a.dtype) == (b.shape, b.dtype)


def whole(target: Var | None, value: Var) -> str:
    """Return the index of all elements of an array that a value is written into; none if the value replaces it."""
    if target is None or target.dtype is None or isinstance(target.source, Setting):
        return ""
    return "[...]" if are_alike(target, value) else ""
