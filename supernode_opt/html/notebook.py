"""Answers as cells of a notebook: HTML that needs no style sheet, script or network."""

import functools
from collections.abc import Sequence
from typing import Any

import jinja2


@functools.cache
def _template(name: str) -> jinja2.Template:
    loader = jinja2.PackageLoader("supernode_opt.html")
    templates = jinja2.Environment(
        loader=loader, autoescape=True, undefined=jinja2.StrictUndefined
    )
    return templates.get_template(f"notebook_{name}.html.j2")


def design(**told: Any) -> str:
    """Return the answer about one design: headline, parts as bars, limits, evidence.

    Args:
      **told: what `Evaluated` shows, in words.
    """
    return _template("design").render(prices=told.pop("prices", []), **told)


def lines(text: Sequence[str]) -> str:
    """Return lines of text as they are broken."""
    return _template("lines").render(lines=text)
