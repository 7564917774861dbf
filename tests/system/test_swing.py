"""The swing of power from step to step, worked by hand."""

import math

import jax
import jax.numpy as jnp
import pytest

from supernode_opt import catalog
from supernode_opt.hardware.chip_power import cores_at
from supernode_opt.record import replace
from supernode_opt.system import swing
from supernode_opt.system.evaluate import evaluate
from supernode_opt.system.package import mix_of
from supernode_opt.system.parts import StepTime
from supernode_opt.workload.model import Training
from tests.plain import design, same, scenario
from tests.system.designs import as_built

EXACT = jnp.inf


def power_swing(built, where, step, sharpness):
    cores = cores_at(where.chip, built.clock, sharpness)
    return swing.power_swing(built, where, step, mix_of(step, where), cores)


def step_of(**parts):
    made = {**dict.fromkeys(StepTime.__dataclass_fields__, 0.0), **parts}
    return StepTime(**{name: jnp.asarray(value) for name, value in made.items()})


# Six of eight seconds compute, two wait: at 50 W of dynamic power and a fifth of it.
STEP = step_of(gemm=6.0, data_parallel=1.5, overhead=0.5)
WAITING = {"chip__waiting_activity": 0.2}


def test_a_wave_of_two_levels():
    found = power_swing(design(), scenario(**WAITING), STEP, EXACT)
    # Of 16 chips 40 W each, through supplies of 0.8.
    same(found.height, 800.0)
    # Its first harmonic: 4 / 8 s * 800 W * sin(pi / 4).
    same(found.ramp, 400.0 * math.sin(math.pi / 4.0))


def test_what_waits_inside_a_step_lowers_the_upper_level():
    # Of six seconds two wait for tensor ranks: (4 + 2 / 5) / 6 of 50 W, less 10 W.
    step = step_of(gemm=4.0, tensor_parallel=2.0, data_parallel=2.0)
    found = power_swing(design(), scenario(**WAITING), step, EXACT)
    same(found.height, 16.0 * (50.0 * 4.4 / 6.0 - 10.0) / 0.8)


@pytest.mark.parametrize(("energy", "left"), [(0.0, 40.0), (30.0, 20.0), (60.0, 0.0)])
def test_stored_energy_fills_the_lower_level_and_clips_the_upper(energy, left):
    # 30 J over 2 s and over 6 s: 15 + 5 W.
    where = scenario(**WAITING, rack__storage_energy=energy)
    same(power_swing(design(), where, STEP, EXACT).height, 16.0 * left / 0.8)


def test_a_step_without_an_end_has_no_swing():
    found = power_swing(design(), scenario(), step_of(gemm=6.0), EXACT)
    same([found.height, found.ramp], 0.0)


def test_swing_of_16_thousand_chips():
    """Llama 3 saw tens of MW in one hall (arXiv:2407.21783): here 2 to 20."""
    training = Training(sequence_length=8192.0, global_batch=2048.0)
    where = catalog.scenario("dgx_h100", "llama3_405b", training)
    split = {"chips": 16384.0, "tensor_parallel": 8.0, "pipeline_parallel": 16.0}
    chosen = as_built("dgx_h100", where, sequence_parallel="on", **split)

    def height(energy):
        return evaluate(chosen, replace(where, "rack.storage_energy", energy))

    found = jax.jit(height)(0.0)
    assert 2e6 < found.power_swing < 2e7
    slope = jax.jit(jax.grad(lambda e: height(e).power_swing))(1.0)
    assert jnp.isfinite(slope)
    assert slope < 0.0
