"""Kinds of rows: how what their recipes say is read, and what it is worth."""

import jax.numpy as jnp
import pytest

from supernode_opt.calibration.data.interpret import interpret
from supernode_opt.calibration.data.practice import as_documented, changed, stated
from supernode_opt.calibration.data.stacks import stacks
from supernode_opt.calibration.step_time import intervals, shipped
from supernode_opt.calibration.step_time.constants import CONSTANTS, software
from supernode_opt.catalog import load
from supernode_opt.workload.flops import token_flops
from supernode_opt.workload.model import Training
from tests.calibration.rows import run

EXPERTS = {"n_experts": "64", "topk": "4", "moe_ffn": "2048", "ffn": "", "ep": "8"}
PRIOR = jnp.log(jnp.asarray([constant.prior for constant in CONSTANTS]))


def only(**cells):
    """Return the only plan of a row."""
    (plan,) = interpret(run(**cells)).plans
    return plan


@pytest.mark.parametrize(
    ("source", "accelerator", "name", "fitted"),
    [
        ("NVIDIA DGX Cloud benchmarking recipes", "H100", "nemo", "nemo"),
        ("a paper", "A100-40GB", "user", "user"),
        ("MT-NLG 530B", "A100", "megatron_deepspeed_users", "megatron_2021"),
        ("MegaScale", "A100", "megatron_2023", "megatron_2021"),
        ("NVIDIA/Megatron-LM#1565", "H200", "megatron_core", "nemo"),
        ("torch.compile on one chip", "H100", "pytorch", "torchtitan"),
        ("Narayanan et al. 2021", "A100", "megatron_2021", "megatron_2021"),
        ("NVIDIA NeMo-Megatron-Launcher README", "A100", "nemo_2023", "megatron_2021"),
    ],
)
def test_only_makers_recipes_are_tuned_by_makers(source, accelerator, name, fitted):
    stack = interpret(run(source=source, accelerator=accelerator)).stack
    assert (stack.name, stack.fitted) == (name, fitted)


def test_the_pipeline_of_deepspeed_neither_interleaves_nor_hides_its_exchanges():
    cells = {"source": "MT-NLG 530B", "accelerator": "A100", "layers": "105"}
    job = interpret(run(**cells, tp="8", pp="2", n_accel="16", vpp=""))
    assert {plan.sizes["interleave"] for plan in job.plans} == {1.0}
    assert job.practice.stage_exposed == 1.0


@pytest.mark.parametrize(
    ("written", "level", "ranks"),
    [
        ("HSDP", 3, 8),
        ("HYBRID_SHARD", 3, 8),
        ("HSDP (shard 4 x replicate 16)", 3, 4),
        ("HSDP, replicate 4", 3, 8),
        ("FSDP2 HSDP shard group 16", 3, 16),
        ("HSDP, FSDP2 x4, replicate 8", 3, 4),
        ("256-way fully sharded x 2 pods data parallel", 3, 256),
    ],
)
def test_copies_of_shards_are_read_from_words(written, level, ranks):
    # 64 chips in nodes of 8 hold 32 replicas of 2 tensor ranks.
    plan = only(fsdp_or_zero=written)
    assert (plan.sharding, plan.shard_ranks) == (level, ranks)


def test_recipes_for_fine_tuning_pack_short_documents():
    nemo = {"source": "NVIDIA NeMo performance summary", "seq_len": "4096"}
    tuned = interpret(run(**nemo, task="sft"))
    assert tuned.training.document_length == 200.0
    assert any("as nemo fine-tunes" in one for one in tuned.assumed)
    assert interpret(run(**nemo, task="pretrain")).training.document_length == 0.0
    own = {"training.document_length": "4096"}
    assert interpret(run(**nemo, **own, task="sft")).training.document_length == 4096.0
    # Its tables count 44.92 GFLOP a token of Llama 3 8B (DGX Cloud recipes v25.04):
    # no attention, of which whole sequences have 12 x 32 x 4096 x 4096 = 6.4 GFLOP.
    llama = load("model", "llama3_8b")
    assert float(token_flops(llama, tuned.training)) == pytest.approx(44.92e9, rel=0.02)
    whole = Training(sequence_length=4096.0, global_batch=1.0, attention_flops="full")
    assert float(token_flops(llama, whole)) == pytest.approx(51.47e9, rel=0.01)


def test_experts_with_a_capacity_compute_what_pads_them():
    stack = stacks()["maxtext_tpu"]
    base = load("declared_software", "maxtext_tpu")
    dropped = changed(as_documented(stack), stated("token drop (capacity factor)"))
    assert float(software(base, PRIOR, dropped).expert_imbalance) == pytest.approx(1.25)
    even = changed(as_documented(stack), {"routing": "forced"})
    assert float(software(base, PRIOR, even).expert_imbalance) == pytest.approx(1.0)


def test_experts_of_maxtext_are_sharded_like_everything_else():
    row = {**EXPERTS, "ep": "", "tp": "1", "accelerator": "TPUv6e"}
    assert only(**row).sizes["expert_parallel"] == 1.0


def test_deepep_sends_a_token_once_to_every_rank():
    base = load("declared_software", "nemo_h100")
    plain = as_documented(stacks()["automodel"])
    sent = [
        float(software(base, PRIOR, changed(plain, words)).rank_deduplication)
        for words in ({}, {"dispatcher": "deepep"}, {"dispatcher": "hybridep"})
    ]
    assert sent == [0.0, 1.0, 0.0]


def test_gathers_two_layers_ahead_hide_behind_twice_the_compute():
    base = load("declared_software", "nemo_h100")
    plain = as_documented(stacks()["automodel"])
    ahead = changed(plain, stated("TE + fsdp2_prefetch"))
    one, two = (software(base, PRIOR, how) for how in (plain, ahead))
    assert float(two.shard_window) == pytest.approx(2.0 * float(one.shard_window))
    # A layer at work, and one or two ahead of it.
    assert [float(x.gathered_layers) for x in (one, two)] == [2.0, 3.0]
    names = ("tensor_window", "context_window", "expert_window", "shard_window")
    assert sum(float(getattr(two, name)) for name in names) <= 1.0 + 1e-12


@pytest.mark.parametrize(("length", "window"), [("65536", 0.0), ("131072", 65536.0)])
def test_scripts_for_long_sequences_on_ascend_look_back_a_band(length, window):
    row = {"accelerator": "Ascend-910B", "seq_len": length, "n_accel": "32"}
    job = interpret(run(**row, tp="8", cp="4", gbs="32"))
    assert job.model.window == window
    if window:
        # w (1 - w / 2 s) of s / 2 scores: three quarters at a band of half the length.
        assert job.model.windowed_share == 1.0
        assert any("attention over 65,536 tokens" in one for one in job.assumed)


def test_attention_and_ffn_stand_side_by_side_in_some_families():
    assert interpret(run(model="PaLM-540B")).model.parallel_block == 1.0
    assert interpret(run(model="Llama3-8B")).model.parallel_block == 0.0


def test_where_only_layers_are_recomputed_no_module_is():
    row = {"source": "NVIDIA NeMo AutoModel", "recompute": ""}
    assert {p.recompute for p in interpret(run(**row)).plans} == {"none", "full"}


def test_a_calibration_borrowed_by_users_is_no_surer_than_the_common_one():
    known = shipped.posterior()
    own, makers, users = (
        intervals.noise_of(known, name, "dense")
        for name in ("nemo", "mlperf", "megatron_deepspeed_users")
    )
    # A maker's own stack is as sure as the one whose constants it borrows.
    assert makers == own
    assert users == known.noise["dense"] > own
