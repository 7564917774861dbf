"""Rows of published serving figures, as jobs."""

import dataclasses
import re
from typing import Any

from supernode_opt import catalog
from supernode_opt.calibration.data.runs import Refused, Run
from supernode_opt.calibration.serving import layouts
from supernode_opt.calibration.serving.job import Job, Measured, Phase
from supernode_opt.calibration.serving.machines import machine_of
from supernode_opt.calibration.serving.practice import (
    DOUBTS,
    EARLIER_REQUESTS,
    MLPERF_LENGTHS,
    OFFLINE_REQUESTS,
    PERCENTILE_MARGIN,
    PRODUCTION,
    Words,
    closed_loop,
    words_of,
)
from supernode_opt.calibration.serving.shapes import model_of
from supernode_opt.calibration.serving.stacks import GENERIC, engine_of, stack_named
from supernode_opt.calibration.serving.words import (
    acceptance_of,
    drafts_of,
    milliseconds,
    number_in,
    precisions_of,
)
from supernode_opt.reading.node import shown
from supernode_opt.workload.serving import Serving

PHASES: tuple[Phase, ...] = ("prefill", "decode", "mixed")
# Latencies with which a row of a table names its own tier or point of a curve.
_CONDITION = re.compile(r"sla|tier|limit|tok/s/user point", re.IGNORECASE)
# Stacks that keep caches in FP8 unless they are told otherwise.
_NARROW = ("tensorrt_llm",)


class _Reading:
    """What is collected of one row on the way."""

    def __init__(self, row: Run) -> None:
        self.row = row
        self.assumed: list[str] = []
        self.doubts: list[float] = []

    def assume(self, what: str, kind: str = "") -> None:
        """Note what the row does not say, and how much that may be off."""
        self.assumed.append(what)
        if kind:
            self.doubts.append(DOUBTS[kind])

    def text(self, *columns: str) -> str:
        """Return cells, joined."""
        return "; ".join(filter(None, (self.row.text(c) for c in columns)))

    def number(self, column: str) -> float | None:
        """Return a cell as a number, `None` where it is none."""
        found = re.match(r"\s*[~<>]?\s*([0-9][0-9,]*\.?[0-9]*)", self.row.text(column))
        return float(found[1].replace(",", "")) if found else None


def job_of(row: Run) -> Job:
    """Return a published row as a job.

    Raises:
      Refused: the row says too little, or what the catalog does not know.
    """
    read = _Reading(row)
    phase = _phase(row)
    called, model = model_of(read)
    remarks = read.text("other", "note")
    words = words_of(f"{row.text('id')}; {remarks}", row.text("source"))
    machine = machine_of(row.text("chip"), read.number("domain"))
    chip = catalog.load("chip", catalog.system(machine).chip)
    stack = stack_named(row.text("source"), remarks, row.text("chip"), row.text("id"))
    stack = engine_of(stack, phase)
    if stack not in catalog.names("serving_stack") or stack == GENERIC:
        read.assume("a stack like those that are known", "stack")
    formats = precisions_of(
        row.text("weight_precision"),
        row.text("kv_precision"),
        chip,
        float(model.experts) > 0.0,
        stack in _NARROW,
    )
    for said in formats.assumed:
        read.assume(said, "precision" if said.startswith("weights") else "")
    drafts = drafts_of(row.text("mtp"), row.text("note"))
    if drafts.count and not drafts.said:
        read.assume(f"{drafts.tokens:g} tokens per step of {drafts.count} drafts")
        read.doubts.append(DOUBTS["drafts"])
    measured, limit = _measured(read, words)
    lengths = _lengths(read, phase, called, words)
    serving = Serving(
        input_length=lengths[0],
        output_length=lengths[1],
        acceptance=acceptance_of(drafts) if drafts.count else 0.7,
        tpot_limit=limit or 0.0,
        # pyrefly: ignore[bad-argument-type]
        weight_precision=formats.weight,
        expert_precision=formats.expert,
        activation_precision=formats.activation,
        # pyrefly: ignore[bad-argument-type]
        cache_precision=formats.cache,
    )
    split = layouts.of_published(read, phase, model, machine, stack, words, serving)
    if split.balanced_pools and measured.tpot and measured.rate:
        # Whoever prints the best point of a curve chose the pools and the batch for it.
        serving = dataclasses.replace(serving, tpot_limit=measured.tpot)
        measured = measured._replace(tpot=None, ttft=None)
        read.assume("pools and batch as the printed time per token asks")
    speed = 1.0
    if words.production:
        speed = PRODUCTION[phase]
        read.assume(f"load of real users reaches {speed:g} of a profile", "production")
    if split.under_way and not split.balanced_pools:
        first = split.layouts[0]
        groups = (first.chips - first.prefill_chips) / first.tensor
        groups = max(groups * float(chip.ranks_per_chip), 1.0)
        loop = closed_loop(stack, split.under_way / groups, drawn=True)
        # pyrefly: ignore[bad-argument-type]
        serving = dataclasses.replace(serving, **loop)
    usual = EARLIER_REQUESTS if "divided by TP" in remarks else {}
    usual = OFFLINE_REQUESTS | usual
    whole = (round(lengths[0]), round(lengths[1]))
    ended = usual.get(whole, 0.0) if "max throughput" in remarks else 0.0
    ended = usual.get(whole, 0.0) if "tok/s total" in remarks else ended
    return Job(
        row=row,
        name=row.text("id") or row.name,
        source=row.text("source").split(",")[0].split(" (")[0],
        model=model,
        called=called,
        machine=machine,
        stack=stack,
        phase=phase,
        serving=serving,
        layouts=split.layouts,
        measured=measured,
        drafts=float(drafts.count),
        under_way=split.under_way,
        requests=ended,
        speed=speed,
        stated=_stated(words, drafts.simulated),
        doubt=sum(x * x for x in read.doubts) ** 0.5,
        assumed=tuple(read.assumed),
        balanced_pools=split.balanced_pools,
        trusted=_trusted(words, phase, drafts.simulated, ended, split.guessed),
    )


