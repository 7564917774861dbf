"""Which parallel splits of a model exist: the rules, and all splits that obey them.

A split is a row of plain numbers: chips, the five parallel sizes' free four (data
parallel follows), interleave, micro-batch and three choices held as positions in
`RECOMPUTE`, `SHARDING` and `SWITCHED`.  One table of rules serves the single check and
the enumeration, so the two cannot disagree.
"""

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from supernode_opt.workload.model import Model, Training
from supernode_opt.workload.sizes import options

Columns = dict[str, NDArray[np.int32]]
Rule = tuple[Callable[[Mapping[str, NDArray]], NDArray], str]

SIZES = (
    "chips",
    "tensor_parallel",
    "pipeline_parallel",
    "context_parallel",
    "micro_batch",
    "interleave",
    "expert_parallel",
)
SWITCHES = ("recompute", "optimizer_sharding", "sequence_parallel")
_BLOCK = 1 << 18


class TooManySplits(ValueError):
    """More legal splits than the caller is prepared to hold."""


def _replicas(split: Mapping[str, NDArray], ranks: int) -> NDArray:
    model_parallel = (
        split["tensor_parallel"]
        * split["pipeline_parallel"]
        * split["context_parallel"]
    )
    return np.maximum(ranks * split["chips"] // model_parallel, 1)


def _rules(model: Model, training: Training, ranks: int) -> dict[str, tuple[Rule, ...]]:
    """Return the rules of each column; a rule may read that column and earlier ones."""
    layers, batch = int(model.layers), int(training.global_batch)
    chips = "chips" if ranks == 1 else f"chips of {ranks} ranks"
    sequence, experts = int(training.sequence_length), int(model.experts)

    several = training.expert_tensor_parallel
    shared = 1 if several is None else int(several)
    ends = int(training.first_stage_layers), int(training.last_stage_layers)
    alone, own = training.alone, training.mtp_stage == "own"

    def replicas(split: Mapping[str, NDArray]) -> NDArray:
        return _replicas(split, ranks)

    def micro_batches(split: Mapping[str, NDArray]) -> NDArray:
        return batch // np.maximum(replicas(split) * split["micro_batch"], 1)

    def others(split: Mapping[str, NDArray]) -> tuple[NDArray, NDArray]:
        """Return the stages whose layers are not stated, and their layers."""
        several = split["pipeline_parallel"] > 1
        stated = (ends[0] > 0) + (ends[1] > 0) + sum(alone)
        stated = np.where(several, stated, 0)
        left = layers - np.where(several, ends[0] + ends[1], 0)
        return split["pipeline_parallel"] - stated, left

    def stage(split: Mapping[str, NDArray]) -> NDArray:
        count, left = others(split)
        return -(-left // np.maximum(count, 1))

    def every_stage(split: Mapping[str, NDArray]) -> NDArray:
        count, left = others(split)
        some = (left > 0) & ((count - 1) * stage(split) < left)
        return np.where(count > 0, some, left == 0)

    def one_short(split: Mapping[str, NDArray]) -> NDArray:
        count, left = others(split)
        chunks = np.maximum(count * split["interleave"], 1)
        return -left % chunks <= -(-left // chunks)

    tensor = tuple(
        (
            lambda s, width=int(width): width % s["tensor_parallel"] == 0,
            f"tensor_parallel must divide the {int(width)} {what}",
        )
        for width, what in (
            (model.heads, "attention heads"),
            (model.hidden, "hidden channels"),
            (model.ffn, "FFN channels"),
        )
        if width > 0
    )
    return {
        "tensor_parallel": tensor,
        "pipeline_parallel": (
            (
                every_stage,
                f"every pipeline stage must hold one of the {layers} layers",
            ),
            (
                lambda s: (s["pipeline_parallel"] != 2) | (not own),
                "pipeline_parallel must not be 2 where mtp_stage is own",
            ),
        ),
        "context_parallel": (
            (
                lambda s: (
                    (s["context_parallel"] == 1)
                    | (sequence % (2 * s["context_parallel"]) == 0)
                ),
                f"twice context_parallel must divide the sequence of {sequence} tokens",
            ),
            (
                lambda s: (
                    ranks
                    * s["chips"]
                    % (
                        s["tensor_parallel"]
                        * s["pipeline_parallel"]
                        * s["context_parallel"]
                    )
                    == 0
                ),
                f"{chips} must be a multiple of tensor * pipeline * context parallel",
            ),
            (
                lambda s: batch % replicas(s) == 0,
                f"data parallel must divide the global batch of {batch}",
            ),
        ),
        "micro_batch": (
            (
                lambda s: batch % (replicas(s) * s["micro_batch"]) == 0,
                f"micro_batch * data parallel must divide the global batch of {batch}",
            ),
        ),
        "interleave": (
            (
                lambda s: (
                    (s["interleave"] == 1)
                    | (
                        (s["pipeline_parallel"] > 1)
                        & ((stage(s) % s["interleave"] == 0) | one_short(s))
                        & (micro_batches(s) % s["pipeline_parallel"] == 0)
                    )
                ),
                "interleave must be 1, or divide the layers of a stage, or of all but"
                " one chunk, with the micro-batches a multiple of pipeline_parallel",
            ),
        ),
        "expert_parallel": (
            (
                lambda s: (
                    (max(experts, 1) % s["expert_parallel"] == 0)
                    & (
                        s["tensor_parallel"]
                        * s["context_parallel"]
                        * replicas(s)
                        % (s["expert_parallel"] * shared)
                        == 0
                    )
                ),
                f"expert_parallel must divide the {experts} experts and"
                f"{'' if shared == 1 else f', {shared} times itself,'}"
                " tensor * context * data parallel"
                if experts
                else "expert_parallel must be 1 for a dense model",
            ),
            (
                lambda s: (
                    (s["expert_parallel"] > 0)
                    & (int(model.expert_ffn) % shared == 0)
                    & (shared == 1 or experts > 0)
                ),
                f"expert_tensor_parallel must divide the {int(model.expert_ffn)}"
                f" channels of an expert, but is {shared}",
            ),
        ),
        "optimizer_sharding": (
            (
                lambda s: (
                    (s["optimizer_sharding"] == 0)
                    | (replicas(s) * s["context_parallel"] > 1)
                ),
                "optimizer_sharding must be zero0 without data or context parallel",
            ),
            (
                lambda s: (s["optimizer_sharding"] < 3) | (s["pipeline_parallel"] == 1),
                "zero3 needs pipeline_parallel 1",
            ),
        ),
        "sequence_parallel": (
            (
                lambda s: (s["sequence_parallel"] == 0) | (s["tensor_parallel"] > 1),
                "sequence_parallel must be off where tensor_parallel is 1",
            ),
            (
                lambda s: (
                    (s["sequence_parallel"] == 1)
                    | (s["tensor_parallel"] == 1)
                    | (experts == 0)
                ),
                "sequence_parallel must be on for experts with tensor_parallel above 1",
            ),
        ),
    }


def legal(
    split: Mapping[str, float], model: Model, training: Training, ranks: int = 1
) -> str | None:
    """Return the sentence of the first rule that `split` breaks, or `None`.

    Args:
      split: every name of `SIZES` and `SWITCHES`; switches as positions.
      model: the transformer.
      training: sequence length and global batch [1].
      ranks: of one chip [1].
    """
    for name in SIZES:
        if split[name] < 1 or split[name] != int(split[name]):
            return f"{name} must be a whole number from 1, but is {split[name]}"
    columns = {name: np.asarray(int(split[name])) for name in SIZES + SWITCHES}
    for rules in _rules(model, training, ranks).values():
        for holds, sentence in rules:
            if not holds(columns):
                return sentence
    return None


# What a split can be illegal by: the columns of the rules.
RULED = (*SIZES[1:], *SWITCHES[1:])


def first_broken(
    split: Mapping[str, NDArray], model: Model, training: Training, ranks: int = 1
) -> NDArray[np.int8]:
    """Return by which of `RULED` each split is illegal, -1 for those that are legal.

    Args:
      split: every name of `SIZES` and `SWITCHES` [split]; switches as positions.
      model, training, ranks: see `legal`.
    """
    columns = {n: np.asarray(split[n]).astype(np.int64) for n in SIZES + SWITCHES}
    found = np.full(np.broadcast_shapes(*(c.shape for c in columns.values())), -1)
    for name, rules in _rules(model, training, ranks).items():
        for holds, _ in rules:
            broken = (found < 0) & ~np.broadcast_to(holds(columns), found.shape)
            found[broken] = RULED.index(name)
    return found.astype(np.int8)


def enumerate_splits(
    model: Model,
    training: Training,
    chips: Sequence[int],
    ranges: Mapping[str, tuple[float, float]],
    switches: Mapping[str, Sequence[int]],
    limit: int = 20_000_000,
    ranks: int = 1,
) -> Columns:
    """Return every legal split as columns of equal length.

    Args:
      model: the transformer.
      training: sequence length and global batch [1].
      chips: the chip counts to split over [1].
      ranges: lowest and highest value of each size; a missing one is unrestricted.
      switches: allowed positions of each of `SWITCHES`.
      limit: most splits to hold.
      ranks: of one chip [1].

    Raises:
      TooManySplits: there are more than `limit`.
    """
    rows: Columns = {"chips": np.asarray(sorted(set(chips)), np.int32)}
    columns = (*options(model, training), *SWITCHES)
    return grown(rows, columns, model, training, ranges, switches, limit, ranks)


def grown(
    rows: Columns,
    columns: Sequence[str],
    model: Model,
    training: Training,
    ranges: Mapping[str, tuple[float, float]],
    switches: Mapping[str, Sequence[int]],
    limit: int = 20_000_000,
    ranks: int = 1,
) -> Columns:
    """Return `rows` with more columns, every legal combination; see `enumerate_splits`.

    Args:
      rows: splits as far as they are decided, and whatever else goes with each.
      columns: to add, in this order: a rule reads what it needs from those before.
      model, training, ranges, switches, limit, ranks: as there.

    Raises:
      TooManySplits: there are more than `limit`.
    """
    rules = _rules(model, training, ranks)
    sizes = options(model, training)
    for name in columns:
        low, high = ranges.get(name, (1.0, math.inf))
        kept = (
            switches[name]
            if name in SWITCHES
            else [o for o in sizes[name] if low - 1e-9 <= o <= high + 1e-9]
        )
        rows = _expand(rows, name, np.asarray(kept, np.int32), rules.get(name, ()))
        if len(rows[name]) > limit:
            raise TooManySplits(f"more than {limit} legal splits up to {name}")
    return rows


def _expand(
    rows: Columns, name: str, options: NDArray[np.int32], rules: tuple[Rule, ...]
) -> Columns:
    """Cross `rows` with `options` of one more column and keep the legal ones."""
    count = len(rows["chips"])
    size = max(_BLOCK // max(len(options), 1), 1)
    kept: list[Columns] = []
    for start in range(0, count, size):
        block = {key: column[start : start + size] for key, column in rows.items()}
        length = len(block["chips"])
        wide = {key: np.repeat(column, len(options)) for key, column in block.items()}
        wide[name] = np.tile(options, length)
        # Rules about divisibility come in order: a later one may assume the earlier.
        for holds, _ in rules:
            passed = holds(wide)
            wide = {key: column[passed] for key, column in wide.items()}
        kept.append(wide)
    if not kept:
        return {key: np.zeros(0, np.int32) for key in (*rows, name)}
    return {key: np.concatenate([part[key] for part in kept]) for key in kept[0]}
