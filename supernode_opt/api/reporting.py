"""`report`: the answer as one HTML file, made by the room `html`."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from supernode_opt.api.result import Result


def reported(result: "Result", path: Path) -> Path:
    """Write the page of an answer and return its path.

    Raises:
      OSError: the machine refuses to write there.
    """
    from supernode_opt.html.report import render

    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(render(result.to_xarray()), encoding="utf-8")
    return path
