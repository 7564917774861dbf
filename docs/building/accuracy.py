"""How accurate it is, in the README's own words and table, which a test holds to.

`tests/calibration/step_time/test_readme.py` compares the table with what
`supernode-opt validate --markdown` prints.
"""

import re
from pathlib import Path

from building.gallery import relinked

_SECTION = "How far to trust it"


class Missing(ValueError):
    """The README has no such section."""


def pages(root: Path) -> dict[str, str]:
    """Return that section as a page to be included, and the experiment behind it."""
    text = (root / "README.md").read_text(encoding="utf-8")
    found = re.search(rf"^## {_SECTION}\n(.*?)(?=^## )", text, re.M | re.S)
    if found is None:
        raise Missing(f"README.md has no section {_SECTION!r}")
    # It is included by a page that lies one folder higher.
    body = relinked(found.group(1), root)
    body = body.replace("](experiments/", "](generated/experiments/")
    return {"accuracy_measured.md": f"# What was measured\n{body}"}
