"""What a sweep says: how many points there are, which is best, and what binds where."""

from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from supernode_opt.names import (
    SCHEDULE,
    SPLIT,
    practice_words,
    proper,
    spelled,
    split_words,
)
from supernode_opt.reading import document
from supernode_opt.results.telling.parts import BAD, STRONG, Part, facts, grid
from supernode_opt.system.report import FACTS, is_share
from supernode_opt.words import spoken

# What the words of a split say.
_SPLIT = (*SPLIT, *SCHEDULE, "optimizer_sharding", "recompute", "sequence_parallel")
_FLAGS = ("legal", "feasible")


def told(dataset: xr.Dataset, everything: bool = False) -> list[Part]:
    """Return what a person wants to know of a sweep."""
    legal, feasible = (dataset[name].values.astype(bool) for name in _FLAGS)
    wanted = str(dataset.attrs.get("objective", ""))
    lines = [
        f"{legal.size} points: {int(legal.sum())} can be built, of which"
        f" {int((legal & feasible).sum())} meet every limit."
    ]
    good = legal & feasible
    best = _best(dataset, wanted, good)
    if best is None:
        lines.append("No point meets every limit.")
    else:
        lines += _found(dataset, best)
    rows = [] if best is None else _rows(dataset, best, good)
    heads = ("quantity", "at the best point", "least", "most")
    title = f"Best in {spelled(wanted)}; least and most of the points that meet limits"
    table = grid(heads, rows, title, (1, 2, 3))
    mark = BAD if best is None else STRONG
    answer = Part("answer", "Answer", tuple(lines), (table,), mark)
    return [_asked(dataset), answer, _binding(dataset, legal)]


def _asked(dataset: xr.Dataset) -> Part:
    axes = [name for name in _axes(dataset) if dataset[name].size]
    rows = [("subject", str(dataset.attrs["subject"]))]
    for name in axes:
        along = dataset[name]
        values = along.values
        if values.dtype.kind in "fiu":
            unit = along.attrs.get("units", "1")
            ends = (spoken(float(f(values)), unit) for f in (np.min, np.max))
            said = f"{len(np.unique(values))} values, {' to '.join(ends)}"
        else:
            said = ", ".join(proper(str(one)) for one in dict.fromkeys(values.flat))
        rows.append((_called(name), said))
    rows.append(("sought", spelled(str(dataset.attrs.get("objective", "")))))
    text = document.parse(str(dataset.attrs["study"]), "study").plain()
    question = text.get("question") if isinstance(text, dict) else None
    lines = (str(question),) if question else ()
    return Part("asked", "Asked", lines, (facts(rows),))


def _called(axis: str) -> str:
    """Write the path of an axis in words.

    >>> _called("scenario.chip.tdp"), _called("scale_up_domain")
    ('chip TDP', 'scale-up domain')
    """
    return spelled(axis.removeprefix("scenario.").replace(".", " "))


def _found(dataset: xr.Dataset, best: tuple[Any, ...]) -> list[str]:
    """Say what was found at the best point, and how far searches are shown."""
    if "status" not in dataset:
        return []
    statuses = [str(one) for one in dataset["status"].values.flat if str(one)]
    counts = ", ".join(f"{statuses.count(w)} {w}" for w in dict.fromkeys(statuses))
    at = dataset.isel(dict(zip(dataset["legal"].dims, best, strict=True)))
    design = {
        str(name).removeprefix("design_"): at[name].item()
        for name in dataset.data_vars
        if str(name).startswith("design_")
    }
    said = [split_words(design) or "no split", *practice_words(design)]
    asked = document.parse(str(dataset.attrs["study"]), "study").plain()
    given = asked.get("design") if isinstance(asked, dict) else None
    for name, value in (given or {}).items():
        # Sizes and switches of the split are said already.
        if name in design and name not in _SPLIT and not isinstance(value, int | float):
            unit = dataset[f"design_{name}"].attrs.get("units", "1")
            one = design[name]
            told = proper(one) if isinstance(one, str) else spoken(float(one), unit)
            said.append(f"{spelled(name)} {told}")
    return [
        f"Each point was optimized ({counts}).",
        f"At the best point: {', '.join(said)}.",
    ]


def _axes(dataset: xr.Dataset) -> list[str]:
    """Return the names of what is swept."""
    return [str(name) for name in dataset.coords if str(name) != "point"]


def _best(dataset: xr.Dataset, wanted: str, good: NDArray) -> tuple[Any, ...] | None:
    """Return the place of the best feasible point, `None` if there is none."""
    if wanted not in dataset or not good.any():
        return None
    sign = -1.0 if _less_is_better(dataset, wanted) else 1.0
    values = np.where(good, sign * dataset[wanted].values, -np.inf)
    values = np.where(np.isfinite(values), values, -np.inf)
    return tuple(int(i) for i in np.unravel_index(int(np.argmax(values)), values.shape))


def _less_is_better(dataset: xr.Dataset, wanted: str) -> bool:
    sense = dataset.attrs.get("sense")
    if sense is not None:
        return sense == "minimize"
    known = FACTS.get(wanted)
    return known is not None and known.more_is_better is False


def _rows(
    dataset: xr.Dataset, best: tuple[Any, ...], good: NDArray
) -> list[tuple[str, ...]]:
    dims = dict(zip(dataset["legal"].dims, best, strict=True))
    at = dataset.isel(dims)
    rows: list[tuple[str, ...]] = []
    for name in _axes(dataset):
        value = at[name].item()
        unit = dataset[name].attrs.get("units", "1")
        said = spoken(value, unit) if not isinstance(value, str) else proper(value)
        rows.append((_called(name), said, "", ""))
    for name in map(str, dataset.data_vars):
        if name in FACTS and dataset[name].dims == dataset["legal"].dims:
            unit, values = dataset[name].attrs.get("units", "1"), dataset[name].values
            numbers = float(at[name]), np.nanmin(values[good]), np.nanmax(values[good])
            cells = (spoken(float(x), unit, is_share(name)) for x in numbers)
            rows.append((spelled(name), *cells))
    return rows


def _binding(dataset: xr.Dataset, legal: NDArray) -> Part:
    """Say which limit binds, or has the least margin, at how many points."""
    if "binding" not in dataset:
        return Part("why", "Why")
    codes = dataset["binding"].values[legal]
    words = str(dataset["binding"].attrs.get("flag_meanings", "")).split()
    flags = np.atleast_1d(dataset["binding"].attrs.get("flag_values", []))
    counts = {
        word: int((codes == flag).sum())
        for word, flag in zip(words, flags, strict=False)
        if int(flag) >= 0
    }
    rows = [
        (spelled(word), str(count), f"{100.0 * count / max(len(codes), 1):.1f} %")
        for word, count in sorted(counts.items(), key=lambda item: -item[1])
        if count
    ]
    table = grid(
        ("limit broken most, or with the least margin", "points", "share"),
        rows,
        "",
        (1, 2),
    )
    return Part("why", "Why", (), (table,))
