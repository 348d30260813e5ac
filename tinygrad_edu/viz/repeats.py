"""Repeated blocks of a picture: twelve equal blocks in a row are drawn as the first of them, with "x 12" in its title.

A block is one module, or several modules and operations between them, such as Linear and ReLU. Blocks are equal if
their modules, operations, shapes and labels are, whatever their parameters hold; each must read the one before it.
"""

from collections.abc import Hashable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..engine.tensor import Tensor
from ..engine.value import Value
from .graph import LEAVES, Box, Edge, Picture
from .labels import call
from .scopes import Scope, enclosing, frames_around
from .values import format_value

FEWEST = 3  # blocks in a row that are drawn as one
LONGEST = 12  # modules and operations of a block
MAX_ROWS = 30  # rows inside one module, the longest first: to find each takes a pass over the picture


class _Item(NamedTuple):
    """A module with all its boxes, or one operation with its numbers."""

    key: Scope | Box
    boxes: list[Box]


def fold_repeats(picture: Picture) -> Picture:
    """Return the picture with one block in the place of each row of at least three equal ones, inside blocks too."""
    children: dict[Scope | None, set[Scope]] = {}
    for box in picture.boxes:
        path = _path(box)
        for parent, child in zip([None, *path], path, strict=False):
            children.setdefault(parent, set()).add(child)
    for parent in [p for p, inside in children.items() if len(inside) >= FEWEST]:  # outer ones first
        for _ in range(MAX_ROWS):
            row = _longest_row(picture, parent)
            if row is None:
                break
            picture = _folded(picture, parent, row)
    return picture


def _path(box: Box) -> list[Scope]:
    """Return the frames around a box, outermost first, and the module that it stands for, if it does."""
    around = frames_around(box.scope)[::-1]
    return [*around, box.content] if box.kind == "module" else around


def _items(picture: Picture, parent: Scope | None) -> list[_Item]:
    """Return the modules and the operations directly inside `parent`, in the order of the tape."""
    items: dict[Scope | Box, _Item] = {}
    key_of: dict[Box, Scope | Box] = {}
    for box in picture.boxes:
        path: list[Any] = [None, *_path(box)]
        if parent not in path:
            continue
        inside = path[path.index(parent) + 1 :]
        key = inside[0] if inside else box
        if key is not box or box.kind not in LEAVES:
            key_of[box] = key
            items.setdefault(key, _Item(key, [])).boxes.append(box)
    for tail, head, _ in picture.edges:
        if tail.kind == "constant" and tail not in key_of and not np.ndim(tail.content) and key_of.get(head) is head:
            items[head].boxes.append(tail)  # a number has one box for each use
    return list(items.values())


def _longest_row(picture: Picture, parent: Scope | None) -> list[list[_Item]] | None:
    """Return the row of equal blocks inside `parent` that takes most space, or None if there is none."""
    items = _items(picture, parent)
    looks = [tuple(_look(box, parent) for box in item.boxes) for item in items]
    best: list[list[_Item]] = []
    covered = 0
    for size in range(1, min(LONGEST, len(items) // FEWEST) + 1):
        for start, stop in _stretches(looks, size):
            starts = range(start, min(start + size, stop - FEWEST * size + 1))
            for first in sorted(starts, key=lambda i: not _has_parameters(items[i])):  # at a layer, not its activation
                blocks = [items[i : i + size] for i in range(first, stop - size + 1, size)]
                if len(blocks) * size > covered and any(isinstance(item.key, Scope) for item in blocks[0]):
                    blocks = blocks[: _chained([_boxes(block) for block in blocks], picture.edges)]
                    if len(blocks) >= FEWEST and len(blocks) * size > covered:
                        best, covered = blocks, len(blocks) * size
    return best or None


def _stretches(looks: Sequence[Hashable], size: int) -> Iterator[tuple[int, int]]:
    """Yield the start and the stop of each stretch in which every item looks like the one `size` items later."""
    start = 0
    while start + FEWEST * size <= len(looks):
        stop = start + size
        while stop < len(looks) and looks[stop] == looks[stop - size]:
            stop += 1
        if stop - start >= FEWEST * size:
            yield start, stop
        start = stop - size + 1


def _boxes(block: Sequence[_Item]) -> list[Box]:
    return [box for item in block for box in item.boxes]


def _has_parameters(item: _Item) -> bool:
    return isinstance(item.key, Scope) and item.key.module is not None and bool(item.key.module.parameters())


def _look(box: Box, parent: Scope | None) -> Hashable:
    """Return what must be equal in equal blocks: the modules around, the call, the shape, the number."""
    x, path = box.content, _path(box)
    around = tuple(s.module.describe() if s.module else str(s.module_type) for s in path if s is not parent)
    if isinstance(x, Scope):
        return box.kind, around, tuple(np.shape(y.data) for y in x.outputs)
    if not isinstance(x, (Tensor, Value)):
        return box.kind, around, format_value(x)
    if box.edge_args:
        return box.kind, around, np.shape(x.data), call(x, box.edge_args)
    return box.kind, around, np.shape(x.data), None if box.kind == "parameter" else x.label


def _chained(blocks: Sequence[Sequence[Box]], edges: Sequence[Edge]) -> int:
    """Return how many of the blocks, from the first on, are wired alike, each to the one before it and to no other.

    What all blocks read, such as a mask, may be outside.
    """
    place = {box: (k, i) for k, block in enumerate(blocks) for i, box in enumerate(block)}
    inner: list[list[object]] = [[] for _ in blocks]
    arriving: list[list[tuple[Box, object]]] = [[] for _ in blocks]
    readers: list[set[int]] = [set() for _ in blocks]  # of each block, with -1 for all that is outside
    for tail, head, number in edges:
        (k, i), (to, j) = place.get(tail, (-1, 0)), place.get(head, (-1, 0))
        if k == to >= 0:
            inner[k].append((i, j, number))
        elif to >= 0:
            arriving[to].append((tail, (j, number)))
        if to != k >= 0:
            readers[k].add(to)

    def links(k: int) -> list[tuple[int | Box, object]]:
        """Return where the block's arguments come from: places in the block before, or boxes outside."""
        return [(place[a][1] if place.get(a, (-1,))[0] == k - 1 else a, to) for a, to in arriving[k]]

    wired = links(1)
    places = {to for _, to in arriving[0]} <= {to for _, to in wired}  # the first may read an array that is in no box
    shared = all(isinstance(source, int) or (source, to) in arriving[0] for source, to in wired)
    for k in range(1, len(blocks)):
        if not (places and shared and inner[k] == inner[0] and links(k) == wired and readers[k - 1] == {k}):
            return k
    return len(blocks)


def _folded(picture: Picture, parent: Scope | None, row: Sequence[Sequence[_Item]]) -> Picture:
    """Return the picture with the first block of a row only; what reads the last block now reads the first one."""
    block = row[0]
    if len(block) == 1 and isinstance(block[0].key, Scope):
        block[0].key.repeats = len(row)
    else:
        frame = Scope(None, None, 0, 0, set(), parent=parent, repeats=len(row))
        for item in block:
            for box in item.boxes:
                if not any(scope is item.key for scope in enclosing(box.scope)):
                    box.scope = frame
            if isinstance(item.key, Scope):
                item.key.parent = frame
    of_first = dict(zip(_boxes(row[-1]), _boxes(block), strict=True))
    gone = {box for other in row[1:] for box in _boxes(other)}
    edges = [(of_first.get(tail, tail), head, n) for tail, head, n in picture.edges if head not in gone]
    return Picture([box for box in picture.boxes if box not in gone], edges)
