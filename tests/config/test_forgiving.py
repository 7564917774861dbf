"""Names are taken as people write them where one thing can be meant."""

import pytest

from supernode_opt import catalog
from supernode_opt.config import forgiving, override, study
from supernode_opt.reading import document
from supernode_opt.reading.node import StudyError, alike, did_you_mean
from tests.damage.cases import STUDY


@pytest.fixture
def written(tmp_path):
    path = tmp_path / "study.yaml"
    path.write_text(STUDY)
    return path


@pytest.mark.parametrize(
    ("written_name", "field"),
    [
        ("TP", "tensor_parallel"),
        ("pp", "pipeline_parallel"),
        ("Tensor-Parallel", "tensor_parallel"),
        ("vpp", "interleave"),
        ("mbs", "micro_batch"),
        ("chip.tdp", "chip.tdp"),
        ("tensor", "tensor"),
    ],
)
def test_fields_of_a_design(written_name, field):
    assert forgiving.field(written_name) == field


@pytest.mark.parametrize(
    ("kind", "name", "entry"),
    [
        ("model", "Llama-3.1-70B", "llama3_70b"),
        ("model", "meta-llama/Meta-Llama-3-8B-Instruct", "llama3_8b"),
        ("model", "deepseek-ai/DeepSeek-V3-Base", "deepseek_v3_671b"),
        ("chip", "h100", "h100_sxm"),
        ("system", "H100", "dgx_h100"),
        ("system", "CM384", "cloudmatrix384"),
        ("link", "LPO", "lpo"),
        ("switch", "NVSwitch 5", "nvswitch5"),
    ],
)
def test_entries_of_the_catalog(kind, name, entry):
    assert catalog.find(kind, name) == entry


def test_a_study_may_say_everything_in_ones_own_words(tmp_path, written):
    own = tmp_path / "own.yaml"
    own.write_text(
        STUDY.replace("cloudmatrix384", "Cloudmatrix 384")
        .replace("tensor_parallel", "TP")
        .replace("maximize: mfu", "maximize: MFU")
        .replace("power:", "Power:")
    )
    first, second = study.load(written), study.load(own)
    assert second.problem == first.problem
    assert second.system == "cloudmatrix384"


def test_an_override_in_other_words_takes_the_place_of_the_value(written):
    found = study.load(written, ["design.TP=4", "training.precision=BF16"])
    assert found.problem.fixed["tensor_parallel"] == 4.0
    top = override.read(written, ["constraints.Facility-Power.at_most=1 MW"])
    assert "facility_power" in top.mapping()["constraints"].mapping()


def test_a_value_put_into_a_document_takes_the_place_of_its_other_name():
    text = STUDY.replace("tensor_parallel", "TP")
    value = document.value("4", "", lines=False)
    top = override.put(document.parse(text, "study"), ["design", "tp"], value)
    design = top.mapping()["design"].mapping()
    assert design["tensor_parallel"].value == 4
    assert "TP" not in design


def test_the_same_field_in_two_words_is_written_twice(tmp_path):
    path = tmp_path / "study.yaml"
    path.write_text(STUDY.replace("design:", "design:\n  TP: 2"))
    with pytest.raises(StudyError, match="is written twice, as `tensor_parallel` too"):
        study.load(path)


def test_what_only_resembles_a_name_is_refused_with_the_nearest():
    assert alike("MFU", ["mfu", "hfu"]) == "mfu"
    assert alike("mfuu", ["mfu", "hfu"]) is None
    # Which of two is meant is not clear.
    assert alike("AB", ["a_b", "a-b"]) is None
    assert did_you_mean("TDPP", ["tdp", "price"]) == " (did you mean `tdp`?)"
