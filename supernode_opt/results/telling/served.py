"""What is said of a machine that serves: its requests, pools, batch and phases."""

from typing import Any

import xarray as xr

from supernode_opt.names import instance_words, proper
from supernode_opt.results import outcome, served
from supernode_opt.results.served import Pool
from supernode_opt.results.telling.parts import Grid, grid
from supernode_opt.results.telling.quantity import range_of, value
from supernode_opt.words import figures, spoken

# What totals are called where a step is one of decode.
WHOLES = {
    "step_time": "step of decode",
    "prefill_step": "full pass of prefill",
    "memory": "memory of the fuller pool's chips",
}
# What limits are called that are shares of something asked for.
LIMITS = {
    "ttft_fraction": "TTFT",
    "tpot_fraction": "TPOT of the least batch",
    "load_fraction": "load",
}
# Of the design, what says nothing that the pools do not say.
_SAID = ("data_parallel",)


def asked(dataset: xr.Dataset) -> list[tuple[str, str]]:
    """Return what requests are served, within which limits and in which precisions."""
    known = served.requests(dataset)
    assert known is not None
    return [
        ("requests", _requests(known)),
        ("promised", _promised(known)),
        ("precision", _precisions(known)),
    ]


def _requests(known: dict[str, Any]) -> str:
    said = f"{figures(known['input_length'])} tokens in,"
    said += f" {figures(known['output_length'])} out"
    if known["cached_share"]:
        said += f", {figures(100.0 * known['cached_share'], 3)} % of a prompt cached"
    if known["arrival_rate"]:
        return f"{said}; {figures(known['arrival_rate'])} arrive a second"
    if known["concurrency"]:
        return f"{said}; {figures(known['concurrency'])} in flight"
    return f"{said}; as many as can be served"


def _promised(known: dict[str, Any]) -> str:
    made = []
    for name in ("ttft", "tpot"):
        limit, share = known[f"{name}_limit"], known[f"{name}_percentile"]
        if limit:
            of = f"for {figures(100.0 * share, 3)} %" if share else "on average"
            made.append(f"{proper(name).upper()} at most {spoken(limit, 's')} {of}")
    return ", ".join(made)


def _precisions(known: dict[str, Any]) -> str:
    weights = known["weight_precision"]
    words = [f"{weights.upper()} weights"]
    for name, what in (("expert", "experts"), ("activation", "activations")):
        if known[f"{name}_precision"] not in ("", weights):
            words.append(f"{known[f'{name}_precision'].upper()} {what}")
    return ", ".join([*words, f"{known['cache_precision'].upper()} cache"])


def chosen(name: str, built: float | str) -> str | None:
    """Write what a field of the design stands for where its number does not say it."""
    if built != 0.0:
        return None
    return {
        "decode_batch": "as many as limits allow",
        "prefill_chips": "none of its own",
    }.get(name)


def hidden(dataset: xr.Dataset) -> tuple[str, ...]:
    """Return the fields of the design that decide nothing, or are said elsewhere."""
    if served.requests(dataset) is None:
        return ()
    if served.apart(dataset):
        return _SAID
    names = outcome.design(dataset)
    kept = ("prefill_chips", "prefill_tokens")
    alone = [n for n in names if n.startswith("prefill_") and n not in kept]
    return (*_SAID, *alone)


def unasked(dataset: xr.Dataset) -> tuple[str, ...]:
    """Return the limits that nobody set: of times, and of load where all is taken."""
    known = served.requests(dataset)
    if known is None:
        return ()
    of = {"ttft_fraction": "ttft_limit", "tpot_fraction": "tpot_limit"}
    of |= {"load_fraction": "arrival_rate"}
    return tuple(name for name, asked_for in of.items() if not known[asked_for])


def phases(dataset: xr.Dataset, known: dict[str, tuple[float, float]]) -> Grid:
    """Return what both phases have and reach, side by side.

    Args:
      dataset: the result.
      known: 5-95 % ranges of quantities, SI.
    """
    both = served.pools(dataset)
    asked_for = served.requests(dataset)
    assert asked_for is not None
    apart, ranks = served.apart(dataset), asked_for["ranks_per_chip"]
    rows: list[tuple[str, ...]] = [
        (
            "chips",
            *(figures(p.chips) if apart else f"all {figures(p.chips)}" for p in both),
        ),
        ("instances", *(figures(p.instances) for p in both)),
        ("chips of an instance", *(figures(p.chips / p.instances) for p in both)),
        ("its split", *(instance_words(p.sizes) for p in both)),
    ]
    if asked_for.get("experts"):
        rows.append(("experts per rank", *(_held(dataset, p) for p in both)))
    group = "requests per rank" if _alone(both[1]) else "requests per group"
    rows += [
        (group, "", figures(float(dataset["batch"]))),
        ("requests per chip", "", figures(float(dataset["batch_per_chip"]))),
        ("tokens of a step and request", "", value(dataset, "accepted_tokens")),
        _row(dataset, "tokens/s per chip", "tokens_per_s_per_chip"),
        _ranges(dataset, "tokens_per_s_per_chip", known),
        ("tokens/s per TFLOP/s", *_per_flop(dataset, both)),
        _row(dataset, "MFU", "mfu"),
        _row(dataset, "of the memory bandwidth", "bandwidth_utilisation"),
    ]
    if apart:
        rows.append(("requests/s it can serve", *(figures(p.requests) for p in both)))
    # A die of a package of two is a rank.
    title = "Prefill and decode"
    title += f"; a chip has {figures(ranks)} ranks" if ranks > 1.0 else ""
    shown = [row for row in rows if any(row[1:])]
    return grid(("", "prefill", "decode"), shown, title, (1, 2))


