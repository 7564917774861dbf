"""Catalog entries of the measured machine: chip, host, software and system."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from supernode_opt.calibration.written import number
from supernode_opt.catalog.read import entry as written_entry
from supernode_opt.catalog.systems import PARTS, system
from supernode_opt.measure.findings import Findings
from supernode_opt.measure.fits import Fit
from supernode_opt.measure.numbers import inherited

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
    """What every source line says.

    Attributes:
      name: of the entries.
      date: on which the measurement began.
      jax: version.
    """

    name: str
    date: str
    jax: str


def entries(found: Findings, about: About) -> dict[str, dict[str, Entry]]:
    """Return the entries by catalog file."""
    return {
        "chips.yaml": {about.name: chip(found, about)},
        "hosts.yaml": {about.name: host(found, about)},
        "softwares.yaml": {about.name: software(found, about)},
        "systems.yaml": {about.name: machine(found, about)},
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


def chip(found: Findings, about: About) -> Entry:
    """Describe one device as a chip."""
    device, sheet = found.device, found.sheet
    base = device.chip or system(device.alike).chip
    made: Entry = inherited("chip", base, bool(sheet))
    gemms, stream = found.fits["bfloat16"], found.fits["memory"]

    def say(what: str) -> str:
        return source(found, about, what)

    value, low, high = gemms.range("efficiency", 1.0)
    made["array_efficiency"] = number(value, low, high, "", say(residual(gemms)))
    streaming, slow, fast = stream.range("bandwidth")
    top = sheet.hbm_bandwidth if sheet else found.stream
    made["hbm_efficiency"] = number(
        min(streaming / top, 1.0),
        min(slow / top, 1.0),
        min(fast / top, 1.0),
        "",
        say(f"triad; {residual(stream)}"),
    )
    if sheet is None:
        made |= _rates(found, about)
    made["hbm_capacity"] = number(
        device.memory,
        device.memory * (1.0 - _READ),
        device.memory * (1.0 + _READ),
        "B",
        say(f"as reported: {device.memory_source}"),
    )
    if not device.memory_source:
        made["hbm_capacity"] = inherited("chip", base, False)["hbm_capacity"]
    if sheet is None and not found.fused and "attention" in found.fits:
        within = "engineering estimate: exponentials count in the measured bytes per"
        within += " score (software score_traffic)"
        made["softmax_channels"] = number(0.0, 0.0, 0.0, "", within, "estimate")
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

    def best(rate: float, what: str, unit: str) -> dict[str, Any]:
        text = source(found, about, f"best {what}, for want of a data sheet")
        return number(rate, rate, 1.5 * rate, unit, text)

    none = "engineering estimate: no unit known that JAX could use"
    clock = "engineering estimate: rates are measured as sustained, so clocks count"
    clock += " from there"
    made = {
        "peak_bf16": best(found.rates["bfloat16"], "BF16 GEMM rate", "flop/s"),
        "peak_fp8": number(0.0, 0.0, 0.0, "flop/s", none, "estimate"),
        "peak_fp4": number(0.0, 0.0, 0.0, "flop/s", none, "estimate"),
        "hbm_bandwidth": best(found.stream, "streaming rate", "B/s"),
        "sustained_clock": number(1.0, 1.0, 1.0, "", clock, "estimate"),
        "maximum_clock": number(1.0, 1.0, 1.0, "", clock, "estimate"),
    }
    if "fp8" in found.rates:
        made["peak_fp8"] = best(found.rates["fp8"], "FP8 GEMM rate", "flop/s")
    if "collective" in found.fits:
        seen = found.fits["collective"]
        text = source(found, about, f"collectives; {residual(seen)}")
        made["scale_up_bandwidth"] = number(*seen.range("bandwidth"), "B/s", text)
    return made


def _power(found: Findings, about: About) -> Entry:
    """The package's power limit, if a driver says anything about it."""
    if found.limit:
        text = source(found, about, f"limit reported by {found.meter}")
        return {"tdp": number(found.limit, found.limit, found.limit, "W", text)}
    if found.watts and found.sheet is None:
        watts = found.watts
        text = source(found, about, f"highest mean power of a GEMM, {found.meter}")
        return {"tdp": number(watts, watts, 1.5 * watts, "W", text)}
    return {}


def host(found: Findings, about: About) -> Entry:
    """Describe the board: its devices are counted, the rest is another's."""
    count = float(found.device.count)
    base = system(found.device.alike).host
    made: Entry = inherited("host", base, bool(found.device.chip))
    made["chips_per_board"] = number(
        count, count, count, "", source(found, about, "local devices")
    )
    return {"notes": f"Board of {found.device.words}.", **made}


