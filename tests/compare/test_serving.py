"""Machines that serve: each with its own best pools, and what would make them equal."""

import dataclasses
import math

import numpy as np
import pytest
import yaml

from supernode_opt.batch.case import nameless
from supernode_opt.batch.exact import quantities
from supernode_opt.compare.comparison import config as question
from supernode_opt.compare.comparison import solve as answer
from supernode_opt.compare.inversion import config as condition
from supernode_opt.compare.inversion import solve as inversion
from supernode_opt.compare.splits import best_split
from supernode_opt.problem.constraints import always
from supernode_opt.reading import document
from supernode_opt.reading.node import StudyError
from supernode_opt.record import replace
from supernode_opt.results import table
from supernode_opt.results.comparison import summary
from supernode_opt.search.enumerate import plans, whole_candidates
from supernode_opt.search.inner import complete
from supernode_opt.search.solution import plain_report
from supernode_opt.system.report import SERVING_COMPARED

RATE = "output_tokens_per_s"
SERVING = {
    "input_length": 1024,
    "output_length": 256,
    "tpot_limit": "20 ms",
    "ttft_limit": "2 s",
}
VLLM = "vllm"
COMPARED = {
    "systems": [
        {"system": "dgx_h100", "chips": 8, "scenario": {"stack": VLLM}},
        {
            "name": "h100_fp8",
            "system": "dgx_h100",
            "chips": 8,
            "scenario": {"stack": VLLM},
            "serving": {"weight_precision": "fp8"},
        },
        {"system": "hgx_h200", "chips": 8, "scenario": {"stack": "sglang"}},
    ],
    "models": ["llama3_8b"],
    "serving": SERVING,
}


def read(written, reader=question):
    return reader.read(document.parse(yaml.safe_dump(written), "compare.yaml"), "x")


@pytest.fixture(scope="module")
def asked():
    return read(COMPARED)


@pytest.fixture(scope="module")
def dataset(asked):
    return answer.compare(asked)


def test_each_machine_has_the_best_of_its_layouts(asked):
    problem = asked.cells[0].problem
    rows = whole_candidates(problem, plans(problem, 10**6))
    limits = always(problem.scenario)
    names = (RATE, *(limit.name for limit in limits))
    values = quantities(complete(problem, rows), nameless(problem.scenario), names)
    kept = np.all([values[one.name] <= one.limit for one in limits], axis=0)
    best = best_split(problem)
    assert best.splits == len(kept) > 1
    report = plain_report(best.values, problem.scenario)
    assert float(getattr(report, RATE)) == pytest.approx(
        values[RATE][kept].max(), rel=1e-12
    )
    assert float(report.tpot) <= 20e-3


def test_nothing_is_the_best_where_no_layout_keeps_the_limits(asked):
    problem = asked.cells[0].problem
    scenario = replace(problem.scenario, "serving.tpot_limit", 1e-4)
    best = best_split(dataclasses.replace(problem, scenario=scenario))
    assert "time per output token" in best.reason


def test_quantities_are_those_of_serving_with_their_ranges(dataset):
    for name in SERVING_COMPARED:
        low, high = dataset[f"{name}_low"].values, dataset[f"{name}_high"].values
        assert np.all(low <= high), name
    # The limit binds in every draw, whatever no constant explains.
    assert float(dataset["tpot_drawn"].max()) <= 20e-3 * (1.0 + 1e-9)
    wide = dataset[f"{RATE}_high"] / dataset[f"{RATE}_low"]
    assert np.all(wide.values > 1.1)
    served = dataset["trained_in"].values.ravel().tolist()
    assert served == ["bf16", "fp8", "bf16"]


def test_a_shared_stack_and_chip_are_drawn_once(dataset):
    """Precisions of one machine differ less than machines do."""
    drawn = np.log(dataset[f"{RATE}_drawn"].values.reshape(3, -1))
    alike, other = np.std(drawn[0] - drawn[1]), np.std(drawn[0] - drawn[2])
    assert alike < other


def test_speed_is_claimed_only_where_it_is_asked_for(asked, dataset):
    claimed = {claim.quantity for claim in asked.claims}
    assert not claimed & {"tpot", "user_tokens_per_s"}
    assert RATE in claimed
    text = table.render(dataset)
    assert "TPOT" in text
    assert "[token/s]" in text
    machines = summary(dataset)["machines"]
    assert {"ttft", RATE} <= machines[0].keys()
    assert "attention_data_parallel" in machines[0]["design"]


@pytest.fixture(scope="module")
def inverted():
    made = {
        "systems": COMPARED["systems"][:1],
        "model": "llama3_8b",
        "serving": SERVING,
        "constant": "chip.hbm_bandwidth",
        "condition": {"quantity": "output_tokens_per_s_per_chip", "equals": 4000},
        "bracket": {"low": "1 TB/s", "high": "8 TB/s"},
    }
    asked = read(made, condition)
    return asked, inversion.solve(asked, lambda what, done: None)


def test_the_bandwidth_that_reaches_a_rate_is_the_least_one(inverted):
    asked, found = inverted
    assert found.found
    assert found.settled
    (side,) = asked.sides
    at = []
    for away in (0.0, -1e-6):
        value = found.value * math.exp(away)
        scenario = replace(side.problem.scenario, "chip.hbm_bandwidth", value)
        best = best_split(dataclasses.replace(side.problem, scenario=scenario))
        at.append(float(getattr(plain_report(best.values, scenario), asked.quantity)))
    assert at[0] >= 4000.0 * (1.0 - 1e-9)
    assert at[1] < 4000.0
    assert 0.0 < found.elasticities[0] < 1.0


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"training": {"sequence_length": 4096}}, "stands beside `training`"),
        ({"serving": None}, "lacks `training` or `serving`"),
        ({"precisions": ["fp9"]}, "did you mean `fp8`?"),
    ],
)
def test_what_cannot_be_compared_is_said_in_a_line(changes, said):
    written = {k: v for k, v in (COMPARED | changes).items() if v is not None}
    with pytest.raises(StudyError, match=said.replace("?", r"\?")):
        read(written)


def test_machines_share_their_requests():
    other = {"system": "dgx_h100", "serving": {"input_length": 1}}
    with pytest.raises(StudyError, match="input_length"):
        read(COMPARED | {"systems": [other]})
