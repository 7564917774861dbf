"""Rows of benchmarks of engines, as jobs: one engine, one layout, one concurrency.

The columns are those of the table that aiconfigurator collects (Apache-2.0): `silicon_`
columns are measured, `agg` rows share chips between prefill and decode.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

from supernode_opt import catalog
from supernode_opt.calibration.data.runs import Refused, Run
from supernode_opt.calibration.serving.job import Job, Layout, Measured
from supernode_opt.calibration.serving.machines import machine_of
from supernode_opt.calibration.serving.practice import DOUBTS, closed_loop
from supernode_opt.calibration.serving.stacks import GENERIC
from supernode_opt.calibration.serving.words import precisions_of
from supernode_opt.workload.serving import Serving

STACKS = {"trtllm": "tensorrt_llm", "vllm": "vllm", "sglang": "sglang"}
# InferenceX draws lengths between 0.8 and 1 times what it prints.
_DRAWN = 0.9
# No instance of one engine has more ranks on a board.
_BOARD = 8.0
_LAYOUT = re.compile(r"_tp(\d+)(?:_0)?_ep(\d+)(?:_0)?_\d+$")


class _Split(NamedTuple):
    ranks: float
    data: float
    expert: float


def job_of(row: Run) -> Job:
    """Return a row of an engine's benchmark as a job.

    Raises:
      Refused: the row does not say which chips it ran on.
    """
    if row.text("mode") == "disagg":
        return _apart(row)
    source = row.text("silicon_data_source")
    drawn = "harrli" not in source and "auto-gap" not in source
    under_way = _concurrency(row)
    split = _split(row, drawn)
    batch = row.number("batch_size") or 1.0
    total = under_way if under_way and drawn else batch * split.data
    assumed: list[str] = []
    layout = Layout(
        chips=split.ranks,
        tensor=split.ranks / split.data,
        data=split.data,
        expert=split.expert,
    )
    return _made(row, drawn, (layout,), total, assumed)


def _concurrency(row: Run) -> float:
    found = re.search(r"silicon_concurrency=(\d+)", row.text("silicon_data_source"))
    return float(found[1]) if found else 0.0


def _size(row: Run, column: str) -> float:
    return row.number(column) or 1.0


def _split(row: Run, drawn: bool) -> _Split:
    """Return the ranks of one engine.

    Several exporters write the product of tensor and expert ranks where the ranks
    belong; the name of the row, where it has one, has them right.
    """
    tensor, data = _size(row, "tp_size"), _size(row, "attention_dp_size")
    sharing, expert = _size(row, "moe_tp_size"), _size(row, "moe_ep_size")
    exact = "2026-03-25" in row.text("silicon_data_source")
    named = _LAYOUT.search(row.text("id"))
    if named:
        ranks = float(named[1])
    elif data > 1.0:
        if exact:
            ranks = data * tensor
        elif tensor > 1.0:
            ranks = tensor
        else:
            ranks = round(data**0.5) if max(sharing, expert) > 1.0 else data
    elif sharing > 1.0 and expert > 1.0 and tensor == sharing * expert and drawn:
        ranks = sharing
    else:
        ranks = tensor
    if ranks > _BOARD or ranks < 1.0:
        raise Refused("the ranks of one engine are not told from those of all")
    several = expert > 1.0
    if named and named[2] == "1":
        several = False
    spread = ranks if drawn and not exact else min(expert, ranks)
    return _Split(ranks, ranks if data > 1.0 else 1.0, spread if several else 1.0)


def _apart(row: Run) -> Job:
    """Return a row whose pools of prefill and of decode are apart."""
    workers = {p: row.number(f"{p}_num_workers") for p in ("prefill", "decode")}
    if not all(workers.values()):
        raise Refused("does not say how many workers prefill and decode have")
    pools = {}
    for name in ("prefill", "decode"):
        tensor = _size(row, f"{name}_tp_size")
        data = _size(row, f"{name}_attention_dp_size")
        expert = _size(row, f"{name}_moe_ep_size")
        ranks = tensor * data
        whole = ranks if data > 1.0 else min(expert, ranks)
        pools[name] = _Split(ranks, data, whole if expert > 1.0 or data > 1.0 else 1.0)
    reading, writing = pools["prefill"], pools["decode"]
    own = float(workers["prefill"] or 1.0) * reading.ranks
    layout = Layout(
        chips=own + float(workers["decode"] or 1.0) * writing.ranks,
        tensor=writing.ranks / writing.data,
        data=writing.data,
        expert=writing.expert,
        prefill_chips=own,
        prefill_tensor=reading.ranks / reading.data,
        prefill_data=reading.data,
        prefill_expert=reading.expert,
    )
    source = row.text("silicon_data_source")
    drawn = "harrli" not in source and "auto-gap" not in source
    batch = row.number("decode_batch_size") or row.number("batch_size") or 1.0
    each = batch * float(workers["decode"] or 1.0)
    under_way = _concurrency(row)
    total = under_way if under_way and drawn else each
    return _made(row, drawn, (layout,), total, [])


def _made(
    row: Run,
    drawn: bool,
    layouts: Sequence[Layout],
    under_way: float,
    assumed: list[str],
) -> Job:
    word = row.text("model_path")
    called = catalog.model_named(word)
    if called is None:
        raise Refused(f"model {word!r} is not in the catalog")
    model = catalog.load("model", called)
    machine = machine_of(row.text("system"))
    chip = catalog.load("chip", catalog.system(machine).chip)
    sparse = float(model.experts) > 0.0
    said = row.text("precision") or row.text("gemm_quant_mode")
    doubts = []
    if not said:
        assumed.append("weights are BF16")
        doubts.append(DOUBTS["precision"])
    # gpt-oss is published in MXFP4 and whatever the label is served so.
    own = "mxfp4" if called.startswith("gpt_oss") else said or "bf16"
    formats = precisions_of(own, "", chip, sparse, narrow=True)
    weight = "bf16" if sparse and "fp4" in formats.expert else formats.weight
    cache = "bf16" if model.linear_share else formats.cache
    lengths = [_size(row, name) * (_DRAWN if drawn else 1.0) for name in ("isl", "osl")]
    ttft, tpot = (row.number(f"silicon_{n}_ms") for n in ("ttft", "tpot"))
    stack = STACKS.get(row.text("backend").lower(), GENERIC)
    layout = layouts[0]
    several = (layout.chips - layout.prefill_chips) / (layout.tensor * layout.data)
    groups = max(several, 1.0) * layout.data
    return Job(
        row=row,
        name=row.text("id") or row.name,
        source=row.text("silicon_data_source").split(";")[0],
        model=model,
        called=called,
        machine=machine,
        stack=stack,
        phase="mixed",
        serving=Serving(
            input_length=lengths[0],
            output_length=lengths[1],
            # pyrefly: ignore[bad-argument-type]
            weight_precision=weight,
            expert_precision=formats.expert,
            activation_precision=formats.activation if sparse else "",
            # pyrefly: ignore[bad-argument-type]
            cache_precision=cache,
            input_variation=0.06 if drawn else 0.0,
            # pyrefly: ignore[bad-argument-type]
            **closed_loop(stack, under_way / groups, drawn),
        ),
        layouts=tuple(layouts),
        measured=Measured(tpot / 1e3 if tpot else None, ttft / 1e3 if ttft else None),
        under_way=under_way,
        assumed=tuple(assumed),
        doubt=sum(x * x for x in doubts) ** 0.5,
        trusted=("tpot", "ttft"),
    )
