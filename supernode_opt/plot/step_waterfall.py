"""Where the time of one optimizer step goes: named parts climbing to the total."""

import xarray as xr
from matplotlib.axes import Axes
from matplotlib.patches import Patch

from supernode_opt.plot import style
from supernode_opt.plot.measure import Measure, of_variable, words
from supernode_opt.plot.subject import subject

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
# Areas of `style`, each a colour with its hatch.
_AREAS = dict(zip(KINDS, range(len(KINDS)), strict=True))
_OTHER = 7


def step_waterfall(dataset: xr.Dataset, ax: Axes | None = None) -> Axes:
    """Draw the parts of the step time [s], each from where the last one ends."""
    rows = _rows(dataset)
    height = 0.19 * (len(rows) + 1)
    ax = style.axes(ax, height=height + 1.2, narrow=height + 1.5)
    time = of_variable(dataset, "step_time")
    start, total = 0.0, sum(seconds for _, _, seconds in rows)
    for row, (_, kind, seconds) in enumerate(rows):
        ends = time(start), time(start + seconds)
        ax.barh(row, ends[1] - ends[0], left=ends[0], height=0.72, **_look(kind))
        start += seconds
        _mark(ax, row, ends, time.said(seconds), seconds / total, float(time(total)))
        # A thin line carries the eye from the end of a bar to the start of the next.
        ax.plot([ends[1]] * 2, [row, row + 1], color="0.6", lw=0.6, zorder=0)
    whole = float(dataset["step_time"])
    ax.barh(len(rows), time(total), height=0.72, color=style.COLOURS["black"])
    _inside(ax, len(rows), time, total)
    names = [name for name, _, _ in rows] + ["step time"]
    ax.set_yticks(range(len(names)), names)
    ax.set_ylim(len(rows) + 0.5, -0.5)
    ax.set_xlim(0.0, float(time(total)))
    style.few_ticks(ax.xaxis)
    style.dress(ax, across=f"time in the step [{time.unit}]")
    told = f"Step time {time.said(whole)}"
    if "mfu" in dataset:
        told += f", MFU {of_variable(dataset, 'mfu').said(float(dataset['mfu']))}"
    style.title(ax, told, subject(dataset))
    kinds = list(dict.fromkeys(kind for _, kind, _ in rows))
    style.legend_below(ax, 4, handles=[Patch(**_look(k), label=k) for k in kinds])
    return ax


def _rows(dataset: xr.Dataset) -> list[tuple[str, str, float]]:
    """Return (label, kind, seconds) of each bar, small parts together at the end."""
    parts = dataset["step"].to_series()
    floor = SMALL_SHARE * float(dataset["step_time"])
    kept, small = parts[parts >= floor], parts[(parts > 0.0) & (parts < floor)]
    rows = [
        (words(str(name)), _kind(str(name)), float(seconds))
        for name, seconds in kept.items()
    ]
    if len(small):
        label = f"{len(small)} smaller part{'s' if len(small) > 1 else ''}"
        rows.append((label, "other", float(small.sum())))
    return rows


def _kind(part: str) -> str:
    return next((kind for kind, parts in KINDS.items() if part in parts), "other")


def _look(kind: str) -> dict:
    return style.area(_AREAS.get(kind, _OTHER))


def _mark(
    ax: Axes, row: int, ends: tuple, seconds: str, share: float, total: float
) -> None:
    """Write time and share behind the end of a bar, or before it near the edge.

    A bar that leaves room at neither end has them in it.
    """
    early = ends[0] < 0.35 * total
    before = ends[1] > (0.65 if early else 0.55) * total
    within = before and early
    back = {"boxstyle": "square,pad=0.15", "facecolor": "white", "lw": 0.0}
    ax.annotate(
        f"{seconds} ({100.0 * share:.1f} %)",
        (ends[0] if before and not within else ends[1], row),
        xytext=(-3 if before else 3, 0),
        textcoords="offset points",
        ha="right" if before else "left",
        va="center",
        fontsize=style.SMALL,
        bbox=back if within else None,
    )


def _inside(ax: Axes, row: int, time: Measure, total: float) -> None:
    """Write the whole into its bar."""
    ax.text(
        0.5 * float(time(total)),
        row,
        f"{time.said(total)} (100 %)",
        ha="center",
        va="center",
        color="white",
        fontsize=style.SMALL,
    )
