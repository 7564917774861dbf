"""What a box of machines promises: of each job, the best of the splits that survive.

Splits come in the order of what they promised in a box around this one.  As soon as the
next promises less than the best one here, the rest need no look; a split leaves for
good where it promises too little beside what the other jobs promise at best, or where
another one surely does better anywhere in the box.  So work shrinks with the boxes.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from supernode_opt.joint.boxes import Boxes, Head
from supernode_opt.joint.clocks import clocked
from supernode_opt.joint.jobs import Job
from supernode_opt.joint.machines import Machines
from supernode_opt.joint.wish import Wish
from supernode_opt.search.enumerate import Columns, take

# Splits of a job looked at in a box at first; then twice as many, and so on.
_FIRST = 6
# Splits of a job that are tried to say what it keeps anywhere in a box.
_SURE = 3
_ROWS = 65_536


def bounded(
    machines: Machines,
    jobs: Sequence[Job],
    wish: Wish,
    boxes: Boxes,
    most: float,
) -> tuple[Boxes, NDArray]:
    """Bound boxes; return those that may be better than `most`, and flows to use.

    Args:
      machines: what is free of the machine.
      jobs: what runs on it.
      wish: what is wanted.
      boxes: as they come from a cut, with what was known of the boxes they were in.
      most: cost that a box has to promise.
    """
    narrow = clocked(machines, boxes.rows)
    boxes = boxes.take(narrow.index)
    boxes.rows, flow = narrow.rows, narrow.flow
    costs, heads = boxes.costs.copy(), boxes.heads.copy()
    alive = np.arange(len(boxes))
    for j, job in enumerate(jobs):
        if not len(alive):
            break
        needs = wish.needed(costs[alive], j, most)
        found, made = least_of(
            job, take(boxes.rows, alive), list(heads[alive, j]), needs
        )
        costs[alive, j] = np.maximum(costs[alive, j], found)
        for place, head in zip(alive, made, strict=True):
            heads[place, j] = head
        alive = alive[wish.cost(costs[alive]) < most]
    rows, flow = take(boxes.rows, alive), flow[alive]
    costs, heads = costs[alive], heads[alive]
    for j, job in enumerate(jobs):
        needs = wish.needed(costs, j, most)
        _cap(job, rows, heads, j, needs)
    old = np.zeros(len(rows["chips"]), bool)
    return Boxes(rows, wish.cost(costs), costs, heads, old), flow


def least_of(
    job: Job, rows: Columns, heads: list[Head], needs: NDArray
) -> tuple[NDArray, list[Head]]:
    """Return the least cost that `job` promises in every box, and what is left of it.

    A cost that is not below `needs` need not be the least.
    """
    count = len(heads)
    least = np.full(count, np.inf)
    at = np.zeros(count, int)
    tail = np.asarray([head.start for head in heads])
    stop = np.asarray([job.places[int(c)].stop for c in rows["chips"]])
    looked: list[list[tuple[NDArray, NDArray]]] = [[] for _ in heads]
    active, size = list(range(count)), _FIRST
    while active:
        picked, owners, old = [], [], []
        for i in active:
            head, limit = heads[i], min(least[i], needs[i])
            own = slice(at[i], at[i] + size)
            some = head.splits[own][head.costs[own] < limit]
            more = job.costs[tail[i] : min(tail[i] + size, stop[i])]
            several = int(np.sum((more < limit) & (more <= head.ceiling)))
            fresh = np.arange(tail[i], tail[i] + several)
            old.append(np.concatenate([head.costs[own][: len(some)], more[:several]]))
            picked.append(np.concatenate([some, fresh]).astype(np.int64))
            owners.append(np.full(len(picked[-1]), i))
            at[i] += len(some)
            tail[i] += several
        splits, owner = np.concatenate(picked), np.concatenate(owners)
        if not len(splits):
            break
        new = np.maximum(
            _in_pieces(job.promised, job, rows, owner, splits), np.concatenate(old)
        )
        ends = np.cumsum([len(p) for p in picked])
        for i, stop_at, some in zip(active, ends, picked, strict=True):
            values = new[stop_at - len(some) : stop_at]
            looked[i].append((some, values))
            least[i] = min(least[i], float(np.min(values, initial=np.inf)))
        active = [i for i, some in zip(active, picked, strict=True) if len(some)]
        size *= 2
    made = []
    for i, head in enumerate(heads):
        rest = slice(at[i], None)
        splits = [*(s for s, _ in looked[i]), head.splits[rest]]
        costs = [*(c for _, c in looked[i]), head.costs[rest]]
        every, values = np.concatenate(splits), np.concatenate(costs)
        good = (values < needs[i]) & (values <= head.ceiling)
        every, values = every[good], values[good]
        order = np.argsort(values, kind="stable")
        made.append(Head(every[order], values[order], int(tail[i]), head.ceiling))
        following = job.costs[tail[i]] if tail[i] < stop[i] else np.inf
        if following > head.ceiling:
            following = np.inf
        unseen = float(np.min(head.costs[rest], initial=following))
        least[i] = min(least[i], unseen)
    return least, made


def _cap(job: Job, rows: Columns, heads: NDArray, j: int, needs: NDArray) -> None:
    """Find what `job` keeps anywhere in every box; drop what promises no more."""
    if job.surely is None or not len(heads):
        return
    few = [head.splits[:_SURE] for head in heads[:, j]]
    splits = np.concatenate(few)
    if not len(splits):
        return
    owner = np.repeat(np.arange(len(few)), [len(f) for f in few])
    sure = _in_pieces(job.assured, job, rows, owner, splits)
    kept = np.full(len(few), np.inf)
    np.minimum.at(kept, owner, sure)
    for i, head in enumerate(heads[:, j]):
        ceiling = min(head.ceiling, float(kept[i]))
        good = (head.costs <= ceiling) & (head.costs < needs[i])
        heads[i, j] = Head(head.splits[good], head.costs[good], head.start, ceiling)


def _in_pieces(
    asked: Callable[[Columns], NDArray],
    job: Job,
    rows: Columns,
    owner: NDArray,
    splits: NDArray,
) -> NDArray:
    found = [
        asked(on_machines(job, take(rows, owner[k : k + _ROWS]), splits[k : k + _ROWS]))
        for k in range(0, len(splits), _ROWS)
    ]
    return np.concatenate(found)


def on_machines(job: Job, rows: Columns, splits: NDArray) -> Columns:
    """Put splits of a job on machines, row by row."""
    return take(job.splits, splits) | rows
