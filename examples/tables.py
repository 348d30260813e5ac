"""A table that the command line names, read, checked and split by time for a lesson: not a lesson itself.

Whatever is wrong with it ends the program with one line that says what and where, before anything is written.
"""

import argparse
import math
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import pandas as pd
from matplotlib.figure import Figure

import tinygrad_edu as tg

COLOURS, LINES = ("#0072b2", "#d55e00", "#009e73", "#cc79a7"), ("-", "--", "-.", ":")  # told apart by every eye
Part = tuple[Any, Any]  # features (n, k), and the next rows' target (n, 1)


@dataclass(frozen=True)
class Table:
    """Its three parts in order of time, what its columns are called, and the folder for what is drawn of it."""

    train: Part
    valid: Part
    test: Part
    features: list[str]
    target: str
    units: dict[str, str]
    output: Path
    report: str

    def named(self, column: str, name: str = "", power: str = "") -> str:
        """`name` (the column's own by default) with the column's unit, to a power, where it is known."""
        unit = self.units.get(column, "")
        unit = f"({unit}){power}" if power and "/" in unit else unit + power if unit else ""
        return f"{name or column} ({unit})" if unit else name or column

    @contextmanager
    def picture(self, name: str, **labels: Any) -> Iterator[Any]:
        """Axes to draw on, saved with these labels under this name."""
        ax: Any = Figure(figsize=(6, 4), dpi=150, layout="constrained").subplots()
        ax.set_prop_cycle(color=COLOURS, linestyle=LINES)
        yield ax
        labels |= {} if ax.dataLim.y1 > 0 else {"yscale": "linear"}  # a constant target leaves no logarithms to take
        ax.set(**labels)
        ax.legend()
        ax.figure.savefig(self.output / name)


class Parser(argparse.ArgumentParser):
    """Ends the program on bad input: one line, exit status 2."""

    def error(self, message: str) -> NoReturn:
        """Print the message as one line."""
        self.exit(2, f"{self.prog}: {' '.join(message.split())}\n")


def asked_for(description: str | None, csv: str, target: str, units: dict[str, str]) -> Table:
    """The table of the command line; without arguments the `target` and the columns of `units` of the file `csv`."""
    parser = Parser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--csv", default=csv, metavar="FILE", help="your table (default: the lesson's)")
    parser.add_argument("--target", default=target, metavar="COLUMN", help="column to predict (%(default)s)")
    parser.add_argument("--features", default=",".join(units), metavar="A,B,C", help="columns to use (%(default)s)")
    parser.add_argument("--output", default=Path(__file__).parent / "output", type=Path, metavar="DIR")
    args = parser.parse_args([] if "ipykernel" in sys.argv[0] else None)  # those of a notebook are its kernel's
    features, units = [name.strip() for name in args.features.split(",")], units if args.csv == csv else {}
    try:
        (train, valid, test), report = prepare(args.csv, features, args.target)
        args.output.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        parser.error(str(error))
    report += f"; train {len(train[0])}, validate {len(valid[0])}, test {len(test[0])}"
    return Table(train, valid, test, features, args.target, units, args.output, report)


def read(path: str, columns: list[str]) -> pd.DataFrame:
    """The columns of a CSV file as numbers, NaN where one is missing; raises ValueError that says what is wrong."""
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            cells = pd.read_csv(file, header=None, dtype=str)
    except (OSError, ValueError) as error:
        raise ValueError(f"cannot read {path!r}: {getattr(error, 'strerror', None) or error}") from None
    header, table = cells.iloc[0].fillna("").str.strip().tolist(), pd.DataFrame()
    for name in columns:
        if header.count(name) != 1:
            found = f"{header.count(name)} columns" if name in header else "no column"
            raise ValueError(f"{path!r} has {found} {name!r}; its columns are {', '.join(header):.300}")
        text = cells[header.index(name)][1:]
        table[name] = pd.to_numeric(text, errors="coerce").astype(float)
        bad = text.notna() & ~(table[name].abs() < 1e100)
        if bad.any():
            row = bad.idxmax()
            raise ValueError(f"column {name!r} must hold numbers; row {row} has {text[row]!r:.60}")
    return table


def prepare(path: str, features: list[str], target: str) -> tuple[tuple[Part, Part, Part], str]:
    """Training, validation and test parts, each (today's features, the next row's target), and a report."""
    if "" in features or len(set(features)) < len(features):
        raise ValueError(f"--features takes different names, separated by commas, not {','.join(features)!r}")
    table = read(path, list(dict.fromkeys([*features, target])))
    gaps = ", ".join(f"{n} in {name}" for name, n in table.isna().sum().items() if n)
    filled = table.ffill().dropna()
    report = f"{len(table)} rows; missing values: {gaps + ', forward-filled' if gaps else 'none'}"
    if unfilled := len(table) - len(filled):
        report += f"; left out the first {unfilled} rows, with nothing before them to fill from"
    needed = max(8, math.ceil((len(features) + 2) / 0.7) + 1)
    if len(filled) < needed:
        raise ValueError(f"{path!r} is too short: {report}; its features need at least {needed}")
    today, tomorrow = filled[features].to_numpy()[:-1], filled[[target]].to_numpy()[1:]
    train, valid, test = tg.data.train_valid_test_split(today, tomorrow, by="time")
    for name, column in zip(features, train[0].T, strict=True):
        if column.min() == column.max():
            raise ValueError(f"column {name!r} is {column[0]:g} throughout the training rows: leave it out")
    return ((train[0], train[1]), (valid[0], valid[1]), (test[0], test[1])), report
