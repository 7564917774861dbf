"""What a front says: its ends, its knee, what a little less of one buys of another."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from supernode_opt.names import (
    INSTANCE,
    SCHEDULE,
    SPLIT,
    practice_words,
    proper,
    spelled,
    split_words,
)
from supernode_opt.results.telling.parts import (
    BAD,
    STRONG,
    Grid,
    Part,
    Row,
    facts,
    grid,
)
from supernode_opt.system.report import is_share
from supernode_opt.words import figures, spoken

# Designs that are listed, evenly along the front, beside ends and knee.
_LISTED = 12
# Numbers that differ by less are the same.
_ROUNDING = 1e-9
_DESIGN = "design_"
# What the words of a split say, and what is told of machines that are all alike.
_SPLIT = (*SPLIT, *SCHEDULE, "optimizer_sharding", "recompute", "sequence_parallel")
_SPLIT += (*INSTANCE, *(f"prefill_{name}" for name in INSTANCE), "prefill_chips")
_SPLIT += ("redundant_experts", "draft_tokens", "decode_batch", "dual_batch")
_MACHINE = ("scale_up_domain", "scale_up_link", "scale_out_link")


def told(dataset: xr.Dataset, everything: bool = False) -> list[Part]:
    """Return what a person wants to know of a front."""
    if not dataset.sizes.get("point"):
        return [_asked(dataset), _nothing(dataset)]
    return [
        _asked(dataset),
        _answer(dataset, everything),
        _trade(dataset),
        _certificate(dataset),
    ]


def _names(dataset: xr.Dataset) -> list[str]:
    return [str(name) for name in dataset["objective"].values]


def _units(dataset: xr.Dataset) -> list[str]:
    units = [str(unit) for unit in dataset["objective_unit"].values]
    return ["" if unit == "1" else unit for unit in units]


def _sense(dataset: xr.Dataset) -> list[str]:
    return [str(sense) for sense in dataset["sense"].values]


def _said(dataset: xr.Dataset, name: str, value: float) -> str:
    unit = dict(zip(_names(dataset), _units(dataset), strict=True))[name]
    return spoken(float(value), unit, is_share(name))


def _asked(dataset: xr.Dataset) -> Part:
    wanted = [
        f"{sense} {spelled(name)}"
        for sense, name in zip(_sense(dataset), _names(dataset), strict=True)
    ]
    rows = [
        ("study", str(dataset.attrs.get("name", ""))),
        ("subject", str(dataset.attrs.get("subject", ""))),
        ("sought at once", ", ".join(wanted)),
    ]
    return Part("asked", "Asked", (), (facts(rows),))


def _nothing(dataset: xr.Dataset) -> Part:
    status = str(dataset["end_status"].values[0])
    message = str(dataset["end_message"].values[0])
    return Part("answer", "Answer", (f"{status}: {message}",), mark=BAD)


def _answer(dataset: xr.Dataset, everything: bool) -> Part:
    names, count = _names(dataset), dataset.sizes["point"]
    lines = [_headline(dataset, count)]
    ends = [
        f"{sense} {spelled(name)} by itself: {_said(dataset, name, value)} ({status})"
        for sense, name, value, status in zip(
            _sense(dataset),
            names,
            dataset["end_value"].values,
            dataset["end_status"].values,
            strict=True,
        )
    ]
    lines += [f"{line}." for line in ends]
    places = list(range(count)) if everything else _shown(dataset)
    told = _told_of(dataset)
    lines += [f"All have {_design(dataset.isel(point=0), told, same=True)}."]
    heads = (*map(spelled, names), "shown", "better by at most", "design")
    rows = [
        Row(_cells(dataset, place, told), _mark(dataset, place)) for place in places
    ]
    said = "all" if len(places) == count else f"{len(places)} of {count}"
    numbers = (*range(len(names)), len(names) + 1)
    known = "; the knee is bold" if dataset["is_knee"].values.any() else ""
    table = Grid(heads, tuple(rows), f"Along the front ({said}){known}", numbers)
    return Part("answer", "Answer", tuple(lines), (table,), STRONG)


def _headline(dataset: xr.Dataset, count: int) -> str:
    if int(dataset.attrs["exact"]):
        tried = json.loads(dataset.attrs["counts"])
        if "evaluated" in tried:
            return (
                f"The front has {count:,} designs, exactly: of {tried['candidates']:,}"
                " layouts with every whole batch"
                f" {tried['evaluated']:,} were evaluated; between two batches of a"
                " layout throughput only rises and speed only falls, and a design of"
                " the front is as good as all others could be."
            )
        return (
            f"The front has {count:,} designs, exactly: all {tried['candidates']:,}"
            f" candidates were evaluated, {tried['feasible']:,} keep every limit."
        )
    if not np.isfinite(dataset.attrs["unexplored"]):
        return (
            f"The front in {count:,} designs; how much better others could be is not"
            " known."
        )
    return (
        f"The front in {count:,} designs; where a better one may lie is"
        f" {_unexplored(dataset)} of the hypervolume."
    )


def _unexplored(dataset: xr.Dataset) -> str:
    share = float(dataset.attrs["unexplored"])
    return f"{figures(100.0 * share, 2)} %" if np.isfinite(share) else "not known"


def _shown(dataset: xr.Dataset) -> list[int]:
    count = dataset.sizes["point"]
    evenly = np.linspace(0, count - 1, min(_LISTED, count)).round().astype(int)
    knee = np.flatnonzero(dataset["is_knee"].values)
    return sorted({*evenly.tolist(), *knee.tolist()})


def _mark(dataset: xr.Dataset, place: int) -> str:
    return STRONG if bool(dataset["is_knee"].values[place]) else ""


def _cells(
    dataset: xr.Dataset, place: int, told: Mapping[str, bool]
) -> tuple[str, ...]:
    at = dataset.isel(point=place)
    values = [_said(dataset, name, float(at[name])) for name in _names(dataset)]
    gap = float(at["gap"])
    said = "not known" if not np.isfinite(gap) else f"{figures(100.0 * gap, 2)} %"
    design = _design(at, told, same=False)
    return (*values, str(at["status"].item()), said, design)


def _told_of(dataset: xr.Dataset) -> dict[str, bool]:
    """Return what is told of designs, and whether it is the same for all."""
    names = [str(name) for name in dataset.data_vars]
    names = [name.removeprefix(_DESIGN) for name in names if name.startswith(_DESIGN)]
    return {name: _alike(dataset[_DESIGN + name].values) for name in names}


def _alike(values: NDArray) -> bool:
    if values.dtype.kind not in "fiu":
        return len(set(values.tolist())) == 1
    return bool(np.ptp(values) <= _ROUNDING * np.max(np.abs(values)))


def _design(at: xr.Dataset, told: Mapping[str, bool], *, same: bool) -> str:
    """Write of a design what all share, or what they do not share."""
    design: dict[str, Any] = {name: at[_DESIGN + name].item() for name in told}
    split = [name for name in told if name in _SPLIT]
    words = []
    if all(told[name] for name in split) == same:
        words = [split_words(design), *practice_words(design)]
    if told["chips"] == same:
        words.insert(0, f"{design['chips']:.0f} chips")
    for name, value in design.items():
        if told[name] != same or name in _SPLIT or name == "chips":
            continue
        if same and name not in _MACHINE:
            continue
        unit = at[_DESIGN + name].attrs.get("units", "1")
        one = proper(value) if isinstance(value, str) else spoken(float(value), unit)
        words.append(f"{spelled(name)} {one}")
    return ", ".join(word for word in words if word) or "nothing of note in common"


def _trade(dataset: xr.Dataset) -> Part:
    """Say the knee, and what one more per cent of another objective is worth."""
    knees = np.flatnonzero(dataset["is_knee"].values)
    first, *others = _names(dataset)
    chord = "the line between the ends"
    if len(others) > 1:
        chord = "the plane between the ends"
    lines = []
    if len(knees):
        at = dataset.isel(point=int(knees[0]))
        values = [
            f"{spelled(n)} {_said(dataset, n, float(at[n]))}" for n in (first, *others)
        ]
        far = figures(100.0 * float(dataset.attrs["knee_distance"]), 2)
        lines.append(
            f"Knee: {', '.join(values)}; it lies {far} % beyond {chord}, each objective"
            " counted in the front's extent."
        )
    elif dataset.sizes["point"] > 2:
        lines.append(f"There is no knee: no design lies on the better side of {chord}.")
    rows = []
    for place in _shown(dataset):
        for index, other in enumerate(others, start=1):
            slope = float(dataset["slope"].values[place, index])
            if np.isfinite(slope):
                rows.append(_traded(dataset, place, other, slope))
    heads = ("at", "one per cent more of", "changes", "by")
    table = grid(heads, rows, "Slopes along the front", (0, 3))
    return Part("slopes", "What one buys of the other", tuple(lines), (table,))


def _traded(
    dataset: xr.Dataset, place: int, other: str, slope: float
) -> tuple[str, ...]:
    first = _names(dataset)[0]
    value = float(dataset[other].values[place])
    change = slope * 0.01 * value
    if is_share(first):
        by = f"{100.0 * change:+.3g} points"
    else:
        base = float(dataset[first].values[place])
        by = f"{100.0 * change / base:+.3g} %"
    return (_said(dataset, other, value), spelled(other), spelled(first), by)


def _certificate(dataset: xr.Dataset) -> Part:
    counts = json.loads(dataset.attrs["counts"])
    names = _names(dataset)
    reference = [
        f"{spelled(name)} {_said(dataset, name, value)}"
        for name, value in zip(names, dataset["reference"].values, strict=True)
    ]
    unit = " ".join(unit or "1" for unit in _units(dataset))
    rows = [
        ("reference point", ", ".join(reference)),
        ("hypervolume", f"{figures(float(dataset.attrs['hypervolume']), 6)} ({unit})"),
        ("unexplored", _unexplored(dataset)),
        *((name.replace("_", " "), f"{n:,}") for name, n in counts.items()),
    ]
    wanted = float(dataset.attrs["gap_asked"])
    lines = []
    if float(dataset.attrs["unexplored"]) > wanted:
        lines.append(
            f"{figures(100.0 * wanted, 2)} % was asked for: more searches or boxes get"
            " nearer."
        )
    return Part("certificate", "How far it is shown", tuple(lines), (facts(rows),))
