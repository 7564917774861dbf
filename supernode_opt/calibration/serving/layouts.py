"""How a published row may have split its chips."""

import re
from typing import Any, NamedTuple

from supernode_opt import catalog
from supernode_opt.calibration.serving.job import Layout, Phase
from supernode_opt.calibration.serving.practice import (
    CHUNK,
    FULL_PASS,
    Words,
    dual_batch,
    shared_experts_apart,
)
from supernode_opt.calibration.serving.words import number_in
from supernode_opt.hardware.chip import Chip
from supernode_opt.workload.model import Model
from supernode_opt.workload.serving import Serving

# Ranks of one instance that are tried where a row names none, alone and in pools apart.
TRIED = (1.0, 2.0, 4.0, 8.0)
TRIED_APART = (8.0, 16.0, 32.0)
# Most requests per chip that are assumed where nothing bounds them, and the time per
# token that decode is then run at [s].
USUAL_BATCH, USUAL_TPOT = 128.0, 0.05
# Cells above this in a row of prefill are tokens of a pass, below it requests.
_TOKENS_FROM = 2048.0


class Split(NamedTuple):
    """What is known or assumed of how a row split its chips.

    Attributes:
      layouts: all that are possible.
      under_way: requests at once; 0 if nothing is said [1].
      balanced_pools: see `Job`.
      guessed: whether something that decides the rate was assumed.
    """

    layouts: tuple[Layout, ...]
    under_way: float
    balanced_pools: bool
    guessed: bool


class _Ranks(NamedTuple):
    """Ranks of an instance: they share attention, or each has requests of its own."""

    tensor: float
    data: float
    expert: float

    @property
    def stage(self) -> float:
        """All of them [1]."""
        return self.tensor * self.data


def of_published(
    read: Any,
    phase: Phase,
    model: Model,
    machine: str,
    stack: str,
    words: Words,
    serving: Serving,
) -> Split:
    """Return the split of a published row; `read` collects what is assumed."""
    chip = catalog.load("chip", catalog.system(machine).chip)
    dies = float(chip.ranks_per_chip)
    remarks = read.text("other", "note")
    under_way = number_in(r"concurrency\s*(?:of|=|:)?\s*#", remarks) or 0.0
    apart = _pools(remarks)
    ranks, guessed = _ranks(read, phase, model, dies, words, apart)
    if phase == "prefill":
        made = [_of_prefill(read, model, one, stack, chip, words) for one in ranks]
        return Split(tuple(made), 0.0, False, guessed)
    batch = read.number("batch_per_chip") or 0.0
    chips = read.number("chips")
    if batch and phase == "mixed" and apart is None and not under_way:
        under_way = batch * (chips or ranks[0].stage / dies)
    balanced = phase == "mixed" and apart is None and words.disaggregated
    if not batch and not under_way:
        guessed = _open_batch(read, words, serving) or guessed
    domain = float(catalog.system(machine).design["scale_up_domain"])
    layouts = []
    for one in ranks:
        each = batch / dies
        dual = dual_batch(words, stack, chip, one.expert, domain, each)
        split = {
            "tensor": one.tensor,
            "data": one.data,
            "expert": one.expert,
            "redundant": shared_experts_apart(model, one.expert),
            "dual": dual,
        }
        whole = one.stage / dies
        if apart is not None:
            reading = _reading_pool(apart[0] * dies, one, model)
            layouts.append(
                Layout(chips=sum(apart), prefill_chips=apart[0], **split, **reading)
            )
        elif phase == "decode" or balanced:
            own = max(chips or whole, whole)
            reading = _reading_pool(own * dies, one, model)
            asked = 0.0 if balanced else each * one.tensor
            layouts.append(
                Layout(
                    chips=2.0 * own, prefill_chips=own, batch=asked, **split, **reading
                )
            )
        else:
            layouts.append(Layout(chips=max(chips or whole, whole), **split))
    return Split(tuple(layouts), under_way, balanced, guessed)


def _open_batch(read: Any, words: Words, serving: Serving) -> bool:
    """Assume what bounds the batch where the row names none; tell if it is a guess."""
    if serving.tpot_limit:
        return False
    if words.offline or "max throughput" in read.text("other"):
        return False
    if "tok/s total" in read.text("other"):
        return False
    read.assume("as many requests as memory holds", "batch")
    return True


