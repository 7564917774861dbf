"""What failures leave of a machine that serves.

A failure takes with it the instance that it happens in, all of whose chips share the
experts of one model: it loads its weights anew, and the requests that it had begun
begin again.  Other instances go on.
"""

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from supernode_opt.system.failures import Progress, stop_rate
from supernode_opt.system.job import Task
from supernode_opt.system.parts import FailureParts, total
from supernode_opt.system.scenario import Scenario

# Beyond so many losses nothing is served; its logarithm must stay a number.
_HOPELESS = 60.0


def available(
    scenario: Scenario, job: Task, failures: FailureParts, waiting: ArrayLike
) -> Progress:
    """Return the share of its capacity that the machine keeps.

    What is lost enters as an exponential, as in training.

    Args:
      scenario: how long a restart takes, and what is asked.
      job: what is served, and how many chips are an instance.
      failures: of the whole machine [1/s].
      waiting: time spent waiting for repairs over time that serves, if all waited [1].
    """
    share = 1.0 / jnp.maximum(job.values["data_parallel"], 1.0)
    request = total(job.step) / job.values["accepted_tokens"]
    request = request * scenario.serving.output_length
    lost = stop_rate(failures) * share
    lost = lost * (scenario.reliability.restart_time + 0.5 * request)
    kept: Array = jnp.exp(-jnp.minimum(lost + waiting * share, _HOPELESS))
    return Progress(jnp.zeros_like(kept), kept)
