"""Figures of machines that serve: passes, memory, and throughput by interactivity."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from supernode_opt import plot
from tests.plot import sweeps
from tests.plot.drawn import check, legend, title
from tests.results import serving


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


@pytest.mark.parametrize("width", [plot.COLUMN, plot.FULL])
def test_every_figure_of_a_served_design_can_be_read(width):
    for dataset in (serving.served(), serving.shared()):
        figures = plot.figures_of(dataset)
        assert {"step_waterfall", "prefill_waterfall", "memory_stack"} <= set(figures)
        for figure in figures.values():
            with plot.page(width):
                check(figure(dataset))


def test_what_trains_has_no_pass_of_prefill(dataset):
    assert not {"prefill_waterfall", "memory_stack"} & set(plot.drawable(dataset))


def test_passes_climb_to_their_whole():
    dataset = serving.served()
    for name, parts, factor in (("step", "step", 1e3), ("prefill", "prefill_step", 1)):
        ax = plot.FIGURES_OF["design"][f"{name}_waterfall"](dataset)
        whole = factor * float(dataset[parts].sum())
        assert ax.patches[-1].get_width() == pytest.approx(whole)
        assert sum(bar.get_width() for bar in ax.patches[:-1]) == pytest.approx(whole)


def test_roofline_shares_are_of_the_phase():
    found = legend(plot.FIGURES["roofline"](serving.served()))
    # 24.2 of 50.2 ms of the operators of decode.
    assert "decode attention core, 48 %" in found


@pytest.mark.parametrize("width", [plot.COLUMN, plot.FULL])
def test_throughput_over_interactivity_has_a_line_for_each_domain(width):
    dataset = sweeps.served()
    assert "interactivity" in plot.figures_of(dataset, "sweep")
    with plot.page(width):
        ax = plot.interactivity(dataset, measured=[("CloudMatrix-Infer", 20.2, 1943.0)])
    check(ax)
    assert "against interactivity" in title(ax)
    assert len(legend(ax)) == 4
    # Of the small domain the fastest user, 100 tokens/s, breaks a limit.
    fastest = [max(line.get_xdata()) for line in ax.lines[:6:2]]
    np.testing.assert_allclose(fastest, [71.97, 100.0, 100.0], atol=0.01)


def test_several_results_have_a_line_each_and_lacking_quantities_are_said():
    one = sweeps.served().isel(scale_up_domain=2, drop=True)
    ax = plot.interactivity([one, 0.5 * one.drop_vars("feasible")], ["A", "B"])
    assert legend(ax) == ["A", "B"]
    with pytest.raises(ValueError, match="user_tokens_per_s"):
        plot.interactivity(sweeps.grid("scale_up_domain"))
    grid = sweeps.grid("scale_up_domain")
    assert "interactivity" not in plot.figures_of(grid, "sweep")
