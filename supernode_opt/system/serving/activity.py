"""What chips do while they serve: arithmetic, reading, waiting; of both pools."""

import jax.numpy as jnp
from jax import Array

from supernode_opt.system.package import Mix
from supernode_opt.system.parts import total
from supernode_opt.system.scenario import Scenario
from supernode_opt.system.serving.forward import Pass
from supernode_opt.system.serving.prefill import Prompt
from supernode_opt.system.serving.rate import rate_of
from supernode_opt.system.serving.setting import Setting

# Below it a rate is as good as none [1/s].
LEAST_RATE = 1e-12


def utilisations(
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


def mix_of(
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
    used = jnp.minimum(rate / jnp.maximum(reads, LEAST_RATE), 1.0)
    between = step.time.prefill / total(step.time)

    def mean(k: int) -> Array:
        reader, writer = parts[0][k], parts[1][k]
        rest = chip.waiting_activity if k == 0 else 0.0
        alone = share * (used * reader + (1.0 - used) * rest)
        both = between * reader + (1.0 - between) * writer
        both = busy * both + (1.0 - busy) * rest
        return alone + (1.0 - share) * both

    return Mix(mean(0), mean(1))
