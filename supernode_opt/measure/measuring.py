"""The whole measurement: from a request to files that the rest of the program reads."""

import dataclasses
import datetime
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import jax

from supernode_opt.calibration.written import text
from supernode_opt.catalog import read
from supernode_opt.measure import attention, entries, results, running, tables, watts
from supernode_opt.measure.devices import Bench, Device, describe
from supernode_opt.measure.findings import Findings, find
from supernode_opt.measure.journal import NAME, Journal
from supernode_opt.measure.plan import BadMeasurement
from supernode_opt.results import publish
from supernode_opt.results.versions import versions

FORMAT = 2
_WINDOW, _QUICK_WINDOW = 0.5, 0.12
_VERSIONS = ("supernode-opt", "jax", "jaxlib")
_KINDS = ("chip", "host", "software", "system")
_HEADING = (
    "Written by `supernode-opt measure`; SUPERNODE_OPT_CATALOG names this folder.\n"
    "{words}, {date}."
)


@dataclasses.dataclass(frozen=True)
class Request:
    """What is asked for.

    Attributes:
      name: of the entries, `None` for one made of the device's.
      folder: to write to, `None` for `results/measurement_NAME`.
      minutes: to spend.
      quick: only what a test needs.
      seed: of the operands.
      alike: catalog system for what cannot be measured, "" to choose by device.
    """

    name: str | None = None
    folder: Path | None = None
    minutes: float = 5.0
    quick: bool = False
    seed: int = 0
    alike: str = ""


class Measured(NamedTuple):
    """A finished measurement.

    Attributes:
      name, folder: where its files belong.
      findings: what was found.
      notes: what was skipped or failed, in sentences.
      files: catalog files and tables by name.
      dataset: of every point.
      spent: time of all points [s].
    """

    name: str
    folder: Path
    findings: Findings
    notes: tuple[str, ...]
    files: dict[str, str]
    dataset: Any
    spent: float


def check(request: Request) -> None:
    """Refuse what cannot be done before anything starts.

    Raises:
      BadMeasurement: a value is wrong; the text is one line.
    """
    minutes = request.minutes
    if not (math.isfinite(minutes) and minutes > 0.0):
        raise BadMeasurement(f"--minutes: must be above zero, but is {minutes:g}")
    if not 0 <= request.seed < 2**31:
        raise BadMeasurement(
            f"--seed: must be from 0 to {2**31 - 1}, but is {request.seed}"
        )
    if request.alike and read.called("system", request.alike) is None:
        known = read.names("system")
        raise BadMeasurement(f"--like: {read.unknown('system', request.alike, known)}")
    if request.name is not None:
        _check_name(request.name)


def _check_name(name: str) -> None:
    if not name.isidentifier():
        raise BadMeasurement(f"--name: {name!r} must be letters, digits and _")
    for kind in _KINDS:
        if name in read.shipped_names(kind):
            raise BadMeasurement(
                f"--name: {name!r} is a {kind} of the catalog already; choose another"
            )
    if name in read.HEADINGS or read.called("system", name) not in (None, name):
        raise BadMeasurement(f"--name: {name!r} has a meaning already; choose another")


def measure(
    request: Request,
    show: Callable[[str, float], None],
    began: Callable[[Journal], None] = lambda journal: None,
) -> Measured:
    """Measure the local devices.

    `show` is told what is measured now and the done share, `began` given the journal
    once it is open.

    Raises:
      BadMeasurement: the request is wrong, its folder cannot be used, or too little
        could be measured.
    """
    check(request)
    local = tuple(jax.local_devices())
    device = describe(local, request.alike)
    name = request.name or f"measured_{device.slug}"
    _check_name(name)
    folder = request.folder or Path("results") / f"measurement_{name}"
    if folder.exists() and not folder.is_dir():
        raise BadMeasurement(f"{folder}: must be a folder to write to, but is a file")
    try:
        journal = Journal(publish.state(folder), _header(request, device, name))
    except OSError as error:
        words = f"cannot be written: {error.strerror}"
        raise OSError(error.errno, words, str(folder)) from None
    try:
        began(journal)
        with watts.meter_of(local[0]) as meter:
            window = _QUICK_WINDOW if request.quick else _WINDOW
            bench = Bench(device, local, request.seed, window, request.quick, meter)
            done = running.run(bench, journal, 60.0 * request.minutes, show)
            limit, driver = (meter.limit, meter.name) if meter else (None, "")
    finally:
        journal.close()
    show("fitting", 1.0)
    finished = list(journal.entries.values())
    found = find(device, finished, attention.fused(device), limit, driver)
    header = journal.header
    about = entries.About(name, header["created"][:10], header["versions"]["jax"])
    files = _files(found, about)
    # What was measured stays with what was made of it.
    files[NAME] = journal.path.read_text(encoding="utf-8")
    dataset = results.dataset(found, journal, done.notes)
    return Measured(name, folder, found, done.notes, files, dataset, journal.spent)


def _header(request: Request, device: Device, name: str) -> dict[str, Any]:
    """Return the first line of the journal; a continuation must agree with it."""
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    found = versions()
    return {
        "format": FORMAT,
        "name": name,
        "device": device.kind,
        "devices": device.count,
        "versions": {name: found[name] for name in _VERSIONS},
        "seed": request.seed,
        "quick": request.quick,
        "created": now,
    }


def _files(found: Findings, about: entries.About) -> dict[str, str]:
    heading = _HEADING.format(words=found.device.words, date=about.date)
    made = {
        file: text(written, heading)
        for file, written in entries.entries(found, about).items()
    }
    return made | tables.tables(found, about.name, entries.source(found, about))
