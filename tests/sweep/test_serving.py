"""Sweeps of machines that serve: every point is what `evaluate` says of it."""

import numpy as np
import pytest

from supernode_opt.api.study import Study
from supernode_opt.reading.node import StudyError
from supernode_opt.sweep import rules
from supernode_opt.sweep.factors import drawn, factors_of
from supernode_opt.sweep.layout import SERVING_USUAL
from supernode_opt.sweep.paths import full, spoken_name

AXES = {
    "tpot_limit": ["10 ms", "20 ms"],
    "input_length": [512, 2048],
    "decode_batch": [0, 16],
}


@pytest.fixture(scope="module")
def study():
    return Study(
        system="dgx_h100",
        model="llama3_8b",
        stack="vllm",
        input_length=1024,
        output_length=256,
        tpot_limit="20 ms",
        chips=8,
        tensor_parallel=2,
        prefill_chips=0,
        maximize="output_tokens_per_s",
    ).frozen()


@pytest.fixture(scope="module")
def grid(study):
    return study.sweep(AXES, progress=False)


def test_fields_of_serving_have_short_names():
    assert full("tpot_limit") == "serving.tpot_limit"
    assert full("decode_batch") == "design.decode_batch"
    assert spoken_name("serving.arrival_rate") == "arrival_rate"


def test_each_point_is_what_evaluate_says_of_it(study, grid):
    assert grid.sizes == {"tpot_limit": 2, "input_length": 2, "decode_batch": 2}
    assert set(SERVING_USUAL) <= set(grid.data_vars)
    for at in ((1, 1, 0), (0, 0, 1)):
        place = dict(zip(AXES, at, strict=True))
        point = grid.isel(place)
        values = {name: AXES[name][index] for name, index in place.items()}
        one = study.set(values).evaluate()
        for name in SERVING_USUAL:
            assert float(point[name]) == pytest.approx(one[name], rel=1e-9), name
        assert bool(point["feasible"]) == (one.status == "feasible")


def test_limits_bind_and_batches_follow(grid):
    solved = grid.sel(decode_batch=0)
    assert np.all(np.diff(solved["batch"].values, axis=0) > 0.0)
    assert np.all(solved["tpot"].values <= solved["tpot_limit"].values[:, None])
    given = grid.sel(decode_batch=16)
    assert np.all(given["batch"].values == 16.0)


def test_layouts_that_do_not_fill_their_pools_are_not_legal(study):
    found = study.sweep({"tensor_parallel": [2, 3, 16]}, progress=False)
    assert found["legal"].values.tolist() == [True, False, False]
    words = found["reason"].attrs["flag_meanings"].split()
    assert words[int(found["reason"][1])] == rules.REASONS[rules.ILLEGAL_LAYOUT]


def test_what_is_wrong_is_said(study):
    with pytest.raises(StudyError, match="did you mean `tpot_limit`"):
        study.sweep({"tpot_limt": [1]}, progress=False)
    with pytest.raises(StudyError, match="no reported quantity"):
        study.sweep({"input_length": [1]}, quantities=["tptt"], progress=False)


def test_what_no_constant_explains_moves_rates_and_no_limit(study):
    """A machine that is slower decodes fewer requests, each within the limit."""
    factors = factors_of(study.understood)
    normal = np.zeros((3, len(factors.groups)))
    normal[:, len(factors.known)] = -1.0, 0.0, 1.0
    rate = drawn(factors, "output_tokens_per_s", normal)
    assert np.all(np.diff(rate) < 0.0)
    # Half as fast again would lose a third, and what a smaller batch loses beside.
    slower = np.exp(factors.deviation)
    assert rate[2] / rate[1] < 1.0 / slower
    assert np.all(drawn(factors, "tpot", normal) <= 20e-3 * (1.0 + 1e-9))
