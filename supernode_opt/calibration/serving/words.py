"""What the words of a row of a serving table mean."""

import re
from typing import NamedTuple

from supernode_opt.calibration.data.runs import Refused
from supernode_opt.hardware.chip import Chip
from supernode_opt.reading.node import shown

# Tokens that a step yields with so many drafts, where only the drafts are printed: the
# middle of what DeepSeek's layer that predicts ahead reaches in published runs
# (arXiv:2506.12708, arXiv:2508.02520 and LMSYS 2025-09-26: 1.7-1.9, 2.3-2.7, 2.9-3.3).
USUAL_YIELD = {0: 1.0, 1: 1.8, 2: 2.4, 3: 2.9}
_NUMBER = r"([0-9][0-9,]*\.?[0-9]*)"
_NONE = re.compile(r"\b(none|no mtp|off|without)\b", re.IGNORECASE)


class Drafts(NamedTuple):
    """Drafted tokens of a row.

    Attributes:
      count: ahead in every step [1].
      tokens: that a step yields [1].
      said: whether the row says both.
      simulated: whether it only computes as if.
    """

    count: int
    tokens: float
    said: bool
    simulated: bool


def drafts_of(text: str, note: str = "") -> Drafts:
    """Return the drafts that a row describes.

    >>> drafts_of("1 draft, 70% accept (1.7 tok/step)")[:2]
    (1, 1.7)
    >>> drafts_of("2 draft step(s), accept 2.4-2.7 tok/step")[:2]
    (2, 2.55)
    >>> drafts_of("3 draft")[:2]
    (3, 2.9)
    """
    words = text.strip().lower()
    if not words and not re.search(r"\bmtp\b(?! off)", note, re.IGNORECASE):
        return Drafts(0, 1.0, False, False)
    if not words or _NONE.search(words):
        return Drafts(0, 1.0, True, False)
    drafted = re.search(r"(\d+)\s*draft", words)
    count = min(int(drafted[1]), 8) if drafted else 1
    simulated = "simulat" in words
    between = re.search(r"accept\w*\s*([\d.]+)\s*-\s*([\d.]+)", words)
    one = re.search(r"([\d.]+)\s*tok/step", words)
    share = re.search(r"([\d.]+)\s*%\s*accept|accept\w*\s*([\d.]+)\s*%", words)
    if between:
        yielded = 0.5 * (float(between[1]) + float(between[2]))
    elif one:
        yielded = float(one[1])
    elif share:
        accepted = float(share[1] or share[2]) / 100.0
        yielded = sum(accepted**k for k in range(count + 1))
    else:
        usual = USUAL_YIELD.get(count, USUAL_YIELD[3])
        return Drafts(count, usual, False, simulated)
    return Drafts(count, min(max(yielded, 1.0), count + 1.0), True, simulated)


def acceptance_of(drafts: Drafts) -> float:
    """Return the acceptance of one draft that yields so many tokens a step [1].

    The root of `1 + a + ... + a^k = tokens`.

    >>> round(acceptance_of(Drafts(2, 2.71, True, False)), 3)
    0.9
    """
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = 0.5 * (low + high)
        if sum(middle**k for k in range(drafts.count + 1)) < drafts.tokens:
            low = middle
        else:
            high = middle
    return 0.5 * (low + high)


class Precisions(NamedTuple):
    """Formats of a row, by the names of `workload.serving`, and what was assumed."""

    weight: str
    expert: str
    activation: str
    cache: str
    assumed: tuple[str, ...]


def precisions_of(
    weights: str, cache: str, chip: Chip, experts: bool, narrow: bool = False
) -> Precisions:
    """Return the formats that a row names.

    Mixtures of experts in four bits keep attention in eight (NVFP4) or in BF16 (MXFP4,
    as gpt-oss is published); where a chip multiplies no four-bit numbers, what
    multiplies MXFP4 weights is BF16.

    Args:
      weights, cache: as written.
      chip: that computes.
      experts: whether the model has any.
      narrow: whether the stack keeps caches in FP8 unless it is told otherwise.

    Raises:
      Refused: the format is none that is known.
    """
    words = re.sub(r"[^a-z0-9]+", " ", weights.lower()).strip()
    # Some chips say zero, others what their next wider rate is.
    four = float(chip.peak_fp4) > 1.5 * max(float(chip.peak_fp8), 1.0)
    assumed: list[str] = []
    if not words:
        words = "nvfp4" if four else "fp8"
        assumed.append(f"weights are {'NVFP4' if four else 'FP8'}")
    if re.search(r"mxfp4|mx fp4", words):
        weight, expert, activation = "bf16", "mxfp4", "mxfp4" if four else "bf16"
        if not experts:
            weight, expert = "mxfp4", ""
    elif re.search(r"fp4|w4a16|w4a8|int4|4bit", words):
        weight, expert = ("fp8", "nvfp4") if experts else ("nvfp4", "")
        activation = "" if four and "w4a" not in words else "fp8"
        activation = "bf16" if "w4a16" in words or "int4" in words else activation
    elif "mxfp8" in words:
        weight, expert, activation = "mxfp8", "", ""
    elif re.search(r"fp8|e4m3", words):
        weight, expert, activation = "fp8", "", ""
    elif re.search(r"int8|w8a8|8bit", words):
        weight, expert, activation = "int8", "", ""
    elif re.search(r"bf16|fp16|16bit|float16|half", words):
        weight, expert, activation = "bf16", "", ""
    else:
        raise Refused(f"precision of weights {shown(weights)} is not known")
    known = re.sub(r"\(.*", "", cache.lower())
    if "8" in known:
        kept = "fp8"
    elif "16" in known:
        kept = "bf16"
    else:
        slim = narrow or "fp4" in f"{weight}{expert}"
        kept = "fp8" if slim and f"{weight}{expert}" != "bf16" else "bf16"
        assumed.append(f"the cache of keys and values is {kept.upper()}")
    return Precisions(weight, expert, activation, kept, tuple(assumed))


def number_in(pattern: str, text: str) -> float | None:
    """Return the first number that follows or precedes a word; `#` marks where.

    >>> number_in("concurrency #", "vllm; concurrency 4,096")
    4096.0
    """
    found = re.search(pattern.replace("#", _NUMBER), text, re.IGNORECASE)
    return float(found[1].replace(",", "")) if found else None


def milliseconds(text: str) -> tuple[float | None, bool]:
    """Return a time and whether it is a limit; of a range its middle [s].

    >>> milliseconds("<70"), milliseconds("2000-5000"), milliseconds("~100")
    ((0.07, True), (3.5, False), (0.1, False))
    """
    found = [float(x) for x in re.findall(r"\d+\.?\d*(?:e-?\d+)?", text.lower())]
    if not found or not any(found):
        return None, False
    limit = bool(re.match(r"\s*(<|≤|under|below|max)", text.lower()))
    return sum(found[:2]) / min(len(found), 2) / 1e3, limit
