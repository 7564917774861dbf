"""A study of several models: one machine, and what each job asks of it.

It is a study with `models`, a list, in place of `model`: every entry has its `model`,
and may have its own `training`, `practice`, `constraints` and, of `design`, bounds of
its split; what stands above the list holds for all.  Every entry is understood as the
study that it would be alone.
"""

import dataclasses
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml

from supernode_opt.config import forgiving
from supernode_opt.config.records import field_type, read_record, read_value
from supernode_opt.config.study import (
    MODELS,
    SECTIONS,
    Study,
    document_of,
    understand,
)
from supernode_opt.joint.settings import JointSettings
from supernode_opt.problem.variables import PLAN
from supernode_opt.reading.node import Node
from supernode_opt.search.settings import out_of_range
from supernode_opt.system.report import Report
from supernode_opt.units import Number
from supernode_opt.workload.split import SWITCHES

OVER = "over"
WEIGHTED, WORST = "weighted", "worst"
# Sections that ask something of a study of one model.
_OF_ONE = ("sweep", "pareto")
# Sections of an entry; the first of them are put in place of or into those above.
_OWN = ("model", "training", "practice", "design", "constraints", "weight", "target")
_MERGED = ("training", "practice", "design", "constraints")
_SPLIT = (*PLAN, *SWITCHES)
_SENSES = ("maximize", "minimize")


@dataclasses.dataclass(frozen=True)
class Asked:
    """One job.

    Attributes:
      name: what it is called.
      study: what it would be alone.
      weight: its share of the mean, one in all [1].
      target: what it should reach of what is sought, SI; `None` for its own optimum.
    """

    name: str
    study: Study
    weight: float
    target: float | None


@dataclasses.dataclass(frozen=True)
class JointStudy:
    """One machine for several jobs.

    Attributes:
      name: of the folder with the answer.
      question: in words, for people.
      system: the catalog system that it starts from.
      jobs: what runs on it.
      over: `WEIGHTED` or `WORST`.
      settings: of the solver.
      seed: of random steps.
      text: the document, as YAML.
    """

    name: str
    question: str
    system: str
    jobs: tuple[Asked, ...]
    over: str
    settings: JointSettings
    seed: int
    text: str


def load(
    path: Path | str, overrides: Sequence[str] = (), *, seed: int | None = None
) -> JointStudy:
    """Read the study at `path`, changed by `PATH=VALUE` overrides and `seed`.

    Raises:
      StudyError: anything in it cannot be used; the text is one line.
    """
    return understood(*document_of(path, overrides, seed))


def understood(top: Node, default_name: str = "study") -> JointStudy:
    """Make a study of several models of a document.

    Args:
      top: the document.
      default_name: what the answer is called if it does not say.

    Raises:
      StudyError: anything in it cannot be used; the text is one line.
    """
    top = forgiving.canonical(top)
    sections = dict(top.mapping(SECTIONS))
    if "model" in sections:
        sections["model"].fail("must be left out where `models` lists several")
    if "serving" in top.mapping():
        top.mapping()["serving"].fail(
            "is not for a study of several models: they train"
        )
    for name in _OF_ONE:
        if name in sections:
            sections[name].fail("is not for a study of several models")
    entries = sections.pop(MODELS)
    over, settings = _over(sections), _settings(sections.pop("solver", None))
    made = [_alone(top, sections, entry) for entry in entries.items()]
    for entry in entries.items():
        _refuse_idle(entry, over)
    studies = [understand(node, default_name) for node in made]
    for entry, study in zip(entries.items(), studies, strict=True):
        _shared(entry, study, studies[0])
        if any(getattr(one, "probability", None) for one in study.problem.constraints):
            entry.fail("cannot have limits with a `probability` among several models")
    weights = [_weight(entry) for entry in entries.items()]
    names = _names(studies)
    jobs = tuple(
        Asked(name, study, weight / sum(weights), _target(entry, study))
        for name, study, weight, entry in zip(
            names, studies, weights, entries.items(), strict=True
        )
    )
    first = studies[0]
    text = yaml.safe_dump(top.plain(), sort_keys=False, allow_unicode=True)
    return JointStudy(
        first.name,
        first.question,
        first.system,
        jobs,
        over,
        settings,
        first.seed,
        text,
    )


def _settings(node: Node | None) -> JointSettings:
    """Read what a joint search heeds; other settings of the solver are refused."""
    if node is None:
        return JointSettings()
    written = node.mapping([field.name for field in dataclasses.fields(JointSettings)])
    settings = read_record(node, JointSettings, JointSettings())
    for name, child in written.items():
        if said := out_of_range(name, getattr(settings, name)):
            child.fail(f"{said}, but is {child.described()}")
    return settings


