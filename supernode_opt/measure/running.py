"""Working through a plan: what is finished is kept, what a budget forbids is named."""

import math
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax

from supernode_opt.measure import (
    attention,
    collectives,
    gemm,
    launch,
    memory,
    training,
)
from supernode_opt.measure.devices import Bench
from supernode_opt.measure.journal import Entry, Journal
from supernode_opt.measure.plan import BadMeasurement, Point, Speed, interleave
from supernode_opt.measure.timing import DISTURBED, Timing

SECTIONS: dict[str, Any] = {
    module.SECTION: module
    for module in (gemm, memory, launch, attention, collectives, training)
}
# A first look at an unknown device: growing GEMMs and one stream.
_PROBES = tuple(
    Point("probe", {"what": what}, 0.1, needed=True)
    for what in ("arithmetic", "memory")
)
# A GEMM of this duration is large enough to show the device's rate [s].
_ENOUGH = 2e-3
_LARGEST = 16384
# What fits, files and leaving take at the end [s].
_RESERVE = 10.0
# A point is measured so often at most.
_TRIES = 6
# Calls that even a long point takes: warm-up, a first look, some samples.
_CALLS = 5.0
# First guess of what compiling a point takes, by platform [s].
_COMPILING = {"cpu": 1.0, "gpu": 2.0, "tpu": 3.0}


class Done(NamedTuple):
    """The speed that shaped the plan, what was skipped, and what else is missing."""

    speed: Speed
    skipped: tuple[Point, ...]
    notes: tuple[str, ...]


def run(
    bench: Bench,
    journal: Journal,
    budget: float,
    show: Callable[[str, float], None],
) -> Done:
    """Measure everything that is not in the journal yet.

    The `budget` is for all points, those in the journal included [s]; `show` is told
    what is measured now and the done share.

    Raises:
      BadMeasurement: not even a first look at the device succeeds.
    """
    for point in _PROBES:
        show(f"first look: {point.sizes['what']}", 0.0)
        _finish(point, bench, journal)
    speed = Speed(*(_probed(journal, point) for point in _PROBES))
    sections = [
        module.points(bench.device, speed, bench.quick) for module in SECTIONS.values()
    ]
    points = interleave(sections)
    skipped = []
    budget = max(budget - _RESERVE, 0.0)
    for place, point in enumerate(points):
        show(point.words, (place + 1) / (len(points) + 1))
        if point.key in journal.entries:
            continue
        cost = _cost(point, bench, journal, points)
        if not point.needed and journal.spent + cost > budget:
            skipped.append(point)
            continue
        _finish(point, bench, journal)
    if not skipped and not bench.quick:
        _again(points, bench, journal, budget, show)
    notes = _notes(bench, journal, skipped)
    if journal.spent > budget + _RESERVE:
        notes += ("the points that an entry needs took longer than --minutes",)
    return Done(speed, tuple(skipped), notes)


def _again(
    points: Sequence[Point],
    bench: Bench,
    journal: Journal,
    budget: float,
    show: Callable[[str, float], None],
) -> None:
    """Spend what time is left on points that other programs disturbed, worst first."""
    while True:
        disturbed = [
            point
            for point in points
            if DISTURBED < journal.entries[point.key].waited < math.inf
            and journal.tries[point.key] < _TRIES
            and journal.spent + journal.entries[point.key].spent < budget
        ]
        if not disturbed:
            return
        worst = max(
            disturbed,
            key=lambda p: (-journal.tries[p.key], journal.entries[p.key].waited),
        )
        show(f"again: {worst.words}", 1.0)
        _finish(worst, bench, journal, again=True)


def _probed(journal: Journal, point: Point) -> float:
    """Return the rate that a probe found [flop/s] or [B/s]."""
    entry = journal.entries[point.key]
    if entry.timing is None:
        raise BadMeasurement(f"{point.words} failed: {entry.failed}")
    return entry.work / entry.timing.seconds


def _probe(point: Point, bench: Bench) -> tuple[Timing, float]:
    """Return the time of a probe and its amount of work [flop] or [B]."""
    if point.sizes["what"] == "memory":
        length = memory.cold(bench.device)
        return memory.time_triad(length, bench), memory.BYTES * length
    side = 256
    while True:
        timing = gemm.time_gemm(side, side, side, "bfloat16", bench)
        if timing.seconds >= _ENOUGH or side >= _LARGEST:
            return timing, 2.0 * side**3
        side *= 2


def _finish(point: Point, bench: Bench, journal: Journal, again: bool = False) -> None:
    """Measure one point, unless that is done, and keep it."""
    if point.key in journal.entries and not again:
        return
    began = time.perf_counter()
    timing, work, failed = None, 0.0, ""
    try:
        # As users' programs run, whatever the rest of this program needs.
        with jax.enable_x64(False):
            if point in _PROBES:
                found = _probe(point, bench)
            else:
                found = SECTIONS[point.section].run(point, bench)
        timing, work = (found, 0.0) if isinstance(found, Timing) else found
    except Exception as error:
        # Too little memory, or a shape that this device has no kernel for: no reason
        # to lose the other points.  What fails is named in the answer.
        failed = f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"[:200]
    spent = time.perf_counter() - began
    journal.add(Entry(point.section, point.sizes, timing, work, spent, failed))


def _cost(
    point: Point, bench: Bench, journal: Journal, points: Sequence[Point]
) -> float:
    """Guess what a point will take, as far off as others of its section were [s]."""

    def expected(one: Point) -> float:
        return _COMPILING[bench.device.platform] + bench.window + _CALLS * one.seconds

    known = [p for p in points if p.section == point.section]
    known = [p for p in known if p.key in journal.entries]
    if not known:
        return expected(point)
    spent = sum(journal.entries[p.key].spent for p in known)
    return expected(point) * spent / sum(map(expected, known))


def _notes(bench: Bench, journal: Journal, skipped: Sequence[Point]) -> tuple[str, ...]:
    notes = []
    if bench.device.count < 2:
        notes.append("one local device: no collectives")
    if not bench.device.float8:
        notes.append("no FP8 unit on this device: no FP8 GEMMs")
    if bench.meter is None:
        notes.append("watts: not reported by a driver")
    timings = [e.timing for e in journal.entries.values() if e.timing]
    shares = sorted(t.waited for t in timings if t.waited > DISTURBED)
    if shares:
        notes.append(
            f"{len(shares)} of {len(timings)} points were disturbed by other programs"
            f" (threads waited for a core up to {100.0 * shares[-1]:.0f} % of the"
            " time): their times are too long"
        )
    failed = [e for e in journal.entries.values() if e.failed]
    notes += [f"failed: {entry.key}: {entry.failed}" for entry in failed]
    counts = Counter(point.section for point in skipped)
    notes += [
        f"no time for the {count} least informative points of {section}:"
        f" {', '.join(p.short for p in skipped if p.section == section)}"
        for section, count in counts.items()
    ]
    return tuple(notes)
