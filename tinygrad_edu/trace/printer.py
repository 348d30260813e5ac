"""The program as NumPy for a reader: one function, in phases, each group of calls under the user's line.

The text needs `import numpy as np` and nothing else. Its arguments are those of the recorded function, and the arrays
and numbers that the function found (parameters, optimizer state, the learning rate), by their names. Arrays are changed
in place as the function changes them; changed numbers are returned after the result.
"""

import linecache
import operator
import textwrap
from pathlib import PurePath

import numpy as np

from ..engine.errors import Line, format_line
from ..engine.rules.finite import has_nan
from ..engine.rules.indexing import is_basic, setitem
from ..engine.rules.notation import INFIX
from ..engine.rules.registry import Function, implementations
from ..engine.tape import Node
from .captured import Captured
from .expressions import Expressions, argument_names
from .functional import add_at, changed, filled
from .ir import Call, Constant, Program, Result, Setting, Var, use_counts, variables

WIDTH = 100  # characters of a comment; an expression inside another has at most half
IN_PLACE = {setitem, add_at, changed, filled}  # return a changed copy; they are written as statements that change it
LETTERS = {"forward": "v", "backward": "g", "update": "u"}  # for the names of results


class Source(Expressions):
    """The text of a program (`whole`), and the values that it runs on."""

    def __init__(self, program: Program, found: Captured, fun: Function, title: str) -> None:
        self.program = program
        program.stores = [*program.stores, *[(place.var, v) for place, v in program.rebound]]
        self.title = title if title.isidentifier() else "f"
        super().__init__({}, {"np", "float", "abs", self.title})
        self.lines: list[str] = []
        self.line: Line | None = None  # the user's line in the latest comment
        self.tensors: dict[int, str] = {}  # names of Tensors, by their identity
        self.arguments(argument_names(fun, found.args, found.kwargs))
        self.body()

    def arguments(self, paths: list[str]) -> None:
        """Name the arrays and numbers that the program starts from; `paths` are the names of the arguments' leaves."""
        states = self.program.states
        for v in self.program.inputs:
            self.names[v] = self.new(paths[v.source.index])
        for v in states:
            if v.source.kind == "data":
                self.names[v] = self.tensors[id(v.source.owner)] = self.new(v.name or "p")
        for v in states:
            if v.source.kind != "data":
                self.names[v] = self.new(self.state_name(v))
        for v in self.program.settings:
            has_name = isinstance(v.source.owner, Node) and v.name not in ("", "_grad")
            self.names[v] = self.new(v.name if has_name else v.source.attribute.strip("_"))
            if v.source.attribute == "_value":
                self.tensors[id(v.source.owner)] = self.names[v]
        self.values = {name: v.example for v, name in self.names.items()}

    def state_name(self, v: Var) -> str:
        """Return a name for an optimizer's state or a gradient, after the parameter."""
        kind, _, i = v.source.kind.partition(".")
        owner = v.source.owner
        tensor, default = (owner.params[int(i)], f"p{i}") if i else (owner, "p")
        return f"{self.tensors.get(id(tensor), default)}_{kind}"

    # Statements
    def body(self) -> None:
        """Write a statement for each call, except for those inside the expression of another."""
        program, kept = self.program, set(self.program.outputs())
        counts = use_counts(program.calls, program.outputs())
        users: dict[Var, Call] = {v: c for c in program.calls for v in c.uses}  # the last one
        index = {call: i for i, call in enumerate(program.calls)}
        targets = {value: target for target, value in program.stores if not isinstance(value.source, Constant)}
        grads = {g: x for x, g in program.grads if g is not None}
        # The call that computes the new value of an array writes it there, unless a later call reads the old value.
        written = dict.fromkeys([target for target, _ in program.stores], len(index))
        read_at_end = {*variables(program.result), *[value for _, value in program.stores]}
        for value, target in targets.items():
            at = index.get(value.source, len(index))
            if target not in read_at_end and (target not in users or index[users[target]] <= at):
                written[target] = at
        self.copied = self.views_read_after(written)
        reads: dict[Var, set[Var]] = {}  # for an expression without a name: the arrays in it that are written into
        phase = ""
        for i, call in enumerate(program.calls):
            out, user = call.out, users.get(call.out)
            read = {v for v in call.uses if v in written}.union(*[reads.get(v, ()) for v in call.uses])
            if (
                counts.get(out) == 1 and out not in kept and user is not None
                and (call.fun in (np.transpose, np.reshape) or (user.line == call.line and user.phase == call.phase))
                and call.fun not in IN_PLACE and user.fun not in IN_PLACE and not call.draws
                and all(written[v] >= index[user] for v in read)
            ):  # fmt: skip
                self.text[out] = self.call(call)
                if len(self.text[out][0]) <= WIDTH // 2:
                    reads[out] = read
                    continue
                del self.text[out]
            if call.phase != phase:
                phase, self.line = call.phase, None
                self.lines += ["", f"# {phase}"]
            self.comment(call)
            if (stored := targets.get(out)) is not None and written[stored] == i:
                self.store(stored, call)
            elif out in grads:
                self.assign(self.new(f"{self.tensors.get(id(grads[out]), 'p')}_grad"), call)
            else:
                self.assign(self.variable(LETTERS[phase]), call)
        late = [target for target, at in written.items() if at == len(index)]
        self.finish(late, [v for v in late if v in read_at_end])

    def views_read_after(self, written: dict[Var, int]) -> set[Var]:
        """Return the views that are read after their memory is written into, by the number of a call."""
        calls = self.program.calls
        memory: dict[Var, Var] = {}  # of a view
        for call in calls:
            basic = call.fun is operator.getitem and is_basic(call.args[1])
            if call.uses and (basic or call.fun in (np.reshape, np.transpose) or call.alias_of is not None):
                v = call.uses[call.alias_of or 0]
                memory[call.out] = memory.get(v, v)
        last = dict.fromkeys(self.program.outputs(), len(calls) + 1)
        for i, call in reversed(list(enumerate(calls))):
            for v in call.uses:
                last[v] = max(i, last.get(v, -1), last.get(call.out, -1) if call.out in memory else -1)
        return {v for v, base in memory.items() if base in written and last.get(v, -1) > written[base]}

    def assign(self, name: str, call: Call) -> None:
        """Write `name = ...`."""
        if call.fun not in IN_PLACE:
            self.lines.append(f"{name} = {self.call(call)[0]}{'.copy()' if call.out in self.copied else ''}")
            self.names[call.out] = name
            return
        x, index, *rest = call.args  # of `changed` and `filled`, the second is a function
        zeros = isinstance(x.source, Constant) and not np.any(x.source.array)
        start = self.literal(x) if zeros and x not in self.names else f"np.array({self.expression(x)})"
        self.lines.append(f"{name} = {start}")
        self.names[call.out] = name
        if call.fun is setitem:
            self.lines.append(f"{name}[{self.subscript(index)}] = {self.expression(rest[0])}")
            return
        if index is setattr:  # of a part of complex numbers, or of `flat`
            self.lines.append(f"{name}.{rest[0]} = {self.expression(rest[1])}")
            return
        if call.fun is filled:
            fun, args, kwargs = index, tuple(rest), {**call.kwargs, "out": call.out}
        else:
            fun, args = (np.add.at, (index, *rest)) if call.fun is add_at else (index, tuple(rest))
            args, kwargs = (call.out, *args), {**call.kwargs}
        self.lines.append(self.call(Call(fun, args, kwargs, None))[0])

    def store(self, target: Var, call: Call) -> None:
        """Write the result of a call into the array, or the number, whose new value it is."""
        name = self.names[target]
        symbol = INFIX.get(call.fun, ("",))[0]
        if symbol in ("+", "-", "*", "/") and call.args[0] is target:
            self.lines.append(f"{name} {symbol}= {self.expression(call.args[1])}")
        elif is_number(target):
            self.lines.append(f"{name} = {self.call(call)[0]}")
        elif call.fun in IN_PLACE:
            self.assign(self.new(f"{name}_new"), call)
            self.lines.append(f"{name}[...] = {self.names[call.out]}")
        else:
            self.lines.append(f"{name}[...] = {self.call(call)[0]}")
        self.names[call.out] = name

    def comment(self, call: Call) -> None:
        """Write the user's line that led to a call, once for a group of calls."""
        if call.line != self.line and call.line is not None:
            self.line = call.line
            text = linecache.getline(*call.line).strip()
            if text:
                self.lines.append(f"# {PurePath(format_line(call.line)).name}  {text}"[:WIDTH])

    def finish(self, late: list[Var], copied: list[Var]) -> None:
        """Write the remaining stores (`late`; those in `copied` are read after they are written) and the result."""
        program = self.program
        names = self.names.copy()
        for v in copied:
            text = names[v] if is_number(v) else f"np.array({names[v]})"
            self.names[v] = self.new(f"old_{names[v]}")
            self.lines.append(f"{self.names[v]} = {text}")
        for target, value in program.stores:
            if target in late:
                whole = "" if is_number(target) else "[...]"
                self.lines.append(f"{names[target]}{whole} = {self.expression(value)}")
        for guard in program.guards:
            if guard.predicate is not has_nan:
                predicate = implementations.get(guard.predicate, guard.predicate).__name__
                args = ", ".join(map(self.expression, guard.args))
                self.lines.append(f"# jit makes sure that {predicate}({args}) is {guard.answer}")
        result = self.returned(program.result)
        if settings := [names[target] for target, _ in program.stores if is_number(target)]:
            result += f", {{{', '.join(f'{n!r}: {n}' for n in settings)}}}"
        self.lines.append(f"return {result}")
        head = f"def {self.title}({', '.join(self.values)}):"
        lines = "\n".join([line.rstrip() for line in self.lines]).strip("\n")
        self.whole = f"import numpy as np\n\n\n{head}\n{textwrap.indent(lines, '    ')}\n"

    def returned(self, value: object) -> str:
        """Write the result, with its lists, tuples and dicts."""
        if isinstance(value, Result) and value.kind != "argument":
            return self.returned(tuple(value.value)) if value.kind == "dataclass" else self.expression(value.value)
        if isinstance(value, (list, tuple, dict)) and not isinstance(value, Result):
            return self.container(value, self.returned)
        return repr(value) if isinstance(value, (bool, int, float, str, type(None))) else self.name(value, "result")


def is_number(v: Var) -> bool:
    """Whether a Var that the program starts from is a Python number, which is replaced and not written into."""
    return isinstance(v.source, Setting) or v.dtype is None
