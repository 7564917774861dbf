"""The answer to a crossover: as a dataset, in words, and as JSON."""

import datetime
import json
import math
from typing import Any

import numpy as np
import xarray as xr

from supernode_opt import catalog
from supernode_opt.compare.comparison.claims import said
from supernode_opt.compare.crossover.config import Crossover
from supernode_opt.compare.crossover.solve import Surface
from supernode_opt.compare.crossover.steps import sign_of, today
from supernode_opt.compare.inversion.report import own
from supernode_opt.results.versions import git_commit, versions
from supernode_opt.system.report import Report
from supernode_opt.uncertainty.draws import DRAWS
from supernode_opt.units import label, quantity_of
from supernode_opt.words import figures

ENDS = ("", "_low", "_high")


def dataset(asked: Crossover, surface: Surface) -> xr.Dataset:
    """Return the map, labelled, in SI."""
    up = asked.up
    quantity = quantity_of(Report, up.quantity)
    units = {"units": quantity.unit or "1", "long_name": label(up.quantity, "")}
    words = {"units": up.unit or "1", "long_name": up.constant}
    axes = ("across", "up")
    made = xr.Dataset(
        coords={
            "across": (
                "across",
                [step.value for step in surface.first],
                {"units": asked.unit or "1", "long_name": asked.across},
            ),
            "up": ("up", surface.grid, words),
            "up_drawn": ("up_drawn", surface.drawn_at, words),
            "rival_across": ("rival_across", [s.value for s in surface.second]),
            "machine": [side.system for side in up.sides],
            "known": ["value", "low", "high"],
        },
        attrs={
            "study": asked.text,
            "name": up.name,
            "question": up.question,
            "quantity": up.quantity,
            "sign": sign_of(asked),
            "seed": asked.seed,
            "draws": DRAWS,
            "exact_splits": int(surface.exact),
            "own_unit": up.own_unit,
            "factor": up.factor,
            "across_own_unit": asked.own_unit,
            "across_factor": asked.factor,
            "marks": json.dumps(marks(asked)),
            "lines": json.dumps(lines(asked, surface)),
            "created": datetime.datetime.now(datetime.UTC).isoformat(
                timespec="seconds"
            ),
            "versions": json.dumps(versions()),
            "git_commit": git_commit(),
        },
    )
    made[up.quantity] = (axes, np.exp([s.logs for s in surface.first]), units)
    made["kept"] = (axes, np.array([s.kept for s in surface.first], np.int8))
    made["rival"] = (("rival_across", "up"), np.exp([s.logs for s in surface.second]))
    made["rival_kept"] = (
        ("rival_across", "up"),
        np.array([s.kept for s in surface.second], np.int8),
    )
    made["rival_best"] = ("up", made["rival_across"].values[surface.best])
    made["ratio"] = (axes, ratios(asked, surface))
    made["catalog"] = ("known", np.asarray(up.known), words)
    drawn = ("across", "up_drawn")
    made["share"] = (drawn, surface.share, {"long_name": "share of draws"})
    for part, suffix in enumerate(ENDS):
        made[f"crossing{suffix}"] = ("across", surface.crossing[:, part], words)
        if part:
            made[f"ratio{suffix}"] = (drawn, surface.ratio[..., part - 1])
    return made


def ratios(asked: Crossover, surface: Surface) -> np.ndarray:
    """Return the quantity of the first machine over that of the best second."""
    return np.exp(sign_of(asked) * surface.margin)


def marks(asked: Crossover) -> dict[str, float]:
    """Return the same constant of other links of the first machine, in SI."""
    owner, _, field = asked.up.constant.rpartition(".")
    if not owner.startswith("links."):
        return {}
    links = asked.up.sides[0].problem.scenario.links
    mine = catalog.load("link", owner.removeprefix("links."))
    return {
        link.name: float(getattr(link, field))
        for link in links
        if link.optical == mine.optical and link.name != mine.name
    }


