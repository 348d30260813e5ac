"""Mutation operators: those of cosmic-ray, and new ones (dropped factors, swapped arguments, wrong signs)."""

from itertools import pairwise

import cosmic_ray.plugins
import parso
from cosmic_ray.ast import ast_nodes
from cosmic_ray.mutating import mutate_code
from cosmic_ray.operators.operator import Example, Operator

CORE = {
    "": "NumberReplacer AddNot ReplaceTrueWithFalse ReplaceFalseWithTrue ReplaceAndWithOr ReplaceOrWithAnd "
    "ZeroIterationForLoop",
    "ReplaceBinaryOperator_": "Add_Sub Sub_Add Mul_Div Div_Mul FloorDiv_Mul Pow_Mul BitAnd_BitOr BitOr_BitAnd",
    "ReplaceUnaryOperator_": "Delete_USub Delete_Invert Delete_Not",
    "ReplaceComparisonOperator_": "Eq_NotEq NotEq_Eq Is_IsNot IsNot_Is "
    "Lt_LtE Lt_Gt LtE_Lt LtE_GtE Gt_GtE Gt_Lt GtE_Gt GtE_LtE",
}
ANY_ORDER = {  # calls in which swapped arguments mean the same, or make no sense
    "nondifferentiable", "refused", "isinstance", "getattr", "hasattr",
    "add", "multiply", "maximum", "minimum", "logaddexp", "hypot", "equal", "not_equal", "logical_and", "logical_or",
    "swapaxes", "result_type", "max", "min",
}  # fmt: skip


class Rewrite(Operator):
    """The base class of operators that return the text of each mutant of a node."""

    cases: tuple[tuple[str, str], ...] = ()

    def texts(self, node):
        raise NotImplementedError

    def mutation_positions(self, node):
        return [(node.start_pos, node.end_pos) for _ in self.texts(node)]

    def mutate(self, node, index):
        return parso.parse(node.get_first_leaf().prefix + list(self.texts(node))[index])

    @classmethod
    def examples(cls):
        return [Example(before, after) for before, after in cls.cases]  # each example is its operator's first mutant


def text(*nodes):
    return "".join(node.get_code() for node in nodes).strip()


def operands(node):
    """Return the children of a sum or a product: operands with operators between them."""
    return node.children if node.type in ("arith_expr", "term") else []


class DropOperand(Rewrite):
    """Drop a factor or a term."""

    cases = (("y = g * x", "y = x"), ("y = g / x", "y = 1 / x"), ("y = a - b", "y = - b"))

    def texts(self, node):
        if children := operands(node):
            operator = children[1].value
            instead = {"+": "", "*": "", "@": "", "-": "- "}.get(operator, f"1 {operator} ")
            yield instead + text(*children[2:])
        for i in range(1, len(children), 2):
            yield text(*children[:i], *children[i + 2 :])


class SwapOperands(Rewrite):
    """Swap the operands of a subtraction or a division."""

    cases = (("y = a - b", "y = b - (a)"), ("y = a @ b", "y = b @ (a)"))

    def texts(self, node):
        for i, child in enumerate(operands(node)):
            if i % 2 and child.value not in "+*":
                left, right, rest = node.children[:i], node.children[i + 1], node.children[i + 2 :]
                yield f"{text(right)} {child.value} ({text(*left)}) {text(*rest)}".rstrip()


def arguments(node):
    """Return the positions and the children of the arguments of a call with more than one argument."""
    call = node.type == "trailer" and node.children[0].value == "(" and node.children[1].type == "arglist"
    return list(enumerate(node.children[1].children))[::2] if call else []


class SwapArguments(Rewrite):
    """Swap two neighboring arguments of a call, also two rules of a `defvjp`."""

    cases = (("f(a, b, c=1)", "f(b, a, c=1)"), ("defvjp(np.f, p, q)", "defvjp(np.f, q, p)"))

    def texts(self, node):
        called = node.get_previous_leaf()
        if called is None or called.value in ANY_ORDER:
            return
        for (i, a), (j, b) in pairwise(arguments(node)[called.value == "defvjp" :]):
            if "argument" not in (a.type, b.type):  # not positional: keywords and stars
                codes = [child.get_code() for child in node.children[1].children]
                codes[i], codes[j] = f"{a.get_first_leaf().prefix}{text(b)}", f"{b.get_first_leaf().prefix}{text(a)}"
                yield f"({''.join(codes).lstrip()})"


class DropKeyword(Rewrite):
    """Drop a keyword argument of a call."""

    cases = (("f(a, axis=axis)", "f(a)"),)

    def texts(self, node):
        for i, a in arguments(node):
            if a.type == "argument" and i and a.children[1].type == "operator":
                children = node.children[1].children
                yield f"({text(*children[: i - 1], *children[i + 1 :])})"


class SwapParameters(Rewrite):
    """Swap two neighboring parameters, of which at least one is used."""

    cases = (("f = lambda a, b: b", "f = lambda b, a: b"), ("def f(a, b): return a", "def f(b, a): return a"))

    def texts(self, node):
        if node.type not in ("lambdef", "parameters"):
            return
        body = node.children[-1] if node.type == "lambdef" else node.parent.children[-1]
        used = {leaf.value for leaf in ast_nodes(body) if leaf.type == "name"}
        for (i, a), (j, b) in pairwise((i, p) for i, p in enumerate(node.children) if p.type == "param"):
            one, other = a.name.value, b.name.value
            if (one, other) == ("g", "y") or not used & {one, other}:  # many rules are g * y
                continue
            if not (a.star_count or b.star_count or a.default or b.default):
                codes = [child.get_code() for child in node.children]
                codes[i], codes[j] = codes[i].replace(one, other, 1), codes[j].replace(other, one, 1)
                yield "".join(codes).lstrip()


class Negate(Rewrite):
    """Negate the result."""

    cases = (("r = lambda g: g", "r = lambda g: -(g)"), ("def f(a): return a", "def f(a): return -(a)"))

    def texts(self, node):
        if node.type == "lambdef":
            yield f"{text(*node.children[:-1])} -({text(node.children[-1])})"
        elif node.type == "return_stmt":
            function = node.search_ancestor("funcdef")
            annotation = function.annotation if function else None
            if annotation is None or text(annotation) != "bool":
                yield f"return -({text(*node.children[1:])})"


OWN = {op.__name__: op for op in (DropOperand, DropKeyword, SwapOperands, SwapArguments, SwapParameters, Negate)}
NAMES = [f"rules/{name}" for name in OWN]
NAMES += [f"core/{kind}{name}" for kind, listed in CORE.items() for name in listed.split()]

cosmic_ray.plugins.OPERATOR_PROVIDERS["rules"] = OWN
for operator in OWN.values():
    for example in operator.examples():
        assert mutate_code(example.pre_mutation_code, operator(), 0) == example.post_mutation_code
