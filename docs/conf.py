"""Sphinx settings."""

from typing import Any

from sphinx.util.nodes import make_refnode

import maskdet

project = "maskdet"
author = "the maskdet authors"
release = version = maskdet.__version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode"]
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}
exclude_patterns = ["_build"]
html_theme = "alabaster"
autodoc_member_order = "bysource"
autodoc_typehints = "description"
myst_heading_anchors = 3

# Broken references are errors (make docs). Other packages' types are named, not linked: their
# indexes would be read from the internet.
nitpicky = True
nitpick_ignore_regex = [
    (r"py:.*", r"(numpy|keras|os|pathlib|collections|typing)\..*"),
    # The words before a property's colon, which napoleon takes for a type.
    (r"py:class", r".* .*|height|width"),
    # What stands in a signature and is nobody's to use.
    (r"py:class", r"maskdet\.(data\.outlines\.Shape|data\.split\.AnyDataset|trained\.Trained)"),
]
# What a function gives back is described in words; its type stands in the signature.
napoleon_use_rtype = False


def resolve_short_name(app: Any, env: Any, node: Any, content: Any) -> Any:
    """Link a name without its module (``UsageError``) where the reference has just one such."""
    if node.get("refdomain") != "py":
        return None
    domain = env.get_domain("py")
    matches = domain.find_obj(env, "", "", node["reftarget"], node["reftype"], 1)
    if len(matches) != 1:
        return None
    name, thing = matches[0]
    return make_refnode(app.builder, node["refdoc"], thing.docname, thing.node_id, content, name)


def setup(app: Any) -> None:
    """Called by Sphinx."""
    app.connect("missing-reference", resolve_short_name)
