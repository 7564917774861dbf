"""Everything that is chosen: one machine and one way to split the model over it."""

from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from supernode_opt.record import record
from supernode_opt.units import (
    BytePerSecond,
    Count,
    CubicMetrePerSecond,
    Kelvin,
    Number,
)
from supernode_opt.workload.model import Training
from supernode_opt.workload.recompute import RECOMPUTE

SHARDING = ("zero0", "zero1", "zero2", "zero3")
SWITCHED = ("off", "on")

# The fields of a design that are mixtures of named alternatives; the two link fields
# choose among the scenario's own technologies.
CHOICES: dict[str, tuple[str, ...]] = {
    "recompute": RECOMPUTE,
    "optimizer_sharding": SHARDING,
    "sequence_parallel": SWITCHED,
    "scale_up_link": (),
    "scale_out_link": (),
}


@record
class Design:
    """One supernode and the split of the training job over it.

    Numbers may be fractions while a descent relaxes them.  A choice is an array of
    mixture weights along its leading axis, one-hot when built.  All fields broadcast
    against each other, so a batch of designs is one `Design` of arrays.

    Attributes:
      chips: accelerator packages [1].
      tensor_parallel, pipeline_parallel, context_parallel, expert_parallel: ranks
        [1]; data parallel follows as chips / (tensor * pipeline * context).
      interleave: virtual pipeline stages per rank [1].
      micro_batch: sequences per micro-batch [1].
      scale_up_domain: chips in one scale-up domain [1].
      scale_up_bandwidth: one direction, per chip [B/s].
      scale_out_bandwidth: one direction, per chip [B/s].
      oversubscription: of the scale-out network above its leaves [1].
      clock: over the boost clock [1].
      coolant_flow: per chip [m^3/s].
      inlet_temperature: of the coolant [K].
      recompute: weights of `RECOMPUTE`.
      optimizer_sharding: weights of `SHARDING`.
      sequence_parallel: weights of `SWITCHED`.
      scale_up_link, scale_out_link: weights over `scenario.links`.
    """

    chips: Count
    tensor_parallel: Count
    pipeline_parallel: Count
    context_parallel: Count
    expert_parallel: Count
    interleave: Count
    micro_batch: Count
    scale_up_domain: Count
    scale_up_bandwidth: BytePerSecond
    scale_out_bandwidth: BytePerSecond
    oversubscription: Number
    clock: Number
    coolant_flow: CubicMetrePerSecond
    inlet_temperature: Kelvin
    recompute: Any
    optimizer_sharding: Any
    sequence_parallel: Any
    scale_up_link: Any
    scale_out_link: Any


CHOICE_NAMES = tuple(CHOICES)
NUMBER_NAMES = tuple(f for f in Design.__dataclass_fields__ if f not in CHOICES)


def assemble(numbers: Mapping[str, Any], weights: Mapping[str, Any]) -> Design:
    """Return a `Design` from arrays or tracers; nothing is checked."""
    return Design(
        **{name: numbers[name] for name in NUMBER_NAMES},
        **{name: weights[name] for name in CHOICE_NAMES},
    )


def one_hot(choice: str, names: tuple[str, ...]) -> Array:
    """Return the mixture weights that select `choice` among `names`.

    >>> one_hot("full", RECOMPUTE).tolist()
    [0.0, 0.0, 0.0, 1.0, 0.0]

    Raises:
      ValueError: `choice` is not one of `names`.
    """
    if choice not in names:
        raise ValueError(f"must be one of {', '.join(names)}, but is {choice!r}")
    return jnp.asarray([float(name == choice) for name in names])


def aligned(design: Design) -> Design:
    """Return `design` with every field of the common batch shape.

    Raises:
      ValueError: the fields' shapes do not broadcast against each other.
    """
    mixtures = {name: jnp.asarray(getattr(design, name)) for name in CHOICES}
    numbers = {name: jnp.asarray(getattr(design, name)) for name in NUMBER_NAMES}
    shapes = [number.shape for number in numbers.values()]
    shapes += [mixture.shape[1:] for mixture in mixtures.values()]
    batch = jnp.broadcast_shapes(*shapes)
    for name, number in numbers.items():
        numbers[name] = jnp.broadcast_to(number, batch)
    for name, mixture in mixtures.items():
        kinds, *own = mixture.shape
        inner = mixture.reshape(kinds, *(1,) * (len(batch) - len(own)), *own)
        mixtures[name] = jnp.broadcast_to(inner, (kinds, *batch))
    return Design(**numbers, **mixtures)


def data_parallel(design: Design) -> Array:
    """Return the number of data-parallel replicas [1]."""
    model_parallel = (
        design.tensor_parallel * design.pipeline_parallel * design.context_parallel
    )
    return jnp.asarray(design.chips / model_parallel)


def expert_ranks(design: Design, training: Training) -> ArrayLike:
    """Return over how many ranks the routed experts of a layer are spread [1]."""
    several = training.expert_tensor_parallel
    ranks = design.expert_parallel
    return ranks if several is None else ranks * several


def connected_domain(design: Design) -> Array:
    """Return the chips that really share a scale-up domain [1]."""
    return jnp.minimum(design.scale_up_domain, design.chips)
