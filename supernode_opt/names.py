"""Names as people write them: of machines, models, splits, and what is reported."""

import re
from collections.abc import Mapping
from typing import Any

# Words of names that are spelled in a way of their own.
SPELLED = {
    "allreduce": "all-reduce",
    "atlas": "Atlas",
    "ascend": "Ascend",
    "automodel": "AutoModel",
    "cloudmatrix384": "CloudMatrix384",
    "deepseek": "DeepSeek",
    "deepspeed": "DeepSpeed",
    "dualpipe": "DualPipe",
    "foundry": "Foundry",
    "gaudi2": "Gaudi 2",
    "gemma": "Gemma",
    "gpt3": "GPT-3",
    "internevo": "InternEvo",
    "kimi": "Kimi",
    "llama2": "Llama 2",
    "llama3": "Llama 3",
    "maxtext": "MaxText",
    "megatron": "Megatron",
    "mindspeed": "MindSpeed",
    "mixtral": "Mixtral",
    "mlperf": "MLPerf",
    "moe": "MoE",
    "nemo": "NeMo",
    "pangu": "Pangu",
    "pytorch": "PyTorch",
    "qwen3": "Qwen3",
    "rubin": "Rubin",
    "simumax": "SimuMax",
    "superpod": "SuperPoD",
    "tpu": "TPU",
    "ultra": "Ultra",
    "vera": "Vera",
    "zero3": "ZeRO-3",
}
# Those that are written in capitals.
CAPITALS = ("aec", "cpo", "dgx", "dsp", "fsdp", "hgx", "hls", "jax", "llm", "lpo")
CAPITALS += ("npu", "sxm")
# Words of sentences that are written in capitals, or nearly so.
ACRONYMS = {
    "api": "API",
    "ffn": "FFN",
    "gemm": "GEMM",
    "gib": "GiB",
    "hbm": "HBM",
    "lm": "LM",
    "mfu": "MFU",
    "mla": "MLA",
    "mtbf": "MTBF",
    "nic": "NIC",
    "pue": "PUE",
    "qkv": "QKV",
    "tdp": "TDP",
    "tpot": "TPOT",
    "ttft": "TTFT",
    **{word: word.upper() for word in CAPITALS},
}
# Sizes of a split in the short words of the field, in the order they are written in.
SPLIT = {
    "tensor_parallel": "TP",
    "pipeline_parallel": "PP",
    "context_parallel": "CP",
    "expert_parallel": "EP",
    "data_parallel": "DP",
}
# And of its schedule.
SCHEDULE = {"interleave": "VP", "micro_batch": "MBS"}
# Of an instance that serves, the same sizes under other names in prefill.
INSTANCE = {
    "tensor_parallel": "TP",
    "pipeline_parallel": "PP",
    "attention_data_parallel": "ADP",
    "expert_parallel": "EP",
}
# What only a design that serves has, and tells it from one that trains.
_SERVES = "attention_data_parallel"
_PREFILL = "prefill_"
# Such as 671b, 8x7b, a22b, 910c, h100, nvl72, mi300x and 80gb.
_TYPE = re.compile(r"(\d+x)?[a-z]{0,3}\d+[a-z]{0,2}")
# Such as the 2 of two racks.
_AS_IT_IS = re.compile(r"x\d+")


def spelled(name: str) -> str:
    """Write an identifier inside a sentence, as people do; paths stay what they are.

    >>> spelled("scale_up_links"), spelled("mfu"), spelled("facility.pue")
    ('scale-up links', 'MFU', 'facility.pue')
    """
    if "." in name:
        return name
    hyphened = name.replace("scale_up", "scale-up").replace("scale_out", "scale-out")
    parts = hyphened.replace("_", " ").split(" ")
    return " ".join(ACRONYMS.get(part, part) for part in parts)


def proper(name: str) -> str:
    """Write the name of a machine, chip, model or stack as its makers do.

    Names of one's own are written in their own words.

    >>> proper("pangu_ultra_moe_718b"), proper("gb200_nvl72_x2"), proper("my_chip")
    ('Pangu Ultra MoE 718B', 'GB200 NVL72 x2', 'my chip')
    >>> proper("deepseek_v3_671b"), proper("tpu_v5e"), proper("Ascend-910C")
    ('DeepSeek-V3 671B', 'TPU v5e', 'Ascend-910C')
    """
    words = " ".join(map(_spelled, re.split(r"[_ ]", name)))
    # A version belongs to the name before it.
    words = words.replace("DeepSeek V", "DeepSeek-V")
    return re.sub(r"(?<=TPU )V\w+", lambda found: found[0].lower(), words)


