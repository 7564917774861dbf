"""A comparison: which machines, on which models, in which precisions, and the claims.

Every machine of the file becomes, with every model and precision, a study whose split
alone is free; the study's own reader checks it.
"""

import dataclasses
import re
from collections.abc import Mapping
from pathlib import Path
from typing import get_args

from supernode_opt import catalog
from supernode_opt.compare.entries import Cell, cell, machines, unique
from supernode_opt.compare.program import QUANTITIES
from supernode_opt.reading import document
from supernode_opt.reading.node import Node, StudyError
from supernode_opt.workload.model import Precision

SECTIONS = (
    "name",
    "question",
    "systems",
    "models",
    "training",
    "precisions",
    "plan",
    "claims",
    "seed",
)
_CLAIM = ("better", "than", "in", "model", "precision")
# Names of files that say nothing; their folder does.
GENERAL = ("compare", "crossover", "invert", "question")


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


def load(path: Path | str, seed: int | None = None) -> Comparison:
    """Read the comparison at `path`.

    Raises:
      StudyError: anything in it cannot be used; the text is one line.
    """
    return read(document.read(Path(path)), default_name(Path(path)), seed)


def default_name(path: Path) -> str:
    """Return what the answer to the file at `path` is called if it does not say."""
    folder = path.absolute().parent.name
    stem = path.stem if path.stem not in GENERAL else folder
    return re.sub(r"[^\w.-]", "_", stem).lstrip(".") or "comparison"


def read(top: Node, default_name: str, seed: int | None = None) -> Comparison:
    """Make a comparison of a document.

    Raises:
      StudyError: anything in it cannot be used; the text is one line.
    """
    sections = top.mapping(SECTIONS)
    for needed in ("systems", "models", "training"):
        if needed not in sections:
            raise StudyError(f"{top.place}: the comparison lacks `{needed}`")
    precisions = ["bf16"]
    if "precisions" in sections:
        known = (*get_args(Precision), "best")
        items = sections["precisions"].items()
        precisions = unique(items, [i.one_of(known, "precision") for i in items])
    models = sections["models"].items()
    named = catalog.names("model")
    model_names = unique(models, [m.one_of(named, "model") for m in models])
    entries = machines(sections["systems"])
    cells = tuple(
        cell(name, entry, sections, model, wanted)
        for model in models
        for wanted in precisions
        for name, entry in entries.items()
    )
    claims = _claims(sections.get("claims"), list(entries), model_names, precisions)
    return Comparison(
        name=name_of(sections, default_name),
        question=sections["question"].text() if "question" in sections else "",
        cells=cells,
        claims=claims,
        seed=seed_of(sections, seed),
        text=document_text(top),
    )


def document_text(top: Node) -> str:
    """Write a document as YAML."""
    import yaml

    return yaml.safe_dump(top.plain(), sort_keys=False, allow_unicode=True)


def name_of(sections: Mapping[str, Node], default: str) -> str:
    """Return the name of the folder with the answer.

    Raises:
      StudyError: it is no folder name.
    """
    if "name" not in sections:
        return default
    name = sections["name"].text()
    if not re.fullmatch(r"\w[\w.-]{0,99}", name):
        sections["name"].fail(
            "must be a folder name of letters, digits, `_`, `-` and `.`"
        )
    return name


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


def _claims(
    node: Node | None, systems: list[str], models: list[str], precisions: list[str]
) -> tuple[Claim, ...]:
    """Read the claims; without any, each machine is held against each in all."""
    made = []
    if node is None:
        pairs = [(a, b) for i, a in enumerate(systems) for b in systems[i + 1 :]]
        return tuple(
            Claim(a, b, quantity, model, wanted)
            for model in models
            for wanted in precisions
            for a, b in pairs
            for quantity in QUANTITIES
        )
    for item in node.items():
        written = item.mapping(_CLAIM)
        for needed in ("better", "than", "in"):
            if needed not in written:
                item.fail(f"lacks `{needed}`")
        better, than = (written[k].one_of(systems, "machine") for k in _CLAIM[:2])
        quantity = written["in"].one_of(QUANTITIES, "quantity")
        on, at = models, precisions
        if "model" in written:
            on = [written["model"].one_of(models, "model")]
        if "precision" in written:
            at = [written["precision"].one_of(precisions, "precision")]
        if better == than:
            item.fail(f"compares {better} with itself")
        made += [Claim(better, than, quantity, m, p) for m in on for p in at]
    return tuple(made)
