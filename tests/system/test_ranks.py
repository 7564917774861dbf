"""Packages of two ranks: what counts packages, what counts dies, what lies between."""

import dataclasses

import jax.numpy as jnp
import pytest

from supernode_opt import Training, build_design, catalog, evaluate
from supernode_opt.system.job import rank_memory
from supernode_opt.system.ranks import as_ranks, through_package
from supernode_opt.workload.placement import place
from supernode_opt.workload.traffic import Transfer
from tests.plain import same

PLAN = dict(
    tensor_parallel=2,
    pipeline_parallel=4,
    context_parallel=1,
    expert_parallel=1,
    interleave=1,
    micro_batch=1,
    recompute="selective",
    optimizer_sharding="zero1",
    sequence_parallel="on",
)


@pytest.fixture(scope="module")
def asked():
    job = Training(sequence_length=4096.0, global_batch=768.0)
    scenario = catalog.scenario("cloudmatrix384", "llama3_70b", job)
    design = build_design(catalog.system("cloudmatrix384").design | PLAN, scenario)
    return design, scenario


def test_a_package_is_parted(asked):
    design, scenario = asked
    dies, die = as_ranks(design, scenario)
    assert float(dies.chips) == 2.0 * 384.0
    assert float(dies.scale_up_domain) == 2.0 * float(design.scale_up_domain)
    assert float(dies.scale_up_bandwidth) == 0.5 * float(design.scale_up_bandwidth)
    assert die.chip.peak_bf16 == 0.5 * scenario.chip.peak_bf16
    assert die.host.chips_per_board == 2.0 * scenario.host.chips_per_board
    one = dataclasses.replace(
        scenario, chip=dataclasses.replace(scenario.chip, ranks_per_chip=1)
    )
    assert as_ranks(design, one) == (design, one)


@pytest.mark.parametrize(
    ("direct", "inner", "die"),
    # A ring of 16 in pairs enters eight packages, over two ports each, and passes every
    # pair; of 15 others one is the neighbour.
    [(False, 150.0 * 14.0 / 15.0 / 2.0, 150.0), (True, 140.0, 10.0)],
)
def test_what_stays_in_a_package(direct, inner, die):
    sent = Transfer(*map(jnp.asarray, (150.0, 7.0, 0.0, 0.0, 0.0, 1.0)))
    group = place(16.0, 1.0, 64.0, 8.0, 64.0)._replace(package=jnp.asarray(2.0))
    found = through_package(sent, group, direct=direct)
    same([found.inner, found.outer, found.die], [inner, 7.0, die])
    alone = group._replace(package=jnp.asarray(1.0))
    same(through_package(sent, alone, direct=direct).die, 0.0)
    same(through_package(sent, alone, direct=direct).inner, 150.0)


def test_packages_and_dies_of_a_report(asked):
    design, scenario = asked
    report = evaluate(design, scenario)
    # 768 dies over 2 x 4; two of them fill a package.
    assert float(report.data_parallel) == 96.0
    assert float(report.peak_flops) == 384.0 * scenario.chip.peak_bf16
    parts = rank_memory(design, scenario)
    held = sum(getattr(parts, f.name) for f in dataclasses.fields(parts))
    same(report.memory, 2.0 * float(jnp.max(held)))


def test_a_pair_of_tensor_ranks_needs_no_port(asked):
    design, scenario = asked
    slower = dataclasses.replace(
        design, scale_up_bandwidth=0.5 * design.scale_up_bandwidth
    )
    found = evaluate(design, scenario).step.tensor_parallel
    same(evaluate(slower, scenario).step.tensor_parallel, found)
    wide = dataclasses.replace(
        scenario,
        chip=dataclasses.replace(
            scenario.chip, die_bandwidth=0.25 * scenario.chip.die_bandwidth
        ),
    )
    assert float(evaluate(design, wide).step.tensor_parallel) > float(found)
