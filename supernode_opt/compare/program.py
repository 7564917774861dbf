"""The exact model on rows of different machines: few programs serve all of them.

What only names a part is dropped, the precision becomes a number and a scenario keeps
the two link technologies that its design uses, so that machines share a program unless
their attention or their switches are of another kind.
"""

import dataclasses
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple, get_args

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import NDArray

from supernode_opt.catalog.systems import FOLLOWS
from supernode_opt.hardware.chip_power import port_limit
from supernode_opt.problem.build import default_clock
from supernode_opt.problem.constraints import always
from supernode_opt.record import get, replace
from supernode_opt.system.design import CHOICES, Design, one_hot
from supernode_opt.system.evaluate import evaluate, run_job
from supernode_opt.system.package import settled_clock
from supernode_opt.system.report import total
from supernode_opt.system.scenario import Scenario
from supernode_opt.workload.model import AnyTraining, Precision

QUANTITIES = (
    "peak_flops",
    "mfu",
    "tokens_per_s",
    "power",
    "tokens_per_joule",
    "cost_per_megatoken",
    "goodput",
)
LESS_IS_BETTER = ("power", "cost_per_megatoken")
LIMITS = (
    "memory_fraction",
    "chip_power_fraction",
    "junction_fraction",
    "rack_power_fraction",
    "loop_gain",
    "scale_up_reach",
    "scale_out_reach",
)
OUTPUTS = (*QUANTITIES, *LIMITS)
LINKS = ("scale_up_link", "scale_out_link")
BLOCK = 1024


class Case(NamedTuple):
    """One design in one scenario.

    Attributes:
      follow: whether a field of `FOLLOWS` takes its part as it is sold; then it takes
        the part as it is drawn, too [1].
    """

    design: Design
    scenario: Scenario
    follow: dict[str, Any]


def nameless(tree: Any, **fixed: Any) -> Any:
    """Return a record without its names; fields in `fixed` are set wherever they are.

    Numbers become floats.
    """
    made = {}
    for field in dataclasses.fields(tree):
        value = getattr(tree, field.name)
        if field.name == "name":
            value = ""
        elif field.name in fixed:
            value = fixed[field.name]
        elif isinstance(value, tuple):
            value = tuple(nameless(item, **fixed) for item in value)
        elif dataclasses.is_dataclass(value):
            value = nameless(value, **fixed)
        elif not field.metadata.get("static"):
            value = np.asarray(value, float)
        made[field.name] = value
    return type(tree)(**made)


def used_links(scenario: Scenario, fixed: Mapping[str, float | str]) -> Scenario:
    """Return `scenario` with the links of the design alone: scale-up, scale-out."""
    known = {link.name: link for link in scenario.links}
    links = tuple(known[str(fixed[name])] for name in LINKS)
    return dataclasses.replace(scenario, links=links)


def any_precision(scenario: Scenario) -> Scenario:
    """Return `scenario` with its precision as a number."""
    training = scenario.training
    weights = np.asarray(one_hot(training.precision, get_args(Precision)))
    written = {f.name: getattr(training, f.name) for f in dataclasses.fields(training)}
    written |= {"precision": "bf16", "precision_weights": weights}
    return dataclasses.replace(scenario, training=AnyTraining(**written))


def case(values: Mapping[str, float | str], scenario: Scenario) -> Case:
    """Return the design that `values` name as a case; it follows nothing."""
    mixtures = {
        name: np.asarray(one_hot(str(values[name]), names))
        for name, names in CHOICES.items()
        if names
    }
    mixtures |= {LINKS[0]: np.array([1.0, 0.0]), LINKS[1]: np.array([0.0, 1.0])}
    numbers = {
        f.name: np.asarray(float(values[f.name]))
        for f in dataclasses.fields(Design)
        if f.name not in mixtures
    }
    bare = nameless(any_precision(used_links(scenario, values)))
    return Case(
        Design(**numbers, **mixtures), bare, dict.fromkeys(FOLLOWS, np.zeros(()))
    )


def following(values: Mapping[str, float | str], scenario: Scenario) -> dict[str, Any]:
    """Return which fields of a design take their part as it is sold [1]."""
    sold = {
        field: float(get(scenario, f"{part}.{source}"))
        for field, (part, source) in FOLLOWS.items()
    }
    sold["clock"] = default_clock(values, scenario)
    return {
        field: np.asarray(float(float(values[field]) == value))
        for field, value in sold.items()
    }


def repeated(one: Case, count: int) -> Case:
    """Return `count` rows of the case `one`."""
    return jax.tree.map(lambda x: np.broadcast_to(x, (count, *np.shape(x))), one)


