"""From a joint study to its dataset."""

import dataclasses
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from supernode_opt.answer.asked import sizes
from supernode_opt.answer.evaluation import evaluated
from supernode_opt.batch.precise import precisely
from supernode_opt.config.study import Study
from supernode_opt.joint import certificate
from supernode_opt.joint.journal import Journal, key_of
from supernode_opt.joint.question import JointStudy
from supernode_opt.joint.solve import Found, solve
from supernode_opt.problem.box import options
from supernode_opt.problem.variables import PLAN
from supernode_opt.reading.node import StudyError
from supernode_opt.results import store
from supernode_opt.results.versions import stamp
from supernode_opt.search.settings import Progress
from supernode_opt.system.design import CHOICE_NAMES, NUMBER_NAMES, Design
from supernode_opt.system.report import PARTS, SCALARS, Report
from supernode_opt.system.scenario import apply
from supernode_opt.units import label, quantity_of
from supernode_opt.workload.split import SWITCHES

SPLIT = (*PLAN, "data_parallel", *SWITCHES)
_LIMITS = ("value", "limit", "margin", "at_most", "tight")


@precisely
def run(
    asked: JointStudy,
    progress: Callable[[Progress], None] | None = None,
    folder: Path | None = None,
    resume: bool = False,
    start: Mapping[str, Any] | None = None,
) -> xr.Dataset:
    """Answer a joint study.

    Args:
      asked: the question.
      progress: is told how things stand.
      folder: where the state of the search is kept; nowhere if not given.
      resume: whether to go on from what is kept there.
      start: a machine to begin with, by name as `machine_of` gives it.

    Raises:
      StudyError: no design is legal, or bounds know nothing of what is sought.
    """
    tell = progress or (lambda _: None)
    journal = Journal(folder, key_of(asked.text, asked.seed, asked.settings))
    begin = None if start is None else _positions(asked, start)
    found = solve(asked, journal, tell, resume, begin)
    tell(Progress("evaluating every job on the machine", 1.0))
    return dataset(found)


def machine_of(dataset: xr.Dataset) -> dict[str, Any]:
    """Return the machine of a saved answer, joint or of one study, by name.

    Raises:
      StudyError: it has none.
    """
    for start in ("machine_", "design_"):
        made = {
            name.removeprefix(start): dataset[name].item()
            for name in map(str, dataset.data_vars)
            if name.startswith(start) and not dataset[name].dims
        }
        if "chips" in made:
            return {name: value for name, value in made.items() if name not in SPLIT}
    raise StudyError("the result to begin with has no machine")


def dataset(found: Found) -> xr.Dataset:
    """Return all that is known as one labelled dataset."""
    told = certificate.facts(found)
    status = certificate.status_of(found)
    message = certificate.message(found, told)
    asked, objective = found.asked, found.jobs[0].problem.objective
    unit = quantity_of(Report, objective.name).unit
    names = [job.name for job in found.jobs]
    own = np.asarray([found.value(cost) for cost in found.alone])
    own = np.where(np.isfinite(found.alone), own, np.nan)
    variables: dict[str, xr.Variable] = {
        "model": _names("model", names),
        "weight": _along([one.weight for one in asked.jobs], "weight in the mean", "1"),
        "own": _along(own, "optimum of the job alone", unit),
        "own_gap": _along(found.alone_gap, "how much better that could be", "1"),
        "target": _along(_targets(found), "what counts as reached", unit),
    }
    boxes = [n for n, _ in found.course.history]
    gaps = [gap for _, gap in found.course.history]
    variables["boxes"] = _column("batch", boxes, "boxes of machines bounded", "1")
    variables["gap"] = _column("batch", gaps, "could be better by", "1")
    attrs: dict[str, Any] = {}
    best = found.course.best
    value = None
    if best is not None:
        reached = np.asarray([found.value(cost) for cost in best.costs])
        share = reached / own if objective.maximize else own / reached
        aims = _targets(found)
        score = reached / aims if objective.maximize else aims / reached
        variables["share_of_own"] = _along(share, "share of the job's own optimum", "1")
        variables["share_of_target"] = _along(score, "share of the target", "1")
        worst = found.wish.worst
        value = float(np.min(score)) if worst else found.value(best.cost)
        variables |= _machine(found)
        variables |= _reports([_evaluated(found, j) for j in range(len(names))])
    summary = _summary(found, told, status, message, value)
    given = found.jobs[0].problem.scenario
    attrs |= {
        "kind": "joint",
        "study": asked.text,
        "name": asked.name,
        "question": asked.question,
        "system": asked.system,
        "chip": given.chip.name,
        "objective": objective.name,
        "sense": "maximize" if objective.maximize else "minimize",
        "over": asked.over,
        "value": np.nan if value is None else value,
        "seed": asked.seed,
        "status": json.dumps(status),
        "message": json.dumps(message),
        "certificate": json.dumps(store.plain(told)),
        "models": json.dumps([_about(one.study) for one in asked.jobs]),
        "summary": json.dumps(store.plain(summary)),
    }
    return xr.Dataset(variables, attrs=attrs | stamp())


def _targets(found: Found) -> np.ndarray:
    return np.asarray([found.value(cost) for cost in found.wish.targets])


