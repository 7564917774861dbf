"""Models from their config.json: parameters as published, and nothing guessed."""

import json
from pathlib import Path

import pytest

from supernode_opt import catalog
from supernode_opt.catalog import hugging_face
from supernode_opt.catalog.counted import doubt
from supernode_opt.reading.node import InputError
from supernode_opt.workload.parameters import active_parameters, parameters

CONFIGS = Path(__file__).parent / "configs"
# Billions in all and active, and how far the last digit of the source reaches; model
# cards, technical reports and the totals of the weights' index files.
PUBLISHED = {
    "Llama-3.1-8B": (8.03, None, 0.005),
    "Llama-3.1-70B": (70.55, None, 0.005),
    "Llama-3.2-1B": (1.236, None, 0.0005),
    "Qwen2.5-72B": (72.7, None, 0.05),
    "Qwen2-57B-A14B": (57.41, 14.0, 0.5),
    "Qwen3-32B": (32.8, None, 0.05),
    "Qwen3-30B-A3B": (30.5, 3.3, 0.06),
    "Mixtral-8x22B-v0.1": (140.6, 39.0, 0.5),
    "DeepSeek-V2-Lite": (15.7, 2.4, 0.3),
    "DeepSeek-V2": (235.7, 21.0, 0.5),
    "DeepSeek-V3": (671.0, 37.0, 0.6),
    "Kimi-K2-Base": (1026.4, 32.0, 1.0),
    "gemma-2-27b": (27.2, None, 0.05),
    "gemma-3-1b-pt": (1.0, None, 0.005),
    # 27.4 with the 0.42 of its vision tower.
    "gemma-3-27b-pt": (27.0, None, 0.05),
    "gpt-oss-120b": (116.8, None, 0.05),
    "gpt-oss-20b": (20.9, None, 0.05),
    # 355 with the 4 of the layer that predicts ahead.
    "GLM-4.5": (352.0, 32.0, 2.0),
    "GLM-4.5-Air": (106.0, 12.0, 1.5),
    "glm-4-9b": (9.4, None, 0.05),
    "Pangu-Pro-MoE-72B-A16B": (71.99, 16.5, 0.05),
    "openPangu-Ultra-MoE-718B": (718.0, 39.0, 1.5),
    # Seven without the tables.
    "openPangu-Embedded-7B": (8.03, None, 0.05),
}


def model(name):
    return hugging_face.read(CONFIGS / f"{name}.json")


def test_every_config_is_published():
    assert {path.stem for path in CONFIGS.iterdir()} == set(PUBLISHED)


@pytest.mark.parametrize("name", PUBLISHED)
def test_parameters_are_as_published(name):
    total, active, reach = PUBLISHED[name]
    read = model(name)
    assert float(parameters(read)) / 1e9 == pytest.approx(total, abs=reach)
    if active is not None:
        assert float(active_parameters(read)) / 1e9 == pytest.approx(active, abs=1.7)
    assert doubt(read, name) is None


@pytest.mark.parametrize(
    ("name", "entry"),
    [("Llama-3.1-70B", "llama3_70b"), ("DeepSeek-V3", "deepseek_v3_671b")],
)
def test_a_config_is_the_entry_of_the_catalog(name, entry):
    shipped = catalog.load("model", entry)
    read = vars(model(name)) | {"name": shipped.name}
    assert read == vars(shipped)
    assert catalog.find("model", f"owner/{name}-Instruct") == entry


def test_windows_of_layers():
    # Every second layer; five of six, of 62 layers 52 and of 26 layers 22.
    assert (model("gpt-oss-20b").window, model("gpt-oss-20b").windowed_share) == (
        128.0,
        0.5,
    )
    assert model("gemma-2-27b").windowed_share == 0.5
    assert model("gemma-3-27b-pt").windowed_share == pytest.approx(52 / 62)
    assert model("gemma-3-1b-pt").windowed_share == pytest.approx(22 / 26)
    assert model("Qwen2.5-72B").window == 0.0


def test_experts_and_heads_of_families():
    assert model("Qwen2-57B-A14B").shared_experts == 8.0
    assert model("Pangu-Pro-MoE-72B-A16B").shared_experts == 4.0
    assert model("DeepSeek-V2").node_limit == 3.0
    assert model("DeepSeek-V2-Lite").query_rank == 0.0
    assert model("GLM-4.5").dense_layers == 3.0
    # Its tables are tied by the class, which the file does not say.
    assert model("gemma-2-27b").tied == 1.0


@pytest.fixture
def changed(tmp_path):
    """Return a function that writes a config with changes and reads it."""

    def change(name, **changes):
        fields = json.loads((CONFIGS / f"{name}.json").read_text()) | changes
        path = tmp_path / "config.json"
        kept = {k: v for k, v in fields.items() if v != "absent"}
        path.write_text(json.dumps(kept, indent="\t"))
        return hugging_face.read(path)

    return change


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"model_type": "mamba2"}, "`model_type` is 'mamba2', a family whose shape"),
        ({"model_type": "lama"}, "did you mean `llama`?"),
        ({"model_type": "absent"}, "has no `model_type`"),
        ({"num_kv_shared_layers": 4}, "`num_kv_shared_layers` may change the shape"),
        ({"hidden_size": "absent"}, "lacks `hidden_size`"),
        ({"vocab_size": "many"}, "`vocab_size` must be a number, but is 'many'"),
        ({"hidden_size": 4096.5}, "`hidden_size` must be a whole number"),
        ({"num_hidden_layers": 1e300}, "must be a whole number"),
        ({"layer_types": ["linear_attention"] * 32}, "which is not modelled"),
        ({"layer_types": ["full_attention"]}, "must name 32 layers"),
    ],
)
def test_what_is_not_understood_is_refused(changed, changes, said):
    with pytest.raises(InputError) as caught:
        changed("Llama-3.1-8B", **changes)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "config.json" in str(caught.value)


def test_layers_of_experts_are_counted_by_the_ways_families_say_it(changed):
    # Of 48 layers every second has experts; of those layer 3 (counted from 0) not.
    sparse = changed("Qwen3-30B-A3B", decoder_sparse_step=2, mlp_only_layers=[3])
    assert sparse.dense_layers == 25.0
    stepped = changed("DeepSeek-V2-Lite", moe_layer_freq=2)
    # Layers 2, 4, ..., 26 of 27.
    assert stepped.dense_layers == 14.0


@pytest.mark.parametrize(
    ("name", "stated", "said"),
    [
        ("Llama-3.1-8B", None, None),
        ("Llama-3.1-70B", None, "89 % fewer than the 70 B that 'Llama-3.1-70B' tells"),
        ("my-8x7B", None, None),
        ("Llama-3.1-70B", 8.1e9, None),
        ("Llama-3.1-8B", 8.3e9, "3 % fewer than the 8.3 B stated"),
    ],
)
def test_a_count_that_is_not_the_stated_one_is_told(name, stated, said):
    found = doubt(model("Llama-3.1-8B"), name, stated)
    assert found is None if said is None else said in found
