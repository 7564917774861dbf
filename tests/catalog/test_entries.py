"""Every entry loads, and every number lies in its range and names its source."""

import re

import pytest

from supernode_opt import catalog
from supernode_opt.calibration.serving.constants import CONSTANTS
from supernode_opt.calibration.step_time.constants import EAGER
from supernode_opt.catalog import read
from supernode_opt.catalog.naming import plain, words_of
from supernode_opt.catalog.read import RECORDS
from supernode_opt.units import quantities
from supernode_opt.workload.model import Model, Training

ENTRIES = [(kind, name) for kind in RECORDS for name in catalog.names(kind)]
CONFIDENCES = {"primary", "secondary", "estimate", "fit", "measured"}
REQUIRED = {
    "chip": "ascend_910b ascend_910c a100_sxm_80gb h100_sxm h200_sxm h800_sxm b200 "
    "b300 gb200 gb300 a100_sxm_40gb h100_sxm_96gb_500w tpu_v4 tpu_v5e tpu_v5p tpu_v6e "
    "tpu_v7x mi300x mi325x mi350x mi355x gaudi2 ascend_950dt ascend_960 rubin h20_sxm "
    "h20_sxm_141gb ascend_910b4_64gb",
    "link": "copper aec lpo dsp sr8 cpo",
    "collective": "nccl_nvlink3_all_reduce nccl_nvlink4_all_gather nccl_any_all_to_all "
    "nccl_nvlink5_reduce_scatter hccl_hccs_all_reduce trtllm_one_sided_nvlink5_combine "
    "trtllm_two_sided_nvlink5_dispatch trtllm_two_sided_nvlink5_prepare",
    "model": "pangu_ultra_135b pangu_ultra_moe_718b deepseek_v3_671b llama3_8b "
    "llama3_70b llama3_405b gpt3_175b mixtral_8x7b qwen3_235b_a22b",
    "system": "cloudmatrix384 gb200_nvl72 dgx_h100 hgx_h800 dgx_a100 atlas_900_a2 "
    "gb300_nvl72 hgx_a100_40gb hgx_h100_500w hgx_h200 hgx_b200 hgx_b300 tpu_v4_pod "
    "tpu_v5e_pod tpu_v5p_pod tpu_v6e_pod tpu_v7x_pod hgx_mi300x hgx_mi325x hgx_mi350x "
    "hgx_h20 hgx_h20_141gb atlas_800i_a2 "
    "hgx_mi355x hls_gaudi2 atlas_950_superpod atlas_960_superpod vera_rubin_nvl72",
}


def check_ranges(traced):
    for field, number in traced.items():
        assert number.low <= number.value <= number.high, field
        assert not re.fullmatch("[a-z0-9_]*", number.source), field  # a key left over
        assert number.confidence in CONFIDENCES, field


@pytest.mark.parametrize(("kind", "name"), ENTRIES)
def test_entry_loads_with_provenance_for_every_number(kind, name):
    loaded = catalog.load(kind, name)
    assert isinstance(loaded, RECORDS[kind])
    assert loaded.name == name
    traced = catalog.provenance(kind, name)
    check_ranges(traced)
    for field, number in traced.items():
        assert getattr(loaded, field) == number.value
    if kind != "model":
        every = {field for field, _ in quantities(RECORDS[kind])}
        # What eager stacks alone have is told of them alone.
        left = set() if getattr(loaded, "eager", True) else set(EAGER)
        if kind == "serving_stack":
            # What was not fitted is as the record has it.
            left = every - {constant.name for constant in CONSTANTS}
        assert set(traced) == every - left


@pytest.mark.parametrize(("kind", "name"), ENTRIES)
def test_estimates_give_their_reason(kind, name):
    for number in catalog.provenance(kind, name).values():
        if number.source.startswith("engineering estimate"):
            assert number.confidence == "estimate", number
            assert ": " in number.source


@pytest.mark.parametrize("kind", catalog.KINDS)
def test_published_figures_have_provenance(kind):
    for name in catalog.names(kind):
        check_ranges(catalog.published(kind, name))


@pytest.mark.parametrize("kind", sorted(REQUIRED))
def test_catalog_holds_the_entries_studies_rely_on(kind):
    assert set(REQUIRED[kind].split()) <= set(catalog.names(kind))


@pytest.mark.parametrize("name", catalog.names("software"))
def test_overlap_windows_share_the_compute(name):
    software = catalog.load("software", name)
    windows = (
        software.tensor_window
        + software.context_window
        + software.expert_window
        + software.shard_window
    )
    assert windows <= 1.0 + 1e-12


@pytest.mark.parametrize("name", catalog.names("system"))
def test_system_is_complete(name):
    system = catalog.system(name)
    check_ranges(system.provenance)
    assert set(system.design) == {
        "chips",
        "scale_up_domain",
        "scale_up_bandwidth",
        "scale_out_bandwidth",
        "oversubscription",
        "clock",
        "coolant_flow",
        "inlet_temperature",
        "scale_up_link",
        "scale_out_link",
    }
    assert {"copper", "aec", "lpo", "dsp", "cpo"} <= set(system.links)
    assert {system.design["scale_up_link"], system.design["scale_out_link"]} <= set(
        system.links
    )
    chip = catalog.load("chip", system.chip)
    assert system.design["clock"] == chip.sustained_clock
    assert system.design["scale_up_bandwidth"] == chip.scale_up_bandwidth
    training = Training(sequence_length=4096.0, global_batch=512.0)
    scenario = catalog.scenario(name, "llama3_8b", training)
    assert scenario.chip == chip
    assert tuple(link.name for link in scenario.links) == system.links
    boards = system.design["chips"] / scenario.host.chips_per_board
    assert boards == int(boards)


