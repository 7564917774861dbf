"""Which points of a cell can be built: what reading each as a study would refuse."""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from supernode_opt.sweep.cells import Cell
from supernode_opt.system.design import CHOICES
from supernode_opt.workload.pools import LAYOUT, OF_PREFILL, Machine, illegal
from supernode_opt.workload.split import RULED, SIZES, SWITCHES, first_broken

# Why a point is not legal: the position in this list.
REASONS = (
    "legal",
    *(f"illegal_{name}" for name in RULED),
    "out_of_bounds",
    "cannot_run",
    "cannot_be_read",
    "illegal_layout",
)
OUT_OF_BOUNDS, CANNOT_RUN, CANNOT_BE_READ, ILLEGAL_LAYOUT = (
    REASONS.index(name)
    for name in ("out_of_bounds", "cannot_run", "cannot_be_read", "illegal_layout")
)
_POOLS = ("chips", "prefill_chips", "redundant_experts", *LAYOUT, *OF_PREFILL)


def reasons(cell: Cell, numbers: Mapping[str, NDArray], count: int) -> NDArray[np.int8]:
    """Return why each point of a cell is not legal, as positions in `REASONS`.

    Args:
      cell: a study that was read.
      numbers: what differs from it, by path [point].
      count: of the points.
    """
    if cell.refusal:
        return np.full(count, CANNOT_BE_READ, np.int8)

    def column(name: str) -> NDArray:
        value = numbers.get(f"design.{name}", cell.fixed[name])
        return np.broadcast_to(np.asarray(value, float), (count,))

    found = np.zeros(count, np.int8)
    if cell.training is None:
        sizes = np.stack([column(name) for name in _POOLS], axis=1)
        found[_no_layout(cell, sizes)] = ILLEGAL_LAYOUT
        return _bounded(cell, found, column)
    split = {name: column(name) for name in SIZES}
    for name in SWITCHES:
        place = CHOICES[name].index(str(cell.fixed[name]))
        split[name] = np.broadcast_to(np.asarray(place), (count,))
    broken = first_broken(split, cell.model, cell.training, cell.ranks)
    found[broken >= 0] = 1 + broken[broken >= 0]
    return _bounded(cell, found, column)


def _bounded(
    cell: Cell, found: NDArray[np.int8], column: Callable[[str], NDArray]
) -> NDArray[np.int8]:
    """Note which points lie beyond what could be built."""
    for name, (low, high) in cell.bounds.items():
        value = column(name)
        found[(value < low) | (value > high)] = OUT_OF_BOUNDS
    return found


def _no_layout(cell: Cell, sizes: NDArray) -> NDArray:
    """Tell which rows of the sizes `_POOLS` are no layout of both pools [point]."""
    # pyrefly: ignore[missing-attribute]
    board, model = int(cell.case.scenario.host.chips_per_board), cell.model
    kinds, place = np.unique(sizes, axis=0, return_inverse=True)
    broken = [
        bool(illegal(dict(zip(_POOLS, row, strict=True)), model, machine))
        for row in kinds.tolist()
        for machine in (Machine(int(row[0]), board, cell.ranks),)
    ]
    return np.asarray(broken, bool)[place.reshape(-1)]
