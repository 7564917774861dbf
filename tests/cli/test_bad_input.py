"""Whatever is wrong: one line on standard error, exit code 2, and nothing written."""

import pytest

from supernode_opt import catalog
from supernode_opt.catalog import read

# name: (overrides, the words that must be in the line)
BAD = {
    "unknown section": (["desing.chips=8"], ["`desing`", "did you mean `design`?"]),
    "unknown variable": (["design.clok=1"], ["`design.clok`", "`clock`?"]),
    "unknown constant": (
        ["design.chip.hbm_bandwith=free"],
        ["did you mean `chip.hbm_bandwidth`?"],
    ),
    "unknown bound": (["design.chips={low: 8, hgh: 9}"], ["did you mean `high`?"]),
    "unknown record field": (["scenario.chip.tpd=900 W"], ["did you mean `tdp`?"]),
    "unknown scenario part": (["scenario.coling=air"], ["did you mean `cooling`?"]),
    "unknown solver setting": (["solver.strats=8"], ["did you mean `starts`?"]),
    "unknown constraint": (["constraints.powr.at_most=1"], ["did you mean `power`?"]),
    "unknown limit": (["constraints.power.at_mst=1"], ["did you mean `at_most`?"]),
    "unknown objective": (["objective={maximize: mfuu}"], ["did you mean `mfu`?"]),
    "unknown sense": (["objective={maximise: mfu}"], ["did you mean `maximize`?"]),
    "no scalar": (["objective={maximize: power_parts}"], ["quantity of the report"]),
    "unknown system": (["system=cloudmatrix383"], ["`cloudmatrix384`?"]),
    "unknown model": (["model=llama3_8"], ["did you mean `llama3_8b`?"]),
    "unknown chip": (["scenario.chip=h100_sx"], ["did you mean `h100_sxm`?"]),
    "unknown link": (["scenario.links=[coppr]"], ["did you mean `copper`?"]),
    "unknown option": (["design.recompute=ful"], ["did you mean `full`?"]),
    "one unknown option": (["design.recompute=[none, ful]"], ["`full`?"]),
    "unknown precision": (
        ["training.precision=fp4"],
        ["'bf16', 'fp8', 'mxfp8' or 'nvfp4'"],
    ),
    "a mass for a power": (["constraints.power.at_most=700 GB"], ["must be in W"]),
    "a size for a rate": (["design.scale_up_bandwidth=400 GB"], ["must be in B/s"]),
    "a rate without its unit": (
        ["scenario.chip.peak_bf16=800"],
        ["`scenario.chip.peak_bf16` would be 800 flop/s", "write 800 TFLOP/s"],
    ),
    "a size without its unit": (
        ["design.chip.hbm_capacity=128"],
        ["`design.chip.hbm_capacity` would be 128 B", "write 128 GiB"],
    ),
    "a bandwidth without its unit": (
        ["design.scale_up_bandwidth={low: 56, high: 784 GB/s}"],
        ["`design.scale_up_bandwidth.low`", "write 56 GB/s"],
    ),
    "a temperature without its unit": (
        ["design.inlet_temperature=35"],
        ["write 35 degC"],
    ),
    "a limit without its unit": (
        ["constraints.power.at_most=559"],
        ["384 packages of this study", "write 559 kW"],
    ),
    "a percentage of a limit": (
        ["constraints.memory_fraction.at_most=92"],
        ["write 92 % for 0.92"],
    ),
    "a percentage of a share": (
        ["scenario.memory_headroom=8"],
        ["less than or equal to 1", "write 8 %"],
    ),
    "a dense model without layers": (
        ["model={base: llama3_8b, dense_layers: 0}"],
        ["`model` has no experts", "dense_layers must be 32, but is 0"],
    ),
    "experts that compute nothing": (
        ["model={base: mixtral_8x7b, expert_ffn: 0}"],
        ["experts that compute nothing"],
    ),
    "unit of nothing": (["scenario.chip.tdp=3 parrots"], ["unknown unit"]),
    "negative": (["scenario.chip.tdp=-3 W"], ["greater than 0"]),
    "a package that never rests": (
        ["scenario.chip.static_share=0.9"],
        ["`scenario.chip`", "static_share + leakage_share below 1"],
    ),
    "circuits between domains": (
        ["scenario.scale_out_switch=torus_circuit"],
        ["`scenario.scale_out_switch`", "must switch packets"],
    ),
    "a building that makes energy": (
        ["scenario.facility.pue=0.5"],
        ["greater than or equal to 1"],
    ),
    "zero chips": (["design.chips=0"], ["greater than 0"]),
    "zero batch": (["training.global_batch=0"], ["greater than 0"]),
    "not a number": (["constraints.power.at_most=.nan"], ["power.at_most"]),
    "infinite": (["constraints.power.at_most=.inf"], ["finite"]),
    "beyond floats": (["constraints.power.at_most=1e999"], ["finite"]),
    "truth for a number": (["design.chips=true"], ["must be a number"]),
    "a list for a mapping": (["constraints=[1]"], ["must be a mapping"]),
    "a mapping for a word": (["system={a: 1}"], ["must be text, but is a mapping"]),
    "a list for a number": (["design.chips=[8, 16]"], ["but is a list"]),
    "half a chip": (["design.chips=12.5"], ["whole number"]),
    "half a layer": (["model.layers=30.5"], ["whole number"]),
    "bounds crossed": (["design.chips={low: 64, high: 8}"], ["64 is above 8"]),
    "default bound crossed": (["design.clock={low: 0.9, high: 0.2}"], ["above"]),
    "outside the box": (["design.clock=3"], ["at most 1, but is 3"]),
    "far outside the box": (["design.tensor_parallel=100000"], ["at most 32"]),
    "bounds outside the box": (["design.chips={high: 1e9}"], ["at most 1048576"]),
    "value outside its bounds": (
        ["design.clock={value: 5, low: 6, high: 9}"],
        ["at least 6, but is 5"],
    ),
    "limits contradict": (
        ["constraints.power.at_least=900 kW"],
        ["cannot be at_least '900 kW' and at_most '590 kW'"],
    ),
    "heads do not divide": (["design.tensor_parallel=7"], ["32 attention heads"]),
    "ranks do not divide": (
        ["design.chips=387"],
        ["multiple of tensor_parallel", "but is 387 of 2 ranks"],
    ),
    "experts do not divide": (
        ["model=mixtral_8x7b", "design.expert_parallel=3"],
        ["must divide the 8 experts"],
    ),
    "experts of a dense model": (["design.expert_parallel=2"], ["at most 1"]),
    "batch too small": (["training.global_batch=24"], ["96 data-parallel replicas"]),
    "batch does not divide": (["design.micro_batch=3"], ["global batch of 768"]),
    "no split at all": (
        ["design.chips=389", "design.tensor_parallel=1"],
        ["778 data-parallel replicas"],
    ),
    "no split once optimized": (
        ["design.chips=389", "design.tensor_parallel=free", "design.micro_batch=free"],
        ["no split of these chips is legal"],
    ),
    "interleave alone": (["design.interleave=2"], ["must be 1 without a pipeline"]),
    "split not legal": (
        ["design.tensor_parallel=1", "design.micro_batch=1"],
        ["`design.sequence_parallel` must be off where tensor_parallel is 1"],
    ),
    "no FP8": (["training.precision=fp8"], ["has no FP8"]),
    "headroom above all": (["scenario.memory_headroom=1.5"], ["equal to 1"]),
    "constant below zero": (["design.chip.tdp={low: -1, high: 2}"], ["greater than 0"]),
    "a tower of powers": (["scenario.chip.tdp=1 W^9^9^9^9"], ["unknown unit"]),
    "a step without effect": (["design.clock={step: 0.1}"], ["has no effect"]),
    "the question as a variable": (["design.model.layers=free"], ["neither"]),
    "a short pair": (["solver.temperature=[1]"], ["solver.temperature"]),
    "twice the same option": (["design.recompute=[none, none]"], ["written twice"]),
    "twice the same link": (["scenario.links=[cpo, cpo]"], ["another link"]),
    "negative effort": (["solver.starts=-3"], ["above zero"]),
    "unknown optimizer": (
        ["solver.optimizer=adm"],
        ["`solver.optimizer` must be a known optimizer", "did you mean `adam`?"],
    ),
    "unknown schedule": (["solver.schedule=cosin"], ["did you mean `cosine`?"]),
    "momentum that nothing reads": (
        ["solver.momentum=0.9"],
        ["`solver.momentum` has no effect: `lbfgs` does not read it (rmsprop, sgd do)"],
    ),
    "memory that nothing reads": (
        ["solver={memory: 5, optimizer: sgd}"],
        ["`solver.memory` has no effect: only `lbfgs` reads it"],
    ),
    "steps that do not shrink": (
        ["solver={schedule: constant, last_share: 0.5}"],
        ["`solver.last_share` has no effect"],
    ),
    "a rate without a descent": (
        ["solver={outer: 0, rate: 0.1}"],
        ["`solver.rate` has no effect: `outer: 0` leaves"],
    ),
    "starts without a descent": (["solver={outer: 0, starts: 8}"], ["no effect"]),
    "a descent of what is fixed": (
        ["solver.optimizer=adam"],
        ["`solver.optimizer` has no effect: every count and choice is fixed"],
    ),
    "momentum of one": (
        ["solver={optimizer: sgd, momentum: 1}"],
        ["`solver.momentum` must be below 1, but is 1"],
    ),
    "half a start": (["solver.starts=2.5"], ["integer"]),
    "negative seed": (["seed=-1"], ["from 0 to"]),
    "name is a path": (["name=../elsewhere"], ["folder name"]),
    "no value": (["seed="], ["needs a value"]),
    "no equals sign": (["seed"], ["PATH=VALUE"]),
    "through a word": (["system.x=1"], ["has no fields"]),
    "broken value": (["design.chips={low: 1"], ["not valid YAML"]),
}


