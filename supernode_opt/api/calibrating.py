"""`validate` and `calibrate`: one's own measurements, in Python."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import xarray as xr

from supernode_opt.answer import fits
from supernode_opt.answer.judged import judged
from supernode_opt.api.result import Result
from supernode_opt.api.wording import wrapped
from supernode_opt.batch.precise import precisely
from supernode_opt.results.versions import stamp


class Validated(Result):
    """How wrong predictions of measured runs, GEMMs, peaks or collectives are."""

    def __init__(self, table: str, report: dict[str, Any], dataset: xr.Dataset) -> None:
        """Keep what a validation of a `table` of some kind found."""
        self.kind = f"validation_{table}"
        self._report, self._dataset = report, dataset

    def to_xarray(self) -> xr.Dataset:
        """Return measured and predicted of every row."""
        return self._dataset

    def to_pandas(self) -> pd.DataFrame:
        """Return one line per row of the table: measured, predicted, error."""
        return self._dataset.to_dataframe().reset_index()

    def summary(self) -> dict[str, Any]:
        """Return the errors as plain values, as `validate --json` prints them."""
        return self._report

    def _lines(self) -> list[str]:
        parts = self._report.get("groups", {})
        lines = [f"{self.kind.replace('_', ' of ')}: {self._rows()} rows"]
        for name, part in parts.items():
            found = part.get("overall") if isinstance(part, dict) else None
            if found and "mape" in found:
                words = name.replace("_", " ")
                lines.append(f"  {words}: {found['rows']} rows, {_errors(found)}")
        refused = [row for row in self._report.get("rows", []) if row.get("refused")]
        if refused:
            lines.append(f"  {len(refused)} rows refused: {refused[0]['refused']}")
        return wrapped([*lines, "All of it: .summary(), .to_pandas()"])

    def _rows(self) -> int:
        return max((int(n) for n in self._dataset.sizes.values()), default=0)


class Calibrated(Result):
    """Constants of a platform that were fitted to its own measurements.

    Attributes:
      files: text of the catalog files by name; `save` writes them into a folder, which
        `SUPERNODE_OPT_CATALOG` may name.
    """

    kind = "calibration"

    def __init__(self, answer: dict[str, Any], files: dict[str, str]) -> None:
        """Keep what a fit found, and the catalog files that hold it."""
        self._answer, self.files = answer, files

    def to_pandas(self) -> pd.DataFrame:
        """Return the constants: value, standard error, prior, whether identified."""
        rows = self._answer.get("constants", [])
        return pd.DataFrame(rows).set_index("name") if rows else pd.DataFrame()

    def to_xarray(self) -> xr.Dataset:
        """Return the same, labelled."""
        made = self.to_pandas().to_xarray()
        platform = self._answer["platform"]
        return made.assign_attrs(kind=self.kind, platform=platform, **stamp())

    def summary(self) -> dict[str, Any]:
        """Return what was found as plain values, as `calibrate --json` prints it."""
        return self._answer

    def save(self, path: Path | str, figures: bool = False) -> Path:
        """Write the catalog files into a folder and return it.

        Raises:
          OSError: the machine refuses to write there.
        """
        from supernode_opt.results.publish import publication

        with publication(Path(path)) as folder:
            for name, text in self.files.items():
                (folder / name).write_text(text, encoding="utf-8")
        return Path(path)

    def _lines(self) -> list[str]:
        known = self._answer
        lines = [f"{known['platform']}: fitted; .save(folder) writes its catalog files"]
        for key in ("in_sample", "cross_validated"):
            found = known.get(key)
            if found:
                lines.append(f"  {key.replace('_', ' ')}: {_errors(found)}")
        for row in known.get("constants", []):
            sure = "" if row["identified"] else ", not identified by these rows"
            lines.append(
                f"  {row['name']}: {row['value']:.4g} +- {row['standard_error']:.2g}"
                f" (before {row['prior']:.4g}{sure})"
            )
        lines += [one["says"] for one in known.get("left_over", [])]
        refused = known.get("refused", [])
        if refused:
            lines.append(f"{len(refused)} rows refused: {refused[0]['why']}")
        return wrapped(lines, "    ")


def _errors(found: dict[str, Any]) -> str:
    mean, median = 100 * found["mape"], 100 * found["median"]
    return f"mean error {mean:.1f} %, median {median:.1f} %"


@precisely
def validate(runs: Path | str | None = None, *, platform: str = "") -> Validated:
    """Predict measured runs, GEMMs, peaks or collectives and say how wrong that is.

    Args:
      runs: a CSV table; the shipped training runs if not given.
      platform: predict all runs as those of this platform, such as `calibrate` made.

    Raises:
      StudyError: the table cannot be used; the text is one line.
    """
    return Validated(*judged(None if runs is None else Path(runs), platform))


@precisely
def calibrate(
    runs: Path | str | Sequence[Path | str],
    platform: str = "mine",
    *,
    seed: int = 0,
    progress: Callable[[str, float], None] = lambda what, done: None,
) -> Calibrated:
    """Fit the constants of a platform to its measured runs, GEMMs or collectives.

    Args:
      runs: CSV tables of one kind, from ten rows on.
      platform: name of the new catalog entries.
      seed: of the fit.
      progress: called with what is done and how far.

    Raises:
      StudyError: a table cannot be used; the text is one line.
    """
    paths = [runs] if isinstance(runs, str | Path) else list(runs)
    found = fits.fitted([Path(path) for path in paths], platform, seed, progress)
    return Calibrated(*found)