def followed(one: Case) -> Design:
    """Return the design with every field that follows its part taken from it."""
    design, scenario = one.design, one.scenario
    for field, (part, source) in FOLLOWS.items():
        sold = get(scenario, f"{part}.{source}")
        value = jnp.where(one.follow[field] > 0.0, sold, getattr(design, field))
        design = replace(design, field, value)
    # Chips at their sustained clock are at a limit, whichever comes first.
    settled = settled_clock(design, scenario)
    clock = jnp.where(one.follow["clock"] > 0.0, settled, design.clock)
    return replace(design, "clock", clock)


def reported(one: Case) -> Array:
    """Return the `OUTPUTS` of one case."""
    report = evaluate(followed(one), one.scenario)
    return jnp.stack([jnp.asarray(getattr(report, name)) for name in OUTPUTS])


def _timed(design: Design, scenario: Scenario) -> Array:
    """Return step time [s] and memory over capacity [1] as `evaluate` has them."""
    port = port_limit(scenario.chip, design.scale_up_bandwidth)
    running = replace(design, "scale_up_bandwidth", port)
    job = run_job(running, scenario, jnp.inf, False)
    return jnp.stack([total(job.step), total(job.memory) / scenario.chip.hbm_capacity])


_REPORTED = jax.jit(jax.vmap(reported))
_TIMED = jax.jit(jax.vmap(_timed, in_axes=(0, None)))
_programs: dict[Any, Any] = {}
_lock = threading.Lock()


def _block(tree: Any, start: int, size: int) -> Any:
    """Return rows from `start`, padded to `size` by the last."""

    def cut(x: NDArray) -> NDArray:
        part = np.asarray(x[start : start + size], float)
        missing = size - len(part)
        return (
            np.concatenate([part, np.repeat(part[-1:], missing, 0)])
            if missing
            else part
        )

    return jax.tree.map(cut, tree)


def _program(function: Any, *arguments: Any) -> Any:
    key = (id(function), jax.tree.structure(arguments))
    with _lock:
        made = _programs.get(key)
    if made is None:
        made = function.lower(*arguments).compile()
        with _lock:
            _programs[key] = made
    return made


def prepare(cases: Sequence[Case]) -> None:
    """Compile what these cases need, side by side."""
    wanted: dict[Any, Any] = {}
    for one in cases:
        rows = _block(repeated(one, 1), 0, BLOCK)
        timed = nameless(one.scenario, topology="packet")
        for work in ((_REPORTED, rows), (_TIMED, rows.design, timed)):
            wanted.setdefault((id(work[0]), jax.tree.structure(work[1:])), work)
    with ThreadPoolExecutor(max_workers=2) as pool:
        list(pool.map(lambda work: _program(*work), wanted.values()))


def report(rows: Case) -> NDArray:
    """Return the `OUTPUTS` of every row [row, output]."""
    count, parts = len(rows.design.chips), []
    for start in range(0, count, BLOCK):
        block = _block(rows, start, BLOCK)
        found = np.asarray(_program(_REPORTED, block)(block))
        parts.append(found[: count - start])
    return np.concatenate(parts)


def reports(groups: Sequence[Case]) -> list[NDArray]:
    """Return `report` of every group; groups of one structure share blocks."""
    kinds: dict[Any, list[int]] = {}
    for index, rows in enumerate(groups):
        kinds.setdefault(jax.tree.structure(rows), []).append(index)
    found: list[Any] = [None] * len(groups)
    for members in kinds.values():
        joined = jax.tree.map(
            lambda *x: np.concatenate(x), *(groups[i] for i in members)
        )
        ends = np.cumsum([len(groups[i].design.chips) for i in members])[:-1]
        for index, part in zip(members, np.split(report(joined), ends), strict=True):
            found[index] = part
    return found


def times(designs: Design, scenario: Scenario) -> NDArray:
    """Return step time [s] and memory over capacity [1] of every design [row, 2]."""
    # What kind a switch is does not enter the time of a step.
    bare = nameless(scenario, topology="packet")
    count, parts = len(designs.chips), []
    for start in range(0, count, BLOCK):
        block = _block(designs, start, BLOCK)
        found = np.asarray(_program(_TIMED, block, bare)(block, bare))
        parts.append(found[: count - start])
    return np.concatenate(parts)


def limits(scenario: Scenario) -> dict[str, float]:
    """Return the limits that every design must respect, by report field."""
    return {limit.name: limit.limit for limit in always(scenario)}
