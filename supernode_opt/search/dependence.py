"""Which inputs a reported quantity depends on, read from the traced program.

The program is walked once, forwards: every value carries the set of inputs that it was
computed from.  Values that no free input enters are computed along, so that a branch
which the scenario itself selects away does not count.  The answer errs on the side of
too much: what it calls independent is independent.
"""

import functools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import ClosedJaxpr, Literal

from supernode_opt.batch.exact import report_of
from supernode_opt.batch.identity import identity
from supernode_opt.reading import folder
from supernode_opt.record import get
from supernode_opt.system.design import design_choices, design_numbers
from supernode_opt.system.parts import PART_FACTS
from supernode_opt.system.report import scalars
from supernode_opt.system.scenario import Scenario


def quantities_of(scenario: Scenario) -> tuple[str, ...]:
    """Return the names of what is told to depend on inputs."""
    return (*scalars(scenario), *PART_FACTS)


class Value(NamedTuple):
    """What is known of a value of the program.

    Attributes:
      seen: inputs that entered it, as bits.
      number: its one number, if no input that varies entered it.
      least: a number that it never falls below, if one is known.
    """

    seen: int
    number: Any = None
    least: float | None = None


class Traced(NamedTuple):
    """The exact model as a program.

    Attributes:
      jaxpr: of the design's fields and the scenario's numbers to reported quantities.
      names: of what enters, the design's fields first.
      chosen: how many of these there are.
      told: names of what leaves.
    """

    jaxpr: ClosedJaxpr
    names: tuple[str, ...]
    chosen: int
    told: tuple[str, ...]


@functools.lru_cache(maxsize=32)
def _traced(structure: Any) -> Traced:
    """Trace the exact model once for all scenarios of one structure."""
    leaves = [np.asarray(1.0)] * structure.num_leaves
    scenario = jax.tree.unflatten(structure, leaves)
    serves = scenario.serving is not None
    row = {name: jnp.zeros((), float) for name in design_numbers(serves)}
    row |= {name: jnp.zeros((), np.int32) for name in design_choices(serves)}

    def reported(row: dict[str, Any], scenario: Scenario) -> list[Any]:
        report = report_of(row, scenario)
        return [get(report, name) for name in quantities_of(scenario)]

    jaxpr = jax.make_jaxpr(reported)(row, scenario)
    paths = [jax.tree_util.keystr(p) for p, _ in jax.tree.leaves_with_path(scenario)]
    names = (*sorted(row), *(_dotted(path) for path in paths))
    return Traced(jaxpr, names, len(row), quantities_of(scenario))


def _dotted(path: str) -> str:
    return path.replace("[", ".").replace("]", "").lstrip(".")


def inputs_of(scenario: Scenario, free: Iterable[str]) -> dict[str, frozenset[str]]:
    """Return the inputs that every quantity of the report depends on.

    Args:
      scenario: given; its constants are known, so that what they decide is decided.
      free: dotted paths of constants that are not known after all.  Every field of a
        design is free.

    Returns:
      For every scalar quantity, names of design fields and of free constants.
    """
    flat, structure = jax.tree.flatten(jax.tree.map(float, scenario))
    return _inputs(structure, tuple(flat), frozenset(free))


@functools.lru_cache(maxsize=64)
def _inputs(
    structure: Any, flat: tuple[float, ...], free: frozenset[str]
) -> dict[str, frozenset[str]]:
    """Return what was read of the same scenario before, in this process or another."""
    asked = f"inputs {structure} {flat} {sorted(free)} {identity()}"
    told = folder.remembered(
        asked.encode(),
        lambda _: {n: sorted(v) for n, v in _read(structure, flat, free).items()},
    )
    return {name: frozenset(seen) for name, seen in told.items()}


def _read(
    structure: Any, flat: tuple[float, ...], free: frozenset[str]
) -> dict[str, frozenset[str]]:
    jaxpr, names, chosen, told = _traced(structure)
    known = [None] * chosen + list(flat)
    entering = [
        Value(1 << k) if k < chosen or name in free else Value(0, np.asarray(number))
        for k, (name, number) in enumerate(zip(names, known, strict=True))
    ]
    left = walk(jaxpr, entering)
    return {
        quantity: frozenset(n for k, n in enumerate(names) if value.seen >> k & 1)
        for quantity, value in zip(told, left, strict=True)
    }


def walk(jaxpr: ClosedJaxpr, entering: Sequence[Value]) -> list[Value]:
    """Carry `entering` through the program; return what leaves it."""
    values: dict[Any, Value] = {}
    program = jaxpr.jaxpr
    values.update(zip(program.invars, entering, strict=True))
    for variable, constant in zip(program.constvars, jaxpr.consts, strict=True):
        values[variable] = Value(0, np.asarray(constant))

    def of(atom: Any) -> Value:
        return (
            Value(0, np.asarray(atom.val))
            if isinstance(atom, Literal)
            else values[atom]
        )

    for equation in program.eqns:
        found = _step(equation, [of(atom) for atom in equation.invars])
        values.update(zip(equation.outvars, found, strict=True))
    return [of(atom) for atom in program.outvars]


def _step(equation: Any, given: list[Value]) -> list[Value]:
    """Carry values through one equation."""
    name, count = equation.primitive.name, len(equation.outvars)
    inner = next(
        (p for p in equation.params.values() if isinstance(p, ClosedJaxpr)), None
    )
    # One program inside that is run once, on these very values.
    if inner is not None and name in _CALLS and len(inner.jaxpr.invars) == len(given):
        return walk(inner, given)
    if name == "select_n" and given[0].number is not None and given[0].number.ndim == 0:
        return [given[1 + int(given[0].number)]]
    seen = functools.reduce(lambda bits, value: bits | value.seen, given, 0)
    numbers = [value.number for value in given]
    if seen == 0 and name in _COMPUTED and all(n is not None for n in numbers):
        with np.errstate(all="ignore"):
            return [Value(0, np.asarray(_COMPUTED[name](*numbers)))]
    if name in ("max", "min") and any(n is not None and n.ndim == 0 for n in numbers):
        return [_clipped(name, given, seen)]
    return [Value(seen, least=given[0].least if name in _KEEPING else None)] * count


def _clipped(name: str, given: list[Value], seen: int) -> Value:
    """Carry a value past a known one that it is clipped at.

    What is first kept above a number and then below a lesser one is that lesser one.
    """
    bound = next(v for v in given if v.number is not None)
    other = given[1] if given[0] is bound else given[0]
    if name == "max":
        return Value(seen, least=float(bound.number))
    if other.least is not None and other.least >= float(bound.number):
        return Value(0, bound.number)
    return Value(seen)


_KEEPING = (
    "convert_element_type",
    "broadcast_in_dim",
    "reshape",
    "squeeze",
    "copy",
    "optimization_barrier",
)
_CALLS = ("pjit", "jit", "closed_call", "custom_jvp_call", "core_call", "remat")
# Enough to decide which branch a scenario takes.
_COMPUTED: Mapping[str, Any] = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "div": np.divide,
    "max": np.maximum,
    "min": np.minimum,
    "gt": np.greater,
    "ge": np.greater_equal,
    "lt": np.less,
    "le": np.less_equal,
    "eq": np.equal,
    "ne": np.not_equal,
    "and": np.logical_and,
    "or": np.logical_or,
    "not": np.logical_not,
    "is_finite": np.isfinite,
    "convert_element_type": lambda x: x,
    "copy": lambda x: x,
    "optimization_barrier": lambda x: x,
}
