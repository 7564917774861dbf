"""`grid.so`: what can be drawn and asked of the dataset of a sweep."""

import functools
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from supernode_opt import plot
from supernode_opt.reading.node import StudyError, did_you_mean
from supernode_opt.system.report import FACTS


class Swept:
    """Figures and answers of a sweep: `grid.so.contour("mfu")`, `grid.so.best()`."""

    def __init__(self, dataset: xr.Dataset) -> None:
        """Look at `dataset`, which a sweep made."""
        self._dataset = dataset

    def contour(
        self, quantity: str, x: str | None = None, y: str | None = None, **more: Any
    ) -> Axes:
        """Draw a quantity over two variables.

        Args:
          quantity: of the report.
          x, y: variables of the sweep; its first two if not given.
          **more: `ax`, and whatever else the figure takes.

        Raises:
          StudyError: the sweep has no such quantity.
        """
        self._known(quantity)
        return plot.contour(self._dataset, quantity, x=x, y=y, **more)

    def feasible(self, x: str | None = None, y: str | None = None, **more: Any) -> Axes:
        """Draw where every limit holds, and which one binds where it does not."""
        return plot.feasible(self._dataset, x=x, y=y, **more)

    def parallel_coordinates(
        self, quantities: list[str] | None = None, **more: Any
    ) -> Axes:
        """Draw every design as a line through its variables and quantities."""
        return plot.parallel_coordinates(self._dataset, quantities, **more)

    def front(self, x: str, y: str, **more: Any) -> Axes:
        """Draw every design by two quantities, and those that none is better in both.

        Raises:
          StudyError: the sweep has no such quantity.
        """
        self._known(x)
        self._known(y)
        return plot.front(self._dataset, x, y, **more)

    def best(self, quantity: str | None = None) -> xr.Dataset:
        """Return the feasible point that is best in a quantity.

        Args:
          quantity: of the report; what the study seeks if not given.

        Raises:
          StudyError: the sweep has no such quantity, or no point meets every limit.
        """
        data = self._dataset
        name = quantity or str(data.attrs["objective"])
        self._known(name)
        sign = -1.0 if FACTS[name].more_is_better is False else 1.0
        worth = (sign * data[name]).where(data["feasible"].astype(bool))
        values = worth.values
        if not np.isfinite(values).any():
            raise StudyError("sweep: no point meets every limit")
        place = np.unravel_index(int(np.nanargmax(values)), values.shape)
        return data.isel(dict(zip(map(str, worth.dims), map(int, place), strict=True)))

    def _known(self, name: str) -> None:
        known = [str(one) for one in self._dataset.data_vars]
        if name not in known:
            near = did_you_mean(name, known)
            raise StudyError(f"sweep: `{name}` is no quantity of it{near}")


@functools.cache
def register() -> None:
    """Let every dataset have `.so`, once."""
    xr.register_dataset_accessor("so")(Swept)
