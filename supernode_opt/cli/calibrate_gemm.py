"""`supernode-opt calibrate` on a table of measured GEMMs."""

import datetime
from pathlib import Path
from typing import Any

from supernode_opt.cli import session
from supernode_opt.cli.validate_gemm import percent, table_of


def calibrate(
    runs: list[Path], name: str, out: Path | None, seed: int, json: bool
) -> int:
    """Fit kernels to half of the shapes, judge on the rest, write catalog entries."""
    from supernode_opt.calibration import written
    from supernode_opt.calibration.data.runs import BadRuns
    from supernode_opt.calibration.gemm import user as gemm_user
    from supernode_opt.calibration.gemm.table import read
    from supernode_opt.catalog.gemm import RESIDUAL_FILE
    from supernode_opt.reading.node import StudyError
    from supernode_opt.results.publish import publication

    try:
        table = read(runs)
        if not len(table):
            raise StudyError(f"{runs[0]}: the file is empty")
        with session.console(stderr=True).status("reading") as status:
            fitted = gemm_user.calibrate(table, name, seed, status.update)
    except gemm_user.TooFew as error:
        raise StudyError(f"{runs[0]}: {error}") from None
    except BadRuns as error:
        raise StudyError(str(error)) from None
    today = datetime.date.today().isoformat()
    answer = _answer(fitted, name)
    names = ", ".join(path.name for path in runs)
    entries = {
        one.kernel.name: gemm_user.entry(
            one,
            f"fit on {one.rows} rows of {one.source or names}, {today}",
            _notes(one.kernel, answer, today),
        )
        for one in fitted.fits
    }
    heading = f"GEMM kernels that `supernode-opt calibrate` fitted to {names}."
    target = out or Path("results") / f"calibration_{name}"
    with publication(target) as folder:
        text = written.text(entries, heading)
        (folder / "gemm_kernels.yaml").write_text(text, encoding="utf-8")
        if fitted.residual is not None:
            text = gemm_user.network_text(fitted.residual)
            (folder / RESIDUAL_FILE).write_text(text, encoding="utf-8")
    if json:
        session.print_json(answer)
    else:
        session.print_rich(_fitted(answer), columns=124)
    session.written(target, "gemm_kernels.yaml")
    return session.DONE


def _answer(fitted: Any, name: str) -> dict[str, Any]:
    from supernode_opt.calibration.gemm import score as gemm_score

    kernels = [
        {
            "name": one.kernel.name,
            "architecture": one.kernel.architecture,
            "precision": one.kernel.precision,
            "rows": one.rows,
            "network": one.kernel.residual,
            "constants": {
                field: {
                    "value": getattr(one.kernel, field),
                    "standard_error": getattr(one.kernel, field) * deviation,
                }
                for field, deviation in one.errors.items()
            },
        }
        for one in fitted.fits
    ]
    return {
        "platform": name,
        "kernels": kernels,
        "held_out": gemm_score.groups(fitted.judged)["held_out"],
        "held_out_without_network": gemm_score.groups(fitted.physics)["held_out"],
        "elasticities": [one._asdict() for one in fitted.judged.elasticities],
    }


def _notes(kernel: Any, answer: dict[str, Any], today: str) -> str:
    """Say how far a kernel is off on shapes it has not seen."""
    from supernode_opt.calibration.step_time.fit import family_of

    said = []
    both = zip(answer["held_out"], answer["held_out_without_network"], strict=True)
    for group, plain in both:
        own = kernel.architecture, kernel.precision
        if group["regime"] != "all":
            continue
        if (family_of(group["chip"]), group["precision"]) != own:
            continue
        words = f"{group['chip']} time {percent(group['time']['median'])} %"
        if kernel.residual:
            words += f" ({percent(plain['time']['median'])} % without the network)"
        if group["watts"]:
            words += f", watts {percent(group['watts']['median'])} %"
        said.append(words)
    found = "; ".join(said) or "there is none"
    return f"{today}, fitted on half of the shapes; median error on the rest: {found}."


def _fitted(answer: dict[str, Any]) -> Any:
    from rich.console import Group
    from rich.table import Table

    shown: list[Any] = []
    for kernel in answer["kernels"]:
        title = f"{kernel['name']}: {kernel['rows']} rows fitted"
        table = Table(title=title, title_justify="left")
        table.add_column("constant")
        table.add_column("value", justify="right")
        table.add_column("standard error", justify="right")
        for field, found in kernel["constants"].items():
            numbers = f"{found['value']:.4g}", f"{found['standard_error']:.2g}"
            table.add_row(field, *numbers)
        shown.append(table)
    plain = [g for g in answer["held_out_without_network"] if g["regime"] == "all"]
    shown.append(table_of("Shapes kept from the fit, physics alone:", plain))
    if any(kernel["network"] for kernel in answer["kernels"]):
        full = [g for g in answer["held_out"] if g["regime"] == "all"]
        shown.append(table_of("Shapes kept from the fit, with the network:", full))
    else:
        shown.append("a network on top would not earn its place")
    return Group(*shown)
