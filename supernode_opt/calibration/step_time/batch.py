"""Many rows in one compiled call, stacked by the few things that shape programs."""

import dataclasses
import functools
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple, get_args

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from supernode_opt import catalog
from supernode_opt.calibration.data.interpret import Job
from supernode_opt.calibration.data.plans import Plan
from supernode_opt.calibration.data.stacks import practice_of, unfitted
from supernode_opt.calibration.step_time.constants import Practices, software
from supernode_opt.catalog import load, system
from supernode_opt.system.design import SHARDING, SWITCHED, Design, one_hot
from supernode_opt.system.evaluate import run_job
from supernode_opt.system.report import total
from supernode_opt.system.scenario import Scenario
from supernode_opt.workload.model import AnyTraining, Precision, Training

_DIFFERENCE = 1e-3


class Case(NamedTuple):
    """One plan of one job, ready to be stacked: pytrees of numbers."""

    design: Design
    scenario: Scenario
    practice: Practices


class Batch(NamedTuple):
    """Cases of one program structure.

    Attributes:
      rows: position of each case in the list it came from [case].
      cases: the cases, stacked [case].
    """

    rows: np.ndarray
    cases: Case


@functools.cache
def _machine(name: str) -> catalog.System:
    return system(name)


@functools.cache
def _given(machine: str, base: str) -> Scenario:
    """Return the parts of a machine and a stack, around any model and training."""
    parts = _machine(machine)
    any_model = load("model", catalog.names("model")[0])
    any_training = Training(sequence_length=1.0, global_batch=1.0)
    scenario = catalog.scenario(
        parts,
        any_model,
        any_training,
        software=load(unfitted(base), base),
        links=parts.links[:1],
    )
    return _anonymous(scenario)


def base_of(job: Job) -> str:
    """Return the catalog software whose unfitted constants a job takes."""
    return job.stack.base or _machine(job.machine).software


@functools.cache
def _chosen(choice: str, names: tuple[str, ...]) -> np.ndarray:
    return np.asarray(one_hot(choice, names))


def case(job: Job, plan: Plan) -> Case:
    """Build the design and the scenario of one plan."""
    built = _machine(job.machine).design
    practice = practice_of(job.run, job.stack)
    scenario = dataclasses.replace(
        _given(job.machine, base_of(job)),
        model=_anonymous(job.model),
        training=_any_precision(job.training, plan.shard_ranks),
    )
    network = job.stack.scale_out_bandwidth or built["scale_out_bandwidth"]
    one = np.ones(1)
    design = Design(
        **plan.sizes,
        scale_up_domain=built["scale_up_domain"],
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
    practices = Practices(
        **dataclasses.asdict(practice),
        rank_by_rank=float(job.stack.rank_by_rank),
        bubble=job.stack.bubble_share,
    )
    return Case(design, scenario, practices)


def _any_precision(training: Training, shard_ranks: int) -> AnyTraining:
    """Make the precision a number, so that rows of all precisions share a program."""
    weights = np.asarray(one_hot(training.precision, get_args(Precision)))
    return AnyTraining(
        sequence_length=training.sequence_length,
        global_batch=training.global_batch,
        gradient_bytes=training.gradient_bytes,
        shard_ranks=float(shard_ranks),
        attention_flops=training.attention_flops,
        precision_weights=weights,
    )


def _anonymous(tree: Any) -> Any:
    """Drop the names, which would make every entry a program of its own."""
    fields = {f.name: getattr(tree, f.name) for f in dataclasses.fields(tree)}
    for name, value in fields.items():
        if name == "name":
            fields[name] = ""
        elif isinstance(value, tuple):
            fields[name] = tuple(_anonymous(item) for item in value)
        elif dataclasses.is_dataclass(value):
            fields[name] = _anonymous(value)
    return type(tree)(**fields)


def stack_cases(cases: Sequence[Case]) -> tuple[Batch, ...]:
    """Stack cases into as few batches as there are program structures."""
    groups: dict[Any, list[int]] = {}
    flat = [jax.tree.flatten(case) for case in cases]
    for row, (_, structure) in enumerate(flat):
        groups.setdefault(structure, []).append(row)
    batches = []
    for structure, rows in groups.items():
        columns = zip(*(flat[row][0] for row in rows), strict=True)
        stacked = [np.stack([np.asarray(x, float) for x in c]) for c in columns]
        batches.append(Batch(np.asarray(rows), jax.tree.unflatten(structure, stacked)))
    return tuple(batches)


def step(case: Case, logs: Array) -> tuple[Array, Array]:
    """Step time [s] and memory over capacity [1] of one case, exact model."""
    stack = software(case.scenario.software, logs, case.practice)
    scenario = dataclasses.replace(case.scenario, software=stack)
    job = run_job(case.design, scenario, jnp.inf, False)
    memory = total(job.memory) / scenario.chip.hbm_capacity
    return total(job.step), memory


_steps = jax.jit(jax.vmap(step))
_programs: dict[Any, Any] = {}


def _log_step(logs: Array, case: Case) -> tuple[Array, Array]:
    value = jnp.log(step(case, logs)[0])
    return value, value


_slopes = jax.jit(
    jax.vmap(lambda case, logs: jax.jacfwd(_log_step, has_aux=True)(logs, case))
)


def _compiled(batches: Sequence[Batch], logs: np.ndarray) -> list[Any]:
    """Compile the programs of all batches side by side, each once per process."""
    keys = [(jax.tree.structure(one.cases), len(one.rows)) for one in batches]
    new = {
        key: _steps.lower(one.cases, jnp.asarray(logs[one.rows]))
        for key, one in zip(keys, batches, strict=True)
        if key not in _programs
    }
    with ThreadPoolExecutor(max_workers=2) as pool:
        made = list(pool.map(lambda lowered: lowered.compile(), new.values()))
    _programs.update(zip(new, made, strict=True))
    return [_programs[key] for key in keys]


def differences(batches: Sequence[Batch], logs: np.ndarray) -> np.ndarray:
    """Return slopes of log step time as `linearize` does, by central differences.

    To a thousandth of the slope, with the program that predicts already has: intervals
    need no more, and compiling exact slopes takes longer than everything else.
    """
    programs = _compiled(batches, logs)
    slopes = np.zeros_like(logs)
    for one, program in zip(batches, programs, strict=True):
        here = logs[one.rows]
        for column in range(logs.shape[1]):
            shift = np.zeros(logs.shape[1])
            shift[column] = _DIFFERENCE
            up, down = (
                np.log(np.asarray(program(one.cases, jnp.asarray(here + s))[0]))
                for s in (shift, -shift)
            )
            slopes[one.rows, column] = (up - down) / (2.0 * _DIFFERENCE)
    return slopes


def predict(batches: Sequence[Batch], logs: np.ndarray) -> np.ndarray:
    """Return step time [s] and memory over capacity [1] of every case [case, 2].

    Args:
      logs: logarithms of the constants of each case [case, constant].
    """
    result = np.zeros((len(logs), 2))
    for batch, program in zip(batches, _compiled(batches, logs), strict=True):
        both = program(batch.cases, jnp.asarray(logs[batch.rows]))
        result[batch.rows] = np.stack([np.asarray(x) for x in both], axis=-1)
    return result


def linearize(
    batches: Sequence[Batch], logs: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return log step time [case] and its slopes [case, constant]."""
    values, slopes = np.zeros(len(logs)), np.zeros_like(logs)
    for batch in batches:
        slope, value = _slopes(batch.cases, jnp.asarray(logs[batch.rows]))
        values[batch.rows], slopes[batch.rows] = np.asarray(value), np.asarray(slope)
    return values, slopes
