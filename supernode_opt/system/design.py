"""Everything that is chosen: one machine and one way to split the model over it."""

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from supernode_opt.record import record
from supernode_opt.units import (
    BytePerSecond,
    Count,
    CubicMetrePerSecond,
    Kelvin,
    NonNegative,
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
class Pools:
    """How a machine that serves is divided between prefill and decode.

    The tensor, expert and pipeline parallel of the design are those of decode.

    Attributes:
      attention_data_parallel: groups of tensor ranks, each with requests of its own,
        that share the experts of one instance [1].
      redundant_experts: copies of busy experts beside one of each, per layer [1].
      draft_tokens: drafted ahead in every step of decode [1].
      decode_batch: requests in decode per group of tensor ranks; 0 for as many as
        memory and limits allow [1].
      prefill_chips: chips that do nothing but prefill; 0 where all do both [1].
      prefill_tensor_parallel, prefill_attention_data_parallel,
        prefill_expert_parallel, prefill_pipeline_parallel: of an instance there [1].
      prefill_tokens: most tokens of a group that one pass of prefill takes [1].
      dual_batch: weights of `SWITCHED`; two halves of a batch take turns, so that the
        exchange between experts of one hides behind the other.
    """

    attention_data_parallel: Count = 1.0
    redundant_experts: NonNegative = 0.0
    draft_tokens: NonNegative = 0.0
    decode_batch: NonNegative = 0.0
    prefill_chips: NonNegative = 0.0
    prefill_tensor_parallel: Count = 1.0
    prefill_attention_data_parallel: Count = 1.0
    prefill_expert_parallel: Count = 1.0
    prefill_pipeline_parallel: Count = 1.0
    prefill_tokens: Count = 8192.0
    dual_batch: Any = (1.0, 0.0)


if TYPE_CHECKING:
    # Which of the two it is follows from what the machine does, not from types.
    MaybePools = Any
else:
    MaybePools = Pools | None


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
      pools: what only a machine that serves has; `None` where it trains.
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
    pools: MaybePools = None


# What only a machine that serves has, with what it is if nothing is said.
SERVING_NUMBERS: dict[str, Any] = {
    f.name: f.default for f in dataclasses.fields(Pools) if f.name != "dual_batch"
}
SERVING_CHOICES = {"dual_batch": SWITCHED}
# What only a job of training has, and what it is where one serves.
TRAINING_ALONE: dict[str, float | str] = {
    "context_parallel": 1.0,
    "interleave": 1.0,
    "micro_batch": 1.0,
    "recompute": "none",
    "optimizer_sharding": "zero0",
    "sequence_parallel": "off",
}
CHOICE_NAMES = tuple(CHOICES)
NUMBER_NAMES = tuple(
    f for f in Design.__dataclass_fields__ if f not in CHOICES and f != "pools"
)

# Those of a machine that trains and of one that serves together.
EVERY_NUMBER = (*NUMBER_NAMES, *SERVING_NUMBERS)
EVERY_CHOICE = CHOICES | SERVING_CHOICES


def assemble(numbers: Mapping[str, Any], weights: Mapping[str, Any]) -> Design:
    """Return a `Design` from arrays or tracers; nothing is checked."""
    pools = None
    if "dual_batch" in weights:
        own = {name: numbers[name] for name in SERVING_NUMBERS}
        pools = Pools(**own, dual_batch=weights["dual_batch"])
    return Design(
        **{name: numbers[name] for name in NUMBER_NAMES},
        **{name: weights[name] for name in CHOICE_NAMES},
        pools=pools,
    )


def design_numbers(serves: bool) -> tuple[str, ...]:
    """Return the names of all numbers of a design, of one that `serves` or trains."""
    return (*NUMBER_NAMES, *(SERVING_NUMBERS if serves else ()))


def design_choices(serves: bool) -> dict[str, tuple[str, ...]]:
    """Return all mixtures of a design with their alternatives."""
    return CHOICES | (SERVING_CHOICES if serves else {})


def place_of(name: str) -> str:
    """Return the path in a design of the field called `name`."""
    return f"pools.{name}" if name in SERVING_NUMBERS else name


def holder_of(name: str) -> type:
    """Return the record that has the field `name` of a design."""
    return Pools if name in SERVING_NUMBERS else Design


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
    if design.pools is not None:
        own = vars(design.pools)
        numbers |= {name: jnp.asarray(own[name]) for name in SERVING_NUMBERS}
        mixtures |= {name: jnp.asarray(own[name]) for name in SERVING_CHOICES}
    shapes = [number.shape for number in numbers.values()]
    shapes += [mixture.shape[1:] for mixture in mixtures.values()]
    batch = jnp.broadcast_shapes(*shapes)
    for name, number in numbers.items():
        numbers[name] = jnp.broadcast_to(number, batch)
    for name, mixture in mixtures.items():
        kinds, *own = mixture.shape
        inner = mixture.reshape(kinds, *(1,) * (len(batch) - len(own)), *own)
        mixtures[name] = jnp.broadcast_to(inner, (kinds, *batch))
    return assemble(numbers, mixtures)


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
