"""From a comparison to a labelled dataset."""

import dataclasses
import datetime
import json
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import xarray as xr

from supernode_opt.batch.case import Case, case, used_links
from supernode_opt.batch.engine import repeated
from supernode_opt.compare import program
from supernode_opt.compare.comparison.claims import Pair, Seen, Verdict, ends_of, judge
from supernode_opt.compare.comparison.config import Comparison
from supernode_opt.compare.entries import Cell
from supernode_opt.compare.limits import broken
from supernode_opt.compare.program import QUANTITIES
from supernode_opt.compare.splits import Best, best_split
from supernode_opt.reading.node import StudyError
from supernode_opt.results.versions import git_commit, versions
from supernode_opt.system.report import Report
from supernode_opt.uncertainty import draws
from supernode_opt.uncertainty.constants import uncertain
from supernode_opt.units import label, quantity_of
from supernode_opt.workload.split import SIZES, SWITCHES, TooManySplits

# Called with what is being done and the share of it that is done.
Progress = Callable[[str, float], None]
DIMENSIONS = ("precision", "model", "system")
_SPLIT = (*SIZES, *SWITCHES)


class Found(NamedTuple):
    """A cell with its best split and what became of it."""

    cell: Cell
    best: Best
    seen: Seen | None
    reason: str


def compare(comparison: Comparison, progress: Progress | None = None) -> xr.Dataset:
    """Answer a comparison.

    Raises:
      StudyError: a machine has more legal splits than can be looked at.
    """
    tell = progress or (lambda what, done: None)
    found = find(comparison.cells, comparison.seed, tell)
    by_name = {(f.cell.system, f.cell.model, f.cell.wanted): f for f in found}
    tell("judging claims", 0.9)
    pairs: list[Pair | str] = []
    for claim in comparison.claims:
        sides = [
            by_name[name, claim.model, claim.wanted]
            for name in (claim.better, claim.than)
        ]
        bad = [f"{s.cell.system} cannot: {s.reason}" for s in sides if s.seen is None]
        one, other = sides[0].seen, sides[1].seen
        missing = one is None or other is None
        pairs.append("; ".join(bad) if missing else (one, other))
    verdicts = judge(comparison.claims, pairs)
    tell("done", 1.0)
    return _dataset(comparison, found, verdicts)


def find(cells: Sequence[Cell], seed: int, tell: Progress) -> list[Found]:
    """Find the best split of every cell and evaluate it under every draw."""
    tell("compiling", 0.0)
    program.prepare([_any_case(cell) for cell in cells])
    splits: dict[tuple, Best] = {}
    for index, cell in enumerate(cells):
        tell(
            f"splitting {cell.model} over {cell.system}", 0.1 + 0.6 * index / len(cells)
        )
        # A chip that falls back on another precision was seen in it, perhaps.
        key = (cell.system, cell.model, cell.precision)
        if key not in splits:
            try:
                splits[key] = best_split(cell.problem)
            except TooManySplits as error:
                raise StudyError(f"{cell.system}: {error}; narrow `plan`") from None
    bests = [splits[c.system, c.model, c.precision] for c in cells]
    tell("drawing constants", 0.75)
    return _evaluated(cells, bests, seed)


def _any_case(cell: Cell) -> Case:
    values = dict(cell.problem.fixed)
    values |= {name: values.get(name, 1.0) for name in SIZES}
    defaults = zip(SWITCHES, ("none", "zero0", "off"), strict=True)
    values |= {name: values.get(name, word) for name, word in defaults}
    return case(values, cell.problem.scenario)


def _evaluated(cells: Sequence[Cell], bests: Sequence[Best], seed: int) -> list[Found]:
    legal = [i for i, best in enumerate(bests) if best.values]
    cases, known = {}, {}
    for i in legal:
        values, scenario = bests[i].values, cells[i].problem.scenario
        cases[i] = case(values, scenario)
        known[i] = uncertain(used_links(scenario, values), cells[i].problem.origins)
    normal = draws.normals(list(known.values()), seed) if known else {}
    rows = []
    for i in legal:
        rows.append(repeated(cases[i], 1))
        problem = cells[i].problem
        sold = case(bests[i].values, problem.scenario, problem.origins.following())
        rows.append(draws.rows_of(sold, known[i], normal))
    reports = dict(enumerate(program.REPORTED.many(rows))) if rows else {}
    ends = ends_of([(cases[i], known[i]) for i in legal]) if legal else []
    found = []
    for i, (cell, best) in enumerate(zip(cells, bests, strict=True)):
        seen, reason = None, best.reason
        if i in cases:
            place = legal.index(i)
            value = reports[2 * place][0]
            if not reason:
                over = broken(cell.problem, value[len(QUANTITIES) :])
                reason = next(iter(over), "")
            drawn = reports[2 * place + 1][:, : len(QUANTITIES)]
            slower = draws.noise(cell.problem.scenario, seed)
            if not reason:
                seen = Seen(
                    cases[i],
                    known[i],
                    value[: len(QUANTITIES)],
                    draws.slowed(drawn, slower, QUANTITIES),
                    ends[place],
                    cell.precision,
                )
        found.append(Found(cell, best, seen, reason))
    return found


