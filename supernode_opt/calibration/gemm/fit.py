"""Fit of GEMM time and watts to measured shapes.

Kernels of one architecture share what belongs to the package: idle and clock power and
the exponent.  Errors of logarithms count by their size, so that the fit goes through
medians: benchmarks run on operands that are partly zero or left over in memory, which
saves up to a third of the energy and lets the clock rise.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from supernode_opt.calibration.gemm.table import Table, rates
from supernode_opt.catalog import load
from supernode_opt.hardware.gemm import GemmKernel, gemm
from supernode_opt.workload.operators import OPERAND_BYTES

# Centre and spread of the logarithm of every constant before measurements speak.
# Powers and energies are multiples of the reference package's TDP and of what a FLOP
# costs when that is spent at peak; the exponent is the alpha-power law's at 0.8 V.
PRIORS: Mapping[str, tuple[float, float]] = {
    "array_efficiency": (0.75, 0.1),
    "inner": (100.0, 1.0),
    "wave": (3e5, 1.0),
    "launch_time": (2.2e-6, 0.5),
    "cast_efficiency": (0.25, 0.5),
    "cast_row": (2000.0, 0.5),
    "overlap": (2.0, 0.4),
    "flop_energy": (0.5, 0.5),
}
PACKAGE_PRIORS: Mapping[str, tuple[float, float]] = {
    "idle_power": (0.14, 0.15),
    "clock_power": (0.3, 0.15),
    "power_exponent": (2.85, 0.03),
}
CASTING = ("cast_efficiency", "cast_row")
# Last level on the package [B]; none where nobody published it.
CACHES = {"a100": 40e6, "hopper": 50e6, "blackwell": 126e6}
# Memory energy is the full path of HBM, 12 pJ/b; below this clock voltage is constant.
BYTE_ENERGY, VOLTAGE_FLOOR = 96e-12, 0.5
# Noise of log time and log watts [1].
_NOISE = (0.03, 0.05)
# Power sensors average over a second; shorter kernels ran too few times for that [s].
SETTLED = 60e-6
# A row that reads more of its limit than this is capped [1].
CAPPED = 0.95
_UNCAPPED_SHARE = 0.98
# Sharpness of the power limit while fitting: rows near it still have slopes to the
# constants of power; predictions are exact.
_SMOOTH = 48.0
# Power of the counts by which sizes with few shapes gain weight: 0 not at all, 1 all
# sizes alike.
_EVEN = 0.5


class Fit(NamedTuple):
    """A fitted kernel.

    Attributes:
      kernel: its constants.
      errors: standard deviations of the logarithms of those that were fitted.
      rows: how many rows it was fitted on.
      source: their citations, "" where there are none.
    """

    kernel: GemmKernel
    errors: dict[str, float]
    rows: int
    source: str


def fit(table: Table, platform: str, show: Callable[[str], None]) -> list[Fit]:
    """Fit every kernel that `table` holds rows of; `platform` begins their names."""
    found = []
    for family in sorted(set(table.architecture)):
        show(f"fitting {family}")
        found += _fit_family(table.take(table.architecture == family), platform)
    return found


def _fit_family(table: Table, platform: str) -> list[Fit]:
    """Fit the kernels of one architecture together."""
    parts = {p: table.take(table.precision == p) for p in sorted(set(table.precision))}
    # The package with the lowest boost clock is the reference of all precisions.
    slowest = min(sorted(set(table.chip)), key=lambda c: load("chip", c).peak_bf16)
    tdp = float(load("chip", slowest).tdp)
    fixed = {p: _fixed(platform, slowest, part) for p, part in parts.items()}
    # (precision, field, centre, spread); no precision owns what the package shares.
    free = [("", *prior) for prior in _priors(PACKAGE_PRIORS, tdp, 1.0)]
    for p in parts:
        alone = _priors(PRIORS, tdp, fixed[p]["reference_rate"])
        casts = fixed[p]["cast_bytes"] > 0.0
        free += [(p, *prior) for prior in alone if casts or prior[0] not in CASTING]
    errors = {p: _errors(part) for p, part in parts.items()}

    def chosen(p: str, values: Any) -> dict[str, Any]:
        pairs = zip(free, values, strict=True)
        return {field: value for (q, field, *_), value in pairs if q in ("", p)}

    def kernel(p: str, x: Any) -> GemmKernel:
        return GemmKernel(**(fixed[p] | chosen(p, x)))

    def residuals(x: jax.Array) -> jax.Array:
        each = [own(kernel(p, list(jnp.exp(x)))) for p, own in errors.items()]
        return jnp.concatenate(each)

    centres, spreads = np.asarray([prior[2:] for prior in free]).T
    x, deviation = minimise(residuals, np.log(centres), spreads)
    return [
        Fit(
            kernel(p, np.exp(x).tolist()),
            chosen(p, deviation.tolist()),
            len(part),
            ", ".join(sorted(set(part.source) - {""})),
        )
        for p, part in parts.items()
    ]


def _priors(
    priors: Mapping[str, tuple[float, float]], tdp: float, rate: float
) -> list[tuple[str, float, float]]:
    """Return field, centre and spread, with powers and energies in SI."""
    scale = {"idle_power": tdp, "clock_power": tdp, "flop_energy": tdp / rate}
    return [
        (field, centre * scale.get(field, 1.0), spread)
        for field, (centre, spread) in priors.items()
    ]


def _fixed(platform: str, slowest: str, part: Table) -> dict[str, Any]:
    """Return constants of a kernel that are not fitted."""
    family, precision = str(part.architecture[0]), str(part.precision[0])
    width = OPERAND_BYTES[precision]
    share = part.power / part.limit
    capped = share[share > CAPPED] if (share > CAPPED).any() else _UNCAPPED_SHARE
    return {
        "operand_bytes": width,
        "cast_bytes": 0.0 if precision == "bf16" else 2.0 + width,
        "cast_efficiency": 1.0,
        "cast_row": 0.0,
        "cache": CACHES.get(family, 0.0),
        "byte_energy": BYTE_ENERGY,
        "voltage_floor": VOLTAGE_FLOOR,
        "reference_rate": rates(slowest, precision)[0],
        "limit_share": min(float(np.median(capped)), 1.0),
        "architecture": family,
        "precision": precision,
        "name": f"{platform}_{family}_{precision}",
    }


def _errors(part: Table) -> Callable[[GemmKernel], jax.Array]:
    """Return the function of errors of one kernel's rows over their noise."""
    read = np.isfinite(part.power) & (part.time >= SETTLED)
    log_time = np.log(part.time)
    log_power = np.log(np.where(read, part.power, 1.0))
    shape, package = part.shape, part.package
    weight = _weights(part.flops)

    def errors(kernel: GemmKernel) -> jax.Array:
        cost = gemm(kernel, shape, package, repeat=part.repeat, sharpness=_SMOOTH)
        time = (jnp.log(cost.time) - log_time) / _NOISE[0]
        power = (jnp.log(cost.power) - log_power) * read / _NOISE[1]
        return jnp.concatenate([time * weight, power * weight])

    return errors


