"""What is asked of a machine that serves a model: requests, precisions, limits."""

from typing import Any, Literal, NamedTuple, get_args

import jax.numpy as jnp
from jax.typing import ArrayLike

from supernode_opt.reading.node import did_you_mean
from supernode_opt.record import flag, record, static
from supernode_opt.units import Count, NonNegative, Share, check, quantity

Time = quantity("s", zero=True)
Format = Literal["bf16", "fp8", "int8", "mxfp8", "mxfp4", "nvfp4"]
FORMATS: tuple[Format, ...] = get_args(Format)
# Bytes of one value; blocks of 32 share a one-byte scale (OCP MX), of 16 in NVFP4.
FORMAT_BYTES: dict[str, float] = {
    "bf16": 2.0,
    "fp8": 1.0,
    "int8": 1.0,
    "mxfp8": 1.0 + 1.0 / 32.0,
    "mxfp4": 0.5 + 1.0 / 32.0,
    "nvfp4": 0.5 + 1.0 / 16.0,
}
_FORMATTED = (
    "weight_precision",
    "expert_precision",
    "activation_precision",
    "cache_precision",
)
_WORDS = {
    "cache_tier": ("pooled", "host"),
    "cache_plane": ("scale_up", "scale_out"),
}


class Formats(NamedTuple):
    """Precisions as numbers, so that one program serves all of them.

    Attributes:
      weight_bytes, expert_bytes: of a stored parameter, of experts and of others [B].
      activation_bytes: of an operand that multiplies weights [B].
      cache_bytes: of a value of the key-value cache [B].
      arithmetic, expert_arithmetic: weights over `FORMATS` of what decides the rate of
        products, one-hot [format, *batch] [1].
    """

    weight_bytes: ArrayLike
    expert_bytes: ArrayLike
    activation_bytes: ArrayLike
    cache_bytes: ArrayLike
    arithmetic: Any
    expert_arithmetic: Any


@record
class Serving:
    """Requests that arrive, the precisions they are served in, and their limits.

    Attributes:
      input_length: tokens of a prompt, mean [1].
      output_length: tokens generated for it, mean [1].
      input_variation, output_variation: standard deviation over mean of the two [1].
      cached_share: of a prompt's tokens, those whose keys and values are found in a
        cache of prefixes [1].
      arrival_rate: requests that arrive; 0 where there are always more than can be
        served [1/s].
      concurrency: requests that clients keep in flight on the whole machine; 0 where
        there are as many as it takes [1].
      burst: share of the requests that begin and end together, in waves [1].
      prompts_ahead: prompts that are read before one's own, on average [1].
      acceptance: probability that a drafted token is accepted, given that the one
        before it was [1].
      ttft_limit, tpot_limit: time to the first token, and from then on per token, that
        a design must keep; 0 for none [s].
      ttft_percentile, tpot_percentile: share of requests that must keep it; 0 for
        their mean [1].
      slow_cache_share: of the tokens found in a cache, those that come from the slower
        memory of `cache_tier`, not from the chip's own [1].
      weight_precision: of stored weights.
      expert_precision: of the routed experts' weights, "" for that of the others.
      activation_precision: of what multiplies them, "" for that of the weights.
      cache_precision: of the key-value cache.
      cache_tier: the slower memory that caches of prefixes lie in: pooled memory over
        the scale-up fabric, or that of the board's host.
      cache_plane: what carries caches from prefill to decode: the scale-up fabric where
        one domain holds all chips (else the network), or the network.
    """

    input_length: Count
    output_length: NonNegative
    input_variation: NonNegative = 0.0
    output_variation: NonNegative = 0.0
    cached_share: Share = 0.0
    arrival_rate: quantity("1/s", zero=True) = 0.0
    concurrency: NonNegative = 0.0
    burst: Share = 0.0
    prompts_ahead: NonNegative = 0.0
    acceptance: Share = 0.7
    ttft_limit: Time = 0.0
    tpot_limit: Time = 0.0
    ttft_percentile: float = flag(default=0.0)
    tpot_percentile: float = flag(default=0.0)
    slow_cache_share: Share = 0.0
    weight_precision: Format = static(default="bf16")
    expert_precision: str = static(default="")
    activation_precision: str = static(default="")
    cache_precision: Format = static(default="bf16")
    cache_tier: Literal["pooled", "host"] = static(default="pooled")
    cache_plane: Literal["scale_up", "scale_out"] = static(default="scale_up")

    def __post_init__(self) -> None:
        """Refuse what no study file could say.

        Raises:
          TypeError: text or a mapping stands where a number belongs.
          ValueError: a precision is unknown, or a percentile no share below 1.
        """
        check(self, "serving", at_zero=True)
        for name in _FORMATTED:
            word = getattr(self, name)
            if word and word not in FORMATS:
                near = did_you_mean(word, FORMATS)
                raise ValueError(f"`serving.{name}` must not be {word!r}{near}")
        for name, known in _WORDS.items():
            word = getattr(self, name)
            if word not in known:
                near = did_you_mean(word, known)
                raise ValueError(f"`serving.{name}` must not be {word!r}{near}")
        for name in ("ttft_percentile", "tpot_percentile"):
            value = getattr(self, name)
            if isinstance(value, int | float) and not 0.0 <= value < 1.0:
                said = f"must be a share below 1, but is {value:g}"
                raise ValueError(f"`serving.{name}` {said}")


@record
class AnyServing(Serving):
    """Serving whose precisions are numbers; see `Formats`."""

    formats: Any


def formats_of(serving: Serving) -> Formats:
    """Return the precisions of `serving` as numbers."""
    if isinstance(serving, AnyServing):
        return Formats(*serving.formats)
    weight = serving.weight_precision
    expert = serving.expert_precision or weight
    return Formats(
        weight_bytes=FORMAT_BYTES[weight],
        expert_bytes=FORMAT_BYTES[expert],
        activation_bytes=FORMAT_BYTES[serving.activation_precision or weight],
        cache_bytes=FORMAT_BYTES[serving.cache_precision],
        arithmetic=_chosen(_wider(weight, serving.activation_precision)),
        expert_arithmetic=_chosen(_wider(expert, serving.activation_precision)),
    )


def _wider(weight: str, activation: str) -> str:
    """Return the format that a product of the two is computed in.

    Weights that are narrower than what multiplies them are widened on the way (W4A16).
    """
    activation = activation or weight
    return max((weight, activation), key=lambda name: FORMAT_BYTES[name])


def _chosen(name: str) -> Any:
    return jnp.asarray([float(name == known) for known in FORMATS])


def accepted(serving: Serving, draft_tokens: ArrayLike) -> Any:
    """Tokens that one decode step yields, `draft_tokens` of them drafted [1].

    `(1 - a^(k + 1)) / (1 - a)` (Leviathan, Kalman and Matias 2023, arXiv:2211.17192,
    equation 1); every draft accepted yields `k + 1`.

    >>> import types
    >>> round(float(accepted(types.SimpleNamespace(acceptance=0.7), 1.0)), 3)
    1.7
    """
    share = jnp.clip(jnp.asarray(serving.acceptance, float), 0.0, 1.0)
    count = jnp.asarray(draft_tokens, float) + 1.0
    below = share < 1.0 - 1e-6
    safe = jnp.where(below, jnp.maximum(share, 1e-9), 0.5)
    return jnp.where(below, (1.0 - safe**count) / (1.0 - safe), count)