def _pools(remarks: str) -> tuple[float, float] | None:
    """Return chips of prefill and of decode, if remarks name both."""
    found = re.search(
        r"prefill (\d+) (?:gpu|npu|chip)\w*,? *(?:and )?decode (\d+)", remarks, re.I
    )
    return (float(found[1]), float(found[2])) if found else None


def _ranks(
    read: Any,
    phase: Phase,
    model: Model,
    dies: float,
    words: Words,
    apart: tuple[float, float] | None,
) -> tuple[list[_Ranks], bool]:
    """Return possible ranks of an instance, and whether they are a guess."""
    sizes = {name: read.number(name) or 0.0 for name in ("tp", "ep", "dp", "chips")}
    tensor, expert, data, chips = sizes.values()
    sparse = float(model.experts) > 0.0
    expert = expert if sparse else min(expert, 1.0)
    attention = "attention dp" in read.text("other", "note").lower()
    if apart is not None and expert and not tensor:
        # Tables of pools print the expert ranks of decode alone: of one, ranks share
        # everything.
        stage = expert if expert > 1.0 else min(apart[1], 8.0)
        one = _Ranks(1.0, expert, expert) if expert > 1.0 else _Ranks(stage, 1.0, 1.0)
        return [one], False
    if expert > 1.0 and (tensor <= 1.0 or attention or data > 1.0):
        tensor = max(tensor, 1.0) if data else 1.0
        data = data or expert
        if tensor * data > max(expert, chips * dies, 1.0):
            tensor = 1.0
        return [_Ranks(tensor, data, min(expert, tensor * data))], False
    if expert > 1.0 and phase == "prefill" and expert == tensor:
        return [_Ranks(1.0, expert, expert)], False
    if expert > 1.0:
        return [_Ranks(max(tensor, expert), 1.0, expert)], False
    if tensor >= 1.0:
        return [_Ranks(tensor, 1.0, 1.0)], False
    read.assume("the split that serves most per chip", "layout")
    tried = TRIED_APART if words.disaggregated and sparse else TRIED
    if chips and not words.mlperf:
        tried = tuple(n for n in tried if n <= chips * dies) or (chips * dies,)
    found = [_Ranks(n, 1.0, 1.0) for n in tried]
    found = [] if words.disaggregated and sparse else found
    if sparse:
        found += [_Ranks(1.0, n, n) for n in tried if n > 1.0]
    return found, True


def _of_prefill(
    read: Any, model: Model, ranks: _Ranks, stack: str, chip: Chip, words: Words
) -> Layout:
    """Return a machine of which one half reads prompts as the row does."""
    dies = float(chip.ranks_per_chip)
    whole = ranks.stage / dies
    own = max(read.number("chips") or whole, whole)
    said = read.number("batch_per_chip") or 0.0
    usual = FULL_PASS if dies == 1 else CHUNK
    tokens = said / dies if said >= _TOKENS_FROM else usual
    domain = float(read.number("domain") or 8.0)
    return Layout(
        chips=2.0 * own,
        tensor=ranks.tensor,
        data=ranks.data,
        expert=ranks.expert,
        batch=1.0,
        prefill_chips=own,
        prefill_tensor=ranks.tensor,
        prefill_data=ranks.data,
        prefill_expert=ranks.expert,
        prefill_tokens=tokens,
        redundant=shared_experts_apart(model, ranks.expert),
        dual=dual_batch(words, stack, chip, ranks.expert, domain, float("inf")),
    )


def _reading_pool(ranks: float, decode: _Ranks, model: Model) -> dict[str, float]:
    """Return how prefill is split beside a decode that is known: within a board."""
    stage = min(decode.stage, 8.0, max(ranks, 1.0))
    sparse = float(model.experts) > 0.0 and decode.data > 1.0
    return {
        "prefill_tensor": 1.0 if sparse else stage,
        "prefill_data": stage if sparse else 1.0,
        "prefill_expert": stage if sparse else 1.0,
        "prefill_tokens": FULL_PASS,
    }
