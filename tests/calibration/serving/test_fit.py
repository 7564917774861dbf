"""Constants of stacks: levels, what is stored of them, and how ranges widen."""

import json

import numpy as np

from supernode_opt import catalog
from supernode_opt.calibration.serving.constants import CEILINGS, CONSTANTS, INDEX
from supernode_opt.calibration.serving.posterior import (
    constants_of,
    parsed,
    plain,
    prior_of,
    selection,
    shipped,
    unfitted,
)


def test_at_most_six_constants_differ_between_stacks():
    assert sum(bool(one.stack) for one in CONSTANTS) <= 6


def test_a_stack_is_the_shared_value_and_its_own_deviation():
    names, mean, _ = prior_of(("vllm", "sglang"))
    mean = mean.copy()
    mean[names.index(("launch_time", "stack", "vllm"))] = 0.2
    place = INDEX["launch_time"]
    told = {name: (selection(names, name) @ mean)[place] for name in ("vllm", "sglang")}
    assert np.isclose(told["vllm"] - told["sglang"], 0.2)


def test_a_stack_that_no_row_had_keeps_the_spread_of_its_prior():
    known, new = (constants_of(shipped(), name)[1] for name in ("vllm", "nobody's"))
    place = INDEX["launch_time"]
    assert new[place, place] > known[place, place]


def test_what_is_stored_comes_back():
    before = unfitted()
    after = parsed(json.loads(json.dumps(plain(before))))
    assert after.names == before.names
    assert np.allclose(after.covariance, before.covariance, rtol=1e-3)


def test_entries_of_the_catalog_are_the_posterior():
    for stack in ("vllm", "tensorrt_llm", "cloudmatrix_infer"):
        mean, _ = constants_of(shipped(), stack)
        entry = catalog.load("serving_stack", stack)
        for one in CONSTANTS:
            value = float(getattr(entry, one.name))
            told = float(np.exp(mean[INDEX[one.name]]))
            most = CEILINGS.get(one.name, np.inf)
            assert np.isclose(value, min(told, most), rtol=1e-3)
