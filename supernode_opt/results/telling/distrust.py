"""What draws say of an answer: how sure the choice is, and what robustness costs."""

from collections.abc import Mapping
from typing import Any

import xarray as xr

from supernode_opt.names import spelled
from supernode_opt.results import store
from supernode_opt.results.telling.parts import Part, grid
from supernode_opt.system.report import Report, is_share
from supernode_opt.units import quantity_of
from supernode_opt.words import both, figures, spoken


def regret(dataset: xr.Dataset) -> Part:
    """Say how probably the answer is the best of its alternatives."""
    known = store.note(dataset, "regret")
    lines = (str(known["sentence"]),) if known else ()
    return Part("regret", "How sure the choice is", lines)


def robustness(dataset: xr.Dataset) -> Part:
    """Set the robust design beside the one that is best without draws."""
    known: Mapping[str, Any] | None = store.note(dataset, "robustness")
    if not known:
        return Part("robustness", "Under draws")
    wanted = dataset.attrs["objective"]
    unit, share = quantity_of(Report, wanted).unit, is_share(wanted)
    designs = [known["robust"], *([known["nominal"]] if known["nominal"] else [])]

    def cells(field: str) -> list[str]:
        return [spoken(one[field], unit, share) for one in designs]

    said = spelled(wanted)
    rows = [(f"{said} at the catalog's constants", *cells("nominal"))]
    if known["quantile"] is not None:
        level = f"{figures(100.0 * known['quantile'], 3)} % quantile"
        rows.append((f"{said}, {level}", *cells("quantile")))
    ends = [both(one["range"][0], one["range"][2], unit, share) for one in designs]
    rows.append((f"{said}, 5-95 %", *ends))
    for place, limit in enumerate(known["limits"]):
        odds = [f"{100.0 * one['chance'][place]:.2f} %" for one in designs]
        rows.append((_limit(limit), *odds))
    heads = ("", "this design", "best without draws")[: 1 + len(designs)]
    lines = tuple(map(str, known["sentences"]))
    return Part(
        "robustness", "Under draws", lines, (grid(heads, rows, numbers=(1, 2)),)
    )


def _limit(limit: Mapping[str, Any]) -> str:
    """Write a limit and the probability that is asked of it."""
    name = limit["name"]
    value = spoken(limit["limit"], quantity_of(Report, name).unit, is_share(name))
    side = "at most" if limit["at_most"] else "at least"
    asked = f"{figures(100.0 * limit['probability'], 3)} %"
    return f"probability of {spelled(name)} {side} {value} ({asked} asked)"
