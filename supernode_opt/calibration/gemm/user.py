"""Kernel constants of one platform from its own table of GEMMs, as catalog entries."""

import dataclasses
import json
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from supernode_opt.batch.precise import precisely
from supernode_opt.calibration.gemm.fit import CASTING, Fit, fit
from supernode_opt.calibration.gemm.network import fit_network
from supernode_opt.calibration.gemm.predict import Constants
from supernode_opt.calibration.gemm.score import Scored, score
from supernode_opt.calibration.gemm.table import Table, held_out
from supernode_opt.calibration.step_time.intervals import NINETY
from supernode_opt.calibration.written import number
from supernode_opt.hardware.gemm import GemmKernel
from supernode_opt.hardware.gemm_residual import Residual
from supernode_opt.units import quantities

# Of every architecture and precision, among the shapes that a fit may see.
FEWEST = 10


class TooFew(ValueError):
    """A table with too few shapes to fit, in one line."""


class Fitted(NamedTuple):
    """A platform's kernels.

    Attributes:
      fits: constants of every architecture and precision.
      residual: network on top of those it helps, if any.
      physics: the table judged without the network.
      judged: the same with it.
    """

    fits: tuple[Fit, ...]
    residual: Residual | None
    physics: Scored
    judged: Scored


@precisely
def calibrate(
    table: Table, platform: str, seed: int, show: Callable[[str], None]
) -> Fitted:
    """Fit the kernels of a platform to half of its shapes and judge them on the rest.

    `platform` begins the name of every kernel, `seed` is the network's.

    Raises:
      TooFew: an architecture and precision has too few rows.
    """
    part = table.take(~held_out(table))
    for name in sorted(set(table.series)):
        count = int((part.series == name).sum())
        if count < FEWEST:
            raise TooFew(
                f"{name} has {count} shapes in the half that is fitted, but needs at"
                f" least {FEWEST}; the checksum of the shape tells the halves apart"
            )
    fits = fit(part, platform, show)
    plain = _constants(fits, None)
    show("fitting the network")
    residual = fit_network(part, plain, seed)
    helped = {name.split()[0] for name in residual.series} if residual else set()
    fits = [
        one._replace(
            kernel=dataclasses.replace(one.kernel, residual=one.kernel.name in helped)
        )
        for one in fits
    ]
    show("judging")
    judged = score(table, _constants(fits, residual))
    return Fitted(tuple(fits), residual, score(table, plain), judged)


def _constants(fits: list[Fit], residual: Residual | None) -> Constants:
    kernels = {(f.kernel.architecture, f.kernel.precision): f.kernel for f in fits}
    return Constants(kernels, () if residual is None else (residual,))


# Range, source and confidence of what is not fitted.
_ABOUT: Mapping[str, tuple[float, float, str, str]] = {
    "operand_bytes": (1.0, 1.0, "width of the format", "primary"),
    "cast_bytes": (1.0, 1.0, "BF16 read, the format written", "primary"),
    **dict.fromkeys(CASTING, (1.0, 1.0, "nothing is cast", "primary")),
    "cache": (
        1.0,
        1.0,
        "L2 of A100 40 MB, H100 and H200 50 MB, B200 126 MB"
        " (chipsandcheese.com, Nvidia's B200); 0 is unknown",
        "secondary",
    ),
    "byte_energy": (
        0.83,
        1.25,
        "full path of HBM, 12 pJ/b (10-15; SC'25 measured 11.7-14.7)",
        "secondary",
    ),
    "voltage_floor": (
        0.7,
        1.3,
        "engineering estimate: clock at V_min 0.65 V on an alpha-power V-f curve",
        "estimate",
    ),
    "reference_rate": (
        1.0,
        1.0,
        "data sheet of the slowest package fitted",
        "primary",
    ),
    "limit_share": (0.99, 1.0, "median of the rows at their limit", "fit"),
}


def entry(found: Fit, source: str, notes: str) -> dict[str, Any]:
    """Return the catalog entry of a kernel: every number with range and source."""
    kernel = found.kernel
    written: dict[str, Any] = {"notes": notes}
    for name in ("architecture", "precision", "residual"):
        written[name] = getattr(kernel, name)
    for name, declared in quantities(GemmKernel):
        most = np.inf if declared.high is None else declared.high
        value = float(f"{min(getattr(kernel, name), most):.4g}")
        if name in found.errors:
            half = float(np.exp(NINETY * found.errors[name]))
            lower, upper, about, confidence = 1.0 / half, half, source, "fit"
        else:
            lower, upper, about, confidence = _ABOUT[name]
        ends = (value, value * lower, value * upper)
        written[name] = number(
            ends, declared.unit, about, confidence, most=most, figures=4
        )
    return written


def network_text(residual: Residual) -> str:
    """Write the weights of a network as a JSON file."""
    written = {
        "series": list(residual.series),
        "weights": [weight.tolist() for weight in residual.weights],
        "biases": [bias.tolist() for bias in residual.biases],
    }
    return json.dumps(written) + "\n"
