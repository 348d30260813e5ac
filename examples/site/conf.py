"""Settings of Sphinx. `build.py` makes the sources and runs it."""

import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

import docstrings  # noqa: E402
import reference  # noqa: E402

import tinygrad_edu  # noqa: E402

reference.make_importable_as_tg()

project, version, release = "tinygrad_edu", tinygrad_edu.__version__, tinygrad_edu.__version__
author = project_copyright = "the authors of tinygrad_edu"
html_title = project
extensions = ["sphinx.ext.autodoc", "numpydoc", "myst_nb"]
exclude_patterns = ["**/*.py", "lessons/output"]

nb_execution_mode = "off"  # build.py runs the notebooks, several at a time
nb_output_stderr = "remove"  # progress bars
nb_merge_streams = True
nb_remove_code_source = False
myst_heading_anchors = 3
myst_links_external_new_tab = False

autodoc_typehints = "none"
autodoc_preserve_defaults = True
autodoc_member_order = "groupwise"
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False
python_maximum_signature_line_length = 100
add_module_names = True
toc_object_entries_show_parents = "hide"

html_theme = "pydata_sphinx_theme"
templates_path = [str(HERE / "templates")]
html_static_path = [str(HERE / "static")]
html_css_files = ["site.css"]
html_js_files = [("still.js", {"defer": "defer"})]
html_favicon = str(HERE / "playground" / "page" / "icon.svg")
html_copy_source = False
html_show_sourcelink = False
html_show_search_summary = False  # a browser may not fetch texts from pages that are files
html_theme_options = {
    "logo": {"text": "tinygrad_edu"},
    "header_links_before_dropdown": 5,
    "navbar_end": ["theme-switcher"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "secondary_sidebar_items": ["page-toc"],
    "show_prev_next": True,
    "show_toc_level": 2,
    "navigation_with_keys": False,
    "back_to_top_button": False,
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
html_sidebars: dict[str, list[str]] = {"*": []}  # pages that are no part of a section
html_context = {"default_mode": "auto"}


def setup(app: Any) -> None:
    """Convert docstrings before numpydoc reads them."""
    app.connect("autodoc-process-docstring", docstrings.convert, priority=400)