def assert_refused(answer, folder, words, files=("study.yaml",)):
    assert answer.code == 2
    assert answer.out == ""
    assert answer.err.count("\n") == 1
    assert answer.err.endswith("\n")
    assert "Traceback" not in answer.err
    for word in words:
        assert word in answer.err
    assert sorted(path.name for path in folder.iterdir()) == sorted(files)


@pytest.mark.parametrize(("overrides", "words"), BAD.values(), ids=BAD)
def test_bad_override(overrides, words, shell, folder):
    flags = [part for text in overrides for part in ("--set", text)]
    answer = shell("run", "study.yaml", *flags)
    assert_refused(answer, folder, words)


FILES = {
    "empty": (b"", "empty"),
    "a comment": (b"# nothing\n", "empty"),
    "a list": (b"- 1\n- 2\n", "must be a mapping"),
    "broken": (b"a: [1\nb: 2\n", "not valid YAML"),
    "large": (b"a: " + b"x" * 10_000_000, "must be smaller than 1 MB"),
    "not text": (b"a: 1\nb: \xff\xfe\n", "bad.yaml:2: is not UTF-8"),
    "a program": (b"\x7fELF\x02\x01\x01\x00", "unprintable"),
    "a bomb": (
        b"a: &a [1,1,1,1]\nb: &b [*a,*a,*a,*a]\nc: [*b,*b,*b,*b]\n",
        "aliases are not allowed",
    ),
    "no sections": (b"name: x\n", "lacks `system`"),
    "a line that is wrong": (b"system: dgx_h100\nmodle: x\n", "bad.yaml:2: `modle`"),
}