def _equal(asked: Crossover, crossing: np.ndarray) -> str:
    """Say where both are equal, and its range."""
    value, low, high = crossing
    if not math.isfinite(value):
        ends = own(asked.up, asked.up.low), own(asked.up, asked.up.high)
        return f"equal at no {asked.up.constant} from {ends[0]} to {ends[1]}"
    least = "none" if low == 0.0 else own(asked.up, low)
    most = "any" if math.isinf(high) else own(asked.up, high)
    return f"equal at {own(asked.up, value)} (5-95 % {least} to {most})"


def lines(asked: Crossover, surface: Surface) -> list[str]:
    """Return what a person wants to know, line by line."""
    up = asked.up
    one, other = (side.system for side in up.sides)
    words = up.quantity.replace("_", " ")
    now = today(asked, surface.grid)
    best = surface.second[int(surface.best[now])]
    made = [up.question] if up.question else []
    made += [
        f"{words} of {one} against the best {other} that can be built"
        f" ({across(asked, best.value)}: {said(math.exp(best.logs[now]), up.quantity)})"
        f" with {up.constant} {own(up, up.known[0])}:"
    ]
    drawn = int(np.argmin(np.abs(np.log(surface.drawn_at / up.known[0]))))
    ratio = ratios(asked, surface)
    for index, step in enumerate(surface.first):
        low, high = surface.ratio[index, drawn]
        cells = [
            f"{across(asked, step.value)}:"
            f" {said(math.exp(step.logs[now]), up.quantity)}, ratio"
            f" {ratio[index, now]:.3f} (5-95 % {low:.3f} to {high:.3f}), better in"
            f" {100.0 * surface.share[index, drawn]:.0f} % of draws",
            _equal(asked, surface.crossing[index]),
        ]
        cells += [f"cannot be built: {', '.join(step.why)}"] if step.why else []
        made.append("; ".join(cells))
    for step in surface.second:
        if step.why:
            why = ", ".join(step.why)
            made.append(f"{other}, {across(asked, step.value)}: cannot be built: {why}")
    made.append(
        "splits: every legal one, in every step"
        + ("" if surface.exact else f"; along {up.constant} the best of several")
    )
    return made


def across(asked: Crossover, value: float) -> str:
    """Write a value of what runs across."""
    unit = "" if asked.own_unit in ("", "1") else f" {asked.own_unit}"
    words = asked.across
    if "." not in words:
        words = words.replace("scale_up", "scale-up").replace("_", " ")
    return f"{words} {figures(value / asked.factor)}{unit}"


def summary(asked: Crossover, surface: Surface) -> dict[str, Any]:
    """Return the answer as one JSON object, in SI; what is no number is null."""
    up, now = asked.up, today(asked, surface.grid)
    drawn = int(np.argmin(np.abs(np.log(surface.drawn_at / up.known[0]))))
    best, ratio = surface.second[int(surface.best[now])], ratios(asked, surface)
    return {
        "name": up.name,
        "quantity": up.quantity,
        "across": asked.across,
        "up": up.constant,
        "catalog": dict(zip(("value", "low", "high"), up.known, strict=True)),
        "machine": up.sides[0].system,
        "rival": {
            "machine": up.sides[1].system,
            "across": best.value,
            up.quantity: math.exp(best.logs[now]),
            "cannot": {f"{s.value:g}": list(s.why) for s in surface.second if s.why},
        },
        "steps": [
            {
                "across": step.value,
                up.quantity: math.exp(step.logs[now]),
                "ratio": float(ratio[index, now]),
                "ratio_low": float(surface.ratio[index, drawn, 0]),
                "ratio_high": float(surface.ratio[index, drawn, 1]),
                "share": float(surface.share[index, drawn]),
                "crossing": _number(surface.crossing[index, 0]),
                "crossing_low": _number(surface.crossing[index, 1]),
                "crossing_high": _number(surface.crossing[index, 2]),
                "cannot": list(step.why),
                "design": dict(surface.plans[int(step.chosen[now])]),
            }
            for index, step in enumerate(surface.first)
        ],
        "exact_splits": surface.exact,
    }


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
