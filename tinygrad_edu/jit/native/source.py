"""The whole C text of a stretch: its functions, and the main function that calls them in order.

The main function `step(fixed, given)`, static as glibc has another one, takes two tuples of Python objects: those that
are the same at every call, and those of this one. It finds an array's memory, and a float's value, where CPython and
NumPy keep them in the object.
"""

import re
from collections.abc import Sequence

from ...engine.rules.finite import has_nan
from ...functions.classification import within
from ...trace.ir import Guard, Var
from . import polynomials
from .accumulation import support
from .binding import layout
from .blas import FUNCTIONS
from .far import indented
from .functions import Function, expression, index_text, read, scalar_type
from .fusion import Check, Element, Group, Scalar, Scalars, Statement
from .indexing import Indexed, indexed_lines
from .loops import joined, loop_calls, loop_text
from .operations import TYPES
from .products import PRELUDE, Product, product_text
from .sharing import SHARE
from .stretch import Stretch

HEAD = """#include <stdint.h>
#define TG_NOINLINE __attribute__((noinline))
"""
OBJECTS = """
#define ITEM(tuple, i) (((char **)((char *)(tuple) + {tuple}))[i])
#define ARRAY(tuple, i) (*(void **)(ITEM(tuple, i) + {object}))
#define NUMBER(tuple, i) (*(double *)(ITEM(tuple, i) + {object}))
#define PLAIN(tuple, i) ((*(int *)(ITEM(tuple, i) + {flags}) & 0x101) == 0x101) /* in C's order, and aligned */
"""
SAME = """
static int tg_same(const char *a, const char *b) { /* two arrays of one shape, dtype, and order in memory */
    const int n = *(int *)(a + {nd});
    return n == *(int *)(b + {nd}) && *(void **)(a + {descr}) == *(void **)(b + {descr})
        && ((*(int *)(a + {flags}) ^ *(int *)(b + {flags})) & 0x500) == 0 /* aligned, writeable */
        && (n == 0 /* which has no shape in memory */
            || (memcmp(*(void **)(a + {shape}), *(void **)(b + {shape}), n * sizeof(void *)) == 0
                && memcmp(*(void **)(a + {strides}), *(void **)(b + {strides}), n * sizeof(void *)) == 0));
}
"""
METHOD = """
static void *(*tg_int)(long), *(*tg_release)(void);
static void (*tg_acquire)(void *);
void set_python(void *from_long, void *release, void *acquire) {
    tg_int = from_long; tg_release = release; tg_acquire = acquire;
}
void *method(void *fixed, void *given) { /* what Python calls; the interpreter's lock is released meanwhile */
    void *const thread = tg_release();
    const int s = step(fixed, given);
    tg_acquire(thread);
    return tg_int(s);
}
"""


def declared() -> str:
    """Return the C text of the functions of BLAS, whose addresses the function `set_blas` takes."""
    text = ""
    for letter, real in (("d", "double"), ("s", "float")):
        array = f"const {real} *, int64_t"
        ends = f"{real}, {array}, {array}, {real}, {real} *, int64_t"
        text += f"static void (*tg_{letter}gemm)(int, int, int, int64_t, int64_t, int64_t, {ends});\n"
        text += f"static void (*tg_{letter}gemv)(int, int, int64_t, int64_t, {ends});\n"
    given = ", ".join([f"void *{name}" for name in FUNCTIONS])
    return f"{text}void set_blas({given}) {{ {' '.join([f'tg_{name} = {name};' for name in FUNCTIONS])} }}\n"


def failing(guard: Guard) -> str:
    """Return the C test of whether a guard fails for a number, which is {0}."""
    if guard.predicate is within:
        return f"(uint64_t)(int64_t){{0}} >= {guard.args[1]}u"
    return "{0} != {0}" if guard.predicate is has_nan else "{0} - {0} != 0"


PART = 500  # statements of one function