def _weights(flops: np.ndarray) -> np.ndarray:
    """Return weights that let the few small shapes of a sweep speak [1].

    Nothing but they tells what launching costs, and the large ones outnumber them.
    """
    octave = np.floor(np.log2(flops)).astype(int)
    counts = np.bincount(octave)
    most = int(np.argmax(counts))
    return (counts[most] / counts[np.minimum(octave, most)]) ** _EVEN


# Errors below this, over their noise, count squared [1].
_ROUND = 0.5
_ITERATIONS, _TRIES, _LARGEST_STEP, _ENOUGH = 40, 10, 0.4, 1e-2


def minimise(
    residuals: Callable[[jax.Array], jax.Array], prior: np.ndarray, spread: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Find the least sum of sizes of errors; return it and its deviations (sandwich).

    Reweighted Levenberg-Marquardt on exact slopes.

    Args:
      residuals: errors over their noise at a point [row].
      prior: centre of the Gaussian prior, where the search starts.
      spread: its standard deviations.
    """
    value, slopes = jax.jit(residuals), jax.jit(jax.jacfwd(residuals))

    def total(x: np.ndarray) -> float:
        errors = np.asarray(value(x))
        size = np.sqrt(errors**2 + _ROUND**2) - _ROUND
        return float(size.sum() + 0.5 * (((x - prior) / spread) ** 2).sum())

    x, damping, cost = prior.copy(), 1e-2, total(prior)
    hessian = scores = np.eye(len(prior))
    for _ in range(_ITERATIONS):
        errors, rows = np.asarray(value(x)), np.asarray(slopes(x))
        weight = 1.0 / np.sqrt(errors**2 + _ROUND**2)
        hessian = rows.T @ (weight[:, None] * rows) + np.diag(spread**-2)
        scores = rows.T @ ((weight * errors)[:, None] ** 2 * rows)
        downhill = -rows.T @ (weight * errors) - (x - prior) / spread**2
        gained, trial = 0.0, x
        for _ in range(_TRIES):
            damped = hessian + damping * np.diag(np.diag(hessian))
            change = np.linalg.solve(damped, downhill)
            trial = x + np.clip(change, -_LARGEST_STEP, _LARGEST_STEP)
            gained = cost - total(trial)
            if gained > 0.0:
                break
            damping *= 4.0
        if gained <= 0.0:
            break
        x, cost, damping = trial, cost - gained, max(damping / 4.0, 1e-8)
        if gained < _ENOUGH:
            break
    inverse = np.linalg.inv(hessian)
    middle = scores + np.diag(spread**-2)
    return x, np.sqrt(np.diag(inverse @ middle @ inverse))
