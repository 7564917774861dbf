"""Rows of measured runs and studies: the same job, written either way.

Short names of columns stand for paths of a study; whatever has none is a column with
the dotted path itself.
"""

import dataclasses
import re
from collections.abc import Mapping
from typing import Any

import yaml

from supernode_opt.batch.case import LINKS
from supernode_opt.calibration.data.columns import SHORT
from supernode_opt.calibration.data.interpret import Job
from supernode_opt.calibration.data.overrides import SILENT
from supernode_opt.calibration.data.plans import Plan
from supernode_opt.calibration.data.practice import words_of
from supernode_opt.catalog import load, names, system
from supernode_opt.catalog.origins import indexed, spelled
from supernode_opt.catalog.systems import PARTS
from supernode_opt.config.study import Study
from supernode_opt.hardware.network import LinkTechnology
from supernode_opt.reading import document
from supernode_opt.reading.node import Node, StudyError, shown
from supernode_opt.record import get
from supernode_opt.system.design import CHOICE_NAMES, NUMBER_NAMES, SHARDING, SWITCHED
from supernode_opt.workload.model import Model, Training
from supernode_opt.workload.recompute import Recompute


def study_of(job: Job, plan: Plan) -> dict[str, Any]:
    """Return the study that a row is, run with one of its plans, as plain values."""
    given = job.given
    literal = "software" in given.parts and not given.practice
    training = plan.trained(job.training)
    usual = Training(sequence_length=1.0, global_batch=1.0)
    written = ("precision", "attention_flops", "gradient_bytes")
    scenario: dict[str, Any] = {} if literal else {"stack": job.stack.name}
    scenario |= _changes(job, literal)
    if plan.recompute == "listed":
        scenario["recompute"] = _differing(plan.modules, Recompute())
    return {
        "name": _folder(job.run.name),
        "question": job.run.text("question") or _cited(job),
        "system": job.machine,
        "model": {
            **{f.name: getattr(job.model, f.name) for f in dataclasses.fields(Model)},
            "name": job.run.text("model") or "row",
        },
        "training": {
            **_differing(training, usual),
            **{name: getattr(training, name) for name in written},
        },
        **({"scenario": scenario} if scenario else {}),
        **({} if literal else {"practice": words_of(job.practice)}),
        "design": {
            **plan.sizes,
            "recompute": plan.recompute,
            "optimizer_sharding": SHARDING[plan.sharding],
            "sequence_parallel": SWITCHED[plan.sequence_parallel],
            **given.design,
        },
        "objective": {"minimize": "step_time"},
    } | _silent(job)


def _cited(job: Job) -> str:
    """Say which row a study is."""
    return f"{job.run.name}: {job.run.text('source') or job.run.text('model')}"


def text(written: Mapping[str, Any]) -> str:
    """Write `study_of` as YAML."""
    return yaml.safe_dump(dict(written), sort_keys=False, allow_unicode=True)


def _differing(record: Any, usual: Any) -> dict[str, Any]:
    """Return the fields of a record that differ from `usual`."""
    found = {f.name: getattr(record, f.name) for f in dataclasses.fields(record)}
    return {k: v for k, v in found.items() if v != getattr(usual, k)}


def _changes(job: Job, literal: bool) -> dict[str, Any]:
    """Return the parts and constants of a scenario that a row states."""
    found: dict[str, Any] = dict(job.given.parts)
    if not literal:
        found.pop("software", None)
    for path, value in job.given.constants.items():
        part, _, field = path.partition(".")
        if part == "links":
            continue
        if not field:
            found[part] = value
            continue
        before = found.get(part, {})
        entry = before if isinstance(before, dict) else {"base": before}
        found[part] = {**entry, field: value}
    return found | _own_links(job)


def _own_links(job: Job) -> dict[str, Any]:
    """Return the links of a row that changes some, by what a study says of them."""
    changed: dict[str, dict[str, Any]] = {}
    for path, value in job.given.constants.items():
        if path.startswith("links."):
            _, name, field = path.split(".")
            changed.setdefault(name, {})[field] = value
    if not changed:
        return {}
    design = {**system(job.machine).design, **job.given.design}
    used = dict.fromkeys(str(design[name]) for name in LINKS)
    return {"links": [{"base": name, **changed.get(name, {})} for name in used]}


def _silent(job: Job) -> dict[str, Any]:
    """Return the sections that have no effect on a prediction, as the row has them."""
    found: dict[str, Any] = {}
    for column in job.run.cells:
        section, *path = column.split(".")
        if section not in SILENT or not path or not job.run.text(column):
            continue
        place = f"line {job.run.line}: {column}"
        value = document.value(job.run.text(column), place, lines=False).plain()
        below = found.setdefault(section, {})
        for word in path[:-1]:
            below = below.setdefault(word, {})
        below[path[-1]] = value
    return found


