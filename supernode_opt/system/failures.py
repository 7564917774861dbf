"""What stops a job, how often, and how much of the time it makes progress."""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike

from supernode_opt.system.design import Design
from supernode_opt.system.footprint import state_bytes
from supernode_opt.system.parts import FailureParts, total
from supernode_opt.system.scenario import Scenario
from supernode_opt.system.wiring import Wiring

# Gauss-Laguerre rule: exact for up to fifteen whole spares.
_NODES, _WEIGHTS = np.polynomial.laguerre.laggauss(8)
_FEW = 1e-12
_NEVER = 1e-30
# Beyond so many losses there is no progress; its logarithm must stay a number.
_HOPELESS = 60.0


class Progress(NamedTuple):
    """How a job gets on between failures.

    Attributes:
      interval: between checkpoints, at its best [s].
      goodput: share of time that makes progress [1].
    """

    interval: Array
    goodput: Array


def failure_parts(
    design: Design, scenario: Scenario, wiring: Wiring, masking: ArrayLike
) -> FailureParts:
    """Rates of events that stop the whole job, by component [1/s].

    Args:
      masking: probability that a hard link fault does not stop the job [1].
    """
    reliability, host = scenario.reliability, scenario.host
    boards = design.chips / host.chips_per_board
    up, out = wiring.up.rates, wiring.out.rates
    inner, outer = scenario.scale_up_switch, scenario.scale_out_switch
    switches = (up.leaf_chips + up.spine_chips) * inner.failure_rate
    switches = switches + (out.leaf_chips + out.spine_chips) * outer.failure_rate
    links = wiring.up.failures + wiring.out.failures
    return FailureParts(
        chips=jnp.asarray(design.chips * scenario.chip.failure_rate),
        hosts=jnp.asarray(boards * host.failure_rate),
        links=(1.0 - masking) * links,
        switches=(1.0 - reliability.switch_masking) * switches,
        other=jnp.asarray(design.chips * reliability.other_failure_rate),
        corruption=jnp.asarray(design.chips * reliability.corruption_rate),
    )


def no_spare(spares: ArrayLike, broken: ArrayLike) -> Array:
    """Probability that every spare is in repair when the next board breaks [1].

    Erlang's loss formula for any, also fractional, number of `spares` with a mean of
    `broken` boards in repair: `1 / B = int exp(-t) (1 + t / broken) ** spares dt`.

    >>> round(float(no_spare(1.0, 0.5)), 4)
    0.3333
    """
    spares, broken = jnp.asarray(spares), jnp.maximum(broken, _FEW)
    # Over the last node's part, which is the greatest power and may overflow.  Term by
    # term: a sum over an axis of nodes would be stored and take a seventh of a report.
    *nodes, last = _NODES
    greatest = jnp.log(broken + last)
    terms = [
        weight * jnp.exp(spares * (jnp.log(broken + node) - greatest))
        for node, weight in zip(nodes, _WEIGHTS, strict=False)
    ]
    return jnp.exp(-spares * jnp.log1p(last / broken)) / sum(terms, start=_WEIGHTS[-1])


def spare_share(scenario: Scenario) -> ArrayLike:
    """Chips that stand by over those that work, in their racks and elsewhere [1]."""
    rack = scenario.rack
    return scenario.reliability.spare_share + rack.idle_chips / rack.chips_per_rack


def repair_wait(design: Design, scenario: Scenario, failures: FailureParts) -> Array:
    """Time spent waiting for repairs over time that computes [1].

    A broken board waits for its repair only if no spare is left.
    """
    reliability = scenario.reliability
    breaking = failures.chips + failures.hosts
    broken = breaking * reliability.repair_time
    spares = spare_share(scenario) * design.chips / scenario.host.chips_per_board
    return broken * no_spare(spares, broken)


def checkpoint_stall(design: Design, scenario: Scenario) -> Array:
    """Time that a checkpoint stops the job for [s].

    Every chip writes its part of the states once, whatever holds copies of it.
    """
    reliability = scenario.reliability
    bandwidth = jnp.asarray(reliability.checkpoint_bandwidth)
    charged = bandwidth > 0.0
    written = jnp.where(charged, state_bytes(scenario) / design.chips, 0.0)
    return reliability.checkpoint_stall + written / jnp.where(charged, bandwidth, 1.0)


def progress(
    scenario: Scenario, failures: FailureParts, waiting: ArrayLike, stall: ArrayLike
) -> Progress:
    """Progress at the best checkpoint interval.

    The interval is Young's and Daly's `sqrt(2 d M)`; each stop loses half an interval
    and the restart, in which optical circuits are set anew.  A silent corruption loses
    what was done until it is noticed, too.  Llama 3's rates at 16,384 chips give 0.90
    (arXiv:2407.21783).  What is lost enters as an exponential, which
    agrees with the usual linear form while losses are small and stays positive when
    they are not.

    Args:
      failures: what stops the job [1/s].
      waiting: time spent waiting for repairs over time that computes [1].
      stall: see `checkpoint_stall` [s].
    """
    reliability = scenario.reliability
    rate = stop_rate(failures)
    interval = jnp.sqrt(2.0 * stall / rate)
    setting = scenario.scale_up_switch.reconfiguration_time
    stopped = 0.5 * interval + reliability.restart_time + setting
    lost = rate * stopped + waiting
    lost = lost + failures.corruption * reliability.corruption_delay
    kept = jnp.exp(-jnp.minimum(lost, _HOPELESS))
    return Progress(interval, kept / (1.0 + stall / interval))


def stop_rate(failures: FailureParts) -> Array:
    """Rate of all failures that stop the job [1/s]; above zero."""
    return jnp.maximum(total(failures), _NEVER)
