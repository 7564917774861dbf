"""A model served on the machine: both pools, their batch, and what comes of it."""

import dataclasses
from typing import Any

import jax.numpy as jnp
from jax import Array
from jax.scipy.special import ndtri
from jax.typing import ArrayLike

from supernode_opt.smooth import root
from supernode_opt.system.design import Design
from supernode_opt.system.job import Task
from supernode_opt.system.package import Mix
from supernode_opt.system.parts import total
from supernode_opt.system.ranks import as_ranks
from supernode_opt.system.scenario import Scenario
from supernode_opt.system.serving.attention import cache_bytes_per_token
from supernode_opt.system.serving.decode import decode_pass
from supernode_opt.system.serving.exchange import rank_network
from supernode_opt.system.serving.forward import Pass, plus
from supernode_opt.system.serving.held import Room, ServingMemory, most_requests, room
from supernode_opt.system.serving.pool import apart, decode_pool, prefill_pool
from supernode_opt.system.serving.prefill import Prompt, prompts
from supernode_opt.system.serving.queue import FULL, waiting_time
from supernode_opt.system.serving.rate import rate_of
from supernode_opt.system.serving.setting import Setting
from supernode_opt.system.serving.solved import most_within
from supernode_opt.workload.parameters import active_parameters
from supernode_opt.workload.serving import accepted, formats_of

# Without a limit.
_NEVER = jnp.inf
# Load that a pool of prefill is run at where requests never end [1].
_LEAST_RATE = 1e-12


def serve(
    packages: Design, machine: Scenario, sharpness: ArrayLike, relaxed: ArrayLike
) -> Task:
    """Serve the requests of `machine.serving` on a design that counts packages."""
    net = rank_network(packages, machine, relaxed)
    design, scenario = as_ranks(packages, machine)
    count = machine.chip.ranks_per_chip
    read = design.pools.prefill_chips * count
    pools = dataclasses.replace(design.pools, prefill_chips=read)
    design = dataclasses.replace(design, pools=pools)
    serving, formats = scenario.serving, formats_of(scenario.serving)
    software = scenario.software
    own = apart(design)
    settings = [
        Setting(design, scenario, pool, formats, net, sharpness, relaxed)
        for pool in (prefill_pool(design), decode_pool(design))
    ]
    reading, writing = settings
    prompt = prompts(reading)
    tokens = accepted(serving, design.pools.draft_tokens)
    output = jnp.maximum(serving.output_length, 1e-3)
    # Where all chips do both, every step of decode waits for the prompts of as many
    # newcomers as requests end in it.
    ending = (1.0 - own) * tokens / output

    def waits(requests: Array, step: Array) -> Array:
        return _interrupted(writing, prompt, requests * ending, step)

    def tpot(requests: Array) -> Array:
        step = total(decode_pass(writing, requests).time)
        return (step + waits(requests, step)) / tokens

    spread = jnp.exp(ndtri(_percentile(serving.tpot_percentile)) * software.step_spread)
    asked = jnp.asarray(serving.tpot_limit, float)
    limit = jnp.where(asked > 0.0, asked / spread, _NEVER)
    chunk = (1.0 - own) * design.pools.prefill_tokens
    working = jnp.maximum(chunk, 64.0 * (1.0 + design.pools.draft_tokens))
    hers = room(
        scenario, writing.pool, formats, working, design.pools.draft_tokens, relaxed
    )
    given = jnp.asarray(design.pools.decode_batch, float)
    free = most_within(tpot, limit, most_requests(hers), relaxed)
    # Clients that keep so many requests in flight leave no more to decode.
    flying = jnp.asarray(serving.concurrency, float)
    groups = jnp.maximum(writing.pool.instances * writing.pool.data, 1e-9)
    free = jnp.where(flying > 0.0, jnp.minimum(free, flying / groups), free)
    batch = jnp.where(given > 0.0, given, free)
    step = decode_pass(writing, batch)
    pausing = waits(batch, total(step.time))
    step = step._replace(time=plus(step.time, prefill=pausing))
    seconds = total(step.time)
    # A batch that is solved for keeps the limit wherever the smallest one does.
    least = jnp.where(given > 0.0, seconds / tokens, tpot(jnp.ones_like(seconds)))

    pool = writing.pool
    requests = pool.instances * pool.data * batch
    able = requests * tokens / seconds / output
    readers = reading.pool.instances
    reads = readers / prompt.seconds
    most = jnp.where(own > 0.0, jnp.minimum(able, reads), able)
    arriving = jnp.asarray(serving.arrival_rate, float)
    rate = jnp.where(arriving > 0.0, jnp.minimum(arriving, most), most)
    load = jnp.where(arriving > 0.0, arriving / jnp.maximum(most, _LEAST_RATE), 1.0)

    queued = _queue(reading, prompt, arriving, readers, own, load, seconds)
    moving = _handing(design, scenario, reading, formats, own)
    before = serving.prompts_ahead * prompt.alone
    first = software.first_time + prompt.alone + before + moving + queued + seconds
    late = _late(serving.ttft_percentile, queued, load)
    values = {
        "ttft": first,
        "tpot": seconds / tokens,
        "ttft_fraction": _over(first + late, serving.ttft_limit),
        "tpot_fraction": _over(spread * least, serving.tpot_limit),
        "load_fraction": jnp.where(arriving > 0.0, load, 0.0),
        "batch": batch,
        "batch_per_chip": batch * pool.data / pool.instance * count,
        "requests_per_s": rate,
        "output_tokens_per_s": rate * serving.output_length,
        "input_tokens_per_s": rate * serving.input_length,
        "decode_tokens_per_s_per_chip": batch
        * pool.data
        / pool.instance
        * count
        * tokens
        / seconds,
        "prefill_tokens_per_s_per_chip": count
        * serving.input_length
        / (prompt.seconds * reading.pool.instance),
        "pool_ratio": jnp.where(
            own > 0.0,
            reading.pool.ranks / jnp.maximum(pool.ranks, 1.0),
            0.0,
        ),
        "decode_instances": pool.instances,
        "cache_capacity": most_requests(hers)
        * pool.data
        * pool.instances
        * (serving.input_length + 0.5 * serving.output_length),
        "accepted_tokens": tokens + jnp.zeros_like(seconds),
    }
    values |= _utilisations(scenario, settings, prompt, step)
    memory = _memory(scenario, settings, hers, batch, own, count, relaxed)
    busy = jnp.where(arriving > 0.0, jnp.minimum(load, 1.0), 1.0)
    mix = _mix(scenario, settings, prompt, step, own, busy, reads, rate)
    computed = serving.output_length
    computed = computed + serving.input_length * (1.0 - serving.cached_share)
    flops = 2.0 * active_parameters(scenario.model) * computed
    zero = jnp.zeros_like(seconds)
    values |= {
        "model_flops": flops * rate * seconds,
        "peak_flops": design.chips * rate_of(scenario.chip, formats.arithmetic) + zero,
        "bubble_fraction": zero,
        "data_parallel": pool.instances + zero,
        "micro_batches": pool.pipeline + zero,
        "prefill_step": prompt.step.time,
        "instance_chips": pool.instance / count + zero,
    }
    return Task(step.time, memory, mix, values)


