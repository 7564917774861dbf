"""What a swept path leads to, and what people call it."""

import dataclasses
import functools
import typing
from typing import Any

from supernode_opt.calibration.data.practice import WORDS
from supernode_opt.catalog.systems import PARTS
from supernode_opt.config import forgiving
from supernode_opt.config.override import FIELDS
from supernode_opt.config.study import SECTIONS
from supernode_opt.hardware.network import LinkTechnology
from supernode_opt.reading.node import StudyError, did_you_mean, shown
from supernode_opt.system.design import EVERY_NUMBER, holder_of
from supernode_opt.system.scenario import Scenario
from supernode_opt.units import quantities
from supernode_opt.workload.model import Model, Training
from supernode_opt.workload.serving import Serving

_ALONE = ("system", "model")
# Jobs by section, with what may be said of them.
_JOBS = {
    "training": tuple(Training.__dataclass_fields__),
    "serving": tuple(Serving.__dataclass_fields__),
}
_SCENARIO = (*PARTS, "stack", "memory_headroom", "routing")
_WHOLE = {"model": Model, "training": Training, "serving": Serving}
# Fields of which every value is read by itself: what is legal, or what a default is,
# hangs on them.
_READ_EACH = (
    "scenario.chip.static_share",
    "scenario.chip.leakage_share",
    "scenario.chip.maximum_clock",
    "scenario.chip.junction_limit",
    "scenario.chip.peak_bf16",
    "scenario.chip.peak_fp8",
    "scenario.chip.peak_fp4",
    "scenario.chip.peak_int8",
    "scenario.cooling.reference_flow",
    "scenario.host.chips_per_board",
    "scenario.scale_up_switch.first_tier_chips",
    "scenario.scale_up_switch.radix",
)


def full(word: str) -> str:
    """Return the path that `--set` takes of what people write shorter.

    >>> full("scale_up_domain"), full("precision"), full("chip.tdp")
    ('design.scale_up_domain', 'training.precision', 'scenario.chip.tdp')

    Raises:
      StudyError: it leads nowhere.
    """
    first, dot, _ = word.partition(".")
    if first == "sweep":
        raise StudyError("is the sweep itself")
    word = ".".join(forgiving.path(forgiving.field(word).split(".")))
    if word in _ALONE or (dot and first in SECTIONS):
        return word
    if word in FIELDS:
        return f"design.{word}"
    for section, fields in _JOBS.items():
        if word in fields:
            return f"{section}.{word}"
    if first in _SCENARIO:
        return f"scenario.{word}"
    if first == "links" and dot:
        return f"design.{word}"
    if word in WORDS:
        return f"practice.{word}"
    jobs = (word for fields in _JOBS.values() for word in fields)
    near = did_you_mean(word, [*_ALONE, *FIELDS, *jobs, *_SCENARIO, *SECTIONS])
    raise StudyError(f"{shown(word)} leads to nothing in a study{near}")


def spoken_name(word: str) -> str:
    """Return what the dimension of a swept path is called.

    >>> spoken_name("design.scale_up_domain"), spoken_name("scenario.chip.tdp")
    ('scale_up_domain', 'scenario.chip.tdp')
    """
    section, _, rest = word.partition(".")
    if section == "design" and rest in FIELDS:
        return rest
    return rest if rest in _JOBS.get(section, ()) else word


def owner_of(path: str) -> tuple[type, str] | None:
    """Return record and field of the number at a full path, `None` if it is none."""
    section, *words = path.split(".")
    owner: Any = None
    if section == "design" and len(words) == 1:
        owner = holder_of(words[0]) if words[0] in EVERY_NUMBER else None
    elif section in _WHOLE and len(words) == 1:
        owner = _WHOLE[section]
    elif section == "scenario" and words == ["memory_headroom"]:
        owner = Scenario
    elif section in ("design", "scenario") and len(words) == 2:
        owner = _part(words[0])
    elif section == "design" and len(words) == 3 and words[0] == "links":
        owner = LinkTechnology
    if owner is None or not dataclasses.is_dataclass(owner):
        return None
    known = {f.name: f for f in dataclasses.fields(owner)}
    field = known.get(words[-1])
    if field is None or field.metadata.get("static") or field.metadata.get("flag"):
        return None
    if words[-1] not in {name for name, _ in quantities(owner)}:
        return None
    return typing.cast(type, owner), words[-1]


def is_plain(path: str) -> bool:
    """Tell whether a number at a full path may go into a read study as it is.

    A number of model or training decides what is legal; such studies are read.  What
    is served decides nothing but what is reported.
    """
    section = path.partition(".")[0]
    several = path.startswith("design.") and f"scenario.{path[7:]}" in _READ_EACH
    return (
        section in ("design", "scenario", "serving")
        and path not in _READ_EACH
        and not several
        and owner_of(path) is not None
    )


@functools.cache
def _part(name: str) -> Any:
    hint = typing.get_type_hints(Scenario).get(name)
    kinds = [kind for kind in typing.get_args(hint) if dataclasses.is_dataclass(kind)]
    return kinds[0] if kinds else hint
