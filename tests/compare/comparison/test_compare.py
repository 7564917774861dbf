"""Machines side by side: exact best splits, shared draws, honest claims."""

import dataclasses
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from supernode_opt.answer.evaluation import evaluate_study
from supernode_opt.batch.case import case
from supernode_opt.batch.exact import quantities
from supernode_opt.calibration.data.platforms import SHIPPED
from supernode_opt.calibration.step_time import shipped
from supernode_opt.calibration.step_time.constants import INDEX
from supernode_opt.calibration.step_time.intervals import NINETY
from supernode_opt.calibration.step_time.posterior import constants_of
from supernode_opt.catalog.systems import PARTS
from supernode_opt.compare.comparison import config as question
from supernode_opt.compare.comparison import solve as answer
from supernode_opt.compare.comparison.claims import _word
from supernode_opt.compare.entries import FREE
from supernode_opt.config import study
from supernode_opt.problem.build import build_design
from supernode_opt.reading import document
from supernode_opt.record import replace
from supernode_opt.results import store, table
from supernode_opt.results.comparison import summary
from supernode_opt.search.enumerate import plans
from supernode_opt.search.solution import plain_report
from supernode_opt.system.evaluate import evaluate
from supernode_opt.system.report import COMPARED
from supernode_opt.uncertainty import draws
from supernode_opt.uncertainty.intervals import report_intervals

FILE = """\
systems:
  - cloudmatrix384
  - {name: dgx, system: dgx_h100, chips: 16}
  - {name: twin, system: dgx_h100, chips: 16}
models: [llama3_8b, llama3_405b]
training: {sequence_length: 4096, global_batch: 768}
precisions: [bf16, fp8]
plan: {context_parallel: 1, micro_batch: {low: 1, high: 4}}
"""


@pytest.fixture(scope="module")
def asked():
    return question.read(document.parse(FILE, "compare.yaml"), "small")


@pytest.fixture(scope="module")
def found(asked):
    return answer.find(asked.cells, asked.seed, lambda what, done: None)


@pytest.fixture(scope="module")
def dataset(asked):
    return answer.compare(asked)


def one(found, system, model="llama3_8b", wanted="bf16"):
    key = (system, model, wanted)
    return next(f for f in found if (f.cell.system, f.cell.model, f.cell.wanted) == key)


def claim(dataset, better, than, quantity, model="llama3_8b", wanted="bf16"):
    said = {"better": better, "than": than, "quantity": quantity}
    said |= {"model": model, "wanted": wanted}
    rows = np.ones(dataset.sizes["claim"], bool)
    for field, value in said.items():
        rows &= dataset[f"claim_{field}"].values == value
    (row,) = np.flatnonzero(rows)
    return int(row)


def test_the_best_split_is_the_best_of_all(found):
    best = one(found, "dgx", wanted="fp8")
    problem = best.cell.problem
    rows = plans(problem, 10**6)
    count = len(rows["chips"])
    links = [link.name for link in problem.scenario.links]
    for name, value in problem.fixed.items():
        if isinstance(value, float):
            rows.setdefault(name, np.full(count, value))
        elif name.endswith("_link"):
            rows[name] = np.full(count, links.index(value))
    names = (*COMPARED, "memory_fraction")
    every = quantities(rows, problem.scenario, names)
    fits = every["memory_fraction"] <= 1.0 - problem.scenario.memory_headroom
    assert best.best.splits == count
    assert 0 < fits.sum() < count
    row = np.argmax(np.where(fits, every["tokens_per_s"], 0.0))
    for value, name in zip(best.seen.value, COMPARED, strict=True):
        assert value == pytest.approx(every[name][row], rel=1e-12), name


def test_reported_is_what_the_model_says(found):
    seen = one(found, "cloudmatrix384")
    report = plain_report(seen.best.values, seen.cell.problem.scenario)
    for value, name in zip(seen.seen.value, COMPARED, strict=True):
        assert value == pytest.approx(float(getattr(report, name)), rel=1e-12), name


def test_a_chip_without_fp8_trains_in_bf16_and_says_so(dataset):
    for name in COMPARED:
        pair = dataset[name].sel(system="cloudmatrix384", model="llama3_8b").values
        assert pair[0] == pair[1], name
    trained = dataset["trained_in"].sel(model="llama3_8b", precision="fp8")
    assert list(trained.values) == ["bf16", "fp8", "fp8"]
    row = claim(dataset, "cloudmatrix384", "dgx", "mfu", wanted="fp8")
    assert "(BF16 against FP8)" in dataset["claim_sentence"].values[row]


