import pytest

from supernode_opt.calibration.data.interpret import (
    Refused,
    fittable,
    interpret,
    interpret_all,
)
from supernode_opt.calibration.data.runs import BadRuns, read, shipped
from supernode_opt.calibration.step_time.batch import base_of
from supernode_opt.catalog import system
from supernode_opt.workload.recompute import Recompute
from tests.calibration.rows import DENSE, run


@pytest.mark.parametrize(
    ("cells", "why"),
    [
        ({"accelerator": "Abacus"}, "unknown accelerator"),
        ({"layers": ""}, "no model shape"),
        ({"tp": "", "pp": "", "fsdp_or_zero": ""}, "no parallel layout"),
        ({"tp": "3"}, "does not divide the chips"),
        ({"gbs": "16"}, "smaller than data parallel"),
        ({"usable_for": "exclude (inconsistent)"}, "inconsistent"),
        ({"arch": "hybrid-ssm"}, "state-space"),
    ],
)
def test_refused_rows_say_why(cells, why):
    with pytest.raises(Refused, match=why):
        interpret(run(**cells))


@pytest.mark.parametrize("written", ["many", "nan", "-1"])
def test_a_wrong_number_names_its_line_and_column(written):
    with pytest.raises(BadRuns, match="line 2: gbs"):
        interpret(run(gbs=written))


def test_a_missing_column_is_named(tmp_path):
    path = tmp_path / "runs.csv"
    path.write_text("model,accelerator\nx,H100\n")
    with pytest.raises(BadRuns, match="no column n_accel, seq_len"):
        read(path)


def test_an_accelerator_is_a_published_label_or_a_catalog_system():
    assert interpret(run()).machine == "dgx_h100"
    assert interpret(run(accelerator="H100 (SXM)")).machine == "dgx_h100"
    assert interpret(run(accelerator="A100-SXM4-40GB")).machine == "hgx_a100_40gb"
    assert interpret(run(accelerator="hgx_h200")).machine == "hgx_h200"
    # The chip of a system says as much of the stack as a label does.
    ascend = interpret(run(accelerator="atlas_900_a2"))
    assert (ascend.machine, ascend.stack.name) == ("atlas_900_a2", "mindspeed")
    tpu = interpret(run(accelerator="tpu_v5p_pod"))
    assert tpu.stack.name == "maxtext_tpu"
    for near, meant in {"dgx_h10": "dgx_h100", "ascend_910": "ascend_910"}.items():
        with pytest.raises(Refused, match=f"did you mean '{meant}"):
            interpret(run(accelerator=near))


def test_steps_of_one_own_machine_take_its_own_software():
    rows = {"source": "supernode-opt measure: here", "accelerator": "hgx_h200"}
    fused = interpret(run(**rows, other_config="flash attention"))
    unfused = interpret(run(**rows, other_config="no flash attention"))
    assert (fused.stack.name, unfused.stack.name) == ("jax_fused", "jax_unfused")
    assert base_of(fused) == base_of(unfused) == system("hgx_h200").software
    assert unfused.practice.unfused == 1.0
    assert base_of(interpret(run())) == "nemo_h100"


def test_what_is_open_is_enumerated_and_said():
    job = interpret(run(mbs="", recompute="", pp="4", vpp="", n_accel="64"))
    micro = {plan.sizes["micro_batch"] for plan in job.plans}
    assert {1.0, 2.0, 4.0} <= micro
    assert len({plan.recompute for plan in job.plans}) == 3
    assert {8.0, 1.0} <= {plan.sizes["interleave"] for plan in job.plans}
    for what in ("micro-batch", "recompute", "interleave"):
        assert any(what in one for one in job.assumed)


def test_a_complete_row_leaves_nothing_open():
    job = interpret(run(stack="nemo", gated="true"))
    assert len(job.plans) == 1
    assert job.assumed == ()


def test_flops_per_token_tell_gated_from_plain():
    gated = interpret(run()).model
    assert gated.gated
    plain = interpret(run(ffn="16384")).model
    assert not plain.gated
    assert interpret(run(ffn="16384", gflop_per_token_full_attn="64.4")).model.gated


@pytest.mark.parametrize(
    ("written", "level", "ranks"),
    [
        ("FSDP=128", 3, 128),
        ("FSDP2 x8", 3, 8),
        ("FSDP SHARD_GRAD_OP", 2, 0),
        ("ZeRO-1 group 8", 1, 8),
        ("none", 0, 0),
        ("DDP + distributed optimizer", 1, 0),
        ("FSDP within slice (ici_fsdp=-1), DP across 4 slice(s)", 3, 16),
    ],
)
def test_sharding_is_read_from_words(written, level, ranks):
    (plan,) = interpret(run(fsdp_or_zero=written)).plans
    assert (plan.sharding, plan.shard_ranks) == (level, ranks)


def test_partial_recompute_is_a_share_of_the_layers():
    (plan,) = interpret(run(recompute="full (block, 8)")).plans
    assert (plan.recompute, plan.modules) == ("listed", Recompute(full=0.25))


def test_documentation_decides_overlap_not_a_fit():
    practice = interpret(run(source="SimuMax measured baselines")).practice
    assert practice.tensor_overlap == practice.data_overlap == 0.0
    said = "moe_a2a_overlap; dispatcher=deepep"
    practice = interpret(run(source="Megatron-Bridge", other_config=said)).practice
    assert practice.expert_overlap == practice.fused_dispatch == 1.0


def test_rows_kept_for_validation_are_never_fitted_nor_their_groups():
    known = interpret_all(
        [
            run(run_id="a", split_group="one"),
            run(run_id="b", split_group="one", usable_for="validation"),
            run(run_id="c", split_group="two"),
            run(run_id="d", split_group="three", usable_for="auxiliary"),
        ]
    )
    assert [job.run.name for job in fittable(known)] == ["c"]
    both = [job.run.name for job in fittable(known, judged_groups=True)]
    assert both == ["a", "c"]


def test_shipped_rows_keep_their_citations():
    rows = shipped()
    assert len(rows) > 1000
    assert all(row.text("source") and row.text("source_location") for row in rows)
    assert DENSE.keys() <= rows[0].cells.keys() | {"run_id"}


def test_shipped_calibration_never_saw_validation_rows():
    from supernode_opt.calibration.step_time import shipped as calibration

    judged = {row.group for row in shipped() if row.is_validation}
    seen = set(calibration.judged().rows)
    assert seen
    assert not [r.name for r in shipped() if r.name in seen and r.group in judged]
    used = set(calibration.posterior().rows)
    assert seen < used
    assert not [r.name for r in shipped() if r.name in used and r.is_validation]
