"""Every starter file works as it is, says how it is used, and overwrites nothing."""

from pathlib import PurePath

import jax
import pytest

from supernode_opt import catalog
from supernode_opt.catalog.own import OWN_CATALOG
from supernode_opt.config import starter, study
from supernode_opt.problem.build import build_design
from supernode_opt.system.evaluate import evaluate


@pytest.fixture
def own(tmp_path, monkeypatch):
    """Return a folder with a starter of every kind, as an own catalog."""
    for kind in starter.KINDS:
        target = tmp_path / starter.file_name(kind, f"my_{kind}")
        made = starter.text(kind, f"my_{kind}", starter.LIKE[kind], PurePath(target))
        target.write_text(made)
    monkeypatch.setenv(OWN_CATALOG, str(tmp_path))
    catalog.forget()
    yield tmp_path
    monkeypatch.undo()
    catalog.forget()


def report(path, *overrides):
    problem = study.load(path, overrides).problem
    assert not problem.variables
    assert not problem.choices
    design = build_design(problem.fixed, problem.scenario)
    return jax.jit(evaluate)(design, problem.scenario)


def test_starters_say_what_they_start_from(own):
    path = own / "my_study.yaml"
    plain = report(path)
    assert float(plain.mfu) > 0.1
    mine = ["system=my_system", "model=my_model", "scenario.chip=my_chip"]
    same = report(path, *mine)
    assert float(same.step_time) == pytest.approx(float(plain.step_time), rel=1e-9)
    assert float(same.cost) == pytest.approx(float(plain.cost), rel=1e-9)


def test_every_line_of_a_starter_may_be_uncommented(own):
    """But for those that explain: fields stand in comments as they would be written."""
    path = own / "chips.yaml"
    lines = path.read_text().splitlines()
    fields = catalog.provenance("chip", "h100_sxm")
    bare = [
        line.replace("  # ", "  ", 1)
        if line.strip(" #").partition(":")[0] in fields and "{" not in line
        else line
        for line in lines
    ]
    assert bare != lines
    path.write_text("\n".join(bare))
    catalog.forget()
    confidences = {n.confidence for n in catalog.provenance("chip", "my_chip").values()}
    assert confidences == {"stated"}


@pytest.mark.parametrize("kind", starter.KINDS)
def test_a_starter_is_commented(kind, own):
    text = (own / starter.file_name(kind, f"my_{kind}")).read_text()
    text = text.replace(str(own), ".")
    assert text.count("#") > 4
    assert "supernode-opt" in text
    assert max(map(len, text.splitlines())) <= 88
