"""Points that are optimized are what a search finds of the same study."""

import yaml

from supernode_opt.config.study import understand
from supernode_opt.reading import document
from supernode_opt.search.solve import optimize
from supernode_opt.sweep.solve import sweep
from tests.cli.conftest import STUDY

FREE = yaml.safe_load(STUDY) | {"solver": {"outer": 0}}
FREE["design"] |= {"tensor_parallel": {"low": 4, "high": 8}, "micro_batch": "free"}


def test_each_point_is_what_a_run_finds():
    path = "constraints.power.at_most"
    limits = {path: ["590 kW", "100 kW"]}
    found = sweep(FREE, limits, optimize=True, quantities=["mfu", "power"])
    best, none = (found.isel({path: place}) for place in (0, 1))
    study = understand(document.parse(yaml.safe_dump(FREE), "study"))
    told = optimize(study.problem, study.settings)
    assert str(best["status"].item()) == "proved"
    assert float(best["mfu"]) == told.report.mfu
    for name in ("tensor_parallel", "micro_batch", "data_parallel"):
        assert float(best[f"design_{name}"]) == told.design[name]
    assert best["design_recompute"].item() == told.design["recompute"]
    assert best["feasible"].item()
    assert str(none["status"].item()) == "infeasible"
    assert not none["feasible"].item()
    meanings = found["binding"].attrs["flag_meanings"].split()
    assert meanings[int(none["binding"])] == "power"
    # Links that reach no further than they may have no margin to tell of.
    assert "reach" not in meanings[int(best["binding"])]