@pytest.mark.parametrize(("content", "words"), FILES.values(), ids=FILES)
@pytest.mark.parametrize("command", ["run", "check"])
def test_bad_file(command, content, words, shell, folder):
    (folder / "bad.yaml").write_bytes(content)
    answer = shell(command, "bad.yaml")
    assert_refused(answer, folder, [words], ["bad.yaml", "study.yaml"])


def test_no_file(shell, folder):
    assert_refused(shell("run", "nowhere.yaml"), folder, ["there is no such file"])


def test_a_folder_is_no_file(shell, folder):
    assert_refused(shell("evaluate", "."), folder, ["but is a folder"])


def test_a_design_to_begin_with_has_to_be_there(shell, folder):
    answer = shell("run", "study.yaml", "--from", "nowhere")
    assert_refused(answer, folder, ["nowhere: there is no such result"])


def test_a_file_is_no_folder_to_write_to(shell, folder):
    answer = shell("run", "study.yaml", "--out", "study.yaml")
    assert_refused(answer, folder, ["must be a folder to write to"])


def test_evaluate_names_what_is_free(shell, folder):
    answer = shell("evaluate", "study.yaml", "--set", "design.clock=free")
    assert_refused(answer, folder, ["free are: clock"])


@pytest.mark.parametrize("command", ["explain", "plot"])
@pytest.mark.parametrize("result", ["nowhere", "study.yaml", "."])
def test_no_result(command, result, shell, folder):
    assert_refused(shell(command, result), folder, [])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["runn"], "No such command"),
        (["run"], "Missing argument"),
        (["run", "study.yaml", "--colour"], "No such option"),
        (["run", "study.yaml", "--seed", "x"], "--seed"),
        (["catalog", "chp"], "did you mean `chip`?"),
        (["catalog", "chip", "h100_sx"], "did you mean `h100_sxm`?"),
    ],
)
def test_bad_words(words, message, shell, folder):
    assert_refused(shell(*words), folder, [message])


