"""The constants of matrix products from measured ones."""

import datetime
from pathlib import Path
from typing import Any

from supernode_opt.answer.fits import Say, Show
from supernode_opt.calibration import written
from supernode_opt.calibration.gemm import score, user
from supernode_opt.calibration.gemm.table import read
from supernode_opt.calibration.step_time.fit import family_of
from supernode_opt.catalog.gemm import RESIDUAL_FILE
from supernode_opt.reading.node import StudyError


def fitted(
    runs: list[Path], name: str, seed: int, show: Show, say: Say
) -> tuple[dict[str, Any], dict[str, str]]:
    """Fit kernels to half of the shapes, judge on the rest; return it and files."""
    measured = read(runs)
    if not len(measured):
        raise StudyError(f"{runs[0]}: the file is empty")
    try:
        found = user.calibrate(measured, name, seed, lambda what: show(what, 0.0))
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
        words = f"{group['chip']} time {_percent(group['time']['median'])} %"
        if kernel.residual:
            words += f" ({_percent(plain['time']['median'])} % without the network)"
        if group["watts"]:
            words += f", watts {_percent(group['watts']['median'])} %"
        said.append(words)
    found = "; ".join(said) or "there is none"
    return f"{today}, fitted on half of the shapes; median error on the rest: {found}."


def _percent(share: float) -> str:
    return f"{100.0 * share:.1f}"
