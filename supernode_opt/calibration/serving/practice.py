"""What is usually meant where a row of a serving table does not say."""

import re
from typing import NamedTuple

from supernode_opt.hardware.chip import Chip
from supernode_opt.workload.model import Model

# Mean lengths of prompts and answers of MLPerf Inference data sets, by catalog model:
# OpenOrca, the long-context mix of Llama-3.1-405B, CNN/DailyMail, the mix of Mixtral
# and that of DeepSeek-R1 (mlcommons/inference) [1].
MLPERF_LENGTHS = {
    "llama2_70b": (294.0, 294.0),
    "llama3_405b": (9400.0, 680.0),
    "llama3_8b": (870.0, 128.0),
    "mixtral_8x7b": (345.0, 145.0),
    "deepseek_v3_671b": (800.0, 3880.0),
}
# Requests of a whole run of TensorRT-LLM's throughput benchmark, by lengths of input
# and output (developer-guide/perf-overview.md, "Throughput measurements").
OFFLINE_REQUESTS = {
    (1000, 1000): 3000.0,
    (1024, 1024): 3000.0,
    (8192, 1024): 1500.0,
    (1024, 8192): 1500.0,
    (32768, 1024): 1000.0,
    (1024, 32768): 1000.0,
    (128, 2048): 3000.0,
    (2048, 128): 3000.0,
    (20000, 2000): 1000.0,
}
# The same of the releases whose tables print totals over the tensor ranks.
EARLIER_REQUESTS = {(1000, 1000): 1500.0}
# Tokens that one pass of prefill takes per rank where throughput is what counts.
FULL_PASS = 16384.0
# The same of a die of 910C: batches are printed per package (arXiv:2506.12708, 5.1).
CHUNK = 8192.0
# A mean that keeps a 99th percentile: MLPerf's limits are of that.
PERCENTILE_MARGIN = 1.4
# Requests of a rank from which two halves of a batch are worth their overhead
# (LMSYS 2025-05-05: 0.73 of the rate at 32 tokens, 1.255 at 256).
DUAL_FROM = 24.0

# Share of requests that stay in waves where lengths are drawn [1].
DRAWN_BURST = 0.4
# Prompts that stand before one's own grow with the requests of a rank `n` as
# `a (n^b - 1)`: by how lengths are drawn or fixed, fitted to first tokens of four to
# 512 requests a rank (aiconfigurator's collection of InferenceX and vendors' runs).
DRAWN_AHEAD, FIXED_AHEAD = (0.27, 0.68), (0.75, 0.55)

# Standard deviations of the logarithm of what is assumed [1].
DOUBTS = {
    "layout": 0.12,
    "batch": 0.25,
    "drafts": 0.12,
    "lengths": 0.25,
    "production": 0.30,
    "precision": 0.10,
    "shape": 0.30,
    "stack": 0.20,
}
# Of the profile that a machine reaches under load of real users, by phase: DeepSeek's
# published production against its profile (open-infra-index, day 6).
PRODUCTION = {"prefill": 0.55, "decode": 0.8, "mixed": 0.7}


class Words(NamedTuple):
    """What the remarks of a row say of how it was run."""

    balanced: bool
    dual: bool | None
    production: bool
    untuned: bool
    mlperf: bool
    offline: bool
    server: bool
    disaggregated: bool


def words_of(text: str, source: str) -> Words:
    """Return what remarks say.

    >>> words_of("TBO, default EPLB (in-distribution)", "").dual
    True
    """
    low = text.lower()

    def has(pattern: str) -> bool:
        return re.search(pattern, low) is not None

    dual = True if has(r"\btbo\b|\bdbo\b|batch overlap|micro-?batch|dual") else None
    return Words(
        balanced=has(r"perfect|balanced"),
        dual=False if has(r"no (tbo|dbo|overlap)|without (tbo|dbo)") else dual,
        production=has(r"production|\bprod\b") and not has("not production"),
        untuned=has(r"not tuned|untuned|baseline, not"),
        mlperf="mlperf" in source.lower() or "mlperf" in low,
        offline=has("offline"),
        server=has(r"\bserver\b|interactive"),
        disaggregated=has(r"dynamo|mori|disagg|prefill \d+ gpu"),
    )


def dual_batch(
    words: Words, stack: str, chip: Chip, ranks: float, domain: float, batch: float
) -> bool:
    """Tell whether two halves of a batch take turns.

    Where nothing is said they do where the exchange between experts is long: across
    the boards of Hopper and of 910C, with enough requests; not inside an NVLink domain
    of a rack (LMSYS 2025-09-25).

    Args:
      words: of the row.
      stack: that serves.
      chip: it serves on.
      ranks: over which experts are spread [1].
      domain: chips of a scale-up domain [1].
      batch: requests per rank, or infinity in prefill [1].
    """
    if ranks <= 1.0 or words.dual is False:
        return False
    if words.dual:
        return batch >= DUAL_FROM or batch <= 0.0
    large = stack in ("cloudmatrix_infer", "deepseek") or (
        stack in ("sglang", "sglang_large_scale")
        and ranks > domain * float(chip.ranks_per_chip)
    )
    return large and batch >= DUAL_FROM


def shared_experts_apart(model: Model, ranks: float) -> float:
    """Return how many ranks hold shared experts alone, one expert each [1].

    CloudMatrix-Infer's decode has 256 routed, 32 shared and 32 redundant experts on 320
    dies (arXiv:2506.12708, section 4.1): whoever has more ranks than routed experts
    gives the rest copies.
    """
    return max(ranks - float(model.experts), 0.0)


def closed_loop(stack: str, requests: float, drawn: bool) -> dict[str, float]:
    """Return in what order a stack serves requests that are all there at the start.

    Of requests that begin together some wait for the prompts of others: of stacks that
    mix prompts and tokens in one pass few, of one that reads prompts first half of all.
    Lengths that are drawn take waves apart.

    Args:
      stack: that serves.
      requests: of one group of tensor ranks [1].
      drawn: whether lengths differ.

    Returns:
      `burst` and `prompts_ahead` of `Serving`.
    """
    more = max(requests, 1.0)
    first = stack.startswith("sglang") or stack == "ant_sglang"
    scale, growth = DRAWN_AHEAD if drawn else FIXED_AHEAD
    ahead = scale * (more**growth - 1.0)
    if first and not drawn:
        ahead = (more - 1.0) / 2.0
    burst = DRAWN_BURST if drawn else 1.0
    return {"burst": burst if first else 0.0, "prompts_ahead": ahead}
