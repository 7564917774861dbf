"""The model of a row: its columns, and what they leave open chosen by its size."""

import dataclasses
import functools
import itertools
import math
import re

from supernode_opt import catalog
from supernode_opt.batch.kept import Kept
from supernode_opt.batch.precise import precisely
from supernode_opt.calibration.data.runs import Refused, Run
from supernode_opt.reading.node import shown
from supernode_opt.workload.flops import token_flops
from supernode_opt.workload.model import Model, Training
from supernode_opt.workload.parameters import parameters

_count = Kept(token_flops, "token flops", quick=True)


@functools.cache
@precisely
def flops_per_token(model: Model, length: float) -> float:
    """Model FLOPs of one token in sequences of `length`, all scores counted [flop]."""
    training = Training(
        sequence_length=length, global_batch=1.0, attention_flops="full"
    )
    return float(_count(model, training))


_LATENT = {"query_rank": 1536.0, "key_value_rank": 512.0, "rope_dim": 64.0}
# Layers with a sliding window: (model name, window, share of the layers).
_WINDOWS = (
    ("gpt-oss", 128.0, 0.5),
    ("gemma2", 4096.0, 0.5),
    ("gemma3", 1024.0, 5 / 6),
)


_FFNS = ("an FFN without a gate", "an FFN with a gate")
# Families by name; the first that fits says whether their FFN has a gate.
_FAMILIES: tuple[tuple[str, bool], ...] = (
    (r"gpt-?oss|llama|qwen|mi[sx]tral|deepseek|gemma|internlm|baichuan|grok", True),
    # These stacks train Llamas.
    (r"nanotron|torchtitan|torchtune", True),
    (r"kimi|moonlight|chatglm|glm-?[34]|olmo|phi-?[34]|\byi\b|palm|pangu", True),
    (r"gpt|\bopt\b|bloom|\bmpt|megatron|nemotron|pythia|falcon|turing|mt-nlg", False),
)


# Models whose head shares the embedding, by their configurations on the hub.
_TIED = (
    r"llama-?3\.2-?[13]b|qwen-?2(\.5)?-?(0\.5|1\.5|3)b|qwen-?3-?(0\.6|1\.7|4)b|gemma"
    r"|smollm|gpt-?2\b"
)


# Attention and FFN side by side (GPT-J, arXiv:2204.02311 for PaLM).
_PARALLEL = r"palm|gpt-?j\b|gpt-?neox|pythia|falcon"


def gated_of(run: Run) -> bool | None:
    """Tell whether the FFN has a gate, by its column or the family; `None` if open.

    Raises:
      Refused: the column `gated` says neither yes nor no.
    """
    said = run.text("gated").lower()
    if said:
        if said not in (*_YES, *_NO):
            raise Refused(f"gated must be true or false, but is {shown(said)}")
        return said in _YES
    said = (run.text(column) for column in ("model", "arch", "stack"))
    named = " ".join(said).lower()
    return next((gate for words, gate in _FAMILIES if re.search(words, named)), None)


_YES, _NO = ("true", "yes", "on", "1", "1.0"), ("false", "no", "off", "0", "0.0")


def model_of(run: Run, training: Training, assumed: list[str]) -> Model:
    """Return the model that a row trains.

    What the row does not say is chosen by FLOPs at the sequence length of `training`
    and, where it is assumed, added to `assumed`.

    Raises:
      Refused: the row gives no shape, or one that is not modelled.
      BadRuns: a cell that must be a number is none.
    """
    layers, hidden = run.number("layers"), run.number("hidden")
    heads = run.number("heads")
    if not layers or not hidden or not heads:
        named = catalog.called("model", run.text("model"))
        if named and not layers and not hidden:
            return catalog.load("model", named)
        raise Refused("no model shape")
    if "ssm" in run.text("arch"):
        raise Refused("state-space layers are not modelled")
    name = run.text("model").lower()
    experts = run.number("n_experts") or 0.0
    ffn = run.number("ffn")
    gated = gated_of(run)
    if not ffn and not experts:
        # Three matrices of 8/3 hold as many parameters as two of 4.
        ffn = round((8.0 / 3.0 if gated else 4.0) * hidden)
        assumed.append(f"FFN of {ffn:,g} channels")
    expert_ffn = run.number("moe_ffn") or 0.0
    if experts and not expert_ffn:
        expert_ffn, ffn = ffn or 4.0 * hidden, 0.0
        assumed.append(f"experts of width {expert_ffn:g}")
    vocabulary = run.number("vocab")
    window = next((w for w in _WINDOWS if w[0] in name), ("", 0.0, 0.0))
    base = Model(
        layers=layers,
        hidden=hidden,
        heads=heads,
        kv_heads=run.number("kv_heads") or heads,
        head_dim=run.number("head_dim") or hidden / heads,
        ffn=ffn or 0.0,
        vocabulary=vocabulary or 51200.0,
        dense_layers=0.0 if experts else layers,
        experts=experts,
        top_k=run.number("topk") or 0.0,
        shared_experts=run.number("shared_experts") or 0.0,
        expert_ffn=expert_ffn,
        tied=float(bool(re.search(_TIED, name))),
        parallel_block=float(bool(re.search(_PARALLEL, name))),
        mtp_layers=1.0 if "mtp" in run.text("flops_convention_detected").lower() else 0,
        window=window[1],
        windowed_share=window[2],
        node_limit=4 if "deepseek-v3" in name else 0,
        name="row",
    )
    if not vocabulary:
        assumed.append("vocabulary of 51,200")
    return _best_shape(run, base, training, assumed)


def _best_shape(run: Run, base: Model, training: Training, assumed: list[str]) -> Model:
    """Choose what columns do not say by the FLOPs per token, or by the parameters."""
    name = run.text("model").lower()
    latent = bool(re.search(r"deepseek|kimi|panguultramoe", name))
    if latent:
        base = dataclasses.replace(
            base, attention="mla", value_dim=base.head_dim, **_LATENT
        )
    dense = [base.dense_layers]
    if base.experts and base.ffn:
        dense = [0.0, 1.0, 2.0, 3.0, base.layers / 2.0]
    known = gated_of(run)
    plain = base.ffn == 4.0 * base.hidden and not base.experts
    gates = [not plain, plain] if known is None else [known]
    shapes = [
        dataclasses.replace(base, dense_layers=d, gated=float(g))
        for g, d in itertools.product(gates, dense)
    ]
    wanted = run.number("gflop_per_token_full_attn")
    billions = run.number("params_b") or 0.0
    if not wanted and not billions:
        if len(dense) > 1:
            assumed.append("no dense layers before the experts")
        if len(gates) > 1:
            assumed.append(_FFNS[gates[0]])
        return shapes[0]

    def miss(shape: Model) -> float:
        bare = dataclasses.replace(shape, mtp_layers=0.0)
        if wanted:
            counted = flops_per_token(bare, training.sequence_length) / 1e9
        else:
            counted = float(parameters(bare)) / 1e9
        return abs(math.log(counted / (wanted or billions)))

    found = min(shapes, key=miss)
    if len(gates) > 1 and plain:
        what = "FLOPs" if wanted else "parameters"
        assumed.append(f"{_FFNS[bool(found.gated)]}, by the count of {what}")
    return found
