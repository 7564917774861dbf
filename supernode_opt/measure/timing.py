"""How long a call takes on the device: warm-up, repetitions, median and noise."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from supernode_opt.measure.watts import Meter

TASKS = Path("/proc/self/task")
# Samples with less waiting than this share of their time are undisturbed [1].
QUIET = 0.05
# Above this share a time cannot be trusted [1].
DISTURBED = 0.2
# A sample lasts at least this long, so that the clock's own cost vanishes; where power
# is read, so that the pauses between samples do not lower it [s].
_SAMPLE, _METERED = 2e-3, 20e-3
_LEAST_SAMPLES, _MOST_SAMPLES = 5, 200
# Of a call that takes longer than its window so many must do.
_FEWEST = 3
# Enough once the median is known so well [1].
_PRECISE = 0.005
# Mean range of so many samples of a normal distribution over its standard deviation;
# of so few, quantiles would say too little.
_RANGES = {2: 1.128, 3: 1.693, 4: 2.059, 5: 2.326}
# Standard error of a median over that of a mean, for normal noise.
_MEDIAN = 1.2533


def waited(tasks: Path = TASKS) -> float:
    """Return how long all threads have waited for a core, 0 where unknown [s].

    Linux counts for every thread how long it was ready to run but had no core (the
    second number of `schedstat`).  On a machine of one's own that is nearly nothing; on
    a shared one it explains most of the noise of a CPU's times.
    """
    total = 0
    try:
        names = os.listdir(tasks)
    except OSError:
        return 0.0
    for name in names:
        try:
            total += int((tasks / name / "schedstat").read_bytes().split()[1])
        except (OSError, IndexError, ValueError):
            # A thread may end meanwhile, or the system may not count.
            continue
    return 1e-9 * total


def quietest(times: np.ndarray, waits: np.ndarray, least: int) -> np.ndarray:
    """Choose the samples to trust, by their times and waits [sample] [s]: a mask.

    All undisturbed ones; where they are fewer than `least`, the quietest `least`.
    """
    shares = np.maximum(waits, 0.0) / times
    return shares <= max(QUIET, np.sort(shares)[:least].max(initial=0.0))


class Timing(NamedTuple):
    """What one point took.

    Attributes:
      seconds: median per call [s].
      noise: standard error of that median over it [1].
      spread: robust standard deviation of one sample over the median [1].
      samples: how many.
      calls: per sample.
      watts: mean power meanwhile, `None` where none is reported [W].
      waited: time that threads waited for a core, over the time of a sample [1].
    """

    seconds: float
    noise: float
    spread: float
    samples: int
    calls: int
    watts: float | None
    waited: float = 0.0


def summarise(
    times: np.ndarray,
    calls: int,
    watts: float | None = None,
    waits: np.ndarray | None = None,
) -> Timing:
    """Reduce samples to their median and its noise.

    Args:
      times, calls: of the samples [sample] [s], with so many calls each.
      watts: mean power [W].
      waits: of all threads for a core, in each sample [sample] [s]; samples that other
        programs disturbed are left out where enough others remain.
    """
    waited = 0.0
    if waits is not None:
        quiet = quietest(times, waits, _LEAST_SAMPLES)
        times, waits = times[quiet], waits[quiet]
        waited = float(np.median(np.maximum(waits, 0.0) / times))
    median = float(np.median(times))
    low, high = np.quantile(times, (0.1587, 0.8413))
    spread = float(high - low) / 2.0 / median
    if len(times) in _RANGES:
        spread = float(np.ptp(times)) / _RANGES[len(times)] / median
    noise = _MEDIAN * spread / len(times) ** 0.5
    return Timing(median / calls, noise, spread, len(times), calls, watts, waited)


def measure(
    call: Callable[[], Any],
    window: float,
    meter: Meter | None = None,
    *,
    batch: bool = True,
) -> Timing:
    """Time `call`, which starts work on the device and returns its result.

    Calls of one sample are all started before the last one is waited for, as a
    training loop does; nothing is copied from the device.

    Args:
      call: starts one repetition; already compiled.
      window: time to spend, roughly [s].
      meter: source of watts; prolongs the window to what it needs.
      batch: start several calls per sample; else each is waited for.
    """
    jax.block_until_ready(call())
    began = time.perf_counter()
    jax.block_until_ready(call())
    once = max(time.perf_counter() - began, 1e-7)
    sample = _SAMPLE if meter is None else _METERED
    calls = min(max(round(sample / once), 1), 2000) if batch else 1
    # An accelerator does not care which of the host's threads wait.
    waiting = waited if jax.default_backend() == "cpu" else float
    least = window if meter is None else max(window, meter.least)
    times: list[float] = []
    waits: list[float] = []
    enough = _LEAST_SAMPLES if once < least else _FEWEST
    if meter is not None:
        meter.start()
    began = time.perf_counter()
    while True:
        blocked, before = waiting(), time.perf_counter()
        for _ in range(calls - 1):
            call()
        jax.block_until_ready(call())
        now = time.perf_counter()
        times.append(now - before)
        waits.append(waiting() - blocked)
        if len(times) < enough:
            continue
        if now - began >= least:
            break
        if meter is None and _settled(times, waits):
            break
    watts = None if meter is None else meter.stop()
    return summarise(np.asarray(times), calls, watts, np.asarray(waits))


def _settled(times: list[float], waits: list[float]) -> bool:
    """Whether more samples would say nothing new; looked at now and then."""
    if len(times) % 10:
        return False
    found = summarise(np.asarray(times), 1, None, np.asarray(waits))
    quiet = found.noise < _PRECISE and found.waited < QUIET
    return quiet or len(times) >= _MOST_SAMPLES


def reusing(function: Callable[..., Any]) -> Any:
    """Compile `function` to a function of (last result, *arguments).

    It writes its result over the last one, which is donated.
    """
    return jax.jit(
        lambda last, *arguments: function(*arguments),
        donate_argnums=0,
        keep_unused=True,
    )


class Repeated:
    """Calls of one compiled program that hands its result buffers on."""

    def __init__(
        self, function: Callable[..., Any], operands: list[tuple[Any, ...]]
    ) -> None:
        """Compile for the operands, which are used in turn."""
        shapes = jax.eval_shape(function, *operands[0])
        self._last = jax.tree.map(
            lambda leaf: jax.device_put(np.zeros(leaf.shape, leaf.dtype)), shapes
        )
        lowered = reusing(function).lower(self._last, *operands[0])
        self._program = lowered.compile()
        self._operands, self._turn = operands, 0

    @property
    def text(self) -> str:
        """The compiled program as HLO text."""
        return self._program.as_text()

    def __call__(self) -> Any:
        """Start the next repetition and return its result."""
        operands = self._operands[self._turn % len(self._operands)]
        self._turn += 1
        self._last = self._program(self._last, *operands)
        return self._last
