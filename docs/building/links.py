"""Code that is named on a page links to where it is described.

Pages name functions as people do, `hardware.voltage.clock_of_voltage`, so that they are
also read without the site; `tests/docs` checks that all of them exist.
"""

import re
from typing import Any

from docutils import nodes
from sphinx import addnodes

_NAMED = re.compile(
    r"^(hardware|workload|system|smooth|batch|catalog|answer|search|problem)"
    r"(\.\w+)+$"
)


def to_code(app: Any, doctree: nodes.document) -> None:
    """Turn literals that name code into references, which need not be found."""
    for literal in list(doctree.findall(nodes.literal)):
        name = literal.astext()
        if not _NAMED.match(name) or isinstance(literal.parent, nodes.reference):
            continue
        reference = addnodes.pending_xref(
            "",
            refdomain="py",
            reftype="obj",
            reftarget=f"supernode_opt.{name}",
            refexplicit=True,
            refwarn=False,
            refdoc=app.env.docname,
        )
        literal.replace_self(reference)
        reference += literal
