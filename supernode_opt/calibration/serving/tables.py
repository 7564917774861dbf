"""Tables of serving rows: which of two forms a file has, and its rows as jobs."""

from collections.abc import Sequence
from pathlib import Path

from supernode_opt.calibration.data.runs import BadRuns, Refused, Run, read_table
from supernode_opt.calibration.serving import engines, published
from supernode_opt.calibration.serving.job import Job

_ENGINES = {"model_path", "system", "silicon_tpot_ms"}
_PUBLISHED = {"model", "chip", "phase", "tokens_per_s_per_chip"}


def read(path: Path) -> tuple[Run, ...]:
    """Read the rows of a table of either form.

    Raises:
      BadRuns: the file cannot be read, or has neither form.
    """
    table = read_table(path)
    columns = set(table.columns)
    if not (columns >= _ENGINES or columns >= _PUBLISHED):
        missing = sorted(_PUBLISHED - columns)
        raise BadRuns(f"{path}: has no column {', '.join(missing)}")
    return tuple(Run(cells, line) for line, cells in table.rows)


def name_of(row: Run) -> str:
    """Return the identifier of a row, or where it stands."""
    return row.text("id") or row.name


def jobs_of(rows: Sequence[Run]) -> tuple[tuple[Job, ...], tuple[tuple[Run, str], ...]]:
    """Return what can be predicted, and the other rows with the reason."""
    jobs, refused = [], []
    for row in rows:
        try:
            reader = engines if "model_path" in row.cells else published
            jobs.append(reader.job_of(row))
        except (Refused, BadRuns) as why:
            # A cell that is no number spoils its row, not the table.
            refused.append((row, str(why).removeprefix(f"line {row.line}: ")))
    return tuple(jobs), tuple(refused)
