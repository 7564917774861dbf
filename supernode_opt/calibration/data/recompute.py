"""What a cell says of recomputed activations: a set of modules, or a list of them."""

import re

from supernode_opt.workload.recompute import NAMED, RECOMPUTE, Recompute

NOTHING = Recompute()
# Words of cells, and the module they name; the first that fits a word counts.
_MODULES: tuple[tuple[str, str], ...] = (
    (r"moe_act|activation.?func|swiglu|^activation", "activation"),
    (r"norm", "norm"),
    (r"core.?att|att\w*.?core|\battn\b|^attention", "core_attention"),
    (r"mla.?up", "mla_up"),
    (r"mlp|ffn", "ffn"),
    (r"moe|expert", "experts"),
    (r"selective op|per.?op|op.?sac|operators", "operators"),
)


def recompute_of(written: str, stage_layers: float) -> tuple[str, Recompute]:
    """Return the set of `RECOMPUTE` that a cell names, and the modules of a list.

    Args:
      written: such as "none", "selective: core_attn,mla_up_proj" or "full block 8".
      stage_layers: layers of one pipeline stage [1].
    """
    text = written.lower().strip()
    if text in RECOMPUTE:
        return text, NOTHING
    if text in NAMED:
        return "listed", NAMED[text]
    if text.startswith(("none", "off", "false", "no ")):
        return "none", NOTHING
    partial = re.search(r"full.*?(?:block,? |x|:)(\d{1,7})", text)
    if partial:
        share = min(int(partial[1]) / stage_layers, 1.0)
        named = _named(text.partition(";")[2] or text.partition("+")[2])
        return "listed", Recompute(**{**named, "full": share})
    if text.startswith(("full", "yes", "gradient checkpoint", "remat_policy=full")):
        return "full", NOTHING
    if text.startswith("selective layer"):
        # Every other layer, by torchtitan's default.
        return "listed", Recompute(full=0.5)
    found = _named(text)
    return ("listed", Recompute(**found)) if found else ("selective", NOTHING)


def _named(text: str) -> dict[str, float]:
    found = {}
    for word in re.split(r"[,+;/]| and ", text.removeprefix("selective:")):
        for pattern, module in _MODULES:
            if re.search(pattern, word.strip()):
                found[module] = 1.0
                break
    return found
