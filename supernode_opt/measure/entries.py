"""Catalog entries of the measured machine: chip, host, software and system."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from supernode_opt.calibration.written import number
from supernode_opt.catalog.read import entry as written_entry
from supernode_opt.catalog.systems import PARTS, system
from supernode_opt.measure.findings import Findings
from supernode_opt.measure.fits import Fit
from supernode_opt.measure.numbers import estimate, inherited

Entry = dict[str, Any]
# Half-width of the range of a number read once, such as a size [1].
_READ = 0.01
# Design fields of another system that would hide what this chip can do.
_CHIPS = ("scale_up_bandwidth", "scale_out_bandwidth", "clock")
# The stand-in for a stack on an unknown device: JAX compiles the same way there.
_STACK = "maxtext_tpu"
# Windows share the compute; twice the stand-in's might be more than all of it.
_WINDOWS = ("tensor_window", "context_window", "expert_window", "shard_window")


class About(NamedTuple):
    """What every source line says: name of the entries, date of the start, version."""

    name: str
    date: str
    jax: str


def entries(found: Findings, about: About) -> dict[str, dict[str, Entry]]:
    """Return the entries by catalog file."""
    return {
        f"{kind}s.yaml": {about.name: write(found, about)}
        for kind, write in (
            ("chip", chip),
            ("host", host),
            ("software", software),
            ("system", machine),
        )
    }


def source(found: Findings, about: About, what: str = "") -> str:
    """Write the source line of a measured number."""
    where = f"measured on {found.device.words}, {about.date}, jax {about.jax}"
    return f"{where}; {what}" if what else where


def residual(one: Fit) -> str:
    """Say how well a fit holds."""
    return (
        f"fit of {one.points} points, residual median {100.0 * one.median:.1f} %,"
        f" 90th percentile {100.0 * one.p90:.1f} %"
    )


def _fitted(
    found: Findings,
    about: About,
    section: str,
    name: str,
    unit: str = "",
    what: str = "",
    most: float = np.inf,
) -> Entry:
    """Write the constant of a fit with its 5-95 % range."""
    one = found.fits[section]
    text = source(found, about, what + residual(one))
    return number(one.range(name, most), unit, text)


def chip(found: Findings, about: About) -> Entry:
    """Describe one device as a chip."""
    device, sheet = found.device, found.sheet
    base = device.chip or system(device.alike).chip
    made: Entry = inherited("chip", base, bool(sheet))
    made["array_efficiency"] = _fitted(found, about, "bfloat16", "efficiency", most=1.0)
    stream = found.fits["memory"]
    top = sheet.hbm_bandwidth if sheet else found.stream
    made["hbm_efficiency"] = number(
        (min(rate / top, 1.0) for rate in stream.range("bandwidth")),
        "",
        source(found, about, f"triad; {residual(stream)}"),
    )
    if sheet is None:
        made |= _rates(found, about)
    if device.memory_source:
        ends = (device.memory * share for share in (1.0, 1.0 - _READ, 1.0 + _READ))
        text = source(found, about, f"as reported: {device.memory_source}")
        made["hbm_capacity"] = number(ends, "B", text)
    if sheet is None and not found.fused and "attention" in found.fits:
        within = "exponentials count in the measured bytes per score (software"
        within += " score_traffic)"
        made["softmax_channels"] = estimate(0.0, 0.0, "", within)
    made |= _power(found, about)
    notes = f"Measured by microbenchmarks on {device.words}."
    if sheet is None:
        notes += (
            " Its peak is the best measured BF16 GEMM rate, since no data sheet is"
            f" known here; what could not be measured stands as in chip {base}."
        )
    else:
        best = found.rates["bfloat16"] / sheet.peak_bf16
        notes += (
            f" Peaks are the data sheet's ({base}); the best BF16 GEMM reached"
            f" {100.0 * best:.1f} % of its peak."
        )
    return {"notes": notes, **made}


def _rates(found: Findings, about: About) -> Entry:
    """Peaks and rates of a device without a data sheet: the best that was measured."""

    def best(rate: float, what: str, unit: str) -> Entry:
        text = source(found, about, f"best {what}, for want of a data sheet")
        return number((rate, rate, 1.5 * rate), unit, text)

    none = estimate(0.0, 0.0, "flop/s", "no unit known that JAX could use")
    why = "rates are measured as sustained, so clocks count from there"
    clock = estimate(1.0, 1.0, "", why)
    made = {
        "peak_bf16": best(found.rates["bfloat16"], "BF16 GEMM rate", "flop/s"),
        "peak_fp8": dict(none),
        "peak_fp4": none,
        "peak_int8": none,
        "hbm_bandwidth": best(found.stream, "streaming rate", "B/s"),
        "sustained_clock": dict(clock),
        "maximum_clock": clock,
    }
    if "fp8" in found.rates:
        made["peak_fp8"] = best(found.rates["fp8"], "FP8 GEMM rate", "flop/s")
    if "collective" in found.fits:
        made["scale_up_bandwidth"] = _fitted(
            found, about, "collective", "bandwidth", "B/s", "collectives; "
        )
    return made


def _power(found: Findings, about: About) -> Entry:
    """The package's power limit, if a driver says anything about it."""
    if found.limit:
        text = source(found, about, f"limit reported by {found.meter}")
        return {"tdp": number(3 * (found.limit,), "W", text)}
    if found.watts and found.sheet is None:
        watts = found.watts
        text = source(found, about, f"highest mean power of a GEMM, {found.meter}")
        return {"tdp": number((watts, watts, 1.5 * watts), "W", text)}
    return {}


