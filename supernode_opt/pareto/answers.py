"""One search on the way to a front: what it was asked, found and has shown."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from supernode_opt.search.enumerate import Columns
from supernode_opt.search.settings import UNANSWERED
from supernode_opt.system.design import EVERY_CHOICE


@dataclasses.dataclass(frozen=True)
class Answer:
    """The best design in one objective within limits on the others.

    Attributes:
      main: place of the objective that was sought.
      limits: of each objective, SI; `None` where there was none.
      status: how far the answer is shown, as of a search.
      gap: by which share the objective could be better, `None` if not known [1].
      columns: the built candidate, a number per field; of an unanswered search the
        one that comes closest.
      point: its free numbers in the unit box.
      slopes: change of the objective per unit of each limit, 0 where there is none.
      message: of a search that found nothing, why.
      evaluations: of the model, gradients included.
      shown: whether that there is no design is shown, where there is none.
    """

    main: int
    limits: tuple[float | None, ...]
    status: str
    gap: float | None
    columns: Mapping[str, float]
    point: tuple[float, ...]
    slopes: tuple[float, ...]
    message: str = ""
    evaluations: int = 0
    shown: bool = False

    @property
    def found(self) -> bool:
        """Whether there is a design."""
        return self.status not in UNANSWERED

    @property
    def row(self) -> Columns:
        """The candidate as a table of one row."""
        return row_of(self.columns)

    def plain(self) -> dict[str, Any]:
        """Return it as plain values, JSON's."""
        return dataclasses.asdict(self)

    @classmethod
    def of_plain(cls, plain: Mapping[str, Any]) -> "Answer":
        """Return what `plain` was made of."""
        lists = {name: tuple(plain[name]) for name in ("limits", "point", "slopes")}
        values: dict[str, Any] = {**plain, **lists}
        return cls(**values)


def row_of(columns: Mapping[str, float]) -> Columns:
    """Return a candidate as a table of one row."""
    return {
        name: np.asarray([value], np.int32 if name in EVERY_CHOICE else float)
        for name, value in columns.items()
    }


def numbers_of(row: Columns) -> dict[str, float]:
    """Return a table of one row as plain numbers."""
    return {name: float(column[0]) for name, column in row.items()}


def points_of(values: NDArray) -> tuple[float, ...]:
    """Return an array as plain numbers."""
    return tuple(float(value) for value in values)
