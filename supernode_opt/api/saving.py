"""Answers in folders, as the commands write them."""

from pathlib import Path

from supernode_opt.api.result import Result


def saved(result: Result, path: Path, figures: bool) -> Path:
    """Write `result` to a folder, or its dataset alone to a `.nc` file.

    Raises:
      OSError: the machine refuses to write there.
    """
    from supernode_opt.results import store
    from supernode_opt.results.kinds import KINDS
    from supernode_opt.results.publish import publication

    dataset = result.to_xarray()
    if path.suffix == ".nc":
        return store.save(dataset, path)
    kind = KINDS.get(result.kind)
    with publication(path) as folder:
        file = f"{result.kind}.nc" if kind is None else kind.file
        store.save(dataset, folder / file)
        text = result.explain().rstrip()
        (folder / "report.txt").write_text(f"{text}\n", encoding="utf-8")
        if kind is not None and kind.document and "study" in dataset.attrs:
            question = str(dataset.attrs["study"])
            (folder / kind.document).write_text(question, encoding="utf-8")
        if figures:
            from supernode_opt import plot

            plot.draw_all(dataset, folder / "figures", kind=result.kind)
    return path
