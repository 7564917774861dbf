"""`supernode-opt calibrate`: the constants of a platform from its measured runs."""

import datetime
import os
import shlex
from pathlib import Path
from typing import Any

from supernode_opt.cli import session


def calibrate(
    runs: list[Path], name: str, out: Path | None, seed: int, json: bool
) -> int:
    """Fit a platform, print constants and errors, write its catalog entry."""
    session.prepare()
    from rich.progress import BarColumn, Progress, TextColumn

    from supernode_opt.calibration import written
    from supernode_opt.calibration.data.interpret import fittable, interpret_all
    from supernode_opt.calibration.data.runs import BadRuns, kind_of, read
    from supernode_opt.calibration.step_time import platforms, shipped, user
    from supernode_opt.catalog.read import OWN_CATALOG
    from supernode_opt.reading.node import StudyError
    from supernode_opt.results.publish import publication

    if not name.isidentifier():
        raise StudyError(f"--platform: {name!r} must be letters, digits and _")
    try:
        kinds = sorted({kind_of(path) for path in runs})
        if len(kinds) > 1:
            raise StudyError(f"--runs: tables of {' and '.join(kinds)} in one fit")
        if kinds == ["gemm"]:
            from supernode_opt.cli import calibrate_gemm

            return calibrate_gemm.calibrate(runs, name, out, seed, json)
        if kinds == ["collectives"]:
            from supernode_opt.cli import calibrate_collectives

            return calibrate_collectives.calibrate(runs, name, out, json)
        rows = [row for path in runs for row in read(path)]
        known = interpret_all(rows)
        jobs = fittable(known)
        if not jobs:
            raise StudyError(f"{runs[0]}: {_why(known)}")
        columns = (TextColumn("{task.description}"), BarColumn())
        with Progress(*columns, console=session.console(stderr=True)) as progress:
            task = progress.add_task("fitting", total=1.0)

            def show(what: str, done: float) -> None:
                progress.update(task, description=what, completed=done)

            fitted = user.calibrate(jobs, shipped.posterior(), seed, show)
    except BadRuns as error:
        raise StudyError(str(error)) from None
    platform = platforms.Platform(
        name, fitted.family, fitted.stack, fitted.base, _notes(fitted, runs)
    )
    today = datetime.date.today().isoformat()
    about = f"fit on {len(jobs)} rows, {today}; {_error(fitted)}"
    entry = platforms.entry(platform, fitted.posterior, about)
    target = out or Path("results") / f"calibration_{name}"
    with publication(target) as folder:
        (folder / "softwares.yaml").write_text(
            written.text({name: entry}, platform.notes), encoding="utf-8"
        )
    answer = _answer(fitted, name, known.refused)
    if json:
        session.print_json(answer)
    else:
        session.print_rich(_table(answer))
    session.written(target, "softwares.yaml")
    session.say(f"to use it: export {OWN_CATALOG}={_with_own(target)}")
    return session.DONE


def _with_own(folder: Path) -> str:
    """Return the user's catalog folders with `folder`, which then wins, at the end."""
    from supernode_opt.catalog.read import OWN_CATALOG

    own = os.environ.get(OWN_CATALOG, "").split(os.pathsep)
    kept = [one for one in own if one and Path(one) != folder]
    return shlex.quote(os.pathsep.join([*kept, str(folder)]))


def _why(known: Any) -> str:
    reasons = sorted({why for _, why in known.refused})
    if known.jobs:
        return "no row may be fitted: usable_for keeps them for validation"
    return f"no row can be used: {'; '.join(reasons[:3]) or 'the file is empty'}"


def _error(fitted: Any) -> str:
    crossed = fitted.crossed
    inside = f"in-sample {100 * fitted.inside.mape:.1f} %"
    if crossed is None:
        return f"{inside}, one group only: not cross-validated"
    return f"{inside}, cross-validated {100 * crossed.mape:.1f} % mean error"


def _notes(fitted: Any, runs: list[Path]) -> str:
    names = ", ".join(path.name for path in runs)
    return f"Fitted on {names}: {fitted.stack} on {fitted.family}; {_error(fitted)}."


def _answer(fitted: Any, name: str, refused: Any) -> dict[str, Any]:
    import numpy as np

    from supernode_opt.calibration.step_time.user import UNIDENTIFIED

    posterior = fitted.posterior
    spread = np.sqrt(np.diag(posterior.covariance))
    constants = [
        {
            "name": key[0],
            "value": float(np.exp(mean)),
            "standard_error": float(np.exp(mean) * deviation),
            "prior": float(np.exp(before)),
            "identified": bool(share < UNIDENTIFIED),
            "share_of_prior_spread": float(share),
        }
        for key, mean, deviation, before, share in zip(
            posterior.names,
            posterior.mean,
            spread,
            fitted.prior.mean,
            fitted.identified,
            strict=True,
        )
    ]
    crossed = fitted.crossed
    return {
        "platform": name,
        "stack": fitted.stack,
        "family": fitted.family,
        "rows": fitted.inside.rows,
        "in_sample": fitted.inside._asdict(),
        "cross_validated": None if crossed is None else crossed._asdict(),
        "constants": constants,
        "refused": [{"run_id": run.name, "why": why} for run, why in refused],
    }


def _table(answer: dict[str, Any]) -> Any:
    from rich.console import Group
    from rich.table import Table

    table = Table(title=f"{answer['platform']}: {answer['rows']} rows fitted")
    for heading in ("constant", "value", "standard error", "before", "identified"):
        table.add_column(heading, justify="left" if heading == "constant" else "right")
    for row in answer["constants"]:
        table.add_row(
            row["name"],
            f"{row['value']:.4g}",
            f"{row['standard_error']:.2g}",
            f"{row['prior']:.4g}",
            "yes" if row["identified"] else "no",
        )
    lines = [f"in-sample error {100 * answer['in_sample']['mape']:.1f} % (mean)"]
    if answer["cross_validated"]:
        crossed = answer["cross_validated"]
        lines.append(
            f"cross-validated error {100 * crossed['mape']:.1f} % (mean),"
            f" worst {crossed['worst']} {100 * crossed['worst_error']:+.0f} %"
        )
    else:
        lines.append("one group of rows: no cross-validated error")
    lines += [f"refused {row['run_id']}: {row['why']}" for row in answer["refused"]]
    return Group(table, *lines)
