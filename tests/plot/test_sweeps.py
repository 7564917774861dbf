"""Figures of sweeps: what is drawn where, and what is best."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from supernode_opt import plot
from supernode_opt.plot import grid, style
from supernode_opt.plot.front import on_front
from supernode_opt.plot.regimes import regimes
from tests.plot import sweeps
from tests.plot.drawn import legend, title


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


@pytest.fixture
def numbers():
    return sweeps.grid("scale_up_bandwidth", "scenario.chip.tdp")


def test_axes_are_those_of_the_sweep(numbers):
    ax = plot.contour(numbers, "power")
    assert ax.get_xlabel() == "scale-up bandwidth [GB/s]"
    assert ax.get_ylabel() == "chip TDP [kW]"
    assert ax.get_xlim() == pytest.approx((50.0, 800.0))
    assert ax.get_ylim() == pytest.approx((0.3, 1.2))
    # Linear steps across and factors upwards.
    assert (ax.get_xscale(), ax.get_yscale()) == ("linear", "log")
    (bar,) = (one for one in ax.figure.axes if one is not ax)
    assert bar.get_ylabel() == "power [kW]"


def test_the_star_is_at_the_best_point_that_keeps_every_limit(numbers):
    ax = plot.contour(numbers)
    (star,) = (line for line in ax.lines if line.get_marker() == "*")
    values = numbers["mfu"].where(numbers["feasible"])
    at = values.argmax(...)
    best = values.isel(at)
    assert star.get_xdata()[0] == pytest.approx(float(best["scale_up_bandwidth"]) / 1e9)
    assert star.get_ydata()[0] == pytest.approx(float(best["scenario.chip.tdp"]) / 1e3)
    assert f"best: {100.0 * float(best):.1f} %" in legend(ax)
    assert float(best) < float(numbers["mfu"].max())


def test_less_power_is_better(numbers):
    ax = plot.contour(numbers, "power")
    (star,) = (line for line in ax.lines if line.get_marker() == "*")
    assert (star.get_xdata()[0], star.get_ydata()[0]) == pytest.approx((50.0, 0.3))


def test_what_is_fixed_is_said():
    swept = sweeps.grid("scale_up_link", "scale_up_domain", "scale_up_bandwidth")
    ax = plot.contour(swept, x="scale_up_domain", y="scale_up_link")
    assert "scale-up bandwidth 800 GB/s" in title(ax)
    assert [t.get_text() for t in ax.get_yticklabels()] == ["copper", "CPO", "LPO"]
    assert [t.get_text() for t in ax.get_xticklabels()][-1] == "384"
    # Copper reaches no domain of more than 72.
    assert "cannot be built" in legend(ax)


def test_feasible_names_the_limits_that_bind(numbers):
    ax = plot.feasible(numbers)
    share = 100.0 * float(numbers["feasible"].mean())
    assert f"({share:.0f} % of the points)" in title(ax)
    assert {"power broken", "power nearest", "memory fraction nearest"} <= set(
        legend(ax)
    )
    assert not any("junction" in line for line in legend(ax)), "it binds nowhere"
    hatched = [patch for patch in ax.patches if patch.get_hatch()]
    assert len(hatched) == 1
    # A rectangle has five vertices.
    broken = int((~numbers["feasible"]).sum())
    assert len(hatched[0].get_path().vertices) == 5 * broken


def test_a_map_without_two_variables_is_refused(numbers):
    with pytest.raises(ValueError, match="'chips' is not swept"):
        plot.contour(numbers, x="chips")
    with pytest.raises(ValueError, match="two swept variables"):
        plot.contour(sweeps.grid("scale_up_domain"))
    with pytest.raises(ValueError, match="does not hold 'cost'"):
        plot.contour(numbers, "cost")
    with pytest.raises(ValueError, match="over a grid"):
        regimes(sweeps.samples())


def test_front_is_what_no_design_beats():
    random = np.random.default_rng(0)
    across, up = random.normal(size=(2, 60)).round(1)
    for more in ((True, True), (False, True), (True, False), (False, False)):
        signs = [1.0 if one else -1.0 for one in more]
        gain = np.stack([signs[0] * across, signs[1] * up], axis=1)
        beaten = [
            ((other := np.delete(gain, i, 0)) >= one).all(1) & (other > one).any(1)
            for i, one in enumerate(gain)
        ]
        wanted = {tuple(gain[i]) for i, by in enumerate(beaten) if not by.any()}
        found = {tuple(gain[i]) for i in on_front(across, up, more)}
        assert found == wanted


def test_front_has_the_way_that_is_better_at_its_axes(numbers):
    ax = plot.front(numbers, "power", "tokens_per_s")
    assert ax.get_xlabel() == "← power [kW]"
    assert ax.get_ylabel() == "throughput [thousand tokens/s] →"
    assert "a limit is broken" in legend(ax)


def test_regimes_have_a_line_each_and_a_strip_of_the_best():
    ax = regimes(sweeps.grid("scale_up_domain", "scale_up_bandwidth"),
                 x="scale_up_bandwidth")  # fmt: skip
    assert legend(ax) == ["8", "16", "32", "72", "144", "384"]
    best = {tuple(one.get_facecolor()[0]) for one in ax.collections}
    swept = sweeps.grid("scale_up_domain", "scale_up_bandwidth")
    assert len(best) == len(set(swept["mfu"].argmax("scale_up_domain").values))


def test_a_broken_point_of_a_line_is_hollow():
    swept = sweeps.grid("scenario.chip.tdp")
    ax = regimes(swept)
    hollow = [line for line in ax.lines if line.get_markerfacecolor() == "white"]
    assert len(hollow[0].get_xdata()) == int((~swept["feasible"]).sum())
    assert "a limit is broken" in legend(ax)


def test_parallel_coordinates_have_an_axis_for_each():
    ax = plot.parallel_coordinates(sweeps.samples(), ["mfu", "power"])
    names = [text.get_text().replace("\n", " ") for text in ax.get_xticklabels()]
    assert names[-2:] == ["MFU [%]", "power [kW]"]
    assert len(names) == 6
    assert legend(ax)[0].startswith("best: ")


def test_the_best_of_more_lines_than_are_drawn_is_among_them():
    many = sweeps.samples(4000)
    best = float(many["mfu"].where(many["feasible"]).max())
    ax = plot.parallel_coordinates(many, ["mfu", "power"])
    assert legend(ax)[0] == f"best: {100.0 * best:.1f} %"


def test_tornado_has_the_largest_on_top_and_none_that_moves_nothing():
    ax = plot.FIGURES_OF["sensitivity"]["tornado"](sweeps.tornado())
    names = [text.get_text().replace("\n", " ") for text in ax.get_yticklabels()]
    assert names[0] == "GEMM efficiency of MindSpeed 910C"
    assert len(names) == 4
    assert ax.get_xlabel() == "change of throughput [%]"
    widths = [bar.get_width() for bar in ax.patches]
    assert widths[0] == pytest.approx(-20.0)
    slopes = sweeps.tornado().rename(low="elasticity").drop_vars("high")
    alone = plot.FIGURES_OF["sensitivity"]["tornado"](slopes)
    assert "% per %" in alone.get_xlabel()


def test_log_axes_are_those_of_the_sweep_or_of_even_factors(numbers):
    assert grid.is_log(numbers, "scenario.chip.tdp")
    assert not grid.is_log(numbers, "scale_up_bandwidth")
    told = numbers.assign_attrs(sweep='{"scale_up_bandwidth": {"log": true}}')
    assert grid.is_log(told, "scale_up_bandwidth")


def test_figures_of_a_sweep_are_those_its_axes_allow(numbers, tmp_path):
    # What a user sees of what a machine serves is drawn of machines that serve.
    trained = [name for name in plot.FIGURES_OF["sweep"] if name != "interactivity"]
    assert list(plot.figures_of(numbers, "sweep")) == trained
    line = plot.figures_of(sweeps.grid("scale_up_domain"), "sweep")
    assert "contour" not in line
    samples = plot.figures_of(sweeps.samples(), "sweep")
    assert "regimes" not in samples
    only = {"contour": plot.FIGURES_OF["sweep"]["contour"]}
    paths = plot.draw_figures(numbers, tmp_path, only, ("pdf", "svg"), plot.COLUMN)
    assert [path.name for path in paths] == ["contour.pdf", "contour.svg"]
    assert paths[0].read_bytes().startswith(b"%PDF")
    written = paths[1].read_text()
    # Text is text, and the page is a column wide.
    assert "chip TDP [kW]</text>" in written
    assert f'width="{72.0 * plot.COLUMN:g}pt"' in written
    twice = [plot.draw_figures(numbers, tmp_path / n, only, ["svg"]) for n in "12"]
    assert twice[0][0].read_bytes() == twice[1][0].read_bytes()


def test_a_figure_is_written_by_its_suffix(numbers, tmp_path):
    ax = plot.contour(numbers)
    assert plot.save(ax, tmp_path / "a.PNG").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(ValueError, match=r"a\.gif: a figure ends in one of \.png"):
        plot.save(style.figure(ax), tmp_path / "a.gif")
