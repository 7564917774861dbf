"""Practices that a study and a row say alike: routing, links, graphs, gathering."""

import numpy as np
import pytest

from supernode_opt.calibration.data.interpret import interpret
from supernode_opt.calibration.data.runs import BadRuns, Run
from supernode_opt.calibration.step_time.batch import case
from supernode_opt.config import resolve, rows
from supernode_opt.config.study import understand
from supernode_opt.reading import document
from supernode_opt.reading.node import StudyError
from supernode_opt.workload.routing import Routing
from tests.calibration.rows import run

STUDY = """
system: dgx_h100
model: mixtral_8x7b
training: {sequence_length: 4096, global_batch: 256}
scenario:
  stack: megatron-lm
  routing: {popularity: 0.2, spread: 0.3}
  links: [{base: copper, latency: 20 ns}, dsp, lpo]
design: {chips: 64, tensor_parallel: 4, pipeline_parallel: 1, context_parallel: 1,
  expert_parallel: 8, interleave: 1, micro_batch: 1, recompute: none,
  optimizer_sharding: zero1, sequence_parallel: on}
objective: {maximize: mfu}
"""


def read(text):
    top = document.parse(text, "study.yaml")
    return understand(top), top


def job_of(text):
    """Return the row that a study is, read as a job, and its one case."""
    study, top = read(text)
    job = interpret(Run(rows.row_of(study, top), 2))
    (plan,) = job.plans
    return job, plan, case(job, plan)


def test_routing_and_links_of_a_study_are_those_of_its_row():
    study, _ = read(STUDY)
    job, plan, one = job_of(STUDY)
    routing = Routing(popularity=0.2, spread=0.3)
    assert study.problem.scenario.routing == routing
    assert job.given.constants["routing.popularity"] == 0.2
    scenario = one.scenario
    assert (scenario.routing.popularity, scenario.routing.spread) == (0.2, 0.3)
    assert scenario.routing.imbalance is None
    # The link of the domain is changed, that of the network is not.
    assert job.given.constants["links.copper.latency"] == 20e-9
    assert float(scenario.links[0].latency) == 20e-9
    assert float(scenario.links[1].latency) != 20e-9
    back, _ = read(rows.text(rows.study_of(job, plan)))
    assert back.problem.scenario.routing == routing
    assert [link.name for link in back.problem.scenario.links] == ["copper", "dsp"]
    assert back.problem.scenario.links[0].latency == 20e-9
    # Written out with every default, it is the same.
    again, _ = read(resolve.text(study))
    assert again.problem.scenario.routing == routing


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("popularity: 0.2", "imbalance: 0.5", "`imbalance` must be at least 1"),
        ("popularity", "popularty", "scenario.routing.popularty.*popularity"),
    ],
)
def test_what_no_routing_says_is_refused(old, new, why):
    with pytest.raises(StudyError, match=why):
        read(STUDY.replace(old, new))


def test_links_of_no_catalog_have_no_column():
    own = STUDY.replace("base: copper,", "base: copper, name: mine,")
    study, top = read(own.replace("design: {", "design: {scale_up_link: mine, "))
    with pytest.raises(StudyError, match="'mine', which is no link of the catalog"):
        rows.row_of(study, top)
    with pytest.raises(BadRuns, match=r"line 2: .*mine"):
        interpret(run(**{"scenario.links.mine.latency": "1 s"}))
    assert np.isfinite(case(*_plain()).scenario.links[0].latency)


def _plain():
    """A row that changes a link it does not use."""
    job = interpret(run(**{"scenario.links.cpo.latency": "1 s"}))
    return job, job.plans[0]
