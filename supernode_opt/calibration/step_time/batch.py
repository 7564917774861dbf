"""Many rows in one compiled call, stacked by the few things that shape programs."""

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from supernode_opt import catalog
from supernode_opt.batch.case import LINKS, any_precision, nameless
from supernode_opt.batch.engine import Engine, Group, prepare
from supernode_opt.batch.sold import default_clock
from supernode_opt.calibration.data.interpret import Job
from supernode_opt.calibration.data.plans import Plan
from supernode_opt.calibration.data.practice import Practice
from supernode_opt.calibration.data.stacks import unfitted
from supernode_opt.calibration.step_time.stated import (
    documented,
    practised,
    stated_software,
)
from supernode_opt.catalog import load, system
from supernode_opt.catalog.origins import indexed
from supernode_opt.hardware.layout import filled_domain
from supernode_opt.record import get, replace
from supernode_opt.system.design import (
    CHOICES,
    RECOMPUTE,
    SHARDING,
    SWITCHED,
    Design,
    one_hot,
)
from supernode_opt.system.follow import FOLLOWS
from supernode_opt.system.job import run_job
from supernode_opt.system.parts import total
from supernode_opt.system.scenario import Scenario
from supernode_opt.system.software import Software
from supernode_opt.workload.model import Training
from supernode_opt.workload.routing import Routing

_DIFFERENCE = 1e-3
BLOCK = 256


class Case(NamedTuple):
    """One plan of one job, ready to be stacked: pytrees of numbers.

    Attributes:
      stated: constants of the software that are not taken from the fit, else NaN.
    """

    design: Design
    scenario: Scenario
    practice: Practice
    stated: Software


# All plans of a job share one model.
_bare = functools.lru_cache(maxsize=16)(nameless)


def base_of(job: Job) -> str:
    """Return the catalog software whose unfitted constants a job takes."""
    return job.stack.base or system(job.machine).software


class _Machine(NamedTuple):
    """A machine around any model: its parts, and the hardware fields of a design."""

    scenario: Scenario
    design: Mapping[str, float]


_MACHINES: dict[Any, _Machine] = {}


def _machine(job: Job) -> _Machine:
    """Return the machine of a job, with what its row changes in it."""
    given, base = job.given, base_of(job)
    stack = job.stack
    own = {
        name: size
        for name in ("scale_out_bandwidth", "scale_up_domain")
        if (size := getattr(stack, name))
    }
    numbers = {k: v for k, v in given.design.items() if k not in CHOICES}
    parts = {k: v for k, v in given.parts.items() if k != "software"}
    changes = (parts, given.constants, given.design)
    key = (job.machine, base, *own.items(), *(tuple(c.items()) for c in changes))
    if key not in _MACHINES:
        built = system(job.machine)
        used = [given.design.get(name, built.design[name]) for name in LINKS]
        links = tuple(dict.fromkeys(map(str, used)))
        made = _built(job.machine, base, links, parts, given.constants)
        # One technology may serve both networks.
        made = dataclasses.replace(made, links=(made.links[0], made.links[-1]))
        followed = {
            field: get(made, ".".join(FOLLOWS[field])) for field in built.follows
        }
        design: dict[str, Any] = {
            k: v for k, v in built.design.items() if k not in CHOICES
        }
        design |= followed | own
        design = {"oversubscription": 1.0, **design, **numbers}
        # Without their names machines of one shape share a program.
        bare = nameless(made)
        if "clock" not in numbers:
            design["clock"] = default_clock(design, bare)
        _MACHINES[key] = _Machine(bare, design)
    return _MACHINES[key]


def _built(
    machine: str,
    base: str,
    links: Sequence[str],
    parts: Mapping[str, str],
    constants: Mapping[str, Any],
) -> Scenario:
    stack = load(unfitted(base), base)
    model = load("model", catalog.names("model")[0])
    training = Training(sequence_length=1.0, global_batch=1.0)
    made = catalog.scenario(
        machine, model, training, software=stack, links=links, **parts
    )
    own = "routing."
    routing = {
        k.removeprefix(own): v for k, v in constants.items() if k.startswith(own)
    }
    if routing:
        made = dataclasses.replace(made, routing=Routing(**routing))
    for path, value in constants.items():
        if path.startswith("links.") and indexed(path, made) == path:
            # A technology that the design does not use.
            continue
        if not path.startswith("software."):
            made = replace(made, indexed(path, made), value)
    return made


