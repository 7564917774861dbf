"""Where the time of one optimizer step goes: named parts climbing to the total."""

import xarray as xr
from matplotlib.axes import Axes
from matplotlib.patches import Patch

from supernode_opt.plot import style

# Parts below this share of the step are drawn as one.
SMALL_SHARE = 0.005
KINDS = {
    "compute": ("gemm", "attention", "elementwise", "head", "launch", "recompute"),
    "exposed communication": (
        "tensor_parallel",
        "context_parallel",
        "expert_parallel",
        "parameter_gather",
        "pipeline_transfer",
        "data_parallel",
    ),
    "waiting": ("stage_imbalance", "bubble", "straggler"),
    "optimizer and overhead": ("optimizer", "overhead"),
}
COLOURS = dict(zip(KINDS, ("blue", "orange", "vermilion", "green"), strict=True))


def step_waterfall(dataset: xr.Dataset, ax: Axes | None = None) -> Axes:
    """Draw the parts of the step time [s], each from where the last one ends."""
    rows = _rows(dataset)
    ax = style.axes(ax, height=0.29 * (len(rows) + 1) + 1.1)
    whole = float(dataset["step_time"])
    factor, prefix = style.scale(whole)
    start, total = 0.0, sum(seconds for _, _, seconds in rows)
    for row, (_, kind, seconds) in enumerate(rows):
        ax.barh(row, seconds / factor, left=start / factor, color=_colour(kind))
        start += seconds
        _mark(ax, (start / factor, row), seconds, whole)
        # A thin line carries the eye from the end of a bar to the start of the next.
        ax.plot([start / factor] * 2, [row, row + 1], color="0.6", lw=0.7, zorder=0)
    ax.barh(len(rows), total / factor, color=style.COLOURS["black"])
    _mark(ax, (total / factor, len(rows)), total, whole)
    names = [name for name, _, _ in rows] + ["step time"]
    ax.set_yticks(range(len(names)), names)
    ax.invert_yaxis()
    ax.set_xlim(0.0, 1.27 * total / factor)
    title = f"Step time {whole / factor:.3g} {prefix}s"
    if "mfu" in dataset:
        title += f", MFU {100.0 * float(dataset['mfu']):.1f} %"
    style.dress(ax, title, across=f"time in the step [{prefix}s]")
    kinds = list(dict.fromkeys(kind for _, kind, _ in rows))
    patches = [Patch(color=_colour(kind), label=kind) for kind in kinds]
    # The bars climb away from the lower left corner; the total fills its last row.
    ax.legend(
        handles=patches,
        fontsize=style.SMALL,
        frameon=False,
        loc="lower left",
        bbox_to_anchor=(0.0, len(rows) - 0.6),
        bbox_transform=ax.get_yaxis_transform(),
    )
    return ax


def _rows(dataset: xr.Dataset) -> list[tuple[str, str, float]]:
    """Return (label, kind, seconds) of each bar, small parts together at the end."""
    parts = dataset["step"].to_series()
    floor = SMALL_SHARE * float(dataset["step_time"])
    kept, small = parts[parts >= floor], parts[(parts > 0.0) & (parts < floor)]
    rows = [
        (style.words(str(name)), _kind(str(name)), float(seconds))
        for name, seconds in kept.items()
    ]
    if len(small):
        count = f"{len(small)} part{'s' if len(small) > 1 else ''}"
        below = f"below {100.0 * SMALL_SHARE:g} %"
        rows.append((f"other ({count} {below})", "other", float(small.sum())))
    return rows


def _kind(part: str) -> str:
    return next((kind for kind, parts in KINDS.items() if part in parts), "other")


def _colour(kind: str) -> str:
    return style.COLOURS[COLOURS.get(kind, "grey")]


def _mark(ax: Axes, at: tuple[float, float], seconds: float, whole: float) -> None:
    """Write time and share behind the end of a bar."""
    factor, prefix = style.scale(whole)
    text = f"{seconds / factor:.3g} {prefix}s ({100.0 * seconds / whole:.1f} %)"
    ax.annotate(
        text,
        at,
        xytext=(4, 0),
        textcoords="offset points",
        va="center",
        fontsize=style.SMALL,
    )