def _folder(name: str) -> str:
    """Return a name that a folder may have."""
    return re.sub(r"[^\w.-]", "_", name).lstrip(".-")[:100] or "row"


def row_of(study: Study, top: Node) -> dict[str, str]:
    """Return the row that a study is, by column.

    Args:
      study: of which nothing is free.
      top: the document it was read from, which tells what it states.

    Raises:
      StudyError: something in it is free, or has no column.
    """
    if study.free:
        free = ", ".join(study.free)
        raise StudyError(f"a row needs every variable frozen; free are: {free}")
    problem, sections = study.problem, top.mapping()
    values: dict[str, Any] = {"name": study.name, "system": study.system}
    for name in ("model", "training"):
        record = getattr(problem.scenario, name)
        fields = (field.name for field in dataclasses.fields(record))
        values |= {f"{name}.{field}": getattr(record, field) for field in fields}
    values |= _scenario(study, sections.get("scenario"))
    if study.chosen.practice is not None:
        words = words_of(study.chosen.practice)
        values |= {f"practice.{field}": word for field, word in words.items()}
    values |= _design(study, sections.get("design"))
    for section in SILENT:
        if section in sections:
            values |= _flat(section, sections[section])
    # One tensor-parallel rank per expert unless said: expert ranks stand as they are.
    cells = {
        SHORT.get(path, path): _cell(value)
        for path, value in values.items()
        if value is not None
    }
    return {"etp": "1", **cells}


def _scenario(study: Study, node: Node | None) -> dict[str, Any]:
    """Return what a study states of its scenario, in SI, by path."""
    chosen, scenario = study.chosen, study.problem.scenario
    written = {} if node is None else node.mapping()
    found: dict[str, Any] = {}
    if chosen.practice is not None and chosen.platform is not None:
        found["scenario.stack"] = chosen.platform.stack
    else:
        found["scenario.software"] = chosen.entry
    for name, child in written.items():
        if name == "stack":
            continue
        if name not in PARTS:
            found |= _other(name, child, scenario)
            continue
        fields = child.value if isinstance(child.value, dict) else {"base": child}
        for field in fields:
            if field not in ("base", "name"):
                path = f"{name}.{field}"
                found[f"scenario.{path}"] = get(scenario, path)
            elif field == "base" and name != "software":
                found[f"scenario.{name}"] = getattr(scenario, name).name
    if study.problem.fixed["recompute"] == "listed":
        listed = _differing(scenario.recompute, Recompute())
        found |= {f"scenario.recompute.{k}": v for k, v in listed.items()}
    return found


def _other(name: str, child: Node, scenario: Any) -> dict[str, Any]:
    if name == "recompute":
        return {}
    if name == "memory_headroom":
        return {"scenario.memory_headroom": scenario.memory_headroom}
    if name == "routing":
        routing = vars(scenario.routing).items()
        return {f"scenario.routing.{field}": value for field, value in routing}
    return {
        f"scenario.links.{link.name}.{field}": value
        for link in scenario.links
        for field, value in _changed(link, child).items()
    }


def _changed(link: LinkTechnology, node: Node) -> dict[str, Any]:
    """Return the fields of a link that differ from its entry's.

    Raises:
      StudyError: there is no such entry.
    """
    if link.name not in names("link"):
        node.fail(f"has no column for {link.name!r}, which is no link of the catalog")
    return _differing(link, load("link", link.name))


def _design(study: Study, node: Node | None) -> dict[str, Any]:
    """Return the plan of a study, and what else it states of its design, by path."""
    written = {} if node is None else node.mapping()
    problem, found = study.problem, {}
    for name in (*NUMBER_NAMES, *CHOICE_NAMES):
        if f"design.{name}" in SHORT or name in written:
            found[f"design.{name}"] = problem.fixed[name]
    for name in written:
        if "." in name:
            path = indexed(name, problem.scenario)
            at = f"scenario.{spelled(path, problem.scenario)}"
            found[at] = get(problem.scenario, path)
    return found


def _flat(path: str, node: Node) -> dict[str, Any]:
    if not isinstance(node.value, dict):
        return {path: node.plain()}
    found: dict[str, Any] = {}
    for name, child in node.value.items():
        found |= _flat(f"{path}.{name}", child)
    return found


def _cell(value: Any) -> str:
    """Write a value so that it is read back the same."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | dict):
        raise StudyError(f"a row has no cell for {shown(value)}")
    if not isinstance(value, str) and float(value) == int(value):
        return str(int(value))
    return value if isinstance(value, str) else repr(float(value))
