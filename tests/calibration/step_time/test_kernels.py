"""What kernels and collectives on A3 say, through the formulas of the model.

Numbers of Horacehxw/msModeling@39df672b (profile of TP16 serving; HCCL of CANN 8.5)
and of DeepEP-Ascend (sgl-kernel-npu@f425bdf1).
"""

import dataclasses
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from supernode_opt import Training, catalog
from supernode_opt.calibration.data.interpret import interpret_all
from supernode_opt.calibration.data.runs import shipped as shipped_runs
from supernode_opt.calibration.data.stacks import stacks
from supernode_opt.calibration.step_time import batch, shipped
from supernode_opt.calibration.step_time.constants import CONSTANTS, INDEX
from supernode_opt.calibration.step_time.fit import predict, table
from supernode_opt.calibration.step_time.intervals import evidence_of, explained, spread
from supernode_opt.calibration.step_time.posterior import constants_of, measured_of
from supernode_opt.hardware.chip import Chip
from supernode_opt.system.collectives import Network, duration
from supernode_opt.system.kernels import gemm_roofline
from supernode_opt.system.ranks import through_package
from supernode_opt.workload.operators import Gemms
from supernode_opt.workload.placement import Group
from supernode_opt.workload.traffic import gather

MIB = 2.0**20
# Rows, inner and columns of the weight, microseconds on one die.
GEMMS = (
    (41040, 5120, 3200, 4244.6),
    (24624, 5120, 3200, 2574.5),
    (41040, 1600, 5120, 2486.1),
    (24624, 1600, 5120, 1457.5),
    (41040, 5120, 768, 1179.9),
    (24624, 5120, 768, 705.9),
    (41040, 512, 5120, 839.2),
    (24624, 512, 5120, 456.5),
)
# Ranks of a server, MiB of one rank, microseconds: gathers, then scatters.
GATHERS = (
    *((16, 1.3, 176.7), (16, 3.8, 366.6), (16, 5.0, 435.1), (16, 8.8, 679.0)),
    *((16, 21.4, 1628.0), (16, 40.0, 3080.0), (8, 3.5, 166.9)),
    *((16, 1.3, 216.3), (16, 3.8, 440.7), (16, 8.8, 808.5)),
    *((16, 21.4, 2044.0), (16, 40.0, 3664.6), (8, 3.5, 202.1)),
)
# GB/s that a die receives, dispatch and combine of 8 to 128 ranks.
EXCHANGES = (146, 107, 102, 81, 57, 125, 103, 95, 91, 81)
STACK = stacks()["mindspeed_910c"]


@pytest.fixture(scope="module")
def die():
    """One die of a 910C in any training."""
    job = Training(sequence_length=4096.0, global_batch=8.0)
    made = catalog.scenario("cloudmatrix384", catalog.names("model")[0], job)
    halved = {f: getattr(made.chip, f) / 2.0 for f in ("peak_bf16", "hbm_bandwidth")}
    return dataclasses.replace(made, chip=dataclasses.replace(made.chip, **halved))


def value(name, position=0):
    return STACK.measured[name][position]["value"]


def test_gemms_take_what_the_profile_says(die):
    rows, inner, columns, measured = np.asarray(GEMMS, float).T
    one = np.ones(len(GEMMS))
    shapes = Gemms(
        ("",) * len(GEMMS), rows, columns, inner, one, 0 * one, 0 * one, one, one
    )
    # A step reaches 0.95 of the rate of its kernels.
    rate = value("gemm_efficiency") / 0.95
    software = dataclasses.replace(
        die.software, gemm_efficiency=rate, gemm_tokens=100.0
    )
    scenario = dataclasses.replace(die, software=software)
    timed = jax.jit(lambda clock: gemm_roofline(shapes, scenario, clock)[0][0])
    off = np.log(np.asarray(timed(die.chip.sustained_clock)) * 1e6 / measured)
    assert abs(off.mean()) < 0.02
    assert np.sqrt((off**2).mean()) < 0.06


def test_gathers_between_dies_take_what_hccl_takes(die):
    sizes, parts, measured = np.asarray(GATHERS).T
    every = jnp.asarray(sizes)
    group = Group(every, every, every, every / every, every, jnp.full(13, 2.0))
    transfer = gather(group, every * parts * MIB)
    transfer = through_package(transfer, group, direct=False)
    reached = value("scale_up_efficiency")
    net = Network(
        inner_rate=jnp.asarray(196e9 * reached),
        outer_rate=jnp.asarray(25e9),
        board_latency=die.software.board_latency,
        inner_latency=jnp.asarray(0.0),
        outer_latency=jnp.asarray(0.0),
        call_latency=STACK.software["collective_latency"],
        die_rate=jnp.asarray(die.chip.die_bandwidth * reached),
    )
    told = np.asarray(duration(transfer, net, jnp.inf)) * 1e6
    off = np.log(told / measured)
    assert abs(off.mean()) < 0.02
    assert np.sqrt((off**2).mean()) < 0.13


def test_exchanges_of_experts_reach_their_share_of_the_port(die):
    assert isinstance(die.chip, Chip)
    port = float(die.chip.scale_up_bandwidth) / 2.0
    reached = np.log(np.asarray(EXCHANGES) * 1e9 / port)
    assert math.exp(reached.mean()) == pytest.approx(
        value("dispatch_scale_up"), rel=0.02
    )
    assert reached.std() == pytest.approx(0.24, abs=0.01)


