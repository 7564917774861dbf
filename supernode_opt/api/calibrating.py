"""`validate` and `calibrate`: one's own measurements, in Python."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import xarray as xr

from supernode_opt.answer import fits
from supernode_opt.answer.judged import judged
from supernode_opt.api.result import Told
from supernode_opt.api.verbs import verb
from supernode_opt.results.telling.calibration import dataset_of


class Validated(Told):
    """How wrong predictions of measured runs, GEMMs, peaks or collectives are."""

    def __init__(
        self, kind: str, dataset: xr.Dataset, report: dict[str, Any] | None = None
    ) -> None:
        """Keep measured and predicted of every row, and the errors as plain values."""
        super().__init__(kind, dataset)
        self._report = report

    def summary(self) -> dict[str, Any]:
        """Return the errors as plain values, as `validate --json` prints them."""
        return super().summary() if self._report is None else self._report


class Calibrated(Told):
    """Constants of a platform that were fitted to its own measurements.

    Attributes:
      files: text of the catalog files by name, which `save` writes beside the answer;
        `SUPERNODE_OPT_CATALOG` may name the folder.
    """

    def __init__(self, dataset: xr.Dataset, files: dict[str, str]) -> None:
        """Keep what a fit found, and the catalog files that hold it."""
        super().__init__("calibration", dataset)
        self.files = files

    def to_pandas(self) -> pd.DataFrame:
        """Return the constants: value, standard error, what it was before."""
        return super().to_pandas().set_index("calibrated")

    def save(self, path: Path | str, figures: bool = False) -> Path:
        """Write the answer and its catalog files into a folder and return it.

        Raises:
          OSError: the machine refuses to write there.
        """
        from supernode_opt.results import store
        from supernode_opt.results.publish import publication

        with publication(Path(path)) as folder:
            store.save(self.to_xarray(), folder / "calibration.nc")
            for name, text in self.files.items():
                (folder / name).write_text(text, encoding="utf-8")
        return Path(path)


@verb
def validate(runs: Path | str | None = None, *, platform: str = "") -> Validated:
    """Predict what was measured in training, serving or tests; say how wrong that is.

    Args:
      runs: a CSV table; the shipped training runs if not given.
      platform: predict all runs as those of this platform, such as `calibrate` made.

    Raises:
      StudyError: the table cannot be used; the text is one line.
    """
    table = None if runs is None else Path(runs)
    kind, report, dataset = judged(table, platform)
    return Validated("validation" if kind == "runs" else kind, dataset, report)


@verb
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
    tables = [Path(path) for path in paths]
    answer, files = fits.fitted(tables, platform, seed, progress)
    return Calibrated(dataset_of(fits.kind(tables), answer), files)