def test_scenario_takes_names_and_records_as_overrides():
    training = Training(sequence_length=4096.0, global_batch=512.0)
    model = Model(
        layers=2.0,
        hidden=64.0,
        heads=4.0,
        kv_heads=4.0,
        head_dim=16.0,
        ffn=128.0,
        vocabulary=100.0,
        dense_layers=2.0,
    )
    scenario = catalog.scenario(
        "dgx_h100",
        model,
        training,
        chip=catalog.load("chip", "h200_sxm"),
        cooling="cold_plate",
        links=("copper", "cpo"),
        memory_headroom=0.1,
    )
    assert scenario.model is model
    assert scenario.chip.name == "h200_sxm"
    assert scenario.cooling.name == "cold_plate"
    assert [link.name for link in scenario.links] == ["copper", "cpo"]
    assert scenario.memory_headroom == 0.1
    assert scenario.host.name == "x86_dgx_h100"


def test_unknown_names_suggest_the_nearest():
    with pytest.raises(catalog.UnknownEntry) as raised:
        catalog.load("chip", "ascend_920c")
    said = "unknown chip 'ascend_920c'; did you mean 'ascend_910c'?"
    assert str(raised.value) == said
    with pytest.raises(catalog.UnknownEntry, match="did you mean 'chip'"):
        catalog.names("chips")
    with pytest.raises(catalog.UnknownEntry, match="known: copper, aec"):
        catalog.load("link", "zzz")
    with pytest.raises(catalog.UnknownEntry, match="'cloudmatrix384'"):
        catalog.system("cloudmatrix385")


@pytest.mark.parametrize(
    ("called", "chip", "system"),
    [
        ("A100-SXM4-80GB", "a100_sxm_80gb", "dgx_a100"),
        ("NVIDIA H100 80GB HBM3", "h100_sxm", "dgx_h100"),
        ("h100", "h100_sxm", "dgx_h100"),
        ("Ascend 910C", "ascend_910c", "cloudmatrix384"),
        ("Ascend-910C (Atlas 800T A3)", "ascend_910c", "atlas_800t_a3"),
        ("Ascend-910B (Atlas 900 A2 PODc)", "ascend_910b", "atlas_900_a2"),
        ("910B3", "ascend_910b3", "atlas_800t_a2_910b3"),
        ("H800-80GB", "h800_sxm", "hgx_h800"),
        ("GH200-96GB", "gh200_96gb", "alps_gh200"),
        ("GH200-144GB", "gh200_144gb", "gh200_nvl2"),
        ("NVIDIA GH200 144G HBM3e", "gh200_144gb", "gh200_nvl2"),
        ("A800-80GB", "a800_sxm_80gb", "hgx_a800"),
        ("TPUv5e", "tpu_v5e", "tpu_v5e_pod"),
        ("TPU7x", "tpu_v7x", "tpu_v7x_pod"),
        ("gb200 NVL72", None, "gb200_nvl72"),
        ("V100", None, None),
        ("80GB GPU", None, None),
    ],
)
def test_entries_go_by_what_people_call_them(called, chip, system):
    assert catalog.called("chip", called) == chip
    assert catalog.called("system", called) == system
    if chip:
        assert catalog.load("chip", called) is catalog.load("chip", chip)
        assert catalog.provenance("chip", called) == catalog.provenance("chip", chip)
    if system:
        assert catalog.system(called) is catalog.system(system)


@pytest.mark.parametrize("kind", ["chip", "system"])
def test_no_name_means_two_entries(kind):
    seen = {}
    for name in catalog.names(kind):
        for word in words_of(name, read.document(kind)[name]):
            assert seen.setdefault(plain(word), name) == name, word


@pytest.mark.parametrize(
    ("chip", "cores", "clock"), [("ascend_910b3", 20, 1.8), ("ascend_910c", 48, 1.8)]
)
def test_arrays_of_the_ascends(chip, cores, clock):
    """8,192 FLOPs per clock and core; an A3 package has twice 24 cores."""
    wanted = cores * 8192 * clock * 1e9
    assert catalog.load("chip", chip).peak_bf16 == pytest.approx(wanted, rel=1e-3)


def test_numbers_arrive_in_si():
    chip = catalog.load("chip", "h100_sxm")
    assert chip.tdp == 700.0
    assert chip.junction_limit == pytest.approx(358.15)
    assert chip.die_area == pytest.approx(8.14e-4)
    assert chip.port_energy == pytest.approx(40e-12)
    assert chip.failure_rate == pytest.approx(12340 / 1e9 / 3600)
    link = catalog.load("link", "dsp")
    assert link.price == pytest.approx(0.8 * 8 / 1e9)
    facility = catalog.load("facility", "liquid_us")
    assert facility.energy_price == pytest.approx(0.08 / 3.6e6)
    assert facility.capital_price == 12.0
