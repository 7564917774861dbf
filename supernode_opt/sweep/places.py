"""Where a study holds the numbers of axes: it is read with some values of each."""

import dataclasses
import itertools
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from supernode_opt.config import override
from supernode_opt.config.doubts import depends_on_package
from supernode_opt.config.study import Study, understand
from supernode_opt.reading.node import Doubt, Node, StudyError
from supernode_opt.sweep.axes import Axis

# Points of a cell at which it is tried to be read.
_TRIED = 24
# Values of an axis at which that is tried, and with how many it is compared: both ends
# and the middle, for what a number decides may begin anywhere between.
_SPREAD = 9
_LOOKS = 3
# What follows from other values, and is worked out where it does.
_FOLLOWING = {"design.scale_up_domain", "design.clock"}
# What a limit without a unit is weighed by.
_PACKAGES = ("design.chips", "chip.tdp", "chip.hbm_capacity", "chip.price")


class NotPlain(Exception):
    """A number that decides more than itself: each of its values has to be read."""

    def __init__(self, axis: Axis) -> None:
        """Keep the axis."""
        super().__init__(axis.path)
        self.axis = axis


def quietly(top: Node, name: str = "study", *, judged: bool = True) -> Study:
    """Read a study without questioning values that are far from the catalog."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Doubt)
        return understand(top, name, judged=judged)


def assigned(top: Node, axes: Sequence[Axis], values: Sequence[Any]) -> Node:
    """Return a document with a value at the path of each axis, as `--set` has it."""
    for axis, value in zip(axes, values, strict=True):
        try:
            top = override.apply(top, axis.written(value))
        except StudyError as error:
            raise StudyError(in_axis(error)) from None
    return top


def in_axis(error: StudyError) -> str:
    """Say of an error in an assignment that it is one in an axis of a sweep."""
    return str(error).replace("--set ", "sweep axis ")


def tries(plain: Sequence[Axis]) -> Iterator[tuple[float, ...]]:
    """Yield values of numeric axes, the middle first, then spread over all."""
    some = [axis.spread(_SPREAD) for axis in plain]
    yield tuple(values[min(2, len(values) - 1)] for values in some)
    yield from itertools.islice(itertools.product(*(v[:2] for v in some)), 8)
    chance = np.random.default_rng(0)
    for _ in range(_TRIED if plain else 0):
        yield tuple(values[chance.integers(len(values))] for values in some)


def places_of(
    top: Node, plain: Sequence[Axis], values: Sequence[float], study: Study
) -> tuple[tuple[str, ...], ...]:
    """Return where a study holds the number of each axis.

    Raises:
      NotPlain: it decides something else as well.
    """
    limits = top.value.get("constraints")
    weighed = limits is not None and depends_on_package(limits)
    base, found = _numbers(study), []
    for index, axis in enumerate(plain):
        if weighed and axis.path.endswith(_PACKAGES):
            raise NotPlain(axis)
        held: set[str] | None = None
        looks = 0
        for other in axis.spread(_SPREAD):
            if other == values[index] or looks == _LOOKS:
                continue
            tried = [*values[:index], other, *values[index + 1 :]]
            try:
                moved = _numbers(quietly(assigned(top, plain, tried), judged=False))
            except StudyError:
                continue
            looks += 1
            changed = {
                path
                for path in base.keys() | moved.keys()
                if base.get(path) != moved.get(path)
            }
            here = {
                p for p in changed if moved.get(p) == other and base[p] == values[index]
            }
            if changed - here - _FOLLOWING or not here or here != (held or here):
                raise NotPlain(axis)
            held = here
        if held is None and len(axis.values) > 1:
            raise NotPlain(axis)
        # The only value there is was read.
        found.append(tuple(sorted(held or ())))
    return tuple(found)


def _numbers(study: Study) -> dict[str, Any]:
    """Return every value of design and scenario by path, names and kinds as well."""
    problem = study.problem
    found: dict[str, Any] = {f"design.{k}": v for k, v in problem.fixed.items()}

    def walk(value: Any, path: str) -> None:
        if dataclasses.is_dataclass(value):
            for field in dataclasses.fields(value):
                walk(getattr(value, field.name), f"{path}.{field.name}")
        elif isinstance(value, tuple):
            for index, item in enumerate(value):
                walk(item, f"{path}.{index}")
        else:
            found[path] = value

    walk(problem.scenario, "scenario")
    for limit in problem.constraints:
        found[f"constraints.{limit.name}.{limit.at_most}"] = limit.limit
    return found
