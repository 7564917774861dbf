"""`so.open`: saved results of every kind."""

from pathlib import Path
from typing import Any

from supernode_opt.api import accessor
from supernode_opt.api.calibrating import Validated
from supernode_opt.api.fronts import Front
from supernode_opt.api.machines import Compared, Found
from supernode_opt.api.result import Told
from supernode_opt.api.solutions import reopened
from supernode_opt.api.verbs import verb
from supernode_opt.results import kinds

_CLASSES: dict[str, type[Told]] = {
    "comparison": Compared,
    "front": Front,
    "inversion": Found,
    "crossover": Found,
    **dict.fromkeys(("validation", "gemm", "memory", "collectives"), Validated),
}


@verb
def open(path: Path | str) -> Any:
    """Read what a command or `save` wrote.

    Args:
      path: folder of a result, or its `.nc` file.

    Returns:
      The answer as it was when it was made; of a sweep its labelled dataset.

    Raises:
      StudyError: there is no result, or it is damaged.
    """
    kind, dataset = kinds.load(Path(path))
    if kind == "design":
        return reopened(dataset)
    if kind == "sweep":
        accessor.register()
        return dataset
    return _CLASSES.get(kind, Told)(kind, dataset)