def _alone(pool: Pool) -> bool:
    return pool.sizes["tensor_parallel"] == 1.0


def _held(dataset: xr.Dataset, pool: Pool) -> str:
    asked_for = served.requests(dataset)
    assert asked_for is not None
    copies = float(dataset.get("design_redundant_experts", 0.0))
    return figures((asked_for["experts"] + copies) / pool.sizes["expert_parallel"], 3)


def _row(dataset: xr.Dataset, words: str, what: str) -> tuple[str, ...]:
    names = (f"{phase}_{what}" for phase in ("prefill", "decode"))
    said = (value(dataset, name).removesuffix(" token/s") for name in names)
    return (words, *said)


def _ranges(
    dataset: xr.Dataset, what: str, known: dict[str, tuple[float, float]]
) -> tuple[str, ...]:
    names = (f"{phase}_{what}" for phase in ("prefill", "decode"))
    said = (range_of(dataset, name, known).removesuffix(" token/s") for name in names)
    return ("  5-95 %", *said)


def _per_flop(dataset: xr.Dataset, both: tuple[Pool, Pool]) -> tuple[str, ...]:
    """Write tokens over what a chip could compute at its peak."""
    decode = float(dataset["decode_tokens_per_flop"])
    rates = (pool.rate / both[1].rate * decode * 1e12 for pool in both)
    return tuple(figures(rate, 3) for rate in rates)


def why(dataset: xr.Dataset) -> list[str]:
    """Say what decides the batch of decode, and which pool decides the rest."""
    return [line for line in (_batch(dataset), _pools(dataset)) if line]


def _batch(dataset: xr.Dataset) -> str:
    known = served.requests(dataset)
    assert known is not None
    limit, tpot = known["tpot_limit"], value(dataset, "tpot")
    batch, most = float(dataset["batch"]), served.most_in_memory(dataset)
    per = "rank" if _alone(served.pools(dataset)[1]) else "group of tensor ranks"
    said = f"{figures(batch)} requests in decode per {per}"
    kept = f"a TPOT of {tpot}"
    if limit:
        share = known["tpot_percentile"]
        of = f" for {figures(100.0 * share, 3)} %" if share else ""
        kept += f", at most {spoken(limit, 's')}{of}"
    room = f"memory holds {figures(most, 3)}"
    match served.batch_limit(dataset):
        case "time" if batch <= 1.0 and float(dataset["tpot_fraction"]) > 1.0:
            return f"Even one request in decode per {per} takes {kept}."
        case "time":
            return f"The limit on TPOT decides the batch: {said}, {kept}; {room}."
        case "memory":
            return f"Memory decides the batch: {said}, {kept}."
        case "requests":
            flying = figures(known["concurrency"])
            return f"The {flying} requests in flight decide the batch: {said}, {kept}."
        case "given":
            return f"The batch is given: {said}, {kept}; {room}."
    return f"The batch is {said}, {kept}; {room}."


def _pools(dataset: xr.Dataset) -> str:
    known, rate = served.requests(dataset), float(dataset["requests_per_s"])
    assert known is not None
    prefill, decode = served.pools(dataset)
    if known["arrival_rate"]:
        used = value(dataset, "load_fraction")
        return f"The requests that arrive are {used} of what the machine can serve."
    if not served.apart(dataset):
        return ""
    slower, faster = sorted((prefill, decode), key=lambda pool: pool.requests)
    idle = 100.0 * (1.0 - rate / faster.requests)
    if idle < 0.5:
        return "Prefill and decode are as fast as each other."
    return (
        f"{slower.name.capitalize()} decides how many requests are served,"
        f" {figures(slower.requests)} a second; {faster.name} could serve"
        f" {figures(faster.requests)} and is idle {figures(idle, 2)} % of the time."
    )
