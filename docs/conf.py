"""How the site is built: `make docs`, or `sphinx-build -W docs docs/_build/html`.

Everything that the program knows of itself is written from the program when the site is
built, by `building/`: commands, the study file, the catalog, reported quantities, the
table of errors, the gallery.
"""

import os
import sys
from pathlib import Path

DOCS = Path(__file__).resolve().parent
sys.path[:0] = [str(DOCS), str(DOCS.parent)]

from supernode_opt import __version__  # noqa: E402

project = "supernode_opt"
author = "the supernode_opt authors"
copyright = "the supernode_opt authors, Apache-2.0"
release = version = __version__

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "building",
]
exclude_patterns = ["_build", "generated/accuracy_measured.md", "**.ipynb_checkpoints"]
default_role = "code"

# Pages are Markdown; equations become MathML, which browsers draw without a network.
myst_enable_extensions = ["dollarmath", "amsmath", "deflist", "colon_fence"]
myst_heading_anchors = 3
html_math_renderer = "mathml"
# What is shown of a notebook is what it printed on this machine.
nb_execution_mode = os.environ.get("DOCS_NOTEBOOKS", "cache")
nb_execution_timeout = 600
nb_execution_raise_on_error = True
nb_execution_show_tb = True

autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
napoleon_numpy_docstring = False
napoleon_use_ivar = True
copybutton_exclude = ".linenos, .gp, .go"

html_theme = "furo"
html_title = f"supernode_opt {version}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sphinx = False
html_copy_source = False
html_theme_options = {"navigation_with_keys": False}
