"""Families of models on Hugging Face: their names of fields, defaults and forms.

Defaults are those of the classes of `transformers`, for a `config.json` leaves out what
equals them.  Forms are those of the papers that `models.yaml` cites, of
arXiv:2508.10925 (GPT-OSS), 2408.00118 (Gemma 2), 2503.19786 (Gemma 3), 2507.20534
(Kimi K2), 2508.06471 (GLM 4.5) and 2505.21411 (Pangu Pro MoE).
"""

import dataclasses
import re
from collections.abc import Mapping
from typing import Any


@dataclasses.dataclass(frozen=True)
class Family:
    """What the `model_type` of a `config.json` means for its fields.

    Attributes:
      latent: attention is DeepSeek's, through ranks.
      experts: layers may have experts.
      experts_are_the_ffn: `intermediate_size` is the width of an expert, and no layer
        is dense.
      defaults: of fields that its class has and a file may leave out.
    """

    latent: bool = False
    experts: bool = False
    experts_are_the_ffn: bool = False
    defaults: Mapping[str, Any] = dataclasses.field(default_factory=dict)


# Other names for a field, by its most frequent one.
ALIASES: Mapping[str, tuple[str, ...]] = {
    "n_routed_experts": ("num_local_experts", "num_experts", "num_routed_experts"),
    "num_experts_per_tok": ("experts_per_token",),
    "n_shared_experts": ("num_shared_experts",),
    "first_k_dense_replace": ("num_dense_layers",),
    "num_nextn_predict_layers": ("num_mtp_layers",),
    "q_lora_rank": ("attention_q_lora_dim",),
    "kv_lora_rank": ("attention_kv_lora_dim",),
    "qk_nope_head_dim": ("attention_qk_dim",),
    "qk_rope_head_dim": ("attention_qk_rope_dim",),
    "v_head_dim": ("attention_v_dim",),
    "sliding_window_pattern": ("_sliding_window_pattern",),
    "hidden_act": ("hidden_activation",),
}

_DENSE = Family()
_MIXTRAL = Family(experts=True, experts_are_the_ffn=True)
_GPT_OSS = Family(
    experts=True,
    experts_are_the_ffn=True,
    # Every second layer slides.
    defaults={"head_dim": 64, "sliding_window": 128, "sliding_window_pattern": 2},
)
_MIXED = Family(experts=True)
_DEEPSEEK = Family(latent=True, experts=True)
_GEMMA_DEFAULTS = {"head_dim": 256, "tie_word_embeddings": True}
_GEMMA_2 = {**_GEMMA_DEFAULTS, "sliding_window": 4096, "sliding_window_pattern": 2}
_GEMMA_3 = {
    **_GEMMA_2,
    "sliding_window_pattern": 6,
    "vocab_size": 262208,
    "num_attention_heads": 8,
    "num_key_value_heads": 4,
}
_QWEN_WINDOW = {"use_sliding_window": False}

FAMILIES: Mapping[str, Family] = {
    "llama": _DENSE,
    "mistral": _DENSE,
    "qwen2": Family(defaults=_QWEN_WINDOW),
    "qwen3": Family(defaults={**_QWEN_WINDOW, "head_dim": 128}),
    "qwen2_moe": Family(experts=True, defaults=_QWEN_WINDOW),
    "qwen3_moe": Family(experts=True, defaults={**_QWEN_WINDOW, "head_dim": 128}),
    "mixtral": _MIXTRAL,
    "gpt_oss": _GPT_OSS,
    "gemma": Family(defaults=_GEMMA_DEFAULTS),
    "gemma2": Family(defaults=_GEMMA_2),
    "gemma3": Family(defaults=_GEMMA_3),
    "gemma3_text": Family(defaults=_GEMMA_3),
    "deepseek_v2": _DEEPSEEK,
    "deepseek_v3": _DEEPSEEK,
    "kimi_k2": _DEEPSEEK,
    "glm": Family(defaults={"head_dim": 128}),
    "glm4": Family(defaults={"head_dim": 128}),
    "glm4_moe": _MIXED,
    "PanguEmbedded": _DENSE,
    "openpangu_dense": _DENSE,
    "PanguProMoE": _MIXED,
    "pangu_ultra_moe": _DEEPSEEK,
}

# Fields that no shape hangs on, though their names sound so.
HARMLESS = re.compile(
    r"attention_bias|attention_dropout|attention_multiplier|attn_implementation"
    r"|attn_logit|attn_pdrop|attention_out_bias|attention_function|query_pre_attn"
    r"|_token_id|token_index|position_embeddings|max_position|initializer|_eps$|rope"
    r"|rotary|temperature|_coef|_alpha|_loss|_factor|dropout|logits?_|softcapping"
    r"|scoring_func|topk_method|norm_topk|qk_norm|quantization|torch_dtype|use_cache"
    r"|cache_implementation|ep_size|pretraining_tp|num_labels|id2label|num_beams"
    r"|num_return|moe_router_enable|router|hidden_act|mlp_bias|qkv_bias|swiglu_limit"
    r"|sandwich|initial_context|num_ctx|unsloth|auto_map|architectures|transformers"
    r"|group_size|output_hidden_states|output_attentions|bidirectional|layer_?norm"
    r"|mm_tokens|_index$|vision|audio|image|video|return_dict|decoder_start|torchscript"
    r"|is_encoder|is_decoder|cross_attention|pruned_heads|chunk_size_feed|eos|bos|pad"
    r"|max_length|min_length|no_repeat|diversity|length_penalty|early_stopping"
    r"|ngram|tokenizer|problem_type|finetuning|prefix|rms_norm|seq_aux|bias_update"
)
