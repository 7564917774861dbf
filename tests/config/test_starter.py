"""Every starter file works as it is, says how it is used, and overwrites nothing."""

from pathlib import PurePath

import jax
import pytest

from supernode_opt import catalog
from supernode_opt.catalog.own import OWN_CATALOG
from supernode_opt.config import starter, study
from supernode_opt.problem.build import build_design
from supernode_opt.record import leaves
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


def test_starters_work_and_are_what_they_start_from(own):
    path = own / "my_study.yaml"
    mine = ["system=my_system", "model=my_model", "scenario.chip=my_chip"]
    plain, problem = study.load(path).problem, study.load(path, mine).problem
    assert not problem.variables
    assert not problem.choices
    for name, value in problem.fixed.items():
        kept = plain.fixed[name]
        assert value == (kept if isinstance(kept, str) else pytest.approx(kept)), name
    same = dict(leaves(plain.scenario))
    for name, value in leaves(problem.scenario):
        assert value == pytest.approx(same[name], rel=1e-12), name
    assert problem.scenario.chip.name == "my_chip"
    design = build_design(problem.fixed, problem.scenario)
    assert 0.1 < float(jax.jit(evaluate)(design, problem.scenario).mfu) < 0.7


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