def test_ranges_are_those_of_evaluate(found, dataset):
    """The same law with other draws: quantiles agree to what 512 draws leave open."""
    seen = one(found, "cloudmatrix384")
    scenario = seen.cell.problem.scenario
    design = build_design(seen.best.values, scenario)
    ranges = report_intervals(
        design, scenario, seed=3, origins=seen.cell.problem.origins
    )
    at = {"system": "cloudmatrix384", "model": "llama3_8b", "precision": "bf16"}
    for name in ("power", "tokens_per_s", "cost_per_megatoken"):
        for end, expected in zip(("_low", "_high"), ranges[name], strict=True):
            value = float(dataset[name + end].sel(at))
            assert value == pytest.approx(expected, rel=0.12), name + end


def test_what_to_measure_next_is_told_of_open_claims_alone(dataset):
    words, narrows = dataset["claim_word"].values, dataset.attrs["measure_next"]
    every = dict(
        zip(dataset["claim_sentence"].values, json.loads(narrows), strict=True)
    )
    for word, (sentence, found) in zip(words, every.items(), strict=True):
        assert bool(found) == ("Measure next" in sentence)
        assert word == "depends" or not found
    row = claim(dataset, "cloudmatrix384", "dgx", "mfu")
    assert words[row] == "depends"
    step, both, *constant = json.loads(narrows)[row]
    assert step["measure"] == "step of cloudmatrix384"
    assert both["measure"] == "steps of cloudmatrix384 and dgx"
    # Step times are known to 4 %: 0.057 of a ratio that is uncertain by more.
    assert step["share"] < both["share"]
    ends = (dataset[f"claim_ratio_{end}"][row] for end in ("high", "low"))
    spread = float(np.log(next(ends) / next(ends))) / (2.0 * NINETY)
    assert both["share"] == pytest.approx(1.0 - 2.0 * (0.04 / spread) ** 2, abs=0.1)
    low, high = (float(dataset[f"claim_ratio_{end}"][row]) for end in ("low", "high"))
    assert low < step["low"] < both["low"] < both["high"] < step["high"] < high
    assert step["chance"] < both["chance"]
    assert all("." in one["measure"] for one in constant)


def test_evidence_is_told_of_every_machine(dataset):
    printed = " ".join(table.render(dataset).split())
    assert "cloudmatrix384 Llama 3 8B BF16, Llama 3 8B FP8" in printed
    at = {"model": "llama3_8b", "precision": "bf16"}
    assert dataset["grade"].sel(at).sel(system="dgx").item() in ("measured", "near")
    told = summary(dataset)["machines"][0]["evidence"]
    assert told.startswith("extrapolated - no run of ascend_910c")


def test_machines_share_what_they_have_in_common(dataset):
    row = claim(dataset, "dgx", "twin", "power")
    assert dataset["claim_word"].values[row] == "equal"
    assert dataset["claim_ratio_low"].values[row] == 1.0
    assert dataset["claim_ratio_high"].values[row] == 1.0
    at = {"model": "llama3_8b", "precision": "bf16"}
    power = dataset["power_drawn"].sel(at)
    assert float(power.sel(system="dgx").std()) > 0.0
    # They err alike, so that every ratio between them is known.
    tokens = claim(dataset, "dgx", "twin", "tokens_per_s")
    assert dataset["claim_word"].values[tokens] == "equal"
    other = dataset["tokens_per_s_drawn"].sel(at)
    pair = [other.sel(system=name).values for name in ("dgx", "cloudmatrix384")]
    assert abs(np.corrcoef(*pair)[0, 1]) < 0.9


def test_fitted_constants_have_the_correlations_of_the_fit():
    platform = SHIPPED[0]
    indices = range(len(INDEX))
    root = draws._root([platform] * len(indices), indices)
    known = shipped.posterior()
    _, expected = constants_of(known, platform.family, platform.stack)
    deviation = np.sqrt(np.diag(expected))
    assert root @ root.T == pytest.approx(
        expected / np.outer(deviation, deviation), abs=1e-9
    )
    # One constant of one platform, asked for twice, is one constant.
    twice = draws._root([platform, platform], [0, 0])
    assert (twice @ twice.T)[0, 1] == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("margin", "share", "word"),
    [
        (0.1, 0.96, "holds"),
        (0.1, 0.94, "depends"),
        (-0.1, 0.06, "depends"),
        (-0.1, 0.04, "fails"),
        (-0.1, 0.97, "depends"),
        (0.0, 0.0, "equal"),
    ],
)
def test_what_a_claim_is_called(margin, share, word):
    assert _word(margin, share) == word


