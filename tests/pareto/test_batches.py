"""Fronts over every whole batch, of which few are evaluated."""

import numpy as np
import pytest
import yaml

from supernode_opt.batch.case import nameless
from supernode_opt.batch.exact import quantities
from supernode_opt.pareto import batches
from supernode_opt.pareto.dominance import undominated
from supernode_opt.pareto.epsilon import Epsilon
from supernode_opt.pareto.run import read
from supernode_opt.problem.constraints import always
from supernode_opt.reading import document
from supernode_opt.search.enumerate import whole_candidates
from supernode_opt.search.inner import complete
from supernode_opt.search.merit import forms

MOST = 600
STUDY = {
    "system": "dgx_h100",
    "model": "llama3_8b",
    "scenario": {"stack": "vllm"},
    "serving": {"input_length": 1024, "output_length": 256, "ttft_limit": "2 s"},
    "design": {"chips": 8, "decode_batch": {"low": 1, "high": MOST}},
    "objective": {"maximize": "output_tokens_per_s_per_chip"},
    "pareto": {
        "objectives": [
            {"maximize": "output_tokens_per_s_per_chip"},
            {"maximize": "user_tokens_per_s"},
        ]
    },
}


def asked(**changes):
    text = yaml.safe_dump(STUDY | changes)
    study, section = read(document.parse(text, "study.yaml"), "x")
    epsilon = Epsilon.of(study.problem, section.goals, study.settings, study.seed)
    return study, epsilon


@pytest.fixture(scope="module")
def found():
    _, epsilon = asked()
    assert batches.suits(epsilon)
    return epsilon, batches.tried(epsilon, 50, lambda done, of: None)


def test_the_front_is_that_of_every_batch(found):
    epsilon, tried = found
    problem, names = epsilon.problem, epsilon.goals.names
    rows = whole_candidates(problem, batches._layouts(epsilon))
    rows = complete(problem, rows)
    layouts = len(rows["chips"])
    every = {name: np.repeat(column, MOST) for name, column in rows.items()}
    every["decode_batch"] = np.tile(np.arange(1.0, MOST + 1.0), layouts)
    narrowed = epsilon.asked(0, [None, None])
    computed = tuple(sorted({*names, *(name for name, _ in forms(narrowed))}))
    values = quantities(every, nameless(problem.scenario), computed)
    kept = np.ones(layouts * MOST, bool)
    for limit in always(problem.scenario):
        kept &= values[limit.name] <= limit.limit * (1.0 + 1e-9)
    losses = epsilon.goals.loss(np.stack([values[name] for name in names], -1))
    best = losses[kept][undominated(losses[kept])]
    order = np.argsort(best[:, 0])
    mine = tried.front.losses
    mine = mine[np.argsort(mine[:, 0])]
    assert 0 < kept.sum() < len(kept)
    np.testing.assert_allclose(mine, best[order], rtol=1e-12)
    assert tried.tried == layouts * MOST
    assert tried.evaluated < 0.5 * tried.tried


def test_batches_are_free_where_speed_is_wanted():
    study, _ = asked(design={"chips": 8})
    assert batches.BATCH in study.free
    others = [{"maximize": "output_tokens_per_s"}, {"minimize": "capital_cost"}]
    study, _ = asked(design={"chips": 8}, pareto={"objectives": others})
    assert batches.BATCH not in study.free
    study, epsilon = asked(design={"chips": 8, "decode_batch": 16})
    assert study.problem.fixed[batches.BATCH] == 16.0
    assert not batches.suits(epsilon)