def split_words(
    design: Mapping[str, Any], sizes: Mapping[str, str] = SPLIT | SCHEDULE
) -> str:
    """Name the sizes of a split that are not one, all of them or those in `sizes`.

    Of a machine that serves these are the sizes of its pools, whatever `sizes` has.

    >>> split_words({"tensor_parallel": 8.0, "pipeline_parallel": 1, "micro_batch": 2})
    'TP 8 MBS 2'
    >>> split_words({"attention_data_parallel": 8.0, "tensor_parallel": 4.0})
    'TP 4 ADP 8'
    """
    if _SERVES in design:
        return ", ".join(pool_words(design))
    known = {word: design.get(name) for name, word in sizes.items()}
    return " ".join(f"{w} {float(v):.0f}" for w, v in known.items() if v and v > 1.0)


def pool_words(design: Mapping[str, Any]) -> list[str]:
    """Name the split of an instance in each pool of chips that serves, decode first.

    >>> design = {"attention_data_parallel": 320.0, "expert_parallel": 320.0}
    >>> design |= {"chips": 256.0, "prefill_chips": 96.0}
    >>> design |= {"prefill_attention_data_parallel": 32, "prefill_expert_parallel": 32}
    >>> pool_words(design)
    ['decode 160 chips ADP 320 EP 320', 'prefill 96 chips ADP 32 EP 32']
    """
    sizes = instance_words(design)
    apart = float(design.get(f"{_PREFILL}chips") or 0.0)
    if not apart:
        return [sizes] if sizes else []
    own = {
        name: design[_PREFILL + name] for name in INSTANCE if _PREFILL + name in design
    }
    rest = float(design.get("chips", 0.0)) - apart
    # What is swept beside them may leave out how many chips there are.
    said = f"decode {rest:.0f} chips" if rest > 0.0 else "decode"
    made = (said, sizes), (f"prefill {apart:.0f} chips", instance_words(own))
    return [" ".join(filter(None, words)) for words in made]


def instance_words(design: Mapping[str, Any]) -> str:
    """Name the sizes of one instance that serves, those that are not one.

    >>> instance_words({"tensor_parallel": 1.0}), instance_words({})
    ('TP 1', '')
    """
    known = {word: design.get(name) for name, word in INSTANCE.items()}
    made = [f"{w} {float(v):.0f}" for w, v in known.items() if v and v > 1.0]
    # A single rank holds the whole model.
    return " ".join(made) or ("TP 1" if any(known.values()) else "")


def practice_words(design: Mapping[str, Any]) -> list[str]:
    """Name what else of a split matters most.

    In training it is what decides memory: sharding, recompute, sequences; in serving
    drafts and batches.

    >>> practice_words({"optimizer_sharding": "zero1", "recompute": "selective"})
    ['ZeRO-1', 'selective recompute']
    >>> practice_words({"attention_data_parallel": 8.0, "draft_tokens": 1.0})
    ['1 draft token']
    """
    if _SERVES in design:
        return _serving_practice(design)
    sharding = str(design.get("optimizer_sharding", ""))
    made = [sharding.replace("zero", "ZeRO-")] if sharding else []
    recompute = design.get("recompute", "none")
    made += [] if recompute == "none" else [f"{recompute} recompute".replace("_", " ")]
    if design.get("sequence_parallel") == "on":
        made.append("sequence parallel")
    return made


def _serving_practice(design: Mapping[str, Any]) -> list[str]:
    made = []
    for name, one in (
        ("draft_tokens", "draft token"),
        ("redundant_experts", "redundant expert"),
    ):
        count = float(design.get(name) or 0.0)
        if count:
            made.append(f"{count:.0f} {one}" + "s" * (count != 1.0))
    if design.get("dual_batch") == "on":
        made.append("dual batch")
    if design.get("decode_batch"):
        made.append(f"batch {float(design['decode_batch']):.0f}")
    return made


def _spelled(word: str) -> str:
    if word != word.lower():
        return word
    if word in SPELLED:
        return SPELLED[word]
    if _AS_IT_IS.fullmatch(word):
        return word
    if word not in CAPITALS and not _TYPE.fullmatch(word):
        return word
    return re.sub(r"(?<=\d)X(?=\d)", "x", word.upper())