def _dataset(
    comparison: Comparison, found: Sequence[Found], verdicts: Sequence[Verdict]
) -> xr.Dataset:
    axes = {
        "precision": list(dict.fromkeys(f.cell.wanted for f in found)),
        "model": list(dict.fromkeys(f.cell.model for f in found)),
        "system": list(dict.fromkeys(f.cell.system for f in found)),
    }
    shape = tuple(len(axis) for axis in axes.values())
    # Cells are listed by model, then precision, then system.
    at = {
        id(f): tuple(
            axes[name].index(key)
            for name, key in zip(
                axes, (f.cell.wanted, f.cell.model, f.cell.system), strict=True
            )
        )
        for f in found
    }
    dataset = xr.Dataset(
        coords={name: np.array(axis, dtype=object) for name, axis in axes.items()},
        attrs={
            "study": comparison.text,
            "name": comparison.name,
            "question": comparison.question,
            "seed": comparison.seed,
            "draws": draws.DRAWS,
            "created": datetime.datetime.now(datetime.UTC).isoformat(
                timespec="seconds"
            ),
            "versions": json.dumps(versions()),
            "git_commit": git_commit(),
        },
    )
    for column, name in enumerate(QUANTITIES):
        unit = quantity_of(Report, name).unit or "1"
        words = {"units": unit, "long_name": label(name, "")}
        value = np.full((*shape, 3), np.nan)
        drawn = np.full((*shape, draws.DRAWS), np.nan)
        for one in found:
            if one.seen is not None:
                every = one.seen.drawn[:, column]
                ends = np.percentile(every, (5.0, 95.0))
                value[at[id(one)]] = (one.seen.value[column], *ends)
                drawn[at[id(one)]] = every
        for part, suffix in enumerate(("", "_low", "_high")):
            dataset[name + suffix] = (DIMENSIONS, value[..., part], words)
        dataset[f"{name}_drawn"] = ((*DIMENSIONS, "draw"), drawn, words)
    texts = {
        "trained_in": lambda f: f.cell.precision,
        "status": lambda f: f.reason or "feasible",
        **{
            f"design_{name}": lambda f, name=name: f.best.values.get(name, np.nan)
            for name in _SPLIT
        },
        "splits": lambda f: f.best.splits,
    }
    for name, text in texts.items():
        cells = np.empty(shape, dtype=object)
        for one in found:
            cells[at[id(one)]] = text(one)
        numeric = name == "splits" or name.removeprefix("design_") in SIZES
        if not numeric:
            cells = np.vectorize(str, otypes=[object])(cells)
        dataset[name] = (DIMENSIONS, cells.astype(float) if numeric else cells)
    return _with_claims(dataset, comparison, verdicts)


def _with_claims(
    dataset: xr.Dataset, comparison: Comparison, verdicts: Sequence[Verdict]
) -> xr.Dataset:
    claims = [dataclasses.asdict(claim) for claim in comparison.claims]
    for field in ("better", "than", "quantity", "model", "wanted"):
        column = np.array([claim[field] for claim in claims], dtype=object)
        dataset[f"claim_{field}"] = ("claim", column)
    for field in ("word", "sentence"):
        column = np.array([getattr(v, field) for v in verdicts], dtype=object)
        dataset[f"claim_{field}"] = ("claim", column)
    dataset["claim_share"] = ("claim", np.array([v.share for v in verdicts], float))
    ratios = np.array([v.ratio for v in verdicts], float).reshape(-1, 3)
    for part, suffix in enumerate(("", "_low", "_high")):
        dataset[f"claim_ratio{suffix}"] = ("claim", ratios[:, part])
    turns = [
        [
            {
                "constant": ".".join(turn.identity),
                "value": turn.value,
                "true": "above" if turn.above else "below",
                "catalog": turn.known.value,
                "low": turn.known.low,
                "high": turn.known.high,
            }
            for turn in verdict.turns
        ]
        for verdict in verdicts
    ]
    return dataset.assign_attrs(conditions=json.dumps(turns))
