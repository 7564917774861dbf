"""One machine of a comparison: its entry in the file, and the study that it makes."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

from supernode_opt import catalog
from supernode_opt.config.origins import deciding
from supernode_opt.config.study import understand
from supernode_opt.problem.problem import Problem
from supernode_opt.problem.variables import PLAN
from supernode_opt.reading import document
from supernode_opt.reading.node import Node
from supernode_opt.results import outcome
from supernode_opt.system.precision import settle
from supernode_opt.workload.split import SWITCHES

_ENTRY = ("name", "system", "saved", "chips", "scenario", "design")
FREE = (*PLAN, *SWITCHES)


@dataclasses.dataclass(frozen=True)
class Cell:
    """One machine with one model in one precision.

    Attributes:
      system: what the file calls the machine.
      model: name of the model.
      wanted: the precision that was asked for.
      problem: its split free, all else frozen, in the precision that its chip has.
    """

    system: str
    model: str
    wanted: str
    problem: Problem

    @property
    def precision(self) -> str:
        """The precision that the chip trains in."""
        return self.problem.scenario.training.precision


def unique(items: Sequence[Node], names: list[str]) -> list[str]:
    """Return `names`; complain of the one of `items` that is written twice.

    Raises:
      StudyError: one is.
    """
    for item, name in zip(items, names, strict=True):
        if names.count(name) > 1:
            item.fail(f"is written twice: {name}")
    return names


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
            source.one_of(catalog.names("system"), "system")
        name = written["name"].text() if "name" in written else source.text()
        if name in found:
            item.fail(f"has the name of another: {name}; give it a `name` of its own")
        found[name] = entry
    return found


def cell(
    name: str, entry: Node, sections: Mapping[str, Node], model: Node, wanted: str
) -> Cell:
    """Read one machine with one model in one precision.

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
    training = sections["training"]
    if "precision" in training.mapping():
        training.mapping()["precision"].fail("is asked for in `precisions`")
    objective = {"maximize": Node("tokens_per_s", "objective.maximize", entry.place)}
    study = understand(
        Node(
            given
            | {
                "model": model,
                "training": training,
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
    precision = settle(problem.scenario.chip, wanted)  # type: ignore[arg-type]
    job = dataclasses.replace(problem.scenario.training, precision=precision)
    scenario = dataclasses.replace(problem.scenario, training=job)
    return Cell(
        name, model.text(), wanted, dataclasses.replace(problem, scenario=scenario)
    )


def _saved(node: Node) -> dict[str, Node]:
    """Return system, scenario and frozen machine of the result at the path `node`."""
    dataset = outcome.load(Path(node.text()))
    top = document.parse(dataset.attrs["study"], node.text()).mapping()
    kept = {key: top[key] for key in ("system", "scenario", "provenance") if key in top}
    built = {
        name: Node(value, f"design.{name}", node.place)
        for name, value in outcome.design(dataset).items()
        if name not in (*FREE, "data_parallel")
    }
    return kept | {"design": Node(built, "design", node.place)}
