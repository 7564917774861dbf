"""What the exact model says of jobs: the layout that each ran, latencies and rate."""

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from supernode_opt.batch.engine import Group, grouped
from supernode_opt.calibration.serving import batch
from supernode_opt.calibration.serving.batch import Served
from supernode_opt.calibration.serving.case import case
from supernode_opt.calibration.serving.job import Job

# Rounds after which requests that wait for a pool of prefill and those in decode agree.
_ROUNDS = 5
_LEAST = 1e-12
# Of the last step's time, what a run that ends loses while its slots empty (see
# `offline`).
_DRAIN, _FIRST = 0.5, 0.3


class Predicted(NamedTuple):
    """Predictions [job], NaN where a row has no such quantity.

    Attributes:
      tpot, ttft: [s].
      rate: tokens per second and chip, of the kind that the row counts [1/s].
      batch: requests in decode per group of tensor ranks [1].
      case: position of the case that each job is taken to have run.
    """

    tpot: NDArray
    ttft: NDArray
    rate: NDArray
    batch: NDArray
    case: NDArray


@dataclasses.dataclass(frozen=True)
class Table:
    """Jobs with all their layouts, stacked once.

    Attributes:
      jobs: the jobs.
      owner: position of each case's job [case].
      order: which of its job's layouts each case is [case].
      batches: the cases, stacked.
      numbers: what `predict` needs of each case's job, by name [case].
    """

    jobs: tuple[Job, ...]
    owner: NDArray
    order: NDArray
    batches: tuple[Group, ...]
    numbers: dict[str, NDArray]


def table(jobs: Sequence[Job]) -> Table:
    """Stack every layout of every job."""
    pairs = [(i, k) for i, job in enumerate(jobs) for k in range(len(job.layouts))]
    cases = [case(jobs[i], jobs[i].layouts[k]) for i, k in pairs]
    owner = np.asarray([i for i, _ in pairs], int)
    order = np.asarray([k for _, k in pairs], int)

    def each(of: object) -> NDArray:
        return np.asarray([of(jobs[i], jobs[i].layouts[k]) for i, k in pairs], float)  # type: ignore[operator]

    numbers = {
        "chips": each(lambda job, layout: layout.chips),
        "own": each(lambda job, layout: layout.prefill_chips),
        "given": each(lambda job, layout: layout.batch),
        "under_way": each(lambda job, layout: job.under_way),
        "requests": each(lambda job, layout: job.requests),
        "input": each(lambda job, layout: float(job.serving.input_length)),
        "output": each(lambda job, layout: float(job.serving.output_length)),
        "balanced": each(lambda job, layout: job.balanced_pools),
        "prefill": each(lambda job, layout: job.phase == "prefill"),
        "decode": each(lambda job, layout: job.phase == "decode"),
        "speed": each(lambda job, layout: job.speed),
    }
    return Table(tuple(jobs), owner, order, grouped(cases), numbers)


def predict(
    stacked: Table, logs: NDArray, batches: NDArray | None = None
) -> tuple[Predicted, NDArray]:
    """Return predictions, and the batch of every case.

    Args:
      stacked: the jobs.
      logs: of the constants of each job [job, constant].
      batches: of every case, where they are known already [case] [1].
    """
    constants = logs[stacked.owner]
    if batches is None:
        found, batches = _settled(stacked, constants)
    else:
        found = batch.evaluate(stacked.batches, constants, batches)
    quantities = _quantities(stacked, found)
    picked = _chosen(stacked, quantities)
    rows = {name: value[picked] for name, value in quantities.items()}
    made = Predicted(
        tpot=rows["tpot"],
        ttft=rows["ttft"],
        rate=rows["rate"],
        batch=found.batch[picked],
        case=picked,
    )
    return made, batches


