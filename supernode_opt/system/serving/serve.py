"""A model served on the machine: both pools, their batch, and what comes of it."""

import dataclasses
from typing import NamedTuple

import jax.numpy as jnp
from jax import Array
from jax.scipy.special import ndtri
from jax.typing import ArrayLike

from supernode_opt.smooth import root
from supernode_opt.system.design import Design
from supernode_opt.system.job import Task
from supernode_opt.system.parts import total
from supernode_opt.system.ranks import as_ranks
from supernode_opt.system.scenario import Scenario
from supernode_opt.system.serving.activity import LEAST_RATE, mix_of, utilisations
from supernode_opt.system.serving.attention import context_of
from supernode_opt.system.serving.decode import decode_costs, decode_pass
from supernode_opt.system.serving.exchange import rank_network
from supernode_opt.system.serving.first import arrival
from supernode_opt.system.serving.forward import Pass, PassCosts, plus
from supernode_opt.system.serving.held import Room, memory_of, most_requests, room
from supernode_opt.system.serving.pool import apart, decode_pool, prefill_pool
from supernode_opt.system.serving.prefill import Prompt, computed_tokens, prompts
from supernode_opt.system.serving.rate import rate_of
from supernode_opt.system.serving.setting import Setting
from supernode_opt.system.serving.solved import Found, most_within
from supernode_opt.workload.parameters import active_parameters
from supernode_opt.workload.serving import accepted, formats_of


class Decode(NamedTuple):
    """Steps of decode of a group, and what bounds them.

    Attributes:
      costs: of a step.
      prompt: what a prompt costs that is read beside it.
      tokens: that a step yields of each request [1].
      ending: requests that end in a step, of each; 0 where prefill has its own chips,
        or nothing is generated [1].
      limit: of the time per token, on average; infinite for none [s].
      spread: time per token at the percentile of its limit over the mean [1].
    """

    costs: PassCosts
    prompt: Prompt
    tokens: Array
    ending: Array
    limit: Array
    spread: Array

    def step(self, requests: ArrayLike) -> Pass:
        """Time a step with the prompts that are read meanwhile."""
        step = decode_pass(self.costs, requests)
        pausing = _interrupted(
            self.costs.setting, self.prompt, requests * self.ending, total(step.time)
        )
        return step._replace(time=plus(step.time, prefill=pausing))

    def seconds(self, requests: ArrayLike) -> Array:
        """Time per token of a request [s]."""
        return total(self.step(requests).time) / self.tokens


def serve(
    packages: Design, machine: Scenario, sharpness: ArrayLike, relaxed: ArrayLike
) -> Task:
    """Serve the requests of `machine.serving` on a design that counts packages."""
    count = machine.chip.ranks_per_chip
    settings = settings_of(packages, machine, sharpness, relaxed)
    reading, writing = settings
    design, scenario = reading.design, reading.scenario
    serving, formats, own = scenario.serving, reading.formats, apart(design)
    prompt = prompts(reading)
    decode = _decode(writing, prompt, own)
    rooms = _rooms(settings, own)
    solved = _batch(decode, rooms[1])
    batch, pool = solved.batch, writing.pool
    step = decode.step(batch)
    seconds = total(step.time)

    each = pool.data * batch / pool.instance
    decoding = each * decode.tokens / seconds
    reads = reading.pool.instances / prompt.seconds
    most = _served(decode, pool.instances * pool.data * batch, seconds, own, reads)
    arriving = jnp.asarray(serving.arrival_rate, float)
    known = arriving > 0.0
    rate = jnp.where(known, jnp.minimum(arriving, most), most)
    load = jnp.where(known, arriving / jnp.maximum(most, LEAST_RATE), 0.0)
    busy = jnp.where(own > 0.0, arriving / jnp.maximum(reads, LEAST_RATE), load)
    waits = arrival(reading, prompt, busy, reading.pool.instances, own)
    first = waits.mean + solved.pause * decode.tokens
    zero = jnp.zeros_like(seconds)
    values = {
        "ttft": first,
        "tpot": seconds / decode.tokens,
        "ttft_fraction": _over(first + waits.later, serving.ttft_limit),
        "tpot_fraction": _over(decode.spread * solved.least, serving.tpot_limit),
        "load_fraction": load + zero,
        "batch": batch,
        "batch_per_chip": each * count,
        "requests_per_s": rate,
        "output_tokens_per_s": rate * serving.output_length,
        "input_tokens_per_s": rate * serving.input_length,
        "decode_tokens_per_s_per_chip": decoding * count,
        "prefill_tokens_per_s_per_chip": count
        * serving.input_length
        / (prompt.seconds * reading.pool.instance),
        "pool_ratio": own * reading.pool.ranks / jnp.maximum(pool.ranks, 1.0) + zero,
        "decode_instances": pool.instances + zero,
        "instance_chips": pool.instance / count + zero,
        "cache_capacity": most_requests(rooms[1])
        * pool.data
        * pool.instances
        * context_of(serving)
        + zero,
        "accepted_tokens": decode.tokens + zero,
    }
    values |= utilisations(scenario, settings, prompt, step)
    waiting = design.pools.prefill_tokens / jnp.maximum(serving.input_length, 1.0)
    waiting = jnp.maximum(waiting, 1.0)
    memory = memory_of(rooms[1], rooms[0], batch, waiting, own, scenario, count)
    used = jnp.where(known, jnp.minimum(load, 1.0), 1.0)
    mix = mix_of(scenario, settings, prompt, step, own, used, reads, rate)
    computed = serving.output_length + computed_tokens(serving)
    flops = 2.0 * active_parameters(scenario.model) * computed
    values |= {
        "model_flops": flops * rate * seconds,
        "peak_flops": design.chips * rate_of(scenario.chip, formats.arithmetic) + zero,
        "bubble_fraction": zero,
        "data_parallel": pool.instances + zero,
        "micro_batches": pool.pipeline + zero,
        "prefill_step": prompt.step.time,
    }
    return Task(step.time, memory, mix, values)