def _evaluated(found: Found, j: int) -> xr.Dataset:
    """Return one job on the machine as the dataset that `evaluate` makes of it."""
    study, design = found.asked.jobs[j].study, found.design(j)
    assert design is not None
    problem = study.problem
    constants = {name: value for name, value in design.items() if "." in name}
    fixed = {name: value for name, value in design.items() if "." not in name}
    built = dataclasses.replace(
        problem,
        scenario=apply(problem.scenario, constants),
        fixed=fixed,
        variables=(),
        choices=(),
    )
    return evaluated(dataclasses.replace(study, problem=built)).dataset()


def _reports(made: list[xr.Dataset]) -> dict[str, xr.Variable]:
    """Stack what was reported of every job."""
    found: dict[str, xr.Variable] = {}
    for name in SCALARS:
        unit = quantity_of(Report, name).unit or "1"
        values = [float(one[name]) for one in made]
        found[name] = _along(values, label(name, ""), unit)
    for name, dimension in PARTS.items():
        found[dimension] = _names(dimension, list(map(str, made[0][dimension].values)))
        words = made[0][name].attrs
        table = np.stack([one[name].values for one in made])
        found[name] = xr.Variable(("model", dimension), table, words)
    for name in SPLIT:
        values = [one[f"design_{name}"].item() for one in made]
        found[f"split_{name}"] = _along(values, label(name, ""), "1")
    limits = list(dict.fromkeys(n for one in made for n in one["constraint"].values))
    found["constraint"] = _names("constraint", list(map(str, limits)))
    for field in _LIMITS:
        table = np.full((len(made), len(limits)), np.nan)
        for row, one in enumerate(made):
            for name, value in zip(
                one["constraint"].values, one[f"constraint_{field}"].values, strict=True
            ):
                table[row, limits.index(name)] = value
        found[f"constraint_{field}"] = xr.Variable(("model", "constraint"), table)
    quantity = list(map(str, made[0]["quantity"].values))
    found["quantity"] = _names("quantity", quantity)
    for end in ("low", "high"):
        table = np.stack([one[f"interval_{end}"].values for one in made])
        found[f"interval_{end}"] = xr.Variable(("model", "quantity"), table)
    found["evidence"] = _names(
        "model", [json.loads(one.attrs["evidence"])["sentence"] for one in made]
    )
    return found


def _machine(found: Found) -> dict[str, xr.Variable]:
    design = found.design(0)
    assert design is not None
    made = {}
    for name, value in design.items():
        if name in SPLIT:
            continue
        known = name in {field.name for field in dataclasses.fields(Design)}
        unit = quantity_of(Design, name).unit if known else ""
        kind = object if isinstance(value, str) else float
        words = {"units": unit or "1", "long_name": label(name, "")}
        made[f"machine_{name}"] = xr.Variable((), np.asarray(value, dtype=kind), words)
    return made


def _positions(asked: JointStudy, start: Mapping[str, Any]) -> dict[str, Any]:
    """Return a machine with the positions of its choices in place of their names.

    Raises:
      StudyError: the study has no such machine.
    """
    problem = asked.jobs[0].study.problem
    made = {}
    for name, value in start.items():
        if name not in (*NUMBER_NAMES, *CHOICE_NAMES) and "." not in name:
            continue
        if name not in CHOICE_NAMES:
            made[name] = float(value)
            continue
        known = options(name, problem.scenario)
        if value not in known:
            raise StudyError(
                f"{asked.name}: `{name}` of the result to begin with is {value}, which"
                " this study does not have"
            )
        made[name] = known.index(value)
    return made


def _about(study: Study) -> dict[str, Any]:
    scenario = study.problem.scenario
    training = scenario.training
    return {
        "model": scenario.model.name,
        "precision": training.precision,
        "sequence_length": float(training.sequence_length),
        "global_batch": float(training.global_batch),
        "software": scenario.software.name,
        **sizes(scenario.model),
    }


def _summary(
    found: Found,
    told: dict[str, Any],
    status: str,
    message: str,
    value: float | None,
) -> dict[str, Any]:
    """Return the answer as one JSON object, in SI."""
    asked, best = found.asked, found.course.best
    jobs = []
    for j, one in enumerate(asked.jobs):
        made = {
            "model": one.name,
            "weight": one.weight,
            "target": one.target,
            "own": found.value(found.alone[j]) if np.isfinite(found.alone[j]) else None,
            "own_gap": found.alone_gap[j],
        }
        design = found.design(j)
        if best is not None and design is not None:
            made["value"] = found.value(best.costs[j])
            made["split"] = {n: v for n, v in design.items() if n in SPLIT}
        jobs.append(made)
    design = found.design(0) or {}
    return {
        "study": asked.name,
        "status": status,
        "message": message,
        "objective_name": found.jobs[0].problem.objective.name,
        "over": asked.over,
        "objective": value,
        "machine": {n: v for n, v in design.items() if n not in SPLIT},
        "jobs": jobs,
        "certificate": told,
        "seed": asked.seed,
    }


def _names(dimension: str, names: list[str]) -> xr.Variable:
    return xr.Variable((dimension,), np.array(names, dtype=object))


def _along(values: Any, words: str, unit: str) -> xr.Variable:
    return _column("model", values, words, unit)


def _column(dimension: str, values: Any, words: str, unit: str) -> xr.Variable:
    text = len(values) and isinstance(values[0], str)
    array = np.asarray(values, dtype=object if text else float)
    return xr.Variable((dimension,), array, {"units": unit, "long_name": words})
