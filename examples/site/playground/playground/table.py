"""A table that somebody pasted: a CSV file's text, read into features and a target."""

import csv
import math
from dataclasses import dataclass

from tinygrad_edu.engine.reprs import counted

from .settings import SettingError

MAX_ROWS, MIN_ROWS, MAX_FEATURES, MAX_CLASSES = 2000, 8, 8, 10


@dataclass(frozen=True)
class Table:
    """Rows of numbers, the target last. `classes` has the name of each class, and is empty for a regression."""

    names: tuple[str, ...]
    rows: tuple[tuple[float, ...], ...]
    classes: tuple[str, ...]

    @property
    def features(self) -> int:
        """The number of columns before the target."""
        return len(self.names) - 1

    def text(self) -> str:
        """Return the rows as CSV text of numbers alone, without a header; each number keeps all its digits."""
        whole = {self.features} if self.classes else set()
        return "\n".join(
            ",".join(str(int(v)) if i in whole else repr(v) for i, v in enumerate(row)) for row in self.rows
        )


def read_table(text: str) -> Table:
    """Read CSV text: a row a line, the last column is the target, and the first line may be a header.

    Columns are separated by commas, semicolons, tabs or spaces; lines that begin with # are left out. A target of
    words, or of at most ten different whole numbers, is a class. Raises SettingError, which names the line.
    """
    lines = [(n, line) for n, line in enumerate(text.removeprefix("\ufeff").splitlines(), 1)]
    lines = [(n, line) for n, line in lines if line.strip() and line.lstrip()[0] != "#"]
    if not lines:
        raise _error("the table is empty; paste rows such as 0.5, 1.2, 0 with the target in the last column")
    cells = [(n, _cells(line, _delimiter(lines[0][1]))) for n, line in lines]
    width = len(cells[0][1])
    header = not all(_is_number(cell) for cell in cells[0][1][:-1]) or (
        width > 1 and not _is_number(cells[0][1][-1]) and len(cells) > 1 and _is_number(cells[1][1][-1])
    )
    names = tuple(cells[0][1]) if header else (*(f"x{i + 1}" for i in range(width - 1)), "target")
    body = cells[1:] if header else cells
    _check_shape(body, width)
    features = [tuple(_number(n, cell) for cell in row[:-1]) for n, row in body]
    targets, classes = _targets([(n, row[-1]) for n, row in body])
    return Table(names, tuple((*x, y) for x, y in zip(features, targets, strict=True)), classes)


def _error(message: str) -> SettingError:
    return SettingError("table", message)


def _delimiter(line: str) -> str:
    return next((d for d in "\t;," if d in line), " ")


def _cells(line: str, delimiter: str) -> list[str]:
    if delimiter == " ":
        return line.split()
    cells = [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter, skipinitialspace=True))]
    return cells if delimiter == "," else [_with_point(cell) for cell in cells]


def _with_point(cell: str) -> str:
    """Return 1.5 for 1,5, as tables are written where the comma is the decimal sign."""
    return cell.replace(",", ".") if cell.count(",") == 1 and _is_number(cell.replace(",", ".")) else cell


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _number(n: int, cell: str) -> float:
    if not _is_number(cell):
        raise _error(f"line {n}: {cell!r:.40} is not a number; all columns but the last hold numbers")
    if not math.isfinite(float(cell)) or abs(float(cell)) > 1e100:
        raise _error(f"line {n}: {cell[:40]} is missing, infinite or too large; leave out the row")
    return float(cell)


def _check_shape(body: list[tuple[int, list[str]]], width: int) -> None:
    if not 2 <= width <= MAX_FEATURES + 1:
        raise _error(
            f"the table has {counted(width, 'column')}; it takes 1 to {MAX_FEATURES} features, and the target last"
        )
    for n, row in body:
        if len(row) != width:
            raise _error(f"line {n} has {counted(len(row), 'column')}, and the first line has {width}")
    if not MIN_ROWS <= len(body) <= MAX_ROWS:
        raise _error(f"the table has {counted(len(body), 'row')} of data; it takes {MIN_ROWS} to {MAX_ROWS:,}")


def _targets(cells: list[tuple[int, str]]) -> tuple[list[float], tuple[str, ...]]:
    """Return the targets, class numbers if they are classes, and the classes' names."""
    texts = [cell for _, cell in cells]
    words = not all(map(_is_number, texts))
    if words and any(not cell for cell in texts):
        raise _error(f"line {next(n for n, cell in cells if not cell)}: the target in the last column is missing")
    numbers = [] if words else [_number(n, cell) for n, cell in cells]
    if not words and (len(set(numbers)) > MAX_CLASSES or any(v != int(v) for v in numbers)):
        if len(set(numbers)) == 1:
            raise _error(f"the target is {numbers[0]:g} in every row, so there is nothing to learn")
        return numbers, ()
    kinds = sorted(set(texts)) if words else [str(int(v)) for v in sorted(set(numbers))]
    if not 2 <= len(kinds) <= MAX_CLASSES:
        found = "1 class" if len(kinds) == 1 else f"{len(kinds)} different classes"
        raise _error(f"the target has {found}; it takes 2 to {MAX_CLASSES}, or numbers")
    index = {kind: float(i) for i, kind in enumerate(kinds)}
    return [index[text if words else str(int(float(text)))] for text in texts], tuple(kinds)
