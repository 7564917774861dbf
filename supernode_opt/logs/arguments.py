"""Options of training programs, and the columns of a table of runs they stand for.

Names are those of Megatron-LM's `megatron/training/arguments.py` and of torchtitan's
`job_config.py`; logs, dumps and exports of experiment trackers hold them alike.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from supernode_opt.logs.log import is_number, whole

_MEGATRON: Mapping[str, str] = {
    "num_layers": "layers",
    "hidden_size": "hidden",
    "num_attention_heads": "heads",
    "kv_channels": "head_dim",
    "ffn_hidden_size": "ffn",
    "seq_length": "seq_len",
    "num_experts": "n_experts",
    "moe_router_topk": "topk",
    "moe_ffn_hidden_size": "moe_ffn",
    "global_batch_size": "gbs",
    "micro_batch_size": "mbs",
    "world_size": "n_accel",
    "tensor_model_parallel_size": "tp",
    "pipeline_model_parallel_size": "pp",
    "context_parallel_size": "cp",
    "expert_model_parallel_size": "ep",
    "expert_tensor_parallel_size": "etp",
    "virtual_pipeline_model_parallel_size": "vpp",
}
_MEGATRON_LATENT: Mapping[str, str] = {
    "q_lora_rank": "model.query_rank",
    "kv_lora_rank": "model.key_value_rank",
    "qk_head_dim": "model.head_dim",
    "qk_pos_emb_head_dim": "model.rope_dim",
    "v_head_dim": "model.value_dim",
}
_TITAN: Mapping[str, str] = {
    "training.seq_len": "seq_len",
    "training.local_batch_size": "local_batch",
    "training.batch_size": "local_batch",
    "training.global_batch_size": "gbs",
    "parallelism.tensor_parallel_degree": "tp",
    "parallelism.pipeline_parallel_degree": "pp",
    "parallelism.context_parallel_degree": "cp",
    "parallelism.expert_parallel_degree": "ep",
}


# Options are nested two or three deep.
_DEEPEST = 8


def flat(config: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield dotted names and values of nested options; of `{value: x}` it is x."""
    for name, value in config.items():
        if isinstance(value, Mapping) and "value" in value and len(value) <= 2:
            value = value["value"]
        if isinstance(value, Mapping) and prefix.count(".") < _DEEPEST:
            yield from flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def plain(text: str) -> Any:
    """Return what an option printed as text means."""
    words = {"None": None, "none": None, "True": True, "False": False, "null": None}
    if text in words:
        return words[text]
    try:
        return float(text)
    except ValueError:
        return text


def is_megatron(options: Mapping[str, Any]) -> bool:
    """Tell whether options are Megatron-LM's."""
    return "tensor_model_parallel_size" in options and "num_layers" in options


def is_titan(options: Mapping[str, Any]) -> bool:
    """Tell whether options are torchtitan's."""
    return "training.seq_len" in options


def megatron(options: Mapping[str, Any]) -> dict[str, str]:
    """Return the cells that options of Megatron-LM fill."""
    cells = _renamed(options, _MEGATRON)
    groups = options.get("num_query_groups")
    if options.get("group_query_attention") and is_number(groups):
        cells["kv_heads"] = whole(groups)
    elif "heads" in cells:
        cells["kv_heads"] = cells["heads"]
    vocabulary = options.get("padded_vocab_size") or options.get("vocab_size")
    if is_number(vocabulary):
        cells["vocab"] = whole(vocabulary)
    if "swiglu" in options:
        cells["gated"] = _word(options["swiglu"])
    if "untie_embeddings_and_output_weights" in options:
        tied = not options["untie_embeddings_and_output_weights"]
        cells["model.tied"] = whole(float(tied))
    if options.get("multi_latent_attention"):
        cells |= {"model.attention": "mla", **_renamed(options, _MEGATRON_LATENT)}
    shared = options.get("moe_shared_expert_intermediate_size")
    if is_number(shared) and is_number(options.get("moe_ffn_hidden_size")):
        cells["shared_experts"] = whole(shared / options["moe_ffn_hidden_size"])
    if "n_experts" in cells:
        cells |= _layers_of_experts(options)
    if is_number(options.get("mtp_num_layers")):
        cells["model.mtp_layers"] = whole(options["mtp_num_layers"])
    return cells | _megatron_plan(options)


