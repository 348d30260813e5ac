"""Show an exercise with its blanks filled, and run it: `python examples/exercises/solutions four_steps`.

`four_steps.txt` holds the blanks of `four_steps.py` alone, one a line, in their order.
"""

import io
import runpy
import sys
import tempfile
import tokenize
from pathlib import Path

SOLUTIONS = Path(__file__).parent
EXERCISES = SOLUTIONS.parent


def filled(exercise: str, blanks: list[str]) -> str:
    """Return the program with each `...` replaced; raises ValueError if their numbers differ."""
    tokens = tokenize.generate_tokens(io.StringIO(exercise).readline)
    places = [token.start for token in tokens if token.type == tokenize.OP and token.string == "..."]
    lines = exercise.splitlines(keepends=True)
    for (row, column), blank in reversed(list(zip(places, blanks, strict=True))):
        line = lines[row - 1]
        lines[row - 1] = line[:column] + blank + line[column + 3 :]
    return "".join(lines)


def solution(name: str) -> list[str]:
    """Return what belongs into the blanks of an exercise."""
    return (SOLUTIONS / f"{name}.txt").read_text(encoding="utf-8").splitlines()


if __name__ == "__main__":
    name, names = Path(sys.argv[-1]).stem, sorted(path.stem for path in SOLUTIONS.glob("*.txt"))
    if name not in names:
        raise SystemExit(f"Which exercise? It is one of {', '.join(names)}.")
    program = filled((EXERCISES / f"{name}.py").read_text(encoding="utf-8"), solution(name))
    print(program)
    sys.path.insert(0, str(EXERCISES))
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / f"{name}.py").write_text(program, encoding="utf-8")
        runpy.run_path(str(Path(folder) / f"{name}.py"), run_name="__main__")
