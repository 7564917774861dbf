"""A map over two swept variables: its sides, its cells and what is fixed."""

import dataclasses
import json

import numpy as np
import xarray as xr
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.patches import Patch, PathPatch
from matplotlib.path import Path
from numpy.typing import NDArray

from supernode_opt.plot import style
from supernode_opt.plot.measure import Measure, label_of, of_variable, short
from supernode_opt.plot.subject import precision, proper, subject
from supernode_opt.system.report import FACTS

# What is counted: nothing lies between two of its values.
COUNTS = ("chips", "scale_up_domain", "interleave", "micro_batch")
COUNTS += ("tensor_parallel", "pipeline_parallel", "context_parallel")
COUNTS += ("expert_parallel", "data_parallel", "global_batch")
# More steps than this are drawn like a continuous axis.
_MOST_STEPS = 24
# Beyond the outermost marks, as a share of the axis.
_PAD = 0.03
# What is illegal.
VOID = "0.88"


@dataclasses.dataclass(frozen=True)
class Side:
    """One axis of a map.

    Attributes:
      name: of the swept variable.
      shown: how it is written.
      places: of its values on the axis.
      words: what stands at the places, for an axis of steps; else empty.
      log: whether the axis is logarithmic.
      pad: whether it goes on a little beyond its places, for marks on them.
    """

    name: str
    shown: Measure
    places: NDArray
    words: tuple[str, ...] = ()
    log: bool = False
    pad: bool = False

    @property
    def edges(self) -> NDArray:
        """Ends of the cells around the places, one more than these."""
        if self.words:
            return np.arange(len(self.words) + 1) - 0.5
        at = np.log(self.places) if self.log else self.places
        between = 0.5 * (at[1:] + at[:-1])
        ends = np.array([np.min(at)]), np.array([np.max(at)])
        made = np.concatenate([ends[0], between, ends[1]])
        return np.exp(made) if self.log else made

    @property
    def ends(self) -> NDArray:
        """Where the axis begins and ends."""
        low, high = self.edges[[0, -1]]
        if self.words or not self.pad:
            return np.array([low, high])
        ends = np.log([low, high]) if self.log else np.array([low, high])
        ends = ends + np.array([-_PAD, _PAD]) * np.ptp(ends)
        return np.exp(ends) if self.log else ends

    def dress(self, axis: Axis) -> None:
        """Give an axis its scale, its ends and its ticks."""
        ax = axis.axes
        upright = axis is ax.yaxis
        if self.log:
            (ax.set_yscale if upright else ax.set_xscale)("log")
        (ax.set_ylim if upright else ax.set_xlim)(*self.ends)
        if self.words:
            axis.set_ticks(range(len(self.words)), self.words)
            return
        style.log_ticks(axis) if self.log else style.few_ticks(axis)


def side(dataset: xr.Dataset, name: str) -> Side:
    """Return the axis along which the swept variable `name` is drawn."""
    held, shown = dataset[name], of_variable(dataset, name)
    values = held.values
    if held.dtype.kind in "OUS":
        words = tuple(spelled(name, str(value)) for value in values)
        return Side(name, shown, np.arange(len(words)), words)
    numbers = shown(values)
    last = name.rpartition(".")[2]
    if (last in COUNTS and len(numbers) <= _MOST_STEPS) or len(numbers) < 2:
        words = tuple(short(float(number), 6) for number in numbers)
        return Side(name, shown, np.arange(len(words)), words)
    return Side(name, shown, numbers, log=is_log(dataset, name))


def sampled(dataset: xr.Dataset, name: str) -> Side:
    """Return the axis of a variable whose values were drawn, in no order."""
    values, shown = dataset[name].values, of_variable(dataset, name)
    if values.dtype.kind in "OUS":
        # In the order of the sweep, so that a word has one colour in all figures.
        known = list(dict.fromkeys(map(str, values)))
        places = np.array([known.index(str(value)) for value in values])
        return Side(name, shown, places, tuple(spelled(name, w) for w in known))
    return Side(name, shown, shown(values), log=is_log(dataset, name), pad=True)


def spelled(name: str, value: str) -> str:
    """Write a value of the swept variable `name` that is a word."""
    if name.endswith("precision"):
        return precision(value)
    return value.upper() if name.endswith("link") and len(value) <= 3 else proper(value)


def is_log(dataset: xr.Dataset, name: str) -> bool:
    """Tell whether a swept variable goes by factors rather than by differences."""
    told = json.loads(dataset.attrs.get("sweep", "{}"))
    if isinstance(told, dict) and "log" in (told.get(name) or {}):
        return bool(told[name]["log"])
    values = np.asarray(dataset[name].values, float)
    values = np.unique(values[np.isfinite(values)])
    if len(values) < 3 or values[0] <= 0.0:
        return False
    steps, factors = np.diff(values), np.diff(np.log(values))
    return bool(np.ptp(factors) / factors.mean() < np.ptp(steps) / steps.mean())