def changed(scenario, constant, value):
    """Return `scenario` with kind.entry.field at `value` wherever it is used."""
    kind, entry, field = constant.split(".")
    for part, kind_of_part in PARTS.items():
        if kind_of_part == kind and getattr(scenario, part).name == entry:
            scenario = replace(scenario, f"{part}.{field}", value)
    return scenario


def test_a_condition_is_where_the_claim_turns(found, dataset):
    row = claim(dataset, "cloudmatrix384", "dgx", "cost_per_megatoken")
    turns = json.loads(dataset.attrs["conditions"])[row]
    assert dataset["claim_word"].values[row] == "depends"
    (turn,) = turns[:1]
    assert turn["low"] <= turn["value"] <= turn["high"]

    def cost(system, factor):
        seen = one(found, system)
        scenario = seen.cell.problem.scenario
        scenario = changed(scenario, turn["constant"], factor * turn["value"])
        design = build_design(seen.best.values, scenario)
        return evaluate(design, scenario).cost_per_megatoken

    @jax.jit
    @jax.vmap
    def margins(factor):
        return cost("dgx", factor) - cost("cloudmatrix384", factor)

    below, above = margins(jnp.array([0.99, 1.01])) > 0.0
    assert (below, above) == (turn["true"] == "below", turn["true"] == "above")


def test_a_model_that_does_not_fit_is_not_compared(dataset):
    at = {"model": "llama3_405b", "precision": "bf16"}
    assert "more memory per chip" in str(
        dataset["status"].sel(at | {"system": "dgx"}).item()
    )
    assert np.isnan(dataset["mfu"].sel(at | {"system": "dgx"}))
    assert dataset["status"].sel(at | {"system": "cloudmatrix384"}).item() == "feasible"
    row = claim(dataset, "cloudmatrix384", "dgx", "mfu", model="llama3_405b")
    assert dataset["claim_word"].values[row] == "not comparable"


def test_the_report_has_every_claim(dataset):
    text = " ".join(table.render(dataset).split())
    for word, sentence in zip(
        dataset["claim_word"].values, dataset["claim_sentence"].values, strict=True
    ):
        # What cannot be compared is said once, of the machine that has no design.
        assert (str(sentence) in text) == (word != "not comparable"), sentence
    for system in ("dgx", "twin"):
        for precision in ("BF16", "FP8"):
            said = f"{system} has no design for Llama 3 405B in {precision}: "
            assert text.count(said) == 1
    assert json.dumps(summary(dataset), allow_nan=False)


def test_names_do_not_shape_programs(found):
    # Ranks of a package do.
    cases = [
        case(
            one(found, s).best.values,
            replace(one(found, s).cell.problem.scenario, "chip.ranks_per_chip", 1),
        )
        for s in ("cloudmatrix384", "dgx")
    ]
    assert jax.tree.structure(cases[0]) == jax.tree.structure(cases[1])


def test_a_saved_result_is_a_machine(tmp_path, asked):
    parsed = study.load("experiments/pangu_ultra/as_trained.yaml")
    store.save(evaluate_study(parsed), tmp_path / "design.nc")
    text = FILE.replace("- cloudmatrix384", f"- {{name: mine, saved: {tmp_path}}}")
    read = question.read(document.parse(text, "compare.yaml"), "small")
    mine = read.cells[0].problem
    assert read.cells[0].system == "mine"
    assert {v.name for v in (*mine.variables, *mine.choices)} <= set(FREE)
    chip = dataclasses.asdict(mine.scenario.chip)
    assert chip == dataclasses.asdict(parsed.problem.scenario.chip)
    assert mine.fixed["chips"] == parsed.problem.fixed["chips"]
    # Written out, its values are still the catalog's, or follow their parts.
    assert mine.origins.of("chip.tdp") == "catalog"
    assert mine.origins.of("clock") == parsed.problem.origins.of("clock")
    assert mine.origins.entries == parsed.problem.origins.entries
