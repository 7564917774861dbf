"""Ends of asked quantities from the ends of what they follow from."""

from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from supernode_opt.search.corners import box_of
from supernode_opt.search.ends import Leaf, boxed, end_of
from supernode_opt.search.enumerate import Columns
from supernode_opt.search.outlook import Outlook


def composed(
    outlook: Outlook,
    rows: Columns,
    found: Mapping[Leaf, NDArray],
    wanted: Iterable[Leaf],
) -> dict[Leaf, NDArray]:
    """Return the ends `wanted` on every row; no numbers where a part is missing.

    Args:
      outlook: the problem.
      rows: candidates in boxes.
      found: ends of quantities without formula.
      wanted: the ends asked for.
    """
    scenario = outlook.scenario
    for path in outlook.constants():
        low, high = (box_of(outlook, rows, path, end) for end in ("low", "high"))
        scenario = boxed(scenario, path, low, high)
    chips = np.asarray(rows["chips"], float)
    return {
        end: np.asarray(
            end_of(end, lambda leaf: found.get(leaf, np.nan), chips, scenario), float
        )
        for end in wanted
    }
