"""The constants of collectives from measured ones."""

import datetime
from pathlib import Path
from typing import Any

from supernode_opt.answer.fits import Say, Show
from supernode_opt.calibration.collectives import entries, user
from supernode_opt.calibration.collectives.constants import constants_at
from supernode_opt.calibration.collectives.link import PARAMETERS, implied
from supernode_opt.calibration.collectives.table import read
from supernode_opt.calibration.step_time.user import UNIDENTIFIED


def fitted(
    runs: list[Path], name: str, seed: int, show: Show, say: Say
) -> tuple[dict[str, Any], dict[str, str]]:
    """Fit the collectives of a platform; return what was found and catalog files."""
    rows = [row for path in runs for row in read(path, say)]
    found = user.calibrate(rows, show)
    heading = (
        "Constants of collectives, written by `supernode-opt calibrate` on\n"
        f"{', '.join(path.name for path in runs)}; ranges are 5-95 % of the posterior."
    )
    today = datetime.date.today().isoformat()
    answer = {
        "kind": "collectives",
        "platform": name,
        "libraries": [_library(one) for one in found],
        "step_time_model": [_needed(one) for one in implied(rows)],
    }
    return answer, {"collectives.yaml": entries.text(found, name, heading, today)}


def _needed(one: Any) -> dict[str, Any]:
    """Say what the step-time model would need for what was measured."""
    both = zip(one.values, one.deviations, strict=True)
    numbers = [{"value": value, "standard_error": error} for value, error in both]
    return {
        "library": one.library,
        "fabric": one.fabric,
        "collectives": "expert exchange" if one.exchange else "gather and scatter",
        "rows": one.rows,
        "constants": dict(zip(PARAMETERS, numbers, strict=True)),
        "unseen_median": one.median,
    }


def _library(one: Any) -> dict[str, Any]:
    keys = sorted({(row.operation, row.machine.fabric) for row in one.rows})
    constants = [
        {
            "operation": operation,
            "fabric": fabric,
            "name": name,
            "value": known.value,
            "standard_error": known.value * known.deviation,
            "prior": known.prior,
            "identified": known.share < UNIDENTIFIED,
            "share_of_prior_spread": known.share,
        }
        for operation, fabric in keys
        for name, known in constants_at(one.posterior, operation, fabric).items()
    ]
    return {
        "library": one.library,
        "rows": len(one.rows),
        "fitted_rows": one.inside.rows,
        "in_sample": one.inside._asdict(),
        "unseen_half": None if one.unseen is None else one.unseen._asdict(),
        "leave_one_out_median": one.without,
        "constants": constants,
    }
