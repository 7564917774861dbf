"""Own entries that start from another: what they keep, and how far it is trusted."""

import dataclasses
import re
import warnings

import pytest

from supernode_opt import catalog
from supernode_opt.catalog.figure import Provenance
from supernode_opt.catalog.inherited import widened
from supernode_opt.catalog.own import BadEntry
from supernode_opt.units import Quantity

CHIP = """
    mine:
      base: H100
      peak_bf16: 1500 TFLOPS
      hbm_capacity: 141 gb
      hbm_bandwidth: {value: 4.8, low: 4.5, high: 5, unit: TB/s}
      tdp: 1 kW
"""


def number(value, low, high, unit=""):
    return Provenance(value, low, high, unit, "", "")


@pytest.mark.parametrize(
    ("given", "known", "range_"),
    [
        # Each end twice as far in logarithm: 80 / 100 squared, 120 / 100 squared.
        (number(100.0, 80.0, 120.0, "W"), Quantity("W", low=0.0), (64.0, 144.0)),
        # A rating is at least a tenth off.
        (number(700.0, 700.0, 700.0, "W"), Quantity("W", low=0.0), (636.36, 770.0)),
        # Counts, ratios and what there is not stay.
        (number(2.0, 2.0, 2.0), Quantity(""), (2.0, 2.0)),
        (number(0.0, 0.0, 0.0, "B/s"), Quantity("B/s"), (0.0, 0.0)),
        # A share stays one: 1.1 would be 0.9 times (1 / 0.9) squared.
        (number(0.9, 0.8, 1.0), Quantity("", low=0.0, high=1.0), (0.7111, 1.0)),
        # Temperatures by their difference: 85 (83-90) degC is 85 (81-95).
        (number(358.15, 356.15, 363.15, "K"), Quantity("K"), (354.15, 368.15)),
        (number(0.1, 0.0, 0.25), Quantity("", low=0.0, high=1.0), (0.0, 0.4)),
    ],
)
def test_an_inherited_range_is_wider(given, known, range_):
    assert widened(given, known) == pytest.approx(range_, rel=1e-4)
    low, high = widened(given, known)
    assert low <= given.low <= given.value <= given.high <= high


def test_a_chip_keeps_what_it_does_not_say(put):
    put(chips=CHIP)
    mine, base = catalog.load("chip", "mine"), catalog.load("chip", "h100_sxm")
    said = {"name", "peak_bf16", "hbm_capacity", "hbm_bandwidth", "tdp"}
    for field in dataclasses.fields(base):
        if field.name not in said:
            kept = getattr(mine, field.name)
            assert kept == pytest.approx(getattr(base, field.name)), field.name
    assert mine.peak_bf16 == 1.5e15
    assert mine.hbm_capacity == 141e9
    assert mine.hbm_bandwidth == 4.8e12
    assert mine.tdp == 1000.0


def test_what_is_stated_and_what_is_inherited_is_marked(put):
    put(chips=CHIP)
    known = catalog.provenance("chip", "mine")
    tdp = known["tdp"]
    assert (tdp.low, tdp.high) == (1000.0, 1000.0)
    assert (tdp.confidence, tdp.source) == ("stated", "stated in chips.yaml")
    bandwidth = known["hbm_bandwidth"]
    assert (bandwidth.low, bandwidth.high) == (4.5e12, 5e12)
    taken, base = known["power_exponent"], catalog.provenance("chip", "h100_sxm")
    assert taken.confidence == "inherited"
    assert taken.source == f"as h100_sxm: {base['power_exponent'].source}"
    assert taken.low < base["power_exponent"].low
    assert taken.high > base["power_exponent"].high


def test_a_machine_of_an_own_chip_takes_its_ports(put):
    put(
        chips=f"{CHIP}      scale_up_bandwidth: 560 GB/s\n",
        systems="box: {base: dgx_h100, chip: Mine, design: {chips: 64}}",
    )
    box, base = catalog.system("box"), catalog.system("dgx_h100")
    assert box.chip == "mine"
    assert box.host == base.host
    assert box.links == base.links
    assert box.design["scale_up_bandwidth"] == 560e9
    assert box.design["chips"] == 64.0
    assert box.provenance["chips"].low == 64.0
    assert box.provenance["inlet_temperature"].confidence == "inherited"
    assert catalog.called("system", "DGX Box") is None