def _interrupted(setting: Setting, prompt: Prompt, ending: Array, step: Array) -> Array:
    """Time that prompts of newcomers add to a step of decode on the same chips [s].

    As many requests end in a step as prompts are read; where the host takes longer to
    start their kernels than a step lasts, decode waits for a part of that, too.  Of
    requests that all begin and end together half the prompts come before any token.

    Args:
      setting: of the pool.
      prompt: what one of them costs.
      ending: requests of a group that end in a step [1].
      step: time of the step without them [s].
    """
    serving, software = setting.scenario.serving, setting.scenario.software
    reading = ending * setting.pool.data * prompt.seconds
    some = -jnp.expm1(-ending)
    late = jnp.maximum(prompt.host - step, 0.0) * software.interference * some
    both = root(jnp.square(reading) + jnp.square(late))
    return (1.0 - 0.5 * serving.burst) * both


def _percentile(share: ArrayLike) -> Array:
    """Return the share itself, one half for the mean [1]."""
    share = jnp.asarray(share, float)
    return jnp.where(share > 0.0, share, 0.5)


def _over(value: Array, limit: ArrayLike) -> Array:
    """Return a time over its limit, zero where there is none [1]."""
    limit = jnp.asarray(limit, float)
    some = limit > 0.0
    return jnp.where(some, value / jnp.where(some, limit, 1.0), 0.0)


def _queue(
    setting: Setting,
    prompt: Prompt,
    arriving: ArrayLike,
    readers: Array,
    own: Array,
    load: Array,
    step: Array,
) -> Array:
    """Mean wait for prefill; none where nobody says how often requests arrive [s]."""
    serving = setting.scenario.serving
    used = jnp.where(own > 0.0, arriving * prompt.seconds / readers, load)
    variation = serving.input_variation**2
    wait = waiting_time(jnp.minimum(used, FULL), readers, prompt.seconds, variation)
    return jnp.where(jnp.asarray(arriving) > 0.0, wait, 0.0)


def _late(share: ArrayLike, wait: Array, load: Array) -> Array:
    """How much later than the mean the request at a percentile begins [s].

    Waits are nearly exponential given that there is one, which has about the load for
    probability (Kingman 1962, heavy traffic): `W(p) = W / load * ln(load / (1 - p))`.
    """
    share, load = jnp.asarray(share, float), jnp.clip(load, 1e-6, FULL)
    some = share > 0.0
    safe = jnp.where(some, 1.0 - share, 1.0)
    at = wait / load * jnp.maximum(jnp.log(load / safe), 0.0)
    return jnp.where(some, jnp.maximum(at - wait, 0.0), 0.0)


