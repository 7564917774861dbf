"""Figures have the axes, labels and artists that their numbers call for."""

import itertools

import matplotlib.pyplot as plt
import numpy as np
import pytest

from supernode_opt.plot import FIGURES, draw_all, drawable
from supernode_opt.plot.convergence import NEARLY, convergence
from supernode_opt.plot.power_stack import power_stack
from supernode_opt.plot.roofline import NAMED, roofline
from supernode_opt.plot.step_waterfall import step_waterfall
from supernode_opt.search import relaxed
from tests.plot.drawn import legend, panels, title


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


def texts(ax) -> list[str]:
    return [text.get_text() for text in ax.texts]


@pytest.mark.parametrize("name", FIGURES)
def test_draws_on_the_axes_it_is_given(dataset, name):
    _, ax = plt.subplots()
    assert FIGURES[name](dataset, ax) is ax


@pytest.mark.parametrize("name", FIGURES)
def test_every_axis_names_its_unit(dataset, name):
    ax = FIGURES[name](dataset)
    unit = {
        "step_waterfall": "[s]",
        "power_stack": "[kW]",
        "roofline": "[FLOP/B]",
        "convergence": "iteration",
        "tornado": "[% per % of the constant]",
    }
    assert unit[name] in panels(ax)[-1].get_xlabel()
    assert title(ax)


def test_waterfall_climbs_to_the_step_time(dataset):
    ax = step_waterfall(dataset)
    *parts, whole = ax.patches
    edges = [(bar.get_x(), bar.get_x() + bar.get_width()) for bar in parts]
    assert edges[0][0] == 0.0
    for (_, end), (start, _) in itertools.pairwise(edges):
        assert start == pytest.approx(end)
    assert edges[-1][1] == pytest.approx(float(dataset["step_time"]))
    assert whole.get_width() == pytest.approx(float(dataset["step_time"]))


def test_waterfall_merges_small_parts_and_says_so(dataset):
    ax = step_waterfall(dataset)
    names = [label.get_text() for label in ax.get_yticklabels()]
    assert "3 smaller parts" in names
    assert "launch" not in names
    assert "tensor parallel" not in names, "a part of zero is no part"
    assert any("3.1 s (44.8 %)" in text for text in texts(ax))


def test_waterfall_ends_where_the_step_does(dataset):
    low, high = step_waterfall(dataset).get_xlim()
    assert low == 0.0
    assert high == pytest.approx(float(dataset["step_time"]))


@pytest.mark.parametrize("longest", [0.6, 0.7, 0.95])
def test_no_label_of_a_waterfall_lies_over_names_of_parts(dataset, longest):
    dataset["step"] = dataset["step"].copy()
    names = list(dataset["step"].step_part.values)
    shares = np.full(len(names), (1.0 - longest) / (len(names) - 1))
    shares[names.index("gemm")] = longest
    dataset["step"][:] = shares * float(dataset["step_time"])
    ax = step_waterfall(dataset)
    edge = ax.get_window_extent().x0
    labels = [text for text in ax.texts if "%" in text.get_text()]
    assert labels
    assert all(text.get_window_extent().x0 >= edge for text in labels)


def test_waterfall_of_a_fast_step_is_in_milliseconds(dataset):
    dataset["step"] = dataset["step"] * 1e-3
    dataset["step_time"] = dataset["step_time"] * 1e-3
    assert "[ms]" in step_waterfall(dataset).get_xlabel()


def test_power_parts_add_up_and_the_budget_is_drawn(dataset):
    ax = power_stack(dataset)
    bars = [patch.get_width() for patch in ax.patches]
    assert sum(bars) == pytest.approx(float(dataset["power_parts"].sum()) / 1e3)
    assert "budget 559 kW" in texts(ax)
    assert len(legend(ax)) == dataset.sizes["power_part"]
    assert "chips 342 kW (62.0 %)" in legend(ax)


def test_power_without_a_budget_has_no_budget_line(dataset):
    ax = power_stack(dataset.drop_sel(constraint="power"))
    assert not texts(ax)
    assert not ax.lines


def test_roofline_has_both_roofs_and_every_operator(dataset):
    ax = roofline(dataset)
    assert ax.get_xscale() == ax.get_yscale() == "log"
    across, up = ax.lines[0].get_data()
    assert max(up) == pytest.approx(752.0)
    assert across[1] == pytest.approx(752e12 / 2.7e12)
    assert len(legend(ax)) == NAMED + 1
    assert legend(ax)[0].startswith("experts"), "the longest comes first"
    points = [line for line in ax.lines if line.get_marker() == "."]
    assert len(points[0].get_xdata()) == dataset.sizes["operator"] - NAMED


