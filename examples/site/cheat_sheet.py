"""Make the cheat sheet that prints on one page of A4: `examples/cheat_sheet.html`, from `examples/cheat_sheet.md`.

    python examples/site/cheat_sheet.py

Open the page in a browser and print it, or let Chromium do that: `chromium --headless --print-to-pdf=cheat_sheet.pdf
--no-pdf-header-footer examples/cheat_sheet.html`.
"""

import re
from html import escape
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[1] / "cheat_sheet.md"
PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
@page {{ size: A4 portrait; margin: 8mm; }}
body {{ font: 8pt/1.35 "DejaVu Sans", Verdana, sans-serif; color: #000; background: #fff;
  margin: 2mm auto; max-width: 194mm; }}
main {{ columns: 2; column-gap: 5mm; column-rule: 0.2mm solid #aaa; }}
h1 {{ font-size: 14pt; margin: 0; }}
h2 {{ font-size: 9.4pt; margin: 2.2mm 0 0.8mm; color: #0072b2; break-after: avoid; }}
p {{ margin: 0.8mm 0; }}
pre {{ font: 7pt/1.33 "DejaVu Sans Mono", Menlo, Consolas, monospace; margin: 0; break-inside: avoid;
  white-space: pre-wrap; overflow-wrap: anywhere; }}
code {{ font: 7pt "DejaVu Sans Mono", Menlo, Consolas, monospace; }}
i {{ color: #595959; }}
@media print {{ body {{ margin: 0; }} }}
@media screen {{ body {{ font-size: 11pt; max-width: 75rem; padding: 1rem; }} pre, code {{ font-size: 10pt; }}
  h1 {{ font-size: 18pt; }} h2 {{ font-size: 12pt; }} main {{ columns: 30rem; }} }}
</style>
</head>
<body>
{body}
</main>
</body>
</html>
"""


def inline(text: str) -> str:
    """Return a paragraph of Markdown as HTML: code between backticks, and line breaks."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text, quote=False))


def program(code: str) -> str:
    """Return Python as HTML, with comments in gray italics, and at most one blank line."""
    code = re.sub(r"\n{3,}", "\n\n", code)
    return re.sub(r"(#.*)$", r"<i>\1</i>", escape(code, quote=False), flags=re.MULTILINE)


def page(source: str) -> str:
    """Return the HTML page of a text in Markdown that has headings, paragraphs and blocks of Python, no more."""
    body, title = [], ""
    for block in re.split(r"\n\n(?=#|```|[A-Z`])", source.strip()):
        if found := re.fullmatch(r"# (.+)", block):
            title = found[1]
            body.append(f"<h1>{inline(title)}</h1>")
        elif found := re.fullmatch(r"## (.+)", block):
            body += ["<main>"] * ("<main>" not in body) + [f"<h2>{inline(found[1])}</h2>"]
        elif found := re.fullmatch(r"```python\n(.*)\n```", block, re.DOTALL):
            body.append(f"<pre>{program(found[1])}</pre>")
        else:
            body.append(f"<p>{inline(block)}</p>")
    return PAGE.format(title=title, body="\n".join(body))


if __name__ == "__main__":
    SOURCE.with_suffix(".html").write_text(page(SOURCE.read_text("utf-8")), "utf-8")
    print(f"wrote {SOURCE.with_suffix('.html')}")
