"""What an answer about machines says of them: sizes of models, software, precision."""

import json
from collections.abc import Sequence

from supernode_opt.answer.asked import sizes
from supernode_opt.compare.entries import Cell


def about(cells: Sequence[Cell]) -> dict[str, str]:
    """Return what cells of a machine and a model are, as attributes of a dataset.

    `sizes` has all and active parameters by model [1], `softwares` the software by the
    machine's name; both are JSON.
    """
    scenarios = {cell.model: cell.problem.scenario for cell in cells}
    counts = {name: [*sizes(one.model).values()] for name, one in scenarios.items()}
    return {
        "sizes": json.dumps(counts),
        "softwares": json.dumps(
            {cell.system: cell.problem.scenario.software.name for cell in cells}
        ),
    }
