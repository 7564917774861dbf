"""Whose a value is: told by the file, kept where a study is written out."""

import pytest

from supernode_opt.config import override, resolve, study
from supernode_opt.reading import document
from supernode_opt.reading.node import StudyError

FILE = """\
system: cloudmatrix384
model: llama3_8b
training: {sequence_length: 4096, global_batch: 384}
scenario:
  facility: {pue: 1.1}
  links: [lpo, {base: dsp, name: mine, energy: 12 pJ/bit}]
design:
  chips: 384
  tensor_parallel: 8
  pipeline_parallel: 1
  context_parallel: 1
  expert_parallel: 1
  interleave: 1
  micro_batch: 1
  recompute: none
  optimizer_sharding: zero1
  sequence_parallel: "on"
  scale_up_link: lpo
  scale_out_link: mine
  links.lpo.latency: 200 ns
objective: {maximize: mfu}
"""


def understood(text, *assignments):
    top = document.parse(text, "study.yaml")
    for assignment in assignments:
        top = override.apply(top, assignment)
    return study.understand(top)


@pytest.fixture(scope="module")
def asked():
    return understood(FILE)


def test_each_value_is_the_users_or_the_catalogs_or_follows(asked):
    origins = asked.problem.origins
    whose = {
        "facility.pue": "user",
        "facility.energy_price": "catalog",
        "links.lpo.latency": "user",
        "links.lpo.energy": "catalog",
        "links.mine.energy": "user",
        "links.mine.latency": "catalog",
        "chips": "user",
        "clock": "follows",
        "scale_up_bandwidth": "follows",
        "inlet_temperature": "catalog",
        "training.global_batch": "user",
    }
    assert {name: origins.of(name) for name in whose} == whose
    assert origins.entries["links.mine"] == "dsp"


def test_a_study_written_out_still_knows(asked):
    again = understood(resolve.text(asked))
    assert again.problem.origins == asked.problem.origins
    assert resolve.text(again) == resolve.text(asked)


@pytest.mark.parametrize(
    ("assignment", "name"),
    [
        ("design.clock={clock}", "clock"),
        ("scenario.facility.energy_price={price} USD/J", "facility.energy_price"),
        ("design.scale_up_bandwidth=100 GB/s", "scale_up_bandwidth"),
    ],
)
def test_what_is_set_in_it_is_decided_whatever_it_was(asked, assignment, name):
    problem = asked.problem
    now = {"clock": problem.fixed["clock"]}
    now["price"] = problem.scenario.facility.energy_price
    text = assignment.format(**now)
    again = understood(resolve.text(asked), text).problem.origins
    assert again.of(name) == "user"
    assert again.user == asked.problem.origins.user | {name}


def test_what_is_not_as_the_section_says_is_the_users(asked):
    text = resolve.text(asked).replace("pue: 1.1", "pue: 1.2")
    clock = f"\n  clock: {asked.problem.fixed['clock']}"
    assert clock in text
    origins = understood(text.replace(clock, "\n  clock: 0.5")).problem.origins
    assert origins.of("clock") == "user"
    assert origins.of("scale_up_bandwidth") == "follows"


def test_a_wrong_section_is_refused(asked):
    text = resolve.text(asked).replace("  follows:\n", "  follows:\n  - chips\n")
    with pytest.raises(StudyError, match="follows"):
        understood(text)
