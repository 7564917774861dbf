"""What is stored of a sweep: its variables, what they are called and in which unit."""

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from supernode_opt.problem.problem import Objective
from supernode_opt.reading.node import StudyError, did_you_mean, shown
from supernode_opt.results.versions import git_commit, versions
from supernode_opt.sweep.axes import Axis
from supernode_opt.sweep.paths import owner_of
from supernode_opt.sweep.points import Points
from supernode_opt.sweep.rules import REASONS
from supernode_opt.system.report import (
    FACTS,
    PARTS,
    SCALARS,
    SERVING_PARTS,
    SERVING_SCALARS,
    Report,
)
from supernode_opt.units import label, quantities, quantity_of

# What is told of every point without being asked for.
USUAL = tuple(n for n in SCALARS if FACTS[n].headline or FACTS[n].compared)
SERVING_USUAL = tuple(
    n for n in SERVING_SCALARS if FACTS[n].headline or FACTS[n].compared
)


class Stored(NamedTuple):
    """One variable of a sweep.

    Attributes:
      name: as it is stored.
      kind: type of its numbers.
      missing: what stands where nothing is known.
      attributes: what netCDF says of it.
      words: what its numbers are positions in, where words are shown instead.
    """

    name: str
    kind: Any
    missing: Any
    attributes: dict[str, Any]
    words: tuple[str, ...] = ()

    def shown(self, values: NDArray) -> NDArray:
        """Return stored numbers as they are shown: words, where there are any."""
        if not self.words:
            return values
        # The last of them is what -1 stands for.
        return np.asarray([*self.words, ""], dtype=object)[values]


def asked(
    names: Sequence[str], objective: str, limits: Sequence[str], serves: bool
) -> list[str]:
    """Return the quantities of a sweep: those that are named, or the usual ones.

    Args:
      names: what is asked for, dotted paths below `Report`; nothing for the usual.
      objective: of the study.
      limits: quantities that the study limits.
      serves: whether machines serve.

    Raises:
      StudyError: one is not reported.
    """
    if not names:
        usual = SERVING_USUAL if serves else USUAL
        return list(dict.fromkeys([objective, *usual, *limits]))
    known = SERVING_SCALARS if serves else SCALARS
    parts = [
        f"{name}.{part}"
        for name in (SERVING_PARTS if serves else PARTS)
        for part, _ in quantities(_part_type(name, serves))
    ]
    for name in names:
        if name not in known and name not in parts:
            near = did_you_mean(str(name), [*known, *parts])
            raise StudyError(
                f"sweep quantities: {shown(name)} is no reported quantity{near}"
            )
    return list(dict.fromkeys(names))


def quantity(name: str) -> Stored:
    """Return how a reported quantity is stored."""
    head, dot, part = name.partition(".")
    owner = _owner(head, part) if dot else Report
    unit = quantity_of(owner, part if dot else head).unit
    words = FACTS[name].label or label(name, "") if name in FACTS else label(name, "")
    told = {"units": unit or "1", "long_name": words.replace(".", ", ")}
    return Stored(name, np.dtype("f8"), np.nan, told)


def coded(name: str, words: str, meanings: Sequence[str]) -> Stored:
    """Return how one of several words is stored: by its position, -1 for none."""
    told = {
        "long_name": words,
        "flag_values": np.arange(len(meanings), dtype=np.int8),
        "flag_meanings": " ".join(meanings),
    }
    return Stored(name, np.dtype("i1"), -1, told)


def truth(name: str, words: str) -> Stored:
    """Return how a yes or no is stored, as xarray reads it."""
    return Stored(name, np.dtype("i1"), 0, {"dtype": "bool", "long_name": words})


def design_number(name: str) -> Stored:
    """Return how a number of a design that was found is stored."""
    owner = owner_of(f"design.{name}")
    unit = quantity_of(*owner).unit if owner else ""
    told = {"units": unit or "1", "long_name": label(name, "")}
    return Stored(f"design_{name}", np.dtype("f8"), np.nan, told)


def word(name: str, words: Sequence[str]) -> Stored:
    """Return how one of a few words is stored that is shown as a word."""
    told = {"units": "1", "long_name": label(name, "")}
    return Stored(name, np.dtype("i1"), -1, told, tuple(words))


def judged_variables(names: Sequence[str], limits: Sequence[str]) -> list[Stored]:
    """Return what is stored of points that are evaluated as they stand."""
    return [
        *(quantity(name) for name in names),
        truth("feasible", "every limit holds"),
        truth("legal", "such a design can be built"),
        coded("reason", "why a design is not legal", REASONS),
        coded("binding", "limit broken most, or with the least margin", limits),
    ]


def coordinate(axis: Axis) -> dict[str, Any]:
    """Return what netCDF says of the coordinate of an axis."""
    words = label(axis.name, "").replace(".", " ")
    return {"units": axis.unit or "1", "long_name": words}


def coordinate_values(axis: Axis, values: NDArray) -> NDArray:
    """Return the coordinates of values of an axis, or of positions in it."""
    if axis.plain:
        return values.astype(float)
    every = axis.values
    if any(isinstance(v, str | bool) for v in every):
        words = [v if isinstance(v, str) else json.dumps(v) for v in every]
        return np.asarray(words, dtype=object)[values]
    return np.asarray(every, dtype=float)[values]


def attributes(
    points: Points, study: str, objective: Objective, subject: str, evaluations: int
) -> dict[str, Any]:
    """Return the attributes of a sweep.

    The moment is not among them: the same sweep is the same file.
    """
    axes = {
        axis.name: {
            "path": axis.path,
            "values": list(axis.values),
            **({} if axis.log is None else {"log": axis.log}),
        }
        for axis in points.axes
    }
    return {
        "kind": "sweep",
        "study": study,
        "sweep": json.dumps(axes),
        "method": points.method,
        "objective": objective.name,
        "sense": "maximize" if objective.maximize else "minimize",
        "seed": points.seed,
        "subject": subject,
        "evaluations": evaluations,
        "versions": json.dumps(versions()),
        "git_commit": git_commit(),
    }


def _owner(name: str, part: str) -> type:
    """Return the record with the part of a total, of training or of serving."""
    kinds = (_part_type(name, serves) for serves in (False, True))
    return next(kind for kind in kinds if part in dict(quantities(kind)))


def _part_type(name: str, serves: bool) -> type:
    from supernode_opt.system.serving.forward import PassTime
    from supernode_opt.system.serving.held import ServingMemory

    served = {"step": PassTime, "prefill_step": PassTime, "memory_parts": ServingMemory}
    if serves and name in served:
        return served[name]
    return Report.__dataclass_fields__[name].type  # type: ignore[return-value]
