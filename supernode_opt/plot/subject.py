"""What a figure is about: machine, model, precision and split, as people write them."""

import re
from typing import Any

import xarray as xr

from supernode_opt.reading import document

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
SIZES = {
    "tensor_parallel": "TP",
    "pipeline_parallel": "PP",
    "context_parallel": "CP",
    "expert_parallel": "EP",
    "data_parallel": "DP",
}
# Such as 671b, 8x7b, a22b, 910c, h100, nvl72, mi300x and 80gb.
_TYPE = re.compile(r"(\d+x)?[a-z]{0,3}\d+[a-z]{0,2}")
# Such as the 2 of two racks.
_AS_IT_IS = re.compile(r"x\d+")


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


def precision(name: str) -> str:
    """Write a precision: "bf16" as "BF16"."""
    return name.upper()


def listed(names: list[str]) -> str:
    """Write names one after the other.

    >>> listed(["BF16", "FP8"]), listed(["a", "b", "c"])
    ('BF16 and FP8', 'a, b and c')
    """
    return " and ".join([", ".join(names[:-1])] * bool(names[:-1]) + names[-1:])


def subject(dataset: xr.Dataset) -> str:
    """Return machine, model, precision and split that `dataset` is about, in words.

    Only what the dataset knows is said; "" where it knows nothing.
    """
    if "subject" in dataset.attrs:
        return str(dataset.attrs["subject"])
    if "study" not in dataset.attrs:
        return ", ".join(_made_of(dataset))
    if "design_chips" in dataset and not dataset["design_chips"].dims:
        return ", ".join([*_made_of(dataset), *_split(dataset)])
    return _of_question(dataset)


def machine(dataset: xr.Dataset) -> str:
    """Return the machine of one design, in words: its system, else its chip."""
    study = str(dataset.attrs.get("study", ""))
    found = re.search(r"^system: *(\S+)$", study, re.MULTILINE)
    return proper(found[1] if found else str(dataset.attrs.get("chip", "")))


def _made_of(dataset: xr.Dataset) -> list[str]:
    """List machine with its chips, model and precision of one design."""
    made = machine(dataset)
    if made and "design_chips" in dataset:
        made += f" ({float(dataset['design_chips']):,.0f} chips)"
    model = proper(str(dataset.attrs.get("model", "")))
    numbers = precision(str(dataset.attrs.get("precision", "")))
    return [word for word in (made, model, numbers) if word]


def _split(dataset: xr.Dataset) -> list[str]:
    """List the sizes of the split that are not one, in one word."""
    sizes = {
        short: float(dataset[f"design_{name}"])
        for name, short in SIZES.items()
        if f"design_{name}" in dataset
    }
    told = [f"{short}{size:.0f}" for short, size in sizes.items() if size > 1.0]
    return ["\N{NO-BREAK SPACE}".join(told)] if told else []


def _of_question(dataset: xr.Dataset) -> str:
    """Write what a question about several machines is asked for."""
    asked = document.parse(str(dataset.attrs["study"]), "study").plain()
    systems = [_system(one) for one in asked.get("systems", []) if one]
    models = asked.get("models") or [asked.get("model", "")]
    models = [one if isinstance(one, str) else one.get("name", "") for one in models]
    wanted = asked.get("precisions") or [
        asked.get("precision") or asked.get("training", {}).get("precision", "")
    ]
    # A comparison names its machines itself.
    shown = "model" not in dataset.dims
    said = [listed(list(dict.fromkeys(systems)))] if systems and shown else []
    said.append(listed([proper(name) for name in models if name]))
    said.append(listed([precision(name) for name in wanted if name]))
    return ", ".join([word for word in said if word] + ["each with its best split"])


def _system(one: Any) -> str:
    """Write a machine of a question, its system and chips where they are said."""
    if isinstance(one, str):
        return proper(one)
    named = proper(str(one.get("system", one.get("name", ""))))
    return f"{named} ({one['chips']:,} chips)" if "chips" in one else named
