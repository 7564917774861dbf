"""`compare`, `invert` and `crossover`: questions about machines, in Python."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from supernode_opt.api.fields import located
from supernode_opt.api.freezing import machine
from supernode_opt.api.result import Told
from supernode_opt.api.study import Study
from supernode_opt.api.values import written
from supernode_opt.api.verbs import verb
from supernode_opt.compare import jobs
from supernode_opt.compare.comparison import config as comparison
from supernode_opt.compare.comparison import solve as comparing
from supernode_opt.compare.crossover import config as crossing
from supernode_opt.compare.crossover import report as crossed
from supernode_opt.compare.crossover import solve as mapping
from supernode_opt.compare.entries import default_name
from supernode_opt.compare.inversion import config as inversion
from supernode_opt.compare.inversion import report as inverted
from supernode_opt.compare.inversion import solve as inverting
from supernode_opt.config import override
from supernode_opt.reading.node import Node, StudyError, did_you_mean, shown
from supernode_opt.system.report import FACTS

# Where a field stands in a comparison, by the section of a study that has it.
_HOMES = {"training": "training", "serving": "serving", "design": "plan"}
# What a machine of a comparison keeps of a study.
_MACHINE = ("system", "scenario", "design")


class Compared(Told):
    """Machines side by side: their best splits, ranges and the claims about them."""

    @property
    def claims(self) -> list[str]:
        """What holds, is undecided or fails, in sentences."""
        if "claim_sentence" not in self._dataset:
            return []
        return [str(one) for one in self._dataset["claim_sentence"].values]

    def to_pandas(self) -> pd.DataFrame:
        """Return the compared quantities of every machine with their ranges, SI."""
        every = [name for name in FACTS if f"{name}_low" in self._dataset]
        names = [name + end for name in every for end in ("", "_low", "_high")]
        return self._dataset[names].to_dataframe()


class Found(Told):
    """The value of a constant at which a condition holds, or a map of such values."""

    @property
    def value(self) -> float | None:
        """The value that was found, SI; `None` of a map, or where there is none."""
        held = self._dataset
        known = "solution" in held and bool(held.attrs.get("found"))
        return float(held["solution"]) if known else None


def _silent(what: str, done: float) -> None:
    pass


@verb
def compare(
    what: Path | str | Mapping[str, Any] | Sequence[str | Study],
    *,
    models: Sequence[str] | str | None = None,
    seed: int | None = None,
    progress: Callable[[str, float], None] = _silent,
    **sections: Any,
) -> Compared:
    """Set machines side by side, each with its best legal split, with 5-95 % ranges.

    Args:
      what: a file, its sections as a mapping, or machines: names of systems or studies,
        of which what is free of the split is found anew.
      models: on which models; those of the studies if not given.
      seed: of the draws.
      progress: called with what is done and how far.
      **sections: others of the file, such as `precisions=["bf16", "fp8"]`, `training`
        or `serving`, `plan` and `claims`, or fields as a study takes them: `model`,
        `chips`, `sequence_length`, `tensor_parallel`.

    Raises:
      StudyError: anything in it cannot be used; the text is one line.
    """
    top, name = _document(what, "compare")
    fields = {k: v for k, v in sections.items() if k not in comparison.SECTIONS}
    models = fields.pop("model", None) if models is None else models
    made = {k: v for k, v in sections.items() if k not in fields and k != "model"}
    if models is not None:
        made["models"] = [models] if isinstance(models, str) else list(models)
    if top is None:
        asked, name = {**_machines(what), **made}, "comparison"
        top = written(_with_fields(asked, fields), "", "compare")
    elif sections or models is not None:
        top = written(_with_fields({**top.plain(), **made}, fields), "", "compare")
    found = comparing.compare(comparison.read(top, name, seed), progress)
    return Compared("comparison", found)


def _with_fields(asked: dict[str, Any], fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the sections of a comparison with fields that are named as in a study.

    Raises:
      StudyError: one is neither of the training job nor of the split.
    """
    asked = dict(asked)
    for name, value in fields.items():
        section, *rest = located(name, "compare")
        if name == "precision":
            asked["precisions"] = [value]
        elif rest == ["chips"]:
            # Studies that are compared have chips of their own.
            asked["systems"] = [
                {"system": one, "chips": value} if isinstance(one, str) else one
                for one in asked.get("systems", [])
            ]
        elif section in _HOMES and rest:
            home = _HOMES[section]
            asked[home] = {**asked.get(home, {}), ".".join(rest): value}
        else:
            near = did_you_mean(name, comparison.SECTIONS)
            raise StudyError(f"compare: `{name}` is no field of a comparison{near}")
    return asked