class Writer:
    """Writes one stretch: its functions, and the lines of the main function.

    `slots` counts the doubles of memory that its functions need for sums and for numbers that they hand to each other.
    """

    def __init__(self, stretch: Stretch) -> None:
        self.stretch = stretch
        self.known: dict[Var, str] = {}
        self.functions: dict[str, str] = {}  # the text of a function: its name
        self.main: list[str] = []
        self.slots = 0
        self.needed: set[Var] = set()  # numbers that are read elsewhere than where they are computed

    def name(self, v: Var) -> str:
        """Return the name of an array or a number."""
        if v not in self.known:
            self.known[v] = f"{'s' if v.shape == () else 'p'}{len(self.known)}"
        return self.known[v]

    def groups(self) -> None:
        """Write each group."""
        groups = self.stretch.fusion.groups
        self.needed |= {
            v for g in groups if not isinstance(g, Scalars) or len(g.statements) <= PART for v in g.scalars()
        }
        for group in groups:
            if isinstance(group, Scalars):
                if len(group.statements) > PART:
                    self.parts(group)
                else:
                    self.main += [self.scalar(s) for s in group.statements]
            elif isinstance(group, Product):
                name = self.function("product", product_text(group))
                given = [f"{self.name(m.access.base)} + {m.access.offset}" for m in (group.a, group.b, group.out)]
                self.main.append(f"{name}({', '.join(given)});")
            elif isinstance(group, Indexed):
                f = Function(group, self.name, self.allocate)
                name = self.function("index", f.text("int", indexed_lines(group, f)))
                self.main.append(f"if ({name}({', '.join(f.parameters.values())})) return 1;")
            elif isinstance(group, Check):
                self.check(group)
            else:
                self.loop(group)

    def loop(self, group: Group) -> None:
        """Write a loop."""
        for s in group.statements:
            if s.reduction is not None and s.write is None:
                self.main.append(f"{scalar_type(s.out)} {self.name(s.out)};")
        f = Function(group, self.name, self.allocate)
        name = self.function("loop", loop_text(f))
        self.main += loop_calls(name, f)

    def function(self, kind: str, text: str) -> str:
        """Add a function of this text, unless there is one; return its name."""
        return self.functions.setdefault(text, f"{kind}{len(self.functions)}")

    def allocate(self, size: int) -> int:
        """Return the first of so many numbers of `slots` that nothing else uses."""
        self.slots += size
        return self.slots - size

    def scalar(self, s: Statement) -> str:
        """Return a statement about numbers as an assignment to its variable, or to its slot."""
        name, text = self.name(s.out), expression(s, self.name, self.element)
        return f"{'' if '[' in name else f'const {scalar_type(s.out)} '}{name} = {text};"

    def element(self, o: Element) -> str:
        """Write an element of an array at a place that is known."""
        return read(f"{self.name(o.access.base)}[{o.access.offset}]", o.dtype)

    def parts(self, group: Scalars) -> None:
        """Write many statements as several functions, as compilers take long over a long one.

        What one part computes and another reads has a slot in memory, `slots`.
        """
        parts = [group.statements[i : i + PART] for i in range(0, len(group.statements), PART)]
        home = {s.out: k for k, part in enumerate(parts) for s in part}
        inner = {o.var for k, part in enumerate(parts) for s in part for o in s.operands
                 if isinstance(o, Scalar) and home.get(o.var, k) != k}  # fmt: skip
        for v in home:
            if v in inner or v in self.needed:
                real, slot = scalar_type(v), f"slots[{self.allocate(1)}]"
                self.known[v] = slot if real == "double" else f"(*({real} *)&{slot})"
        for part in parts:
            given = {"double *restrict slots": "slots"}
            for s in part:
                for o in s.operands:
                    if isinstance(o, Element):
                        base = o.access.base
                        given[f"const {scalar_type(base)} *restrict {self.name(base)}"] = self.name(base)
                    elif isinstance(o, Scalar) and o.var not in home and "[" not in self.name(o.var):
                        given[f"const {scalar_type(o.var)} {self.name(o.var)}"] = self.name(o.var)
            body = "\n".join([f"    {self.scalar(s)}" for s in part])
            text = f"static TG_NOINLINE void FUNCTION({', '.join(given)}) {{\n{body}\n}}\n"
            self.main.append(f"{self.function('part', text)}({', '.join(given.values())});")

    def check(self, group: Check) -> None:
        """Write a guard."""
        test = failing(group.guard)
        tests = [test.format(self.name(v)) for v in group.numbers]
        for access, shape in group.arrays:
            real = TYPES[access.base.dtype.name]
            lengths, (strides,) = joined(shape, [access.strides])
            indices = [f"i{axis}" for axis in range(len(lengths))]
            line = f"bad |= {test.format(f'x[{index_text(strides, indices, access.offset)}]')};"
            for i, length in reversed(list(zip(indices, lengths, strict=True))):
                line = f"for (int64_t {i} = 0; {i} < {length}; {i}++) {line}"
            head = f"static TG_NOINLINE int FUNCTION(const {real} *restrict x) {{"
            name = self.function("check", f"{head}\n    int bad = 0;\n    {line}\n    return bad;\n}}\n")
            tests.append(f"{name}({self.name(access.base)})")
        if tests:
            self.main.append(f"if ({' || '.join(tests)}) return 1;")

    def text(self, opening: Sequence[str], closing: Sequence[str]) -> str:
        """Return the whole source: `opening` and `closing` are the lines of the main function around the calls."""
        objects = OBJECTS + (SAME if any("tg_same(" in line for line in opening) else "")
        for key, value in layout().items():
            objects = objects.replace(f"{{{key}}}", str(value))
        functions = [text.replace("FUNCTION", name) for text, name in self.functions.items()]
        called = "\n".join([*functions, *self.main])
        statements = [s for group in self.stretch.fusion.groups for s in group.statements]
        parts = [
            HEAD, polynomials.prelude([name for s in statements for name in s.operation.functions]), objects,
            PRELUDE if "TG_FMA" in called else "",
            declared() if re.search(r"\btg_[ds]gem[mv]\(", called) else "", SHARE if "tg_share(" in called else "",
            support({(s.reduction, s.out.dtype) for s in statements if s.reduction is not None}), *functions,
        ]  # fmt: skip
        lines = [*opening, *self.main, *closing, "return 0;"]
        main = ["static int step(void *fixed, void *given) {", *indented(lines), "}", METHOD]
        return "\n".join([*parts, *main])
