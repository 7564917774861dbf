"""Columns with dots: what a row says of a study's field at that path.

`scenario.chip.hbm_capacity`, `training.optimizer_bytes`, `practice.dispatcher`: a row
can say everything that a study can; every other column is a short name for such a path.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any, NoReturn

from pydantic import ValidationError

from supernode_opt import catalog
from supernode_opt.calibration.data.practice import WORDS
from supernode_opt.calibration.data.runs import BadRuns, Run
from supernode_opt.catalog.systems import PARTS
from supernode_opt.hardware.network import LinkTechnology
from supernode_opt.reading.node import did_you_mean, shown
from supernode_opt.system.design import CHOICES, Design
from supernode_opt.system.scenario import Scenario
from supernode_opt.units import field_adapter
from supernode_opt.workload.model import Model, Training
from supernode_opt.workload.recompute import Recompute
from supernode_opt.workload.routing import Routing

_RECORDS = {"model": Model, "training": Training, "design": Design}
# What a study says beside these has no effect on a prediction.
SILENT = ("objective", "constraints", "solver", "seed", "question")


@dataclasses.dataclass(frozen=True)
class Overrides:
    """Cells of dotted columns, read.

    Attributes:
      model, training, design: values by field, SI.
      practice: words by field of `WORDS`.
      parts: catalog entries by part of the scenario.
      constants: values by path below the scenario, SI.
    """

    model: Mapping[str, Any]
    training: Mapping[str, Any]
    design: Mapping[str, Any]
    practice: Mapping[str, str]
    parts: Mapping[str, str]
    constants: Mapping[str, Any]


def overrides_of(run: Run) -> Overrides:
    """Read the dotted columns of a row.

    Raises:
      BadRuns: a path leads nowhere, or a value cannot be used.
    """
    found: dict[str, dict[str, Any]] = {
        field.name: {} for field in dataclasses.fields(Overrides)
    }
    for column in run.cells:
        path = column.split(".")
        if len(path) < 2 or not run.text(column) or path[0] in SILENT:
            continue
        section, field = path[0], ".".join(path[1:])
        if section in _RECORDS:
            found[section][field] = _value(run, column, _RECORDS[section], field)
        elif section == "practice":
            found[section][field] = _word(run, column, field)
        elif section == "scenario":
            if field in PARTS:
                known = catalog.names(PARTS[field])
                found["parts"][field] = _named(run, column, known)
            else:
                found["constants"][field] = _constant(run, column, path[1:])
        else:
            known = (*_RECORDS, "practice", "scenario")
            _refuse(
                run, column, f"begins with no section{did_you_mean(section, known)}"
            )
    return Overrides(**found)


def _refuse(run: Run, column: str, why: str) -> NoReturn:
    raise BadRuns(f"line {run.line}: {column} {why}")


def _named(run: Run, column: str, known: tuple[str, ...]) -> str:
    return _named_word(run, column, run.text(column), known)


def _named_word(run: Run, column: str, name: str, known: tuple[str, ...]) -> str:
    if name not in known:
        near = did_you_mean(name, known)
        _refuse(run, column, f"must be a known name, but is {shown(name)}{near}")
    return name


def _word(run: Run, column: str, field: str) -> str:
    if field not in WORDS:
        _refuse(run, column, f"is no field of a practice{did_you_mean(field, WORDS)}")
    word = {"true": "on", "false": "off"}.get(run.text(column), run.text(column))
    if word not in WORDS[field]:
        near = did_you_mean(word, WORDS[field])
        _refuse(run, column, f"must be a known word, but is {shown(word)}{near}")
    return word


def _constant(run: Run, column: str, path: list[str]) -> Any:
    *owner, field = path
    own = {"recompute": Recompute, "routing": Routing}
    if len(owner) == 1 and owner[0] in own:
        return _value(run, column, own[owner[0]], field)
    if not owner:
        return _value(run, column, Scenario, field)
    if owner[0] == "links" and len(owner) == 2:
        _named_word(run, column, owner[1], catalog.names("link"))
        return _value(run, column, LinkTechnology, field)
    if len(owner) > 1 or owner[0] not in PARTS:
        _refuse(run, column, f"leads nowhere{did_you_mean(owner[0], PARTS)}")
    kind = PARTS[owner[0]]
    return _value(run, column, type(catalog.load(kind, catalog.names(kind)[0])), field)


def _value(run: Run, column: str, record_type: type, field: str) -> Any:
    fields = [one.name for one in dataclasses.fields(record_type)]
    if field not in fields:
        _refuse(run, column, f"leads to no field{did_you_mean(field, fields)}")
    written = run.text(column)
    if record_type is Design and field in CHOICES:
        return _named(run, column, CHOICES[field]) if CHOICES[field] else written
    try:
        plain: Any = float(written)
    except ValueError:
        plain = {"true": True, "false": False}.get(written.lower(), written)
    try:
        return field_adapter(record_type, field).validate_python(plain)
    except ValidationError as error:
        said = error.errors(include_url=False)[0]
        why = str(said.get("ctx", {}).get("error", "")) or said["msg"].lower()
        why = why.replace("input should be", "must be")
        _refuse(run, column, f"{why}, but is {shown(written)}")