def _stated(job: Job) -> Software:
    """Return the constants of the software that a row or its stack states."""
    values = documented(job.stack)
    # How an entry is run cannot be changed but by its stack.
    if "software" in job.given.parts and not job.given.practice:
        entry = load("software", job.given.parts["software"])
        fields = (f.name for f in dataclasses.fields(entry) if f.name != "name")
        said = {name: getattr(entry, name) for name in fields}
        values |= {name: value for name, value in said.items() if value is not None}
    own = job.given.constants.items()
    prefix = "software."
    values |= {k.removeprefix(prefix): v for k, v in own if k.startswith(prefix)}
    return stated_software(values, job.stack.eager)


@functools.cache
def _chosen(choice: str, names: tuple[str, ...]) -> np.ndarray:
    return np.asarray(one_hot(choice, names))


def case(job: Job, plan: Plan) -> Case:
    """Build the design and the scenario of one plan."""
    machine = _machine(job)
    scenario = dataclasses.replace(
        machine.scenario,
        model=_bare(job.model),
        training=any_precision(plan.trained(job.training)),
        recompute=plan.modules,
    )
    domain = machine.design["scale_up_domain"]
    if "scale_up_domain" not in job.given.design:
        board = float(machine.scenario.host.chips_per_board)
        domain = filled_domain(float(domain), plan.sizes["chips"], board)
    design = Design(
        **{**machine.design, **plan.sizes, "scale_up_domain": domain},
        recompute=_chosen(plan.recompute, RECOMPUTE),
        optimizer_sharding=_chosen(SHARDING[plan.sharding], SHARDING),
        sequence_parallel=_chosen(SWITCHED[plan.sequence_parallel], SWITCHED),
        scale_up_link=np.array([1.0, 0.0]),
        scale_out_link=np.array([0.0, 1.0]),
    )
    return Case(design, scenario, job.practice, _stated(job))


def step(case: Case, logs: Array) -> tuple[Array, Array]:
    """Step time [s] and memory over capacity [1] of one case, exact model."""
    stack = practised(case.scenario.software, logs, case.practice, case.stated)
    scenario = dataclasses.replace(case.scenario, software=stack)
    job = run_job(case.design, scenario, jnp.inf, False)
    memory = total(job.memory) / scenario.chip.hbm_capacity
    return total(job.step), memory


def _log_step(logs: Array, case: Case) -> tuple[Array, Array]:
    value = jnp.log(step(case, logs)[0])
    return value, value


_STEPS = Engine(lambda row, given: step(*row), BLOCK, "steps")
_SLOPES = Engine(
    lambda row, given: jax.jacfwd(_log_step, has_aux=True)(row[1], row[0]),
    BLOCK,
    "slopes",
)


def predict(batches: Sequence[Group], logs: np.ndarray) -> np.ndarray:
    """Return step time [s] and memory over capacity [1] of every case [case, 2].

    `logs` are the logarithms of the constants of each case [case, constant].
    """
    rows = [(one.cases, logs[one.rows]) for one in batches]
    prepare((_STEPS, row, None) for row in rows)
    result = np.zeros((len(logs), 2))
    for one, row in zip(batches, rows, strict=True):
        result[one.rows] = np.stack(_STEPS(row), axis=-1)
    return result


def differences(batches: Sequence[Group], logs: np.ndarray) -> np.ndarray:
    """Return slopes of log step time as `linearize` does, by central differences.

    To a thousandth of the slope, with the program that predicts already has: intervals
    need no more, and compiling exact slopes takes longer than everything else.
    """
    slopes = np.zeros_like(logs)
    for column in range(logs.shape[1]):
        shift = np.zeros(logs.shape[1])
        shift[column] = _DIFFERENCE
        up, down = (np.log(predict(batches, logs + s)[:, 0]) for s in (shift, -shift))
        slopes[:, column] = (up - down) / (2.0 * _DIFFERENCE)
    return slopes


def linearize(
    batches: Sequence[Group], logs: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return log step time [case] and its slopes [case, constant]."""
    values, slopes = np.zeros(len(logs)), np.zeros_like(logs)
    for one in batches:
        slopes[one.rows], values[one.rows] = _SLOPES((one.cases, logs[one.rows]))
    return values, slopes