def software(found: Findings, about: About) -> Entry:
    """Describe JAX on this device as a software stack."""
    base = system(found.device.alike).software if found.device.chip else _STACK
    made: Entry = inherited(
        "software", base, bool(found.device.chip), but=("score_bytes",)
    )
    for name in () if found.device.chip else _WINDOWS:
        made[name]["low"], made[name]["high"] = 0.0, made[name]["value"]
    gemms = found.fits["bfloat16"]

    def say(one: Fit, what: str = "") -> str:
        return source(found, about, what + residual(one))

    for field, name in (("gemm_width", "width"), ("gemm_tokens", "tokens")):
        made[field] = number(*gemms.range(name), "", say(gemms))
    if "fp8" in found.fits:
        narrow = found.fits["fp8"]
        made["fp8_efficiency"] = number(*narrow.range("share"), "", say(narrow))
    if "attention" in found.fits:
        seen = found.fits["attention"]
        kind = "fused; " if found.fused else "unfused; "
        made["attention_efficiency"] = number(
            *seen.range("efficiency", 1.0), "", say(seen, kind)
        )
        traffic = (0.0, 0.0, 0.0)
        if not found.fused:
            traffic = seen.range("traffic")
        made["score_traffic"] = number(*traffic, "B", say(seen, kind))
        made |= _short_sequences(found, about)
    made["score_bytes"] = 0.0 if found.fused else 5.0
    if "launch" in found.fits:
        gap = found.fits["launch"]
        value, low, high = gap.range("gap")
        text = say(gap, "kernels of one program in a chain; ")
        for field in ("launch_time", "kernel_time"):
            made[field] = number(value, 0.5 * low, high, "s", text)
    if found.dispatch:
        once = found.dispatch
        text = source(found, about, "one dispatch that is waited for; a loop adds more")
        made["step_overhead"] = number(once, once, 10.0 * once, "s", text)
    if "collective" in found.fits:
        made |= _collective(found, about)
    return {"notes": f"JAX {about.jax} on {found.device.words}.", **made}


def _short_sequences(found: Findings, about: About) -> Entry:
    """Say what a short sequence costs, where attention of several lengths shows it."""
    seen = found.fits["attention"]
    if "tokens" in seen.values:
        text = source(found, about, residual(seen))
        return {"attention_tokens": number(*seen.range("tokens"), "", text)}
    if found.device.chip:
        return {}
    few = "engineering estimate: too few lengths were measured to tell"
    return {"attention_tokens": number(0.0, 0.0, 500.0, "", few, "estimate")}


def _collective(found: Findings, about: About) -> Entry:
    seen, sheet = found.fits["collective"], found.sheet
    text = source(found, about, residual(seen))
    # Without a data sheet the chip's own bandwidth is the fit's, and all is achieved.
    rate, slow, fast = 1.0, 1.0, 1.0
    if sheet:
        range_ = seen.range("bandwidth")
        rate, slow, fast = (x / sheet.scale_up_bandwidth for x in range_)
    made = {
        "scale_up_efficiency": number(rate, slow, fast, "", text),
        "collective_latency": number(*seen.range("call"), "s", text),
    }
    if "hop" in seen.values:
        made["board_latency"] = number(*seen.range("hop"), "s", text)
    else:
        whole = f"{text}; one group size, so the call's latency holds it"
        most = seen.values["call"]
        made["board_latency"] = number(0.0, 0.0, most, "s", whole)
    return made


def machine(found: Findings, about: About) -> Entry:
    """Name the system's parts; those that are not the machine's own are another's."""
    device = found.device
    base = system(device.alike)
    own = {"chip", "host", "software"}
    parts: Mapping[str, str] = {
        part: about.name if part in own else getattr(base, part) for part in PARTS
    }
    taken = written_entry("system", device.alike)["design"]
    count = float(device.count)
    counted = number(count, count, count, "", source(found, about, "local devices"))
    design = {
        **{n: _full(w, device.alike) for n, w in taken.items() if n not in _CHIPS},
        "chips": counted,
        "scale_up_domain": dict(counted),
    }
    notes = (
        f"{device.words} as measured {about.date}; rack, switches, cooling, facility"
        f" and reliability stand as in system {device.alike}."
    )
    return {"notes": notes, **parts, "links": list(base.links), "design": design}


def _full(written: Any, alike: str) -> Any:
    """Keep a design value of another system, and say whose it is."""
    if not isinstance(written, Mapping):
        return written
    text = f"engineering estimate: as system {alike}"
    return {**written, "source": text, "confidence": "estimate"}
