"""The playground in Pyodide: `viz_js` is a module that the page's worker registers, and `session` what it calls."""

import viz_js  # type: ignore[import-not-found]

from tinygrad_edu.viz import layout

from . import Session


def by_viz_js(source: str, suffix: str, engine: str) -> bytes:
    """Lay out a graph by viz.js, which is Graphviz compiled for the browser."""
    picture, error = viz_js.render(source, suffix, engine)
    if error:
        raise layout.LayoutError(f"viz.js: {error}")
    return str(picture).encode()


layout.register_backend(by_viz_js)
session = Session()
