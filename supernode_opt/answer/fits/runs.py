"""The constants of a software stack from training runs."""

import dataclasses
import datetime
from pathlib import Path
from typing import Any

import numpy as np

from supernode_opt.answer.fits import Say, Show
from supernode_opt.calibration import written
from supernode_opt.calibration.data.interpret import fittable, interpret_all
from supernode_opt.calibration.data.platforms import Platform
from supernode_opt.calibration.data.runs import read
from supernode_opt.calibration.evidence.known import of_job
from supernode_opt.calibration.step_time import (
    leftover,
    own_platform,
    platforms,
    shipped,
    user,
)
from supernode_opt.reading.node import StudyError
from supernode_opt.system.software import Software
from supernode_opt.units import quantities


def fitted(
    runs: list[Path], name: str, seed: int, show: Show, say: Say
) -> tuple[dict[str, Any], dict[str, str]]:
    """Fit a platform; return what was found and the catalog file with it."""
    known = interpret_all([row for path in runs for row in read(path)])
    jobs = fittable(known)
    if not jobs:
        raise StudyError(f"{runs[0]}: {_why(known)}")
    found = user.calibrate(jobs, shipped.posterior(), seed, show)
    error = f"in-sample {100 * found.inside.mape:.1f} %"
    if found.crossed is None:
        error += ", one group only: not cross-validated"
    else:
        error += f", cross-validated {100 * found.crossed.mape:.1f} % mean error"
    names = ", ".join(path.name for path in runs)
    notes = f"Fitted on {names}: {found.stack} on {found.family}; {error}."
    platform = Platform(name, found.family, found.stack, found.base, notes)
    about = f"fit on {len(jobs)} rows, {datetime.date.today().isoformat()}; {error}"
    entry = platforms.entry(platform, found.posterior, about)
    entry |= platforms.documented_numbers(platform)
    posterior = dataclasses.replace(
        found.posterior,
        points=tuple(of_job(job, job.plans[0])._replace(stack=name) for job in jobs),
    )
    files = {
        "softwares.yaml": written.text({name: entry}, notes),
        own_platform.FILE: own_platform.text(platform, posterior),
    }
    return _answer(found, name, known.refused), files


def _why(known: Any) -> str:
    reasons = sorted({why for _, why in known.refused})
    if known.jobs:
        return "no row may be fitted: usable_for keeps them for validation"
    return f"no row can be used: {'; '.join(reasons[:3]) or 'the file is empty'}"


def _answer(found: Any, name: str, refused: Any) -> dict[str, Any]:
    posterior, crossed = found.posterior, found.crossed
    values = np.exp(posterior.mean)
    units = {field: declared.unit for field, declared in quantities(Software)}
    columns = {
        "value": values,
        "standard_error": values * np.sqrt(np.diag(posterior.covariance)),
        "prior": np.exp(found.prior.mean),
        "identified": found.identified < user.UNIDENTIFIED,
        "share_of_prior_spread": found.identified,
    }
    rows = zip(*(np.asarray(c).tolist() for c in columns.values()), strict=True)
    return {
        "platform": name,
        "stack": found.stack,
        "family": found.family,
        "rows": found.inside.rows,
        "before": found.before._asdict(),
        "in_sample": found.inside._asdict(),
        "cross_validated": None if crossed is None else crossed._asdict(),
        "constants": [
            {
                "name": key[0],
                "unit": units.get(key[0]) or "1",
                **dict(zip(columns, row, strict=True)),
            }
            for key, row in zip(posterior.names, rows, strict=True)
        ],
        "left_over": [
            {**one._asdict(), "says": leftover.sentence(one)} for one in found.left
        ],
        "refused": [{"run_id": run.name, "why": why} for run, why in refused],
    }
