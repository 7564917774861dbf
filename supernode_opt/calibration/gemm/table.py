"""Measured GEMMs: time and watts of shapes on packages under a power limit."""

import dataclasses
import functools
import math
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np

from supernode_opt.calibration.data.runs import BadRuns, read_table
from supernode_opt.calibration.step_time.fit import family_of
from supernode_opt.catalog import load, names
from supernode_opt.catalog.read import unknown
from supernode_opt.hardware.gemm import Package, Shape
from supernode_opt.system.kernels import PEAKS

# Names that measurements use for packages and precisions of the catalog.
_CHIPS = {"a100_sxm": "a100_sxm_80gb", "b200_sxm": "b200", "b300_sxm": "b300"}
_PRECISIONS = dict.fromkeys(("bfloat16", "float16", "fp16"), "bf16")
_PRECISIONS["float8_e4m3fn"] = "fp8"
# Weights that take turns in tables that do not say, which are those of the
# aiconfigurator project: its GEMM benchmark runs six layers in turn.
TURNS = 6.0
NEEDED = ("system", "gemm_dtype", "m", "n", "k", "latency_ms")


@dataclasses.dataclass(frozen=True)
class Table:
    """Measured GEMMs, every field an array [row].

    Attributes:
      chip, precision: catalog name of the package, and of the operands.
      m, n, k: tokens, columns and inner length [1].
      time: of one GEMM, back to back [s].
      power: mean of the package; NaN where it was not read [W].
      limit: enforced on the package [W].
      repeat: one over the number of weights that took turns [1].
      source: citation, "" where the table has none.
    """

    chip: np.ndarray
    precision: np.ndarray
    m: np.ndarray
    n: np.ndarray
    k: np.ndarray
    time: np.ndarray
    power: np.ndarray
    limit: np.ndarray
    repeat: np.ndarray
    source: np.ndarray

    def __len__(self) -> int:
        """Return how many rows there are."""
        return len(self.time)

    def take(self, rows: np.ndarray) -> "Table":
        """Return the `rows`, a mask or indices."""
        fields = dataclasses.fields(self)
        return Table(**{f.name: getattr(self, f.name)[rows] for f in fields})

    @property
    def shape(self) -> Shape:
        """Return the shapes as the physics takes them."""
        return Shape(self.m, self.n, self.k)

    @property
    def flops(self) -> np.ndarray:
        """Multiplications and additions [flop]."""
        return 2.0 * self.m * self.n * self.k

    @functools.cached_property
    def package(self) -> Package:
        """Return the packages as the physics takes them."""
        keys = list(zip(self.chip, self.precision, strict=True))
        known = {key: rates(*key) for key in set(keys)}
        both = np.asarray([known[key] for key in keys]).reshape(-1, 2)
        return Package(both[:, 0], both[:, 1], self.limit)

    @functools.cached_property
    def architecture(self) -> np.ndarray:
        """Family of the package of each row."""
        return np.asarray([family_of(chip) for chip in self.chip], str)

    @functools.cached_property
    def series(self) -> np.ndarray:
        """Package and precision of each row."""
        names = zip(self.chip, self.precision, strict=True)
        return np.asarray([f"{chip} {kind}" for chip, kind in names], str)


def rates(chip: str, precision: str) -> tuple[float, float]:
    """Return nominal peak [flop/s] and streaming bandwidth [B/s] of a package."""
    found = load("chip", chip)
    bandwidth = found.hbm_bandwidth * found.hbm_efficiency
    return float(getattr(found, PEAKS[precision])), float(bandwidth)


def read(paths: Iterable[Path]) -> Table:
    """Read CSV files with system, gemm_dtype, m, n, k, latency_ms and, if known, watts.

    `power_w` may be empty, `power_limit_w` is the chip's TDP where it is, and
    `weights_in_turn` is the number of weights that the benchmark ran in turn.

    Raises:
      BadRuns: a file, column or cell cannot be used.
    """
    rows = [row for path in paths for row in _rows(path)]
    columns = list(zip(*rows, strict=True)) or [()] * 10
    kinds = (str, str, *7 * (float,), str)
    return Table(*(np.asarray(c, k) for c, k in zip(columns, kinds, strict=True)))


def _rows(path: Path) -> Iterator[tuple]:
    known: dict[tuple[str, ...], tuple[str, str, float]] = {}
    table = read_table(path)
    missing = [c for c in NEEDED if c not in table.columns]
    if missing:
        raise BadRuns(f"{path}: has no column {', '.join(missing)}")
    for line, row in table.rows:
        where = f"{path}: line {line}"
        key = tuple(row[c].strip() for c in NEEDED[:2])
        if key not in known:
            known[key] = _identify(*key, where=where)
        chip, precision, tdp = known[key]
        sides = [_positive(row, side, where) for side in "mnk"]
        time = _positive(row, "latency_ms", where) * 1e-3
        power = _positive(row, "power_w", where, math.nan)
        limit = _positive(row, "power_limit_w", where, tdp)
        turns = _positive(row, "weights_in_turn", where, TURNS)
        about = row.get("source", "").strip()
        yield chip, precision, *sides, time, power, limit, 1.0 / turns, about


def _identify(system: str, written: str, where: str) -> tuple[str, str, float]:
    """Return catalog chip, precision and TDP [W] of a row."""
    chip = _CHIPS.get(system, system)
    precision = _PRECISIONS.get(written, written)
    chips = names("chip")
    if chip not in chips:
        raise BadRuns(f"{where}: system: {unknown('chip', system, chips)}")
    if precision not in PEAKS:
        words = unknown("precision", written, (*PEAKS, *_PRECISIONS))
        raise BadRuns(f"{where}: gemm_dtype: {words}")
    if not rates(chip, precision)[0]:
        raise BadRuns(f"{where}: gemm_dtype: {chip} has no {precision}")
    return chip, precision, float(load("chip", chip).tdp)


def _positive(
    row: Mapping[str, str | None], name: str, where: str, empty: float | None = None
) -> float:
    """Return a cell as a number above zero, or `empty` where it is none or zero."""
    written = (row.get(name) or "").strip()
    try:
        value = float(written or 0.0)
    except ValueError:
        value = math.nan
    if value == 0.0 and empty is not None:
        return empty
    if not (math.isfinite(value) and value > 0.0):
        raise BadRuns(f"{where}: {name} must be above zero, but is {written!r}")
    return value


def held_out(table: Table) -> np.ndarray:
    """Tell which rows a fit never sees: half of all shapes, by a checksum [row].

    A shape is on one side for every package and precision: the lowest bit of the CRC-32
    of "MxNxK" decides.
    """
    sides = zip(table.m, table.n, table.k, strict=True)
    return np.asarray([zlib.crc32(b"%dx%dx%d" % side) & 1 for side in sides], bool)