def _counted(found: Findings, about: About) -> Entry:
    count = float(found.device.count)
    return number(3 * (count,), "", source(found, about, "local devices"))


def host(found: Findings, about: About) -> Entry:
    """Describe the board: its devices are counted, the rest is another's."""
    base = system(found.device.alike).host
    made: Entry = inherited("host", base, bool(found.device.chip))
    made["chips_per_board"] = _counted(found, about)
    return {"notes": f"Board of {found.device.words}.", **made}


def software(found: Findings, about: About) -> Entry:
    """Describe JAX on this device as a software stack."""
    base = system(found.device.alike).software if found.device.chip else _STACK
    made: Entry = inherited("software", base, bool(found.device.chip))
    for name in () if found.device.chip else _WINDOWS:
        made[name]["low"], made[name]["high"] = 0.0, made[name]["value"]
    made["gemm_width"] = _fitted(found, about, "bfloat16", "width")
    made["gemm_tokens"] = _fitted(found, about, "bfloat16", "tokens")
    if "fp8" in found.fits:
        made["fp8_efficiency"] = _fitted(found, about, "fp8", "share")
    if "attention" in found.fits:
        made |= _attention(found, about)
    made["score_bytes"] = 0.0 if found.fused else 5.0
    if "launch" in found.fits:
        value, low, high = found.fits["launch"].range("gap")
        chain = "kernels of one program in a chain; "
        text = source(found, about, chain + residual(found.fits["launch"]))
        for field in ("launch_time", "kernel_time"):
            made[field] = number((value, 0.5 * low, high), "s", text)
    if found.dispatch:
        once = found.dispatch
        text = source(found, about, "one dispatch that is waited for; a loop adds more")
        made["step_overhead"] = number((once, once, 10.0 * once), "s", text)
    if "collective" in found.fits:
        made |= _collective(found, about)
    return {"notes": f"JAX {about.jax} on {found.device.words}.", **made}


def _attention(found: Findings, about: About) -> Entry:
    """What attention costs, and a short sequence where several lengths show it."""
    seen, kind = found.fits["attention"], "fused; " if found.fused else "unfused; "
    text = source(found, about, kind + residual(seen))
    traffic = (0.0, 0.0, 0.0) if found.fused else seen.range("traffic")
    made = {
        "attention_efficiency": number(seen.range("efficiency", 1.0), "", text),
        "score_traffic": number(traffic, "B", text),
    }
    if "tokens" in seen.values:
        made["attention_tokens"] = _fitted(found, about, "attention", "tokens")
    elif not found.device.chip:
        few = "too few lengths were measured to tell"
        made["attention_tokens"] = estimate(0.0, 500.0, "", few)
    return made


def _collective(found: Findings, about: About) -> Entry:
    seen, sheet = found.fits["collective"], found.sheet
    text = source(found, about, residual(seen))
    # Without a data sheet the chip's own bandwidth is the fit's, and all is achieved.
    rates = [1.0, 1.0, 1.0]
    if sheet:
        rates = [rate / sheet.scale_up_bandwidth for rate in seen.range("bandwidth")]
    hops, whole = (0.0, 0.0, seen.values["call"]), text
    if "hop" in seen.values:
        hops = seen.range("hop")
    else:
        whole += "; one group size, so the call's latency holds it"
    return {
        "scale_up_efficiency": number(rates, "", text),
        "collective_latency": number(seen.range("call"), "s", text),
        "board_latency": number(hops, "s", whole),
    }


def machine(found: Findings, about: About) -> Entry:
    """Name the system's parts; those that are not the machine's own are another's."""
    device = found.device
    base = system(device.alike)
    own = {"chip", "host", "software"}
    parts = {part: about.name if part in own else getattr(base, part) for part in PARTS}
    said = {
        "source": f"engineering estimate: as system {device.alike}",
        "confidence": "estimate",
    }
    design = {
        name: {**written, **said} if isinstance(written, Mapping) else written
        for name, written in written_entry("system", device.alike)["design"].items()
        if name not in _CHIPS
    }
    for name in ("chips", "scale_up_domain"):
        design[name] = _counted(found, about)
    notes = (
        f"{device.words} as measured {about.date}; rack, switches, cooling, facility"
        f" and reliability stand as in system {device.alike}."
    )
    return {"notes": notes, **parts, "links": list(base.links), "design": design}
