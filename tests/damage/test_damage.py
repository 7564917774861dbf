"""A sample of damaged inputs; `make damage` draws thousands."""

import os
import random
from collections import Counter

import pytest

from tests.damage import cases
from tests.damage.drive import damage, run, short, valid

FIRST, COUNT = 0, 40


def test_damage_is_refused_in_one_line(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    sound, kinds = valid(tmp_path), Counter()
    for command in ("explain", "plot"):
        code, _, said = run(cases.Case((command, str(sound.result))))
        assert code == 0, said
    with short(compiled=False):
        for seed in range(FIRST, FIRST + COUNT):
            kind, case, wrong = damage(seed, sound)
            assert not wrong, (seed, kind, case, wrong)
            kinds[kind] += 1
    assert kinds.keys() == cases.KINDS.keys()


def test_the_same_seed_does_the_same_damage(tmp_path):
    sound = valid(tmp_path)
    for kind, make in cases.KINDS.items():
        assert make(random.Random(5), sound) == make(random.Random(5), sound), kind


@pytest.mark.parametrize(
    "named", ["nowhere", "study.yaml", "empty", os.pathsep.join(["own", "nowhere"])]
)
def test_an_own_catalog_that_names_nothing_is_an_error(named, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "chips.yaml").write_text("sources: {}\n")
    (tmp_path / "study.yaml").write_text(cases.STUDY)
    code, out, said = run(cases.Case(("catalog", "chip"), named))
    assert (code, out) == (2, "")
    assert said.startswith("SUPERNODE_OPT_CATALOG: ")
    assert said.count("\n") == 1
