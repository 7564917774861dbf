"""A front as one labelled dataset."""

import json
from typing import Any

import numpy as np
import xarray as xr
import yaml

from supernode_opt.answer.asked import sizes, stack_of
from supernode_opt.batch.case import nameless
from supernode_opt.batch.exact import quantities
from supernode_opt.config import resolve
from supernode_opt.config.study import Study
from supernode_opt.config.variables import field_of
from supernode_opt.names import proper
from supernode_opt.pareto.section import Section
from supernode_opt.pareto.told import Front
from supernode_opt.problem.box import options
from supernode_opt.results import served
from supernode_opt.results.versions import stamp
from supernode_opt.search.merit import program
from supernode_opt.system.design import EVERY_CHOICE, TRAINING_ALONE
from supernode_opt.system.report import FACTS, Report, scalars
from supernode_opt.system.scenario import precision_of
from supernode_opt.units import label, quantity_of


def text_of(study: Study, section: Section) -> str:
    """Return the study with its front, as YAML."""
    more = {"pareto": section.plain()}
    return resolve.text(study) + yaml.safe_dump(more, sort_keys=False)


def dataset(study: Study, section: Section, front: Front) -> xr.Dataset:
    """Return a front with all that is known of it.

    Args:
      study: the question.
      section: what is wanted at once.
      front: the answer.
    """
    goals = section.goals
    made: dict[str, Any] = {}
    coords = {
        "objective": np.array(goals.names, dtype=object),
        "sense": (
            "objective",
            np.array(
                ["maximize" if m else "minimize" for m in goals.maximize], dtype=object
            ),
        ),
    }
    units = np.array([unit or "1" for unit in goals.units], dtype=object)
    made["objective_unit"] = ("objective", units)
    made["reference"] = ("objective", goals.loss(front.reference))
    made["end_value"] = ("objective", np.array([end.value for end in front.ends]))
    for name in ("status", "message"):
        values = [str(getattr(end, name)) for end in front.ends]
        made[f"end_{name}"] = ("objective", np.array(values, dtype=object))
    made["cloud"] = (("sample", "objective"), goals.loss(front.cloud))
    made |= _points(study, section, front)
    return xr.Dataset(made, coords, attrs=_attributes(study, section, front))


def _points(study: Study, section: Section, front: Front) -> dict[str, Any]:
    """Return what is known of every design, nothing where there is none."""
    count, goals = len(front.status), section.goals
    mark = np.zeros(count, bool)
    if front.knee is not None:
        mark[front.knee] = True
    made: dict[str, Any] = {
        "status": ("point", np.array(front.status, dtype=object)),
        "gap": (
            "point",
            front.gap,
            {"units": "1", "long_name": f"{goals.names[0]} could be better by"},
        ),
        "slope": (
            ("point", "objective"),
            front.slopes,
            {"long_name": f"change of {goals.names[0]} per unit of each other"},
        ),
        "searched": ("point", front.searched.astype("i1"), {"dtype": "bool"}),
        "is_knee": ("point", mark.astype("i1"), {"dtype": "bool"}),
    }
    designs, problem = front.designs, study.problem
    if designs is None:
        return made
    narrowed = goals.narrowed(problem, 0, [None] * len(goals.objectives))
    known_scalars = scalars(problem.scenario)
    names = [name for name in program(narrowed) if name in known_scalars]
    values = quantities(designs.rows, nameless(problem.scenario), program(narrowed))
    for name in names:
        words = FACTS[name].label or label(name, "")
        told = {"units": quantity_of(Report, name).unit or "1", "long_name": words}
        made[name] = ("point", values[name], told)
    hidden = TRAINING_ALONE if problem.scenario.serving is not None else ()
    for name, column in designs.rows.items():
        if name in hidden:
            continue
        if name in EVERY_CHOICE:
            known = np.array(options(name, problem.scenario), dtype=object)
            made[f"design_{name}"] = ("point", known[column], {"units": "1"})
            continue
        unit = quantity_of(*field_of(name, problem.scenario)).unit
        told = {"units": unit or "1", "long_name": label(name, "")}
        made[f"design_{name}"] = ("point", np.asarray(column, float), told)
    return made


def _attributes(study: Study, section: Section, front: Front) -> dict[str, Any]:
    scenario = study.problem.scenario
    machine = [proper(study.system), proper(scenario.model.name)]
    machine.append(precision_of(scenario).upper())
    return {
        "kind": "front",
        "name": study.name,
        "study": text_of(study, section),
        "seed": int(study.seed),
        "hypervolume": front.hypervolume,
        "unexplored": front.unexplored,
        "gap_asked": section.gap,
        "exact": int(front.exact),
        "knee_distance": front.knee_distance,
        "counts": json.dumps({k: int(v) for k, v in front.counts.items()}),
        "model": scenario.model.name,
        "chip": scenario.chip.name,
        "precision": precision_of(scenario),
        "system": study.system,
        "software": scenario.software.name,
        "stack": stack_of(scenario),
        **sizes(scenario.model),
        **served.attributes(scenario),
        "subject": ", ".join(word for word in machine if word),
        **stamp(),
    }
