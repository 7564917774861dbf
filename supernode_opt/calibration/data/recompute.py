"""What a cell says of recomputed activations: which share of which modules."""

import re
from collections.abc import Mapping

# Words of cells, and the module they name; the first that fits a word counts.
_MODULES: tuple[tuple[str, str], ...] = (
    (r"moe_act|activation.?func|swiglu", "activation"),
    (r"norm", "norm"),
    (r"core.?att|att\w*.?core|\battn\b|core attention", "core_attention"),
    (r"mla.?up", "mla_up"),
    (r"mlp|ffn", "ffn"),
    (r"moe|expert", "experts"),
    (r"selective op|per.?op|op.?sac|remat_policy|minimal", "operators"),
)


def modules_of(written: str, layers_per_stage: float) -> dict[str, float]:
    """Return the share of the layers in which each module is recomputed [0-1].

    Modules are norm, activation, core_attention, mla_up, ffn, experts, operators and
    full, a whole layer.

    Args:
      written: the cell, such as "selective: core_attn, mla_up_proj" or "full block 8".
      layers_per_stage: layers of one pipeline stage [1].
    """
    text = written.lower().strip()
    if not text or text.startswith(("none", "off", "false", "no ")):
        return {}
    partial = re.search(r"full.*?(?:block,? |x)(\d{1,7})", text)
    if partial:
        share = min(int(partial[1]) / layers_per_stage, 1.0)
        return {"full": share, **_named(text.partition(";")[2])}
    if text.startswith(("full", "yes", "gradient checkpoint", "remat_policy=full")):
        return {"full": 1.0}
    if text.startswith("selective layer"):
        # Every other layer, by torchtitan's default.
        return {"full": 0.5}
    found = _named(text)
    # By itself the word means attention's scores, as in Megatron.
    return found or {"core_attention": 1.0}


def _named(text: str) -> dict[str, float]:
    found = {}
    for word in re.split(r"[,+;/]| and ", text.removeprefix("selective:")):
        for pattern, module in _MODULES:
            if re.search(pattern, word):
                found[module] = 1.0
                break
    return found


def shares_of(modules: Mapping[str, float]) -> tuple[float, float, float]:
    """Return shares of the layers that recompute nothing, some modules, all [1]."""
    full = modules.get("full", 0.0)
    some = max((v for k, v in modules.items() if k != "full"), default=0.0)
    some = min(some, 1.0 - full)
    return 1.0 - full - some, some, full
