"""From a comparison to a labelled dataset."""

import json
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from supernode_opt.batch.case import Case, case, used_links
from supernode_opt.batch.engine import repeated
from supernode_opt.batch.precise import precisely
from supernode_opt.calibration.evidence.told import behind
from supernode_opt.compare import program
from supernode_opt.compare.about import about
from supernode_opt.compare.comparison.claims import ends_of, judge
from supernode_opt.compare.comparison.config import Comparison
from supernode_opt.compare.comparison.seen import Pair, Seen, Verdict
from supernode_opt.compare.comparison.sentences import units_of
from supernode_opt.compare.entries import Cell
from supernode_opt.compare.splits import Best, best_split
from supernode_opt.reading.node import StudyError
from supernode_opt.results.telling.comparison import DIMENSIONS, ENDS
from supernode_opt.results.versions import stamp
from supernode_opt.system.design import TRAINING_ALONE
from supernode_opt.system.divided import split_choices, split_fields, split_numbers
from supernode_opt.system.report import compared
from supernode_opt.uncertainty import draws
from supernode_opt.uncertainty.constants import uncertain
from supernode_opt.workload.split import TooManySplits

# Called with what is being done and the share of it that is done.
Progress = Callable[[str, float], None]


class Found(NamedTuple):
    """A cell with its best split and what became of it."""

    cell: Cell
    best: Best
    seen: Seen | None
    reason: str


@precisely
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
    scenario = cell.problem.scenario
    usual = dict.fromkeys(split_numbers(scenario), 1.0)
    usual |= dict.fromkeys(split_choices(scenario), "off") | TRAINING_ALONE
    return case(usual | values, scenario)


def _evaluated(cells: Sequence[Cell], bests: Sequence[Best], seed: int) -> list[Found]:
    legal = [i for i, best in enumerate(bests) if best.values]
    cases, known, rows = [], [], []
    for i in legal:
        values, problem = bests[i].values, cells[i].problem
        cases.append(case(values, problem.scenario))
        used = used_links(problem.scenario, values)
        known.append(uncertain(used, problem.origins))
    normal = draws.normals(known, seed) if known else {}
    for i, one, held in zip(legal, cases, known, strict=True):
        problem = cells[i].problem
        sold = case(bests[i].values, problem.scenario, problem.origins.following())
        rows.append(repeated(one, 1))
        slower = draws.noise(problem.scenario, bests[i].values, seed)
        for drawn in (normal, draws.as_calibrated(problem.scenario, normal)):
            rows.append(draws.rows_of(sold, held, drawn, slower))
    reports = program.REPORTED.many(rows) if rows else []
    ends = ends_of(list(zip(cases, known, strict=True))) if legal else []
    both = zip(cells, bests, strict=True)
    found = [Found(cell, best, None, best.reason) for cell, best in both]
    for place, i in enumerate(legal):
        cell, names = cells[i], compared(cells[i].problem.scenario)
        wide = len(names)
        (value,), drawn, held = reports[3 * place : 3 * place + 3]
        broken = program.broken(cell.problem, value[wide:])
        if bests[i].reason or broken:
            reason = bests[i].reason or broken[0]
            found[i] = found[i]._replace(reason=reason)
            continue
        given = cell.problem.scenario
        slower = draws.noise(given, bests[i].values, seed)
        first = draws.noise_of_first(given, bests[i].values, seed)
        seen = Seen(
            cases[place],
            names,
            known[place],
            value[:wide],
            draws.told(given, names, drawn[:, :wide], held[:, :wide], slower, first),
            normal,
            ends[place],
            cell.precision,
            behind(given, bests[i].values) if given.serving is None else None,
        )
        found[i] = found[i]._replace(seen=seen)
    return found


def _dataset(
    comparison: Comparison, found: Sequence[Found], verdicts: Sequence[Verdict]
) -> xr.Dataset:
    # Cells are listed by model, then precision, then system.
    cells = [f.cell for f in found]
    axes = {
        "model": list(dict.fromkeys(cell.model for cell in cells)),
        "precision": list(dict.fromkeys(cell.wanted for cell in cells)),
        "system": list(dict.fromkeys(cell.system for cell in cells)),
    }

    def laid(values: Any, *more: str, **words: str) -> xr.Variable:
        rows = np.asarray(values)
        shape = (*map(len, axes.values()), *rows.shape[1:])
        made = xr.Variable((*axes, *more), rows.reshape(shape), words)
        return made.transpose(*DIMENSIONS, *more)

    dataset = xr.Dataset(
        coords={name: np.array(axes[name], dtype=object) for name in DIMENSIONS},
        attrs={
            "study": comparison.text,
            "name": comparison.name,
            "question": comparison.question,
            "seed": comparison.seed,
            "draws": draws.DRAWS,
            **about(cells),
            **stamp(),
        },
    )
    seen = [f.seen for f in found]
    nothing = np.full(draws.DRAWS, np.nan)
    given = cells[0].problem.scenario
    for column, name in enumerate(compared(given)):
        words = units_of(name)
        value = [np.nan if one is None else one.value[column] for one in seen]
        drawn = [nothing if one is None else one.drawn[:, column] for one in seen]
        values = value, *np.percentile(drawn, (5.0, 95.0), axis=1)
        for suffix, one in zip(ENDS.values(), values, strict=True):
            dataset[name + suffix] = laid(one, **words)
        dataset[f"{name}_drawn"] = laid(drawn, "draw", **words)
    evidence = [None if one is None else one.evidence for one in seen]
    texts: dict[str, list[Any]] = {
        "trained_in": [cell.precision for cell in cells],
        "status": [f.reason or "feasible" for f in found],
        "evidence": [one.sentence if one else "" for one in evidence],
        "grade": [one.grade if one else "" for one in evidence],
    }
    numbers: dict[str, list[Any]] = {"splits": [f.best.splits for f in found]}
    for name in split_fields(given):
        column = [f.best.values.get(name, np.nan) for f in found]
        kind = numbers if name in split_numbers(given) else texts
        kind[f"design_{name}"] = column
    for name, column in numbers.items():
        dataset[name] = laid(np.array(column, float))
    for name, column in texts.items():
        dataset[name] = laid(np.array([*map(str, column)], dtype=object))
    return _with_claims(dataset, comparison, verdicts)


def _with_claims(
    dataset: xr.Dataset, comparison: Comparison, verdicts: Sequence[Verdict]
) -> xr.Dataset:
    sources = {
        "better than quantity model wanted": comparison.claims,
        "word sentence": verdicts,
    }
    for fields, rows in sources.items():
        for field in fields.split():
            column = np.array([getattr(row, field) for row in rows], dtype=object)
            dataset[f"claim_{field}"] = ("claim", column)
    dataset["claim_share"] = ("claim", np.array([v.share for v in verdicts], float))
    ratios = np.array([v.ratio for v in verdicts], float).reshape(-1, 3)
    for part, suffix in enumerate(ENDS.values()):
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
    narrows = [[one.plain() for one in verdict.next] for verdict in verdicts]
    return dataset.assign_attrs(
        conditions=json.dumps(turns), measure_next=json.dumps(narrows)
    )
