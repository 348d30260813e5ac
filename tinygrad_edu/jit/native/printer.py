"""A recorded function as one C file to read, compile and run: `cc -std=c11 step.c -o step -lm && ./step 100`.

The text needs C11 and its standard library alone. Each array of the program is a C array with its label, and each NumPy
call a loop over the result, under the user's line (`statements`). What really runs for backend="c" is another text: its
loops are fused, and its functions are polynomials (`source`). The two agree to rounding.
"""

import linecache
import re
import textwrap
from collections.abc import Sequence
from pathlib import PurePath
from typing import Any

import numpy as np

from ...engine.errors import Line, format_line
from ...engine.rules.registry import Array
from ...engine.tape import Node
from ...trace.ir import Call, Constant, Input, Program, Result, Setting, State, Var, variables
from ...trace.printer import LETTERS, Source
from ...trace.traced import JitError
from .operations import TYPES, literal
from .polynomials import LIBM
from .statements import INDICES, Statements

KEYWORDS = {
    "auto", "break", "case", "char", "const", "continue", "default", "do", "double", "else", "enum", "extern",
    "float", "for", "goto", "if", "inline", "int", "long", "register", "restrict", "return", "short", "signed",
    "sizeof", "static", "struct", "switch", "typedef", "union", "unsigned", "void", "volatile", "while",
}  # fmt: skip
USED = {  # by the text itself, and by the libraries
    "main", "step", "argc", "argv", "count", "s", "acc", "next", "old", "printf", "strtol", "abs", "labs", "div",
    "exit", "rand", "time", "index", "y0", "y1", "yn", "j0", "j1", "jn", "gamma", "signgam", "remainder", "round",
    "EOF", "NULL", "NAN", "INFINITY",
}  # fmt: skip
WIDTH = 116
MAIN = """
int main(int argc, char **argv)  /* `./step 100` makes 100 steps, and prints the results of each on a line */
{
    long count = argc > 1 ? strtol(argv[1], NULL, 10) : 1;
    for (long s = 0; s < count; s++) {
        step();
%s
    }
    return 0;
}
"""


