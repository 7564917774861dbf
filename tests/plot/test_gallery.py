"""The pictures of the experiments can all be drawn anew."""

import importlib.util
import re
from pathlib import Path

import pytest

from supernode_opt import plot

ROOT = Path(__file__).resolve().parents[2]
# Drawn from a table that is not shipped.
BY_HAND = {"how_well_is_it_known/memory_verdicts.png"}


@pytest.fixture(scope="module")
def gallery():
    spec = importlib.util.spec_from_file_location(
        "gallery", ROOT / "experiments" / "gallery.py"
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_committed_picture_is_drawn_by_it(gallery):
    drawn = {
        f"{experiment}/{file}.png"
        for experiment, questions in gallery.QUESTIONS.items()
        for _, _, pictures in questions
        for file in pictures.values()
    }
    drawn |= {f"{gallery.STACKS[0]}/{n}.png" for n in ("step_stacks", "power_stacks")}
    committed = (ROOT / "experiments").glob("*/*.png")
    assert {f"{p.parent.name}/{p.name}" for p in committed} == drawn | BY_HAND


def test_every_question_and_figure_is_known(gallery):
    figures = {name for kind in plot.FIGURES_OF.values() for name in kind}
    for experiment, questions in gallery.QUESTIONS.items():
        for _, question, pictures in questions:
            assert (ROOT / "experiments" / experiment / question).exists()
            assert set(pictures) <= figures


def test_every_picture_that_is_shown_is_committed():
    for page in (ROOT / "experiments").glob("*/README.md"):
        for name in re.findall(r"!\[[^\]]*\]\((\w+\.png)\)", page.read_text()):
            assert (page.parent / name).exists(), f"{page}: {name}"


def test_an_unknown_experiment_is_refused(gallery, capsys):
    with pytest.raises(SystemExit):
        gallery.main(["figures", "weather"])
    assert "weather is none of" in capsys.readouterr().err
