"""`supernode-opt calibrate` on a table of measured GEMMs."""

import datetime
from pathlib import Path
from typing import Any

from rich.console import Group

from supernode_opt.calibration import written
from supernode_opt.calibration.gemm import score, user
from supernode_opt.calibration.gemm.table import read
from supernode_opt.calibration.step_time.fit import family_of
from supernode_opt.catalog.gemm import RESIDUAL_FILE
from supernode_opt.cli import session
from supernode_opt.cli.tables import percent, table
from supernode_opt.cli.validate_gemm import table_of
from supernode_opt.reading.node import StudyError

COLUMNS = 124


def fitted(
    runs: list[Path], name: str, seed: int
) -> tuple[dict[str, Any], dict[str, str]]:
    """Fit kernels to half of the shapes, judge on the rest; return it and files."""
    measured = read(runs)
    if not len(measured):
        raise StudyError(f"{runs[0]}: the file is empty")
    try:
        with session.console(stderr=True).status("reading") as status:
            found = user.calibrate(measured, name, seed, status.update)
    except user.TooFew as error:
        raise StudyError(f"{runs[0]}: {error}") from None
    today = datetime.date.today().isoformat()
    answer = _answer(found, name)
    names = ", ".join(path.name for path in runs)
    entries = {
        one.kernel.name: user.entry(
            one,
            f"fit on {one.rows} rows of {one.source or names}, {today}",
            _notes(one.kernel, answer, today),
        )
        for one in found.fits
    }
    heading = f"GEMM kernels that `supernode-opt calibrate` fitted to {names}."
    files = {"gemm_kernels.yaml": written.text(entries, heading)}
    if found.residual is not None:
        files[RESIDUAL_FILE] = user.network_text(found.residual)
    return answer, files


def _answer(found: Any, name: str) -> dict[str, Any]:
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
        for one in found.fits
    ]
    return {
        "platform": name,
        "kernels": kernels,
        "held_out": score.groups(found.judged)["held_out"],
        "held_out_without_network": score.groups(found.physics)["held_out"],
        "elasticities": [one._asdict() for one in found.judged.elasticities],
    }


def _notes(kernel: Any, answer: dict[str, Any], today: str) -> str:
    """Say how far a kernel is off on shapes it has not seen."""
    said, own = [], (kernel.architecture, kernel.precision)
    both = zip(answer["held_out"], answer["held_out_without_network"], strict=True)
    for group, plain in both:
        series = family_of(group["chip"]), group["precision"]
        if group["regime"] != "all" or series != own:
            continue
        words = f"{group['chip']} time {percent(group['time']['median'])} %"
        if kernel.residual:
            words += f" ({percent(plain['time']['median'])} % without the network)"
        if group["watts"]:
            words += f", watts {percent(group['watts']['median'])} %"
        said.append(words)
    found = "; ".join(said) or "there is none"
    return f"{today}, fitted on half of the shapes; median error on the rest: {found}."


def tables(answer: dict[str, Any]) -> Any:
    """Return constants and errors for people."""
    shown: list[Any] = [
        table(
            ("constant", "value", "standard error"),
            (
                (field, f"{found['value']:.4g}", f"{found['standard_error']:.2g}")
                for field, found in kernel["constants"].items()
            ),
            title=f"{kernel['name']}: {kernel['rows']} rows fitted",
            title_justify="left",
        )
        for kernel in answer["kernels"]
    ]
    plain = [g for g in answer["held_out_without_network"] if g["regime"] == "all"]
    shown.append(table_of("Shapes kept from the fit, physics alone:", plain))
    if any(kernel["network"] for kernel in answer["kernels"]):
        full = [g for g in answer["held_out"] if g["regime"] == "all"]
        shown.append(table_of("Shapes kept from the fit, with the network:", full))
    else:
        shown.append("a network on top would not earn its place")
    return Group(*shown)
