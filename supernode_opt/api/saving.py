"""Answers in folders, as the commands write them."""

from pathlib import Path

from supernode_opt.api.result import Result


def saved(result: Result, path: Path, figures: bool) -> Path:
    """Write `result` to a folder, or its dataset alone to a `.nc` file.

    Raises:
      OSError: the machine refuses to write there.
    """
    from supernode_opt.results import store
    from supernode_opt.results.publish import publication

    dataset = result.to_xarray()
    if path.suffix == ".nc":
        return store.save(dataset, path)
    stem = result.kind.partition("_")[0]
    with publication(path) as folder:
        store.save(dataset, folder / f"{stem}.nc")
        (folder / "report.txt").write_text(result.explain() + "\n", encoding="utf-8")
        if "study" in dataset.attrs:
            (folder / "study.yaml").write_text(dataset.attrs["study"], encoding="utf-8")
        if figures:
            from supernode_opt.api.figures import drawn

            drawn(result.kind, dataset, folder / "figures")
    return path
