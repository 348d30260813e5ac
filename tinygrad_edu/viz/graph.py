"""What a picture shows, read from the tape: boxes, the arrows between them, and the frames around them.

A frame is the call of a module: the stretch of the tape that `Module.__call__` noted. A closed one is drawn as one box,
with all that belongs to the module. What `gradients(..., create_graph=True)` recorded is noted the same way, and told
apart. Nothing is computed or changed here, and nothing is text yet: labels.py writes it.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from operator import attrgetter, getitem
from typing import Any

import numpy as np

from ..engine.backward import parent, toposort
from ..engine.tensor import Node

COMMUTATIVE = {np.add, np.multiply, np.maximum, np.minimum}
SOURCES = ("constant", "variable", "input", "parameter")  # boxes that no arrow leads to; the last that holds is told


@dataclass(eq=False)
class Frame:
    """A module's call, or a pass of `gradients`, which is coloured and not framed."""

    whose: Any  # the module, None where it is gone
    kind: type | None  # its class, None for a pass of `gradients`
    start: int  # on the tape
    stop: int
    given: set[int]  # the ids of what it was called with
    owned: set[int]  # the ids of the module's tensors
    outputs: list[Node] = field(default_factory=list)
    outer: "Frame | None" = None
    layered: bool = False  # whether other modules were called within
    closed: bool = False
    call: tuple[int, int] = (1, 1)  # which of how many calls of the module

    def brings_in(self, a: Any) -> bool:
        """Whether a came from outside: given, or a tensor that was there before and is not the module's own."""
        if id(a) in self.given:
            return True
        own = id(a) in self.owned or (self.whose is None and self.kind is not None)  # who is gone is believed to own it
        return isinstance(a, Node) and a.requires_grad and a.order > self.start and not own


@dataclass(eq=False)
class Box:
    """A box of the picture."""

    kind: str  # operation, backward, module, result, folded, or one of SOURCES
    of: Any  # a node, a frame, or a constant; of a fold how many sources are in it
    frame: Frame | None  # that it is drawn in
    operations: int = 0
    arguments: set[int] = field(default_factory=set)  # of an operation: those that have arrows
    named: bool = False  # of an operation: its result has a box of its own


@dataclass(eq=False)
class Picture:
    """Boxes in the order of the tape, and arrows: (tail, head, the argument's number where that matters)."""

    boxes: list[Box]
    arrows: list[tuple[Box, Box, int | None]]