def swept(dataset: xr.Dataset) -> list[str]:
    """Return the names of what was swept, in the order of the sweep."""
    if "point" in dataset.dims:
        names = dataset.coords
        return [str(n) for n in names if dataset[n].dims == ("point",) and n != "point"]
    return [str(name) for name in dataset.dims if name in dataset.coords]


def quantities(dataset: xr.Dataset) -> list[str]:
    """Return the reported quantities of a sweep, the objective first."""
    dims = set(dataset.dims)
    found = [
        str(name)
        for name, held in dataset.data_vars.items()
        if held.dtype.kind == "f"
        and set(held.dims) == dims
        and not str(name).startswith("design_")
    ]
    wanted = str(dataset.attrs.get("objective", ""))
    return sorted(found, key=lambda name: name != wanted)


def chosen(dataset: xr.Dataset, x: str | None, y: str | None) -> tuple[str, str]:
    """Return the two swept variables of a map: those named, else the first two.

    Raises:
      ValueError: one is not swept, or there are no two.
    """
    names = swept(dataset)
    for name in (x, y):
        if name is not None and name not in names:
            known = ", ".join(names)
            raise ValueError(f"{name!r} is not swept; the sweep is over {known}")
    free = [name for name in names if name not in (x, y)]
    # Words go down, where they have room to be read.
    free.sort(key=lambda name: dataset[name].dtype.kind in "OUS")
    x = x or (free.pop(0) if free else None)
    y = y or (free.pop(0) if free else None)
    if x is None or y is None or x == y:
        raise ValueError("a map needs two swept variables")
    return x, y


def more_is_better(quantity: str) -> bool | None:
    """Tell whether one would rather have more of a quantity, `None` for neither."""
    facts = FACTS.get(quantity)
    return None if facts is None else facts.more_is_better


def held(dataset: xr.Dataset) -> xr.DataArray:
    """Tell which points can be built and keep every limit."""
    made = xr.ones_like(dataset[quantities(dataset)[0]], dtype=bool)
    for name in ("legal", "feasible"):
        if name in dataset:
            made = made & dataset[name].astype(bool)
    return made


def best(dataset: xr.Dataset, quantity: str) -> dict[str, int] | None:
    """Return where a quantity is best among what keeps every limit, if anywhere."""
    more = more_is_better(quantity)
    values = dataset[quantity].where(held(dataset)).values
    if more is None or not np.isfinite(values).any():
        return None
    at = np.nanargmax(values) if more else np.nanargmin(values)
    places = np.unravel_index(at, values.shape)
    return dict(zip(map(str, dataset[quantity].dims), map(int, places), strict=True))


def sliced(
    dataset: xr.Dataset, keep: tuple[str, ...], quantity: str
) -> tuple[xr.Dataset, str]:
    """Fix all but the variables of `keep` where the objective is best.

    Returns:
      the dataset along `keep` alone, and what it is about, in words.
    """
    wanted = str(dataset.attrs.get("objective", quantity))
    at = best(dataset, wanted if wanted in dataset else quantity)
    at = at or dict.fromkeys(map(str, dataset.dims), 0)
    fixed = {name: place for name, place in at.items() if name not in keep}
    told = [subject(dataset)] if subject(dataset) else []
    for name, place in fixed.items():
        told.append(valued(dataset, name, dataset[name].values[place]))
    return dataset.isel(fixed), ", ".join(told)


def valued(dataset: xr.Dataset, name: str, value: object) -> str:
    """Write a value of a swept variable with its name."""
    if isinstance(value, str):
        return f"{label_of(name)} {spelled(name, value)}"
    shown = of_variable(dataset, name)
    return f"{shown.words} {shown.said(float(value))}"  # type: ignore[arg-type]


def outline(mask: NDArray, across: Side, up: Side) -> Path | None:
    """Return the cells where `mask` [up, across] holds as one path, if any does."""
    x, y = across.edges, up.edges
    corners = np.asarray(Path.unit_rectangle().vertices)
    boxes = [
        corners * [x[j + 1] - x[j], y[i + 1] - y[i]] + [x[j], y[i]]
        for i, j in np.argwhere(mask)
    ]
    if not boxes:
        return None
    codes = Path.unit_rectangle().codes
    return Path.make_compound_path(*(Path(box, codes) for box in boxes))


def hatch(
    ax: Axes, mask: NDArray, sides: tuple[Side, Side], pattern: str, colour: str
) -> None:
    """Hatch the cells where `mask` [up, across] holds."""
    path = outline(mask, *sides)
    if path is not None:
        looks = {"hatch": pattern, "edgecolor": colour, "linewidth": 0.0}
        ax.add_patch(PathPatch(path, fill=False, zorder=2, **looks))


def void(dataset: xr.Dataset) -> list[Artist]:
    """Return the line of the legend for what cannot be built, if there is any."""
    if "legal" not in dataset or bool(dataset["legal"].all()):
        return []
    return [Patch(facecolor=VOID, label="cannot be built")]
