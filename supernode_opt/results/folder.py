"""From a dataset to a folder of results."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import xarray as xr

from supernode_opt.config.node import StudyError
from supernode_opt.results import store, table


def write(dataset: xr.Dataset, folder: Path) -> None:
    """Put data, question and table of a result into `folder`."""
    store.save(dataset, folder / "design.nc")
    (folder / "study.yaml").write_text(dataset.attrs["study"], encoding="utf-8")
    (folder / "report.txt").write_text(table.render(dataset), encoding="utf-8")


@contextlib.contextmanager
def results_folder(target: Path) -> Iterator[Path]:
    """Give a folder to fill whose files appear at `target` when all are complete.

    Files that are in `target` already are replaced one by one if they have the same
    name and left alone otherwise.

    Raises:
      StudyError: nothing can be written there.
    """
    target = target.absolute()
    missing = [folder for folder in target.parents if not folder.exists()]
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists() and not target.is_dir():
            raise StudyError(f"{target}: must be a folder to write to, but is a file")
        made = tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent)
    except OSError as error:
        raise StudyError(f"{target}: cannot be written: {error.strerror}") from None
    hidden = Path(made)
    try:
        yield hidden
        # mkdtemp makes folders private; results are for everyone the parent is for.
        hidden.chmod(0o755)
        if not target.exists():
            hidden.rename(target)
        for path in sorted(hidden.rglob("*")) if hidden.exists() else ():
            place = target / path.relative_to(hidden)
            if path.is_dir():
                place.mkdir(exist_ok=True)
            else:
                os.replace(path, place)
    finally:
        shutil.rmtree(hidden, ignore_errors=True)
        # What was made on the way goes again, unless the result is in it.
        with contextlib.suppress(OSError):
            for folder in missing:
                folder.rmdir()