def test_attention_of_the_profile_and_of_the_paper(die):
    """Eleven prompts of 3,731 tokens, 4 heads of 128: 1,286 us; 0.654 of 376 TFLOP/s.

    2 x 3731^2 x 128 x 4 x 11 = 1.57e11 causal FLOPs, 122 TFLOP/s.  Over 353.9 TFLOP/s
    x 0.848, with exponentials of 100 channels (1 + 100/128) / 1.5: 0.485, as short as
    these prompts are.  MLA absorbed into heads of 544 channels: 0.65 over the same.
    """
    chip, clock = die.chip, float(die.chip.sustained_clock)
    rate = 2.0 * 3731.0**2 * 128.0 * 4.0 * 11.0 / 1286e-6
    narrow = (1.0 + float(chip.softmax_channels) / 128.0) / 1.5
    flash = rate / float(chip.peak_bf16) / clock * narrow
    assert flash == pytest.approx(0.485, abs=0.005)
    narrow = (1.0 + float(chip.softmax_channels) / 544.0) / 1.5
    latent = 0.654 * 376.0 / 353.9 / clock * narrow
    assert latent == pytest.approx(0.65, abs=0.01)
    # Forward takes 1 of 3.5 parts of the FLOPs; backward reaches 0.85 of its rate.
    step = 3.5 / (1.0 + 2.5 / 0.85)
    name = "attention_efficiency"
    assert flash * step == pytest.approx(value(name), abs=0.005)
    assert latent * step == pytest.approx(value(name, 1), abs=0.005)
    assert [one.get("tokens") for one in STACK.measured[name]] == [3731, None]


def test_short_attention_tells_of_two_constants():
    """Efficiency 0.43 over 3,731 tokens is what the fit then says of them, nearly."""
    known = shipped.judged()
    mean, covariance = constants_of(known, "ascend_910b", "mindspeed_910c")
    efficiency, short = (INDEX[f"attention_{x}"] for x in ("efficiency", "tokens"))
    reached = math.exp(mean[efficiency]) / (1.0 + math.exp(mean[short]) / 3731.0)
    assert reached == pytest.approx(0.43, rel=0.1)
    # A longer half length needs a greater efficiency: they go together.
    both = np.ix_([efficiency, short], [efficiency, short])
    assert covariance[both][0, 1] > 0.0
    # By hand, linear around 500 tokens: slope -(500/3731) / (1 + 500/3731).
    told = measured_of("mindspeed_910c", np.full(len(CONSTANTS), math.log(500.0)))
    place = [name for name, _ in STACK.kernels].index("attention_efficiency")
    assert told.rows[place, short] == pytest.approx(-0.11817, abs=1e-5)
    assert told.values[place] == pytest.approx(
        math.log(0.43) + math.log1p(500 / 3731) - 0.11817 * math.log(500), abs=1e-4
    )


def test_kernels_move_the_constants_of_a_stack_that_no_run_was_fitted_of():
    known = shipped.judged()
    mean, covariance = constants_of(known, "ascend_910b", "torchtitan_npu")
    blank, wide = constants_of(known, "ascend_910b", "nobody's")
    for name, (told, *more) in STACK.measured.items():
        if more:
            continue
        place = INDEX[name]
        ends = sorted((blank[place], math.log(told["value"])))
        # Others that go with it may carry it a little further.
        assert ends[0] - 0.01 < mean[place] < ends[1] + 0.01
        spread = math.sqrt(covariance[place, place])
        assert spread < told["spread"]
        assert spread < math.sqrt(wide[place, place])
    # By hand: one observation is weighed by the inverse variances.
    place = INDEX["dispatch_scale_up"]
    prior, own = (
        wide[place, place],
        STACK.measured["dispatch_scale_up"][0]["spread"] ** 2,
    )
    weighed = (blank[place] / prior + math.log(0.49) / own) / (1 / prior + 1 / own)
    assert mean[place] == pytest.approx(weighed, abs=0.01)
    assert np.linalg.eigvalsh(covariance).min() > -1e-6
    assert len(mean) == len(CONSTANTS)


def test_packages_and_dies_of_published_rows():
    """Eight packages are sixteen ranks; 128 expert ranks share one supernode."""
    rows = [run for run in shipped_runs() if run.name.startswith("NEW-A3")]
    jobs = interpret_all(rows).jobs
    assert [job.stack.name for job in jobs] == [
        "mindspeed_910c",
        *2 * ["torchtitan_npu"],
    ]
    cases = [batch.case(job, job.plans[0]) for job in jobs]
    assert [float(case.design.chips) for case in cases] == [8.0, 64.0, 64.0]
    assert [float(case.design.scale_up_domain) for case in cases] == [8.0, 64.0, 64.0]
    assert [job.practice.tensor_overlap for job in jobs] == [1.0, 0.0, 0.0]
    assert jobs[1].training.optimizer_offload == 1.0
    assert not {job.run.name for job in jobs} & set(shipped.posterior().rows)
    # 128 sequences of 4,096 tokens over 7,617 a second and package.
    assert jobs[0].seconds == pytest.approx(128 * 4096 / (8 * 7617.002), rel=1e-4)
    seen = shipped.judged()
    stacked = table(jobs[:1])
    told, picked = predict(stacked, seen)
    assert told[0, 0] / jobs[0].seconds == pytest.approx(1.0, abs=0.12)
    # Kernels narrow the constants, not the noise of a stack that no run shows.
    constants = explained(stacked, picked, seen)
    assert 0.0 < constants[0] < 0.1**2
    # 0.9 of the noise of all dense stacks, and the distance from a 910B's run.
    (behind,) = evidence_of(stacked, picked, seen)
    noise = math.hypot(0.9 * seen.noise["dense"], behind.distance)
    deviation = spread(stacked, picked, seen)[0]
    assert deviation == pytest.approx(math.hypot(constants[0] ** 0.5, noise))
