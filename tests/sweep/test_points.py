"""Every point of a sweep is what `evaluate --set` says of it."""

import numpy as np
import pytest

from supernode_opt.answer.evaluation import evaluate_study
from supernode_opt.config import override
from supernode_opt.config.study import understand
from supernode_opt.reading import document
from supernode_opt.reading.node import StudyError
from supernode_opt.sweep.chunks import evaluate_chunk
from supernode_opt.sweep.rules import REASONS, reasons
from supernode_opt.sweep.solve import plan_of
from tests.cli.conftest import STUDY

pytestmark = pytest.mark.filterwarnings("ignore::supernode_opt.reading.node.Doubt")

TOP = document.parse(STUDY, "study")
NAMES = ("mfu", "power", "memory", "junction_temperature", "tokens_per_s", "clock")


def text(axis, value):
    """Write a value as people do at the shell; arrays have numbers in SI."""
    return f"{axis.path}={value!r} {axis.unit}" if axis.unit else f"{axis.path}={value}"


def compared(axes, *, count=10, samples=None, method="grid", seed=0, top=TOP):
    """Compare random points with the same studies, read and evaluated one by one."""
    plan = plan_of(top, axes, samples, method, quantities=NAMES)
    points = plan.points
    found = evaluate_chunk(plan, 0, points.count)
    columns = points.values(0, points.count)
    chance = np.random.default_rng(seed)
    seen = set()
    for index in chance.permutation(points.count)[:count]:
        node = top
        for axis, column in zip(points.axes, columns, strict=True):
            value = column[index]
            value = float(value) if axis.plain else axis.values[int(value)]
            if axis.whole:
                value = int(value)
            node = override.apply(node, text(axis, value))
        reason = REASONS[found.reason[index]]
        seen.add(reason)
        if reason != "legal":
            with pytest.raises(StudyError):
                understand(node)
            assert np.isnan(found.values[:, index]).all()
            assert found.binding[index] == -1
            continue
        told = evaluate_study(understand(node))
        wanted = [float(told[name]) for name in NAMES]
        np.testing.assert_allclose(found.values[:, index], wanted, rtol=1e-9)
        kept = told.attrs["status"] == '"feasible"'
        assert found.feasible[index] == kept
        limit = plan.limits[found.binding[index]]
        state = told.sel(constraint=limit)
        # Of a limit of nothing at all nothing is ever left.
        margins = told["constraint_margin"].where(told["constraint_limit"] != 0.0)
        if kept:
            assert limit != "scale_up_reach"
            assert float(state["constraint_margin"].min()) == float(margins.min())
        else:
            assert float(state["constraint_margin"].min()) < 0.0
    return seen, found


def test_numbers_of_the_machine_with_what_follows_them():
    # Ports follow the chip, the clock follows power and heat, where nothing is said.
    seen, _ = compared(
        {
            "chip.scale_up_bandwidth": {"from": "50 GB/s", "to": "800 GB/s"},
            "inlet_temperature": {"from": "10 degC", "to": "70 degC"},
            "tensor_parallel": [1, 2, 4, 8],
            "chip.power_cap": [0.05, 0.3, 0.7, 1.0],
            "links.lpo.energy": {"from": "1 pJ/b", "to": "50 pJ/b", "scale": "log"},
        },
        samples=400,
        method="latin_hypercube",
        count=24,
    )
    assert {"legal", "illegal_micro_batch", "cannot_run"} <= seen


def test_counts_fill_domains_and_obey_the_rules_of_splits():
    seen, found = compared(
        {
            "chips": [72, 96, 256, 384, 640, 768],
            "tensor_parallel": [1, 2, 3, 8],
            "pipeline_parallel": [1, 2],
            "interleave": [1, 2, 16],
            "optimizer_sharding": ["zero1", "zero3"],
            "sequence_parallel": ["off", "on"],
        },
        count=40,
    )
    assert len(seen) > 4
    assert 0 < (found.reason == 0).sum() < len(found.reason)