def _over(sections: dict[str, Node]) -> str:
    """Return how jobs become one objective; take the word out of `objective`."""
    node = sections.get("objective")
    if node is None or not isinstance(node.value, dict):
        return WEIGHTED
    node.mapping((*_SENSES, OVER))
    if OVER not in node.value:
        return WEIGHTED
    rest = {key: child for key, child in node.value.items() if key != OVER}
    sections["objective"] = dataclasses.replace(node, value=rest)
    return node.value[OVER].one_of((WEIGHTED, WORST), "word")


def _alone(top: Node, sections: Mapping[str, Node], entry: Node) -> Node:
    """Return the study that one entry would be alone."""
    if not isinstance(entry.value, dict) or "model" not in entry.value:
        # The name of a model stands for an entry with nothing of its own.
        child = dataclasses.replace(entry, path=f"{entry.path}.model")
        if isinstance(entry.value, dict) and _OWN_ONLY & entry.value.keys():
            entry.fail("lacks `model`")
        entry = dataclasses.replace(entry, value={"model": child})
    if isinstance(entry.value, dict) and "serving" in entry.value:
        entry.value["serving"].fail("is not for a study of several models: they train")
    own = dict(entry.mapping(_OWN))
    for name, rename in (
        ("design", forgiving.field),
        ("constraints", forgiving.quantity),
    ):
        if name in own:
            own[name] = forgiving.renamed(own[name], rename)
    if "design" in own:
        for name, child in own["design"].mapping().items():
            if name not in _SPLIT:
                child.fail(
                    "must stand above `models`: of an entry's own is its split alone"
                )
    made = dict(sections)
    for name in ("model", *_MERGED):
        if name not in own:
            continue
        above = made.get(name)
        both = (above, own[name])
        if all(n is not None and isinstance(n.value, dict) for n in both) and above:
            merged = {**above.value, **own[name].value}
            made[name] = dataclasses.replace(own[name], value=merged)
        else:
            made[name] = own[name]
    return dataclasses.replace(top, value=made)


_OWN_ONLY = frozenset((*_MERGED, "weight", "target"))


def _shared(entry: Node, study: Study, first: Study) -> None:
    """Refuse a job whose machine is not that of the first."""
    mine, theirs = (_machine(one) for one in (study, first))
    for name in dict.fromkeys((*theirs, *mine)):
        if mine.get(name) != theirs.get(name):
            entry.fail(
                f"has a machine of its own: `{name}` is not that of the first model;"
                " state it in `design`"
            )


def _machine(study: Study) -> dict[str, object]:
    problem = study.problem
    made: dict[str, object] = {
        name: value for name, value in problem.fixed.items() if name not in _SPLIT
    }
    free = (*problem.variables, *problem.choices)
    return made | {one.name: one for one in free if one.name not in _SPLIT}


def _refuse_idle(entry: Node, over: str) -> None:
    """Refuse what has no effect on an objective of this kind."""
    idle, needed = ("weight", WEIGHTED) if over == WORST else ("target", WORST)
    if isinstance(entry.value, dict) and idle in entry.value:
        entry.value[idle].fail(f"has no effect without `objective: {{over: {needed}}}`")


def _weight(entry: Node) -> float:
    node = entry.value.get("weight") if isinstance(entry.value, dict) else None
    if node is None:
        return 1.0
    weight = float(read_value(node, Number))
    if not 0.0 < weight < float("inf"):
        node.fail(f"must be above zero, but is {node.described()}")
    return weight


def _target(entry: Node, study: Study) -> float | None:
    node = entry.value.get("target") if isinstance(entry.value, dict) else None
    if node is None:
        return None
    name = study.problem.objective.name
    target = float(read_value(node, field_type(Report, name)))
    if not 0.0 < target < float("inf"):
        node.fail(f"must be above zero, but is {node.described()}")
    return target


def _names(studies: Sequence[Study]) -> list[str]:
    """Return what the jobs are called: by model, precision where that is not enough."""
    given = [study.problem.scenario for study in studies]
    names = [re.sub(r"\s+", " ", s.model.name) or "model" for s in given]
    if len(set(names)) < len(names):
        names = [
            f"{n} {s.training.precision}" for n, s in zip(names, given, strict=True)
        ]
    if len(set(names)) < len(names):
        names = [f"{name} ({place + 1})" for place, name in enumerate(names)]
    return names
