"""From a dataset to a folder of results."""

from pathlib import Path

import xarray as xr

from supernode_opt.results import store, table


def write(dataset: xr.Dataset, folder: Path) -> None:
    """Put data, question and table of a result into `folder`."""
    store.save(dataset, folder / "design.nc")
    (folder / "study.yaml").write_text(dataset.attrs["study"], encoding="utf-8")
    (folder / "report.txt").write_text(table.render(dataset), encoding="utf-8")
