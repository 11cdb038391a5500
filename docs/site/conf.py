"""How Sphinx builds the site: ``make docs``."""

import importlib.metadata

project = "pennylane_qstore"
author = "The pennylane_qstore authors"
release = importlib.metadata.version("pennylane-qstore")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.autosummary", "sphinx.ext.napoleon"]
html_theme = "alabaster"
html_theme_options = {"description": "PennyLane on trapped-ion machines", "page_width": "1080px"}
templates_path = []
exclude_patterns = ["_build"]

myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3
# Pages that are included from docs/ and the README link to files of the repository, which are no
# pages of this site. Their headings begin at whatever level they have there.
suppress_warnings = ["myst.xref_missing", "myst.header"]

autosummary_generate = True
autodoc_typehints = "none"
autodoc_member_order = "bysource"
napoleon_google_docstring = True
napoleon_use_ivar = True