def _layers_of_experts(options: Mapping[str, Any]) -> dict[str, str]:
    """Return how many layers are dense: `moe_layer_freq` is a step, or a list."""
    written, layers = options.get("moe_layer_freq", 1.0), options.get("num_layers")
    if isinstance(written, str):
        flags = _flags(written)
        if is_number(layers) and len(flags) == layers:
            return {"model.dense_layers": whole(layers - sum(flags))}
        return {}
    if is_number(written) and is_number(layers) and written >= 1.0:
        sparse = sum(1.0 for i in range(int(layers)) if not i % int(written))
        return {"model.dense_layers": whole(layers - sparse)}
    return {}


def _flags(written: str) -> list[float]:
    """Return the flags of a list such as `([0]*3+[1]*58)`."""
    flags: list[float] = []
    for part, times in re.findall(r"\[([01, ]+)\](?: *\* *(\d{1,4}))?", written):
        flags += [float(c) for c in part if c in "01"] * int(times or 1)
    return flags


def _megatron_plan(options: Mapping[str, Any]) -> dict[str, str]:
    """Return precision, sharding and what is recomputed."""
    cells: dict[str, str] = {}
    if "sequence_parallel" in options:
        cells["seq_parallel"] = _word(options["sequence_parallel"])
    # What is printed as None was left at one chunk a stage.
    if options.get("virtual_pipeline_model_parallel_size", 0) is None:
        cells["vpp"] = "1"
    if "use_distributed_optimizer" in options:
        shards = options["use_distributed_optimizer"]
        cells["fsdp_or_zero"] = "distributed optimizer" if shards else "none"
    if "recompute_granularity" in options:
        cells["recompute"] = str(options["recompute_granularity"] or "none")
        modules = options.get("recompute_modules")
        if cells["recompute"] == "selective" and modules:
            named = modules if isinstance(modules, list) else str(modules).strip("[]")
            listed = named if isinstance(named, str) else ",".join(map(str, named))
            cells["recompute"] += f":{listed.replace(chr(39), '').replace(' ', '')}"
    recipe = str(options.get("fp8_recipe") or "")
    if options.get("fp8"):
        cells["precision"] = "MXFP8" if recipe == "mxfp8" else "FP8"
    elif options.get("bf16") or options.get("fp16"):
        cells["precision"] = "BF16" if options.get("bf16") else "FP16"
    said = [
        name.replace("_", " ")
        for name in ("overlap_grad_reduce", "overlap_param_gather", "tp_comm_overlap")
        if options.get(name)
    ]
    if said:
        cells["other_config"] = "; ".join(said)
    return cells


def titan(options: Mapping[str, Any]) -> tuple[dict[str, str], str]:
    """Return the cells that options of torchtitan fill, and the model they name."""
    cells = _renamed(options, _TITAN)
    mode = options.get("activation_checkpoint.mode")
    if isinstance(mode, str):
        option = options.get("activation_checkpoint.selective_ac_option")
        layer = is_number(option) or str(option).isdigit()
        kind = "selective layer" if layer else "selective op"
        cells["recompute"] = kind if mode == "selective" else mode
    words = (str(options.get(f"model.{part}") or "") for part in ("name", "flavor"))
    return cells, " ".join(words).strip()


def _renamed(options: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, str]:
    """Return the numbers among options under other names; none below one."""
    return {
        column: whole(options[name])
        for name, column in names.items()
        if is_number(options.get(name)) and options[name] >= 1.0
    }


def _word(value: Any) -> str:
    return "true" if value else "false"