def test_roofline_leaves_out_operators_without_flops(dataset):
    dataset["operator_flops"].loc["norm"] = 0.0
    names = legend(roofline(dataset))
    assert not any(name.startswith("norm") for name in names)
    assert names[-1] == "without FLOPs, 3 %"


def test_roofline_has_room_for_every_point_and_none_below_the_legend(dataset):
    ax = roofline(dataset)
    figure = ax.figure
    figure.canvas.draw()
    (below,) = figure.legends
    assert below.get_window_extent().y1 <= ax.bbox.y0
    for points in ax.collections:
        at = ax.transData.transform(points.get_offsets()[0])
        assert ax.bbox.contains(*at)
    for text in ax.texts:
        assert text.get_window_extent().x0 >= ax.bbox.x0
        assert text.get_window_extent().y1 <= ax.bbox.y1


def test_roofline_markers_grow_with_the_time(dataset):
    areas = [points.get_sizes()[0] for points in roofline(dataset).collections]
    assert areas == sorted(areas, reverse=True)
    assert areas[0] / areas[-1] == pytest.approx(np.sqrt(2.6 / 0.15))


def test_convergence_marks_the_worst_constraint(dataset):
    ax = convergence(dataset)
    top, below = panels(ax)
    assert top.get_ylabel() == "MFU [%]"
    assert "violation" in below.get_ylabel()
    limits = ["memory fraction", "power", "chip power fraction"]
    words = [*(f"worst: {name}" for name in limits), "none violated"]
    assert legend(ax)[-4:] == words
    looks = {(line.get_marker(), line.get_color()) for line in below.lines[1:5]}
    assert len(looks) == len(words)
    drawn = top.lines[0].get_ydata()
    np.testing.assert_allclose(drawn, 100.0 * dataset["best_objective"].values)


def test_convergence_takes_no_design_for_the_best_that_breaks_a_limit(dataset):
    assert NEARLY == relaxed.NEARLY
    top, _ = panels(convergence(dataset))
    filled, hollow, built = top.lines[1:4]
    assert hollow.get_markerfacecolor() == "white"
    broken = int((dataset["worst_violation"] > NEARLY).sum())
    assert len(hollow.get_xdata()) == broken
    assert len(filled.get_xdata()) == dataset.sizes["iteration"] - broken
    assert built.get_ydata()[0] == pytest.approx(41.2)
    assert built.get_label() == "best design built, 41.2 %"


def test_convergence_shows_no_violation_at_zero(dataset):
    none = float((dataset["worst_violation"] <= 1e-6).sum())
    _, right = panels(convergence(dataset))
    feasible = right.lines[-1]
    assert feasible.get_label() == "none violated"
    assert len(feasible.get_ydata()) == none
    assert not np.any(feasible.get_ydata())
    assert right.get_ylim()[0] < 0.0
    assert 0.0 in right.get_yticks()


def test_convergence_without_any_violation(dataset):
    dataset["worst_violation"] = 0.0 * dataset["worst_violation"]
    assert legend(convergence(dataset))[-1] == "none violated"
    assert not any("worst" in one for one in legend(convergence(dataset)))


def test_convergence_survives_an_endless_violation(dataset):
    dataset["worst_violation"].values[0] = np.inf
    _, right = panels(convergence(dataset))
    assert np.isfinite(right.get_ylim()).all()


def test_a_wide_legend_takes_fewer_columns(dataset):
    dataset["power_parts"] = dataset["power_parts"] * 37.31
    figure = power_stack(dataset).figure
    figure.canvas.draw()
    box = figure.legends[0].get_window_extent()
    assert box.x0 >= figure.bbox.x0
    assert box.x1 <= figure.bbox.x1


def test_draw_all_writes_what_the_dataset_holds(dataset, tmp_path):
    paths = draw_all(dataset, tmp_path / "figures")
    assert [path.stem for path in paths] == list(FIGURES)
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in paths)
    assert not plt.get_fignums()


def test_figures_without_their_numbers_are_skipped(dataset):
    bare = dataset.drop_vars(["best_objective", "operator_time", "elasticity"])
    assert drawable(bare) == ("step_waterfall", "power_stack")
