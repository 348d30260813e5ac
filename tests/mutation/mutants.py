"""All mutants of a file of rules."""

import ast
import difflib
import functools
import re
import uuid
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator
from cosmic_ray.work_item import MutationSpec, WorkItem
from operators import NAMES

ROOT = Path(__file__).resolve().parents[2]
RULES = ROOT / "tinygrad_edu" / "engine" / "rules"


@dataclass(eq=False)
class Mutant:
    """The source of a file of rules with one mistake in it."""

    page: str
    source: str
    where: str  # the function whose rule or definition was changed
    concerned: set[str]  # the names of the functions whose tests are likely to notice
    change: list[str]  # a diff
    item: WorkItem

    @property
    def name(self):
        """Return the name of this mutant in survivors.toml: the function and the changed lines."""
        lines = [line[1:] for line in self.change[2:] if line.startswith("+")]
        return f"{self.where}: {' '.join(' '.join(lines).split())}"


def mutants(page):
    """Return one mutant for each place and operator, without invalid Python and without duplicates."""
    path = RULES / f"{page}.py"
    source = path.read_text("utf-8")
    texts = {node: node.get_code() for node in get_ast(source).children}  # a single statement is quick to parse again
    trees = {node: ast.parse(text) for node, text in texts.items()}
    skipped, occurrences, end = list(unread(ast.parse(source))), Counter(), 0
    for statement, text in texts.items():
        before, after = source[:end], source[end + len(text) :]
        end += len(text)
        seen = {ast.dump(trees[statement])}
        for name in NAMES:
            operator = get_operator(name)()
            places = [(node, *place) for node in ast_nodes(statement) for place in operator.mutation_positions(node)]
            for i, (node, *place) in enumerate(places):
                spec = MutationSpec(path.relative_to(ROOT), name, occurrences[name], *place)
                occurrences[name] += 1
                if any(first <= spec.start_pos < last for first, last in skipped) or bare_star(node):
                    continue
                mutated = mutate_code(text, operator, i)
                meaning = dump(mutated)
                if meaning and meaning not in seen:
                    seen.add(meaning)
                    yield Mutant(
                        page,
                        before + mutated + after,
                        title(trees[statement]),
                        concerned(trees[statement], trees.values()),
                        list(
                            difflib.unified_diff(
                                *(t.strip().splitlines() for t in (text, mutated)), page, page, n=0, lineterm=""
                            )
                        ),
                        WorkItem.single(uuid.uuid4().hex, spec),
                    )


def unread(tree):
    """Return the places (start, end) of annotations and decorators, which are not mutated."""
    for node in ast.walk(tree):
        for field in ("annotation", "returns", "decorator_list"):
            found = getattr(node, field, None) or []
            for part in found if isinstance(found, list) else [found]:
                yield (part.lineno, part.col_offset), (part.end_lineno, part.end_col_offset)


def bare_star(node):
    """Whether node is the star in `def f(a, *, b)`, which cosmic-ray mistakes for a product."""
    return node.type == "operator" and node.parent.type in ("parameters", "lambdef")


def dump(text):
    """Return the syntax tree of text as a string, or None for invalid Python; reshape treats -2 as -1."""
    try:
        return ast.dump(ast.parse(re.sub(r"(reshape\(\(?[^()\[\]]*\[?)- 2\b", r"\1-1", text)))
    except SyntaxError:
        return None


def title(tree):
    """Return `f` for a definition of f, `np.f` for `defvjp(np.f, ...)` and for `composition(np.f)(...)`."""
    statement = tree.body[0]
    call = statement.value if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call) else None
    if call and isinstance(call.func, ast.Call):
        call = call.func
    return ast.unparse(call.args[0]) if call and call.args else getattr(statement, "name", ast.unparse(statement)[:40])


@functools.cache
def names(tree):
    found = (getattr(node, field, None) for node in ast.walk(tree) for field in ("attr", "id", "name"))
    return {name for name in found if name}


def concerned(tree, trees):
    """Return the names in a statement, and in all statements that use its definitions, directly or not."""
    found = [tree]
    for one in found:
        defined = getattr(one.body[0], "name", None)
        found += [other for other in trees if defined in names(other) and other not in found]
    return set().union(*map(names, found))
