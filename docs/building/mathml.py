"""Equations as MathML, written when the site is built.

Browsers have drawn MathML by themselves since 2023, so that pages with equations need
neither a script nor a network.
"""

import re
from typing import Any

from docutils import nodes
from latex2mathml.converter import convert

_APART = r'\1<mspace width="0.17em" />'
_UPRIGHT = r'<mi mathvariant="normal">\1</mi>'


class UnknownCommand(ValueError):
    """A command of LaTeX that did not become MathML."""


def mathml(formula: str, display: str) -> str:
    """Return `formula`, in LaTeX, as MathML.

    Raises:
      UnknownCommand: the converter left a command as it was.
    """
    formula = formula.strip().replace("{aligned}", "{align*}")
    text = convert(formula, display=display)
    # Upright letters come as entities, and would be slanted as names of variables are.
    text = re.sub(r"<mi>(&#x000[4-7][0-9A-F];)</mi>", _UPRIGHT, text)
    text = re.sub(r"(<mi>(?:ln|log|exp|sin)</mi>)(?!<mrow><mo|<mo)", _APART, text)
    # What is not known is passed on as the name of a variable.
    left = re.search(r"\\[a-zA-Z]+|<mi>&</mi>", text)
    if left:
        raise UnknownCommand(f"{left.group()} in the equation {formula!r}")
    return text


def inline(self: Any, node: nodes.Element) -> None:
    """Write an equation inside a line."""
    self.body.append(f'<span class="math">{mathml(node.astext(), "inline")}</span>')
    raise nodes.SkipNode


def displayed(self: Any, node: nodes.Element) -> None:
    """Write an equation on a line of its own."""
    lines = [part for part in re.split(r"\n\s*\n", node.astext()) if part.strip()]
    # Equations that are wider than a phone scroll; keyboards have to reach them.
    self.body.append('<div class="math" tabindex="0" role="math">')
    self.body.extend(mathml(line, "block") for line in lines)
    self.body.append("</div>")
    raise nodes.SkipNode