def _settled(stacked: Table, constants: NDArray) -> tuple[Served, NDArray]:
    """Return the cases served with the batches that they come to run at.

    No more requests decode than memory holds, nor than a pool of prefill hands over:
    with all requests of a closed loop under way, those that decode leave at the rate at
    which prompts are read (Little's law).
    """
    n = stacked.numbers
    free = batch.evaluate(stacked.batches, constants, np.zeros(len(constants)))
    length = n["input"] + 0.5 * n["output"]
    most = np.maximum(free.capacity / (free.groups * length), 1.0)
    wanted = np.where(n["given"] > 0.0, n["given"], 0.0)
    closed = (n["given"] <= 0.0) & (n["under_way"] > 0.0) & (n["balanced"] <= 0.0)
    wanted = np.where(closed, n["under_way"] / free.groups, wanted)
    ended = (n["requests"] > 0.0) & (wanted <= 0.0)
    wanted = np.where(ended, n["requests"] / free.groups, wanted)
    held = np.minimum(np.where(wanted > 0.0, wanted, free.batch), most)
    held = np.where(n["prefill"] > 0.0, 1.0, held)
    apart = closed & (n["own"] > 0.0)
    found = batch.evaluate(stacked.batches, constants, held)
    for _ in range(_ROUNDS if apart.any() else 0):
        able = found.groups * held / (n["output"] * found.tpot)
        fed = np.minimum(found.prompts / np.maximum(able, _LEAST), 1.0)
        held = np.where(apart, np.clip(held * fed, 1e-3, None), held)
        found = batch.evaluate(stacked.batches, constants, held)
        # What fits is filled up again where fewer requests make steps shorter.
        able = found.groups * held / (n["output"] * found.tpot)
        more = np.where(able < found.prompts, found.prompts / able, 1.0)
        top = np.minimum(np.where(wanted > 0.0, wanted, free.batch), most)
        held = np.where(apart, np.minimum(held * np.minimum(more, 1.5), top), held)
    if apart.any():
        found = batch.evaluate(stacked.batches, constants, held)
    return found, held


def _quantities(stacked: Table, found: Served) -> dict[str, NDArray]:
    """Return what rows report, of every case [case]."""
    n = stacked.numbers
    total = n["input"] + n["output"]
    kinds = np.asarray([stacked.jobs[i].measured.kind for i in stacked.owner])
    each = np.select(
        [kinds == "in", kinds == "out"], [n["input"], n["output"]], default=total
    )
    requests = found.requests / n["chips"]
    pools = 1.0 / (
        n["input"] / np.maximum(found.prefill, _LEAST)
        + n["output"] / np.maximum(found.decode, _LEAST)
    )
    requests = np.where(n["balanced"] > 0.0, pools, requests)
    requests = np.where(n["requests"] > 0.0, _offline(n, found), requests)
    rate = np.where(n["decode"] > 0.0, found.decode, requests * each)
    rate = np.where(n["prefill"] > 0.0, found.prefill, rate) * n["speed"]
    queued = np.maximum(n["under_way"] - found.batch * found.groups, 0.0)
    queued = np.where(n["balanced"] > 0.0, 0.0, queued)
    waiting = queued / np.maximum(found.requests, _LEAST)
    none = np.full(len(rate), np.nan)
    reads = n["prefill"] > 0.0
    return {
        "tpot": np.where(reads, none, found.tpot),
        "ttft": np.where(n["decode"] > 0.0, none, found.ttft + waiting),
        "rate": rate,
    }


def _offline(n: dict[str, NDArray], found: Served) -> NDArray:
    """Requests a second and chip of a run that ends [1/s].

    All requests wait at the start: their prompts are read, they decode in waves of as
    many as memory holds, and slots empty while the last ones finish, which have begun
    at times spread over a wave.
    """
    each = n["requests"] / found.groups
    waves = np.maximum(each / found.batch, 1.0)
    reading = n["requests"] / found.prompts
    decoding = n["output"] * found.step / found.tokens
    drain = _DRAIN * np.minimum(1.0, _FIRST + waves - 1.0) * (waves > 1.0)
    return n["requests"] / (reading + decoding * (waves + drain)) / n["chips"]


def _chosen(stacked: Table, quantities: dict[str, NDArray]) -> NDArray:
    """Return the case each job is taken to have run: what serves most per chip."""
    rate = np.nan_to_num(quantities["rate"], nan=0.0)
    order = np.lexsort((-rate, stacked.owner))
    _, first = np.unique(stacked.owner[order], return_index=True)
    return order[first]