LINK = """\
straw:
  source: invented
  confidence: estimate
  energy: {value: 1, low: 1, high: 1, unit: pJ/b, source: x, confidence: estimate}
  reach: {value: 1, low: 1, high: 1, unit: m, source: x, confidence: estimate}
  optical: 0
  latency: 0
  price: 0
  failure_rate: 0
"""


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("value: 1, low: 1, high", "value: 1, high", "`straw.energy` must have `low`"),
        ("unit: m,", "unit: W,", "`straw.reach` must be in m, but is '1 W'"),
        ("optical: 0", "opticle: 0", "`straw.opt"),
        ("latency: 0", "latency: -1", "`straw.latency`"),
        ("  price: 0\n", "", "lacks the field `price` [USD/(B/s)] such as"),
        ("optical: 0", "optical: [0", "is not valid YAML"),
        ("value: 1, low: 1, high: 1, unit: m,", "value: 1e-9, low: 1e-9, high: 1,", ""),
        ("latency: 0", "latency: 300", "would be 300 s, but the catalog has 1 ns"),
        ("value: 1, low: 1, high", "value: 3, low: 1, high", "low <= value <= high"),
        ("  price: 0\n", "  price: 0\n  price: 1\n", "is written twice"),
        ("straw:", "sources: [1]\nstraw:", "`sources` must be a mapping"),
        ("source: x", "source: [x]", "must be text"),
    ],
)
def test_an_own_catalog_names_entry_and_field(
    old, new, message, shell, folder, own_links
):
    own_links(LINK.replace(old, new, 1))
    words = ["evaluate", "study.yaml", "--set", "scenario.links=[lpo, straw]"]
    assert_refused(shell(*words), folder, ["links.yaml", message])


@pytest.fixture
def own_links(tmp_path_factory, monkeypatch):
    """Return a function that puts a text into a catalog of the user's own."""
    own = tmp_path_factory.mktemp("own")

    def put(text):
        (own / "links.yaml").write_text(text)
        forget()
        monkeypatch.setenv(read.OWN_CATALOG, str(own))

    yield put
    forget()


def forget():
    """Drop what the catalog has read."""
    catalog.forget()
