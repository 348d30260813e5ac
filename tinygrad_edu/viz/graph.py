"""The picture of a graph, read from the tape: boxes, and the edges between them.

A collapsed module is one box, and everything that belongs to it is inside. This module computes nothing, changes
nothing and writes no text; labels.py does that.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from operator import getitem
from typing import Any

import numpy as np

from ..engine.backward import is_leaf, parent, toposort
from ..engine.tape import Node
from ..engine.tensor import Tensor
from ..engine.value import Value
from .scopes import Scope, common_scope, enclosing, find_scopes, home_scope, nest, outermost_collapsed

COMMUTATIVE = {np.add, np.multiply, np.maximum, np.minimum}
LEAVES = ("constant", "variable", "input", "parameter")  # kinds of boxes that no edge leads to


@dataclass(eq=False)
class Box:
    """A box of the picture."""

    kind: str  # operation, backward, module, named, result, folded, or one of LEAVES
    content: Any  # a node, a constant, the scope of a module, or None in a folded box
    scope: Scope | None  # that it is drawn in
    operations: int = 0  # in the box
    leaves: int = 0  # in a folded box
    edge_args: set[int] = field(default_factory=set)  # positions of an operation's arguments that have edges
    has_result: bool = False  # whether the operation's result has its own box


Edge = tuple[Box, Box, int | None]  # tail, head, and the number of the argument where the order matters


@dataclass(eq=False)
class Picture:
    """Boxes and edges, in the order of the tape."""

    boxes: list[Box] = field(default_factory=list)
    edges: list[Edge] = field(default_factory=list)

    def add(self, kind: str, content: Any, scope: Scope | None) -> Box:
        """Add a box and return it."""
        self.boxes.append(Box(kind, content, scope))
        return self.boxes[-1]


def read(roots: Sequence[Tensor | Value], depth: int | str | None) -> Picture:
    """Return the picture of all nodes that the roots were computed from; modules below `depth` are collapsed."""
    return _Reader(roots, depth).picture


class _Reader:
    """Adds the operations to a picture, in the order of the tape. Dictionaries go by id: arrays have no hash."""

    def __init__(self, roots: Sequence[Tensor | Value], depth: int | str | None) -> None:
        nodes = toposort(*roots)[::-1]
        operations = [y for y in nodes if not is_leaf(y)]  # raises ValueError where the graph was freed
        self.picture, self.root_ids = Picture(), {id(x) for x in roots}
        self.scope_of = nest(nodes, find_scopes([*nodes, *roots]), depth)
        self.users: dict[int, list[Scope | None]] = {id(x): [None] for x in roots if not x.argnums}
        for y in operations:  # the scopes of the operations that use a value
            for _, a in _edge_args(y):
                self.users.setdefault(id(a), []).append(self.scope_of[y.order])
        self.box_of: dict[int, Box | None] = {}  # None for what a collapsed module hides
        self.modules: dict[Scope, Box] = {}
        self.connected: set[tuple[Box, Box]] = set()
        for y in operations:
            self.add_operation(y)
        for x in roots:
            if not x.argnums and id(x) not in self.box_of:
                self.picture.add(_leaf_kind(x, self.users[id(x)]), x, None)

    def add_operation(self, y: Tensor | Value) -> None:
        """Add the box of an operation or of the collapsed module around it, its leaves, its edges and its result."""
        scope = self.scope_of[y.order]
        module = outermost_collapsed(scope)
        tails = [(i, self.tail_box(a, scope)) for i, a in _edge_args(y)]
        if module:
            if module not in self.modules:
                self.modules[module] = self.picture.add("module", module, module.parent)
            box = self.modules[module]
        else:
            backward = any(s.module_type is None for s in enclosing(scope))
            box = self.picture.add("backward" if backward else "operation", y, scope)
            box.edge_args = {i for i, _ in tails}
        box.operations += 1
        numbered = not module and len(tails) > 1 and y.fun not in COMMUTATIVE
        for i, tail in tails:
            if tail and tail is not box and not (module and (tail, box) in self.connected):
                self.picture.edges.append((tail, box, i + 1 if numbered else None))
                self.connected.add((tail, box))
        self.box_of[id(y)] = box
        finished = [s for s in enclosing(scope) if any(y is output for output in s.outputs)]
        visible = not module or module in finished
        if id(y) in self.root_ids or (y.label and visible):
            box.has_result = visible
            around = finished[-1].parent if finished and visible else module.parent if module else scope
            kind = "result" if id(y) in self.root_ids else "named"
            self.box_of[id(y)] = result = self.picture.add(kind, y, around)
            self.picture.edges.append((box, result, None))

    def tail_box(self, a: Any, scope: Scope | None) -> Box | None:
        """Return the box of an argument; a leaf or constant gets one at its first use, and a number at every use."""
        if not isinstance(a, Node) and not np.ndim(a):
            return self.leaf_box(a, [scope])
        if id(a) not in self.box_of:
            self.box_of[id(a)] = self.leaf_box(a, self.users[id(a)])
        return self.box_of[id(a)]

    def leaf_box(self, a: Any, users: Sequence[Scope | None]) -> Box | None:
        """Add the box of a leaf or constant, unless all its uses are inside one collapsed module."""
        homes = [home_scope(a, user) for user in users]
        modules = [outermost_collapsed(home) for home in homes]
        hidden_by = {id(m if m.module is None else m.module) if m else None for m in modules}
        if len(hidden_by) == 1 and modules[0]:
            return None
        visible = [m.parent if m else home for m, home in zip(modules, homes, strict=True)]
        return self.picture.add(_leaf_kind(a, users), a, common_scope(visible))


def _edge_args(y: Node) -> Iterator[tuple[int, Any]]:
    """Yield the positions and values of arguments that have edges: nodes, numbers of a ufunc, arrays but no indices."""
    for i, a in enumerate(y.args):
        if isinstance(a, Node):
            yield i, parent(y, i)
        elif isinstance(y.fun, np.ufunc) or (isinstance(a, np.ndarray) and y.fun is not getitem):
            yield i, a


def _leaf_kind(a: Any, users: Sequence[Scope | None]) -> str:
    """Return which of LEAVES a leaf or constant is, from the scopes that use it."""
    scopes = [s for user in users for s in enclosing(user) if s.module_type]
    variable = isinstance(a, Node) and a.requires_grad and not a.argnums  # forward mode leaves results without any
    if variable and any(not s.receives(a) for s in scopes):
        return "parameter"
    if any(id(a) in s.input_ids for s in scopes):
        return "input"
    return "variable" if variable else "constant"


def fold(picture: Picture, max_boxes: int) -> Picture:
    """Return the picture with at most `max_boxes` boxes: one box replaces those in the middle of the tape.

    A stretch of the tape can be one box without making a cycle, because none of it depends on later operations.
    """
    if len(picture.boxes) <= max_boxes:
        return picture
    first_use: dict[Box, Box] = {}
    for tail, head, _ in picture.edges:
        if tail.kind in LEAVES:
            first_use.setdefault(tail, head)
    leaves_of = Counter(first_use.values())
    steps = [b for b in picture.boxes if b.kind not in LEAVES]
    kept: set[Box] = set()
    for side in (steps[::-1], steps):
        budget = max_boxes // 2 - 1  # one for the folded box
        for b in side:
            budget -= 1 + leaves_of[b]
            if budget < 0 and b is not side[0]:
                break
            kept.add(b)
    picture = _folded(picture, [b for b in steps if b not in kept])
    if len(picture.boxes) <= max_boxes:
        return picture
    leaves = [b for b in picture.boxes if b.kind in LEAVES]  # one operation has thousands of them
    budget = max(max_boxes - 1 - (len(picture.boxes) - len(leaves)), 2) // 2
    return _folded(picture, leaves[budget:-budget])


def _folded(picture: Picture, boxes: list[Box]) -> Picture:
    """Return the picture with one box in the place of these boxes and of the leaves that only they use."""
    if len(boxes) < 2:
        return picture
    gone = set(boxes)
    used_elsewhere = {tail for tail, head, _ in picture.edges if head not in gone}
    gone |= {t for t, head, _ in picture.edges if head in gone and t.kind in LEAVES and t not in used_elsewhere}
    folded = Box("folded", None, common_scope([b.scope for b in gone]))
    folded.operations = sum(b.operations for b in gone)
    folded.leaves = sum(b.kind in LEAVES for b in gone)
    edges: dict[tuple[Box, Box, int | None], Edge] = {}  # only one between the folded box and another
    for n, (tail, head, number) in enumerate(picture.edges):
        t, h = (folded if b in gone else b for b in (tail, head))
        if t is not h:
            edges.setdefault((t, h, None if folded in (t, h) else n), (t, h, None if h is folded else number))
    at = picture.boxes.index(boxes[0])
    kept = [*picture.boxes[:at], folded, *picture.boxes[at:]]
    return Picture([b for b in kept if b not in gone], list(edges.values()))
