"""Every figure can be read at a column's width and at a page's."""

import matplotlib.pyplot as plt
import pytest

from supernode_opt import plot
from tests.plot import sweeps
from tests.plot.drawn import check, title
from tests.plot.test_bus_bandwidth import made_up
from tests.results.kinds import front, joint

MACHINES = ["CloudMatrix384 as built", "the best design of 24 million"]
TOO = ("step_stacks", "power_stacks")


@pytest.fixture
def result(request, dataset):
    """Return a function that makes a result of a kind."""
    fixtures = {
        "design": "dataset",
        "comparison": "compared",
        "inversion": "inverted",
        "crossover": "crossed",
        "validation": "validated",
        "memory": "peaks",
        "gemm": "gemms",
        "calibration": "calibrated",
        "measurement": "measured",
    }
    others = {
        "collectives": lambda: made_up(["one", "other"], [2, 8]),
        "sensitivity": sweeps.tornado,
        "joint": joint,
        "front": front,
    }

    def made(kind):
        if kind in fixtures:
            return request.getfixturevalue(fixtures[kind])
        return others[kind]()

    return made


@pytest.mark.parametrize("width", [plot.COLUMN, plot.FULL])
@pytest.mark.parametrize("kind", [k for k in plot.FIGURES_OF if k != "sweep"])
def test_no_text_is_cut_off_or_lies_on_another(result, kind, width):
    dataset = result(kind)
    for figure in plot.figures_of(dataset, kind).values():
        with plot.page(width):
            ax = figure(dataset)
        check(ax)
        assert title(ax)
        assert ax.figure.get_figwidth() == width
        plt.close("all")


SWEPT = {
    "words": ("scale_up_link", "scale_up_domain", "scale_up_bandwidth"),
    "numbers": ("scale_up_bandwidth", "scenario.chip.tdp"),
    "steps": ("scale_up_link", "scale_up_domain"),
    "line": ("scale_up_domain",),
    "samples": (),
}


@pytest.mark.parametrize(
    ("axes", "width"),
    [*((axes, plot.COLUMN) for axes in SWEPT), ("words", plot.FULL)],
)
def test_every_figure_of_a_sweep_can_be_read(axes, width):
    dataset = sweeps.grid(*SWEPT[axes]) if SWEPT[axes] else sweeps.samples()
    figures = plot.figures_of(dataset, "sweep")
    for figure in figures.values():
        with plot.page(width):
            ax = figure(dataset)
        check(ax)
        assert sweeps.SUBJECT in title(ax)
        plt.close("all")


@pytest.mark.parametrize("width", [plot.COLUMN, plot.FULL])
@pytest.mark.parametrize("draw", [plot.step_stacks, plot.power_stacks])
def test_stacks_of_several_designs_can_be_read(dataset, draw, width):
    dataset["tokens_per_joule"] = (), 0.731, {"units": "token/J"}
    other = dataset.assign(step=0.3 * dataset["step"])
    other["power_parts"] = 1.7 * dataset["power_parts"]
    with plot.page(width):
        check(draw([dataset, other], MACHINES))
    plt.close("all")


def test_what_cannot_be_read_is_found():
    with plot.page(plot.COLUMN):
        ax = plot.regimes(sweeps.grid("scale_up_domain"))
    words = ax.figure.text(0.95, 0.5, "words that are long")
    with pytest.raises(AssertionError, match="leaves the page"):
        check(ax)
    words.set_position((0.3, 0.5))
    check(ax)
    ax.figure.text(0.4, 0.5, "others")
    with pytest.raises(AssertionError, match="lies on"):
        check(ax)
