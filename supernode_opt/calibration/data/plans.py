"""The plans that a row may have been run with: splits, recompute, sharding."""

import dataclasses
import itertools
import math
import re
from typing import Any

from supernode_opt.calibration.data.recompute import NOTHING, recompute_of
from supernode_opt.calibration.data.runs import Refused, Run
from supernode_opt.calibration.data.stacks import Stack
from supernode_opt.system.design import SHARDING
from supernode_opt.workload.model import Model, Training
from supernode_opt.workload.recompute import Recompute
from supernode_opt.workload.sizes import divisors

_MOST_PLANS = 48
# No job that anyone has measured is larger, in any of its sizes.
_LARGEST = 1e7
# Words for parameters that are spread as well, and for copies of such a spread.
_SHARDED = r"fsdp|hsdp|fully.sharded|hybrid.shard"
_HYBRID = r"hsdp|hybrid.shard"
_SIZES = ("n_accel", "tp", "pp", "cp", "ep", "etp", "mbs", "vpp")


@dataclasses.dataclass(frozen=True)
class Plan:
    """One way the row may have been run.

    Attributes:
      sizes: parallel sizes, micro-batch and interleave by design field [1].
      recompute: one of `RECOMPUTE`.
      modules: those of the set "listed".
      sharding: ZeRO level, 0 to 3.
      shard_ranks: most ranks one copy of sharded states is spread over, 0 for all [1].
      sequence_parallel: whether it is on.
      expert_tensor: ranks that share every expert's matrices, `None` for one [1].
    """

    sizes: dict[str, float]
    recompute: str
    sharding: int
    shard_ranks: int
    sequence_parallel: bool
    modules: Recompute = NOTHING
    expert_tensor: float | None = None

    def trained(self, training: Training) -> Training:
        """Return `training` with what of it the plan decides."""
        ranks = float(self.shard_ranks) or training.shard_ranks
        several = self.expert_tensor
        return dataclasses.replace(
            training, shard_ranks=ranks, expert_tensor_parallel=several
        )


def _check(name: str, size: float) -> None:
    if not 0.0 < size <= _LARGEST or size != int(size):
        raise Refused(f"{name} must be a whole number up to {_LARGEST:,.0f}")


def plans_of(
    run: Run,
    model: Model,
    training: Training,
    stack: Stack,
    dies: int,
    board: float,
    assumed: list[str],
) -> tuple[Plan, ...]:
    """Return the plans that a row may have been run with.

    Packages hold `dies` ranks, boards as many packages as `board`.

    Where it does not say, the stack's documentation does; what neither says and is
    assumed is added to `assumed`.

    Raises:
      Refused: the row gives no parallel layout, or one that contradicts itself.
      BadRuns: a cell that must be a number is none.
    """
    for column in _SIZES:
        _check(column, run.size(column))
    _check("experts", model.experts or 1.0)
    _check("layers", model.layers)
    chips = run.number("n_accel") or 0.0
    sharded = run.text("fsdp_or_zero")
    if not run.text("tp") and not run.text("pp") and not sharded and chips > 1:
        raise Refused("no parallel layout")
    tensor, pipeline, context = (run.size(c) for c in ("tp", "pp", "cp"))
    replicas = chips * dies / (tensor * pipeline * context)
    if replicas < 1.0 or replicas != int(replicas):
        raise Refused("tensor x pipeline x context parallel does not divide the chips")
    batch = training.global_batch / replicas
    if batch < 1.0:
        raise Refused("global batch smaller than data parallel")
    if not batch <= _LARGEST:
        raise Refused(f"more than {_LARGEST:,.0f} sequences per replica")
    sequence = run.text("seq_parallel").lower() in ("true", "on", "yes", "1")
    if not run.text("seq_parallel"):
        sequence = tensor > 1.0 and stack.sequence_parallel
    several = _expert_tensor(run, model, stack)
    stage_ranks = chips * dies / (pipeline * (several or 1.0))
    choices: list[list[Any]] = [
        _expert_parallels(run, model, stack, stage_ranks, assumed),
        _micro_batches(run, batch, assumed),
        _interleaves(run, model, pipeline, stack, assumed),
        _recomputes(run, model, pipeline, stack, assumed),
        _shard_ranks(run, replicas, board * dies, assumed),
    ]
    plans = [
        Plan(
            sizes={
                "chips": chips,
                "tensor_parallel": tensor,
                "pipeline_parallel": pipeline,
                "context_parallel": context,
                "expert_parallel": expert,
                "micro_batch": micro,
                "interleave": interleave,
            },
            recompute=recompute[0],
            modules=recompute[1],
            sharding=_sharding(sharded, stack, replicas * context, pipeline),
            shard_ranks=group,
            sequence_parallel=sequence and tensor > 1.0,
            expert_tensor=several,
        )
        for expert, micro, interleave, recompute, group in itertools.product(*choices)
    ]
    return tuple(plans[:_MOST_PLANS])


def _expert_tensor(run: Run, model: Model, stack: Stack) -> float | None:
    """Return how many ranks share every expert's matrices, `None` for one [1]."""
    if not model.experts:
        return None
    said = run.number("etp") or (run.size("tp") if stack.expert_tensor else 1.0)
    return said if said > 1.0 else None