def test_a_dense_model_is_dense_in_every_layer(put):
    put(
        models="""
        half: {base: Llama-3.1-70B, layers: 40}
        small: {layers: 2, hidden: 64, heads: 4, kv_heads: 4, head_dim: 16, ffn: 256,
          vocabulary: 1000}
        """
    )
    assert catalog.load("model", "half").dense_layers == 40.0
    assert catalog.load("model", "half").hidden == 8192.0
    # Shapes are exact, whoever has them.
    hidden = catalog.provenance("model", "half")["hidden"]
    assert hidden.low == hidden.high == 8192.0
    assert catalog.load("model", "small").dense_layers == 2.0


def test_an_entry_may_stand_on_another_own_one_or_on_what_it_replaces(put):
    put(
        chips="""
        second: {base: first, tdp: 600 W}
        first: {base: h100_sxm, tdp: 500 W, price: 9000 USD}
        b200: {base: b200, tdp: 900 W}
        """
    )
    second = catalog.load("chip", "second")
    assert (second.tdp, second.price) == (600.0, 9000.0)
    assert catalog.load("chip", "b200").tdp == 900.0
    assert catalog.load("chip", "b200").dies == 2.0


@pytest.mark.parametrize(
    ("chips", "said"),
    [
        ("a: {base: b}\nb: {base: a}", ".base` leads back to the entry itself"),
        ("a: {base: a}", "`a.base` must be a known chip, but is 'a'"),
        ("a: {base: h100_sx}", "did you mean `h100_sxm`?"),
        ("a: {base: [h100_sxm]}", "must be text"),
        ("a: {base: h100_sxm, tpd: 3 W}", "`a.tpd`: unexpected keyword argument (did"),
        ("a: {base: h100_sxm, tdp: 3 TFLOPS}", "`a.tdp` must be in W"),
        ("a: {base: h100_sxm, hbm_bandwidth: 3 tb/s}", "may be bits or bytes"),
        ("a: {base: h100_sxm, tdp: {value: 1 kW, low: 1 kW}}", "must have `high`"),
        ("a: {base: h100_sxm, peak_bf16: 800}", "write 800 TFLOP/s"),
    ],
)
def test_a_wrong_entry_is_refused_with_its_line(put, chips, said):
    put(chips=chips)
    with pytest.raises(BadEntry) as caught:
        catalog.load("chip", "a")
    assert said in str(caught.value)
    assert re.search(r"chips.yaml:[12]: `[ab]\.", str(caught.value))


def test_all_that_an_entry_lacks_is_said_at_once(put):
    put(chips="sources: {}\nmine: {peak_bf16: 1 PFLOPS}")
    with pytest.raises(BadEntry) as caught:
        catalog.load("chip", "mine")
    said = str(caught.value)
    assert "chips.yaml:2: `mine` lacks " in said
    assert "\n" not in said
    assert re.search(r"; `tdp` \[W\] such as \d+ W; ", said)
    assert said.endswith("or write `base: ascend_910b` and only what differs")
    needed = [
        field.name
        for field in dataclasses.fields(catalog.load("chip", "h100_sxm"))
        if field.default is dataclasses.MISSING and field.name != "peak_bf16"
    ]
    assert len(needed) > 20
    assert all(f"`{name}`" in said for name in needed)


def test_all_that_a_system_lacks_is_said_at_once(put):
    put(systems="box: {chip: h100_sxm, design: {chips: 8}}")
    with pytest.raises(BadEntry) as caught:
        catalog.system("box")
    said = str(caught.value)
    for field in ("`host` such as", "`links` such as [", "`design.scale_up_link`"):
        assert field in said
    assert "design.chips" not in said


def test_a_number_far_from_all_is_questioned_once_it_is_ones_own(put):
    put(chips="a: {base: h100_sxm, tdp: 900 kW}")
    with pytest.warns(UserWarning, match=r"chips.yaml:1: `a.tdp` is 900000 W"):
        catalog.load("chip", "a")
    put(chips="a: {base: h100_sxm, tdp: 900 W}")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        catalog.load("chip", "a")