def _phase(row: Run) -> Phase:
    word = row.text("phase").lower()
    for phase in PHASES:
        if word.startswith(phase[:5]):
            return phase
    if not word or word in ("agg", "aggregated", "end-to-end", "e2e", "both"):
        return "mixed"
    raise Refused(f"phase must be one of {', '.join(PHASES)}, but is {shown(word)}")


def _measured(read: _Reading, words: Words) -> tuple[Measured, float | None]:
    """Return what a row reports, and the limit on time per token that it names [s]."""
    row = read.row
    kind: Any = row.text("tok_kind") or ("in" if _phase(row) == "prefill" else "out")
    if kind not in ("in", "out", "total"):
        raise Refused(f"tok_kind must be in, out or total, but is {shown(kind)}")
    tpot, bounded = milliseconds(row.text("tpot_ms"))
    ttft, late = milliseconds(row.text("ttft_ms"))
    rate = read.number("tokens_per_s_per_chip") or None
    remarks = read.text("other", "note")
    user = number_in(r"# tok/s/user", remarks)
    if tpot is None and user:
        tpot = 1.0 / user
    limit = None
    if words.mlperf:
        limit = tpot / PERCENTILE_MARGIN if tpot else None
        tpot = ttft = None
    elif bounded or _CONDITION.search(remarks):
        limit, tpot = tpot, None
    return Measured(tpot, None if late else ttft, rate, kind), limit


def _lengths(
    read: _Reading, phase: Phase, called: str, words: Words
) -> tuple[float, float]:
    """Return tokens of input and output [1]."""
    given = read.number("input_len"), read.number("output_len")
    if not any(given) and words.mlperf and called in MLPERF_LENGTHS:
        read.assume("lengths are the means of MLPerf's data set", "lengths")
        return MLPERF_LENGTHS[called]
    first, last = given
    if not first:
        first = 4096.0
        read.assume("4,096 tokens of input", "lengths")
    if not last:
        last = 1.0
        if phase == "mixed":
            last = 1024.0
            read.assume("1,024 tokens of output", "lengths")
    return first, last


def _stated(words: Words, simulated: bool) -> dict[str, float]:
    return {"expert_popularity": 0.0} if words.balanced else {}


def _trusted(
    words: Words, phase: Phase, simulated: bool, ended: float, guessed: bool
) -> tuple[str, ...]:
    """Return what of a row a fit may use: nothing that hangs on a guess."""
    if words.production or words.mlperf or simulated or words.untuned:
        return ()
    if phase == "mixed":
        return ("rate",) if ended else ()
    return () if guessed else ("rate",)
