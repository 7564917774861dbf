"""Many cases in few compiled calls, and batches that follow from what is under way."""

import dataclasses
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from supernode_opt.batch.engine import Engine, Group, prepare
from supernode_opt.calibration.serving.case import Case
from supernode_opt.calibration.serving.constants import stack_of
from supernode_opt.system.parts import total
from supernode_opt.system.serving.serve import serve

BLOCK = 256


class Served(NamedTuple):
    """What the exact model says of cases [case].

    Attributes:
      tpot, ttft: [s].
      step: of decode, without what prompts take of it [s].
      batch: requests in decode per group of tensor ranks [1].
      decode, prefill: tokens a second of a chip of the pool [1/s].
      requests: a second, of the whole machine [1/s].
      capacity: tokens whose keys and values fit in all of decode [1].
      groups: of tensor ranks in decode [1].
      prompts: requests a second that the pool of prefill reads [1/s].
      tokens: that a step yields of a request [1].
    """

    tpot: Any
    ttft: Any
    step: Any
    batch: Any
    decode: Any
    prefill: Any
    requests: Any
    capacity: Any
    groups: Any
    prompts: Any
    tokens: Any


def served(case: Case, logs: Array) -> Served:
    """Serve one case with constants by their logarithms, exact model."""
    software = stack_of(case.scenario.software, logs)
    software = jax.tree.map(
        lambda fitted, own: jnp.where(jnp.isnan(own), fitted, own),
        software,
        case.stated,
    )
    scenario = dataclasses.replace(case.scenario, software=software)
    task = serve(case.design, scenario, jnp.inf, False)
    found, pools = task.values, case.design.pools
    reading = jnp.where(
        pools.prefill_chips > 0.0, pools.prefill_chips, case.design.chips
    )
    length = scenario.serving.input_length
    return Served(
        tpot=found["tpot"],
        ttft=found["ttft"],
        step=total(task.step) - task.step.prefill,
        batch=found["batch"],
        decode=found["decode_tokens_per_s_per_chip"],
        prefill=found["prefill_tokens_per_s_per_chip"],
        requests=found["requests_per_s"],
        capacity=found["cache_capacity"],
        groups=found["decode_instances"] * pools.attention_data_parallel,
        prompts=found["prefill_tokens_per_s_per_chip"] * reading / length,
        tokens=found["accepted_tokens"],
    )


_SERVED = Engine(lambda row, given: served(*row), BLOCK, "served")


def evaluate(batches: Sequence[Group], logs: np.ndarray, batch: np.ndarray) -> Served:
    """Serve every case.

    Args:
      batches: the cases.
      logs: of the constants of each [case, constant].
      batch: requests of a group of tensor ranks of each; 0 for as many as memory and
        limits allow [case] [1].
    """
    rows = [(_with(one, batch), logs[one.rows]) for one in batches]
    prepare((_SERVED, row, None) for row in rows)
    found = np.zeros((len(Served._fields), len(logs)))
    for one, row in zip(batches, rows, strict=True):
        found[:, one.rows] = np.stack(_SERVED(row))
    return Served(*found)


def _with(one: Group, batch: np.ndarray) -> Case:
    cases = one.cases
    pools = dataclasses.replace(cases.design.pools, decode_batch=batch[one.rows])
    design = dataclasses.replace(cases.design, pools=pools)
    return cases._replace(design=design)
