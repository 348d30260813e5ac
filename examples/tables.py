"""Read a table for a lesson: parse the command line, check the CSV file, and split its rows by time.

This module is not a lesson itself. If the input is wrong, the program ends with a one-line message, and writes no file.
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

# Readers with color blindness can tell these colors and line styles apart.
COLORS, LINES = ("#0072b2", "#d55e00", "#009e73", "#cc79a7"), ("-", "--", "-.", ":")
Part = tuple[Any, Any]  # features (n, k), and the next rows' target (n, 1)


@dataclass(frozen=True)
class Table:
    """The data in three parts, in order of time; the names and units of the columns; the folder for pictures."""

    train: Part
    valid: Part
    test: Part
    features: list[str]
    target: str
    units: dict[str, str]
    output: Path
    report: str

    def with_unit(self, column: str, name: str = "", power: str = "") -> str:
        """Return `name` (default: the column's name), followed by the column's unit, to this power, if it is known."""
        unit = self.units.get(column, "")
        unit = f"({unit}){power}" if power and "/" in unit else unit + power if unit else ""
        return f"{name or column} ({unit})" if unit else name or column

    @contextmanager
    def picture(self, name: str, **labels: Any) -> Iterator[Any]:
        """Give matplotlib Axes to draw on, then add the labels and save the picture as `name`."""
        ax: Any = Figure(figsize=(6, 4), dpi=150, layout="constrained").subplots()
        ax.set_prop_cycle(color=COLORS, linestyle=LINES)
        yield ax
        ax.set(**labels | ({} if ax.dataLim.y1 > 0 else {"yscale": "linear"}))  # values of 0 have no logarithm
        ax.legend()
        ax.figure.savefig(self.output / name)


class Parser(argparse.ArgumentParser):
    """A parser that ends the program on bad input, with a one-line message and exit status 2."""

    def error(self, message: str) -> NoReturn:
        """Print the message on one line, and exit."""
        self.exit(2, f"{self.prog}: {' '.join(message.split())}\n")


def parse_table(description: str | None, csv: str, target: str, units: dict[str, str]) -> Table:
    """Return the table that the command line names; by default columns `units` and `target` of the file `csv`."""
    parser = Parser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--csv", default=csv, metavar="FILE", help="your table (default: the lesson's)")
    parser.add_argument("--target", default=target, metavar="COLUMN", help="column to predict (%(default)s)")
    parser.add_argument("--features", default=",".join(units), metavar="A,B,C", help="columns to use (%(default)s)")
    parser.add_argument("--output", default=Path(__file__).parent / "output", type=Path, metavar="DIR")
    args = parser.parse_args([] if "ipykernel" in sys.argv[0] else None)  # in a notebook, sys.argv is the kernel's
    features, units = [name.strip() for name in args.features.split(",")], units if args.csv == csv else {}
    try:
        (train, valid, test), report = prepare(args.csv, features, args.target)
        args.output.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        parser.error(str(error))
    report += f"; train {len(train[0])}, validate {len(valid[0])}, test {len(test[0])}"
    return Table(train, valid, test, features, args.target, units, args.output, report)


def read(path: str, columns: list[str]) -> pd.DataFrame:
    """Return columns of a CSV file as numbers, with NaN for missing values; raise ValueError if the file is wrong."""
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            cells = pd.read_csv(file, header=None, dtype=str)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error).rstrip()
        why += "; commas must separate values, as many in each row" * isinstance(error, pd.errors.ParserError)
        raise ValueError(f"cannot read {path!r}: {why}") from None
    header, table = cells.iloc[0].fillna("").str.strip().tolist(), pd.DataFrame()
    for name in columns:
        if header.count(name) != 1:
            found = f"{header.count(name)} columns" if name in header else "no column"
            raise ValueError(f"{path!r} has {found} {name!r}; its columns are {', '.join(header):.300}")
        text = cells[header.index(name)][1:]
        table[name] = pd.to_numeric(text, errors="coerce").astype(float)
        if (bad := text.notna() & ~(table[name].abs() < 1e100)).any():
            row = bad.idxmax()
            raise ValueError(f"column {name!r} must hold numbers; row {row} has {text[row]!r:.60}")
    return table


def prepare(path: str, features: list[str], target: str) -> tuple[tuple[Part, Part, Part], str]:
    """Return ((train, valid, test), report); each part is (features, target of the next row)."""
    if "" in features or len(set(features)) < len(features):
        raise ValueError(f"--features needs different names, separated by commas, but got {','.join(features)!r}")
    table = read(path, list(dict.fromkeys([*features, target])))
    gaps = ", ".join(f"{n} in {name}" for name, n in table.isna().sum().items() if n)
    filled = table.ffill().dropna()
    report = f"{len(table)} rows; missing values: {gaps + ', forward-filled' if gaps else 'none'}"
    if unfilled := len(table) - len(filled):
        report += f"; left out the first {unfilled} rows, which have no earlier value to fill from"
    if len(filled) < (needed := max(8, math.ceil((len(features) + 2) / 0.7) + 1)):
        raise ValueError(f"{path!r} is too short: {report}; {len(features)} features need at least {needed} rows")
    today, tomorrow = filled[features].to_numpy()[:-1], filled[[target]].to_numpy()[1:]
    train, valid, test = tg.data.train_valid_test_split(today, tomorrow, by="time")
    for name, column in zip(features, train[0].T, strict=True):
        if column.min() == column.max():
            raise ValueError(f"column {name!r} is {column[0]:g} in all training rows: remove it from --features")
    return ((train[0], train[1]), (valid[0], valid[1]), (test[0], test[1])), report
