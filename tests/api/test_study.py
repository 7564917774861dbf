"""Studies made, changed and read in Python; nothing here is evaluated."""

import subprocess
import sys

import numpy as np
import pytest
import yaml

import supernode_opt as so
from supernode_opt.config import study as reading
from supernode_opt.problem.problem import Problem
from supernode_opt.units import with_unit
from tests.api.asked import FROZEN, study


def test_importing_is_instant_and_sets_nothing():
    heavy = ("jax", "xarray", "scipy", "pandas", "matplotlib", "pint", "pydantic")
    code = f"import sys, supernode_opt; print([m for m in {heavy} if m in sys.modules])"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert told.stdout.strip() == "[]", told.stderr


@pytest.mark.parametrize(
    "value",
    [
        "560 GB/s",
        "0.56 TB/s",
        560e9,
        np.float32(560e9),
        np.array(560e9),
        with_unit(560e9, "B/s"),
        with_unit(560e9, "B/s").to("gigadata_byte / second"),
    ],
    ids=str,
)
def test_a_quantity_is_words_numbers_scalars_or_pint(value):
    found = study(scale_up_bandwidth=value).problem.fixed["scale_up_bandwidth"]
    assert found == pytest.approx(560e9, rel=1e-7)


def test_units_of_a_registry_of_ones_own():
    pint = pytest.importorskip("pint")
    warm = pint.UnitRegistry(autoconvert_offset_to_baseunit=True)
    chosen = study(inlet_temperature=warm.Quantity(30.0, "degC"))
    assert chosen.problem.fixed["inlet_temperature"] == pytest.approx(303.15)
    flow = study(coolant_flow=warm.Quantity(80.0, "m**3/hour"))
    assert flow.problem.fixed["coolant_flow"] == pytest.approx(80.0 / 3600.0)


def test_keywords_find_their_section():
    made = study(
        {"chip.tdp": "650 W", "scenario.rack.chips_per_rack": 8},
        precision="fp8",
        minimize="power",
        constraints={"power": {"at_most": "20 kW"}},
        name="mine",
    )
    problem = made.problem
    assert problem.scenario.chip.tdp == 650.0
    assert problem.scenario.rack.chips_per_rack == 8.0
    assert problem.scenario.training.precision == "fp8"
    assert (problem.objective.name, problem.objective.maximize) == ("power", False)
    assert (made.name, problem.constraints[0].limit) == ("mine", 20e3)


def test_a_link_of_the_list_is_reached_by_its_name():
    made = study({"links.cpo.energy": "3 pJ/b"}, system="cloudmatrix384", chips=32)
    links = {link.name: link for link in made.problem.scenario.links}
    assert links["cpo"].energy == pytest.approx(24e-12)


def test_a_study_never_changes():
    first = study()
    second = first.set(clock=0.8).set(maximize="tokens_per_s")
    assert first.problem.fixed["clock"] != 0.8
    assert second.problem.fixed["clock"] == 0.8
    assert second.problem.objective.name == "tokens_per_s"
    assert second.set(clock=None).set(maximize="mfu").problem == first.problem
    assert first == study() != second


def test_frees_and_alternatives():
    made = study(
        clock={"low": 0.5, "high": 0.9}, recompute=["none", "full"], micro_batch="free"
    )
    assert set(made.free) == {"clock", "recompute", "micro_batch"}


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("tensor_paralel", 8, "did you mean `tensor_parallel`?"),
        ("chip", "h100_smx", "did you mean `h100_sxm`?"),
        ("clock", "fast", "`design.clock`"),
        ("clock", object(), "must be a value"),
        ("system", "dgx_h10", "did you mean"),
        ("tensor_parallel", 7, "must divide the 32 attention heads"),
        ("scale_up_bandwidth", "560 GB", "must be in B/s"),
    ],
)
def test_errors_are_one_line_that_names_the_field(field, value, words):
    with pytest.raises(so.StudyError) as told:
        _ = study(**{field: value}).problem
    assert words in str(told.value)
    assert "\n" not in str(told.value)


def test_the_old_names_serve_as_before(tmp_path):
    path = tmp_path / "question.yaml"
    path.write_text(yaml.safe_dump(study(seed=7).to_dict()), encoding="utf-8")
    made = so.load(path, ["design.clock=0.8"], seed=9)
    before = reading.load(path, ["design.clock=0.8"], seed=9)
    assert isinstance(made.problem, Problem)
    assert made.problem == before.problem
    for name in ("name", "question", "system", "settings", "seed", "free", "chosen"):
        assert getattr(made, name) == getattr(before, name)
    with pytest.raises(so.StudyError, match="clok"):
        so.load(path, ["design.clok=0.8"])


def test_it_reads_as_text_of_at_most_80_columns():
    told = repr(study(clock="free", constraints={"power": {"at_most": "20 kW"}}))
    assert max(map(len, told.splitlines())) <= 80
    said = ("H100", "Llama 3 8B", "BF16", "TP 8", "maximize MFU", "free: clock")
    for words in said:
        assert words in told
    assert "cannot be used" in repr(study(clock="fast"))
    assert "<pre" in study()._repr_html_()


def test_ranges_have_the_unit_of_their_first_end():
    assert so.linspace("50 GB/s", "0.8 TB/s", 4)[-1] == "800 GB/s"
    assert so.geomspace(1, 100, 3) == [1.0, 10.0, 100.0]
    assert so.linspace(0.5, 0.5, 1) == [0.5]
    for low, high in (("1 W", "2 K"), ("a", "b"), (None, 1)):
        with pytest.raises(so.StudyError):
            so.linspace(low, high, 3)
    with pytest.raises(so.StudyError, match="above zero"):
        so.geomspace(0, 1, 3)
    with pytest.raises(so.StudyError, match="count"):
        so.linspace(0, 1, 0)


def test_the_catalog_as_tables():
    chips = so.catalog.chips()
    assert chips.loc["h100_sxm", "peak_bf16 [TFLOP/s]"] == pytest.approx(989.4)
    assert chips.loc["h100_sxm", "hbm_bandwidth [TB/s]"] == pytest.approx(3.35)
    assert so.catalog.systems().loc["gb200_nvl72", "scale_up_domain"] == 72
    # Llama 3 (arXiv:2407.21783, table 3) has 8.03 billion parameters.
    assert so.catalog.models().loc["llama3_8b", "parameters [1e9]"] == 8.03
    assert len(so.catalog.links()) > 3
    assert len(so.catalog.switches()) > 3
    assert len(so.catalog.softwares()) > 3


def test_a_room_and_a_verb_share_a_name():
    import supernode_opt.compare.entries

    assert callable(so.compare)
    assert supernode_opt.compare.entries.FREE
    assert set(FROZEN) <= {*supernode_opt.compare.entries.FREE}
    assert {"compare", "load", "catalog"} <= set(dir(so))
    with pytest.raises(AttributeError, match="sweeep"):
        _ = so.sweeep
