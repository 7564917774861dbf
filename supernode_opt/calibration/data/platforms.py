"""Platforms: a stack on a chip family, as software that a study can name."""

import functools
from importlib import resources
from typing import NamedTuple

from supernode_opt.calibration.data.stacks import Stack, stacks
from supernode_opt.reading.folder import plain_yaml, remembered


class Platform(NamedTuple):
    """Software that the calibration knows of.

    Attributes:
      name: of the catalog entry, or `stack@family` where none is written.
      family: chip family whose deviations it has.
      stack: stack whose deviations and declarations it has.
      base: catalog software whose unfitted constants it keeps.
      notes: what the reader must know.
      accelerator: what its recipes run on, where that decides their usual practice.
    """

    name: str
    family: str
    stack: str
    base: str
    notes: str
    accelerator: str = ""

    @property
    def documented(self) -> Stack:
        """What is declared of its stack; that of NeMo for one that nobody declared."""
        return stacks().get(self.stack) or stacks()["nemo"]

    @property
    def fitted(self) -> str:
        """Name of the stack whose fitted constants it has."""
        known = stacks().get(self.stack)
        return self.stack if known is None else known.fitted

    @property
    def counted(self) -> str:
        """Name of the stack among whose runs its own would count."""
        known = stacks().get(self.stack)
        return self.stack if known is None else known.counted


def _shipped() -> tuple[Platform, ...]:
    file = resources.files("supernode_opt.calibration.data") / "platforms.yaml"
    written = remembered(file.read_bytes(), plain_yaml)
    return tuple(Platform(name, **fields) for name, fields in written.items())


SHIPPED = _shipped()


def made_of(stack: Stack, family: str, base: str) -> Platform:
    """Return the platform of a stack that no entry of the catalog stands for."""
    return Platform(f"{stack.name}@{family}", family, stack.name, base, "")


@functools.cache
def platform_of(name: str) -> Platform | None:
    """Return the platform that software called `name` stands for, if any."""
    stack, at, family = name.partition("@")
    if at and stack in stacks():
        return made_of(stacks()[stack], family, stacks()[stack].base)
    return next((one for one in SHIPPED if one.name == name), None)
