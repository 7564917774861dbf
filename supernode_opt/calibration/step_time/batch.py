"""Many rows in one compiled call, stacked by the few things that shape programs."""

import dataclasses
import functools
from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from supernode_opt import catalog
from supernode_opt.batch.case import any_precision, nameless
from supernode_opt.batch.engine import Engine, Group, prepare
from supernode_opt.calibration.data.interpret import Job
from supernode_opt.calibration.data.plans import Plan
from supernode_opt.calibration.data.stacks import Practice, practice_of, unfitted
from supernode_opt.calibration.step_time.constants import software
from supernode_opt.catalog import load, system
from supernode_opt.system.design import SHARDING, SWITCHED, Design, one_hot
from supernode_opt.system.evaluate import run_job
from supernode_opt.system.parts import total
from supernode_opt.system.scenario import Scenario
from supernode_opt.workload.model import Training

_DIFFERENCE = 1e-3
BLOCK = 256


class Case(NamedTuple):
    """One plan of one job, ready to be stacked: pytrees of numbers."""

    design: Design
    scenario: Scenario
    practice: Practice


# All plans of a job share one model.
_bare = functools.lru_cache(maxsize=16)(nameless)


@functools.cache
def _machine(name: str) -> catalog.System:
    return system(name)


@functools.cache
def _given(machine: str, base: str) -> Scenario:
    """Return the parts of a machine and a stack, around any model and training."""
    parts, stack = _machine(machine), load(unfitted(base), base)
    model = load("model", catalog.names("model")[0])
    training = Training(sequence_length=1.0, global_batch=1.0)
    return nameless(
        catalog.scenario(parts, model, training, software=stack, links=parts.links[:1])
    )


def base_of(job: Job) -> str:
    """Return the catalog software whose unfitted constants a job takes."""
    return job.stack.base or _machine(job.machine).software


@functools.cache
def _chosen(choice: str, names: tuple[str, ...]) -> np.ndarray:
    return np.asarray(one_hot(choice, names))


def segment(domain: float, chips: float, board: float) -> float:
    """Return how many chips of each domain a job of `chips` gets, in whole boards [1].

    Schedulers allot the same number of boards in every rack, so that 256 chips stand in
    four racks of 72 as 64 in each (Slurm's `--segment` of the block topology).  Where
    that would leave more than half of a rack idle, racks are filled.

    >>> segment(72.0, 256.0, 4.0), segment(72.0, 144.0, 4.0), segment(8.0, 20.0, 8.0)
    (64.0, 72.0, 8.0)
    """
    if chips <= domain:
        return domain
    sizes = np.arange(board, domain + 0.5, board)
    sizes = sizes[2.0 * sizes >= domain]
    even = sizes[chips % sizes == 0.0]
    return float(even[-1]) if len(even) else domain


def case(job: Job, plan: Plan) -> Case:
    """Build the design and the scenario of one plan."""
    built = _machine(job.machine).design
    scenario = dataclasses.replace(
        _given(job.machine, base_of(job)),
        model=_bare(job.model),
        training=any_precision(job.training, shard_ranks=float(plan.shard_ranks)),
    )
    network = job.stack.scale_out_bandwidth or built["scale_out_bandwidth"]
    one = np.ones(1)
    design = Design(
        **plan.sizes,
        scale_up_domain=segment(
            float(built["scale_up_domain"]),
            float(plan.sizes["chips"]),
            float(scenario.host.chips_per_board),
        ),
        scale_up_bandwidth=built["scale_up_bandwidth"],
        scale_out_bandwidth=network,
        oversubscription=built.get("oversubscription", 1.0),
        clock=scenario.chip.sustained_clock,
        coolant_flow=scenario.cooling.reference_flow,
        inlet_temperature=300.0,
        recompute=np.asarray(plan.recompute),
        optimizer_sharding=_chosen(SHARDING[plan.sharding], SHARDING),
        sequence_parallel=_chosen(SWITCHED[plan.sequence_parallel], SWITCHED),
        scale_up_link=one,
        scale_out_link=one,
    )
    return Case(design, scenario, practice_of(job.run, job.stack))


def step(case: Case, logs: Array) -> tuple[Array, Array]:
    """Step time [s] and memory over capacity [1] of one case, exact model."""
    stack = software(case.scenario.software, logs, case.practice)
    scenario = dataclasses.replace(case.scenario, software=stack)
    job = run_job(case.design, scenario, jnp.inf, False)
    memory = total(job.memory) / scenario.chip.hbm_capacity
    return total(job.step), memory


def _log_step(logs: Array, case: Case) -> tuple[Array, Array]:
    value = jnp.log(step(case, logs)[0])
    return value, value


_STEPS = Engine(lambda row, given: step(*row), BLOCK)
_SLOPES = Engine(
    lambda row, given: jax.jacfwd(_log_step, has_aux=True)(row[1], row[0]), BLOCK
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
