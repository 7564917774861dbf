"""Names in tables of serving runs lead to the catalog's models and chips."""

import pytest

from supernode_opt import catalog

MODELS = {
    "deepseek-ai/DeepSeek-R1": "deepseek_v3_671b",
    "deepseek-ai/DeepSeek-R1-0528": "deepseek_v3_671b",
    "deepseek-ai/DeepSeek-V3": "deepseek_v3_671b",
    "nvidia/DeepSeek-R1-NVFP4": "deepseek_v3_671b",
    "nvidia/DeepSeek-R1-0528-FP4": "deepseek_v3_671b",
    "nvidia/DeepSeek-V3.1-NVFP4": "deepseek_v3_671b",
    "DeepSeek-R1": "deepseek_v3_671b",
    "DeepSeek-V3": "deepseek_v3_671b",
    "DeepSeek-V3.2-Exp": "deepseek_v3_2",
    "DeepSeek-V4-Pro": "deepseek_v4_pro",
    "MiniMaxAI/MiniMax-M2.5": "minimax_m2_230b",
    "MiniMax-M2": "minimax_m2_230b",
    "moonshotai/Kimi-K2-Instruct-0905": "kimi_k2_1t",
    "moonshotai/Kimi-K2-Thinking": "kimi_k2_1t",
    "nvidia/Kimi-K2.5-NVFP4": "kimi_k2_1t",
    "Qwen/Qwen3-32B": "qwen3_32b",
    "nvidia/Qwen3-32B-NVFP4": "qwen3_32b",
    "Qwen/Qwen3-8B-FP8": "qwen3_8b",
    "Qwen/Qwen3-235B-A22B-FP8": "qwen3_235b_a22b",
    "Qwen3-235B-A22B": "qwen3_235b_a22b",
    "Qwen/Qwen3-235B-A22B-Instruct-2507": "qwen3_235b_a22b",
    "Qwen/Qwen3.5-397B-A17B": "qwen3_5_397b_a17b",
    "Qwen3.5-397B-A17B": "qwen3_5_397b_a17b",
    "meta-llama/Llama-3.1-8B-Instruct": "llama3_8b",
    "nvidia/Llama-3.1-8B-Instruct-FP8": "llama3_8b",
    "Llama-3.1-8B": "llama3_8b",
    "meta-llama/Llama-3.1-70B": "llama3_70b",
    "nvidia/Llama-3.3-70B-Instruct-FP4": "llama3_70b",
    "Llama-3.3-70B": "llama3_70b",
    "Llama-3.1-405B": "llama3_405b",
    "meta-llama/Llama-2-70b-chat-hf": "llama2_70b",
    "Llama-2-70B": "llama2_70b",
    "Llama-4-Maverick": "llama4_maverick_400b",
    "meta-llama/Llama-4-Maverick-17B-128E-Instruct-FP8": "llama4_maverick_400b",
    "Mixtral-8x7B": "mixtral_8x7b",
    "mistralai/Mixtral-8x7B-Instruct-v0.1": "mixtral_8x7b",
    "openai/gpt-oss-120b": "gpt_oss_120b",
    "gpt-oss-120b": "gpt_oss_120b",
    "openai/gpt-oss-20b": "gpt_oss_20b",
    "Pangu-Pro-MoE": "pangu_pro_moe_72b",
    "Pangu-Pro-MoE-72B-A16B": "pangu_pro_moe_72b",
    "zai-org/GLM-4.6-FP8": "glm4_5_355b",
    "zai-org/GLM-5-FP8": "glm5_744b",
    "baidu/ERNIE-4.5-300B-A47B-Base-PT": "ernie4_5_300b_a47b",
    "baidu/ERNIE-4.5-300B-A47B": "ernie4_5_300b_a47b",
    "stepfun-ai/step3": "step3_321b",
    "meituan-longcat/LongCat-Flash-Chat": "longcat_flash_560b",
    "Llama-9-70B": None,
}
CHIPS = {
    "GB200": "gb200",
    "GB300": "gb300",
    "B200": "b200",
    "B300": "b300",
    "H100": "h100_sxm",
    "H200": "h200_sxm",
    "H800": "h800_sxm",
    "H20-96G": "h20_sxm",
    "H20-141G": "h20_sxm_141gb",
    "MI300X": "mi300x",
    "MI325X": "mi325x",
    "MI355X": "mi355x",
    "Ascend 910C": "ascend_910c",
    "Ascend 910B": "ascend_910b",
    "Ascend 910B (Atlas 800I A2)": "ascend_910b4_64gb",
    "Ascend 300I Duo": None,
    "TPU v7x": "tpu_v7x",
    "Ironwood": "tpu_v7x",
    "TPU v6e": "tpu_v6e",
    "b200_sxm": "b200",
    "b300_sxm": "b300",
    "gb200": "gb200",
    "gb300": "gb300",
    "h100_sxm": "h100_sxm",
    "h200_sxm": "h200_sxm",
    "CloudMatrix384": "ascend_910c",
    "GB200 NVL72": "gb200",
    "an abacus": None,
}


@pytest.mark.parametrize("text", MODELS)
def test_models_of_serving_tables(text):
    assert catalog.model_named(text) == MODELS[text]


@pytest.mark.parametrize("text", CHIPS)
def test_chips_of_serving_tables(text):
    assert catalog.chip_named(text) == CHIPS[text]


@pytest.mark.parametrize(
    ("chip", "rate"),
    [
        # Two dies of 752 TOP/s; 624 of an A100; as FP8 on Hopper and MI300X.
        ("ascend_910c", 1504e12),
        ("ascend_910b", 752e12),
        ("a100_sxm_80gb", 624e12),
        ("h800_sxm", 1978.9e12),
        ("h20_sxm", 296e12),
        ("b200", 4500e12),
        ("b300", 150e12),
        ("mi300x", 2615e12),
        ("tpu_v6e", 1836e12),
    ],
)
def test_rates_in_int8(chip, rate):
    assert catalog.load("chip", chip).peak_int8 == pytest.approx(rate)
