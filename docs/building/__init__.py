"""The parts of the site's build that are this project's own."""

from typing import Any

from building import docstrings, links, mathml, pages


def setup(app: Any) -> dict[str, Any]:
    """Register them with Sphinx."""
    app.add_html_math_renderer(
        "mathml", (mathml.inline, None), (mathml.displayed, None)
    )
    app.connect("builder-inited", pages.write)
    app.connect("autodoc-process-docstring", docstrings.escape, priority=400)
    app.connect("doctree-read", links.to_code)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
