"""`so.open`: saved results of every kind."""

from pathlib import Path
from typing import Any

from supernode_opt.api import accessor
from supernode_opt.api.calibrating import Validated
from supernode_opt.api.machines import Compared
from supernode_opt.api.solutions import reopened
from supernode_opt.batch.precise import precisely
from supernode_opt.reading import dataset as datasets
from supernode_opt.reading.node import StudyError
from supernode_opt.results import outcome


@precisely
def open(path: Path | str) -> Any:
    """Read what a command or `save` wrote.

    Args:
      path: folder of a result, or its `.nc` file.

    Returns:
      The answer as it was when it was made; of a sweep its labelled dataset.

    Raises:
      StudyError: there is no result, or it is damaged.
    """
    path = Path(path)
    files = [path] if path.suffix == ".nc" else sorted(path.glob("*.nc"))
    if not files:
        raise StudyError(f"{path}: there is no such result")
    file = files[0]
    kind = file.stem
    if kind == "design":
        return reopened(outcome.load(path))
    held = datasets.read(file)
    if kind == "comparison":
        return Compared(held)
    if kind in ("validation", "gemm"):
        return Validated("gemm" if kind == "gemm" else "runs", {}, held)
    accessor.register()
    return held
