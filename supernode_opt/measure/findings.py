"""What the finished points say: best rates, and fitted constants with residuals."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from supernode_opt.catalog import load, system
from supernode_opt.hardware.chip import Chip
from supernode_opt.measure import attention, collectives, fits, gemm, memory, rooflines
from supernode_opt.measure.devices import Device
from supernode_opt.measure.fits import Fit, Numbers, Times
from supernode_opt.measure.journal import Entry
from supernode_opt.measure.plan import BadMeasurement


@dataclasses.dataclass(frozen=True)
class Findings:
    """Everything that was found about a device.

    Attributes:
      device: what was measured.
      fused: attention keeps no scores.
      entries: finished points of each section that have a time.
      rates: best GEMM rate by precision [flop/s].
      stream: best memory rate [B/s].
      peak: BF16 rate that efficiencies count from [flop/s].
      softmax: the chip's channels that one exponential takes as long as [1].
      fits: by section.
      dispatch: time of one tiny kernel that is waited for [s].
      watts: highest mean power of a GEMM, `None` if not reported [W].
      limit: power limit that the driver enforces, `None` if not reported [W].
      meter: name of the driver interface, "" if none reports watts.
    """

    device: Device
    fused: bool
    entries: Mapping[str, Sequence[Entry]]
    rates: Mapping[str, float]
    stream: float
    peak: float
    softmax: float
    fits: Mapping[str, Fit]
    dispatch: float
    watts: float | None
    limit: float | None
    meter: str

    @property
    def sheet(self) -> Chip | None:
        """The data sheet of a recognised chip."""
        return load("chip", self.device.chip) if self.device.chip else None


def times(entries: Sequence[Entry]) -> Numbers:
    """Return the measured times [entry] [s]."""
    return np.asarray([entry.timing.seconds for entry in entries if entry.timing])


def noisy(entries: Sequence[Entry]) -> Times:
    """Return the measured times with their noise, waiting for a core included."""
    timings = [entry.timing for entry in entries if entry.timing]
    noise = np.asarray([timing.noise for timing in timings])
    waited = np.asarray([timing.waited for timing in timings])
    return Times(times(entries), np.hypot(noise, waited))


def column(entries: Sequence[Entry], name: str) -> Numbers:
    """Return one size of every entry [entry]."""
    return np.asarray([float(entry.sizes[name]) for entry in entries])


def find(
    device: Device,
    finished: Sequence[Entry],
    fused: bool,
    limit: float | None = None,
    meter: str = "",
) -> Findings:
    """Fit everything that the finished points allow.

    Raises:
      BadMeasurement: points without which there is no entry failed.
    """
    found: dict[str, list[Entry]] = {}
    for entry in finished:
        if entry.timing is not None:
            found.setdefault(entry.section, []).append(entry)
    products = found.get(gemm.SECTION, [])
    narrow = [e for e in products if e.sizes["precision"] == "bfloat16"]
    streams = found.get(memory.SECTION, [])
    for what, have, least in (("BF16 GEMMs", narrow, 4), ("streams", streams, 1)):
        if len(have) < least:
            why = next((entry.failed for entry in finished if entry.failed), "")
            raise BadMeasurement(f"too few {what} could be measured: {why}")
    moved = memory.BYTES * column(streams, "length")
    made = {memory.SECTION: fits.fit_stream(moved, noisy(streams))}
    bandwidth = made[memory.SECTION].values["bandwidth"]
    rates = _rates(products)
    sheet = load("chip", device.chip) if device.chip else None
    peak = sheet.peak_bf16 * sheet.sustained_clock if sheet else rates["bfloat16"]
    softmax = _softmax(device, fused)
    made |= _gemm_fits(products, peak, bandwidth, rates, sheet)
    seen = found.get(attention.SECTION, [])
    if len(seen) > 1:
        ends = (peak, bandwidth, softmax)
        made[attention.SECTION] = _attention_fit(device, seen, *ends, fused)
    launches = found.get("launch", [])
    chains = [entry for entry in launches if entry.sizes["what"] == "chain"]
    if len(chains) > 1:
        counts = np.asarray([entry.work for entry in chains])
        made["launch"] = fits.fit_chain(counts, noisy(chains))
    exchanged = found.get(collectives.SECTION, [])
    if len(exchanged) > 3:
        made[collectives.SECTION] = fits.fit_collectives(
            received(exchanged), column(exchanged, "devices"), noisy(exchanged)
        )
    waited = [e for e in launches if e.sizes["what"] == "dispatch and wait"]
    powers = [e.timing.watts for e in products if e.timing and e.timing.watts]
    return Findings(
        device=device,
        fused=fused,
        entries=found,
        rates=rates,
        stream=float(np.max(moved / times(streams))),
        peak=peak,
        softmax=softmax,
        fits=made,
        dispatch=float(times(waited)[0]) if waited else 0.0,
        watts=max(powers, default=None),
        limit=limit,
        meter=meter,
    )


def _rates(products: Sequence[Entry]) -> dict[str, float]:
    """Return the best rate of each precision [flop/s]."""
    m, n, k = (column(products, side) for side in "mnk")
    reached = 2.0 * m * n * k / times(products)
    names = np.asarray([str(entry.sizes["precision"]) for entry in products])
    return {name: float(reached[names == name].max()) for name in sorted(set(names))}


def _gemm_fits(
    products: Sequence[Entry],
    peak: float,
    bandwidth: float,
    rates: Mapping[str, float],
    sheet: Chip | None,
) -> dict[str, Fit]:
    """Fit BF16 and, with its constants, the share that FP8 reaches of its own peak."""
    made: dict[str, Fit] = {}
    for precision in ("bfloat16", "fp8"):
        own = [e for e in products if e.sizes["precision"] == precision]
        if len(own) < 2:
            continue
        sides = column(own, "m"), column(own, "n"), column(own, "k")
        moved = gemm.moved(*sides, precision)
        top, given = peak, None
        if precision == "fp8":
            top = sheet.peak_fp8 * sheet.sustained_clock if sheet else rates["fp8"]
            given = made["bfloat16"].values
        made[precision] = rooflines.fit_gemm(
            sides, moved, top, bandwidth, noisy(own), given, peak
        )
    return made


def _softmax(device: Device, fused: bool) -> float:
    """Return the chip's channels that one exponential takes as long as [1].

    Heads of two sizes would tell it, if exponentials were not as many as bytes of
    scores: where a plain kernel writes scores, their measured bytes hold both.
    """
    if not device.chip and not fused:
        return 0.0
    return float(
        load("chip", device.chip or system(device.alike).chip).softmax_channels
    )


def _attention_fit(
    device: Device,
    seen: Sequence[Entry],
    peak: float,
    bandwidth: float,
    softmax: float,
    fused: bool,
) -> Fit:
    length, batch = column(seen, "length"), column(seen, "batch")
    channels, heads = column(seen, "channels"), float(attention.HEADS)
    timed = rooflines.Attentions(
        flops=attention.flops(batch, length, channels),
        scores=heads * batch * length**2,
        moved=8.0 * heads * batch * length * channels,
        length=length,
        channels=channels,
        backward=np.asarray([entry.sizes["pass"] == "both" for entry in seen]),
    )
    tokens = 0.0
    if device.chip:
        tokens = float(load("software", system(device.alike).software).attention_tokens)
    return rooflines.fit_attention(
        timed, peak, bandwidth, softmax, noisy(seen), fused, tokens
    )


def received(exchanged: Sequence[Entry]) -> Numbers:
    """Bytes that one rank receives in each collective [entry] [B]."""
    ranks = column(exchanged, "devices")
    passes = [collectives.PASSES[str(e.sizes["operation"])] for e in exchanged]
    size = column(exchanged, "bytes")
    return np.asarray(passes) * size * (ranks - 1.0) / ranks


def summary(found: Findings) -> dict[str, Any]:
    """Return every fit as plain numbers: constants, errors, residuals, points."""
    return {
        name: {
            "constants": dict(one.values),
            "standard_errors": dict(one.errors),
            "median_error": one.median,
            "p90_error": one.p90,
            "points": one.points,
        }
        for name, one in found.fits.items()
    }
