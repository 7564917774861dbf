"""The software of a study: a stack and how it is run, or an entry of the catalog.

`scenario.stack` and `practice` lead through the function that makes the software of a
measured row; an entry that a calibration wrote stands for its stack as documented.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any, NamedTuple

from supernode_opt import catalog
from supernode_opt.calibration.data.platforms import Platform, made_of, platform_of
from supernode_opt.calibration.data.practice import WORDS, Practice, practice_of
from supernode_opt.calibration.data.stacks import Stack, known_stacks, named
from supernode_opt.calibration.step_time.applied import software_of
from supernode_opt.calibration.step_time.fit import family_of
from supernode_opt.config.records import named as named_entry
from supernode_opt.config.records import read_entry, read_field
from supernode_opt.hardware.chip import Chip
from supernode_opt.reading.node import Node
from supernode_opt.system.serving.stack import ServingStack
from supernode_opt.system.software import Software
from supernode_opt.workload.model import Model

# The column of a table that tells the release, and the field of a practice that does.
RELEASE, _RELEASED = "release", "release_or_date"


class Chosen(NamedTuple):
    """The software of a study.

    Attributes:
      software: its constants, of training or of serving.
      entry: name of the catalog entry or platform that it is from, "" if it is none.
      platform: what it stands for, `None` if for nothing that is calibrated.
      practice: how it is run, `None` where an entry is taken as it is written.
      assumed: what was not said and taken from usual practice.
    """

    software: Software | ServingStack
    entry: str
    platform: Platform | None
    practice: Practice | None
    assumed: tuple[str, ...]

    @property
    def stack(self) -> Stack | None:
        """The stack it stands for, if any."""
        return None if self.platform is None else self.platform.documented


def read_software(
    top: Mapping[str, Node],
    changes: Mapping[str, Node],
    system: catalog.System,
    chip: Chip,
    model: Model,
) -> Chosen:
    """Read what a study says of its software.

    Args:
      top: its sections.
      changes: its section `scenario`.
      system: the machine.
      chip, model: what it runs on, and what is trained.

    Raises:
      StudyError: a stack or a word is unknown, or it names two kinds of software.
    """
    written, practice = changes.get("software"), top.get("practice")
    entry = _entry(written, system.software)
    if "stack" in changes:
        platform = _stack(changes["stack"], written, system, chip)
    elif practice is None:
        made = catalog.load("software", entry)
        if written is not None:
            made = read_entry(written, "software", Software, system.software)
        return Chosen(made, entry, platform_of(entry), None, ())
    else:
        found = platform_of(entry)
        if found is None:
            practice.fail(f"needs `scenario.stack`: {entry!r} stands for no stack")
        platform = _platform(found.documented, system, chip)
    assumed: list[str] = []
    words, release = _words(practice)
    about = {
        "model": model.name,
        "accelerator": f"{system.name} {chip.name}",
        "kind": "moe" if model.experts else "dense",
        _RELEASED: release,
    }
    run = practice_of(platform.documented, about, words, assumed)
    made = software_of(platform, run)
    if written is not None and isinstance(written.value, dict):
        made = _changed(made, written)
    return Chosen(made, platform.name, platform, run, tuple(assumed))


def _changed(made: Software, node: Node) -> Software:
    """Return fitted software with the fields that a study states.

    A fit may leave the bounds that a statement must keep, and a study that was written
    out states every field: those that are as fitted are left alone.
    """
    names = [field.name for field in dataclasses.fields(Software)]
    changes: dict[str, Any] = {}
    for name, child in node.mapping([*names, "base"]).items():
        if name not in ("base", "name") and child.value != getattr(made, name):
            changes[name] = read_field(child, Software, name)
    return dataclasses.replace(made, **changes)


def _entry(node: Node | None, default: str) -> str:
    """Return the catalog entry that a study names."""
    if node is None:
        return default
    if isinstance(node.value, dict):
        node = node.value.get("base", Node(default, node.path, node.place))
    return named_entry(node, "software")


def _stack(
    node: Node, written: Node | None, system: catalog.System, chip: Chip
) -> Platform:
    node = dataclasses.replace(node, value=node.text().lower())
    stack = named(node.one_of(known_stacks(), "stack"))
    if written is not None and not (
        isinstance(written.value, dict) and "base" not in written.value
    ):
        written.fail("must change fields alone, because `scenario.stack` names a stack")
    return _platform(stack, system, chip)


def _platform(stack: Stack, system: catalog.System, chip: Chip) -> Platform:
    return made_of(stack, family_of(chip.name), stack.base or system.software)


def _words(node: Node | None) -> tuple[dict[str, str], str]:
    """Return what the section `practice` states, and the release it names."""
    if node is None:
        return {}, ""
    found, release = {}, ""
    for name, child in node.mapping([*WORDS, RELEASE]).items():
        if name == RELEASE:
            release = str(child.value)
            continue
        if isinstance(child.value, bool):
            child = dataclasses.replace(child, value="on" if child.value else "off")
        found[name] = child.one_of(tuple(WORDS[name]), "practice")
    return found, release
