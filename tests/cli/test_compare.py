"""The commands `compare`, `invert` and `crossover`."""

import json
from pathlib import Path

import pytest

from supernode_opt.plot import draw_comparison
from tests.html import pages

COMPARE = """\
systems: [{name: small, system: dgx_h100, chips: 16}]
models: [llama3_8b]
training: {sequence_length: 4096, global_batch: 768}
plan: {context_parallel: 1, micro_batch: 1, interleave: 1}
"""
INVERT = """\
systems: [{name: small, system: dgx_h100, chips: 16}]
model: llama3_8b
training: {sequence_length: 4096, global_batch: 768}
plan: {context_parallel: 1, micro_batch: 1, interleave: 1}
constant: facility.pue
condition: {quantity: facility_power, equals: 1 W}
bracket: {low: 1, high: 2}
"""
CROSSOVER = """\
systems:
  - {name: light, system: gb200_nvl72, chips: 144, design: {scale_up_link: cpo}}
  - {name: metal, system: gb200_nvl72, chips: 144}
model: llama3_8b
training: {sequence_length: 4096, global_batch: 144}
plan: {context_parallel: 1, pipeline_parallel: 1, micro_batch: 1, interleave: 1}
across: {constant: scale_up_domain, values: [72, 144]}
up: {constant: links.cpo.energy, low: 1 pJ/b, high: 50 pJ/b}
condition: {quantity: power, of: light, equals: metal}
"""


def seen(folder):
    """Return the files that a user sees, by their plain names."""
    files = [*folder.glob("[!.]*"), *folder.glob("figures/*")]
    return {str(p.relative_to(folder)) for p in files if p.is_file()}


def speaks(shell, written, *words):
    """Explain, draw and report a result; it says `words` everywhere, in 80 columns."""
    told = shell("explain", written)
    assert told.code == 0, told.err
    text = (written / "report.txt").read_text()
    assert max(map(len, text.splitlines())) <= 80
    assert "…" not in text
    drawn = shell("plot", written)
    assert [Path(line).suffix for line in drawn.out.split()] == [".png"]
    said = shell("report", written)
    page = pages.read(Path(said.out.strip()).read_text(encoding="utf-8"))
    assert {"asked", "answer", "figures", "reproduce"} <= set(page.sections)
    for word in words:
        for one in (told.out, text, page.text):
            assert word in " ".join(one.split())


@pytest.fixture
def files(folder):
    (folder / "map.yaml").write_text(CROSSOVER)
    (folder / "machines.yaml").write_text(COMPARE)
    (folder / "pue.yaml").write_text(INVERT)
    return folder


def test_compare_writes_and_prints_one_object(shell, files):
    answer = shell("compare", "machines.yaml", "--json")
    assert answer.code == 0, answer.err
    (machine,) = json.loads(answer.out)["machines"]
    assert machine["status"] == "feasible"
    mfu = machine["mfu"]
    assert 0.0 < mfu["low"] < mfu["value"] < mfu["high"] < 1.0
    written = files / "results" / "machines"
    speaks(shell, written, "Llama 3 8B: 8.03 billion parameters", "small, software")
    assert seen(written) == {
        "manifest.json",
        "comparison.nc",
        "compare.yaml",
        "report.txt",
        "report.html",
        "figures/comparison.png",
    }


def test_compare_with_nothing_that_fits_is_infeasible(shell, files):
    answer = shell("compare", "machines.yaml", "--set", "models=[llama3_405b]")
    assert answer.code == 3
    assert "more memory per chip" in answer.err


def test_invert_without_a_solution(shell, files):
    answer = shell("invert", "pue.yaml")
    assert answer.code == 3
    assert "facility power of small equals 1 W for no facility.pue" in answer.err
    assert answer.out == ""
    assert (files / "results" / "pue" / "figures" / "inversion.png").is_file()


def test_invert_with_a_solution(shell, files):
    wish = "condition={quantity: facility_power, equals: 30 kW}"
    answer = shell("invert", "pue.yaml", "--set", wish, "--json")
    assert answer.code == 0, answer.err
    found = json.loads(answer.out)
    assert found["status"] == "found"
    (machine,) = found["machines"]
    assert machine["facility_power"] == pytest.approx(30e3, rel=1e-8)
    written = files / "results" / "pue"
    speaks(shell, written, "facility power of small equals 30 kW", "elasticity", "ZeRO")
    assert json.loads(shell("explain", written, "--json").out) == found


def test_crossover_writes_and_prints_one_object(shell, files):
    answer = shell("crossover", "map.yaml", "--json")
    assert answer.code == 0, answer.err
    found = json.loads(answer.out)
    assert [step["across"] for step in found["steps"]] == [72, 144]
    assert found["steps"][1]["crossing"] is None
    assert "scale_up_reach" in found["rival"]["cannot"]["144"][0]
    written = files / "results" / "map"
    speaks(shell, written, "across", "scale-up domain", "none in the bracket")
    assert json.loads(shell("explain", written, "--json").out) == found
    assert seen(written) == {
        "manifest.json",
        "crossover.nc",
        "crossover.yaml",
        "report.txt",
        "report.html",
        "figures/crossover.png",
    }
    assert "Cannot be built" in (written / "report.txt").read_text()


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (["compare", "dgx_h101", "--models", "llama3_8b"], ["`dgx_h100`"]),
        (["compare", "dgx_h100", "--models", "lama3_8b"], ["`llama3_8b`"]),
        (["compare", "dgx_h100"], ["--models"]),
        (["compare", "nowhere.yaml"], ["no such file"]),
        (["compare", "machines.yaml", "--set", "sistems=1"], ["`systems`"]),
        (["compare", "machines.yaml", "--set", "models=[a, a]"], ["known model"]),
        (["compare", "machines.yaml", "--set", "precisions=[fp9]"], ["precision"]),
        (["compare", "machines.yaml", "--set", "plan.clock=1"], ["plan.clock"]),
        (["compare", "machines.yaml", "--set", "claims=[{better: small}]"], ["`than`"]),
        (["compare", "machines.yaml", "--seed", "-1"], ["--seed"]),
        (["crossover", "map.yaml", "--set", "across.values=[5]"], ["whole boards"]),
        (["crossover", "map.yaml", "--seed", "-1"], ["--seed"]),
        (["invert", "pue.yaml", "--set", "constant=facility.pu"], ["`facility.pue`"]),
        (["invert", "pue.yaml", "--set", "constant=links.cpo.energy"], ["uses"]),
        (["invert", "pue.yaml", "--set", "condition={quantity: mfuu}"], ["`mfu`"]),
        (["invert", "pue.yaml", "--set", "condition={quantity: mfu}"], ["`equals`"]),
        (
            ["invert", "pue.yaml", "--set", "condition.equals=smal"],
            ["did you mean `small`?"],
        ),
        (["invert", "pue.yaml", "--set", "condition.equals=3 kg"], ["W"]),
        (["invert", "pue.yaml", "--set", "bracket={low: 3, high: 2}"], ["low < high"]),
    ],
)
def test_bad_input_is_one_line(shell, files, words, parts):
    answer = shell(*words)
    assert answer.code == 2
    assert len(answer.err.strip().splitlines()) == 1, answer.err
    for part in parts:
        assert part in answer.err
    assert answer.out == ""
    assert not (files / "results").exists()


def test_the_figure_needs_only_the_file(shell, files, tmp_path):
    from supernode_opt.results import store

    assert shell("compare", "machines.yaml").code == 0
    saved = store.load(files / "results" / "machines" / "comparison.nc")
    (path,) = draw_comparison(saved, tmp_path / "again")
    assert path.is_file()
