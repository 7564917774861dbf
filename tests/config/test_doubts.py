"""What is near enough to be meant is taken; what is far is questioned and kept."""

import warnings

import pytest

from supernode_opt.catalog import field_span
from supernode_opt.catalog.plausible import far, refused, span
from supernode_opt.config import resolve, study
from supernode_opt.hardware.chip import Chip
from supernode_opt.reading.node import Doubt
from supernode_opt.system.design import Design
from supernode_opt.workload.model import Model
from tests.damage.cases import STUDY


@pytest.fixture
def written(tmp_path):
    path = tmp_path / "study.yaml"
    path.write_text(STUDY)
    return path


@pytest.mark.parametrize(
    "override",
    [
        "scenario.chip.tdp=700",
        "scenario.chip.peak_bf16=8e14",
        "scenario.chip.die_bandwidth=0",
        "constraints.power.at_most=559000",
        "constraints.chip_power.at_most=700",
        "constraints.memory_fraction.at_most=0.92",
        "constraints.memory_fraction.at_most=92 %",
        "design.inlet_temperature=308.15",
        "design.chip.hbm_capacity={low: 64 GB, high: 1e15 B}",
    ],
)
def test_what_is_near_passes_in_silence(override, written):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        study.load(written, [override])


@pytest.mark.parametrize(
    ("override", "said"),
    [
        (
            "scenario.chip.peak_bf16=800 flop/s",
            "`scenario.chip.peak_bf16` is 800 flop/s",
        ),
        ("scenario.chip.price=17 MUSD", "200 times above the greatest"),
        ("model={base: llama3_8b, layers: 40000}", "`model.layers` is 40000"),
        (
            "scenario.links=[lpo, {base: cpo, energy: 5 J/b}]",
            "`scenario.links.1.energy`",
        ),
    ],
)
def test_what_is_far_is_questioned_by_name_and_loads_again(override, said, written):
    with pytest.warns(Doubt, match="the catalog has") as told:
        asked = study.load(written, [override])
    assert said in str(told[0].message)
    again = written.with_name("again.yaml")
    again.write_text(resolve.text(asked))
    with pytest.warns(Doubt):
        assert study.load(again).problem.scenario == asked.problem.scenario


def test_a_doubt_is_told_beside_the_answer_and_not_beside_an_error(written, capsys):
    from supernode_opt.cli import main

    words = ["check", str(written), "--set", "scenario.chip.price=17 MUSD", "--json"]
    with pytest.raises(SystemExit) as left:
        main(words)
    assert not left.value.code
    assert capsys.readouterr().err.startswith("warning: --set scenario.chip.price: ")
    with pytest.raises(SystemExit) as left:
        main([*words, "--set", "seed=-1"])
    assert left.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_spans_are_read_from_the_catalog():
    peak = field_span(Chip, "peak_bf16")
    assert (peak.low, peak.high) == (148e12, 4000e12)
    assert field_span(Design, "scale_up_bandwidth").low_text == "160 GB/s"
    assert field_span(Model, "layers").high == 126.0
    # A share is bounded as it is.
    assert field_span(Chip, "array_efficiency") is None


def test_a_hundred_times_is_far():
    known = span("W", [(0.2, "kW"), (2, "kW")])
    assert refused(2.0, known) is None
    assert "write 1.9 kW" in refused(1.9, known)
    assert far(2.0e5, known) is None
    assert "101 times above the greatest" in far(2.02e5, known)
    assert "101 times below the least" in far(200 / 101, known)
