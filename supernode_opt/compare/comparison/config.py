"""A comparison: which machines, on which models, in which precisions, and the claims.

Every machine of the file becomes, with every model and precision, a study whose split
alone is free; the study's own reader checks it.
"""

import dataclasses
import itertools
from collections.abc import Sequence
from pathlib import Path

from supernode_opt.compare import entries, jobs
from supernode_opt.compare.entries import Cell
from supernode_opt.config import override
from supernode_opt.config.model import model_name
from supernode_opt.config.study import sections_of
from supernode_opt.reading.node import Node
from supernode_opt.system.report import compared
from supernode_opt.system.scenario import Scenario

SECTIONS = (
    "name",
    "question",
    "systems",
    "models",
    "training",
    "serving",
    "precisions",
    "plan",
    "claims",
    "seed",
)
# What a limit on time per token decides.
_SPEEDS = ("tpot", "user_tokens_per_s")
_CLAIM = ("better", "than", "in", "model", "precision")


@dataclasses.dataclass(frozen=True)
class Claim:
    """One machine said to be better than another in one quantity.

    Attributes:
      better, than: names of machines.
      quantity: field of `Report`.
      model, wanted: where it is said to be so.
    """

    better: str
    than: str
    quantity: str
    model: str
    wanted: str


@dataclasses.dataclass(frozen=True)
class Comparison:
    """What is compared.

    Attributes:
      name: of the folder with the answer.
      question: in words, for people.
      cells: every machine with every model in every precision.
      claims: what is said of them.
      seed: of the draws.
      text: the file as YAML.
    """

    name: str
    question: str
    cells: tuple[Cell, ...]
    claims: tuple[Claim, ...]
    seed: int
    text: str


def load(
    path: Path | str, overrides: Sequence[str] = (), seed: int | None = None
) -> Comparison:
    """Read the comparison at `path`, changed by `PATH=VALUE` overrides and `seed`.

    Raises:
      StudyError: anything in it cannot be used; the text is one line.
    """
    return read(override.read(path, overrides), entries.default_name(path), seed)


def read(top: Node, default_name: str, seed: int | None = None) -> Comparison:
    """Make a comparison of a document.

    Raises:
      StudyError: anything in it cannot be used; the text is one line.
    """
    sections = sections_of(top, "the comparison", SECTIONS, ("systems", "models"))
    jobs.job_of(top, sections, "the comparison")
    if "precisions" in sections:
        items, known = sections["precisions"].items(), jobs.precisions(sections)
        precisions = [item.one_of(known, "precision") for item in items]
        entries.unique(items, precisions)
    else:
        precisions = [jobs.usual_precision(sections)]
    models = sections["models"].items()
    model_names = [model_name(model) for model in models]
    entries.unique(models, model_names)
    machines = entries.machines(sections["systems"])
    cells = tuple(
        entries.cell(name, entry, sections, model, wanted)
        for model in models
        for wanted in precisions
        for name, entry in machines.items()
    )
    claims = _claims(
        sections.get("claims"),
        list(machines),
        model_names,
        precisions,
        compared(cells[0].problem.scenario),
        _undecided(cells[0].problem.scenario),
    )
    return Comparison(
        cells=cells,
        claims=claims,
        seed=entries.seed_of(sections, seed),
        **entries.heading(top, sections, default_name),
    )


def _undecided(scenario: Scenario) -> tuple[str, ...]:
    """Return what is as good on every machine but for whole requests of a batch.

    A batch that is as large as a limit on time per token allows comes near to it.
    """
    serving = scenario.serving
    return () if serving is None or not serving.tpot_limit else _SPEEDS


def _claims(
    node: Node | None,
    systems: list[str],
    models: list[str],
    precisions: list[str],
    quantities: Sequence[str],
    undecided: Sequence[str],
) -> tuple[Claim, ...]:
    """Read the claims; without any, each machine is held against each in all.

    Args:
      node: the section.
      systems, models, precisions: of the comparison.
      quantities: that may be claimed.
      undecided: of these, what nothing is claimed of if nothing is said.
    """
    made = []
    if node is None:
        each = itertools.combinations(systems, 2)
        usual = [name for name in quantities if name not in undecided]
        every = itertools.product(models, precisions, each, usual)
        return tuple(Claim(*pair, name, m, p) for m, p, pair, name in every)
    for item in node.items():
        written = entries.fields(item, _CLAIM, *_CLAIM[:3])
        better, than = (written[k].one_of(systems, "machine") for k in _CLAIM[:2])
        quantity = written["in"].one_of(quantities, "quantity")
        on, at = models, precisions
        if "model" in written:
            on = [written["model"].one_of(models, "model")]
        if "precision" in written:
            at = [written["precision"].one_of(precisions, "precision")]
        if better == than:
            item.fail(f"compares {better} with itself")
        made += [Claim(better, than, quantity, m, p) for m in on for p in at]
    return tuple(made)