def test_words_are_read_as_studies_and_share_programs():
    seen, _ = compared(
        {
            "system": ["cloudmatrix384", "atlas_900_a2"],
            "precision": ["bf16", "best"],
            "recompute": ["none", "norm+swiglu"],
            "training.global_batch": [768, 500],
            "scale_up_bandwidth": {"from": "20 GB/s", "to": "900 GB/s", "count": 3},
            "constraints.power.at_most": ["300 kW", "900 kW"],
        },
        count=16,
    )
    assert "legal" in seen
    assert len(seen) > 1


def test_a_limit_without_a_unit_is_weighed_at_every_point():
    bare = document.parse(STUDY.replace("590 kW", "590000"), "study")
    assert not plan_of(bare, {"chips": [192, 384]}).points.axes[0].plain
    with pytest.raises(StudyError, match="packages of this study"):
        plan_of(bare, {"chips": [384, 98304]})
    assert plan_of(TOP, {"chips": [384, 98304]}).points.axes[0].plain


def test_a_point_beyond_what_can_be_built_is_no_design():
    plan = plan_of(TOP, {"clock": [0.5, 0.9, 3.0], "scale_up_domain": [8, 384, 1e6]})
    (cell,) = plan.cells
    columns = zip(cell.places, plan.points.values(0, 9), strict=True)
    numbers = {path: column for (path,), column in columns}
    found = reasons(cell, numbers, 9).reshape(3, 3)
    assert REASONS[found[2, 0]] == REASONS[found[0, 2]] == "out_of_bounds"
    assert (found[:2, :2] == 0).all()


@pytest.mark.parametrize(
    ("axes", "words"),
    [
        ({"tensor_paralel": [1]}, "did you mean `tensor_parallel`"),
        ({"chip.tpd": [1]}, "tpd"),
        ({"system": ["cloudmatrix384", "dgx_h10"]}, "did you mean `dgx_h100`"),
        ({"scale_up_bandwidth": ["50 W"]}, "must be in B/s"),
        ({"scale_up_bandwidth": [50, 80]}, "scale_up_bandwidth"),
        ({"chips": {"from": 8, "to": 100, "count": 7}}, "whole numbers"),
        ({"clock": {"from": 1, "to": 0.5, "count": 3}}, "from below to above"),
        ({"clock": []}, "empty list"),
        ({"clock": [0.5, 0.5]}, "twice"),
        ({}, "at least one path"),
    ],
)
def test_what_is_wrong_is_said_in_one_line_before_anything_is_computed(axes, words):
    with pytest.raises(StudyError, match=words) as caught:
        plan_of(TOP, axes)
    assert "\n" not in str(caught.value)


def test_samples_are_seeded_and_inside():
    axes = {"clock": {"from": 0.5, "to": 0.9}, "tensor_parallel": [2, 4, 8]}
    for method in ("sobol", "latin_hypercube"):
        one, two, other = (
            plan_of(TOP, axes, 100, method, seed=seed).points for seed in (3, 3, 4)
        )
        clock, ranks = one.values(0, 100)
        assert clock.min() >= 0.5
        assert clock.max() <= 0.9
        assert set(ranks) == {2.0, 4.0, 8.0}
        np.testing.assert_array_equal(clock, two.values(0, 100)[0])
        np.testing.assert_array_equal(clock[40:60], one.values(40, 60)[0])
        assert (clock != other.values(0, 100)[0]).any()


def test_ranges_are_even_in_numbers_or_in_their_logarithms():
    axes = {
        "clock": {"from": 0.5, "to": 0.9, "count": 3},
        "scale_up_bandwidth": {
            "from": "50 GB/s",
            "to": "800 GB/s",
            "count": 5,
            "scale": "log",
        },
        "tensor_parallel": {"from": 1, "to": 8, "count": 4, "scale": "log"},
    }
    clock, bandwidth, ranks = plan_of(TOP, axes).points.axes
    np.testing.assert_allclose(clock.values, [0.5, 0.7, 0.9])
    np.testing.assert_allclose(bandwidth.values, [5e10, 1e11, 2e11, 4e11, 8e11])
    assert ranks.values == (1.0, 2.0, 4.0, 8.0)