def settings_of(
    packages: Design, machine: Scenario, sharpness: ArrayLike, relaxed: ArrayLike
) -> list[Setting]:
    """Return what passes of the pools of prefill and decode share, in ranks."""
    net = rank_network(packages, machine, relaxed)
    design, scenario = as_ranks(packages, machine)
    read = design.pools.prefill_chips * machine.chip.ranks_per_chip
    pools = dataclasses.replace(design.pools, prefill_chips=read)
    design = dataclasses.replace(design, pools=pools)
    formats = formats_of(scenario.serving)
    return [
        Setting(design, scenario, pool, formats, net, sharpness, relaxed)
        for pool in (prefill_pool(design), decode_pool(design))
    ]


def _decode(setting: Setting, prompt: Prompt, own: Array) -> Decode:
    """Gather what steps of decode cost and keep."""
    serving, software = setting.scenario.serving, setting.scenario.software
    tokens = accepted(serving, setting.design.pools.draft_tokens)
    output = jnp.asarray(serving.output_length, float)
    # Where all chips do both, every step of decode waits for the prompts of as many
    # newcomers as requests end in it.
    some = output > 0.0
    ending = jnp.where(some, tokens / jnp.where(some, output, 1.0), 0.0)
    share = jnp.asarray(serving.tpot_percentile, float)
    share = jnp.where(share > 0.0, share, 0.5)
    spread = jnp.exp(ndtri(share) * software.step_spread)
    asked = jnp.asarray(serving.tpot_limit, float)
    limit = jnp.where(asked > 0.0, asked / spread, jnp.inf)
    return Decode(
        decode_costs(setting), prompt, tokens, (1.0 - own) * ending, limit, spread
    )


def _rooms(settings: list[Setting], own: Array) -> list[Room]:
    """Divide the memory of ranks of both pools; whole prompts are read by the first."""
    design = settings[0].design
    tokens = design.pools.prefill_tokens
    return [
        room(
            setting.scenario,
            setting.pool,
            setting.formats,
            tokens * share,
            design.pools.draft_tokens,
            setting.relaxed,
        )
        for setting, share in zip(settings, (1.0, 1.0 - own), strict=True)
    ]


def _batch(decode: Decode, mine: Room) -> Found:
    """Return the requests in decode of a group: given, or as many as may be."""
    setting = decode.costs.setting
    serving, pool = setting.scenario.serving, setting.pool
    # Clients that keep so many requests in flight leave no more to decode.
    flying = jnp.asarray(serving.concurrency, float)
    groups = jnp.maximum(pool.instances * pool.data, 1e-9)
    flying = jnp.where(flying > 0.0, flying / groups, jnp.inf)
    return most_within(
        decode.seconds,
        decode.limit,
        most_requests(mine),
        jnp.asarray(setting.design.pools.decode_batch, float),
        flying,
        setting.relaxed,
    )


def _served(
    decode: Decode, requests: Array, seconds: Array, own: Array, reads: Array
) -> Array:
    """Requests that the whole machine serves at most [1/s].

    Pools apart are as fast as the slower; without answers there is prefill alone.
    """
    output = jnp.asarray(decode.costs.setting.scenario.serving.output_length, float)
    some = output > 0.0
    able = requests * decode.tokens / seconds / jnp.where(some, output, 1.0)
    both = jnp.where(own > 0.0, jnp.minimum(able, reads), able)
    return jnp.where(some, both, reads)


def _interrupted(
    setting: Setting, prompt: Prompt, ending: ArrayLike, step: Array
) -> Array:
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
    some = -jnp.expm1(-jnp.asarray(ending))
    late = jnp.maximum(prompt.host - step, 0.0) * software.interference * some
    both = root(jnp.square(reading) + jnp.square(late))
    return (1.0 - 0.5 * serving.burst) * both


def _over(value: Array, limit: ArrayLike) -> Array:
    """Return a time over its limit, zero where there is none [1]."""
    limit = jnp.asarray(limit, float)
    some = limit > 0.0
    return jnp.where(some, value / jnp.where(some, limit, 1.0), 0.0)