def read(roots: Sequence[Node], depth: int | str | None) -> Picture:
    """All that the roots were made from, in modules that are closed from `depth` on."""
    nodes = toposort(*roots)[::-1]
    within = _within(nodes, _frames([*nodes, *roots]), depth)
    steps = [y for y in nodes if y.fun is not None]
    asked = {id(x) for x in roots}
    uses: dict[int, list[Frame | None]] = {id(x): [None] for x in roots if x.fun is None}
    for y in steps:
        for _, a in _arguments(y):
            uses.setdefault(id(a), []).append(within[y.order])
    boxes: list[Box] = []
    arrows: list[tuple[Box, Box, int | None]] = []
    drawn: dict[int, Box | None] = {}  # by identity, as arrays have no hash; None for what lies in a closed module
    fed: set[tuple[Box, Box]] = set()

    def box(kind: str, of: Any, frame: Frame | None) -> Box:
        boxes.append(Box(kind, of, frame))
        return boxes[-1]

    def source(a: Any, users: list[Frame | None]) -> Box | None:
        homes = [_home(a, user) for user in users]
        shut = [_shut(home) for home in homes]
        if len({id(s if s.whose is None else s.whose) if s else None for s in shut}) == 1 and shut[0]:
            return None
        return box(_source(a, users), a, _common([s.outer if s else h for s, h in zip(shut, homes, strict=True)]))

    modules: dict[Frame, Box] = {}
    for y in steps:
        frame = within[y.order]
        shut, tails = _shut(frame), []
        for i, a in _arguments(y):
            if not isinstance(a, Node) and not np.ndim(a):
                tails.append((i, source(a, [frame])))  # a number, drawn anew at each use
                continue
            if id(a) not in drawn:
                drawn[id(a)] = source(a, uses[id(a)])
            tails.append((i, drawn[id(a)]))
        if shut:
            step = modules[shut] = modules.get(shut) or box("module", shut, shut.outer)
        else:
            step = box("backward" if _passes_back(frame) else "operation", y, frame)
            step.arguments = {i for i, _ in tails}
        step.operations += 1
        numbered = not shut and len(tails) > 1 and y.fun not in COMMUTATIVE
        for i, tail in tails:
            if tail and tail is not step and not (shut and (tail, step) in fed):
                arrows.append((tail, step, i + 1 if numbered else None))
                fed.add((tail, step))
        drawn[id(y)] = step
        ended = [f for f in surrounding(frame) if any(y is output for output in f.outputs)]
        whole = not shut or shut in ended
        if id(y) in asked or (y.label and whole):
            step.named = whole
            outside = ended[-1].outer if ended and whole else shut.outer if shut else frame
            drawn[id(y)] = result = box("result", y, outside)
            arrows.append((step, result, None))
    for x in roots:
        if x.fun is None and id(x) not in drawn:
            box(_source(x, uses[id(x)]), x, None)
    return Picture(boxes, arrows)


def fold(picture: Picture, most: int) -> Picture:
    """The picture in `most` boxes: what stands in the middle of the tape becomes one that says how much it is.

    A stretch of the tape can be drawn as one without going in circles: nothing in it is made from what comes later.
    """
    if len(picture.boxes) <= most:
        return picture
    first: dict[Box, Box] = {}
    for tail, head, _ in picture.arrows:
        if tail.kind in SOURCES:
            first.setdefault(tail, head)
    brought = Counter(first.values())
    steps = [b for b in picture.boxes if b.kind not in SOURCES]
    kept: set[Box] = set()
    for run in (steps[::-1], steps):
        room = most // 2 - 1  # for the note
        for b in run:
            room -= 1 + brought[b]
            if room < 0 and b is not run[0]:
                break
            kept.add(b)
    picture = _folded(picture, [b for b in steps if b not in kept])
    if len(picture.boxes) <= most:
        return picture
    sources = [b for b in picture.boxes if b.kind in SOURCES]  # thousands of them lead to one box
    room = max(most - 1 - (len(picture.boxes) - len(sources)), 2) // 2
    return _folded(picture, sources[room:-room])


def _folded(picture: Picture, boxes: list[Box]) -> Picture:
    """The picture with these boxes, and all that leads to them alone, as one."""
    if len(boxes) < 2:
        return picture
    gone = set(boxes)
    elsewhere = {tail for tail, head, _ in picture.arrows if head not in gone}
    gone |= {t for t, head, _ in picture.arrows if head in gone and t.kind in SOURCES and t not in elsewhere}
    note = Box("folded", sum(b.kind in SOURCES for b in gone), _common([b.frame for b in gone]))
    note.operations = sum(b.operations for b in gone)
    at = picture.boxes.index(boxes[0])
    arrows: dict[Any, tuple[Box, Box, int | None]] = {}  # each pair once where the note is one of it
    for n, (tail, head, number) in enumerate(picture.arrows):
        t, h = note if tail in gone else tail, note if head in gone else head
        if t is not h:
            touched = t is note or h is note
            arrows.setdefault((t, h, None if touched else n), (t, h, None if h is note else number))
    kept = [*picture.boxes[:at], note, *picture.boxes[at:]]
    return Picture([b for b in kept if b not in gone], list(arrows.values()))


