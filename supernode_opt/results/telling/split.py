"""How a job is split over a machine, in the short words of the field."""

from collections.abc import Mapping
from typing import Any

from supernode_opt.names import SCHEDULE, SPLIT

# Sizes that are worth a word where they are above one.
_SIZES = SPLIT | SCHEDULE


def split_words(design: Mapping[str, Any], sizes: Mapping[str, str] = _SIZES) -> str:
    """Name the parallel sizes of a split.

    >>> split_words({"tensor_parallel": 8.0, "pipeline_parallel": 1, "micro_batch": 2})
    'TP 8 MBS 2'
    """
    known = {word: design.get(name) for name, word in sizes.items()}
    return " ".join(f"{w} {v:.0f}" for w, v in known.items() if v and v > 1.0)


def practice_words(design: Mapping[str, Any]) -> list[str]:
    """Name what else of a split decides memory: sharding, recompute, sequences.

    >>> practice_words({"optimizer_sharding": "zero1", "recompute": "selective"})
    ['ZeRO-1', 'selective recompute']
    """
    sharding = str(design.get("optimizer_sharding", ""))
    made = [sharding.replace("zero", "ZeRO-")] if sharding else []
    recompute = design.get("recompute", "none")
    made += [] if recompute == "none" else [f"{recompute} recompute".replace("_", " ")]
    if design.get("sequence_parallel") == "on":
        made.append("sequence parallel")
    return made
