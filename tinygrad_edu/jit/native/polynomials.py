"""C text of elementary functions; `prelude(names)` returns what a source needs to use some of them.

Each function has two names: `tg_exp` of doubles, `tg_expf` of floats.
"""

from __future__ import annotations

from collections.abc import Iterable

ONE = (
    "exp", "expm1", "log", "log1p", "tanh", "sinh", "cosh", "sin", "cos", "tan", "erf", "exp2", "log2", "log10",
    "arcsin", "arccos", "arctan", "arcsinh", "arccosh", "arctanh", "cbrt",
)  # fmt: skip
LIBM = {f"arc{name}": f"a{name}" for name in ("sin", "cos", "tan", "sinh", "cosh", "tanh")}
TWO = {"pow": "pow", "arctan2": "atan2", "hypot": "hypot", "fmod": "fmod"}
NAMES = frozenset(f"tg_{name}{end}" for name in (*ONE, *TWO, "sigmoid") for end in ("", "f"))


def prelude(names: Iterable[str]) -> str:
    """Return C text that defines the functions among NAMES, to be put after `#include <math.h>`, which it begins with.

    >>> print(prelude(["tg_exp"]))
    #include <math.h>
    static inline double tg_exp(double x) { return exp(x); }
    <BLANKLINE>
    """
    unknown = sorted(set(names) - NAMES)
    if unknown:
        raise ValueError(f"prelude: no C text of {', '.join(unknown)}; there is {', '.join(sorted(NAMES))}")
    return "#include <math.h>\n" + "".join(_text(name) for name in sorted(set(names)))


def _text(name: str) -> str:
    inner = name.removeprefix("tg_")
    end = "f" if inner.removesuffix("f") in {*ONE, *TWO, "sigmoid"} and inner != "erf" and inner[-1] == "f" else ""
    bare = inner[: len(inner) - len(end)]
    real = "float" if end else "double"
    one = "1.0f" if end else "1.0"
    if bare == "sigmoid":
        return f"static inline {real} {name}({real} x) {{ return {one} / ({one} + exp{end}(-x)); }}\n"
    if bare in TWO:
        return f"static inline {real} {name}({real} x, {real} y) {{ return {TWO[bare]}{end}(x, y); }}\n"
    return f"static inline {real} {name}({real} x) {{ return {LIBM.get(bare, bare)}{end}(x); }}\n"
