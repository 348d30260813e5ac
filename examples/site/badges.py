"""Make the badges of the README from pyproject.toml: pictures in `examples/gallery/`, so that no service is asked.

python examples/site/badges.py
"""

import re
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
GALLERY = ROOT / "examples" / "gallery"
BLUE, GREEN = "#00598c", "#00694d"  # white text on them has a contrast above 6
BADGE = """\
<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="20" role="img" aria-label="{key}: {value}">
<title>{key}: {value}</title>
<clipPath id="round"><rect width="{width}" height="20" rx="3"/></clipPath>
<g clip-path="url(#round)"><rect width="{middle}" height="20" fill="#444"/>
<rect x="{middle}" width="{rest}" height="20" fill="{color}"/></g>
<g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11">
<text x="7" y="14" textLength="{key_length}">{key}</text>
<text x="{start}" y="14" textLength="{value_length}">{value}</text></g>
</svg>
"""


def facts() -> dict[str, tuple[str, str]]:
    """Return {name of the file: (key, value)}, all from pyproject.toml."""
    project: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    pythons = [c.rpartition(" ")[2] for c in project["classifiers"] if re.search(r":: 3\.\d+$", c)]
    needed = [re.split(r"\W", name)[0] for name in project["dependencies"]]
    numpy = next(name.partition(">=")[2] for name in project["dependencies"] if name.startswith("numpy"))
    return {
        "python": ("Python", f"{pythons[0]} to {pythons[-1]}"),
        "numpy": ("NumPy", f"{numpy} or newer"),
        "dependencies": ("needs", " and ".join(needed)),
        "typed": ("types", "mypy --strict, pyright"),
        "license": ("license", project["license"]),
    }


def badge(key: str, value: str, color: str = BLUE) -> str:
    """Return a badge as SVG: a key on gray, and its value on a color."""
    key_length, value_length = (round(6.7 * len(text)) for text in (key, value))
    middle = key_length + 14
    return BADGE.format(
        key=key, value=value, color=color, key_length=key_length, value_length=value_length, middle=middle,
        start=middle + 7, rest=value_length + 14, width=middle + value_length + 14,
    )  # fmt: skip


def badges() -> dict[str, str]:
    """Return {name of the file: SVG} of all badges."""
    colors = {"license": GREEN, "typed": GREEN}
    return {f"badge_{name}.svg": badge(*fact, colors.get(name, BLUE)) for name, fact in facts().items()}


if __name__ == "__main__":
    for name, svg in badges().items():
        (GALLERY / name).write_text(svg, "utf-8")
    print(f"wrote {len(badges())} badges to {GALLERY}")
