"""Check the links inside the site: each leads to a file that is there, and to a place in it that is there."""

import re
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


class Page(HTMLParser):
    """What a page links to, and the places in it to which others can link."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.places: set[str] = set()
        self.links: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep the addresses and the names of one tag."""
        for name, value in attrs:
            if value is None:
                continue
            if name == "id" or (name == "name" and tag == "a"):
                self.places.add(value)
            if name in ("href", "src") and not (tag == "link" and ("rel", "canonical") in attrs):
                self.links.append(value)


def broken(folder: Path) -> Iterator[str]:
    """Yield a line for each link of the pages in a folder that leads to nothing, or, for a file to load, outside."""
    pages = {
        path.resolve(): Page(path.read_text("utf-8")) for path in folder.rglob("*.html") if "_static" not in path.parts
    }
    for path, page in pages.items():
        for link in page.links:
            address = urlsplit(link)
            if address.scheme or address.netloc:
                continue
            target = (path.parent / unquote(address.path)).resolve() if address.path else path
            place = unquote(address.fragment)
            if not target.is_file():
                yield f"{path.relative_to(folder.resolve())}: {link} is not a file"
            elif place and target in pages and place not in pages[target].places and not re.match(r"[=/]", place):
                yield f"{path.relative_to(folder.resolve())}: {link} names no place of that page"


if __name__ == "__main__":
    found = [*broken(Path(sys.argv[1]))]
    print("\n".join(found) or "each link inside leads to a place that is there")
    sys.exit(bool(found))
