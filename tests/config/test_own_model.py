"""Models of one's own in a study: a shape, an entry with changes, a config.json."""

import json
import warnings
from pathlib import Path

import pytest

from supernode_opt import catalog
from supernode_opt.config import resolve, study
from supernode_opt.config.model import count_of
from supernode_opt.reading import document
from supernode_opt.reading.node import StudyError
from supernode_opt.units import UnitError
from tests.damage.cases import STUDY

CONFIGS = Path(__file__).parents[1] / "catalog" / "configs"
SHAPE = (
    "{layers: 8, hidden: 1024, heads: 8, kv_heads: 8, head_dim: 128, ffn: 4096,"
    " vocabulary: 32000"
)


@pytest.fixture
def folder(tmp_path):
    """Return a folder with a study and two config.json beside it."""
    (tmp_path / "study.yaml").write_text(STUDY)
    (tmp_path / "Qwen3-32B").mkdir()
    text = (CONFIGS / "Qwen3-32B.json").read_text()
    (tmp_path / "Qwen3-32B" / "config.json").write_text(text)
    (tmp_path / "Llama-3.1-80B.json").write_text(
        (CONFIGS / "Llama-3.1-70B.json").read_text()
    )
    return tmp_path


def model(folder, written):
    path = folder / "own.yaml"
    lines = STUDY.splitlines()
    (at,) = [i for i, line in enumerate(lines) if line.startswith("model:")]
    path.write_text("\n".join([*lines[:at], f"model: {written}", *lines[at + 1 :]]))
    return study.load(path).problem.scenario.model


def test_a_path_is_looked_for_beside_the_study(folder, monkeypatch):
    monkeypatch.chdir("/")
    found = model(folder, "Qwen3-32B/config.json")
    assert (found.layers, found.hidden, found.name) == (64.0, 5120.0, "Qwen3-32B")
    assert model(folder, "{hugging_face: Qwen3-32B}") == found
    cut = model(folder, "{hugging_face: Qwen3-32B, layers: 32, name: cut}")
    assert (cut.layers, cut.dense_layers, cut.name) == (32.0, 32.0, "cut")


def test_a_study_written_out_needs_no_config(folder):
    path = folder / "own.yaml"
    model(folder, "Qwen3-32B/config.json")
    text = resolve.text(study.load(path))
    (folder / "Qwen3-32B" / "config.json").unlink()
    again = study.understand(document.parse(text, "written"))
    assert again.problem.scenario.model.layers == 64.0


def test_shapes_may_stand_in_the_study(folder):
    found = model(folder, f"{SHAPE}}}")
    assert (found.layers, found.dense_layers) == (8.0, 8.0)
    half = model(folder, "{base: Llama-3.1-70B, layers: 40}")
    assert (half.dense_layers, half.hidden) == (40.0, 8192.0)
    mixed = SHAPE + ", dense_layers: 1, experts: 4, top_k: 2, expert_ffn: 512}"
    assert model(folder, mixed).experts == 4.0


def test_another_number_of_parameters_than_is_said_is_questioned(folder):
    with pytest.warns(UserWarning, match=r"70.55 B parameters .* 12 % fewer than"):
        model(folder, "Llama-3.1-80B.json")
    with pytest.warns(UserWarning, match="own.yaml:3: `model` has .* stated"):
        model(folder, f"{SHAPE}, parameters: 1B}}")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model(folder, "{hugging_face: Llama-3.1-80B.json, parameters: 70.6B}")


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("nothing.json", "`model` is no file: nothing.json"),
        ("{hugging_face: Qwen3-32B, base: llama3_8b}", "one of `base` and"),
        ("{layers: 8, hidden: 64}", "lacks 5 fields: `heads` such as"),
        ("{base: llama3_8b, layer: 3}", "`model.layer` is not a known field (did you"),
        ("Qwen/Qwen3-4B", "download its config.json and write its path"),
        ("{base: llama3_8b, parameters: many}", "`model.parameters` must be a number"),
        (f"{SHAPE}, experts: 4, dense_layers: 0}}", "has experts that compute nothing"),
    ],
)
def test_a_wrong_model_is_refused_in_one_line(folder, written, said):
    with pytest.raises(StudyError) as caught:
        model(folder, written)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_config_that_cannot_be_read_is_named_by_its_own_line(folder):
    fields = json.loads((CONFIGS / "Qwen3-32B.json").read_text())
    (folder / "bad.json").write_text(json.dumps(fields | {"ssm_state": 4}, indent=1))
    with pytest.raises(StudyError, match=r"bad.json:\d+: `ssm_state` may change"):
        model(folder, "bad.json")


def test_counts_as_people_write_them():
    assert count_of("70.6B") == 70.6e9
    assert count_of("1.02 T") == 1.02e12
    assert count_of("494e6") == 494e6
    for wrong in ("0", "-3B", "many", ""):
        with pytest.raises(UnitError):
            count_of(wrong)


def test_shipped_models_are_called_by_their_names_on_the_hub():
    for name in ("mistralai/Mixtral-8x7B-v0.1", "Qwen/Qwen3-235B-A22B"):
        assert catalog.called("model", name) is not None