def _machines(what: Any) -> dict[str, Any]:
    """Return the sections of a comparison of studies or systems."""
    systems: list[Any] = []
    studies = [one for one in what if isinstance(one, Study)]
    for number, one in enumerate(what):
        if not isinstance(one, Study):
            systems.append(str(one))
            continue
        kept = {k: v for k, v in machine(one).to_dict().items() if k in _MACHINE}
        # Chips serve in the precisions that they are good at.
        formats = {k: v for k, v in _served(one).items() if k in jobs.OWN}
        kept |= {"serving": formats} if formats else {}
        named = one.understood.name
        name = named if named != "study" else f"{one.system}_{number + 1}"
        systems.append({"name": name, **kept})
    names = [one if isinstance(one, str) else one["name"] for one in systems]
    for number, name in enumerate(names):
        if names.count(name) > 1 and isinstance(systems[number], dict):
            systems[number]["name"] = f"{name}_{number + 1}"
    made: dict[str, Any] = {"systems": systems}
    if studies:
        first = studies[0].understood.problem.scenario
        made["models"] = [first.model.name]
        if first.serving is not None:
            asked = _served(studies[0]).items()
            made["serving"] = {k: v for k, v in asked if k not in jobs.OWN}
            return made
        given = dict(studies[0].to_dict()["training"])
        made["precisions"] = [given.pop("precision", first.training.precision)]
        made["training"] = given
    return made


def _served(study: Study) -> dict[str, Any]:
    """Return what a study says of serving, nothing where it trains."""
    return dict(study.to_dict().get("serving", {}))


@verb
def invert(
    what: Path | str | Mapping[str, Any] | None = None,
    *,
    progress: Callable[[str, float], None] = _silent,
    **sections: Any,
) -> Found:
    """Find the value of a constant, or the domain, at which a condition holds.

    Args:
      what: a file, or its sections as a mapping.
      progress: called with what is done and how far.
      **sections: of the file, such as `systems`, `model`, `training` or `serving`,
        `constant` and `condition`.

    Raises:
      StudyError: anything in it cannot be used; the text is one line.
    """
    asked = inversion.read(*_sections(what, sections, "invert"))
    found = inverting.solve(asked, progress)
    return Found("inversion", inverted.dataset(asked, found))


@verb
def crossover(
    what: Path | str | Mapping[str, Any] | None = None,
    *,
    seed: int | None = None,
    progress: Callable[[str, float], None] = _silent,
    **sections: Any,
) -> Found:
    """Map where one machine overtakes another, over what is built and a constant.

    Args:
      what: a file, or its sections as a mapping.
      seed: of the draws.
      progress: called with what is done and how far.
      **sections: of the file, such as `across` and `up`.

    Raises:
      StudyError: anything in it cannot be used; the text is one line.
    """
    asked = crossing.read(*_sections(what, sections, "crossover"), seed)
    surface = mapping.solve(asked, progress)
    return Found("crossover", crossed.dataset(asked, surface))


def _sections(what: Any, sections: Mapping[str, Any], verb: str) -> tuple[Node, str]:
    """Return a document of a file, changed by sections, or of sections alone."""
    top, name = _document({} if what is None else what, verb)
    if top is None:
        raise StudyError(f"{verb}: must be a file or sections, but is {shown(what)}")
    if sections:
        top = written({**top.plain(), **sections}, "", verb)
    return top, name


def _document(what: Any, verb: str) -> tuple[Node | None, str]:
    """Return what a file or a mapping holds, `None` of what is neither."""
    if isinstance(what, Mapping):
        return written(what, "", verb), "question"
    if isinstance(what, str | Path):
        return override.read(what, ()), default_name(what)
    return None, ""