class Printer(Statements):
    """The text of a program as C (`whole`), with the values that its parameters and buffers have now.

    With `arguments`, the leaves of those of a call, it is a file that runs alone; else their arrays hold zeros, and
    there is no `main`.
    """

    def __init__(self, source: Source, arguments: Sequence[object] | None = None) -> None:
        super().__init__()
        self.program: Program = source.program
        self.arguments = arguments
        self.taken = KEYWORDS | USED | {*LIBM.values(), *INDICES}
        self.arrays: list[str] = []  # the C declarations of what the program starts from
        self.results: list[str] = []  # the C declarations of what it computes
        self.line: Line | None = None
        self.old: dict[Var, Var] = {}  # copies of what is overwritten before it is read
        self.given(list(source.values))
        grads = {g: x for x, g in self.program.grads if g is not None}
        parameters = {id(v.source.owner): text for v, text in self.names.items() if isinstance(v.source, State)}
        phase = ""
        for call in self.program.calls:
            if call.phase != phase:
                phase, self.line = call.phase, None
                self.lines += ["", f"/* {phase} */"]
            self.comment(call)
            is_gradient = call.out in grads
            self.define(call.out, f"{parameters.get(id(grads[call.out]), 'p')}_grad" if is_gradient else LETTERS[phase])
            self.call(call)
        self.stores()
        self.whole = self.text(source.title)

    def given(self, names: Sequence[str]) -> None:
        """Declare the arguments and what the function found, with their values."""
        states = sorted(self.program.states, key=lambda v: v.source.kind != "data")
        for v, text in zip([*self.program.inputs, *states, *self.program.settings], names, strict=False):
            self.names[v] = self.new(text)
            value = self.value(v)
            start = "" if value is None else f" = {self.embedded(v, value)}"
            self.arrays.append(f"static {self.declared(v)}{start};{shape_comment(v)}")

    def value(self, v: Var) -> Array | None:
        """Return what an argument, an array or a setting holds now; None for an argument that is not given."""
        if isinstance(v.source, State):
            place = v.source.place
            found = v.source.owner._grad if v.source.kind == "grad" else place.get() if place else None
            found = v.source.array if found is None else found
        elif isinstance(v.source, Setting):
            return np.asarray(getattr(v.source.owner, v.source.attribute) or 0.0)
        elif self.arguments is None:
            return None
        else:
            assert isinstance(v.source, Input)
            if v.source.index >= len(self.arguments):
                raise ValueError(f"jit.c_main: {self.names[v]} is missing; pass the arguments of a call")
            found = self.arguments[v.source.index]
        a, dtype = np.asarray(found._value if isinstance(found, Node) else found), self.dtype(v)
        if a.shape != v.shape or a.dtype != dtype:
            shapes = f"{a.dtype} of shape {a.shape}, and the recording has {dtype} of shape {v.shape}"
            raise ValueError(f"jit.c_main: {self.names[v]} is {shapes}; call the function with it first")
        return a

    def new(self, text: str) -> str:
        """Return a C name that is not in use; v, g and u are numbered."""
        text = re.sub(r"\W", "_", text, flags=re.ASCII)
        text = f"_{text}" if text[:1].isdigit() else text
        numbered = text in LETTERS.values()
        count, found = 1, f"{text}1" if numbered else text
        while found in self.taken:
            count += 1
            found = f"{text}{count}" if numbered else f"{text}_{count}"
        self.taken.add(found)
        return found

    def declared(self, v: Var) -> str:
        """Return the declaration of a Var without its value."""
        return f"{TYPES[self.dtype(v).name]} {self.names[v]}{f'[{v.size}]' if v.shape else ''}"

    def embedded(self, v: Var, value: Array) -> str:
        """Write values as a C initializer."""
        dtype = self.dtype(v)
        texts = [literal(x, dtype) for x in value.ravel()]
        numbers = [re.sub(r"^\(([^()]+)\)$|^\(\(\w+\)([^()]+)\)$", r"\1\2", text) for text in texts]
        if not v.shape:
            return numbers[0]
        return "{\n" + textwrap.fill(", ".join(numbers), WIDTH, initial_indent="    ", subsequent_indent="    ") + "\n}"

    def define(self, v: Var, base: str) -> None:
        """Declare the result of a call."""
        self.names[v] = self.new(base)
        self.results.append(f"static {self.declared(v)};{shape_comment(v)}")

    def reference(self, v: Var) -> str:
        """Return the name of a Var; a constant array is declared at its first use."""
        if v not in self.names:
            if not isinstance(v.source, Constant):
                raise JitError(f"jit.c: {v!r} has no C form; pass it as an argument")
            self.names[v] = self.new("constant")
            value = self.embedded(v, np.asarray(v.source.array))
            self.arrays.append(f"static const {self.declared(v)} = {value};{shape_comment(v)}")
        return self.names[v]

    def comment(self, call: Call) -> None:
        """Write the user's line that led to a call, once for a group of calls."""
        if call.line != self.line and call.line is not None:
            self.line = call.line
            text = f"{PurePath(format_line(call.line)).name}  {linecache.getline(*call.line).strip()}"[: WIDTH - 10]
            self.lines.append(f"/* {text.replace('*/', '* /').replace('/*', '/ *')} */")

    def stores(self) -> None:
        """Write the new values into the arrays and numbers that the function changes."""
        stores = self.program.stores
        if stores:
            self.lines += ["", "/* what the step changes */"]
        targets = {target for target, _ in stores}
        read = dict.fromkeys([*[v for _, v in stores], *variables(self.program.result)])
        for v in [v for v in read if v in targets]:  # it is overwritten before it is read
            self.old[v] = Var(None, v.example, v.name)
            self.define(self.old[v], f"old_{self.names[v]}")
            self.copy(self.old[v], v)
        for target, v in stores:
            self.copy(target, self.old.get(v, v))

    def text(self, title: str) -> str:
        """Return the whole file."""
        body = textwrap.indent("\n".join(self.lines).strip("\n"), "    ")
        head = f"/* {title}: a recorded step. */"
        if self.arguments is not None:
            head = f"/* {title}: a recorded step. Compile and run it: cc -std=c11 step.c -o step -lm && ./step */"
        main = MAIN % textwrap.indent("\n".join(self.printed()), " " * 8) if self.arguments is not None else ""
        parts = [
            head, *(f"#include <{header}.h>" for header in ("math", "stdint", "stdio", "stdlib")), "",
            "/* arguments, parameters and buffers */", *self.arrays, "", "/* results of calls */", *self.results, "",
            f"{'static ' if main else ''}void step(void)\n{{\n{body}\n}}", main,
        ]  # fmt: skip
        return "\n".join(parts)

    def printed(self) -> list[str]:
        """Return the lines that print the results."""
        lines = []
        for v in returned(self.program.result):
            if type(v) is not Var:  # the same at every call
                text = f"{float(v):.17g}" if isinstance(v, (float, np.floating)) else int(v)
                lines.append(f'printf("{text} ");')
                continue
            form, kind = "%.9g" if v.dtype == np.float32 else "%.17g", "double"
            if v.dtype is not None and v.dtype.kind in "iub":  # a double holds no integers above 2**53
                form, kind = ("%llu", "unsigned long long") if v.dtype.kind == "u" else ("%lld", "long long")
            element = self.reference(self.old.get(v, v))
            if v.shape:
                lines.append(f'for (int i = 0; i < {v.size}; i++) printf("{form} ", ({kind}){element}[i]);')
            else:
                lines.append(f'printf("{form} ", ({kind}){element});')
        return [*lines, 'printf("\\n");']


def returned(x: Any) -> list[Any]:
    """Return the Vars and numbers of a result in order, without gradients of Tensors, and memory that arrays share."""
    if isinstance(x, Result):
        return returned(x.node if x.kind in ("argument", "found") else x.value)
    if isinstance(x, (list, tuple, dict)):
        return [v for part in (x.values() if isinstance(x, dict) else x) for v in returned(part)]
    return [x] if type(x) is Var or isinstance(x, (bool, int, float, np.bool, np.integer, np.floating)) else []


def shape_comment(v: Var) -> str:
    """Return a comment with the shape of an array of several axes."""
    return f"  /* {' x '.join(map(str, v.shape))} */" if len(v.shape) > 1 else ""
