"""Which way quantities of a machine that serves move, where training says otherwise.

As in `system.ways`, a way is said of everything else held: split, domain and links.  A
batch that is solved for grows as passes become faster, and fills whole requests: times
that are of the whole batch then move either way, while what a chip generates does not
fall, for a pass over more requests takes less time for each of them.
"""

from supernode_opt.system.ways import DOWN, MEAN, UP, Ways

_SLOW = {
    "scale_up_bandwidth": DOWN,
    "scale_out_bandwidth": DOWN,
    "clock": DOWN,
    "oversubscription": UP,
    "chip.hbm_bandwidth": DOWN,
    "chip.hbm_efficiency": DOWN,
    "links.*.latency": UP,
    "links.*.energy": UP,
    "scale_up_switch.latency": UP,
    "scale_out_switch.latency": UP,
    **{f"chip.peak_{name}": DOWN for name in ("bf16", "fp8", "fp4", "int8")},
}
SLOW = Ways(_SLOW, blended=True)
FAST = Ways({name: -sign for name, sign in _SLOW.items()}, blended=True)
NEITHER = Ways()


def serving_ways(batched: bool) -> dict[str, Ways]:
    """Return the ways of all quantities that depend on what is served.

    Args:
      batched: whether every design has a batch that is given, not solved for.
    """
    whole = SLOW if batched else NEITHER
    return {
        "step_time": whole,
        "tpot": whole,
        # Newcomers wait for a step at its limit, however long steps really are.
        "ttft": SLOW,
        "ttft_fraction": SLOW,
        "tpot_fraction": SLOW,
        "load_fraction": SLOW,
        "batch": FAST,
        "requests_per_s": FAST,
        "decode_tokens_per_s_per_chip": FAST,
        "prefill_tokens_per_s_per_chip": FAST,
        "cache_capacity": NEITHER,
        # The batch fills what the weights leave.
        "memory": FAST,
        "memory_allocated": FAST,
        "memory_reserved": FAST,
        "fit_probability": SLOW,
        "average_power": MEAN,
        "cost_parts.energy": MEAN,
        "goodput": NEITHER,
        "goodput_unmasked": NEITHER,
        "checkpoint_interval": NEITHER,
    }
