"""Rows of measured runs for tests: made up, but shaped like published ones."""

from supernode_opt.calibration.data.runs import Run

DENSE = {
    "run_id": "row",
    "source": "made up",
    "model": "small",
    "accelerator": "H100",
    "n_accel": "64",
    "layers": "32",
    "hidden": "4096",
    "heads": "32",
    "kv_heads": "8",
    "ffn": "14336",
    "vocab": "128256",
    "seq_len": "8192",
    "gbs": "512",
    "mbs": "1",
    "tp": "2",
    "pp": "1",
    "cp": "1",
    "fsdp_or_zero": "distributed optimizer",
    "recompute": "none",
    "precision": "BF16",
    "iter_time_s": "7.0",
    "usable_for": "calibration",
}


def run(**cells: str) -> Run:
    """Return `DENSE` with other cells."""
    return Run({**DENSE, **cells}, 2)


def table(path, *rows):
    """Write rows as a CSV file and return its path."""
    columns = sorted({column for row in rows for column in row.cells})
    lines = [",".join(columns)]
    lines += [",".join(row.text(column) for column in columns) for row in rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path