def _expert_parallels(
    run: Run, model: Model, stack: Stack, stage_ranks: float, assumed: list[str]
) -> list[float]:
    if not model.experts:
        return [1.0]
    expert = run.number("ep") or min(stack.expert_default, stage_ranks)
    unsaid = expert == 1.0 and stack.expert_unreliable and not run.text("stack")
    if not expert or unsaid:
        assumed.append("expert parallel chosen by the model")
        options = [float(d) for d in divisors(int(model.experts)) if d >= 8]
        return [d for d in options if d <= stage_ranks] or [stage_ranks]
    return [min(expert, stage_ranks)]


def _micro_batches(run: Run, batch: float, assumed: list[str]) -> list[float]:
    written = run.number("mbs")
    if written:
        if written > batch:
            assumed.append(f"micro-batch {batch:g} instead of {written:g}")
        return [min(written, batch)]
    assumed.append("micro-batch chosen by the model")
    options = [m for m in divisors(max(int(batch), 1)) if m <= 16]
    return [float(option) for option in options]


def _interleaves(
    run: Run, model: Model, pipeline: float, stack: Stack, assumed: list[str]
) -> list[float]:
    if pipeline == 1.0:
        return [1.0]
    written = run.number("vpp")
    # Tables of some sources write 1 where they do not say.
    unsaid = written == 1.0 and stack.interleave_unreliable and not run.text("stack")
    if written and not unsaid:
        return [written]
    if not stack.interleaves:
        return [1.0]
    if run.tells_memory:
        assumed.append("no interleave")
        return [1.0]
    assumed.append("interleave chosen by the model")
    stage = math.ceil(model.layers / pipeline)
    return [float(option) for option in divisors(stage)]


def _recomputes(
    run: Run, model: Model, pipeline: float, stack: Stack, assumed: list[str]
) -> list[tuple[str, Recompute]]:
    written = run.text("recompute")
    if stack.recompute and written.lower() in ("", "selective"):
        if not written:
            assumed.append(f"recompute {stack.recompute}, as {stack.name} does")
        written = stack.recompute
    if run.tells_memory and not written:
        # Chosen as what fits, it would let everything fit.
        assumed.append("nothing recomputed")
        written = "none"
    if written:
        return [recompute_of(written, model.layers / pipeline)]
    assumed.append("recompute chosen by the model")
    known = {"selective": stack.module_recompute, "full": stack.full_recompute}
    every = ("none", *(name for name, has in known.items() if has))
    return [(name, NOTHING) for name in every]


def _sharding(written: str, stack: Stack, replicas: float, pipeline: float) -> int:
    text = written.lower()
    if replicas <= 1.0:
        return 0
    if not text:
        return SHARDING.index(stack.sharding)
    stated = re.match(r"(?:zero-?)?([0-3])\b", text)
    if stated and stated[1] != "3":
        return int(stated[1])
    if "grad_op" in text:
        return 2
    if re.search(_SHARDED, text) or stated:
        # With pipeline stages parameters stay gathered over the step's micro-batches.
        return 3 if pipeline == 1.0 else 1
    if text.startswith("none") or text in ("dp", "ddp"):
        return 0
    return 1


def _shard_ranks(
    run: Run, replicas: float, board: float, assumed: list[str]
) -> list[int]:
    sharded = run.text("fsdp_or_zero")
    if "not given" in sharded:
        assumed.append("sharding group chosen by the model")
        return [0, *(g for g in (8, 16, 32, 64, 128, 256) if g < replicas)]
    if re.search(_HYBRID, sharded.lower()):
        return [_hybrid_group(sharded.lower(), replicas, board, assumed)]
    return [_shard_group(run, sharded)]


def _hybrid_group(
    sharded: str, replicas: float, board: float, assumed: list[str]
) -> int:
    """Return the ranks of one copy where copies are replicated (HSDP) [1].

    It is that of a board where nothing is said, as in PyTorch's `HYBRID_SHARD`.
    """
    number = r"\D{0,12}?(\d{1,7})"
    copies = re.search(rf"replicat\w*{number}", sharded)
    # The 2 of FSDP2 is its version.
    within = re.search(
        rf"(?:shard(?!ed data)\w*|group){number}|fsdp2? ?[=x(] ?x?(\d{{1,7}})", sharded
    )
    if within:
        return int(within[1] or within[2])
    if copies:
        return int(replicas // max(int(copies[1]), 1))
    assumed.append(f"shards within a board of {board:g} ranks")
    return int(board)


def _shard_group(run: Run, sharded: str) -> int:
    full = re.search(r"(\d{1,7})-way fully sharded", sharded)
    if full:
        return int(full[1])
    found = re.search(r"(?:group |FSDP=|x|ici_fsdp=|ici=)(\d{1,7})", sharded)
    slices = re.search(r"across (\d{1,7}) slice", sharded)
    chips = run.size("n_accel")
    if slices and not (found and int(found[1]) > 1):
        return int(chips / max(int(slices[1]), 1))
    if not found:
        return 0
    return int(found[1]) if int(found[1]) > 1 or "x1" in sharded else 0
