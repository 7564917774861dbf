"""The answer to a crossover: as a dataset, in words, and as JSON."""

import json
import math
from typing import Any

import numpy as np
import xarray as xr

from supernode_opt import catalog
from supernode_opt.compare.about import about
from supernode_opt.compare.comparison.sentences import said, units_of
from supernode_opt.compare.crossover.config import Crossover
from supernode_opt.compare.crossover.solve import Surface
from supernode_opt.compare.crossover.steps import sign_of, today
from supernode_opt.compare.inversion.report import own
from supernode_opt.names import spelled
from supernode_opt.results import store
from supernode_opt.results.telling.comparison import ENDS
from supernode_opt.results.versions import stamp
from supernode_opt.uncertainty.draws import DRAWS
from supernode_opt.words import figures


def dataset(asked: Crossover, surface: Surface) -> xr.Dataset:
    """Return the map, labelled, in SI."""
    up = asked.up
    words = {"units": up.unit or "1", "long_name": up.constant}
    along = {"units": asked.unit or "1", "long_name": asked.constant}
    first, second = surface.first, surface.second
    map_, drawn = ("across", "up"), ("across", "up_drawn")
    rival = ("rival_across", "up")
    built = [step.value for step in second]
    made = {
        up.quantity: (map_, np.exp([s.logs for s in first]), units_of(up.quantity)),
        "kept": (map_, np.array([s.kept for s in first], np.int8)),
        "rival": (rival, np.exp([s.logs for s in second])),
        "rival_kept": (rival, np.array([s.kept for s in second], np.int8)),
        "rival_best": ("up", np.array(built)[surface.best]),
        "ratio": (map_, ratios(asked, surface)),
        "catalog": ("known", np.asarray(up.known), words),
        "share": (drawn, surface.share, {"long_name": "share of draws"}),
    }
    for part, suffix in enumerate(ENDS.values()):
        made[f"crossing{suffix}"] = ("across", surface.crossing[:, part], words)
        if part:
            made[f"ratio{suffix}"] = (drawn, surface.ratio[..., part - 1])
    return xr.Dataset(
        made,
        coords={
            "across": ("across", [step.value for step in first], along),
            "up": ("up", surface.grid, words),
            "up_drawn": ("up_drawn", surface.drawn_at, words),
            "rival_across": ("rival_across", built),
            "machine": [side.system for side in up.sides],
            "known": list(ENDS),
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
            "summary": json.dumps(summary(asked, surface)),
            **about(up.sides),
            **stamp(),
        },
    )


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
        return f"equal at no {spelled(asked.up.constant)} from {ends[0]} to {ends[1]}"
    least = "none" if low == 0.0 else own(asked.up, low)
    most = "any" if math.isinf(high) else own(asked.up, high)
    return f"equal at {own(asked.up, value)} (5-95 % {least} to {most})"


def lines(asked: Crossover, surface: Surface) -> list[str]:
    """Return what a person wants to know, line by line."""
    up = asked.up
    one, other = (side.system for side in up.sides)
    words = spelled(up.quantity)
    now = today(asked, surface.grid)
    best = surface.second[int(surface.best[now])]
    made = [up.question] if up.question else []
    made += [
        f"{words} of {one} against the best {other} that can be built"
        f" ({across(asked, best.value)}: {said(math.exp(best.logs[now]), up.quantity)})"
        f" with {spelled(up.constant)} {own(up, up.known[0])}:"
    ]
    drawn = today(asked, surface.drawn_at)
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
        + ("" if surface.exact else f"; along {spelled(up.constant)} best of several")
    )
    return made


def across(asked: Crossover, value: float) -> str:
    """Write a value of what runs across."""
    unit = "" if asked.own_unit in ("", "1") else f" {asked.own_unit}"
    return f"{spelled(asked.constant)} {figures(value / asked.factor)}{unit}"


def summary(asked: Crossover, surface: Surface) -> dict[str, Any]:
    """Return the answer as one JSON object, in SI; what is no number is null."""
    up, now = asked.up, today(asked, surface.grid)
    drawn = today(asked, surface.drawn_at)
    best, ratio = surface.second[int(surface.best[now])], ratios(asked, surface)
    made = {
        "name": up.name,
        "quantity": up.quantity,
        "across": asked.constant,
        "up": up.constant,
        "catalog": dict(zip(ENDS, up.known, strict=True)),
        "machine": up.sides[0].system,
        "rival": {
            "machine": up.sides[1].system,
            "across": best.value,
            up.quantity: math.exp(best.logs[now]),
            "cannot": {f"{s.value:g}": s.why for s in surface.second if s.why},
        },
        "steps": [
            {
                "across": step.value,
                up.quantity: math.exp(step.logs[now]),
                "ratio": ratio[index, now],
                "ratio_low": surface.ratio[index, drawn, 0],
                "ratio_high": surface.ratio[index, drawn, 1],
                "share": surface.share[index, drawn],
                **{
                    f"crossing{end}": value
                    for end, value in zip(
                        ENDS.values(), surface.crossing[index], strict=True
                    )
                },
                "cannot": step.why,
                "design": surface.plans[int(step.chosen[now])],
            }
            for index, step in enumerate(surface.first)
        ],
        "exact_splits": surface.exact,
    }
    return store.plain(made)
