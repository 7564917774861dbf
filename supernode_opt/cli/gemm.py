"""`validate` and `calibrate` on a table of measured GEMMs."""

import datetime
from pathlib import Path
from typing import Any

from supernode_opt.cli import session

_HALVES = {
    "held_out": "Shapes kept from every fit",
    "fit_half": "Shapes that a fit may see",
}
_COLUMNS = ("median", "p90", "bias", "baseline")
_WORDS = (
    "Errors in per cent of measured time and watts; `baseline` is the median error of"
    " one fraction of peak and of the power limit per series. Watts of `brief` kernels"
    " are read by sensors that average over a second."
)


def validate(runs: Path, out: Path | None, json: bool, markdown: bool) -> int:
    """Predict a table of GEMMs, print the errors and draw them."""
    from supernode_opt.calibration.data.runs import BadRuns
    from supernode_opt.calibration.gemm import score as gemm_score
    from supernode_opt.calibration.gemm.predict import shipped
    from supernode_opt.calibration.gemm.table import read
    from supernode_opt.config.node import StudyError
    from supernode_opt.results.folder import results_folder

    try:
        table = read([runs])
    except BadRuns as error:
        raise StudyError(str(error)) from None
    session.say(f"predicting {len(table)} GEMMs")
    seen = gemm_score.score(table, shipped())
    report = gemm_score.report(seen)
    if json:
        session.print_json(report)
    elif markdown:
        print(_markdown(report["groups"]["held_out"]))
    else:
        session.print_rich(_tables(report), columns=124)
    if out is not None:
        with results_folder(out) as folder:
            dataset = gemm_score.dataset(seen)
            dataset.to_netcdf(folder / "gemm.nc", engine="h5netcdf")
            if len(table):
                _draw(dataset, folder / "figures")
        session.say(f"written to {out}")
    return session.DONE


def _draw(dataset: Any, folder: Path) -> None:
    import matplotlib

    matplotlib.use("agg")
    from supernode_opt.plot import draw_gemm

    draw_gemm(dataset, folder)


def _percent(value: float) -> str:
    return f"{100.0 * value:.1f}"


def _cells(group: dict[str, Any]) -> list[str]:
    series = f"{group['chip']} {group['precision']}"
    cells = [series, group["regime"], str(group["rows"])]
    for sizes in (group["time"], group["watts"]):
        cells += ["-" if sizes is None else _percent(sizes[c]) for c in _COLUMNS]
    return cells


def _heads() -> list[str]:
    heads = ["series", "regime", "rows"]
    return heads + [f"{what} {c}" for what in ("time", "watts") for c in _COLUMNS]


def _markdown(groups: list[dict[str, Any]]) -> str:
    heads = _heads()
    lines = ["| " + " | ".join(heads) + " |", "|---|---|" + "--:|" * 9]
    lines += ["| " + " | ".join(_cells(group)) + " |" for group in groups]
    return "\n".join(lines)


def _tables(report: dict[str, Any]) -> Any:
    from rich.console import Group

    shown = [
        _table(f"{title}:", report["groups"][half])
        for half, title in _HALVES.items()
        if report["groups"][half]
    ]
    lines = [_WORDS]
    lines += [
        f"{one['kernel']}: {one['limit']:.2f} x the power limit makes {one['shapes']}"
        f" shapes capped at both {one['measured']:.3f} x as fast, predicted"
        f" {one['predicted']:.3f} x"
        for one in report["elasticities"]
    ]
    lines += [
        f"refused: {one['rows']} rows of {one['series']}, {one['why']}"
        for one in report["refused"]
    ]
    return Group(*shown, *lines)


def _table(title: str, groups: list[dict[str, Any]]) -> Any:
    from rich.table import Table

    table = Table(title=title, title_justify="left")
    for place, head in enumerate(_heads()):
        justify = "left" if place < 2 else "right"
        table.add_column(head.replace(" ", "\n"), justify=justify, no_wrap=True)
    for group in groups:
        table.add_row(*_cells(group))
    return table


def calibrate(
    runs: list[Path], name: str, out: Path | None, seed: int, json: bool
) -> int:
    """Fit kernels to half of the shapes, judge on the rest, write catalog entries."""
    from rich.console import Console

    from supernode_opt.calibration.data.runs import BadRuns
    from supernode_opt.calibration.gemm import user as gemm_user
    from supernode_opt.calibration.gemm.table import read
    from supernode_opt.calibration.step_time import platforms
    from supernode_opt.catalog.gemm import RESIDUAL_FILE
    from supernode_opt.config.node import StudyError
    from supernode_opt.results.folder import results_folder

    try:
        table = read(runs)
        if not len(table):
            raise StudyError(f"{runs[0]}: the file is empty")
        with Console(stderr=True).status("reading") as status:
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
    with results_folder(target) as folder:
        text = platforms.text(entries, heading)
        (folder / "gemm_kernels.yaml").write_text(text, encoding="utf-8")
        if fitted.residual is not None:
            text = gemm_user.network_text(fitted.residual)
            (folder / RESIDUAL_FILE).write_text(text, encoding="utf-8")
    if json:
        session.print_json(answer)
    else:
        session.print_rich(_fitted(answer), columns=124)
    session.say(f"written to {target}/gemm_kernels.yaml")
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
        words = f"{group['chip']} time {_percent(group['time']['median'])} %"
        if kernel.residual:
            words += f" ({_percent(plain['time']['median'])} % without the network)"
        if group["watts"]:
            words += f", watts {_percent(group['watts']['median'])} %"
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
    shown.append(_table("Shapes kept from the fit, physics alone:", plain))
    if any(kernel["network"] for kernel in answer["kernels"]):
        full = [g for g in answer["held_out"] if g["regime"] == "all"]
        shown.append(_table("Shapes kept from the fit, with the network:", full))
    else:
        shown.append("a network on top would not earn its place")
    return Group(*shown)
