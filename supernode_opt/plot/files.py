"""Figures in files: one by hand, or all of a result, in raster and vector formats."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import matplotlib.pyplot as plt
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from supernode_opt.plot import style

Figures = Mapping[str, Callable[..., Axes]]
SUFFIXES = ("png", "pdf", "svg")
# Without the time of writing the same figure is the same file.
_UNDATED = {"pdf": {"CreationDate": None}, "svg": {"Date": None}, "png": {}}


def save(drawn: Figure | Axes, path: Path | str) -> Path:
    """Write a figure as PNG, PDF or SVG, by the suffix of `path`.

    Vector files hold text as text, and the same figure gives the same file.

    Raises:
      ValueError: the suffix is none of the three.
    """
    path = Path(path)
    suffix = path.suffix.lower().removeprefix(".")
    if suffix not in SUFFIXES:
        known = ", ".join(f".{one}" for one in SUFFIXES)
        raise ValueError(f"{path.name}: a figure ends in one of {known}")
    whole = drawn if isinstance(drawn, Figure) else style.figure(drawn)
    path.parent.mkdir(parents=True, exist_ok=True)
    with plt.rc_context(style.WRITING):
        whole.savefig(path, dpi=style.DPI, metadata=_UNDATED[suffix])
    return path


def draw(
    dataset: xr.Dataset,
    folder: Path | str,
    figures: Figures,
    suffixes: Sequence[str] = ("png",),
    width: float = style.FULL,
) -> list[Path]:
    """Draw `figures` of `dataset` into `folder`, each in every format.

    Args:
      dataset: what the figures read.
      folder: where the files go; made if it is missing.
      figures: functions by the name of their file.
      suffixes: formats, of "png", "pdf" and "svg".
      width: of the figures [in].
    """
    paths = []
    for name, function in figures.items():
        with style.page(width):
            figure = style.figure(function(dataset))
        try:
            for suffix in suffixes:
                paths.append(save(figure, Path(folder) / f"{name}.{suffix}"))
        finally:
            plt.close(figure)
    return paths