def _handing(
    design: Design, scenario: Scenario, setting: Setting, formats: Any, own: Array
) -> Array:
    """Time to hand the cache of one prompt to decode, and to fetch what is pooled [s].

    Over the scale-up fabric where one domain holds all chips, else over the network.
    """
    serving, software, model = scenario.serving, scenario.software, scenario.model
    whole = cache_bytes_per_token(model, formats) * serving.input_length
    inside = jnp.asarray(design.chips) <= design.scale_up_domain
    inner, outer = design.scale_up_bandwidth, design.scale_out_bandwidth
    ports = setting.pool.tensor * setting.pool.pipeline
    rate = jnp.where(inside, inner, outer / design.oversubscription)
    handed = own * whole / jnp.maximum(rate * ports * software.transfer_efficiency, 1.0)
    pooled = whole * serving.cached_share * serving.slow_cache_share
    fetched = pooled / jnp.maximum(inner * ports * software.transfer_efficiency, 1.0)
    return handed + fetched


def _utilisations(
    scenario: Scenario, settings: list[Setting], prompt: Prompt, step: Pass
) -> dict[str, Array]:
    """MFU and share of the memory bandwidth of both phases [1].

    While a pass goes through all stages each of them works on as many others.
    """
    chip, values = scenario.chip, {}
    for name, one, setting in (
        ("prefill", prompt.step, settings[0]),
        ("decode", step, settings[1]),
    ):
        seconds = total(one.time)
        nominal = rate_of(chip, setting.formats.arithmetic)
        values[f"{name}_mfu"] = one.work.flops / (seconds * nominal)
        moved = one.work.moved / (seconds * chip.hbm_bandwidth)
        values[f"{name}_bandwidth_utilisation"] = moved
    return values


def _memory(
    scenario: Scenario,
    settings: list[Setting],
    hers: Room,
    batch: Array,
    own: Array,
    count: int,
    relaxed: ArrayLike,
) -> ServingMemory:
    reading, writing = settings
    design = reading.design
    his = room(
        scenario,
        reading.pool,
        reading.formats,
        design.pools.prefill_tokens,
        design.pools.draft_tokens,
        relaxed,
    )
    waiting = jnp.maximum(
        design.pools.prefill_tokens / jnp.maximum(scenario.serving.input_length, 1.0),
        1.0,
    )
    filled = hers.weights + hers.working + batch * hers.each
    other = own * (his.weights + his.working + waiting * his.each)
    fuller = other > filled
    zero = jnp.zeros_like(filled)

    def of(mine: ArrayLike, theirs: ArrayLike) -> Array:
        return count * (jnp.where(fuller, theirs, mine) + zero)

    return ServingMemory(
        weights=of(hers.weights, his.weights),
        cache=of(batch * hers.each, waiting * his.each),
        activations=of(hers.working, his.working),
        logits=zero,
        fragmentation=zero,
        buffers=zero,
        framework=count * (scenario.software.framework_memory + zero),
    )


def _mix(
    scenario: Scenario,
    settings: list[Setting],
    prompt: Prompt,
    step: Pass,
    own: Array,
    busy: Array,
    reads: Array,
    rate: Array,
) -> Mix:
    """What a chip does, averaged over both pools and over time.

    Arithmetic counts as large products do, memory as kernels bound by it; the rest is
    waiting.  Decode is far below the power cap for it computes little of the time.
    """
    chip = scenario.chip
    parts = []
    for one in (prompt.step, step):
        seconds = total(one.time)
        computing = jnp.minimum(one.work.busy / seconds, 1.0)
        streaming = one.work.moved / (
            seconds * chip.hbm_bandwidth * chip.hbm_efficiency
        )
        streaming = jnp.minimum(streaming, 1.0)
        waiting = jnp.maximum(1.0 - jnp.maximum(computing, streaming), 0.0)
        alone = jnp.maximum(streaming - computing, 0.0)
        dynamic = computing + chip.memory_activity * alone
        parts.append((dynamic + chip.waiting_activity * waiting, streaming))
    reading = settings[0]
    share = own * reading.pool.ranks / jnp.maximum(reading.design.chips, 1.0)
    used = jnp.minimum(rate / jnp.maximum(reads, _LEAST_RATE), 1.0)
    between = step.time.prefill / total(step.time)

    def mean(k: int) -> Array:
        reader, writer = parts[0][k], parts[1][k]
        rest = chip.waiting_activity if k == 0 else 0.0
        alone = share * (used * reader + (1.0 - used) * rest)
        both = between * reader + (1.0 - between) * writer
        both = busy * both + (1.0 - busy) * rest
        return alone + (1.0 - share) * both

    return Mix(mean(0), mean(1))
