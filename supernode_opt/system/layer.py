"""A layer pass with its communication: what hides behind compute and what does not.

For every kind k of communication, a share may hide behind a window of the compute:

    exposed_k = max(window_k comp + (1 - o_k) comm_k, comm_k) - window_k comp

With windows that add up to at most one, compute plus exposed communication is a
sum of maxima of positive terms, so the layer time stays log-convex in bandwidth and
clock and can never fall below either of them.
"""

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from supernode_opt.smooth import excess, stack
from supernode_opt.system.communication import Communication
from supernode_opt.system.design import Design
from supernode_opt.system.kernels import memory_rate
from supernode_opt.system.layer_times import LayerTimes
from supernode_opt.system.pipeline import alone_share
from supernode_opt.system.scenario import Scenario
from supernode_opt.workload.model import by_precision, frozen
from supernode_opt.workload.operators import OPERAND_BYTES
from supernode_opt.workload.recompute import Again

KINDS = ("tensor", "context", "expert", "shard")


def layer_passes(
    design: Design,
    scenario: Scenario,
    repeated: Again,
    times: LayerTimes,
    comm: Communication,
    sharpness: ArrayLike,
) -> Array:
    """Return what communication adds to compute [kind, layer, pass, *batch] [s].

    Passes of one block, attention or FFN: with sequence parallelism its input is
    gathered and its output scattered, backward the gradient of the output is gathered,
    that of the input scattered and the input gathered again.  Without it, outputs are
    all-reduced forward, gradients of inputs backward, as much as a gather and a
    scatter.  The input of attention is its latents.  An expert block needs none of
    this; full recompute repeats what is forward, that of a dense FFN its half.  Two
    all-to-alls per pass, which recompute of the experts repeats; backward moves keys
    and their gradients.  ZeRO-2 and ZeRO-3 keep only a shard of the gradients, so every
    backward pass scatters them; ZeRO-3 also gathers the parameters in both passes.

    While communication hides, `communication_share` of the compute units are its own:
    of `h` seconds that share is lost to compute and made up for afterwards.  What is
    hidden is raw less exposed, so that the sum stays one of maxima of positive terms.
    With `communication_traffic` it also takes memory from memory-bound kernels.
    """
    software = scenario.software
    full, sequence = repeated.full, design.sequence_parallel[1]
    zero = design.optimizer_sharding
    sharded = zero[3]
    has_experts = scenario.model.top_k > 0.0
    plain = jnp.where(has_experts, 0.0, 1.0)
    # Lists of operators keep no dispatched tokens.
    routed = full + jnp.maximum(repeated.experts, repeated.operators)
    one, none = jnp.ones_like(full), jnp.zeros_like(full)
    # What is gathered has been cast before; what is reduced has not.
    cast = by_precision(scenario.training, OPERAND_BYTES) / 2.0

    def block(read: Array) -> tuple[Array, Array]:
        """Time of a block whose input takes `read` to gather, either pass."""
        once = comm.tensor + sequence * cast * read + (1.0 - sequence) * comm.tensor
        again = sequence * ((1.0 + cast) * read + cast * comm.tensor)
        return once, again + (1.0 - sequence) * 2.0 * read + full * once

    attending, feeding = block(comm.latent), block(comm.tensor)
    # A parallel block gathers and scatters once.
    apart = 1.0 - scenario.model.parallel_block
    feeding = apart * feeding[0], apart * feeding[1]
    feeding = feeding[0], feeding[1] + repeated.ffn * feeding[0]
    # Gradients of adapters are too few to count.
    scatter = scenario.training.gradient_bytes / 2.0
    scatter = scatter * (1.0 - frozen(scenario.training))
    expert_gather = comm.shard_expert + comm.shard_routed
    both = sharded + (zero[2] + zero[3]) * scatter
    raw = stack(
        *(a + f for a, f in zip(attending, feeding, strict=True)),
        *(a + plain * f for a, f in zip(attending, feeding, strict=True)),
        *(comm.context * n for n in (one, 2.0 + full, one, 2.0 + full)),
        *(comm.dispatch * n for n in (none, none, 2.0 * one, 2.0 + 2.0 * routed)),
        *(comm.shard_dense * n for n in (sharded, both)),
        *(expert_gather * n for n in (sharded, both)),
    )
    raw = raw.reshape(len(KINDS), 2, 2, *raw.shape[1:])
    shape = (len(KINDS),) + (1,) * (raw.ndim - 1)
    shares = {k: getattr(software, f"{k}_overlapped") for k in KINDS}
    if software.warmup_hidden is not None:
        lost = (1.0 - software.warmup_hidden) * alone_share(design, scenario)
        shares["expert"] = shares["expert"] * (1.0 - lost)
    overlapped = stack(*shares.values())
    overlapped = overlapped.reshape(
        len(KINDS), 1, 1, *overlapped.shape[1:] or shape[3:]
    )
    window = stack(*(getattr(software, f"{k}_window") for k in KINDS))
    hidden = window.reshape(shape) * times.compute[None]
    visible = (1.0 - overlapped) * raw
    seen = hidden + visible
    exposed = visible + excess(seen, raw, sharpness)
    taken = software.communication_share
    if software.communication_traffic > 0.0:
        taken = taken + _streamed(design, scenario, times)
    return exposed + taken * (raw - exposed)


def _streamed(design: Design, scenario: Scenario, times: LayerTimes) -> Array:
    """Time of memory-bound kernels lost per second of hidden communication [1].

    While it streams, communication at the rate of the port takes its bytes from the
    bandwidth of memory, which kernels miss that are bound by it: their share of what
    hides it [layer, pass, *batch].
    """
    software = scenario.software
    rate = design.scale_up_bandwidth * software.scale_up_efficiency
    taken = software.communication_traffic * rate / memory_rate(scenario)
    return jnp.minimum(taken, 1.0) * times.elementwise / times.compute
