"""One machine of a comparison: its entry in the file, and the study that it makes."""

import dataclasses
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from supernode_opt.compare import jobs
from supernode_opt.config import study as studies
from supernode_opt.config.model import model_name
from supernode_opt.config.origins import deciding
from supernode_opt.config.records import named
from supernode_opt.problem.problem import Problem
from supernode_opt.problem.variables import PLAN, POOLS
from supernode_opt.reading import document
from supernode_opt.reading.node import Node, StudyError
from supernode_opt.results import outcome
from supernode_opt.system.design import SERVING_CHOICES
from supernode_opt.system.precision import settle
from supernode_opt.system.scenario import precision_of
from supernode_opt.workload.split import SWITCHES

_ENTRY = ("name", "system", "saved", "chips", "scenario", "design", "serving")
FREE = (*PLAN, *SWITCHES, *POOLS, *SERVING_CHOICES)
# Names of files that say nothing; their folder does.
_GENERAL = ("compare", "crossover", "invert", "question")


@dataclasses.dataclass(frozen=True)
class Cell:
    """One machine with one model in one precision.

    Attributes:
      system: what the file calls the machine.
      model: name of the model.
      wanted: the precision that was asked for.
      problem: its split free, all else frozen, in the precision that its chip has;
        what it seeks ranks splits.
    """

    system: str
    model: str
    wanted: str
    problem: Problem

    @property
    def precision(self) -> str:
        """The precision that the chip trains in, or of the weights that it serves."""
        return precision_of(self.problem.scenario)


def default_name(path: Path | str) -> str:
    """Return what the answer to the file at `path` is called if it does not say."""
    return studies.default_name(path, _GENERAL, "comparison")


def heading(
    top: Node, sections: Mapping[str, Node], default_name: str
) -> dict[str, Any]:
    """Return name of the answer, question in words and text of a document as YAML.

    Raises:
      StudyError: the name is none of a folder.
    """
    name = sections["name"].text() if "name" in sections else default_name
    if "name" in sections and not re.fullmatch(r"\w[\w.-]{0,99}", name):
        sections["name"].fail(
            "must be a folder name of letters, digits, `_`, `-` and `.`"
        )
    question = sections["question"].text() if "question" in sections else ""
    text = yaml.safe_dump(top.plain(), sort_keys=False, allow_unicode=True)
    return {"name": name, "question": question, "text": text}


def seed_of(sections: Mapping[str, Node], seed: int | None) -> int:
    """Return the seed of the draws, that of the shell first.

    Raises:
      StudyError: it is no whole number from 0.
    """
    if seed is not None:
        if seed < 0:
            raise StudyError(f"--seed: must be at least 0, but is {seed}")
        return seed
    node = sections.get("seed")
    if node is None:
        return 0
    if isinstance(node.value, bool) or not isinstance(node.value, int):
        node.fail(f"must be a whole number, but is {node.described()}")
    if node.value < 0:
        node.fail(f"must be at least 0, but is {node.value}")
    return node.value


def fields(node: Node, known: Sequence[str], *needed: str) -> Mapping[str, Node]:
    """Return the fields of a mapping, of which some are `needed`.

    Raises:
      StudyError: one is not `known` or lacks.
    """
    written = node.mapping(known)
    for name in needed:
        if name not in written:
            node.fail(f"lacks `{name}`")
    return written


def unique(items: Sequence[Node], names: list[str]) -> None:
    """Complain of the one of `items` whose name is written twice.

    Raises:
      StudyError: one is.
    """
    for item, name in zip(items, names, strict=True):
        if names.count(name) > 1:
            item.fail(f"is written twice: {name}")


def machines(node: Node) -> dict[str, Node]:
    """Return the machines of a list by name, each a mapping.

    Raises:
      StudyError: one is unknown or has the name of another.
    """
    found: dict[str, Node] = {}
    for item in node.items():
        entry = item
        if not isinstance(item.value, dict):
            entry = dataclasses.replace(item, value={"system": item})
        written = entry.mapping(_ENTRY)
        if ("system" in written) == ("saved" in written):
            entry.fail("must have one of `system` and `saved`")
        source = written["system"] if "system" in written else written["saved"]
        if "system" in written:
            named(source, "system")
        name = written["name"].text() if "name" in written else source.text()
        if name in found:
            item.fail(f"has the name of another: {name}; give it a `name` of its own")
        found[name] = entry
    return found


def cell(
    name: str,
    entry: Node,
    sections: Mapping[str, Node],
    model: Node,
    wanted: str,
    sought: str = "",
) -> Cell:
    """Read one machine with one model in one precision.

    Args:
      name: what the file calls the machine.
      entry: it, as it is written.
      sections: of the file.
      model: as it is written.
      wanted: precision.
      sought: quantity that ranks splits; the usual one if not given.

    Raises:
      StudyError: something cannot be used, or more than the split is free.
    """
    written = entry.mapping()
    given = _saved(written["saved"]) if "saved" in written else {}
    given |= {key: written[key] for key in ("system", "scenario") if key in written}
    if "scenario" in written:
        given.pop("provenance", None)
    design = dict(given.get("design", Node({}, "design", entry.place)).mapping())
    own = dict(sections["plan"].mapping(FREE)) if "plan" in sections else {}
    if "design" in written:
        own |= written["design"].mapping()
    if "chips" in written:
        own["chips"] = written["chips"]
    design |= own
    if "provenance" in given:
        given["provenance"] = deciding(given["provenance"], own)
    if "serving" in sections:
        given["serving"] = jobs.served(sections, written.get("serving"), wanted)
    else:
        given["training"] = jobs.trained(sections, written.get("serving"))
    sought = sought or jobs.USUAL["serving" if "serving" in sections else "training"]
    objective = {"maximize": Node(sought, "objective.maximize", entry.place)}
    study = studies.understand(
        Node(
            given
            | {
                "model": model,
                "design": Node(design, "design", entry.place),
                "objective": Node(objective, "objective", entry.place),
            },
            "",
            entry.place,
        )
    )
    loose = [free for free in study.free if free not in FREE]
    if loose:
        entry.fail(f"must be a frozen machine, but free are: {', '.join(loose)}")
    problem = study.problem
    if problem.scenario.training is not None:
        precision = settle(problem.scenario.chip, wanted)  # type: ignore[arg-type]
        job = dataclasses.replace(problem.scenario.training, precision=precision)
        scenario = dataclasses.replace(problem.scenario, training=job)
        problem = dataclasses.replace(problem, scenario=scenario)
    return Cell(name, model_name(model), wanted, problem)


def _saved(node: Node) -> dict[str, Node]:
    """Return system, scenario and frozen machine of the result at the path `node`."""
    dataset = outcome.load(Path(node.text()))
    top = document.parse(dataset.attrs["study"], node.text()).mapping()
    kept = {
        key: top[key]
        for key in ("system", "scenario", "practice", "provenance")
        if key in top
    }
    built = {
        name: Node(value, f"design.{name}", node.place)
        for name, value in outcome.design(dataset).items()
        if name not in (*FREE, "data_parallel")
    }
    return kept | {"design": Node(built, "design", node.place)}
