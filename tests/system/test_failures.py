"""What a machine costs, how often it stops, and what precision it trains in."""

import dataclasses
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from supernode_opt import catalog
from supernode_opt.hardware.silicon import die_yield, manufacturing_cost
from supernode_opt.record import replace
from supernode_opt.system.evaluate import evaluate
from supernode_opt.system.failures import no_spare
from supernode_opt.system.precision import settle, settled
from supernode_opt.workload.model import Training
from tests.system.designs import as_built, scenario

PLAN = {"tensor_parallel": 8.0, "sequence_parallel": "on", "expert_parallel": 64.0}


def erlang(spares, broken):
    """Erlang's loss formula for whole spares."""
    terms = [broken**k / math.factorial(k) for k in range(spares + 1)]
    return terms[-1] / sum(terms)


@pytest.mark.parametrize("spares", [0, 1, 3, 10])
@pytest.mark.parametrize("broken", [0.02, 0.5, 5.0])
def test_chance_of_no_spare_is_erlangs(spares, broken):
    found = float(no_spare(float(spares), broken))
    assert found == pytest.approx(erlang(spares, broken), rel=1e-9)
    between = float(no_spare(spares + 0.5, broken))
    assert erlang(spares + 1, broken) < between < found


def test_yield_of_a_large_die():
    """8.14 cm2 at 0.1 per cm2: (1 + 0.814 / 3) ** -3 = 0.487."""
    chip = catalog.load("chip", "h100_sxm")
    assert float(die_yield(chip)) == pytest.approx(0.487, abs=5e-4)
    halves = dataclasses.replace(chip, dies=2.0)
    assert die_yield(halves) > die_yield(chip)
    assert manufacturing_cost(halves) < manufacturing_cost(chip)


def test_prices_per_hour_and_per_token_are_the_cost_of_a_life():
    where, design = scenario(), as_built(**PLAN)
    report = evaluate(design, where)
    life = where.facility.lifetime
    hours = float(design.chips) * life / 3600.0
    assert float(report.cost_per_chip_hour) * hours == pytest.approx(float(report.cost))
    tokens = float(report.goodput_tokens_per_s) * life
    spent = float(report.cost_per_megatoken) * tokens / 1e6
    assert spent == pytest.approx(float(report.cost))


def test_masking_of_optical_faults_is_worth_its_failures():
    """A thousand times as many modules lost: without masking half the time is gone."""
    where = scenario()
    for index in range(len(where.links)):
        rate = 100.0 * where.links[index].failure_rate
        where = replace(where, f"links.{index}.failure_rate", rate)
    report = evaluate(as_built(**PLAN), where)
    masked = replace(where, "reliability.link_masking", 0.0)
    bare = evaluate(as_built(**PLAN), masked)
    assert float(report.goodput_unmasked) == pytest.approx(float(bare.goodput))
    assert report.goodput_unmasked < 0.95 * report.goodput
    links = float(bare.failure_parts.links)
    share = 1.0 - where.reliability.link_masking
    assert float(report.failure_parts.links) == pytest.approx(share * links)


def test_checkpoints_are_written_at_youngs_interval():
    where = scenario()
    report = evaluate(as_built(**PLAN), where)
    # 718 billion parameters of 14 bytes on 384 chips at 0.427 GB/s: a minute more.
    stall = where.reliability.checkpoint_stall + 719e9 * 14.0 / 384.0 / 0.427e9
    wanted = math.sqrt(2.0 * stall * float(report.mtbf))
    assert float(report.checkpoint_interval) == pytest.approx(wanted, rel=0.01)


def test_spares_pay_where_repairs_are_slow():
    where = replace(scenario(), "reliability.repair_time", 3.0e5)
    bare = evaluate(as_built(**PLAN), replace(where, "reliability.spare_share", 0.0))
    kept = evaluate(as_built(**PLAN), replace(where, "reliability.spare_share", 0.1))
    assert kept.goodput > bare.goodput + 0.1
    assert kept.cost > bare.cost


@pytest.mark.parametrize("wanted", ["fp8", "mxfp8", "nvfp4", "best"])
def test_a_chip_without_fp8_trains_in_bf16(wanted):
    training = Training(sequence_length=4096.0, global_batch=4608.0, precision=wanted)
    where = catalog.scenario("cloudmatrix384", "llama3_70b", training)
    assert where.training.precision == "bf16"
    plain = dataclasses.replace(training, precision="bf16")
    same = catalog.scenario("cloudmatrix384", "llama3_70b", plain)
    assert where == same


def test_best_is_fp8_where_fp8_is_faster():
    found = {n: settle(catalog.load("chip", n), "best") for n in catalog.names("chip")}
    assert found["gb200"] == found["h100_sxm"] == "fp8"
    # TPU v6e multiplies FP8 no faster than BF16.
    assert found["tpu_v6e"] == found["ascend_910c"] == found["a100_sxm_80gb"] == "bf16"
    assert settle(catalog.load("chip", "h100_sxm"), "nvfp4") == "fp8"


def test_traced_scenarios_never_divide_by_zero():
    where = scenario()
    training = dataclasses.replace(where.training, precision="fp8")
    where = dataclasses.replace(where, training=training)
    design = as_built(where=where, **PLAN)
    concrete = evaluate(design, where)
    traced = jax.jit(lambda w: evaluate(design, w).mfu)(where)
    assert np.isfinite(float(traced))
    assert float(traced) == pytest.approx(float(concrete.mfu), rel=0.02)
    best = dataclasses.replace(training, precision="best")
    unsettled = dataclasses.replace(where, training=best)
    with pytest.raises(ValueError, match="settled before"):
        jax.eval_shape(settled, jax.tree.map(jnp.asarray, unsettled))