def _arguments(y: Node) -> Iterator[tuple[int, Any]]:
    """Positions and arguments of y that have an arrow: nodes, numbers of a ufunc, and arrays that are no index."""
    for i, a in enumerate(y.args):
        if isinstance(a, Node):
            yield i, parent(y, i)
        elif isinstance(y.fun, np.ufunc) or (isinstance(a, np.ndarray) and y.fun is not getitem):
            yield i, a


def _frames(nodes: list[Node]) -> list[Frame]:
    """The frames that nodes and their arguments came out of, in the order of the tape."""
    frames: dict[int, Frame] = {}
    known: dict[int, list[Frame]] = {}
    for node in {id(a): a for y in nodes for a in (y, *y.args) if isinstance(a, Node)}.values():
        span = getattr(node, "span", None)
        while span:
            whose, kind, start, stop, given, span = span
            if start not in frames:
                frames[start] = frame = Frame(
                    whose and whose(), kind, start, stop, {given} if isinstance(given, int) else set(given), set()
                )
                known.setdefault(id(frame.whose), []).append(frame)
            frames[start].stop = min(frames[start].stop, stop)
            if node.order == stop:  # else it was assigned to since then
                frames[start].outputs.append(node)
    for calls in known.values():
        module = calls[0].whose
        owned = {id(t) for t in module.tensors().values()} if module is not None else set()
        calls.sort(key=attrgetter("start"), reverse=True)
        for n, frame in enumerate(calls):
            frame.owned = owned
            if module is not None:
                frame.call = n + 1, len(calls)
    return sorted(frames.values(), key=attrgetter("start"), reverse=True)


def _within(nodes: list[Node], frames: list[Frame], depth: int | str | None) -> dict[int, Frame | None]:
    """The innermost frame of each node, by its place; on the way, which frame is in which, and which are closed."""
    within: dict[int, Frame | None] = {}
    inner: Frame | None = None
    coming = frames[::-1]
    for y in nodes:
        while coming and coming[-1].start > y.order:
            frame = coming.pop()
            while inner and inner.stop > frame.start:
                inner = inner.outer
            frame.outer, inner = inner, frame
            if frame.kind:
                for f in surrounding(frame.outer):
                    f.layered = True
        while inner and inner.stop > y.order:
            inner = inner.outer
        within[y.order] = inner
    for frame in frames:
        level = sum(f.kind is not None for f in surrounding(frame.outer))
        frame.closed = frame.kind is not None and (not frame.layered if depth == "layers" else level == depth)
    return within


def surrounding(frame: Frame | None) -> Iterator[Frame]:
    """A frame and those around it, innermost first."""
    while frame:
        yield frame
        frame = frame.outer


def _shut(frame: Frame | None) -> Frame | None:
    """The outermost closed frame around."""
    return next((f for f in reversed([*surrounding(frame)]) if f.closed), None)


def _passes_back(frame: Frame | None) -> bool:
    return any(f.kind is None for f in surrounding(frame))


def _home(a: Any, user: Frame | None) -> Frame | None:
    """The innermost frame around the operation that uses it that a did not come into from outside."""
    home = user
    for frame in surrounding(user):
        if frame.kind is None or frame.brings_in(a):
            home = frame.outer
    return home


def _source(a: Any, users: list[Frame | None]) -> str:
    """Which of SOURCES a leaf or constant is, by all its uses."""
    frames = [f for user in users for f in surrounding(user) if f.kind]
    variable = isinstance(a, Node) and a.requires_grad and a.fun is None
    if variable and any(not f.brings_in(a) for f in frames):
        return "parameter"
    if any(id(a) in f.given for f in frames):
        return "input"
    return "variable" if variable else "constant"


def _common(frames: list[Frame | None]) -> Frame | None:
    """The innermost frame around all of these."""
    shared = [*surrounding(frames[0])]
    for frame in frames[1:]:
        around = {*surrounding(frame)}
        shared = [f for f in shared if f in around]
    return shared[0] if shared else None
